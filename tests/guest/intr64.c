/* SPDX-License-Identifier: MIT
 * Interrupts: shadows, priorities, NMI, PIC and PIT, local APIC and its timer, x2APIC
 * (SDM vol. 3 ch. 6 and 10). A pending interrupt ends a lab like an exception does. */
#include "tests/guest/lib/guest.h"

#define APIC 0xfee00000ul
enum { V1 = 0x51, V2 = 0x61, V_TIMER = 0x52 };
#define SELF1 "movl $0x40051, 0x300(%rbx);"
#define SELF2 "movl $0x40061, 0x300(%rbx);"
#define RBX .bx = APIC

static u32 apic_read(unsigned r) { return *(volatile u32 *)(APIC + r); }
static void apic_write(unsigned r, u32 v) { *(volatile u32 *)(APIC + r) = v; }
static void eoi(void) { apic_write(0xb0, 0); }
static unsigned pending(unsigned base, unsigned v) { return apic_read(base + v / 32 * 16) >> (v % 32) & 1; }

/* SDM vol. 3 6.8.3, vol. 2 STI, MOV, POP. */
static void shadows(void)
{
    FAULT("STI: one instruction later", V1, NOERR, SELF1 "sti; nop; 78: nop", RBX);
    eoi();
    PASS("STI, CLI: nothing gets through", SELF1 "sti; cli; nop", RBX);
    FAULT("POPF has no shadow", V1, NOERR, "pushf; orl $0x200, (%rsp); popf; 78: nop");
    eoi();
    FAULT("IRETQ has no shadow", V1, NOERR, SELF1 "mov %rsp, %rax; push $0x10; push %rax; push $0x202; push $8;"
          "lea 1f(%rip), %rcx; push %rcx; iretq; 1: 78: nop", RBX);
    eoi();
    FAULT("STI then MOV SS", V1, NOERR, SELF1 "mov %ss, %eax; sti; mov %eax, %ss; nop; 78: nop", RBX);
    eoi();
    FAULT("a fault in the shadow comes first", UD, NOERR, SELF1 "sti; 78: ud2", RBX);
    ok(trap.r.flags & F_IF, "with IF set in its image");
    FAULT("and the interrupt after it", V1, NOERR, "nop; nop", .flags = F_IF, .ip = 0);
    eoi();
    FAULT("interrupt on entry with IF", V1, NOERR, SELF1 "pushf; orl $0x200, (%rsp); popf; 78: ud2", RBX);
    eoi();
    FAULT("TF: STI traps after itself", DB, NOERR, "sti; 78: nop", .flags = F_TF);
    FAULT("TF: MOV SS delays the trap by one", DB, NOERR, "mov %eax, %ss; nop; 78: nop", .flags = F_TF, .ax = KDS);
    FAULT("TF: MOV DS does not", DB, NOERR, "mov %eax, %ds; 78: nop; nop", .flags = F_TF, .ax = KDS);
    FAULT("TF and an interrupt: the trap is first", DB, NOERR, SELF1 "pushf; orl $0x100, (%rsp); popf;"
          "sti; 78: nop", RBX);
    ok(pending(0x200, V1), "the interrupt still waits");
    LAB("sti; nop; nop");
    ok_eq("and then comes", trap.vec, V1);
    eoi();
    FAULT("HLT: an interrupt returns after it", V1, NOERR, SELF1 "sti; hlt; 78: nop", RBX);
    eoi();
    FAULT("STI that ends a page", V1, NOERR, SELF1 "jmp 1f; .balign 4096; .skip 4095, 0x90; 1: sti; nop; 78: nop", RBX);
    eoi();
    FAULT("HLT at CPL 3", GP, 0, "hlt", USER);
}

