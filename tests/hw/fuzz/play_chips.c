/* SPDX-License-Identifier: MIT
 * The small chips, configuration space, firmware's items, anything anywhere, and the host:
 * media, keys, lines, resets. */
#include "tests/hw/fuzz/play.h"

/* ---- anything anywhere ---- */

static struct rig *collecting;

static void collect(void *opaque, const char *name, gpa base, gpa last, bool ram)
{
    struct rig *r = collecting;

    if ((ram && !one_in(8)) || r->n_places == RIG_PLACES)
        return;
    r->place[r->n_places].base = base;
    r->place[r->n_places].size = last - base + 1;
    r->place[r->n_places++].port = *(bool *)opaque;
}

static void find_places(struct rig *r)
{
    bool port = true, mem = false;

    collecting = r;
    r->n_places = 0;
    space_each(r->m.pc->ports, collect, &port);
    space_each(r->m.pc->mem, collect, &mem);
}

static uint64_t value(void)
{
    return one_in(3) ? fuzz_edge() : FUZZ_U32();
}

static void poke_at(struct rig *r, gpa at, bool port)
{
    unsigned width = 1u << fuzz_below(port ? 3 : 4);
    bool read = one_in(4);

    if (port && read)
        rig_in(r, (uint16_t)at, width);
    else if (port)
        rig_out(r, (uint16_t)at, (uint32_t)value(), width);
    else if (read)
        rig_load(r, at, width);
    else
        rig_store(r, at, value(), width);
}

static void poke(struct rig *r)
{
    if (!r->n_places || one_in(20))
        find_places(r);
    for (unsigned n = fuzz_below(30); n && r->n_places; n--) {
        unsigned k = fuzz_below(r->n_places);
        gpa size = r->place[k].size,
            off = size > UINT32_MAX ? FUZZ_U32() : fuzz_below((uint32_t)size);

        if (one_in(2))
            off &= ~15ull; /* where APICs have their registers */
        if (one_in(20))
            off = size - fuzz_below(9); /* across the end */
        poke_at(r, r->place[k].base + off, r->place[k].port);
    }
    poke_at(r, fuzz_below(0x10000), true);
    poke_at(r, rig_addr(r), false);
}

/* ---- PCI ---- */

static void config(struct rig *r)
{
    static const uint8_t regs[] = {0x04, 0x10, 0x14, 0x18, 0x20, 0x24, 0x30, 0x3c,
                                   0x40, 0x48, 0x59, 0x5c, 0x60, 0x72, 0x80};
    struct pci_host *h = &r->m.pc->pci;

    for (unsigned n = 1 + fuzz_below(6); n; n--) {
        unsigned fn = one_in(10) ? fuzz_below(256)
                                 : PICK(((const unsigned[]){0, 8, 9, 11, 16, 24, 32, 40}));
        unsigned reg = one_in(3) ? fuzz_below(256) : PICK(regs);
        uint32_t v = one_in(3) ? (uint32_t)rig_addr(r) : (uint32_t)value();

        rig_out(r, 0xcf8,
                (one_in(30) ? FUZZ_U32() : 0x80000000) | fn << 8 | (reg & ~3u) |
                    (one_in(4) ? fuzz_below(4) << 16 : 0),
                4);
        if (one_in(4))
            rig_in(r, 0xcfc + (reg & 3), one_in(2) ? 4 : 1);
        else
            rig_out(r, 0xcfc + (reg & 3), v, 1u << fuzz_below(3));
    }
    if (one_in(3))
        rig_place_bars(r);
    pci_config_read(h, fuzz_below(64), fuzz_below(64) * 4, 4);
}

/* ---- timers ---- */

