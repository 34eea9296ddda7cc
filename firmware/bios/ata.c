/* SPDX-License-Identifier: MIT
 * ATA disks and ATAPI CD-ROMs: polled, by bus-master DMA where the controller has it, else PIO
 * (ATA/ATAPI-6; bus master: SFF-8038i). Left out: drives without LBA, tagged queues. */
#include "firmware/bios/disk.h"
#include "firmware/lib/pci.h"

enum { R_DATA, R_ERROR, R_COUNT, R_LBA0, R_LBA1, R_LBA2, R_DEVICE, R_STATUS };
enum { ST_ERR = 0x01, ST_DRQ = 0x08, ST_DF = 0x20, ST_READY = 0x40, ST_BUSY = 0x80 };
enum {
    C_READ = 0x20,
    C_READ_EXT = 0x24,
    C_WRITE = 0x30,
    C_WRITE_EXT = 0x34,
    C_READ_DMA = 0xc8,
    C_READ_DMA_EXT = 0x25,
    C_WRITE_DMA = 0xca,
    C_WRITE_DMA_EXT = 0x35,
    C_VERIFY = 0x40,
    C_VERIFY_EXT = 0x42,
    C_PACKET = 0xa0,
    C_IDENTIFY = 0xec,
    C_IDENTIFY_PACKET = 0xa1
};
enum { BM_CMD = 0, BM_STATUS = 2, BM_PRD = 4, BM_START = 1, BM_TO_MEMORY = 8 };
enum { PROBE_US = 30000, COMMAND_US = 10000000 };

static struct {
    u32 addr;
    u16 bytes, flags;
} prd[2] __attribute__((aligned(16)));
static u16 id_data[256];

static u8 wait_idle(const struct drive *d, u32 us)
{
    struct deadline dl;
    deadline_set(&dl, us);
    for (;;) {
        u8 st = inb(d->ctrl);
        if (!(st & ST_BUSY))
            return S_OK;
        if (deadline_over(&dl))
            return S_TIMEOUT;
    }
}

static u8 wait_data(const struct drive *d, u32 us)
{
    struct deadline dl;
    deadline_set(&dl, us);
    for (;;) {
        u8 st = inb(d->ctrl);
        if (!(st & ST_BUSY)) {
            if (st & (ST_ERR | ST_DF))
                return S_CONTROLLER;
            if (st & ST_DRQ)
                return S_OK;
        }
        if (deadline_over(&dl))
            return S_TIMEOUT;
    }
}

static u8 final_status(const struct drive *d)
{
    u8 st = inb(d->io + R_STATUS);
    if (!(st & (ST_ERR | ST_DF)))
        return S_OK;
    u8 err = inb(d->io + R_ERROR);
    return err & 0x40 ? S_CRC : err & 0x10 ? S_NOT_FOUND : S_CONTROLLER;
}

static void port_in(const struct drive *d, u32 addr, u16 bytes)
{
    u32 di = addr & 15, cx = bytes / 2;
    __asm__ volatile("pushw %%es\n\tmovw %w3, %%es\n\trep insw\n\tpopw %%es"
                     : "+D"(di), "+c"(cx)
                     : "d"(d->io), "r"((u16)(addr >> 4))
                     : "memory");
}

static void port_out(const struct drive *d, u32 addr, u16 bytes)
{
    u32 si = addr & 15, cx = bytes / 2;
    __asm__ volatile("pushw %%ds\n\tmovw %w3, %%ds\n\trep outsw\n\tpopw %%ds"
                     : "+S"(si), "+c"(cx)
                     : "d"(d->io), "r"((u16)(addr >> 4))
                     : "memory");
}

/* At most 64 KiB, so at most one boundary of 64 KiB lies inside. */
static void dma_prepare(const struct drive *d, u32 addr, u32 bytes, bool to_memory)
{
    u32 first = 0x10000 - (addr & 0xffff);
    if (first > bytes)
        first = bytes;
    prd[0].addr = addr;
    prd[0].bytes = (u16)first;
    prd[0].flags = first == bytes ? 0x8000 : 0;
    prd[1].addr = addr + first;
    prd[1].bytes = (u16)(bytes - first);
    prd[1].flags = 0x8000;
    outl(d->bm + BM_PRD, DATA_BASE + (u32)prd);
    outb(d->bm + BM_CMD, to_memory ? BM_TO_MEMORY : 0);
    outb(d->bm + BM_STATUS, inb(d->bm + BM_STATUS) | 6);
}

