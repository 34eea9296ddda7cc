/* SPDX-License-Identifier: MIT
 * 32-bit and PAE paging (SDM vol. 3 4.3, 4.4): 4K, 4M and 2M pages, PSE-36, PDPTEs,
 * error codes, wrap at 4 GiB, task and descriptor accesses under paging. */
#include "tests/guest/lib/guest.h"

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };
#define VA 0x80001000u

static u32 pd[1024] __attribute__((aligned(4096))), pt[1024] __attribute__((aligned(4096)));
static u64 pdpt[4] __attribute__((aligned(32)));
static u64 ppd[4][512] __attribute__((aligned(4096))), ppt[512] __attribute__((aligned(4096)));
static u8 page[3][4096] __attribute__((aligned(4096)));

static void touch(const char *name, ulong va, unsigned acc, bool user, int want)
{
    struct code c[] = {CODE("mov (%ebx), %al"), CODE("mov %al, (%ebx)"), CODE("jmp *%ebx")};
    struct regs in = {.bx = va, .ax = 0x5a};

    if (user)
        in = (struct regs){.bx = va, .ax = 0x5a, USER};
    page[0][0] = 0xcd, page[0][1] = DONE;
    lab(c[acc], in);
    bool good = want < 0 ? trap.vec == DONE : trap.vec == PF && trap.err == (u32)want && trap.cr2 == va;
    ok(good, "%s, CPL %u", name, user * 3u);
    if (!good)
        say("# got %x error %x cr2 %lx\n", trap.vec, trap.err, trap.cr2);
}

/* Every right of a page, both levels of table, WP on and off. */
static void rights(const char *what, void (*set)(unsigned upper, unsigned lower))
{
    unsigned bad = 0, n = 0;

    for (unsigned i = 0; i < 512; i++) {
        unsigned up = i & 7, low = i >> 3 & 7, wp = i >> 6 & 1, user = i >> 7 & 1, write = i >> 8 & 1;
        unsigned both = up & low;
        int want = -1;

        if (!(both & P))
            want = (int)(write << 1 | user << 2);
        else if (user ? !(both & U) || (write && !(both & W)) : write && !(both & W) && wp)
            want = (int)(1 | write << 1 | user << 2);
        set(up, low);
        write_cr3(read_cr3());
        write_cr0((read_cr0() & ~(ulong)CR0_WP) | (wp ? CR0_WP : 0));
        struct code c[] = {CODE("mov (%ebx), %al"), CODE("mov %al, (%ebx)")};
        struct regs in = {.bx = VA};
        if (user)
            in = (struct regs){.bx = VA, USER};
        lab(c[write], in);
        if (want < 0 ? trap.vec != DONE : trap.vec != PF || trap.err != (u32)want || trap.cr2 != VA) {
            if (!bad++)
                say("# case %x: got %x error %x, want %x\n", i, trap.vec, trap.err, (unsigned)want);
        }
        n++;
    }
    ok(!bad, "%s rights: %u combinations", what, n);
    set(7, 7);
    write_cr3(read_cr3());
}

static void set32(unsigned upper, unsigned lower)
{
    pd[VA >> 22] = (u32)pt | upper;
    pt[VA >> 12 & 1023] = (u32)page[0] | lower;
}
static void set_pae(unsigned upper, unsigned lower)
{
    ppd[2][VA >> 21 & 511] = (u32)ppt | upper;
    ppt[VA >> 12 & 511] = (u32)page[0] | lower;
}

static void legacy(void)
{
    for (unsigned i = 0; i < 16; i++)
        pd[i] = i << 22 | P | W | U | PS;
    set32(7, 7);
    write_cr4(read_cr4() | CR4_PSE);
    write_cr3((ulong)pd);
    write_cr0(read_cr0() | CR0_PG);
    rights("32-bit", set32);
    pt[VA >> 12 & 1023] &= ~(u32)(A | D), pd[VA >> 22] &= ~(u32)(A | D);
    invlpg(VA);
    touch("read", VA, 0, false, -1);
    ok(pt[VA >> 12 & 1023] & A && !(pt[VA >> 12 & 1023] & D) && pd[VA >> 22] & A, "A at both levels");
    touch("write", VA, 1, true, -1);
    ok(pt[VA >> 12 & 1023] & D && !(pd[VA >> 22] & D), "D in the PTE only");
    touch("fetch has no I bit without NX or SMEP", VA + 0x1000, 2, false, 0);
    pd[VA >> 22] = PS | P | W;
    write_cr3(read_cr3());
    touch("4M page, user", VA, 1, true, 7);
    touch("4M page, supervisor", (VA & ~0x3fffffu) + (u32)page[1], 1, false, -1);
    ok(page[1][0] == 0x5a && pd[VA >> 22] & D, "4M page: data and D");
    pd[VA >> 22] = PS | P | W | 1 << 21;
    write_cr3(read_cr3());
    touch("4M page, reserved bit 21", VA, 0, false, 9);
    pd[VA >> 22] = PS | P | W | 1 << 13; /* PSE-36: physical bit 32; RAM ends below it */
    write_cr3(read_cr3());
    LAB("mov (%ebx), %eax", .bx = VA & ~0x3fffffu);
    ok(trap.vec == DONE && trap.r.ax == 0xffffffff, "PSE-36 reaches beyond 4 GiB");
    set32(7, 7);
    /* the last page and the first are neighbours */
    static u32 top[1024] __attribute__((aligned(4096)));
    pd[1023] = (u32)top | 7;
    top[1023] = (u32)page[2] | 7;
    write_cr3(read_cr3());
    page[2][4095] = 0x77;
    set_gdt(FREE, 0x1000, 0xfffff, D_DATA | D_32 | D_G);
    *(volatile u8 *)0 = 0x66;
    LAB("mov %ax, %ds; mov (%ebx), %cx", .ax = FREE, .bx = 0xffffefff);
    ok(trap.vec == DONE && (trap.r.cx & 0xffff) == 0x6677, "base plus offset wraps at 4 GiB");
    pt[VA >> 12 & 1023] = 0;
    invlpg(VA);
    set_gdt(LDT_SEL, VA, 0xff, 0x82);
    PASS("LLDT reads nothing of the LDT", "lldt %ax", .ax = LDT_SEL);
    FAULT("a descriptor in an absent page", PF, 0, "mov %ax, %fs", .ax = 0x0c);
    FAULT("the same from CPL 3 is a supervisor access", PF, 0, "mov %ax, %fs", USER, .ax = 0x0f);
    ok_eq("CR2", trap.cr2, VA + 8);
    asm volatile("lldt %w0" ::"r"(0));
    u32 esp0 = tss.esp0;
    tss.esp0 = VA + 0x800;
    FAULT("kernel stack absent: #PF in #PF is #DF", DF, 0, "ud2", USER);
    tss.esp0 = esp0;
    write_cr0(read_cr0() & ~(ulong)CR0_PG);
}