/* SDM vol. 3 10.8. */
static void priorities(void)
{
    ulong cr8;

    FAULT("the higher vector first", V2, NOERR, SELF1 SELF2 "sti; nop; 78: nop", RBX);
    ok(pending(0x100, V2) && pending(0x200, V1), "ISR and IRR");
    PASS("a lower class waits while a higher one is served", "sti; nop; nop");
    ok_eq("PPR", apic_read(0xa0), V2 & 0xf0);
    eoi();
    FAULT("after EOI it comes", V1, NOERR, "sti; nop; 78: nop");
    FAULT("a higher class nests", V2, NOERR, SELF2 "sti; nop; 78: nop", RBX);
    eoi(), eoi();
    ok(!pending(0x100, V1) && !pending(0x100, V2), "two EOIs clear both");
    asm volatile("mov %0, %%cr8" ::"r"(5ul));
    ok_eq("CR8 is TPR[7:4]", apic_read(0x80), 0x50);
    PASS("CR8 = 5 masks class 5", SELF1 "sti; nop; nop", RBX);
    FAULT("MOV CR8 lets it in", V1, NOERR, "sti; nop; mov %rax, %cr8; 78: nop", .ax = 4);
    eoi();
    apic_write(0x80, 0x7f);
    asm volatile("mov %%cr8, %0" : "=r"(cr8));
    ok_eq("TPR shows in CR8", cr8, 7);
    PASS("TPR masks", SELF2 "sti; nop; nop", RBX);
    apic_write(0x80, 0);
    FAULT("lowered TPR", V2, NOERR, "sti; nop; 78: nop");
    eoi();
    apic_write(0x280, 0), apic_read(0x280);
    apic_write(0x300, 0x40005);
    apic_write(0x280, 0);
    ok(apic_read(0x280) & 0x20, "vector 5: ESR send illegal vector");
    apic_write(0x280, 0);
    PASS("software-disabled APIC keeps quiet", "movl $0xff, 0xf0(%rbx);" SELF1 "sti; nop; nop", RBX);
    apic_write(0xf0, 0x1ff);
    LAB("sti; nop; nop; nop");
    if (trap.vec == V1)
        eoi();
    eoi();
}

/* --- NMI: SDM vol. 3 6.7.1 --- */

static unsigned nmis, depth, deepest;
static void send_nmi(void)
{
    apic_write(0x310, 0);
    apic_write(0x300, 0x4400);
}
static bool on_nmi(struct trap *t, struct frame *f)
{
    if (++depth > deepest)
        deepest = depth;
    if (nmis++ == 0) {
        send_nmi();
        for (volatile int i = 0; i < 100; i++)
            ;
    }
    depth--;
    return true;
}

static void nmi(void)
{
    hook[NMI] = on_nmi;
    LAB("movl $0, 0x310(%rbx); movl $0x4400, 0x300(%rbx); nop; nop; nop; nop", RBX);
    ok(trap.vec == DONE && nmis == 2, "an NMI in the handler comes after its IRET");
    ok_eq("NMIs do not nest", deepest, 1);
    hook[NMI] = NULL;
    LAB("movl $0x4400, 0x300(%rbx); jmp 1f; 1: jmp 1f; 1: nop", RBX);
    ok_eq("IF does not mask NMI", trap.vec, NMI);
    /* blocked now, since that handler did not IRET */
    hook[NMI] = on_nmi;
    nmis = 10;
    send_nmi();
    for (volatile int i = 0; i < 1000; i++)
        ;
    ok_eq("NMI blocked until IRET", nmis, 10);
    LAB("nop; nop");
    ok_eq("entering the next lab by IRET lets it in", nmis, 11);
    hook[NMI] = NULL;
}

/* --- APIC timer: SDM vol. 3 10.5.4 --- */

static unsigned ticks;
static bool on_tick(struct trap *t, struct frame *f)
{
    ticks++;
    eoi();
    return true;
}

