/* SPDX-License-Identifier: MIT
 * Mode switches (SDM vol. 3 9.8, 9.9, ch. 20): protected <-> real, unreal, long and
 * back, virtual-8086, control-register consistency, A20. */
#include "tests/guest/lib/guest.h"

enum { S_STUB = FREE, S_R16 = FREE + 8, S_R16D = FREE + 16, S_CS64 = FREE + 24, V_TEST = 0x40 };
#define STUB 0x7000u /* real-mode code and its data live below 64K */
#define RESULT 0x6000u

static u64 pml4[512] __attribute__((aligned(4096))), pdpt[512] __attribute__((aligned(4096)));

static volatile u32 *result(unsigned i)
{
    return (volatile u32 *)(ulong)(RESULT + i * 4);
}

/* Copies code to STUB and runs it as a 16-bit protected-mode function with base STUB;
 * it goes where it wants and comes back by a far jump to `back`. */
static ulong saved_sp;
static void run_low(struct code c)
{
    memcpy((void *)(ulong)STUB, c.start, (size_t)(c.end - c.start));
    set_gdt(S_R16, STUB, 0xffff, D_CODE);
    set_gdt(S_R16D, STUB, 0xffff, D_DATA);
    for (unsigned i = 0; i < 16; i++)
        *result(i) = 0;
    asm volatile("pusha; pushf; mov %%esp, %0; ljmp $0x88, $0\n"
                 ".globl low_back\nlow_back: mov $0x10, %%eax; mov %%eax, %%ds; mov %%eax, %%es; mov %%eax, %%ss;"
                 "mov %0, %%esp; lidt idtr; popf; popa"
                 : "+m"(saved_sp)::"memory");
}

/* To real mode (SDM vol. 3 9.9.2) with DS = ES = SS = 0; label 1 is the start of the lab. */
#define TO_REAL                                                                                \
    ".code16; 1: mov $0x90, %ax; mov %ax, %ds; mov %ax, %es; mov %ax, %ss; mov %ax, %fs; mov %ax, %gs;" \
    "mov %cr0, %eax; and $0xfe, %al; mov %eax, %cr0; ljmp $0x700, $(2f - 1b); 2:"              \
    "xor %ax, %ax; mov %ax, %ds; mov %ax, %es; mov %ax, %ss; mov $0x7000, %sp; lidtl 0x6100;"
#define TO_PROT "mov %cr0, %eax; or $1, %al; mov %eax, %cr0; ljmpl $8, $low_back;"

static void ivt(unsigned vec, u16 off)
{
    *(volatile u32 *)(vec * 4) = 0x07000000u | off;
}

static void real(void)
{
    *(volatile u16 *)0x6100 = 0x3ff;
    *(volatile u32 *)0x6102 = 0;
    run_low(CODE(TO_REAL "mov %cr0, %eax; mov %eax, 0x6000; smsw %ax; mov %ax, 0x6004; pushf; pop %ax;"
                         "mov %ax, 0x6008; mov %cs, 0x600c; movw $0x1234, 0x6010;" TO_PROT));
    ok(!(*result(0) & 1) && !(*result(1) & 1), "real mode: PE clear");
    ok_eq("real mode: CS", *result(3), 0x700);
    ok_eq("real mode: DS 0 addresses 0", *result(4), 0x1234);
    /* INT n through the IVT: the handler is at 700h:(label 5) */
    struct code c = CODE(TO_REAL "mov $0xabcd, %bx; stc; int $0x77; mov %bx, 0x6000; jmp 6f;"
                         "5: pop %ax; mov %ax, 0x6004; pop %ax; mov %ax, 0x6008; pop %ax; mov %ax, 0x600c;"
                         "sub $6, %sp; mov $0x55, %bx; pushf; pop %ax; mov %ax, 0x6010; iret; 6:" TO_PROT
                         ".globl modes_int; .set modes_int, 5b - 1b");
    extern const char modes_int[];
    ivt(0x77, (u16)(ulong)modes_int);
    run_low(c);
    ok_eq("INT n in real mode", *result(0), 0x55);
    ok_eq("it pushes CS", *result(2), 0x700);
    ok(*result(3) & F_CF, "and FLAGS");
    ok(!(*result(4) & (F_IF | F_TF)), "and clears IF and TF");
    /* exceptions push no error code; #DE returns to the instruction */
    struct code d = CODE(TO_REAL "xor %cx, %cx; mov $1, %ax; 4: div %cx; mov %ax, 0x6000; jmp 6f;"
                         "5: pop %ax; mov %ax, 0x6004; push %ax; mov $1, %ax; "
                         "mov $1, %cx; xor %dx, %dx; iret; 6:" TO_PROT
                         ".globl modes_de, modes_de_at; .set modes_de, 5b - 1b; .set modes_de_at, 4b - 1b");
    extern const char modes_de[], modes_de_at[];
    ivt(0, (u16)(ulong)modes_de);
    run_low(d);
    ok(*result(0) == 1 && *result(1) == (ulong)modes_de_at, "#DE in real mode");
    /* limits: offset 10000h is #GP (vector 13), a word at FFFFh too */
    struct code g = CODE(TO_REAL "mov $0x10000, %ebx; movb (%ebx), %al; movw 0xffff, %ax; push %bp; mov $0xffff, %bp;"
                         "mov (%bp), %ax; pop %bp; mov 0x6000, %ax; jmp 6f;"
                         "5: incw 0x6000; pop %ax; mov %ax, 0x6008; add $3, %ax; push %ax; iret;"
                         "8: incw 0x6004; pop %ax; add $3, %ax; push %ax; iret; 6:" TO_PROT
                         ".globl modes_gp, modes_ss; .set modes_gp, 5b - 1b; .set modes_ss, 8b - 1b");
    extern const char modes_gp[], modes_ss[];
    ivt(13, (u16)(ulong)modes_gp);
    ivt(12, (u16)(ulong)modes_ss);
    run_low(g);
    ok_eq("offsets beyond FFFFh are #GP", *result(0), 2);
    ok_eq("through SS #SS", *result(1), 1);
    /* protected-mode instructions are #UD */
    struct code u = CODE(TO_REAL "sldt %ax; str %ax; verr %ax; lar %ax, %ax; arpl %ax, %ax; jmp 6f;"
                         "5: incw 0x6000; pop %ax; add $3, %ax; cmpw $5, 0x6000; "
                         "jne 7f; dec %ax; 7: push %ax; iret; 6:" TO_PROT
                         ".globl modes_ud; .set modes_ud, 5b - 1b");
    extern const char modes_ud[];
    ivt(6, (u16)(ulong)modes_ud);
    run_low(u);
    ok_eq("SLDT, STR, VERR, LAR, ARPL are #UD in real mode", *result(0), 5);
}

