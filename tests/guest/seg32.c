/* SPDX-License-Identifier: MIT
 * Segmentation in 32-bit protected mode: descriptor checks, limits, types,
 * LAR/LSL/VERR/VERW/ARPL, far transfers through gates, IRET. */
#include "tests/guest/lib/guest.h"

static u64 ldt[16] __attribute__((aligned(8)));
static u8 buf[8192] __attribute__((aligned(4096)));
static u8 inner_stack[4096] __attribute__((aligned(16)));

/* Test descriptors from FREE on. */
enum { S_RO = FREE, S_XO = FREE + 8, S_NP = FREE + 16, S_DOWN = FREE + 24, S_CONF = FREE + 32,
       S_SMALL = FREE + 40, S_TSS16 = FREE + 48, S_GATE32 = FREE + 56, S_GATE16 = FREE + 64,
       S_DPL1 = FREE + 72, S_DOWN16 = FREE + 80, S_CODE_NP = FREE + 88, S_GATENP = FREE + 96,
       S_DPL3NP = FREE + 104, S_PAGE = FREE + 112, S_CONF3 = FREE + 120, S_GATE0 = FREE + 128,
       S_U16 = FREE + 136, S_RODPL3 = FREE + 144, S_CODER = FREE + 152, S_BADSS = FREE + 160,
       S_CODE1 = FREE + 168, S_GATE1 = FREE + 176, S_LDTNP = FREE + 184, S_STK16 = FREE + 192 };

static void set_call_gate(unsigned sel, unsigned target, u32 off, unsigned type, unsigned attr,
                          unsigned count)
{
    gdt[sel / 8] = (off & 0xffff) | target << 16 | (u64)count << 32 |
                   (u64)(type | attr) << 40 | (u64)(off >> 16) << 48;
}

static void descriptors(void)
{
    u32 b = (u32)buf;

    set_gdt(S_RO, b, 0xfff, 0x91 | D_32);
    set_gdt(S_XO, 0, 0xfffff, 0x99 | D_32 | D_G);
    set_gdt(S_NP, b, 0xfff, 0x13 | D_32);
    set_gdt(S_DOWN, b, 0xfff, 0x97 | D_32);
    set_gdt(S_DOWN16, b, 0xfff, 0x97);
    set_gdt(S_CONF, 0, 0xfffff, 0x9f | D_32 | D_G);
    set_gdt(S_CONF3, 0, 0xfffff, 0xff | D_32 | D_G);
    set_gdt(S_SMALL, b, 0x0f, D_DATA | D_32);
    set_gdt(S_PAGE, b, 0, D_DATA | D_32 | D_G);
    set_gdt(S_TSS16, b, 0x2b, 0x81);
    set_gdt(S_DPL1, b, 0xfff, D_DATA | D_32 | 0x20);
    set_gdt(S_CODE_NP, 0, 0xfffff, 0x1b | D_32 | D_G);
    set_gdt(S_DPL3NP, b, 0xfff, 0x73 | D_32);
    set_gdt(S_U16, LOW_BASE, 0xffff, 0xfb);
    set_gdt(S_RODPL3, b, 0xfff, 0xf1 | D_32);
    set_gdt(S_CODER, b, 0xfff, 0xfb | D_32);
    set_gdt(S_BADSS, b, 0xfff, D_DATA | D_32 | D_DPL3);
    set_gdt(S_CODE1, 0, 0xfffff, 0xbb | D_32 | D_G);
    set_gdt(S_LDTNP, (u32)ldt, sizeof(ldt) - 1, 0x02);
    set_gdt(S_STK16, 0, 0xffff, D_DATA);
    set_gdt(LDT_SEL, (u32)ldt, sizeof(ldt) - 1, 0x82);
}

