/* SPDX-License-Identifier: MIT
 * virtio-blk over PCI against VIRTIO 1.1: transport, virtqueues, requests, and a driver that
 * misbehaves. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/virtio/virtio_blk.h"
#include "tests/hw/machine.h"

#define SECTORS 8192u
#define DEVFN   PCI_DEVFN(4, 0)
#define PORTS   0xc000u
#define MMIO    0xd0000000u
#define NOTIFY  (MMIO + 0x3000)
#define MSIX    0xd1000000u
#define IRQ     11 /* INTA of slot 4 is PIRQD */

/* where the driver keeps its things */
#define DESC   0x100000u
#define AVAIL  0x101000u
#define USED   0x102000u
#define TABLE  0x103000u /* indirect */
#define HEADER 0x110000u
#define STATUS 0x111000u
#define BUFFER 0x200000u
#define SIZE   16u /* entries */

enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_ZERO = 13 };

struct rig {
    struct machine m;
    struct block_mem disk;
    struct virtio_blk *b;
    uint16_t avail, seen;
};

static void start_with(struct rig *r, const char *prop, const char *value)
{
    struct err e;
    unsigned i;

    memset(r, 0, sizeof(*r));
    block_mem_init(&r->disk, SECTORS * 512);
    for (i = 0; i < SECTORS * 512; i++)
        r->disk.data[i] = (uint8_t)(i / 512 * 3 + i);
    machine_start(&r->m);
    r->b = calloc(1, sizeof(*r->b));
    dev_init(&r->b->p.pci.dev, &virtio_blk_class, NULL, &r->m.pc->env);
    r->b->blk = &r->disk.blk;
    if (prop)
        g_assert_true(dev_set_prop(&r->b->p.pci.dev, prop, value, &e));
    if (!pc_add_pci(r->m.pc, &r->m.pc->pci.bus, DEVFN, &r->b->p.pci, &e))
        g_error("%s", e.msg);
    dev_reset(&r->b->p.pci.dev);
    pci_config_write(&r->m.pc->pci, PCI_DEVFN(1, 0), 0x63, IRQ, 1);
    pci_config_write(&r->m.pc->pci, DEVFN, 0x10, PORTS, 4);
    pci_config_write(&r->m.pc->pci, DEVFN, 0x14, MSIX, 4);
    pci_config_write(&r->m.pc->pci, DEVFN, 0x20, MMIO, 4);
    pci_config_write(&r->m.pc->pci, DEVFN, 0x04, 7, 2);
}

static void start(struct rig *r)
{
    start_with(r, NULL, NULL);
}

static void stop(struct rig *r)
{
    machine_stop(&r->m);
    block_mem_finish(&r->disk);
    free(r->b);
}

static uint64_t mmio_read(struct rig *r, unsigned offset, unsigned size)
{
    return space_read(r->m.pc->mem, MMIO + offset, size);
}

static void mmio_write(struct rig *r, unsigned offset, uint64_t v, unsigned size)
{
    space_write(r->m.pc->mem, MMIO + offset, v, size);
}

static uint64_t features(struct rig *r)
{
    uint64_t f;

    mmio_write(r, 0, 0, 4);
    f = mmio_read(r, 4, 4);
    mmio_write(r, 0, 1, 4);
    return f | mmio_read(r, 4, 4) << 32;
}

static uint8_t status(struct rig *r)
{
    return mmio_read(r, 0x14, 1);
}

static void accept_features(struct rig *r, uint64_t f)
{
    mmio_write(r, 0x14, 0, 1);
    mmio_write(r, 0x14, 3, 1);
    mmio_write(r, 8, 0, 4);
    mmio_write(r, 0x0c, (uint32_t)f, 4);
    mmio_write(r, 8, 1, 4);
    mmio_write(r, 0x0c, f >> 32, 4);
    mmio_write(r, 0x14, 11, 1);
}

static void clear_rings(struct rig *r)
{
    uint8_t *ram = r->m.pc->memory.ram.host;

    memset(ram + DESC, 0, 0x4000);
    r->avail = r->seen = 0;
}

/* As a modern driver sets the device up: 3.1. */
static void set_up(struct rig *r, uint64_t f)
{
    accept_features(r, f);
    g_assert_cmphex(status(r), ==, 11);
    clear_rings(r);
    mmio_write(r, 0x16, 0, 2);
    mmio_write(r, 0x18, SIZE, 2);
    mmio_write(r, 0x20, DESC, 4);
    mmio_write(r, 0x28, AVAIL, 4);
    mmio_write(r, 0x30, USED, 4);
    mmio_write(r, 0x1c, 1, 2);
    mmio_write(r, 0x14, 15, 1);
}

