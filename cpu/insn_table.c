/* SPDX-License-Identifier: MIT
 * The instruction table: rows from the .def files, names, and the index from
 * opcode to rows. */
#include "cpu/insn_table.h"

#include <assert.h>
#include <pthread.h>

const struct insn_row insn_table[] = {
#define INSN(opcode, match, id, o0, o1, o2, o3, rd, wr, un, feature, attr)                     \
    {opcode, match,        I_##id, {OP_##o0, OP_##o1, OP_##o2, OP_##o3}, rd, wr,               \
     un,     IF_##feature, attr},
#include "cpu/insn_int.def"
#include "cpu/insn_sys.def"
#include "cpu/insn_x87.def"
#include "cpu/insn_sse.def"
#include "cpu/insn_sse4.def"
#include "cpu/insn_vex.def"
#include "cpu/insn_avx.def"
#undef INSN
};

#define ROWS    ARRAY_SIZE(insn_table)
#define OPCODES (8 * 256)

const struct insn_opdesc insn_opdescs[OP_COUNT] = {
#define OPERAND(name, src, reg, mem, arg) {OS_##src, reg, mem, arg},
    INSN_OPERANDS(OPERAND)
#undef OPERAND
};

static const char *const names[I_COUNT] = {
    "(none)",
#define INSN_ID(name, class) #name,
#include "cpu/insn_ids.def"
#undef INSN_ID
};

static const uint8_t classes[I_COUNT] = {
    IC_INT,
#define INSN_ID(name, class) IC_##class,
#include "cpu/insn_ids.def"
#undef INSN_ID
};

/* rows of opcode o: order[first[o]] .. order[first[o + 1] - 1] */
static uint16_t order[ROWS];
static uint16_t first[OPCODES + 1];
static char lower[I_COUNT][20];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void lower_names(void)
{
    for (unsigned id = 0; id < I_COUNT; id++) {
        unsigned i = 0;
        for (; names[id][i]; i++) {
            char c = names[id][i];
            assert(i + 1 < sizeof(lower[id]));
            lower[id][i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
        }
        lower[id][i] = 0;
    }
}

/* Counting sort of the rows by opcode, keeping table order within one. */
static void build_index(void)
{
    uint16_t next[OPCODES];

    for (size_t r = 0; r < ROWS; r++) {
        assert(insn_table[r].opcode < OPCODES);
        first[insn_table[r].opcode + 1]++;
    }
    for (unsigned o = 0; o < OPCODES; o++)
        first[o + 1] = (uint16_t)(first[o + 1] + first[o]);
    for (unsigned o = 0; o < OPCODES; o++)
        next[o] = first[o];
    for (size_t r = 0; r < ROWS; r++)
        order[next[insn_table[r].opcode]++] = (uint16_t)r;
    lower_names();
}

const uint16_t *insn_rows_of(unsigned opcode, unsigned *count)
{
    pthread_once(&once, build_index);
    *count = (unsigned)(first[opcode + 1] - first[opcode]);
    return &order[first[opcode]];
}

const char *insn_name(enum insn_id id)
{
    assert((unsigned)id < I_COUNT);
    pthread_once(&once, build_index);
    return lower[id];
}

enum insn_class insn_class(enum insn_id id)
{
    assert((unsigned)id < I_COUNT);
    return (enum insn_class)classes[id];
}

const struct insn_row *insn_rows(size_t *count)
{
    *count = ROWS;
    return insn_table;
}
