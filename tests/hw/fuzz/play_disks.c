/* SPDX-License-Identifier: MIT
 * IDE disks and CD-ROMs with their bus master, the floppy controller with the 8237, flash. */
#include "tests/hw/fuzz/play.h"

/* ---- ATA ---- */

static uint16_t channel_port(unsigned ch)
{
    return ch ? 0x170 : 0x1f0;
}

static uint8_t small_or_any(void)
{
    static const uint8_t v[] = {0, 1, 2, 8, 16, 0x7f, 0x80, 0xff};

    return one_in(4) ? (uint8_t)FUZZ_U32() : PICK(v);
}

static void task_file(struct rig *r, uint16_t port, uint8_t device)
{
    unsigned rounds = one_in(2) ? 2 : 1; /* twice: the bytes of LBA48 */

    rig_out(r, port + 6, device, 1);
    while (rounds--)
        for (unsigned i = 1; i < 6; i++)
            rig_out(r, port + i, one_in(3) ? small_or_any() : i == 2 ? fuzz_below(20) : 0, 1);
}

static void data_phase(struct rig *r, uint16_t port)
{
    unsigned width = one_in(3) ? 4 : one_in(20) ? 1 : 2;
    unsigned n = one_in(4) ? fuzz_below(9000) : one_in(2) ? 256 : fuzz_below(64);
    bool out = one_in(2);

    while (n--) {
        if (out)
            rig_out(r, port, n % 3 ? 0 : FUZZ_U32(), width);
        else
            rig_in(r, port, width);
        if (!(n & 255) && !(rig_in(r, port + 7, 1) & 8))
            fuzz_disk_answer(&r->disk[fuzz_below(PC_IDE_DRIVES)]);
    }
}

/* A driver that waits for the last command to end, or resets the channel. */
static void settle(struct rig *r, unsigned ch)
{
    unsigned first = RIG_DISK_IDE + 2 * ch;

    for (unsigned n = fuzz_below(8); n && (rig_in(r, channel_port(ch) + 7, 1) & 0x80); n--) {
        fuzz_disk_answer(&r->disk[first]);
        fuzz_disk_answer(&r->disk[first + 1]);
    }
    if ((rig_in(r, channel_port(ch) + 7, 1) & 0x88) && !one_in(6)) {
        rig_out(r, ch ? 0x376 : 0x3f6, 4, 1);
        rig_out(r, ch ? 0x376 : 0x3f6, 0, 1);
    }
}

static void bus_master(struct rig *r, unsigned ch)
{
    gpa bm = rig_bar(&r->m.pc->ide.pci, 4), table = one_in(8) ? rig_addr(r) : rig_arena(r, 4);
    unsigned n = one_in(6) ? 8192 : 1 + fuzz_below(8);
    uint8_t dir = one_in(2) ? 8 : 0;

    if (bm == PCI_NOWHERE)
        return;
    for (unsigned i = 0; i < n; i++) {
        uint32_t prd[2] = {one_in(3) ? (uint32_t)rig_addr(r)
                                     : (uint32_t)(fuzz_below(0x80) << 12),
                           one_in(3)   ? FUZZ_U32() & 0x8000ffff
                           : one_in(3) ? 0
                                       : 0x200u << i % 8};

        if (n == 8192)
            prd[1] = 2; /* the longest table: as many steps as there can be */
        if (i == n - 1 && !one_in(6))
            prd[1] |= 0x80000000;
        rig_put(r, table + 8 * i, prd, sizeof(prd));
    }
    rig_out(r, (uint16_t)bm + 8 * ch + 4, (uint32_t)table, 4);
    rig_out(r, (uint16_t)bm + 8 * ch, dir, 1);
    rig_out(r, (uint16_t)bm + 8 * ch + 2, 6, 1);
    rig_out(r, (uint16_t)bm + 8 * ch, dir | 1, 1);
}

