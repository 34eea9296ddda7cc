/* SPDX-License-Identifier: MIT
 * ATA/ATAPI-6 (T13/1410D), 8: commands of a disk, and the few that a packet device shares;
 * DATA SET MANAGEMENT from ACS-2, 7.10. Left out: security, host protected area, overlapped
 * and queued commands, power-up in standby; SMART has no attributes; READ VERIFY checks the
 * range only. */
#include <errno.h>
#include <string.h>

#include "hw/block/ide_int.h"
#include "softmmu/log.h"

#define MAX_MULTIPLE 16

struct command;
typedef void command_fn(struct ide_drive *d, const struct command *c);

struct command {
    uint8_t code;
    uint8_t kind; /* DISK, CD or both */
    uint16_t how; /* flags below */
    command_fn *fn;
};

enum { DISK = 1, CD = 2 };
enum { EXT = 1, DMA = 2, MULTI = 4, WRITE = 8, FUA = 16 };

/* ---- addresses ---- */

static void put_lba(struct ide_drive *d, uint64_t lba, bool ext)
{
    uint32_t per_cyl = d->cur_heads * d->cur_spt;

    if (!ext && !(d->device & DEV_LBA)) {
        if (!per_cyl)
            return;
        d->lba_low[0] = lba % d->cur_spt + 1;
        d->device = (d->device & 0xf0) | (lba / d->cur_spt % d->cur_heads & 0x0f);
        d->lba_mid[0] = lba / per_cyl;
        d->lba_high[0] = lba / per_cyl >> 8;
        return;
    }
    d->lba_low[0] = lba;
    d->lba_mid[0] = lba >> 8;
    d->lba_high[0] = lba >> 16;
    if (ext) {
        d->lba_low[1] = lba >> 24;
        d->lba_mid[1] = lba >> 32;
        d->lba_high[1] = lba >> 40;
    } else {
        d->device = (d->device & 0xf0) | (lba >> 24 & 0x0f);
    }
}

static bool chs_to_lba(const struct ide_drive *d, uint64_t *lba)
{
    unsigned cyl = d->lba_mid[0] | d->lba_high[0] << 8, head = d->device & 15;

    if (!d->lba_low[0] || d->lba_low[0] > d->cur_spt || head >= d->cur_heads)
        return false;
    *lba = ((uint64_t)cyl * d->cur_heads + head) * d->cur_spt + d->lba_low[0] - 1;
    return true;
}

static uint64_t lba_register(const struct ide_drive *d, bool ext)
{
    uint32_t low = d->lba_low[0] | d->lba_mid[0] << 8 | d->lba_high[0] << 16;

    if (!ext)
        return low | (d->device & 15u) << 24;
    return low | (uint64_t)d->lba_low[1] << 24 | (uint64_t)d->lba_mid[1] << 32 |
           (uint64_t)d->lba_high[1] << 40;
}

/* The range that the registers name, in sectors; false when it is not on the disk. */
static bool get_range(struct ide_drive *d, bool ext, uint64_t *lba, uint32_t *n)
{
    uint64_t sectors = d->blk->bytes / BLOCK_SECTOR;

    if (ext) {
        *n = d->count[0] | d->count[1] << 8;
        *n = *n ? *n : 65536;
    } else {
        *n = d->count[0] ? d->count[0] : 256;
    }
    if (!ext && !(d->device & DEV_LBA)) {
        if (!chs_to_lba(d, lba))
            return false;
    } else {
        *lba = lba_register(d, ext);
    }
    return *lba < sectors && *n <= sectors - *lba;
}

static bool is_ext(uint8_t command)
{
    return (command >= 0x24 && command <= 0x2f) || (command >= 0x34 && command <= 0x3f) ||
           command == 0x42 || command == 0xce;
}

void ata_finish(struct ide_drive *d)
{
    if (d->length)
        put_lba(d, (d->first + d->length) / BLOCK_SECTOR - 1, is_ext(d->command));
    d->count[0] = 0;
}

