/* SPDX-License-Identifier: MIT
 * Where the parts of a Linux kernel go (Documentation/arch/x86/boot.rst, memory layout). */
#ifndef FIRMWARE_LINUX_LINUX_H
#define FIRMWARE_LINUX_LINUX_H

#define SETUP_SEG 0x1000  /* real-mode code, then its heap and stack */
#define HEAP_END  0xe000  /* offset there: top of the stack */
#define CMDLINE   0x20000 /* 64 KiB at most */
#define KERNEL    0x100000

#endif
