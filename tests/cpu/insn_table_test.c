/* SPDX-License-Identifier: MIT
 * Checks of the instruction table itself: no two rows match one encoding,
 * every row can be reached through the decoder, every id is used, the columns
 * agree with each other. */
#include "cpu/insn_table.h"

#include <glib.h>
#include <string.h>

static uint32_t fields[] = {
    MTK_PFX,
    MTK_MODE,
    MTK_MODE | MTK_N64W1,
    MTK_L0 | MTK_L1,
    MTK_MEM | MTK_REG,
    MTK_B0 | MTK_B1,
    0xffu << MTK_R_SHIFT,
    0xffu << MTK_RM_SHIFT,
};

static const char *row_text(const struct insn_row *row)
{
    static char text[2][80];
    static unsigned turn;
    char *s = text[turn++ & 1];

    g_snprintf(s, sizeof(text[0]), "row %d: %03x %s match %08x", (int)(row - insn_table),
               row->opcode, insn_name(row->id), row->match);
    return s;
}

/* Two rows may both match unless they forbid some field wholly between them. */
static void test_overlap(void)
{
    size_t n;
    const struct insn_row *rows = insn_rows(&n);

    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            bool apart = false;
            if (rows[i].opcode != rows[j].opcode)
                continue;
            for (unsigned f = 0; f < ARRAY_SIZE(fields); f++)
                apart |= ((rows[i].match | rows[j].match) & fields[f]) == fields[f];
            if (!apart)
                g_error("overlap: %s, %s", row_text(&rows[i]), row_text(&rows[j]));
            if ((rows[i].match ^ rows[j].match) & MT_RM && !(rows[i].match & MTK_N64) &&
                !(rows[j].match & MTK_N64))
                g_error("ModRM or not: %s, %s", row_text(&rows[i]), row_text(&rows[j]));
        }
    }
}

/* Lowest bit of a field that the row's match leaves allowed. */
static uint32_t allowed(const struct insn_row *row, uint32_t field)
{
    uint32_t bits = ~row->match & field;

    if (!bits)
        g_error("nothing matches %s", row_text(row));
    return bits & -bits;
}

/* Where a gather may find three different registers. */
static size_t put_modrm(const struct insn_row *row, uint8_t *buf, uint8_t mod, uint8_t reg,
                        uint8_t rm)
{
    if (row->attr & IA_VSIB) {
        buf[0] = (uint8_t)(3 << 3 | 4);
        buf[1] = 1 << 3;
        return 2;
    }
    buf[0] = (uint8_t)(mod | reg << 3 | rm);
    return 1;
}

/* The bytes of a VEX prefix and opcode. */
static size_t encode_vex(const struct insn_row *row, uint8_t *buf, enum insn_mode *mode)
{
    uint32_t pfx = allowed(row, MTK_PFX), m = allowed(row, MTK_MODE);
    unsigned pp = pfx == MTK_66 ? 1 : pfx == MTK_F3 ? 2 : pfx == MTK_F2 ? 3 : 0;

    *mode = m == MTK_N64 ? INSN_32 : INSN_64;
    buf[0] = 0xc4;
    buf[1] = (uint8_t)(0xe0 | ((row->opcode >> 8) - 4));
    buf[2] = (uint8_t)((m == MTK_64W1 ? 0x80 : 0) | 0x78 | pp);
    if (allowed(row, MTK_L0 | MTK_L1) == MTK_L1)
        buf[2] |= 4;
    buf[3] = (uint8_t)row->opcode;
    return 4;
}

/* Builds an encoding that the row matches; returns its length. */
static size_t encode(const struct insn_row *row, uint8_t *buf, enum insn_mode *mode)
{
    uint32_t pfx = allowed(row, MTK_PFX), m = allowed(row, MTK_MODE);
    uint8_t rex = 0, mod, reg, rm;
    size_t n = 0;

    if (row->opcode >= 0x500) {
        n = encode_vex(row, buf, mode);
        goto modrm;
    }
    if (allowed(row, MTK_B0 | MTK_B1) == MTK_B1) {
        rex = 0x41;
        m = MTK_64W0;
    }
    *mode = m == MTK_N64 ? INSN_32 : INSN_64;
    if (m == MTK_64W1)
        rex |= 0x48;
    if (pfx != MTK_NONE)
        buf[n++] = pfx == MTK_66 ? 0x66 : pfx == MTK_F3 ? 0xf3 : 0xf2;
    if (rex)
        buf[n++] = rex;
    if (row->opcode >= 0x100)
        buf[n++] = 0x0f;
    if (row->opcode >= 0x200)
        buf[n++] = row->opcode >= 0x300 ? 0x3a : 0x38;
    buf[n++] = (uint8_t)row->opcode;
modrm:
    if (row->match & MT_RM) {
        mod = allowed(row, MTK_MEM | MTK_REG) == MTK_MEM ? 0 : 0xc0;
        reg = (uint8_t)__builtin_ctz(allowed(row, 0xffu << MTK_R_SHIFT) >> MTK_R_SHIFT);
        rm = (uint8_t)__builtin_ctz(allowed(row, 0xffu << MTK_RM_SHIFT) >> MTK_RM_SHIFT);
        n += put_modrm(row, buf + n, mod, reg, rm);
    }
    return n;
}