static void put_desc(struct rig *r, gpa table, unsigned i, gpa addr, uint32_t len,
                     uint16_t flags, uint16_t next)
{
    uint64_t e[2] = {addr, len | (uint64_t)flags << 32 | (uint64_t)next << 48};

    space_write_bytes(r->m.pc->mem, table + 16 * i, e, 16);
}

static void put_header(struct rig *r, uint32_t type, uint64_t sector)
{
    uint64_t h[2] = {type, sector};

    space_write_bytes(r->m.pc->mem, HEADER, h, 16);
    space_write(r->m.pc->mem, STATUS, 0xee, 1);
}

/* Makes chains available without telling. */
static void offer(struct rig *r, uint16_t head)
{
    space_write(r->m.pc->mem, AVAIL + 4 + 2 * (r->avail++ % SIZE), head, 2);
    space_write(r->m.pc->mem, AVAIL + 2, r->avail, 2);
}

static void kick(struct rig *r)
{
    space_write(r->m.pc->mem, NOTIFY, 0, 2);
}

/* Three descriptors from `first`: header, data, status. */
static void put_request(struct rig *r, unsigned first, uint32_t type, uint64_t sector, gpa data,
                        uint32_t len)
{
    put_header(r, type, sector);
    put_desc(r, DESC, first, HEADER, 16, NEXT, first + 1);
    put_desc(r, DESC, first + 1, data, len,
             NEXT | (type == T_IN || type == T_GET_ID ? WRITE : 0), first + 2);
    put_desc(r, DESC, first + 2, STATUS, 1, WRITE, 0);
}

static void request(struct rig *r, uint32_t type, uint64_t sector, gpa data, uint32_t len)
{
    put_request(r, 0, type, sector, data, len);
    offer(r, 0);
    kick(r);
    block_mem_answer(&r->disk);
}

/* The status byte of the request that has just been used, with its length. */
static uint8_t used(struct rig *r, uint32_t len)
{
    struct space *mem = r->m.pc->mem;
    gpa e = USED + 4 + 8 * (r->seen++ % SIZE);

    g_assert_cmpuint(space_read(mem, USED + 2, 2), ==, r->seen);
    g_assert_cmpuint(space_read(mem, e + 4, 4), ==, len);
    return space_read(mem, STATUS, 1);
}

static uint8_t isr(struct rig *r)
{
    return mmio_read(r, 0x1000, 1);
}

#define VERSION_1 (1ull << 32)
#define EVENT_IDX (1ull << 29)
#define IND       (1ull << 28)
#define FLUSH     (1ull << 9)
#define WCE       (1ull << 11)
#define BASIC     (VERSION_1 | FLUSH)
#define SIZE_MAX_ (1ull << 1)

static void test_identity(void)
{
    struct rig r;
    struct pci_host *pci;
    unsigned at, found = 0;

    start(&r);
    pci = &r.m.pc->pci;
    g_assert_cmphex(pci_config_read(pci, DEVFN, 0, 4), ==, 0x10011af4);
    g_assert_cmphex(pci_config_read(pci, DEVFN, 0x2c, 4), ==, 0x00021af4);
    g_assert_cmphex(pci_config_read(pci, DEVFN, 8, 4), ==, 0x01000000);
    for (at = pci_config_read(pci, DEVFN, 0x34, 1); at;
         at = pci_config_read(pci, DEVFN, at + 1, 1))
        if (pci_config_read(pci, DEVFN, at, 1) == 9)
            found |= 1u << pci_config_read(pci, DEVFN, at + 3, 1);
    g_assert_cmphex(found, ==, 0x3e); /* common, notify, isr, device, access */
    stop(&r);
    start_with(&r, "disable-legacy", "on");
    g_assert_cmphex(pci_config_read(&r.m.pc->pci, DEVFN, 0, 4), ==, 0x10421af4);
    g_assert_cmphex(pci_config_read(&r.m.pc->pci, DEVFN, 8, 1), ==, 1);
    g_assert_cmphex(inl(&r.m, PORTS), ==, 0xffffffff);
    stop(&r);
    start_with(&r, "disable-modern", "on");
    g_assert_cmphex(inl(&r.m, PORTS) & (1 << 27), ==, 1 << 27);
    g_assert_cmphex(mmio_read(&r, 0x12, 2), ==, 0xffff);
    stop(&r);
}

