/* SPDX-License-Identifier: MIT
 * IBM PS/2 hardware interface technical reference, "PS/2 mouse"; Microsoft's IntelliMouse and
 * Explorer extensions, which a driver knocks for with sample rates 200, 100, 80 and 200,
 * 200, 80. Left out: pacing by the sample rate (a packet goes as soon as there is something to
 * tell). */
#include "hw/input/ps2.h"

#define ACK    0xfa
#define RESEND 0xfe
#define ERROR  0xfc

static void set_defaults(struct ps2_mouse *m)
{
    m->mode = MOUSE_STREAM;
    m->reporting = m->twice = false;
    m->resolution = 2;
    m->rate = 100;
    m->dx = m->dy = m->dz = 0;
}

void ps2_mouse_reset(struct ps2_mouse *m)
{
    *m = (struct ps2_mouse){0};
    set_defaults(m);
}

/* --- packets -------------------------------------------------------------------------- */

/* Takes what one packet can carry out of *sum. */
static int take(int32_t *sum, int low, int high)
{
    int n = *sum < low ? low : *sum > high ? high : *sum;

    *sum -= n;
    return n;
}

static int doubled(int n)
{
    static const uint8_t small[] = {0, 1, 1, 3, 6, 9};
    int size = n < 0 ? -n : n, out = size < 6 ? small[size] : 2 * size;

    out = out > 255 ? 255 : out;
    return n < 0 ? -out : out;
}

static void put_packet(struct ps2_mouse *m)
{
    int dx = take(&m->dx, -127, 127), dy = -take(&m->dy, -127, 127);
    int dz = m->id == 4 ? take(&m->dz, -7, 7) : take(&m->dz, -127, 127);

    if (m->twice && m->mode == MOUSE_STREAM) {
        dx = doubled(dx);
        dy = doubled(dy);
    }
    ps2_queue_put(&m->out, (m->buttons & 7) | 8 | (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0));
    ps2_queue_put(&m->out, dx);
    ps2_queue_put(&m->out, dy);
    if (m->id == 3)
        ps2_queue_put(&m->out, dz);
    else if (m->id == 4)
        ps2_queue_put(&m->out, (dz & 15) | (m->buttons << 1 & 0x30));
    m->sent_buttons = m->buttons;
}

static bool news(const struct ps2_mouse *m)
{
    return m->dx || m->dy || (m->dz && m->id) || m->buttons != m->sent_buttons;
}

static void stream(struct ps2_mouse *m)
{
    while (m->mode == MOUSE_STREAM && m->reporting && news(m) && m->out.len + 4 <= PS2_QUEUE)
        put_packet(m);
}

/* Keeps what piles up while nobody reads within reason. */
static int32_t add(int32_t sum, int n)
{
    int64_t s = (int64_t)sum + n;

    return s < -8192 ? -8192 : s > 8192 ? 8192 : (int32_t)s;
}

void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz, unsigned buttons)
{
    if (m->mode == MOUSE_STREAM && !m->reporting) {
        m->buttons = m->sent_buttons = buttons & 31;
        return;
    }
    m->dx = add(m->dx, dx);
    m->dy = add(m->dy, dy);
    m->dz = add(m->dz, dz);
    m->buttons = buttons & 31;
    stream(m);
}

bool ps2_mouse_read(struct ps2_mouse *m, uint8_t *v)
{
    if (!m->out.len)
        return false;
    *v = m->last = ps2_queue_take(&m->out);
    stream(m);
    return true;
}

/* --- commands ------------------------------------------------------------------------- */

/* Each of 200, 100|200, 80 must follow the one before. */
static void knock(struct ps2_mouse *m, uint8_t rate)
{
    if (rate == 200)
        m->knock = m->knock == 1 ? 3 : 1;
    else if (rate == 100 && m->knock == 1)
        m->knock = 2;
    else {
        if (rate == 80 && m->knock >= 2)
            m->id = m->knock == 2 ? 3 : 4;
        m->knock = 0;
    }
}

static void parameter(struct ps2_mouse *m, uint8_t v)
{
    if (m->command == 0xf3) {
        m->rate = v;
        knock(m, v);
    } else {
        m->resolution = v & 3;
    }
    m->command = 0;
    ps2_queue_put(&m->out, ACK);
}

static void put_status(struct ps2_mouse *m)
{
    unsigned b = m->buttons;

    ps2_queue_put(&m->out, (m->mode == MOUSE_REMOTE ? 0x40 : 0) | (m->reporting ? 0x20 : 0) |
                               (m->twice ? 0x10 : 0) | (b & INPUT_LEFT ? 4 : 0) |
                               (b & INPUT_MIDDLE ? 2 : 0) | (b & INPUT_RIGHT ? 1 : 0));
    ps2_queue_put(&m->out, m->resolution);
    ps2_queue_put(&m->out, m->rate);
}

static void restart(struct ps2_mouse *m)
{
    uint8_t buttons = m->buttons;

    ps2_mouse_reset(m);
    m->buttons = m->sent_buttons = buttons;
    ps2_queue_put(&m->out, ACK);
    ps2_queue_put(&m->out, 0xaa);
    ps2_queue_put(&m->out, 0);
}

static void set_mode(struct ps2_mouse *m, enum ps2_mouse_mode mode)
{
    if (mode == MOUSE_WRAP && m->mode != MOUSE_WRAP)
        m->wrapped = m->mode;
    m->mode = mode;
    m->dx = m->dy = m->dz = 0;
}

/* Commands that are more than an acknowledgement after it. */
static bool command(struct ps2_mouse *m, uint8_t v)
{
    switch (v) {
    case 0xe6: m->twice = false; break;
    case 0xe7: m->twice = true; break;
    case 0xe8:
    case 0xf3: m->command = v; break;
    case 0xe9: put_status(m); break;
    case 0xea: set_mode(m, MOUSE_STREAM); break;
    case 0xeb: put_packet(m); break;
    case 0xec:
        if (m->mode == MOUSE_WRAP)
            set_mode(m, m->wrapped);
        break;
    case 0xee: set_mode(m, MOUSE_WRAP); break;
    case 0xf0: set_mode(m, MOUSE_REMOTE); break;
    case 0xf2: ps2_queue_put(&m->out, m->id); break;
    case 0xf4: m->reporting = true; break;
    case 0xf5: m->reporting = false; break;
    case 0xf6: set_defaults(m); break;
    default: return false;
    }
    return true;
}

void ps2_mouse_write(struct ps2_mouse *m, uint8_t v)
{
    if (m->mode == MOUSE_WRAP && v != 0xec && v != 0xff) {
        ps2_queue_put(&m->out, v);
        return;
    }
    if (v == 0xff) {
        restart(m);
        return;
    }
    if (v == 0xfe) {
        ps2_queue_put(&m->out, m->last);
        return;
    }
    ps2_queue_clear(&m->out); /* a command ends the packet being sent */
    if (m->command) {
        parameter(m, v);
        return;
    }
    ps2_queue_put(&m->out, ACK);
    if (command(m, v)) {
        m->errors = 0;
        return;
    }
    ps2_queue_clear(&m->out);
    ps2_queue_put(&m->out, m->errors ? ERROR : RESEND);
    m->errors = !m->errors;
}
