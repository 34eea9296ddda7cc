/* SPDX-License-Identifier: MIT
 * Exceptions and interrupts: recording, the double-fault rules, and delivery
 * through IVT and IDT (SDM vol. 3 ch. 6, 20.1.4, and INT n in vol. 2).
 *
 * Everything that can fault is checked and stored before the first register
 * changes, so that a fault during delivery still sees the interrupted state. */
#include "cpu/cpu.h"
#include "cpu/sys.h"
#include "softmmu/log.h"

enum exc_class { XC_BENIGN, XC_CONTRIBUTORY, XC_PAGE_FAULT, XC_DOUBLE };

static enum exc_class exc_classify(int v)
{
    switch (v) {
    case EXC_DE: case EXC_TS: case EXC_NP: case EXC_SS: case EXC_GP:
        return XC_CONTRIBUTORY;
    case EXC_PF:
        return XC_PAGE_FAULT;
    case EXC_DF:
        return XC_DOUBLE;
    default:
        return XC_BENIGN;
    }
}

/* SDM vol. 3 table 6-5. */
static bool exc_doubles(enum exc_class first, enum exc_class second)
{
    if (first == XC_CONTRIBUTORY)
        return second == XC_CONTRIBUTORY;
    return first == XC_PAGE_FAULT && (second == XC_CONTRIBUTORY || second == XC_PAGE_FAULT);
}

_Noreturn static void record(struct cpu *cpu, uint8_t v, bool has_error, uint32_t error)
{
    struct exc *e = &cpu->exc;
    enum mmu_view view = access_view(cpu, cpu->cpl);

    if (cpu->mmu.view != view) /* a delivery is given up half-way */
        mmu_set_view(&cpu->mmu, view);
    if (e->delivering >= 0) {
        enum exc_class first = exc_classify(e->delivering), second = exc_classify(v);

        e->delivering = -1;
        if (first == XC_DOUBLE && (second == XC_CONTRIBUTORY || second == XC_PAGE_FAULT)) {
            if (log_on(LOG_INT))
                log_printf("int: triple fault at %04x:%016llx\n", cpu->seg[SEG_CS].sel,
                           (unsigned long long)cpu->rip);
            e->pending = false;
            cpu->shutdown = true;
            siglongjmp(cpu->jmp, 1);
        }
        if (exc_doubles(first, second)) {
            v = EXC_DF;
            has_error = true;
            error = 0;
        }
    }
    e->pending = true;
    e->soft = false;
    e->vector = v;
    e->has_error = has_error;
    e->error = error;
    if (v != EXC_DB)
        e->dr6 = 0;
    siglongjmp(cpu->jmp, 1);
}

void cpu_raise(struct cpu *cpu, enum exc_vector v)
{
    record(cpu, v, false, 0);
}

void cpu_raise_err(struct cpu *cpu, enum exc_vector v, uint32_t error)
{
    record(cpu, v, true, error);
}

void cpu_raise_pf(struct cpu *cpu, const struct mmu_fault *f)
{
    cpu->exc.cr2 = f->addr;
    if (cpu->exc.delivering >= 0)
        cpu->cr2 = f->addr; /* loaded even when it ends in #DF */
    record(cpu, EXC_PF, true, f->code);
}

void cpu_raise_db(struct cpu *cpu, uint64_t dr6_bits)
{
    cpu->exc.dr6 |= dr6_bits;
    record(cpu, EXC_DB, false, 0);
}

/* --- real mode --- */

void exc_enter_ivt(struct cpu *cpu, gva base, uint8_t vector, uint64_t ret, uint16_t flags)
{
    uint64_t entry = vector * 4u;
    struct stack st;

    entry = cpu_vm86(cpu) ? cpu_ld(cpu, base + entry, 4) : cpu_ld_sys(cpu, base + entry, 4);
    stack_init(&st, cpu);
    stack_push(&st, flags, 2);
    stack_push(&st, cpu->seg[SEG_CS].sel, 2);
    stack_push(&st, ret, 2);
    stack_commit(&st);
    seg_load_cs_unprotected(cpu, (uint16_t)(entry >> 16));
    cpu->next_rip = entry & 0xffff;
}

