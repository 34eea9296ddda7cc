/* SPDX-License-Identifier: MIT
 * ACPI fixed hardware of the PIIX4: PM1a, PM timer, GPE0, and the APM ports. */
#ifndef HW_PC_ACPI_PM_H
#define HW_PC_ACPI_PM_H

#include "softmmu/dev.h"
#include "softmmu/irq.h"

#define ACPI_PM_TIMER_HZ 3579545u
#define ACPI_PM_SIZE     64   /* bytes of ports at PMBASE */
#define ACPI_PM1_EVT     0x00 /* offsets from PMBASE */
#define ACPI_PM1_CNT     0x04
#define ACPI_PM_TMR      0x08 /* 24 bits */
#define ACPI_GPE0        0x0c /* 2 bytes of status, 2 of enable */
#define ACPI_SLP_TYP_S5  0
#define ACPI_SMI_CMD     0xb2
#define ACPI_SMI_ENABLE  0xf1
#define ACPI_SMI_DISABLE 0xf0

enum { ACPI_PM_REGION_PM, ACPI_PM_REGION_APM };

struct acpi_pm {
    struct dev dev;
    struct irq sci; /* wire: level */
    void *opaque;   /* wire: S5 entered */
    void (*power_off)(void *opaque);

    uint16_t pm1_sts, pm1_en, pm1_cnt, gpe_sts, gpe_en;
    uint8_t apm_cnt, apm_sts;
    uint64_t tmr_synced; /* PM timer tick up to which TMR_STS is accounted for */
    bool sci_level;
    struct event overflow;
};

extern const struct dev_class acpi_pm_class;

void acpi_pm_power_button(struct acpi_pm *pm);
void acpi_pm_set_gpe(struct acpi_pm *pm, unsigned n); /* n 0..15, an event came in */
void acpi_pm_set_sci_enable(struct acpi_pm *pm, bool on);

#endif
