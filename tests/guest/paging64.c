/* SPDX-License-Identifier: MIT
 * 4-level paging (SDM vol. 3 4.5 to 4.10): rights, error codes, reserved bits,
 * accessed and dirty, invalidation, page crossing, canonical addresses. */
#include "tests/guest/lib/guest.h"
#include "tests/guest/lib/page.h"

enum { A_READ, A_WRITE, A_FETCH };
#define VA 0x8000001000ul /* PML4 entry 1 */
#define VA2 (VA + 0x1000)

static u8 page[4][4096] __attribute__((aligned(4096)));
static bool has_smep, has_smap, has_pcid, has_invpcid, has_1g;
static unsigned phys_bits;

static void access_lab(unsigned acc, bool user, ulong va, ulong flags)
{
    struct code c[] = {CODE("mov (%rbx), %al"), CODE("mov %al, (%rbx)"), CODE("jmp *%rbx")};
    struct regs in = {.bx = va, .ax = 0x5a, .flags = flags};

    if (user)
        in = (struct regs){.bx = va, .ax = 0x5a, .flags = flags, USER};
    lab(c[acc], in);
}

/* --- the rights of a page by every control bit, against SDM vol. 3 4.6 --- */

struct ctl {
    bool u, w, xd, wp, nxe, smep, smap, ac;
};

static int want_code(unsigned acc, bool user, const struct ctl *c)
{
    bool bad;

    if (user)
        bad = !c->u || (acc == A_WRITE && !c->w);
    else if (acc == A_FETCH)
        bad = c->u && c->smep;
    else
        bad = (c->u && c->smap && !c->ac) || (acc == A_WRITE && !c->w && c->wp);
    bad = bad || (acc == A_FETCH && c->xd && c->nxe);
    if (!bad)
        return -1;
    return 1 | (acc == A_WRITE) << 1 | user << 2 | (acc == A_FETCH && (c->nxe || c->smep)) << 4;
}

static void one_right(unsigned acc, bool user, const struct ctl *c, unsigned *bad, unsigned bits)
{
    int want = want_code(acc, user, c);

    *pte(VA, 1) = (ulong)page[0] | PT_P | (c->u ? PT_U : 0) | (c->w ? PT_W : 0) |
                  (c->xd ? PT_XD : 0);
    invlpg(VA);
    write_cr4((read_cr4() & ~(ulong)(CR4_SMEP | CR4_SMAP)) | (c->smep ? CR4_SMEP : 0) |
              (c->smap ? CR4_SMAP : 0));
    write_cr0((read_cr0() & ~(ulong)CR0_WP) | (c->wp ? CR0_WP : 0));
    access_lab(acc, user, VA, c->ac ? F_AC : 0);
    bool good = want < 0 ? trap.vec == DONE
                         : trap.vec == PF && trap.err == (u32)want && trap.cr2 == VA;
    if (!good && !(*bad)++)
        say("# controls %x: got %x error %x, want error %x\n", bits, trap.vec, trap.err,
            (unsigned)want);
}

static void rights(void)
{
    static const char *const names[] = {"read", "write", "fetch"};

    page[0][0] = 0xcd, page[0][1] = DONE;
    for (unsigned nxe = 0; nxe < 2; nxe++) {
        wrmsr(MSR_EFER, (rdmsr(MSR_EFER) & ~(u64)EFER_NXE) | (nxe ? EFER_NXE : 0));
        for (unsigned acc = 0; acc < 3; acc++)
            for (unsigned user = 0; user < 2; user++) {
                unsigned bad = 0, n = 0;

                for (unsigned i = 0; i < 128; i++) {
                    struct ctl c = {i & 1, i & 2, i & 4, i & 8, nxe, i & 16, i & 32, i & 64};
                    if ((c.smep && !has_smep) || (c.smap && !has_smap) || (c.xd && !nxe))
                        continue;
                    page[0][0] = 0xcd;
                    one_right(acc, user, &c, &bad, i);
                    n++;
                }
                ok(!bad, "rights: CPL %u %s, NXE %u, %u combinations", user * 3, names[acc], nxe, n);
            }
    }
    write_cr4(read_cr4() & ~(ulong)(CR4_SMEP | CR4_SMAP));
    write_cr0(read_cr0() | CR0_WP);
    page[0][0] = 0xcd;
}

