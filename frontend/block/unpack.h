/* SPDX-License-Identifier: MIT
 * Compressed clusters and grains. Thread-safe. */
#ifndef FRONTEND_BLOCK_UNPACK_H
#define FRONTEND_BLOCK_UNPACK_H

#include "softmmu/types.h"

enum unpack_kind { UNPACK_DEFLATE, UNPACK_ZLIB, UNPACK_ZSTD };

/* Fills all of out; what follows the compressed data is ignored. False: not such data. */
bool unpack_block(enum unpack_kind kind, const uint8_t *in, size_t n, uint8_t *out,
                  size_t out_bytes);

#endif
