/* SPDX-License-Identifier: MIT
 * Hardware task switches (SDM vol. 3 ch. 7): 16- and 32-bit TSS. */
#include "cpu/cpu.h"
#include "cpu/sys.h"

/* Offsets in a 32-bit and a 16-bit TSS. */
enum { T32_CR3 = 0x1c, T32_EIP = 0x20, T32_LDT = 0x60, T32_TRAP = 0x64, T32_LIMIT = 0x67 };
enum { T16_IP = 0x0e, T16_LDT = 0x2a, T16_LIMIT = 0x2b };

struct task_state {
    uint32_t eip, eflags, gpr[8], cr3;
    uint16_t seg[SEG_COUNT]; /* ES CS SS DS (FS GS) */
    uint16_t ldt;
    bool trap;
};

void task_fetch_tss(struct cpu *cpu, uint16_t sel, uint32_t ext, struct desc *d)
{
    uint32_t err = SEL_ERR(sel) | ext;

    if (sel & SEL_TI || SEL_IS_NULL(sel) || !desc_fetch(cpu, sel, d) ||
        (desc_type(d) != DT_TSS16 && desc_type(d) != DT_TSS32))
        raise_gp(cpu, err);
    if (!(desc_attr(d) & SA_P))
        cpu_raise_err(cpu, EXC_NP, err);
}

static void task_read(struct cpu *cpu, gva tss, bool tss32, struct task_state *t)
{
    unsigned size = tss32 ? 4 : 2;
    gva p = tss + (tss32 ? T32_EIP : T16_IP);

    *t = (struct task_state){.cr3 = tss32 ? (uint32_t)cpu_ld_sys(cpu, tss + T32_CR3, 4) : 0};
    t->eip = (uint32_t)cpu_ld_sys(cpu, p, size);
    t->eflags = (uint32_t)cpu_ld_sys(cpu, p + size, size);
    p += 2 * size;
    for (unsigned i = 0; i < 8; i++, p += size)
        t->gpr[i] = (uint32_t)cpu_ld_sys(cpu, p, size) | (tss32 ? 0 : 0xffff0000);
    for (unsigned i = 0; i < (tss32 ? 6 : 4); i++, p += size)
        t->seg[i] = (uint16_t)cpu_ld_sys(cpu, p, 2);
    t->ldt = (uint16_t)cpu_ld_sys(cpu, tss + (tss32 ? T32_LDT : T16_LDT), 2);
    t->trap = tss32 && cpu_ld_sys(cpu, tss + T32_TRAP, 2) & 1;
}

static void task_save(struct cpu *cpu, gva tss, bool tss32, uint32_t eip, uint32_t eflags)
{
    unsigned size = tss32 ? 4 : 2;
    gva p = tss + (tss32 ? T32_EIP : T16_IP);

    cpu_st_sys(cpu, p, eip, size);
    cpu_st_sys(cpu, p + size, eflags, size);
    p += 2 * size;
    for (unsigned i = 0; i < 8; i++, p += size)
        cpu_st_sys(cpu, p, cpu->gpr[i], size);
    for (unsigned i = 0; i < (tss32 ? 6 : 4); i++, p += size)
        cpu_st_sys(cpu, p, cpu->seg[i].sel, 2);
}

static void task_load_cs(struct cpu *cpu, uint16_t sel)
{
    struct desc d;
    uint32_t attr;

    if (SEL_IS_NULL(sel) || !desc_fetch(cpu, sel, &d))
        cpu_raise_err(cpu, EXC_TS, SEL_ERR(sel));
    attr = desc_attr(&d);
    if (!attr_is_code(attr) || (attr_is_conforming(attr) ? attr_dpl(attr) > (sel & 3u)
                                                         : attr_dpl(attr) != (sel & 3u)))
        cpu_raise_err(cpu, EXC_TS, SEL_ERR(sel));
    if (!(attr & SA_P))
        cpu_raise_err(cpu, EXC_NP, SEL_ERR(sel));
    desc_set_accessed(cpu, &d);
    desc_to_seg(&d, sel, &cpu->seg[SEG_CS]);
}

