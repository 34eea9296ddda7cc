/* SPDX-License-Identifier: MIT */
#include "tests/hw/fw/bzimage.h"

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

const uint8_t *bzimage_code(void)
{
    static uint8_t code[CODE];
    for (unsigned i = 0; i < CODE; i++)
        code[i] = (uint8_t)(i * 7 + i / 256);
    return code;
}

struct image bzimage_wrap(const uint8_t *payload, size_t n, uint32_t unpacked)
{
    struct image im = {g_malloc0(SETUP + 0x300 + n + 4), SETUP + 0x300 + n + 4};
    uint8_t *h = im.data;
    h[0x1f1] = 1;
    put16(h + 0x1fe, 0xaa55);
    put16(h + 0x200, 0x66eb);
    memcpy(h + 0x202, "HdrS", 4);
    put16(h + 0x206, 0x20f);
    h[0x211] = 1 | 2;
    put32(h + 0x214, 0x100000);
    put32(h + 0x22c, 0x7fffffff);
    put16(h + 0x236, 1);
    put32(h + 0x238, 2047);
    put32(h + 0x248, 0x300);
    put32(h + 0x24c, (uint32_t)n + 4);
    put64(h + 0x258, KERNEL_AT);
    put32(h + 0x260, 0x100000);
    memcpy(h + SETUP + 0x300, payload, n);
    put32(h + SETUP + 0x300 + n, unpacked);
    return im;
}

static size_t elf64(uint8_t *out)
{
    return make_elf(out, true, KERNEL_AT, bzimage_code(), CODE, 5000, KERNEL_AT + 0x40, 0);
}

struct image bzimage_new(const char *format)
{
    static uint8_t elf[4096 + CODE], packed[65536];
    size_t n = elf64(elf), len = 0;
    if (!strcmp(format, "gzip")) {
        z_stream z = {.next_in = elf,
                      .avail_in = (uInt)n,
                      .next_out = packed,
                      .avail_out = sizeof(packed)};
        g_assert_cmpint(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, 0), ==, Z_OK);
        g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
        len = z.total_out - 4; /* its own trailer is the size field */
        deflateEnd(&z);
    } else if (!strcmp(format, "xz")) {
        g_assert_cmpint(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, elf, n, packed, &len,
                                                sizeof(packed)),
                        ==, LZMA_OK);
    } else if (!strcmp(format, "lzma")) {
        lzma_options_lzma opt;
        lzma_stream z = LZMA_STREAM_INIT;
        lzma_lzma_preset(&opt, 6);
        g_assert_cmpint(lzma_alone_encoder(&z, &opt), ==, LZMA_OK);
        z.next_in = elf;
        z.avail_in = n;
        z.next_out = packed;
        z.avail_out = sizeof(packed);
        g_assert_cmpint(lzma_code(&z, LZMA_FINISH), ==, LZMA_STREAM_END);
        len = z.total_out;
        lzma_end(&z);
    } else if (!strcmp(format, "zstd")) {
        len = ZSTD_compress(packed, sizeof(packed), elf, n, 19);
    } else {
        put32(packed, 0x184c2102);
        int got =
            LZ4_compress_default((char *)elf, (char *)packed + 8, (int)n, sizeof(packed) - 8);
        put32(packed + 4, (uint32_t)got);
        len = (size_t)got + 8;
    }
    return bzimage_wrap(packed, len, (uint32_t)n);
}
