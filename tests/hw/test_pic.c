/* SPDX-License-Identifier: MIT
 * 8259 pair against the 8259A data sheet. */
#include "tests/hw/machine.h"

static void line(struct machine *m, int n, int level)
{
    pic_set_irq(&m->pc->pic, n, level);
}

static int ack(struct machine *m)
{
    return pc_ack_interrupt(m->pc, 0);
}

static void test_priority(void)
{
    struct machine m;

    machine_start(&m);
    pic_start(&m, 0);
    g_assert_cmpint(m.intr[0], ==, 0);
    line(&m, 5, 1);
    g_assert_cmpint(m.intr[0], ==, 1);
    line(&m, 3, 1);
    g_assert_cmphex(inb(&m, 0x20), ==, 0x28); /* IRR */
    g_assert_cmphex(ack(&m), ==, 0x23);
    g_assert_cmpint(m.intr[0], ==, 0); /* 5 is held back by 3 in service */
    outb(&m, 0x20, 0x0b);
    g_assert_cmphex(inb(&m, 0x20), ==, 0x08); /* ISR */
    line(&m, 1, 1);
    g_assert_cmphex(ack(&m), ==, 0x21); /* nested */
    outb(&m, 0x20, 0x20);
    g_assert_cmphex(inb(&m, 0x20), ==, 0x08);
    outb(&m, 0x20, 0x20);
    g_assert_cmphex(ack(&m), ==, 0x25);
    outb(&m, 0x20, 0x65); /* specific EOI */
    g_assert_cmphex(inb(&m, 0x20), ==, 0);
    g_assert_cmpint(m.intr[0], ==, 0); /* edges are used up, lines still high */
    machine_stop(&m);
}

static void test_slave(void)
{
    struct machine m;

    machine_start(&m);
    pic_start(&m, 0);
    line(&m, 12, 1);
    line(&m, 9, 1);
    g_assert_cmphex(ack(&m), ==, 0x29);
    g_assert_cmpint(m.intr[0], ==, 0);
    outb(&m, 0x20, 0x20);
    g_assert_cmpint(m.intr[0], ==, 0); /* the slave still serves 9 */
    outb(&m, 0xa0, 0x20);
    g_assert_cmphex(ack(&m), ==, 0x2c);
    line(&m, 8, 1); /* higher, but the master's IR2 is in service */
    g_assert_cmpint(m.intr[0], ==, 0);
    outb(&m, 0x20, 0x20);
    g_assert_cmphex(ack(&m), ==, 0x28);
    machine_stop(&m);
}

static void test_spurious(void)
{
    struct machine m;

    machine_start(&m);
    pic_start(&m, 0);
    line(&m, 4, 1);
    line(&m, 4, 0); /* gone before INTA */
    g_assert_cmpint(m.intr[0], ==, 0);
    g_assert_cmphex(pic_ack(&m.pc->pic), ==, 0x27);
    outb(&m, 0x20, 0x0b);
    g_assert_cmphex(inb(&m, 0x20), ==, 0); /* without an in-service bit */
    machine_stop(&m);
}

static void test_mask_and_level(void)
{
    struct machine m;

    machine_start(&m);
    pic_start(&m, 0xffff);
    outb(&m, 0x4d0, 0xff);
    outb(&m, 0x4d1, 0xff);
    g_assert_cmphex(inw(&m, 0x4d0), ==, 0xdef8); /* 0-2, 8, 13 stay edge */
    line(&m, 10, 1);
    g_assert_cmpint(m.intr[0], ==, 0);
    outb(&m, 0x21, 0xfb);
    outb(&m, 0xa1, 0xfb);
    g_assert_cmphex(inb(&m, 0xa1), ==, 0xfb);
    g_assert_cmphex(ack(&m), ==, 0x2a);
    outb(&m, 0xa0, 0x20);
    outb(&m, 0x20, 0x20);
    g_assert_cmphex(ack(&m), ==, 0x2a); /* the line is still up */
    line(&m, 10, 0);
    outb(&m, 0xa0, 0x20);
    outb(&m, 0x20, 0x20);
    g_assert_cmpint(m.intr[0], ==, 0);
    machine_stop(&m);
}

static void test_rotation(void)
{
    struct machine m;

    machine_start(&m);
    pic_start(&m, 0);
    outb(&m, 0x20, 0xc4); /* 4 lowest, 5 highest */
    line(&m, 3, 1);
    line(&m, 6, 1);
    g_assert_cmphex(ack(&m), ==, 0x26);
    outb(&m, 0x20, 0xa0); /* rotate on non-specific EOI: 6 lowest */
    line(&m, 7, 1);
    g_assert_cmphex(ack(&m), ==, 0x27);
    outb(&m, 0x20, 0xe7); /* rotate on specific EOI */
    g_assert_cmphex(ack(&m), ==, 0x23);
    machine_stop(&m);
}

static void test_special_modes(void)
{
    struct machine m;

    machine_start(&m);
    pic_start(&m, 0);
    line(&m, 3, 1);
    ack(&m);
    line(&m, 6, 1);
    g_assert_cmpint(m.intr[0], ==, 0);
    outb(&m, 0x21, 0x08);
    outb(&m, 0x20, 0x68); /* special mask: masked 3 no longer blocks 6 */
    g_assert_cmphex(ack(&m), ==, 0x26);
    outb(&m, 0x20, 0x48);
    outb(&m, 0x20, 0x20);

    outb(&m, 0x20, 0x11); /* again, with auto EOI */
    outb(&m, 0x21, 0x40);
    outb(&m, 0x21, 0x04);
    outb(&m, 0x21, 0x03);
    line(&m, 5, 1);
    g_assert_cmphex(ack(&m), ==, 0x45);
    outb(&m, 0x20, 0x0b);
    g_assert_cmphex(inb(&m, 0x20), ==, 0);

    outb(&m, 0x20, 0x0c); /* poll: nothing, then 7 */
    g_assert_cmphex(inb(&m, 0x20), ==, 0);
    line(&m, 7, 1);
    outb(&m, 0x20, 0x0c);
    g_assert_cmphex(inb(&m, 0x20), ==, 0x87);
    g_assert_cmpint(m.intr[0], ==, 0);
    machine_stop(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pic/priority", test_priority);
    g_test_add_func("/pic/slave", test_slave);
    g_test_add_func("/pic/spurious", test_spurious);
    g_test_add_func("/pic/mask-level", test_mask_and_level);
    g_test_add_func("/pic/rotation", test_rotation);
    g_test_add_func("/pic/special-modes", test_special_modes);
    return g_test_run();
}