static void enter_real(struct cpu *cpu, const struct exc_event *ev)
{
    if (ev->vector * 4u + 3 > cpu->idt.limit)
        raise_gp(cpu, ev->vector * 8u | 2 | ev->ext);
    exc_enter_ivt(cpu, cpu->idt.base, ev->vector, ev->ret, (uint16_t)cpu_get_rflags(cpu));
    cpu->eflags &= ~(uint32_t)(FL_IF | FL_TF | FL_AC | FL_RF);
    cpu_update_mode(cpu);
}

/* --- gates --- */

struct gate {
    uint64_t off;
    uint16_t sel;
    uint8_t type; /* DT_ */
    uint8_t ist;
};
struct target {
    struct seg cs;
    unsigned cpl;
    bool inner; /* to a more privileged level: switches stacks */
};

static uint32_t idt_err(const struct exc_event *ev)
{
    return ev->vector * 8u | 2 | ev->ext;
}

static void gate_read(struct cpu *cpu, const struct exc_event *ev, struct gate *g)
{
    bool lma = cpu_lma(cpu);
    unsigned size = lma ? 16 : 8;
    gva addr = cpu->idt.base + (uint64_t)ev->vector * size;
    uint64_t raw;
    uint32_t types = 1 << DT_INT32 | 1 << DT_TRAP32;

    if (ev->vector * size + size - 1 > cpu->idt.limit)
        raise_gp(cpu, idt_err(ev));
    if (!lma)
        types |= 1 << DT_INT16 | 1 << DT_TRAP16 | 1 << DT_TASK;
    raw = cpu_ld_sys(cpu, addr, 8);
    if (raw >> 44 & 1 || !(types >> (raw >> 40 & 15) & 1))
        raise_gp(cpu, idt_err(ev));
    if (ev->soft && (raw >> 45 & 3) < cpu->cpl)
        raise_gp(cpu, idt_err(ev));
    if (!(raw >> 47 & 1))
        cpu_raise_err(cpu, EXC_NP, idt_err(ev));
    g->type = raw >> 40 & 15;
    g->sel = (uint16_t)(raw >> 16);
    g->off = (raw & 0xffff) | (g->type & 8 ? raw >> 32 & 0xffff0000 : 0);
    g->ist = raw >> 32 & 7;
    if (lma)
        g->off |= cpu_ld_sys(cpu, addr + 8, 4) << 32;
}

static void gate_target(struct cpu *cpu, const struct exc_event *ev, const struct gate *g,
                        struct target *t)
{
    uint32_t err = SEL_ERR(g->sel) | ev->ext;
    struct desc d;
    uint32_t attr;

    if (SEL_IS_NULL(g->sel))
        raise_gp(cpu, ev->ext);
    if (!desc_fetch(cpu, g->sel, &d))
        raise_gp(cpu, err);
    attr = desc_attr(&d);
    if (!attr_is_code(attr) || attr_dpl(attr) > cpu->cpl)
        raise_gp(cpu, err);
    if (cpu_lma(cpu) && (attr & (SA_L | SA_DB)) != SA_L)
        raise_gp(cpu, err);
    if (!(attr & SA_P))
        cpu_raise_err(cpu, EXC_NP, err);
    t->cpl = attr_is_conforming(attr) ? cpu->cpl : attr_dpl(attr);
    t->inner = t->cpl < cpu->cpl;
    if (cpu_vm86(cpu) && t->cpl != 0)
        raise_gp(cpu, err); /* handlers of VM86 run at level 0 */
    desc_set_accessed(cpu, &d);
    desc_to_seg(&d, (uint16_t)((g->sel & ~3) | t->cpl), &t->cs);
}

static uint64_t flags_image(const struct cpu *cpu, const struct exc_event *ev)
{
    uint64_t fl = cpu_get_rflags(cpu);

    return ev->rf ? fl | FL_RF : fl & ~(uint64_t)FL_RF;
}

