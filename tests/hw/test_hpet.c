/* SPDX-License-Identifier: MIT
 * HPET specification 1.0a: registers, one-shot and periodic timers, legacy replacement. */
#include <string.h>

#include "tests/hw/machine.h"

#define CAPS    0x000
#define CONFIG  0x010
#define STATUS  0x020
#define COUNTER 0x0f0
#define TN(n)   (0x100 + 32 * (n))

static void wr(struct machine *m, unsigned reg, uint64_t v)
{
    space_write(m->pc->mem, HPET_BASE + reg, v, 8);
}

static uint64_t rd(struct machine *m, unsigned reg)
{
    return space_read(m->pc->mem, HPET_BASE + reg, 8);
}

/* Interrupts that pin 20 of the I/O APIC gave, as vector 50H at CPU 0. */
static unsigned taken(struct machine *m)
{
    unsigned n = 0;

    while (m->intr[0] && pc_ack_interrupt(m->pc, 0) == 0x50) {
        writel(m, 0xfee000b0, 0);
        n++;
    }
    return n;
}

static void start(struct machine *m, uint32_t trigger)
{
    machine_start(m);
    writel(m, 0xfee000f0, 0x1ff);
    writel(m, IOAPIC_BASE, 0x10 + 2 * 20);
    writel(m, IOAPIC_BASE + 0x10, 0x50 | trigger);
}

static void test_counter(void)
{
    struct machine m;

    start(&m, 0);
    g_assert_cmphex(rd(&m, CAPS), ==, 0x009896808086a201);
    g_assert_cmpuint(rd(&m, COUNTER), ==, 0);
    clock_step(&m, 1000);
    g_assert_cmpuint(rd(&m, COUNTER), ==, 0); /* halted */
    wr(&m, CONFIG, 1);
    clock_step(&m, 1000);
    g_assert_cmpuint(rd(&m, COUNTER), ==, 100); /* 10 ns a tick */
    wr(&m, CONFIG, 0);
    clock_step(&m, 1000);
    g_assert_cmpuint(rd(&m, COUNTER), ==, 100);
    wr(&m, COUNTER, 0xffffffff);
    wr(&m, CONFIG, 1);
    clock_step(&m, 10);
    g_assert_cmphex(rd(&m, COUNTER), ==, 0x100000000);
    g_assert_cmphex(readl(&m, HPET_BASE + COUNTER + 4), ==, 1);
    machine_stop(&m);
}

static void test_one_shot(void)
{
    struct machine m;

    start(&m, 0);
    wr(&m, CONFIG, 1);
    g_assert_cmphex(rd(&m, TN(2)) >> 32 & 1u << 20, !=, 0); /* may go to pin 20 */
    wr(&m, TN(2), 20 << 9 | 4);
    wr(&m, TN(2) + 8, 500);
    clock_step(&m, 4990);
    g_assert_cmpuint(taken(&m), ==, 0);
    clock_step(&m, 10);
    g_assert_cmpuint(taken(&m), ==, 1);
    g_assert_cmphex(rd(&m, STATUS), ==, 0); /* edges leave no status */
    clock_step(&m, 100000);
    g_assert_cmpuint(taken(&m), ==, 0);
    wr(&m, TN(2) + 8, rd(&m, COUNTER) + 10);
    wr(&m, TN(2), 20 << 9); /* disabled */
    clock_step(&m, 1000);
    g_assert_cmpuint(taken(&m), ==, 0);
    machine_stop(&m);
}

static void test_periodic(void)
{
    struct machine m;
    unsigned i;

    start(&m, 0);
    wr(&m, TN(0), 20 << 9 | 4 | 8 | 0x40);
    wr(&m, TN(0) + 8, 1000); /* first match, ... */
    wr(&m, TN(0) + 8, 300);  /* ... period */
    wr(&m, CONFIG, 1);
    clock_step(&m, 9990);
    g_assert_cmpuint(taken(&m), ==, 0);
    clock_step(&m, 10);
    g_assert_cmpuint(taken(&m), ==, 1);
    g_assert_cmpuint(rd(&m, TN(0) + 8), ==, 1300);
    for (i = 0; i < 5; i++) {
        clock_step(&m, 3000);
        g_assert_cmpuint(taken(&m), ==, 1);
    }
    m.ns += 1000000; /* nobody looked: one interrupt for all of them */
    clock_run_events(&m.clock);
    g_assert_cmpuint(taken(&m), ==, 1);
    g_assert_cmpuint(rd(&m, TN(0) + 8), >, rd(&m, COUNTER));
    machine_stop(&m);
}

static void test_level(void)
{
    struct machine m;

    start(&m, 1u << 15);
    wr(&m, CONFIG, 1);
    wr(&m, TN(1), 20 << 9 | 4 | 2);
    wr(&m, TN(1) + 8, 100);
    clock_step(&m, 1000);
    g_assert_cmphex(rd(&m, STATUS), ==, 2);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x50);
    wr(&m, STATUS, 2);
    writel(&m, 0xfee000b0, 0);
    g_assert_cmphex(rd(&m, STATUS), ==, 0);
    g_assert_cmpuint(taken(&m), ==, 0);
    machine_stop(&m);
}

static void test_32bit(void)
{
    struct machine m;

    start(&m, 0);
    wr(&m, COUNTER, 0x5fffffff0);
    wr(&m, TN(2), 20 << 9 | 4 | 0x100);
    wr(&m, TN(2) + 8, 0x900000010); /* the low half counts */
    wr(&m, CONFIG, 1);
    clock_step(&m, 319);
    g_assert_cmpuint(taken(&m), ==, 0);
    clock_step(&m, 1);
    g_assert_cmpuint(taken(&m), ==, 1);
    machine_stop(&m);
}

/* 2.4.3.1 legacy replacement: the PIT's and RTC's interrupts are the HPET's. */
static void test_legacy(void)
{
    struct machine m;

    start(&m, 0);
    outb(&m, 0x43, 0x30); /* PIT counter 0, mode 0: low, then high at the end */
    outb(&m, 0x40, 10);
    outb(&m, 0x40, 0);
    clock_step(&m, 100000);
    g_assert_true(irq_level(&m, 0));
    wr(&m, CONFIG, 3);
    g_assert_false(irq_level(&m, 0));
    wr(&m, TN(0), 4 | 2);
    wr(&m, TN(0) + 8, rd(&m, COUNTER) + 100);
    clock_step(&m, 1000);
    g_assert_true(irq_level(&m, 0));
    wr(&m, STATUS, 1);
    g_assert_false(irq_level(&m, 0));
    wr(&m, CONFIG, 1);
    g_assert_true(irq_level(&m, 0)); /* the PIT's again */
    machine_stop(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hpet/counter", test_counter);
    g_test_add_func("/hpet/one-shot", test_one_shot);
    g_test_add_func("/hpet/periodic", test_periodic);
    g_test_add_func("/hpet/level", test_level);
    g_test_add_func("/hpet/32bit", test_32bit);
    g_test_add_func("/hpet/legacy", test_legacy);
    return g_test_run();
}
