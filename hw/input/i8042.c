/* SPDX-License-Identifier: MIT
 * IBM PS/2 hardware interface technical reference, "Keyboard and Auxiliary Device
 * Controller" (type 1) and "Keyboards". The keyboard answers every command but has no
 * keys; nothing is plugged into the auxiliary port, so what is sent there comes back as a
 * time-out. Left out: password commands, input port polling (C1, C2), scan codes. */
#include "hw/input/i8042.h"

#include "softmmu/log.h"

#define STATUS_OBF      0x01
#define STATUS_SYS      0x04
#define STATUS_COMMAND  0x08
#define STATUS_UNLOCKED 0x10
#define STATUS_AUX      0x20
#define STATUS_TIMEOUT  0x40

#define CB_IRQ_KBD   0x01
#define CB_IRQ_AUX   0x02
#define CB_SYS       0x04
#define CB_KBD_OFF   0x10
#define CB_AUX_OFF   0x20
#define CB_TRANSLATE 0x40

#define OUT_RESET 0x01 /* active low */
#define OUT_A20   0x02

#define KBD_ACK    0xfa
#define KBD_RESEND 0xfe

static void kbc_update(struct kbc *k)
{
    bool full = k->len, aux = full && (k->queue_status[k->head] & STATUS_AUX);
    bool kbd_level = full && !aux && (k->ram[0] & CB_IRQ_KBD);
    bool aux_level = aux && (k->ram[0] & CB_IRQ_AUX);

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
    unsigned at = (k->head + k->len) % KBC_QUEUE;

    if (k->len == KBC_QUEUE)
        return;
    k->queue[at] = data;
    k->queue_status[at] = status;
    k->len++;
    kbc_update(k);
}

static uint8_t pop(struct kbc *k)
{
    if (!k->len)
        return k->last;
    k->last = k->queue[k->head];
    k->head = (k->head + 1) % KBC_QUEUE;
    k->len--;
    /* the request drops with the read and rises again for the next byte */
    if (k->level_kbd)
        irq_set(&k->irq_kbd, 0);
    if (k->level_aux)
        irq_set(&k->irq_aux, 0);
    k->level_kbd = k->level_aux = false;
    kbc_update(k);
    return k->last;
}

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

/* The second byte of the keyboard's identification, as the controller passes it on. */
static uint8_t translated(const struct kbc *k, uint8_t v)
{
    return (k->ram[0] & CB_TRANSLATE) && v == 0x83 ? 0x41 : v;
}

static void keyboard_parameter(struct kbc *k, uint8_t v)
{
    uint8_t command = k->kbd_command;

    k->kbd_command = 0;
    push(k, KBD_ACK, 0);
    if (command == 0xf0 && !v)
        push(k, k->ram[0] & CB_TRANSLATE ? 0x41 : 2, 0); /* scan code set 2 */
}

static void keyboard_write(struct kbc *k, uint8_t v)
{
    if (k->kbd_command) {
        keyboard_parameter(k, v);
        return;
    }
    switch (v) {
    case 0xee: push(k, 0xee, 0); break; /* echo */
    case 0xed:                          /* LEDs, scan code set, typematic rate */
    case 0xf0:
    case 0xf3:
        k->kbd_command = v;
        push(k, KBD_ACK, 0);
        break;
    case 0xf2: /* identify */
        push(k, KBD_ACK, 0);
        push(k, 0xab, 0);
        push(k, translated(k, 0x83), 0);
        break;
    case 0xf4 ... 0xfa: push(k, KBD_ACK, 0); break;
    case 0xfe: push(k, k->last, 0); break;
    case 0xff: /* reset and self test */
        push(k, KBD_ACK, 0);
        push(k, 0xaa, 0);
        break;
    default: push(k, KBD_RESEND, 0); break;
    }
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
    default: push(k, KBD_RESEND, STATUS_AUX | STATUS_TIMEOUT); break; /* D4 */
    }
}

static void kbc_command(struct kbc *k, uint8_t v)
{
    k->command = 0;
    switch (v) {
    case 0x20 ... 0x3f: push(k, k->ram[v & 31], 0); break;
    case 0x60 ... 0x7f:
    case 0xd1 ... 0xd4: k->command = v; break;
    case 0xa7: k->ram[0] |= CB_AUX_OFF; break;
    case 0xa8: k->ram[0] &= ~CB_AUX_OFF; break;
    case 0xa9:
    case 0xab: push(k, 0, 0); break; /* port tests: no error */
    case 0xaa:
        k->ram[0] |= CB_SYS;
        push(k, 0x55, 0);
        break;
    case 0xad: k->ram[0] |= CB_KBD_OFF; break;
    case 0xae: k->ram[0] &= ~CB_KBD_OFF; break;
    case 0xc0: push(k, 0x80, 0); break; /* input port: not locked */
    case 0xd0: push(k, (k->outport & ~OUT_A20) | (a20(k) ? OUT_A20 : 0), 0); break;
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
    keyboard_write(k, value);
}

static uint64_t status_read(void *opaque, uint64_t offset, unsigned size)
{
    struct kbc *k = opaque;
    uint8_t v = STATUS_UNLOCKED;

    if (k->len)
        v |= STATUS_OBF | k->queue_status[k->head];
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
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(k->ram); i++)
        k->ram[i] = 0;
    k->ram[0] = CB_KBD_OFF | CB_AUX_OFF;
    k->command = k->kbd_command = 0;
    k->outport = OUT_RESET | OUT_A20;
    k->last_was_command = false;
    k->head = k->len = k->last = 0;
    k->level_kbd = k->level_aux = false;
    irq_set(&k->irq_kbd, 0);
    irq_set(&k->irq_aux, 0);
}

static const struct state_field kbc_state[] = {
    STATE_ARRAY(struct kbc, ram),
    STATE(struct kbc, command),
    STATE(struct kbc, outport),
    STATE(struct kbc, last_was_command),
    STATE_KEPT(struct kbc, queue), /* meaningless once len is 0 */
    STATE_KEPT(struct kbc, queue_status),
    STATE(struct kbc, head),
    STATE(struct kbc, len),
    STATE(struct kbc, last),
    STATE(struct kbc, kbd_command),
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
