/* SPDX-License-Identifier: MIT
 * /tmp/perf-PID.map: tells Linux perf what translated code stands for
 * (tools/perf/Documentation/jit-interface.txt of Linux). */
#ifndef FRONTEND_PERFMAP_H
#define FRONTEND_PERFMAP_H

#include "frontend/symbols.h"

struct perfmap;

/* s (NULL allowed) outlives it. */
struct perfmap *perfmap_open(const struct symbols *s, struct err *e);
void perfmap_close(struct perfmap *m); /* NULL allowed; the file stays, perf report wants it */

/* n bytes of host code at `code` were made of guest code at pc: named after its function, with
 * the offset of the block, or "guest:ADDRESS". Fits run_set_code_hook. */
void perfmap_add(void *m, const void *code, size_t n, gva pc);

#endif
