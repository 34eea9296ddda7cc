/* SPDX-License-Identifier: MIT
 * Execution phase of the 82077AA's data commands: sectors between the back end and the host, by
 * DMA or through the FIFO. */
#include "hw/block/fdc_int.h"

#include <errno.h>
#include <string.h>

static bool multi_track(const struct fdc *f)
{
    return f->cmd[0] & 0x80;
}

/* The sector after this one; false at the end of the track, or of the cylinder. */
bool fdc_advance(struct fdc *f)
{
    bool more = true;

    if (f->sector != f->eot) {
        f->sector++;
        return true;
    }
    f->sector = 1;
    if (!multi_track(f)) {
        f->cyl++;
        return false;
    }
    if (f->head) {
        f->cyl++;
        more = false;
    }
    f->head ^= 1;
    return more;
}

/* Where C, H, R lie on the disk; false after a result phase that says why not. */
bool fdc_locate(struct fdc *f, uint64_t *offset)
{
    struct fdc_drive *d = fdc_drive_at(f, f->unit);
    const struct fdc_media *m;

    if (!d || !d->blk->present || f->ccr != d->media->rate) {
        fdc_fail(f, ST1_MA, 0);
        return false;
    }
    m = d->media;
    if (f->cyl != d->cyl) {
        fdc_fail(f, ST1_ND, ST2_WC);
        return false;
    }
    if (f->cyl >= m->cyls || f->head >= m->heads || !f->sector || f->sector > m->spt) {
        fdc_fail(f, ST1_ND, 0);
        return false;
    }
    *offset = (((uint64_t)f->cyl * m->heads + f->head) * m->spt + f->sector - 1) * FDC_SECTOR;
    return true;
}

static void complete(struct fdc *f);

static void request_done(struct block_req *r, int error)
{
    struct fdc *f = r->opaque;

    f->in_flight = false;
    f->answered = true;
    f->error = error;
    if (f->pumping)
        return;
    f->pumping = true;
    while (f->answered) {
        f->answered = false;
        complete(f);
    }
    f->pumping = false;
}

static void submit(struct fdc *f, enum block_op op)
{
    uint64_t offset;

    if (!fdc_locate(f, &offset))
        return;
    f->vec = (struct block_vec){.base = f->buf, .len = FDC_SECTOR};
    f->req = (struct block_req){.op = op,
                                .offset = offset,
                                .bytes = FDC_SECTOR,
                                .vec = &f->vec,
                                .n_vec = 1,
                                .done = request_done,
                                .opaque = f};
    f->in_flight = true;
    block_submit(f->drive[f->unit].blk, &f->req);
}

/* Moves buf by DMA as far as the controller lets it; true when all of it has been. */
static bool move_dma(struct fdc *f)
{
    bool tc = false;

    if (!fdc_uses_dma(f) || !f->dma || !(f->dor & DOR_DMA))
        return false;
    f->pos += dma_move(f->dma, FDC_DMA, f->buf + f->pos, f->len - f->pos, &tc);
    f->tc |= tc;
    return f->pos == f->len || f->tc;
}

/* buf has been taken by the host. */
void fdc_read_over(struct fdc *f)
{
    if (!fdc_advance(f) && !f->tc)
        fdc_fail(f, ST1_EN, 0);
    else if (f->tc)
        fdc_finish(f, 0, 0, 0);
    else
        fdc_next_sector(f);
}

/* C, H, R, N of the next sector have come. */
static void format_sector(struct fdc *f)
{
    f->cyl = f->buf[0];
    f->head = f->buf[1] & 1;
    f->sector = f->buf[2];
    memset(f->buf, f->cmd[5], FDC_SECTOR);
    submit(f, BLOCK_WRITE);
}

/* buf holds what the host wants written; the rest of a sector that TC cut is zero. */
void fdc_filled(struct fdc *f)
{
    if (f->formatting) {
        format_sector(f);
        return;
    }
    memset(f->buf + f->pos, 0, FDC_SECTOR - f->pos);
    submit(f, BLOCK_WRITE);
}

void fdc_wait_for_host(struct fdc *f, uint16_t len)
{
    f->pos = 0;
    f->len = len;
    if (!fdc_uses_dma(f)) {
        fdc_raise(f);
    } else if (move_dma(f)) {
        if (f->writing)
            fdc_filled(f);
        else
            fdc_read_over(f);
    }
}

void fdc_dma_ready(void *opaque)
{
    struct fdc *f = opaque;

    if (f->phase != FDC_EXECUTION || f->in_flight || f->pumping || !f->len || !move_dma(f))
        return;
    if (f->writing)
        fdc_filled(f);
    else
        fdc_read_over(f);
}

void fdc_next_sector(struct fdc *f)
{
    uint64_t offset;

    if (!f->writing)
        submit(f, BLOCK_READ);
    else if (fdc_locate(f, &offset))
        fdc_wait_for_host(f, FDC_SECTOR);
}

static void complete(struct fdc *f)
{
    if (f->cancelled)
        return;
    if (f->error) {
        fdc_fail(f, f->error == EROFS ? ST1_NW : ST1_DE, f->error == EROFS ? 0 : ST2_DD);
    } else if (f->formatting) {
        f->len = 0;
        if (--f->eot)
            fdc_wait_for_host(f, 4);
        else
            fdc_finish(f, 0, 0, 0);
    } else if (f->writing) {
        fdc_read_over(f);
    } else {
        fdc_wait_for_host(f, FDC_SECTOR);
    }
}

void fdc_cancel(struct fdc *f)
{
    if (f->in_flight) {
        f->cancelled = true;
        block_drain(f->drive[f->unit].blk);
        f->cancelled = false;
    }
    f->answered = false;
}
