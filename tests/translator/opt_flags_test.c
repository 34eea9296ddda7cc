/* SPDX-License-Identifier: MIT
 * The flag-liveness pass on hand-made blocks. */
#include <glib.h>
#include <string.h>

#include "translator/ir.h"

static struct ir_block block;

static struct ir *add(enum ir_op op, uint16_t fr, uint16_t fw)
{
    struct ir *o = &block.op[block.n++];

    memset(o, 0, sizeof(*o));
    o->op = (uint8_t)op;
    o->w = 4;
    o->d = o->a = o->b = IR_NONE;
    o->fr = fr;
    o->fw = fw;
    return o;
}

static void start(void)
{
    block.n = 0;
}

static void test_overwritten(void)
{
    struct ir *dead, *live;

    start();
    dead = add(IR_ADD, 0, FL_ARITH);
    live = add(IR_SUB, 0, FL_ARITH);
    add(IR_JMP, 0, 0);
    opt_flags(&block, FL_ARITH);
    g_assert_cmphex(dead->fw, ==, 0);
    g_assert_cmphex(dead->ff, ==, 0);
    g_assert_cmphex(live->fw, ==, FL_ARITH);
}

static void test_partial(void)
{
    struct ir *add_op, *inc;

    start();
    add_op = add(IR_ADD, 0, FL_ARITH);
    inc = add(IR_INC, 0, FL_ARITH & ~FL_CF);
    add(IR_JMP, 0, 0);
    opt_flags(&block, FL_ARITH);
    g_assert_cmphex(add_op->fw, ==, FL_CF);
    g_assert_cmphex(inc->fw, ==, FL_ARITH & ~FL_CF);
}

static void test_reader(void)
{
    struct ir *cmp;

    start();
    cmp = add(IR_CMP, 0, FL_ARITH);
    add(IR_SETCC, FL_ZF, 0)->d = 0;
    add(IR_ADD, 0, FL_ARITH);
    add(IR_JMP, 0, 0);
    opt_flags(&block, 0);
    g_assert_cmphex(cmp->fw, ==, FL_ZF);
}

static void test_fault_between(void)
{
    struct ir *first, *load;

    start();
    first = add(IR_ADD, 0, FL_ARITH);
    load = add(IR_MOV, 0, 0);
    load->d = 0;
    load->a = IR_MEM;
    add(IR_CMP, 0, FL_ARITH);
    add(IR_JMP, 0, 0);
    opt_flags(&block, FL_ARITH);
    g_assert_cmphex(first->fw, ==, 0);
    g_assert_cmphex(first->ff, ==, FL_ARITH);
}

/* A shift by CL may do nothing, so the flags before it stay wanted. */
static void test_shift_by_cl(void)
{
    struct ir *first, *shift;

    start();
    first = add(IR_ADD, 0, FL_ARITH);
    shift = add(IR_SHL, FL_ARITH, FL_ARITH & ~FL_AF);
    shift->fu = FL_AF;
    shift->d = 0;
    shift->a = R_CX;
    add(IR_JMP, 0, 0);
    opt_flags(&block, FL_ARITH);
    g_assert_cmphex(first->fw, ==, FL_ARITH);

    start();
    first = add(IR_ADD, 0, FL_ARITH);
    shift = add(IR_SHL, FL_ARITH, FL_ARITH & ~FL_AF);
    shift->fu = FL_AF;
    shift->d = 0;
    shift->a = R_CX;
    add(IR_CMP, 0, FL_ARITH);
    add(IR_JMP, 0, 0);
    opt_flags(&block, FL_ARITH);
    g_assert_cmphex(first->fw, ==, 0);
    g_assert_cmphex(shift->fw, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/opt-flags/overwritten", test_overwritten);
    g_test_add_func("/opt-flags/partial", test_partial);
    g_test_add_func("/opt-flags/reader", test_reader);
    g_test_add_func("/opt-flags/fault-between", test_fault_between);
    g_test_add_func("/opt-flags/shift-by-cl", test_shift_by_cl);
    return g_test_run();
}
