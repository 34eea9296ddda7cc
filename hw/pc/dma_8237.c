/* SPDX-License-Identifier: MIT
 * Intel 8237A data sheet (231466-005) and 82371SB (PIIX3), 2.5.1: two controllers, page
 * registers at 0x81-0x8F. Left out: memory-to-memory, software requests, rotating priority
 * and compressed timing (devices move data when they have it), ISA masters through a channel
 * in cascade mode, and the cascade itself: channels 0-3 work whether channel 4 is masked or
 * not. Only RAM is reached; elsewhere reads give all ones. */
#include "hw/pc/dma_8237.h"

#include <string.h>

#include "softmmu/log.h"

#define MODE_TRANSFER 0x0c
#define MODE_WRITE    0x04
#define MODE_READ     0x08
#define MODE_AUTO     0x10
#define MODE_DOWN     0x20
#define MODE_CASCADE  0xc0
#define COMMAND_OFF   0x04

enum {
    REG_COMMAND = 8,
    REG_REQUEST,
    REG_MASK,
    REG_MODE,
    REG_CLEAR_FF,
    REG_CLEAR,
    REG_UNMASK,
    REG_MASKS
};

/* Page register of each channel, as an offset from port 0x81. */
static const uint8_t page_of[DMA_CHANNELS] = {6, 2, 0, 1, 14, 10, 8, 9};

static bool runnable(const struct dma_8237 *d, unsigned n)
{
    return !(d->mask[n / 4] >> n % 4 & 1) && !(d->command[n / 4] & COMMAND_OFF) &&
           (d->ch[n].mode & MODE_CASCADE) != MODE_CASCADE;
}

/* Tells devices whose channels a register write may have started. */
static void tell_ready(struct dma_8237 *d)
{
    unsigned n;

    for (n = 0; n < DMA_CHANNELS; n++)
        if (d->ch[n].ready && runnable(d, n))
            d->ch[n].ready(d->ch[n].opaque);
}

/* ---- transfers ---- */

static gpa address(const struct dma_8237 *d, unsigned n)
{
    gpa page = d->page[page_of[n]];

    if (n < 4)
        return page << 16 | d->ch[n].addr;
    return (page & 0xfe) << 16 | (gpa)d->ch[n].addr << 1;
}

static void move_unit(struct dma_8237 *d, unsigned n, uint8_t *buf, unsigned size)
{
    struct space *mem = d->dev.env->mem;
    gpa addr = address(d, n);
    uint64_t k = size;
    uint8_t kind = d->ch[n].mode & MODE_TRANSFER, *host;

    if (kind != MODE_WRITE && kind != MODE_READ)
        return;
    host = space_dma_map(mem, addr, &k, kind == MODE_WRITE);
    if (!host || k < size) {
        LOG_GUEST("dma: 0x%llx is no RAM", (unsigned long long)addr);
        if (kind == MODE_READ)
            memset(buf, 0xff, size);
    } else if (kind == MODE_READ) {
        memcpy(buf, host, size);
    } else {
        memcpy(host, buf, size);
        space_dma_written(mem, addr, size);
    }
}

/* Terminal count: autoinitialize, or mask the channel. */
static void terminal_count(struct dma_8237 *d, unsigned n)
{
    struct dma_channel *c = &d->ch[n];

    d->status[n / 4] |= 1u << n % 4;
    if (c->mode & MODE_AUTO) {
        c->addr = c->base_addr;
        c->count = c->base_count;
    } else {
        d->mask[n / 4] |= 1u << n % 4;
    }
}

unsigned dma_move(struct dma_8237 *d, unsigned n, uint8_t *buf, unsigned bytes, bool *tc)
{
    struct dma_channel *c = &d->ch[n];
    unsigned size = n < 4 ? 1 : 2, done = 0;

    *tc = false;
    while (done + size <= bytes && !*tc && runnable(d, n)) {
        move_unit(d, n, buf + done, size);
        done += size;
        c->addr += c->mode & MODE_DOWN ? -1 : 1;
        if (c->count-- == 0) {
            terminal_count(d, n);
            *tc = true;
        }
    }
    return done;
}

/* ---- registers ---- */

static uint8_t flip(struct dma_8237 *d, unsigned chip, uint16_t v)
{
    bool high = d->high_byte[chip];

    d->high_byte[chip] = !high;
    return high ? v >> 8 : v;
}

