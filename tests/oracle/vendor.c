/* SPDX-License-Identifier: MIT */
#include "tests/oracle/vendor.h"

#include <string.h>

#include "cpu/insn.h"

enum { VEC_PF = 14, VEC_XM = 19 };
enum { FSW_C1 = 0x200, FSW_CC = 0x4700, FSW_ES = 0x80 };

enum when {
    ON_PF,    /* the instruction took a page fault */
    ON_FAULT, /* the instruction took a fault */
    ON_XM,    /* the instruction took a SIMD exception */
    WITH_ES,  /* the case holds the instruction and an unmasked x87 exception is pending */
    EXECUTED, /* the case holds the instruction */
    ES_SET,   /* an unmasked x87 exception is pending at the end, any instruction */
};

struct difference {
    uint16_t id;
    uint8_t when;
    struct vendor_mask mask;
    const char *reason;
};

#define C1_LEFT  "SDM: C1 is cleared; Zen leaves it"
#define FLAGS_ES "SDM: no flags are set on an unmasked #IA; Zen sets them"
#define PIECES                                                                                 \
    "CR2 and what is stored before the fault follow the microcode's order of accesses"
#define REP       "SDM: flags as before the instruction; Zen: of the last completed comparison"
#define MMX_STATE "the fault leaves x87 state alone; Zen has entered MMX state already"
static const struct difference list[] = {
    {I_FCOMI, EXECUTED, {.fsw = FSW_C1}, C1_LEFT},
    {I_FCOMIP, EXECUTED, {.fsw = FSW_C1}, C1_LEFT},
    {I_FUCOMI, EXECUTED, {.fsw = FSW_C1}, C1_LEFT},
    {I_FUCOMIP, EXECUTED, {.fsw = FSW_C1}, C1_LEFT},
    {I_FCOMI, WITH_ES, {.rflags = FL_ARITH}, FLAGS_ES},
    {I_FCOMIP, WITH_ES, {.rflags = FL_ARITH}, FLAGS_ES},
    {I_FUCOMI, WITH_ES, {.rflags = FL_ARITH}, FLAGS_ES},
    {I_FUCOMIP, WITH_ES, {.rflags = FL_ARITH}, FLAGS_ES},
    {I_NONE,
     ES_SET,
     {.fsw = FSW_CC},
     "SDM: comparisons set no condition codes on an unmasked #IA; Zen sets them, FPREM clears "
     "C2"},
    {I_FLDENV, ON_PF, {.cr2 = GUEST_PAGE_MASK}, PIECES},
    {I_FRSTOR, ON_PF, {.cr2 = GUEST_PAGE_MASK}, PIECES},
    {I_FNSTENV, ON_PF, {.cr2 = GUEST_PAGE_MASK, .memory = true}, PIECES},
    {I_FNSAVE, ON_PF, {.cr2 = GUEST_PAGE_MASK, .memory = true}, PIECES},
    {I_FXSAVE, ON_PF, {.cr2 = GUEST_PAGE_MASK, .memory = true}, PIECES},
    {I_FXRSTOR, ON_PF, {.cr2 = GUEST_PAGE_MASK}, PIECES},
    {I_CVTPI2PS, ON_XM, {.x87 = true}, MMX_STATE},
    {I_CVTPI2PD, ON_XM, {.x87 = true}, MMX_STATE},
    {I_CVTPS2PI, ON_XM, {.x87 = true}, MMX_STATE},
    {I_CVTPD2PI, ON_XM, {.x87 = true}, MMX_STATE},
    {I_CVTTPS2PI, ON_XM, {.x87 = true}, MMX_STATE},
    {I_CVTTPD2PI, ON_XM, {.x87 = true}, MMX_STATE},
    {I_CMPS, ON_PF, {.rflags = FL_ARITH}, REP},
    {I_CMPS, ON_FAULT, {.order = true}, "where both operands fault, either may come first"},
    {I_SCAS, ON_PF, {.rflags = FL_ARITH}, REP},
};

static bool executed(const struct orc_case *c, unsigned id)
{
    for (unsigned i = 0; i < c->ninsns; i++) {
        if (c->insn[i].id == id)
            return true;
    }
    return false;
}

static bool applies(const struct difference *d, const struct orc_case *c,
                    const struct orc_state *want, unsigned id)
{
    uint16_t fsw;

    memcpy(&fsw, want->fx + 2, 2);
    switch (d->when) {
    case ON_PF: return d->id == id && want->vector == VEC_PF;
    case ON_FAULT: return d->id == id && want->vector != ORC_NO_FAULT;
    case ON_XM: return d->id == id && want->vector == VEC_XM;
    case WITH_ES: return executed(c, d->id) && fsw & FSW_ES;
    case EXECUTED: return executed(c, d->id);
    default: return fsw & FSW_ES;
    }
}

void vendor_mask(struct vendor_mask *m, const struct orc_case *c, const struct orc_state *want,
                 unsigned id)
{
    memset(m, 0, sizeof(*m));
    for (unsigned i = 0; i < ARRAY_SIZE(list); i++) {
        const struct vendor_mask *d = &list[i].mask;

        if (!applies(&list[i], c, want, id))
            continue;
        m->fsw |= d->fsw;
        m->rflags |= d->rflags;
        m->cr2 |= d->cr2;
        m->order |= d->order;
        m->memory |= d->memory;
        m->x87 |= d->x87;
    }
}

void vendor_print(FILE *f)
{
    for (unsigned i = 0; i < ARRAY_SIZE(list); i++) {
        static const char *const when[] = {"on #PF",          "on a fault", "on #XM",
                                           "with FSW.ES set", "",           "with FSW.ES set"};

        fprintf(f, "%-11s %-16s %s\n", list[i].id == I_NONE ? "any" : insn_name(list[i].id),
                when[list[i].when], list[i].reason);
    }
}
