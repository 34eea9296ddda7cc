/* SPDX-License-Identifier: MIT
 * Exceptions in 32-bit protected mode (SDM vol. 3 ch. 6): vectors, error codes,
 * saved EIP and RF, gates, double faults. */
#include "tests/guest/lib/guest.h"

static u8 buf[4096] __attribute__((aligned(4096)));
enum { S_BASED = FREE, S_ABSENT = FREE + 8, V_TEST = 0x40 };

static void vectors(void)
{
    u32 bounds[2] = {5, 10};

    FAULT("DIV by zero", DE, NOERR, "nop; 78: div %ecx", .ax = 1, .cx = 0);
    ok(trap.r.flags & F_RF, "a fault pushes RF");
    FAULT("DIV overflow", DE, NOERR, "div %ecx", .dx = 1, .cx = 1);
    FAULT("IDIV of the least number", DE, NOERR, "idiv %ecx", .ax = 0x80000000, .dx = ~0ul, .cx = ~0ul);
    FAULT("AAM 0", DE, NOERR, "aam $0");
    FAULT("INT3", GP, 0x1a, "int3", USER);
    set_gate(BP, KCS, trap_gate(BP), 14, 3, 0);
    FAULT("INT3 at CPL 3 with DPL 3", BP, NOERR, "int3; 78: nop", USER);
    ok(!(trap.r.flags & F_RF), "a trap pushes no RF");
    FAULT("INT 3, long form", BP, NOERR, "int $3; 78: nop");
    FAULT("INTO without OF", UD, NOERR, "test %eax, %eax; into; 78: ud2");
    FAULT("INTO with OF", OF, NOERR, "mov $0x7f, %al; inc %al; into; 78: nop");
    FAULT("INTO at CPL 3, gate DPL 0", GP, 0x22, "mov $0x7f, %al; inc %al; 78: into", USER);
    FAULT("BOUND below", BR, NOERR, "bound %eax, (%ebx)", .ax = 4, .bx = (ulong)bounds);
    FAULT("BOUND above", BR, NOERR, "bound %eax, (%ebx)", .ax = 11, .bx = (ulong)bounds);
    PASS("BOUND within", "bound %eax, (%ebx)", .ax = 10, .bx = (ulong)bounds);
    FAULT("BOUND register form", UD, NOERR, ".byte 0x62, 0xc0");
    FAULT("BOUND at CPL 3, gate DPL 0", BR, NOERR, "bound %eax, (%ebx)", USER, .ax = 4,
          .bx = (ulong)bounds);
    FAULT("INT1", DB, NOERR, ".byte 0xf1; 78: nop");
    FAULT("INT1 checks no DPL", DB, NOERR, ".byte 0xf1; 78: nop", USER);
    FAULT("UD2", UD, NOERR, "ud2");
    FAULT("UD1", UD, NOERR, ".byte 0x0f, 0xb9, 0xc0");
    FAULT("UD0", UD, NOERR, ".byte 0x0f, 0xff, 0xc0");
    FAULT("LOCK on a register", UD, NOERR, ".byte 0xf0, 0x01, 0xc0");
    FAULT("LOCK on MOV", UD, NOERR, ".byte 0xf0, 0x89, 0x03", .bx = (ulong)buf);
    FAULT("LOCK CMP", UD, NOERR, ".byte 0xf0, 0x39, 0x03", .bx = (ulong)buf);
    FAULT("15 bytes are legal", UD, NOERR, ".fill 14, 1, 0x66; nop; 78: ud2");
    FAULT("16 bytes are not", GP, 0, ".fill 15, 1, 0x66; nop");
    FAULT("MOV CR1", UD, NOERR, ".byte 0x0f, 0x20, 0xc8");
    FAULT("MOV CR5", UD, NOERR, ".byte 0x0f, 0x20, 0xe8");
    FAULT("MOV CR0 at CPL 3", GP, 0, "mov %cr0, %eax", USER);
    FAULT("MOV DR at CPL 3", GP, 0, "mov %dr0, %eax", USER);
    FAULT("RDMSR at CPL 3", GP, 0, "rdmsr", USER, .cx = 0x10);
    FAULT("RDMSR unknown", GP, 0, "rdmsr", .cx = 0x12345);
    FAULT("WRMSR unknown", GP, 0, "wrmsr", .cx = 0x12345);
    FAULT("WBINVD at CPL 3", GP, 0, "wbinvd", USER);
    FAULT("INVD at CPL 3", GP, 0, "invd", USER);
    FAULT("CLTS at CPL 3", GP, 0, "clts", USER);
    FAULT("LMSW at CPL 3", GP, 0, "lmsw %ax", USER);
    PASS("SMSW at CPL 3", "smsw %eax", USER);
    FAULT("RSM outside SMM", UD, NOERR, "rsm");
}

