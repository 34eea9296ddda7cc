/* SPDX-License-Identifier: MIT
 * Host and configuration errors: a function that can fail for such a reason
 * returns bool and fills a caller-owned struct err with one clear line. */
#ifndef SOFTMMU_ERR_H
#define SOFTMMU_ERR_H

#include "softmmu/types.h"

struct err {
    char msg[512]; /* one line, no newline, no trailing full stop */
};

/* Formats into e (NULL allowed: the message is dropped). Always returns false,
 * so that a failing function can end with `return err_set(e, ...)`. */
bool err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before the message already in e; returns false. */
bool err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
