/* SPDX-License-Identifier: MIT
 * 82371SB (PIIX3, 290550-002) data sheet, 2.7 and 2.2: IDE function, legacy mode; ATA/ATAPI-6
 * (T13/1410D), 7 and 9: registers, reset and device selection. Left out: IDETIM has no
 * effect (timing, and the ports are decoded whatever its enable bits say).
 *
 * Every write to a command block register reaches both drives of a channel. The selected one
 * answers reads; a missing drive 1 is answered for by drive 0, with status 0; a channel whose
 * selected drive is nobody's floats, with bit 7 pulled down. */
#include "hw/block/ide.h"

#include <string.h>

#include "hw/block/ide_int.h"

#define FLOATING 0x7f

static struct ide_drive *selected(struct ide_channel *ch)
{
    return &ch->drive[ch->select];
}

void ide_update(struct ide_channel *ch)
{
    const struct ide_drive *d = selected(ch);
    bool level = d->blk && d->intrq && !(ch->control & CTL_NIEN);

    if (level && !ch->level)
        ch->bm.status |= BM_INTR;
    ch->level = level;
    irq_set(&ch->irq, level);
}

void ide_raise(struct ide_drive *d)
{
    d->intrq = true;
    ide_update(d->ch);
}

/* ---- reset ---- */

void ide_signature(struct ide_drive *d)
{
    d->count[0] = d->lba_low[0] = 1;
    d->lba_mid[0] = d->atapi ? 0x14 : 0x00;
    d->lba_high[0] = d->atapi ? 0xeb : 0x00;
    d->count[1] = d->lba_low[1] = d->lba_mid[1] = d->lba_high[1] = 0;
    d->device &= DEV_UNIT;
}

void ide_drive_cancel(struct ide_drive *d)
{
    if (d->in_flight) {
        d->cancelled = true;
        block_drain(d->blk);
        d->cancelled = false;
    }
    d->answered = false;
    d->dir = IDE_NONE;
    d->data = IDE_DATA_REPLY;
    d->dma = d->packet = d->fua = d->raw = false;
    d->pos = d->avail = d->drq_end = d->drq_size = 0;
    d->at = d->left = d->first = d->length = 0;
}

void ide_drive_defaults(struct ide_drive *d)
{
    uint64_t cyls = d->blk ? d->blk->bytes / BLOCK_SECTOR / (16 * 63) : 0;

    d->cyls = cyls > 16383 ? 16383 : cyls ? cyls : 1;
    d->cur_heads = 16;
    d->cur_spt = 63;
    d->multiple = 16;
    d->xfer_mode = 0x22; /* as the firmware leaves it */
    d->write_cache = d->look_ahead = d->smart = true;
    d->standby = false;
}

/* Power-on, SRST and EXECUTE DEVICE DIAGNOSTIC: 9.1, 9.2 and 9.10. */
static void drive_reset(struct ide_drive *d)
{
    ide_drive_cancel(d);
    d->intrq = false;
    d->device = d->unit ? DEV_UNIT : 0;
    d->feature[0] = d->feature[1] = 0;
    ide_signature(d);
    d->command = 0;
    d->error = 0x01; /* passed */
    d->status = d->atapi ? 0 : ST_DRDY | ST_DSC;
    if (d->atapi)
        atapi_reset(d);
}

static void channel_reset(struct ide_channel *ch)
{
    drive_reset(&ch->drive[0]);
    drive_reset(&ch->drive[1]);
    ch->select = 0;
}

/* ---- registers ---- */

static uint8_t read_shared(struct ide_drive *d, unsigned reg, bool hob)
{
    switch (reg) {
    case 1: return hob ? d->feature[1] : d->error;
    case 2: return d->count[hob];
    case 3: return d->lba_low[hob];
    case 4: return d->lba_mid[hob];
    case 5: return d->lba_high[hob];
    case 6: return d->device | 0xa0;
    default: return d->status;
    }
}

static uint8_t read_register(struct ide_channel *ch, unsigned reg)
{
    struct ide_drive *d = selected(ch);
    bool hob = ch->control & CTL_HOB;
    uint8_t v;

    if (!d->blk) {
        if (!ch->select || !ch->drive[0].blk)
            return FLOATING;
        if (reg == 7)
            return 0;
        v = read_shared(&ch->drive[0], reg, hob);
        return reg == 6 ? v | DEV_UNIT : v;
    }
    v = read_shared(d, reg, hob);
    if (reg == 7) {
        d->intrq = false;
        ide_update(ch);
    }
    return v;
}

