/* SPDX-License-Identifier: MIT
 * Commands about the CPU and its interrupts. */
#include <inttypes.h>

#include "frontend/monitor/mon_int.h"
#include "hw/pc/pc.h"
#include "translator/run.h"

bool cmd_registers(struct mon_call *c, struct err *e)
{
    mon_print_regs(c);
    return true;
}

bool cmd_cpu(struct mon_call *c, struct err *e)
{
    return mon_int(c, "index", 0) == 0 || err_set(e, "invalid CPU index");
}

bool cmd_nmi(struct mon_call *c, struct err *e)
{
    struct pc *pc = vm_pc(c->vm);

    if (mon_int(c, "cpu", 0) != 0)
        return err_set(e, "invalid CPU index");
    if (pc->cfg.nmi)
        pc->cfg.nmi(pc->cfg.opaque, 0);
    return true;
}

static void say_line(void *opaque, const char *line)
{
    mon_say(opaque, "%s\n", line);
}

bool cmd_jit(struct mon_call *c, struct err *e)
{
    run_print_stats(vm_cpu(c->vm), say_line, c);
    return true;
}

/* --- interrupt controllers ----------------------------------------------------------- */

bool cmd_pic(struct mon_call *c, struct err *e)
{
    struct pc *pc = vm_pc(c->vm);

    mon_say(c, "ioapic0: ver=0x20 id=0x%02x sel=0x%02x\n", pc->ioapic.id, pc->ioapic.select);
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        uint64_t r = pc->ioapic.redir[i];

        mon_say(c, "  pin %-2u 0x%016" PRIx64 " dest=%u vec=%u %s %s %s%s\n", i, r,
                (unsigned)(r >> 56), (unsigned)(r & 0xff),
                r & 0x2000 ? "active-lo" : "active-hi", r & 0x8000 ? "level" : "edge",
                r & 0x10000 ? "masked" : "", r & 0x800 ? " logical" : "");
    }
    mon_say(c, "  IRR %06x lines %06x\n", pc->ioapic.irr, pc->ioapic.lines);
    for (int i = 1; i >= 0; i--) {
        const struct pic_chip *p = &pc->pic.chip[i];

        mon_say(c,
                "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d irq_base=%02x rr_sel=%d elcr=%02x "
                "fnm=%d\n",
                i, p->irr, p->imr, p->isr, p->top, p->base, p->read_isr, p->elcr,
                p->icw4 >> 4 & 1);
    }
    return true;
}

static void print_vectors(struct mon_call *c, const char *name, const uint32_t set[8])
{
    bool any = false;

    mon_say(c, "%s\t", name);
    for (unsigned v = 0; v < 256; v++) {
        if (!(set[v / 32] >> (v % 32) & 1))
            continue;
        mon_say(c, " %u", v);
        any = true;
    }
    mon_say(c, any ? "\n" : " (none)\n");
}

bool cmd_lapic(struct mon_call *c, struct err *e)
{
    static const char *const lvt[] = {"LVTT", "LVTTHMR", "LVTPC", "LVT0", "LVT1", "LVTERR"};
    const struct lapic *l = &vm_pc(c->vm)->lapic[0];

    if (mon_int(c, "id", 0) != 0)
        return err_set(e, "No local APIC with that id");
    mon_say(c, "dumping local APIC state for CPU 0\n\nBASE\t 0x%016" PRIx64 "\n", l->base_msr);
    for (unsigned i = 0; i < LVT_COUNT; i++)
        mon_say(c, "%s\t 0x%08x vec %u%s\n", lvt[i], l->lvt[i], l->lvt[i] & 0xff,
                l->lvt[i] & 0x10000 ? " masked" : "");
    mon_say(c, "Timer\t DCR=0x%x initial_count = %u\n", l->divide, l->initial_count);
    mon_say(c, "SPIV\t 0x%08x APIC %s\n", l->svr, l->svr & 0x100 ? "enabled" : "disabled");
    mon_say(c, "ICR\t 0x%016" PRIx64 "\nESR\t 0x%08x\n", l->icr, l->esr);
    print_vectors(c, "ISR", l->isr);
    print_vectors(c, "IRR", l->irr);
    mon_say(c, "LDR\t 0x%08x DFR 0x%08x TPR 0x%02x\n", l->ldr, l->dfr, l->tpr);
    return true;
}

bool cmd_irq(struct mon_call *c, struct err *e)
{
    const struct pc *pc = vm_pc(c->vm);

    mon_say(c, "accepted by the CPU: %" PRIu64 "\n", run_stats(vm_cpu(c->vm))->interrupts);
    for (unsigned i = 0; i < 16; i++)
        mon_say(c, "IRQ %2u: ISA line %s, PCI line %s\n", i,
                pc->isa_level >> i & 1 ? "high" : "low",
                pc->pirq_level >> i & 1 ? "high" : "low");
    return true;
}
