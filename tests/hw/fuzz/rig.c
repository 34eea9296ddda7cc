/* SPDX-License-Identifier: MIT */
#include "tests/hw/fuzz/rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#include "hw/devices.h"

static uint64_t state;

void random_seed(uint64_t seed)
{
    state = seed;
}

/* splitmix64 */
uint32_t random_u32(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (uint32_t)(z >> 32);
}

/* ---- accesses ---- */

static bool tracing(void)
{
    static int on = -1;

    if (on < 0)
        on = getenv("MYNAH_FUZZ_TRACE") != NULL;
    return on;
}

#define TRACE(...) (void)(tracing() && fprintf(stderr, __VA_ARGS__))

void rig_out(struct rig *r, uint16_t port, uint32_t v, unsigned size)
{
    TRACE("out%u %x, %x\n", size, port, v);
    space_write(r->m.pc->ports, port, v, size);
}

uint32_t rig_in(struct rig *r, uint16_t port, unsigned size)
{
    uint32_t v = (uint32_t)space_read(r->m.pc->ports, port, size);

    TRACE("in%u %x: %x\n", size, port, v);
    return v;
}

void rig_store(struct rig *r, gpa addr, uint64_t v, unsigned size)
{
    TRACE("store%u %" PRIx64 ", %" PRIx64 "\n", size, addr, v);
    space_write(r->m.pc->mem, addr, v, size);
}

uint64_t rig_load(struct rig *r, gpa addr, unsigned size)
{
    uint64_t v = space_read(r->m.pc->mem, addr, size);

    TRACE("load%u %" PRIx64 ": %" PRIx64 "\n", size, addr, v);
    return v;
}

void rig_put(struct rig *r, gpa addr, const void *p, size_t n)
{
    TRACE("put %" PRIx64 ", %zu bytes\n", addr, n);
    space_write_bytes(r->m.pc->mem, addr, p, n);
    r->last = addr;
}

gpa rig_arena(struct rig *r, unsigned align)
{
    return RIG_ARENA + (fuzz_below(RIG_ROOM) & ~(align - 1));
}

gpa rig_bar(const struct pci_fn *fn, unsigned n)
{
    return fn->bar[n].placed ? fn->bar[n].base : PCI_NOWHERE;
}

gpa rig_addr(struct rig *r)
{
    static const gpa chips[] = {0xfee00000, 0xfec00000, 0xfed00000, 0xffff0000, 0xfffe0000};

    switch (fuzz_below(20)) {
    case 0: return r->ram - fuzz_below(0x2000);
    case 1: return 0xa0000 + fuzz_below(0x60000);
    case 2: return PICK(chips) + fuzz_below(0x1000);
    case 3: return 0x100000000 - fuzz_below(0x2000);
    case 4: return fuzz_edge();
    case 5: return 0 - (gpa)fuzz_below(0x10000);
    case 6: return r->last + fuzz_below(64);
    case 7: return r->n_places ? r->place[fuzz_below(r->n_places)].base : 0;
    case 8: return rig_bar(&r->vga.pci, 0) + fuzz_below(0x1000000);
    case 9:
    case 10: return rig_arena(r, 1);
    default: return fuzz_below(r->ram < UINT32_MAX ? (uint32_t)r->ram : UINT32_MAX);
    }
}

static void place_bar(struct rig *r, struct pci_fn *fn, unsigned n)
{
    uint64_t size = fn->bar[n].size;
    uint32_t *at = fn->bar[n].kind == PCI_BAR_IO ? &r->next_io : &r->next_mem;

    if (fn->bar[n].kind == PCI_BAR_NONE)
        return;
    *at = (uint32_t)((*at + size - 1) & ~(size - 1));
    pci_config_write(&r->m.pc->pci, fn->devfn, 0x10 + 4 * n, *at, 4);
    if (fn->bar[n].kind == PCI_BAR_MEM64)
        pci_config_write(&r->m.pc->pci, fn->devfn, 0x14 + 4 * n, 0, 4);
    *at += (uint32_t)size;
}