/* SDM vol. 2 MOV/POP/LxS to a segment register; vol. 3 5.6, 5.7. */
static void loads_data(void)
{
    static const struct {
        const char *name;
        u16 sel;
        bool user;
        unsigned vec;
        u32 err;
    } t[] = {
        {"null", 0, 0, DONE, 0},
        {"null with RPL 3", 3, 0, DONE, 0},
        {"writable data", KDS, 0, DONE, 0},
        {"read-only data", S_RO, 0, DONE, 0},
        {"readable code", KCS, 0, DONE, 0},
        {"execute-only code", S_XO, 0, GP, S_XO},
        {"not present", S_NP, 0, NP, S_NP},
        {"not present with RPL", S_DPL3NP | 3, 0, NP, S_DPL3NP},
        {"system segment", S_TSS16, 0, GP, S_TSS16},
        {"beyond the GDT", 0x400, 0, GP, 0x400},
        {"RPL 3 for DPL 0", KDS | 3, 0, GP, KDS},
        {"CPL 3 for DPL 0", KDS, 1, GP, KDS},
        {"CPL 3 for DPL 1", S_DPL1 | 3, 1, GP, S_DPL1},
        {"CPL 3 for conforming code DPL 0", S_CONF, 1, DONE, 0},
        {"CPL 3, null", 0, 1, DONE, 0},
        {"CPL 0 for DPL 3", UDS, 0, DONE, 0},
        {"expand-down data", S_DOWN, 0, DONE, 0},
        {"LDT, beyond its limit", 0x84, 0, GP, 0x84},
    };

    for (unsigned i = 0; i < sizeof(t) / sizeof(*t); i++)
        for (unsigned r = 0; r < 5; r++) {
            static const char *const regs[] = {"DS", "ES", "FS", "GS", "POP DS"};
            struct code c[] = {CODE("mov %ax, %ds"), CODE("mov %ax, %es"), CODE("mov %ax, %fs"),
                               CODE("mov %ax, %gs"), CODE("push %eax; 78: pop %ds")};
            struct regs in = {.ax = t[i].sel};
            bool good;

            if (t[i].user)
                in = (struct regs){.ax = t[i].sel, USER};
            lab(c[r], in);
            good = trap.vec == t[i].vec && (t[i].vec == DONE || trap.err == t[i].err);
            ok(good && (trap.vec == DONE || trap.r.ip == (ulong)c[r].at), "%s: %s", regs[r],
               t[i].name);
            if (!good)
                say("# got %x error %x\n", trap.vec, trap.err);
        }
}

/* SDM vol. 2 MOV: SS has its own rules. */
static void loads_ss(void)
{
    FAULT("SS: null", GP, 0, "mov %ax, %ss", .ax = 0);
    FAULT("SS: null RPL 3 at CPL 3", GP, 0, "mov %ax, %ss", USER, .ax = 3);
    FAULT("SS: read-only", GP, S_RO, "mov %ax, %ss", .ax = S_RO);
    FAULT("SS: code", GP, KCS, "mov %ax, %ss", .ax = KCS);
    FAULT("SS: RPL 3 at CPL 0", GP, KDS, "mov %ax, %ss", .ax = KDS | 3);
    FAULT("SS: DPL 3 at CPL 0", GP, UDS & ~3, "mov %ax, %ss", .ax = UDS);
    FAULT("SS: DPL 0 at CPL 3", GP, KDS, "mov %ax, %ss", USER, .ax = KDS | 3);
    FAULT("SS: not present", SS, S_NP, "mov %ax, %ss", .ax = S_NP);
    FAULT("SS: system", GP, S_TSS16, "mov %ax, %ss", .ax = S_TSS16);
    FAULT("SS: LDT without one", GP, 0x0c, "xor %ebx, %ebx; lldt %bx; 78: mov %ax, %ss", .ax = 0xc);
    FAULT("LSS: not present", SS, S_NP, "push %eax; push $0; 78: lss (%esp), %ecx", .ax = S_NP);
    FAULT("MOV CS, AX is #UD", UD, NOERR, ".byte 0x8e, 0xc8", .ax = KCS);
    FAULT("MOV from segment 6 is #UD", UD, NOERR, ".byte 0x8c, 0xf0");
}

