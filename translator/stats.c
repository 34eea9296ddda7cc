/* SPDX-License-Identifier: MIT
 * What the translator and the mmu did, for people (monitor: info jit). */
#include "translator/run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct printer {
    void (*out)(void *opaque, const char *line);
    void *opaque;
};

static void heading(const struct printer *p, const char *text)
{
    p->out(p->opaque, text);
}

static void line(const struct printer *p, const char *what, uint64_t n)
{
    char buf[128];

    snprintf(buf, sizeof(buf), "  %-44s %14" PRIu64, what, n);
    p->out(p->opaque, buf);
}

static void print_code(const struct printer *p, const struct run_stats *s)
{
    heading(p, "translation");
    line(p, "blocks translated", s->blocks);
    line(p, "guest instructions in them", s->insns_translated);
    line(p, "blocks compiled to host code", s->compiled);
    line(p, "bytes of host code now", s->jit.code_used);
    line(p, "bytes of the code cache", s->jit.code_size);
    line(p, "direct jumps chained", s->chains);
    line(p, "blocks dropped (code was written)", s->invalidations);
    line(p, "flushes of everything", s->flushes);
}

static void print_exits(const struct printer *p, const struct run_stats *s)
{
    heading(p, "running");
    line(p, "entries into host code", s->jit_enters);
    line(p, "left by a direct jump not chained", s->exit_direct);
    line(p, "left by a jump whose target was not cached", s->exit_indirect);
    line(p, "left for an event or interrupt", s->exit_kick);
    line(p, "left by an exception or a restart", s->exit_fault);
    line(p, "blocks run by the IR executor", s->ir_execs);
    line(p, "block look-ups by physical address", s->lookups);
    line(p, "exceptions", s->exceptions);
    line(p, "interrupts", s->interrupts);
    line(p, "host SIGSEGV that stood for a guest fault", s->jit.segv_traps);
    line(p, "host SIGFPE that stood for a guest fault", s->jit.fpe_traps);
}

static void print_mmu(const struct printer *p, const struct mmu_stats *s)
{
    heading(p, "memory");
    line(p, "accesses in the slow path", s->walks);
    line(p, "pages entered in a shadow table", s->fills);
    line(p, "device accesses", s->io);
    line(p, "writes to pages with translated code", s->code_writes);
    line(p, "writes to page tables", s->pt_writes);
    line(p, "shadow ranges dropped", s->drops);
    line(p, "address spaces made", s->as_new);
    line(p, "address-space switches", s->as_switch);
    line(p, "flushes of all shadow tables", s->flush_all);
}

void run_print_stats(const struct cpu *cpu, void (*out)(void *opaque, const char *line),
                     void *opaque)
{
    const struct printer p = {out, opaque};
    const struct run_stats *s = run_stats(cpu);

    print_code(&p, s);
    print_exits(&p, s);
    print_mmu(&p, &cpu->mmu.stats);
}
