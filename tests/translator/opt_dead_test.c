/* SPDX-License-Identifier: MIT
 * The dead-code pass: what it drops, and what it must keep. */
#include <glib.h>
#include <string.h>

#include "translator/ir.h"

static struct ir_block block;

static struct ir *add(enum ir_op op, unsigned w, uint8_t d, uint8_t a)
{
    struct ir *o = &block.op[block.n++];

    memset(o, 0, sizeof(*o));
    o->op = (uint8_t)op;
    o->w = (uint8_t)w;
    o->d = d;
    o->a = a;
    o->b = o->mem.base = o->mem.index = IR_NONE;
    return o;
}

static void start(void)
{
    block.n = 0;
    add(IR_INSN, 0, IR_NONE, IR_NONE);
}

static unsigned left(void)
{
    add(IR_JMP, 0, IR_NONE, IR_NONE);
    opt_dead(&block);
    g_assert_cmpuint(block.op[0].op, ==, IR_INSN);
    g_assert_cmpuint(block.op[block.n - 1].op, ==, IR_JMP);
    return block.n - 2;
}

static void test_overwritten(void)
{
    start();
    add(IR_MOV, 8, R_AX, R_BX);
    add(IR_MOV, 4, R_AX, R_CX);
    g_assert_cmpuint(left(), ==, 1);
    g_assert_cmpuint(block.op[1].a, ==, R_CX);
}

static void test_partial_write_keeps(void)
{
    start();
    add(IR_MOV, 8, R_AX, R_BX);
    add(IR_MOV, 2, R_AX, R_CX);
    g_assert_cmpuint(left(), ==, 2);
    start();
    add(IR_MOV, 8, R_AX, R_BX);
    add(IR_MOV, 1, IR_AH, R_CX);
    g_assert_cmpuint(left(), ==, 2);
}

static void test_read_between(void)
{
    start();
    add(IR_MOV, 8, R_AX, R_BX);
    add(IR_LEA, 8, R_DX, IR_NONE)->mem.index = R_AX;
    add(IR_MOV, 8, R_AX, R_CX);
    g_assert_cmpuint(left(), ==, 3);
}

static void test_fault_between(void)
{
    start();
    add(IR_MOV, 8, R_AX, R_BX);
    add(IR_MOV, 8, R_DX, IR_MEM);
    add(IR_MOV, 8, R_AX, R_CX);
    g_assert_cmpuint(left(), ==, 3);
}

static void test_side_exit_between(void)
{
    start();
    add(IR_MOV, 8, R_AX, R_BX);
    add(IR_BCC, 0, IR_NONE, IR_NONE);
    add(IR_MOV, 8, R_AX, R_CX);
    g_assert_cmpuint(left(), ==, 3);
}

static void test_flags_keep(void)
{
    start();
    add(IR_ADD, 8, R_AX, R_BX)->fw = FL_CF;
    add(IR_MOV, 8, R_AX, R_CX);
    g_assert_cmpuint(left(), ==, 2);
}

static void test_temps(void)
{
    start();
    add(IR_MOV, 8, IR_T0, R_BX); /* nobody reads it in this instruction */
    add(IR_INSN, 0, IR_NONE, IR_NONE);
    add(IR_MOV, 8, IR_T0, R_CX);
    add(IR_MOV, 8, R_AX, IR_T0);
    g_assert_cmpuint(left(), ==, 3);
    g_assert_cmpuint(block.op[1].op, ==, IR_INSN);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/opt-dead/overwritten", test_overwritten);
    g_test_add_func("/opt-dead/partial", test_partial_write_keeps);
    g_test_add_func("/opt-dead/read", test_read_between);
    g_test_add_func("/opt-dead/fault", test_fault_between);
    g_test_add_func("/opt-dead/side-exit", test_side_exit_between);
    g_test_add_func("/opt-dead/flags", test_flags_keep);
    g_test_add_func("/opt-dead/temps", test_temps);
    return g_test_run();
}
