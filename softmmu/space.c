/* SPDX-License-Identifier: MIT
 * Two sorted tables of regions, RAM and I/O, each with a last-hit hint. They are apart
 * so that moving an I/O region never disturbs a lock-free RAM lookup. */
#include "softmmu/space.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "softmmu/log.h"

struct region {
    gpa base, last; /* inclusive: a region may end at 2^64 - 1 */
    const char *name;
    uint8_t *host; /* RAM */
    bool readonly;
    uint8_t *shadow;          /* of a read-only region: writes go there */
    const struct io_ops *ops; /* I/O; of a read-only RAM region: who gets writes */
    void *opaque;
};

struct table {
    struct region *r; /* sorted by base */
    unsigned n, room;
    unsigned hint; /* index of the last hit; any value is safe */
};

struct space {
    const char *name;
    gpa last;
    struct table ram, io;
    void (*change_fn)(void *opaque);
    void *change_opaque;
    unsigned holds;
    bool changed;
    void (*dma_fn)(void *opaque, gpa addr, uint64_t size);
    void *dma_opaque;
};

struct space *space_create(const char *name, uint64_t size)
{
    struct space *s = calloc(1, sizeof(*s));

    if (!s)
        abort();
    s->name = name;
    s->last = size - 1;
    return s;
}

void space_destroy(struct space *s)
{
    if (!s)
        return;
    free(s->ram.r);
    free(s->io.r);
    free(s);
}

