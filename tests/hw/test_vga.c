/* SPDX-License-Identifier: MIT
 * Registers and memory of the VGA: IBM's and Intel's descriptions, and a naive model of planes,
 * write modes and read modes under random programs. `--seed R02S...` repeats a failure. */
#include "tests/hw/machine.h"
#include "tests/hw/vga_rig.h"

#define ROUNDS 200

/* --- registers -------------------------------------------------------------------------- */

static void test_registers(void)
{
    static struct rig r;
    unsigned i;

    rig_start(&r);
    g_assert_cmphex(in8(&r, 0x3d4), ==, 0xff); /* colour ports are off after reset */
    out8(&r, 0x3c2, 0x67);
    g_assert_cmphex(in8(&r, 0x3cc), ==, 0x67);
    out_at(&r, 0x3d4, 0x0e, 0x12);
    g_assert_cmphex(in_at(&r, 0x3d4, 0x0e), ==, 0x12);
    out8(&r, 0x3b4, 0x0f);
    g_assert_cmphex(in8(&r, 0x3d4), ==, 0x0e); /* the mono ports do not answer */
    out_at(&r, 0x3d4, 0x00, 0x5f);
    out_at(&r, 0x3d4, 0x07, 0x1f);
    out_at(&r, 0x3d4, 0x11, 0x80);
    out_at(&r, 0x3d4, 0x00, 0x11);
    out_at(&r, 0x3d4, 0x07, 0x00);
    g_assert_cmphex(in_at(&r, 0x3d4, 0x00), ==, 0x5f);
    g_assert_cmphex(in_at(&r, 0x3d4, 0x07), ==, 0x0f); /* bit 4 is the line compare's */
    out_at(&r, 0x3c4, 2, 0xff);
    g_assert_cmphex(in_at(&r, 0x3c4, 2), ==, 0x0f);
    out_at(&r, 0x3ce, 8, 0xa5);
    g_assert_cmphex(in_at(&r, 0x3ce, 8), ==, 0xa5);
    attribute(&r, 0x05, 0x2a);
    in8(&r, 0x3da);
    out8(&r, 0x3c0, 0x05);
    g_assert_cmphex(in8(&r, 0x3c1), ==, 0x2a);
    out8(&r, 0x3c0, 0x15); /* data: the flip-flop is where it was */
    g_assert_cmphex(in8(&r, 0x3c1), ==, 0x15);

    for (i = 0; i < 256; i++)
        dac(&r, i, i, i >> 1, i >> 2);
    out8(&r, 0x3c7, 0x7f);
    g_assert_cmphex(in8(&r, 0x3c7), ==, 3);
    g_assert_cmphex(in8(&r, 0x3c9), ==, 0x3f);
    g_assert_cmphex(in8(&r, 0x3c9), ==, 0x3f);
    g_assert_cmphex(in8(&r, 0x3c9), ==, 0x1f);
    g_assert_cmphex(in8(&r, 0x3c9), ==, 0x00); /* entry 80 */
    out8(&r, 0x3c8, 1);
    g_assert_cmphex(in8(&r, 0x3c7), ==, 0);
    out8(&r, 0x3c2, 0x66); /* mono */
    g_assert_cmphex(in8(&r, 0x3d5), ==, 0xff);
    g_assert_cmphex(in_at(&r, 0x3b4, 0x0e), ==, 0x12);
    rig_stop(&r);
}

/* Waits for `mask` of the status register to become `want`, in steps of a microsecond. */
static uint64_t wait_for(struct rig *r, uint8_t mask, uint8_t want)
{
    uint64_t start = r->ns;

    while ((in8(r, 0x3da) & mask) != want) {
        r->ns += 1000;
        g_assert_cmpuint(r->ns - start, <, 100000000);
    }
    return r->ns;
}

static void test_retrace(void)
{
    static struct rig r;
    uint64_t first, second;
    unsigned i;

    rig_start(&r);
    set_mode(&r, &mode_12);
    wait_for(&r, 8, 0);
    first = wait_for(&r, 8, 8);
    wait_for(&r, 8, 0);
    second = wait_for(&r, 8, 8);
    g_assert_cmpuint(second - first, >, 16600000); /* 59.94 Hz */
    g_assert_cmpuint(second - first, <, 16750000);
    wait_for(&r, 9, 1);
    wait_for(&r, 9, 0);
    for (i = 0; i < 300; i++) { /* whatever the CRTC holds, both waits end */
        unsigned k = (unsigned)g_test_rand_int_range(0, 25);

        out_at(&r, 0x3d4, 0x11, 0);
        out_at(&r, 0x3d4, k, (uint8_t)g_test_rand_int());
        out_at(&r, 0x3c4, 1, (uint8_t)g_test_rand_int() & 9);
        wait_for(&r, 8, 8);
        wait_for(&r, 8, 0);
    }
    rig_stop(&r);
}

