/* SPDX-License-Identifier: MIT
 * Local APIC, xAPIC view: Intel SDM vol. 3, chapter 11 (version 14H, six LVT entries).
 * lapic_timer.c has the timer, lapic_msr.c the MSRs and the modes, apic_bus.c the messages.
 * Left out: CMCI and extended LVTs, suppression of EOI broadcasts, the arbitration id of
 * the three-wire bus, focus processors. The register page is shared: bus->current_cpu says
 * whose registers are meant, and CPU 0's IA32_APIC_BASE places it for all. */
#include "hw/intc/lapic_regs.h"

#include <string.h>

#include "softmmu/log.h"

#define VERSION 0x00050014u /* five is the highest LVT index */

const uint32_t lapic_lvt_mask[LVT_COUNT] = {
    [LVT_TIMER] = 0x700ff, [LVT_THERMAL] = 0x107ff, [LVT_PERF] = 0x107ff,
    [LVT_LINT0] = 0x1a7ff, [LVT_LINT1] = 0x1a7ff,   [LVT_ERROR] = 0x100ff,
};

static int highest(const uint32_t *words)
{
    int i;

    for (i = 7; i >= 0; i--)
        if (words[i])
            return 32 * i + 31 - __builtin_clz(words[i]);
    return -1;
}

static void set_bit(uint32_t *words, uint8_t n)
{
    words[n >> 5] |= 1u << (n & 31);
}

static void clear_bit(uint32_t *words, uint8_t n)
{
    words[n >> 5] &= ~(1u << (n & 31));
}

static bool test_bit(const uint32_t *words, uint8_t n)
{
    return words[n >> 5] >> (n & 31) & 1;
}

uint8_t lapic_ppr(const struct lapic *l)
{
    int served = highest(l->isr);

    if (served < 0 || l->tpr >> 4 >= served >> 4)
        return l->tpr;
    return served & 0xf0;
}

int lapic_pending(const struct lapic *l)
{
    int v = highest(l->irr);

    return v >= 0 && v >> 4 > lapic_ppr(l) >> 4 ? v : -1;
}

static bool extint_waits(const struct lapic *l)
{
    uint32_t lvt = l->lvt[LVT_LINT0];

    if (!lapic_enabled(l))
        return l->lint0; /* the pins are INTR and NMI then (SDM 11.4.3) */
    return l->extint || (l->lint0 && !(lvt & LVT_MASKED) && LVT_MODE(lvt) == APIC_EXTINT);
}

void lapic_update(struct lapic *l)
{
    bool level = extint_waits(l) || (lapic_enabled(l) && lapic_pending(l) >= 0);

    if (level == l->intr_level)
        return;
    l->intr_level = level;
    if (l->bus && l->bus->intr)
        l->bus->intr(l->bus->opaque, l->cpu, level);
}

int lapic_ack(struct lapic *l)
{
    int v = lapic_enabled(l) ? lapic_pending(l) : -1;

    if (v >= 0) {
        clear_bit(l->irr, v);
        set_bit(l->isr, v);
        lapic_update(l);
        return v;
    }
    if (!extint_waits(l))
        return LVT_VECTOR(l->svr);
    l->extint = false;
    lapic_update(l);
    return -1;
}

void lapic_error(struct lapic *l, uint32_t bits)
{
    uint32_t lvt = l->lvt[LVT_ERROR];

    l->errors |= bits;
    if (!(lvt & LVT_MASKED) && LVT_VECTOR(lvt) >= 16)
        lapic_accept(l, LVT_VECTOR(lvt), false);
}

void lapic_accept(struct lapic *l, uint8_t vector, bool level)
{
    if (!lapic_enabled(l) || !(l->svr & SVR_ENABLE))
        return;
    if (vector < 16) {
        lapic_error(l, ESR_RECEIVE_ILLEGAL);
        return;
    }
    set_bit(l->irr, vector);
    if (level)
        set_bit(l->tmr, vector);
    else
        clear_bit(l->tmr, vector);
    lapic_update(l);
}

/* A rising edge or asserted level on LINT0/LINT1. */
static void local_line(struct lapic *l, unsigned which, bool rising)
{
    struct apic_msg msg = {.mode = LVT_MODE(l->lvt[which]),
                           .vector = LVT_VECTOR(l->lvt[which]),
                           .level = l->lvt[which] & LVT_LEVEL};

    if (!lapic_enabled(l)) {
        if (which == LVT_LINT1 && rising && l->bus && l->bus->nmi)
            l->bus->nmi(l->bus->opaque, l->cpu);
        return;
    }
    if ((l->lvt[which] & LVT_MASKED) || msg.mode == APIC_EXTINT)
        return;
    if (msg.mode != APIC_FIXED) {
        if (rising)
            apic_bus_send(l, &msg);
    } else if (!msg.level) {
        if (rising)
            lapic_accept(l, msg.vector, false);
    } else if (!(l->lvt[which] & LVT_REMOTE_IRR)) {
        l->lvt[which] |= LVT_REMOTE_IRR;
        lapic_accept(l, msg.vector, true);
    }
}

