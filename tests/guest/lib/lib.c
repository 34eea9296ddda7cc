/* SPDX-License-Identifier: MIT
 * The test programs' library: tables, traps, labs, TAP. */
#include "tests/guest/lib/guest.h"

u64 gdt[GDT_ENTRIES] __attribute__((aligned(16)));
static u64 idt[512] __attribute__((aligned(16)));
struct dtr gdtr = {sizeof(gdt) - 1, (ulong)gdt};
struct dtr idtr = {256 * 2 * sizeof(ulong) - 1, (ulong)idt};
struct tss tss __attribute__((aligned(4096)));
u8 lab_stack[8192] __attribute__((aligned(4096)));
u8 user_stack[8192] __attribute__((aligned(4096)));
u8 trap_stack[8192] __attribute__((aligned(4096)));
static u8 df_stack[4096] __attribute__((aligned(4096)));
struct trap trap;
hook_fn *hook[256];
ulong user_base;
static bool running;
static unsigned checks, failures;

extern const char trap_stubs[];
void lab_enter(void *image);
_Noreturn void lab_leave(void);
void trap_entry(struct frame *f);
void df_entry(u32 err);
void guest_start(void);

void *memcpy(void *d, const void *s, size_t n)
{
    char *to = d;
    const char *from = s;
    while (n--)
        *to++ = *from++;
    return d;
}

void *memset(void *d, int c, size_t n)
{
    volatile char *to = d;
    while (n--)
        *to++ = (char)c;
    return d;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const u8 *x = a, *y = b;
    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

/* --- output --- */

static void put(char c)
{
    while (!(inb(0x3fd) & 0x20))
        ;
    outb(0x3f8, (u8)c);
}

static void put_hex(u64 v)
{
    int shift = 60;
    while (shift && !(v >> shift))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        put("0123456789abcdef"[v >> shift & 15]);
}

static void put_dec(u32 v)
{
    if (v >= 10)
        put_dec(v / 10);
    put((char)('0' + v % 10));
}

static void say_args(const char *f, va_list ap)
{
    for (; *f; f++) {
        if (*f != '%') {
            put(*f);
            continue;
        }
        bool l = *++f == 'l';
        f += l;
        bool ll = *f == 'l';
        f += ll;
        if (*f == 's')
            for (const char *s = va_arg(ap, const char *); *s; s++)
                put(*s);
        else if (*f == 'd' || *f == 'u')
            put_dec(va_arg(ap, u32));
        else if (*f == 'x')
            put_hex(ll ? va_arg(ap, u64) : l ? va_arg(ap, ulong) : va_arg(ap, u32));
    }
}

void say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say_args(fmt, ap);
    va_end(ap);
}

void ok(bool good, const char *fmt, ...)
{
    va_list ap;
    failures += !good;
    say("%sok %u - ", good ? "" : "not ", ++checks);
    va_start(ap, fmt);
    say_args(fmt, ap);
    va_end(ap);
    say("\n");
}

void ok_eq(const char *name, u64 got, u64 want)
{
    ok(got == want, "%s", name);
    if (got != want)
        say("# got %llx, want %llx\n", got, want);
}

_Noreturn void guest_exit(int status)
{
    for (;;) {
        outl(0xf4, (u32)status);
        asm volatile("cli; hlt");
    }
}

/* --- tables --- */

void set_desc(u64 *d, u32 base, u32 limit, unsigned attr)
{
    *d = (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)(attr & 0xff) << 40 |
         (u64)(limit >> 16 & 15) << 48 | (u64)(attr >> 12 & 15) << 52 | (u64)(base >> 24) << 56;
}

void set_gate(unsigned vec, unsigned sel, ulong off, unsigned type, unsigned dpl, unsigned ist)
{
    u64 low = (off & 0xffff) | (u64)sel << 16 | (u64)ist << 32 |
              (u64)(0x80 | dpl << 5 | type) << 40 | (u64)(off >> 16 & 0xffff) << 48;
#ifdef __x86_64__
    idt[vec * 2] = low;
    idt[vec * 2 + 1] = off >> 32;
#else
    idt[vec] = low;
#endif
}

ulong trap_gate(unsigned vec)
{
    return (ulong)trap_stubs + vec * 16;
}

void restore_gate(unsigned vec)
{
#ifndef __x86_64__
    if (vec == DF) {
        set_gate(vec, DF_SEL, 0, 5, 0, 0);
        return;
    }
#endif
    set_gate(vec, KCS, trap_gate(vec), 14, vec == DONE ? 3 : 0, vec == DF);
}

void load_gdt(void)
{
    asm volatile("lgdt %0" ::"m"(gdtr));
}