/* DATA SET MANAGEMENT: ranges that the drive takes from memory. */
static void trim(struct rig *r)
{
    gpa bm = rig_bar(&r->m.pc->ide.pci, 4), at = rig_arena(r, 512);
    uint32_t prd[2] = {(uint32_t)at, 0x80000000 | 512 * (1 + fuzz_below(8))};

    settle(r, 0);
    if (bm == PCI_NOWHERE)
        return;
    for (unsigned i = 0; i < 64; i++) {
        uint64_t range =
            one_in(8) ? fuzz_edge() : fuzz_below(20000) | (uint64_t)fuzz_below(99) << 48;

        rig_put(r, at + 8 * i, &range, 8);
    }
    rig_put(r, 0x9000, prd, 8);
    task_file(r, 0x1f0, 0xe0);
    rig_out(r, 0x1f1, 1, 1);
    rig_out(r, 0x1f2, 0, 1);
    rig_out(r, 0x1f2, fuzz_below(9), 1);
    rig_out(r, 0x1f7, 0x06, 1);
    rig_out(r, (uint16_t)bm + 4, 0x9000, 4);
    rig_out(r, (uint16_t)bm, 1, 1);
}

static void answer_ide(struct rig *r)
{
    for (unsigned n = fuzz_below(12); n; n--)
        fuzz_disk_answer(&r->disk[fuzz_below(PC_IDE_DRIVES)]);
}

static const uint8_t ata_commands[] = {
    0x00, 0x06, 0x08, 0x10, 0x20, 0x21, 0x24, 0x25, 0x27, 0x29, 0x30, 0x31, 0x34, 0x35,
    0x39, 0x3d, 0x40, 0x41, 0x42, 0x70, 0x90, 0x91, 0x94, 0x99, 0xa0, 0xa1, 0xb0, 0xc4,
    0xc5, 0xc6, 0xc8, 0xc9, 0xca, 0xcb, 0xce, 0xe0, 0xe3, 0xe5, 0xe6, 0xe7, 0xea, 0xec,
    0xef, 0xf8, 0xc8, 0xca, 0x25, 0x35, 0x20, 0x30, 0x24, 0x34, 0xc4, 0xc5, 0x29, 0x39,
};

static void ata(struct rig *r)
{
    unsigned ch = fuzz_below(2);
    uint16_t port = channel_port(ch);

    settle(r, ch);
    task_file(r, port, (one_in(4) ? (uint8_t)FUZZ_U32() : 0xe0) ^ (one_in(2) ? 0x10 : 0));
    if (one_in(3))
        bus_master(r, ch);
    rig_out(r, port + 7, one_in(16) ? (uint8_t)FUZZ_U32() : PICK(ata_commands), 1);
    if (one_in(2))
        answer_ide(r);
    switch (fuzz_below(5)) {
    case 0:
    case 1: data_phase(r, port); break;
    case 2: bus_master(r, ch); break;
    case 3: rig_out(r, ch ? 0x376 : 0x3f6, (uint8_t)FUZZ_U32() & 0x86, 1); break;
    default: break;
    }
    answer_ide(r);
}

static void ata_feature(struct rig *r)
{
    static const uint8_t features[] = {0x02, 0x03, 0x05, 0x10, 0x42, 0x55, 0x66,
                                       0x82, 0x85, 0xaa, 0xcc, 0xc2, 0x90};
    static const uint8_t smart[] = {0xd0, 0xd1, 0xd2, 0xd4, 0xd5, 0xd6, 0xd8, 0xd9, 0xda};
    unsigned ch = fuzz_below(2);
    uint16_t port = channel_port(ch);
    bool is_smart = one_in(2);

    settle(r, ch);
    rig_out(r, port + 6, one_in(2) ? 0xe0 : 0xf0, 1);
    rig_out(r, port + 1, is_smart ? PICK(smart) : PICK(features), 1);
    rig_out(r, port + 2, one_in(2) ? 0x20 + fuzz_below(0x30) : small_or_any(), 1);
    rig_out(r, port + 3, fuzz_below(0x100), 1);
    rig_out(r, port + 4, 0x4f, 1);
    rig_out(r, port + 5, 0xc2, 1);
    rig_out(r, port + 7, is_smart ? 0xb0 : 0xef, 1);
    data_phase(r, port);
}

/* ---- ATAPI ---- */

static const uint8_t packets[] = {
    0x00, 0x03, 0x12, 0x1b, 0x1e, 0x25, 0x28, 0x2b, 0x43, 0x46, 0x4a, 0x51, 0x52,
    0x55, 0x5a, 0xa8, 0xb9, 0xbb, 0xbd, 0xbe, 0xad, 0xac, 0xb6, 0x28, 0xbe, 0x28,
};

