/* SPDX-License-Identifier: MIT
 * A virtio-blk driver, modern and legacy, that now and then scribbles over what it built. */
#include "tests/hw/fuzz/play.h"

#define DESC_NEXT     1
#define DESC_WRITE    2
#define DESC_INDIRECT 4

#define MODERN_BAR 4
#define MSIX_BAR   1

static void common(struct rig *r, struct virtio_blk *b, unsigned offset, uint64_t v,
                   unsigned size)
{
    rig_store(r, rig_bar(&b->p.pci, MODERN_BAR) + offset, v, size);
}

static bool legacy(const struct virtio_blk *b)
{
    return !b->p.disable_legacy;
}

/* Rings, headers and tables lie apart from what other drivers scribble over. */
static gpa area(struct rig *r, unsigned align)
{
    if (one_in(30))
        return r->ram - align * (1 + fuzz_below(20)); /* the last bytes there are */
    return one_in(60) ? rig_addr(r) : rig_arena(r, one_in(60) ? 1 : align) + RIG_ROOM;
}

static gpa buffer(struct rig *r)
{
    return one_in(20) ? rig_addr(r)
                      : 0x90000 + (fuzz_below(0x10000) & (one_in(4) ? ~0u : ~511u));
}

/* ---- setting up ---- */

static void put_queue(struct rig *r, struct virtio_blk *b, unsigned n, struct rig_queue *q)
{
    static const unsigned offset[] = {0x20, 0x28, 0x30};
    gpa addr[] = {q->desc = area(r, 16), q->driver = area(r, 2), q->device = area(r, 4)};

    q->size =
        one_in(10) ? (uint16_t)FUZZ_U32() : (uint16_t)(1u << fuzz_below(b == r->vblk ? 5 : 9));
    q->avail = 0;
    common(r, b, 0x16, n, 2);
    common(r, b, 0x18, q->size, 2);
    common(r, b, 0x1a, fuzz_below(one_in(4) ? 0x10000 : 6), 2);
    for (unsigned i = 0; i < 3; i++) {
        common(r, b, offset[i], addr[i], one_in(8) ? 8 : 4);
        common(r, b, offset[i] + 4, addr[i] >> 32, 4);
    }
    common(r, b, 0x1c, 1, 2);
    rig_put(r, q->driver, "\0\0\0\0", 4); /* no entries yet */
}

static void setup_modern(struct rig *r, struct virtio_blk *b, unsigned k)
{
    uint64_t features = b->p.v.offered;

    if (one_in(3))
        features &= (uint64_t)FUZZ_U32() << 32 | FUZZ_U32() | VIRTIO_F_VERSION_1;
    if (one_in(20))
        features = fuzz_edge();
    common(r, b, 0x14, 0, 1);
    common(r, b, 0x14, 3, 1);
    for (unsigned i = 0; i < 2; i++) {
        common(r, b, 0x08, i, 4);
        common(r, b, 0x0c, features >> 32 * i, 4);
    }
    common(r, b, 0x14, 11, 1);
    for (unsigned n = 0; n < b->p.v.n_queues; n++)
        if (!one_in(6))
            put_queue(r, b, n, &r->queue[k][n % 4]);
    common(r, b, 0x10, fuzz_below(6), 2);
    common(r, b, 0x14, 15, 1);
}

static void setup_legacy(struct rig *r, struct virtio_blk *b, unsigned k)
{
    gpa ports = rig_bar(&b->p.pci, 0);
    struct rig_queue *q = &r->queue[k][0];
    uint32_t page = (uint32_t)(area(r, 4096) >> 12);

    if (ports == PCI_NOWHERE)
        return;
    rig_out(r, (uint16_t)ports + 0x12, 0, 1);
    rig_out(r, (uint16_t)ports + 0x12, 3, 1);
    rig_out(r, (uint16_t)ports + 4, one_in(2) ? FUZZ_U32() : ~0u, 4);
    rig_out(r, (uint16_t)ports + 0xe, one_in(20) ? 1 : 0, 2);
    rig_out(r, (uint16_t)ports + 8, page, 4);
    rig_out(r, (uint16_t)ports + 0x16, fuzz_below(4), 2);
    rig_out(r, (uint16_t)ports + 0x12, 7, 1);
    q->size = b->queue_size;
    q->avail = 0;
    q->desc = (gpa)page << 12;
    q->driver = q->desc + 16u * q->size;
    q->device = (q->driver + 6 + 2u * q->size + 4095) & ~4095ull;
    rig_put(r, q->driver, "\0\0\0\0", 4);
}

