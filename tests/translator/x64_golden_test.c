/* SPDX-License-Identifier: MIT
 * Host code of common instruction forms, compared with x64_goldens.txt so that a change of the
 * generated code shows as a diff. Each form stands in a block of its own, followed by an
 * instruction that overwrites all flags; shown is the path taken when all goes well, without
 * what every block has. Usage: x64_golden_test FILE [--update]
 *
 * FILE: a line "HEX  text  # n instructions" for a form (hexadecimal guest bytes; the rest is
 * written by --update), followed by the host instructions, indented. '#' starts a comment. */
#include <capstone/capstone.h>
#include <stdio.h>
#include <string.h>

#include "tests/translator/x64_rig.h"
#include "translator/x86_64/x64.h"

#define TAIL_SIZE 4

static const uint8_t tail[TAIL_SIZE] = {0x85, 0xff, 0xeb, 0x00}; /* test edi, edi; jmp next */

static csh cs;

/* Fields of struct cpu, which the host's RSP points at. */
static const struct {
    const char *name;
    size_t offset, size, element;
} fields[] = {
#define FIELD(f, element_)                                                                     \
    {                                                                                          \
#f, offsetof(struct cpu, f), sizeof(((struct cpu *)0)->f), element_                    \
    }
    FIELD(gpr, 8),
    FIELD(rip, 0),
    FIELD(kick, 0),
    FIELD(aflags, 0),
    FIELD(mode, 0),
    FIELD(df, 0),
    FIELD(next_rip, 0),
    FIELD(icount, 0),
    FIELD(budget, 0),
    FIELD(mmu, 1),
    FIELD(seg, 1),
    FIELD(jc, 0),
    FIELD(jit_ra, 0),
    FIELD(jit_sp, 0),
    FIELD(scratch, 8),
    FIELD(jit_delta, 8),
    FIELD(returns, 8),
    FIELD(return_top, 0),
    FIELD(bounce, 1),
    FIELD(v, sizeof(union vec)),
    FIELD(mxcsr, 0),
    FIELD(x87, 1),
    FIELD(x87_live, 0),
    FIELD(jc_hi, 0),
    FIELD(eflags, 0),
    FIELD(shadow, 0),
    FIELD(intr_line, 0),
    FIELD(nmi_line, 0),
    FIELD(kernel_gs_base, 0),
#undef FIELD
};

static void field_name(GString *s, int64_t disp)
{
    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
        uint64_t off = (uint64_t)disp - fields[i].offset;

        if (off >= fields[i].size)
            continue;
        if (!strcmp(fields[i].name, "seg"))
            g_string_append_printf(s, "seg[%u]%s", (unsigned)(off / sizeof(struct seg)),
                                   off % sizeof(struct seg) ? "+" : ".base");
        else if (fields[i].element > 1)
            g_string_append_printf(s, "%s[%u]", fields[i].name,
                                   (unsigned)(off / fields[i].element));
        else
            g_string_append(s, fields[i].name); /* inside another struct: no offset shown */
        return;
    }
    g_string_append_printf(s, "%+ld", (long)disp);
}

/* The operand [rsp + ...] by the name of what lies there. */
static void append_operands(GString *s, const cs_insn *in)
{
    const cs_x86 *x = &in->detail->x86;
    const char *open = strchr(in->op_str, '['), *close = open ? strchr(open, ']') : NULL;

    for (unsigned i = 0; open && close && i < x->op_count; i++) {
        const x86_op_mem *m = &x->operands[i].mem;

        if (x->operands[i].type != X86_OP_MEM || m->base != X86_REG_RSP)
            continue;
        g_string_append_len(s, in->op_str, open + 1 - in->op_str);
        g_string_append(s, "cpu.");
        field_name(s, m->disp);
        if (m->index != X86_REG_INVALID)
            g_string_append_printf(s, " + %s*%d", cs_reg_name(cs, m->index), m->scale);
        g_string_append(s, close);
        return;
    }
    g_string_append(s, in->op_str);
}

/* Guest constants of the forms are never in the range of host programs and heaps. */
static bool host_address(int64_t imm)
{
    return imm >> 40 >= 0x50 && imm >> 40 < 0x80;
}

static void append_insn(GString *s, const cs_insn *in)
{
    bool direct =
        (cs_insn_group(cs, in, X86_GRP_JUMP) || cs_insn_group(cs, in, X86_GRP_CALL)) &&
        in->detail->x86.operands[0].type == X86_OP_IMM;

    g_string_append_printf(s, "    %s", in->mnemonic);
    if (in->id == X86_INS_MOVABS && host_address(in->detail->x86.operands[1].imm))
        g_string_append_printf(s, " %s, host address",
                               cs_reg_name(cs, in->detail->x86.operands[0].reg));
    else if (direct)
        g_string_append(s, " elsewhere");
    else if (in->op_str[0])
        g_string_append_c(s, ' '), append_operands(s, in);
    g_string_append_c(s, '\n');
}

/* One line an instruction up to the first jump that is always taken. Returns how many. */
static unsigned disassemble(GPtrArray *lines, const struct block *b)
{
    const uint8_t *code = b->code;
    size_t n = b->code_size;
    uint64_t at = (uint64_t)(uintptr_t)code;
    cs_insn *in = cs_malloc(cs);
    bool end = false;

    while (!end && cs_disasm_iter(cs, &code, &n, &at, in)) {
        GString *s = g_string_new(NULL);

        append_insn(s, in);
        g_ptr_array_add(lines, g_string_free(s, FALSE));
        end = in->id == X86_INS_JMP || in->id == X86_INS_RET;
    }
    cs_free(in, 1);
    return lines->len;
}

