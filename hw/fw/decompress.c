/* SPDX-License-Identifier: MIT
 * gzip (RFC 1952), xz, lzma-alone, zstd (RFC 8878) and the legacy LZ4 frame
 * (lz4_Frame_format.md, "Legacy frame"). bzip2 and lzo stay the guest's own business. */
#include "hw/fw/decompress.h"

#include <lz4.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "hw/fw/boot.h"

/* Each returns true when exactly out_size bytes were produced from in. */
typedef bool unpack_fn(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size);

static bool unpack_gzip(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in,
                  .avail_in = (uInt)in_size,
                  .next_out = out,
                  .avail_out = (uInt)out_size};
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return false;
    int rc = inflate(&z, Z_FINISH);
    bool full = z.avail_out == 0;
    inflateEnd(&z);
    return rc == Z_STREAM_END && full;
}

static bool run_lzma(lzma_stream *z, const uint8_t *in, size_t in_size, uint8_t *out,
                     size_t out_size)
{
    z->next_in = in;
    z->avail_in = in_size;
    z->next_out = out;
    z->avail_out = out_size;
    lzma_ret rc;
    do
        rc = lzma_code(z, LZMA_RUN);
    while (rc == LZMA_OK && z->avail_in && z->avail_out);
    /* The trailing size field is input too: an xz stream may need one more
     * call to read its index after the last output byte. */
    if (rc == LZMA_OK && !z->avail_out)
        rc = lzma_code(z, LZMA_FINISH);
    bool full = z->avail_out == 0;
    lzma_end(z);
    return full && (rc == LZMA_STREAM_END || rc == LZMA_OK);
}

static bool unpack_xz(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
    lzma_stream z = LZMA_STREAM_INIT;
    return lzma_stream_decoder(&z, UINT64_MAX, 0) == LZMA_OK &&
           run_lzma(&z, in, in_size, out, out_size);
}

static bool unpack_lzma(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
    lzma_stream z = LZMA_STREAM_INIT;
    return lzma_alone_decoder(&z, UINT64_MAX) == LZMA_OK &&
           run_lzma(&z, in, in_size, out, out_size);
}

static bool unpack_zstd(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
    size_t frame = ZSTD_findFrameCompressedSize(in, in_size);
    if (ZSTD_isError(frame))
        return false;
    return ZSTD_decompress(out, out_size, in, frame) == out_size;
}

/* Legacy frame: magic, then blocks of a 32-bit compressed size and data, each
 * unpacking to 8 MiB but the last. */
static bool unpack_lz4(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
    const size_t block = 8u << 20;
    size_t pos = 4, done = 0;
    while (done < out_size) {
        if (in_size - pos < 4)
            return false;
        size_t n = get32(in + pos);
        pos += 4;
        if (n > in_size - pos || n > INT32_MAX)
            return false;
        size_t room = out_size - done < block ? out_size - done : block;
        int got =
            LZ4_decompress_safe((const char *)in + pos, (char *)out + done, (int)n, (int)room);
        if (got <= 0)
            return false;
        pos += n;
        done += (size_t)got;
    }
    return true;
}

static const struct {
    const char *name;
    uint8_t magic[6];
    uint8_t len;
    unpack_fn *fn;
} formats[] = {
    {"gzip", {0x1f, 0x8b}, 2, unpack_gzip},
    {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, unpack_xz},
    {"lzma", {0x5d, 0, 0}, 3, unpack_lzma},
    {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, unpack_zstd},
    {"lz4", {0x02, 0x21, 0x4c, 0x18}, 4, unpack_lz4},
};

enum unpack_result unpack(const uint8_t *in, uint64_t in_size, uint64_t max, uint8_t **out,
                          uint64_t *out_size, struct err *e)
{
    if (in_size < 10 || in_size > UINT32_MAX)
        return UNPACK_UNKNOWN;
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        if (memcmp(in, formats[i].magic, formats[i].len))
            continue;
        uint64_t size = get32(in + in_size - 4);
        if (!size || size > max) {
            err_set(e, "%s payload claims to unpack to %llu bytes, more than the guest's RAM",
                    formats[i].name, (unsigned long long)size);
            return UNPACK_BAD;
        }
        uint8_t *buf = malloc(size);
        if (!buf) {
            err_set(e, "out of memory unpacking %llu bytes", (unsigned long long)size);
            return UNPACK_BAD;
        }
        if (!formats[i].fn(in, in_size, buf, size)) {
            free(buf);
            err_set(e, "%s payload is damaged", formats[i].name);
            return UNPACK_BAD;
        }
        *out = buf;
        *out_size = size;
        return UNPACK_OK;
    }
    return UNPACK_UNKNOWN;
}