/* SDM vol. 3 4.6: rights are those of all levels together. */
static void rights_by_level(void)
{
    for (unsigned level = 1; level <= 4; level++) {
        u64 *e = pte(VA, level), old;

        map(VA, (ulong)page[0], PT_P | PT_W | PT_U);
        old = *e;
        *e = old & ~(u64)PT_W, write_cr3(read_cr3());
        access_lab(A_WRITE, true, VA, 0);
        ok(trap.vec == PF && trap.err == 7, "W clear in level %u only", level);
        *e = old & ~(u64)PT_U, write_cr3(read_cr3());
        access_lab(A_READ, true, VA, 0);
        ok(trap.vec == PF && trap.err == 5, "U clear in level %u only", level);
        *e = old | PT_XD, write_cr3(read_cr3());
        access_lab(A_FETCH, true, VA, 0);
        ok(trap.vec == PF && trap.err == 0x15, "XD set in level %u only", level);
        *e = old & ~(u64)PT_P, write_cr3(read_cr3());
        access_lab(A_WRITE, true, VA, 0);
        ok(trap.vec == PF && trap.err == 6, "P clear in level %u only", level);
        *e = old, write_cr3(read_cr3());
    }
}

/* SDM vol. 3 4.5, table 4-14ff: reserved bits give error code bit 3 with P. */
static void reserved(void)
{
    struct {
        const char *name;
        unsigned level;
        u64 bits;
        bool good;
    } t[] = {
        {"PTE above MAXPHYADDR", 1, 1ull << phys_bits, 0},
        {"PDE above MAXPHYADDR", 2, 1ull << phys_bits, 0},
        {"PDPTE above MAXPHYADDR", 3, 1ull << phys_bits, 0},
        {"PML4E above MAXPHYADDR", 4, 1ull << phys_bits, 0},
        {"PTE bit 51", 1, 1ull << 51, 0},
        {"PML4E bit 7", 4, 1 << 7, 0},
        {"PDE of 2M, bit 13", 2, 1 << 13 | 1 << 7, 0},
        {"PDE of 2M, bit 20", 2, 1 << 20 | 1 << 7, 0},
        {"PDPTE of 1G, bit 13", 3, 1 << 13 | 1 << 7, 0},
        {"PDPTE of 1G, bit 29", 3, 1 << 29 | 1 << 7, 0},
        {"PTE bits 52..62 are ignored", 1, 0x3ffull << 52, 1},
        {"PML4E bits 52..62 are ignored", 4, 0x7ffull << 52, 1},
        {"PTE bits 9..11 are ignored", 1, 0xe00, 1},
    };

    for (unsigned i = 0; i < sizeof(t) / sizeof(*t); i++) {
        u64 *e = pte(VA, t[i].level), old;

        map(VA, (ulong)page[0], PT_P | PT_W | PT_U);
        old = *e;
        *e = (t[i].bits & 1 << 7 && t[i].level < 4 ? PT_P | PT_W | PT_U : old) | t[i].bits;
        write_cr3(read_cr3());
        access_lab(A_READ, false, VA, 0);
        ok(t[i].good ? trap.vec == DONE : trap.vec == PF && trap.err == 9, "%s", t[i].name);
        access_lab(A_WRITE, true, VA, 0);
        ok(t[i].good ? trap.vec == DONE : trap.vec == PF && trap.err == 0xf, "%s, user write",
           t[i].name);
        if (!t[i].good) {
            *e &= ~(u64)PT_P;
            write_cr3(read_cr3());
            access_lab(A_READ, false, VA, 0);
            ok(trap.vec == PF && trap.err == 0, "%s, not present", t[i].name);
        }
        *e = old;
        write_cr3(read_cr3());
    }
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~(u64)EFER_NXE);
    for (unsigned level = 1; level <= 4; level++) {
        *pte(VA, level) |= PT_XD;
        write_cr3(read_cr3());
        access_lab(A_READ, false, VA, 0);
        ok(trap.vec == PF && trap.err == 9, "XD is reserved without NXE, level %u", level);
        access_lab(A_FETCH, false, VA, 0);
        ok(trap.vec == PF && trap.err == 9, "XD without NXE: a fetch reports no I bit");
        *pte(VA, level) &= ~PT_XD;
    }
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
    write_cr3(read_cr3());
}

