/* SPDX-License-Identifier: MIT */
/*
 * Runs the benchmark programs, each in a process of its own, and prints a line for each:
 *     @@ NAME GROUP NANOSECONDS OPERATIONS CHECKSUM
 *     @@ NAME GROUP skip|fail REASON
 * The same static executable runs in the guests and on the host.
 */
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS_LIMIT = 180 };

static const struct bench *const tables[] = {
    bench_int, bench_fp, bench_mem, bench_system, bench_cold,
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One CPU as in the guest, so that process switches cost what they cost. */
static void pin_to_one_cpu(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    sched_setaffinity(0, sizeof(set), &set);
}

/* Waits for a child; prints why it failed. */
static bool wait_for(pid_t child, const char *name, const char *group)
{
    int status;
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        printf("@@ %s %s fail fork\n", name, group);
    } else if (WIFSIGNALED(status)) {
        printf("@@ %s %s fail signal-%d\n", name, group, WTERMSIG(status));
    } else if (WEXITSTATUS(status)) {
        printf("@@ %s %s fail status-%d\n", name, group, WEXITSTATUS(status));
    } else {
        return true;
    }
    return false;
}

static void run_one(const struct bench *b)
{
    if (b->usable && !b->usable()) {
        printf("@@ %s %s skip cpu\n", b->name, b->group);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS_LIMIT);
        b->run(b->rounds / 16 + 1); /* warms up caches, branch predictors, translations */
        uint64_t start = now_ns();
        uint64_t sum = b->run(b->rounds);
        uint64_t ns = now_ns() - start;
        printf("@@ %s %s %" PRIu64 " %" PRIu64 " %016" PRIx64 "\n", b->name, b->group, ns,
               b->rounds * b->ops, sum);
        fflush(stdout);
        _exit(0);
    }
    wait_for(child, b->name, b->group);
}

/* Hash of a file's contents, 0 if it cannot be read. */
static uint64_t hash_file(const char *path)
{
    static uint64_t buffer[8192];
    uint64_t sum = 1;
    ssize_t n;
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        return 0;
    }
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        memset((char *)buffer + n, 0, sizeof(buffer) - (size_t)n);
        for (ssize_t i = 0; i * 8 < n; i++) {
            sum = bench_mix(sum, buffer[i]);
        }
        sum = bench_mix(sum, (uint64_t)n);
    }
    close(fd);
    return sum;
}

/* Runs a command once, its output in a file of the current directory that is hashed after. */
static void run_command(const char *name, char **argv)
{
    uint64_t start = now_ns();
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS_LIMIT);
        int out = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        int in = open("/dev/null", O_RDONLY);
        if (out < 0 || in < 0 || dup2(out, 1) < 0 || dup2(in, 0) < 0) {
            _exit(126);
        }
        execv(argv[0], argv);
        _exit(127);
    }
    bool good = wait_for(child, name, "real");
    uint64_t ns = now_ns() - start;
    if (good) {
        printf("@@ %s real %" PRIu64 " 1 %016" PRIx64 "\n", name, ns, hash_file("out"));
    }
    unlink("out");
}

/* True if the comma-separated list is empty or names the program or its group. */
static bool is_wanted(const char *list, const char *name)
{
    size_t n = strlen(name);
    if (!*list) {
        return true;
    }
    for (const char *p = list; (p = strstr(p, name)) != NULL; p += n) {
        if ((p == list || p[-1] == ',') && (p[n] == ',' || p[n] == '\0')) {
            return true;
        }
    }
    return false;
}

static void list_all(void)
{
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const struct bench *b = tables[t]; b->name; b++) {
            printf("%s %s %s\n", b->name, b->group, b->op);
        }
    }
}

static void run_all(const char *only)
{
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const struct bench *b = tables[t]; b->name; b++) {
            if (is_wanted(only, b->name) || is_wanted(only, b->group)) {
                run_one(b);
            }
        }
    }
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc >= 2 && strcmp(argv[1], "nop") == 0) {
        return 0;
    }
    pin_to_one_cpu();
    if (argc >= 2 && strcmp(argv[1], "list") == 0) {
        list_all();
    } else if (argc >= 2 && strcmp(argv[1], "run") == 0) {
        run_all(argc > 2 ? argv[2] : "");
    } else if (argc >= 5 && strcmp(argv[1], "exec") == 0) {
        /* exec ONLY NAME PROGRAM ARGUMENT... */
        if (is_wanted(argv[2], argv[3]) || is_wanted(argv[2], "real")) {
            run_command(argv[3], argv + 4);
        }
    } else {
        fprintf(stderr,
                "usage: bench list | run [NAME,...] | exec NAME,... NAME PROGRAM ...\n");
        return 2;
    }
    return 0;
}
