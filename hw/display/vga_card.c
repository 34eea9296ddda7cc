/* SPDX-License-Identifier: MIT
 * The cards around the VGA chip. "VGA": PCI function 1234:1111 as QEMU documents it ("Standard
 * VGA", docs/specs/standard-vga.txt): BAR 0 frame buffer, BAR 2 registers (EDID at 0, ports
 * 3C0-3DF at 400, dispi at 500, extension at 600), option ROM. "isa-vga": the ports alone.
 * Left out: big-endian frame buffer (604 says little and stays), decoding of the legacy ports
 * and window by the command register (as in QEMU: always on). */
#include "hw/display/edid.h"
#include "hw/display/vga_int.h"

#include <string.h>

#define MMIO_PORTS   0x400
#define MMIO_VBE     0x500
#define MMIO_EXT     0x600
#define EXT_BYTES    8
#define LITTLE_WORDS 0x1e1e

const uint16_t vga_region_port[VGA_PORT_REGIONS] = {0x3b4, 0x3ba, 0x3c0, 0x3d4, 0x3da, 0x1ce};

static struct vga *vga_of(void *opaque)
{
    const struct dev *d = opaque;

    return d->cls == &vga_isa_class ? &((struct vga_isa *)opaque)->vga
                                    : &((struct vga_pci *)opaque)->vga;
}

/* --- ports ------------------------------------------------------------------------------ */

