/* SPDX-License-Identifier: MIT
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT in all variants; SWAPGS, FSGSBASE, UMIP,
 * RDTSCP, RDPID, TSD, PCE; MSR checks (SDM vol. 2 and vol. 3 5.8.7, 5.8.8). */
#include "tests/guest/lib/guest.h"

static u32 f1[4], f7[4];

static void syscall_setup(ulong entry)
{
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
    wrmsr(MSR_STAR, (u64)0x1b << 48 | (u64)KCS << 32);
    wrmsr(MSR_LSTAR, entry);
    wrmsr(MSR_CSTAR, 0);
    wrmsr(MSR_FMASK, F_IF | F_TF | F_DF | F_AC);
}

static void syscalls(void)
{
    struct code in = CODE("mov %rsp, %r8; mov %cs, %r9d; mov %ss, %r10d; pushf; pop %rax");
    struct code at = CODE("nop; syscall; 78: nop");

    FAULT("SYSCALL without SCE", UD, NOERR, "syscall", USER);
    FAULT("SYSRET without SCE", UD, NOERR, "sysretq");
    syscall_setup((ulong)in.start);
    lab(at, (struct regs){USER, .flags = F_IF | F_CF | F_AC | F_NT});
    ok(trap.vec == DONE && trap.r.r9 == KCS && trap.r.r10 == KDS, "SYSCALL: CS and SS");
    ok_eq("SYSCALL: RCX", trap.r.cx, (ulong)at.at + user_base);
    ok_eq("SYSCALL: R11", trap.r.r11, F_IF | F_CF | F_AC | F_NT | 2);
    ok_eq("SYSCALL: FMASK", trap.r.ax, F_CF | F_NT | 2);
    ok_eq("SYSCALL leaves RSP", trap.r.r8, (ulong)user_stack + sizeof(user_stack) - 64 + user_base);
    PASS("SYSCALL at CPL 0", "syscall");
    FAULT("SYSRET at CPL 3", GP, 0, "sysretq", USER);
    struct code back = CODE("mov %cs, %eax; mov %ss, %ebx; pushf; pop %rdx");
    LAB("sysretq", .cx = (ulong)back.start + user_base, .r11 = F_IF | F_RF | F_VM | F_CF,
        .sp = (ulong)user_stack + 4096 + user_base);
    ok(trap.vec == DONE && trap.r.ax == UCS64 && trap.r.bx == UDS, "SYSRETQ: CS and SS");
    ok_eq("SYSRETQ: flags, RF and VM dropped", trap.r.dx, F_IF | F_CF | 2);
    FAULT("SYSRETQ to a non-canonical RCX faults at CPL 0", GP, 0, "sysretq", .cx = NON_CANON);
    ok(trap.r.cs == KCS, "its CS is the kernel's");
    wrmsr(MSR_LSTAR, (ulong)in.start);
    /* 32-bit SYSRET: the target must be below 4G, so show the lab page to CPL 3 at 1 GiB. */
    LAB("sysretl", .cx = (ulong)back.start, .r11 = 2, .sp = (ulong)user_stack + 4096);
    ok(trap.vec == PF && trap.r.cs == UCS32 && trap.r.ss == UDS && trap.r.ip == (ulong)back.start,
       "SYSRETL enters compatibility mode");
    wrmsr(MSR_STAR, (u64)0x18 << 48 | (u64)KCS << 32);
    LAB("sysretq", .cx = (ulong)back.start + user_base, .r11 = 2, .sp = (ulong)user_stack + 4096 + user_base);
    ok(trap.vec == DONE && trap.r.ax == UCS64 && trap.r.bx == UDS, "SYSRET forces RPL 3");
    FAULT("STAR selector base is not checked, LSTAR is", GP, 0, "wrmsr", .cx = MSR_LSTAR, .ax = 0, .dx = 0x8000);
    FAULT("CSTAR non-canonical", GP, 0, "wrmsr", .cx = MSR_CSTAR, .ax = 0, .dx = 0x8000);
    FAULT("FMASK upper half", GP, 0, "wrmsr", .cx = MSR_FMASK, .ax = 0, .dx = 1);
    FAULT("SYSCALL in compatibility mode is #UD on Intel", UD, NOERR, ".code32; syscall", .cs = KCS32);
    FAULT("SYSRET in compatibility mode is #UD on Intel", UD, NOERR, ".code32; sysretl", .cs = KCS32);
    /* single step over SYSCALL: FMASK clears TF, so the handler is not stepped */
    lab(at, (struct regs){USER, .flags = F_TF});
    ok(trap.vec == DB && trap.r.ip == (ulong)at.start + 1 + user_base, "step before SYSCALL");
    lab(CODE("syscall"), (struct regs){USER, .flags = F_TF});
    ok(trap.vec == DONE, "FMASK keeps TF out of the handler");
    ok(trap.r.r11 & F_TF, "R11 has TF");
}