static void setup_msix(struct rig *r, struct virtio_blk *b)
{
    gpa table = rig_bar(&b->p.pci, MSIX_BAR);
    unsigned cap = b->p.pci.msix_cap;

    pci_fn_config_write(&b->p.pci, cap + 2, one_in(3) ? FUZZ_U32() : 0x8000, 2);
    for (unsigned i = 0; i < 6; i++) {
        rig_store(r, table + 16 * i, one_in(4) ? rig_addr(r) : 0xfee00000 | fuzz_below(4) << 12,
                  4);
        rig_store(r, table + 16 * i + 4, one_in(8) ? FUZZ_U32() : 0, 4);
        rig_store(r, table + 16 * i + 8, one_in(8) ? FUZZ_U32() : 0x40 + i, 4);
        rig_store(r, table + 16 * i + 12, one_in(4), 4);
    }
}

/* ---- requests ---- */

static void put_desc(struct rig *r, gpa table, unsigned i, gpa addr, uint32_t len,
                     uint16_t flags, uint16_t next)
{
    uint64_t e[2] = {addr, len | (uint64_t)flags << 32 | (uint64_t)next << 48};

    rig_put(r, table + 16 * i, e, 16);
}

static uint32_t length(void)
{
    static const uint32_t v[] = {0, 1, 16, 17, 511, 513, 4096, 65536, 0x7fffffff, 0xffffffff};

    return one_in(16) ? PICK(v) : 512 * (1 + fuzz_below(16));
}

static void put_header(struct rig *r, gpa at, uint32_t type)
{
    struct {
        uint32_t type, priority;
        uint64_t sector;
        uint64_t range_sector; /* of a discard */
        uint32_t range_sectors, flags;
    } h = {type,
           0,
           one_in(6) ? fuzz_edge() : fuzz_below(20480),
           fuzz_below(20480),
           one_in(8) ? FUZZ_U32() : fuzz_below(100),
           fuzz_below(8) == 0};

    if (one_in(12))
        h.sector = UINT64_MAX / 512 + fuzz_below(3) - 1;
    rig_put(r, at, &h, sizeof(h));
}

/* header, buffers, status: n descriptors from `first` of a table of `size`. */
static void put_chain(struct rig *r, gpa table, unsigned first, unsigned size, unsigned n)
{
    static const uint32_t types[] = {0, 0, 0, 1, 1, 1, 4, 8, 11, 13, 2, 14, 0x80000000};
    uint32_t type = PICK(types);
    uint16_t dir = (type == 1) == one_in(16) ? DESC_WRITE : 0;
    bool discard = (type == 11 || type == 13) && !one_in(8);
    gpa header = area(r, 16);

    if (discard && n > 2)
        n = 2;
    put_header(r, header, type);
    for (unsigned i = 0; i < n; i++) {
        unsigned at = (first + i) % size;
        unsigned next = one_in(60) ? FUZZ_U32() & 0xffff : (at + 1) % size;
        bool last = i == n - 1;

        if (i == 0)
            put_desc(r, table, at, header, discard ? 32 : 16, last ? 0 : DESC_NEXT,
                     (uint16_t)next);
        else if (last)
            put_desc(r, table, at, area(r, 1), one_in(8) ? length() : 1, DESC_WRITE,
                     (uint16_t)next);
        else
            put_desc(r, table, at, buffer(r), length(), dir | DESC_NEXT, (uint16_t)next);
    }
}

static void offer(struct rig *r, struct rig_queue *q, unsigned *desc)
{
    unsigned n = 2 + fuzz_below(one_in(8) ? 300 : 5);
    uint16_t head = (uint16_t)(*desc % q->size);

    if (one_in(3)) {
        gpa table = area(r, 16);

        put_chain(r, table, 0, n, n);
        put_desc(r, q->desc, head, table, one_in(12) ? length() : 16 * n, DESC_INDIRECT, 0);
        *desc += 1;
    } else {
        n = n < q->size ? n : q->size;
        put_chain(r, q->desc, head, q->size, n);
        *desc += n;
    }
    if (one_in(30))
        head = (uint16_t)FUZZ_U32();
    rig_put(r, q->driver + 4 + 2 * (q->avail % q->size), &head, 2);
    q->avail++;
}

