/* SPDX-License-Identifier: MIT
 * Local and I/O APIC against the SDM, chapter 11, and the 82093AA data sheet. */
#include "tests/hw/machine.h"

#define L(reg) (LAPIC_BASE + (reg))

static void enable(struct machine *m)
{
    for (m->current_cpu = 0; m->current_cpu < TEST_CPUS; m->current_cpu++) {
        writel(m, L(0xf0), 0x1ff);
        writel(m, L(0xd0), 1u << (24 + m->current_cpu));
    }
    m->current_cpu = 0;
}

static void redirect(struct machine *m, unsigned pin, uint64_t r)
{
    writel(m, IOAPIC_BASE, 0x11 + 2 * pin);
    writel(m, IOAPIC_BASE + 0x10, r >> 32);
    writel(m, IOAPIC_BASE, 0x10 + 2 * pin);
    writel(m, IOAPIC_BASE + 0x10, (uint32_t)r);
}

static uint32_t redirection(struct machine *m, unsigned pin)
{
    writel(m, IOAPIC_BASE, 0x10 + 2 * pin);
    return readl(m, IOAPIC_BASE + 0x10);
}

static void test_reset_values(void)
{
    struct machine m;
    uint64_t v;

    machine_start(&m);
    g_assert_true(pc_msr_read(m.pc, 0, 0x1b, &v) && v == 0xfee00900);
    g_assert_true(pc_msr_read(m.pc, 1, 0x1b, &v) && v == 0xfee00800);
    g_assert_cmphex(readl(&m, L(0x30)), ==, 0x50014);
    g_assert_cmphex(readl(&m, L(0xf0)), ==, 0xff);
    g_assert_cmphex(readl(&m, L(0xe0)), ==, 0xffffffff);
    g_assert_cmphex(readl(&m, L(0x350)), ==, 0x10000);
    m.current_cpu = 2;
    g_assert_cmphex(readl(&m, L(0x20)), ==, 2u << 24);
    m.current_cpu = 0;
    writel(&m, L(0x350), 0x700); /* LVTs stay masked while software disabled */
    g_assert_cmphex(readl(&m, L(0x350)), ==, 0x10700);
    readl(&m, L(0x40)); /* reserved register */
    writel(&m, L(0x280), 0);
    g_assert_cmphex(readl(&m, L(0x280)), ==, 0x80);
    machine_stop(&m);
}

static void test_priorities(void)
{
    struct machine m;

    machine_start(&m);
    enable(&m);
    writel(&m, L(0x300), 0x44045); /* self IPIs */
    writel(&m, L(0x300), 0x44061);
    g_assert_cmphex(readl(&m, L(0x220)), ==, 1u << 5);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x61);
    g_assert_cmphex(readl(&m, L(0xa0)), ==, 0x60);
    g_assert_cmpint(m.intr[0], ==, 0);
    writel(&m, L(0x300), 0x44071);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x71);
    writel(&m, L(0xb0), 0);
    writel(&m, L(0xb0), 0);
    g_assert_cmpint(m.intr[0], ==, 1);
    pc_set_cr8(m.pc, 0, 4);
    g_assert_cmpint(m.intr[0], ==, 0);
    g_assert_cmphex(readl(&m, L(0x80)), ==, 0x40);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0xff); /* spurious */
    pc_set_cr8(m.pc, 0, 3);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x45);
    writel(&m, L(0x300), 0x44005);
    writel(&m, L(0x280), 0);
    g_assert_cmphex(readl(&m, L(0x280)), ==, 0x20); /* send illegal vector */
    machine_stop(&m);
}

static void test_ipi(void)
{
    struct machine m;

    machine_start(&m);
    enable(&m);
    writel(&m, L(0x310), 2u << 24);
    writel(&m, L(0x300), 0x4050);
    g_assert_true(!m.intr[0] && !m.intr[1] && m.intr[2]);
    writel(&m, L(0x310), 3u << 24);
    writel(&m, L(0x300), 0x4851); /* logical flat: CPUs 0 and 1 */
    g_assert_true(m.intr[0] && m.intr[1]);
    writel(&m, L(0x300), 0xc0400); /* NMI to all others */
    g_assert_true(m.nmi[0] == 0 && m.nmi[1] == 1 && m.nmi[2] == 1);
    writel(&m, L(0x310), 1u << 24);
    writel(&m, L(0x300), 0xc500); /* INIT, then its de-assert, then SIPI */
    writel(&m, L(0x300), 0x8500);
    writel(&m, L(0x300), 0x4699);
    g_assert_true(m.init[1] == 1 && m.sipi[1] == 1 && m.sipi_vector == 0x99);
    g_assert_cmpint(m.intr[1], ==, 0);
    writel(&m, L(0x310), 0xffu << 24);
    pc_set_cr8(m.pc, 0, 9);
    writel(&m, L(0x300), 0x4160 | 0x800); /* lowest priority among 0 and 2 */
    g_assert_cmpint(pc_ack_interrupt(m.pc, 2), ==, 0x60);
    pc_msi(m.pc, 0xfee02000, 0x4077);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 2), ==, 0x77);
    machine_stop(&m);
}

