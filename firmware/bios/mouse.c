/* SPDX-License-Identifier: MIT
 * PS/2 pointing device: INT 15h AH=C2h and INT 74h. */
#include "firmware/bios/system.h"

enum { AUX_DATA = 0x21, E_FUNCTION = 1, E_INPUT = 2, E_INTERFACE = 3, E_NO_HANDLER = 5 };

static u32 handler; /* far pointer, 0: none */
static u8 packet[8], packet_len, packet_size = 3;
static bool enabled;

static bool aux_read(u8 *v)
{
    struct deadline d;
    deadline_set(&d, 50000);
    while ((inb(PORT_KBD_STATUS) & AUX_DATA) != AUX_DATA)
        if (deadline_over(&d))
            return false;
    *v = inb(PORT_KBD_DATA);
    return true;
}

static bool aux_command(u8 cmd, u8 *reply, u8 count)
{
    u8 ack;
    if (!kbc_write(PORT_KBD_STATUS, 0xd4) || !kbc_write(PORT_KBD_DATA, cmd) ||
        !aux_read(&ack) || ack != 0xfa)
        return false;
    while (count--)
        if (!aux_read(reply++))
            return false;
    return true;
}

/* Opens the interface: clock on, IRQ 12 on, in controller and PIC. */
static bool aux_open(void)
{
    u8 cb;
    if (!kbc_write(PORT_KBD_STATUS, 0x20) || !kbc_read(&cb) ||
        !kbc_write(PORT_KBD_STATUS, 0x60) || !kbc_write(PORT_KBD_DATA, (cb | 0x02) & (u8)~0x20))
        return false;
    outb(PORT_PIC2_MASK, inb(PORT_PIC2_MASK) & (u8)~0x10);
    return true;
}

static void enable(struct regs *r)
{
    if (r->bh > 1)
        return set_status(r, E_INPUT);
    if (r->bh && !handler)
        return set_status(r, E_NO_HANDLER);
    packet_len = 0;
    if (!aux_open() || !aux_command(r->bh ? 0xf4 : 0xf5, NULL, 0))
        return set_status(r, E_INTERFACE);
    enabled = r->bh;
    set_status(r, 0);
}

static void reset(struct regs *r)
{
    u8 v[2];
    if (!aux_open() || !aux_command(0xff, v, 2))
        return set_status(r, E_INTERFACE);
    enabled = false;
    packet_len = 0;
    r->bl = v[0];
    r->bh = v[1];
    set_status(r, 0);
}

static void command_with_byte(struct regs *r, u8 cmd, u8 v)
{
    bool ok = aux_command(cmd, NULL, 0) && aux_command(v, NULL, 0);
    set_status(r, ok ? 0 : E_INTERFACE);
}

static void sample_rate(struct regs *r)
{
    static const u8 rates[] = {10, 20, 40, 60, 80, 100, 200};
    if (r->bh >= sizeof rates)
        return set_status(r, E_INPUT);
    command_with_byte(r, 0xf3, rates[r->bh]);
}

static void device_id(struct regs *r)
{
    u8 id;
    if (!aux_open() || !aux_command(0xf2, &id, 1))
        return set_status(r, E_INTERFACE);
    r->bh = id;
    set_status(r, 0);
}

static void extended(struct regs *r)
{
    u8 v[3];
    bool ok;
    if (r->bh > 2)
        return set_status(r, E_INPUT);
    if (r->bh)
        ok = aux_command(r->bh == 1 ? 0xe6 : 0xe7, NULL, 0);
    else if ((ok = aux_command(0xe9, v, 3))) {
        r->bl = v[0];
        r->cl = v[1];
        r->dl = v[2];
    }
    set_status(r, ok ? 0 : E_INTERFACE);
}

void int15_mouse(struct regs *r)
{
    switch (r->al) {
    case 0: return enable(r);
    case 1: return reset(r);
    case 2: return sample_rate(r);
    case 3:
        if (r->bh > 3)
            return set_status(r, E_INPUT);
        return command_with_byte(r, 0xe8, r->bh);
    case 4: return device_id(r);
    case 5:
        if (r->bh < 1 || r->bh > 8)
            return set_status(r, E_INPUT);
        packet_size = r->bh;
        return reset(r);
    case 6: return extended(r);
    case 7: handler = (u32)r->es << 16 | r->bx; return set_status(r, 0);
    default: return set_status(r, E_FUNCTION);
    }
}

static void packet_done(void)
{
    u16 words[4] = {packet[0], packet[1], packet[2], packet_size > 3 ? packet[3] : 0};
    packet_len = 0;
    if (handler && enabled)
        mouse_call(handler, words);
}

void int74(struct regs *r)
{
    if ((inb(PORT_KBD_STATUS) & AUX_DATA) != AUX_DATA)
        return eoi2();
    u8 v = inb(PORT_KBD_DATA);
    bool first = packet_len == 0;
    eoi2();
    if (first && packet_size >= 3 && !(v & 8))
        return; /* bit 3 marks a packet's first byte */
    packet[packet_len++] = v;
    if (packet_len >= packet_size)
        packet_done();
}
