/* SPDX-License-Identifier: MIT
 * Command lines thrown together from words: each is taken, or refused with one line. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cpu/cpuid.h"
#include "frontend/opts.h"
#include "tests/fuzz.h"

static const char *const names[] = {
    "-m",         "-machine",    "-M",          "-accel",   "-cpu",       "-smp",
    "-kernel",    "-initrd",     "-append",     "-serial",  "-chardev",   "-debugcon",
    "-mon",       "-monitor",    "-device",     "-global",  "-rtc",       "-uuid",
    "-echr",      "-d",          "-D",          "-name",    "-pidfile",   "-display",
    "-vga",       "-net",        "-nic",        "-boot",    "-nographic", "-nodefaults",
    "-no-reboot", "-S",          "-enable-kvm", "-version", "-h",         "--help",
    "-drive",     "-hda",        "-cdrom",      "-fda",     "-snapshot",  "-blockdev",
    "-sandbox",   "-overcommit", "-parallel",   "-frob",    "-",          "--",
    "",
};

static const char *const words[] = {
    "pc",         "if",
    "virtio",     "index",
    "unit",       "cache",
    "node-name",  "driver",
    "file",       "{\"a\":[1,{\"b\":null}]}",
    "q35",        "tcg",
    "kvm",        "stdio",
    "file",       "null",
    "none",       "mon:stdio",
    "chardev",    "help",
    "?",          "max",
    "qemu64",     "host",
    "Haswell",    "isa-debug-exit",
    "isa-serial", "isa-debugcon",
    "id",         "path",
    "mux",        "append",
    "signal",     "iobase",
    "iosize",     "engine",
    "jit",        "ir",
    "mmu",        "flat",
    "tlb",        "icount",
    "unpack",     "guest",
    "size",       "maxmem",
    "cpus",       "cores",
    "base",       "utc",
    "localtime",  "2006-06-17T16:01:21",
    "2006-06-17", "on",
    "off",        "int",
    "cpu",        "in_asm",
    "0",          "1",
    "-1",         "0x1f4",
    "512M",       "99999999999999999999",
    "1E",         "avx",
    "sse4.2",     "+",
    "-",          "01234567-89ab-cdef-0123-456789abcdef",
    "a",          "\xff\xfe",
    "%s%n",
};
static const char *const joints[] = {",", "=", ":", ",,", ".", " ",
                                     "",  ",", "=", "/",  "-", "+"};

static char *random_value(void)
{
    GString *s = g_string_new(NULL);

    for (uint32_t n = fuzz_below(8); n > 0; n--) {
        g_string_append(s, words[fuzz_below(G_N_ELEMENTS(words))]);
        g_string_append(s, joints[fuzz_below(G_N_ELEMENTS(joints))]);
    }
    if (fuzz_below(50) == 0)
        for (unsigned n = fuzz_below(6000); n > 0; n--)
            g_string_append_c(s, (char)(1 + fuzz_below(255)));
    return g_string_free(s, FALSE);
}

static bool one_line(const struct err *e)
{
    size_t n = strnlen(e->msg, sizeof(e->msg));

    return n > 0 && n < sizeof(e->msg);
}

static bool try_line(int argc, char **argv)
{
    struct opts o;
    struct cpu_model model;
    struct err e = {""};
    enum opts_result r = opts_parse(&o, argc, argv, &e);
    bool good = r == OPTS_ERROR ? one_line(&e) : !e.msg[0];

    if (r == OPTS_RUN && o.cpu && !cpu_model_parse(&model, o.cpu, &e))
        good &= one_line(&e);
    opts_finish(&o);
    return good;
}

/* Help goes to stdout, which is for TAP. */
static void swap_output(int fds[2])
{
    fflush(stdout);
    fflush(stderr);
    for (int fd = 1; fd <= 2; fd++) {
        int old = dup(fd);
        dup2(fds[fd - 1], fd);
        close(fds[fd - 1]);
        fds[fd - 1] = old;
    }
}

static void test_lines(void)
{
    int fds[2] = {open("/dev/null", O_WRONLY), open("/dev/null", O_WRONLY)};
    char *argv[14] = {g_strdup("mynah")};
    gint64 end = 0;
    bool good = true;
    int argc = 1;

    swap_output(fds);
    while (good && fuzz_more(&end)) {
        for (int i = 1; i < argc; i++)
            g_clear_pointer(&argv[i], g_free);
        argc = 2 + (int)fuzz_below(G_N_ELEMENTS(argv) - 2);
        for (int i = 1; i < argc; i++)
            argv[i] = fuzz_below(2) ? g_strdup(names[fuzz_below(G_N_ELEMENTS(names))])
                                    : random_value();
        good = try_line(argc, argv);
    }
    swap_output(fds);
    for (int i = 1; i < argc && !good; i++)
        g_test_message("argv[%d] '%s'", i, argv[i]);
    for (int i = 0; i < argc; i++)
        g_free(argv[i]);
    close(fds[0]);
    close(fds[1]);
    g_assert_true(good);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/opts/fuzz/lines", test_lines);
    return g_test_run();
}