void ata_media_error(struct ide_drive *d, int error)
{
    put_lba(d, d->at / BLOCK_SECTOR, is_ext(d->command));
    switch (error) {
    case EINVAL: ide_fail(d, ER_IDNF); break;
    case EIO: ide_fail(d, d->req.op == BLOCK_READ ? ER_UNC : ER_ABRT); break;
    default: ide_fail(d, ER_ABRT); break;
    }
}

/* ---- data ---- */

static void do_media(struct ide_drive *d, const struct command *c)
{
    uint64_t lba;
    uint32_t n;

    if ((c->how & MULTI) && !d->multiple) {
        ide_fail(d, ER_ABRT);
        return;
    }
    if (!get_range(d, c->how & EXT, &lba, &n)) {
        ide_fail(d, ER_IDNF);
        return;
    }
    if ((c->how & WRITE) && d->blk->readonly) {
        ide_fail(d, ER_ABRT);
        return;
    }
    d->dma = c->how & DMA;
    d->fua = c->how & FUA;
    d->drq_size = c->how & MULTI ? d->multiple * BLOCK_SECTOR : BLOCK_SECTOR;
    ide_media(d, c->how & WRITE ? IDE_OUT : IDE_IN, lba * BLOCK_SECTOR,
              (uint64_t)n * BLOCK_SECTOR);
}

static void do_verify(struct ide_drive *d, const struct command *c)
{
    uint64_t lba;
    uint32_t n;

    if (!get_range(d, c->how & EXT, &lba, &n)) {
        ide_fail(d, ER_IDNF);
        return;
    }
    d->first = lba * BLOCK_SECTOR;
    d->length = (uint64_t)n * BLOCK_SECTOR;
    ata_finish(d);
    ide_end(d);
}

static void do_flush(struct ide_drive *d, const struct command *c)
{
    d->at = 0;
    d->req.n_vec = 0;
    ide_submit(d, BLOCK_FLUSH, 0);
}

static void reply_sector(struct ide_drive *d)
{
    d->drq_size = BLOCK_SECTOR;
    ide_reply(d, BLOCK_SECTOR);
}

static void do_identify(struct ide_drive *d, const struct command *c)
{
    if (d->atapi) {
        ide_signature(d);
        ide_fail(d, ER_ABRT);
        return;
    }
    ata_identify(d);
    reply_sector(d);
}

static void do_identify_packet(struct ide_drive *d, const struct command *c)
{
    atapi_identify(d);
    reply_sector(d);
}

/* ---- DATA SET MANAGEMENT ---- */

static void do_dsm(struct ide_drive *d, const struct command *c)
{
    unsigned blocks = d->count[0] | d->count[1] << 8;

    if (!(d->feature[0] & 1) || !blocks || blocks > IDE_BUF / 512 || d->blk->readonly) {
        ide_fail(d, ER_ABRT);
        return;
    }
    d->dma = true;
    ide_take(d, IDE_DATA_PARAM, blocks * 512);
}

/* Ranges of eight bytes: LBA in 48 bits, count in 16; those of no length are padding. */
void ata_trim_next(struct ide_drive *d)
{
    while (d->pos < d->avail) {
        uint64_t e, lba, n, sectors = d->blk->bytes / BLOCK_SECTOR;

        memcpy(&e, d->buf + d->pos, 8);
        d->pos += 8;
        lba = e & 0xffffffffffff;
        n = e >> 48;
        if (!n)
            continue;
        if (lba >= sectors || n > sectors - lba) {
            ide_fail(d, ER_IDNF);
            return;
        }
        d->at = lba * BLOCK_SECTOR;
        d->req.n_vec = 0;
        ide_submit(d, BLOCK_DISCARD, n * BLOCK_SECTOR);
        return;
    }
    ide_end(d);
}

void ata_param(struct ide_drive *d)
{
    d->pos = 0;
    ata_trim_next(d);
}

/* ---- SMART (8.55) ---- */