static void test_reachable(void)
{
    size_t n;
    const struct insn_row *rows = insn_rows(&n);

    for (size_t i = 0; i < n; i++) {
        uint8_t buf[32] = {0};
        struct insn in;
        enum insn_mode mode;

        encode(&rows[i], buf, &mode);
        g_assert_cmpint(insn_decode(&in, buf, sizeof(buf), mode), ==, INSN_OK);
        if (in.row != &rows[i])
            g_error("%s shadowed by %s", row_text(&rows[i]), row_text(in.row));
    }
}

/* Every truncation of an instruction asks for more; LOCK is taken just where
 * the row says so. */
static void test_truncate_and_lock(void)
{
    size_t n;
    const struct insn_row *rows = insn_rows(&n);

    for (size_t i = 0; i < n; i++) {
        uint8_t buf[32] = {0xf0};
        struct insn in;
        enum insn_mode mode;
        enum insn_status want;
        unsigned len;

        encode(&rows[i], buf + 1, &mode);
        insn_decode(&in, buf + 1, 15, mode);
        len = in.len;
        for (unsigned k = 0; k < len; k++)
            g_assert_cmpint(insn_decode(&in, buf + 1, k, mode), ==, INSN_MORE);
        want = rows[i].attr & IA_LOCK && !(rows[i].match & MTK_MEM) ? INSN_OK : INSN_UD;
        g_assert_cmpint(insn_decode(&in, buf, 15, mode), ==, want);
    }
}

static void test_ids(void)
{
    bool used[I_COUNT] = {true};
    size_t n;
    const struct insn_row *rows = insn_rows(&n);

    for (size_t i = 0; i < n; i++)
        used[rows[i].id] = true;
    for (unsigned id = 0; id < I_COUNT; id++) {
        if (!used[id])
            g_error("no row for %s", insn_name(id));
    }
    g_assert_cmpstr(insn_name(I_CMPXCHG16B), ==, "cmpxchg16b");
    g_assert_cmpint(insn_class(I_PADDB), ==, IC_VEC);
    g_assert_cmpint(insn_class(I_FADD), ==, IC_X87);
}

static bool is_src(const struct insn_row *row, unsigned i, uint64_t set)
{
    return set >> insn_opdescs[row->op[i]].src & 1;
}

#define SRC(x) (1ull << OS_##x)

static void check_operands(const struct insn_row *row)
{
    uint64_t modrm = SRC(E) | SRC(G) | SRC(R) | SRC(M) | SRC(S) | SRC(C) | SRC(D) | SRC(V) |
                     SRC(W) | SRC(U) | SRC(P) | SRC(Q) | SRC(N) | SRC(STI);
    uint64_t mem = SRC(E) | SRC(M) | SRC(W) | SRC(Q),
             regonly = SRC(R) | SRC(U) | SRC(N) | SRC(STI);
    uint64_t anymem = mem | SRC(X) | SRC(Y) | SRC(MOFFS) | SRC(MBASE);
    unsigned mems = 0;

    for (unsigned i = 0; i < 4; i++) {
        if (is_src(row, i, modrm))
            g_assert_true(row->match & MT_RM);
        if (is_src(row, i, SRC(M)))
            g_assert_true(row->match & MTK_REG);
        if (is_src(row, i, regonly))
            g_assert_true(row->match & (MTK_MEM | MT_FREG));
        if (i && row->op[i] != OP__)
            g_assert_cmpint(row->op[i - 1], !=, OP__);
        mems += is_src(row, i, anymem);
    }
    g_assert_cmpint(mems, <=, 1);
    if (row->attr & IA_LOCK) {
        g_assert_true(is_src(row, 0, SRC(E) | SRC(M)));
        g_assert_true(row->attr & IA_WRITES_OP0);
    }
    if (row->attr & (IA_READS_OP0 | IA_WRITES_OP0))
        g_assert_cmpint(row->op[0], !=, OP__);
    if (row->attr & IA_WRITES_OP1)
        g_assert_cmpint(row->op[1], !=, OP__);
}

static void test_columns(void)
{
    const unsigned all = FL_ARITH | FL_DF;
    size_t n;
    const struct insn_row *rows = insn_rows(&n);

    for (size_t i = 0; i < n; i++) {
        const struct insn_row *row = &rows[i];
        g_test_message("%s", row_text(row));
        g_assert_cmpint(row->fl_write & row->fl_undef, ==, 0);
        g_assert_cmpint((row->fl_read | row->fl_write | row->fl_undef) & ~all, ==, 0);
        g_assert_cmpint(row->feature, <, IF_COUNT);
        check_operands(row);
    }
}

/* Rows of one .def file stand in opcode order. */
static void test_order(void)
{
    size_t n;
    const struct insn_row *rows = insn_rows(&n);
    unsigned breaks = 0;

    for (size_t i = 1; i < n; i++)
        breaks += rows[i].opcode < rows[i - 1].opcode;
    g_assert_cmpint(breaks, <=, 8); /* five files */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/insn/table/overlap", test_overlap);
    g_test_add_func("/insn/table/reachable", test_reachable);
    g_test_add_func("/insn/table/truncate-lock", test_truncate_and_lock);
    g_test_add_func("/insn/table/ids", test_ids);
    g_test_add_func("/insn/table/columns", test_columns);
    g_test_add_func("/insn/table/order", test_order);
    return g_test_run();
}
