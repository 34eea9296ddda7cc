/* SPDX-License-Identifier: MIT
 * Walks whole guest page tables: SDM vol. 3 4.3 (32-bit), 4.4 (PAE), 4.5 (4-level). Reads RAM
 * only, changes nothing. */
#include <string.h>

#include "cpu/cpu.h"
#include "frontend/monitor/mon_int.h"
#include "hw/pc/pc.h"

#define ENTRIES_MAX                                                                            \
    (4u << 20) /* looked at; tables that contain themselves would go on for ever */
#define ADDRESS 0x000ffffffffff000ull

struct paging {
    struct space *mem;
    bool pae, pse, nx;
    unsigned esize, bits; /* bytes of an entry; index bits of a level */
    unsigned left;
    bool (*fn)(void *opaque, const struct mapping *m);
    void *opaque;
};

static uint64_t entry_at(struct paging *p, gpa table, unsigned i)
{
    uint8_t *page = space_ram_page(p->mem, table, NULL);
    uint64_t v = 0;

    if (page)
        memcpy(&v, page + (size_t)i * p->esize, p->esize);
    return v;
}

static unsigned perm_of(const struct paging *p, uint64_t entry)
{
    return (entry & 4 ? MAP_U : 0) | (entry & 2 ? MAP_W : 0) |
           (p->nx && entry >> 63 ? 0 : MAP_X);
}

static bool is_leaf(const struct paging *p, unsigned level, uint64_t entry)
{
    return level == 1 ||
           ((entry & 0x80) && (level == 2 ? p->pae || p->pse : level == 3 && p->bits == 9));
}

static gpa leaf_address(const struct paging *p, uint64_t entry, uint64_t size)
{
    if (!p->pae && size > GUEST_PAGE_SIZE) /* PSE-36: bits 13..20 are address bits 32..39 */
        return (entry & 0xffc00000) | (entry & 0x1fe000) << 19;
    return entry & ADDRESS & ~(size - 1);
}

/* Sign extension of 48-bit addresses; 32-bit ones stay. */
static gva canonical(const struct paging *p, unsigned top, gva va)
{
    return top == 4 ? (gva)((int64_t)(va << 16) >> 16) : va;
}

static bool walk(struct paging *p, gpa table, unsigned level, unsigned top, gva va,
                 unsigned perm)
{
    unsigned shift = GUEST_PAGE_SHIFT + p->bits * (level - 1);

    for (unsigned i = 0; i < 1u << p->bits; i++, va += 1ull << shift) {
        uint64_t entry = entry_at(p, table, i);
        unsigned now = perm & perm_of(p, entry);

        if (!p->left)
            return false;
        p->left--;
        if (!(entry & 1))
            continue;
        if (is_leaf(p, level, entry)) {
            struct mapping m = {canonical(p, top, va), 1ull << shift, entry,
                                leaf_address(p, entry, 1ull << shift), now};

            if (!p->fn(p->opaque, &m))
                return false;
        } else if (!walk(p, entry & (p->pae ? ADDRESS : 0xfffff000), level - 1, top, va, now)) {
            return false;
        }
    }
    return true;
}

bool mon_each_page(struct vm *vm, bool (*fn)(void *opaque, const struct mapping *m),
                   void *opaque, bool *cut)
{
    const struct cpu *cpu = vm_cpu(vm);
    struct paging p = {.mem = vm_pc(vm)->mem,
                       .pae = cpu->cr4 & CR4_PAE,
                       .pse = cpu->cr4 & CR4_PSE,
                       .nx = cpu->efer & EFER_NXE,
                       .left = ENTRIES_MAX,
                       .fn = fn,
                       .opaque = opaque};

    bool whole = true;

    if (!(cpu->cr0 & CR0_PG))
        return false;
    p.esize = p.pae ? 8 : 4;
    p.bits = p.pae ? 9 : 10;
    if (cpu->efer & EFER_LMA)
        whole = walk(&p, cpu->cr3 & ADDRESS, 4, 4, 0, MAP_U | MAP_W | MAP_X);
    else if (!p.pae)
        whole = walk(&p, cpu->cr3 & 0xfffff000, 2, 2, 0, MAP_U | MAP_W | MAP_X);
    else /* the four PDPTEs as CR3's load latched them, without rights of their own */
        for (unsigned i = 0; i < 4 && whole; i++)
            if (cpu->pdpte[i] & 1)
                whole = walk(&p, cpu->pdpte[i] & ADDRESS, 2, 3, (gva)i << 30,
                             MAP_U | MAP_W | MAP_X);
    *cut = !whole;
    return true;
}
