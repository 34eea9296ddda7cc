/* SPDX-License-Identifier: MIT
 * Scalar names and the layout facts that assembly and C of the firmware share. */
#ifndef FIRMWARE_LIB_TYPES_H
#define FIRMWARE_LIB_TYPES_H

#define SEG_BIOS   0xf000  /* code of the real-mode services */
#define SEG_DATA   0xe000  /* their data and stack; the 32-bit code lies below it */
#define DATA_BASE  0xe0000 /* SEG_DATA as an address */
#define BIOS_BASE  0xf0000 /* SEG_BIOS as an address */
#define STACK_TOP  0xfff0  /* offset in SEG_DATA */
#define IMAGE_BASE 0xe0000
#define IMAGE_SIZE 0x20000

#define FRAME_SIZE    48 /* struct regs */
#define FRAME_HANDLER 40 /* its member handler */

#ifndef __ASSEMBLER__
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;

#define NULL          ((void *)0)
#define PACKED        __attribute__((packed))
#define NORETURN      __attribute__((noreturn))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
enum { false, true };
typedef _Bool bool;

_Static_assert(sizeof(u32) == 4 && sizeof(u64) == 8, "scalar sizes");
#endif
#endif