/* --- memory ------------------------------------------------------------------------------ */

struct model {
    uint8_t plane[4][0x10000], latch[4];
    uint8_t sr2, sr4, gr[9], misc;
};

static uint8_t ror(uint8_t v, unsigned n)
{
    while (n--)
        v = v >> 1 | v << 7;
    return v;
}

static bool model_place(const struct model *m, uint32_t a, uint32_t *at)
{
    unsigned map = m->gr[6] >> 2 & 3;
    uint32_t base = map < 2 ? 0xa0000 : map == 2 ? 0xb0000 : 0xb8000;
    uint32_t size = map == 0 ? 0x20000 : map == 1 ? 0x10000 : 0x8000;

    *at = a - base;
    return a >= base && a - base < size; /* open whatever misc says */
}

/* Chain-4 of the cards after IBM's: planes take turns, four addresses are one byte of each. */
static unsigned model_offset(const struct model *m, uint32_t at)
{
    return m->sr4 & 8 ? at >> 2 : at & 0xffff;
}

static uint8_t model_mix(const struct model *m, unsigned p, uint8_t v)
{
    unsigned mode = m->gr[5] & 3;
    uint8_t x, mask = m->gr[8], rotated = ror(v, m->gr[3] & 7),
               set = m->gr[0] >> p & 1 ? 255 : 0;

    if (mode == 1)
        return m->latch[p];
    x = mode == 0   ? (m->gr[1] >> p & 1 ? set : rotated)
        : mode == 2 ? (v >> p & 1 ? 255 : 0)
                    : set;
    if (mode == 3)
        mask &= rotated;
    switch (m->gr[3] >> 3 & 3) {
    case 1: x &= m->latch[p]; break;
    case 2: x |= m->latch[p]; break;
    case 3: x ^= m->latch[p]; break;
    }
    return (x & mask) | (m->latch[p] & ~mask);
}

static void model_write(struct model *m, uint32_t a, uint8_t v)
{
    uint32_t at, off;
    unsigned p;

    if (!model_place(m, a, &at))
        return;
    off = model_offset(m, at);
    for (p = 0; p < 4; p++) {
        if (!(m->sr2 >> p & 1))
            continue;
        if ((m->sr4 & 8) && (a & 3) != p)
            continue;
        if (!(m->sr4 & 8) && (m->gr[5] & 0x10)) {
            if ((a & 1) != (p & 1))
                continue;
            off &= ~1u;
        }
        m->plane[p][off] = model_mix(m, p, v);
    }
}

static uint8_t model_read(struct model *m, uint32_t a)
{
    uint32_t at, off;
    unsigned p, plane = m->gr[4] & 3, bit, out = 0;

    if (!model_place(m, a, &at))
        return 0xff;
    off = model_offset(m, at);
    if (m->sr4 & 8) {
        plane = a & 3;
    } else if (m->gr[5] & 0x10) {
        plane = (plane & 2) | (a & 1);
        off &= ~1u;
    }
    for (p = 0; p < 4; p++)
        m->latch[p] = m->plane[p][off];
    if (!(m->gr[5] & 8))
        return m->latch[plane];
    for (bit = 0; bit < 8; bit++) {
        bool same = true;

        for (p = 0; p < 4; p++)
            if ((m->gr[7] >> p & 1) && (m->latch[p] >> bit & 1) != (m->gr[2] >> p & 1))
                same = false;
        out |= (unsigned)same << bit;
    }
    return out;
}

