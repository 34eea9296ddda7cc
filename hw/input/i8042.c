/* SPDX-License-Identifier: MIT
 * IBM PS/2 hardware interface technical reference, "Keyboard and Auxiliary Device
 * Controller" (type 1). The output buffer takes the controller's own answers first, then what
 * the keyboard and the mouse hold back while it is full or their clock is stopped.
 * Left out: password commands, input port polling (C1, C2), transmission times and errors. */
#include "hw/input/i8042.h"

#include <string.h>

#include "softmmu/log.h"

#define STATUS_OBF      0x01
#define STATUS_SYS      0x04
#define STATUS_COMMAND  0x08
#define STATUS_UNLOCKED 0x10
#define STATUS_AUX      0x20

#define CB_IRQ_KBD   0x01
#define CB_IRQ_AUX   0x02
#define CB_SYS       0x04
#define CB_KBD_OFF   0x10
#define CB_AUX_OFF   0x20
#define CB_TRANSLATE 0x40

#define OUT_RESET 0x01 /* active low */
#define OUT_A20   0x02
#define OUT_IRQ1  0x10
#define OUT_IRQ12 0x20

/* --- the output buffer ---------------------------------------------------------------- */

/* The next byte of the keyboard as the controller passes it on; false: none yet. */
static bool from_keyboard(struct kbc *k, uint8_t *v)
{
    while (!(k->ram[0] & CB_KBD_OFF) && ps2_kbd_read(&k->kbd, v)) {
        if (!(k->ram[0] & CB_TRANSLATE))
            return true;
        if (*v == 0xf0) { /* becomes bit 7 of what follows */
            k->breaking = true;
            continue;
        }
        if (*v < sizeof(ps2_set2_to_set1))
            *v = ps2_set2_to_set1[*v] | (k->breaking ? 0x80 : 0);
        k->breaking = false;
        return true;
    }
    return false;
}

static void fill(struct kbc *k)
{
    if (k->full)
        return;
    k->full = true;
    k->source = 0;
    if (k->own.len) {
        k->data = ps2_queue_take(&k->own);
        k->source = ps2_queue_take(&k->own_status);
    } else if (from_keyboard(k, &k->data)) {
        k->source = 0;
    } else if (!(k->ram[0] & CB_AUX_OFF) && ps2_mouse_read(&k->mouse, &k->data)) {
        k->source = STATUS_AUX;
    } else {
        k->full = false;
    }
}

static void kbc_update(struct kbc *k)
{
    bool aux, kbd_level, aux_level;

    fill(k);
    aux = k->source & STATUS_AUX;
    kbd_level = k->full && !aux && (k->ram[0] & CB_IRQ_KBD);
    aux_level = k->full && aux && (k->ram[0] & CB_IRQ_AUX);
    if (kbd_level != k->level_kbd) {
        k->level_kbd = kbd_level;
        irq_set(&k->irq_kbd, kbd_level);
    }
    if (aux_level != k->level_aux) {
        k->level_aux = aux_level;
        irq_set(&k->irq_aux, aux_level);
    }
}

static void push(struct kbc *k, uint8_t data, uint8_t status)
{
    ps2_queue_put(&k->own, data);
    ps2_queue_put(&k->own_status, status);
    kbc_update(k);
}

static uint8_t pop(struct kbc *k)
{
    uint8_t v = k->data;

    k->full = false;
    /* the request drops with the read and rises again for the next byte */
    if (k->level_kbd)
        irq_set(&k->irq_kbd, 0);
    if (k->level_aux)
        irq_set(&k->irq_aux, 0);
    k->level_kbd = k->level_aux = false;
    kbc_update(k);
    return v;
}

/* --- lines of the output port --------------------------------------------------------- */

static bool a20(const struct kbc *k)
{
    return k->get_a20 ? k->get_a20(k->opaque) : k->outport & OUT_A20;
}

