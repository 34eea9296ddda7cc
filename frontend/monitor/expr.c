/* SPDX-License-Identifier: MIT
 * Expressions of people: C's operators on 64-bit integers, $registers, 'c' characters.
 *
 *   sum: product (+ - | & ^ product)*   product: unary (* / % unary)*
 *   unary: (+ - ~)* primary             primary: ( sum ) | number | 'c' | $name */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/monitor/mon_int.h"

#define DEPTH_MAX 100 /* of parentheses and signs */

struct parse {
    struct vm *vm;
    const char *p;
    unsigned depth;
    struct err *e;
};

static bool sum(struct parse *s, int64_t *v);

static void blanks(struct parse *s)
{
    while (*s->p == ' ' || *s->p == '\t')
        s->p++;
}

static bool register_value(struct parse *s, int64_t *v)
{
    char name[16];
    size_t n = 0;
    uint64_t value;

    s->p++;
    while (g_ascii_isalnum(s->p[n]) || s->p[n] == '_' || s->p[n] == '.')
        n++;
    if (!n || n >= sizeof(name))
        return err_set(s->e, "a register's name is expected after '$'");
    memcpy(name, s->p, n);
    name[n] = 0;
    s->p += n;
    if (!s->vm || !mon_reg(s->vm, name, &value))
        return err_set(s->e, "unknown register '%s'", name);
    *v = (int64_t)value;
    return true;
}

static bool number(struct parse *s, int64_t *v)
{
    char *end;

    if (*s->p == '\'' && s->p[1] && s->p[2] == '\'') {
        *v = (uint8_t)s->p[1];
        s->p += 3;
        return true;
    }
    if (!g_ascii_isdigit(*s->p))
        return *s->p ? err_set(s->e, "invalid expression at '%.20s'", s->p)
                     : err_set(s->e, "an expression is expected");
    errno = 0;
    *v = (int64_t)strtoull(s->p, &end, 0);
    if (errno)
        return err_set(s->e, "the number at '%.20s' is too large", s->p);
    s->p = end;
    return true;
}

static bool primary(struct parse *s, int64_t *v)
{
    if (*s->p == '$')
        return register_value(s, v);
    if (*s->p != '(')
        return number(s, v);
    s->p++;
    if (!sum(s, v))
        return false;
    if (*s->p != ')')
        return err_set(s->e, "')' is expected");
    s->p++;
    return true;
}

static bool unary(struct parse *s, int64_t *v)
{
    char op;

    blanks(s);
    op = *s->p;
    if (++s->depth > DEPTH_MAX)
        return err_set(s->e, "the expression is too deep");
    if (op == '+' || op == '-' || op == '~') {
        s->p++;
        if (!unary(s, v))
            return false;
        *v = op == '-' ? (int64_t)(0 - (uint64_t)*v) : op == '~' ? ~*v : *v;
    } else if (!primary(s, v)) {
        return false;
    }
    s->depth--;
    blanks(s);
    return true;
}

/* "1 /tmp/x" is a number and a file's name. */
static bool is_factor(const char *p)
{
    if (*p != '/')
        return *p == '*' || *p == '%';
    p += 1 + strspn(p + 1, " \t");
    return g_ascii_isdigit(*p) || (*p && strchr("($+-~'", *p));
}

static bool product(struct parse *s, int64_t *v)
{
    int64_t w;

    if (!unary(s, v))
        return false;
    while (is_factor(s->p)) {
        char op = *s->p++;

        if (!unary(s, &w))
            return false;
        if (op == '*')
            *v = (int64_t)((uint64_t)*v * (uint64_t)w);
        else if (w == 0)
            return err_set(s->e, "division by zero");
        else if (w == -1) /* INT64_MIN / -1 traps */
            *v = op == '/' ? (int64_t)(0 - (uint64_t)*v) : 0;
        else
            *v = op == '/' ? *v / w : *v % w;
    }
    return true;
}

static bool sum(struct parse *s, int64_t *v)
{
    int64_t w;

    if (!product(s, v))
        return false;
    while (*s->p && strchr("+-|&^", *s->p)) {
        char op = *s->p++;

        if (!product(s, &w))
            return false;
        switch (op) {
        case '+': *v = (int64_t)((uint64_t)*v + (uint64_t)w); break;
        case '-': *v = (int64_t)((uint64_t)*v - (uint64_t)w); break;
        case '|': *v |= w; break;
        case '&': *v &= w; break;
        default: *v ^= w; break;
        }
    }
    return true;
}

bool mon_expr(struct vm *vm, const char **text, int64_t *value, struct err *e)
{
    struct parse s = {.vm = vm, .p = *text, .e = e};

    if (!sum(&s, value))
        return false;
    *text = s.p;
    return true;
}
