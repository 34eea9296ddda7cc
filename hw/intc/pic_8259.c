/* SPDX-License-Identifier: MIT
 * Intel 8259A data sheet (231468-003); ELCR: 82371SB (PIIX3) data sheet, 2.5.5.
 * Left out: MCS-80/85 mode, buffered mode (no effect without a bus), LTIM of ICW1 (the
 * south bridge replaces it by the ELCR). */
#include "hw/intc/pic_8259.h"

#include "softmmu/log.h"

#define ICW1_IC4    0x01
#define ICW1_SNGL   0x02
#define ICW1_INIT   0x10
#define ICW4_AEOI   0x02
#define ICW4_SFNM   0x10
#define OCW3        0x08
#define OCW3_RIS    0x01
#define OCW3_RR     0x02
#define OCW3_POLL   0x04
#define OCW3_SMM    0x20
#define OCW3_ESMM   0x40
#define ELCR_MASTER 0xf8 /* IRQ 0-2, 8 and 13 are always edge triggered */
#define ELCR_SLAVE  0xde
#define CASCADE     2
#define SPURIOUS    7

/* 0 is the highest priority, 8 means that no bit of mask is set */
static unsigned rank(const struct pic_chip *c, uint8_t mask)
{
    unsigned i;

    for (i = 0; i < 8; i++)
        if (mask & 1u << ((c->top + i) & 7))
            break;
    return i;
}

/* The in-service bits that hold lower requests back. */
static uint8_t blocking(const struct pic *p, const struct pic_chip *c)
{
    uint8_t isr = c->isr;

    if (c->special_mask)
        isr &= ~c->imr;
    if (c == &p->chip[0] && (c->icw4 & ICW4_SFNM))
        isr &= ~(1u << CASCADE);
    return isr;
}

/* The input to be served next, -1 when none. */
static int pending(const struct pic *p, const struct pic_chip *c)
{
    unsigned r = rank(c, c->irr & ~c->imr);

    if (c->init_step || r >= rank(c, blocking(p, c)))
        return -1;
    return (c->top + r) & 7;
}

static void set_line(struct pic_chip *c, int n, int level)
{
    uint8_t bit = 1u << n;

    if (level) {
        if ((c->elcr & bit) || !(c->lines & bit))
            c->irr |= bit;
        c->lines |= bit;
    } else {
        c->irr &= ~bit; /* a request must stay until its INTA */
        c->lines &= ~bit;
    }
}

static void pic_update(struct pic *p)
{
    bool level;

    set_line(&p->chip[0], CASCADE, pending(p, &p->chip[1]) >= 0);
    level = pending(p, &p->chip[0]) >= 0;
    if (level != p->intr_level) {
        p->intr_level = level;
        irq_set(&p->intr, level);
    }
}

void pic_set_irq(void *opaque, int n, int level)
{
    struct pic *p = opaque;

    if (n < 0 || n > 15 || n == CASCADE)
        return;
    set_line(&p->chip[n >> 3], n & 7, level);
    pic_update(p);
}

static void accept(struct pic_chip *c, int n)
{
    uint8_t bit = 1u << n;

    if (!(c->elcr & bit))
        c->irr &= ~bit;
    if (!(c->icw4 & ICW4_AEOI))
        c->isr |= bit;
    else if (c->rotate_on_aeoi)
        c->top = (n + 1) & 7;
}

int pic_ack(struct pic *p)
{
    struct pic_chip *master = &p->chip[0], *slave = &p->chip[1];
    int n = pending(p, master), vector;

    if (n < 0)
        return master->base | SPURIOUS;
    accept(master, n);
    vector = master->base | n;
    if (n == CASCADE) {
        n = pending(p, slave);
        if (n >= 0)
            accept(slave, n);
        vector = slave->base | (n < 0 ? SPURIOUS : n);
        set_line(master, CASCADE, 0); /* the slave's INT pauses: a new request is an edge */
    }
    pic_update(p);
    return vector;
}

void pic_set_elcr(struct pic *p, unsigned mask)
{
    unsigned i;

    p->chip[0].elcr = mask & ELCR_MASTER;
    p->chip[1].elcr = mask >> 8 & ELCR_SLAVE;
    for (i = 0; i < 2; i++)
        p->chip[i].irr |= p->chip[i].lines & p->chip[i].elcr;
    pic_update(p);
}

static void write_icw1(struct pic_chip *c, uint8_t v)
{
    c->icw1 = v;
    c->icw4 = 0;
    c->imr = c->isr = 0;
    c->irr = c->lines & c->elcr;
    c->top = 0;
    c->read_isr = c->poll = c->special_mask = c->rotate_on_aeoi = false;
    c->init_step = 2;
}