static void test_status(void)
{
    struct rig r;

    start(&r);
    g_assert_cmphex(features(&r) & (VERSION_1 | EVENT_IDX | IND | BASIC), ==,
                    VERSION_1 | EVENT_IDX | IND | BASIC);
    g_assert_cmphex(features(&r) & SIZE_MAX_, ==, 0); /* SeaBIOS divides it into 16 bits */
    accept_features(&r, FLUSH);                       /* modern without VERSION_1 */
    g_assert_cmphex(status(&r), ==, 3);
    accept_features(&r, VERSION_1 | 1ull << 40); /* never offered */
    g_assert_cmphex(status(&r), ==, 3);
    accept_features(&r, BASIC);
    g_assert_cmphex(status(&r), ==, 11);
    mmio_write(&r, 8, 0, 4);
    mmio_write(&r, 0x0c, 0, 4); /* too late */
    g_assert_cmphex(mmio_read(&r, 0x0c, 4), ==, (uint32_t)BASIC);
    g_assert_cmpuint(mmio_read(&r, 0x12, 2), ==, 1);
    g_assert_cmpuint(mmio_read(&r, 0x18, 2), ==, 256);
    mmio_write(&r, 0x18, 100, 2); /* no power of two */
    g_assert_cmpuint(mmio_read(&r, 0x18, 2), ==, 256);
    mmio_write(&r, 0x16, 1, 2); /* no such queue */
    g_assert_cmpuint(mmio_read(&r, 0x18, 2), ==, 0);
    g_assert_cmpuint(mmio_read(&r, 0x2000, 4), ==, SECTORS);
    g_assert_cmpuint(mmio_read(&r, 0x2000 + 12, 4), ==, 254);
    g_assert_cmpuint(mmio_read(&r, 0x2000 + 20, 4), ==, 512);
    mmio_write(&r, 0x14, 0, 1);
    g_assert_cmphex(status(&r), ==, 0);
    stop(&r);
}

static void test_read_write(void)
{
    struct rig r;
    uint8_t *ram;

    start(&r);
    ram = r.m.pc->memory.ram.host;
    set_up(&r, BASIC);
    put_request(&r, 0, T_IN, 7, BUFFER, 4096);
    offer(&r, 0);
    g_assert_cmpuint(r.disk.n_queue, ==, 0);
    kick(&r);
    g_assert_cmpuint(r.disk.n_queue, ==, 1);
    g_assert_true(r.disk.queue[0]->vec[0].base == ram + BUFFER); /* no copy */
    g_assert_false(irq_level(&r.m, IRQ));
    block_mem_answer(&r.disk);
    g_assert_cmpuint(used(&r, 4097), ==, 0);
    g_assert_cmpmem(ram + BUFFER, 4096, r.disk.data + 7 * 512, 4096);
    g_assert_true(irq_level(&r.m, IRQ));
    g_assert_cmphex(isr(&r), ==, 1);
    g_assert_false(irq_level(&r.m, IRQ));
    g_assert_cmphex(isr(&r), ==, 0);

    memset(ram + BUFFER, 0x99, 1024);
    request(&r, T_OUT, 100, BUFFER, 1024);
    g_assert_cmpuint(used(&r, 1), ==, 0);
    g_assert_cmpmem(ram + BUFFER, 1024, r.disk.data + 100 * 512, 1024);
    request(&r, T_IN, SECTORS - 1, BUFFER, 1024); /* one too many */
    g_assert_cmpuint(used(&r, 1), ==, 1);
    request(&r, T_IN, ~0ull, BUFFER, 512);
    g_assert_cmpuint(used(&r, 1), ==, 1);
    request(&r, T_IN, 0, BUFFER, 100); /* no sector */
    g_assert_cmpuint(used(&r, 1), ==, 1);
    request(&r, 77, 0, BUFFER, 512);
    g_assert_cmpuint(used(&r, 1), ==, 2);
    r.disk.fail = EIO;
    request(&r, T_IN, 0, BUFFER, 512);
    g_assert_cmpuint(used(&r, 1), ==, 1);
    g_assert_cmphex(status(&r), ==, 15);
    stop(&r);
}

static void test_other_requests(void)
{
    struct rig r;
    uint64_t range[2] = {50, 4};

    start(&r);
    r.disk.blk.serial = "serial-number-of-20-bytes";
    set_up(&r, BASIC | 1 << 13 | 1 << 14);
    request(&r, T_GET_ID, 0, BUFFER, 20);
    g_assert_cmpuint(used(&r, 21), ==, 0);
    g_assert_cmpmem(r.m.pc->memory.ram.host + BUFFER, 20, "serial-number-of-20-bytes", 20);
    put_header(&r, T_FLUSH, 0);
    put_desc(&r, DESC, 0, HEADER, 16, NEXT, 1);
    put_desc(&r, DESC, 1, STATUS, 1, WRITE, 0);
    offer(&r, 0);
    kick(&r);
    block_mem_answer(&r.disk);
    g_assert_cmpuint(used(&r, 1), ==, 0);
    g_assert_cmpuint(r.disk.flushes, ==, 1);
    space_write_bytes(r.m.pc->mem, BUFFER, range, 16);
    request(&r, T_DISCARD, 0, BUFFER, 16);
    g_assert_cmpuint(used(&r, 1), ==, 0);
    g_assert_cmpuint(r.disk.blk.ops_done[BLOCK_DISCARD], ==, 1);
    range[1] = 4 | 1ull << 32;
    space_write_bytes(r.m.pc->mem, BUFFER, range, 16);
    request(&r, T_DISCARD, 0, BUFFER, 16); /* unmap is a flag of the other */
    g_assert_cmpuint(used(&r, 1), ==, 2);
    request(&r, T_ZERO, 0, BUFFER, 16);
    g_assert_cmpuint(used(&r, 1), ==, 0);
    g_assert_cmphex(r.disk.data[53 * 512], ==, 0);
    request(&r, T_ZERO, 0, BUFFER, 12);
    g_assert_cmpuint(used(&r, 1), ==, 1);
    stop(&r);
}

