/* SPDX-License-Identifier: MIT
 * The 82077AA's commands (data sheet, "Command Set"): each ends in a result phase, an
 * interrupt, or starts a transfer. */
#include "hw/block/fdc_int.h"

#include <string.h>

#include "softmmu/log.h"

static void seek_to(struct fdc *f, unsigned unit, unsigned cyl)
{
    struct fdc_drive *d = fdc_drive_at(f, unit);

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
    d = fdc_drive_at(f, f->unit);
    if (d && (f->config[0] & CONFIG_EIS))
        seek_to(f, f->unit, f->cyl);
    if (f->cmd[5] != 2 || f->cmd[3] != (f->cmd[1] >> 2 & 1))
        fdc_fail(f, ST1_ND, 0);
    else if (writing && d && d->blk->readonly)
        fdc_fail(f, ST1_NW, 0);
    else
        fdc_next_sector(f);
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
        if (!fdc_locate(f, &offset))
            return;
        more = fdc_advance(f);
    }
    fdc_finish(f, 0, 0, 0);
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
    d = fdc_drive_at(f, f->unit);
    if (!d || !d->blk->present)
        fdc_fail(f, ST1_MA, 0);
    else if (d->blk->readonly)
        fdc_fail(f, ST1_NW, 0);
    else if (f->cmd[2] != 2 || !f->eot)
        fdc_fail(f, ST1_ND, 0);
    else
        fdc_wait_for_host(f, 4);
}

static void do_read_id(struct fdc *f)
{
    struct fdc_drive *d;

    f->unit = f->cmd[1] & 3;
    f->head = f->cmd[1] >> 2 & 1;
    f->sector = 1;
    d = fdc_drive_at(f, f->unit);
    f->cyl = d ? d->cyl : 0;
    if (!d || !d->blk->present || f->ccr != d->media->rate || f->head >= d->media->heads ||
        f->cyl >= d->media->cyls)
        fdc_fail(f, ST1_MA, 0);
    else
        fdc_finish(f, 0, 0, 0);
}

static void seek_over(struct fdc *f, uint8_t st0)
{
    fdc_to_command(f);
    f->seek_done = true;
    f->seek_st0 = st0;
    fdc_raise(f);
}

static void do_recalibrate(struct fdc *f)
{
    uint8_t unit = f->cmd[1] & 3;

    f->unit = unit;
    seek_to(f, unit, 0);
    /* without a drive there is no track 0 signal */
    seek_over(f, unit | ST0_SE | (fdc_drive_at(f, unit) ? 0 : ST0_ABNORMAL | ST0_EC));
}

static void do_seek(struct fdc *f)
{
    f->unit = f->cmd[1] & 3;
    seek_to(f, f->unit, f->cmd[2]);
    seek_over(f, ST0_SE | (f->cmd[1] & 7));
}

static void do_relative_seek(struct fdc *f)
{
    struct fdc_drive *d = fdc_drive_at(f, f->cmd[1] & 3);
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
        fdc_to_result(f, 1);
        return;
    }
    d = fdc_drive_at(f, f->unit);
    f->result[1] = d ? d->cyl : 0;
    fdc_lower(f);
    fdc_to_result(f, 2);
}

static void do_sense_drive(struct fdc *f)
{
    struct fdc_drive *d = fdc_drive_at(f, f->cmd[1] & 3);

    f->result[0] = 0x28 | (f->cmd[1] & 7);
    if (d && !d->cyl)
        f->result[0] |= ST3_T0;
    if (d && d->blk->present && d->blk->readonly)
        f->result[0] |= ST3_WP;
    fdc_to_result(f, 1);
}

static void do_specify(struct fdc *f)
{
    memcpy(f->specify, f->cmd + 1, 2);
    fdc_to_command(f);
}

static void do_configure(struct fdc *f)
{
    memcpy(f->config, f->cmd + 2, 2);
    fdc_to_command(f);
}

static void do_perpendicular(struct fdc *f)
{
    f->perpendicular =
        f->cmd[1] & 0x80 ? f->cmd[1] & 0x7f : (f->perpendicular & 0x7c) | (f->cmd[1] & 3);
    fdc_to_command(f);
}

static void do_lock(struct fdc *f)
{
    f->lock = f->cmd[0] & 0x80;
    f->result[0] = f->lock << 4;
    fdc_to_result(f, 1);
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
    fdc_to_result(f, 10);
}

static void do_version(struct fdc *f)
{
    f->result[0] = 0x90;
    fdc_to_result(f, 1);
}

static void do_invalid(struct fdc *f)
{
    LOG_GUEST("fdc: command 0x%02x is not supported", f->cmd[0]);
    f->result[0] = ST0_INVALID;
    fdc_to_result(f, 1);
}

static const struct fdc_command commands[] = {
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

const struct fdc_command *fdc_find_command(uint8_t code)
{
    const struct fdc_command *c = commands;

    while ((code & c->mask) != c->code)
        c++;
    return c;
}