static u8 dma_run(const struct drive *d, bool to_memory)
{
    struct deadline dl;
    u8 dir = to_memory ? BM_TO_MEMORY : 0, bm, st;
    outb(d->bm + BM_CMD, dir | BM_START);
    deadline_set(&dl, COMMAND_US);
    do {
        bm = inb(d->bm + BM_STATUS);
        st = inb(d->ctrl);
        if (!(st & ST_BUSY) && (!(bm & 1) || (st & ST_ERR)))
            break;
        if (bm & 2)
            break;
    } while (!deadline_over(&dl));
    bool over = st & ST_BUSY;
    outb(d->bm + BM_CMD, dir);
    outb(d->bm + BM_STATUS, inb(d->bm + BM_STATUS) | 6);
    u8 status = final_status(d);
    return over ? S_TIMEOUT : bm & 2 ? S_CONTROLLER : status;
}

static u8 select(const struct drive *d, u8 bits, u32 us)
{
    outb(d->ctrl, 0x02); /* no interrupts */
    u8 s = wait_idle(d, us);
    if (s)
        return s;
    outb(d->io + R_DEVICE, (u8)(bits | 0xa0 | d->unit << 4));
    return wait_idle(d, us);
}

static void release(const struct drive *d)
{
    inb(d->io + R_STATUS);
    outb(d->ctrl, 0);
}

static void set_address(const struct drive *d, u64 lba, u16 count, bool ext)
{
    if (ext) {
        outb(d->io + R_COUNT, (u8)(count >> 8));
        outb(d->io + R_LBA0, (u8)(lba >> 24));
        outb(d->io + R_LBA1, (u8)(lba >> 32));
        outb(d->io + R_LBA2, (u8)(lba >> 40));
    }
    outb(d->io + R_COUNT, (u8)count);
    outb(d->io + R_LBA0, (u8)lba);
    outb(d->io + R_LBA1, (u8)(lba >> 8));
    outb(d->io + R_LBA2, (u8)(lba >> 16));
}

static u8 pio_sectors(const struct drive *d, const struct transfer *t)
{
    for (u16 i = 0; i < t->count; i++) {
        u8 s = wait_data(d, COMMAND_US);
        if (s)
            return s;
        if (t->op == OP_READ)
            port_in(d, t->addr + i * 512u, 512);
        else
            port_out(d, t->addr + i * 512u, 512);
    }
    u8 s = wait_idle(d, COMMAND_US);
    return s ? s : final_status(d);
}

static u8 ata_command(bool ext, bool dma, u8 op)
{
    static const u8 commands[2][3][2] = {
        {{C_READ, C_READ_EXT}, {C_WRITE, C_WRITE_EXT}, {C_VERIFY, C_VERIFY_EXT}},
        {{C_READ_DMA, C_READ_DMA_EXT}, {C_WRITE_DMA, C_WRITE_DMA_EXT}, {0, 0}},
    };
    return commands[dma][op][ext];
}

u8 ata_transfer(struct drive *d, const struct transfer *t)
{
    bool ext = (d->flags & DF_LBA48) && t->lba + t->count > 0xfffffff;
    bool dma = (d->flags & DF_DMA) && !(t->addr & 1) && t->op != OP_VERIFY;
    u8 s = select(d, (u8)(ext ? 0x40 : 0x40 | ((t->lba >> 24) & 0xf)), COMMAND_US);
    if (!s) {
        set_address(d, t->lba, t->count, ext);
        if (dma)
            dma_prepare(d, t->addr, t->count * 512u, t->op == OP_READ);
        outb(d->io + R_STATUS, ata_command(ext, dma, t->op));
        if (dma)
            s = dma_run(d, t->op == OP_READ);
        else if (t->op == OP_VERIFY)
            s = (s = wait_idle(d, COMMAND_US)) ? s : final_status(d);
        else
            s = pio_sectors(d, t);
    }
    release(d);
    return s;
}