static void timer(void)
{
    apic_write(0x3e0, 0xb);
    apic_write(0x320, V_TIMER);
    FAULT("one-shot wakes HLT", V_TIMER, NOERR, "movl $20000, 0x380(%rbx); sti; hlt; 78: nop", RBX);
    eoi();
    ok_eq("current count is 0 after it", apic_read(0x390), 0);
    apic_write(0x380, 0x10000000);
    u32 a = apic_read(0x390);
    for (volatile int i = 0; i < 1000; i++)
        ;
    u32 b = apic_read(0x390);
    ok(a <= 0x10000000 && b < a && b, "the count goes down");
    apic_write(0x380, 0);
    ok_eq("initial count 0 stops it", apic_read(0x390), 0);
    hook[V_TIMER] = on_tick;
    ticks = 0;
    apic_write(0x320, V_TIMER | 1 << 17);
    apic_write(0x380, 20000);
    LAB("mov $5, %ecx; sti; 1: hlt; loop 1b; cli");
    ok(trap.vec == DONE && ticks >= 5, "periodic: five HLTs, %u ticks", ticks);
    apic_write(0x320, V_TIMER | 1 << 17 | 1 << 16);
    apic_write(0x380, 0);
    LAB("sti; nop; nop; cli"); /* what was under way */
    ticks = 0;
    apic_write(0x320, V_TIMER | 2 << 17);
    apic_write(0x380, 1000);
    ok_eq("deadline mode: the count registers are dead", apic_read(0x390), 0);
    wrmsr(0x6e0, rdtsc() + 20000);
    LAB("sti; 1: hlt; cli");
    ok(trap.vec == DONE && ticks == 1, "TSC deadline wakes HLT");
    ok_eq("IA32_TSC_DEADLINE reads 0 afterwards", rdmsr(0x6e0), 0);
    ticks = 0;
    LAB("wrmsr; sti; hlt; cli", .cx = 0x6e0, .ax = 1, .dx = 0);
    ok(ticks == 1, "a deadline in the past fires at once");
    wrmsr(0x6e0, rdtsc() + 1000000000);
    ok(rdmsr(0x6e0) != 0, "an armed deadline reads back");
    wrmsr(0x6e0, 0);
    ok_eq("writing 0 disarms", rdmsr(0x6e0), 0);
    LAB("sti; nop; nop; cli");
    hook[V_TIMER] = NULL;
    apic_write(0x320, 1 << 16);
}

/* REP under a fast timer: state is exact at each interruption. */
static u8 big[1 << 20] __attribute__((aligned(4096)));
static unsigned torn;
static ulong rep_at;
static bool on_rep_tick(struct trap *t, struct frame *f)
{
    ticks++;
    if (t->r.ip == rep_at && t->r.di - (ulong)big + t->r.cx != sizeof(big))
        torn++;
    eoi();
    return true;
}

static void rep_interrupted(void)
{
    struct code c = CODE("sti; nop; 78: rep stosb; cli");

    hook[V_TIMER] = on_rep_tick;
    apic_write(0x320, V_TIMER | 1 << 17);
    ticks = torn = 0;
    rep_at = (ulong)c.at;
    apic_write(0x380, 2000);
    unsigned i = 0;
    do
        lab(c, (struct regs){.di = (ulong)big, .cx = sizeof(big), .ax = ++i & 0xff});
    while (i < 2000 && (ticks < 5 || i < 10));
    struct regs end = trap.r;
    apic_write(0x380, 0);
    apic_write(0x320, 1 << 16);
    LAB("sti; nop; nop; cli"); /* a tick may be pending still */
    hook[V_TIMER] = NULL;
    ok(end.cx == 0 && end.di == (ulong)big + sizeof(big), "REP STOSB under a timer ends right");
    unsigned bad = 0;
    for (unsigned k = 0; k < sizeof(big); k += 97)
        bad += big[k] != (i & 0xff);
    ok(!bad && !torn && ticks, "RCX and RDI agree at each of the interrupts");
}

/* --- PIC and PIT (8259A, 8254 data sheets) --- */

static void pic_init(void)
{
    static const u8 seq[][2] = {{0x20, 0x11}, {0xa0, 0x11}, {0x21, 0x20}, {0xa1, 0x28}, {0x21, 4},
                                {0xa1, 2}, {0x21, 1}, {0xa1, 1}, {0x21, 0xfe}, {0xa1, 0xff}};
    for (unsigned i = 0; i < 10; i++)
        outb(seq[i][0], seq[i][1]);
}
static void pit_oneshot(unsigned n)
{
    outb(0x43, 0x30);
    outb(0x40, (u8)n);
    outb(0x40, (u8)(n >> 8));
}
static u8 pic_reg(u8 ocw3)
{
    outb(0x20, ocw3);
    return inb(0x20);
}

