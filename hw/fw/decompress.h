/* SPDX-License-Identifier: MIT
 * Unpacks the compressed payload of a Linux bzImage on the host. */
#ifndef HW_FW_DECOMPRESS_H
#define HW_FW_DECOMPRESS_H

#include "softmmu/err.h"
#include "softmmu/types.h"

enum unpack_result {
    UNPACK_OK,
    UNPACK_UNKNOWN, /* a format the host cannot read: let the guest do it */
    UNPACK_BAD,     /* damaged, or larger than max: e is set */
};

/* in[0..in_size) is compressed data followed by its unpacked size as 32-bit
 * little-endian (Linux appends it to every format; gzip ends with it anyway).
 * On UNPACK_OK *out is malloc'ed, the caller's to free, and holds *out_size bytes. */
enum unpack_result unpack(const uint8_t *in, uint64_t in_size, uint64_t max, uint8_t **out,
                          uint64_t *out_size, struct err *e);

#endif
