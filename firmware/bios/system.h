/* SPDX-License-Identifier: MIT
 * System services of INT 15h and what POST tells them. */
#ifndef FIRMWARE_BIOS_SYSTEM_H
#define FIRMWARE_BIOS_SYSTEM_H

#include "firmware/bios/bios.h"

extern u32 low_ram_end;  /* bytes; end of RAM below 4 GiB */
extern u32 free_ram_end; /* the same without what the firmware keeps at the top */
extern u16 pm_base;      /* ACPI PM block, 0: none */

void int15_mouse(struct regs *r);
#endif