/* A descriptor, an index or a ring entry becomes something else. */
static void scribble(struct rig *r, const struct rig_queue *q)
{
    uint64_t v = fuzz_edge();
    gpa at[] = {q->desc + fuzz_below(16u * q->size), q->driver + fuzz_below(8), q->device,
                q->driver + 4 + fuzz_below(2u * q->size)};

    rig_put(r, PICK(at), &v, 1u << fuzz_below(4));
}

static void kick(struct rig *r, struct virtio_blk *b, unsigned n)
{
    if (legacy(b) && one_in(2) && rig_bar(&b->p.pci, 0) != PCI_NOWHERE)
        rig_out(r, (uint16_t)rig_bar(&b->p.pci, 0) + 0x10, n, 2);
    else
        common(r, b, 0x3000 + 4 * n, 0, 2);
}

static void setup_one(struct rig *r, unsigned k)
{
    struct virtio_blk *b = &r->vblk[k];

    if (one_in(2))
        setup_msix(r, b);
    if (legacy(b) && one_in(2))
        setup_legacy(r, b, k);
    else
        setup_modern(r, b, k);
}

static void setup(struct rig *r)
{
    setup_one(r, fuzz_below(RIG_VIRTIO));
}

static void requests(struct rig *r)
{
    unsigned k = fuzz_below(RIG_VIRTIO), n = fuzz_below(4), desc = fuzz_below(16);
    struct rig_queue *q = &r->queue[k][n];
    unsigned chains = one_in(16) ? 40 : 1 + fuzz_below(4);
    uint16_t event = (uint16_t)FUZZ_U32(), flags = one_in(4);

    if ((r->vblk[k].p.v.broken || !r->queue[k][0].size) && !one_in(8))
        setup_one(r, k);
    if (!q->size) {
        n = 0;
        q = &r->queue[k][0];
    }
    if (!q->size)
        return;
    while (chains--)
        offer(r, q, &desc);
    rig_put(r, q->driver + 4 + 2 * q->size, &event, 2);
    rig_put(r, q->driver, &flags, 2);
    rig_put(r, q->driver + 2, &q->avail, 2);
    if (one_in(8))
        scribble(r, q);
    kick(r, &r->vblk[k], n);
    if (one_in(6))
        scribble(r, q);
    for (unsigned i = fuzz_below(12); i; i--)
        fuzz_disk_answer(&r->disk[RIG_DISK_VIRTIO + k]);
}

/* ---- the rest of its registers ---- */

static void config_window(struct rig *r, struct virtio_blk *b)
{
    struct pci_host *h = &r->m.pc->pci;
    unsigned cap = b->p.cfg_cap, fn = b->p.pci.devfn;

    pci_config_write(h, fn, cap + 4, one_in(8) ? FUZZ_U32() : 4, 1);
    pci_config_write(h, fn, cap + 8, one_in(4) ? (uint32_t)fuzz_edge() : fuzz_below(0x4000), 4);
    pci_config_write(h, fn, cap + 12, one_in(8) ? FUZZ_U32() : 1u << fuzz_below(3), 4);
    if (one_in(2))
        pci_config_write(h, fn, cap + 16, FUZZ_U32(), 4);
    else
        pci_config_read(h, fn, cap + 16, 4);
}

static void registers(struct rig *r)
{
    struct virtio_blk *b = &r->vblk[fuzz_below(RIG_VIRTIO)];
    static const unsigned pages[] = {0, 0, 0x1000, 0x2000, 0x2000, 0x3000, 0x3ff8};
    gpa at = rig_bar(&b->p.pci, MODERN_BAR) + PICK(pages) + fuzz_below(0x48);
    unsigned width = 1u << fuzz_below(4), port_width = 1u << fuzz_below(3);
    uint16_t port = (uint16_t)(rig_bar(&b->p.pci, 0) + fuzz_below(0x60));

    if (one_in(4))
        config_window(r, b);
    else if (legacy(b) && one_in(3))
        rig_out(r, port, (uint32_t)fuzz_edge(), port_width);
    else if (one_in(2))
        rig_store(r, at, one_in(2) ? fuzz_below(8) : fuzz_edge(), width);
    else
        rig_load(r, at, width);
    if (legacy(b))
        rig_in(r, port, port_width);
}

const struct play play_virtio[] = {
    {"virtio-setup", 5, setup},
    {"virtio", 30, requests},
    {"virtio-registers", 6, registers},
    {0},
};
