/* SPDX-License-Identifier: MIT
 * Commands about memory and ports. */
#include <capstone/capstone.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cpu/cpu.h"
#include "frontend/monitor/mon_int.h"
#include "hw/pc/pc.h"

/* --- reading ------------------------------------------------------------------------- */

static bool to_physical(struct vm *vm, gva va, gpa *pa)
{
    struct mmu *m = &vm_cpu(vm)->mmu;
    struct mmu_fault f;

    return cpu_canonical(va) && mmu_peek(m, va, MMU_READ, MMU_SUPER_AC, pa, &f);
}

/* Up to n bytes from va on; how many there are before a page that is not mapped. */
static size_t read_virtual(struct vm *vm, gva va, uint8_t *buf, size_t n)
{
    size_t done = 0;

    while (done < n) {
        size_t k = GUEST_PAGE_SIZE - (size_t)((va + done) & GUEST_PAGE_MASK);
        gpa pa;

        if (!to_physical(vm, va + done, &pa))
            break;
        k = k < n - done ? k : n - done;
        space_read_bytes(vm_pc(vm)->mem, pa, buf + done, k);
        done += k;
    }
    return done;
}

bool cmd_gva2gpa(struct mon_call *c, struct err *e)
{
    gpa pa;

    if (to_physical(c->vm, (gva)mon_int(c, "address", 0), &pa))
        mon_say(c, "gpa: 0x%" PRIx64 "\n", pa);
    else
        mon_say(c, "Unmapped\n");
    return true;
}

/* --- x, xp, print ---------------------------------------------------------------------- */

struct format {
    unsigned count;
    char kind;     /* x d u o c i */
    unsigned size; /* bytes */
};

static bool parse_format(const char *p, struct format *f, struct err *e)
{
    unsigned long count = 0;

    *f = (struct format){1, 'x', 0};
    if (g_ascii_isdigit(*p)) {
        while (g_ascii_isdigit(*p) && count <= 1 << 20)
            count = count * 10 + (unsigned long)(*p++ - '0');
        if (count > 1 << 20)
            return err_set(e, "at most %d items", 1 << 20);
        f->count = (unsigned)count;
    }
    for (; *p; p++) {
        switch (*p) {
        case 'x':
        case 'd':
        case 'u':
        case 'o':
        case 'c':
        case 'i': f->kind = *p; break;
        case 'b': f->size = 1; break;
        case 'h': f->size = 2; break;
        case 'w': f->size = 4; break;
        case 'g': f->size = 8; break;
        default: return err_set(e, "invalid char in format: '%c'", *p);
        }
    }
    return true;
}

static void say_value(struct mon_call *c, const struct format *f, uint64_t v)
{
    static const unsigned octal[] = {[1] = 3, [2] = 6, [4] = 11, [8] = 22};
    static const unsigned decimal[] = {[1] = 4, [2] = 6, [4] = 11, [8] = 20};
    unsigned bits = 64 - 8 * f->size;
    int64_t s = (int64_t)(v << bits) >> bits;

    switch (f->kind) {
    case 'd': mon_say(c, "%*" PRId64, (int)decimal[f->size], s); break;
    case 'u': mon_say(c, "%*" PRIu64, (int)decimal[f->size], v); break;
    case 'o': mon_say(c, "0%0*" PRIo64, (int)octal[f->size], v); break;
    case 'c':
        if (g_ascii_isprint((char)v) && v != '\'' && v != '\\')
            mon_say(c, "'%c'", (char)v);
        else
            mon_say(c, "'\\x%02x'", (unsigned)(v & 0xff));
        break;
    default: mon_say(c, "0x%0*" PRIx64, (int)(2 * f->size), v); break;
    }
}

static void say_insns(struct mon_call *c, unsigned count, uint64_t address, const uint8_t *code,
                      size_t n)
{
    static const cs_mode modes[] = {CS_MODE_16, CS_MODE_32, CS_MODE_64, CS_MODE_64};
    csh cs;
    cs_insn *insn;

    if (cs_open(CS_ARCH_X86, modes[vm_cpu(c->vm)->mode & CM_SIZE], &cs) != CS_ERR_OK)
        return;
    insn = cs_malloc(cs);
    while (insn && count-- && n) {
        if (cs_disasm_iter(cs, &code, &n, &address, insn)) {
            mon_say(c, "0x%08" PRIx64 ":  %s %s\n", insn->address, insn->mnemonic,
                    insn->op_str);
            continue;
        }
        mon_say(c, "0x%08" PRIx64 ":  .byte 0x%02x\n", address, *code);
        code++;
        address++;
        n--;
    }
    if (insn)
        cs_free(insn, 1);
    cs_close(&cs);
}

