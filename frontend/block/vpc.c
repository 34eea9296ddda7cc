/* SPDX-License-Identifier: MIT
 * Virtual PC disk images (VHD), read only: fixed and dynamic. "Virtual Hard Disk Image Format
 * Specification", 2006. Left out: differencing disks; the sector bitmaps (a sector that was
 * never written is zero anyway). */
#include <errno.h>
#include <glib.h>

#include "frontend/block/bytes.h"
#include "frontend/block/image.h"

enum {
    FOOTER_BYTES = 512,
    AT_DATA = 16,
    AT_CREATOR = 28,
    AT_SIZE = 48,
    AT_CHS = 56,
    AT_TYPE = 60,
    AT_SUM = 64,
    TYPE_FIXED = 2,
    TYPE_DYNAMIC = 3,
    TYPE_DIFFERENCING = 4,
    DYN_BYTES = 1024,
    DYN_AT_TABLE = 16,
    DYN_AT_ENTRIES = 28,
    DYN_AT_BLOCK = 32,
    DYN_AT_SUM = 36,
    ENTRIES_MAX = 64 << 20,
};
#define CHS_MAX_SECTORS (65535u * 16u * 255u)

struct vpc {
    struct image img;
    uint32_t *table; /* NULL: fixed; sector numbers, as in the file */
    uint32_t entries, block_bytes, bitmap_bytes;
};

static bool is_footer(const uint8_t *p)
{
    return !memcmp(p, "conectix", 8);
}

static bool sum_ok(const uint8_t *p, unsigned n, unsigned at_sum)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < n; i++)
        sum += i >= at_sum && i < at_sum + 4 ? 0 : p[i];
    return get_be32(p + at_sum) == ~sum;
}

/* Virtual PC itself, and QEMU when it imitates it, show the guest cylinders * heads * sectors;
 * the others the size in bytes. */
static uint64_t disk_bytes(const uint8_t *footer)
{
    static const char by_size[][5] = {"win ",  "qem2", "d2v ",  "tap\0",
                                      "CXS\0", "vs  ", "wa\0\0"};
    uint64_t chs =
        (uint64_t)get_be16(footer + AT_CHS) * footer[AT_CHS + 2] * footer[AT_CHS + 3];
    bool use_chs = chs != CHS_MAX_SECTORS;

    for (unsigned i = 0; i < ARRAY_SIZE(by_size); i++)
        if (!memcmp(footer + AT_CREATOR, by_size[i], 4))
            use_chs = false;
    return use_chs ? chs * 512 : get_be64(footer + AT_SIZE) & ~511ull;
}

static bool open_dynamic(struct vpc *d, uint64_t at, struct err *e)
{
    uint8_t h[DYN_BYTES];
    int error = file_read(&d->img.file, h, sizeof(h), at);

    if (error || memcmp(h, "cxsparse", 8) || !sum_ok(h, DYN_BYTES, DYN_AT_SUM))
        return err_set(e, "bad VHD header");
    d->entries = get_be32(h + DYN_AT_ENTRIES);
    d->block_bytes = get_be32(h + DYN_AT_BLOCK);
    if (d->block_bytes < 512 || d->block_bytes & (d->block_bytes - 1) ||
        d->block_bytes > 256 << 20)
        return err_set(e, "bad VHD block size %u", d->block_bytes);
    if (d->entries > ENTRIES_MAX || d->img.bytes > (uint64_t)d->entries * d->block_bytes)
        return err_set(e, "the VHD block table is too small for the disk's size");
    d->bitmap_bytes = (d->block_bytes / 512 / 8 + 511) & ~511u;
    d->table = g_try_malloc0((uint64_t)d->entries * 4 + 4);
    if (!d->table)
        return err_set(e, "no memory for the VHD block table");
    error =
        file_read(&d->img.file, d->table, (uint64_t)d->entries * 4, get_be64(h + DYN_AT_TABLE));
    return !error || err_set(e, "cannot read the VHD block table: %s", strerror(error));
}

static bool vpc_open(struct image *img, struct err *e)
{
    struct vpc *d = container_of(img, struct vpc, img);
    uint64_t size = file_size(&img->file);
    uint8_t f[FOOTER_BYTES];

    if (file_read(&img->file, f, sizeof(f), 0))
        return err_set(e, "cannot read");
    if (!is_footer(f) &&
        (size < sizeof(f) || file_read(&img->file, f, sizeof(f), size - 512) || !is_footer(f)))
        return err_set(e, "not a VHD image");
    if (!sum_ok(f, FOOTER_BYTES, AT_SUM))
        return err_set(e, "the VHD footer's checksum is wrong");
    img->bytes = disk_bytes(f);
    if (img->bytes > IMAGE_BYTES_MAX)
        return err_set(e, "bad VHD disk size");
    switch (get_be32(f + AT_TYPE)) {
    case TYPE_FIXED: return true;
    case TYPE_DYNAMIC: return open_dynamic(d, get_be64(f + AT_DATA), e);
    case TYPE_DIFFERENCING:
        return err_set(e,
                       "differencing VHD images are not supported: merge it with its parent");
    }
    return err_set(e, "unknown VHD type %u", get_be32(f + AT_TYPE));
}

static void vpc_close(struct image *img)
{
    g_free(container_of(img, struct vpc, img)->table);
}

static int vpc_map(struct image *img, uint64_t at, uint64_t bytes, bool nowait, struct run *run)
{
    struct vpc *d = container_of(img, struct vpc, img);
    uint64_t within;
    uint32_t sector;

    run->kind = RUN_DATA;
    run->bytes = bytes;
    run->at = at;
    if (!d->table)
        return 0;
    within = at % d->block_bytes;
    sector = be32toh(d->table[at / d->block_bytes]);
    if (d->block_bytes - within < bytes)
        run->bytes = d->block_bytes - within;
    if (sector == UINT32_MAX)
        run->kind = RUN_ZERO;
    run->at = (uint64_t)sector * 512 + d->bitmap_bytes + within;
    return 0;
}

static bool vpc_probe(const uint8_t *head)
{
    return is_footer(head);
}

const struct format format_vpc = {
    .name = "vpc",
    .size = sizeof(struct vpc),
    .probe = vpc_probe,
    .open = vpc_open,
    .close = vpc_close,
    .map = vpc_map,
};
