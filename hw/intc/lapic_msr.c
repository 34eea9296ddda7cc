/* SPDX-License-Identifier: MIT
 * Modes and MSRs of the local APIC: Intel SDM vol. 3, 11.4.4 (IA32_APIC_BASE) and 11.12
 * (x2APIC); 11.5.4.1 (IA32_TSC_DEADLINE). */
#include "hw/intc/lapic_regs.h"

#include "softmmu/log.h"

#define MSR_APIC_BASE    0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC       0x800

#define BASE_RESERVED (~(BASE_ADDR | BASE_BSP | BASE_EXTD | BASE_ENABLE))
#define ICR_RESERVED  0xfff32000u

/* Puts the register page where IA32_APIC_BASE says, or nowhere. CPU 0's counts. */
void lapic_place(struct lapic *l)
{
    bool wanted = lapic_enabled(l) && !lapic_x2apic(l);
    gpa base = l->base_msr & BASE_ADDR;
    struct err e;

    if (!l->owns_page || (wanted && l->dev.mapped[0] && l->dev.base[0] == base))
        return;
    dev_unmap(&l->dev, 0);
    if (wanted && !dev_map(&l->dev, 0, base, 0, &e))
        LOG_GUEST("lapic: page not placed: %s", e.msg);
}

static bool write_base(struct lapic *l, uint64_t value)
{
    bool on = value & BASE_ENABLE, x2 = value & BASE_EXTD;
    bool was_on = lapic_enabled(l), was_x2 = lapic_x2apic(l);

    if ((value & BASE_RESERVED) || (x2 && !on))
        return false;
    if ((was_x2 && on && !x2) || (!was_on && x2)) /* SDM figure 11-27: no such edge */
        return false;
    l->base_msr = value;
    if (was_on && !on) {
        l->id = l->cpu;
        lapic_clear(l);
    }
    if (x2 && !was_x2) {
        l->id = l->cpu;
        l->ldr = (l->id & ~15u) << 12 | 1u << (l->id & 15);
        l->icr = (uint32_t)l->icr;
    }
    lapic_place(l);
    lapic_update(l);
    return true;
}

static bool x2apic_read(struct lapic *l, unsigned reg, uint64_t *value)
{
    uint32_t v;

    if (reg == REG_ICR) {
        *value = l->icr;
        return true;
    }
    if (reg == REG_APR || reg == REG_DFR || reg == REG_ICR_HIGH || reg == REG_EOI ||
        !lapic_reg_read(l, reg, &v))
        return false;
    *value = v;
    return true;
}

/* bits of a writable register that must be zero */
static uint64_t reserved_bits(unsigned reg)
{
    switch (reg) {
    case REG_TPR:
    case REG_SELF_IPI: return ~0xffull;
    case REG_EOI:
    case REG_ESR: return ~0ull;
    case REG_SVR: return ~0x3ffull;
    case REG_ICR: return ICR_RESERVED;
    case REG_INITIAL: return ~0xffffffffull;
    case REG_DIVIDE: return ~0xbull;
    case REG_LVT + LVT_LINT0:
    case REG_LVT + LVT_LINT1:
        return ~(uint64_t)(lapic_lvt_mask[LVT_LINT0] | LVT_STATUS | LVT_REMOTE_IRR);
    case REG_LVT + LVT_TIMER:
    case REG_LVT + LVT_THERMAL:
    case REG_LVT + LVT_PERF:
    case REG_LVT + LVT_ERROR: return ~(uint64_t)(lapic_lvt_mask[reg - REG_LVT] | LVT_STATUS);
    default: return ~0ull;
    }
}

static bool x2apic_write(struct lapic *l, unsigned reg, uint64_t value)
{
    if (value & reserved_bits(reg))
        return false;
    switch (reg) {
    case REG_ID: /* read-only in this mode */
    case REG_LDR:
    case REG_DFR:
    case REG_ICR_HIGH: return false;
    case REG_ICR:
        l->icr = value & ~(uint64_t)ICR_STATUS;
        lapic_send_icr(l);
        return true;
    case REG_SELF_IPI:
        if (value < 16)
            lapic_error(l, ESR_SEND_ILLEGAL);
        else
            lapic_accept(l, value, false);
        return true;
    default: return lapic_reg_write(l, reg, value);
    }
}

bool lapic_msr_read(struct lapic *l, uint32_t msr, uint64_t *value)
{
    if (msr == MSR_APIC_BASE)
        *value = l->base_msr;
    else if (msr == MSR_TSC_DEADLINE)
        *value = l->tsc_deadline;
    else
        return msr - MSR_X2APIC <= 0xff && lapic_x2apic(l) &&
               x2apic_read(l, msr - MSR_X2APIC, value);
    return true;
}

bool lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value)
{
    if (msr == MSR_APIC_BASE)
        return write_base(l, value);
    if (msr == MSR_TSC_DEADLINE) {
        lapic_timer_set_deadline(l, value);
        return true;
    }
    return msr - MSR_X2APIC <= 0xff && lapic_x2apic(l) &&
           x2apic_write(l, msr - MSR_X2APIC, value);
}

uint8_t lapic_get_cr8(const struct lapic *l)
{
    return l->tpr >> 4;
}

void lapic_set_cr8(struct lapic *l, uint8_t value)
{
    l->tpr = (value & 15) << 4;
    lapic_update(l);
}
