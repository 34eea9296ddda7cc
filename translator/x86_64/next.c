/* SPDX-License-Identifier: MIT
 * What generated code calls with the guest's vector state in host registers: built without
 * those, and calls nothing. */
#include "translator/x86_64/x64.h"

/* Looks the next block up as generated code would, unless something waits for the run loop. */
void *x64_helper_next(struct cpu *cpu)
{
    const struct jump_cache *jc;
    const struct jc_entry *e;

    cpu->rip = cpu->next_rip;
    /* STI's shadow stays set: should a kick stop the next block at its head, the run loop
     * still runs one instruction before it takes an interrupt. */
    if (cpu->kick || cpu->shadow > 1 || cpu->halted || cpu->shutdown ||
        cpu->jc_as != cpu->mmu.as_id || cpu->jc_hi_as != cpu->mmu.hi_id ||
        __atomic_load_n(&cpu->nmi_line, __ATOMIC_ACQUIRE) ||
        ((cpu->eflags & FL_IF) && __atomic_load_n(&cpu->intr_line, __ATOMIC_ACQUIRE)))
        return NULL;
    jc = (int64_t)cpu->rip < 0 ? cpu->jc_hi : cpu->jc;
    e = &jc->e[jc_index(cpu->rip)];
    return e->key == (cpu->rip ^ (uint64_t)cpu->mode << 48) ? e->code : NULL;
}