/* SDM vol. 3 5.3: limits. */
static void limits(void)
{
    PASS("limit: last byte", "mov %ax, %ds; movb 0xf, %cl", .ax = S_SMALL);
    FAULT("limit: one past", GP, 0, "mov %ax, %ds; 78: movb 0x10, %cl", .ax = S_SMALL);
    FAULT("limit: dword straddles", GP, 0, "mov %ax, %ds; 78: mov 0xd, %ecx", .ax = S_SMALL);
    PASS("limit: dword fits", "mov %ax, %ds; mov 0xc, %ecx", .ax = S_SMALL);
    FAULT("limit: wraps at 4G", GP, 0, "mov %ax, %ds; 78: mov 0xffffffff, %ecx", .ax = S_SMALL);
    FAULT("limit: qword straddles", GP, 0, "mov %ax, %ds; 78: fildll 0x9", .ax = S_SMALL);
    PASS("limit: page granular 0 is 4K", "mov %ax, %ds; mov 0xffc, %ecx", .ax = S_PAGE);
    FAULT("limit: page granular end", GP, 0, "mov %ax, %ds; 78: mov 0xffd, %ecx", .ax = S_PAGE);
    FAULT("expand down: at limit", GP, 0, "mov %ax, %ds; 78: movb 0xfff, %cl", .ax = S_DOWN);
    PASS("expand down: above limit", "mov %ax, %ds; movb 0x1000, %cl", .ax = S_DOWN);
    PASS("expand down 16: top", "mov %ax, %ds; movb 0xffff, %cl", .ax = S_DOWN16);
    FAULT("expand down 16: above 64K", GP, 0, "mov %ax, %ds; 78: movb 0x10000, %cl", .ax = S_DOWN16);
    FAULT("expand down 16: straddles 64K", GP, 0, "mov %ax, %ds; 78: mov 0xfffd, %ecx",
          .ax = S_DOWN16);
    FAULT("write read-only", GP, 0, "mov %ax, %ds; 78: movb $0, 0", .ax = S_RO);
    FAULT("RMW read-only", GP, 0, "mov %ax, %ds; 78: incl 0", .ax = S_RO);
    FAULT("XCHG read-only", GP, 0, "mov %ax, %ds; 78: xchg %ecx, 0", .ax = S_RO);
    FAULT("write code segment", GP, 0, "78: movb $0, %cs:0x1000");
    FAULT("read execute-only", GP, 0, "ljmp $0x88, $1f; 1: 78: mov %cs:0, %eax");
    FAULT("null DS access", GP, 0, "xor %eax, %eax; mov %eax, %ds; 78: mov 0, %al");
    FAULT("null GS access", GP, 0, "78: mov %gs:0, %al");
    FAULT("null ES string", GP, 0, "xor %eax, %eax; mov %eax, %es; 78: stosb", .di = 0x8000);
    FAULT("REP with count 0 checks nothing", UD, NOERR,
          "xor %eax, %eax; mov %eax, %es; rep stosb; 78: ud2", .cx = 0);
    FAULT("LEA does not check", UD, NOERR, ".byte 0x65; lea 0, %eax; 78: ud2");
    set_gdt(S_U16, LOW_BASE, 0xff, D_CODE | D_32);
    memset((void *)(LOW_BASE + 0xf0), 0x90, 16);
    LAB("ljmp $0x108, $0xf0");
    ok(trap.vec == GP && !trap.err && trap.r.ip == 0x100, "running off the CS limit");
    *(u8 *)(LOW_BASE + 0xff) = 0xb0; /* MOV AL, imm8 with the immediate outside */
    LAB("ljmp $0x108, $0xf0");
    ok(trap.vec == GP && !trap.err && trap.r.ip == 0xff, "an instruction across the CS limit");
    *(u16 *)(LOW_BASE + 0xfd) = 0x10eb; /* JMP +16 */
    LAB("ljmp $0x108, $0xf0");
    ok(trap.vec == GP && !trap.err && trap.r.ip == 0xfd, "JMP beyond the CS limit faults itself");
}

static void limits_stack(void)
{
    /* CPL 3 so that the fault itself has a stack. */
    set_gdt(S_BADSS, 0, ((u32)user_stack >> 12) - 1, D_DATA | D_DPL3 | D_32 | D_G);
    FAULT("SS limit: push", SS, 0, "push %eax", USER, .ss = S_BADSS | 3);
    FAULT("SS limit: pop", SS, 0, "pop %eax", USER, .ss = S_BADSS | 3);
    FAULT("SS limit: EBP access", SS, 0, "mov (%ebp), %eax", USER, .ss = S_BADSS | 3,
          .bp = (u32)user_stack);
    FAULT("SS limit: call", SS, 0, "call .", USER, .ss = S_BADSS | 3);
    FAULT("SS limit: enter", SS, 0, "enter $8, $0", USER, .ss = S_BADSS | 3);
    FAULT("SS limit: ret", SS, 0, "ret", USER, .ss = S_BADSS | 3);
    FAULT("SS limit: iret", SS, 0, "iret", USER, .ss = S_BADSS | 3);
    FAULT("SS limit: pusha", SS, 0, "pusha", USER, .ss = S_BADSS | 3);
    ok(trap.r.sp == (ulong)user_stack + sizeof(user_stack) - 64, "a faulting PUSHA keeps ESP");
    FAULT("DS override of EBP access is #GP", GP, 0, "mov %ds:(%ebp), %eax", USER, .ds = S_BADSS | 3,
          .bp = (u32)user_stack + 4096);
}

