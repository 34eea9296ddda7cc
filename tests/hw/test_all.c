/* SPDX-License-Identifier: MIT
 * Every class of hw_classes alone: random accesses to its regions while time passes, then
 * reset, which must give the state of a fresh instance. And the whole board the same way.
 * A failure prints the seed; `--seed R02S...` repeats it. */
#include <stdlib.h>
#include <string.h>

#include "hw/devices.h"
#include "hw/pci/pci.h"
#include "tests/hw/machine.h"

#define ROUNDS 20000

struct rig {
    uint64_t ns;
    struct clock clock;
    struct dev_env env;
    struct pci_host host;
    struct block_mem drives[2];
    unsigned n_drives;
};

#define FUZZED PCI_DEVFN(3, 0) /* where a PCI function sits, ... */
#define FRESH  PCI_DEVFN(4, 0) /* ... and its like that nobody touched */

static uint64_t now(void *opaque)
{
    return ((struct rig *)opaque)->ns;
}

/* Each device that asks gets a drive of its own. */
static struct block *find_drive(void *opaque, const char *id, struct err *e)
{
    struct rig *r = opaque;
    struct block_mem *m = &r->drives[r->n_drives++];

    g_assert_cmpuint(r->n_drives, <=, G_N_ELEMENTS(r->drives));
    block_mem_init(m, 1 << 20);
    return &m->blk;
}

static void rig_start(struct rig *r)
{
    r->ns = 0;
    clock_init(&r->clock, now, r);
    clock_start(&r->clock);
    r->env = (struct dev_env){space_create("mem", 1ull << 52), space_create("ports", 0x10000),
                              &r->clock};
    r->env.opaque = r;
    r->env.find_drive = find_drive;
    r->n_drives = 0;
    memset(&r->host, 0, sizeof(r->host));
    dev_init(&r->host.dev, &pci_host_class, NULL, &r->env);
    r->host.bus.env = &r->env;
}

static void rig_stop(struct rig *r)
{
    g_assert_cmpuint(clock_deadline(&r->clock), ==, CLOCK_NEVER);
    while (r->n_drives)
        block_mem_finish(&r->drives[--r->n_drives]);
    space_destroy(r->env.mem);
    space_destroy(r->env.ports);
}

static struct dev *rig_make(struct rig *r, const struct dev_class *cls, unsigned devfn)
{
    struct dev *d = calloc(1, cls->size);
    struct err e;

    dev_init(d, cls, NULL, &r->env);
    if (cls->bus == DEV_BUS_PCI)
        pci_bus_add(&r->host.bus, devfn, (struct pci_fn *)d);
    if (dev_find_prop(cls, "chassis_nr"))
        g_assert_true(dev_set_prop(d, "chassis_nr", "1", &e));
    if (dev_find_prop(cls, "drive"))
        g_assert_true(dev_set_prop(d, "drive", "disk", &e));
    if (!dev_realize(d, &e))
        g_error("%s", e.msg);
    dev_reset(d);
    return d;
}

static uint64_t random_value(void)
{
    static const uint64_t edges[] = {0, 1, 0xff, 0x80, 0x7f, 0xffffffff, 0x80000000};

    if (g_test_rand_bit())
        return edges[g_test_rand_int_range(0, G_N_ELEMENTS(edges))];
    return (uint32_t)g_test_rand_int();
}

static void random_access(struct space *s, gpa base, uint64_t size)
{
    gpa at = base + (uint64_t)g_test_rand_int_range(0, (gint32)size);
    unsigned width = 1u << g_test_rand_int_range(0, 4);

    if (g_test_rand_bit())
        at &= ~15ull; /* where APICs have their registers */
    if (g_test_rand_int_range(0, 4))
        space_write(s, at < base ? base : at, random_value(), width);
    else
        space_read(s, at < base ? base : at, width);
}

static void let_time_pass(struct rig *r)
{
    r->ns += (uint64_t)g_test_rand_int_range(0, 2000);
    if (!g_test_rand_int_range(0, 500))
        r->ns += (uint64_t)g_test_rand_int_range(0, 2000000000);
    clock_run_events(&r->clock);
}