/* SDM vol. 3 4.8. */
static void accessed_dirty(void)
{
    map(VA, (ulong)page[0], PT_P | PT_W | PT_U);
    for (unsigned level = 1; level <= 4; level++)
        *pte(VA, level) &= ~(u64)(PT_A | PT_D);
    write_cr3(read_cr3());
    access_lab(A_READ, false, VA, 0);
    for (unsigned level = 1; level <= 4; level++)
        ok((*pte(VA, level) & PT_A) && !(*pte(VA, level) & PT_D), "a read sets A at level %u", level);
    access_lab(A_WRITE, false, VA, 0);
    ok(*pte(VA, 1) & PT_D, "a write after a read sets D");
    ok(!(*pte(VA, 2) & PT_D), "D stays clear in a PDE that refers to a table");
    *pte(VA, 1) &= ~(u64)(PT_A | PT_D), invlpg(VA);
    access_lab(A_WRITE, true, VA, 0);
    ok((*pte(VA, 1) & (PT_A | PT_D)) == (PT_A | PT_D), "a first write sets A and D");
    *pte(VA, 1) &= ~(u64)(PT_A | PT_D), invlpg(VA);
    page[0][0] = 0xcd;
    access_lab(A_FETCH, true, VA, 0);
    ok((*pte(VA, 1) & (PT_A | PT_D)) == PT_A, "a fetch sets A only");
    *pte(VA, 1) &= ~(u64)(PT_A | PT_D | PT_W), invlpg(VA);
    access_lab(A_WRITE, true, VA, 0);
    ok(trap.vec == PF && !(*pte(VA, 1) & PT_D), "a refused write leaves D");
    map(VA, (ulong)page[0], PT_P | PT_W | PT_U);
    page[0][0] = 1;
    LAB("mov $7, %eax; mov $9, %ecx; lock cmpxchg %cl, (%rbx)", .bx = VA);
    ok(*pte(VA, 1) & PT_D, "a CMPXCHG that compares unequal sets D");
    map(VA, (ulong)page[0], PT_P | PT_U);
    FAULT("CMPXCHG to a read-only page faults even when unequal", PF, 3,
          "mov $7, %eax; 78: lock cmpxchg %cl, (%rbx)", .bx = VA);
    *pte(VA, 2) = 0 | PT_P | PT_W | PT_U | PT_PS;
    write_cr3(read_cr3());
    LAB("mov 0x100000(%rbx), %al", .bx = VA & ~0x1ffffful);
    ok(trap.vec == DONE && (*pte2(VA) & (PT_A | PT_D)) == PT_A, "2M page: A on a read");
    LAB("lock orb $0, 0x1ff000(%rbx)", .bx = VA & ~0x1ffffful);
    ok(trap.vec == DONE && (*pte2(VA) & (PT_A | PT_D)) == (PT_A | PT_D), "2M page: D on a write");
    *pte2(VA) = 0;
    write_cr3(read_cr3());
    FAULT("2M page gone", PF, 0, "mov (%rbx), %al", .bx = VA);
    if (has_1g) {
        u64 *e = pte(VA, 3), old = *e;
        *e = PT_P | PT_W | PT_U | PT_PS;
        write_cr3(read_cr3());
        LAB("mov (%rbx), %eax", .bx = (VA & ~0x3ffffffful) + (ulong)page[2]);
        ok(trap.vec == DONE && (*e & (PT_A | PT_D)) == PT_A, "1G page: A on a read");
        LAB("movl $0x12345678, (%rbx)", .bx = (VA & ~0x3ffffffful) + (ulong)page[2]);
        ok(*(u32 *)page[2] == 0x12345678 && *e & PT_D, "1G page: write and D");
        *e = old;
        write_cr3(read_cr3());
    }
}

/* --- what must be seen after an invalidation (SDM vol. 3 4.10.4) --- */

static void fill(void)
{
    page[0][0] = 0x11, page[1][0] = 0x22, page[2][0] = 0x33;
}
static u8 peek(ulong va)
{
    return *(volatile u8 *)va;
}