static void timers(struct rig *r)
{
    gpa hpet = 0xfed00000;
    unsigned n = fuzz_below(4);

    switch (fuzz_below(5)) {
    case 0:
        rig_out(r, 0x43, FUZZ_U32(), 1);
        rig_out(r, 0x40 + fuzz_below(3), one_in(2) ? fuzz_below(4) : FUZZ_U32(), 1);
        rig_out(r, 0x61, FUZZ_U32(), 1);
        rig_in(r, 0x40 + fuzz_below(4), 1);
        break;
    case 1:
        rig_out(r, 0x70, fuzz_below(one_in(2) ? 14 : 256), 1);
        rig_out(r, 0x71, one_in(2) ? 0x70 | fuzz_below(16) : FUZZ_U32(), 1);
        rig_in(r, 0x71, 1);
        break;
    case 2:
        rig_store(r, hpet + 0x10, fuzz_below(4), 8);
        rig_store(r, hpet + 0x100 + 32 * n, value(), one_in(2) ? 8 : 4);
        rig_store(r, hpet + 0x108 + 32 * n, one_in(2) ? fuzz_below(100) : value(),
                  one_in(2) ? 8 : 4);
        rig_store(r, hpet + 0xf0, value(), one_in(2) ? 8 : 4);
        rig_store(r, hpet + 0x20, value(), 4);
        break;
    case 3:
        rig_out(r, PC_PMBASE + fuzz_below(16), FUZZ_U32(), 1u << fuzz_below(3));
        rig_in(r, PC_PMBASE + fuzz_below(16), 4);
        if (one_in(8))
            rig_out(r, PC_PMBASE + 4, 0x2000 | fuzz_below(8) << 10, 2);
        rig_out(r, 0xb2, one_in(2) ? 0xf0 | fuzz_below(2) : FUZZ_U32(), 1);
        break;
    default:
        rig_store(r, 0xfee003e0, FUZZ_U32(), 4);
        rig_store(r, 0xfee00320, (FUZZ_U32() & 0x70000) | 0x50, 4);
        rig_store(r, 0xfee00380, one_in(2) ? fuzz_below(20) : FUZZ_U32(), 4);
        pc_msr_write(r->m.pc, n % TEST_CPUS, 0x6e0,
                     one_in(2) ? r->m.ns * 2 + FUZZ_U32() : value());
        rig_load(r, 0xfee00390, 4);
        break;
    }
}

/* ---- interrupt controllers ---- */

static void pic(struct rig *r)
{
    uint16_t base = one_in(2) ? 0x20 : 0xa0;

    if (one_in(3)) {
        rig_out(r, base, 0x11 | (FUZZ_U32() & 0x0a), 1);
        for (unsigned i = 0; i < 3; i++)
            rig_out(r, base + 1,
                    one_in(3) ? FUZZ_U32() : PICK(((const uint8_t[]){8, 4, 2, 1, 3})), 1);
    }
    rig_out(r, base, FUZZ_U32(), 1);
    rig_out(r, base + 1, one_in(2) ? 0 : FUZZ_U32(), 1);
    rig_out(r, 0x4d0 + fuzz_below(2), FUZZ_U32(), 1);
    rig_in(r, base + fuzz_below(2), 1);
}

static void apics(struct rig *r)
{
    unsigned cpu = fuzz_below(TEST_CPUS);
    gpa page = 0xfee00000;
    uint64_t v;

    r->m.current_cpu = fuzz_below(TEST_CPUS);
    rig_store(r, 0xfec00000, fuzz_below(one_in(8) ? 256 : 0x40), 4);
    rig_store(r, 0xfec00010, one_in(2) ? 0x30 + fuzz_below(64) : FUZZ_U32(), 4);
    rig_load(r, 0xfec00010, 4);
    if (one_in(2)) { /* a pin, level-triggered, as drivers of PCI do */
        unsigned pin = fuzz_below(24);

        rig_store(r, 0xfec00000, 0x11 + 2 * pin, 4);
        rig_store(r, 0xfec00010, fuzz_below(4) << 24, 4);
        rig_store(r, 0xfec00000, 0x10 + 2 * pin, 4);
        rig_store(r, 0xfec00010, (0x30 + pin) | (FUZZ_U32() & 0xa000), 4);
    }
    rig_store(r, page + 0xf0, 0x1ff, 4);
    rig_store(r, page + (fuzz_below(0x40) << 4), value(), 4);
    rig_store(r, page + 0x310, FUZZ_U32(), 4);
    rig_store(r, page + 0x300, one_in(2) ? (FUZZ_U32() & 0xcffff) : FUZZ_U32(), 4);
    rig_store(r, page + 0xb0, 0, 4);
    if (one_in(6))
        pc_msr_write(r->m.pc, cpu, 0x1b,
                     0xfee00000 | (uint64_t)fuzz_below(4) << 10 | fuzz_below(2) << 8);
    if (one_in(6)) { /* x2APIC */
        pc_msr_write(r->m.pc, cpu, 0x1b, 0xfee00800 | (cpu ? 0 : 0x100));
        pc_msr_write(r->m.pc, cpu, 0x1b, 0xfee00c00 | (cpu ? 0 : 0x100));
        pc_msr_write(r->m.pc, cpu, 0x80f, 0x1ff);
        pc_msr_write(r->m.pc, cpu, 0x830, value());
    }
    pc_msr_write(r->m.pc, cpu, 0x800 + fuzz_below(one_in(4) ? 256 : 64), value());
    pc_msr_read(r->m.pc, cpu, 0x800 + fuzz_below(64), &v);
    pc_msr_read(r->m.pc, cpu, one_in(2) ? 0x1b : 0x6e0, &v);
    pc_set_cr8(r->m.pc, cpu, (uint8_t)fuzz_below(16));
    g_assert_cmpuint(pc_get_cr8(r->m.pc, cpu), <, 16);
    pc_tsc_changed(r->m.pc, cpu);
}