static void test_timer(void)
{
    struct machine m;
    unsigned i, n = 0;

    machine_start(&m);
    enable(&m);
    writel(&m, L(0x3e0), 0x3); /* divide by 16 */
    writel(&m, L(0x320), 0x30);
    writel(&m, L(0x380), 1000);
    clock_step(&m, 8000);
    g_assert_cmpuint(readl(&m, L(0x390)), ==, 500);
    writel(&m, L(0x3e0), 0xb); /* by 1: the count goes on from 500 */
    clock_step(&m, 499);
    g_assert_cmpint(m.intr[0], ==, 0);
    clock_step(&m, 1);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x30);
    g_assert_cmpuint(readl(&m, L(0x390)), ==, 0);
    writel(&m, L(0xb0), 0);
    clock_step(&m, NS_PER_S);
    g_assert_cmpint(m.intr[0], ==, 0);

    writel(&m, L(0x320), 0x20030);
    writel(&m, L(0x380), 10000);
    for (i = 0; i < 1000; i++) {
        clock_step(&m, 1000);
        if (!m.intr[0])
            continue;
        pc_ack_interrupt(m.pc, 0);
        writel(&m, L(0xb0), 0);
        n++;
    }
    g_assert_cmpuint(n, ==, 100);
    writel(&m, L(0x320), 0x30030); /* masked: counts without interrupting */
    clock_step(&m, 15000);
    g_assert_cmpint(m.intr[0], ==, 0);
    g_assert_cmpuint(readl(&m, L(0x390)), ==, 5000);
    writel(&m, L(0x380), 0);
    machine_stop(&m);
}

static void test_deadline(void)
{
    struct machine m;
    uint64_t v;

    machine_start(&m);
    enable(&m);
    g_assert_true(pc_msr_write(m.pc, 0, 0x6e0, 5000)); /* ignored in other modes */
    g_assert_true(pc_msr_read(m.pc, 0, 0x6e0, &v) && v == 0);
    writel(&m, L(0x320), 0x40031);
    pc_msr_write(m.pc, 0, 0x6e0, 2000000);
    g_assert_true(pc_msr_read(m.pc, 0, 0x6e0, &v) && v == 2000000);
    clock_step(&m, 999000);
    g_assert_cmpint(m.intr[0], ==, 0);
    clock_step(&m, 1100);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x31);
    writel(&m, L(0xb0), 0);
    g_assert_true(pc_msr_read(m.pc, 0, 0x6e0, &v) && v == 0);
    pc_msr_write(m.pc, 0, 0x6e0, 1); /* in the past: at once */
    clock_step(&m, 1);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x31);
    writel(&m, L(0xb0), 0);
    pc_msr_write(m.pc, 0, 0x6e0, 1000000000);
    m.tsc_offset = 1000000000;
    pc_tsc_changed(m.pc, 0);
    clock_step(&m, 1);
    g_assert_cmpint(m.intr[0], ==, 1);
    pc_msr_write(m.pc, 0, 0x6e0, UINT64_MAX);
    g_assert_cmpuint(clock_deadline(&m.clock), ==, CLOCK_NEVER);
    machine_stop(&m);
}

static void test_x2apic(void)
{
    struct machine m;
    uint64_t v;

    machine_start(&m);
    g_assert_false(pc_msr_read(m.pc, 1, 0x802, &v));         /* not in x2APIC mode */
    g_assert_false(pc_msr_write(m.pc, 1, 0x1b, 0xfee00400)); /* EXTD without EN */
    g_assert_false(pc_msr_write(m.pc, 1, 0x1b, 0xfee00801)); /* reserved bit */
    g_assert_true(pc_msr_write(m.pc, 1, 0x1b, 0xfee00c00));
    g_assert_false(pc_msr_write(m.pc, 1, 0x1b, 0xfee00800)); /* back to xAPIC */
    m.current_cpu = 1;
    g_assert_cmphex(readl(&m, L(0x30)), ==, 0xffffffff);
    m.current_cpu = 0;
    g_assert_true(pc_msr_read(m.pc, 1, 0x802, &v) && v == 1);
    g_assert_true(pc_msr_read(m.pc, 1, 0x80d, &v) && v == 2);
    g_assert_false(pc_msr_write(m.pc, 1, 0x802, 0));
    g_assert_false(pc_msr_write(m.pc, 1, 0x80d, 0));
    g_assert_false(pc_msr_read(m.pc, 1, 0x80e, &v));
    g_assert_false(pc_msr_read(m.pc, 1, 0x831, &v));
    g_assert_false(pc_msr_read(m.pc, 1, 0x83f, &v));
    g_assert_false(pc_msr_read(m.pc, 1, 0x8ff, &v));
    g_assert_false(pc_msr_write(m.pc, 1, 0x80b, 1));
    g_assert_false(pc_msr_write(m.pc, 1, 0x808, 0x100));
    g_assert_false(pc_msr_write(m.pc, 1, 0x830, 1u << 13));
    g_assert_true(pc_msr_write(m.pc, 1, 0x80f, 0x1ff));
    g_assert_true(pc_msr_write(m.pc, 1, 0x83f, 0x55));
    g_assert_cmpint(pc_ack_interrupt(m.pc, 1), ==, 0x55);
    g_assert_true(pc_msr_write(m.pc, 1, 0x80b, 0));
    writel(&m, L(0xf0), 0x1ff);
    g_assert_true(pc_msr_write(m.pc, 1, 0x830, 0x4066)); /* to CPU 0, an xAPIC */
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x66);
    g_assert_true(pc_msr_write(m.pc, 1, 0x830, 2ull << 32 | 0x4867)); /* logical, self */
    g_assert_cmpint(pc_ack_interrupt(m.pc, 1), ==, 0x67);
    g_assert_true(pc_msr_write(m.pc, 1, 0x1b, 0xfee00000));
    g_assert_false(pc_msr_write(m.pc, 1, 0x1b, 0xfee00c00)); /* off to x2APIC */
    g_assert_true(pc_msr_write(m.pc, 1, 0x1b, 0xfee00800));

    g_assert_true(pc_msr_write(m.pc, 0, 0x1b, 0xfe000900)); /* the page moves */
    g_assert_cmphex(readl(&m, 0xfe000030), ==, 0x50014);
    g_assert_cmphex(readl(&m, L(0x30)), ==, 0xffffffff);
    pc_reset(m.pc);
    g_assert_cmphex(readl(&m, L(0x30)), ==, 0x50014);
    machine_stop(&m);
}

