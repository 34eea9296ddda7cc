/* SPDX-License-Identifier: MIT
 * Byte ranges scattered in memory: the data of a request, and windows into it. */
#ifndef FRONTEND_BLOCK_VEC_H
#define FRONTEND_BLOCK_VEC_H

#include <sys/uio.h>

#include "softmmu/types.h"

struct vec {
    const struct iovec *iov;
    unsigned n;
};

/* At most max pieces of [skip, skip + bytes) of v; returns how many, *len their sum. */
unsigned vec_window(const struct vec *v, uint64_t skip, uint64_t bytes, struct iovec *out,
                    unsigned max, uint64_t *len);
uint64_t vec_bytes(const struct vec *v);
void vec_fill_zero(const struct vec *v, uint64_t skip, uint64_t bytes);
void vec_from(const struct vec *v, uint64_t skip, const void *src, uint64_t bytes);
void vec_to(const struct vec *v, uint64_t skip, void *dst, uint64_t bytes);
bool vec_is_zero(const struct vec *v, uint64_t skip, uint64_t bytes);

#endif
