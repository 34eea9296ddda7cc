/* SPDX-License-Identifier: MIT
 * Numbers as files hold them, at any alignment. */
#ifndef FRONTEND_BLOCK_BYTES_H
#define FRONTEND_BLOCK_BYTES_H

#include <endian.h>
#include <string.h>

#include "softmmu/types.h"

#define BYTES_GET(name, type, convert)                                                         \
    static inline type name(const void *p)                                                     \
    {                                                                                          \
        type v;                                                                                \
        memcpy(&v, p, sizeof(v));                                                              \
        return convert(v);                                                                     \
    }
#define BYTES_PUT(name, type, convert)                                                         \
    static inline void name(void *p, type v)                                                   \
    {                                                                                          \
        v = convert(v);                                                                        \
        memcpy(p, &v, sizeof(v));                                                              \
    }

BYTES_GET(get_be16, uint16_t, be16toh)
BYTES_GET(get_be32, uint32_t, be32toh)
BYTES_GET(get_be64, uint64_t, be64toh)
BYTES_GET(get_le16, uint16_t, le16toh)
BYTES_GET(get_le32, uint32_t, le32toh)
BYTES_GET(get_le64, uint64_t, le64toh)
BYTES_PUT(put_be16, uint16_t, htobe16)
BYTES_PUT(put_be32, uint32_t, htobe32)
BYTES_PUT(put_be64, uint64_t, htobe64)

#undef BYTES_GET
#undef BYTES_PUT

#endif