static void reply_smart(struct ide_drive *d, uint8_t first, unsigned offset)
{
    unsigned i;
    uint8_t sum = 0;

    memset(d->buf, 0, 512);
    d->buf[0] = first;
    if (offset)
        d->buf[offset] = 0x02; /* offline collection completed */
    for (i = 0; i < 511; i++)
        sum += d->buf[i];
    d->buf[511] = -sum;
    reply_sector(d);
}

static void do_smart(struct ide_drive *d, const struct command *c)
{
    if (d->lba_mid[0] != 0x4f || d->lba_high[0] != 0xc2 ||
        (!d->smart && d->feature[0] != 0xd8)) {
        ide_fail(d, ER_ABRT);
        return;
    }
    switch (d->feature[0]) {
    case 0xd0: reply_smart(d, 1, 362); break;
    case 0xd1: reply_smart(d, 1, 0); break;
    case 0xd2: /* attribute autosave */
    case 0xd4: /* execute off-line immediate */
    case 0xda: /* return status: the signature says that all is well */ ide_end(d); break;
    case 0xd8:
    case 0xd9:
        d->smart = d->feature[0] == 0xd8;
        ide_end(d);
        break;
    default: ide_fail(d, ER_ABRT); break;
    }
}

/* ---- without data ---- */

static void do_abort(struct ide_drive *d, const struct command *c)
{
    ide_fail(d, ER_ABRT);
}

static void do_nothing(struct ide_drive *d, const struct command *c)
{
    ide_end(d);
}

static void do_init_params(struct ide_drive *d, const struct command *c)
{
    if (!d->count[0]) {
        ide_fail(d, ER_ABRT);
        return;
    }
    d->cur_heads = (d->device & 15) + 1;
    d->cur_spt = d->count[0];
    ide_end(d);
}

static void do_set_multiple(struct ide_drive *d, const struct command *c)
{
    uint8_t n = d->count[0];

    if (n > MAX_MULTIPLE || (n & (n - 1))) {
        ide_fail(d, ER_ABRT);
        return;
    }
    d->multiple = n;
    ide_end(d);
}

static void do_power(struct ide_drive *d, const struct command *c)
{
    uint8_t low = c->code & 0x0f;

    if (low == 0x05 || low == 0x08) /* CHECK POWER MODE */
        d->count[0] = d->standby ? 0x00 : 0xff;
    else /* STANDBY (IMMEDIATE) and SLEEP, or IDLE (IMMEDIATE) */
        d->standby = c->code == 0xe0 || c->code == 0x94 || c->code == 0xe2 || c->code == 0x96 ||
                     c->code == 0xe6 || c->code == 0x99;
    ide_end(d);
}

static bool set_xfer_mode(struct ide_drive *d, uint8_t mode)
{
    bool ok = mode <= 1 || (mode >= 0x08 && mode <= 0x0c) || (mode >= 0x20 && mode <= 0x22) ||
              (mode >= 0x40 && mode <= 0x45);

    if (ok)
        d->xfer_mode = mode;
    return ok;
}

static void do_set_features(struct ide_drive *d, const struct command *c)
{
    bool ok = true;

    switch (d->feature[0]) {
    case 0x02: d->write_cache = true; break;
    case 0x03: ok = set_xfer_mode(d, d->count[0]); break;
    case 0x55: d->look_ahead = false; break;
    case 0x82:
        d->write_cache = false;
        if (!d->atapi) {
            do_flush(d, c);
            return;
        }
        break;
    case 0x66: /* keep, or restore, settings at a software reset; */
    case 0xcc: /* they are kept either way */
    case 0x05:
    case 0x85: /* advanced power management */
    case 0x42:
    case 0xc2: /* acoustic management */ break;
    case 0xaa: d->look_ahead = true; break;
    default: ok = false; break;
    }
    if (ok)
        ide_end(d);
    else
        ide_fail(d, ER_ABRT);
}

static void do_native_max(struct ide_drive *d, const struct command *c)
{
    uint64_t last = d->blk->bytes / BLOCK_SECTOR - 1;
    bool ext = c->how & EXT;

    if (!(d->device & DEV_LBA)) {
        ide_fail(d, ER_ABRT);
        return;
    }
    put_lba(d, !ext && last > 0x0fffffff ? 0x0fffffff : last, ext);
    ide_end(d);
}