#ifdef __x86_64__
static void make_tables(void)
{
    set_gdt(KCS, 0, 0xfffff, D_CODE | D_64 | D_G);
    set_gdt(TSS_SEL, (u32)(ulong)&tss, sizeof(tss) - 1, 0x89);
    tss.rsp[0] = (ulong)trap_stack + sizeof(trap_stack);
    tss.ist[0] = (ulong)df_stack + sizeof(df_stack);
    tss.iomap = offsetof(struct tss, bitmap);
    user_base = 1ul << 32;
}
#else
static struct tss df_tss;
void df_task(void);

static void make_tables(void)
{
    set_gdt(KCS, 0, 0xfffff, D_CODE | D_32 | D_G);
    set_gdt(TSS_SEL, (u32)&tss, sizeof(tss) - 1, 0x89);
    set_gdt(DF_SEL, (u32)&df_tss, 103, 0x89);
    tss.ss0 = KDS;
    tss.esp0 = (ulong)trap_stack + sizeof(trap_stack);
    tss.iomap = offsetof(struct tss, bitmap);
}
static void arm_df(void)
{
    memset(&df_tss, 0, 104); /* not its unused bitmap: this runs for every lab */
    df_tss.eip = (u32)df_task;
    df_tss.eflags = 2;
    df_tss.esp0 = (u32)df_stack + 4096;
    df_tss.sp = (u32)df_stack + 4096;
    df_tss.cs = KCS;
    df_tss.ss0 = df_tss.ss = df_tss.ds = df_tss.es = KDS;
    df_tss.cr3 = read_cr3();
    df_tss.iomap = 104;
    df_tss.sp -= 16;
    set_gdt(DF_SEL, (u32)&df_tss, 103, 0x89);
}
#endif

void guest_start(void)
{
    set_gdt(KDS, 0, 0xfffff, D_DATA | D_32 | D_G);
    set_gdt(UCS32, 0, 0xfffff, D_CODE | D_DPL3 | D_32 | D_G);
    set_gdt(UDS, 0, 0xfffff, D_DATA | D_DPL3 | D_32 | D_G);
    set_gdt(UCS64, 0, 0xfffff, D_CODE | D_DPL3 | D_64 | D_G);
    set_gdt(UDS2, 0, 0xfffff, D_DATA | D_DPL3 | D_32 | D_G);
    set_gdt(KCS32, 0, 0xfffff, D_CODE | D_32 | D_G);
    set_gdt(KCS16, LOW_BASE, 0xffff, D_CODE);
    set_gdt(KDS16, LOW_BASE, 0xffff, D_DATA);
    memset(tss.bitmap, 0xff, sizeof(tss.bitmap));
    make_tables();
    for (unsigned v = 0; v < 256; v++)
        restore_gate(v);
    load_gdt();
    asm volatile("lidt %0" ::"m"(idtr));
    asm volatile("ltr %w0" ::"r"(TSS_SEL));
    outb(0x21, 0xff); /* both PICs masked */
    outb(0xa1, 0xff);
    guest_main();
    say("1..%u\n", checks);
    guest_exit(failures ? EXIT_FAILED : EXIT_GOOD);
}

/* --- traps --- */

static void note(struct trap *t, const struct frame *f)
{
    t->vec = f->vec & 0xff;
    t->err = (u32)f->err;
    t->cr2 = read_cr2();
    t->frame = (ulong)(f->err == (ulong)-1 ? &f->ip : &f->err);
    t->r = (struct regs){.ax = f->ax, .bx = f->bx, .cx = f->cx, .dx = f->dx, .si = f->si,
                         .di = f->di, .bp = f->bp, .ip = f->ip, .flags = f->flags,
                         .cs = (u16)f->cs, .ss = (u16)f->ss, .sp = f->sp};
#ifdef __x86_64__
    t->r.r8 = f->r8, t->r.r9 = f->r9, t->r.r10 = f->r10, t->r.r11 = f->r11;
    t->r.r12 = f->r12, t->r.r13 = f->r13, t->r.r14 = f->r14, t->r.r15 = f->r15;
    u16 s[4];
    asm volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
                 : "=r"(s[0]), "=r"(s[1]), "=r"(s[2]), "=r"(s[3]));
    t->r.ds = s[0], t->r.es = s[1], t->r.fs = s[2], t->r.gs = s[3];
#else
    bool vm = f->flags & F_VM;
    t->r.ds = (u16)(vm ? f->vds : f->ds);
    t->r.es = (u16)(vm ? f->ves : f->es);
    t->r.fs = (u16)(vm ? f->vfs : f->fs);
    t->r.gs = (u16)(vm ? f->vgs : f->gs);
    if (!vm && !(f->cs & 3)) {
        t->r.sp = (u32)&f->sp;
        asm volatile("mov %%ss, %0" : "=r"(t->r.ss));
    }
#endif
}

