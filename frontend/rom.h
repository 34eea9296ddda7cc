/* SPDX-License-Identifier: MIT
 * Files with firmware: system ROMs, option ROMs. */
#ifndef FRONTEND_ROM_H
#define FRONTEND_ROM_H

#include "frontend/opts.h"
#include "hw/fw/boot.h"

/* `name` is a path, or a file in -L's folder or where distributions put firmware. At most
 * 16 MiB. Close f with boot_file_close. */
bool rom_open(struct boot_file *f, const struct opts *o, const char *name, struct err *e);

#endif
