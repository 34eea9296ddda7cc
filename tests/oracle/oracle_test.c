/* SPDX-License-Identifier: MIT
 * Instructions against the real CPU: cases from the generator run natively and under
 * the engines, and their ends are compared. Output is TAP; differences are grouped by
 * mnemonic with the first case of each as a replay line. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/oracle/compare.h"
#include "tests/oracle/engine.h"
#include "tests/oracle/gen.h"
#include "tests/oracle/native.h"
#include "tests/oracle/vendor.h"

enum { JIT_RUNS = 3 }; /* how often a case runs, so that its blocks get compiled */
enum { MAX_SUSPECTS = 64 };
enum { SIDE_NATIVE, SIDE_IR, SIDE_JIT, SIDES };
static const char *const side_name[SIDES] = {"native", "ir", "jit"};

struct group {
    unsigned count, kinds;
    uint64_t index; /* first case */
    bool sequence;
};

struct test {
    uint64_t cases, seed;
    bool use[SIDES];
    bool singles, sequences;
    bool counting, tlb, x87_pointers;
    unsigned host_level;
    const char *only;
    unsigned verbose;
    struct compare_opts cmp;
    struct native *native;
    struct engine *engine[SIDES];
    struct gen *gen[2]; /* singles, sequences */
    struct group group[SIDES][I_COUNT];
    uint64_t faults, lost, unsteady, differing[SIDES], done[SIDES];
    struct suspect {
        struct orc_case c;
        struct orc_state want;
    } suspect[MAX_SUSPECTS];
    unsigned n_suspects;
    bool confirming;
};