static void random_registers(struct rig *r, struct model *m)
{
    static const uint8_t mask[9] = {15, 15, 15, 31, 3, 0x1b, 15, 15, 255};
    unsigned i;

    for (i = 0; i < 9; i++) {
        m->gr[i] = (uint8_t)g_test_rand_int() & mask[i];
        if ((i == 1 || i == 3) && g_test_rand_bit())
            m->gr[i] = 0;
        if (i == 8 && g_test_rand_bit())
            m->gr[i] = 0xff;
        if (i == 5 && g_test_rand_bit())
            m->gr[i] = 0;
        out_at(r, 0x3ce, i, m->gr[i]);
    }
    m->sr2 = g_test_rand_bit() ? 15 : (uint8_t)g_test_rand_int() & 15;
    m->sr4 = (uint8_t)g_test_rand_int() & 12;
    m->misc = g_test_rand_int_range(0, 8) ? 3 : 1;
    out_at(r, 0x3c4, 2, m->sr2);
    out_at(r, 0x3c4, 4, m->sr4);
    out8(r, 0x3c2, m->misc);
}

/* Where random accesses fall together often. */
static uint32_t random_address(void)
{
    return 0xa0000 + (uint32_t)g_test_rand_int_range(0, 4) * 0x8000 +
           (uint32_t)g_test_rand_int_range(0, 24);
}

static bool is_ram(struct rig *r, uint32_t a)
{
    return space_ram_page(r->env.mem, a, NULL) != NULL;
}

static void test_memory(void)
{
    static struct rig r;
    static struct model m;
    unsigned round, i, k, ram = 0;

    rig_start(&r);
    memset(&m, 0, sizeof(m));
    for (round = 0; round < 20 * ROUNDS; round++) {
        random_registers(&r, &m);
        for (i = 0; i < 40; i++) {
            uint32_t a = random_address();
            unsigned size = 1u << g_test_rand_int_range(0, 4);
            uint64_t v = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int(), got;

            ram += is_ram(&r, a);
            if (g_test_rand_bit()) {
                space_write(r.env.mem, a, v, size);
                for (k = 0; k < size; k++)
                    model_write(&m, a + k, v >> (8 * k));
                continue;
            }
            got = space_read(r.env.mem, a, size);
            for (k = 0; k < size; k++)
                g_assert_cmphex((uint8_t)(got >> (8 * k)), ==, model_read(&m, a + k));
            if (is_ram(&r, a)) /* RAM leaves the latches alone */
                for (k = 0; k < 4; k++)
                    m.latch[k] = r.card.vga.latch >> (8 * k);
        }
    }
    g_assert_cmpuint(ram, >, 100); /* the shortcut was taken */
    for (i = 0; i < 0x10000; i++)
        for (k = 0; k < 4; k++)
            g_assert_cmphex(r.card.vga.vram.host[4 * i + k], ==, m.plane[k][i]);
    rig_stop(&r);
}

/* Random bytes to every port and the window while pictures are drawn. */
static void test_fuzz(void)
{
    static struct rig r;
    unsigned i;

    rig_start(&r);
    for (i = 0; i < 40000; i++) {
        uint32_t v = (uint32_t)g_test_rand_int();

        switch (g_test_rand_int_range(0, 8)) {
        case 0: vbe(&r, (uint16_t)g_test_rand_int_range(0, 12), v & 0x0fff); break;
        case 1: vbe(&r, 4, v & 0xe1); break;
        case 2: out_at(&r, 0x3d4, v & 31, v >> 8); break;
        case 3: attribute(&r, (v & 31) | 0x20, v >> 8); break;
        case 4: space_write(r.env.mem, 0xa0000 + (v & 0x1ffff), v, 1u << (v & 3)); break;
        case 5: out_at(&r, v & 1 ? 0x3c4 : 0x3ce, v >> 1 & 15, v >> 8); break;
        default: out8(&r, 0x3c0 + (v & 31), v >> 8); break;
        }
        if (!(i % 97))
            r.display.update(r.display.opaque, &r.s, v & 1);
        r.ns += v & 0xffff;
    }
    rig_stop(&r);
}

/* --- VBE --------------------------------------------------------------------------------- */

static void vbe_mode(struct rig *r, unsigned x, unsigned y, unsigned bpp, unsigned flags)
{
    vbe(r, 4, 0);
    vbe(r, 1, x);
    vbe(r, 2, y);
    vbe(r, 3, bpp);
    vbe(r, 4, 1 | flags);
}

