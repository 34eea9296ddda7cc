/* SPDX-License-Identifier: MIT
 * A drive of any size that answers in any order, with errors, and checks what it is asked. */
#ifndef TESTS_HW_FUZZ_DISK_H
#define TESTS_HW_FUZZ_DISK_H

#include "softmmu/block.h"

#define FUZZ_DISK_DATA  (1u << 20) /* bytes there are: they come again and again */
#define FUZZ_DISK_QUEUE 4096

struct fuzz_disk {
    struct block blk;
    uint8_t *data;
    struct {
        struct block_req *r, copy;
    } queue[FUZZ_DISK_QUEUE];
    unsigned n;
    unsigned at_once, fail; /* of 16 requests */
    const uint8_t *ram;     /* guest RAM, which vectors stay inside of */
    uint64_t ram_bytes;
};

void fuzz_disk_init(struct fuzz_disk *d, const char *id, uint64_t bytes);
void fuzz_disk_finish(struct fuzz_disk *d);
void fuzz_disk_answer(struct fuzz_disk *d); /* some request; none: nothing */
/* Another medium, or none, as a user changes it. */
void fuzz_disk_change(struct fuzz_disk *d);

#endif