static void test_write_through(void)
{
    struct rig r;

    start(&r);
    set_up(&r, VERSION_1); /* a driver that never flushes */
    request(&r, T_OUT, 0, BUFFER, 512);
    g_assert_cmpuint(used(&r, 1), ==, 0);
    g_assert_cmpuint(r.disk.flushes, ==, 1);
    set_up(&r, BASIC | WCE);
    request(&r, T_OUT, 0, BUFFER, 512);
    used(&r, 1);
    g_assert_cmpuint(r.disk.flushes, ==, 1);
    mmio_write(&r, 0x2000 + 32, 0, 1);
    g_assert_cmpuint(mmio_read(&r, 0x2000 + 32, 1), ==, 0);
    request(&r, T_OUT, 0, BUFFER, 512);
    used(&r, 1);
    g_assert_cmpuint(r.disk.flushes, ==, 2);
    mmio_write(&r, 0x2000, 1, 4); /* the rest is read-only */
    g_assert_cmpuint(mmio_read(&r, 0x2000, 4), ==, SECTORS);
    stop(&r);
}

static void test_pieces(void)
{
    struct rig r;
    uint8_t *ram;
    unsigned i;

    start(&r);
    ram = r.m.pc->memory.ram.host;
    set_up(&r, BASIC | IND);
    put_header(&r, T_IN, 3); /* header in two, data in odd pieces, status with the last */
    put_desc(&r, TABLE, 0, HEADER, 7, NEXT, 1);
    put_desc(&r, TABLE, 1, HEADER + 7, 9, NEXT, 2);
    put_desc(&r, TABLE, 2, BUFFER, 300, NEXT | WRITE, 3);
    put_desc(&r, TABLE, 3, BUFFER + 0x1000, 212 + 512 + 1, WRITE, 0);
    put_desc(&r, DESC, 5, TABLE, 64, INDIRECT, 0);
    offer(&r, 5);
    kick(&r);
    block_mem_answer(&r.disk);
    used(&r, 1025);
    g_assert_cmpuint(ram[BUFFER + 0x1000 + 724], ==, 0);
    g_assert_cmpmem(ram + BUFFER, 300, r.disk.data + 3 * 512, 300);
    g_assert_cmpmem(ram + BUFFER + 0x1000, 724, r.disk.data + 3 * 512 + 300, 724);

    put_header(&r, T_OUT, 60);
    put_desc(&r, TABLE, 0, HEADER, 16, NEXT, 1);
    for (i = 1; i < 9; i++)
        put_desc(&r, TABLE, i, BUFFER + 0x1000 * i, i & 1 ? 100 : 156, NEXT, i + 1);
    put_desc(&r, TABLE, 9, STATUS, 1, WRITE, 0);
    put_desc(&r, DESC, 5, TABLE, 160, INDIRECT, 0);
    offer(&r, 5);
    kick(&r);
    block_mem_answer(&r.disk);
    g_assert_cmpuint(used(&r, 1), ==, 0);
    g_assert_cmpmem(ram + BUFFER + 0x2000, 156, r.disk.data + 60 * 512 + 100, 156);
    stop(&r);
}

