/* SPDX-License-Identifier: MIT
 * Messages between APICs: Intel SDM vol. 3, 11.6 (IPIs, destinations), 11.11 (MSI), 11.12.10
 * (x2APIC destinations). Left out: interrupt remapping, so an x2APIC is reached by devices
 * through 8-bit ids only. */
#include "hw/intc/lapic_regs.h"

#include "softmmu/log.h"

enum { SHORTHAND_NONE, SHORTHAND_SELF, SHORTHAND_ALL, SHORTHAND_OTHERS };

static bool matches_logical(const struct lapic *l, uint32_t dest)
{
    uint32_t ldr = l->ldr >> 24;

    if (lapic_x2apic(l))
        return dest >> 16 == l->ldr >> 16 && (dest & l->ldr & 0xffff);
    if (l->dfr >> 28 == 0xf)
        return ldr & dest & 0xff;
    return ((dest >> 4 & 15) == ldr >> 4 || (dest >> 4 & 15) == 15) && (dest & ldr & 15);
}

static bool matches(const struct lapic *l, const struct apic_msg *msg)
{
    if (!lapic_enabled(l))
        return false;
    if (msg->dest == 0xffffffff || (!msg->logical && msg->dest == 0xff))
        return true;
    if (msg->logical && msg->dest == 0xff && !lapic_x2apic(l) && l->dfr >> 28 == 0xf)
        return l->ldr >> 24;
    return msg->logical ? matches_logical(l, msg->dest) : msg->dest == l->id;
}

void apic_bus_send(struct lapic *l, const struct apic_msg *msg)
{
    struct apic_bus *bus = l->bus;

    switch (msg->mode) {
    case APIC_FIXED:
    case APIC_LOWEST: lapic_accept(l, msg->vector, msg->level); break;
    case APIC_SMI:
        if (bus && bus->smi)
            bus->smi(bus->opaque, l->cpu);
        break;
    case APIC_NMI:
        if (bus && bus->nmi)
            bus->nmi(bus->opaque, l->cpu);
        break;
    case APIC_INIT:
        lapic_init_signal(l);
        if (bus && bus->init)
            bus->init(bus->opaque, l->cpu);
        break;
    case APIC_STARTUP:
        if (bus && bus->sipi)
            bus->sipi(bus->opaque, l->cpu, msg->vector);
        break;
    case APIC_EXTINT:
        l->extint = true;
        lapic_update(l);
        break;
    default: LOG_GUEST("apic: message with reserved delivery mode %u", msg->mode); break;
    }
}

static void deliver_lowest(struct apic_bus *bus, const struct apic_msg *msg)
{
    struct lapic *best = NULL;
    unsigned i;

    for (i = 0; i < bus->n; i++) {
        struct lapic *l = bus->cpu[i];

        if (matches(l, msg) && (l->svr & SVR_ENABLE) &&
            (!best || lapic_ppr(l) < lapic_ppr(best)))
            best = l;
    }
    if (best)
        apic_bus_send(best, msg);
}

void apic_bus_deliver(struct apic_bus *bus, const struct apic_msg *msg)
{
    unsigned i;

    if (msg->mode == APIC_LOWEST) {
        deliver_lowest(bus, msg);
        return;
    }
    for (i = 0; i < bus->n; i++)
        if (matches(bus->cpu[i], msg))
            apic_bus_send(bus->cpu[i], msg);
}

void apic_bus_msi(struct apic_bus *bus, gpa addr, uint32_t data)
{
    struct apic_msg msg = {
        .dest = addr >> 12 & 0xff,
        .logical = addr & 4,
        .mode = data >> 8 & 7,
        .vector = data & 0xff,
        .level = data >> 15 & 1,
    };

    apic_bus_deliver(bus, &msg);
}

/* All, or all but the sender. */
static void send_all(struct lapic *l, const struct apic_msg *msg, bool self)
{
    unsigned i;

    for (i = 0; i < l->bus->n; i++)
        if ((self || l->bus->cpu[i] != l) && lapic_enabled(l->bus->cpu[i]))
            apic_bus_send(l->bus->cpu[i], msg);
}

void lapic_send_icr(struct lapic *l)
{
    uint32_t low = (uint32_t)l->icr;
    struct apic_msg msg = {
        .dest = lapic_x2apic(l) ? l->icr >> 32 : l->icr >> 56,
        .logical = low & ICR_LOGICAL,
        .mode = low >> 8 & 7,
        .vector = low & 0xff,
    };

    if (msg.mode == APIC_INIT && (low & ICR_LEVEL) && !(low & ICR_ASSERT))
        return; /* INIT level de-assert only set arbitration ids */
    if (msg.mode == APIC_EXTINT || msg.mode == APIC_MODE3) {
        LOG_GUEST("lapic: ICR with reserved delivery mode %u", msg.mode);
        return;
    }
    if (msg.mode <= APIC_LOWEST && msg.vector < 16) {
        lapic_error(l, ESR_SEND_ILLEGAL);
        return;
    }
    switch (low >> 18 & 3) {
    case SHORTHAND_SELF:
        if (msg.mode == APIC_FIXED)
            lapic_accept(l, msg.vector, false);
        break;
    case SHORTHAND_ALL:
    case SHORTHAND_OTHERS:
        if (l->bus)
            send_all(l, &msg, (low >> 18 & 3) == SHORTHAND_ALL);
        break;
    default:
        if (l->bus)
            apic_bus_deliver(l->bus, &msg);
        break;
    }
}
