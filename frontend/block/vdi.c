/* SPDX-License-Identifier: MIT
 * VirtualBox disk images, read only: header version 1.1, dynamic and fixed. Left out: images
 * that differ from a parent. A table of block numbers follows the header. */
#include <errno.h>
#include <glib.h>

#include "frontend/block/bytes.h"
#include "frontend/block/image.h"

enum {
    AT_MAGIC = 0x40,
    AT_VERSION = 0x44,
    AT_TYPE = 0x4c,
    AT_MAP = 0x154,
    AT_DATA = 0x158,
    AT_SECTOR = 0x168,
    AT_DISK_SIZE = 0x170,
    AT_BLOCK_SIZE = 0x178,
    AT_BLOCK_EXTRA = 0x17c,
    AT_BLOCKS = 0x180,
    AT_LINK = 0x1a8,
    HEADER_BYTES = 0x1c8,
    BLOCKS_MAX = 0x3fffffff / 4,
};
#define VDI_MAGIC 0xbeda107fu
#define NOT_THERE 0xfffffffeu /* this and the next: free, or all zeroes */

struct vdi {
    struct image img;
    uint32_t *map; /* as in the file */
    uint32_t blocks, block_bytes, block_extra;
    uint64_t data_at;
};

static bool vdi_probe(const uint8_t *head)
{
    return get_le32(head + AT_MAGIC) == VDI_MAGIC;
}

static bool check_header(struct vdi *d, const uint8_t *h, struct err *e)
{
    static const uint8_t none[16];
    uint32_t type = get_le32(h + AT_TYPE);
    uint64_t size = get_le64(h + AT_DISK_SIZE);

    if (!vdi_probe(h))
        return err_set(e, "not a VDI image");
    if (get_le32(h + AT_VERSION) != 0x00010001)
        return err_set(e, "unsupported VDI version %u.%u", get_le16(h + AT_VERSION + 2),
                       get_le16(h + AT_VERSION));
    if ((type != 1 && type != 2) || memcmp(h + AT_LINK, none, sizeof(none)))
        return err_set(e, "VDI images with a parent are not supported");
    d->blocks = get_le32(h + AT_BLOCKS);
    d->block_bytes = get_le32(h + AT_BLOCK_SIZE);
    d->block_extra = get_le32(h + AT_BLOCK_EXTRA);
    d->data_at = get_le32(h + AT_DATA);
    if (get_le32(h + AT_SECTOR) != 512 || d->block_bytes < 4096 || d->block_bytes % 512 ||
        d->block_bytes > 64 << 20 || d->block_extra > d->block_bytes)
        return err_set(e, "bad VDI block size");
    if (d->blocks > BLOCKS_MAX || size > (uint64_t)d->blocks * d->block_bytes)
        return err_set(e, "the VDI block map is too small for the disk's size");
    d->img.bytes = size & ~511ull;
    return true;
}

static bool vdi_open(struct image *img, struct err *e)
{
    struct vdi *d = container_of(img, struct vdi, img);
    uint8_t h[HEADER_BYTES];
    int error = file_read(&img->file, h, sizeof(h), 0);

    if (error)
        return err_set(e, "cannot read: %s", strerror(error));
    if (!check_header(d, h, e))
        return false;
    d->map = g_try_malloc0((uint64_t)d->blocks * 4 + 4);
    if (!d->map)
        return err_set(e, "no memory for the VDI block map");
    error = file_read(&img->file, d->map, (uint64_t)d->blocks * 4, get_le32(h + AT_MAP));
    return !error || err_set(e, "cannot read the VDI block map: %s", strerror(error));
}

static void vdi_close(struct image *img)
{
    g_free(container_of(img, struct vdi, img)->map);
}

static int vdi_map(struct image *img, uint64_t at, uint64_t bytes, bool nowait, struct run *run)
{
    struct vdi *d = container_of(img, struct vdi, img);
    uint64_t block = at / d->block_bytes, within = at % d->block_bytes;
    uint32_t place = le32toh(d->map[block]);

    run->bytes = d->block_bytes - within < bytes ? d->block_bytes - within : bytes;
    run->kind = place >= NOT_THERE ? RUN_ZERO : RUN_DATA;
    run->at = d->data_at + (uint64_t)place * (d->block_bytes + (uint64_t)d->block_extra) +
              d->block_extra + within;
    return 0;
}

const struct format format_vdi = {
    .name = "vdi",
    .size = sizeof(struct vdi),
    .probe = vdi_probe,
    .open = vdi_open,
    .close = vdi_close,
    .map = vdi_map,
};