void trap_entry(struct frame *f)
{
    struct trap t;

    note(&t, f);
    if (hook[t.vec] && hook[t.vec](&t, f))
        return;
    if (!running) {
        say("# unexpected vector %x error %x at %lx, cr2 %lx\nBail out!\n", t.vec, t.err, t.r.ip,
            t.cr2);
        guest_exit(EXIT_BROKEN);
    }
    running = false;
    trap = t;
    lab_leave();
}

#ifndef __x86_64__
/* In the #DF task: the interrupted state is in the other TSS. */
void df_entry(u32 err)
{
    u16 tr = (u16)df_tss.link;

    trap.vec = DF;
    trap.err = err;
    trap.cr2 = read_cr2();
    trap.r = (struct regs){.ax = tss.ax, .bx = tss.bx, .cx = tss.cx, .dx = tss.dx,
                           .si = tss.si, .di = tss.di, .bp = tss.bp, .sp = tss.sp,
                           .ip = tss.eip, .flags = tss.eflags, .cs = (u16)tss.cs,
                           .ss = (u16)tss.ss, .ds = (u16)tss.ds, .es = (u16)tss.es};
    (void)tr;
    asm volatile("pushf; andl $~0x4000, (%%esp); popf; clts" ::: "memory");
    arm_df();
    set_gdt(TSS_SEL, (u32)&tss, sizeof(tss) - 1, 0x89);
    asm volatile("ltr %w0" ::"r"(TSS_SEL));
    if (!running) {
        say("# unexpected double fault at %lx\nBail out!\n", trap.r.ip);
        guest_exit(EXIT_BROKEN);
    }
    running = false;
    lab_leave();
}
#endif

/* --- labs --- */

static void defaults(struct code *c, struct regs *in)
{
    bool user;

    if (!in->cs)
        in->cs = KCS;
    user = in->cs & 3 || in->flags & F_VM;
    if (in->low || in->flags & F_VM) {
        memcpy((void *)(ulong)LOW_BASE, c->start, (size_t)(c->end - c->start));
        if (in->flags & F_VM && !(in->cs & ~(u16)KCS))
            in->cs = LOW_SEG;
    } else if (!in->ip) {
        in->ip = (ulong)c->start + (user ? user_base : 0);
    }
    if (in->flags & F_VM && !in->sp)
        in->sp = 0xf000, in->ss = LOW_SEG;
    if (!in->ss)
        in->ss = KDS;
    if (!in->ds && !(in->flags & F_VM))
        in->ds = KDS;
    if (!in->es && !(in->flags & F_VM))
        in->es = KDS;
    if (!in->sp)
        in->sp = user ? (ulong)user_stack + sizeof(user_stack) - 64 + user_base
                      : (ulong)lab_stack + sizeof(lab_stack) - 64;
    in->flags |= 2;
}

#ifdef __x86_64__
static u64 image[32];

void lab(struct code c, struct regs in)
{
    u64 *p = image;

    defaults(&c, &in);
    u64 seq[] = {in.gs, in.fs, in.es, in.ds, in.r15, in.r14, in.r13, in.r12, in.r11, in.r10,
                 in.r9, in.r8, in.bp, in.di, in.si, in.dx, in.cx, in.bx, in.ax,
                 in.ip, in.cs, in.flags, in.sp, in.ss};
    memcpy(p, seq, sizeof(seq));
    running = true;
    lab_enter(image);
}
#else
static u32 image[64];

void lab(struct code c, struct regs in)
{
    defaults(&c, &in);
    bool vm = in.flags & F_VM, user = vm || in.cs & 3;
    u32 seq[] = {in.gs, in.fs, in.es, in.ds, in.di, in.si, in.bp, 0, in.bx, in.dx, in.cx,
                 in.ax, in.ip, in.cs, in.flags, in.sp, in.ss, in.es, in.ds, in.fs, in.gs};
    u32 *p = user ? image : (u32 *)in.sp - 15;
    if (vm)
        seq[0] = seq[1] = seq[2] = seq[3] = 0;
    memcpy(p, seq, user ? sizeof(seq) : 15 * 4);
    arm_df();
    running = true;
    lab_enter(p);
}
#endif

void expect(const char *name, unsigned vec, u32 err, struct code c)
{
    ulong base = (ulong)c.start, ip = trap.r.ip;
    bool good = trap.vec == vec;

    if (trap.r.flags & F_VM || trap.r.cs == KCS16 || trap.r.cs & 4)
        base = 0;
    else if (trap.r.cs & 3)
        base += user_base;
    if (vec != DONE)
        good = good && trap.err == err && ip == base + (ulong)(c.at - c.start);
    ok(good, "%s", name);
    if (!good)
        say("# got vector %x error %x at +%lx (%x:%lx) cr2 %lx; want vector %x error %x at +%lx\n",
            trap.vec, trap.err, ip - base, (unsigned)trap.r.cs, ip, trap.cr2, vec, err,
            (ulong)(c.at - c.start));
}