/* SDM vol. 1 19.5. */
static void ports(void)
{
    FAULT("IN at CPL 3, IOPL 0", GP, 0, "in $0x80, %al", USER);
    FAULT("STI at CPL 3, IOPL 0", GP, 0, "sti", USER);
    PASS("IN at IOPL 3", "in $0x80, %al", USER, .flags = F_IOPL);
    PASS("CLI at IOPL 3", "cli", USER, .flags = F_IOPL);
    tss.bitmap[0x80 / 8] = 0xfe;
    PASS("IN allowed by the bitmap", "in $0x80, %al", USER);
    FAULT("IN word half allowed", GP, 0, "in $0x80, %ax", USER);
    FAULT("OUTSB checks before memory", GP, 0, "mov $0x81, %dx; 78: outsb", USER, .si = 0);
    tss.bitmap[0x80 / 8] = 0xff;
    tss.bitmap[0x1fff] = 0x7f;
    tss.bitmap[0x2000] = 0xff;
    FAULT("port FFFFh, word form needs the byte after", GP, 0, "mov $0xffff, %dx; 78: in %dx, %ax", USER);
    tss.bitmap[0x1fff] = 0xff;
    u16 map = tss.iomap;
    tss.iomap = sizeof(tss);
    FAULT("bitmap beyond the TSS limit", GP, 0, "in $0x80, %al", USER);
    tss.iomap = map;
}

/* SDM vol. 3 6.11 to 6.13; error codes with IDT and EXT bits. */
static void gates(void)
{
    FAULT("INT n, gate DPL 0 at CPL 3", GP, V_TEST * 8 + 2, "int $0x40", USER);
    PASS("INT 30h, DPL 3", "nop", USER);
    set_gate(V_TEST, KCS, trap_gate(V_TEST), 14, 0, 0);
    idtr.limit = V_TEST * 8 + 6;
    asm volatile("lidt %0" ::"m"(idtr));
    FAULT("INT n beyond the IDT limit", GP, V_TEST * 8 + 2, "int $0x40");
    idtr.limit = 0x7ff;
    asm volatile("lidt %0" ::"m"(idtr));
    FAULT("INT n within", V_TEST, NOERR, "int $0x40; 78: nop");
    set_gate(V_TEST, KCS, 0, 0xc, 3, 0);
    FAULT("call gate in the IDT", GP, V_TEST * 8 + 2, "int $0x40");
    set_gate(V_TEST, KDS, trap_gate(V_TEST), 14, 3, 0);
    FAULT("gate to a data segment", GP, KDS, "int $0x40");
    set_gate(V_TEST, 0, trap_gate(V_TEST), 14, 3, 0);
    FAULT("gate to null", GP, 0, "int $0x40");
    set_gate(V_TEST, UCS32, trap_gate(V_TEST), 14, 3, 0);
    FAULT("gate to outer code", GP, UCS32 & ~3, "int $0x40");
    set_gdt(S_ABSENT, 0, 0xfffff, 0x1b | D_32 | D_G);
    set_gate(V_TEST, S_ABSENT, trap_gate(V_TEST), 14, 3, 0);
    FAULT("gate to absent code", NP, S_ABSENT, "int $0x40");
    set_gate(UD, S_ABSENT, trap_gate(UD), 14, 3, 0);
    FAULT("exception through it: EXT set", NP, S_ABSENT | 1, "ud2");
    set_gate(UD, KDS, trap_gate(UD), 14, 0, 0);
    FAULT("exception to data segment: EXT set", GP, KDS | 1, "ud2");
    set_gate(UD, 0, trap_gate(UD), 14, 0, 0);
    FAULT("exception to null: EXT set", GP, 1, "ud2");
    set_gate(UD, KCS, trap_gate(UD), 14 & 2, 0, 0);
    FAULT("exception through a bad gate type", GP, UD * 8 + 3, "ud2");
    restore_gate(UD);
    PASS("gate DPL 0 does not matter to exceptions", "nop; jmp 1f; 1:", USER);
    FAULT("exception at CPL 3, gate DPL 0", UD, NOERR, "ud2", USER);
    restore_gate(V_TEST);
}