static void accept(struct rig *r)
{
    for (unsigned cpu = 0; cpu < TEST_CPUS; cpu++) {
        int v;

        if (!r->m.intr[cpu] && !one_in(16))
            continue;
        v = pc_ack_interrupt(r->m.pc, cpu);
        g_assert_true(v >= 0 && v <= 255);
        r->m.current_cpu = cpu;
        if (!one_in(4))
            rig_store(r, 0xfee000b0, 0, 4);
        if (!one_in(4))
            rig_out(r, one_in(2) ? 0x20 : 0xa0, 0x20 | (one_in(4) ? FUZZ_U32() & 0xe7 : 0), 1);
    }
}

/* ---- keyboard controller, serial ports ---- */

static void keyboard(struct rig *r)
{
    static const uint8_t commands[] = {0x20, 0x60, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xad, 0xae,
                                       0xc0, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xe0, 0xf0, 0xff};
    static const uint8_t device[] = {0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed,
                                     0xee, 0xf0, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf8,
                                     0xfb, 0xfc, 0xfe, 0xff, 200,  100,  80};
    static const key_code keys[] = {0xc6, 0xb7, 0x1e, 0x2a, 0x1d, 0x38, 0xb8, 0x9d, 0xe0, 0xc8};
    struct input_sink sink = kbc_input(&r->m.pc->kbc);

    if (one_in(3)) { /* both on, a set of scan codes, data reporting */
        const uint8_t set_up[] = {0x45 & (uint8_t) ~(FUZZ_U32() & 0x40), 0xf0,
                                  1 + (uint8_t)fuzz_below(3), 0xf4};

        rig_out(r, 0x64, 0xae, 1);
        rig_out(r, 0x64, 0x60, 1);
        for (unsigned i = 0; i < sizeof(set_up); i++)
            rig_out(r, 0x60, set_up[i], 1);
        rig_out(r, 0x64, 0xd4, 1);
        rig_out(r, 0x60, 0xf4, 1);
    }

    for (unsigned n = fuzz_below(10); n; n--) {
        if (one_in(2))
            rig_out(r, 0x64, one_in(2) ? 0xd4 : one_in(6) ? FUZZ_U32() : PICK(commands), 1);
        rig_out(r, 0x60, one_in(3) ? FUZZ_U32() : PICK(device), 1);
        if (one_in(2))
            sink.key(sink.opaque, one_in(2) ? PICK(keys) : (key_code)FUZZ_U32(), !one_in(3));
        if (one_in(2))
            sink.move(sink.opaque, (int)fuzz_edge(), (int)FUZZ_U32(), (int)fuzz_below(9) - 4,
                      FUZZ_U32());
        for (unsigned k = fuzz_below(8); k; k--)
            rig_in(r, one_in(3) ? 0x64 : 0x60, 1);
    }
}

static void serial(struct rig *r)
{
    uint16_t base = one_in(2) ? 0x3f8 : 0x2f8;
    uint8_t data[100] = {0};

    rig_out(r, base + fuzz_below(8), FUZZ_U32(), 1);
    if (one_in(2))
        rig_out(r, base + 2, 1 | (FUZZ_U32() & 0xc6), 1);
    r->m.serial.full = one_in(3);
    if (r->m.serial.in_len < 1000)
        chardev_mem_send(&r->m.serial, data, fuzz_below(sizeof(data)));
    if (one_in(8))
        chardev_break(&r->m.serial.chr);
    if (!r->m.serial.full)
        chardev_output_ready(&r->m.serial.chr);
    for (unsigned n = fuzz_below(40); n; n--) {
        rig_in(r, base + fuzz_below(8), 1);
        rig_out(r, base, n, 1);
    }
    r->m.serial.out_len = r->m.debug.out_len = 0;
}

