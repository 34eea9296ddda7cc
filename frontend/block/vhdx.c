/* SPDX-License-Identifier: MIT
 * Hyper-V disk images (VHDX), read only. [MS-VHDX] version 1. Left out: images with a parent,
 * and those whose log has not been replayed (they were not closed cleanly). */
#include <errno.h>
#include <glib.h>

#include "frontend/block/bytes.h"
#include "frontend/block/image.h"

enum {
    HEADER_BYTES = 4096,
    REGION_BYTES = 65536,
    AT_SEQUENCE = 8,
    AT_LOG_GUID = 48,
    AT_VERSION = 66,
    REGIONS_MAX = 2047,
    ITEMS_MAX = 2047,
    META_BYTES = 65536,
    BAT_BYTES_MAX = 256 << 20,
};
enum { BLOCK_STATE = 7, BLOCK_PRESENT = 6, BLOCK_PARTIAL = 7 };

/* GUIDs as they stand in the file. */
static const uint8_t guid_bat[16] = {0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
                                     0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08};
static const uint8_t guid_metadata[16] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
                                          0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};
static const uint8_t guid_parameters[16] = {0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d,
                                            0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b};
static const uint8_t guid_disk_size[16] = {0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48,
                                           0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8};
static const uint8_t guid_sector[16] = {0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47,
                                        0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f};

struct vhdx {
    struct image img;
    uint64_t *bat; /* as in the file */
    uint64_t entries, bat_at, meta_at;
    uint32_t bat_bytes;
    uint32_t block_bytes, ratio; /* payload blocks for each bitmap block */
};

