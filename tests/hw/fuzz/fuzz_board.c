/* SPDX-License-Identifier: MIT
 * A guest that programs the whole board with garbage that is nearly sensible. A round is a
 * fresh board and a few thousand moves; a step that takes longer than WATCHDOG_S of CPU time is
 * a hang.
 *
 *   MYNAH_FUZZ_SECONDS=600 test-hw-fuzz       for so long
 *   MYNAH_FUZZ_ROUND=SEED test-hw-fuzz        the round that failed, again
 *   MYNAH_FUZZ_TRACE=1                        with every access on stderr */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tests/hw/fuzz/play.h"

#define STEPS      3000
#define WATCHDOG_S 20 /* a sanitized step on a busy machine stays far below */

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "halt_on_error=1:abort_on_error=1:print_stacktrace=1";
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "abort_on_error=1";
}

/* ---- what is told when it goes wrong ---- */

static volatile struct {
    uint64_t seed;
    const char *play;
    unsigned step, stalled;
    unsigned long seen;
} at;
static volatile unsigned long steps;

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        _exit(2);
}

static void report(const char *what)
{
    char line[160];

    snprintf(line, sizeof(line), "# %s in step %u (%s): MYNAH_FUZZ_ROUND=0x%" PRIx64 "\n", what,
             at.step, at.play ? at.play : "-", at.seed);
    say(line);
}

static void on_abort(int sig)
{
    report("failed");
    signal(sig, SIG_DFL);
    raise(sig);
}

static void on_tick(int sig)
{
    if (at.seen != steps) {
        at.seen = steps;
        at.stalled = 0;
    } else if (++at.stalled == WATCHDOG_S) {
        report("hangs");
        abort();
    }
}

static void watch(void)
{
    struct itimerval second = {{1, 0}, {1, 0}};

    signal(SIGABRT, on_abort);
    if (!getenv("ASAN_OPTIONS"))
        signal(SIGSEGV, on_abort);
    signal(SIGPROF, on_tick);
    setitimer(ITIMER_PROF, &second, NULL);
}

/* ---- rounds ---- */

static const struct play *const parts[] = {play_disks, play_virtio, play_chips, play_screen};

static const struct play *nth(unsigned n)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
        for (const struct play *p = parts[i]; p->name; p++) {
            if (n < p->weight)
                return p;
            n -= p->weight;
        }
    g_assert_not_reached();
}

static unsigned total_weight(void)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
        for (const struct play *p = parts[i]; p->name; p++)
            sum += p->weight;
    return sum;
}

static uint64_t cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct {
    uint64_t us, seed;
    unsigned step;
    const char *play;
} slowest;

static void note_time(uint64_t us)
{
    if (us <= slowest.us)
        return;
    slowest.us = us;
    slowest.seed = at.seed;
    slowest.step = at.step;
    slowest.play = at.play;
}

static void step(struct rig *r, const struct play *p)
{
    uint64_t before = cpu_us();

    at.play = p->name;
    p->play(r);
    rig_wait(r);
    if (r->m.resets && !one_in(4))
        rig_reset(r);
    note_time(cpu_us() - before);
    steps++;
}

/* A round keeps to some parts, so that they come together more often. */
static void play_round(uint64_t seed)
{
    static struct rig r;
    const struct play *favourite[6];
    unsigned weight = total_weight();

    at.seed = seed;
    at.play = NULL;
    at.step = 0;
    random_seed(seed);
    rig_start(&r);
    for (unsigned i = 0; i < G_N_ELEMENTS(favourite); i++)
        favourite[i] = nth(fuzz_below(weight));
    for (; at.step < STEPS; at.step++)
        step(&r, one_in(2) ? PICK(favourite) : nth(fuzz_below(weight)));
    at.play = "end";
    rig_stop(&r);
}

static void show_progress(unsigned long rounds, bool last)
{
    static gint64 shown;
    gint64 now = g_get_monotonic_time();

    if (!isatty(STDERR_FILENO) || (!last && now - shown < G_TIME_SPAN_SECOND))
        return;
    shown = now;
    fprintf(stderr, "\r%lu rounds, %lu steps, slowest %" PRIu64 " ms (%s)%s", rounds, steps,
            slowest.us / 1000, slowest.play ? slowest.play : "-", last ? "\n" : " ");
}

static void test_board(void)
{
    const char *again = getenv("MYNAH_FUZZ_ROUND");
    unsigned long rounds = 0;
    gint64 end = 0;

    watch();
    if (again) {
        play_round(strtoull(again, NULL, 0));
        return;
    }
    while (fuzz_more(&end)) {
        uint64_t seed = (uint64_t)(uint32_t)g_test_rand_int() << 32;

        play_round(seed | (uint32_t)g_test_rand_int());
        show_progress(++rounds, false);
    }
    show_progress(rounds, true);
    g_test_message("%lu rounds, %lu steps; slowest step: %" PRIu64 " ms, %s, round 0x%" PRIx64
                   " step %u",
                   rounds, steps, slowest.us / 1000, slowest.play, slowest.seed, slowest.step);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hw/fuzz/board", test_board);
    return g_test_run();
}
