/* SPDX-License-Identifier: MIT
 * 8254, port 0x61, MC146818 and the PM timer against their data sheets. */
#include "tests/hw/machine.h"

#define TICKS(n) muldiv64((n), NS_PER_S, PIT_HZ)

static void pit_program(struct machine *m, unsigned ch, unsigned mode, uint16_t count)
{
    outb(m, 0x43, ch << 6 | 0x30 | mode << 1);
    outb(m, 0x40 + ch, count);
    outb(m, 0x40 + ch, count >> 8);
}

static uint16_t pit_count(struct machine *m, unsigned ch)
{
    uint16_t v;

    outb(m, 0x43, ch << 6);
    v = inb(m, 0x40 + ch);
    return v | inb(m, 0x40 + ch) << 8;
}

static uint8_t pit_status(struct machine *m, unsigned ch)
{
    outb(m, 0x43, 0xe0 | 2 << ch);
    return inb(m, 0x40 + ch);
}

static void test_pit_one_shot(void)
{
    struct machine m;

    machine_start(&m);
    pit_program(&m, 0, 0, 1000);
    g_assert_false(irq_level(&m, 0));
    clock_step(&m, TICKS(500));
    g_assert_cmpuint(pit_count(&m, 0), >=, 499);
    g_assert_cmpuint(pit_count(&m, 0), <=, 502);
    g_assert_cmphex(pit_status(&m, 0), ==, 0x30);
    clock_step(&m, TICKS(498));
    g_assert_false(irq_level(&m, 0));
    clock_step(&m, TICKS(6));
    g_assert_true(irq_level(&m, 0));
    g_assert_cmphex(pit_status(&m, 0), ==, 0xb0);
    g_assert_cmpuint(pit_count(&m, 0), >, 0xff00); /* wraps and counts on */
    outb(&m, 0x40, 5);                             /* the first byte stops it and drops OUT */
    g_assert_false(irq_level(&m, 0));
    clock_step(&m, TICKS(100));
    g_assert_false(irq_level(&m, 0));
    outb(&m, 0x40, 0);
    clock_step(&m, TICKS(8));
    g_assert_true(irq_level(&m, 0));
    machine_stop(&m);
}

static unsigned count_acks(struct machine *m, uint64_t ns, uint64_t slice)
{
    unsigned n = 0;
    uint64_t t;

    for (t = 0; t < ns; t += slice) {
        clock_step(m, slice);
        if (!m->intr[0])
            continue;
        g_assert_cmphex(pc_ack_interrupt(m->pc, 0), ==, 0x20);
        outb(m, 0x20, 0x20);
        n++;
    }
    return n;
}

static void test_pit_periodic(void)
{
    struct machine m;
    unsigned mode, n;

    for (mode = 2; mode <= 3; mode++) {
        machine_start(&m);
        pic_start(&m, 0xfffe);
        pit_program(&m, 0, mode, 11932); /* 100 Hz */
        n = count_acks(&m, NS_PER_S, 1000000);
        g_assert_cmpuint(n, >=, 99);
        g_assert_cmpuint(n, <=, 100);
        clock_step(&m, 50000000); /* the guest does not look: ticks merge, none stays behind */
        g_assert_cmpuint(count_acks(&m, 100000000, 1000000), <=, 11);
        machine_stop(&m);
    }
}

/* The host is late: ns go by in which no event runs. */
static void be_late(struct machine *m, uint64_t ns)
{
    m->ns += ns;
    clock_run_events(&m->clock);
}

static void test_pit_late(void)
{
    struct machine m;
    unsigned n;

    machine_start(&m);
    pic_start(&m, 0xfffe);
    pit_program(&m, 0, 2, 11932); /* 100 Hz */
    n = count_acks(&m, 100000000, 100000);
    be_late(&m, 100000000);
    n += count_acks(&m, 10000000, 100000); /* not all at once: a quarter of the period apart */
    g_assert_cmpuint(n, >=, 12);
    g_assert_cmpuint(n, <=, 16);
    n += count_acks(&m, 90000000, 100000);
    g_assert_cmpuint(n, >=, 28);
    g_assert_cmpuint(n, <=, 30);
    be_late(&m, 3600 * NS_PER_S); /* there is an end to what follows */
    n = count_acks(&m, 10 * NS_PER_S, 1000000);
    g_assert_cmpuint(n, >=, 1999);
    g_assert_cmpuint(n, <=, 2001);
    be_late(&m, NS_PER_S); /* a new count is a new clock */
    pit_program(&m, 0, 2, 11932);
    g_assert_cmpuint(count_acks(&m, 100000000, 100000), <=, 11);
    machine_stop(&m);
}