static void test_ioapic(void)
{
    struct machine m;

    machine_start(&m);
    enable(&m);
    writel(&m, IOAPIC_BASE, 1);
    g_assert_cmphex(readl(&m, IOAPIC_BASE + 0x10), ==, 0x170020);
    g_assert_cmphex(redirection(&m, 9), ==, 0x10000);
    ioapic_set_irq(&m.pc->ioapic, 5, 1);
    redirect(&m, 5, 0x35); /* an edge while masked is lost */
    g_assert_cmpint(m.intr[0], ==, 0);
    ioapic_set_irq(&m.pc->ioapic, 5, 0);
    ioapic_set_irq(&m.pc->ioapic, 5, 1);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x35);
    writel(&m, L(0xb0), 0);
    g_assert_cmpint(m.intr[0], ==, 0);

    ioapic_set_irq(&m.pc->ioapic, 9, 1);
    redirect(&m, 9, 0x8039); /* level: sent on unmasking */
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x39);
    g_assert_cmphex(redirection(&m, 9), ==, 0xc039); /* remote IRR */
    writel(&m, L(0xb0), 0);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x39); /* line still up */
    ioapic_set_irq(&m.pc->ioapic, 9, 0);
    writel(&m, L(0xb0), 0);
    g_assert_cmphex(redirection(&m, 9), ==, 0x8039);
    g_assert_cmpint(m.intr[0], ==, 0);

    ioapic_set_irq(&m.pc->ioapic, 9, 1);
    pc_ack_interrupt(m.pc, 0);
    ioapic_set_irq(&m.pc->ioapic, 9, 0);
    writel(&m, IOAPIC_BASE + 0x40, 0x39); /* EOI register */
    g_assert_cmphex(redirection(&m, 9), ==, 0x8039);
    machine_stop(&m);
}

/* The PIT through pin 2, and the 8259 as ExtINT through pin 0. */
static void test_wiring(void)
{
    struct machine m;

    machine_start(&m);
    enable(&m);
    redirect(&m, PC_PIT_GSI, 0x40);
    outb(&m, 0x43, 0x30);
    outb(&m, 0x40, 100);
    outb(&m, 0x40, 0);
    clock_step(&m, 1000000);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x40);
    writel(&m, L(0xb0), 0);

    pic_start(&m, 0xffdf);
    writel(&m, L(0x350), 0x10000);
    pic_set_irq(&m.pc->pic, 5, 1);
    g_assert_cmpint(m.intr[0], ==, 0);
    writel(&m, L(0x350), 0x700);
    g_assert_cmpint(m.intr[0], ==, 1);
    writel(&m, L(0x350), 0x10000);
    pic_set_irq(&m.pc->pic, 5, 0);
    redirect(&m, 0, 0x700);
    pic_set_irq(&m.pc->pic, 5, 1);
    g_assert_cmpint(pc_ack_interrupt(m.pc, 0), ==, 0x25);
    g_assert_cmpint(m.intr[0], ==, 0);
    machine_stop(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/apic/reset", test_reset_values);
    g_test_add_func("/apic/priorities", test_priorities);
    g_test_add_func("/apic/ipi", test_ipi);
    g_test_add_func("/apic/timer", test_timer);
    g_test_add_func("/apic/deadline", test_deadline);
    g_test_add_func("/apic/x2apic", test_x2apic);
    g_test_add_func("/apic/ioapic", test_ioapic);
    g_test_add_func("/apic/wiring", test_wiring);
    return g_test_run();
}
