/* SPDX-License-Identifier: MIT
 * Upper halves of the YMM registers (SDM vol. 1, 13.6, 14.3): kept and cleared by the right
 * instructions, saved and restored, in loops long enough to be translated and with all in
 * between that leaves translated code. */
#include "tests/guest/lib/guest.h"
#include "tests/guest/lib/page.h"

#define APIC 0xfee00000ul
#define VA   0x8000200000ul
enum { V1 = 0x51, ROUNDS = 6, BV = 512, YMM0 = 576 };
#define BEGIN "mov $6, %ebp; 1: "
#define NEXT  "dec %ebp; jnz 1b; "
#define ONES(n) "vpcmpeqd %ymm" #n ", %ymm" #n ", %ymm" #n "; "
/* What has become of the upper half of a register: its third quadword to RAX. */
#define HIGH(n, r) "vextracti128 $1, %ymm" #n ", %xmm15; vmovq %xmm15, %" #r "; "
#define XINUSE "mov $1, %ecx; xgetbv; "

static u8 area[4096] __attribute__((aligned(64)));
static u8 frames[ROUNDS][4096] __attribute__((aligned(4096)));
static unsigned hits;

static void check(const char *name, u64 ax, u64 bx)
{
    ok(trap.vec == DONE && trap.r.ax == ax && trap.r.bx == bx, "%s (vector %u, %lx %lx)", name, trap.vec,
       trap.r.ax, trap.r.bx);
}

static void halves(void)
{
    LAB("vzeroall;" BEGIN ONES(3) "vzeroupper; paddb %xmm3, %xmm3;" HIGH(3, rax) "vmovq %xmm3, %rbx;" NEXT);
    check("VZEROUPPER clears them, SSE leaves them so", 0, 0xfefefefefefefefe);
    LAB("vzeroall;" BEGIN ONES(3) "paddb %xmm3, %xmm3; cpuid;" HIGH(3, rax) "vmovq %xmm3, %rbx;" NEXT);
    check("SSE keeps them, also through C", ~0ul, 0xfefefefefefefefe);
    LAB("vzeroall;" BEGIN ONES(3) "cpuid; vpaddb %xmm3, %xmm3, %xmm3; cpuid;" HIGH(3, rax) "vmovq %xmm3, %rbx;" NEXT);
    check("VEX.128 clears that of its destination", 0, 0xfefefefefefefefe);
    LAB("vzeroall;" BEGIN ONES(3) ONES(8) "vpxor %xmm3, %xmm3, %xmm3; cpuid;" HIGH(3, rax) HIGH(8, rbx) NEXT);
    check("and no other", 0, ~0ul);
    LAB("vzeroall;" BEGIN ONES(3) "cpuid; vzeroupper; cpuid;" ONES(4) "cpuid;" HIGH(3, rax) HIGH(4, rbx) NEXT);
    check("cleared, C, used again, C", 0, ~0ul);
    LAB("vzeroall;" BEGIN ONES(3) "cpuid; vzeroupper; jmp 2f; 2: jmp 3f; 3: vpaddd %ymm3, %ymm3, %ymm4; cpuid;"
        HIGH(4, rax) HIGH(3, rbx) NEXT);
    check("a 256-bit source that is zero above", 0, 0);
    LAB("vzeroall;" BEGIN "cpuid; vpor %ymm3, %ymm5, %ymm4;" HIGH(4, rax) "mov %rax, %rbx;" NEXT);
    check("registers never used are zero after C", 0, 0);
    LAB("vzeroall;" BEGIN ONES(3) ONES(9) "vzeroall; cpuid;" HIGH(3, rax) "vmovq %xmm9, %rbx;" NEXT);
    check("VZEROALL", 0, 0);
}

static bool on_pf(struct trap *t, struct frame *f)
{
    *pte(t->cr2, 1) |= PT_P;
    hits++;
    return true;
}

static bool on_irq(struct trap *t, struct frame *f)
{
    hits++;
    asm volatile("vzeroupper; pcmpeqd %xmm6, %xmm6");
    *(volatile u32 *)(APIC + 0xb0) = 0;
    return true;
}

static void interrupted(void)
{
    hook[PF] = on_pf;
    hits = 0;
    for (unsigned i = 0; i < ROUNDS; i++)
        *pte(VA + 4096 * i, 1) = (ulong)frames[i] | PT_W;
    LAB("vzeroall;" BEGIN ONES(2) "vmovdqu %ymm2, 64(%rsi); vzeroupper; vmovdqu 64(%rsi), %ymm3; add $4096, %rsi;"
        HIGH(3, rax) HIGH(2, rbx) NEXT, .si = VA);
    check("a store that faults, a load", ~0ul, 0);
    ok_eq("faults", hits, ROUNDS);
    hits = 0;
    for (unsigned i = 0; i < ROUNDS; i++)
        map(VA + 4096 * i, (ulong)frames[i], PT_W), *pte(VA + 4096 * i, 1) &= ~1ul, invlpg(VA + 4096 * i);
    LAB("vzeroall;" BEGIN "vmovdqu 64(%rsi), %ymm3; add $4096, %rsi;" HIGH(3, rax) "vzeroupper;" HIGH(3, rbx) NEXT,
        .si = VA);
    check("a load that faults", ~0ul, 0);
    ok_eq("faults", hits, ROUNDS);
    hook[PF] = NULL;
    hook[V1] = on_irq;
    hits = 0;
    LAB("vzeroall; mov $6, %ebp; sti; 1:" ONES(3) "movl $0x40051, 0x300(%rsi); jmp 2f; 2: paddb %xmm3, %xmm3;"
        "jmp 3f; 3:" HIGH(3, rax) HIGH(6, rbx) NEXT "cli", .si = APIC);
    check("an interrupt whose handler clears them", 0, 0);
    ok_eq("interrupts", hits, ROUNDS);
    hook[V1] = NULL;
}

