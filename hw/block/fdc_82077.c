/* SPDX-License-Identifier: MIT
 * Intel 82077AA data sheet (290166-007): floppy controller in AT mode. Left out: tape, scan
 * commands, sector sizes other than 512, deleted data marks (read as normal data), step and
 * rotation time: a command takes no longer than the back end. A drive without a disk answers
 * like one with an unformatted one. In non-DMA mode a command runs to the end of the track, as
 * nothing drives TC.
 * Here: registers, lines, phases; the rest is in fdc_cmd.c, fdc_xfer.c and fdc_media.c. */
#include "hw/block/fdc_int.h"

#include <string.h>

/* ---- lines ---- */

static void fdc_update(struct fdc *f)
{
    irq_set(&f->irq, f->interrupt && (f->dor & DOR_DMA)); /* the gate is IRQ's as well */
}

void fdc_raise(struct fdc *f)
{
    f->interrupt = true;
    fdc_update(f);
}

void fdc_lower(struct fdc *f)
{
    f->interrupt = false;
    fdc_update(f);
}

struct fdc_drive *fdc_drive_at(struct fdc *f, unsigned unit)
{
    return unit < FDC_DRIVES && f->drive[unit].blk ? &f->drive[unit] : NULL;
}

bool fdc_uses_dma(const struct fdc *f)
{
    return !(f->specify[1] & 1);
}

/* ---- phases ---- */

void fdc_to_command(struct fdc *f)
{
    f->phase = FDC_COMMAND;
    f->n_cmd = 0;
}

void fdc_to_result(struct fdc *f, unsigned n)
{
    f->phase = n ? FDC_RESULT : FDC_COMMAND;
    f->n_cmd = 0;
    f->n_result = n;
    f->at_result = 0;
}

/* Result phase of the data commands. */
void fdc_finish(struct fdc *f, uint8_t st0, uint8_t st1, uint8_t st2)
{
    f->result[0] = st0 | f->head << 2 | f->unit;
    f->result[1] = st1;
    f->result[2] = st2;
    f->result[3] = f->cyl;
    f->result[4] = f->head;
    f->result[5] = f->sector;
    f->result[6] = 2;
    f->pos = f->len = 0;
    fdc_to_result(f, 7);
    fdc_raise(f);
}

void fdc_fail(struct fdc *f, uint8_t st1, uint8_t st2)
{
    fdc_finish(f, ST0_ABNORMAL, st1, st2);
}

/* ---- registers ---- */

static uint8_t main_status(const struct fdc *f)
{
    if (!(f->dor & DOR_NRESET))
        return 0;
    switch (f->phase) {
    case FDC_RESULT: return MSR_RQM | MSR_DIO | MSR_CB;
    case FDC_EXECUTION:
        if (fdc_uses_dma(f) || f->in_flight || !f->len)
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
        fdc_lower(f);
        if (f->at_result == f->n_result)
            fdc_to_command(f);
        return v;
    }
    v = f->buf[f->pos++];
    if (f->pos == f->len) {
        f->len = 0;
        fdc_lower(f);
        fdc_read_over(f);
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
            fdc_lower(f);
            fdc_filled(f);
        }
        return;
    }
    if (!f->n_cmd)
        f->need = fdc_find_command(v)->bytes;
    f->cmd[f->n_cmd++] = v;
    if (f->n_cmd == f->need)
        fdc_find_command(f->cmd[0])->fn(f);
}

/* What the reset pin, DOR and DSR have in common; LOCK keeps CONFIGURE's settings. */
static void controller_reset(struct fdc *f)
{
    fdc_cancel(f);
    fdc_to_command(f);
    f->need = f->n_result = f->at_result = 0;
    f->pos = f->len = 0;
    f->seek_done = f->writing = f->formatting = f->tc = false;
    f->reset_sense = 0;
    if (!f->lock) {
        f->config[0] = CONFIG_EFIFO;
        f->config[1] = 0;
    }
    f->perpendicular &= 0x7c;
    fdc_lower(f);
}

static void left_reset(struct fdc *f)
{
    if (f->config[0] & CONFIG_POLL_OFF)
        return;
    f->reset_sense = 4;
    fdc_raise(f);
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
    struct fdc_drive *d = fdc_drive_at(f, unit);

    if (!(f->dor >> (4 + unit) & 1))
        return 0;
    return !d || d->changed || !d->blk->present ? 0x80 : 0;
}

static void dir_write(void *opaque, uint64_t offset, uint64_t v, unsigned size)
{
    ((struct fdc *)opaque)->ccr = v & 3;
}

/* ---- class ---- */

static bool fdc_realize(struct dev *dev, struct err *e)
{
    struct fdc *f = (struct fdc *)dev;

    if (f->dma) {
        f->dma->ch[FDC_DMA].ready = fdc_dma_ready;
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
    fdc_cancel((struct fdc *)dev);
}

static void fdc_loaded(struct dev *dev)
{
    struct fdc *f = (struct fdc *)dev;
    unsigned i;

    for (i = 0; i < FDC_DRIVES; i++)
        if (f->drive[i].blk)
            f->drive[i].media = fdc_media_of(f->drive[i].blk);
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