/* SDM vol. 2 LAR, LSL, VERR, VERW, ARPL. */
static void queries(void)
{
    static const struct {
        u16 sel;
        bool user, lar, lsl, verr, verw;
        u32 limit;
        const char *name;
    } t[] = {
        {0, 0, 0, 0, 0, 0, 0, "null"},
        {KDS, 0, 1, 1, 1, 1, 0xffffffff, "data"},
        {KCS, 0, 1, 1, 1, 0, 0xffffffff, "code"},
        {S_XO, 0, 1, 1, 0, 0, 0xffffffff, "execute-only"},
        {S_RO, 0, 1, 1, 1, 0, 0xfff, "read-only"},
        {S_NP, 0, 1, 1, 1, 1, 0xfff, "not present"},
        {KDS, 1, 0, 0, 0, 0, 0, "DPL 0 at CPL 3"},
        {KDS | 3, 0, 0, 0, 0, 0, 0, "DPL 0 with RPL 3"},
        {S_CONF, 1, 1, 1, 1, 0, 0xffffffff, "conforming at CPL 3"},
        {UDS, 1, 1, 1, 1, 1, 0xffffffff, "DPL 3 at CPL 3"},
        {TSS_SEL, 0, 1, 1, 0, 0, sizeof(struct tss) - 1, "busy TSS"},
        {S_TSS16, 0, 1, 1, 0, 0, 0x2b, "16-bit TSS"},
        {LDT_SEL, 0, 1, 1, 0, 0, sizeof(ldt) - 1, "LDT"},
        {S_GATE0, 0, 1, 0, 0, 0, 0, "call gate"},
        {S_GATE16, 0, 1, 0, 0, 0, 0, "16-bit call gate"},
        {S_SMALL, 0, 1, 1, 1, 1, 15, "byte limit"},
        {S_PAGE, 0, 1, 1, 1, 1, 0xfff, "page limit"},
        {0x400, 0, 0, 0, 0, 0, 0, "beyond the GDT"},
        {FREE + 0x200, 0, 0, 0, 0, 0, 0, "empty descriptor"},
    };

    for (unsigned i = 0; i < sizeof(t) / sizeof(*t); i++) {
        struct regs in = {.dx = t[i].sel};
        if (t[i].user)
            in = (struct regs){.dx = t[i].sel, USER};
        lab(CODE("mov $0x55, %eax; mov $0x66, %ebx; lar %dx, %eax; setz %cl; lsl %edx, %ebx;"
                 "setz %ch; verr %dx; setz %dl; verw %dx; setz %dh; mov %edx, %esi"), in);
        ulong c = trap.r.cx & 0xffff;
        u32 hi = (u32)(gdt[(t[i].sel & 0x3ff) / 8] >> 32) & 0x00f0ff00;
        ok(trap.vec == DONE && (c & 1) == t[i].lar && (trap.r.ax == (t[i].lar ? hi : 0x55) ||
           ((hi ^ trap.r.ax) & ~0xf0000u) == 0), "LAR %s", t[i].name);
        ok(trap.vec == DONE && (c >> 8 & 1) == t[i].lsl && trap.r.bx == (t[i].lsl ? t[i].limit : 0x66),
           "LSL %s", t[i].name);
        /* VERW sees the selector with DL changed by SETZ only when VERR ran: ask again. */
        lab(CODE("verr %dx; setz %al; verw %dx; setz %ah"), in);
        ok((trap.r.ax & 1) == t[i].verr, "VERR %s", t[i].name);
        ok((trap.r.ax >> 8 & 1) == t[i].verw, "VERW %s", t[i].name);
    }
    LAB("arpl %cx, %ax; setz %dl", .ax = 0x10, .cx = 3, .dx = 0);
    ok((u16)trap.r.ax == 0x13 && trap.r.dx == 1, "ARPL raises RPL");
    LAB("arpl %cx, %ax; setz %dl", .ax = 0x13, .cx = 1, .dx = 0);
    ok((u16)trap.r.ax == 0x13 && trap.r.dx == 0, "ARPL keeps a higher RPL");
}