static void invalidation(void)
{
    fill();
    map(VA, (ulong)page[0], PT_P | PT_W);
    ok(peek(VA) == 0x11, "first mapping");
    *pte(VA, 1) = (ulong)page[1] | PT_P | PT_W, invlpg(VA);
    ok(peek(VA) == 0x22, "INVLPG");
    *pte(VA, 1) = (ulong)page[0] | PT_P | PT_W, write_cr3(read_cr3());
    ok(peek(VA) == 0x11, "MOV CR3");
    *pte(VA, 1) = (ulong)page[1] | PT_P | PT_W | PT_G, invlpg(VA);
    write_cr4(read_cr4() | CR4_PGE);
    ok(peek(VA) == 0x22, "global page");
    *pte(VA, 1) = (ulong)page[0] | PT_P | PT_W | PT_G, invlpg(VA);
    ok(peek(VA) == 0x11, "INVLPG of a global page");
    *pte(VA, 1) = (ulong)page[1] | PT_P | PT_W;
    write_cr4(read_cr4() ^ CR4_PGE);
    ok(peek(VA) == 0x22, "CR4.PGE flushes global pages");
    *pte(VA, 1) = 0, invlpg(VA);
    FAULT("unmapped", PF, 2, "movb $1, (%rbx)", .bx = VA);
    *pte(VA, 1) = (ulong)page[0] | PT_P | PT_W;
    ok(peek(VA) == 0x11, "becoming present needs no invalidation");
    *pte(VA, 1) &= ~(u64)PT_W, invlpg(VA);
    FAULT("write-protected", PF, 3, "movb $1, (%rbx)", .bx = VA);
    *pte(VA, 1) |= PT_W;
    PASS("a #PF drops the entry that caused it", "movb $1, (%rbx)", .bx = VA);
    for (unsigned level = 2; level <= 4; level++) {
        u64 *e = pte(VA, level), old = *e;
        *e = 0, invlpg(VA);
        FAULT("INVLPG drops paging-structure caches", PF, 0, "mov (%rbx), %al", .bx = VA);
        *e = old;
        PASS("and back", "mov (%rbx), %al", .bx = VA);
    }
    FAULT("INVLPG at CPL 3", GP, 0, "invlpg (%rbx)", USER, .bx = VA);
    PASS("INVLPG of a non-canonical address does nothing", "invlpg (%rbx)", .bx = NON_CANON);
    page[0][0] = 0x11;
}

/* Two table pages swapped at PDE level while in use, and a page table remapped by itself. */
static void live_tables(void)
{
    static u64 pt2[512] __attribute__((aligned(4096)));
    u64 *pde = pte(VA, 2), old = *pde;
    unsigned bad = 0;

    fill();
    map(VA, (ulong)page[0], PT_P | PT_W);
    pt2[VA >> 12 & 511] = (ulong)page[1] | PT_P | PT_W;
    for (unsigned i = 0; i < 100; i++) {
        *pde = i & 1 ? (ulong)pt2 | 7 : old;
        invlpg(VA);
        bad += peek(VA) != (i & 1 ? 0x22 : 0x11);
    }
    ok(!bad, "page table replaced under a mapping");
    for (unsigned i = 0; i < 100; i++) {
        pt2[VA >> 12 & 511] = (ulong)page[i % 3] | PT_P | PT_W;
        invlpg(VA);
        bad += peek(VA) != 0x11 * (i % 3 + 1);
    }
    ok(!bad, "entry of that table rewritten");
    *pde = old;
    /* recursive entry: PML4[511] = PML4 */
    u64 *pml4 = (u64 *)(read_cr3() & ~0xffful);
    pml4[511] = (ulong)pml4 | 3;
    write_cr3(read_cr3());
    u64 *self = (u64 *)(0xffffff8000000000ul + (VA >> 12 & 0xfffffffff) * 8);
    ok((*self & ~0xfffull) == (ulong)page[0], "a page table read through itself");
    *self = (ulong)page[2] | 3;
    invlpg(VA);
    ok(peek(VA) == 0x33, "a page table written through itself");
    *(u64 *)0xfffffffffffffff8ul = 0; /* PML4[511] itself */
    write_cr3(read_cr3());
    FAULT("the self map removed itself", PF, 0, "mov (%rbx), %rax", .bx = (ulong)self);
}