static void write_ocw2(const struct pic *p, struct pic_chip *c, uint8_t v)
{
    unsigned command = v >> 5, level = v & 7;
    uint8_t served = c->special_mask ? c->isr & ~c->imr : c->isr;

    switch (command) {
    case 0: c->rotate_on_aeoi = false; break;
    case 4: c->rotate_on_aeoi = true; break;
    case 1: /* non-specific EOI, without and with rotation */
    case 5:
        if (!served)
            break;
        level = (c->top + rank(c, served)) & 7;
        c->isr &= ~(1u << level);
        if (command == 5)
            c->top = (level + 1) & 7;
        break;
    case 3: c->isr &= ~(1u << level); break;
    case 6: c->top = (level + 1) & 7; break;
    case 7:
        c->isr &= ~(1u << level);
        c->top = (level + 1) & 7;
        break;
    default: break;
    }
}

static void write_ocw3(struct pic_chip *c, uint8_t v)
{
    c->poll = v & OCW3_POLL;
    if (v & OCW3_RR)
        c->read_isr = v & OCW3_RIS;
    if (v & OCW3_ESMM)
        c->special_mask = v & OCW3_SMM;
}

static void write_data(struct pic_chip *c, uint8_t v)
{
    switch (c->init_step) {
    case 2:
        c->base = v & 0xf8;
        c->init_step = !(c->icw1 & ICW1_SNGL) ? 3 : c->icw1 & ICW1_IC4 ? 4 : 0;
        break;
    case 3:
        c->icw3 = v;
        c->init_step = c->icw1 & ICW1_IC4 ? 4 : 0;
        break;
    case 4:
        c->icw4 = v;
        c->init_step = 0;
        break;
    default: c->imr = v; break;
    }
}

static void chip_write(struct pic *p, struct pic_chip *c, uint64_t offset, uint8_t v)
{
    if (offset)
        write_data(c, v);
    else if (v & ICW1_INIT)
        write_icw1(c, v);
    else if (v & OCW3)
        write_ocw3(c, v);
    else
        write_ocw2(p, c, v);
    pic_update(p);
}

static uint64_t chip_read(struct pic *p, struct pic_chip *c, uint64_t offset)
{
    if (c->poll) { /* the read stands for INTA */
        int n = pending(p, c);

        c->poll = false;
        if (n < 0)
            return 0;
        accept(c, n);
        pic_update(p);
        return 0x80 | n;
    }
    if (offset)
        return c->imr;
    return c->read_isr ? c->isr : c->irr;
}

static uint64_t master_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pic *p = opaque;

    return chip_read(p, &p->chip[0], offset);
}

static void master_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pic *p = opaque;

    chip_write(p, &p->chip[0], offset, value);
}

static uint64_t slave_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pic *p = opaque;

    return chip_read(p, &p->chip[1], offset);
}

static void slave_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pic *p = opaque;

    chip_write(p, &p->chip[1], offset, value);
}

static uint64_t elcr_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pic *p = opaque;

    return p->chip[offset].elcr;
}

static void elcr_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pic *p = opaque;
    unsigned keep = p->chip[!offset].elcr;

    pic_set_elcr(p, offset ? keep | value << 8 : keep << 8 | value);
}

static void pic_reset(struct dev *d)
{
    struct pic *p = (struct pic *)d;
    unsigned i;

    for (i = 0; i < 2; i++) {
        uint8_t lines = p->chip[i].lines; /* the wires keep their levels */

        p->chip[i] = (struct pic_chip){.lines = lines};
    }
    p->chip[0].lines &= ~(1u << CASCADE);
    p->intr_level = false;
    irq_set(&p->intr, 0);
}

#define CHIP_STATE(n)                                                                          \
    STATE(struct pic, chip[n].irr), STATE(struct pic, chip[n].imr),                            \
        STATE(struct pic, chip[n].isr), STATE_KEPT(struct pic, chip[n].lines),                 \
        STATE(struct pic, chip[n].elcr), STATE(struct pic, chip[n].base),                      \
        STATE(struct pic, chip[n].icw1), STATE(struct pic, chip[n].icw3),                      \
        STATE(struct pic, chip[n].icw4), STATE(struct pic, chip[n].init_step),                 \
        STATE(struct pic, chip[n].top), STATE(struct pic, chip[n].read_isr),                   \
        STATE(struct pic, chip[n].poll), STATE(struct pic, chip[n].special_mask),              \
        STATE(struct pic, chip[n].rotate_on_aeoi)

static const struct state_field pic_state[] = {CHIP_STATE(0), CHIP_STATE(1),
                                               STATE(struct pic, intr_level), STATE_END};

static const struct dev_region pic_regions[] = {
    {"pic-master", REGION_PORT, 2, {master_read, master_write, 1, 1}},
    {"pic-slave", REGION_PORT, 2, {slave_read, slave_write, 1, 1}},
    {"elcr", REGION_PORT, 2, {elcr_read, elcr_write, 1, 1}},
    {0},
};

const struct dev_class pic_class = {
    .name = "pic-8259",
    .size = sizeof(struct pic),
    .state = pic_state,
    .regions = pic_regions,
    .reset = pic_reset,
};