static u8 packet_data(const struct drive *d, u32 addr, u32 bytes)
{
    u32 got = 0;
    for (;;) {
        u8 s = wait_idle(d, COMMAND_US);
        if (s)
            return s;
        if (!(inb(d->ctrl) & ST_DRQ))
            return final_status(d);
        u16 n = (u16)(inb(d->io + R_LBA1) | inb(d->io + R_LBA2) << 8);
        u16 take = n < bytes - got ? n : (u16)(bytes - got);
        port_in(d, addr + got, take);
        for (got += take; take < n; take += 2)
            inw(d->io);
    }
}

/* A packet command that reads bytes to addr. */
static u8 packet(struct drive *d, const u8 cdb[12], u32 addr, u32 bytes)
{
    bool dma = (d->flags & DF_DMA) && bytes >= 2048 && !(addr & 1);
    u8 s = select(d, 0, COMMAND_US);
    if (!s) {
        outb(d->io + R_ERROR, dma);
        outb(d->io + R_LBA1, 0x00);
        outb(d->io + R_LBA2, 0xf8); /* 62 KiB a burst */
        if (dma)
            dma_prepare(d, addr, bytes, true);
        outb(d->io + R_STATUS, C_PACKET);
        s = wait_data(d, COMMAND_US);
        if (!s) {
            port_out(d, DATA_BASE + (u32)cdb, 12);
            s = dma ? dma_run(d, true) : packet_data(d, addr, bytes);
        }
    }
    release(d);
    return s;
}

/* Sense key << 8 | additional sense code. */
static u16 sense(struct drive *d)
{
    u8 cdb[12] = {0x03, 0, 0, 0, 18}, data[18] = {0};
    if (packet(d, cdb, DATA_BASE + (u32)data, sizeof data))
        return 0xff00;
    return (u16)((data[2] & 0xf) << 8 | data[12]);
}

static u8 read_capacity(struct drive *d)
{
    u8 cdb[12] = {0x25}, data[8];
    u8 s = packet(d, cdb, DATA_BASE + (u32)data, sizeof data);
    if (!s)
        d->sectors =
            ((u32)data[0] << 24 | (u32)data[1] << 16 | (u32)data[2] << 8 | data[3]) + 1ull;
    return s;
}

/* Unit attention is news, not failure; a drive that spins up gets five seconds. */
u8 atapi_ready(struct drive *d)
{
    u8 cdb[12] = {0};
    struct deadline dl;
    deadline_set(&dl, 5000000);
    for (u8 tries = 0; !deadline_over(&dl);) {
        if (!packet(d, cdb, 0, 0))
            return read_capacity(d);
        u16 why = sense(d);
        if (why == 0x0204)
            continue;
        if (why >> 8 == 2 || tries++ == 4)
            return S_NO_MEDIA;
    }
    return S_TIMEOUT;
}

u8 atapi_eject(struct drive *d, bool load)
{
    u8 cdb[12] = {0x1b, 0, 0, 0, load ? 3 : 2};
    return packet(d, cdb, 0, 0);
}

u8 atapi_transfer(struct drive *d, const struct transfer *t)
{
    u32 lba = (u32)t->lba;
    u8 cdb[12] = {0x28,    0, (u8)(lba >> 24),     (u8)(lba >> 16), (u8)(lba >> 8),
                  (u8)lba, 0, (u8)(t->count >> 8), (u8)t->count};
    if (t->op == OP_WRITE)
        return S_PROTECTED;
    if (t->op == OP_VERIFY)
        return S_OK;
    for (u8 tries = 0;; tries++) {
        u8 s = packet(d, cdb, t->addr, t->count * 2048u);
        if (!s || tries == 2)
            return s;
        u16 why = sense(d);
        if (why >> 8 == 2)
            return S_NO_MEDIA;
        if (why >> 8 != 6)
            return s;
    }
}

/* IDENTIFY into id_data; false: no such drive. */
static bool identify(struct drive *d, u8 command)
{
    outb(d->io + R_STATUS, command);
    if (!inb(d->ctrl) || wait_data(d, PROBE_US * 10))
        return false;
    port_in(d, DATA_BASE + (u32)id_data, 512);
    inb(d->io + R_STATUS);
    return true;
}