/* SDM vol. 3 4.7: CR2 is the address that faulted; nothing is half written. */
static void crossing(void)
{
    static const struct {
        const char *name;
        unsigned n;
    } sizes[] = {{"word", 2}, {"dword", 4}, {"qword", 8}};

    map(VA2, (ulong)page[1], PT_P | PT_W | PT_U);
    for (unsigned i = 0; i < 3; i++) {
        ulong at = VA2 - 1;
        struct code rd[] = {CODE("mov (%rbx), %ax"), CODE("mov (%rbx), %eax"), CODE("mov (%rbx), %rax")};
        struct code wr[] = {CODE("mov %ax, (%rbx)"), CODE("mov %eax, (%rbx)"), CODE("mov %rax, (%rbx)")};
        struct regs in = {.bx = at, .ax = 0x7777777777777777};

        map(VA, (ulong)page[0], PT_P | PT_W | PT_U);
        map(VA2, (ulong)page[1], 0);
        lab(rd[i], in);
        ok(trap.vec == PF && trap.err == 0 && trap.cr2 == VA2, "%s read, second page absent",
           sizes[i].name);
        page[0][4095] = 0x99;
        lab(wr[i], in);
        ok(trap.vec == PF && trap.err == 2 && trap.cr2 == VA2, "%s write, second page absent",
           sizes[i].name);
        ok(page[0][4095] == 0x99, "%s write left the first page", sizes[i].name);
        map(VA2, (ulong)page[1], PT_P | PT_U);
        lab(wr[i], in);
        ok(trap.vec == PF && trap.err == 3 && trap.cr2 == VA2 && page[0][4095] == 0x99,
           "%s write, second page read-only", sizes[i].name);
        map(VA2, (ulong)page[1], PT_P | PT_W | PT_U);
        map(VA, (ulong)page[0], 0);
        lab(rd[i], in);
        ok(trap.vec == PF && trap.err == 0 && trap.cr2 == at, "%s read, first page absent",
           sizes[i].name);
        map(VA2, (ulong)page[1], 0);
        lab(wr[i], in);
        ok(trap.vec == PF && trap.err == 2 && trap.cr2 == at, "%s write, both absent",
           sizes[i].name);
        map(VA, (ulong)page[3], PT_P | PT_W | PT_U), map(VA2, (ulong)page[0], PT_P | PT_W | PT_U);
        lab(wr[i], in);
        ok(trap.vec == DONE && page[3][4095] == 0x77 && page[0][0] == 0x77, "%s write over two frames",
           sizes[i].name);
    }
    /* MOV EAX, imm32 across the boundary */
    map(VA, (ulong)page[0], PT_P | PT_W | PT_U);
    memcpy(&page[0][4094], "\xb8\x01", 2), memcpy(page[1], "\x02\x03\x04\xcd\x30", 5);
    map(VA2, (ulong)page[1], 0);
    LAB("jmp *%rbx", .bx = VA2 - 2);
    ok(trap.vec == PF && trap.err == 0x10 && trap.cr2 == VA2 && trap.r.ip == VA2 - 2,
       "fetch across pages, second absent");
    map(VA2, (ulong)page[1], PT_P | PT_U);
    LAB("jmp *%rbx", .bx = VA2 - 2);
    ok(trap.vec == DONE && trap.r.ax == 0x04030201, "fetch across pages");
    map(VA2, (ulong)page[1], PT_P | PT_U | PT_XD);
    LAB("jmp *%rbx", .bx = VA2 - 2);
    ok(trap.vec == PF && trap.err == 0x11 && trap.cr2 == VA2 && trap.r.ip == VA2 - 2,
       "fetch across pages, second XD");
}

/* A #PF hook that maps what faulted: instructions go on where they were. */
static unsigned faults;
static ulong fault_cx[8];
static bool demand(struct trap *t, struct frame *f)
{
    if (t->cr2 < VA || t->cr2 >= VA + 0x10000 || faults >= 8)
        return false;
    fault_cx[faults++] = t->r.cx;
    map(t->cr2 & ~0xffful, (ulong)page[0], PT_P | PT_W | PT_U);
    return true;
}

static void restarts(void)
{
    for (unsigned i = 0; i < 8; i++)
        map(VA + i * 0x1000, 0, 0);
    hook[PF] = demand;
    faults = 0;
    LAB("cld; rep stosb", .di = VA + 0x800, .cx = 0x2000, .ax = 0x42);
    ok(trap.vec == DONE && trap.r.cx == 0 && trap.r.di == VA + 0x2800, "REP STOSB over demand pages");
    ok(faults == 3 && fault_cx[0] == 0x2000 && fault_cx[1] == 0x1800 && fault_cx[2] == 0x800,
       "RCX at each fault of REP STOSB");
    for (unsigned i = 0; i < 8; i++)
        map(VA + i * 0x1000, 0, 0);
    faults = 0;
    LAB("std; rep movsq; cld", .si = VA + 0x1ff8, .di = VA + 0x4ff8, .cx = 0x300);
    ok(trap.vec == DONE && trap.r.cx == 0 && trap.r.di == VA + 0x4ff8 - 0x1800,
       "REP MOVSQ backwards over demand pages");
    ok(faults == 4, "REP MOVSQ: one fault a page");
    hook[PF] = NULL;
    map(VA, (ulong)page[0], PT_P | PT_W | PT_U);
    FAULT("POP to a faulting destination keeps RSP", PF, 2, "push %rax; mov %rsp, %rdi; 78: pop (%rbx)",
          .bx = VA + 0x4000 * 8, .ax = 1);
    ok(trap.r.sp == trap.r.di, "RSP before the faulting POP");
    FAULT("XADD to an absent page", PF, 2, "lock xadd %rax, (%rbx)", .bx = VA + 0x20000, .ax = 1);
    FAULT("BT on an absent page reads", PF, 0, "btl $1, (%rbx)", .bx = VA + 0x20000);
    FAULT("BTS on an absent page writes", PF, 2, "btsl $1, (%rbx)", .bx = VA + 0x20000);
    FAULT("CALL through an absent pointer", PF, 0, "call *(%rbx)", .bx = VA + 0x20000);
    FAULT("PREFETCH never faults", UD, NOERR, "prefetcht0 (%rbx); 78: ud2", .bx = VA + 0x20000);
    FAULT("CLFLUSH reads", PF, 0, "clflush (%rbx)", .bx = VA + 0x20000);
    FAULT("NOP with a memory operand does not", UD, NOERR, "nopl (%rbx); 78: ud2", .bx = VA + 0x20000);
    FAULT("CMOV reads even when not taken", PF, 0, "cmp %eax, %eax; 78: cmovne (%rbx), %eax",
          .bx = VA + 0x20000);
}