static void pic(void)
{
    apic_write(0x350, 0x700); /* LINT0 = ExtINT */
    pit_oneshot(0xffff);
    pic_init();
    pit_oneshot(50);
    FAULT("PIT mode 0 through the PIC wakes HLT", 0x20, NOERR, "sti; hlt; 78: nop");
    ok_eq("PIC ISR", pic_reg(0x0b), 1);
    PASS("no second interrupt before EOI", "sti; nop; nop; nop");
    outb(0x20, 0x20);
    ok_eq("EOI clears ISR", pic_reg(0x0b), 0);
    PASS("mode 0 output stays high: an edge interrupts once", "sti; nop; nop; nop");
    outb(0x21, 0xff);
    pit_oneshot(50);
    while (!(pic_reg(0x0a) & 1))
        ;
    PASS("masked: IRR only", "sti; nop; nop");
    outb(0x21, 0xfe);
    FAULT("unmasking lets it in", 0x20, NOERR, "sti; nop; 78: nop");
    outb(0x20, 0x60);
    outb(0x43, 0x34), outb(0x40, 200), outb(0x40, 0); /* mode 2 */
    ticks = 0;
    for (unsigned i = 0; i < 3; i++) {
        LAB("sti; hlt");
        ticks += trap.vec == 0x20;
        outb(0x20, 0x20);
    }
    ok_eq("PIT mode 2: periodic", ticks, 3);
    pit_oneshot(0xffff);
    outb(0x21, 0xff);
    outb(0x21, 0xff), outb(0x20, 0x20);
    apic_write(0x350, 0x10700);
}

/* --- x2APIC: SDM vol. 3 10.12 --- */

static void x2apic(void)
{
    u64 base = rdmsr(0x1b);

    FAULT("x2APIC MSR in xAPIC mode", GP, 0, "rdmsr", .cx = 0x802);
    wrmsr(0x1b, base | 0xc00);
    LAB("rdmsr", .cx = 0x802);
    ok(trap.vec == DONE && trap.r.ax == 0, "x2APIC ID");
    FAULT("the ID is read-only", GP, 0, "wrmsr", .cx = 0x802, .ax = 0, .dx = 0);
    FAULT("reserved register", GP, 0, "rdmsr", .cx = 0x801);
    FAULT("DFR is gone", GP, 0, "rdmsr", .cx = 0x80e);
    FAULT("ICR high is gone", GP, 0, "rdmsr", .cx = 0x831);
    FAULT("EOI takes 0 only", GP, 0, "wrmsr", .cx = 0x80b, .ax = 1, .dx = 0);
    FAULT("EOI is write-only", GP, 0, "rdmsr", .cx = 0x80b);
    FAULT("reserved bits of SVR", GP, 0, "wrmsr", .cx = 0x80f, .ax = 0x101ff, .dx = 0);
    FAULT("upper half of LVT", GP, 0, "wrmsr", .cx = 0x832, .ax = 0x10000, .dx = 1);
    FAULT("back to xAPIC directly", GP, 0, "wrmsr", .cx = 0x1b, .ax = (u32)(base | 0x800), .dx = 0);
    FAULT("SELF IPI", V1, NOERR, "wrmsr; sti; nop; 78: nop", .cx = 0x83f, .ax = V1);
    wrmsr(0x80b, 0);
    FAULT("SELF IPI is write-only", GP, 0, "rdmsr", .cx = 0x83f);
    FAULT("ICR in one write", V1, NOERR, "wrmsr; sti; nop; 78: nop", .cx = 0x830, .ax = 0x40000 | V1);
    wrmsr(0x80b, 0);
    ok_eq("logical id is derived", rdmsr(0x80d), 1);
    wrmsr(0x808, 0x30);
    ulong cr8;
    asm volatile("mov %%cr8, %0" : "=r"(cr8));
    ok_eq("TPR and CR8", cr8, 3);
    wrmsr(0x808, 0);
    wrmsr(0x1b, base & ~0xc00ull);
    FAULT("disabled to x2APIC directly", GP, 0, "wrmsr", .cx = 0x1b, .ax = (u32)(base | 0xc00), .dx = 0);
    u32 r[4];
    cpuid(1, 0, r);
    ok(!(r[3] >> 9 & 1), "CPUID.APIC follows the enable bit");
    wrmsr(0x1b, base);
    cpuid(1, 0, r);
    ok(r[3] >> 9 & 1, "and back");
    apic_write(0xf0, 0x1ff);
}

void guest_main(void)
{
    pic_init();
    outb(0x21, 0xff);
    wrmsr(0x1b, rdmsr(0x1b) | 0x800);
    apic_write(0xf0, 0x1ff);
    apic_write(0x350, 0x10700);
    shadows();
    priorities();
    nmi();
    timer();
    rep_interrupted();
    pic();
    x2apic();
}
