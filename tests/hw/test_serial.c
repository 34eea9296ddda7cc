/* SPDX-License-Identifier: MIT
 * 16550A against the PC16550D data sheet. */
#include "tests/hw/machine.h"

#include <string.h>

#define COM 0x3f8

static void test_registers(void)
{
    struct machine m;

    machine_start(&m);
    g_assert_cmphex(inb(&m, COM + 5), ==, 0x60);
    g_assert_cmphex(inb(&m, COM + 2), ==, 0x01);
    outb(&m, COM + 7, 0x5a);
    g_assert_cmphex(inb(&m, COM + 7), ==, 0x5a);
    outb(&m, COM + 3, 0x83);
    outw(&m, COM, 0x1234);
    g_assert_cmphex(inw(&m, COM), ==, 0x1234);
    outb(&m, COM + 3, 0x03);
    outb(&m, COM + 1, 0xff);
    g_assert_cmphex(inb(&m, COM + 1), ==, 0x0f);
    outb(&m, COM + 2, 0x01);
    g_assert_cmphex(inb(&m, COM + 2) & 0xc0, ==, 0xc0);
    g_assert_cmphex(inb(&m, COM + 6), ==, 0xb0);
    g_assert_cmphex(inb(&m, 0x2f8 + 5), ==, 0xff); /* absent */
    machine_stop(&m);
}

static void test_transmit(void)
{
    struct machine m;

    machine_start(&m);
    outb(&m, COM + 4, 0x0b);
    outb(&m, COM + 1, 0x02); /* empty already: interrupts at once */
    g_assert_true(irq_level(&m, 4));
    g_assert_cmphex(inb(&m, COM + 2), ==, 0x02);
    g_assert_false(irq_level(&m, 4)); /* reading IIR cleared it */
    outb(&m, COM, 'h');
    g_assert_true(irq_level(&m, 4));
    outb(&m, COM, 'i');
    g_assert_cmpmem(m.serial.out, m.serial.out_len, "hi", 2);
    outb(&m, COM + 4, 0x03); /* OUT2 gates the line */
    g_assert_false(irq_level(&m, 4));
    machine_stop(&m);
}

/* A back end that stalls holds THRE and the interrupt back; nothing is lost. */
static void test_stalled(void)
{
    struct machine m;

    machine_start(&m);
    outb(&m, COM + 4, 0x0b);
    outb(&m, COM + 2, 0x01);
    outb(&m, COM + 1, 0x02);
    inb(&m, COM + 2);
    m.serial.full = true;
    for (unsigned i = 0; i < 17; i++) /* the last finds the FIFO full */
        outb(&m, COM, 'a' + i);
    g_assert_cmphex(inb(&m, COM + 5), ==, 0x00);
    g_assert_false(irq_level(&m, 4));
    chardev_output_ready(&m.serial.chr); /* a false alarm */
    g_assert_cmpuint(m.serial.out_len, ==, 0);
    m.serial.full = false;
    chardev_output_ready(&m.serial.chr);
    g_assert_cmpmem(m.serial.out, m.serial.out_len, "abcdefghijklmnop", 16);
    g_assert_cmphex(inb(&m, COM + 5), ==, 0x60);
    g_assert_true(irq_level(&m, 4));
    m.serial.full = true;
    outb(&m, COM, 'x');
    outb(&m, COM + 2, 0x05); /* clears the transmit FIFO */
    g_assert_cmphex(inb(&m, COM + 5), ==, 0x60);
    machine_stop(&m);
}

static void test_receive(void)
{
    struct machine m;
    char buf[40];
    unsigned i;

    machine_start(&m);
    outb(&m, COM + 4, 0x0b);
    outb(&m, COM + 3, 0x83);
    outb(&m, COM, 1);
    outb(&m, COM + 3, 0x03);
    outb(&m, COM + 2, 0x87); /* FIFO on, trigger at 8 */
    outb(&m, COM + 1, 0x05);
    chardev_mem_send(&m.serial, "abc", 3);
    g_assert_false(irq_level(&m, 4));
    clock_step(&m, 360000); /* four characters at 115200 */
    g_assert_true(irq_level(&m, 4));
    g_assert_cmphex(inb(&m, COM + 2), ==, 0xcc);
    g_assert_cmphex(inb(&m, COM), ==, 'a');
    g_assert_false(irq_level(&m, 4));
    chardev_mem_send(&m.serial, "defghi", 6);
    g_assert_cmphex(inb(&m, COM + 2), ==, 0xc4);
    for (i = 0; i < 8; i++)
        g_assert_cmphex(inb(&m, COM), ==, 'b' + i);
    g_assert_cmphex(inb(&m, COM + 5), ==, 0x60);

    memset(buf, 'x', sizeof(buf)); /* more than the FIFO: nothing is lost */
    chardev_mem_send(&m.serial, buf, sizeof(buf));
    for (i = 0; i < sizeof(buf); i++) {
        g_assert_cmphex(inb(&m, COM + 5), ==, 0x61);
        g_assert_cmphex(inb(&m, COM), ==, 'x');
    }
    g_assert_cmphex(inb(&m, COM + 5), ==, 0x60);

    chardev_break(&m.serial.chr);
    g_assert_cmphex(inb(&m, COM + 2), ==, 0xc6);
    g_assert_cmphex(inb(&m, COM + 5), ==, 0xf1);
    g_assert_cmphex(inb(&m, COM + 5), ==, 0x61);
    g_assert_cmphex(inb(&m, COM), ==, 0);
    machine_stop(&m);
}

static void test_loopback(void)
{
    struct machine m;
    unsigned i;

    machine_start(&m);
    outb(&m, COM + 4, 0x10);
    g_assert_cmphex(inb(&m, COM + 6), ==, 0x0b); /* CTS, DSR, DCD dropped */
    outb(&m, COM + 4, 0x1f);
    g_assert_cmphex(inb(&m, COM + 6), ==, 0xfb);
    outb(&m, COM + 4, 0x1b);
    g_assert_cmphex(inb(&m, COM + 6), ==, 0xb4); /* trailing edge of RI */
    outb(&m, COM, 0x42);
    g_assert_cmpuint(m.serial.out_len, ==, 0);
    g_assert_cmphex(inb(&m, COM + 5), ==, 0x61);
    g_assert_cmphex(inb(&m, COM), ==, 0x42);
    outb(&m, COM + 1, 0x08);
    outb(&m, COM + 4, 0x1a);
    g_assert_cmphex(inb(&m, COM + 2), ==, 0x00); /* modem status */
    g_assert_true(irq_level(&m, 4));
    inb(&m, COM + 6);
    g_assert_false(irq_level(&m, 4));
    outb(&m, COM + 2, 0x01);
    for (i = 0; i < 17; i++)
        outb(&m, COM, i);
    g_assert_cmphex(inb(&m, COM + 5), ==, 0x63); /* overrun */
    for (i = 0; i < 16; i++)
        g_assert_cmphex(inb(&m, COM), ==, i);
    chardev_mem_send(&m.serial, "q", 1); /* waits outside */
    g_assert_cmphex(inb(&m, COM + 5), ==, 0x60);
    outb(&m, COM + 4, 0x0b);
    g_assert_cmphex(inb(&m, COM), ==, 'q');
    machine_stop(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/serial/registers", test_registers);
    g_test_add_func("/serial/transmit", test_transmit);
    g_test_add_func("/serial/stalled", test_stalled);
    g_test_add_func("/serial/receive", test_receive);
    g_test_add_func("/serial/loopback", test_loopback);
    return g_test_run();
}