static void copy_name(char *to)
{
    u8 n = 40;
    for (u8 i = 0; i < 20; i++) {
        u16 w = id_data[27 + i];
        to[2 * i] = (char)(w >> 8);
        to[2 * i + 1] = (char)w;
    }
    while (n && to[n - 1] == ' ')
        n--;
    to[n] = 0;
}

static void setup_disk(struct drive *d)
{
    d->sector = 512;
    d->pcyls = id_data[1];
    d->pheads = id_data[3];
    d->pspt = id_data[6];
    d->sectors = id_data[60] | (u32)id_data[61] << 16;
    if (id_data[83] & 0x400) {
        d->flags |= DF_LBA48;
        d->sectors = id_data[100] | (u32)id_data[101] << 16 | (u64)id_data[102] << 32 |
                     (u64)id_data[103] << 48;
    }
    drive_geometry(d);
}

/* Registers of an absent drive read FF (no bus) or 00 (the other drive answers). */
static void probe_drive(u16 io, u16 ctrl, u16 bm, u8 unit, u16 bdf)
{
    struct drive d = {.unit = unit, .io = io, .ctrl = ctrl, .bm = bm, .bdf = bdf};
    bool cd = false, found;
    u8 st = inb(ctrl);
    if (st == 0xff || select(&d, 0, PROBE_US))
        return;
    st = inb(ctrl);
    if (st == 0 || st == 0xff) { /* ATAPI drives show no ready bit: try the signature */
        outb(io + R_COUNT, 0x55);
        outb(io + R_LBA0, 0xaa);
        if (st == 0xff || inb(io + R_COUNT) != 0x55 || inb(io + R_LBA0) != 0xaa)
            return;
    }
    found = identify(&d, C_IDENTIFY);
    if (!found && inb(io + R_LBA1) == 0x14 && inb(io + R_LBA2) == 0xeb)
        cd = found = identify(&d, C_IDENTIFY_PACKET);
    if (!found)
        return;
    struct drive *slot = drive_new(cd ? DRIVE_ATAPI : DRIVE_ATA);
    if (!slot)
        return;
    d.kind = slot->kind;
    d.flags = bm && (id_data[49] & 0x100) ? DF_DMA : 0;
    copy_name(d.name);
    if (cd)
        d.sector = 2048;
    else
        setup_disk(&d);
    *slot = d;
    release(slot);
}

static void probe_channel(u16 io, u16 ctrl, u16 bm, u16 bdf)
{
    if (inb(ctrl) == 0xff && inb(io + R_STATUS) == 0xff)
        return;
    probe_drive(io, ctrl, bm, 0, bdf);
    probe_drive(io, ctrl, bm, 1, bdf);
}

/* A channel in native mode has its ports in BARs (PCI IDE specification 1.0). */
static void probe_controller(u16 bdf)
{
    u8 prog = pci_read8(bdf, 9);
    u16 bm = prog & 0x80 ? (u16)(pci_read32(bdf, 0x20) & 0xfffc) : 0;
    for (u8 ch = 0; ch < 2; ch++) {
        u16 io = ch ? 0x170 : 0x1f0, ctrl = ch ? 0x376 : 0x3f6;
        if (prog & (1 << (2 * ch))) {
            io = (u16)(pci_read32(bdf, (u8)(0x10 + 8 * ch)) & 0xfffc);
            ctrl = (u16)((pci_read32(bdf, (u8)(0x14 + 8 * ch)) & 0xfffc) + 2);
        }
        probe_channel(io, ctrl, bm ? (u16)(bm + 8 * ch) : 0, bdf);
    }
}

void ata_probe(void)
{
    bool any = false;
    for (u32 bdf = 0; bdf < (pci_last_bus + 1u) << 8; bdf++) {
        if (pci_read16((u16)bdf, PCI_ID) == 0xffff) {
            bdf |= bdf & 7 ? 0 : 7;
            continue;
        }
        if (pci_read16((u16)bdf, PCI_CLASS) == 0x0101) {
            probe_controller((u16)bdf);
            any = true;
        }
    }
    if (!any) {
        probe_channel(0x1f0, 0x3f6, 0, 0xffff);
        probe_channel(0x170, 0x376, 0, 0xffff);
    }
}