/* One interrupt for many, when the driver asks for that. */
static void test_event_idx(void)
{
    struct rig r;
    struct space *mem;
    unsigned i;

    start(&r);
    mem = r.m.pc->mem;
    set_up(&r, BASIC | EVENT_IDX);
    for (i = 0; i < 4; i++) {
        put_request(&r, 3 * i, T_IN, i, BUFFER + 0x1000 * i, 512);
        offer(&r, 3 * i);
    }
    space_write(mem, AVAIL + 4 + 2 * SIZE, 3, 2); /* used_event: after the fourth */
    kick(&r);
    g_assert_cmpuint(r.disk.n_queue, ==, 4); /* all with one notification */
    g_assert_cmpuint(space_read(mem, USED + 4 + 8 * SIZE, 2), ==, 4); /* avail_event */
    r.disk.queue[0]->done(r.disk.queue[0], 0);
    g_assert_cmphex(isr(&r), ==, 1); /* the first after set-up is always told */
    for (i = 1; i < 4; i++) {
        g_assert_cmphex(isr(&r), ==, 0);
        r.disk.queue[i]->done(r.disk.queue[i], 0);
    }
    g_assert_cmphex(isr(&r), ==, 1);
    r.disk.n_queue = 0;

    r.disk.immediate = true; /* answers inside the notification: told once, at its end */
    for (i = 0; i < 4; i++)
        offer(&r, 3 * i);
    space_write(mem, AVAIL + 4 + 2 * SIZE, 5, 2);
    kick(&r);
    g_assert_cmpuint(space_read(mem, USED + 2, 2), ==, 8);
    g_assert_cmphex(isr(&r), ==, 1);
    for (i = 0; i < 4; i++)
        offer(&r, 3 * i);
    space_write(mem, AVAIL + 4 + 2 * SIZE, 1000, 2); /* far away */
    kick(&r);
    g_assert_cmpuint(space_read(mem, USED + 2, 2), ==, 12);
    g_assert_cmphex(isr(&r), ==, 0);

    set_up(&r, BASIC); /* without: a flag */
    space_write(mem, AVAIL, 1, 2);
    request(&r, T_IN, 0, BUFFER, 512);
    g_assert_cmphex(isr(&r), ==, 0);
    stop(&r);
}

static void test_msix(void)
{
    struct rig r;
    struct space *mem;
    unsigned at;

    start(&r);
    mem = r.m.pc->mem;
    at = r.b->p.pci.msix_cap;
    pci_config_write(&r.m.pc->pci, DEVFN, at + 2, 0x8000, 2);
    space_write(mem, MSIX + 16, 0x00300000, 4); /* vector 1: a message into RAM */
    space_write(mem, MSIX + 24, 0xcafe, 4);
    space_write(mem, MSIX + 28, 0, 4);
    set_up(&r, BASIC);
    mmio_write(&r, 0x1a, 1, 2);
    g_assert_cmpuint(mmio_read(&r, 0x1a, 2), ==, 1);
    request(&r, T_IN, 0, BUFFER, 512);
    g_assert_cmpuint(used(&r, 513), ==, 0);
    g_assert_cmphex(readl(&r.m, 0x300000), ==, 0xcafe);
    g_assert_false(irq_level(&r.m, IRQ));
    g_assert_cmphex(isr(&r), ==, 0);
    mmio_write(&r, 0x1a, 2, 2); /* there are two */
    g_assert_cmphex(mmio_read(&r, 0x1a, 2), ==, 0xffff);
    mmio_write(&r, 0x10, 1, 2);
    writel(&r.m, 0x300000, 0);
    r.disk.blk.bytes = 512 * 512; /* resized */
    r.disk.blk.changed(r.disk.blk.opaque);
    g_assert_cmphex(readl(&r.m, 0x300000), ==, 0xcafe);
    g_assert_cmpuint(mmio_read(&r, 0x15, 1), ==, 1);
    g_assert_cmpuint(mmio_read(&r, 0x2000, 4), ==, 512);
    stop(&r);
}

/* Ports of the 0.9.5 interface: one area of pages, no FEATURES_OK. */
static void test_legacy(void)
{
    struct rig r;
    struct space *mem;

    start(&r);
    mem = r.m.pc->mem;
    outb(&r.m, PORTS + 0x12, 0);
    outb(&r.m, PORTS + 0x12, 3);
    g_assert_cmphex(inl(&r.m, PORTS) & FLUSH, ==, FLUSH);
    outl(&r.m, PORTS + 4, FLUSH);
    outw(&r.m, PORTS + 0x0e, 0);
    g_assert_cmpuint(inw(&r.m, PORTS + 0x0c), ==, 256);
    outl(&r.m, PORTS + 8, DESC >> 12);
    g_assert_cmphex(inl(&r.m, PORTS + 8), ==, DESC >> 12);
    outb(&r.m, PORTS + 0x12, 7);
    g_assert_cmpuint(inl(&r.m, PORTS + 0x14), ==, SECTORS);
    put_header(&r, T_IN, 9);
    put_desc(&r, DESC, 0, HEADER, 16, NEXT, 1);
    put_desc(&r, DESC, 1, BUFFER, 512, NEXT | WRITE, 2);
    put_desc(&r, DESC, 2, STATUS, 1, WRITE, 0);
    space_write(mem, DESC + 4096 + 4, 0, 2); /* available: after 256 descriptors */
    space_write(mem, DESC + 4096 + 2, 1, 2);
    outw(&r.m, PORTS + 0x10, 0);
    block_mem_answer(&r.disk);
    g_assert_cmpuint(space_read(mem, DESC + 8192 + 2, 2), ==, 1);
    g_assert_cmpmem(r.m.pc->memory.ram.host + BUFFER, 512, r.disk.data + 9 * 512, 512);
    g_assert_true(irq_level(&r.m, IRQ));
    g_assert_cmphex(inb(&r.m, PORTS + 0x13), ==, 1);
    g_assert_false(irq_level(&r.m, IRQ));
    pci_config_write(&r.m.pc->pci, DEVFN, r.b->p.pci.msix_cap + 2, 0x8000, 2);
    g_assert_cmpuint(inl(&r.m, PORTS + 0x18), ==, SECTORS); /* configuration moves */
    outb(&r.m, PORTS + 0x12, 0);
    g_assert_cmphex(inl(&r.m, PORTS + 8), ==, 0);
    stop(&r);
}

