/* SPDX-License-Identifier: MIT
 * Test bench of mmu/: a fake physical space, random numbers, and a page walker
 * written independently of mmu/walk.c. */
#ifndef TESTS_MMU_UTIL_H
#define TESTS_MMU_UTIL_H

#include "mmu/mmu.h"

#define RAM_SIZE (4u << 20) /* at 0, filled with a pattern */
#define ROM_BASE 0x3f0000u  /* last 64 KiB of it cannot be written */
#define IO_LOG   32

struct io_access {
    gpa pa;
    uint64_t value;
    unsigned size;
    bool write;
};

struct space {
    uint8_t *ram;
    struct io_access log[IO_LOG];
    unsigned nlog;
};

struct space *fake_space_new(void);
void fake_space_free(struct space *s);

uint64_t rng_next(void);
uint64_t rng_below(uint64_t n);
bool rng_chance(unsigned percent);
/* Seed from the environment (MMU_SEED) or the clock; prints how to replay. */
void rng_start(const char *test);
void rng_seed(uint64_t seed);

struct naive {
    bool ok;
    uint32_t code; /* when !ok */
    gpa pa;        /* when ok */
    bool dirty;    /* leaf D bit (after the access when committed) */
    bool accessed; /* A set in all levels */
    unsigned ntables;
    gpa tables[4]; /* table pages used */
};

/* commit: set A/D in `ram` when the access is allowed. */
struct naive naive_walk(uint8_t *ram, const struct mmu_ctl *c, gva va, enum mmu_access acc,
                        enum mmu_view view, bool commit);

enum paging { PG_NONE, PG_32, PG_PAE, PG_LONG, PG_KINDS };
struct mmu_ctl random_ctl(enum paging kind, gpa root);
/* A page-table entry that leads on to one of the first `pages` pages most of the time. */
uint64_t random_entry(enum paging kind, unsigned pages);
/* A linear address whose table indices are all among a few small ones. */
gva random_va(enum paging kind);
unsigned entry_size(enum paging kind);

#endif