#define PORT_HANDLERS(base)                                                                    \
    static uint64_t read_##base(void *opaque, uint64_t offset, unsigned size)                  \
    {                                                                                          \
        return vga_port_read(vga_of(opaque), 0x##base + offset);                               \
    }                                                                                          \
    static void write_##base(void *opaque, uint64_t offset, uint64_t value, unsigned size)     \
    {                                                                                          \
        vga_port_write(vga_of(opaque), 0x##base + offset, value);                              \
    }
PORT_HANDLERS(3b4)
PORT_HANDLERS(3ba)
PORT_HANDLERS(3c0)
PORT_HANDLERS(3d4)
PORT_HANDLERS(3da)

/* 16-bit index at 1CE, 16-bit data at 1CF and again at 1D0. The one at 1CF is not aligned and
 * comes as two bytes. */
static uint64_t dispi_read(void *opaque, uint64_t offset, unsigned size)
{
    struct vga *v = vga_of(opaque);
    uint16_t data = vga_vbe_read(v, v->vbe_index);

    if (offset == 0)
        return v->vbe_index;
    return size == 1 && offset == 2 ? data >> 8 : data;
}

static void dispi_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct vga *v = vga_of(opaque);

    if (offset == 0)
        v->vbe_index = value;
    else if (size == 2)
        vga_vbe_write(v, v->vbe_index, value);
    else if (offset == 1)
        v->vbe_low = value;
    else if (offset == 2)
        vga_vbe_write(v, v->vbe_index, v->vbe_low | value << 8);
}

/* --- BAR 2 -------------------------------------------------------------------------------- */

static uint16_t mmio_ext(unsigned offset)
{
    switch (offset & ~1u) {
    case 0: return EXT_BYTES;
    case 4:
    case 6: return LITTLE_WORDS;
    default: return 0;
    }
}

static uint8_t mmio_read_byte(struct vga_pci *c, unsigned at)
{
    unsigned odd = 8 * (at & 1);

    if (at < sizeof(c->edid))
        return c->edid[at];
    if (at - MMIO_PORTS < 0x20)
        return vga_port_read(&c->vga, 0x3c0 + at - MMIO_PORTS);
    if (at - MMIO_VBE < 2 * VGA_VBE_REGS)
        return vga_vbe_read(&c->vga, (at - MMIO_VBE) / 2) >> odd;
    if (at - MMIO_EXT < EXT_BYTES)
        return mmio_ext(at - MMIO_EXT) >> odd;
    return at < MMIO_PORTS ? 0 : 0xff;
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    struct vga_pci *c = opaque;
    uint16_t v = mmio_read_byte(c, offset);

    return size == 2 ? v | mmio_read_byte(c, offset + 1) << 8 : v;
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct vga_pci *c = opaque;
    unsigned i, port = offset - MMIO_PORTS, vbe = offset - MMIO_VBE;

    if (offset >= MMIO_PORTS && port < 0x20)
        for (i = 0; i < size; i++)
            vga_port_write(&c->vga, 0x3c0 + port + i, value >> (8 * i));
    else if (offset >= MMIO_VBE && vbe < 2 * VGA_VBE_REGS && size == 2)
        vga_vbe_write(&c->vga, vbe / 2, value);
}

/* --- life --------------------------------------------------------------------------------- */

static bool pci_realize(struct dev *d, struct err *e)
{
    struct vga_pci *c = (struct vga_pci *)d;
    struct edid_info info = {c->xres, c->yres, c->xmax, c->ymax};

    if (!vga_core_realize(&c->vga, d, e))
        return false;
    pci_fn_header(&c->pci, 0x1234, 0x1111, 2, 0x030000, 0);
    pci_fn_set16(&c->pci, 0x2c, 0x1af4); /* subsystem, as drivers know it */
    pci_fn_set16(&c->pci, 0x2e, 0x1100);
    pci_fn_add_ram_bar(&c->pci, 0, PCI_BAR_MEM32, true, c->vga.vram.host, c->vga.vram.size);
    pci_fn_add_bar(&c->pci, 2, PCI_BAR_MEM32, VGA_REGION_MMIO, 0);
    c->pci.wmask[4] |= 1; /* I/O space: the legacy ports; firmware looks at it */
    if (c->edid_on)
        edid_make(&info, c->edid);
    if (!c->rom || pci_fn_set_rom(&c->pci, c->rom, c->rom_size, e))
        return true;
    vga_core_unrealize(&c->vga);
    return false;
}

static void pci_reset(struct dev *d)
{
    struct vga_pci *c = (struct vga_pci *)d;

    pci_fn_reset(&c->pci);
    vga_core_reset(&c->vga);
}

static void pci_unrealize(struct dev *d)
{
    struct vga_pci *c = (struct vga_pci *)d;

    pci_fn_finish(&c->pci);
    vga_core_unrealize(&c->vga);
}

static bool isa_realize(struct dev *d, struct err *e)
{
    return vga_core_realize(vga_of(d), d, e);
}

static void isa_reset(struct dev *d)
{
    vga_core_reset(vga_of(d));
}

static void isa_unrealize(struct dev *d)
{
    vga_core_unrealize(vga_of(d));
}

static void pci_loaded(struct dev *d)
{
    struct vga_pci *c = (struct vga_pci *)d;

    pci_fn_loaded(&c->pci);
    vga_window_update(&c->vga);
}

static void isa_loaded(struct dev *d)
{
    vga_window_update(vga_of(d));
}

/* --- tables ------------------------------------------------------------------------------- */

/* clang-format off */
#define CHIP_STATE(T)                                                                          \
    STATE(T, vga.misc), STATE(T, vga.feature), STATE(T, vga.enable), STATE(T, vga.sr_index),   \
    STATE_ARRAY(T, vga.sr), STATE(T, vga.gr_index), STATE_ARRAY(T, vga.gr),                    \
    STATE(T, vga.cr_index), STATE_ARRAY(T, vga.cr), STATE(T, vga.ar_index),                    \
    STATE_ARRAY(T, vga.ar), STATE(T, vga.ar_data), STATE(T, vga.latch),                        \
    STATE(T, vga.dac_mask), STATE(T, vga.dac_read), STATE(T, vga.dac_write),                   \
    STATE(T, vga.dac_step), STATE_ARRAY(T, vga.dac_new), STATE(T, vga.dac_reading),            \
    STATE_ARRAY(T, vga.dac), STATE(T, vga.vbe_index), STATE_ARRAY(T, vga.vbe),                 \
    STATE(T, vga.vbe_low), STATE(T, vga.vbe_start), STATE(T, vga.vbe_pitch),                   \
    {.name = "vga.vram", .kind = STATE_BYTES, .offset = offsetof(T, vga.vram.host),            \
     .size = offsetof(T, vga.vram_bytes), .count = 1, .kept = true}
/* clang-format on */

static const struct state_field pci_state[] = {PCI_FN_STATE(struct vga_pci, pci),
                                               CHIP_STATE(struct vga_pci), STATE_END};
static const struct state_field isa_state[] = {CHIP_STATE(struct vga_isa), STATE_END};

static const struct prop pci_props[] = {
    PROP(PROP_U32, struct vga_pci, vga.vgamem_mb, "vgamem_mb", 16),
    PROP(PROP_BOOL, struct vga_pci, edid_on, "edid", 1),
    PROP(PROP_U32, struct vga_pci, xres, "xres", 0),
    PROP(PROP_U32, struct vga_pci, yres, "yres", 0),
    PROP(PROP_U32, struct vga_pci, xmax, "xmax", 0),
    PROP(PROP_U32, struct vga_pci, ymax, "ymax", 0),
    PROP_END,
};
static const struct prop isa_props[] = {
    PROP(PROP_U32, struct vga_isa, vga.vgamem_mb, "vgamem_mb", 8),
    PROP_END,
};

#define PORT_REGIONS                                                                           \
    {"vga-3b4", REGION_PORT, 2, {read_3b4, write_3b4, 1, 1}},                                  \
        {"vga-3ba", REGION_PORT, 1, {read_3ba, write_3ba, 1, 1}},                              \
        {"vga-3c0", REGION_PORT, 16, {read_3c0, write_3c0, 1, 1}},                             \
        {"vga-3d4", REGION_PORT, 2, {read_3d4, write_3d4, 1, 1}},                              \
        {"vga-3da", REGION_PORT, 1, {read_3da, write_3da, 1, 1}},                              \
    {                                                                                          \
        "vga-vbe", REGION_PORT, 4,                                                             \
        {                                                                                      \
            dispi_read, dispi_write, 1, 2                                                      \
        }                                                                                      \
    }

static const struct dev_region isa_regions[] = {PORT_REGIONS, {0}};
static const struct dev_region pci_regions[] = {
    PORT_REGIONS,
    {"vga-mmio", REGION_MEM, 0x1000, {mmio_read, mmio_write, 1, 2}},
    {0},
};

const struct dev_class vga_pci_class = {
    .name = "VGA",
    .alias = "vga",
    .bus = DEV_BUS_PCI,
    .kind = "Display",
    .desc = "standard VGA with Bochs VBE",
    .size = sizeof(struct vga_pci),
    .props = pci_props,
    .state = pci_state,
    .regions = pci_regions,
    .realize = pci_realize,
    .reset = pci_reset,
    .unrealize = pci_unrealize,
    .loaded = pci_loaded,
};

const struct dev_class vga_isa_class = {
    .name = "isa-vga",
    .bus = DEV_BUS_ISA,
    .size = sizeof(struct vga_isa),
    .props = isa_props,
    .state = isa_state,
    .regions = isa_regions,
    .realize = isa_realize,
    .reset = isa_reset,
    .unrealize = isa_unrealize,
    .loaded = isa_loaded,
};