/* SDM vol. 1, 13.6: XINUSE[2] may stay set over zeros; ours says what the registers hold. */
static void in_use(void)
{
    LAB("vzeroall;" BEGIN XINUSE NEXT);
    ok(!(trap.r.ax & 4), "XINUSE after VZEROALL");
    LAB("vzeroall;" BEGIN ONES(12) XINUSE "mov %rax, %rbx; vzeroupper;" XINUSE NEXT);
    ok((trap.r.bx & 4) && !(trap.r.ax & 4), "XINUSE with a 256-bit result, after VZEROUPPER");
    LAB("vzeroall;" BEGIN ONES(12) "vpxor %xmm12, %xmm12, %xmm12; addps %xmm0, %xmm0;" XINUSE NEXT);
    ok(!(trap.r.ax & 4), "XINUSE when VEX.128 cleared the last of them");
    memset(area, 0xaa, sizeof(area));
    memset(area + BV, 0, 64);
    LAB("vzeroall; pcmpeqd %xmm1, %xmm1; mov $7, %eax; xor %edx, %edx; xsave64 (%rsi)", .si = (ulong)area);
    ok((*(u64 *)(area + BV) & 6) == 2 && area[YMM0] == 0, "XSAVE: header without AVX, zeros in the area");
    memset(area, 0xaa, sizeof(area));
    memset(area + BV, 0, 64);
    LAB("vzeroall;" ONES(1) "vzeroupper; mov $7, %eax; xor %edx, %edx; xsaveopt64 (%rsi)", .si = (ulong)area);
    ok((*(u64 *)(area + BV) & 6) == 2 && area[YMM0] == 0xaa, "XSAVEOPT leaves the area alone");
    LAB("vzeroall;" ONES(1) "mov $7, %eax; xor %edx, %edx; xsaveopt64 (%rsi)", .si = (ulong)area);
    ok((*(u64 *)(area + BV) & 6) == 6 && area[YMM0] == 0 && area[YMM0 + 16] == 0xff, "and writes it in use");
}

static void restore(void)
{
    memset(area, 0, sizeof(area));
    LAB(ONES(1) "mov $7, %eax; xor %edx, %edx; xsavec64 (%rsi);" BEGIN "vzeroall; mov $7, %eax; xor %edx, %edx;"
        "xrstor64 (%rsi);" HIGH(1, r8) "vzeroupper;" XINUSE "and $4, %eax; mov %eax, %ebx;" NEXT "mov %r8, %rax",
        .si = (ulong)area);
    check("XRSTOR brings them back", ~0ul, 0);
    LAB("vzeroall; mov $7, %eax; xor %edx, %edx; xsavec64 (%rsi);" BEGIN ONES(1) ONES(9) "mov $7, %eax; xor %edx, %edx;"
        "xrstor64 (%rsi); addps %xmm0, %xmm0;" HIGH(1, rbx) HIGH(9, r8) XINUSE "and $4, %eax; or %r8, %rax;" NEXT,
        .si = (ulong)area);
    check("XRSTOR of the initial state clears them", 0, 0);
    LAB("vzeroall;" BEGIN ONES(1) "mov $4, %eax; xor %edx, %edx; xrstor64 (%rsi); vmovq %xmm1, %rbx;" HIGH(1, rax) NEXT,
        .si = (ulong)area);
    check("of the AVX component alone, XMM stays", 0, ~0ul);
    LAB("vzeroall;" BEGIN ONES(1) "mov $3, %eax; xor %edx, %edx; xrstor64 (%rsi); vmovq %xmm1, %rbx;" HIGH(1, rax) NEXT,
        .si = (ulong)area);
    check("without the AVX component, YMM stays", ~0ul, 0);
    LAB("vzeroall;" BEGIN ONES(1) "fxsave64 (%rsi); fxrstor64 (%rsi);" HIGH(1, rax) "mov $0, %ebx;" NEXT,
        .si = (ulong)area);
    check("FXRSTOR leaves them", ~0ul, 0);
}

/* 32-bit code reaches registers 0 to 7; the others keep what they have. */
static void compatibility(void)
{
    ulong at = (ulong)frames[0];
    static const u8 code[] = {0xc5, 0xf8, 0x77,       /* vzeroupper */
                              0xc5, 0xe5, 0x76, 0xdb, /* vpcmpeqd ymm3, ymm3, ymm3 */
                              0xc5, 0xf8, 0x77, 0xcb  /* vzeroupper; retf */ };

    memcpy((void *)at, code, sizeof(code));
    *(u32 *)area = (u32)at;
    *(u16 *)(area + 4) = KCS32;
    LAB("vzeroall;" BEGIN ONES(3) ONES(9) "lcall *(%rsi);" HIGH(3, rax) HIGH(9, rbx) NEXT, .si = (ulong)area);
    check("VZEROUPPER in 32-bit code", 0, ~0ul);
}

void guest_main(void)
{
    *(volatile u32 *)(APIC + 0xf0) = 0x1ff;
    write_cr0((read_cr0() | CR0_NE | CR0_MP) & ~(ulong)(CR0_EM | CR0_TS));
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE);
    asm volatile("xsetbv" ::"c"(0), "a"(7), "d"(0));
    halves();
    interrupted();
    in_use();
    restore();
    compatibility();
}
