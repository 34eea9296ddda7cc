/* SPDX-License-Identifier: MIT
 * A made-up Linux kernel: setup header, payload, and an ELF inside it. */
#ifndef TESTS_HW_FW_BZIMAGE_H
#define TESTS_HW_FW_BZIMAGE_H

#include "tests/hw/fw/util.h"

#define KERNEL_AT 0x1000000ull

enum { SETUP = 1024, CODE = 3000 };

struct image {
    uint8_t *data; /* g_free */
    size_t size;
};

/* The CODE bytes that end up at KERNEL_AT. */
const uint8_t *bzimage_code(void);
/* Puts a setup header of protocol 2.15 before the payload, its unpacked size behind. */
struct image bzimage_wrap(const uint8_t *payload, size_t n, uint32_t unpacked);
/* format: gzip, xz, lzma, zstd, or anything else for lz4 */
struct image bzimage_new(const char *format);

#endif
