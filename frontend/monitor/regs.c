/* SPDX-License-Identifier: MIT
 * The CPU's registers: `info registers` in the layout that people and scripts of QEMU know,
 * and $names in expressions. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "frontend/monitor/mon_int.h"

static const char *const seg_names[] = {"ES", "CS", "SS", "DS", "FS", "GS"};

static bool wide(const struct cpu *cpu)
{
    return cpu->efer & EFER_LMA;
}

static void print_gprs(struct mon_call *c, const struct cpu *cpu)
{
    static const char order[] = {0, 3, 1, 2, 6, 7, 5, 4};
    static const char *const names[] = {"AX", "BX", "CX", "DX", "SI", "DI", "BP", "SP"};
    uint64_t fl = cpu_get_rflags(cpu);

    for (unsigned i = 0; i < 8; i++)
        mon_say(c, wide(cpu) ? "R%s=%016" PRIx64 "%c" : "E%s=%08" PRIx64 "%c", names[i],
                wide(cpu) ? cpu->gpr[(int)order[i]] : cpu->gpr[(int)order[i]] & 0xffffffff,
                i % 4 == 3 ? '\n' : ' ');
    for (unsigned i = 8; wide(cpu) && i < 16; i++)
        mon_say(c, "R%-2u=%016" PRIx64 "%c", i, cpu->gpr[i], i % 4 == 3 ? '\n' : ' ');
    mon_say(
        c, wide(cpu) ? "RIP=%016" PRIx64 " RFL=%08" PRIx64 : "EIP=%08" PRIx64 " EFL=%08" PRIx64,
        cpu->rip, fl);
    mon_say(c, " [%c%c%c%c%c%c%c] CPL=%d II=%d A20=%d SMM=0 HLT=%d\n", fl & FL_DF ? 'D' : '-',
            fl & FL_OF ? 'O' : '-', fl & FL_SF ? 'S' : '-', fl & FL_ZF ? 'Z' : '-',
            fl & FL_AF ? 'A' : '-', fl & FL_PF ? 'P' : '-', fl & FL_CF ? 'C' : '-', cpu->cpl,
            cpu->shadow != 0, cpu->a20_mask >> 20 & 1 ? 1 : 0, cpu->halted);
}

static const char *seg_kind(const struct cpu *cpu, const struct seg *s, char *buf, size_t size)
{
    unsigned a = s->attr;

    if (!(a & SA_S)) {
        static const char *const kinds[] = {
            "Reserved",   "TSS16-avl",  "LDT",       "TSS16-busy", "CallGate16", "TaskGate",
            "IntGate16",  "TrapGate16", "Reserved",  "TSS32-avl",  "Reserved",   "TSS32-busy",
            "CallGate32", "Reserved",   "IntGate32", "TrapGate32"};
        static const char *const long_kinds[] = {
            "Reserved",   "Reserved", "LDT",       "Reserved",  "Reserved", "Reserved",
            "Reserved",   "Reserved", "Reserved",  "TSS64-avl", "Reserved", "TSS64-busy",
            "CallGate64", "Reserved", "IntGate64", "TrapGate64"};

        return (wide(cpu) ? long_kinds : kinds)[a & SA_TYPE];
    }
    if (a & SA_CODE)
        g_snprintf(buf, size, "%s [%c%c%c]",
                   a & SA_L    ? "CS64"
                   : a & SA_DB ? "CS32"
                               : "CS16",
                   a & SA_DC ? 'C' : '-', a & SA_RW ? 'R' : '-', a & SA_ACC ? 'A' : '-');
    else
        g_snprintf(buf, size, "%s [%c%c%c]", a & SA_DB ? "DS  " : "DS16", a & SA_DC ? 'E' : '-',
                   a & SA_RW ? 'W' : '-', a & SA_ACC ? 'A' : '-');
    return buf;
}

static void print_seg(struct mon_call *c, const struct cpu *cpu, const char *name,
                      const struct seg *s)
{
    char kind[32];

    mon_say(c,
            wide(cpu) ? "%-3s=%04x %016" PRIx64 " %08x %08x"
                      : "%-3s=%04x %08" PRIx64 " %08x %08x",
            name, s->sel, s->base, s->limit, (unsigned)s->attr << 8);
    if ((s->attr & SA_P) && (cpu->cr0 & CR0_PE))
        mon_say(c, " DPL=%d %s", (s->attr & SA_DPL) >> SA_DPL_SHIFT,
                seg_kind(cpu, s, kind, sizeof(kind)));
    mon_say(c, "\n");
}

static void print_system(struct mon_call *c, const struct cpu *cpu)
{
    const char *table =
        wide(cpu) ? "%s=     %016" PRIx64 " %08x\n" : "%s=     %08" PRIx64 " %08x\n";

    for (unsigned i = 0; i < G_N_ELEMENTS(seg_names); i++)
        print_seg(c, cpu, seg_names[i], &cpu->seg[i]);
    print_seg(c, cpu, "LDT", &cpu->ldt);
    print_seg(c, cpu, "TR", &cpu->tr);
    mon_say(c, table, "GDT", cpu->gdt.base, cpu->gdt.limit);
    mon_say(c, table, "IDT", cpu->idt.base, cpu->idt.limit);
    mon_say(c,
            wide(cpu)
                ? "CR0=%08" PRIx64 " CR2=%016" PRIx64 " CR3=%016" PRIx64 " CR4=%08" PRIx64 "\n"
                : "CR0=%08" PRIx64 " CR2=%08" PRIx64 " CR3=%08" PRIx64 " CR4=%08" PRIx64 "\n",
            cpu->cr0, cpu->cr2, cpu->cr3, cpu->cr4);
    for (unsigned i = 0; i < 4; i++)
        mon_say(c, "DR%u=%016" PRIx64 "%c", i, cpu->dr[i], i == 3 ? '\n' : ' ');
    mon_say(c, "DR6=%016" PRIx64 " DR7=%016" PRIx64 "\nEFER=%016" PRIx64 "\n", cpu->dr[6],
            cpu->dr[7], cpu->efer);
}

static void print_fpu(struct mon_call *c, const struct cpu *cpu)
{
    const struct x87 *x = &cpu->x87;
    unsigned vectors = wide(cpu) ? 16 : 8;

    mon_say(c, "FCW=%04x FSW=%04x [ST=%d] FTW=%02x MXCSR=%08x\n", x->cw, x->sw, x->sw >> 11 & 7,
            x->valid, cpu->mxcsr);
    for (unsigned i = 0; i < 8; i++)
        mon_say(c, "FPR%u=%016" PRIx64 " %04x%c", i, x->fpr[i].m, x->fpr[i].se,
                i % 2 ? '\n' : ' ');
    for (unsigned i = 0; i < vectors; i++)
        mon_say(c, "XMM%02u=%016" PRIx64 " %016" PRIx64 "%c", i, cpu->v[i].u64[1],
                cpu->v[i].u64[0], i % 2 ? '\n' : ' ');
}

void mon_print_regs(struct mon_call *c)
{
    const struct cpu *cpu = vm_cpu(c->vm);

    mon_say(c, "\nCPU#0\n");
    print_gprs(c, cpu);
    print_system(c, cpu);
    print_fpu(c, cpu);
}

/* --- by name ------------------------------------------------------------------------- */