/* What a gate does to EFLAGS, and the 16-bit frame. */
static void gate_flags(void)
{
    struct code c = CODE("pushf; pop %eax");
    u32 f = F_IF | F_NT | F_AC | F_ID | F_IOPL;

    set_gate(V_TEST, KCS, (ulong)c.start, 14, 3, 0);
    LAB("int $0x40", .flags = f);
    ok_eq("interrupt gate clears IF, NT", trap.r.ax & 0x3f7700, F_AC | F_ID | F_IOPL);
    set_gate(V_TEST, KCS, (ulong)c.start, 15, 3, 0);
    LAB("int $0x40", .flags = f);
    ok_eq("trap gate keeps IF", trap.r.ax & 0x3f7700, F_AC | F_ID | F_IOPL | F_IF);
    c = CODE("mov %esp, %edi; popw %ax; popw %bx; popw %cx");
    set_gdt(S_BASED, (u32)c.start, 0xffff, D_CODE | D_32);
    set_gate(V_TEST, S_BASED, 0, 6, 3, 0);
    LAB("mov %esp, %esi; int $0x40; 78: nop", .flags = F_CF);
    ok(trap.vec == DONE && trap.r.si - trap.r.di == 6, "16-bit gate pushes three words");
    ok((trap.r.bx & 0xffff) == KCS && (trap.r.cx & 0xffff) == 3, "16-bit gate: CS and FLAGS");
    LAB("int $0x40", USER);
    ok((ulong)trap_stack + sizeof(trap_stack) - trap.r.di == 10, "16-bit gate to CPL 0: five words");
    restore_gate(V_TEST);
}

/* SDM vol. 3 6.15, #DF: which pairs combine. */
static void doubles(void)
{
    set_gate(DE, S_ABSENT, 0, 14, 0, 0);
    FAULT("#DE then #NP", DF, 0, "div %ecx", .cx = 0);
    restore_gate(DE);
    set_gate(GP, S_ABSENT, 0, 14, 0, 0);
    FAULT("#GP then #NP", DF, 0, "mov %ax, %ds", .ax = KDS | 3);
    restore_gate(GP);
    set_gate(NP, KDS, 0, 14, 0, 0);
    set_gate(DE, S_ABSENT, 0, 14, 0, 0);
    FAULT("#DE, #NP: the #NP gate is never tried", DF, 0, "div %ecx", .cx = 0);
    restore_gate(DE);
    set_gate(UD, S_ABSENT, 0, 14, 0, 0);
    FAULT("#UD, #NP, #GP", DF, 0, "ud2");
    restore_gate(NP);
    FAULT("#UD then #NP is no double fault", NP, S_ABSENT | 1, "ud2");
    restore_gate(UD);
    set_gate(V_TEST, S_ABSENT, 0, 14, 0, 0);
    FAULT("INT n then #NP is no double fault", NP, S_ABSENT, "int $0x40");
    restore_gate(V_TEST);
}