static void enter_done(struct cpu *cpu, const struct gate *g, const struct target *t)
{
    cpu->eflags &= ~(uint32_t)(FL_TF | FL_NT | FL_RF | FL_VM);
    if (!(g->type & 1))
        cpu->eflags &= ~(uint32_t)FL_IF;
    far_commit(cpu, &t->cs, t->cpl, g->off);
}

static void enter_gate32(struct cpu *cpu, const struct exc_event *ev, const struct gate *g)
{
    unsigned size = g->type & 8 ? 4 : 2;
    bool vm = cpu_vm86(cpu);
    struct stack st;
    struct target t;

    gate_target(cpu, ev, g, &t);
    if (t.inner)
        far_inner_stack(cpu, t.cpl, ev->ext, &st);
    else
        stack_init(&st, cpu);
    st.err |= t.inner ? 0 : ev->ext;
    if (!seg_in_limit(&t.cs, g->off, 1))
        raise_gp(cpu, ev->ext);
    if (vm) {
        static const uint8_t order[] = {SEG_GS, SEG_FS, SEG_DS, SEG_ES};

        for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
            stack_push(&st, cpu->seg[order[i]].sel, size);
    }
    if (t.inner) {
        stack_push(&st, cpu->seg[SEG_SS].sel, size);
        stack_push(&st, cpu->gpr[R_SP], size);
    }
    stack_push(&st, flags_image(cpu, ev), size);
    stack_push(&st, cpu->seg[SEG_CS].sel, size);
    stack_push(&st, ev->ret, size);
    if (ev->has_error)
        stack_push(&st, ev->error, size);
    if (vm)
        for (unsigned i = 0; i < SEG_COUNT; i++)
            if (i != SEG_CS && i != SEG_SS)
                seg_null(cpu, i, 0);
    if (t.inner)
        cpu->seg[SEG_SS] = st.ss;
    stack_commit(&st);
    enter_done(cpu, g, &t);
}

static void enter_gate64(struct cpu *cpu, const struct exc_event *ev, const struct gate *g)
{
    struct target t;
    uint64_t frame[6], rsp;
    unsigned n = 0;
    gva top;

    gate_target(cpu, ev, g, &t);
    if (g->ist)
        rsp = far_tss64_rsp(cpu, 3 + g->ist, ev->ext);
    else if (t.inner)
        rsp = far_tss64_rsp(cpu, t.cpl, ev->ext);
    else
        rsp = cpu->gpr[R_SP];
    rsp &= ~15ull;
    if (!cpu_canonical(g->off))
        raise_gp(cpu, ev->ext);
    if (ev->has_error)
        frame[n++] = ev->error;
    frame[n++] = ev->ret;
    frame[n++] = cpu->seg[SEG_CS].sel;
    frame[n++] = flags_image(cpu, ev);
    frame[n++] = cpu->gpr[R_SP];
    frame[n++] = cpu->seg[SEG_SS].sel;
    top = rsp - n * 8;
    if (!cpu_canonical(top) || !cpu_canonical(rsp - 1))
        cpu_raise_err(cpu, EXC_SS, ev->ext);
    for (gva at = rsp; n; at = top + n * 8) /* in push order: CR2 tells the first that faults */
        access_store(cpu, at - 8, &frame[--n], 8, access_view(cpu, t.cpl));
    cpu->gpr[R_SP] = top;
    if (t.inner)
        seg_null(cpu, SEG_SS, (uint16_t)t.cpl);
    enter_done(cpu, g, &t);
}

static void enter_task(struct cpu *cpu, const struct exc_event *ev, uint16_t sel)
{
    struct desc d;

    task_fetch_tss(cpu, sel, ev->ext, &d);
    task_switch(cpu, sel, &d, TASK_INT, ev->ext, ev->ret, ev->rf);
    if (ev->has_error)
        task_push_error(cpu, ev->error);
}

