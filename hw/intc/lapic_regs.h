/* SPDX-License-Identifier: MIT
 * Register numbers and bits of the local APIC (SDM vol. 3, table 11-1), and what its three
 * files share. Private to them. */
#ifndef HW_INTC_LAPIC_REGS_H
#define HW_INTC_LAPIC_REGS_H

#include "hw/intc/lapic.h"

/* MMIO offset / 16 = MSR - 0x800 */
enum lapic_reg {
    REG_ID = 0x02,
    REG_VERSION = 0x03,
    REG_TPR = 0x08,
    REG_APR = 0x09,
    REG_PPR = 0x0a,
    REG_EOI = 0x0b,
    REG_RRD = 0x0c,
    REG_LDR = 0x0d,
    REG_DFR = 0x0e,
    REG_SVR = 0x0f,
    REG_ISR = 0x10,
    REG_TMR = 0x18,
    REG_IRR = 0x20,
    REG_ESR = 0x28,
    REG_ICR = 0x30,
    REG_ICR_HIGH = 0x31,
    REG_LVT = 0x32,
    REG_INITIAL = 0x38,
    REG_CURRENT = 0x39,
    REG_DIVIDE = 0x3e,
    REG_SELF_IPI = 0x3f,
};

#define BASE_BSP    (1u << 8)
#define BASE_EXTD   (1u << 10)
#define BASE_ENABLE (1u << 11)
#define BASE_ADDR   0x000ffffffffff000ull

#define SVR_ENABLE (1u << 8)
#define SVR_MASK   0x3ffu

#define LVT_MASKED      (1u << 16)
#define LVT_VECTOR(lvt) ((lvt)&0xff)
#define LVT_MODE(lvt)   ((lvt) >> 8 & 7)
#define LVT_LEVEL       (1u << 15)
#define LVT_REMOTE_IRR  (1u << 14)
#define LVT_STATUS      (1u << 12)
#define TIMER_MODE(lvt) ((lvt) >> 17 & 3)
#define TIMER_ONE_SHOT  0
#define TIMER_PERIODIC  1
#define TIMER_DEADLINE  2

#define ESR_SEND_ILLEGAL     (1u << 5)
#define ESR_RECEIVE_ILLEGAL  (1u << 6)
#define ESR_ILLEGAL_REGISTER (1u << 7)

#define ICR_LOGICAL (1u << 11)
#define ICR_STATUS  (1u << 12)
#define ICR_ASSERT  (1u << 14)
#define ICR_LEVEL   (1u << 15)

static inline bool lapic_enabled(const struct lapic *l)
{
    return l->base_msr & BASE_ENABLE;
}

static inline bool lapic_x2apic(const struct lapic *l)
{
    return l->base_msr & BASE_EXTD;
}

/* writable bits of an LVT entry */
extern const uint32_t lapic_lvt_mask[LVT_COUNT];

void lapic_update(struct lapic *l);
void lapic_error(struct lapic *l, uint32_t bits);
void lapic_accept(struct lapic *l, uint8_t vector, bool level); /* a fixed interrupt */
uint8_t lapic_ppr(const struct lapic *l);
void apic_bus_send(struct lapic *l, const struct apic_msg *msg); /* to this one APIC */
void lapic_place(struct lapic *l);
void lapic_send_icr(struct lapic *l);
void lapic_clear(struct lapic *l); /* power-up state but for id and base MSR */
/* false: there is no such register, or not in this direction */
bool lapic_reg_read(struct lapic *l, unsigned reg, uint32_t *value);
bool lapic_reg_write(struct lapic *l, unsigned reg, uint32_t value);

void lapic_timer_event(void *opaque, uint64_t late_ns);
void lapic_timer_arm(struct lapic *l);
uint32_t lapic_timer_current(const struct lapic *l);
void lapic_timer_set_initial(struct lapic *l, uint32_t value);
void lapic_timer_set_divide(struct lapic *l, uint32_t value);
void lapic_timer_set_lvt(struct lapic *l, uint32_t value);
void lapic_timer_set_deadline(struct lapic *l, uint64_t tsc);

#endif