void lapic_set_lint0(void *opaque, int n, int level)
{
    struct lapic *l = opaque;
    bool rising = level && !l->lint0;

    l->lint0 = level;
    if (level)
        local_line(l, LVT_LINT0, rising);
    lapic_update(l);
}

void lapic_set_lint1(void *opaque, int n, int level)
{
    struct lapic *l = opaque;
    bool rising = level && !l->lint1;

    l->lint1 = level;
    if (level)
        local_line(l, LVT_LINT1, rising);
}

static void write_eoi(struct lapic *l)
{
    int v = highest(l->isr);
    unsigned i;

    if (v < 0)
        return;
    clear_bit(l->isr, v);
    if (test_bit(l->tmr, v)) {
        for (i = LVT_LINT0; i <= LVT_LINT1; i++) {
            if ((int)LVT_VECTOR(l->lvt[i]) != v || !(l->lvt[i] & LVT_REMOTE_IRR))
                continue;
            l->lvt[i] &= ~LVT_REMOTE_IRR;
            if (i == LVT_LINT0 ? l->lint0 : l->lint1)
                local_line(l, i, false);
        }
        if (l->bus && l->bus->eoi)
            l->bus->eoi(l->bus->eoi_opaque, v);
    }
    lapic_update(l);
}

bool lapic_reg_read(struct lapic *l, unsigned reg, uint32_t *value)
{
    switch (reg) {
    case REG_ID: *value = lapic_x2apic(l) ? l->id : l->id << 24; break;
    case REG_VERSION: *value = VERSION; break;
    case REG_TPR: *value = l->tpr; break;
    case REG_APR: *value = 0; break;
    case REG_PPR: *value = lapic_ppr(l); break;
    case REG_LDR: *value = l->ldr; break;
    case REG_DFR: *value = l->dfr; break;
    case REG_SVR: *value = l->svr; break;
    case REG_ISR ... REG_ISR + 7: *value = l->isr[reg - REG_ISR]; break;
    case REG_TMR ... REG_TMR + 7: *value = l->tmr[reg - REG_TMR]; break;
    case REG_IRR ... REG_IRR + 7: *value = l->irr[reg - REG_IRR]; break;
    case REG_ESR: *value = l->esr; break;
    case REG_ICR: *value = (uint32_t)l->icr; break;
    case REG_ICR_HIGH: *value = l->icr >> 32; break;
    case REG_LVT ... REG_LVT + LVT_COUNT - 1: *value = l->lvt[reg - REG_LVT]; break;
    case REG_INITIAL: *value = l->initial_count; break;
    case REG_CURRENT: *value = lapic_timer_current(l); break;
    case REG_DIVIDE: *value = l->divide; break;
    case REG_EOI: *value = 0; return false;
    default: *value = 0; return false;
    }
    return true;
}

static void write_lvt(struct lapic *l, unsigned n, uint32_t value)
{
    value &= lapic_lvt_mask[n];
    if (!(l->svr & SVR_ENABLE))
        value |= LVT_MASKED;
    if (n == LVT_TIMER) {
        lapic_timer_set_lvt(l, value);
        return;
    }
    if (value & LVT_LEVEL)
        value |= l->lvt[n] & LVT_REMOTE_IRR;
    l->lvt[n] = value;
    if ((n == LVT_LINT0 && l->lint0) || (n == LVT_LINT1 && l->lint1))
        local_line(l, n, false);
    lapic_update(l);
}

static void write_svr(struct lapic *l, uint32_t value)
{
    unsigned i;

    l->svr = value & SVR_MASK;
    if (!(value & SVR_ENABLE))
        for (i = 0; i < LVT_COUNT; i++)
            l->lvt[i] |= LVT_MASKED;
    lapic_update(l);
}

bool lapic_reg_write(struct lapic *l, unsigned reg, uint32_t value)
{
    switch (reg) {
    case REG_ID: l->id = value >> 24; break;
    case REG_TPR:
        l->tpr = value;
        lapic_update(l);
        break;
    case REG_EOI: write_eoi(l); break;
    case REG_LDR: l->ldr = value & 0xff000000; break;
    case REG_DFR: l->dfr = value | 0x0fffffff; break;
    case REG_SVR: write_svr(l, value); break;
    case REG_ESR: /* a write latches what has gathered */
        l->esr = l->errors;
        l->errors = 0;
        break;
    case REG_ICR:
        l->icr = (l->icr & ~0xffffffffull) | (value & ~ICR_STATUS);
        lapic_send_icr(l);
        break;
    case REG_ICR_HIGH: l->icr = (uint32_t)l->icr | (uint64_t)value << 32; break;
    case REG_LVT ... REG_LVT + LVT_COUNT - 1: write_lvt(l, reg - REG_LVT, value); break;
    case REG_INITIAL: lapic_timer_set_initial(l, value); break;
    case REG_DIVIDE: lapic_timer_set_divide(l, value); break;
    default: return false;
    }
    return true;
}

