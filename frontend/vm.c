/* SPDX-License-Identifier: MIT
 * Placeholder until the machine is put together. */
#include "frontend/vm.h"

#include <stdio.h>

int vm_run(const struct opts *o)
{
    fprintf(stderr, "mynah: this build contains no machine\n");
    return 1;
}