static void make_packet(uint8_t *p)
{
    memset(p, 0, 12);
    p[0] = one_in(16) ? (uint8_t)FUZZ_U32() : PICK(packets);
    for (unsigned i = 1; i < 12; i++)
        p[i] = one_in(4) ? small_or_any() : 0;
    p[8] = one_in(3) ? (uint8_t)FUZZ_U32() : 1 + fuzz_below(8);
    if (p[0] == 0xbe)
        p[9] = one_in(2) ? 0xf8 : one_in(2) ? 0x10 : (uint8_t)FUZZ_U32();
    if (p[0] == 0x5a || p[0] == 0x12 || p[0] == 0x4a)
        p[4] = p[8] = (uint8_t)FUZZ_U32();
    if (p[0] == 0x5a)
        p[2] = (uint8_t)((fuzz_below(4) << 6) | (one_in(2) ? 0x3f : 0x2a));
    if (p[0] == 0x1b)
        p[4] = (uint8_t)fuzz_below(4);
}

static void atapi(struct rig *r)
{
    static const uint16_t limits[] = {0, 1, 2, 8, 2048, 0xfffe, 0xffff, 513, 65534};
    uint16_t port = channel_port(1), limit = PICK(limits);
    uint8_t p[12];
    bool dma = one_in(2);

    settle(r, 1);
    make_packet(p);
    rig_out(r, port + 6, one_in(2) ? 0xa0 : 0xb0, 1);
    rig_out(r, port + 1, dma | (one_in(8) ? 2 : 0), 1);
    rig_out(r, port + 4, limit & 0xff, 1);
    rig_out(r, port + 5, limit >> 8, 1);
    rig_out(r, port + 7, 0xa0, 1);
    for (unsigned i = 0; i < 6; i++)
        rig_out(r, port, p[2 * i] | p[2 * i + 1] << 8, 2);
    if (dma && !one_in(6))
        bus_master(r, 1);
    answer_ide(r);
    for (unsigned n = fuzz_below(4); n; n--)
        data_phase(r, port);
    if (one_in(3)) { /* and what went wrong */
        rig_out(r, port + 7, 0xa0, 1);
        for (unsigned i = 0; i < 6; i++)
            rig_out(r, port, i ? 18 : 3, 2);
        data_phase(r, port);
    }
}

/* ---- floppy ---- */

static void dma_channel(struct rig *r, unsigned ch, uint8_t mode)
{
    static const uint8_t pages[] = {0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a};
    uint16_t base = ch < 4 ? 0 : 0xc0, step = ch < 4 ? 1 : 2;
    uint32_t addr = one_in(4) ? FUZZ_U32() : (uint32_t)rig_addr(r);
    uint32_t count = one_in(2) ? FUZZ_U32() : 512 * (1 + fuzz_below(20)) - 1;

    rig_out(r, base + 0xa * step, 4 | (ch & 3), 1);
    rig_out(r, base + 0xc * step, 0, 1);
    rig_out(r, base + 0xb * step, mode, 1);
    rig_out(r, base + (ch & 3) * 2 * step, addr, 1);
    rig_out(r, base + (ch & 3) * 2 * step, addr >> 8, 1);
    rig_out(r, base + ((ch & 3) * 2 + 1) * step, count, 1);
    rig_out(r, base + ((ch & 3) * 2 + 1) * step, count >> 8, 1);
    rig_out(r, pages[ch], addr >> 16, 1);
    if (!one_in(8))
        rig_out(r, base + 0xa * step, ch & 3, 1);
}

static void dma(struct rig *r)
{
    dma_channel(r, fuzz_below(8), (uint8_t)FUZZ_U32());
    rig_out(r, one_in(2) ? 0x08 + fuzz_below(8) : 0xd0 + fuzz_below(16), FUZZ_U32(), 1);
    rig_in(r, one_in(2) ? fuzz_below(16) : 0xc0 + fuzz_below(32), 1);
}

static const struct {
    uint8_t code, n;
} fdc_commands[] = {
    {0xe6, 9}, {0xc5, 9}, {0x46, 9}, {0xcc, 9}, {0xc9, 9}, {0x42, 9}, {0x56, 9}, {0x4a, 2},
    {0x4d, 6}, {0x03, 3}, {0x04, 2}, {0x07, 2}, {0x08, 1}, {0x0f, 3}, {0x8f, 3}, {0xcf, 3},
    {0x0e, 1}, {0x10, 1}, {0x12, 2}, {0x13, 4}, {0x94, 1}, {0x14, 1}, {0x11, 9}, {0x4d, 6},
};