/* CRC-32C, the four bytes at `hole` taken as zero. */
static uint32_t crc32c(const uint8_t *p, size_t n, size_t hole)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < n; i++) {
        crc ^= i >= hole && i < hole + 4 ? 0 : p[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

/* Reads a checksummed block; false: not usable. */
static bool read_block(struct vhdx *d, const char *magic, uint8_t *buf, size_t n, uint64_t at)
{
    return !file_read(&d->img.file, buf, n, at) && !memcmp(buf, magic, 4) &&
           get_le32(buf + 4) == crc32c(buf, n, 4);
}

static bool check_log(struct vhdx *d, struct err *e)
{
    static const uint8_t none[16];
    uint8_t h[2][HEADER_BYTES];
    bool ok0 = read_block(d, "head", h[0], HEADER_BYTES, 64 << 10);
    bool ok1 = read_block(d, "head", h[1], HEADER_BYTES, 128 << 10);
    const uint8_t *now = h[0];

    if (!ok0 && !ok1)
        return err_set(e, "no valid VHDX header");
    if (!ok0 || (ok1 && get_le64(h[1] + AT_SEQUENCE) > get_le64(h[0] + AT_SEQUENCE)))
        now = h[1];
    if (get_le16(now + AT_VERSION) != 1)
        return err_set(e, "unsupported VHDX version %u", get_le16(now + AT_VERSION));
    if (memcmp(now + AT_LOG_GUID, none, sizeof(none)))
        return err_set(e, "the VHDX log is not empty, the image was not closed cleanly: repair "
                          "it with qemu-img check -r all");
    return true;
}

static bool find_regions(struct vhdx *d, uint8_t *t, struct err *e)
{
    if (!read_block(d, "regi", t, REGION_BYTES, 192 << 10) &&
        !read_block(d, "regi", t, REGION_BYTES, 256 << 10))
        return err_set(e, "no valid VHDX region table");
    for (uint32_t i = 0; i < get_le32(t + 8) && i < REGIONS_MAX; i++) {
        const uint8_t *r = t + 16 + i * 32;

        if (!memcmp(r, guid_bat, 16)) {
            d->bat_at = get_le64(r + 16);
            d->bat_bytes = get_le32(r + 24);
        } else if (!memcmp(r, guid_metadata, 16)) {
            d->meta_at = get_le64(r + 16);
        } else if (get_le32(r + 28) & 1) {
            return err_set(e, "unknown VHDX region");
        }
    }
    return (d->bat_at && d->meta_at) || err_set(e, "a VHDX region is missing");
}

/* Reads n bytes of a metadata item. */
static bool item(struct vhdx *d, const uint8_t *table, const uint8_t *guid, void *out, size_t n,
                 struct err *e)
{
    for (unsigned i = 0; i < get_le16(table + 10) && i < ITEMS_MAX; i++) {
        const uint8_t *t = table + 32 + i * 32;

        if (memcmp(t, guid, 16))
            continue;
        if (get_le32(t + 16) < META_BYTES || get_le32(t + 16) > 1 << 20)
            break;
        return !file_read(&d->img.file, out, n, d->meta_at + get_le32(t + 16)) ||
               err_set(e, "cannot read");
    }
    return err_set(e, "a VHDX metadata item is missing");
}

static bool read_metadata(struct vhdx *d, const uint8_t *table, struct err *e)
{
    uint8_t parameters[8], size[8], sector[4];
    uint32_t sector_bytes;

    if (!item(d, table, guid_parameters, parameters, 8, e) ||
        !item(d, table, guid_disk_size, size, 8, e) ||
        !item(d, table, guid_sector, sector, 4, e))
        return false;
    if (get_le32(parameters + 4) & 2)
        return err_set(e, "VHDX images with a parent are not supported");
    d->block_bytes = get_le32(parameters);
    sector_bytes = get_le32(sector);
    d->img.bytes = get_le64(size) & ~511ull;
    if (d->block_bytes < 1 << 20 || d->block_bytes > 256 << 20 ||
        d->block_bytes & (d->block_bytes - 1))
        return err_set(e, "bad VHDX block size %u", d->block_bytes);
    if (sector_bytes != 512 && sector_bytes != 4096)
        return err_set(e, "bad VHDX sector size %u", sector_bytes);
    if (d->img.bytes > 64ull << 40)
        return err_set(e, "bad VHDX disk size");
    d->ratio = (uint32_t)(((uint64_t)sector_bytes << 23) / d->block_bytes);
    return true;
}

static bool read_bat(struct vhdx *d, struct err *e)
{
    uint64_t blocks = (d->img.bytes + d->block_bytes - 1) / d->block_bytes;
    uint64_t bytes;

    d->entries = blocks ? blocks + (blocks - 1) / d->ratio : 0;
    bytes = d->entries * 8;
    if (bytes > BAT_BYTES_MAX || bytes > d->bat_bytes)
        return err_set(e, "the VHDX block table is too small for the disk's size");
    d->bat = g_try_malloc0(bytes + 8);
    if (!d->bat)
        return err_set(e, "no memory for the VHDX block table");
    return !file_read(&d->img.file, d->bat, bytes, d->bat_at) ||
           err_set(e, "cannot read the VHDX block table");
}

static bool vhdx_probe(const uint8_t *head)
{
    return !memcmp(head, "vhdxfile", 8);
}

static bool vhdx_open(struct image *img, struct err *e)
{
    struct vhdx *d = container_of(img, struct vhdx, img);
    uint8_t *buf = g_malloc(REGION_BYTES);
    bool ok = false;

    if (file_read(&img->file, buf, 512, 0) || !vhdx_probe(buf))
        err_set(e, "not a VHDX image");
    else if (check_log(d, e) && find_regions(d, buf, e)) {
        if (file_read(&img->file, buf, META_BYTES, d->meta_at) || memcmp(buf, "metadata", 8))
            err_set(e, "bad VHDX metadata");
        else
            ok = read_metadata(d, buf, e) && read_bat(d, e);
    }
    g_free(buf);
    return ok;
}

static void vhdx_close(struct image *img)
{
    g_free(container_of(img, struct vhdx, img)->bat);
}

static int vhdx_map(struct image *img, uint64_t at, uint64_t bytes, bool nowait,
                    struct run *run)
{
    struct vhdx *d = container_of(img, struct vhdx, img);
    uint64_t block = at / d->block_bytes, within = at % d->block_bytes;
    uint64_t e = le64toh(d->bat[block + block / d->ratio]);

    run->bytes = d->block_bytes - within < bytes ? d->block_bytes - within : bytes;
    if ((e & BLOCK_STATE) == BLOCK_PARTIAL)
        return EIO;
    run->kind = (e & BLOCK_STATE) == BLOCK_PRESENT ? RUN_DATA : RUN_ZERO;
    run->at = (e >> 20 << 20) + within;
    return 0;
}

const struct format format_vhdx = {
    .name = "vhdx",
    .size = sizeof(struct vhdx),
    .probe = vhdx_probe,
    .open = vhdx_open,
    .close = vhdx_close,
    .map = vhdx_map,
};