static void write_task_file(struct ide_drive *d, unsigned reg, uint8_t v)
{
    uint8_t *const where[] = {d->feature, d->count, d->lba_low, d->lba_mid, d->lba_high};

    if (reg == 6) {
        d->device = v & ~0xa0;
        return;
    }
    where[reg - 1][1] = where[reg - 1][0];
    where[reg - 1][0] = v;
}

static void diagnostic(struct ide_channel *ch)
{
    channel_reset(ch);
    ide_raise(&ch->drive[0]);
}

static void command(struct ide_channel *ch, uint8_t code)
{
    struct ide_drive *d = selected(ch);

    if (code == 0x90) {
        diagnostic(ch);
        return;
    }
    if (!d->blk)
        return;
    d->intrq = false;
    ide_update(ch);
    ata_command(d, code);
}

static bool busy(const struct ide_channel *ch)
{
    return (ch->drive[0].status | ch->drive[1].status) & ST_BSY;
}

static void write_register(struct ide_channel *ch, unsigned reg, uint8_t v)
{
    ch->control &= ~CTL_HOB;
    if (busy(ch) && !(reg == 7 && v == 0x08 && selected(ch)->atapi))
        return;
    if (reg == 7) {
        command(ch, v);
        return;
    }
    write_task_file(&ch->drive[0], reg, v);
    write_task_file(&ch->drive[1], reg, v);
    if (reg == 6) {
        ch->select = v & DEV_UNIT ? 1 : 0;
        ide_update(ch);
    }
}

static void write_control(struct ide_channel *ch, uint8_t v)
{
    uint8_t was = ch->control;

    ch->control = v & (CTL_NIEN | CTL_SRST | CTL_HOB);
    if ((v & CTL_SRST) && !(was & CTL_SRST)) {
        channel_reset(ch);
        ch->drive[0].status = ch->drive[1].status = ST_BSY;
    } else if (!(v & CTL_SRST) && (was & CTL_SRST)) {
        channel_reset(ch);
    }
    ide_update(ch);
}

/* ---- ports ---- */

static uint64_t command_read(struct ide_channel *ch, uint64_t offset, unsigned size)
{
    uint64_t v = 0;
    unsigned i;

    if (!offset && selected(ch)->blk)
        return ide_data_read(selected(ch), size);
    for (i = 0; i < size; i++)
        v |= (uint64_t)(offset + i ? read_register(ch, offset + i) : 0xff) << 8 * i;
    return v;
}

static void command_write(struct ide_channel *ch, uint64_t offset, uint64_t v, unsigned size)
{
    unsigned i;

    if (!offset) {
        if (selected(ch)->blk)
            ide_data_write(selected(ch), v, size);
        return;
    }
    for (i = 0; i < size; i++)
        write_register(ch, offset + i, v >> 8 * i);
}

static uint64_t control_read(struct ide_channel *ch)
{
    struct ide_drive *d = selected(ch);

    if (d->blk)
        return d->status;
    return ch->select && ch->drive[0].blk ? 0 : FLOATING;
}

static uint64_t command0_read(void *opaque, uint64_t offset, unsigned size)
{
    return command_read(&((struct ide *)opaque)->ch[0], offset, size);
}

static uint64_t command1_read(void *opaque, uint64_t offset, unsigned size)
{
    return command_read(&((struct ide *)opaque)->ch[1], offset, size);
}

static void command0_write(void *opaque, uint64_t offset, uint64_t v, unsigned size)
{
    command_write(&((struct ide *)opaque)->ch[0], offset, v, size);
}

static void command1_write(void *opaque, uint64_t offset, uint64_t v, unsigned size)
{
    command_write(&((struct ide *)opaque)->ch[1], offset, v, size);
}

static uint64_t control0_read(void *opaque, uint64_t offset, unsigned size)
{
    return control_read(&((struct ide *)opaque)->ch[0]);
}

static uint64_t control1_read(void *opaque, uint64_t offset, unsigned size)
{
    return control_read(&((struct ide *)opaque)->ch[1]);
}

static void control0_write(void *opaque, uint64_t offset, uint64_t v, unsigned size)
{
    write_control(&((struct ide *)opaque)->ch[0], v);
}

static void control1_write(void *opaque, uint64_t offset, uint64_t v, unsigned size)
{
    write_control(&((struct ide *)opaque)->ch[1], v);
}

/* ---- class ---- */

static void drive_changed(void *opaque)
{
    struct ide_drive *d = opaque;

    if (d->atapi)
        atapi_changed(d);
}

static void drive_eject_request(void *opaque)
{
    atapi_eject_request(opaque);
}

void ide_attach(struct ide *ide, unsigned channel, unsigned unit, struct block *blk)
{
    struct ide_drive *d = &ide->ch[channel].drive[unit];

    d->blk = blk;
    d->atapi = blk->removable;
    blk->opaque = d;
    blk->changed = drive_changed;
    if (d->atapi)
        blk->eject_request = drive_eject_request;
}