static void die(const char *msg)
{
    printf("Bail out! %s\n", msg);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void note(struct test *t, int side, const struct orc_case *c, unsigned diff, unsigned id)
{
    struct group *g = &t->group[side][id];

    if (!g->count++) {
        g->index = c->index;
        g->sequence = c->sequence;
    }
    g->kinds |= diff;
    t->differing[side]++;
}

/* A case that differed is run on the host once more before it counts: a task switch at the
 * wrong place changes what Zen keeps of the x87 pointers. */
static bool suspect(struct test *t, const struct orc_case *c, const struct orc_state *want)
{
    if (t->confirming || t->n_suspects == MAX_SUSPECTS)
        return false;
    if (t->n_suspects && t->suspect[t->n_suspects - 1].c.index == c->index)
        return true; /* the other engine */
    t->suspect[t->n_suspects++] = (struct suspect){*c, *want};
    return true;
}

static void check_engine(struct test *t, int side, const struct orc_case *c,
                         const struct orc_state *want)
{
    struct orc_state got;
    unsigned runs = side == SIDE_JIT ? JIT_RUNS : 1, diff;

    engine_load(t->engine[side], c);
    for (unsigned i = 0; i < runs; i++)
        engine_run(t->engine[side], c, &got);
    t->done[side] += !t->confirming;
    diff = compare_states(c, want, &got, &t->cmp);
    if (!diff || suspect(t, c, want))
        return;
    note(t, side, c, diff, compare_culprit(c, want, &got));
    if (t->differing[side] <= t->verbose) {
        printf("# --- %s\n", side_name[side]);
        print_case(stdout, c);
        print_diff(stdout, c, want, &got, &t->cmp);
    }
}

static void check_batch(struct test *t, unsigned slot, unsigned n)
{
    const struct orc_case *c = native_cases(t->native, slot);
    const struct orc_state *s = native_states(t->native, slot);

    for (unsigned i = 0; i < n; i++) {
        t->faults += s[i].vector != ORC_NO_FAULT;
        if (s[i].status != ORC_DONE) {
            t->lost++;
            note(t, SIDE_NATIVE, &c[i], DIFF_STATUS, compare_culprit(&c[i], &s[i], &s[i]));
            continue;
        }
        for (int side = SIDE_IR; side < SIDES; side++) {
            if (t->use[side])
                check_engine(t, side, &c[i], &s[i]);
        }
    }
    t->done[SIDE_NATIVE] += n;
}

/* Runs the suspects again in a slot that is free; engines are compared with the host's second
 * answer. An engine that was wrong by chance while the host is steady counts as well. */
static void confirm(struct test *t, unsigned slot)
{
    struct orc_case *c = native_cases(t->native, slot);
    const struct orc_state *again = native_states(t->native, slot);
    struct err e;

    t->confirming = true;
    for (unsigned i = 0; i < t->n_suspects; i++) {
        const struct suspect *s = &t->suspect[i];
        uint64_t before = t->differing[SIDE_IR] + t->differing[SIDE_JIT];

        *c = s->c;
        if (!native_begin(t->native, slot, 1, &e) || !native_end(t->native, slot, &e))
            die(e.msg);
        for (int side = SIDE_IR; side < SIDES; side++)
            if (t->use[side])
                check_engine(t, side, c, again);
        if (t->differing[SIDE_IR] + t->differing[SIDE_JIT] != before)
            continue;
        if (compare_states(c, &s->want, again, &t->cmp))
            t->unsteady++;
        else
            note(t, t->use[SIDE_JIT] ? SIDE_JIT : SIDE_IR, c, DIFF_STATUS,
                 compare_culprit(c, again, again));
    }
    t->confirming = false;
    t->n_suspects = 0;
}

/* With --only: whether single case `index` tests that instruction. */
static bool has_only(const struct test *t, uint64_t index, bool seq)
{
    return seq || !strcmp(insn_name(gen_row_id(t->gen[0], index)), t->only);
}

static bool case_has_only(const struct test *t, const struct orc_case *c)
{
    for (unsigned i = 0; i < c->ninsns; i++) {
        if (!strcmp(insn_name(c->insn[i].id), t->only))
            return true;
    }
    return false;
}

/* The next case from index *i on. */
static void next_case(struct test *t, struct orc_case *c, bool seq, uint64_t *i)
{
    do {
        while (t->only && !has_only(t, *i, seq))
            ++*i;
        gen_case(t->gen[seq], c, t->seed, (*i)++);
    } while (t->only && seq && !case_has_only(t, c));
}

/* One kind of cases; while the child runs a batch the engines work on the one before. */
static void run_kind(struct test *t, bool seq)
{
    struct err e;
    unsigned slot = 0, previous = 0;

    for (uint64_t i = 0, done = 0; done < t->cases || previous;) {
        unsigned n = 0;

        for (; n < NATIVE_BATCH && done < t->cases; n++, done++)
            next_case(t, &native_cases(t->native, slot)[n], seq, &i);
        if (n && !native_begin(t->native, slot, n, &e))
            die(e.msg);
        if (previous)
            check_batch(t, slot ^ 1, previous);
        if (n && !native_end(t->native, slot, &e))
            die(e.msg);
        confirm(t, slot ^ 1);
        previous = n;
        slot ^= 1;
    }
}

static void report(struct test *t, int side)
{
    char kinds[80];

    for (unsigned id = 0; id < I_COUNT; id++) {
        const struct group *g = &t->group[side][id];

        if (g->count)
            printf("# %-6s %-11s %6u  %-24s --replay %" PRIu64 ":%" PRIu64 "%s\n",
                   side_name[side], id == I_NONE ? "(none)" : insn_name(id), g->count,
                   compare_kinds(g->kinds, kinds), t->seed, g->index, g->sequence ? "s" : "");
    }
}

static void replay(struct test *t, const char *arg)
{
    struct orc_case *c = native_cases(t->native, 0);
    const struct orc_state *want = native_states(t->native, 0);
    struct orc_state got;
    struct err e;
    char *end;
    uint64_t seed = strtoull(arg, &end, 10), index;

    if (*end != ':')
        die("--replay takes SEED:INDEX or SEED:INDEXs");
    index = strtoull(end + 1, &end, 10);
    gen_case(t->gen[*end == 's'], c, seed, index);
    print_case(stdout, c);
    if (!native_begin(t->native, 0, 1, &e) || !native_end(t->native, 0, &e))
        die(e.msg);
    printf("native:\n");
    print_diff(stdout, c, want, want, &t->cmp);
    for (int side = SIDE_IR; side < SIDES; side++) {
        if (!t->use[side])
            continue;
        engine_load(t->engine[side], c);
        for (unsigned i = 0; i < (side == SIDE_JIT ? JIT_RUNS : 1); i++)
            engine_run(t->engine[side], c, &got);
        printf("%s:\n", side_name[side]);
        print_diff(stdout, c, want, &got, &t->cmp);
    }
}

static void usage(void)
{
    printf("oracle_test [--cases N] [--seed S] [--engine ir|jit|both|none] [--only MNEMONIC]\n"
           "            [--singles | --sequences] [--counting] [--tlb] [--host 2|3]\n"
           "            [--x87-pointers]\n"
           "            [--verbose N] [--replay SEED:INDEX[s]] [--list]\n"
           "N cases of each kind; --verbose prints the first N differing cases of an engine;\n"
           "--list tells what is excluded or masked, and why.\n");
    exit(0);
}

static void list_exceptions(void)
{
    printf("not generated:\n");
    for (unsigned id = 1; id < I_COUNT; id++) {
        if (gen_excluded(id))
            printf("%-11s %s\n", insn_name(id), gen_excluded(id));
    }
    printf("not compared:\n");
    vendor_print(stdout);
    exit(0);
}

static void choose_engine(struct test *t, const char *name)
{
    t->use[SIDE_IR] = !strcmp(name, "ir") || !strcmp(name, "both");
    t->use[SIDE_JIT] = !strcmp(name, "jit") || !strcmp(name, "both");
    if (!t->use[SIDE_IR] && !t->use[SIDE_JIT] && strcmp(name, "none"))
        die("--engine takes ir, jit, both or none");
}

static const char *parse(struct test *t, int argc, char **argv)
{
    static const struct option opts[] = {
        {"cases", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},
        {"engine", required_argument, NULL, 'e'},
        {"only", required_argument, NULL, 'o'},
        {"sequences", no_argument, NULL, 'q'},
        {"singles", no_argument, NULL, '1'},
        {"counting", no_argument, NULL, 'c'},
        {"tlb", no_argument, NULL, 't'},
        {"x87-pointers", no_argument, NULL, 'p'},
        {"verbose", required_argument, NULL, 'v'},
        {"host", required_argument, NULL, 'L'},
        {"replay", required_argument, NULL, 'r'},
        {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const char *line = NULL;
    int k;

    while ((k = getopt_long(argc, argv, "h", opts, NULL)) != -1) {
        switch (k) {
        case 'n': t->cases = strtoull(optarg, NULL, 0); break;
        case 's': t->seed = strtoull(optarg, NULL, 0); break;
        case 'e': choose_engine(t, optarg); break;
        case 'o': t->only = optarg; break;
        case 'q': t->singles = false; break;
        case '1': t->sequences = false; break;
        case 'c': t->counting = true; break;
        case 't': t->tlb = true; break;
        case 'L': t->host_level = (unsigned)atoi(optarg); break;
        case 'p': t->cmp.x87_pointers = true; break;
        case 'v': t->verbose = (unsigned)atoi(optarg); break;
        case 'r': line = optarg; break;
        case 'l': list_exceptions(); break;
        case 'h': usage(); break;
        default: die("unknown option; --help lists them");
        }
    }
    return line;
}

static void setup(struct test *t)
{
    struct gen_opts go = {0};
    struct err e;

    if (!(t->native = native_create(&e)))
        die(e.msg);
    gen_default_features(go.features);
    for (int side = SIDE_IR; side < SIDES; side++) {
        struct engine_opts eo = {.kind = side == SIDE_JIT ? ENGINE_JIT : ENGINE_IR,
                                 .counting = t->counting,
                                 .tlb = t->tlb,
                                 .host_level = t->host_level};
        uint64_t has[2];

        if (!t->use[side])
            continue;
        if (!(t->engine[side] = engine_create(&eo, &e)))
            die(e.msg);
        engine_features(t->engine[side], has);
        go.features[0] &= has[0];
        go.features[1] &= has[1];
    }
    for (unsigned seq = 0; seq < 2; seq++) {
        go.sequences = seq;
        if (!(t->gen[seq] = gen_create(&go)))
            die("out of memory");
    }
    for (unsigned i = 0; t->only && !has_only(t, i, false); i++) {
        if (i == gen_row_count(t->gen[0]))
            die("no instruction of that name is tested");
    }
}

static void finish(struct test *t)
{
    unsigned n = 0;
    bool ok = true;

    for (int side = 0; side < SIDES; side++) {
        if (side && !t->use[side])
            continue;
        report(t, side);
        ok &= !t->differing[side];
        if (side == SIDE_JIT)
            printf("# jit: generated code was entered %" PRIu64 " times\n",
                   engine_jit_enters(t->engine[side]));
        printf("%sok %u %s: %" PRIu64 " cases, %" PRIu64 " differ\n",
               t->differing[side] ? "not " : "", ++n, side_name[side], t->done[side],
               t->differing[side]);
    }
    if (t->unsteady)
        printf("# %" PRIu64 " cases in which the host did not agree with itself\n",
               t->unsteady);
    printf("1..%u\n", n);
    for (unsigned k = 0; k < 2; k++)
        gen_destroy(t->gen[k]);
    for (int side = SIDE_IR; side < SIDES; side++)
        engine_destroy(t->engine[side]);
    native_destroy(t->native);
    exit(ok ? 0 : 1);
}

int main(int argc, char **argv)
{
    static struct test t = {
        .cases = 10000, .seed = 1, .singles = true, .sequences = true, .use[SIDE_IR] = true};
    const char *line = parse(&t, argc, argv);
    double start = now();

    setvbuf(stdout, NULL, _IOLBF, 0);
    setup(&t);
    if (line) {
        replay(&t, line);
        return 0;
    }
    if (t.singles)
        run_kind(&t, false);
    if (t.sequences)
        run_kind(&t, true);
    printf("# %u rows, %" PRIu64 " native faults, %u children, %.0f cases/s\n",
           gen_row_count(t.gen[0]), t.faults, native_starts(t.native),
           (double)t.done[SIDE_NATIVE] / (now() - start));
    finish(&t);
}
