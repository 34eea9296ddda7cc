/* SPDX-License-Identifier: MIT
 * x87 and MMX state (SDM vol. 1 ch. 8 and 9), in loops long enough to be translated, with
 * everything in between that may want the state or must not disturb it: instructions that read it
 * whole, exceptions, interrupts, device registers, changes of the control word. */
#include "tests/guest/lib/guest.h"
#include "tests/guest/lib/page.h"

#define APIC 0xfee00000ul
#define VA   0x8000100000ul
enum { V1 = 0x51, ROUNDS = 6, ZE_ON = 0x37b };
#define BEGIN "fninit; mov $6, %ebp; 1: "
#define NEXT  "dec %ebp; jnz 1b; "

struct fx {
    u16 cw, sw;
    u8 tags, r0;
    u16 fop;
    u64 ip, dp;
    u64 mxcsr;
    struct {
        u64 m;
        u16 se, pad[3];
    } st[8];
    u8 rest[352];
} __attribute__((aligned(16)));
static struct fx image[3];
static u8 area[3 * 4096] __attribute__((aligned(4096)));
static u8 frames[ROUNDS][4096] __attribute__((aligned(4096)));
static unsigned hits;

#define CELL(i) (((volatile u32 *)area)[i])
#define DI      .di = (ulong)area

static void c_code(void)
{
    LAB("fninit; fld1; mov $6, %ebp; 1: fadd %st(0); cpuid; fadd %st(0); rdtsc;" NEXT "fistpl (%rdi); fnstsw %ax",
        DI);
    ok_eq("values stay through CPUID and RDTSC", CELL(0), 4096);
    ok_eq("and the stack is empty after them", trap.r.ax & 0xffff, 0);
    LAB("fninit; fldz; mov $6, %ebp; 1: fld1; faddp; fxsave (%rsi); fld1; fxrstor (%rsi);" NEXT "fistl (%rdi)",
        DI, .si = (ulong)image);
    ok(CELL(0) == 6 && image->tags == 0x80 && image->sw == 0x3800 && image->cw == 0x37f,
       "FXSAVE shows the state, FXRSTOR brings it back");
    ok(image->st[0].m == 0xc000000000000000 && image->st[0].se == 0x4001, "with the value in ST(0)");
    LAB("fninit; fld1; fxsave (%rsi); fninit; fldz; fldz; fxsave 512(%rsi); mov $6, %ebp;"
        "1: fxrstor (%rsi); fadd %st(0); fxsave (%rsi); fxrstor 512(%rsi); fld1; faddp; fxsave 512(%rsi);" NEXT
        "fistl (%rdi); fxrstor (%rsi); fistl 4(%rdi)",
        DI, .si = (ulong)image);
    ok(CELL(0) == 6 && CELL(1) == 64, "two contexts in turn");
    ok(image[0].tags == 0x80 && image[1].tags == 0xc0, "each with its tags");
    LAB("fninit; fldz; mov $6, %ebp; 1: fld1; faddp; fnsave (%rsi); fld1; frstor (%rsi);"
        "fnstenv (%rsi); fldenv (%rsi);" NEXT "fistl (%rdi)", DI, .si = (ulong)image);
    ok_eq("FNSAVE, FRSTOR, FNSTENV, FLDENV", CELL(0), 6);
}

static void memory(void)
{
    LAB("fninit; fldz; mov $6, %ebp; 1: fld1; faddp; fstpt 4090(%rdi); fldt 4090(%rdi); fistl 4093(%rdi);"
        "ficoml 4093(%rdi); fstl 4089(%rdi); faddl 4089(%rdi);" NEXT "fistl (%rdi)", DI);
    ok_eq("operands across a page's end", CELL(0), 126);
    LAB("fninit; mov $6, %ebp; mov $0x60, %eax; 1: mov %eax, (%rdi); fildl (%rdi); fistpl 0x80(%rbx);"
        "fildl 0x80(%rbx); fistpl 4(%rdi); fildl 0x80(%rbx); fistl 0x80(%rbx); fstp %st(0); inc %eax;" NEXT
        "movl $0, 0x80(%rbx); fnstsw %ax", DI, .bx = APIC);
    ok(CELL(1) == 0x65 && !(trap.r.ax & 0xffff), "operands in device registers");
    LAB("wrmsr;" BEGIN "fld1; jmp 3f; 3: fstpl %fs:8(%rbx);" NEXT "jmp 2f; 2: nop; fnstenv (%rsi)",
        .si = (ulong)image, .ax = (ulong)area, .cx = MSR_FS_BASE, .bx = 0x10);
    ok(CELL(7) == 0x3ff00000, "FS base");
    ok_eq("FDP is the offset", ((u32 *)image)[5], 0x18);
    LAB(BEGIN "78: fldpi; jmp 2f; 2: cpuid; fnstenv (%rsi); fstp %st(0); lea 78b(%rip), %rax;" NEXT,
        .si = (ulong)image);
    ok_eq("FIP in the environment", ((u32 *)image)[3], (u32)trap.r.ax);
    ok_eq("FOP in the environment", ((u32 *)image)[4] >> 16, 0x1eb);
    LAB("fninit; mov $6, %ebp; xor %ecx, %ecx; 1: mov %ebp, (%rdi); fildl (%rdi); fistpl 2f+1(%rip);"
        "2: mov $0, %edx; add %edx, %ecx;" NEXT "fnstsw %ax", DI);
    ok(trap.r.cx == 21 && !(trap.r.ax & 0xffff), "FISTP into the code behind it pops once");
}