/* SDM vol. 1 3.3.7.1, vol. 3 6.15 #GP, #SS. */
static void canonical(void)
{
    FAULT("non-canonical read", GP, 0, "mov (%rbx), %al", .bx = NON_CANON);
    FAULT("non-canonical write", GP, 0, "mov %al, (%rbx)", .bx = NON_CANON);
    FAULT("non-canonical negative", GP, 0, "mov (%rbx), %al", .bx = 0xffff7ffffffffffful);
    FAULT("through RBP is #SS", SS, 0, "mov (%rbp), %al", .bp = NON_CANON);
    FAULT("through RSP is #SS", SS, 0, "mov %rbx, %rsp; 78: mov (%rsp), %al", USER, .bx = NON_CANON);
    FAULT("FS override of RBP is #GP", GP, 0, "mov %fs:(%rbp), %al", .bp = NON_CANON);
    FAULT("PUSH", SS, 0, "mov %rbx, %rsp; 78: push %rax", USER, .bx = NON_CANON + 64);
    FAULT("POP", SS, 0, "mov %rbx, %rsp; 78: pop %rax", USER, .bx = NON_CANON);
    FAULT("CALL with RSP non-canonical", SS, 0, "mov %rbx, %rsp; 78: call .", USER, .bx = NON_CANON + 64);
    FAULT("RET with RSP non-canonical", SS, 0, "mov %rbx, %rsp; 78: ret", USER, .bx = NON_CANON);
    FAULT("LEAVE with RBP non-canonical", SS, 0, "leave", USER, .bp = NON_CANON);
    FAULT("JMP to a non-canonical address faults at the JMP", GP, 0, "jmp *%rbx", .bx = NON_CANON);
    FAULT("CALL to a non-canonical address", GP, 0, "call *%rbx", .bx = NON_CANON);
    for (unsigned n = 0; n < 4; n++) { /* run by both engines */
        FAULT("RET to a non-canonical address", GP, 0, "push %rbx; mov %rsp, %rdx; stc; 78: ret $16", .bx = NON_CANON);
        ok_eq("with RSP as before it", trap.r.sp, trap.r.dx);
        ok(trap.r.flags & 1, "and flags");
        FAULT("JMP to an address in memory", GP, 0, "push %rbx; stc; 78: jmp *(%rsp)", .bx = NON_CANON);
    }
    FAULT("a qword that ends non-canonical", GP, 0, "mov (%rbx), %rax", .bx = 0x7ffffffffffc);
    FAULT("STOSB", GP, 0, "stosb", .di = NON_CANON);
    FAULT("MOVSB source", GP, 0, "movsb", .si = NON_CANON, .di = (ulong)page[0]);
    PASS("32-bit address size truncates", "mov (%ebx), %al", .bx = 0xff00000000100000);
    FAULT("FXSAVE", GP, 0, "fxsave (%rbx)", .bx = NON_CANON & ~15ul);
}

