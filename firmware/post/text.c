/* SPDX-License-Identifier: MIT
 * Strings, formatted text. */
#include "firmware/post/post.h"

void *memcpy(void *to, const void *from, u32 n)
{
    void *d = to;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n)::"memory");
    return to;
}

void *memset(void *p, int c, u32 n)
{
    void *d = p;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
    return p;
}

int memcmp(const void *a, const void *b, u32 n)
{
    const u8 *x = a, *y = b;
    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

u32 strlen(const char *s)
{
    u32 n = 0;
    while (s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (u8)*a - (u8)*b;
}

const char *strstr(const char *in, const char *what)
{
    u32 n = strlen(what);
    for (; *in; in++)
        if (!memcmp(in, what, n))
            return in;
    return NULL;
}

u8 sum8(const void *p, u32 n)
{
    const u8 *b = p;
    u8 sum = 0;
    while (n--)
        sum = (u8)(sum + *b++);
    return sum;
}

struct out {
    void (*put)(struct out *, char);
    char *at, *end;
};

static void put_number(struct out *o, u32 v, u32 base, u32 width, char fill)
{
    char digits[12];
    u32 n = 0;
    do {
        u32 d = v % base;
        digits[n++] = (char)(d < 10 ? '0' + d : 'a' + d - 10);
        v /= base;
    } while (v);
    for (; width > n; width--)
        o->put(o, fill);
    while (n)
        o->put(o, digits[--n]);
}

static void put_format(struct out *o, const char *f, __builtin_va_list args)
{
    for (; *f; f++) {
        u32 width = 0;
        char fill = ' ';
        if (*f != '%') {
            o->put(o, *f);
            continue;
        }
        if (*++f == '0')
            fill = '0';
        for (; *f >= '0' && *f <= '9'; f++)
            width = width * 10 + (u32)(*f - '0');
        if (*f == 's') {
            for (const char *s = __builtin_va_arg(args, const char *); *s; s++)
                o->put(o, *s);
        } else if (*f == 'c') {
            o->put(o, (char)__builtin_va_arg(args, int));
        } else if (*f == 'u' || *f == 'x') {
            put_number(o, __builtin_va_arg(args, u32), *f == 'u' ? 10 : 16, width, fill);
        }
    }
}

static void put_debug(struct out *o, char c)
{
    outb(PORT_DEBUG, (u8)c);
}

static void teletype(char c)
{
    struct regs r = {.ah = 0x0e, .al = (u8)c, .bx = 7};
    call_int(0x10, &r);
}

static void put_screen(struct out *o, char c)
{
    put_debug(o, c);
    if (c == '\n')
        teletype('\r');
    teletype(c);
}

static void put_string(struct out *o, char c)
{
    if (o->at < o->end)
        *o->at++ = c;
}

void debug_f(const char *f, ...)
{
    struct out o = {.put = put_debug};
    __builtin_va_list args;
    __builtin_va_start(args, f);
    put_format(&o, f, args);
    __builtin_va_end(args);
}

void print_f(const char *f, ...)
{
    struct out o = {.put = put_screen};
    __builtin_va_list args;
    __builtin_va_start(args, f);
    put_format(&o, f, args);
    __builtin_va_end(args);
}

void format(char *to, u32 size, const char *f, ...)
{
    struct out o = {.put = put_string, .at = to, .end = to + size - 1};
    __builtin_va_list args;
    __builtin_va_start(args, f);
    put_format(&o, f, args);
    __builtin_va_end(args);
    *o.at = 0;
}
