/* SPDX-License-Identifier: MIT
 * The translator's counters as text. */
#include <inttypes.h>

#include "translator/run.h"

void run_print_stats(const struct cpu *cpu, FILE *f)
{
    const struct run_stats *s = run_stats(cpu);
    const struct mmu_stats *m = &cpu->mmu.stats;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"blocks translated", s->blocks},
        {"guest instructions in them", s->insns_translated},
        {"blocks dropped", s->invalidations},
        {"flushes of the code cache", s->flushes},
        {"runs by the IR executor", s->ir_execs},
        {"entries into host code", s->jit_enters},
        {"jumps chained", s->chains},
        {"indirect look-ups", s->lookups},
        {"exceptions", s->exceptions},
        {"interrupts", s->interrupts},
        {"page walks", m->walks},
        {"table entries filled", m->fills},
        {"MMIO accesses", m->io},
        {"writes to translated code", m->code_writes},
        {"writes to page tables", m->pt_writes},
        {"address spaces made", m->as_new},
        {"address spaces switched", m->as_switch},
        {"flushes of everything", m->flush_all},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        fprintf(f, "%-27s %" PRIu64 "\n", rows[i].name, rows[i].value);
    if (s->blocks)
        fprintf(f, "%-27s %.1f\n", "instructions a block",
                (double)s->insns_translated / (double)s->blocks);
}