/* SDM vol. 2 JMP/CALL far, vol. 3 5.8. */
static void far_direct(void)
{
    FAULT("far JMP null", GP, 0, "ljmp $0, $1f; 1:");
    FAULT("far JMP beyond GDT", GP, 0x400, "ljmp $0x400, $0");
    FAULT("far JMP data", GP, KDS, "ljmp $0x10, $0");
    FAULT("far JMP code not present", NP, S_CODE_NP, "ljmp $0xd8, $0");
    FAULT("far JMP DPL 3 from CPL 0", GP, UCS32 & ~3, "ljmp $0x1b, $0");
    FAULT("far JMP RPL 3, DPL 0", GP, KCS, "ljmp $0xb, $0");
    FAULT("far JMP DPL 0 from CPL 3", GP, KCS, "ljmp $8, $0", USER);
    FAULT("far JMP busy TSS", GP, TSS_SEL, "ljmp $0x50, $0");
    FAULT("far JMP LDT descriptor", GP, LDT_SEL, "ljmp $0x68, $0");
    FAULT("far CALL DPL 0 from CPL 3", GP, KCS, "lcall $8, $0", USER);
    FAULT("far JMP to conforming from CPL 3 keeps CPL", GP, 0,
          "ljmp $0xa0, $1f; 1: 78: hlt", USER);
    ok(trap.r.cs == (S_CONF | 3), "CS.RPL is CPL after a jump to conforming code");
    FAULT("far JMP conforming DPL 3 from CPL 0", GP, S_CONF3, "ljmp $0xf8, $0");
    PASS("far JMP same level", "ljmp $8, $1f; 1:");
    LAB("mov %esp, %esi; lcall $0x38, $1f; 1: mov %esp, %edi; pop %eax; pop %ebx");
    ok(trap.vec == DONE && trap.r.bx == KCS && trap.r.si - trap.r.di == 8,
       "far CALL pushes CS and EIP");
    PASS("far CALL and RETF", "lcall $8, $2f; jmp 1f; 2: lret; 1:");
    LAB("push $0x77; lcall $8, $2f; mov %esp, %ebx; jmp 1f; 2: mov %esp, %eax; lret $4; 1:");
    ok(trap.vec == DONE && trap.r.bx - trap.r.ax == 12, "RETF imm16 releases");
    FAULT("far JMP offset beyond limit", GP, 0, "ljmp $0x40, $0x10000");
    FAULT("far JMP m16:32 register form", UD, NOERR, ".byte 0xff, 0xe8");
    FAULT("far CALL register form", UD, NOERR, ".byte 0xff, 0xd8");
}

/* Lands here through the gates: shows CPL, stack, and parameters. */
extern const char gate_target[], gate_target16[];
asm(".pushsection .text\n.globl gate_target\n"
    "gate_target: mov %esp, %esi; mov %ss, %edi; mov %cs, %ebp; mov (%esp), %ecx; int $0x30\n"
    ".popsection");

