/* SPDX-License-Identifier: MIT
 * What a back end counts. */
#ifndef TRANSLATOR_JIT_STATS_H
#define TRANSLATOR_JIT_STATS_H

#include "softmmu/types.h"

struct jit_stats {
    uint64_t code_used, code_size;  /* bytes of host code, of room for it */
    uint64_t segv_traps, fpe_traps; /* host signals that stood for guest faults */
};

#endif