/* SDM vol. 3 6.15 #AC: CPL 3, CR0.AM and EFLAGS.AC together. */
static void alignment(void)
{
    ulong at = (ulong)buf + 1;

    write_cr0(read_cr0() | CR0_AM);
    FAULT("#AC dword", AC, 0, "mov (%ebx), %eax", USER, .bx = at, .flags = F_AC);
    FAULT("#AC word", AC, 0, "mov (%ebx), %ax", USER, .bx = at, .flags = F_AC);
    FAULT("#AC store", AC, 0, "mov %eax, (%ebx)", USER, .bx = at + 1, .flags = F_AC);
    FAULT("#AC RMW", AC, 0, "incl (%ebx)", USER, .bx = at + 1, .flags = F_AC);
    FAULT("#AC FILD qword at 4", AC, 0, "fildll (%ebx)", USER, .bx = at + 3, .flags = F_AC);
    FAULT("#AC push", AC, 0, "sub $2, %esp; 78: push %eax", USER, .flags = F_AC);
    FAULT("#AC MOVSD", AC, 0, "movsl", USER, .si = at, .di = at + 3, .flags = F_AC);
    PASS("byte is never misaligned", "mov (%ebx), %al", USER, .bx = at, .flags = F_AC);
    PASS("aligned dword", "mov (%ebx), %eax", USER, .bx = at + 3, .flags = F_AC);
    PASS("no #AC without EFLAGS.AC", "mov (%ebx), %eax", USER, .bx = at);
    PASS("no #AC at CPL 0", "mov (%ebx), %eax", .bx = at, .flags = F_AC);
    write_cr0(read_cr0() & ~(ulong)CR0_AM);
    PASS("no #AC without CR0.AM", "mov (%ebx), %eax", USER, .bx = at, .flags = F_AC);
}

/* SDM vol. 3 2.5, table 9-3; vol. 2 WAIT. */
static void fpu(void)
{
    ulong cr0 = read_cr0() & ~(ulong)(CR0_TS | CR0_EM | CR0_MP);
    ulong cr4 = read_cr4() & ~(ulong)(CR4_OSFXSR | CR4_OSXMMEXCPT);

    write_cr0(cr0 | CR0_TS);
    FAULT("TS: x87", NM, NOERR, "fnop");
    FAULT("TS: MMX", NM, NOERR, "emms");
    PASS("TS without MP: WAIT", "fwait");
    write_cr0(cr0 | CR0_TS | CR0_MP);
    FAULT("TS and MP: WAIT", NM, NOERR, "fwait");
    write_cr0(cr0 | CR0_EM);
    FAULT("EM: x87", NM, NOERR, "fnop");
    FAULT("EM: MMX is #UD", UD, NOERR, "emms");
    PASS("EM: WAIT", "fwait");
    write_cr4(cr4 | CR4_OSFXSR);
    FAULT("EM: SSE is #UD", UD, NOERR, "xorps %xmm0, %xmm0");
    write_cr0(cr0 | CR0_TS);
    FAULT("TS: SSE is #NM", NM, NOERR, "xorps %xmm0, %xmm0");
    FAULT("TS: FXSAVE is #NM", NM, NOERR, "fxsave (%ebx)", .bx = (ulong)buf);
    PASS("TS: PREFETCH, SFENCE", "prefetcht0 (%ebx); sfence; lfence; mfence", .bx = (ulong)buf);
    write_cr0(cr0 | CR0_NE | CR0_MP);
    write_cr4(cr4);
    FAULT("OSFXSR clear: SSE is #UD", UD, NOERR, "xorps %xmm0, %xmm0");
    PASS("OSFXSR clear: MMX", "emms");
    FAULT("#MF at the next waiting instruction", MF, NOERR,
          "fninit; movw $0x37b, (%ebx); fldcw (%ebx); fld1; fldz; fdivrp; fnstsw %ax; 78: fwait",
          .bx = (ulong)buf);
    ok((trap.r.ax & 0x84) == 0x84, "FNSTSW sees ES and ZE");
    FAULT("#MF at the next x87 instruction", MF, NOERR,
          "fninit; movw $0x37b, (%ebx); fldcw (%ebx); fld1; fldz; fdivrp; fnstcw (%ebx); 78: fld1",
          .bx = (ulong)buf);
    FAULT("#MF at MMX", MF, NOERR, "fnop", .bx = (ulong)buf);
    PASS("FNCLEX clears it", "fnclex; fwait; fninit");
    write_cr4(cr4 | CR4_OSFXSR | CR4_OSXMMEXCPT);
    *(u32 *)buf = 0x1d80; /* ZM clear */
    FAULT("#XM", XM, NOERR, "ldmxcsr (%ebx); xorps %xmm0, %xmm0; movl $0x3f800000, 4(%ebx);"
          "movss 4(%ebx), %xmm1; 78: divss %xmm0, %xmm1", .bx = (ulong)buf);
    LAB("stmxcsr 8(%ebx); mov 8(%ebx), %eax", .bx = (ulong)buf);
    ok_eq("#XM notes its flag", trap.r.ax, 0x1d84);
    write_cr4(cr4 | CR4_OSFXSR);
    FAULT("SIMD exception without OSXMMEXCPT is #UD", UD, NOERR, "movl $0x3f800000, 4(%ebx);"
          "movss 4(%ebx), %xmm1; 78: divss %xmm0, %xmm1", .bx = (ulong)buf);
    write_cr4(cr4 | CR4_OSFXSR | CR4_OSXMMEXCPT);
    *(u32 *)buf = 0x1f80;
    LAB("ldmxcsr (%ebx)", .bx = (ulong)buf);
    *(u32 *)buf = 0x10000;
    FAULT("LDMXCSR reserved bits", GP, 0, "ldmxcsr (%ebx)", .bx = (ulong)buf);
    FAULT("MOVAPS misaligned", GP, 0, "movaps (%ebx), %xmm0", .bx = (ulong)buf + 8);
    PASS("MOVUPS misaligned", "movups (%ebx), %xmm0", .bx = (ulong)buf + 8);
    write_cr0(cr0 | CR0_NE), write_cr4(cr4);
}