static void gates(void)
{
    u32 *p;

    set_call_gate(S_GATE0, KCS, (u32)gate_target, 0x0c, 0x80 | D_DPL3, 0);
    set_call_gate(S_GATE32, KCS, (u32)gate_target, 0x0c, 0x80 | D_DPL3, 3);
    set_call_gate(S_GATE16, KCS, (u32)gate_target & 0xffff, 0x04, 0x80 | D_DPL3, 2);
    set_call_gate(S_GATENP, KCS, (u32)gate_target, 0x0c, D_DPL3, 0);
    set_call_gate(S_GATE1, KCS, (u32)gate_target, 0x0c, 0x80, 0);

    LAB("lcall $0x100, $0", .bx = 0);
    ok(trap.vec == DONE && trap.r.bp == KCS && trap.r.di == KDS, "call gate, same level");
    LAB("push $1; push $2; push $3; lcall $0xbb, $0", USER);
    p = (u32 *)trap.r.si;
    ok(trap.vec == DONE && trap.r.bp == KCS && trap.r.di == KDS, "call gate to CPL 0");
    ok(trap.r.si == (u32)trap_stack + sizeof(trap_stack) - 28, "inner frame size with 3 parameters");
    FAULT("call gate not present", NP, S_GATENP, "lcall $0xe3, $0", USER);
    FAULT("call gate DPL 0 from CPL 3", GP, S_GATE1, "lcall $0x133, $0", USER);
    FAULT("JMP through gate to more privilege", GP, KCS, "ljmp $0x103, $0", USER);
    PASS("JMP through gate, same level", "ljmp $0x100, $0");
    /* A handler that reads its frame. */
    extern const char gate_params[];
    asm volatile(".pushsection .lab,\"ax\"\n.globl gate_params\ngate_params:\n"
                 "mov 8(%esp), %eax; mov 12(%esp), %ebx; mov 16(%esp), %ecx\n"
                 "mov 20(%esp), %edx; mov 24(%esp), %esi; lret $12\n.popsection");
    set_call_gate(S_GATE32, KCS, (u32)gate_params, 0x0c, 0x80 | D_DPL3, 3);
    LAB("mov %esp, %ebp; push $1; push $2; push $3; lcall $0xb8, $0; mov %esp, %edi", USER);
    ok(trap.vec == DONE && trap.r.ax == 3 && trap.r.bx == 2 && trap.r.cx == 1,
       "call gate copies parameters");
    ok(trap.r.si == UDS && trap.r.dx == trap.r.bp - 12, "outer SS:ESP pushed");
    ok(trap.r.di == trap.r.bp, "RETF n releases parameters on both stacks");
    ok(trap.r.cs == UCS, "RETF to CPL 3");
    (void)p;
    /* SDM vol. 3 5.8.5: a 16-bit gate copies words and pushes words */
    struct code g16 = CODE("mov %esp, %esi; popw %ax; popw %bx; popw %cx; popw %dx; popw %di; popw %bp");
    set_gdt(S_CODER, (u32)g16.start, 0xffff, D_CODE | D_32);
    set_call_gate(S_GATE16, S_CODER, 0, 4, 0x80 | D_DPL3, 2);
    LAB("pushw $1; pushw $2; lcall $0xc0, $0", USER);
    ok(trap.vec == DONE && trap.r.si == (u32)trap_stack + sizeof(trap_stack) - 12, "16-bit gate: frame of words");
    ok((u16)trap.r.bx == UCS && (u16)trap.r.cx == 2 && (u16)trap.r.dx == 1 && (u16)trap.r.bp == UDS,
       "16-bit gate: CS, parameters, SS");
    LAB("mov %esp, %ebp; lcall $0xc0, $0");
    ok(trap.vec == DONE, "16-bit gate, same level");
    set_gdt(S_CODER, (u32)buf, 0xfff, 0xfb | D_32);
    set_call_gate(S_GATE0, KDS, (u32)gate_target, 0x0c, 0x80 | D_DPL3, 0);
    FAULT("gate to data segment", GP, KDS, "lcall $0x100, $0", USER);
    set_call_gate(S_GATE0, 0, (u32)gate_target, 0x0c, 0x80 | D_DPL3, 0);
    FAULT("gate to null", GP, 0, "lcall $0x100, $0", USER);
    set_call_gate(S_GATE0, S_CODE_NP, (u32)gate_target, 0x0c, 0x80 | D_DPL3, 0);
    FAULT("gate to absent code", NP, S_CODE_NP, "lcall $0x100, $0", USER);
    set_call_gate(S_GATE0, UCS32, (u32)gate_target, 0x0c, 0x80 | D_DPL3, 0);
    FAULT("gate to less privileged code", GP, UCS32 & ~3, "lcall $0x100, $0");
}

/* SDM vol. 3 5.8.5: the new stack of a gate comes from the TSS; its faults are #TS/#SS. */
static void gate_stacks(void)
{
    set_call_gate(S_GATE0, S_CODE1 | 1, (u32)gate_target, 0x0c, 0x80 | D_DPL3, 0);
    tss.ss1 = 0, tss.esp1 = (u32)inner_stack + 4096;
    FAULT("inner SS null", TS, 0, "lcall $0x100, $0", USER);
    tss.ss1 = KDS;
    FAULT("inner SS RPL", TS, KDS, "lcall $0x100, $0", USER);
    tss.ss1 = KDS | 1;
    FAULT("inner SS DPL", TS, KDS, "lcall $0x100, $0", USER);
    tss.ss1 = S_CODE1 | 1;
    FAULT("inner SS code", TS, S_CODE1, "lcall $0x100, $0", USER);
    tss.ss1 = 0x401;
    FAULT("inner SS beyond GDT", TS, 0x400, "lcall $0x100, $0", USER);
    set_gdt(S_DPL1, 0, 0xfffff, 0x33 | D_32 | D_G);
    tss.ss1 = S_DPL1 | 1;
    FAULT("inner SS absent", SS, S_DPL1, "lcall $0x100, $0", USER);
    set_gdt(S_DPL1, 0, 0xf, 0xb3 | D_32);
    FAULT("inner SS limit", SS, S_DPL1, "lcall $0x100, $0", USER);
    set_gdt(S_DPL1, 0, 0xfffff, 0xb3 | D_32 | D_G);
    LAB("lcall $0x100, $0", USER);
    ok(trap.vec == DONE && trap.r.cs == (S_CODE1 | 1) && trap.r.di == (S_DPL1 | 1),
       "call gate to CPL 1");
    set_gdt(S_DPL1, (u32)buf, 0xfff, D_DATA | D_32 | 0x20);
}