static void do_device_reset(struct ide_drive *d, const struct command *c)
{
    ide_drive_cancel(d);
    ide_signature(d);
    d->error = 0x01;
    d->status = 0;
}

static void do_packet(struct ide_drive *d, const struct command *c)
{
    atapi_start(d);
}

/* What a packet device does with commands of disks that would look like one: 9.12. */
static void do_read_cd(struct ide_drive *d, const struct command *c)
{
    ide_signature(d);
    ide_fail(d, ER_ABRT);
}

static const struct command commands[] = {
    {0x00, DISK | CD, 0, do_abort},
    {0x06, DISK, EXT, do_dsm},
    {0x08, CD, 0, do_device_reset},
    {0x10, DISK, 0, do_nothing},
    {0x20, DISK, 0, do_media},
    {0x21, DISK, 0, do_media},
    {0x20, CD, 0, do_read_cd},
    {0x24, DISK, EXT, do_media},
    {0x25, DISK, EXT | DMA, do_media},
    {0x27, DISK, EXT, do_native_max},
    {0x29, DISK, EXT | MULTI, do_media},
    {0x30, DISK, WRITE, do_media},
    {0x31, DISK, WRITE, do_media},
    {0x34, DISK, EXT | WRITE, do_media},
    {0x35, DISK, EXT | DMA | WRITE, do_media},
    {0x39, DISK, EXT | MULTI | WRITE, do_media},
    {0x3d, DISK, EXT | DMA | WRITE | FUA, do_media},
    {0x40, DISK, 0, do_verify},
    {0x41, DISK, 0, do_verify},
    {0x42, DISK, EXT, do_verify},
    {0x70, DISK, 0, do_nothing},
    {0x91, DISK, 0, do_init_params},
    {0x94, DISK | CD, 0, do_power},
    {0x95, DISK | CD, 0, do_power},
    {0x96, DISK | CD, 0, do_power},
    {0x97, DISK | CD, 0, do_power},
    {0x98, DISK | CD, 0, do_power},
    {0x99, DISK | CD, 0, do_power},
    {0xa0, CD, 0, do_packet},
    {0xa1, CD, 0, do_identify_packet},
    {0xb0, DISK, 0, do_smart},
    {0xc4, DISK, MULTI, do_media},
    {0xc5, DISK, MULTI | WRITE, do_media},
    {0xc6, DISK, 0, do_set_multiple},
    {0xc8, DISK, DMA, do_media},
    {0xc9, DISK, DMA, do_media},
    {0xca, DISK, DMA | WRITE, do_media},
    {0xcb, DISK, DMA | WRITE, do_media},
    {0xce, DISK, EXT | MULTI | WRITE | FUA, do_media},
    {0xe0, DISK | CD, 0, do_power},
    {0xe1, DISK | CD, 0, do_power},
    {0xe2, DISK | CD, 0, do_power},
    {0xe3, DISK | CD, 0, do_power},
    {0xe5, DISK | CD, 0, do_power},
    {0xe6, DISK | CD, 0, do_power},
    {0xe7, DISK, 0, do_flush},
    {0xea, DISK, EXT, do_flush},
    {0xec, DISK | CD, 0, do_identify},
    {0xef, DISK | CD, 0, do_set_features},
    {0xf8, DISK, 0, do_native_max},
};

static const struct command *find(uint8_t code, uint8_t kind)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(commands); i++)
        if (commands[i].code == code && (commands[i].kind & kind))
            return &commands[i];
    return NULL;
}

void ata_command(struct ide_drive *d, uint8_t code)
{
    const struct command *c = find(code, d->atapi ? CD : DISK);

    d->command = code;
    d->error = 0;
    d->status = ST_DRDY | ST_DSC;
    d->dma = d->packet = d->fua = d->raw = false;
    if (!c) {
        LOG_GUEST("ide: command 0x%02x is not supported", code);
        ide_fail(d, ER_ABRT);
        return;
    }
    c->fn(d, c);
}
