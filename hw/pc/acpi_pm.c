/* SPDX-License-Identifier: MIT
 * ACPI specification 6.4, 4.8.3 (PM1, PM timer) and 4.8.4.1 (GPE), with the register
 * layout of the PIIX4 (290562-001, chapter 7.2). Left out: sleep states other than S5,
 * processor control, device monitors, the global lock, SMI. */
#include "hw/pc/acpi_pm.h"

#include "softmmu/log.h"

#define PM1_TMR    0x0001
#define PM1_GBL    0x0020
#define PM1_PWRBTN 0x0100
#define PM1_RTC    0x0400
#define PM1_WAK    0x8000
#define PM1_EVENTS (PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_RTC)

#define CNT_SCI_EN  0x0001
#define CNT_BM_RLD  0x0002
#define CNT_SLP_TYP 0x1c00
#define CNT_SLP_EN  0x2000

#define TMR_MASK      0xffffffu
#define TMR_CARRY_BIT 23

static uint64_t pm_ticks(const struct acpi_pm *pm)
{
    return muldiv64(dev_now(&pm->dev), ACPI_PM_TIMER_HZ, NS_PER_S);
}

/* TMR_STS comes when bit 23 of the timer changes. */
static void sync_timer(struct acpi_pm *pm)
{
    uint64_t t = pm_ticks(pm);

    if (t >> TMR_CARRY_BIT != pm->tmr_synced >> TMR_CARRY_BIT)
        pm->pm1_sts |= PM1_TMR;
    pm->tmr_synced = t;
}

static void acpi_pm_update(struct acpi_pm *pm)
{
    uint64_t carry = ((pm->tmr_synced >> TMR_CARRY_BIT) + 1) << TMR_CARRY_BIT;
    bool level = (pm->pm1_cnt & CNT_SCI_EN) &&
                 ((pm->pm1_sts & pm->pm1_en & PM1_EVENTS) || (pm->gpe_sts & pm->gpe_en));

    if (level != pm->sci_level) {
        pm->sci_level = level;
        irq_set(&pm->sci, level);
    }
    event_schedule(pm->dev.env->clock, &pm->overflow,
                   pm->pm1_en & PM1_TMR ? muldiv64(carry, NS_PER_S, ACPI_PM_TIMER_HZ) + 1
                                        : CLOCK_NEVER);
}

static void overflow_event(void *opaque, uint64_t late_ns)
{
    struct acpi_pm *pm = opaque;

    sync_timer(pm);
    acpi_pm_update(pm);
}

/* The aligned dword of registers that holds an offset. */
static uint32_t read_dword(const struct acpi_pm *pm, uint64_t offset)
{
    switch (offset & ~3ull) {
    case ACPI_PM1_EVT: return pm->pm1_sts | (uint32_t)pm->pm1_en << 16;
    case ACPI_PM1_CNT: return pm->pm1_cnt;
    case ACPI_PM_TMR: return pm->tmr_synced & TMR_MASK;
    case ACPI_GPE0: return pm->gpe_sts | (uint32_t)pm->gpe_en << 16;
    default: return 0;
    }
}

static uint64_t pm_read(void *opaque, uint64_t offset, unsigned size)
{
    struct acpi_pm *pm = opaque;

    sync_timer(pm);
    return read_dword(pm, offset) >> (8 * (offset & 3));
}

static void write_cnt(struct acpi_pm *pm, uint16_t v)
{
    pm->pm1_cnt = v & (CNT_SCI_EN | CNT_BM_RLD | CNT_SLP_TYP);
    if (!(v & CNT_SLP_EN))
        return;
    if ((v & CNT_SLP_TYP) >> 10 != ACPI_SLP_TYP_S5) {
        LOG_UNIMPL("acpi: sleep type %u", (v & CNT_SLP_TYP) >> 10);
        pm->pm1_sts |= PM1_WAK; /* as if it had woken at once */
        return;
    }
    if (pm->power_off)
        pm->power_off(pm->opaque);
}

static uint16_t with_byte(uint16_t reg, bool high, uint8_t v)
{
    return high ? (reg & 0x00ff) | v << 8 : (reg & 0xff00) | v;
}

