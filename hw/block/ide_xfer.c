/* SPDX-License-Identifier: MIT
 * ATA/ATAPI-6 (T13/1410D), 9: the data phases of a drive, PIO and DMA, and its requests to
 * the back end.
 *
 * PIO moves DRQ blocks between the host and buf; the medium is read and written a buffer at a
 * time. DMA goes straight to guest RAM where it can (ide_bm.c). An answer of the back end
 * ends in complete(), which may submit the next request; back ends that answer at once do not
 * recurse, pump() takes the answers one by one. */
#include <string.h>

#include "hw/block/ide_int.h"

#define RAW_SECTORS 8u    /* CD sectors to a buffer of raw ones */
#define RAW_SOURCE  16384 /* where in buf they are read to */
#define RAW_BYTES   2352u
#define CD_BYTES    2048u

static uint64_t min64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void idle(struct ide_drive *d, uint8_t status)
{
    d->dir = IDE_NONE;
    d->pos = d->avail = d->drq_end = 0;
    d->left = 0;
    d->status = status;
}

void ide_end(struct ide_drive *d)
{
    if (d->dma)
        ide_bm_ended(&d->ch->bm);
    d->dma = false;
    if (d->packet)
        d->count[0] = IR_CD | IR_IO;
    idle(d, ST_DRDY | ST_DSC);
    ide_raise(d);
}

void ide_fail(struct ide_drive *d, uint8_t error)
{
    if (d->dma)
        ide_bm_ended(&d->ch->bm);
    d->dma = false;
    if (d->packet)
        d->count[0] = IR_CD | IR_IO;
    idle(d, ST_DRDY | ST_DSC | ST_ERR);
    d->error = error;
    ide_raise(d);
}

/* The next DRQ block of what buf holds or has room for. */
static void present(struct ide_drive *d, bool interrupt)
{
    uint32_t n = min64(d->avail - d->pos, d->drq_size);

    d->drq_end = d->pos + n;
    d->status = ST_DRDY | ST_DSC | ST_DRQ;
    if (d->packet) {
        d->lba_mid[0] = n;
        d->lba_high[0] = n >> 8;
        d->count[0] = d->dir == IDE_IN ? IR_IO : 0;
        interrupt = true;
    }
    if (interrupt)
        ide_raise(d);
}

/* ---- starting a data phase ---- */

static void begin(struct ide_drive *d, enum ide_dir dir, enum ide_data data, uint32_t n)
{
    d->dir = dir;
    d->data = data;
    d->pos = 0;
    d->avail = n;
}

void ide_reply(struct ide_drive *d, uint32_t n)
{
    begin(d, IDE_IN, IDE_DATA_REPLY, n);
    d->left = 0;
    if (!n) {
        ide_end(d);
    } else if (d->dma) {
        d->status = ST_DRDY | ST_DSC | ST_DRQ;
        ide_dma_step(d);
    } else {
        present(d, true);
    }
}

void ide_take(struct ide_drive *d, enum ide_data data, uint32_t n)
{
    begin(d, IDE_OUT, data, n);
    d->left = 0;
    if (d->dma) {
        d->status = ST_DRDY | ST_DSC | ST_DRQ;
        ide_dma_step(d);
    } else {
        present(d, false);
    }
}

static void accept_more(struct ide_drive *d, bool interrupt)
{
    d->pos = 0;
    d->avail = min64(d->left, IDE_BUF / d->drq_size * d->drq_size);
    present(d, interrupt);
}

void ide_media(struct ide_drive *d, enum ide_dir dir, uint64_t at, uint64_t bytes)
{
    begin(d, dir, IDE_DATA_MEDIA, 0);
    d->at = d->first = at;
    d->left = d->length = bytes;
    if (d->dma) {
        d->status = ST_DRDY | ST_DSC | ST_DRQ;
        ide_dma_step(d);
    } else if (dir == IDE_IN) {
        ide_fill(d);
    } else {
        accept_more(d, false);
    }
}

/* ---- requests ---- */

static void complete(struct ide_drive *d, int error);

static void pump(struct ide_drive *d)
{
    d->pumping = true;
    while (d->answered) {
        d->answered = false;
        complete(d, d->result);
    }
    d->pumping = false;
}

static void request_done(struct block_req *r, int error)
{
    struct ide_drive *d = r->opaque;

    d->in_flight = false;
    d->answered = true;
    d->result = error;
    if (!d->pumping)
        pump(d);
}

/* Vectors are set (READ, WRITE), or not needed. */
void ide_submit(struct ide_drive *d, enum block_op op, uint64_t bytes)
{
    d->req.op = op;
    d->req.offset = d->at;
    d->req.bytes = bytes;
    d->req.vec = d->vec;
    d->req.done = request_done;
    d->req.opaque = d;
    d->in_flight = true;
    d->status = ST_BSY | ST_DRDY;
    block_submit(d->blk, &d->req);
}

void ide_submit_buf(struct ide_drive *d, enum block_op op, uint32_t pos, uint64_t bytes)
{
    d->vec[0] = (struct block_vec){.base = d->buf + pos, .len = bytes};
    d->req.n_vec = 1;
    ide_submit(d, op, bytes);
}

