/* SPDX-License-Identifier: MIT
 * Messages: one line whatever is put into them, cut rather than too long. */
#include <glib.h>
#include <string.h>

#include "softmmu/err.h"

static void test_one_line(void)
{
    struct err e;

    g_assert_false(err_set(&e, "cannot open '%s'", "a\nb\033[2Jc\177"));
    g_assert_cmpstr(e.msg, ==, "cannot open 'a?b?[2Jc?'");
    g_assert_false(err_prefix(&e, "drive %s", "x\r"));
    g_assert_cmpstr(e.msg, ==, "drive x?: cannot open 'a?b?[2Jc?'");
    g_assert_false(err_set(&e, "%s", "K\303\266ln")); /* UTF-8 stays */
    g_assert_cmpstr(e.msg, ==, "K\303\266ln");
}

static void test_long(void)
{
    struct err e;
    char text[4096];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = 0;
    err_set(&e, "%s", text);
    err_prefix(&e, "%s", text);
    g_assert_cmpuint(strlen(e.msg), <, sizeof(e.msg));
    err_set(NULL, "%s", text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/err/one-line", test_one_line);
    g_test_add_func("/err/long", test_long);
    return g_test_run();
}