static bool on_pf(struct trap *t, struct frame *f)
{
    *pte(t->cr2, 1) |= PT_P;
    hits++;
    return true;
}

/* Not-present pages, one a round: the instruction faults and is run again. */
static void new_pages(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        ulong va = VA + i * 4096;

        *pte(va, 1) = (ulong)frames[i] | PT_W;
        invlpg(va);
    }
    hits = 0;
}

static void faults(void)
{
    hook[PF] = on_pf;
    new_pages();
    LAB("fninit; fldz; mov $6, %ebp; 1: fld1; faddp; fld %st(0); fstpl (%rbx); fld %st(0); fistpl 8(%rbx);"
        "add $4096, %rbx;" NEXT "fistl (%rdi); fnstsw %ax", DI, .bx = VA);
    ok(hits == ROUNDS && CELL(0) == 6, "a store that faults has not popped (%u faults)", hits);
    ok_eq("TOP after them", trap.r.ax & 0x3800, 0x3800);
    ok(frames[5][8] == 6 && frames[0][7] == 0x3f, "what it stored");
    new_pages();
    LAB("fninit; fldz; mov $6, %ebp; 1: fldl (%rbx); faddp; add $4096, %rbx;" NEXT "fistl (%rdi); fnstsw %ax", DI,
        .bx = VA);
    ok(hits == ROUNDS && CELL(0) == 21, "a load that faults has not pushed (%u faults)", hits);
    new_pages();
    LAB("fninit; mov $6, %ebp; 1: fld1; fldl (%rdi); movl $7, (%rdi); fninit; fld1; movq (%rdi), %mm1;"
        "emms; fld1; fld1; movq %mm1, (%rbx); emms; add $4096, %rbx;" NEXT "fnstsw %ax", DI, .bx = VA);
    ok(hits == ROUNDS && frames[5][0] == 7, "MOVQ to such a page (%u faults)", hits);
    hook[PF] = NULL;
    FAULT("the state at the fault", PF, 2, "fninit; fld1; fldpi; 78: movq %mm3, (%rbx)", .bx = VA + ROUNDS * 4096);
    asm volatile("fnsave %0" : "=m"(image[0]));
    ok_eq("MOVQ that faults leaves TOP", ((u32 *)image)[1] & 0x3800, 0x3000);
    FAULT("non-canonical operand", GP, 0, "fninit; fld1; 78: fstpl (%rbx)", .bx = NON_CANON);
    asm volatile("fnsave %0" : "=m"(image[0]));
    ok_eq("which leaves TOP too", ((u32 *)image)[1] & 0x3800, 0x3800);
}