static GPtrArray *compile(struct rig *r, const uint8_t *bytes, unsigned n)
{
    static struct rig_code code;
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    struct block b = {.rip = RIG_CODE, .mode = r->cpu->mode};

    memset(&code, 0, sizeof(code));
    g_assert_cmpint(lower_block(&code.b, r->cpu, RIG_CODE, bytes, n, 32), >=, 0);
    opt_flags(&code.b, FL_ARITH);
    opt_dead(&code.b);
    b.ninsn = (uint16_t)code.b.ninsn;
    b.ops = code.b.op;
    b.nops = code.b.n;
    g_assert_cmpint(jit_compile(r->jit, &b), ==, JIT_OK);
    disassemble(lines, &b);
    jit_block_drop(r->jit, &b);
    jit_flush(r->jit);
    return lines;
}

static bool ends_block(const uint8_t *bytes, unsigned n)
{
    struct insn in;
    unsigned at = 0;

    for (; at < n; at += in.len)
        if (insn_decode(&in, bytes + at, n - at, INSN_64) != INSN_OK)
            g_error("bytes that are no instruction");
    return in.row->attr & IA_END;
}

static char *guest_text(const uint8_t *bytes, size_t n)
{
    GString *s = g_string_new(NULL);
    uint64_t at = RIG_CODE;
    cs_insn *in = cs_malloc(cs);

    while (n && cs_disasm_iter(cs, &bytes, &n, &at, in))
        g_string_append_printf(s, "%s%s%s%s", s->len ? "; " : "", in->mnemonic,
                               in->op_str[0] ? " " : "", in->op_str);
    cs_free(in, 1);
    return g_string_free(s, FALSE);
}

/* The form's entry: without the lines that a block of the tail alone has as well. */
static char *golden(struct rig *r, const char *hex)
{
    uint8_t bytes[64];
    unsigned n = 0, byte;
    GString *s = g_string_new(hex);
    g_autofree char *text = NULL;
    g_autoptr(GPtrArray) bare = compile(r, tail, TAIL_SIZE), lines = NULL;
    unsigned first, last;

    for (; n < sizeof(bytes) - TAIL_SIZE && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
        bytes[n] = (uint8_t)byte;
    text = guest_text(bytes, n);
    if (ends_block(bytes, n)) {
        lines = compile(r, bytes, n);
        for (first = 0; first < lines->len && first < bare->len; first++)
            if (strcmp(lines->pdata[first], bare->pdata[first]))
                break;
        last = lines->len;
    } else {
        memcpy(bytes + n, tail, TAIL_SIZE);
        lines = compile(r, bytes, n + TAIL_SIZE);
        for (first = 0; strcmp(bare->pdata[first], "    test edi, edi\n"); first++)
            g_assert_cmpstr(lines->pdata[first], ==, bare->pdata[first]);
        last = lines->len - (bare->len - first);
    }
    g_string_append_printf(s, "  %s  # %u\n", text, last - first);
    for (; first < last; first++)
        g_string_append(s, lines->pdata[first]);
    return g_string_free(s, FALSE);
}

static char *regenerate(struct rig *r, const char *old, unsigned *forms)
{
    GString *s = g_string_new(NULL);
    g_auto(GStrv) line = g_strsplit(old, "\n", -1);

    for (unsigned i = 0; line[i]; i++) {
        if (line[i][0] == '#') {
            g_string_append_printf(s, "%s\n", line[i]);
        } else if (g_ascii_isxdigit(line[i][0])) {
            g_autofree char *hex = g_strndup(line[i], strcspn(line[i], " "));
            g_autofree char *entry = golden(r, hex);

            g_string_append(s, entry);
            ++*forms;
        }
    }
    return g_string_free(s, FALSE);
}

/* The first line that differs, on both sides. */
static void show_difference(const char *want, const char *got)
{
    g_auto(GStrv) a = g_strsplit(want, "\n", -1);
    g_auto(GStrv) b = g_strsplit(got, "\n", -1);
    unsigned shown = 0;

    for (unsigned i = 0; a[i] && b[i] && shown < 1; i++)
        if (strcmp(a[i], b[i])) {
            printf("# line %u\n# want %s\n# got  %s\n", i + 1, a[i], b[i]);
            shown++;
        }
    printf("# after a wanted change: x64_golden_test FILE --update, and review the diff\n");
}

int main(int argc, char **argv)
{
    /* what every host has, so that the file is the same everywhere */
    struct jit_opts o = {.code_bytes = 1 << 20, .host_off = ~0u};
    g_autofree char *old = NULL, *now = NULL;
    struct rig *r;
    unsigned forms = 0;
    bool same;

    if (argc < 2 || !g_file_get_contents(argv[1], &old, NULL, NULL)) {
        fprintf(stderr, "usage: x64_golden_test FILE [--update]\n");
        return 2;
    }
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK)
        return 2;
    cs_option(cs, CS_OPT_DETAIL, CS_OPT_ON);
    r = rig_create(&o, false);
    now = regenerate(r, old, &forms);
    same = !strcmp(old, now);
    if (!same && argc > 2)
        same = g_file_set_contents(argv[1], now, -1, NULL);
    printf("1..2\n%sok 1 - %u forms as in the file\n", same ? "" : "not ", forms);
    printf("%sok 2 - at least 100 forms\n", forms >= 100 ? "" : "not ");
    if (!same)
        show_difference(old, now);
    rig_destroy(r);
    cs_close(&cs);
    return same && forms >= 100 ? 0 : 1;
}