/* SDM vol. 2 RET, IRET. */
static void returns(void)
{
    FAULT("RETF null CS", GP, 0, "push $0; push $0; 78: lret");
    FAULT("RETF data CS", GP, KDS, "push $0x10; push $0; 78: lret");
    FAULT("RETF absent CS", NP, S_CODE_NP, "push $0xd8; push $0; 78: lret");
    FAULT("RETF inward", GP, KCS, "push $8; push $0; 78: lret", USER);
    FAULT("RETF beyond GDT", GP, 0x400, "push $0x400; push $0; 78: lret");
    FAULT("RETF outer with null SS", GP, 0, "push $0; push $0; push $0x1b; push $1f; 78: lret; 1:");
    FAULT("RETF outer, SS RPL", GP, UDS & ~3, "push $0x20; push $0; push $0x1b; push $1f; 78: lret; 1:");
    FAULT("RETF outer, SS DPL", GP, KDS, "push $0x13; push $0; push $0x1b; push $1f; 78: lret; 1:");
    FAULT("RETF outer, SS absent", SS, S_DPL3NP,
          "push $0xeb; push $0; push $0x1b; push $1f; 78: lret; 1:");
    FAULT("RETF EIP beyond limit", GP, 0, "push $0x40; push $0x10000; 78: lret");
    LAB("push $0x23; push %esp; push $0x1b; push $1f; mov $0x10, %eax; mov %eax, %fs; "
        "mov $0x23, %eax; mov %eax, %gs; lret; 1: mov %fs, %eax; mov %gs, %ebx");
    ok(trap.vec == DONE && trap.r.cs == UCS && trap.r.ax == 0 && trap.r.bx == UDS,
       "RETF outward nulls inner data segments");
    ok(trap.r.ds == 0 && trap.r.es == 0, "RETF outward nulls DS and ES of DPL 0");

    FAULT("IRET null CS", GP, 0, "push $2; push $0; push $0; 78: iret");
    FAULT("IRET data CS", GP, KDS, "push $2; push $0x10; push $0; 78: iret");
    FAULT("IRET inward", GP, KCS, "push $2; push $8; push $0; 78: iret", USER);
    FAULT("IRET absent CS", NP, S_CODE_NP, "push $2; push $0xd8; push $0; 78: iret");
    FAULT("IRET outer, null SS", GP, 0, "push $0; push $0; push $2; push $0x1b; push $1f; 78: iret; 1:");
    FAULT("IRET outer, SS absent", SS, S_DPL3NP,
          "push $0xeb; push $0; push $2; push $0x1b; push $1f; 78: iret; 1:");
    PASS("IRET same level", "push $2; push $8; push $1f; iret; 1:");
    LAB("push $0x23; push %esp; push $0x3202; push $0x1b; push $1f; iret; 1: pushf; pop %eax");
    ok(trap.vec == DONE && trap.r.cs == UCS && trap.r.ax == 0x3202, "IRET outward loads IOPL and IF");
    LAB("pushf; push $0x1b; push $1f; orl $0x3200, 8(%esp); iret; 1: pushf; pop %eax", USER);
    ok(trap.vec == DONE && !(trap.r.ax & 0x3200), "IRET at CPL 3 keeps IOPL and IF");
    LAB("pushf; push $8; push $1f; orl $0x1000, 8(%esp); iret; 1: pushf; pop %eax");
    ok(trap.vec == DONE && (trap.r.ax & 0x3000) == 0x1000, "IRET at CPL 0 loads IOPL");
    FAULT("IRET NT without back link", TS, 0, "movw $0, tss; push $0x4002; popf; 78: iret");
    LAB("pushw $2; pushw $8; pushw $0x1000; mov $0x10, %eax; .byte 0x66; iret");
    /* lands at 1000h: whatever is there, but with CS = 8 and EIP truncated to 16 bits */
    ok(trap.r.ip >> 16 == 0, "16-bit IRET truncates EIP");
}