/* 4.1.4.7: BAR4 through configuration space. */
static void test_config_access(void)
{
    struct rig r;
    struct pci_host *pci;
    unsigned at;

    start(&r);
    pci = &r.m.pc->pci;
    at = r.b->p.cfg_cap;
    pci_config_write(pci, DEVFN, at + 4, 4, 1);
    pci_config_write(pci, DEVFN, at + 8, 0x2000, 4);
    pci_config_write(pci, DEVFN, at + 12, 4, 4);
    g_assert_cmpuint(pci_config_read(pci, DEVFN, at + 16, 4), ==, SECTORS);
    pci_config_write(pci, DEVFN, at + 8, 0x14, 4);
    pci_config_write(pci, DEVFN, at + 12, 1, 4);
    pci_config_write(pci, DEVFN, at + 16, 3, 4);
    g_assert_cmphex(status(&r), ==, 3);
    pci_config_write(pci, DEVFN, at + 8, 0xfffffff0, 4); /* out of the BAR */
    pci_config_write(pci, DEVFN, at + 16, 0, 4);
    g_assert_cmphex(status(&r), ==, 3);
    stop(&r);
}

static void expect_broken(struct rig *r, const char *what)
{
    if (!(status(r) & 0x40))
        g_error("%s: no reset wanted", what);
    g_assert_cmphex(isr(r), ==, 3); /* a configuration change */
    set_up(r, BASIC | IND);
    request(r, T_IN, 0, BUFFER, 512);
    g_assert_cmpuint(used(r, 513), ==, 0);
    isr(r);
}

static void test_nonsense(void)
{
    struct rig r;
    struct space *mem;

    start(&r);
    mem = r.m.pc->mem;
    set_up(&r, BASIC | IND);
    put_request(&r, 0, T_IN, 0, BUFFER, 512); /* all entries name this one */
    space_write(mem, AVAIL + 2, SIZE + 1, 2);
    kick(&r);
    g_assert_cmpuint(r.disk.n_queue, ==, 0);
    expect_broken(&r, "index jumps");
    offer(&r, SIZE);
    kick(&r);
    expect_broken(&r, "head out of range");
    put_desc(&r, DESC, 0, HEADER, 16, NEXT, 0);
    offer(&r, 0);
    kick(&r);
    expect_broken(&r, "loop");
    put_desc(&r, DESC, 0, HEADER, 16, NEXT, 999);
    offer(&r, 0);
    kick(&r);
    expect_broken(&r, "next out of range");
    put_request(&r, 0, T_IN, 0, 0xfee00000, 512);
    offer(&r, 0);
    kick(&r);
    expect_broken(&r, "buffer is MMIO");
    put_request(&r, 0, T_IN, 0, ~0ull - 100, 512);
    offer(&r, 0);
    kick(&r);
    expect_broken(&r, "buffer is nowhere");
    put_header(&r, T_FLUSH, 0);
    put_desc(&r, DESC, 0, HEADER, 16, NEXT, 1);
    put_desc(&r, DESC, 1, STATUS, 1, WRITE | NEXT, 2);
    put_desc(&r, DESC, 2, BUFFER, 16, 0, 0);
    offer(&r, 0);
    kick(&r);
    expect_broken(&r, "readable after writable");
    mmio_write(&r, 0x14, 0, 1);
    accept_features(&r, BASIC); /* 2.6: the driver area begins at an even address */
    mmio_write(&r, 0x20, DESC, 4);
    mmio_write(&r, 0x28, AVAIL + 1, 4);
    mmio_write(&r, 0x30, USED, 4);
    mmio_write(&r, 0x1c, 1, 2);
    mmio_write(&r, 0x14, 15, 1);
    kick(&r);
    expect_broken(&r, "odd driver area");
    put_desc(&r, DESC, 0, TABLE, 17, INDIRECT, 0);
    offer(&r, 0);
    kick(&r);
    expect_broken(&r, "odd indirect table");
    put_desc(&r, DESC, 0, TABLE, 16, INDIRECT, 0);
    put_desc(&r, TABLE, 0, TABLE, 16, INDIRECT, 0);
    offer(&r, 0);
    kick(&r);
    expect_broken(&r, "nested indirect table");
    put_desc(&r, DESC, 0, HEADER, 8, 0, 0);
    offer(&r, 0);
    kick(&r);
    expect_broken(&r, "no header");
    put_desc(&r, DESC, 0, HEADER, 0, 0, 0);
    offer(&r, 0);
    kick(&r);
    expect_broken(&r, "empty descriptor");

    accept_features(&r, BASIC); /* queue outside of RAM */
    mmio_write(&r, 0x18, SIZE, 2);
    mmio_write(&r, 0x20, 0xa0000, 4);
    mmio_write(&r, 0x1c, 1, 2);
    mmio_write(&r, 0x14, 15, 1);
    kick(&r);
    expect_broken(&r, "queue is not in RAM");
    stop(&r);
}

