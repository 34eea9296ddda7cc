/* SPDX-License-Identifier: MIT
 * What the fuzzer plays: each is what a driver of some part would do, with mistakes. */
#ifndef TESTS_HW_FUZZ_PLAY_H
#define TESTS_HW_FUZZ_PLAY_H

#include "tests/hw/fuzz/rig.h"

struct play {
    const char *name;
    unsigned weight;
    void (*play)(struct rig *r);
};

extern const struct play play_disks[], play_virtio[], play_chips[],
    play_screen[]; /* name NULL ends */

#endif