/* lost_tick_policy=discard: what the host let pass is one edge. */
static void test_pit_discard(void)
{
    static const struct dev_default off = {&pit_class, "slew", "off"};
    struct machine m = {0};
    struct pc_config cfg = machine_config(&m);
    unsigned n;

    cfg.defaults = &off;
    cfg.n_defaults = 1;
    machine_start_config(&m, &cfg);
    pic_start(&m, 0xfffe);
    pit_program(&m, 0, 2, 11932);
    n = count_acks(&m, 100000000, 100000);
    be_late(&m, 100000000);
    n += count_acks(&m, 100000000, 100000);
    g_assert_cmpuint(n, >=, 19);
    g_assert_cmpuint(n, <=, 22);
    machine_stop(&m);
}

static void test_pit_gate(void)
{
    struct machine m;

    machine_start(&m);
    outb(&m, 0x61, 0);
    pit_program(&m, 2, 0, 1000);
    clock_step(&m, TICKS(5000));
    g_assert_cmpuint(pit_count(&m, 2), ==, 1000); /* gate closed */
    outb(&m, 0x61, 1);
    clock_step(&m, TICKS(400));
    outb(&m, 0x61, 0);
    clock_step(&m, TICKS(5000));
    g_assert_cmphex(inb(&m, 0x61) & 0x2f, ==, 0);
    outb(&m, 0x61, 3);
    clock_step(&m, TICKS(610));
    g_assert_cmphex(inb(&m, 0x61) & 0x2f, ==, 0x23); /* OUT2 */

    outb(&m, 0x61, 0); /* mode 1: the gate triggers and retriggers */
    pit_program(&m, 2, 1, 100);
    g_assert_cmphex(inb(&m, 0x61) & 0x20, ==, 0x20);
    outb(&m, 0x61, 1);
    clock_step(&m, TICKS(60));
    g_assert_cmphex(inb(&m, 0x61) & 0x20, ==, 0);
    outb(&m, 0x61, 0);
    outb(&m, 0x61, 1);
    clock_step(&m, TICKS(60));
    g_assert_cmphex(inb(&m, 0x61) & 0x20, ==, 0);
    clock_step(&m, TICKS(45));
    g_assert_cmphex(inb(&m, 0x61) & 0x20, ==, 0x20);
    machine_stop(&m);
}

static void test_pit_square_and_strobe(void)
{
    struct machine m;
    unsigned high = 0, i;

    machine_start(&m);
    outb(&m, 0x61, 1);
    pit_program(&m, 2, 3, 1000);
    for (i = 0; i < 10000; i++) {
        clock_step(&m, TICKS(1) + 1);
        high += inb(&m, 0x61) >> 5 & 1;
    }
    g_assert_cmpuint(high, >, 4900);
    g_assert_cmpuint(high, <, 5100);

    pit_program(&m, 2, 4, 50);
    for (i = high = 0; i < 200; i++) {
        clock_step(&m, TICKS(1) + 1);
        high += inb(&m, 0x61) >> 5 & 1;
    }
    g_assert_cmpuint(200 - high, >=, 1); /* one strobe of one tick */
    g_assert_cmpuint(200 - high, <=, 2);

    outb(&m, 0x43, 0xb5); /* BCD, mode 2 */
    outb(&m, 0x42, 0x00);
    outb(&m, 0x42, 0x10);
    clock_step(&m, TICKS(3));
    g_assert_cmphex(pit_count(&m, 2), >=, 0x0995);
    g_assert_cmphex(pit_count(&m, 2), <=, 0x0999);
    machine_stop(&m);
}

static void test_refresh_toggle(void)
{
    struct machine m;
    unsigned i, changes = 0, last = 0;

    machine_start(&m);
    for (i = 0; i < 1000; i++) {
        unsigned bit = inb(&m, 0x61) & 0x10;

        changes += bit != last;
        last = bit;
        clock_step(&m, 1000);
    }
    g_assert_cmpuint(changes, >, 60);
    g_assert_cmpuint(changes, <, 70);
    machine_stop(&m);
}

static uint8_t cmos(struct machine *m, uint8_t reg)
{
    outb(m, 0x70, reg);
    return inb(m, 0x71);
}

