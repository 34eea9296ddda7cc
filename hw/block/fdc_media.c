/* SPDX-License-Identifier: MIT
 * Formats of floppy disks, and what is in the drives. */
#include "hw/block/fdc_int.h"

static const struct fdc_media medias[] = {
    {2880, 80, 2, 36, 3, 5}, {1440, 80, 2, 18, 0, 4}, {1680, 80, 2, 21, 0, 4},
    {1722, 82, 2, 21, 0, 4}, {1200, 80, 2, 15, 0, 2}, {720, 80, 2, 9, 2, 3},
    {360, 40, 2, 9, 2, 1},   {320, 40, 2, 8, 2, 1},   {180, 40, 1, 9, 2, 1},
    {160, 40, 1, 8, 2, 1},
};

/* The format of that size; otherwise 1.44M, of which what is missing cannot be read. */
const struct fdc_media *fdc_media_of(const struct block *blk)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(medias) && blk->present; i++)
        if (blk->bytes == (uint64_t)medias[i].kib * 1024)
            return &medias[i];
    return &medias[1];
}

uint8_t fdc_drive_type(const struct block *blk)
{
    return blk ? fdc_media_of(blk)->drive : 0;
}

static void media_changed(void *opaque)
{
    struct fdc_drive *d = opaque;

    d->media = fdc_media_of(d->blk);
    d->changed = true;
}

void fdc_attach(struct fdc *f, unsigned unit, struct block *blk)
{
    struct fdc_drive *d = &f->drive[unit];

    d->blk = blk;
    d->media = fdc_media_of(blk);
    blk->opaque = d;
    blk->changed = media_changed;
}