static void say_items(struct mon_call *c, const struct format *f, uint64_t address,
                      const uint8_t *buf, size_t n)
{
    unsigned per_line = f->kind == 'c' || f->kind == 'o' ? 8 : 16 / f->size;

    for (size_t i = 0; i + f->size <= n; i += f->size) {
        uint64_t v = 0;

        if (i / f->size % per_line == 0)
            mon_say(c, "%s%016" PRIx64 ":", i ? "\n" : "", address + i);
        memcpy(&v, buf + i, f->size);
        mon_say(c, " ");
        say_value(c, f, v);
    }
    if (n >= f->size)
        mon_say(c, "\n");
}

static bool dump(struct mon_call *c, bool physical, struct err *e)
{
    uint64_t address = (uint64_t)mon_int(c, "address", 0);
    struct format f;
    size_t n, want;
    uint8_t *buf;

    if (!parse_format(mon_str(c, "fmt", ""), &f, e))
        return false;
    f.size = f.kind == 'c' ? 1 : f.size ? f.size : 4;
    want = (size_t)f.count * (f.kind == 'i' ? 15 : f.size);
    n = want;
    buf = g_malloc0(want ? want : 1);
    if (physical)
        space_read_bytes(vm_pc(c->vm)->mem, address, buf, want);
    else
        n = read_virtual(c->vm, address, buf, want);
    if (f.kind == 'i')
        say_insns(c, f.count, address, buf, n);
    else
        say_items(c, &f, address, buf, n);
    if (n < want && (f.kind != 'i' || !n))
        mon_say(c, "Cannot access memory at address 0x%" PRIx64 "\n", address + n);
    g_free(buf);
    return true;
}

bool cmd_x(struct mon_call *c, struct err *e)
{
    return dump(c, false, e);
}

bool cmd_xp(struct mon_call *c, struct err *e)
{
    return dump(c, true, e);
}

bool cmd_print(struct mon_call *c, struct err *e)
{
    uint64_t v = (uint64_t)mon_int(c, "value", 0);
    struct format f;

    if (!parse_format(mon_str(c, "fmt", ""), &f, e))
        return false;
    switch (f.kind) {
    case 'd': mon_say(c, "%" PRId64, (int64_t)v); break;
    case 'u': mon_say(c, "%" PRIu64, v); break;
    case 'o': mon_say(c, "0%" PRIo64, v); break;
    case 'c': f.size = 1, say_value(c, &f, v); break;
    default: mon_say(c, "0x%" PRIx64, v); break;
    }
    mon_say(c, "\n");
    return true;
}

/* --- ports ----------------------------------------------------------------------------- */

static bool port_format(struct mon_call *c, struct format *f, struct err *e)
{
    if (!parse_format(mon_str(c, "fmt", ""), f, e))
        return false;
    f->size = f->size == 0 ? 1 : f->size > 4 ? 4 : f->size;
    return true;
}

bool cmd_in(struct mon_call *c, struct err *e)
{
    static const char suffix[] = {[1] = 'b', [2] = 'w', [4] = 'l'};
    unsigned port = (uint16_t)mon_int(c, "port", 0);
    struct space *ports = vm_pc(c->vm)->ports;
    struct format f;

    if (!port_format(c, &f, e))
        return false;
    if (json_object_get(c->args, "index"))
        space_write(ports, port++, (uint8_t)mon_int(c, "index", 0), 1);
    port &= 0xffff;
    mon_say(c, "port%c[0x%04x] = 0x%0*" PRIx64 "\n", suffix[f.size], port, (int)(2 * f.size),
            space_read(ports, port, f.size));
    return true;
}

bool cmd_out(struct mon_call *c, struct err *e)
{
    struct format f;

    if (!port_format(c, &f, e))
        return false;
    space_write(vm_pc(c->vm)->ports, (uint16_t)mon_int(c, "port", 0),
                (uint64_t)mon_int(c, "value", 0) & (~0ull >> (64 - 8 * f.size)), f.size);
    return true;
}

/* --- files ----------------------------------------------------------------------------- */

/* Part of a page. Only RAM: no device is touched. Physical memory that is none reads as zeroes.
 */
static bool save_page(struct vm *vm, bool physical, uint64_t at, uint8_t *buf, size_t n)
{
    const uint8_t *ram;
    gpa pa = at;

    if (!physical && !to_physical(vm, at, &pa))
        return false;
    ram = space_ram_page(vm_pc(vm)->mem, pa & ~GUEST_PAGE_MASK, NULL);
    if (ram)
        memcpy(buf, ram + (at & GUEST_PAGE_MASK), n);
    else
        memset(buf, 0, n);
    return ram || physical;
}

