/* SPDX-License-Identifier: MIT */
#include "frontend/rom.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROM_MAX (16 << 20)

bool rom_open(struct boot_file *f, const struct opts *o, const char *name, struct err *e)
{
    const char *const dirs[] = {o->data_dir, "/usr/share/seabios", "/usr/share/qemu"};
    char path[PATH_MAX];

    if (access(name, R_OK) && !strchr(name, '/'))
        for (unsigned i = 0; i < ARRAY_SIZE(dirs); i++) {
            if (!dirs[i])
                continue;
            snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
            if (!access(path, R_OK))
                return boot_file_open(f, path, ROM_MAX, e);
        }
    return boot_file_open(f, name, ROM_MAX, e);
}
