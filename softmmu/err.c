/* SPDX-License-Identifier: MIT */
#include "softmmu/err.h"

#include <stdarg.h>
#include <stdio.h>

bool err_set(struct err *e, const char *fmt, ...)
{
    va_list ap;

    if (!e)
        return false;
    va_start(ap, fmt);
    vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
    va_end(ap);
    return false;
}

bool err_prefix(struct err *e, const char *fmt, ...)
{
    char prefix[sizeof(e->msg)];
    char whole[2 * sizeof(e->msg) + 2];
    va_list ap;

    if (!e)
        return false;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof(prefix), fmt, ap);
    va_end(ap);
    snprintf(whole, sizeof(whole), "%s: %s", prefix, e->msg);
    snprintf(e->msg, sizeof(e->msg), "%.*s", (int)sizeof(e->msg) - 1, whole);
    return false;
}
