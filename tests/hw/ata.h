/* SPDX-License-Identifier: MIT
 * A host adapter's view of an ATA channel: registers, PIO, bus master with its descriptors. */
#ifndef TESTS_HW_ATA_H
#define TESTS_HW_ATA_H

#include <string.h>

#include "tests/hw/machine.h"

enum {
    DATA = 0,
    ERROR = 1,
    FEATURE = 1,
    COUNT = 2,
    LOW = 3,
    MID = 4,
    HIGH = 5,
    DEVICE = 6,
    STATUS = 7,
    COMMAND = 7
};
enum { ERR = 1, DRQ = 8, DSC = 0x10, DRDY = 0x40, BSY = 0x80 };
enum { ABRT = 4, IDNF = 0x10, UNC = 0x40 };

#define BM        0xc000u /* where the bus master's BAR is put */
#define PRDT      0x1000u /* descriptor table in RAM */
#define IDE_DEVFN PC_IDE_DEVFN

struct ata {
    struct machine m;
    uint16_t port, control;
    unsigned irq, bm;
};

static inline void ata_select(struct ata *a, unsigned channel)
{
    a->port = channel ? 0x170 : 0x1f0;
    a->control = channel ? 0x376 : 0x3f6;
    a->irq = 14 + channel;
    a->bm = BM + 8 * channel;
}

static inline void ata_start(struct ata *a, struct block *const *ide)
{
    struct block *const none[FDC_DRIVES] = {NULL};

    machine_start_disks(&a->m, ide, none);
    pci_config_write(&a->m.pc->pci, IDE_DEVFN, 0x20, BM | 1, 4);
    pci_config_write(&a->m.pc->pci, IDE_DEVFN, 0x04, 5, 2);
    ata_select(a, 0);
}

static inline void reg(struct ata *a, unsigned r, uint8_t v)
{
    outb(&a->m, a->port + r, v);
}

static inline uint8_t get(struct ata *a, unsigned r)
{
    return inb(&a->m, a->port + r);
}

static inline uint8_t alt(struct ata *a)
{
    return inb(&a->m, a->control);
}

/* Task file with a 28-bit address, LBA, then the command. */
static inline void command28(struct ata *a, uint8_t c, unsigned unit, uint32_t lba, uint8_t n)
{
    reg(a, DEVICE, 0xe0 | unit << 4 | lba >> 24);
    reg(a, COUNT, n);
    reg(a, LOW, lba);
    reg(a, MID, lba >> 8);
    reg(a, HIGH, lba >> 16);
    reg(a, COMMAND, c);
}

static inline void command48(struct ata *a, uint8_t c, unsigned unit, uint64_t lba, uint16_t n)
{
    reg(a, DEVICE, 0xe0 | unit << 4);
    reg(a, COUNT, n >> 8);
    reg(a, LOW, lba >> 24);
    reg(a, MID, lba >> 32);
    reg(a, HIGH, lba >> 40);
    reg(a, COUNT, n);
    reg(a, LOW, lba);
    reg(a, MID, lba >> 8);
    reg(a, HIGH, lba >> 16);
    reg(a, COMMAND, c);
}

static inline void pio_in(struct ata *a, void *buf, unsigned bytes)
{
    uint8_t *p = buf;
    unsigned i;

    for (i = 0; i < bytes; i += 2) {
        uint16_t v = inw(&a->m, a->port);

        memcpy(p + i, &v, 2);
    }
}

static inline void pio_out(struct ata *a, const void *buf, unsigned bytes)
{
    const uint8_t *p = buf;
    unsigned i;

    for (i = 0; i < bytes; i += 2)
        outw(&a->m, a->port, p[i] | p[i + 1] << 8);
}

static inline void set_prd(struct ata *a, unsigned i, uint32_t addr, uint32_t bytes, bool last)
{
    writel(&a->m, PRDT + 8 * i, addr);
    writel(&a->m, PRDT + 8 * i + 4, (bytes & 0xffff) | (last ? 0x80000000 : 0));
}

static inline void bm_start(struct ata *a, bool to_memory)
{
    outl(&a->m, a->bm + 4, PRDT);
    outb(&a->m, a->bm, to_memory ? 8 : 0);
    outb(&a->m, a->bm + 2, 6);
    outb(&a->m, a->bm, to_memory ? 9 : 1);
}

static inline uint8_t bm_stop(struct ata *a)
{
    uint8_t status = inb(&a->m, a->bm + 2);

    outb(&a->m, a->bm, 0);
    outb(&a->m, a->bm + 2, 6);
    return status;
}

/* INTRQ is up; reading the status takes it down. */
static inline uint8_t expect_irq(struct ata *a)
{
    uint8_t status;

    g_assert_true(irq_level(&a->m, a->irq));
    status = get(a, STATUS);
    g_assert_false(irq_level(&a->m, a->irq));
    return status;
}

static inline void fill_random(uint8_t *p, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        p[i] = (uint8_t)g_test_rand_int_range(0, 256);
}

#endif