static void control(void)
{
    write_cr0((read_cr0() | CR0_NE | CR0_MP) & ~(ulong)(CR0_EM | CR0_TS));
    CELL(2) = ZE_ON, CELL(3) = 0xf7f, CELL(4) = 0x37f;
    FAULT("FLDCW unmasks what has happened", MF, NOERR,
          BEGIN "fnclex; fldcw 16(%rdi); fld1; fldz; fdivrp %st, %st(1); fstp %st(0); cmp $1, %ebp; jne 2f;"
          "fldcw 8(%rdi); 78: fwait; 2: nop;" NEXT, DI);
    asm volatile("fnclex; fninit");
    FAULT("unmasked beforehand", MF, NOERR,
          BEGIN "fldcw 16(%rdi); fnclex; fld1; fldz; cmp $1, %ebp; jne 2f; fldcw 8(%rdi); 2: fdivrp %st, %st(1);"
          "78: fstp %st(0);" NEXT, DI);
    asm volatile("fnsave %0" : "=m"(image[0]));
    ok_eq("with ES and ZE", ((u32 *)image)[1] & 0x80ff, 0x8084);
    ok_eq("and the divisor still there", ((u32 *)image)[1] & 0x3800, 0x3000);
    LAB(BEGIN "movl $7, (%rdi); fildl (%rdi); movl $2, (%rdi); fidivl (%rdi); fldcw 12(%rdi); fistl 4(%rdi);"
        "fldcw 16(%rdi); fistpl 24(%rdi); fnstcw 28(%rdi);" NEXT, DI);
    ok(CELL(1) == 3 && CELL(6) == 4 && (CELL(7) & 0xffff) == 0x37f, "rounding by FLDCW");
    LAB(BEGIN "fldcw 8(%rdi); fld1; fldz; faddp; fstp %st(0); fnstcw 28(%rdi); fldcw 16(%rdi); fld1; fstp %st(0);"
        NEXT "fnstsw %ax", DI);
    ok((CELL(7) & 0xffff) == ZE_ON && !(trap.r.ax & 0xffff), "masks that change each round");
}

static bool on_nm(struct trap *t, struct frame *f)
{
    hits++;
    asm volatile("clts; fxsave %0; fninit; fldpi; fldl2e; faddp; fxrstor %0" : "+m"(image[2]));
    return true;
}

static bool on_irq(struct trap *t, struct frame *f)
{
    hits++;
    asm volatile("fxsave %0; fninit; fldpi; fldl2e; faddp; movq %%mm0, %%mm1; fxrstor %0" : "+m"(image[2]));
    *(volatile u32 *)(APIC + 0xb0) = 0;
    return true;
}

static void switches(void)
{
    hook[NM] = on_nm;
    hits = 0;
    LAB("fninit; fldz; mov $6, %ebp; 1: fld1; mov %cr0, %rax; or $8, %rax; mov %rax, %cr0; faddp;" NEXT "fistl (%rdi)",
        DI);
    ok(hits == ROUNDS && CELL(0) == 6, "CR0.TS and a handler that uses the x87 (%u)", hits);
    hook[NM] = NULL;
    FAULT("FWAIT with MP and TS", NM, NOERR, BEGIN "fwait; cmp $1, %ebp; jne 2f; mov %cr0, %rax; or $8, %rax;"
          "mov %rax, %cr0; 78: fwait; 2: nop;" NEXT);
    write_cr0(read_cr0() & ~(ulong)CR0_TS);
    hook[V1] = on_irq;
    hits = 0;
    LAB("fninit; fldz; mov $6, %ebp; sti; 1: fld1; movl $0x40051, 0x300(%rbx); jmp 2f; 2: faddp; jmp 3f; 3:" NEXT
        "cli; fistl (%rdi)", DI, .bx = APIC);
    ok(hits == ROUNDS && CELL(0) == 6, "interrupts (%u)", hits);
    hits = 0;
    LAB("mov $6, %ebp; mov $3, %eax; movd %eax, %mm0; pxor %mm2, %mm2; sti; 1: paddd %mm0, %mm2; cpuid;"
        "movl $0x40051, 0x300(%r8); jmp 2f; 2: paddd %mm0, %mm2;" NEXT "cli; movd %mm2, %eax; emms", .r8 = APIC);
    ok(hits == ROUNDS && trap.r.ax == 36, "MMX registers through interrupts and CPUID (%u)", hits);
    hook[V1] = NULL;
}

static void mmx(void)
{
    LAB(BEGIN "fldpi; fld1; movd %ebp, %mm7; fxsave (%rsi); emms; fxsave 512(%rsi); fld1; fstp %st(0);" NEXT,
        .si = (ulong)image);
    ok(image->tags == 0xff && !(image->sw & 0x3800), "an MMX instruction: TOP 0, all valid");
    ok(image->st[7].m == 1 && image->st[7].se == 0xffff, "exponent of ones");
    ok_eq("EMMS empties", image[1].tags, 0);
    LAB(BEGIN "fld1; movq %mm7, %rax; emms;" NEXT);
    ok_eq("MM7 is the significand of the last register", trap.r.ax, 1ull << 63);
}

void guest_main(void)
{
    *(volatile u32 *)(APIC + 0xf0) = 0x1ff;
    c_code();
    memory();
    faults();
    control();
    switches();
    mmx();
}