void rig_place_bars(struct rig *r)
{
    r->next_io = 0xc000;
    r->next_mem = 0xe0000000;
    for (unsigned i = 0; i < 256; i++) {
        struct pci_fn *fn = r->m.pc->pci.bus.fn[i];

        for (unsigned n = 0; fn && n < 6; n++)
            place_bar(r, fn, n);
        if (fn)
            pci_config_write(&r->m.pc->pci, i, 4, 7, 2);
    }
    pci_fn_config_write(&r->bridge[1].pci, 4, 7, 2);
    pci_fn_config_write(&r->vblk[1].p.pci, 4, 7, 2);
    pci_fn_config_write(&r->testdev.pci, 4, 7, 2);
}

/* ---- building ---- */

/* The ACPI tables are made anew when they are asked for: the registers may have moved. */
static void describe(void *opaque, struct acpi_config *c)
{
    struct rig *r = opaque;

    *c = acpi_config_pc(r->m.pc->memory.ram_low);
    c->pm1_evt = pci_fn_get16(&r->m.pc->piix4_pm.pci, 0x40) & 0xffc0;
    c->has_vga = true;
    c->hpet_addr = HPET_BASE;
    c->fw_cfg = FW_CFG_PORT;
}

static void add_items(struct rig *r)
{
    struct fw_items it = {.cpus = TEST_CPUS,
                          .ram_low = r->m.pc->memory.ram_low,
                          .ram_high = r->m.pc->memory.ram_high,
                          .hpet_addr = HPET_BASE,
                          .boot = {.order = "cd", .splash_ms = -1, .reboot_ms = -1},
                          .cmdline = "quiet"};
    struct err e;

    r->acpi = (struct fw_acpi){.f = &r->m.pc->fw_cfg, .opaque = r, .describe = describe};
    if (!fw_items_add(&r->m.pc->fw_cfg, &it, &e) || !fw_items_add_acpi(&r->acpi, &e))
        g_error("%s", e.msg);
}

static struct block *find_drive(void *opaque, const char *id, struct err *e)
{
    struct rig *r = opaque;

    return &r->disk[atoi(id)].blk;
}

static void make_disks(struct rig *r)
{
    static const uint64_t sizes[] = {10 << 20, 8ull << 30, 3ull << 40, 4096, 512, 1ull << 37};
    static const char *const names[RIG_DISKS] = {"0", "1", "2", "3", "4",
                                                 "5", "6", "7", "8", "9"};

    for (unsigned i = 0; i < RIG_DISKS; i++) {
        struct fuzz_disk *d = &r->disk[i];
        bool floppy = i >= RIG_DISK_FLOPPY && i < RIG_DISK_FLASH;

        fuzz_disk_init(d, names[i], one_in(2) ? 10 << 20 : PICK(sizes));
        d->blk.removable = floppy || i == 2 || i == 3;
        d->blk.readonly = one_in(8);
        if (floppy)
            d->blk.bytes = 1440 << 10;
        if (i >= RIG_DISK_FLASH && i < RIG_DISK_VIRTIO) {
            d->blk.bytes = 64 << 10 << fuzz_below(3);
            d->at_once = 16;
            d->fail = 0;
        }
    }
    r->disk[RIG_DISK_FLOPPY + 1].blk.present = false;
    r->disk[2].blk.present = !one_in(4);
}

/* Leaves the host a place for RAM that ends where nothing can be accessed. */
static void make_guard(struct rig *r)
{
    size_t all = r->ram + 2 * RIG_GUARD;
    uint8_t *p = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    g_assert_true(p != MAP_FAILED);
    r->guard = (uint8_t *)(((uintptr_t)p + all - RIG_GUARD) & ~(uintptr_t)(RIG_GUARD - 1));
    munmap(p, (size_t)(r->guard - p));
    munmap(r->guard + RIG_GUARD, (size_t)(p + all - r->guard - RIG_GUARD));
}