/* Unreal: a 4 GiB limit loaded in protected mode outlives the switch. */
static u32 high_cell;
static void unreal(void)
{
    high_cell = 0x600df00d;
    run_low(CODE(".code16; 1: mov $0x10, %ax; mov %ax, %ds; mov %ax, %es; mov $0x90, %ax; mov %ax, %ss;"
                 "mov %cr0, %eax; and $0xfe, %al; mov %eax, %cr0; ljmp $0x700, $(2f - 1b); 2:"
                 "xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; mov $0x7000, %sp; lidtl 0x6100;"
                 "mov $high_cell, %ebx; mov (%ebx), %ecx; mov %ecx, 0x6000; incl (%ebx);" TO_PROT));
    ok_eq("unreal mode reads above 1 MiB", *result(0), 0x600df00d);
    ok_eq("and writes there", high_cell, 0x600df00e);
    /* before the far jump CS is still a 16-bit protected segment, PE or not */
    run_low(CODE(".code16; 1: mov $0x90, %ax; mov %ax, %ds; mov %ax, %ss; mov %ax, %es; "
                 "mov %cr0, %eax; and $0xfe, %al; mov %eax, %cr0;"
                 "mov %cs, %bx; ljmp $0x700, $(2f - 1b); 2: xor %ax, %ax; mov %ax, %ds; mov %ax, %ss;"
                 "mov $0x7000, %sp; mov %bx, 0x6000;" TO_PROT));
    ok_eq("CS keeps its selector until the far jump", *result(0), S_R16);
}