static void fdc_parameters(uint8_t *c, uint8_t code)
{
    c[0] = code;
    c[1] = fuzz_below(one_in(6) ? 8 : 2) | (one_in(2) ? 4 : 0);
    c[2] = one_in(4) ? (uint8_t)FUZZ_U32() : fuzz_below(3);
    c[3] = one_in(4) ? (uint8_t)FUZZ_U32() : c[1] >> 2;
    c[4] = one_in(4) ? (uint8_t)FUZZ_U32() : 1 + fuzz_below(18);
    c[5] = one_in(8) ? (uint8_t)FUZZ_U32() : 2;
    c[6] = one_in(4) ? (uint8_t)FUZZ_U32() : 18;
    c[7] = 0x1b;
    c[8] = 0xff;
    if ((code & 0x1f) == 0x0d) { /* FORMAT TRACK: N, SC, GPL, D */
        c[2] = 2;
        c[3] = one_in(4) ? (uint8_t)FUZZ_U32() : 18;
    }
}

static void fdc_data(struct rig *r)
{
    for (unsigned n = fuzz_below(one_in(4) ? 10000 : 40); n; n--) {
        uint8_t msr = rig_in(r, 0x3f4, 1);

        if (!(msr & 0x80)) {
            fuzz_disk_answer(&r->disk[RIG_DISK_FLOPPY + fuzz_below(FDC_DRIVES)]);
        } else if (msr & 0x40) {
            rig_in(r, 0x3f5, 1);
        } else if (msr & 0x10) {
            rig_out(r, 0x3f5, FUZZ_U32(), 1);
        } else {
            return;
        }
    }
}

static void fdc(struct rig *r)
{
    unsigned k = fuzz_below(G_N_ELEMENTS(fdc_commands));
    uint8_t c[9];

    if (one_in(4))
        rig_out(r, 0x3f2, one_in(4) ? (uint8_t)FUZZ_U32() : 0x1c, 1);
    if (one_in(16))
        rig_out(r, PICK(((const uint16_t[]){0x3f3, 0x3f4, 0x3f7})), FUZZ_U32(), 1);
    if (one_in(2))
        dma_channel(r, 2, one_in(4) ? (uint8_t)FUZZ_U32() : one_in(2) ? 0x46 : 0x4a);
    fdc_parameters(c, fdc_commands[k].code ^ (one_in(12) ? 1u << fuzz_below(8) : 0));
    for (unsigned i = 0; i < fdc_commands[k].n; i++)
        rig_out(r, 0x3f5, c[i], 1);
    fdc_data(r);
    rig_in(r, 0x3f7, 1);
}

/* ---- flash ---- */

static void flash(struct rig *r)
{
    static const uint8_t commands[] = {0xff, 0x50, 0x70, 0x90, 0x98, 0x10, 0x40, 0x20,
                                       0x28, 0xe8, 0xd0, 0x60, 0x01, 0x00, 0x2f, 0xc0};
    gpa at = 0x100000000 - 1 - fuzz_below(one_in(4) ? 0x60000 : 0x10000);
    unsigned width = 1u << fuzz_below(3);
    unsigned n = one_in(3) ? fuzz_below(300) : fuzz_below(6);

    rig_store(r, at, PICK(commands), width);
    rig_store(r, at, one_in(3) ? FUZZ_U32() : one_in(2) ? 0xff : PICK(commands), width);
    while (n--) {
        rig_store(r, at + (one_in(8) ? fuzz_below(0x1000) : n), FUZZ_U32(), width);
        if (one_in(3))
            rig_load(r, one_in(2) ? at : at & ~0xffull, width);
    }
    rig_store(r, at, one_in(2) ? 0xd0 : 0xff, width);
    fuzz_disk_answer(&r->disk[RIG_DISK_FLASH + fuzz_below(PC_FLASH_BANKS)]);
}

const struct play play_disks[] = {
    {"ata", 20, ata},     {"ata-feature", 4, ata_feature},
    {"atapi", 16, atapi}, {"dma", 6, dma},
    {"trim", 3, trim},    {"fdc", 20, fdc},
    {"flash", 8, flash},  {0},
};