static void test_vbe(void)
{
    static struct rig r;
    uint8_t *vram;

    rig_start(&r);
    vram = r.card.vga.vram.host;
    g_assert_cmphex(vbe_in(&r, 0), ==, 0xb0c5);
    vbe(&r, 0, 0xb0c2);
    g_assert_cmphex(vbe_in(&r, 0), ==, 0xb0c2);
    vbe(&r, 0, 0xb0c6);
    g_assert_cmphex(vbe_in(&r, 0), ==, 0xb0c2);
    g_assert_cmpuint(vbe_in(&r, 10), ==, 8 * 16);
    out16(&r, 0x1ce, 3);
    out16(&r, 0x1d0, 16); /* data once more */
    g_assert_cmpuint(vbe_in(&r, 3), ==, 16);

    memset(vram, 0xee, 0x100000);
    vbe_mode(&r, 800, 600, 8, 0x40);
    g_assert_cmphex(vram[0] | vram[800 * 600 - 1], ==, 0);
    g_assert_cmphex(vram[800 * 600], ==, 0xee);
    memset(vram, 0xee, 0x1000);
    vbe_mode(&r, 800, 600, 8, 0xc0); /* without clearing */
    g_assert_cmphex(vram[0], ==, 0xee);
    g_assert_cmpuint(vbe_in(&r, 6), ==, 800);
    g_assert_cmpuint(vbe_in(&r, 7), ==, (8 << 20) / 800);
    vbe(&r, 6, 1024);
    vbe(&r, 9, 100);
    vbe(&r, 8, 8);
    g_assert_cmpuint(r.card.vga.vbe_start, ==, 100 * 1024 + 8);
    vbe(&r, 9, 60000); /* out of the memory */
    g_assert_cmpuint(r.card.vga.vbe_start, ==, 8);
    vbe(&r, 3, 32);
    vbe(&r, 1, 16000);
    vbe(&r, 2, 12000);
    g_assert_cmpuint(vbe_in(&r, 1) * 4u * vbe_in(&r, 2), <=, 8 << 20);
    vbe(&r, 4, 2);
    g_assert_cmpuint(vbe_in(&r, 1), ==, 16000);
    g_assert_cmpuint(vbe_in(&r, 3), ==, 32);

    out8(&r, 0x3c2, 3);
    vbe_mode(&r, 1024, 768, 8, 0); /* banks are RAM */
    out_at(&r, 0x3ce, 6, 5);
    g_assert_true(is_ram(&r, 0xa0000));
    vbe(&r, 5, 3);
    poke(&r, 0xa1234, 0x77);
    g_assert_cmphex(vram[0x31234], ==, 0x77);
    vbe(&r, 5, 0xffff); /* cut to the memory */
    poke(&r, 0xaffff, 0x55);
    g_assert_cmphex(vram[(8 << 20) - 1], ==, 0x55);
    vbe(&r, 4, 0);
    poke(&r, 0xa0000, 0x33);
    g_assert_cmphex(vram[0], ==, 0x33);
    rig_stop(&r);
}

/* --- PCI card ------------------------------------------------------------------------------
 */

#define VGA_BAR0 0xe0000000u
#define VGA_BAR2 0xe2000000u
#define VGA_ROM  0xe3000000u

static void config(struct machine *m, unsigned reg, uint32_t v)
{
    pci_config_write(&m->pc->pci, PCI_DEVFN(2, 0), reg, v, 4);
}

