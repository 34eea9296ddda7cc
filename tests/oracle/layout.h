/* SPDX-License-Identifier: MIT
 * Addresses of the oracle's guest, plain numbers so that assembly can use them. All lie
 * below 2 GiB, so that a 32-bit displacement reaches each of them. */
#ifndef TESTS_ORACLE_LAYOUT_H
#define TESTS_ORACLE_LAYOUT_H

/* Guest region: code code hole A B hole ro C ro hole */
#define ORC_BASE   0x10000000
#define ORC_PAGES  10
#define ORC_CODE   (ORC_BASE + 0x0000) /* two pages */
#define ORC_HOLE1  (ORC_BASE + 0x2000)
#define ORC_RW_A   (ORC_BASE + 0x3000)
#define ORC_RW_B   (ORC_BASE + 0x4000)
#define ORC_HOLE2  (ORC_BASE + 0x5000)
#define ORC_RO1    (ORC_BASE + 0x6000)
#define ORC_RW_C   (ORC_BASE + 0x7000)
#define ORC_RO2    (ORC_BASE + 0x8000)
#define ORC_MXCSRS ORC_RO2 /* begins with 16 valid MXCSR values */
#define ORC_HOLE3  (ORC_BASE + 0x9000)
#define ORC_NRW    3

/* Scratch page of the native trampoline (child process only). */
#define ORC_SCRATCH  0x0f000000
#define ORC_S_GPR    (ORC_SCRATCH + 0x000) /* 16 in */
#define ORC_S_RIP    (ORC_SCRATCH + 0x080)
#define ORC_S_FLAGS  (ORC_SCRATCH + 0x088)
#define ORC_S_HOSTSP (ORC_SCRATCH + 0x090)
#define ORC_S_MXCSR  (ORC_SCRATCH + 0x098)
#define ORC_S_EXITID (ORC_SCRATCH + 0x09c)
#define ORC_S_OUTFL  (ORC_SCRATCH + 0x0a0)
#define ORC_S_EXITS  (ORC_SCRATCH + 0x0c0) /* 4 code addresses */
#define ORC_S_OUT    (ORC_SCRATCH + 0x100) /* 16 out */
#define ORC_S_OUTFX  (ORC_SCRATCH + 0x200) /* 512 bytes */
#define ORC_S_OUTYMM (ORC_SCRATCH + 0x400) /* 256 bytes */
#define ORC_S_AVX    (ORC_SCRATCH + 0x500) /* not 0: the host has YMM registers */

#define ORC_MAX_EXITS 4
#define ORC_EXIT_LEN  8 /* bytes reserved for one exit in the code */

#endif
