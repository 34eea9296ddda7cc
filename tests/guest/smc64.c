/* SPDX-License-Identifier: MIT
 * Self-modifying code (SDM vol. 3 8.1.3, 11.6): a store is seen by the next
 * instruction, through whatever address and by whatever instruction it was made. */
#include "tests/guest/lib/guest.h"
#include "tests/guest/lib/page.h"

#define VA 0x8000001000ul
static u8 code[4][4096] __attribute__((aligned(4096)));
static u64 cell[8] __attribute__((aligned(64)));

typedef unsigned fn(void);
static unsigned call(void *p)
{
    return ((fn *)p)();
}
/* MOV EAX, v; RET */
static void put(u8 *at, u32 v)
{
    at[0] = 0xb8;
    memcpy(at + 1, &v, 4);
    at[5] = 0xc3;
}

static void same_block(void)
{
    LAB("movb $0x5a, 1f+1(%rip); 1: mov $0, %al");
    ok_eq("the next instruction", trap.r.ax & 0xff, 0x5a);
    LAB("mov $5, %ecx; xor %eax, %eax; 1: incb 2f+2(%rip); 2: add $0, %eax; loop 1b");
    ok_eq("in a loop, each round", trap.r.ax, 15);
    LAB("mov $100, %ecx; xor %eax, %eax; 1: addb $1, 2f+2(%rip); nop; nop; 2: add $0, %eax; dec %ecx; jnz 1b");
    ok_eq("a hundred rounds, sign-extended immediates", trap.r.ax, 5050);
    LAB("movw $0x9090, 1f(%rip); 1: ud2; mov $7, %eax");
    ok(trap.vec == DONE && trap.r.ax == 7, "UD2 becomes two NOPs");
    LAB("movb $0xeb, 1f(%rip); 1: nop; .byte 2; mov $1, %al; mov $2, %bl", .ax = 9);
    ok(trap.r.ax == 9 && (trap.r.bx & 0xff) == 2, "an instruction becomes longer");
    LAB("lea 1f(%rip), %rdi; mov $0x90, %al; mov $4, %ecx; rep stosb; 1: ud2; ud2; mov $3, %eax");
    ok(trap.vec == DONE && trap.r.ax == 3, "REP STOSB over what follows");
    LAB("lea 1f(%rip), %rdi; lea 2f(%rip), %rsi; mov $5, %ecx; rep movsb; 1: mov $1, %eax; jmp 3f;"
        "2: mov $0x12345678, %eax; 3:");
    ok_eq("REP MOVSB over what follows", trap.r.ax, 0x12345678);
    LAB("mov %rsp, %rdx; lea 1f+8(%rip), %rsp; mov $0x909090000000aab8, %rbx;"
        "push %rbx; mov %rdx, %rsp; jmp 1f; 1: .fill 8, 1, 0xcc", .ax = 0);
    ok_eq("PUSH into code", trap.r.ax, 0xaa);
    LAB("mov $0x90, %cl; mov $0xcc, %al; lea 1f(%rip), %rbx; lock cmpxchg %cl, (%rbx); 1: int3; mov $4, %edx");
    ok(trap.vec == DONE && trap.r.dx == 4, "LOCK CMPXCHG");
    LAB("mov $0x90, %cl; xchg %cl, 1f(%rip); 1: int3; mov $5, %edx");
    ok(trap.vec == DONE && trap.r.dx == 5 && (trap.r.cx & 0xff) == 0xcc, "XCHG");
    LAB("mov %cr4, %rax; or $0x200, %eax; mov %rax, %cr4; movups 2f(%rip), %xmm0; movups %xmm0, 1f(%rip);"
        "1: .fill 16, 1, 0xcc; mov $6, %edx; jmp 3f; 2: .fill 16, 1, 0x90; 3:");
    ok(trap.vec == DONE && trap.r.dx == 6, "MOVUPS");
    LAB("fninit; fnstcw 1f+1(%rip); 1: mov $0, %eax");
    ok_eq("FNSTCW", trap.r.ax, 0x37f);
    LAB("mov $3, %ecx; 1: movb $0x90, 2f(%rip); 2: inc %eax; loop 1b", .ax = 0);
    ok(trap.vec == DONE, "an opcode replaced by a prefix");
    LAB("movb $0x0f, 1f(%rip); movb $0x0b, 1f+1(%rip); 1: nop; nop");
    ok_eq("NOPs become UD2", trap.vec, UD);
}

