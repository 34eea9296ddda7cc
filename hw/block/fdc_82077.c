/* SPDX-License-Identifier: MIT
 * Intel 82077AA data sheet (290166-007): floppy controller in AT mode. Left out: tape, scan
 * commands, sector sizes other than 512, deleted data marks (read as normal data), step and
 * rotation time: a command takes no longer than the back end. A drive without a disk answers
 * like one with an unformatted one. In non-DMA mode a command runs to the end of the track, as
 * nothing drives TC. */
#include "hw/block/fdc_82077.h"

#include <errno.h>
#include <string.h>

#include "softmmu/log.h"

#define DOR_UNIT   0x03
#define DOR_NRESET 0x04
#define DOR_DMA    0x08
#define DSR_RESET  0x80

#define MSR_RQM 0x80
#define MSR_DIO 0x40
#define MSR_NDM 0x20
#define MSR_CB  0x10

#define ST0_ABNORMAL 0x40
#define ST0_INVALID  0x80
#define ST0_POLLED   0xc0
#define ST0_SE       0x20
#define ST0_EC       0x10

#define ST1_EN 0x80
#define ST1_DE 0x20
#define ST1_ND 0x04
#define ST1_NW 0x02
#define ST1_MA 0x01
#define ST2_DD 0x20
#define ST2_WC 0x10

#define ST3_WP 0x40
#define ST3_T0 0x10

#define CONFIG_POLL_OFF 0x10
#define CONFIG_EFIFO    0x20 /* FIFO disabled */
#define CONFIG_EIS      0x40 /* implied seek */

static const struct fdc_media medias[] = {
    {2880, 80, 2, 36, 3, 5}, {1440, 80, 2, 18, 0, 4}, {1680, 80, 2, 21, 0, 4},
    {1722, 82, 2, 21, 0, 4}, {1200, 80, 2, 15, 0, 2}, {720, 80, 2, 9, 2, 3},
    {360, 40, 2, 9, 2, 1},   {320, 40, 2, 8, 2, 1},   {180, 40, 1, 9, 2, 1},
    {160, 40, 1, 8, 2, 1},
};

/* The format of that size; otherwise 1.44M, of which what is missing cannot be read. */
static const struct fdc_media *media_of(const struct block *blk)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(medias) && blk->present; i++)
        if (blk->bytes == (uint64_t)medias[i].kib * 1024)
            return &medias[i];
    return &medias[1];
}

uint8_t fdc_drive_type(const struct block *blk)
{
    return blk ? media_of(blk)->drive : 0;
}

/* ---- lines ---- */

static void fdc_update(struct fdc *f)
{
    irq_set(&f->irq, f->interrupt && (f->dor & DOR_DMA)); /* the gate is IRQ's as well */
}

static void raise(struct fdc *f)
{
    f->interrupt = true;
    fdc_update(f);
}

static void lower(struct fdc *f)
{
    f->interrupt = false;
    fdc_update(f);
}

static struct fdc_drive *drive(struct fdc *f, unsigned unit)
{
    return unit < FDC_DRIVES && f->drive[unit].blk ? &f->drive[unit] : NULL;
}

static bool uses_dma(const struct fdc *f)
{
    return !(f->specify[1] & 1);
}

/* ---- phases ---- */

static void to_command(struct fdc *f)
{
    f->phase = FDC_COMMAND;
    f->n_cmd = 0;
}

static void to_result(struct fdc *f, unsigned n)
{
    f->phase = n ? FDC_RESULT : FDC_COMMAND;
    f->n_cmd = 0;
    f->n_result = n;
    f->at_result = 0;
}

/* Result phase of the data commands. */
static void finish(struct fdc *f, uint8_t st0, uint8_t st1, uint8_t st2)
{
    f->result[0] = st0 | f->head << 2 | f->unit;
    f->result[1] = st1;
    f->result[2] = st2;
    f->result[3] = f->cyl;
    f->result[4] = f->head;
    f->result[5] = f->sector;
    f->result[6] = 2;
    f->pos = f->len = 0;
    to_result(f, 7);
    raise(f);
}

