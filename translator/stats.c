/* SPDX-License-Identifier: MIT
 * What the translator and the mmu did, for people (monitor: info jit). */
#include "translator/run.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

enum source { HEADING, IN_RUN, IN_MMU };

#define RUN(field) IN_RUN, offsetof(struct run_stats, field)
#define MMU(field) IN_MMU, offsetof(struct mmu_stats, field)

/* clang-format off */
static const struct {
    const char *text;
    enum source source;
    size_t offset; /* of a uint64_t */
} rows[] = {
    {"translation", HEADING, 0},
    {"blocks translated", RUN(blocks)},
    {"guest instructions in them", RUN(insns_translated)},
    {"blocks compiled to host code", RUN(compiled)},
    {"bytes of host code now", RUN(jit.code_used)},
    {"bytes of the code cache", RUN(jit.code_size)},
    {"direct jumps chained", RUN(chains)},
    {"blocks dropped (code was written)", RUN(invalidations)},
    {"flushes of everything", RUN(flushes)},
    {"running", HEADING, 0},
    {"entries into host code", RUN(jit_enters)},
    {"left by a direct jump not chained", RUN(exit_direct)},
    {"left by a jump whose target was not cached", RUN(exit_indirect)},
    {"left for an event or interrupt", RUN(exit_kick)},
    {"left by an exception or a restart", RUN(exit_fault)},
    {"blocks run by the IR executor", RUN(ir_execs)},
    {"block look-ups by physical address", RUN(lookups)},
    {"exceptions", RUN(exceptions)},
    {"interrupts", RUN(interrupts)},
    {"host SIGSEGV that stood for a guest fault", RUN(jit.segv_traps)},
    {"host SIGFPE that stood for a guest fault", RUN(jit.fpe_traps)},
    {"memory", HEADING, 0},
    {"accesses in the slow path", MMU(walks)},
    {"pages entered in a shadow table", MMU(fills)},
    {"device accesses", MMU(io)},
    {"writes to pages with translated code", MMU(code_writes)},
    {"writes to page tables", MMU(pt_writes)},
    {"shadow ranges dropped", MMU(drops)},
    {"address spaces made", MMU(as_new)},
    {"address-space switches", MMU(as_switch)},
    {"flushes of all shadow tables", MMU(flush_all)},
};
/* clang-format on */

void run_print_stats(const struct cpu *cpu, void (*out)(void *opaque, const char *line),
                     void *opaque)
{
    const char *const base[] = {
        [IN_RUN] = (const char *)run_stats(cpu), [IN_MMU] = (const char *)&cpu->mmu.stats};
    char line[128];

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].source == HEADING) {
            out(opaque, rows[i].text);
            continue;
        }
        const uint64_t *n = (const uint64_t *)(base[rows[i].source] + rows[i].offset);
        snprintf(line, sizeof(line), "  %-44s %14" PRIu64, rows[i].text, *n);
        out(opaque, line);
    }
}
