/* SPDX-License-Identifier: MIT
 * Fast forms of system instructions against their sys_fn: from random states the same
 * result, or "not done" with nothing changed. */
#include <string.h>

#include "cpu/fast.h"
#include "tests/cpu/sys_fake.h"

static const struct {
    enum insn_id id;
    const char *name;
    sys_fn *fn;
    bool real; /* in real and virtual-8086 mode */
} pairs[] = {
    {I_SYSCALL, "syscall", sys_syscall},    {I_SYSRET, "sysret", sys_sysret},
    {I_IRET, "iret", sys_iret},             {I_CLAC, "clac", sys_clac},
    {I_STAC, "stac", sys_stac},             {I_PUSHF, "pushf", sys_pushf},
    {I_POPF, "popf", sys_popf},             {I_MOV_CR, "mov_cr", sys_mov_cr},
    {I_RDMSR, "rdmsr", sys_rdmsr},          {I_WRMSR, "wrmsr", sys_wrmsr},
    {I_RDFSBASE, "rdfsbase", sys_rdfsbase}, {I_RDGSBASE, "rdgsbase", sys_rdgsbase},
    {I_WRFSBASE, "wrfsbase", sys_wrfsbase}, {I_WRGSBASE, "wrgsbase", sys_wrgsbase},
    {I_LFENCE, "lfence", sys_nop},          {I_MFENCE, "mfence", sys_nop},
    {I_SFENCE, "sfence", sys_nop},          {I_MOV_SREG, "mov_sreg", sys_mov_sreg, true},
    {I_PUSH_SREG, "push_sreg", sys_push_sreg, true},
    {I_POP_SREG, "pop_sreg", sys_pop_sreg, true},
};

struct picture {
    struct cpu cpu;
    uint8_t mem[STACK3 + 0x1000];
};

static struct picture origin, before, fast, slow;

static void take(struct picture *p, const struct cpu *cpu)
{
    p->cpu = *cpu;
    memcpy(p->mem, mem, sizeof(p->mem));
}

static void put(struct cpu *cpu, const struct picture *p)
{
    *cpu = p->cpu;
    memcpy(mem, p->mem, sizeof(p->mem));
}

/* mmu_fast() finds the pages of tables and stacks. */
static void map_pages(struct cpu *cpu)
{
    for (gva va = 0; va < sizeof(before.mem); va += GUEST_PAGE_SIZE) {
        struct mmu_tlb_entry *t = &cpu->mmu.tlb[va >> GUEST_PAGE_SHIFT];

        t->rd_tag = t->wr_tag = va;
        t->addend = (uint64_t)(uintptr_t)mem;
    }
}