static void test_reset_in_flight(void)
{
    struct rig r;

    start(&r);
    set_up(&r, BASIC);
    put_request(&r, 0, T_IN, 7, BUFFER, 512);
    offer(&r, 0);
    kick(&r);
    mmio_write(&r, 0x14, 0, 1);
    g_assert_cmpuint(r.disk.n_queue, ==, 0);
    g_assert_cmpuint(space_read(r.m.pc->mem, USED + 2, 2), ==, 0); /* nobody is told */
    g_assert_false(irq_level(&r.m, IRQ));
    set_up(&r, BASIC);
    put_request(&r, 0, T_IN, 7, BUFFER, 512);
    offer(&r, 0);
    kick(&r);
    pc_reset(r.m.pc);
    g_assert_cmpuint(r.disk.n_queue, ==, 0);
    stop(&r);
}

/* More chains than the device has requests for: the rest follows as they end. */
static void test_starved(void)
{
    struct rig r;
    unsigned i;

    start_with(&r, "queue-size", "4");
    accept_features(&r, BASIC | IND);
    clear_rings(&r);
    mmio_write(&r, 0x20, DESC, 4);
    mmio_write(&r, 0x28, AVAIL, 4);
    mmio_write(&r, 0x30, USED, 4);
    mmio_write(&r, 0x1c, 1, 2);
    mmio_write(&r, 0x14, 15, 1);
    put_header(&r, T_IN, 0);
    put_desc(&r, TABLE, 0, HEADER, 16, NEXT, 1);
    put_desc(&r, TABLE, 1, BUFFER, 512, NEXT | WRITE, 2);
    put_desc(&r, TABLE, 2, STATUS, 1, WRITE, 0);
    put_desc(&r, DESC, 0, TABLE, 48, INDIRECT, 0);
    for (i = 0; i < 3; i++) { /* the same head again and again, while it is under way */
        space_write(r.m.pc->mem, AVAIL + 2, 2 * (i + 1), 2);
        kick(&r);
    }
    g_assert_cmpuint(r.disk.n_queue, ==, 4);
    block_mem_answer(&r.disk);
    clock_step(&r.m, 1);
    block_mem_answer(&r.disk);
    g_assert_cmpuint(space_read(r.m.pc->mem, USED + 2, 2), ==, 6);
    stop(&r);
}

/* Each read brings the next header and an available index that is one further: the drive's
 * answers must come to an end, or nobody else gets the machine. */
static void test_feeds_itself(void)
{
    struct rig r;
    unsigned i;

    start_with(&r, "queue-size", "4");
    for (i = 0; i + 1 < SECTORS; i += 2) {
        uint16_t avail[2] = {0, (uint16_t)(i / 2 + 5)};
        uint64_t header[2] = {T_IN, i + 2};

        memset(r.disk.data + i * 512, 0, 1024);
        memcpy(r.disk.data + i * 512, avail, sizeof(avail));
        memcpy(r.disk.data + (i + 1) * 512, header, sizeof(header));
    }
    accept_features(&r, BASIC | IND);
    clear_rings(&r);
    mmio_write(&r, 0x20, DESC, 4);
    mmio_write(&r, 0x28, AVAIL, 4);
    mmio_write(&r, 0x30, USED, 4);
    mmio_write(&r, 0x1c, 1, 2);
    mmio_write(&r, 0x14, 15, 1);
    put_header(&r, T_IN, 0);
    put_desc(&r, TABLE, 0, HEADER, 16, NEXT, 1);
    put_desc(&r, TABLE, 1, AVAIL, 512, NEXT | WRITE, 2);
    put_desc(&r, TABLE, 2, HEADER, 512, NEXT | WRITE, 3);
    put_desc(&r, TABLE, 3, STATUS, 1, WRITE, 0);
    put_desc(&r, DESC, 0, TABLE, 64, INDIRECT, 0);
    space_write(r.m.pc->mem, AVAIL + 2, 4, 2);
    kick(&r);
    for (i = 0; i < 5; i++) {
        uint64_t before = r.disk.blk.ops_done[BLOCK_READ];

        block_mem_answer(&r.disk);
        g_assert_cmpuint(r.disk.blk.ops_done[BLOCK_READ], ==, before);
        clock_step(&r.m, 1);
    }
    stop(&r);
}