static void sysenters(void)
{
    struct code in = CODE("mov %cs, %r9d; mov %ss, %r10d; mov %rsp, %r8; pushf; pop %rax");
    struct code back = CODE("mov %cs, %eax; mov %ss, %ebx; mov %rsp, %rsi");
    ulong sp = (ulong)lab_stack + 4096;

    wrmsr(0x174, 0);
    FAULT("SYSENTER with a null CS", GP, 0, "sysenter", USER);
    FAULT("SYSEXIT with a null CS", GP, 0, "sysexitl");
    wrmsr(0x174, KCS);
    wrmsr(0x175, sp);
    wrmsr(0x176, (ulong)in.start);
    LAB("sysenter", USER, .flags = F_IF | F_CF);
    ok(trap.vec == DONE && trap.r.r9 == KCS && trap.r.r10 == KDS && trap.r.r8 == sp, "SYSENTER: CS, SS, RSP");
    ok(!(trap.r.ax & F_IF) && (trap.r.ax & F_CF), "SYSENTER clears IF only");
    FAULT("SYSEXIT at CPL 3", GP, 0, "sysexitl", USER);
    LAB("rex64 sysexit", .dx = (ulong)back.start + user_base, .cx = (ulong)user_stack + 4096 + user_base);
    ok(trap.vec == DONE && trap.r.ax == UCS64 && trap.r.bx == ((KCS + 40) | 3) &&
       trap.r.si == (ulong)user_stack + 4096 + user_base, "SYSEXIT to 64-bit mode");
    FAULT("SYSEXIT non-canonical RDX", GP, 0, "rex64 sysexit", .dx = NON_CANON, .cx = sp);
    FAULT("SYSEXIT non-canonical RCX", GP, 0, "rex64 sysexit", .cx = NON_CANON, .dx = (ulong)back.start);
    LAB("sysexitl", .dx = (ulong)back.start | 1ul << 40, .cx = sp);
    ok(trap.vec == PF && trap.r.cs == UCS32 && trap.r.ip == (ulong)back.start, "SYSEXIT to compatibility mode");
    FAULT("SYSENTER_EIP non-canonical", GP, 0, "wrmsr", .cx = 0x176, .ax = 0, .dx = 0x8000);
    FAULT("SYSENTER_ESP non-canonical", GP, 0, "wrmsr", .cx = 0x175, .ax = 0, .dx = 0x8000);
}

static void bases(void)
{
    static u64 cell = 0x1122334455667788;

    wrmsr(MSR_GS_BASE, 0x1000), wrmsr(MSR_KGS_BASE, (ulong)&cell);
    LAB("swapgs; mov %gs:0, %rax; swapgs");
    ok(trap.vec == DONE && trap.r.ax == cell, "SWAPGS");
    FAULT("SWAPGS at CPL 3", GP, 0, "swapgs", USER);
    FAULT("SWAPGS in compatibility mode is #UD", UD, NOERR, ".code32; .byte 0x0f, 0x01, 0xf8", .cs = KCS32);
    FAULT("FS.base non-canonical", GP, 0, "wrmsr", .cx = MSR_FS_BASE, .ax = 0, .dx = 0x8000);
    FAULT("GS.base non-canonical", GP, 0, "wrmsr", .cx = MSR_GS_BASE, .ax = 0, .dx = 0x8000);
    FAULT("KERNEL_GS_BASE non-canonical", GP, 0, "wrmsr", .cx = MSR_KGS_BASE, .ax = 0, .dx = 0xffff7fff);
    LAB("wrmsr; mov $0x10, %edx; mov %edx, %fs; mov $0xc0000100, %ecx; rdmsr", .cx = MSR_FS_BASE, .ax = 5, .dx = 1);
    ok(trap.vec == DONE && trap.r.ax == 0 && (u32)trap.r.dx == 0, "loading FS replaces its base");
    if (!(f7[1] & 1))
        return;
    write_cr4(read_cr4() & ~(ulong)CR4_FSGSBASE);
    FAULT("RDFSBASE without CR4.FSGSBASE", UD, NOERR, "rdfsbase %rax");
    write_cr4(read_cr4() | CR4_FSGSBASE);
    LAB("wrfsbase %rbx; rdfsbase %rax; wrgsbase %ebx; rdgsbase %rcx", USER, .bx = 0x7fff12345678);
    ok(trap.vec == DONE && trap.r.ax == 0x7fff12345678 && trap.r.cx == 0x12345678, "WRFSBASE, WRGSBASE");
    FAULT("WRFSBASE non-canonical", GP, 0, "wrfsbase %rbx", USER, .bx = NON_CANON);
    FAULT("WRGSBASE non-canonical", GP, 0, "wrgsbase %rbx", .bx = NON_CANON);
    FAULT("RDFSBASE in compatibility mode", UD, NOERR, ".code32; .byte 0xf3, 0x0f, 0xae, 0xc0", .cs = KCS32);
    LAB("wrfsbase %rbx; mov %fs:0, %al", .bx = (ulong)&cell);
    ok(trap.vec == DONE && (trap.r.ax & 0xff) == 0x88, "FS.base in an address");
    write_cr4(read_cr4() & ~(ulong)CR4_FSGSBASE);
}