static uint64_t pick(GRand *r, const uint64_t *v, unsigned n)
{
    return v[g_rand_int_range(r, 0, (gint32)n)];
}
#define PICK(...) \
    pick(r, (const uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / 8)

static uint64_t random_flags(GRand *r)
{
    return (g_rand_int(r) & (FL_ARITH | FL_DF | FL_IF | FL_ID)) | 2 |
           PICK(0, 0, 0, FL_AC, FL_TF, FL_NT, FL_RF, FL_IOPL, FL_VIF);
}

static void random_frame(struct cpu *cpu, GRand *r)
{
    gva sp = cpu->gpr[R_SP];

    if (sp > STACK3)
        return;
    st(sp, PICK(0x400000, 0xffffffff81000000, 0x0000800000000000, CODE), 8);
    st(sp + 8, PICK(S_CODE64, S_CODE64, S_CODE64U, S_CODE64U, S_CODE3, S_CONF, S_NPCODE, 0, 0xfff8), 8);
    st(sp + 16, random_flags(r), 8);
    st(sp + 24, PICK(0x7fff00000000, 0x1238, 0xffff800000000000), 8);
    st(sp + 32, PICK(S_DATA0, S_DATA3, S_DATA3, S_DATA3, 0, 3, S_RODATA, S_NP), 8);
}

static void random_state(struct cpu *cpu, struct insn *in, GRand *r)
{
    cpu->star = PICK(0x001b0008ull << 32, 0x0023001000000000ull);
    cpu->lstar = 0xffffffff81000000;
    cpu->fmask = g_rand_int(r) & 0x47700;
    cpu->gpr[R_CX] = PICK(0x400000, 0x0000800000000000, 0xc0000100, 0xc0000101, 0xc0000102, 0x10);
    cpu->gpr[R_11] = random_flags(r);
    cpu->gpr[R_DX] = PICK(0, 0x7fff, 0x8000, 0xffffffff);
    cpu->gpr[R_BX] = PICK(0x1000, 0x0000800000000000);
    cpu->gpr[R_SP] = PICK(STACK0, STACK0 + 0x800, STACK0 + 0xff0, 0x100000);
    cpu->cr4 = (cpu->cr4 & ~(uint64_t)(CR4_FSGSBASE | CR4_SMAP)) |
               (g_rand_int(r) & (CR4_FSGSBASE | CR4_SMAP));
    cpu->cr2 = g_rand_int(r);
    cpu->efer = g_rand_int_range(r, 0, 8) ? cpu->efer | EFER_SCE : cpu->efer & ~(uint64_t)EFER_SCE;
    cpu->kernel_gs_base = g_rand_int(r);
    cpu->nmi_blocked = g_rand_boolean(r);
    set_flags(cpu, random_flags(r) & ~(uint64_t)FL_TF, FL_AC | FL_NT);
    cpu_update_mode(cpu);
    in->opsize = (uint8_t)PICK(8, 8, 8, 4, 2);
    if (in->id == I_MOV_CR) {
        bool load = g_rand_boolean(r);

        in->op[load].kind = OPND_GPR;
        in->op[load].reg = R_BX;
        in->op[!load].kind = OPND_CR;
        in->op[!load].reg = (uint8_t)PICK(0, 2, 3, 3, 4, 8);
        cpu->gpr[R_BX] = PICK(0x2000, 0x3018, 1ull << 63 | 0x6018, 1ull << 51);
        cpu->cr4 ^= g_rand_boolean(r) ? CR4_PCIDE : 0;
    } else {
        op_gpr(in, 0, R_BX, 8);
    }
    for (unsigned sel = S_CODE0 & ~7u; sel < S_TSS; sel += 8) /* accessed, most of them */
        mem[GDT + sel + 5] |= g_rand_int_range(r, 0, 8) != 0;
    mem[GDT + S_CODE64 + 5] |= 1;
    mem[GDT + (S_CODE64U & ~7) + 5] |= 1;
    random_frame(cpu, r);
}

static void random_segment(struct cpu *cpu, unsigned i, GRand *r)
{
    uint16_t sel = (uint16_t)g_rand_int_range(r, 0, 0x700);

    if (cpu_vm86(cpu)) {
        seg_load_vm86(cpu, i, sel);
        return;
    }
    seg_load_real(cpu, i, sel); /* over what protected mode has left there */
    cpu->seg[i].limit = (uint32_t)PICK(0xffff, 0xffff, 0xffff, 0xffff, 0x1000, 0xffffffff);
    cpu->seg[i].attr = (uint16_t)PICK(ATTR_REAL, ATTR_REAL, ATTR_REAL, 0, ATTR_REAL | SA_DC,
                                      ATTR_REAL | SA_DB);
}

static void real_state(struct cpu *cpu, struct insn *in, GRand *r)
{
    unsigned seg = (unsigned)g_rand_int_range(r, 0, SEG_COUNT), sreg = 0;
    struct insn_operand s = {.kind = OPND_SREG, .reg = (uint8_t)seg};

    for (unsigned i = 0; i < SEG_COUNT; i++)
        if (i != SEG_CS)
            random_segment(cpu, i, r);
    if (!cpu_vm86(cpu) && cpu->seg[SEG_SS].attr != (ATTR_REAL | SA_DB))
        cpu->seg[SEG_SS].attr = ATTR_REAL;
    cpu->gpr[R_BX] = g_rand_int(r);
    cpu->gpr[R_SP] = (g_rand_int(r) & 0xffff0000) |
                     PICK(0x1000, 0x0ffe, 0x0fff, 0x1001, 0x2345, 0, 1, 2, 0xfffe);
    cpu_update_mode(cpu);
    in->opsize = (uint8_t)PICK(2, 2, 2, 4);
    if (in->id == I_MOV_SREG) {
        sreg = g_rand_boolean(r);
        op_gpr(in, !sreg, R_BX, sreg ? in->opsize : 2);
    }
    in->op[sreg] = s;
    for (gva at = 0; at < 0x9000; at += 4)
        st(at, g_rand_int(r), 4);
}

static void compare(void)
{
    const struct cpu *a = &fast.cpu, *b = &slow.cpu;

    g_assert_cmpmem(a->gpr, sizeof(a->gpr), b->gpr, sizeof(b->gpr));
    g_assert_cmpmem(a->seg, sizeof(a->seg), b->seg, sizeof(b->seg));
    if (!cpu_long(a))
        g_assert_cmpmem(a->seg_end, sizeof(a->seg_end), b->seg_end, sizeof(b->seg_end));
    g_assert_cmphex(a->next_rip, ==, b->rip);
    g_assert_cmphex(cpu_get_rflags(a), ==, cpu_get_rflags(b));
    g_assert_cmphex(a->mode, ==, b->mode);
    g_assert_cmpint(a->mmu.view, ==, b->mmu.view);
    g_assert_cmpint(a->cpl, ==, b->cpl);
    g_assert_cmpint(a->nmi_blocked, ==, b->nmi_blocked);
    g_assert_cmphex(a->cr3, ==, b->cr3);
    g_assert_cmphex(a->mmu.ctl.cr3, ==, b->mmu.ctl.cr3);
    g_assert_cmphex(a->kernel_gs_base, ==, b->kernel_gs_base);
    g_assert_cmpmem(fast.mem, sizeof(fast.mem), slow.mem, sizeof(slow.mem));
}

static bool one(struct cpu *cpu, unsigned n, GRand *r)
{
    enum insn_id id = pairs[n].id;
    struct insn in = i_none(cpu, 8);

    in.id = id;
    if (pairs[n].real)
        real_state(cpu, &in, r);
    else
        random_state(cpu, &in, r);
    cpu->rip = CODE;
    cpu->next_rip = CODE + 2;
    take(&before, cpu);
    if (!fast_table[id](cpu, &in)) {
        g_assert_cmpmem(cpu, sizeof(*cpu), &before.cpu, sizeof(*cpu));
        g_assert_cmpmem(mem, sizeof(before.mem), before.mem, sizeof(before.mem));
        return false;
    }
    take(&fast, cpu);
    put(cpu, &before);
    g_assert_true(runs(cpu, pairs[n].fn, &in));
    take(&slow, cpu);
    compare();
    return true;
}

static struct cpu *new_real(bool vm)
{
    struct cpu *cpu = vm ? cpu_new32(0) : cpu_new("max");

    if (vm)
        enter_vm86(cpu, 3);
    return cpu;
}

static void test_fast(gconstpointer data)
{
    unsigned n = GPOINTER_TO_UINT(data);
    guint32 seed = g_test_rand_int();
    GRand *r = g_rand_new_with_seed(seed);
    unsigned done = 0;

    g_test_message("seed %u", seed);
    for (unsigned user = 0; user < 2; user++) {
        struct cpu *cpu = pairs[n].real ? new_real(user) : cpu_new64(user ? 3 : 0);

        map_pages(cpu);
        take(&origin, cpu);
        for (unsigned i = 0; i < (user ? 1000 : 3000); i++) {
            done += one(cpu, n, r);
            put(cpu, &origin);
        }
        cpu_destroy(cpu);
    }
    g_assert_cmpint(done, >=, 10);
    g_rand_free(r);
}

int main(int argc, char **argv)
{
    unsigned have = 0;

    g_test_init(&argc, &argv, NULL);
    for (unsigned id = 0; id < I_COUNT; id++)
        have += fast_table[id] != NULL;
    g_assert_cmpint(have, ==, ARRAY_SIZE(pairs));
    for (unsigned n = 0; n < ARRAY_SIZE(pairs); n++) {
        char *path = g_strdup_printf("/fast/%s", pairs[n].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(n), test_fast);
        g_free(path);
    }
    return g_test_run();
}