/* ---- fw_cfg ---- */

static void put_be32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void firmware(struct rig *r)
{
    uint16_t key = one_in(10) ? (uint16_t)FUZZ_U32() : (uint16_t)fuzz_below(0x38);
    gpa at = one_in(8) ? rig_addr(r) : rig_arena(r, 16), to = rig_addr(r);
    uint8_t req[16];

    if (one_in(2)) {
        rig_out(r, 0x510, key, 2);
        for (unsigned n = fuzz_below(100); n; n--)
            rig_in(r, 0x511, 1);
    }
    put_be32(req, (uint32_t)key << 16 |
                      (one_in(4) ? FUZZ_U32() & 0xffff
                                 : PICK(((const uint8_t[]){0xa, 2, 4, 8, 0x18, 0x10, 0xe}))));
    put_be32(req + 4, one_in(40) ? (uint32_t)fuzz_edge() : fuzz_below(0x3000));
    put_be32(req + 8, (uint32_t)(to >> 32));
    put_be32(req + 12, (uint32_t)to);
    rig_put(r, at, req, sizeof(req));
    rig_out(r, 0x514, __builtin_bswap32((uint32_t)(at >> 32)), 4);
    rig_out(r, 0x518, __builtin_bswap32((uint32_t)at), 4);
    rig_in(r, 0x514 + fuzz_below(8), 1u << fuzz_below(3));
}

/* ---- the host ---- */

static void media(struct rig *r)
{
    static const unsigned with_tray[] = {2, 3, RIG_DISK_FLOPPY, RIG_DISK_FLOPPY + 1};

    struct block *b = &r->disk[RIG_DISK_VIRTIO + fuzz_below(RIG_VIRTIO)].blk;

    fuzz_disk_change(&r->disk[PICK(with_tray)]);
    if (one_in(4)) { /* grown, or cut short */
        block_drain(b);
        b->bytes = 512 * (uint64_t)fuzz_below(30000);
        b->changed(b->opaque);
    }
}

static void answers(struct rig *r)
{
    for (unsigned i = 0; i < RIG_DISKS; i++)
        if (one_in(2))
            fuzz_disk_answer(&r->disk[i]);
}

static void print_nothing(void *opaque, const char *line)
{
}

/* But for memories: a line a byte. */
static void print(struct dev *d)
{
    for (const struct state_field *f = d->cls->state; f && f->name; f++)
        if (f->kind == STATE_BYTES)
            return;
    dev_print_state(d, print_nothing, NULL);
}

static void host(struct rig *r)
{
    struct pc *pc = r->m.pc;

    switch (fuzz_below(8)) {
    case 0: rig_save(r); break;
    case 1: rig_restore(r); break;
    case 2: pc_power_button(pc); break;
    case 3: pc_set_ferr(pc); break;
    case 4: acpi_pm_set_gpe(&pc->acpi_pm, fuzz_below(16)); break;
    case 5:
        pc_msi(pc, one_in(2) ? rig_addr(r) : 0xfee00000 | FUZZ_U32() >> 12, FUZZ_U32());
        break;
    case 6: print(pc->devs[fuzz_below(pc->n_devs)]); break;
    default:
        if (one_in(4))
            rig_reset(r);
        break;
    }
}

static void small_ports(struct rig *r)
{
    static const uint16_t ports[] = {0x80, 0x92, 0xed, 0xf0,  0xf1, 0xcf9,
                                     0x61, 0xb2, 0xb3, 0x402, 0xe9};

    rig_out(r, PICK(ports), FUZZ_U32(), 1);
    rig_in(r, PICK(ports), 1);
}

const struct play play_chips[] = {
    {"poke", 12, poke},        {"config", 6, config},
    {"timers", 16, timers},    {"pic", 5, pic},
    {"apics", 10, apics},      {"accept", 12, accept},
    {"keyboard", 6, keyboard}, {"serial", 6, serial},
    {"fw_cfg", 6, firmware},   {"media", 4, media},
    {"answers", 10, answers},  {"host", 4, host},
    {"ports", 3, small_ports}, {0},
};
