/* SPDX-License-Identifier: MIT
 * What generated code calls with the guest's vector state in host registers: built without
 * those, and calls nothing. */
#include "translator/x86_64/x64.h"

/* After a load of CR3: takes the jump caches that belong to it, if they are there. */
static bool follow_as(struct cpu *cpu)
{
    const struct mmu *m = &cpu->mmu;

    if (LIKELY(cpu->jc_as == m->as_id && cpu->jc_hi_as == m->hi_id))
        return true;
    if (!cpu->jc_of || !cpu->jc_of[m->as_id] || !cpu->jc_of[m->hi_id])
        return false;
    cpu->jc_as = m->as_id;
    cpu->jc_hi_as = m->hi_id;
    cpu->jc = cpu->jc_of[m->as_id];
    cpu->jc_hi = cpu->jc_of[m->hi_id];
    jit_forget_returns(cpu);
    return true;
}

/* Looks the next block up as generated code would, unless something waits for the run loop. */
void *x64_helper_next(struct cpu *cpu)
{
    uint64_t base = cpu->mode & CM_CSBASE0 ? 0 : cpu->seg[SEG_CS].base;
    const struct jump_cache *jc;
    const struct jc_entry *e;
    uint64_t key;

    cpu->rip = cpu->next_rip;
    /* STI's shadow stays set: should a kick stop the next block at its head, the run loop
     * still runs one instruction before it takes an interrupt. */
    if (cpu->kick || cpu->shadow > 1 || cpu->halted || cpu->shutdown ||
        __atomic_load_n(&cpu->nmi_line, __ATOMIC_ACQUIRE) ||
        ((cpu->eflags & FL_IF) && __atomic_load_n(&cpu->intr_line, __ATOMIC_ACQUIRE)) ||
        (!(cpu->mode & CM_FLAT) && cpu->rip > cpu->seg[SEG_CS].limit) || !follow_as(cpu))
        return NULL;
    jc = (int64_t)cpu->rip < 0 ? cpu->jc_hi : cpu->jc;
    e = &jc->e[jc_index(code_linear(cpu->rip, base, cpu->mode))];
    key = jc_key(cpu->rip, base, cpu->mode);
    return key && e->key == key ? e->code : NULL;
}