static void make_board(struct rig *r)
{
    static const uint64_t rams[] = {1 << 20, 2 << 20, 16 << 20};
    static const uint8_t rom[128 << 10];
    bool with_flash = !one_in(5);
    struct pc_config cfg = machine_config(&r->m);

    r->ram = cfg.ram_bytes = one_in(16) ? 5ull << 30 : PICK(rams);
    cfg.ide[0] = &r->disk[0].blk;
    cfg.ide[2] = &r->disk[2].blk;
    for (unsigned i = 0; i < FDC_DRIVES; i++)
        cfg.floppy[i] = &r->disk[RIG_DISK_FLOPPY + i].blk;
    cfg.rom = rom;
    cfg.rom_bytes = sizeof(rom);
    for (unsigned i = 0; i < PC_FLASH_BANKS && with_flash; i++)
        cfg.pflash[i] = &r->disk[RIG_DISK_FLASH + i].blk;
    cfg.debugexit_iosize = 0;
    cfg.serial[1] = cfg.serial[0];
    cfg.find_drive = find_drive;
    make_guard(r);
    machine_start_config(&r->m, &cfg);
    r->m.tick = one_in(2) ? 0 : fuzz_below(3000);
    for (unsigned i = 0; i < RIG_DISKS; i++) {
        r->disk[i].ram = r->m.pc->memory.ram.host;
        r->disk[i].ram_bytes = r->ram;
    }
}

static void add_pci(struct rig *r, struct pci_bus *bus, struct pci_fn *fn,
                    const struct dev_class *cls, const char *const *props)
{
    struct err e = {""};

    dev_init(&fn->dev, cls, cls->name, bus->env);
    for (; props && *props; props += 2)
        if (!dev_set_prop(&fn->dev, props[0], props[1], &e))
            g_error("%s", e.msg);
    if (!pc_add_pci(r->m.pc, bus, -1, fn, &e))
        g_error("%s", e.msg);
}

static void add_unit(struct rig *r, unsigned i, const struct dev_class *cls, const char *id)
{
    struct dev *d = &r->unit[i].dev;
    struct err e = {""};

    dev_init(d, cls, cls->name, &r->m.pc->env);
    if (!dev_set_prop(d, "drive", id, &e) || !pc_add_ide(r->m.pc, (int)i, 1, &r->unit[i], &e))
        g_error("%s", e.msg);
}

static void add_devices(struct rig *r)
{
    static const char *const queues[] = {
        "drive", "8", "num-queues", "4", "queue-size", "16", "disable-legacy", "on", NULL};
    static const char *const plain[] = {"drive", "9", NULL};
    static const char *const chassis[] = {"chassis_nr", "1", NULL};
    struct pci_bus *host = &r->m.pc->pci.bus, *near = &r->bridge[0].bus;
    static uint8_t rom[4096] = {0x55, 0xaa, 8};

    add_unit(r, 0, &ide_hd_class, "1");
    add_unit(r, 1, &ide_cd_class, "3");
    r->vga.rom = rom;
    r->vga.rom_size = sizeof(rom);
    add_pci(r, host, &r->vga.pci, &vga_pci_class, NULL);
    add_pci(r, host, &r->vblk[0].p.pci, &virtio_blk_class, queues);
    add_pci(r, host, &r->bridge[0].pci, &pci_bridge_class, chassis);
    add_pci(r, near, &r->bridge[1].pci, &pci_bridge_class, chassis);
    add_pci(r, one_in(3) ? near : host, &r->vblk[1].p.pci, &virtio_blk_class, plain);
    add_pci(r, &r->bridge[1].bus, &r->testdev.pci, &pci_testdev_class, NULL);
    r->display = vga_display(&r->vga.vga);
}

void rig_start(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    make_disks(r);
    make_board(r);
    add_devices(r);
    add_items(r);
    pc_reset(r->m.pc);
    if (one_in(2))
        pc_setup_as_firmware(r->m.pc);
    else
        rig_place_bars(r);
}

static void drop_snap(struct rig *r);

void rig_stop(struct rig *r)
{
    drop_snap(r);
    machine_stop(&r->m);
    munmap(r->guard, RIG_GUARD);
    for (unsigned i = 0; i < RIG_DISKS; i++)
        fuzz_disk_finish(&r->disk[i]);
    surface_finish(&r->surface);
}

/* ---- time, reset ---- */

