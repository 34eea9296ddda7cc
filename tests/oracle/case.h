/* SPDX-License-Identifier: MIT
 * One test case of the oracle (initial state and code) and the state it ends in. Both
 * are flat and self-contained: they travel through shared memory and compare bytewise. */
#ifndef TESTS_ORACLE_CASE_H
#define TESTS_ORACLE_CASE_H

#include "softmmu/types.h"
#include "tests/oracle/layout.h"

enum {
    ORC_MAX_INSNS = 32,   /* with the loads that a sequence puts between its instructions */
    ORC_CODE_MAX = 448,   /* bytes with exits */
    ORC_MAX_PATCHES = 24, /* windows of initial memory */
    ORC_BLOB = 1536,      /* their bytes */
    ORC_MAX_IGNORES = 2,
    ORC_LINE = 64, /* memory differences are kept in lines */
    ORC_MAX_LINES = 56,
};

struct orc_patch {
    uint32_t addr;
    uint16_t len, off; /* off into blob */
};

struct orc_insn {
    uint16_t off, len;
    uint16_t id;    /* enum insn_id */
    uint16_t undef; /* flags whose value before this instruction is undefined */
};

struct orc_case {
    uint8_t fx[512] __attribute__((aligned(64))); /* FXSAVE64 image */
    uint8_t ymm[256];                             /* upper halves of YMM0 to 15 */
    uint64_t seed, index;
    bool sequence;
    uint64_t gpr[16];
    uint64_t rflags;
    uint64_t rip;
    uint16_t code_len;
    uint8_t code[ORC_CODE_MAX]; /* at rip; bytes from ORC_HOLE1 on do not exist */
    uint8_t nexits;
    uint16_t exit[ORC_MAX_EXITS]; /* offsets into code, ORC_EXIT_LEN bytes each */
    uint16_t exit_undef;          /* as orc_insn.undef, at the exits */
    uint8_t ninsns;
    struct orc_insn insn[ORC_MAX_INSNS];
    uint8_t npatches;
    struct orc_patch patch[ORC_MAX_PATCHES];
    uint16_t blob_len;
    uint8_t blob[ORC_BLOB];
    uint8_t nignores; /* memory that is not compared: parts of x87 images */
    struct orc_patch ignore[ORC_MAX_IGNORES];
};

enum orc_status { ORC_DONE, ORC_DIED, ORC_TIMEOUT };
#define ORC_NO_FAULT 0xff

struct orc_line {
    uint16_t index; /* line number within the writable pages A, B, C */
    uint8_t bytes[ORC_LINE];
};

struct orc_state {
    uint8_t fx[512] __attribute__((aligned(64))); /* FXSAVE64 image, bytes 416.. zero */
    uint8_t ymm[256];
    uint64_t gpr[16];
    uint64_t rflags;
    uint64_t rip; /* of the exit reached, or as the fault reports it */
    uint64_t cr2; /* page faults only, else 0 */
    uint32_t error;
    uint8_t vector; /* or ORC_NO_FAULT */
    uint8_t status; /* enum orc_status; the rest counts only when ORC_DONE */
    bool overflow;  /* more than ORC_MAX_LINES lines changed */
    uint16_t nlines;
    struct orc_line line[ORC_MAX_LINES]; /* that differ from the pattern, in order */
};

#endif