static void pages(void)
{
    u8 *edge = &code[1][0] - 3;
    unsigned bad = 0;

    for (u32 i = 0; i < 50; i++) {
        put(edge, i * 0x01010101);
        bad += call(edge) != i * 0x01010101;
    }
    ok(!bad, "an instruction across two pages, rewritten");
    for (u32 i = 0; i < 50; i++) {
        code[1][0] = (u8)i;
        bad += (call(edge) >> 16 & 0xff) != i;
    }
    ok(!bad, "only its second page written");
    for (u32 i = 0; i < 50; i++) {
        edge[1] = (u8)i;
        bad += (call(edge) & 0xff) != i;
    }
    ok(!bad, "only its first page written");
    put(code[2], 1);
    for (u32 i = 0; i < 200; i++) {
        *(volatile u32 *)(code[2] + 1) = i;
        code[2][100] = (u8)i;
        bad += call(code[2]) != i || code[2][100] != (u8)i;
    }
    ok(!bad, "a page that is code and data by turns");
    put(code[2] + 0x200, 5);
    for (u32 i = 0; i < 200; i++) {
        memset(code[2] + 0x300, (int)i, 64);
        bad += call(code[2] + 0x200) != 5;
    }
    ok(!bad, "data beside code");
}

static void aliases(void)
{
    unsigned bad = 0;

    put(code[0], 1);
    call(code[0]);
    for (u32 i = 0; i < 50; i++) {
        *(volatile u32 *)((ulong)code[0] + 1 + user_base) = i;
        bad += call(code[0]) != i;
    }
    ok(!bad, "written through another virtual address");
    map(VA, (ulong)code[0], PT_P | PT_W);
    map(VA + 0x1000, (ulong)code[0], PT_P);
    for (u32 i = 0; i < 50; i++) {
        *(volatile u32 *)(VA + 1) = i;
        bad += call((void *)(VA + 0x1000)) != i || call(code[0]) != i || call((void *)VA) != i;
    }
    ok(!bad, "run at three addresses, written at one");
    put(code[0], 0x1000), put(code[3], 0x2000);
    for (u32 i = 0; i < 50; i++) {
        map(VA, (ulong)(i & 1 ? code[0] : code[3]), PT_P | PT_W);
        bad += call((void *)VA) != (i & 1 ? 0x1000 : 0x2000);
    }
    ok(!bad, "the frame under a code address changes");
    u8 *edge = (u8 *)VA + 0x1000 - 3;
    put(&code[0][4093], 0x11223344), memcpy(code[3], &code[1][0], 16);
    map(VA, (ulong)code[0], PT_P | PT_W);
    for (u32 i = 0; i < 50; i++) {
        u8 *second = i & 1 ? code[1] : code[3];
        second[0] = i & 1 ? 0x77 : 0x88, second[1] = 0, second[2] = 0xc3;
        map(VA + 0x1000, (ulong)second, PT_P | PT_W);
        bad += (call(edge) >> 16) != (i & 1 ? 0x77 : 0x88);
    }
    ok(!bad, "the second frame of a crossing instruction changes");
    put(code[0], 3);
    map(VA, (ulong)code[0], PT_P);
    call((void *)VA);
    FAULT("a refused write", PF, 3, "movb $0x99, 1(%rbx)", .bx = VA);
    ok_eq("leaves the code", call((void *)VA), 3);
    map(VA, (ulong)code[0], PT_P | PT_W | PT_XD);
    LAB("call *%rbx; nop", .bx = VA);
    ok(trap.vec == PF && trap.err == 0x11 && trap.r.ip == VA, "execute-disabled after it ran");
}

static void user(void)
{
    struct code c = CODE("incb 1f+1(%rip); 1: mov $0, %al");

    for (unsigned i = 1; i <= 5; i++) {
        if (i & 1)
            lab(c, (struct regs){USER});
        else
            lab(c, (struct regs){0});
        ok_eq("modified by CPL 3 and CPL 0 by turns", trap.r.ax & 0xff, i);
    }
    struct code s = CODE("movb $0x5a, 1f+1(%rip); 78: 1: mov $0, %al");
    lab(s, (struct regs){.flags = F_TF});
    expect("single-stepped", DB, NOERR, s);
    lab(s, (struct regs){.ip = (ulong)s.at});
    ok_eq("then run", trap.r.ax & 0xff, 0x5a);
    write_dr6(0);
}

/* Code where nothing should be. */
static void odd_places(void)
{
    LAB("jmp *%rbx", .bx = 0xd0000000);
    ok(trap.vec == UD && trap.r.ip == 0xd0000000, "nothing answers: FF FF is #UD");
    LAB("mov (%rbx), %eax", .bx = 0xd0000000);
    ok_eq("reads of nothing are all ones", (u32)trap.r.ax, 0xffffffff);
    PASS("writes to nothing vanish", "mov %eax, (%rbx)", .bx = 0xd0000000);
    LAB("jmp *%rbx", .bx = 0xfee00000);
    ok(trap.vec != DF, "running the APIC's registers raises something: vector %x", trap.vec);
    cell[1] = 0x9090909090900b0f;
    LAB("jmp *%rbx", .bx = (ulong)(cell + 1));
    ok(trap.vec == UD && trap.r.ip == (ulong)(cell + 1), "running data");
    u8 *rom = (u8 *)0xffffffe0ul, was = *(volatile u8 *)rom;
    *(volatile u8 *)rom = (u8)~was;
    ok_eq("a write to ROM or nothing is ignored", *(volatile u8 *)rom, was);
}

void guest_main(void)
{
    same_block();
    pages();
    aliases();
    user();
    odd_places();
}