/* Everything past the commit point: faults belong to the new task. */
static void task_load_segments(struct cpu *cpu, const struct task_state *t)
{
    static const uint8_t data[] = {SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS};

    for (unsigned i = 0; i < SEG_COUNT; i++)
        seg_null(cpu, i, t->seg[i]);
    cpu->ldt = (struct seg){.sel = t->ldt};
    cpu->cpl = t->eflags & FL_VM ? 3 : t->seg[SEG_CS] & 3;
    cpu_update_mode(cpu);
    seg_load_ldt(cpu, t->ldt, EXC_TS);
    if (t->eflags & FL_VM) {
        for (unsigned i = 0; i < SEG_COUNT; i++)
            seg_load_vm86(cpu, i, t->seg[i]);
    } else {
        task_load_cs(cpu, t->seg[SEG_CS]);
        for (unsigned i = 0; i < ARRAY_SIZE(data); i++) {
            struct seg s;

            seg_resolve(cpu, data[i], t->seg[data[i]], cpu->cpl, EXC_TS, &s);
            cpu->seg[data[i]] = s;
        }
    }
    cpu_update_mode(cpu);
    if (t->eip > cpu->seg[SEG_CS].limit)
        raise_gp(cpu, 0);
}

static void task_load_cr3(struct cpu *cpu, uint32_t cr3)
{
    if (!(cpu->cr0 & CR0_PG))
        return;
    if (cpu->cr4 & CR4_PAE)
        cr_load_pdptrs(cpu, cr3);
    cpu->cr3 = cr3;
    cpu_update_paging(cpu);
}

/* Reaches every byte of both TSSs that the switch will touch. */
static void task_probe(struct cpu *cpu, gva next, enum task_why why)
{
    bool old32 = cpu->tr.attr & 8;

    access_probe_sys(cpu, cpu->tr.base + (old32 ? T32_EIP : T16_IP), old32 ? 0x40 : 0x1c);
    if (why == TASK_CALL || why == TASK_INT)
        access_probe_sys(cpu, next, 2);
}

void task_switch(struct cpu *cpu, uint16_t sel, struct desc *d, enum task_why why, uint32_t ext,
                 uint64_t ret, bool rf)
{
    bool tss32 = desc_type(d) & 8, nested = why == TASK_CALL || why == TASK_INT;
    uint32_t fl = (uint32_t)cpu_get_rflags(cpu) & ~(uint32_t)FL_RF;
    struct task_state t;
    struct seg tr;

    desc_to_seg(d, sel, &tr);
    if (tr.limit < (tss32 ? T32_LIMIT : T16_LIMIT))
        cpu_raise_err(cpu, EXC_TS, SEL_ERR(sel) | ext);
    task_read(cpu, tr.base, tss32, &t);
    task_probe(cpu, tr.base, why);

    if (why == TASK_IRET)
        fl &= ~(uint32_t)FL_NT;
    task_save(cpu, cpu->tr.base, cpu->tr.attr & 8, (uint32_t)ret, rf ? fl | FL_RF : fl);
    if (!nested)
        desc_set_busy(cpu, cpu->tr.sel, false);
    if (why != TASK_IRET)
        desc_set_busy(cpu, sel, true);
    if (nested) {
        cpu_st_sys(cpu, tr.base, cpu->tr.sel, 2);
        t.eflags |= FL_NT;
    }
    tr.attr |= DT_BUSY;
    cpu->tr = tr;
    cpu->cr0 |= CR0_TS;
    cpu->dr[7] &= ~0x155ull; /* L0..L3, LE */
    if (tss32)
        task_load_cr3(cpu, t.cr3);
    for (unsigned i = 0; i < 8; i++)
        cpu->gpr[i] = t.gpr[i];
    cpu->rip = cpu->next_rip = t.eip;
    cpu->jit_ra = 0;
    cpu_set_rflags(cpu, t.eflags);
    task_load_segments(cpu, &t);
    if (t.trap)
        cpu->exc.dr6 |= DR6_BT;
}

void task_push_error(struct cpu *cpu, uint32_t error)
{
    struct stack st;

    stack_init(&st, cpu);
    stack_push(&st, error, cpu->tr.attr & 8 ? 4 : 2);
    stack_commit(&st);
}

void task_trap(struct cpu *cpu)
{
    if (LIKELY(!(cpu->exc.dr6 & DR6_BT)))
        return;
    cpu->rip = cpu->next_rip;
    cpu->jit_ra = 0;
    cpu_raise_db(cpu, 0);
}

void task_return(struct cpu *cpu)
{
    uint16_t link = (uint16_t)cpu_ld_sys(cpu, cpu->tr.base, 2);
    struct desc d;

    if (link & SEL_TI || SEL_IS_NULL(link) || !desc_fetch(cpu, link, &d) ||
        (desc_type(&d) != DT_TSS16_BUSY && desc_type(&d) != DT_TSS32_BUSY))
        cpu_raise_err(cpu, EXC_TS, SEL_ERR(link));
    if (!(desc_attr(&d) & SA_P))
        cpu_raise_err(cpu, EXC_NP, SEL_ERR(link));
    task_switch(cpu, link, &d, TASK_IRET, 0, cpu->next_rip, false);
}