void rig_wait(struct rig *r)
{
    r->m.ns += fuzz_below(3000);
    if (one_in(50))
        r->m.ns += fuzz_below(2000000000);
    clock_run_events(&r->m.clock);
}

void rig_reset(struct rig *r)
{
    r->m.resets = 0;
    memset(r->queue, 0, sizeof(r->queue));
    pc_reset(r->m.pc);
    if (one_in(2))
        pc_setup_as_firmware(r->m.pc);
    else
        rig_place_bars(r);
}

/* ---- state fields ---- */

struct rig_snap {
    GByteArray *bytes;
    size_t at; /* next to be read */
};

static void drop_snap(struct rig *r)
{
    if (!r->snap)
        return;
    g_byte_array_free(r->snap->bytes, TRUE);
    g_clear_pointer(&r->snap, g_free);
}

static void take_bytes(struct rig_snap *s, void *p, size_t n)
{
    if (n)
        memcpy(p, s->bytes->data + s->at, n);
    s->at += n;
}

static void save_field(struct rig_snap *s, const uint8_t *d, const struct state_field *f)
{
    const struct event *ev = (const struct event *)(d + f->offset);
    uint8_t *heap;
    uint32_t n;

    switch (f->kind) {
    case STATE_UINT: g_byte_array_append(s->bytes, d + f->offset, f->size * f->count); break;
    case STATE_EVENT:
        g_byte_array_append(s->bytes, (const uint8_t *)&ev->queued, sizeof(ev->queued));
        g_byte_array_append(s->bytes, (const uint8_t *)&ev->when, sizeof(ev->when));
        break;
    case STATE_BYTES:
        memcpy(&heap, d + f->offset, sizeof(heap));
        memcpy(&n, d + f->size, sizeof(n));
        if (n)
            g_byte_array_append(s->bytes, heap, n);
        break;
    }
}

static void load_field(struct rig *r, uint8_t *d, const struct state_field *f)
{
    struct event *ev = (struct event *)(d + f->offset);
    uint64_t when;
    uint8_t *heap;
    uint32_t n;
    bool queued;

    switch (f->kind) {
    case STATE_UINT: take_bytes(r->snap, d + f->offset, f->size * f->count); break;
    case STATE_EVENT:
        take_bytes(r->snap, &queued, sizeof(queued));
        take_bytes(r->snap, &when, sizeof(when));
        event_schedule(&r->m.clock, ev, queued ? when : CLOCK_NEVER);
        break;
    case STATE_BYTES:
        memcpy(&heap, d + f->offset, sizeof(heap));
        memcpy(&n, d + f->size, sizeof(n));
        take_bytes(r->snap, heap, n);
        break;
    }
}

static struct dev *nth_dev(struct rig *r, unsigned i)
{
    struct pc *pc = r->m.pc;

    if (i < pc->n_devs)
        return pc->devs[i];
    return i - pc->n_devs < pc->cfg.cpus ? &pc->lapic[i - pc->n_devs].dev : NULL;
}

static void drain_all(struct rig *r)
{
    for (unsigned i = 0; i < RIG_DISKS; i++)
        block_drain(&r->disk[i].blk);
}

void rig_save(struct rig *r)
{
    const struct state_field *f;
    struct dev *d;

    drop_snap(r);
    drain_all(r);
    r->snap = g_new0(struct rig_snap, 1);
    r->snap->bytes = g_byte_array_new();
    for (unsigned i = 0; (d = nth_dev(r, i)); i++)
        for (f = d->cls->state; f && f->name; f++)
            save_field(r->snap, (const uint8_t *)d, f);
}

void rig_restore(struct rig *r)
{
    const struct state_field *f;
    struct dev *d;

    if (!r->snap)
        return;
    drain_all(r);
    r->snap->at = 0;
    for (unsigned i = 0; (d = nth_dev(r, i)); i++)
        for (f = d->cls->state; f && f->name; f++)
            load_field(r, (uint8_t *)d, f);
    for (unsigned i = 0; (d = nth_dev(r, i)); i++)
        if (d->cls->loaded)
            d->cls->loaded(d);
}