static void fuzz_regions(struct rig *r, struct dev *d)
{
    const struct dev_region *reg = d->cls->regions;
    unsigned i, n = 0;

    for (; reg && reg[n].name; n++)
        g_assert_true(dev_map(d, n, 0x1000 * (n + 1), 0, NULL));
    for (i = 0; n && i < ROUNDS; i++) {
        unsigned k = (unsigned)g_test_rand_int_range(0, (gint32)n);
        struct space *s = reg[k].kind == REGION_PORT ? r->env.ports : r->env.mem;

        random_access(s, 0x1000 * (k + 1), reg[k].size);
        let_time_pass(r);
    }
}

/* BAR n at an address of its own, everything enabled. */
static void place_bars(struct rig *r, const struct pci_fn *fn)
{
    unsigned n;

    for (n = 0; n < 6; n++)
        if (fn->bar[n].kind)
            pci_config_write(
                &r->host, FUZZED, 0x10 + 4 * n,
                fn->bar[n].kind == PCI_BAR_IO ? 0x1000 * (n + 1) : 0x10000000 * (n + 1), 4);
    pci_config_write(&r->host, FUZZED, 4, 7, 2);
}

/* Registers through the BARs, configuration space, and now and then a sane place again. */
static void fuzz_pci(struct rig *r, struct pci_fn *fn)
{
    unsigned i;

    g_assert_true(
        space_add_ram(r->env.mem, "ram", 0, 0xa0000, g_malloc0(0xa0000), false, NULL));
    for (i = 0; i < ROUNDS; i++) {
        unsigned n = (unsigned)g_test_rand_int_range(0, 7);
        const struct pci_bar *b = &fn->bar[n];

        if (!(i % 100))
            place_bars(r, fn);
        if (!g_test_rand_int_range(0, 20))
            pci_config_write(&r->host, FUZZED, (unsigned)g_test_rand_int_range(0, 64) * 4,
                             (uint32_t)random_value(), 4);
        if (b->placed)
            random_access(b->kind == PCI_BAR_IO ? r->env.ports : r->env.mem, b->base,
                          b->size < 0x10000 ? b->size : 0x10000);
        let_time_pass(r);
    }
}

static void test_class(const void *data)
{
    const struct dev_class *cls = data;
    struct rig r;
    struct dev *d, *fresh;
    uint8_t *ram = NULL;
    const char *differs;

    rig_start(&r);
    d = rig_make(&r, cls, FUZZED);
    if (cls->bus == DEV_BUS_PCI)
        fuzz_pci(&r, (struct pci_fn *)d);
    else
        fuzz_regions(&r, d);
    fresh = rig_make(&r, cls, FRESH);
    dev_reset(d);
    differs = dev_reset_differs(d, fresh);
    if (differs)
        g_error("%s: '%s' is not reset", cls->name, differs);
    ram = space_ram_page(r.env.mem, 0, NULL);
    dev_finish(d);
    dev_finish(fresh);
    rig_stop(&r);
    g_free(ram);
    free(d);
    free(fresh);
}

/* Instances start with struct dev, tables end, regions have legal widths. */
static void test_tables(void)
{
    const struct dev_class *const *c, *const *other;

    for (c = hw_classes; *c; c++) {
        const struct dev_region *reg = (*c)->regions;
        const struct state_field *f;

        g_assert_true(hw_find_class((*c)->name) == *c);
        g_assert_cmpuint((*c)->size, >=,
                         (*c)->bus == DEV_BUS_PCI ? sizeof(struct pci_fn) : sizeof(struct dev));
        for (other = hw_classes; other != c; other++)
            g_assert_cmpstr((*c)->name, !=, (*other)->name);
        for (f = (*c)->state; f && f->name; f++) {
            if (f->kind == STATE_UINT && f->size != 1 && f->size != 2 && f->size != 4)
                g_assert_cmpuint(f->size, ==, 8);
            g_assert_cmpuint(f->kind == STATE_BYTES ? f->size + sizeof(uint32_t)
                                                    : f->offset + (size_t)f->size * f->count,
                             <=, (*c)->size);
        }
        for (; reg && reg->name; reg++) {
            g_assert_cmpuint(reg->ops.min_size, <=, reg->ops.max_size);
            g_assert_true(reg->size && reg->ops.read && reg->ops.write);
        }
    }
    g_assert_null(hw_find_class("no-such-device"));
}

