/* SPDX-License-Identifier: MIT
 * Command lines as text, for the tests of options. */
#ifndef TESTS_FRONTEND_OPTS_LINE_H
#define TESTS_FRONTEND_OPTS_LINE_H

#include <glib.h>
#include <string.h>

#include "frontend/opts.h"

struct bad_line {
    const char *line, *expect; /* what the message holds */
};

/* Splits a shell-like line and parses it; the caller opts_finish()es. */
static inline enum opts_result parse(struct opts *o, struct err *e, const char *line)
{
    static char **argv; /* texts live in it until the next call */
    char *whole = g_strconcat("mynah ", line, NULL);
    int argc;
    g_strfreev(argv);
    g_assert_true(g_shell_parse_argv(whole, &argc, &argv, NULL));
    g_free(whole);
    *e = (struct err){""};
    return opts_parse(o, argc, argv, e);
}

/* Each of n lines is refused with one line that holds what is expected. */
static inline void check_bad_lines(const struct bad_line *bad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct opts o;
        struct err e;
        if (parse(&o, &e, bad[i].line) != OPTS_ERROR)
            g_error("'%s' is accepted", bad[i].line);
        if (!strstr(e.msg, bad[i].expect) || strchr(e.msg, '\n'))
            g_error("'%s': message '%s' lacks '%s'", bad[i].line, e.msg, bad[i].expect);
        opts_finish(&o);
    }
}

#endif