/* SDM vol. 3 2.5, 4.1.1, 9.8.5; vol. 2 MOV CR. */
static void consistency(void)
{
    ulong cr0 = read_cr0();

    FAULT("PG without PE cannot be set", GP, 0, "mov %cr0, %eax; btr $0, %eax; bts $31, %eax; 78: mov %eax, %cr0");
    FAULT("NW without CD", GP, 0, "mov %cr0, %eax; btr $30, %eax; bts $29, %eax; 78: mov %eax, %cr0");
    FAULT("CR4 reserved bit", GP, 0, "mov %cr4, %eax; bts $30, %eax; 78: mov %eax, %cr4");
    FAULT("CR4.PCIDE outside long mode", GP, 0, "mov %cr4, %eax; bts $17, %eax; 78: mov %eax, %cr4");
    memset(pml4, 0, sizeof(pml4)), memset(pdpt, 0, sizeof(pdpt));
    pml4[0] = (ulong)pdpt | 7;
    for (unsigned i = 0; i < 4; i++)
        pdpt[i] = (u64)i << 30 | 0x87;
    write_cr3((ulong)pml4);
    wrmsr(MSR_EFER, EFER_LME);
    FAULT("LME: PG without PAE", GP, 0, "mov %cr0, %eax; bts $31, %eax; 78: mov %eax, %cr0");
    FAULT("EFER reserved bits", GP, 0, "rdmsr; or $0x200, %eax; 78: wrmsr", .cx = MSR_EFER);
    PASS("LMA written is ignored", "rdmsr; or $0x400, %eax; wrmsr", .cx = MSR_EFER);
    ok(!(rdmsr(MSR_EFER) & EFER_LMA), "LMA follows PG");
    set_gdt(S_CS64, 0, 0xfffff, D_CODE | D_64 | D_G);
    set_gdt(KCS, 0, 0xfffff, D_CODE | D_32 | D_64 | D_G);
    write_cr4(read_cr4() | CR4_PAE);
    FAULT("LME: PG with CS.L set", DONE, NOERR, "nop");
    set_gdt(KCS, 0, 0xfffff, D_CODE | D_32 | D_G);
    wrmsr(MSR_EFER, 0);
    write_cr4(read_cr4() & ~(ulong)CR4_PAE);
    write_cr0(cr0);
    LAB("xor %eax, %eax; lmsw %ax; mov %cr0, %ebx");
    ok(trap.r.bx & 1, "LMSW cannot clear PE");
    LAB("mov %cr0, %edi; mov $0xf, %eax; lmsw %ax; mov %cr0, %ebx; mov %edi, %cr0");
    ok_eq("LMSW sets MP, EM, TS", trap.r.bx & 0xf, 0xf);
    PASS("SMSW", "smsw %ax");
}

/* Into 64-bit mode and back by hand (SDM vol. 3 9.8.5), interrupts off. */
static void long_mode(void)
{
    u32 r[4] = {0};

    write_cr4(read_cr4() | CR4_PAE);
    write_cr3((ulong)pml4);
    wrmsr(MSR_EFER, EFER_LME);
    asm volatile("mov %%cr0, %%eax; bts $31, %%eax; mov %%eax, %%cr0;" /* compatibility mode now */
                 "mov $0xc0000080, %%ecx; rdmsr; mov %%eax, %0;"
                 "ljmp $0x98, $1f; .code64; 1: mov $0x1122334455667788, %%r8; shr $32, %%r8; mov %%r8d, %1;"
                 "mov %%cs, %%eax; mov %%eax, %2;"
                 "pushq $8; lea 2f(%%rip), %%rax; push %%rax; lretq; .code32; 2:"
                 "mov %%cr0, %%eax; btr $31, %%eax; mov %%eax, %%cr0;"
                 "mov $0xc0000080, %%ecx; rdmsr; mov %%eax, %3"
                 : "=m"(r[0]), "=m"(r[1]), "=m"(r[2]), "=m"(r[3])::"eax", "ecx", "edx", "memory");
    ok_eq("PG with LME sets LMA", r[0], EFER_LME | EFER_LMA);
    ok_eq("64-bit code", r[1], 0x11223344);
    ok_eq("its CS", r[2], S_CS64);
    ok_eq("clearing PG in compatibility mode clears LMA", r[3], EFER_LME);
    wrmsr(MSR_EFER, 0);
    write_cr4(read_cr4() & ~(ulong)CR4_PAE);
}

/* --- virtual-8086 (SDM vol. 3 ch. 20) --- */
#define V86 .flags = F_VM
#define V86_IOPL3 .flags = F_VM | F_IOPL