struct places {
    unsigned n;
    gpa base[64], size[64];
};

static void collect(void *opaque, const char *name, gpa base, gpa last, bool ram)
{
    struct places *p = opaque;

    if (ram || p->n == G_N_ELEMENTS(p->base))
        return;
    p->base[p->n] = base;
    p->size[p->n++] = last - base + 1;
}

/* Two disks, a CD-ROM and two floppies, which answer when told to. */
#define DISKS 5

static void start_with_disks(struct machine *m, struct block_mem *disk)
{
    struct block *ide[PC_IDE_DRIVES] = {&disk[0].blk, &disk[1].blk, &disk[2].blk};
    struct block *floppy[FDC_DRIVES] = {&disk[3].blk, &disk[4].blk};
    unsigned i;

    for (i = 0; i < DISKS; i++) {
        block_mem_init(&disk[i], 1440 * 1024);
        disk[i].blk.removable = i >= 2;
    }
    machine_start_disks(m, ide, floppy);
}

static void stop_with_disks(struct machine *m, struct block_mem *disk)
{
    unsigned i;

    machine_stop(m);
    for (i = 0; i < DISKS; i++)
        block_mem_finish(&disk[i]);
}

static void test_board(void)
{
    struct block_mem disk[DISKS], fresh_disk[DISKS];
    struct machine m, fresh;
    unsigned i, k, cpu;

    start_with_disks(&m, disk);
    for (i = 0; i < 4 * ROUNDS; i++) {
        struct places p = {0};
        bool ports = g_test_rand_int_range(0, 4);

        m.current_cpu = (unsigned)g_test_rand_int_range(0, TEST_CPUS);
        space_each(ports ? m.pc->ports : m.pc->mem, collect, &p);
        k = p.n ? (unsigned)g_test_rand_int_range(0, (gint32)p.n) : 0;
        if (p.n)
            random_access(ports ? m.pc->ports : m.pc->mem, p.base[k], p.size[k]);
        cpu = (unsigned)g_test_rand_int_range(0, TEST_CPUS);
        if (m.intr[cpu]) {
            int v = pc_ack_interrupt(m.pc, cpu);

            g_assert_true(v >= 0 && v <= 255);
        }
        if (!g_test_rand_int_range(0, 16))
            pc_msr_write(m.pc, cpu, 0x800 + (uint32_t)g_test_rand_int_range(0, 64),
                         random_value());
        if (!g_test_rand_int_range(0, 16))
            block_mem_answer(&disk[g_test_rand_int_range(0, DISKS)]);
        if (!g_test_rand_int_range(0, 1000))
            pc_msr_write(m.pc, cpu, 0x1b,
                         0xfee00000 | (uint64_t)g_test_rand_int_range(0, 4) << 10);
        m.ns += (uint64_t)g_test_rand_int_range(0, 3000);
        clock_run_events(&m.clock);
    }
    start_with_disks(&fresh, fresh_disk);
    fresh.ns = m.ns;
    pc_reset(m.pc);
    pc_reset(fresh.pc);
    for (i = 0; i < m.pc->n_devs; i++) {
        const char *differs = dev_reset_differs(m.pc->devs[i], fresh.pc->devs[i]);

        if (differs)
            g_error("%s: '%s' is not reset", m.pc->devs[i]->id, differs);
    }
    for (i = 0; i < TEST_CPUS; i++)
        g_assert_null(dev_reset_differs(&m.pc->lapic[i].dev, &fresh.pc->lapic[i].dev));
    stop_with_disks(&m, disk);
    stop_with_disks(&fresh, fresh_disk);
}

int main(int argc, char **argv)
{
    const struct dev_class *const *c;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/all/tables", test_tables);
    for (c = hw_classes; *c; c++) {
        char *path = g_strdup_printf("/all/fuzz-reset/%s", (*c)->name);

        g_test_add_data_func(path, *c, test_class);
        g_free(path);
    }
    g_test_add_func("/all/board", test_board);
    return g_test_run();
}
