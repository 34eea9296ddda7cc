/* SPDX-License-Identifier: MIT */
#include "frontend/block/unpack.h"

#include <zlib.h>
#include <zstd.h>

static bool unpack_zlib(int window, const uint8_t *in, size_t n, uint8_t *out, size_t out_bytes)
{
    z_stream z = {.next_in = (Bytef *)in, .avail_in = (uInt)n, .next_out = out};
    int r;

    if (inflateInit2(&z, window) != Z_OK)
        return false;
    z.avail_out = (uInt)out_bytes;
    r = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return z.avail_out == 0 && (r == Z_STREAM_END || r == Z_BUF_ERROR || r == Z_OK);
}

static bool unpack_zstd(const uint8_t *in, size_t n, uint8_t *out, size_t out_bytes)
{
    ZSTD_DCtx *d = ZSTD_createDCtx();
    ZSTD_inBuffer from = {in, n, 0};
    ZSTD_outBuffer to = {out, out_bytes, 0};
    size_t r = 1;

    while (d && to.pos < to.size && from.pos < from.size && r) {
        size_t in_pos = from.pos, out_pos = to.pos;

        r = ZSTD_decompressStream(d, &to, &from);
        if (ZSTD_isError(r) || (in_pos == from.pos && out_pos == to.pos))
            break;
    }
    ZSTD_freeDCtx(d);
    return to.pos == to.size;
}

bool unpack_block(enum unpack_kind kind, const uint8_t *in, size_t n, uint8_t *out,
                  size_t out_bytes)
{
    switch (kind) {
    case UNPACK_DEFLATE: return unpack_zlib(-15, in, n, out, out_bytes);
    case UNPACK_ZLIB: return unpack_zlib(15, in, n, out, out_bytes);
    case UNPACK_ZSTD: break;
    }
    return unpack_zstd(in, n, out, out_bytes);
}
