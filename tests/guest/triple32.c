/* SPDX-License-Identifier: MIT
 * A triple fault (SDM vol. 3 6.15): with -no-reboot Mynah ends with status 1 and a line. */
#include "tests/guest/lib/guest.h"

void guest_main(void)
{
    static const struct dtr none = {0, 0};

    say("before\n");
    asm volatile("lidt %0; ud2" ::"m"(none));
}