static void test_card(void)
{
    static const uint8_t rom[] = {0x55, 0xaa, 0x01, 0xcb};
    static const uint8_t head[] = {0, 255, 255, 255, 255, 255, 255, 0};
    static struct vga_pci card;
    static struct machine m;
    uint8_t edid[128], sum = 0, other[4];
    struct err e;
    unsigned i;

    machine_start(&m);
    dev_init(&card.pci.dev, &vga_pci_class, NULL, &m.pc->env);
    card.rom = rom;
    card.rom_size = sizeof(rom);
    g_assert_true(dev_set_prop(&card.pci.dev, "xres", "1000", &e));
    g_assert_true(dev_set_prop(&card.pci.dev, "yres", "700", &e));
    g_assert_true(pc_add_pci(m.pc, &m.pc->pci.bus, -1, &card.pci, &e));
    g_assert_true(m.pc->vga == &card);
    pc_reset(m.pc);
    g_assert_cmphex(pci_config_read(&m.pc->pci, PCI_DEVFN(2, 0), 0, 4), ==, 0x11111234);
    g_assert_cmphex(pci_config_read(&m.pc->pci, PCI_DEVFN(2, 0), 8, 4), ==, 0x03000002);
    config(&m, 0x10, VGA_BAR0);
    config(&m, 0x18, VGA_BAR2);
    config(&m, 0x30, VGA_ROM | 1);
    config(&m, 0x04, 3); /* firmware takes a card with both for the primary one */
    g_assert_cmphex(pci_config_read(&m.pc->pci, PCI_DEVFN(2, 0), 4, 2), ==, 3);

    space_read_bytes(m.pc->mem, VGA_ROM, other, 4);
    g_assert_cmpmem(other, 4, rom, 4);
    space_read_bytes(m.pc->mem, VGA_BAR2, edid, sizeof(edid));
    g_assert_cmpmem(edid, 8, head, 8);
    for (i = 0; i < sizeof(edid); i++)
        sum += edid[i];
    g_assert_cmphex(sum, ==, 0);
    g_assert_cmpuint(edid[56] | (edid[58] >> 4) << 8, ==, 1000); /* preferred timing */
    g_assert_cmpuint(edid[59] | (edid[61] >> 4) << 8, ==, 700);
    g_assert_cmpuint(edid[126], ==, 0); /* no extensions */

    g_assert_cmphex(space_read(m.pc->mem, VGA_BAR2 + 0x500, 2), ==, 0xb0c5);
    space_write(m.pc->mem, VGA_BAR2 + 0x502, 1280, 2);
    outw(&m, 0x1ce, 1);
    g_assert_cmpuint(inw(&m, 0x1cf), ==, 1280);
    space_write(m.pc->mem, VGA_BAR2 + 0x402, 0x67, 1); /* 3C2 */
    g_assert_cmphex(inb(&m, 0x3cc), ==, 0x67);
    g_assert_cmphex(readl(&m, VGA_BAR2 + 0x600), ==, 8);
    g_assert_cmphex(readl(&m, VGA_BAR2 + 0x604), ==, 0x1e1e1e1e);
    writel(&m, VGA_BAR0 + 0x123450, 0xdeadbeef);
    g_assert_cmphex(*(uint32_t *)(card.vga.vram.host + 0x123450), ==, 0xdeadbeef);
    pc_setup_as_firmware(m.pc);
    g_assert_cmphex(space_read(m.pc->mem, 0xb8000, 2), ==, 0x0720);
    machine_stop(&m);
}

/* A range that is waited for. */
struct written {
    gpa addr;
    uint64_t size;
    unsigned n;
};

static void note_written(void *opaque, gpa addr, uint64_t size)
{
    struct written *w = opaque;

    w->n += w->addr == addr && w->size == size;
}

/* Code may have been translated from the frame buffer that a handler changes. */
static void test_written(void)
{
    static struct rig r;
    struct written w = {VGA_BAR0 + 0x40, 4, 0};
    struct vga *v;

    rig_start(&r);
    v = &r.card.vga;
    g_assert_true(
        space_add_ram(r.env.mem, "lfb", VGA_BAR0, v->vram.size, v->vram.host, false, NULL));
    set_mode(&r, &mode_12);
    space_on_dma_write(r.env.mem, note_written, &w);
    space_write(r.env.mem, 0xa0010, 0x5a, 1);
    g_assert_cmpuint(w.n, ==, 1);
    w = (struct written){VGA_BAR0, 640 * 480, 0};
    vbe_mode(&r, 640, 480, 8, 0);
    g_assert_cmpuint(w.n, ==, 1);
    rig_stop(&r);
}

static void test_bad_size(void)
{
    static struct rig r;
    static struct vga_isa card;
    struct err e;

    rig_start(&r);
    dev_init(&card.dev, &vga_isa_class, NULL, &r.env);
    g_assert_true(dev_set_prop(&card.dev, "vgamem_mb", "513", &e));
    g_assert_false(dev_realize(&card.dev, &e));
    g_assert_nonnull(strstr(e.msg, "1 to 512"));
    g_assert_true(dev_set_prop(&card.dev, "vgamem_mb", "3", &e));
    g_assert_true(dev_realize(&card.dev, &e));
    g_assert_cmpuint(card.vga.vram.size, ==, 4 << 20);
    dev_finish(&card.dev);
    rig_stop(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vga/registers", test_registers);
    g_test_add_func("/vga/retrace", test_retrace);
    g_test_add_func("/vga/memory", test_memory);
    g_test_add_func("/vga/fuzz", test_fuzz);
    g_test_add_func("/vga/vbe", test_vbe);
    g_test_add_func("/vga/card", test_card);
    g_test_add_func("/vga/written", test_written);
    g_test_add_func("/vga/bad-size", test_bad_size);
    return g_test_run();
}
