/* SPDX-License-Identifier: MIT
 * What the random tests share: how long to go on, and how to spoil bytes.
 * Numbers come from GLib's test generator: --seed=... repeats a run. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Where numbers come from; a program whose rounds have seeds of their own defines it. */
#ifndef FUZZ_U32
#define FUZZ_U32() ((uint32_t)g_test_rand_int())
#endif

/* True while there is time: a second of it, with MYNAH_LONG ten minutes, or
 * MYNAH_FUZZ_SECONDS. */
static inline bool fuzz_more(gint64 *end)
{
    gint64 now = g_get_monotonic_time();
    const char *seconds = getenv("MYNAH_FUZZ_SECONDS");

    if (!*end)
        *end = now + (seconds                ? atoi(seconds)
                      : getenv("MYNAH_LONG") ? 600
                                             : 1) *
                         G_TIME_SPAN_SECOND;
    return now < *end;
}

static inline uint32_t fuzz_below(uint32_t n)
{
    return FUZZ_U32() % n;
}

/* Numbers of the kind that breaks checks: around powers of two and the ends. */
static inline uint64_t fuzz_edge(void)
{
    uint64_t v = 1ull << fuzz_below(64);

    switch (fuzz_below(5)) {
    case 0: return v;
    case 1: return v - 1;
    case 2: return 0 - v;
    case 3: return fuzz_below(0x10000);
    default: return (uint64_t)FUZZ_U32() << 32 | FUZZ_U32();
    }
}

/* Overwrites 1, 2, 4 or 8 of the n bytes. */
static inline void fuzz_spoil(uint8_t *data, size_t n)
{
    size_t width = (size_t)1 << fuzz_below(4);
    uint64_t v = fuzz_edge();

    if (n >= width)
        memcpy(data + fuzz_below((uint32_t)(n - width + 1)), &v, width);
}

#endif
