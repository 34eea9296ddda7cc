/* SPDX-License-Identifier: MIT */
#include "softmmu/log.h"

#include <string.h>

#define LIMIT 64

unsigned log_enabled;
static FILE *log_file;

static const struct {
    const char *name;
    unsigned mask;
} items_known[] = {
    {"in_asm", LOG_IN_ASM},   {"op", LOG_OP},       {"out_asm", LOG_OUT_ASM},
    {"int", LOG_INT},         {"mmu", LOG_MMU},     {"cpu", LOG_CPU},
    {"unimp", LOG_UNIMP},     {"exec", LOG_EXEC},   {"guest_errors", LOG_GUEST_ERROR},
    {"cpu_reset", LOG_CPU_RESET},
};

void log_set_mask(unsigned mask)
{
    log_enabled = mask;
}

bool log_parse_mask(const char *items, unsigned *mask, const char **bad)
{
    *mask = 0;
    while (*items) {
        size_t n = strcspn(items, ",");
        size_t i;

        for (i = 0; i < ARRAY_SIZE(items_known); i++)
            if (strlen(items_known[i].name) == n && !memcmp(items_known[i].name, items, n))
                break;
        if (i == ARRAY_SIZE(items_known)) {
            *bad = items;
            return false;
        }
        *mask |= items_known[i].mask;
        items += n + (items[n] == ',');
    }
    return true;
}

bool log_set_file(const char *path)
{
    FILE *f = fopen(path, "w");

    if (!f)
        return false;
    if (log_file)
        fclose(log_file);
    log_file = f;
    return true;
}

FILE *log_lock(void)
{
    FILE *f = log_file ? log_file : stderr;

    flockfile(f);
    return f;
}

void log_unlock(void)
{
    FILE *f = log_file ? log_file : stderr;

    fflush(f);
    funlockfile(f);
}

void log_printf(const char *fmt, ...)
{
    va_list ap;
    FILE *f = log_lock();

    va_start(ap, fmt);
    vfprintf(f, fmt, ap);
    va_end(ap);
    log_unlock();
}

void log_limited(unsigned mask, unsigned *count, const char *fmt, ...)
{
    va_list ap;
    FILE *f;

    if (*count >= LIMIT)
        return;
    f = log_lock();
    va_start(ap, fmt);
    vfprintf(f, fmt, ap);
    va_end(ap);
    fputs(++*count == LIMIT ? " (further ones are not shown)\n" : "\n", f);
    log_unlock();
}