static void v86(void)
{
    LAB(".code16; mov %cs, %ax; mov %ss, %bx; mov $0x2000, %cx; mov %cx, %ds", V86_IOPL3, .ds = 0x1234, .gs = 0x77);
    ok(trap.vec == DONE && trap.r.flags & F_VM && trap.r.cs == LOW_SEG && trap.r.ax == LOW_SEG, "V86 entered by IRET");
    ok(trap.r.ds == 0x2000 && trap.r.gs == 0x77, "the frame holds DS, ES, FS, GS");
    FAULT("HLT in V86", GP, 0, ".code16; hlt", V86_IOPL3);
    FAULT("CLI, IOPL 0", GP, 0, ".code16; cli", V86);
    PASS("CLI, IOPL 3", ".code16; cli", V86_IOPL3);
    FAULT("PUSHF, IOPL 0", GP, 0, ".code16; pushf", V86);
    FAULT("POPF, IOPL 0", GP, 0, ".code16; popf", V86);
    FAULT("INT n, IOPL 0", GP, 0, ".code16; int $0x30", V86);
    FAULT("IRET, IOPL 0", GP, 0, ".code16; iret", V86);
    FAULT("INT3 needs gate DPL 3, not IOPL", GP, 0x1a, ".code16; int3", V86);
    FAULT("#UD", UD, NOERR, ".code16; nop; 78: ud2", V86);
    FAULT("LAR in V86", UD, NOERR, ".code16; lar %ax, %bx", V86_IOPL3);
    FAULT("SLDT in V86", UD, NOERR, ".code16; sldt %ax", V86_IOPL3);
    FAULT("LGDT in V86", GP, 0, ".code16; lgdt 0", V86_IOPL3);
    FAULT("MOV CR in V86", GP, 0, ".code16; mov %cr0, %eax", V86_IOPL3);
    PASS("SMSW in V86", ".code16; smsw %ax", V86_IOPL3);
    FAULT("IN in V86 asks the bitmap whatever IOPL", GP, 0, ".code16; in $0x80, %al", V86_IOPL3);
    tss.bitmap[0x10] = 0;
    PASS("IN allowed", ".code16; in $0x80, %al", V86_IOPL3);
    tss.bitmap[0x10] = 0xff;
    FAULT("offset beyond FFFFh", GP, 0, ".code16; mov $0x10000, %ebx; 78: mov (%ebx), %al", V86_IOPL3);
    LAB(".code16; mov $0xffff, %ax; mov %ax, %ds; mov 0x11, %bl", V86_IOPL3);
    ok_eq("FFFFh:11h is 100001h with A20", trap.r.bx & 0xff, *(volatile u8 *)0x100001);
    LAB(".code16; pushf; pop %ax", V86_IOPL3);
    ok((trap.r.ax & F_IOPL) == F_IOPL, "PUSHF at IOPL 3");
    set_gate(V_TEST, UCS32, trap_gate(V_TEST), 14, 3, 0);
    FAULT("a gate to DPL 3 from V86", GP, UCS32 & ~3, ".code16; int $0x40", V86_IOPL3);
    restore_gate(V_TEST);
    u32 r[4];
    cpuid(1, 0, r);
    if (!(r[3] >> 1 & 1))
        return;
    write_cr4(read_cr4() | CR4_VME);
    LAB(".code16; sti; pushf; pop %ax; 78: hlt", V86);
    ok(trap.vec == GP && (trap.r.flags & F_VIF) && (trap.r.ax & F_IF) && (trap.r.ax & F_IOPL) == F_IOPL,
       "VME: STI sets VIF, PUSHF shows it as IF");
    LAB(".code16; cli; 78: hlt", .flags = F_VM | F_VIF);
    ok(trap.vec == GP && !(trap.r.flags & F_VIF), "VME: CLI clears VIF");
    FAULT("VME: STI with VIP is #GP", GP, 0, ".code16; sti", .flags = F_VM | F_VIP);
    /* software interrupt redirection: bit clear = through the V86 IVT */
    u16 map = tss.iomap;
    tss.iomap = offsetof(struct tss, bitmap) + 32;
    memset(tss.bitmap, 0xff, 32);
    tss.bitmap[0x78 / 8] = 0xfe;
    *(volatile u32 *)(0x78 * 4) = 0x10000000 | 0x40;
    *(volatile u8 *)(LOW_BASE + 0x40) = 0xf4;
    LAB(".code16; int $0x78", V86);
    ok(trap.vec == GP && trap.r.cs == LOW_SEG && trap.r.ip == 0x40, "VME: INT n redirected to the IVT");
    FAULT("VME: not redirected", GP, 0, ".code16; int $0x79", V86);
    tss.iomap = map;
    memset(tss.bitmap, 0xff, 64);
    write_cr4(read_cr4() & ~(ulong)CR4_VME);
}

/* With A20 off this image (at 1 MiB) is out of sight: the code runs below 64K. */
static void a20(void)
{
    volatile u8 *low = (volatile u8 *)0x5000, *high = (volatile u8 *)0x105000;
    u8 keep = *high;

    *low = 0x11;
    *high = 0x22;
    ok(*low == 0x11, "A20 on");
    run_low(CODE(TO_REAL "mov $0xffff, %cx; in $0x92, %al; and $0xfc, %al; out %al, $0x92; mov %cx, %ds;"
                         "mov 0x5010, %bl; movb $0x33, 0x5010; in $0x92, %al; mov %al, %bh; or $2, %al;"
                         "out %al, $0x92; xor %cx, %cx; mov %cx, %ds; mov %bl, 0x6000; mov %bh, 0x6004;" TO_PROT));
    ok(*result(0) == 0x11 && *low == 0x33, "A20 off by port 92h: addresses wrap");
    ok(!(*result(1) & 2), "port 92h reads back");
    ok(*high == 0x22, "A20 on again");
    *high = keep;
}

void guest_main(void)
{
    ok((read_cr0() & 1) && !(read_cr0() & CR0_PG), "multiboot state");
    real();
    unreal();
    consistency();
    long_mode();
    v86();
    a20();
}