static void control(void)
{
    if (f7[2] & 4) {
        write_cr4(read_cr4() | CR4_UMIP);
        FAULT("UMIP: SGDT", GP, 0, "sgdt (%rsp)", USER);
        FAULT("UMIP: SIDT", GP, 0, "sidt (%rsp)", USER);
        FAULT("UMIP: SLDT", GP, 0, "sldt %eax", USER);
        FAULT("UMIP: STR", GP, 0, "str %eax", USER);
        FAULT("UMIP: SMSW", GP, 0, "smsw %eax", USER);
        PASS("UMIP: not at CPL 0", "smsw %eax; str %ebx; sldt %ecx; sgdt (%rsp)");
        write_cr4(read_cr4() & ~(ulong)CR4_UMIP);
        PASS("no UMIP: SGDT at CPL 3", "sub $16, %rsp; sgdt (%rsp)", USER);
    }
    PASS("RDTSC at CPL 3", "rdtsc", USER);
    write_cr4(read_cr4() | CR4_TSD);
    FAULT("TSD: RDTSC", GP, 0, "rdtsc", USER);
    FAULT("TSD: RDTSCP", GP, 0, "rdtscp", USER);
    PASS("TSD: RDTSC at CPL 0", "rdtsc");
    write_cr4(read_cr4() & ~(ulong)CR4_TSD);
    wrmsr(MSR_TSC_AUX, 0x1234);
    LAB("rdtscp", USER);
    ok_eq("RDTSCP: TSC_AUX", trap.r.cx, 0x1234);
    if (f7[2] >> 22 & 1) {
        LAB(".byte 0xf3, 0x0f, 0xc7, 0xf8", USER); /* RDPID RAX */
        ok_eq("RDPID", trap.r.ax, 0x1234);
    }
    FAULT("TSC_AUX upper half", GP, 0, "wrmsr", .cx = MSR_TSC_AUX, .ax = 0, .dx = 1);
    FAULT("PCE: RDPMC at CPL 3", GP, 0, "rdpmc", USER, .cx = 0);
    FAULT("RDPMC of no counter", GP, 0, "rdpmc", .cx = 0x12345);
    FAULT("EFER reserved bits", GP, 0, "rdmsr; or $2, %eax; 78: wrmsr", .cx = MSR_EFER);
    FAULT("EFER.LME changed under paging", GP, 0, "rdmsr; btr $8, %eax; 78: wrmsr", .cx = MSR_EFER);
    PASS("EFER.LMA written is ignored", "rdmsr; btr $10, %eax; wrmsr", .cx = MSR_EFER);
    FAULT("PAT reserved type", GP, 0, "wrmsr", .cx = 0x277, .ax = 2, .dx = 0);
    FAULT("MTRR default type reserved", GP, 0, "wrmsr", .cx = 0x2ff, .ax = 2, .dx = 0);
    FAULT("APIC base reserved bits", GP, 0, "rdmsr; or $0x20, %eax; 78: wrmsr", .cx = 0x1b);
    FAULT("CR4 reserved bit", GP, 0, "mov %cr4, %rax; bts $31, %rax; 78: mov %rax, %cr4");
    FAULT("CR4.PAE cleared in long mode", GP, 0, "mov %cr4, %rax; btr $5, %rax; 78: mov %rax, %cr4");
    FAULT("CR0 upper half", GP, 0, "mov %cr0, %rax; bts $32, %rax; 78: mov %rax, %cr0");
    FAULT("CR0.NW without CD", GP, 0, "mov %cr0, %rax; btr $30, %rax; bts $29, %rax; 78: mov %rax, %cr0");
    FAULT("CR0.PE cleared under paging", GP, 0, "mov %cr0, %rax; btr $0, %rax; 78: mov %rax, %cr0");
    FAULT("CR0.PG cleared in 64-bit mode", GP, 0, "mov %cr0, %rax; btr $31, %rax; 78: mov %rax, %cr0");
    PASS("CR0 reserved low bits are ignored", "mov %cr0, %rax; bts $10, %rax; mov %rax, %cr0");
    LAB("mov %cr0, %rax; xor %ebx, %ebx; lmsw %bx; mov %cr0, %rcx; mov %rax, %cr0");
    ok(trap.vec == DONE && (trap.r.cx & 1), "LMSW cannot clear PE");

}