static void pae(void)
{
    u32 r[4];

    write_cr4(read_cr4() | CR4_PAE);
    for (unsigned i = 0; i < 4; i++)
        pdpt[i] = (u32)ppd[i] | P;
    for (unsigned i = 0; i < 32; i++)
        ppd[0][i] = (u64)i << 21 | P | W | U | PS;
    set_pae(7, 7);
    write_cr3((ulong)pdpt);
    write_cr0(read_cr0() | CR0_PG);
    rights("PAE", set_pae);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
    touch("NX clear, fetch", VA, 2, true, -1);
    ppt[VA >> 12 & 511] |= 1ull << 63, invlpg(VA);
    touch("NX set, fetch", VA, 2, true, 0x15);
    touch("NX set, read", VA, 0, true, -1);
    touch("absent, fetch", VA + 0x1000, 2, true, 0x14);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~(u64)EFER_NXE);
    write_cr3(read_cr3());
    touch("bit 63 reserved without NXE", VA, 0, true, 0xd);
    set_pae(7, 7), ppt[VA >> 12 & 511] |= 1ull << 52, invlpg(VA);
    touch("PTE bit 52 is reserved in PAE", VA, 0, false, 9);
    set_pae(7, 7), ppt[VA >> 12 & 511] |= 1ull << 62, invlpg(VA);
    touch("PTE bit 62 is reserved in PAE", VA, 0, false, 9);
    ppd[2][VA >> 21 & 511] = PS | P | W | U | 1 << 13, write_cr3(read_cr3());
    touch("2M page, reserved bit 13", VA, 0, false, 9);
    ppd[2][VA >> 21 & 511] = PS | P | W | U, write_cr3(read_cr3());
    touch("2M page", (VA & ~0x1fffffu) + ((u32)page[1] & 0x1fffff), 0, true, -1);
    set_pae(7, 7), write_cr3(read_cr3());
    /* PDPTEs are loaded by MOV CR3 and checked there (SDM vol. 3 4.4.1) */
    pdpt[2] = (u32)ppd[2] | P | W;
    FAULT("MOV CR3 with a reserved bit in a PDPTE", GP, 0, "mov %cr3, %eax; 78: mov %eax, %cr3");
    touch("the old PDPTE stays in use", VA, 0, false, -1);
    pdpt[2] = 0;
    touch("a PDPTE in memory is not looked at", VA, 0, false, -1);
    write_cr3(read_cr3());
    touch("until CR3 is loaded", VA, 0, false, 0);
    pdpt[2] = (u32)ppd[2] | P;
    touch("nor when it becomes present", VA, 0, false, 0);
    write_cr3(read_cr3());
    touch("until CR3 is loaded again", VA, 0, false, -1);
    cpuid(7, 0, r);
    if (r[1] >> 7 & 1) {
        for (unsigned i = 0; i < 32; i++) /* this code itself must not be the user's */
            ppd[0][i] &= ~(u64)U;
        write_cr3(read_cr3());
        write_cr4(read_cr4() | CR4_SMEP);
        touch("SMEP", VA, 2, false, 0x11);
        touch("I bit from SMEP without NXE", VA + 0x1000, 2, false, 0x10);
        write_cr4(read_cr4() & ~(ulong)CR4_SMEP);
    }
    write_cr0(read_cr0() & ~(ulong)CR0_PG);
    write_cr4(read_cr4() & ~(ulong)CR4_PAE);
}

void guest_main(void)
{
    for (unsigned i = 0; i < 1024; i++)
        pt[i] = 0;
    legacy();
    pae();
}
