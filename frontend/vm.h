/* SPDX-License-Identifier: MIT
 * One virtual machine from power-on to its end. */
#ifndef FRONTEND_VM_H
#define FRONTEND_VM_H

#include "frontend/opts.h"

/* Builds the machine that o describes and runs it. Returns the exit status of the
 * process: 0 guest power-off or quit, isa-debug-exit's (value << 1) | 1, or 1 after
 * one line on stderr (configuration error, triple fault with -no-reboot). */
int vm_run(const struct opts *o);

#endif
