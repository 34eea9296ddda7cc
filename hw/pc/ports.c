/* SPDX-License-Identifier: MIT
 * 82371SB (PIIX3) data sheet: port 0x80 (a latch, where firmware posts codes and kernels wait),
 * port 0x92 (A20 and fast reset), port 0xF0 (coprocessor error). */
#include "hw/pc/ports.h"

#define PORT92_RESET 0x01
#define PORT92_A20   0x02

void ports_set_a20(struct ports *p, bool on)
{
    if (p->a20 == on)
        return;
    p->a20 = on;
    if (p->a20_changed)
        p->a20_changed(p->opaque, on);
}

void ports_set_ferr(struct ports *p)
{
    p->ferr = true;
    irq_set(&p->irq13, 1);
}

static uint64_t post_read(void *opaque, uint64_t offset, unsigned size)
{
    struct ports *p = opaque;

    return p->post;
}

static void post_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ports *p = opaque;

    p->post = value;
}

static uint64_t port92_read(void *opaque, uint64_t offset, unsigned size)
{
    struct ports *p = opaque;

    return p->port92 | (p->a20 ? PORT92_A20 : 0);
}

static void port92_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ports *p = opaque;
    bool reset = (value & PORT92_RESET) && !(p->port92 & PORT92_RESET);

    p->port92 = value & ~PORT92_A20;
    ports_set_a20(p, value & PORT92_A20);
    if (reset && p->reset_cpu)
        p->reset_cpu(p->opaque);
}

static void delay_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
}

static uint64_t delay_read(void *opaque, uint64_t offset, unsigned size)
{
    return 0xff;
}

static void fpu_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ports *p = opaque;

    p->ferr = false;
    irq_set(&p->irq13, 0);
    if (!offset && p->ignne)
        p->ignne(p->opaque);
}

static void ports_reset(struct dev *d)
{
    struct ports *p = (struct ports *)d;

    p->post = 0;
    p->port92 = 0;
    p->ferr = false;
    irq_set(&p->irq13, 0);
    p->a20 = true;
    if (p->a20_changed)
        p->a20_changed(p->opaque, true);
}

static const struct state_field ports_state[] = {
    STATE(struct ports, post), STATE(struct ports, port92), STATE(struct ports, a20),
    STATE(struct ports, ferr), STATE_END};

static const struct dev_region ports_regions[] = {
    {"post", REGION_PORT, 1, {post_read, post_write, 1, 1}},
    {"port92", REGION_PORT, 1, {port92_read, port92_write, 1, 1}},
    {"delay", REGION_PORT, 1, {delay_read, delay_write, 1, 1}},
    {"fpu-error", REGION_PORT, 2, {delay_read, fpu_write, 1, 1}},
    {0},
};

const struct dev_class ports_class = {
    .name = "pc-ports",
    .size = sizeof(struct ports),
    .state = ports_state,
    .regions = ports_regions,
    .reset = ports_reset,
};
