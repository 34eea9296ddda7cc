/* SPDX-License-Identifier: MIT */
#include "frontend/block/vec.h"

#include <string.h>

unsigned vec_window(const struct vec *v, uint64_t skip, uint64_t bytes, struct iovec *out,
                    unsigned max, uint64_t *len)
{
    unsigned n = 0;

    *len = 0;
    for (unsigned i = 0; i < v->n && bytes && n < max; i++) {
        uint64_t have = v->iov[i].iov_len;

        if (skip >= have) {
            skip -= have;
            continue;
        }
        have -= skip;
        if (have > bytes)
            have = bytes;
        out[n++] = (struct iovec){(char *)v->iov[i].iov_base + skip, have};
        *len += have;
        bytes -= have;
        skip = 0;
    }
    return n;
}

uint64_t vec_bytes(const struct vec *v)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < v->n; i++)
        sum += v->iov[i].iov_len;
    return sum;
}

void vec_fill_zero(const struct vec *v, uint64_t skip, uint64_t bytes)
{
    struct iovec part;
    uint64_t len;

    for (; bytes && vec_window(v, skip, bytes, &part, 1, &len); skip += len, bytes -= len)
        memset(part.iov_base, 0, len);
}

void vec_from(const struct vec *v, uint64_t skip, const void *src, uint64_t bytes)
{
    const char *p = src;
    struct iovec part;
    uint64_t len;

    for (; bytes && vec_window(v, skip, bytes, &part, 1, &len); skip += len, bytes -= len) {
        memcpy(part.iov_base, p, len);
        p += len;
    }
}

void vec_to(const struct vec *v, uint64_t skip, void *dst, uint64_t bytes)
{
    char *p = dst;
    struct iovec part;
    uint64_t len;

    for (; bytes && vec_window(v, skip, bytes, &part, 1, &len); skip += len, bytes -= len) {
        memcpy(p, part.iov_base, len);
        p += len;
    }
}

static bool mem_is_zero(const char *p, size_t n)
{
    return !n || (!*p && !memcmp(p, p + 1, n - 1));
}

bool vec_is_zero(const struct vec *v, uint64_t skip, uint64_t bytes)
{
    struct iovec part;
    uint64_t len;

    for (; bytes && vec_window(v, skip, bytes, &part, 1, &len); skip += len, bytes -= len)
        if (!mem_is_zero(part.iov_base, len))
            return false;
    return true;
}