/* index of the first region that ends at or after addr */
static unsigned table_lower(const struct table *t, gpa addr)
{
    unsigned lo = 0, hi = t->n;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;

        if (t->r[mid].last < addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static struct region *table_find(struct table *t, gpa addr)
{
    unsigned i = __atomic_load_n(&t->hint, __ATOMIC_RELAXED);

    if (LIKELY(i < t->n && addr - t->r[i].base <= t->r[i].last - t->r[i].base))
        return &t->r[i];
    i = table_lower(t, addr);
    if (i == t->n || addr < t->r[i].base)
        return NULL;
    __atomic_store_n(&t->hint, i, __ATOMIC_RELAXED);
    return &t->r[i];
}

static const struct region *table_overlap(const struct table *t, gpa base, gpa last)
{
    unsigned i = table_lower(t, base);

    return i < t->n && t->r[i].base <= last ? &t->r[i] : NULL;
}

static void table_insert(struct table *t, const struct region *r)
{
    unsigned i = table_lower(t, r->base);

    if (t->n == t->room) {
        t->room = t->room ? 2 * t->room : 16;
        t->r = realloc(t->r, t->room * sizeof(*t->r));
        if (!t->r)
            abort();
    }
    memmove(&t->r[i + 1], &t->r[i], (t->n - i) * sizeof(*t->r));
    t->r[i] = *r;
    t->n++;
}

static void table_remove(struct table *t, struct region *r)
{
    unsigned i = r - t->r;

    t->n--;
    memmove(&t->r[i], &t->r[i + 1], (t->n - i) * sizeof(*t->r));
}

static struct region *table_starting_at(const struct table *t, gpa base)
{
    unsigned i = table_lower(t, base);

    return i < t->n && t->r[i].base == base ? &t->r[i] : NULL;
}

static void space_changed(struct space *s)
{
    s->changed = true;
    if (s->holds || !s->change_fn)
        return;
    s->changed = false;
    s->change_fn(s->change_opaque);
}

void space_hold(struct space *s)
{
    s->holds++;
}

void space_release(struct space *s)
{
    assert(s->holds);
    if (!--s->holds && s->changed)
        space_changed(s);
}

/* What RAM shows here is about to be something else. */
static void ram_changes(struct space *s, const struct region *r)
{
    if (s->dma_fn)
        s->dma_fn(s->dma_opaque, r->base, r->last - r->base + 1);
}

static bool space_add(struct space *s, struct table *t, struct region *r, uint64_t size,
                      struct err *e)
{
    const struct region *old;

    r->last = r->base + size - 1;
    if (!size || r->last < r->base || r->last > s->last)
        return err_set(e, "%s: region %s at 0x%llx of 0x%llx bytes does not fit", s->name,
                       r->name, (unsigned long long)r->base, (unsigned long long)size);
    old = table_overlap(&s->ram, r->base, r->last);
    if (!old)
        old = table_overlap(&s->io, r->base, r->last);
    if (old)
        return err_set(e, "%s: region %s (0x%llx-0x%llx) overlaps %s (0x%llx-0x%llx)", s->name,
                       r->name, (unsigned long long)r->base, (unsigned long long)r->last,
                       old->name, (unsigned long long)old->base, (unsigned long long)old->last);
    if (t == &s->ram)
        ram_changes(s, r);
    table_insert(t, r);
    space_changed(s);
    return true;
}

bool space_add_ram(struct space *s, const char *name, gpa base, uint64_t size, void *host,
                   bool readonly, struct err *e)
{
    struct region r = {.base = base, .name = name, .host = host, .readonly = readonly};

    if ((base | size) & GUEST_PAGE_MASK)
        return err_set(e, "%s: region %s is not made of whole pages", s->name, name);
    return space_add(s, &s->ram, &r, size, e);
}

bool space_add_shadow(struct space *s, const char *name, gpa base, uint64_t size,
                      const void *read, void *write, struct err *e)
{
    struct region r = {
        .base = base, .name = name, .host = (void *)read, .readonly = true, .shadow = write};

    assert(!((base | size) & GUEST_PAGE_MASK));
    return space_add(s, &s->ram, &r, size, e);
}

bool space_add_rom_io(struct space *s, const char *name, gpa base, uint64_t size,
                      const void *host, const struct io_ops *ops, void *opaque, struct err *e)
{
    struct region r = {.base = base,
                       .name = name,
                       .host = (void *)host,
                       .readonly = true,
                       .ops = ops,
                       .opaque = opaque};

    assert(!((base | size) & GUEST_PAGE_MASK));
    return space_add(s, &s->ram, &r, size, e);
}

bool space_add_io(struct space *s, const char *name, gpa base, uint64_t size,
                  const struct io_ops *ops, void *opaque, struct err *e)
{
    struct region r = {.base = base, .name = name, .ops = ops, .opaque = opaque};

    return space_add(s, &s->io, &r, size, e);
}

bool space_remove(struct space *s, gpa base)
{
    struct table *t = &s->io;
    struct region *r = table_starting_at(t, base);

    if (!r) {
        t = &s->ram;
        r = table_starting_at(t, base);
        if (!r)
            return false;
        ram_changes(s, r);
    }
    table_remove(t, r);
    space_changed(s);
    return true;
}

static unsigned min_size(const struct region *r)
{
    return r->ops->min_size ? r->ops->min_size : 1;
}

static unsigned max_size(const struct region *r)
{
    return r->ops->max_size ? r->ops->max_size : 4;
}

/* size of the handler call for `n` wanted bytes at offset: the widest natural access, but
 * never narrower than the device allows */
static unsigned io_width(const struct region *r, uint64_t offset, uint64_t n)
{
    unsigned w = max_size(r);

    while (w > min_size(r) && (w > n || (offset & (w - 1))))
        w /= 2;
    return w;
}

/* One handler call; returns how many of the n wanted bytes it gave. */
static unsigned io_read(const struct region *r, gpa addr, uint8_t *buf, uint64_t n)
{
    uint64_t offset = addr - r->base;
    unsigned w = io_width(r, offset, n), skip = offset & (w - 1), got = w - skip;
    uint64_t v = ~0ull;

    if (r->ops->read)
        v = r->ops->read(r->opaque, offset - skip, w) >> (8 * skip);
    if (got > n)
        got = n;
    memcpy(buf, &v, got);
    return got;
}

static unsigned io_write(const struct region *r, gpa addr, const uint8_t *buf, uint64_t n)
{
    uint64_t offset = addr - r->base;
    unsigned w = io_width(r, offset, n), skip = offset & (w - 1), got = w - skip;
    uint64_t v = 0;

    if (got > n)
        got = n;
    memcpy(&v, buf, got);
    if (r->ops->write)
        r->ops->write(r->opaque, offset - skip, v << (8 * skip), w);
    return got;
}

static uint64_t left_in(const struct region *r, gpa addr, uint64_t n)
{
    uint64_t room = r->last - addr;

    return n - 1 > room ? room + 1 : n;
}

void space_read_bytes(struct space *s, gpa addr, void *buf, size_t n)
{
    uint8_t *p = buf;

    while (n) {
        const struct region *r = table_find(&s->ram, addr);
        size_t k = 1;

        if (r) {
            k = left_in(r, addr, n);
            memcpy(p, r->host + (addr - r->base), k);
        } else if ((r = table_find(&s->io, addr))) {
            k = io_read(r, addr, p, left_in(r, addr, n));
        } else {
            LOG_GUEST("%s: read of unassigned 0x%llx", s->name, (unsigned long long)addr);
            *p = 0xff;
        }
        p += k;
        addr += k;
        n -= k;
    }
}

void space_host_written(struct space *s, const void *host, uint64_t n)
{
    uintptr_t from = (uintptr_t)host, to = from + n;

    for (unsigned i = 0; s->dma_fn && i < s->ram.n; i++) {
        const struct region *r = &s->ram.r[i];
        uintptr_t base = (uintptr_t)r->host, first = from > base ? from : base;
        uintptr_t end = base + (r->last - r->base) + 1, past = to < end ? to : end;

        if (first < past)
            s->dma_fn(s->dma_opaque, r->base + (first - base), past - first);
    }
}

static void ram_write(struct space *s, const struct region *r, gpa addr, const uint8_t *p,
                      size_t k)
{
    if (r->shadow) {
        memcpy(r->shadow + (addr - r->base), p, k);
        return;
    }
    if (r->readonly) {
        LOG_GUEST("%s: write to ROM at 0x%llx", s->name, (unsigned long long)addr);
        return;
    }
    space_host_written(s, r->host + (addr - r->base), k);
    memcpy(r->host + (addr - r->base), p, k);
}

void space_write_bytes(struct space *s, gpa addr, const void *buf, size_t n)
{
    const uint8_t *p = buf;

    while (n) {
        const struct region *r = table_find(&s->ram, addr);
        size_t k = 1;

        if (r) {
            k = left_in(r, addr, n);
            if (r->ops)
                k = io_write(r, addr, p, k);
            else
                ram_write(s, r, addr, p, k);
        } else if ((r = table_find(&s->io, addr))) {
            k = io_write(r, addr, p, left_in(r, addr, n));
        } else {
            LOG_GUEST("%s: write to unassigned 0x%llx", s->name, (unsigned long long)addr);
        }
        p += k;
        addr += k;
        n -= k;
    }
}

/* An aligned access that one handler call serves: most MMIO and port accesses. */
static bool io_direct(const struct region *r, gpa addr, unsigned size)
{
    return size >= min_size(r) && size <= max_size(r) && !((addr - r->base) & (size - 1)) &&
           r->last - addr >= size - 1;
}

uint64_t space_read(struct space *s, gpa addr, unsigned size)
{
    uint64_t mask = ~0ull >> (64 - 8 * size), v = 0;
    const struct region *r;

    assert(size == 1 || size == 2 || size == 4 || size == 8);
    r = table_find(&s->io, addr);
    if (r && io_direct(r, addr, size))
        return r->ops->read ? r->ops->read(r->opaque, addr - r->base, size) & mask : mask;
    space_read_bytes(s, addr, &v, size);
    return v;
}

void space_write(struct space *s, gpa addr, uint64_t value, unsigned size)
{
    const struct region *r;

    assert(size == 1 || size == 2 || size == 4 || size == 8);
    value &= ~0ull >> (64 - 8 * size);
    r = table_find(&s->io, addr);
    if (r && io_direct(r, addr, size)) {
        if (r->ops->write)
            r->ops->write(r->opaque, addr - r->base, value, size);
        return;
    }
    space_write_bytes(s, addr, &value, size);
}

uint8_t *space_dma_map(struct space *s, gpa addr, uint64_t *n, bool write)
{
    const struct region *r = table_find(&s->ram, addr);

    if (!r || (write && r->readonly))
        return NULL;
    *n = left_in(r, addr, *n);
    return r->host + (addr - r->base);
}

void space_dma_written(struct space *s, gpa addr, uint64_t n)
{
    const struct region *r = table_find(&s->ram, addr);

    if (r)
        space_host_written(s, r->host + (addr - r->base), left_in(r, addr, n));
}

uint8_t *space_ram_page(struct space *s, gpa addr, bool *writable)
{
    const struct region *r = table_find(&s->ram, addr);

    if (!r)
        return NULL;
    if (writable)
        *writable = !r->readonly;
    return r->host + ((addr & ~GUEST_PAGE_MASK) - r->base);
}

void space_on_change(struct space *s, void (*fn)(void *opaque), void *opaque)
{
    s->change_fn = fn;
    s->change_opaque = opaque;
}

void space_on_dma_write(struct space *s, void (*fn)(void *opaque, gpa addr, uint64_t size),
                        void *opaque)
{
    s->dma_fn = fn;
    s->dma_opaque = opaque;
}

void space_each(const struct space *s,
                void (*fn)(void *opaque, const char *name, gpa base, gpa last, bool ram),
                void *opaque)
{
    unsigned i;

    for (i = 0; i < s->ram.n; i++)
        fn(opaque, s->ram.r[i].name, s->ram.r[i].base, s->ram.r[i].last, true);
    for (i = 0; i < s->io.n; i++)
        fn(opaque, s->io.r[i].name, s->io.r[i].base, s->io.r[i].last, false);
}
