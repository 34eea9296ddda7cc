/* SPDX-License-Identifier: MIT
 * Intel 82093AA data sheet (290566-001), with the EOI register of later parts (version
 * 20H: ICH9 data sheet, 13.5). Left out: pin polarity (lines here mean asserted or not),
 * the arbitration id (reads as the id), the delivery status bit (delivery is instant). */
#include "hw/intc/ioapic.h"

#include "softmmu/log.h"

#define IOREGSEL 0x00
#define IOWIN    0x10
#define IOEOI    0x40

#define REG_ID      0x00
#define REG_VERSION 0x01
#define REG_ARB     0x02
#define REG_REDIR   0x10
#define VERSION     0x20u

#define REDIR_STATUS     (1ull << 12)
#define REDIR_REMOTE_IRR (1ull << 14)
#define REDIR_LEVEL      (1ull << 15)
#define REDIR_MASKED     (1ull << 16)
#define REDIR_WRITABLE   0xff0000000001afffull

static void send(struct ioapic *io, uint64_t r)
{
    struct apic_msg msg = {
        .dest = r >> 56,
        .logical = r >> 11 & 1,
        .mode = r >> 8 & 7,
        .vector = r & 0xff,
        .level = r >> 15 & 1,
    };

    if (io->bus)
        apic_bus_deliver(io->bus, &msg);
}

/* Sends what may be sent for a pin; idempotent. */
static void ioapic_update(struct ioapic *io, unsigned pin)
{
    uint64_t *r = &io->redir[pin];
    uint32_t bit = 1u << pin;

    if (*r & REDIR_MASKED)
        return;
    if (*r & REDIR_LEVEL) {
        if (!(io->lines & bit) || (*r & REDIR_REMOTE_IRR))
            return;
        *r |= REDIR_REMOTE_IRR;
    } else {
        if (!(io->irr & bit))
            return;
        io->irr &= ~bit;
    }
    send(io, *r);
}

void ioapic_set_irq(void *opaque, int pin, int level)
{
    struct ioapic *io = opaque;
    uint32_t bit;

    if (pin < 0 || pin >= IOAPIC_PINS)
        return;
    bit = 1u << pin;
    if (!level) {
        io->lines &= ~bit;
        return;
    }
    /* an edge on a masked pin is lost (3.2.4, interrupt mask) */
    if (!(io->lines & bit) && !(io->redir[pin] & (REDIR_LEVEL | REDIR_MASKED)))
        io->irr |= bit;
    io->lines |= bit;
    ioapic_update(io, pin);
}

void ioapic_eoi(void *opaque, uint8_t vector)
{
    struct ioapic *io = opaque;
    unsigned pin;

    for (pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t *r = &io->redir[pin];

        if (!(*r & REDIR_REMOTE_IRR) || (*r & 0xff) != vector)
            continue;
        *r &= ~REDIR_REMOTE_IRR;
        ioapic_update(io, pin);
    }
}

static uint32_t read_register(struct ioapic *io)
{
    unsigned n = io->select - REG_REDIR;

    switch (io->select) {
    case REG_ID:
    case REG_ARB: return io->id << 24;
    case REG_VERSION: return (IOAPIC_PINS - 1) << 16 | VERSION;
    default:
        if (n < 2 * IOAPIC_PINS)
            return io->redir[n / 2] >> (n & 1 ? 32 : 0);
        LOG_GUEST("ioapic: read of register 0x%x", io->select);
        return 0;
    }
}

static void write_redir(struct ioapic *io, unsigned pin, bool high, uint32_t value)
{
    uint64_t old = io->redir[pin];
    uint64_t r = high ? (uint32_t)old | (uint64_t)value << 32 : (old & ~0xffffffffull) | value;

    r = (r & REDIR_WRITABLE) | (old & REDIR_REMOTE_IRR);
    if (!(r & REDIR_LEVEL))
        r &= ~REDIR_REMOTE_IRR;
    io->redir[pin] = r;
    ioapic_update(io, pin);
}

static void write_register(struct ioapic *io, uint32_t value)
{
    unsigned n = io->select - REG_REDIR;

    if (io->select == REG_ID)
        io->id = value >> 24 & 15;
    else if (n < 2 * IOAPIC_PINS)
        write_redir(io, n / 2, n & 1, value);
    else if (io->select != REG_VERSION && io->select != REG_ARB)
        LOG_GUEST("ioapic: write to register 0x%x", io->select);
}

static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
    struct ioapic *io = opaque;

    switch (offset) {
    case IOREGSEL: return io->select;
    case IOWIN: return read_register(io);
    default: return 0;
    }
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ioapic *io = opaque;

    switch (offset) {
    case IOREGSEL: io->select = value; break;
    case IOWIN: write_register(io, value); break;
    case IOEOI: ioapic_eoi(io, value); break;
    default: break;
    }
}

static void ioapic_reset(struct dev *d)
{
    struct ioapic *io = (struct ioapic *)d;
    unsigned i;

    io->id = 0;
    io->select = 0;
    io->irr = 0;
    for (i = 0; i < IOAPIC_PINS; i++)
        io->redir[i] = REDIR_MASKED;
}

static const struct state_field ioapic_state[] = {
    STATE(struct ioapic, id),          STATE(struct ioapic, select),
    STATE_ARRAY(struct ioapic, redir), STATE_KEPT(struct ioapic, lines),
    STATE(struct ioapic, irr),         STATE_END,
};

static const struct dev_region ioapic_regions[] = {
    {"ioapic", REGION_MEM, 4096, {io_read, io_write, 4, 4}},
    {0},
};

const struct dev_class ioapic_class = {
    .name = "ioapic",
    .size = sizeof(struct ioapic),
    .state = ioapic_state,
    .regions = ioapic_regions,
    .reset = ioapic_reset,
};