static u8 area[4096] __attribute__((aligned(64)));
static void xsave(void)
{
    ulong p = (ulong)area;

    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    write_cr0((read_cr0() & ~(ulong)(CR0_EM | CR0_TS)) | CR0_NE);
    FAULT("FXSAVE misaligned", GP, 0, "fxsave (%rbx)", .bx = p + 8);
    FAULT("FXRSTOR misaligned", GP, 0, "fxrstor (%rbx)", .bx = p + 8);
    LAB("fninit; fxsave (%rbx)", .bx = p);
    ok(*(u16 *)area == 0x37f && *(u32 *)(area + 24) == 0x1f80, "FXSAVE: FCW and MXCSR");
    ok_eq("MXCSR_MASK", *(u32 *)(area + 28), 0xffff);
    *(u32 *)(area + 24) = 0x10000;
    FAULT("FXRSTOR with reserved MXCSR bits", GP, 0, "fxrstor (%rbx)", .bx = p);
    *(u32 *)(area + 24) = 0x1f80;
    PASS("FXRSTOR", "fxrstor (%rbx)", .bx = p);
    if (!(f1[2] >> 26 & 1))
        return;
    FAULT("XGETBV without OSXSAVE", UD, NOERR, "xgetbv", .cx = 0);
    FAULT("XSAVE without OSXSAVE", UD, NOERR, "xsave (%rbx)", .bx = p);
    write_cr4(read_cr4() | CR4_OSXSAVE);
    FAULT("XSETBV at CPL 3", GP, 0, "xsetbv", USER, .cx = 0, .ax = 1);
    FAULT("XSETBV without x87", GP, 0, "xsetbv", .cx = 0, .ax = 2);
    FAULT("XSETBV unknown bits", GP, 0, "xsetbv", .cx = 0, .ax = 3, .dx = 0x40000000);
    FAULT("XSETBV register 1", GP, 0, "xsetbv", .cx = 1, .ax = 3);
    FAULT("XSETBV AVX without SSE", GP, 0, "xsetbv", .cx = 0, .ax = 5);
    FAULT("XGETBV register 5", GP, 0, "xgetbv", .cx = 5);
    PASS("XSETBV", "xsetbv", .cx = 0, .ax = 3);
    LAB("xgetbv", USER, .cx = 0);
    ok(trap.vec == DONE && trap.r.ax == 3 && trap.r.dx == 0, "XGETBV");
    FAULT("XSAVE misaligned to 64", GP, 0, "xsave (%rbx)", .bx = p + 32, .ax = 3);
    memset(area, 0, sizeof(area));
    LAB("fninit; fld1; xsave (%rbx)", .bx = p, .ax = 3);
    ok(trap.vec == DONE && (area[512] & 1), "XSAVE notes x87 in XSTATE_BV");
    area[512 + 8] = 1; /* XCOMP_BV */
    FAULT("XRSTOR with XCOMP_BV", GP, 0, "xrstor (%rbx)", .bx = p, .ax = 3);
    area[512 + 8] = 0, area[512 + 20] = 1;
    FAULT("XRSTOR with reserved header bytes", GP, 0, "xrstor (%rbx)", .bx = p, .ax = 3);
    area[512 + 20] = 0, area[512] = 0x83;
    FAULT("XRSTOR of a component not in XCR0", GP, 0, "xrstor (%rbx)", .bx = p, .ax = 3);
    area[512] = 0;
    LAB("xrstor (%rbx); fnstsw %ax; fnstcw 1024(%rbx); mov 1024(%rbx), %cx", .bx = p, .ax = 3, .cx = 0);
    ok(trap.vec == DONE && (trap.r.ax & 0xffff) == 0 && trap.r.cx == 0x37f, "XRSTOR to initial state");
    *(u32 *)(area + 24) = 0x20000;
    FAULT("XRSTOR checks MXCSR even when SSE is initial", GP, 0, "xrstor (%rbx)", .bx = p, .ax = 3);
    FAULT("XSAVE with TS", NM, NOERR, "mov %cr0, %rcx; bts $3, %rcx; mov %rcx, %cr0; 78: xsave (%rbx)",
          .bx = p, .ax = 3);
    asm volatile("clts");
    LAB("xor %eax, %eax; inc %eax; cpuid; mov %ecx, %eax");
    ok(trap.r.ax >> 27 & 1, "CPUID shows OSXSAVE");
    write_cr4(read_cr4() & ~(ulong)CR4_OSXSAVE);
}

void guest_main(void)
{
    cpuid(1, 0, f1);
    cpuid(7, 0, f7);
    syscalls();
    sysenters();
    bases();
    control();
    xsave();
}