struct lookup {
    const struct cpu *cpu;
    const char *name;
    uint64_t value;
    bool found;
};

static bool gpr_value(struct lookup *l)
{
    static const char names[][3] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    const char *n = l->name;
    char *end;

    for (unsigned i = 0; i < 8; i++) {
        if (strcmp(n + (*n == 'r' || *n == 'e'), names[i]))
            continue;
        l->value = l->cpu->gpr[i];
        l->value = *n == 'r' ? l->value : *n == 'e' ? (uint32_t)l->value : (uint16_t)l->value;
        return true;
    }
    if (*n != 'r' || !g_ascii_isdigit(n[1]))
        return false;
    unsigned long i = strtoul(n + 1, &end, 10);
    if (*end || i < 8 || i > 15)
        return false;
    l->value = l->cpu->gpr[i];
    return true;
}

static bool seg_value(struct lookup *l)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(seg_names); i++) {
        const struct seg *s = &l->cpu->seg[i];

        if (g_ascii_strncasecmp(l->name, seg_names[i], 2))
            continue;
        if (!l->name[2])
            l->value = s->sel;
        else if (!strcmp(l->name + 2, ".base"))
            l->value = s->base;
        else if (!strcmp(l->name + 2, ".limit"))
            l->value = s->limit;
        else
            continue;
        return true;
    }
    return false;
}

static void look_up(void *opaque)
{
    struct lookup *l = opaque;
    const struct cpu *cpu = l->cpu;
    const struct {
        const char *name;
        uint64_t value;
    } others[] = {{"rip", cpu->rip},
                  {"eip", cpu->rip},
                  {"pc", cpu->rip},
                  {"rflags", cpu_get_rflags(cpu)},
                  {"eflags", cpu_get_rflags(cpu)},
                  {"cr0", cpu->cr0},
                  {"cr2", cpu->cr2},
                  {"cr3", cpu->cr3},
                  {"cr4", cpu->cr4},
                  {"efer", cpu->efer}};

    l->found = gpr_value(l) || seg_value(l);
    for (unsigned i = 0; i < G_N_ELEMENTS(others) && !l->found; i++) {
        l->found = !strcmp(others[i].name, l->name);
        l->value = others[i].value;
    }
}

bool mon_reg(struct vm *vm, const char *name, uint64_t *value)
{
    struct lookup l = {.cpu = vm_cpu(vm), .name = name};

    vm_run_on_cpu(vm, look_up, &l);
    *value = l.value;
    return l.found;
}