static bool save(struct mon_call *c, bool physical, struct err *e)
{
    uint64_t at = (uint64_t)mon_int(c, "val", 0), left = (uint64_t)mon_int(c, "size", 0);
    gpa top = vm_cpu(c->vm)->ram_top;
    const char *name = mon_str(c, "filename", "");
    uint8_t buf[GUEST_PAGE_SIZE];
    bool ok = true;
    FILE *f;

    if (mon_int(c, "cpu-index", 0) != 0)
        return err_set(e, "Parameter 'cpu-index' expects a CPU number");
    top = top > 1ull << 32 ? top : 1ull << 32;
    if ((int64_t)left < 0 || at + left < at || (physical && at + left > top))
        return err_set(e, "Invalid addr 0x%016" PRIx64 "/size %" PRIu64 " specified", at, left);
    f = fopen(name, "wbe");
    if (!f)
        return err_set(e, "Could not open '%s': %s", name, strerror(errno));
    while (left && ok) {
        size_t n = GUEST_PAGE_SIZE - (size_t)(at & GUEST_PAGE_MASK);

        n = n < left ? n : (size_t)left;
        if (!save_page(c->vm, physical, at, buf, n))
            ok = err_set(e, "Invalid addr 0x%016" PRIx64 "/size %" PRIu64 " specified", at,
                         left);
        else if (fwrite(buf, 1, n, f) != n)
            ok = err_set(e, "writing memory to '%s' failed: %s", name, strerror(errno));
        at += n;
        left -= n;
    }
    if (fclose(f) && ok)
        ok = err_set(e, "writing memory to '%s' failed: %s", name, strerror(errno));
    return ok;
}

bool cmd_memsave(struct mon_call *c, struct err *e)
{
    return save(c, false, e);
}

bool cmd_pmemsave(struct mon_call *c, struct err *e)
{
    return save(c, true, e);
}

/* --- page tables ----------------------------------------------------------------------- */

#define TEXT_MAX (16u << 20) /* a guest's tables may say anything */
#define MORE     "(there is more than can be shown)\n"

static bool say_page(void *opaque, const struct mapping *m)
{
    static const struct {
        uint64_t bit;
        char letter;
    } bits[] = {{1ull << 63, 'X'}, {0x100, 'G'}, {0x80, 'P'}, {0x40, 'D'}, {0x20, 'A'},
                {0x10, 'C'},       {0x08, 'T'},  {0x04, 'U'}, {0x02, 'W'}};
    struct mon_call *c = opaque;

    mon_say(c, "%016" PRIx64 ": %016" PRIx64 " ", m->va, m->pa);
    for (unsigned i = 0; i < G_N_ELEMENTS(bits); i++) {
        bool set = m->entry & bits[i].bit;

        if (bits[i].letter == 'P') /* of a 4K page it is PAT */
            set = m->size > GUEST_PAGE_SIZE;
        mon_say(c, "%c", set ? bits[i].letter : '-');
    }
    mon_say(c, "\n");
    return c->out->len < TEXT_MAX;
}

bool cmd_tlb(struct mon_call *c, struct err *e)
{
    bool cut = false;

    if (!mon_each_page(c->vm, say_page, c, &cut))
        mon_say(c, "PG disabled\n");
    mon_say(c, "%s", cut ? MORE : "");
    return true;
}

struct range {
    struct mon_call *c;
    gva start, end;
    unsigned perm;
    bool any;
};

static void say_range(const struct range *r)
{
    if (r->any)
        mon_say(r->c, "%016" PRIx64 "-%016" PRIx64 " %016" PRIx64 " %c%c%c\n", r->start, r->end,
                r->end - r->start, r->perm & MAP_U ? 'u' : '-', 'r',
                r->perm & MAP_W ? 'w' : '-');
}

static bool join_range(void *opaque, const struct mapping *m)
{
    struct range *r = opaque;

    if (r->any && r->end == m->va && ((r->perm ^ m->perm) & (MAP_U | MAP_W)) == 0) {
        r->end += m->size;
        return true;
    }
    say_range(r);
    *r = (struct range){r->c, m->va, m->va + m->size, m->perm, true};
    return r->c->out->len < TEXT_MAX;
}

bool cmd_mem(struct mon_call *c, struct err *e)
{
    struct range r = {.c = c};
    bool cut = false;

    if (mon_each_page(c->vm, join_range, &r, &cut))
        say_range(&r);
    else
        mon_say(c, "PG disabled\n");
    mon_say(c, "%s", cut ? MORE : "");
    return true;
}
