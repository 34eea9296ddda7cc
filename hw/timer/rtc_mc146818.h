/* SPDX-License-Identifier: MIT
 * MC146818 real-time clock with 128 bytes of CMOS RAM. */
#ifndef HW_TIMER_RTC_MC146818_H
#define HW_TIMER_RTC_MC146818_H

#include "softmmu/dev.h"
#include "softmmu/irq.h"

struct rtc {
    struct dev dev;
    struct irq irq; /* wire: IRQ 8 */
    bool slew;      /* property: periodic interrupts that came to nothing follow later */
    uint64_t epoch; /* property: UTC seconds since 1970 at machine start; 0 = host time */
    int64_t base;   /* seconds since 1970 minus clock seconds */
    uint64_t phase; /* ns added to the clock so that seconds begin where the guest put them */
    uint8_t index;  /* port 0x70 */
    uint8_t cmos[128];
    uint64_t synced; /* ns up to which flags are accounted for */
    uint32_t owed;   /* with slew: periodic interrupts yet to follow */
    uint64_t repay;  /* ns: the next of those, once the guest has read register C */
    struct event ev;
};

extern const struct dev_class rtc_class;

/* CMOS byte as firmware or a board would preset it; index 0x0e..0x7f. */
void rtc_set_cmos(struct rtc *r, unsigned index, uint8_t value);

#endif