/* SDM vol. 3 4.6.1: descriptor and TSS accesses are implicit supervisor accesses. */
static void implicit_ldt(void)
{
    static u64 user_ldt[512] __attribute__((aligned(4096)));

    if (!has_smap)
        return;
    set_desc(&user_ldt[1], 0, 0xfffff, D_DATA | D_32 | D_G);
    set_desc(&user_ldt[2], 0, 0xfffff, D_DATA | D_32 | D_G | D_DPL3);
    map(VA, (ulong)user_ldt, PT_P | PT_W | PT_U);
    set_gdt(LDT_SEL, (u32)VA, 4095, 0x82);
    gdt[LDT_SEL / 8 + 1] = VA >> 32;
    asm volatile("lldt %w0" ::"r"(LDT_SEL));
    PASS("LDT in a user page", "mov %ax, %fs", .ax = 12);
    PASS("LDT in a user page, CPL 3", "mov %ax, %fs", USER, .ax = 0x17);
    write_cr4(read_cr4() | CR4_SMAP);
    FAULT("SMAP: implicit read of a user page", PF, 1, "mov %ax, %fs", .ax = 12);
    ok_eq("its CR2", trap.cr2, VA + 8);
    FAULT("SMAP: AC does not help an implicit access", PF, 1, "mov %ax, %fs", .ax = 12, .flags = F_AC);
    FAULT("SMAP: implicit access from CPL 3", PF, 1, "mov %ax, %fs", USER, .ax = 0x17);
    FAULT("SMAP: LAR", PF, 1, "lar %ax, %ecx", .ax = 12, .flags = F_AC);
    PASS("SMAP: IRETQ at CPL 3 reads its user stack", "mov %rsp, %rcx; push $0x23; push %rcx; pushf;"
         "push $0x2b; lea 1f(%rip), %rax; push %rax; iretq; 1: nop", USER);
    PASS("SMAP: STAC opens", "stac; mov (%rbx), %al; clac", .bx = VA);
    FAULT("SMAP: CLAC closes", PF, 1, "stac; mov (%rbx), %al; clac; 78: mov (%rbx), %al", .bx = VA);
    FAULT("SMAP: POPF sets AC at CPL 0", PF, 1, "pushf; orq $0x40000, (%rsp); popf; mov (%rbx), %al;"
          "clac; 78: mov (%rbx), %al", .bx = VA);
    FAULT("STAC at CPL 3", UD, NOERR, "stac", USER);
    FAULT("SMAP: not present wins", PF, 0, "mov (%rbx), %al", .bx = VA + 0x30000);
    write_cr4(read_cr4() & ~(ulong)CR4_SMAP);
    asm volatile("lldt %w0" ::"r"(0));
}

/* SDM vol. 3 6.14.4, 6.15 #DF. */
static void stack_faults(void)
{
    u64 rsp0 = tss.rsp[0];

    map(VA, 0, 0), map(VA + 0x10000, 0, 0);
    tss.rsp[0] = VA + 0x10000;
    FAULT("RSP0 unmapped: #UD, #PF, #PF", DF, 0, "ud2", USER);
    ok_eq("CR2 of the first push", trap.cr2, VA + 0x10000 - 8);
    tss.ist[1] = (ulong)lab_stack + 4096;
    set_gate(PF, KCS, trap_gate(PF), 14, 0, 2);
    FAULT("with #PF on an IST stack", PF, 2, "ud2", USER);
    ok_eq("CR2 of the push", trap.cr2, VA + 0x10000 - 8);
    restore_gate(PF);
    tss.rsp[0] = NON_CANON + 0x1000;
    FAULT("RSP0 non-canonical: #SS, #SS", DF, 0, "ud2", USER);
    tss.rsp[0] = rsp0;
    FAULT("RSP at CPL 0 unmapped", DF, 0, "mov %rbx, %rsp; 78: push %rax", .bx = VA + 0x10000);
    FAULT("RSP at CPL 0 non-canonical", DF, 0, "mov %rbx, %rsp; 78: push %rax", .bx = NON_CANON + 64);
}