void ide_fill(struct ide_drive *d)
{
    d->pos = d->avail = 0;
    if (d->raw)
        ide_submit_buf(d, BLOCK_READ, RAW_SOURCE, min64(d->left, RAW_SECTORS * CD_BYTES));
    else
        ide_submit_buf(d, BLOCK_READ, 0, min64(d->left, IDE_BUF));
}

static uint8_t bcd(unsigned v)
{
    return v / 10 << 4 | v % 10;
}

/* Mode 1 sectors around the 2048 bytes of each: sync, header, no EDC and ECC. */
static uint32_t expand_raw(struct ide_drive *d, uint64_t bytes)
{
    unsigned i, n = bytes / CD_BYTES;

    for (i = 0; i < n; i++) {
        unsigned frame = d->at / CD_BYTES + i + 150;
        uint8_t *p = d->buf + i * RAW_BYTES;

        memmove(p + 16, d->buf + RAW_SOURCE + i * CD_BYTES, CD_BYTES);
        memset(p, 0xff, 12);
        p[0] = p[11] = 0;
        p[12] = bcd(frame / (60 * 75) % 100);
        p[13] = bcd(frame / 75 % 60);
        p[14] = bcd(frame % 75);
        p[15] = 1;
        memset(p + 16 + CD_BYTES, 0, RAW_BYTES - 16 - CD_BYTES);
    }
    return n * RAW_BYTES;
}

static void read_done(struct ide_drive *d)
{
    uint64_t n = d->req.bytes;
    bool direct = d->vec[0].base != d->buf && d->vec[0].base != d->buf + RAW_SOURCE;

    if (direct)
        ide_dma_commit(d);
    else
        d->avail = d->raw ? expand_raw(d, n) : n;
    d->at += n;
    d->left -= n;
    d->status = ST_DRDY | ST_DSC | ST_DRQ;
    if (d->dma)
        ide_dma_step(d);
    else
        present(d, true);
}

static void write_done(struct ide_drive *d)
{
    d->at += d->req.bytes;
    d->left -= d->req.bytes;
    d->pos = d->avail = 0;
    if (!d->left && (d->fua || !d->write_cache)) {
        ide_submit(d, BLOCK_FLUSH, 0);
    } else if (!d->left) {
        ata_finish(d);
        ide_end(d);
    } else if (d->dma) {
        d->status = ST_DRDY | ST_DSC | ST_DRQ;
        ide_dma_step(d);
    } else {
        accept_more(d, true);
    }
}

static void complete(struct ide_drive *d, int error)
{
    if (d->cancelled)
        return;
    if (error) {
        if (d->packet)
            atapi_media_error(d, error);
        else
            ata_media_error(d, error);
        return;
    }
    switch (d->req.op) {
    case BLOCK_READ: read_done(d); break;
    case BLOCK_WRITE: write_done(d); break;
    case BLOCK_DISCARD: ata_trim_next(d); break;
    default:
        if (d->dir == IDE_OUT)
            ata_finish(d);
        ide_end(d);
        break;
    }
}

/* ---- the data register ---- */

void ide_taken(struct ide_drive *d)
{
    switch (d->data) {
    case IDE_DATA_PACKET: atapi_packet(d); break;
    case IDE_DATA_PARAM:
        if (d->packet)
            ide_end(d); /* mode pages have nothing to change */
        else
            ata_param(d);
        break;
    default: ide_submit_buf(d, BLOCK_WRITE, 0, d->avail); break;
    }
}

/* A DRQ block has been moved. */
static void block_over(struct ide_drive *d)
{
    if (d->pos < d->avail) {
        present(d, true);
    } else if (d->dir == IDE_OUT) {
        ide_taken(d);
    } else if (d->left) {
        ide_fill(d);
    } else if (d->packet) {
        ide_end(d);
    } else {
        if (d->data == IDE_DATA_MEDIA)
            ata_finish(d);
        idle(d, ST_DRDY | ST_DSC);
    }
}

static uint32_t moved(const struct ide_drive *d, unsigned size)
{
    return min64(size < 2 ? 2 : size, d->drq_end - d->pos);
}

static bool in_pio(const struct ide_drive *d, enum ide_dir dir)
{
    return (d->status & ST_DRQ) && !(d->status & ST_BSY) && !d->dma && d->dir == dir;
}

uint32_t ide_data_read(struct ide_drive *d, unsigned size)
{
    uint32_t v = 0, n;

    if (!in_pio(d, IDE_IN))
        return 0;
    n = moved(d, size);
    memcpy(&v, d->buf + d->pos, n < size ? n : size);
    d->pos += n;
    if (d->pos == d->drq_end)
        block_over(d);
    return v;
}

void ide_data_write(struct ide_drive *d, uint32_t value, unsigned size)
{
    uint32_t n;

    if (!in_pio(d, IDE_OUT))
        return;
    n = moved(d, size);
    memcpy(d->buf + d->pos, &value, n);
    d->pos += n;
    if (d->pos == d->drq_end)
        block_over(d);
}