static void log_event(const struct cpu *cpu, const struct exc_event *ev)
{
    log_printf("int: v=%02x e=%04x soft=%d cpl=%d cs:rip=%04x:%016llx ss:rsp=%04x:%016llx "
               "cr2=%016llx\n",
               ev->vector, ev->error, ev->soft, cpu->cpl, cpu->seg[SEG_CS].sel,
               (unsigned long long)ev->ret, cpu->seg[SEG_SS].sel,
               (unsigned long long)cpu->gpr[R_SP], (unsigned long long)cpu->cr2);
}

void exc_enter(struct cpu *cpu, const struct exc_event *ev)
{
    struct gate g;

    if (log_on(LOG_INT))
        log_event(cpu, ev);
    if (!(cpu->cr0 & CR0_PE)) {
        enter_real(cpu, ev);
    } else {
        /* All accesses are the supervisor's; enter_done() or record() sets the view again. */
        if (cpu_lma(cpu) && cpu->mmu.view == MMU_USER)
            mmu_set_view(&cpu->mmu, MMU_SUPER);
        gate_read(cpu, ev, &g);
        if (cpu_lma(cpu))
            enter_gate64(cpu, ev, &g);
        else if (g.type == DT_TASK)
            enter_task(cpu, ev, g.sel);
        else
            enter_gate32(cpu, ev, &g);
    }
    cpu->halted = false;
    cpu->shadow = 0;
}

/* --- the run loop's entries --- */

/* RF of an event that is not a fault: matters only while breakpoints are armed. */
static bool current_rf(const struct cpu *cpu)
{
    return cpu->mode & CM_STEP && cpu->eflags & FL_RF;
}

/* Faults push RF = 1, but not traps (#DB by step or data, #BP, #OF) nor instruction
 * breakpoints (SDM vol. 3 17.3.1.1). */
static bool fault_rf(const struct cpu *cpu, const struct exc *e)
{
    if (e->soft || e->vector == EXC_BP || e->vector == EXC_OF)
        return current_rf(cpu);
    if (e->vector == EXC_DB && !(e->dr6 & DR6_BD))
        return current_rf(cpu);
    return true;
}

static void finish(struct cpu *cpu)
{
    cpu->exc.delivering = -1;
    cpu->rip = cpu->next_rip;
    task_trap(cpu);
}

void exc_deliver(struct cpu *cpu)
{
    struct exc *e = &cpu->exc;
    struct exc_event ev = {
        .vector = e->vector,
        .soft = e->soft,
        .has_error = e->has_error,
        .rf = fault_rf(cpu, e),
        .ext = !e->soft,
        .error = e->has_error ? e->error : 0,
        .ret = e->soft ? cpu->next_rip : cpu->rip,
    };

    if (e->vector == EXC_PF)
        cpu->cr2 = e->cr2;
    if (e->vector == EXC_DB && !e->soft) {
        cpu->dr[6] |= e->dr6;
        cpu->dr[7] &= ~(uint64_t)DR7_GD;
        e->dr6 = 0;
    }
    cpu->jit_ra = 0;
    e->delivering = e->soft ? -1 : e->vector;
    exc_enter(cpu, &ev);
    e->pending = false; /* only now: a restart in between delivers again */
    finish(cpu);
}

void exc_interrupt(struct cpu *cpu, uint8_t vector)
{
    struct exc_event ev = {
        .vector = vector, .ext = 1, .ret = cpu->rip, .rf = current_rf(cpu)};

    cpu->jit_ra = 0;
    cpu->exc.delivering = -1; /* benign, whatever its number */
    exc_enter(cpu, &ev);
    finish(cpu);
}

void exc_nmi(struct cpu *cpu)
{
    struct exc_event ev = {
        .vector = EXC_NMI, .ext = 1, .ret = cpu->rip, .rf = current_rf(cpu)};

    cpu->jit_ra = 0;
    cpu->exc.delivering = -1;
    exc_enter(cpu, &ev);
    cpu->nmi_blocked = true;
    finish(cpu);
}