static void write_byte(struct acpi_pm *pm, uint64_t offset, uint8_t v)
{
    bool high = offset & 1;
    uint16_t ones = high ? v << 8 : v;

    switch (offset & ~1ull) {
    case ACPI_PM1_EVT: pm->pm1_sts &= ~ones; break;
    case ACPI_PM1_EVT + 2: pm->pm1_en = with_byte(pm->pm1_en, high, v) & PM1_EVENTS; break;
    case ACPI_PM1_CNT: write_cnt(pm, with_byte(pm->pm1_cnt, high, v)); break;
    case ACPI_GPE0: pm->gpe_sts &= ~ones; break;
    case ACPI_GPE0 + 2: pm->gpe_en = with_byte(pm->gpe_en, high, v); break;
    default: break;
    }
}

static void pm_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct acpi_pm *pm = opaque;
    unsigned i;

    sync_timer(pm);
    for (i = 0; i < size; i++)
        write_byte(pm, offset + i, value >> (8 * i));
    acpi_pm_update(pm);
}

static uint64_t apm_read(void *opaque, uint64_t offset, unsigned size)
{
    struct acpi_pm *pm = opaque;

    return offset ? pm->apm_sts : pm->apm_cnt;
}

static void apm_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct acpi_pm *pm = opaque;

    if (offset) {
        pm->apm_sts = value;
        return;
    }
    pm->apm_cnt = value;
    if (value == ACPI_SMI_ENABLE)
        acpi_pm_set_sci_enable(pm, true);
    else if (value == ACPI_SMI_DISABLE)
        acpi_pm_set_sci_enable(pm, false);
}

void acpi_pm_set_sci_enable(struct acpi_pm *pm, bool on)
{
    pm->pm1_cnt = on ? pm->pm1_cnt | CNT_SCI_EN : pm->pm1_cnt & ~CNT_SCI_EN;
    acpi_pm_update(pm);
}

void acpi_pm_power_button(struct acpi_pm *pm)
{
    pm->pm1_sts |= PM1_PWRBTN;
    acpi_pm_update(pm);
}

void acpi_pm_set_gpe(struct acpi_pm *pm, unsigned n)
{
    pm->gpe_sts |= 1u << (n & 15);
    acpi_pm_update(pm);
}

static bool acpi_pm_realize(struct dev *d, struct err *e)
{
    struct acpi_pm *pm = (struct acpi_pm *)d;

    pm->overflow.fn = overflow_event;
    pm->overflow.opaque = pm;
    return true;
}

static void acpi_pm_reset(struct dev *d)
{
    struct acpi_pm *pm = (struct acpi_pm *)d;

    pm->pm1_sts = pm->pm1_en = pm->pm1_cnt = pm->gpe_sts = pm->gpe_en = 0;
    pm->apm_cnt = pm->apm_sts = 0;
    pm->tmr_synced = pm_ticks(pm);
    pm->sci_level = false;
    irq_set(&pm->sci, 0);
    acpi_pm_update(pm);
}

static const struct state_field acpi_pm_state[] = {
    STATE(struct acpi_pm, pm1_sts),
    STATE(struct acpi_pm, pm1_en),
    STATE(struct acpi_pm, pm1_cnt),
    STATE(struct acpi_pm, gpe_sts),
    STATE(struct acpi_pm, gpe_en),
    STATE(struct acpi_pm, apm_cnt),
    STATE(struct acpi_pm, apm_sts),
    STATE(struct acpi_pm, tmr_synced),
    STATE(struct acpi_pm, sci_level),
    STATE_EV(struct acpi_pm, overflow),
    STATE_END,
};

static const struct dev_region acpi_pm_regions[] = {
    {"acpi-pm", REGION_PORT, ACPI_PM_SIZE, {pm_read, pm_write, 1, 4}},
    {"apm", REGION_PORT, 2, {apm_read, apm_write, 1, 1}},
    {0},
};

const struct dev_class acpi_pm_class = {
    .name = "acpi-pm",
    .size = sizeof(struct acpi_pm),
    .state = acpi_pm_state,
    .regions = acpi_pm_regions,
    .realize = acpi_pm_realize,
    .reset = acpi_pm_reset,
};