static void pulse_reset(struct kbc *k)
{
    if (k->reset_cpu)
        k->reset_cpu(k->opaque);
}

static void write_outport(struct kbc *k, uint8_t v)
{
    k->outport = v;
    if (k->set_a20)
        k->set_a20(k->opaque, v & OUT_A20);
    if (!(v & OUT_RESET))
        pulse_reset(k);
}

/* --- commands ------------------------------------------------------------------------- */

static uint8_t read_outport(const struct kbc *k)
{
    return (k->outport & ~(OUT_A20 | OUT_IRQ1 | OUT_IRQ12)) | (a20(k) ? OUT_A20 : 0) |
           (k->level_kbd ? OUT_IRQ1 : 0) | (k->level_aux ? OUT_IRQ12 : 0);
}

static void set_command_byte(struct kbc *k, uint8_t v)
{
    k->ram[0] = v;
    kbc_update(k);
}

static void command_parameter(struct kbc *k, uint8_t v)
{
    uint8_t command = k->command;

    k->command = 0;
    switch (command) {
    case 0x60 ... 0x7f:
        k->ram[command & 31] = v;
        kbc_update(k);
        break;
    case 0xd1: write_outport(k, v); break;
    case 0xd2: push(k, v, 0); break;
    case 0xd3: push(k, v, STATUS_AUX); break;
    default: /* D4: talking to the mouse enables it */
        k->ram[0] &= ~CB_AUX_OFF;
        ps2_mouse_write(&k->mouse, v);
        kbc_update(k);
        break;
    }
}

static void kbc_command(struct kbc *k, uint8_t v)
{
    k->command = 0;
    switch (v) {
    case 0x20 ... 0x3f: push(k, k->ram[v & 31], 0); break;
    case 0x60 ... 0x7f:
    case 0xd1 ... 0xd4: k->command = v; break;
    case 0xa4: push(k, 0xf1, 0); break; /* no password */
    case 0xa7: set_command_byte(k, k->ram[0] | CB_AUX_OFF); break;
    case 0xa8: set_command_byte(k, k->ram[0] & ~CB_AUX_OFF); break;
    case 0xa9:
    case 0xab: push(k, 0, 0); break; /* port tests: no error */
    case 0xaa:
        k->ram[0] |= CB_SYS;
        push(k, 0x55, 0);
        break;
    case 0xad: set_command_byte(k, k->ram[0] | CB_KBD_OFF); break;
    case 0xae: set_command_byte(k, k->ram[0] & ~CB_KBD_OFF); break;
    case 0xc0: push(k, 0x80, 0); break; /* input port: not locked */
    case 0xd0: push(k, read_outport(k), 0); break;
    case 0xe0: push(k, 0, 0); break;
    case 0xf0 ... 0xff:
        if (!(v & OUT_RESET))
            pulse_reset(k);
        break;
    default: LOG_GUEST("i8042: unknown command 0x%02x", v); break;
    }
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned size)
{
    return pop(opaque);
}

static void data_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct kbc *k = opaque;

    k->last_was_command = false;
    if (k->command) {
        command_parameter(k, value);
        return;
    }
    k->ram[0] &= ~CB_KBD_OFF; /* talking to the keyboard enables it */
    ps2_kbd_write(&k->kbd, value);
    kbc_update(k);
}

static uint64_t status_read(void *opaque, uint64_t offset, unsigned size)
{
    struct kbc *k = opaque;
    uint8_t v = STATUS_UNLOCKED;

    if (k->full)
        v |= STATUS_OBF | k->source;
    if (k->ram[0] & CB_SYS)
        v |= STATUS_SYS;
    if (k->last_was_command)
        v |= STATUS_COMMAND;
    return v;
}

static void command_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct kbc *k = opaque;

    k->last_was_command = true;
    kbc_command(k, value);
}

