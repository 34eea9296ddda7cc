/* SPDX-License-Identifier: MIT
 * The file is the disk. A size that is not whole sectors is rounded up: the rest reads as
 * zeroes, and a write there makes the file longer. */
#include <errno.h>

#include "frontend/block/image.h"

static bool raw_open(struct image *img, struct err *e)
{
    uint64_t size = file_size(&img->file);

    if (size > IMAGE_BYTES_MAX)
        return err_set(e, "too large");
    img->bytes = (size + 511) & ~511ull;
    return true;
}

static int raw_map(struct image *img, uint64_t at, uint64_t bytes, bool nowait, struct run *run)
{
    run->kind = RUN_DATA;
    run->in_place = true;
    run->bytes = bytes;
    run->at = at;
    return 0;
}

static int raw_zero(struct image *img, uint64_t at, uint64_t bytes, bool unmap)
{
    return file_zero(&img->file, at, bytes, unmap && img->opts.unmap);
}

static int raw_discard(struct image *img, uint64_t at, uint64_t bytes)
{
    file_discard(&img->file, at, bytes);
    return 0;
}

const struct format format_raw = {
    .name = "raw",
    .size = sizeof(struct image),
    .writable = true,
    .open = raw_open,
    .map = raw_map,
    .zero = raw_zero,
    .discard = raw_discard,
};