/* A write from flash that is under way at the end, when the flash goes first. */
static void test_flash_at_the_end(void)
{
    struct rig r;
    struct block_mem flash;
    struct pc_config cfg = machine_config(&r.m);
    struct err e;

    block_mem_init(&flash, 256 << 10);
    memset(flash.data, 0x5a, 256 << 10);
    flash.immediate = true;
    cfg.pflash[0] = &flash.blk;
    memset(&r, 0, sizeof(r));
    block_mem_init(&r.disk, SECTORS * 512);
    machine_start_config(&r.m, &cfg);
    r.b = calloc(1, sizeof(*r.b));
    dev_init(&r.b->p.pci.dev, &virtio_blk_class, NULL, &r.m.pc->env);
    r.b->blk = &r.disk.blk;
    g_assert_true(pc_add_pci(r.m.pc, &r.m.pc->pci.bus, DEVFN, &r.b->p.pci, &e));
    dev_reset(&r.b->p.pci.dev);
    pci_config_write(&r.m.pc->pci, DEVFN, 0x20, MMIO, 4);
    pci_config_write(&r.m.pc->pci, DEVFN, 0x04, 7, 2);
    set_up(&r, BASIC);
    put_request(&r, 0, T_OUT, 0, 0xffff0000, 512);
    offer(&r, 0);
    kick(&r);
    g_assert_cmpuint(r.disk.n_queue, ==, 1);
    machine_stop(&r.m);
    g_assert_cmpmem(r.disk.data, 512, flash.data, 512);
    block_mem_finish(&r.disk);
    block_mem_finish(&flash);
    free(r.b);
}

/* Random rings, descriptors and registers. */
static void test_garbage(void)
{
    struct rig r;
    unsigned i, k;

    start(&r);
    for (i = 0; i < 3000; i++) {
        if (!(i % 8))
            set_up(&r, BASIC | (i & 8 ? IND : 0) | (i & 16 ? EVENT_IDX : 0));
        for (k = 0; k < SIZE; k++) {
            static const gpa where[] = {HEADER, STATUS, BUFFER,     TABLE,
                                        DESC,   USED,   0xfee00000, ~0ull};
            static const uint32_t len[] = {16, 1, 512, 513, 48, 4096, 0, 0xffffffff};
            uint32_t v = (uint32_t)g_test_rand_int();

            put_desc(&r, v & 1 ? DESC : TABLE, k, where[v >> 1 & (v & 0x40000 ? 7 : 3)],
                     len[v >> 4 & (v & 0x80000 ? 7 : 3)], v >> 8 & 7 & (v >> 20),
                     v >> 11 & (v & 0x100000 ? 31 : 15));
        }
        put_header(&r, (uint32_t)g_test_rand_int_range(0, 15),
                   (uint64_t)g_test_rand_int_range(0, 9000));
        for (k = 0; k < 4; k++)
            offer(&r, (uint16_t)g_test_rand_int_range(0, SIZE));
        kick(&r);
        if (g_test_rand_bit())
            block_mem_answer(&r.disk);
        if (!g_test_rand_int_range(0, 8))
            mmio_write(&r, (unsigned)g_test_rand_int_range(0, 0x40),
                       (uint32_t)g_test_rand_int(), 4);
    }
    block_mem_answer(&r.disk);
    pc_reset(r.m.pc);
    stop(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-blk/identity", test_identity);
    g_test_add_func("/virtio-blk/status", test_status);
    g_test_add_func("/virtio-blk/read-write", test_read_write);
    g_test_add_func("/virtio-blk/other-requests", test_other_requests);
    g_test_add_func("/virtio-blk/write-through", test_write_through);
    g_test_add_func("/virtio-blk/pieces", test_pieces);
    g_test_add_func("/virtio-blk/event-idx", test_event_idx);
    g_test_add_func("/virtio-blk/msix", test_msix);
    g_test_add_func("/virtio-blk/legacy", test_legacy);
    g_test_add_func("/virtio-blk/config-access", test_config_access);
    g_test_add_func("/virtio-blk/nonsense", test_nonsense);
    g_test_add_func("/virtio-blk/reset-in-flight", test_reset_in_flight);
    g_test_add_func("/virtio-blk/starved", test_starved);
    g_test_add_func("/virtio-blk/feeds-itself", test_feeds_itself);
    g_test_add_func("/virtio-blk/flash-at-the-end", test_flash_at_the_end);
    g_test_add_func("/virtio-blk/garbage", test_garbage);
    return g_test_run();
}