static void kbc_reset(struct dev *d)
{
    struct kbc *k = (struct kbc *)d;

    memset(k->ram, 0, sizeof(k->ram));
    k->ram[0] = CB_KBD_OFF | CB_AUX_OFF;
    k->command = 0;
    k->outport = OUT_RESET | OUT_A20;
    k->last_was_command = false;
    k->full = k->breaking = false;
    k->data = k->source = 0;
    ps2_queue_clear(&k->own);
    ps2_queue_clear(&k->own_status);
    ps2_kbd_reset(&k->kbd);
    ps2_mouse_reset(&k->mouse);
    k->level_kbd = k->level_aux = false;
    irq_set(&k->irq_kbd, 0);
    irq_set(&k->irq_aux, 0);
}

/* --- input from the host -------------------------------------------------------------- */

static void sink_key(void *opaque, key_code key, bool down)
{
    struct kbc *k = opaque;

    ps2_kbd_key(&k->kbd, key, down);
    kbc_update(k);
}

static void sink_move(void *opaque, int dx, int dy, int dz, unsigned buttons)
{
    struct kbc *k = opaque;

    ps2_mouse_move(&k->mouse, dx, dy, dz, buttons);
    kbc_update(k);
}

struct input_sink kbc_input(struct kbc *k)
{
    return (struct input_sink){.opaque = k, .key = sink_key, .move = sink_move};
}

/* --- tables --------------------------------------------------------------------------- */

#define QUEUE_STATE(T, q) STATE_ARRAY(T, q.data), STATE(T, q.head), STATE(T, q.len)

static const struct state_field kbc_state[] = {
    STATE_ARRAY(struct kbc, ram),
    STATE(struct kbc, command),
    STATE(struct kbc, outport),
    STATE(struct kbc, last_was_command),
    QUEUE_STATE(struct kbc, own),
    QUEUE_STATE(struct kbc, own_status),
    STATE(struct kbc, data),
    STATE(struct kbc, full),
    STATE(struct kbc, source),
    STATE(struct kbc, breaking),
    QUEUE_STATE(struct kbc, kbd.reply),
    QUEUE_STATE(struct kbc, kbd.keys),
    STATE(struct kbc, kbd.command),
    STATE(struct kbc, kbd.scan_set),
    STATE(struct kbc, kbd.leds),
    STATE(struct kbc, kbd.rate),
    STATE(struct kbc, kbd.last),
    STATE(struct kbc, kbd.disabled),
    STATE(struct kbc, kbd.overrun),
    STATE(struct kbc, kbd.modifiers),
    QUEUE_STATE(struct kbc, mouse.out),
    STATE(struct kbc, mouse.command),
    STATE(struct kbc, mouse.mode),
    STATE(struct kbc, mouse.wrapped),
    STATE(struct kbc, mouse.reporting),
    STATE(struct kbc, mouse.twice),
    STATE(struct kbc, mouse.resolution),
    STATE(struct kbc, mouse.rate),
    STATE(struct kbc, mouse.id),
    STATE(struct kbc, mouse.knock),
    STATE(struct kbc, mouse.last),
    STATE(struct kbc, mouse.errors),
    STATE(struct kbc, mouse.dx),
    STATE(struct kbc, mouse.dy),
    STATE(struct kbc, mouse.dz),
    STATE(struct kbc, mouse.buttons),
    STATE(struct kbc, mouse.sent_buttons),
    STATE(struct kbc, level_kbd),
    STATE(struct kbc, level_aux),
    STATE_END,
};

static const struct dev_region kbc_regions[] = {
    {"i8042-data", REGION_PORT, 1, {data_read, data_write, 1, 1}},
    {"i8042-command", REGION_PORT, 1, {status_read, command_write, 1, 1}},
    {0},
};

const struct dev_class kbc_class = {
    .name = "i8042",
    .size = sizeof(struct kbc),
    .state = kbc_state,
    .regions = kbc_regions,
    .reset = kbc_reset,
};