/* RF and TF, SDM vol. 3 17.3.1. */
static void stepping(void)
{
    FAULT("TF: trap after the next instruction", DB, NOERR,
          "pushf; orl $0x100, (%esp); popf; nop; 78: nop");
    ok_eq("DR6.BS", read_dr6() & 0xe00f, 0x4000);
    write_dr6(0);
    FAULT("TF: a faulting instruction faults first", UD, NOERR, "ud2", .flags = F_TF);
    ok((trap.r.flags & (F_TF | F_RF)) == (F_TF | F_RF), "its image holds TF and RF");
    FAULT("IRET to a stepped instruction", DB, NOERR, "nop; 78: nop", .flags = F_TF);
    FAULT("TF: INT n traps in the handler only when TF is set there", DONE, NOERR, "", .flags = F_TF);
    FAULT("TF: a taken jump", DB, NOERR, "jmp 1f; nop; 1: 78: nop", .flags = F_TF);
    FAULT("TF: REP MOVSB traps after each iteration", DB, NOERR, "78: rep movsb",
          .si = (ulong)buf, .di = (ulong)buf + 64, .cx = 5, .flags = F_TF);
    ok_eq("ECX after one iteration", trap.r.cx, 4);
    FAULT("TF: the last iteration leaves", DB, NOERR, "rep movsb; 78: nop", .si = (ulong)buf,
          .di = (ulong)buf + 64, .cx = 1, .flags = F_TF);
    FAULT("TF: POPF that clears it still traps", DB, NOERR, "popf; 78: nop", .flags = F_TF,
          .sp = (ulong)lab_stack + 4096);
    write_dr6(0);
}

void guest_main(void)
{
    vectors();
    ports();
    gates();
    gate_flags();
    doubles();
    alignment();
    fpu();
    stepping();
}
