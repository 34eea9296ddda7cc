/* SPDX-License-Identifier: MIT */
#include "softmmu/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Names that come from files may hold anything: a message stays one line of text. */
static void one_line(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            *s = '?';
}

bool err_set(struct err *e, const char *fmt, ...)
{
    va_list ap;

    if (!e)
        return false;
    va_start(ap, fmt);
    vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
    va_end(ap);
    one_line(e->msg);
    return false;
}

bool err_prefix(struct err *e, const char *fmt, ...)
{
    char prefix[sizeof(e->msg) / 2];
    size_t n, keep;
    va_list ap;

    if (!e)
        return false;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof(prefix), fmt, ap);
    va_end(ap);
    one_line(prefix);
    n = strlen(prefix);
    keep = strnlen(e->msg, sizeof(e->msg) - n - 3); /* the end of a long text is lost */
    memmove(e->msg + n + 2, e->msg, keep);
    memcpy(e->msg, prefix, n);
    memcpy(e->msg + n, ": ", 2);
    e->msg[n + 2 + keep] = 0;
    return false;
}
