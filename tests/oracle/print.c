/* SPDX-License-Identifier: MIT
 * Cases and differences for people. */
#include <capstone/capstone.h>
#include <string.h>

#include "cpu/insn.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/mem.h"

static const char *const reg_name[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
                                         "rsi", "rdi", "r8",  "r9",  "r10", "r11",
                                         "r12", "r13", "r14", "r15"};

static void print_code(FILE *f, const struct orc_case *c)
{
    csh cs;
    cs_insn *insn;

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK)
        return;
    for (unsigned i = 0; i < c->ninsns; i++) {
        const struct orc_insn *in = &c->insn[i];
        uint64_t addr = c->rip + in->off;
        size_t n = cs_disasm(cs, c->code + in->off, in->len, addr, 1, &insn);

        fprintf(f, "  %08llx ", (unsigned long long)addr);
        for (unsigned k = 0; k < in->len; k++)
            fprintf(f, "%02x", c->code[in->off + k]);
        fprintf(f, "%*s", in->len < 12 ? 2 * (12 - in->len) + 1 : 1, "");
        if (n) {
            fprintf(f, "%s %s", insn[0].mnemonic, insn[0].op_str);
            cs_free(insn, n);
        } else {
            fprintf(f, "(%s)", insn_name(in->id));
        }
        fprintf(f, in->undef ? "   ; undefined before: %03x\n" : "\n", in->undef);
    }
    for (unsigned i = 0; i < c->nexits; i++)
        fprintf(f, "  %08llx exit %u\n", (unsigned long long)c->rip + c->exit[i], i);
    cs_close(&cs);
}

static uint64_t get(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    memcpy(&v, p, n);
    return v;
}

void print_case(FILE *f, const struct orc_case *c)
{
    fprintf(f, "case %llu:%llu%s\n", (unsigned long long)c->seed, (unsigned long long)c->index,
            c->sequence ? "s" : "");
    print_code(f, c);
    for (unsigned i = 0; i < 16; i++)
        fprintf(f, "%s%-3s %016llx",
                i % 4 ? "  "
                : i   ? "\n  "
                      : "  ",
                reg_name[i], (unsigned long long)c->gpr[i]);
    fprintf(f,
            "\n  rflags %llx undefined at the end %03x mxcsr %04x fcw %04x fsw %04x ftw %02x\n",
            (unsigned long long)c->rflags, c->exit_undef, (unsigned)get(c->fx + 24, 4),
            (unsigned)get(c->fx, 2), (unsigned)get(c->fx + 2, 2), c->fx[4]);
    for (unsigned i = 0; i < 8; i++)
        fprintf(f, "  st%u %04x:%016llx%s", i, (unsigned)get(c->fx + 40 + 16 * i, 2),
                (unsigned long long)get(c->fx + 32 + 16 * i, 8), i % 4 == 3 ? "\n" : "");
    for (unsigned i = 0; i < 16; i++)
        fprintf(f, "  xmm%-2u %016llx:%016llx%s", i,
                (unsigned long long)get(c->fx + 168 + 16 * i, 8),
                (unsigned long long)get(c->fx + 160 + 16 * i, 8), i % 2 ? "\n" : "");
    for (unsigned i = 0; i < c->npatches; i++) {
        const struct orc_patch *p = &c->patch[i];

        fprintf(f, "  [%08x] ", p->addr);
        for (unsigned k = 0; k < p->len && k < 32; k++)
            fprintf(f, "%02x%s", c->blob[p->off + k], k % 8 == 7 ? " " : "");
        fprintf(f, p->len > 32 ? "...\n" : "\n");
    }
}

static void diff_u64(FILE *f, const char *name, uint64_t want, uint64_t got)
{
    if (want != got)
        fprintf(f, "  %-6s want %016llx got %016llx\n", name, (unsigned long long)want,
                (unsigned long long)got);
}

static void diff_vec(FILE *f, const char *name, unsigned i, const uint8_t *x, const uint8_t *y)
{
    if (memcmp(x, y, 16))
        fprintf(f, "  %s%-2u  want %016llx:%016llx got %016llx:%016llx\n", name, i,
                (unsigned long long)get(x + 8, 8), (unsigned long long)get(x, 8),
                (unsigned long long)get(y + 8, 8), (unsigned long long)get(y, 8));
}

static void diff_x87(FILE *f, const uint8_t *a, const uint8_t *b)
{
    diff_u64(f, "fcw", get(a, 2), get(b, 2));
    diff_u64(f, "fsw", get(a + 2, 2), get(b + 2, 2));
    diff_u64(f, "ftw", a[4], b[4]);
    for (unsigned i = 0; i < 8; i++) {
        const uint8_t *x = a + 32 + 16 * i, *y = b + 32 + 16 * i;

        if (memcmp(x, y, 10))
            fprintf(f, "  st%u    want %04x:%016llx got %04x:%016llx\n", i,
                    (unsigned)get(x + 8, 2), (unsigned long long)get(x, 8),
                    (unsigned)get(y + 8, 2), (unsigned long long)get(y, 8));
    }
}

static void print_end(FILE *f, const char *who, const struct orc_state *s)
{
    static const char *const status[] = {"", " (died)", " (timeout)"};

    if (s->vector == ORC_NO_FAULT)
        fprintf(f, "  %s: exit at %llx%s\n", who, (unsigned long long)s->rip,
                status[s->status]);
    else
        fprintf(f, "  %s: vector %u error %x cr2 %llx rip %llx%s\n", who, s->vector, s->error,
                (unsigned long long)s->cr2, (unsigned long long)s->rip, status[s->status]);
}

void print_diff(FILE *f, const struct orc_case *c, const struct orc_state *want,
                const struct orc_state *got, const struct compare_opts *o)
{
    unsigned diff = compare_states(c, want, got, o);
    char kinds[80];

    fprintf(f, " differs in: %s\n", compare_kinds(diff, kinds));
    print_end(f, "want", want);
    print_end(f, "got ", got);
    for (unsigned i = 0; i < 16; i++)
        diff_u64(f, reg_name[i], want->gpr[i], got->gpr[i]);
    if (diff & DIFF_FLAGS)
        diff_u64(f, "rflags", want->rflags, got->rflags);
    diff_u64(f, "mxcsr", get(want->fx + 24, 4), get(got->fx + 24, 4));
    if (diff & DIFF_X87)
        diff_x87(f, want->fx, got->fx);
    if (diff & DIFF_X87PTR) {
        diff_u64(f, "fop", get(want->fx + 6, 2), get(got->fx + 6, 2));
        diff_u64(f, "fip", get(want->fx + 8, 8), get(got->fx + 8, 8));
        diff_u64(f, "fdp", get(want->fx + 16, 8), get(got->fx + 16, 8));
    }
    for (unsigned i = 0; i < 16; i++) {
        diff_vec(f, "xmm", i, want->fx + 160 + 16 * i, got->fx + 160 + 16 * i);
        diff_vec(f, "ymmh", i, want->ymm + 16 * i, got->ymm + 16 * i);
    }
    if (diff & DIFF_MEM)
        print_memory_diff(f, c, want, got);
}
