/* SPDX-License-Identifier: MIT
 * What the comparison with Capstone lets pass. */
#ifndef TESTS_CPU_INSN_CAPSTONE_H
#define TESTS_CPU_INSN_CAPSTONE_H

#include "cpu/insn.h"

#include <capstone/capstone.h>

/* Capstone's opinion; len 0 when it finds no instruction. */
struct cs_view {
    unsigned len;
    const char *mnemonic, *operands;
};

/* Capstone's mnemonic names the instruction that we decoded. */
bool insn_name_agrees(const struct insn *in, const char *mnemonic);

/* The operands are the same, as far as the two are comparable. ci has detail. */
bool insn_operands_agree(csh cs, const struct insn *in, const cs_insn *ci);

/* The difference over the 15 bytes at p is explained: a fault of Capstone 4 or
 * an extension that the table leaves out on purpose. */
bool insn_known_fault(const uint8_t *p, const struct insn *in, enum insn_status status,
                      const struct cs_view *cs);

#endif
