/* SPDX-License-Identifier: MIT
 * The -d log: categories spelled as in QEMU, to stderr or the -D file.
 * Thread-safe line by line. */
#ifndef SOFTMMU_LOG_H
#define SOFTMMU_LOG_H

#include <stdarg.h>
#include <stdio.h>

#include "softmmu/types.h"

enum log_mask {
    LOG_IN_ASM = 1 << 0,
    LOG_OP = 1 << 1,
    LOG_OUT_ASM = 1 << 2,
    LOG_INT = 1 << 3,
    LOG_MMU = 1 << 4,
    LOG_CPU = 1 << 5,
    LOG_UNIMP = 1 << 6,
    LOG_GUEST_ERROR = 1 << 7,
    LOG_EXEC = 1 << 8,
    LOG_CPU_RESET = 1 << 9,
};

extern unsigned log_enabled; /* set of log_mask; read freely, set by log_set_mask */

void log_set_mask(unsigned mask);

/* Parses a -d argument ("in_asm,op,int"); false on an unknown item, whose
 * text starts at *bad. */
bool log_parse_mask(const char *items, unsigned *mask, const char **bad);

/* Redirects the log to a file; false (errno set) when it cannot be opened. */
bool log_set_file(const char *path);

/* Unconditional print; use log_on() first. */
void log_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
FILE *log_lock(void); /* for multi-line output; pair with log_unlock */
void log_unlock(void);

static inline bool log_on(unsigned mask)
{
    return UNLIKELY(log_enabled & mask);
}

/* A guest did something that hardware would ignore or punish: logged under
 * guest_errors/unimp only, at most 64 lines per call site of `count`. */
void log_limited(unsigned mask, unsigned *count, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define LOG_GUEST(...)                                                                         \
    do {                                                                                       \
        static unsigned count_;                                                                \
        if (log_on(LOG_GUEST_ERROR))                                                           \
            log_limited(LOG_GUEST_ERROR, &count_, __VA_ARGS__);                                \
    } while (0)
#define LOG_UNIMPL(...)                                                                        \
    do {                                                                                       \
        static unsigned count_;                                                                \
        if (log_on(LOG_UNIMP))                                                                 \
            log_limited(LOG_UNIMP, &count_, __VA_ARGS__);                                      \
    } while (0)

#endif