static void fail(struct fdc *f, uint8_t st1, uint8_t st2)
{
    finish(f, ST0_ABNORMAL, st1, st2);
}

/* ---- data transfer ---- */

static bool multi_track(const struct fdc *f)
{
    return f->cmd[0] & 0x80;
}

/* The sector after this one; false at the end of the track, or of the cylinder. */
static bool advance(struct fdc *f)
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
static bool locate(struct fdc *f, uint64_t *offset)
{
    struct fdc_drive *d = drive(f, f->unit);
    const struct fdc_media *m;

    if (!d || !d->blk->present || f->ccr != d->media->rate) {
        fail(f, ST1_MA, 0);
        return false;
    }
    m = d->media;
    if (f->cyl != d->cyl) {
        fail(f, ST1_ND, ST2_WC);
        return false;
    }
    if (f->cyl >= m->cyls || f->head >= m->heads || !f->sector || f->sector > m->spt) {
        fail(f, ST1_ND, 0);
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

    if (!locate(f, &offset))
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

static void next_sector(struct fdc *f);
static void format_sector(struct fdc *f);

/* Moves buf by DMA as far as the controller lets it; true when all of it has been. */
static bool move_dma(struct fdc *f)
{
    bool tc = false;

    if (!uses_dma(f) || !f->dma || !(f->dor & DOR_DMA))
        return false;
    f->pos += dma_move(f->dma, FDC_DMA, f->buf + f->pos, f->len - f->pos, &tc);
    f->tc |= tc;
    return f->pos == f->len || f->tc;
}

/* buf has been taken by the host. */
static void read_over(struct fdc *f)
{
    if (!advance(f) && !f->tc)
        fail(f, ST1_EN, 0);
    else if (f->tc)
        finish(f, 0, 0, 0);
    else
        next_sector(f);
}

/* buf holds what the host wants written; the rest of a sector that TC cut is zero. */
static void filled(struct fdc *f)
{
    if (f->formatting) {
        format_sector(f);
        return;
    }
    memset(f->buf + f->pos, 0, FDC_SECTOR - f->pos);
    submit(f, BLOCK_WRITE);
}

static void wait_for_host(struct fdc *f, uint16_t len)
{
    f->pos = 0;
    f->len = len;
    if (!uses_dma(f)) {
        raise(f);
    } else if (move_dma(f)) {
        if (f->writing)
            filled(f);
        else
            read_over(f);
    }
}

static void dma_ready(void *opaque)
{
    struct fdc *f = opaque;

    if (f->phase != FDC_EXECUTION || f->in_flight || f->pumping || !f->len || !move_dma(f))
        return;
    if (f->writing)
        filled(f);
    else
        read_over(f);
}

static void next_sector(struct fdc *f)
{
    uint64_t offset;

    if (!f->writing)
        submit(f, BLOCK_READ);
    else if (locate(f, &offset))
        wait_for_host(f, FDC_SECTOR);
}

static void complete(struct fdc *f)
{
    if (f->cancelled)
        return;
    if (f->error) {
        fail(f, f->error == EROFS ? ST1_NW : ST1_DE, f->error == EROFS ? 0 : ST2_DD);
    } else if (f->formatting) {
        f->len = 0;
        if (--f->eot)
            wait_for_host(f, 4);
        else
            finish(f, 0, 0, 0);
    } else if (f->writing) {
        read_over(f);
    } else {
        wait_for_host(f, FDC_SECTOR);
    }
}

/* ---- commands ---- */

static void seek_to(struct fdc *f, unsigned unit, unsigned cyl)
{
    struct fdc_drive *d = drive(f, unit);

    if (!d)
        return;
    if (d->blk->present)
        d->changed = false; /* a step pulse clears the latch */
    d->cyl = cyl > 84 ? 84 : cyl;
}

static void start_data(struct fdc *f, bool writing)
{
    struct fdc_drive *d;

    f->unit = f->cmd[1] & 3;
    f->cyl = f->cmd[2];
    f->head = f->cmd[3] & 1;
    f->sector = f->cmd[4];
    f->eot = f->cmd[6];
    f->writing = writing;
    f->formatting = f->tc = false;
    f->phase = FDC_EXECUTION;
    d = drive(f, f->unit);
    if (d && (f->config[0] & CONFIG_EIS))
        seek_to(f, f->unit, f->cyl);
    if (f->cmd[5] != 2 || f->cmd[3] != (f->cmd[1] >> 2 & 1))
        fail(f, ST1_ND, 0);
    else if (writing && d && d->blk->readonly)
        fail(f, ST1_NW, 0);
    else
        next_sector(f);
}

static void do_read(struct fdc *f)
{
    start_data(f, false);
}

/* READ TRACK: from the first sector, whatever R says, EOT of them. */
static void do_read_track(struct fdc *f)
{
    f->cmd[4] = 1;
    start_data(f, false);
}

static void do_write(struct fdc *f)
{
    start_data(f, true);
}

/* VERIFY: no data; ends at EOT, or with EC after SC sectors (here DTL). */
static void do_verify(struct fdc *f)
{
    uint64_t offset;
    unsigned n;
    bool more = true;

    f->unit = f->cmd[1] & 3;
    f->cyl = f->cmd[2];
    f->head = f->cmd[3] & 1;
    f->sector = f->cmd[4];
    f->eot = f->cmd[6];
    f->writing = f->formatting = false;
    n = f->cmd[1] & 0x80 ? f->cmd[8] : 256 * 2;
    while (n-- && more) {
        if (!locate(f, &offset))
            return;
        more = advance(f);
    }
    finish(f, 0, 0, 0);
}

static void do_format(struct fdc *f)
{
    struct fdc_drive *d;

    f->unit = f->cmd[1] & 3;
    f->head = f->cmd[1] >> 2 & 1;
    f->cyl = 0;
    f->sector = 1;
    f->eot = f->cmd[3]; /* sectors to go */
    f->writing = f->formatting = true;
    f->tc = false;
    f->phase = FDC_EXECUTION;
    d = drive(f, f->unit);
    if (!d || !d->blk->present)
        fail(f, ST1_MA, 0);
    else if (d->blk->readonly)
        fail(f, ST1_NW, 0);
    else if (f->cmd[2] != 2 || !f->eot)
        fail(f, ST1_ND, 0);
    else
        wait_for_host(f, 4);
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

static void do_read_id(struct fdc *f)
{
    struct fdc_drive *d;

    f->unit = f->cmd[1] & 3;
    f->head = f->cmd[1] >> 2 & 1;
    f->sector = 1;
    d = drive(f, f->unit);
    f->cyl = d ? d->cyl : 0;
    if (!d || !d->blk->present || f->ccr != d->media->rate || f->head >= d->media->heads ||
        f->cyl >= d->media->cyls)
        fail(f, ST1_MA, 0);
    else
        finish(f, 0, 0, 0);
}

static void seek_over(struct fdc *f, uint8_t st0)
{
    to_command(f);
    f->seek_done = true;
    f->seek_st0 = st0;
    raise(f);
}

static void do_recalibrate(struct fdc *f)
{
    uint8_t unit = f->cmd[1] & 3;

    f->unit = unit;
    seek_to(f, unit, 0);
    /* without a drive there is no track 0 signal */
    seek_over(f, unit | ST0_SE | (drive(f, unit) ? 0 : ST0_ABNORMAL | ST0_EC));
}

static void do_seek(struct fdc *f)
{
    f->unit = f->cmd[1] & 3;
    seek_to(f, f->unit, f->cmd[2]);
    seek_over(f, ST0_SE | (f->cmd[1] & 7));
}

static void do_relative_seek(struct fdc *f)
{
    struct fdc_drive *d = drive(f, f->cmd[1] & 3);
    int cyl = d ? d->cyl : 0, n = f->cmd[2];

    f->unit = f->cmd[1] & 3;
    cyl += f->cmd[0] & 0x40 ? n : -n;
    seek_to(f, f->unit, cyl < 0 ? 0 : cyl);
    seek_over(f, ST0_SE | (f->cmd[1] & 7));
}

/* One answer for each drive after a reset, one after a seek; otherwise the command is
 * invalid. */
static void do_sense_interrupt(struct fdc *f)
{
    struct fdc_drive *d;

    if (f->reset_sense) {
        f->result[0] = ST0_POLLED | (4 - f->reset_sense);
        f->unit = 4 - f->reset_sense--;
    } else if (f->seek_done) {
        f->result[0] = f->seek_st0;
        f->unit = f->seek_st0 & 3;
        f->seek_done = false;
    } else {
        f->result[0] = ST0_INVALID;
        to_result(f, 1);
        return;
    }
    d = drive(f, f->unit);
    f->result[1] = d ? d->cyl : 0;
    lower(f);
    to_result(f, 2);
}

static void do_sense_drive(struct fdc *f)
{
    struct fdc_drive *d = drive(f, f->cmd[1] & 3);

    f->result[0] = 0x28 | (f->cmd[1] & 7);
    if (d && !d->cyl)
        f->result[0] |= ST3_T0;
    if (d && d->blk->present && d->blk->readonly)
        f->result[0] |= ST3_WP;
    to_result(f, 1);
}

static void do_specify(struct fdc *f)
{
    memcpy(f->specify, f->cmd + 1, 2);
    to_command(f);
}

static void do_configure(struct fdc *f)
{
    memcpy(f->config, f->cmd + 2, 2);
    to_command(f);
}

static void do_perpendicular(struct fdc *f)
{
    f->perpendicular =
        f->cmd[1] & 0x80 ? f->cmd[1] & 0x7f : (f->perpendicular & 0x7c) | (f->cmd[1] & 3);
    to_command(f);
}

static void do_lock(struct fdc *f)
{
    f->lock = f->cmd[0] & 0x80;
    f->result[0] = f->lock << 4;
    to_result(f, 1);
}

static void do_dumpreg(struct fdc *f)
{
    f->result[0] = f->drive[0].cyl;
    f->result[1] = f->drive[1].cyl;
    f->result[2] = f->result[3] = 0;
    f->result[4] = f->specify[0];
    f->result[5] = f->specify[1];
    f->result[6] = f->eot;
    f->result[7] = f->lock << 7 | (f->perpendicular & 0x7f);
    f->result[8] = f->config[0];
    f->result[9] = f->config[1];
    to_result(f, 10);
}

static void do_version(struct fdc *f)
{
    f->result[0] = 0x90;
    to_result(f, 1);
}

static void do_invalid(struct fdc *f)
{
    LOG_GUEST("fdc: command 0x%02x is not supported", f->cmd[0]);
    f->result[0] = ST0_INVALID;
    to_result(f, 1);
}

static const struct fdc_command {
    uint8_t mask, code, bytes;
    void (*fn)(struct fdc *f);
} commands[] = {
    {0x1f, 0x06, 9, do_read},          {0x1f, 0x0c, 9, do_read},
    {0x3f, 0x05, 9, do_write},         {0x3f, 0x09, 9, do_write},
    {0x9f, 0x02, 9, do_read_track},    {0x1f, 0x16, 9, do_verify},
    {0xbf, 0x0a, 2, do_read_id},       {0xbf, 0x0d, 6, do_format},
    {0xff, 0x03, 3, do_specify},       {0xff, 0x04, 2, do_sense_drive},
    {0xff, 0x07, 2, do_recalibrate},   {0xff, 0x08, 1, do_sense_interrupt},
    {0xff, 0x0f, 3, do_seek},          {0xbf, 0x8f, 3, do_relative_seek},
    {0xff, 0x0e, 1, do_dumpreg},       {0xff, 0x10, 1, do_version},
    {0xff, 0x12, 2, do_perpendicular}, {0xff, 0x13, 4, do_configure},
    {0x7f, 0x14, 1, do_lock},          {0x00, 0x00, 1, do_invalid},
};

static const struct fdc_command *find(uint8_t code)
{
    const struct fdc_command *c = commands;

    while ((code & c->mask) != c->code)
        c++;
    return c;
}

/* ---- registers ---- */

static uint8_t main_status(const struct fdc *f)
{
    if (!(f->dor & DOR_NRESET))
        return 0;
    switch (f->phase) {
    case FDC_RESULT: return MSR_RQM | MSR_DIO | MSR_CB;
    case FDC_EXECUTION:
        if (uses_dma(f) || f->in_flight || !f->len)
            return MSR_CB;
        return MSR_RQM | MSR_NDM | MSR_CB | (f->writing ? 0 : MSR_DIO);
    default: return MSR_RQM | (f->n_cmd ? MSR_CB : 0);
    }
}

static uint8_t read_fifo(struct fdc *f)
{
    uint8_t v = 0xff;

    if (!(main_status(f) & MSR_DIO))
        return 0;
    if (f->phase == FDC_RESULT) {
        v = f->result[f->at_result++];
        lower(f);
        if (f->at_result == f->n_result)
            to_command(f);
        return v;
    }
    v = f->buf[f->pos++];
    if (f->pos == f->len) {
        f->len = 0;
        lower(f);
        read_over(f);
    }
    return v;
}

static void write_fifo(struct fdc *f, uint8_t v)
{
    if (!(main_status(f) & MSR_RQM) || (main_status(f) & MSR_DIO))
        return;
    if (f->phase == FDC_EXECUTION) {
        f->buf[f->pos++] = v;
        if (f->pos == f->len) {
            f->len = 0;
            lower(f);
            filled(f);
        }
        return;
    }
    if (!f->n_cmd)
        f->need = find(v)->bytes;
    f->cmd[f->n_cmd++] = v;
    if (f->n_cmd == f->need)
        find(f->cmd[0])->fn(f);
}

static void cancel(struct fdc *f)
{
    if (f->in_flight) {
        f->cancelled = true;
        block_drain(f->drive[f->unit].blk);
        f->cancelled = false;
    }
    f->answered = false;
}

/* What the reset pin, DOR and DSR have in common; LOCK keeps CONFIGURE's settings. */
static void controller_reset(struct fdc *f)
{
    cancel(f);
    to_command(f);
    f->need = f->n_result = f->at_result = 0;
    f->pos = f->len = 0;
    f->seek_done = f->writing = f->formatting = f->tc = false;
    f->reset_sense = 0;
    if (!f->lock) {
        f->config[0] = CONFIG_EFIFO;
        f->config[1] = 0;
    }
    f->perpendicular &= 0x7c;
    lower(f);
}

static void left_reset(struct fdc *f)
{
    if (f->config[0] & CONFIG_POLL_OFF)
        return;
    f->reset_sense = 4;
    raise(f);
}

static void write_dor(struct fdc *f, uint8_t v)
{
    uint8_t was = f->dor;

    if ((was & DOR_NRESET) && !(v & DOR_NRESET))
        controller_reset(f);
    f->dor = v;
    fdc_update(f);
    if (!(was & DOR_NRESET) && (v & DOR_NRESET))
        left_reset(f);
}

static void write_dsr(struct fdc *f, uint8_t v)
{
    f->dsr = v & ~DSR_RESET;
    f->ccr = v & 3;
    if ((v & DSR_RESET) && (f->dor & DOR_NRESET)) {
        controller_reset(f);
        left_reset(f);
    }
}

static uint64_t main_read(void *opaque, uint64_t offset, unsigned size)
{
    struct fdc *f = opaque;

    switch (offset) {
    case 2: return f->dor;
    case 3: return f->tdr;
    case 4: return main_status(f);
    case 5: return read_fifo(f);
    default: return 0xff; /* status A and B are of the PS/2 */
    }
}

static void main_write(void *opaque, uint64_t offset, uint64_t v, unsigned size)
{
    struct fdc *f = opaque;

    switch (offset) {
    case 2: write_dor(f, v); break;
    case 3: f->tdr = v & 3; break;
    case 4: write_dsr(f, v); break;
    case 5: write_fifo(f, v); break;
    default: break;
    }
}

/* The change line of the selected drive, while its motor runs. */
static uint64_t dir_read(void *opaque, uint64_t offset, unsigned size)
{
    struct fdc *f = opaque;
    unsigned unit = f->dor & DOR_UNIT;
    struct fdc_drive *d = drive(f, unit);

    if (!(f->dor >> (4 + unit) & 1))
        return 0;
    return !d || d->changed || !d->blk->present ? 0x80 : 0;
}

static void dir_write(void *opaque, uint64_t offset, uint64_t v, unsigned size)
{
    ((struct fdc *)opaque)->ccr = v & 3;
}

/* ---- class ---- */

static void media_changed(void *opaque)
{
    struct fdc_drive *d = opaque;

    d->media = media_of(d->blk);
    d->changed = true;
}

void fdc_attach(struct fdc *f, unsigned unit, struct block *blk)
{
    struct fdc_drive *d = &f->drive[unit];

    d->blk = blk;
    d->media = media_of(blk);
    blk->opaque = d;
    blk->changed = media_changed;
}

static bool fdc_realize(struct dev *dev, struct err *e)
{
    struct fdc *f = (struct fdc *)dev;

    if (f->dma) {
        f->dma->ch[FDC_DMA].ready = dma_ready;
        f->dma->ch[FDC_DMA].opaque = f;
    }
    return true;
}

static void fdc_reset(struct dev *dev)
{
    struct fdc *f = (struct fdc *)dev;
    unsigned i;

    f->lock = false;
    controller_reset(f);
    f->dor = f->tdr = f->ccr = f->perpendicular = 0;
    f->dsr = 2;
    f->ccr = 2;
    f->seek_st0 = f->unit = f->cyl = f->head = f->sector = f->eot = 0;
    memset(f->specify, 0, sizeof(f->specify));
    memset(f->cmd, 0, sizeof(f->cmd));
    memset(f->result, 0, sizeof(f->result));
    memset(f->buf, 0, sizeof(f->buf));
    for (i = 0; i < FDC_DRIVES; i++) {
        f->drive[i].cyl = 0;
        f->drive[i].changed = true;
    }
    fdc_update(f);
}

static void fdc_unrealize(struct dev *dev)
{
    cancel((struct fdc *)dev);
}

static void fdc_loaded(struct dev *dev)
{
    struct fdc *f = (struct fdc *)dev;
    unsigned i;

    for (i = 0; i < FDC_DRIVES; i++)
        if (f->drive[i].blk)
            f->drive[i].media = media_of(f->drive[i].blk);
}

#define S(m) STATE(struct fdc, m)
#define A(m) STATE_ARRAY(struct fdc, m)

static const struct state_field fdc_state[] = {
    S(drive[0].cyl), S(drive[0].changed),
    S(drive[1].cyl), S(drive[1].changed),
    S(dor),          S(tdr),
    S(dsr),          S(ccr),
    S(phase),        S(reset_sense),
    S(interrupt),    S(seek_done),
    S(seek_st0),     A(cmd),
    S(n_cmd),        S(need),
    A(result),       S(n_result),
    S(at_result),    A(specify),
    A(config),       S(perpendicular),
    S(lock),         S(unit),
    S(cyl),          S(head),
    S(sector),       S(eot),
    S(writing),      S(formatting),
    S(tc),           S(pos),
    S(len),          A(buf),
    STATE_END,
};

static const struct dev_region fdc_regions[] = {
    {"fdc", REGION_PORT, 6, {main_read, main_write, 1, 1}},
    {"fdc-dir", REGION_PORT, 1, {dir_read, dir_write, 1, 1}},
    {0},
};

const struct dev_class fdc_class = {
    .name = "isa-fdc",
    .bus = DEV_BUS_ISA,
    .size = sizeof(struct fdc),
    .state = fdc_state,
    .regions = fdc_regions,
    .realize = fdc_realize,
    .reset = fdc_reset,
    .unrealize = fdc_unrealize,
    .loaded = fdc_loaded,
};