static bool ide_realize(struct dev *dev, struct err *e)
{
    struct ide *ide = (struct ide *)dev;
    struct pci_fn *fn = &ide->pci;
    unsigned i;

    pci_fn_header(fn, 0x8086, 0x7010, 0, 0x010180, 0);
    pci_fn_set16(fn, 0x06, 0x0280);
    pci_fn_set16(fn, 0x2c, 0x1af4);
    pci_fn_set16(fn, 0x2e, 0x1100);
    fn->wmask[0x0d] = 0xf0;
    memset(fn->wmask + 0x40, 0xff, 5); /* IDETIM, SIDETIM */
    pci_fn_add_bar(fn, 4, PCI_BAR_IO, IDE_REGION_BM, 0);
    for (i = 0; i < 4; i++) {
        struct ide_drive *d = &ide->ch[i / 2].drive[i % 2];

        ide->ch[i / 2].ide = ide;
        d->ch = &ide->ch[i / 2];
        d->unit = i % 2;
    }
    return true;
}

static void ide_reset(struct dev *dev)
{
    struct ide *ide = (struct ide *)dev;
    unsigned i;

    pci_fn_reset(&ide->pci);
    for (i = 0; i < 4; i++) {
        struct ide_drive *d = &ide->ch[i / 2].drive[i % 2];

        ide_drive_cancel(d);
        memset(d->buf, 0, sizeof(d->buf));
        ide_drive_defaults(d);
    }
    for (i = 0; i < 2; i++) {
        ide->ch[i].control = 0;
        channel_reset(&ide->ch[i]);
        ide_bm_reset(&ide->ch[i].bm);
        ide_update(&ide->ch[i]);
    }
}

static void ide_loaded(struct dev *dev)
{
    pci_fn_loaded((struct pci_fn *)dev);
}

static void ide_unrealize(struct dev *dev)
{
    struct ide *ide = (struct ide *)dev;
    unsigned i;

    for (i = 0; i < 4; i++)
        ide_drive_cancel(&ide->ch[i / 2].drive[i % 2]);
    pci_fn_finish(&ide->pci);
}

#define S(f) STATE(struct ide, f)
#define A(f) STATE_ARRAY(struct ide, f)
#define DRIVE(d)                                                                               \
    A(d.feature), A(d.count), A(d.lba_low), A(d.lba_mid), A(d.lba_high), S(d.device),          \
        S(d.status), S(d.error), S(d.command), S(d.intrq), S(d.cyls), S(d.cur_heads),          \
        S(d.cur_spt), S(d.multiple), S(d.xfer_mode), S(d.write_cache), S(d.look_ahead),        \
        S(d.smart), S(d.standby), S(d.dir), S(d.data), S(d.dma), S(d.packet), S(d.fua),        \
        S(d.raw), S(d.pos), S(d.drq_end), S(d.avail), S(d.drq_size), S(d.at), S(d.left),       \
        S(d.first), S(d.length), S(d.sense), S(d.asc), S(d.ascq), S(d.media_event),            \
        S(d.attention), A(d.buf)
#define CHANNEL(c)                                                                             \
    S(c.bm.command), S(c.bm.status), S(c.bm.table), S(c.bm.next), S(c.bm.addr), S(c.bm.left),  \
        S(c.bm.last), S(c.select), S(c.control), S(c.level), DRIVE(c.drive[0]),                \
        DRIVE(c.drive[1])

static const struct state_field ide_state[] = {PCI_FN_STATE(struct ide, pci), CHANNEL(ch[0]),
                                               CHANNEL(ch[1]), STATE_END};

static const struct dev_region ide_regions[] = {
    {"ide0", REGION_PORT, 8, {command0_read, command0_write, 1, 4}},
    {"ide0-control", REGION_PORT, 1, {control0_read, control0_write, 1, 1}},
    {"ide1", REGION_PORT, 8, {command1_read, command1_write, 1, 4}},
    {"ide1-control", REGION_PORT, 1, {control1_read, control1_write, 1, 1}},
    {"ide-bus-master", REGION_PORT, 16, {ide_bm_read, ide_bm_write, 1, 1}},
    {0},
};

const struct dev_class ide_class = {
    .name = "piix3-ide",
    .bus = DEV_BUS_PCI,
    .size = sizeof(struct ide),
    .state = ide_state,
    .regions = ide_regions,
    .realize = ide_realize,
    .reset = ide_reset,
    .unrealize = ide_unrealize,
    .loaded = ide_loaded,
};