/* SDM vol. 3 4.10.1, vol. 2 INVPCID, MOV CR. */
static void pcids(void)
{
    struct { u64 pcid, va; } d = {0, 0};
    ulong cr3 = read_cr3();

    if (!has_pcid)
        return;
    FAULT("PCIDE needs CR3[11:0] = 0", GP, 0, "mov %rbx, %cr3; mov %cr4, %rax; bts $17, %rax; 78: mov %rax, %cr4",
          .bx = cr3 | 0x18);
    write_cr3(cr3);
    FAULT("CR3 bit 63 without PCIDE", GP, 0, "mov %rbx, %cr3", .bx = cr3 | 1ul << 63);
    write_cr4(read_cr4() | CR4_PCIDE);
    FAULT("CR0.PG cleared with PCIDE", GP, 0, "mov %cr0, %rax; btr $31, %rax; 78: mov %rax, %cr0");
    LAB("mov %rbx, %cr3; mov %cr3, %rcx; mov %rdx, %cr3", .bx = cr3 | 5, .dx = cr3);
    ok_eq("PCID in CR3", trap.r.cx, cr3 | 5);
    LAB("mov %rbx, %cr3; mov %cr3, %rcx; mov %rdx, %cr3", .bx = cr3 | 1ul << 63, .dx = cr3);
    ok_eq("CR3 bit 63 reads as 0", trap.r.cx, cr3);
    fill();
    map(VA, (ulong)page[0], PT_P | PT_W);
    write_cr3(cr3 | 1), peek(VA);
    write_cr3(cr3 | 2 | 1ul << 63);
    *pte(VA, 1) = (ulong)page[1] | 3, invlpg(VA);
    ok(peek(VA) == 0x22, "INVLPG in the current PCID");
    write_cr3(cr3 | 1); /* bit 63 clear: flushes PCID 1 */
    ok(peek(VA) == 0x22, "CR3 load flushes its PCID");
    write_cr3(cr3);
    if (has_invpcid) {
        write_cr3(cr3 | 1), peek(VA), write_cr3(cr3 | 1ul << 63);
        *pte(VA, 1) = (ulong)page[0] | 3;
        d.pcid = 1;
        asm volatile("invpcid %0, %1" ::"m"(d), "r"(1ul));
        write_cr3(cr3 | 1 | 1ul << 63);
        ok(peek(VA) == 0x11, "INVPCID single context");
        *pte(VA, 1) = (ulong)page[1] | 3;
        d.va = VA;
        asm volatile("invpcid %0, %1" ::"m"(d), "r"(0ul));
        ok(peek(VA) == 0x22, "INVPCID single address");
        *pte(VA, 1) = (ulong)page[0] | 3;
        asm volatile("invpcid %0, %1" ::"m"(d), "r"(2ul));
        ok(peek(VA) == 0x11, "INVPCID all");
        *pte(VA, 1) = (ulong)page[1] | 3;
        asm volatile("invpcid %0, %1" ::"m"(d), "r"(3ul));
        ok(peek(VA) == 0x22, "INVPCID all but global");
        write_cr3(cr3);
        FAULT("INVPCID type 4", GP, 0, "invpcid (%rbx), %rax", .ax = 4, .bx = (ulong)&d);
        d.pcid = 0x1000;
        FAULT("INVPCID reserved bits", GP, 0, "invpcid (%rbx), %rax", .ax = 0, .bx = (ulong)&d);
        d.pcid = 0, d.va = NON_CANON;
        FAULT("INVPCID non-canonical", GP, 0, "invpcid (%rbx), %rax", .ax = 0, .bx = (ulong)&d);
        FAULT("INVPCID at CPL 3", GP, 0, "invpcid (%rbx), %rax", USER, .ax = 2, .bx = (ulong)&d);
    }
    write_cr3(cr3);
    write_cr4(read_cr4() & ~(ulong)CR4_PCIDE);
    if (has_invpcid) {
        d.pcid = 1, d.va = VA;
        FAULT("INVPCID of a PCID without PCIDE", GP, 0, "invpcid (%rbx), %rax", .ax = 1, .bx = (ulong)&d);
    }
    FAULT("CR3 above MAXPHYADDR", GP, 0, "mov %rbx, %cr3", .bx = cr3 | 1ul << phys_bits);
    PASS("CR3 bits 11..5 are ignored", "mov %rbx, %cr3; mov %rdx, %cr3", .bx = cr3 | 0xfe7, .dx = cr3);
}

void guest_main(void)
{
    u32 r[4];

    cpuid(7, 0, r);
    has_smep = r[1] >> 7 & 1, has_smap = r[1] >> 20 & 1, has_invpcid = r[1] >> 10 & 1;
    cpuid(1, 0, r);
    has_pcid = r[2] >> 17 & 1;
    cpuid(0x80000001, 0, r);
    has_1g = r[3] >> 26 & 1;
    cpuid(0x80000008, 0, r);
    phys_bits = r[0] & 0xff;
    rights();
    rights_by_level();
    reserved();
    accessed_dirty();
    invalidation();
    live_tables();
    crossing();
    restarts();
    canonical();
    implicit_ldt();
    stack_faults();
    pcids();
}
