/* SPDX-License-Identifier: MIT
 * The console on a serial line. */
#ifndef FIRMWARE_BIOS_SERCON_H
#define FIRMWARE_BIOS_SERCON_H

#include "firmware/bios/bios.h"

extern u16 sercon_port; /* 0: off */

void int10_none(struct regs *r);
void int10_mirror(struct regs *r);
void sercon_start(struct regs *r);
/* Moves what was typed into the keyboard's ring; called by INT 16h. */
void sercon_poll(void);
#endif