static void set_cmos(struct machine *m, uint8_t reg, uint8_t v)
{
    outb(m, 0x70, reg);
    outb(m, 0x71, v);
}

static void test_rtc_time(void)
{
    struct machine m;

    machine_start(&m);
    g_assert_cmphex(cmos(&m, 0), ==, 0x20);
    g_assert_cmphex(cmos(&m, 2), ==, 0x13);
    g_assert_cmphex(cmos(&m, 4), ==, 0x22);
    g_assert_cmphex(cmos(&m, 6), ==, 3);
    g_assert_cmphex(cmos(&m, 7), ==, 0x14);
    g_assert_cmphex(cmos(&m, 8), ==, 0x11);
    g_assert_cmphex(cmos(&m, 9), ==, 0x23);
    g_assert_cmphex(cmos(&m, 0x32), ==, 0x20);
    g_assert_cmphex(cmos(&m, 0x0d), ==, 0x80);
    clock_step(&m, 3600 * 2 * NS_PER_S);
    g_assert_cmphex(cmos(&m, 4), ==, 0x00);
    g_assert_cmphex(cmos(&m, 7), ==, 0x15);
    set_cmos(&m, 0x0b, 0x04); /* binary, 12 hours */
    g_assert_cmpuint(cmos(&m, 4), ==, 12);
    clock_step(&m, 13 * 3600 * NS_PER_S);
    g_assert_cmphex(cmos(&m, 4), ==, 0x81); /* 1 pm */

    set_cmos(&m, 0x0b, 0x82); /* SET, BCD, 24 hours: nothing moves */
    set_cmos(&m, 0, 0x58);
    set_cmos(&m, 2, 0x59);
    set_cmos(&m, 4, 0x23);
    set_cmos(&m, 7, 0x28);
    set_cmos(&m, 8, 0x02);
    set_cmos(&m, 9, 0x24);
    clock_step(&m, 5 * NS_PER_S);
    g_assert_cmphex(cmos(&m, 0), ==, 0x58);
    set_cmos(&m, 0x0b, 0x02);
    clock_step(&m, 2 * NS_PER_S);
    g_assert_cmphex(cmos(&m, 0), ==, 0x00);
    g_assert_cmphex(cmos(&m, 7), ==, 0x29); /* 2024 is a leap year */
    set_cmos(&m, 0x32, 0);
    set_cmos(&m, 9, 0);
    set_cmos(&m, 8, 0); /* there is no such month: still decimal digits */
    g_assert_cmphex(cmos(&m, 9), ==, 0x99);
    g_assert_cmphex(cmos(&m, 0x32), ==, 0x99);
    machine_stop(&m);
}

static void test_rtc_divider(void)
{
    struct machine m;

    machine_start(&m);
    clock_step(&m, 123456789);
    set_cmos(&m, 0x0a, 0x76);
    clock_step(&m, 7 * NS_PER_S);
    g_assert_cmphex(cmos(&m, 0), ==, 0x20);
    set_cmos(&m, 0x0a, 0x26);
    clock_step(&m, NS_PER_S / 2 - 1000000);
    g_assert_cmphex(cmos(&m, 0), ==, 0x20);
    clock_step(&m, 2000000);
    g_assert_cmphex(cmos(&m, 0), ==, 0x21);
    machine_stop(&m);
}