/* The register page belongs to whichever CPU makes the access. */
static struct lapic *accessed(struct lapic *l)
{
    unsigned cpu;

    if (!l->bus || !l->bus->current_cpu)
        return l;
    cpu = l->bus->current_cpu(l->bus->opaque);
    return cpu < l->bus->n ? l->bus->cpu[cpu] : l;
}

static uint64_t page_read(void *opaque, uint64_t offset, unsigned size)
{
    struct lapic *l = accessed(opaque);
    uint32_t value;

    if (!lapic_enabled(l) || lapic_x2apic(l))
        return ~0ull;
    if (offset & 0xf)
        return 0;
    if (!lapic_reg_read(l, offset >> 4, &value) && offset >> 4 != REG_EOI) {
        LOG_GUEST("lapic: read of reserved register 0x%x", (unsigned)offset);
        lapic_error(l, ESR_ILLEGAL_REGISTER);
    }
    return value;
}

static void page_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct lapic *l = accessed(opaque);

    if (!lapic_enabled(l) || lapic_x2apic(l) || (offset & 0xf))
        return;
    if (lapic_reg_write(l, offset >> 4, value))
        return;
    LOG_GUEST("lapic: write to reserved register 0x%x", (unsigned)offset);
    lapic_error(l, ESR_ILLEGAL_REGISTER);
}

void lapic_clear(struct lapic *l)
{
    unsigned i;

    l->tpr = 0;
    l->ldr = l->esr = l->errors = 0;
    l->dfr = 0xffffffff;
    l->svr = 0xff;
    l->icr = 0;
    for (i = 0; i < LVT_COUNT; i++)
        l->lvt[i] = LVT_MASKED;
    memset(l->irr, 0, sizeof(l->irr));
    memset(l->isr, 0, sizeof(l->isr));
    memset(l->tmr, 0, sizeof(l->tmr));
    l->initial_count = l->divide = 0;
    l->timer_start = l->tsc_deadline = 0;
    l->extint = false;
    event_cancel(l->dev.env->clock, &l->timer);
    lapic_update(l);
}

void lapic_init_signal(struct lapic *l)
{
    lapic_clear(l);
    if (lapic_x2apic(l)) /* the mode survives INIT (SDM 11.12.5.1) and so does LDR */
        l->ldr = (l->id & ~15u) << 12 | 1u << (l->id & 15);
}

void lapic_set_virtual_wire(struct lapic *l)
{
    lapic_reg_write(l, REG_SVR, SVR_ENABLE | 0xff);
    lapic_reg_write(l, REG_LVT + LVT_LINT0, APIC_EXTINT << 8);
    lapic_reg_write(l, REG_LVT + LVT_LINT1, APIC_NMI << 8);
}

static bool lapic_realize(struct dev *d, struct err *e)
{
    struct lapic *l = (struct lapic *)d;

    l->timer.fn = lapic_timer_event;
    l->timer.opaque = l;
    return true;
}

static void lapic_reset(struct dev *d)
{
    struct lapic *l = (struct lapic *)d;

    l->id = l->cpu;
    l->base_msr = LAPIC_BASE | BASE_ENABLE | (l->bsp ? BASE_BSP : 0);
    lapic_place(l);
    lapic_clear(l);
}

static const struct state_field lapic_state[] = {
    STATE(struct lapic, base_msr),
    STATE(struct lapic, id),
    STATE(struct lapic, tpr),
    STATE(struct lapic, ldr),
    STATE(struct lapic, dfr),
    STATE(struct lapic, svr),
    STATE(struct lapic, esr),
    STATE(struct lapic, errors),
    STATE(struct lapic, icr),
    STATE_ARRAY(struct lapic, lvt),
    STATE_ARRAY(struct lapic, irr),
    STATE_ARRAY(struct lapic, isr),
    STATE_ARRAY(struct lapic, tmr),
    STATE(struct lapic, initial_count),
    STATE(struct lapic, divide),
    STATE(struct lapic, timer_start),
    STATE(struct lapic, tsc_deadline),
    STATE_KEPT(struct lapic, lint0),
    STATE_KEPT(struct lapic, lint1),
    STATE(struct lapic, extint),
    STATE(struct lapic, intr_level),
    STATE_EV(struct lapic, timer),
    STATE_END,
};

static const struct dev_region lapic_regions[] = {
    {"lapic", REGION_MEM, 4096, {page_read, page_write, 4, 4}},
    {0},
};

const struct dev_class lapic_class = {
    .name = "lapic",
    .size = sizeof(struct lapic),
    .state = lapic_state,
    .regions = lapic_regions,
    .realize = lapic_realize,
    .reset = lapic_reset,
};