static uint8_t chip_read(struct dma_8237 *d, unsigned chip, unsigned reg)
{
    const struct dma_channel *c = &d->ch[chip * 4 + (reg >> 1 & 3)];
    uint8_t v;

    switch (reg) {
    case REG_COMMAND:
        v = d->status[chip];
        d->status[chip] = 0;
        return v;
    case REG_REQUEST:
    case REG_MASK:
    case REG_MODE:
    case REG_CLEAR_FF:
    case REG_CLEAR:
    case REG_UNMASK: return 0;
    case REG_MASKS: return d->mask[chip] | 0xf0;
    default: return flip(d, chip, reg & 1 ? c->count : c->addr);
    }
}

static void put_byte(uint16_t *v, bool high, uint8_t byte)
{
    *v = high ? (*v & 0x00ff) | byte << 8 : (*v & 0xff00) | byte;
}

static void write_count(struct dma_8237 *d, unsigned chip, unsigned reg, uint8_t v)
{
    struct dma_channel *c = &d->ch[chip * 4 + (reg >> 1)];
    bool high = d->high_byte[chip];

    d->high_byte[chip] = !high;
    if (reg & 1) {
        put_byte(&c->base_count, high, v);
        c->count = c->base_count;
    } else {
        put_byte(&c->base_addr, high, v);
        c->addr = c->base_addr;
    }
}

static void master_clear(struct dma_8237 *d, unsigned chip)
{
    d->command[chip] = d->status[chip] = 0;
    d->mask[chip] = 0x0f;
    d->high_byte[chip] = false;
}

static void chip_write(struct dma_8237 *d, unsigned chip, unsigned reg, uint8_t v)
{
    uint8_t bit = 1u << (v & 3);

    switch (reg) {
    case REG_COMMAND: d->command[chip] = v; break;
    case REG_REQUEST: break;
    case REG_MASK: d->mask[chip] = v & 4 ? d->mask[chip] | bit : d->mask[chip] & ~bit; break;
    case REG_MODE: d->ch[chip * 4 + (v & 3)].mode = v & 0xfc; break;
    case REG_CLEAR_FF: d->high_byte[chip] = false; break;
    case REG_CLEAR: master_clear(d, chip); break;
    case REG_UNMASK: d->mask[chip] = 0; break;
    case REG_MASKS: d->mask[chip] = v & 0x0f; break;
    default: write_count(d, chip, reg, v); return;
    }
    tell_ready(d);
}

static uint64_t low_read(void *opaque, uint64_t offset, unsigned size)
{
    return chip_read(opaque, 0, offset);
}

static void low_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    chip_write(opaque, 0, offset, value);
}

static uint64_t high_read(void *opaque, uint64_t offset, unsigned size)
{
    return chip_read(opaque, 1, offset >> 1);
}

static void high_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    chip_write(opaque, 1, offset >> 1, value);
}

static uint64_t page_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((struct dma_8237 *)opaque)->page[offset];
}

static void page_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    ((struct dma_8237 *)opaque)->page[offset] = value;
}

/* ---- class ---- */

static void dma_reset(struct dev *dev)
{
    struct dma_8237 *d = (struct dma_8237 *)dev;
    unsigned i;

    for (i = 0; i < DMA_CHANNELS; i++) {
        struct dma_channel *c = &d->ch[i];

        c->base_addr = c->base_count = c->addr = c->count = 0;
        c->mode = 0;
    }
    memset(d->page, 0, sizeof(d->page));
    master_clear(d, 0);
    master_clear(d, 1);
}

#define S(f) STATE(struct dma_8237, f)
#define CH(n)                                                                                  \
    S(ch[n].base_addr), S(ch[n].base_count), S(ch[n].addr), S(ch[n].count), S(ch[n].mode)

static const struct state_field dma_state[] = {
    CH(0),
    CH(1),
    CH(2),
    CH(3),
    CH(4),
    CH(5),
    CH(6),
    CH(7),
    STATE_ARRAY(struct dma_8237, page),
    STATE_ARRAY(struct dma_8237, command),
    STATE_ARRAY(struct dma_8237, mask),
    STATE_ARRAY(struct dma_8237, status),
    STATE_ARRAY(struct dma_8237, high_byte),
    STATE_END,
};

static const struct dev_region dma_regions[] = {
    {"dma1", REGION_PORT, 16, {low_read, low_write, 1, 1}},
    {"dma2", REGION_PORT, 32, {high_read, high_write, 1, 1}},
    {"dma-page", REGION_PORT, 15, {page_read, page_write, 1, 1}},
    {0},
};

const struct dev_class dma_8237_class = {
    .name = "i8237",
    .size = sizeof(struct dma_8237),
    .state = dma_state,
    .regions = dma_regions,
    .reset = dma_reset,
};