static void test_rtc_interrupts(void)
{
    struct machine m;
    unsigned n = 0, i;

    machine_start(&m);
    set_cmos(&m, 0x0a, 0x26); /* 1024 Hz */
    set_cmos(&m, 0x0b, 0x42);
    cmos(&m, 0x0c);
    for (i = 0; i < 10000; i++) {
        clock_step(&m, 100000);
        if (!irq_level(&m, 8))
            continue;
        g_assert_cmphex(cmos(&m, 0x0c) & 0xc0, ==, 0xc0);
        g_assert_false(irq_level(&m, 8));
        n++;
    }
    g_assert_cmpuint(n, >=, 1023);
    g_assert_cmpuint(n, <=, 1025);

    set_cmos(&m, 0x0b, 0x12); /* update ended */
    cmos(&m, 0x0c);
    clock_step(&m, NS_PER_S - 300000);
    g_assert_cmphex(cmos(&m, 0x0a), ==, 0x26);
    clock_step(&m, 100000);
    g_assert_cmphex(cmos(&m, 0x0a), ==, 0xa6); /* UIP */
    g_assert_false(irq_level(&m, 8));
    clock_step(&m, 300000);
    g_assert_cmphex(cmos(&m, 0x0a), ==, 0x26);
    g_assert_true(irq_level(&m, 8));
    g_assert_cmphex(cmos(&m, 0x0c) & 0xb0, ==, 0x90);

    set_cmos(&m, 1, 0x30); /* alarm 22:14:30 */
    set_cmos(&m, 3, 0x14);
    set_cmos(&m, 5, 0xff);
    set_cmos(&m, 0x0b, 0x22);
    clock_step(&m, 67 * NS_PER_S);
    g_assert_false(irq_level(&m, 8));
    clock_step(&m, 2 * NS_PER_S);
    g_assert_true(irq_level(&m, 8));
    g_assert_cmphex(cmos(&m, 0), ==, 0x31);
    g_assert_cmphex(cmos(&m, 0x0c) & 0xa0, ==, 0xa0);
    pc_reset(m.pc);
    g_assert_cmphex(cmos(&m, 0x0b), ==, 0x02);
    g_assert_cmphex(cmos(&m, 0), ==, 0x31);
    machine_stop(&m);
}

static unsigned count_periods(struct machine *m, uint64_t ns)
{
    unsigned n = 0;

    for (uint64_t t = 0; t < ns; t += 50000) {
        clock_step(m, 50000);
        n += irq_level(m, 8) && (cmos(m, 0x0c) & 0x40);
    }
    return n;
}

/* Lost periodic interrupts are lost, or with slew follow. */
static void test_rtc_slew(void)
{
    struct machine m;
    unsigned slew, n;

    for (slew = 0; slew < 2; slew++) {
        machine_start(&m);
        m.pc->rtc.slew = slew;
        set_cmos(&m, 0x0a, 0x26); /* 1024 Hz */
        set_cmos(&m, 0x0b, 0x42);
        cmos(&m, 0x0c);
        be_late(&m, NS_PER_S / 4);
        clock_step(&m, NS_PER_S / 4); /* the guest is late as well */
        n = count_periods(&m, NS_PER_S / 2);
        g_assert_cmpuint(n, >=, (slew ? 1022u : 510u));
        g_assert_cmpuint(n, <=, (slew ? 1025u : 515u));
        be_late(&m, NS_PER_S / 2);
        set_cmos(&m, 0x0b, 0x02);
        set_cmos(&m, 0x0b, 0x42);
        cmos(&m, 0x0c);
        g_assert_cmpuint(count_periods(&m, NS_PER_S / 8), <=, 129);
        machine_stop(&m);
    }
}

static void test_pm_timer(void)
{
    struct machine m;
    uint32_t a;

    machine_start(&m);
    g_assert_cmphex(inl(&m, 0x608), ==, 0xffffffff); /* not decoded before setup */
    pc_setup_as_firmware(m.pc);
    a = inl(&m, 0x608);
    clock_step(&m, NS_PER_S);
    g_assert_cmpuint(inl(&m, 0x608) - a, ==, 3579545);
    outw(&m, 0x602, 0x0001); /* TMR_EN */
    outw(&m, 0x600, 0x0001);
    g_assert_false(irq_level(&m, 9));
    clock_step(&m, 3 * NS_PER_S); /* bit 23 changes every 2.34 s */
    g_assert_true(irq_level(&m, 9));
    g_assert_cmphex(inl(&m, 0x608) >> 24, ==, 0);
    outw(&m, 0x600, 0x0001);
    g_assert_false(irq_level(&m, 9));
    machine_stop(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pit/one-shot", test_pit_one_shot);
    g_test_add_func("/pit/periodic", test_pit_periodic);
    g_test_add_func("/pit/late", test_pit_late);
    g_test_add_func("/pit/discard", test_pit_discard);
    g_test_add_func("/pit/gate", test_pit_gate);
    g_test_add_func("/pit/square-strobe", test_pit_square_and_strobe);
    g_test_add_func("/pit/refresh", test_refresh_toggle);
    g_test_add_func("/rtc/time", test_rtc_time);
    g_test_add_func("/rtc/divider", test_rtc_divider);
    g_test_add_func("/rtc/interrupts", test_rtc_interrupts);
    g_test_add_func("/rtc/slew", test_rtc_slew);
    g_test_add_func("/acpi/pm-timer", test_pm_timer);
    return g_test_run();
}