/* SDM vol. 2 LLDT, LTR, LGDT; an LDT with 16-bit code (QEMU 7.2 fails on it). */
static void tables(void)
{
    FAULT("LLDT data", GP, KDS, "lldt %ax", .ax = KDS);
    FAULT("LLDT from the LDT", GP, 4, "lldt %ax", .ax = 4);
    FAULT("LLDT absent", NP, S_LDTNP, "lldt %ax", .ax = S_LDTNP);
    FAULT("LLDT beyond GDT", GP, 0x400, "lldt %ax", .ax = 0x400);
    FAULT("LLDT at CPL 3", GP, 0, "lldt %ax", USER, .ax = LDT_SEL);
    FAULT("LTR null", GP, 0, "ltr %ax", .ax = 0);
    FAULT("LTR busy", GP, TSS_SEL, "ltr %ax", .ax = TSS_SEL);
    FAULT("LTR data", GP, KDS, "ltr %ax", .ax = KDS);
    FAULT("LTR at CPL 3", GP, 0, "ltr %ax", USER, .ax = TSS_SEL);
    FAULT("LGDT at CPL 3", GP, 0, "lgdt (%esp)", USER);
    FAULT("LGDT register form", UD, NOERR, ".byte 0x0f, 0x01, 0xd7");
    PASS("LLDT null", "lldt %ax", .ax = 0);
    FAULT("load from null LDT", GP, 0x0c, "lldt %ax; mov $12, %ecx; 78: mov %ecx, %ds", .ax = 0);
    PASS("LLDT", "lldt %ax", .ax = LDT_SEL);
    LAB("sldt %eax; str %ebx");
    ok(trap.r.ax == LDT_SEL && trap.r.bx == TSS_SEL, "SLDT and STR");

    set_desc(&ldt[1], (u32)buf, 0xfff, D_DATA | D_32);
    set_desc(&ldt[2], LOW_BASE, 0xffff, 0xfb); /* 16-bit code, DPL 3 */
    set_desc(&ldt[3], LOW_BASE, 0xffff, 0xf3);
    buf[5] = 0x5a;
    LAB("mov $12, %eax; mov %eax, %ds; mov 5, %cl");
    ok(trap.vec == DONE && (trap.r.cx & 0xff) == 0x5a, "data segment in the LDT");
    LAB(".code16; mov $0x1234, %ax; push %ax; call 1f; 1: pop %bx; mov %sp, %dx; mov %cs, %si",
        .cs = 0x17, .ss = 0x1f, .ds = 0x1f, .es = 0x1f, .sp = 0x8000, .low = 1, .ax = 0xabcd0000);
    ok(trap.vec == DONE && trap.r.ax == 0xabcd1234 && (u16)trap.r.dx == 0x7ffe &&
       (u16)trap.r.si == 0x17, "16-bit code in an LDT");
    FAULT("16-bit code in an LDT: fault", GP, 0, ".code16; nop; 78: hlt", .cs = 0x17, .ss = 0x1f,
          .ds = 0x1f, .es = 0x1f, .sp = 0x8000, .low = 1);
    FAULT("16-bit code in an LDT: #UD", UD, NOERR, ".code16; nop; 78: ud2", .cs = 0x17, .ss = 0x1f,
          .ds = 0x1f, .es = 0x1f, .sp = 0x8000, .low = 1);
    FAULT("empty LDT descriptor", GP, 0x24, "ljmp $0x24, $0");
    set_desc(&ldt[4], 0, 0xfffff, 0x1b | D_32 | D_G);
    FAULT("absent LDT code", NP, 0x24, "ljmp $0x24, $0");
    PASS("LLDT null again", "lldt %ax", .ax = 0);
}

/* SDM vol. 3 3.4.5.1: loading sets the accessed bit, queries do not. */
static void accessed(void)
{
    set_gdt(S_RO, (u32)buf, 0xfff, 0x90 | D_32);
    LAB("lar %eax, %ecx; verr %ax", .ax = S_RO);
    ok_eq("LAR and VERR leave the accessed bit", gdt[S_RO / 8] >> 40 & 0xff, 0x90);
    LAB("mov %ax, %fs", .ax = S_RO);
    ok_eq("a load sets the accessed bit", gdt[S_RO / 8] >> 40 & 0xff, 0x91);
    set_gdt(S_CODER, 0, 0xfffff, 0x9a | D_32 | D_G);
    LAB("ljmp $0x118, $1f; 1:");
    ok_eq("a far jump sets the accessed bit", gdt[S_CODER / 8] >> 40 & 0xff, 0x9b);
}

void guest_main(void)
{
    descriptors();
    LAB("nop");
    gates();
    gate_stacks();
    loads_data();
    loads_ss();
    limits();
    limits_stack();
    queries();
    far_direct();
    returns();
    tables();
    accessed();
}
