/* SPDX-License-Identifier: MIT
 * PS/2 keyboard and mouse: parts of the keyboard controller's instance, which feeds them bytes
 * and takes what they send. */
#ifndef HW_INPUT_PS2_H
#define HW_INPUT_PS2_H

#include "softmmu/input.h"
#include "softmmu/types.h"

#define PS2_QUEUE 64 /* a power of two */

struct ps2_queue {
    uint8_t data[PS2_QUEUE];
    uint8_t head, len;
};

static inline void ps2_queue_clear(struct ps2_queue *q)
{
    *q = (struct ps2_queue){0};
}

/* Drops the byte when the queue is full. */
static inline void ps2_queue_put(struct ps2_queue *q, uint8_t v)
{
    if (q->len < PS2_QUEUE)
        q->data[(q->head + q->len++) % PS2_QUEUE] = v;
}

static inline uint8_t ps2_queue_take(struct ps2_queue *q)
{
    uint8_t v = q->data[q->head % PS2_QUEUE];

    q->data[q->head % PS2_QUEUE] = 0;
    q->head = (q->head + 1) % PS2_QUEUE;
    q->len--;
    return v;
}

struct ps2_kbd {
    struct ps2_queue reply; /* answers to commands go before keys */
    struct ps2_queue keys;
    uint8_t command;  /* waits for its parameter, 0: none */
    uint8_t scan_set; /* 1 to 3 */
    uint8_t leds;     /* bit 0 scroll, 1 num, 2 caps */
    uint8_t rate;     /* typematic; kept for the guest, repeats come from the host */
    uint8_t last;     /* sent, for "resend" */
    bool disabled;    /* no keys are sent */
    bool overrun;     /* the last thing in `keys` says so */
    uint8_t modifiers;
};

void ps2_kbd_reset(struct ps2_kbd *k);
void ps2_kbd_write(struct ps2_kbd *k, uint8_t v);
void ps2_kbd_key(struct ps2_kbd *k, key_code key, bool down);
/* A byte that the keyboard sends; false: none. */
bool ps2_kbd_read(struct ps2_kbd *k, uint8_t *v);
/* Code of set 2 -> what a controller in translation mode makes of it. */
extern const uint8_t ps2_set2_to_set1[0x85];

enum ps2_mouse_mode { MOUSE_STREAM, MOUSE_REMOTE, MOUSE_WRAP };

struct ps2_mouse {
    struct ps2_queue out;
    uint8_t command;       /* waits for its parameter, 0: none */
    uint8_t mode, wrapped; /* ps2_mouse_mode; the one to go back to from wrap */
    bool reporting, twice; /* data reporting in stream mode; scaling 2:1 */
    uint8_t resolution, rate;
    uint8_t id;    /* 0, 3 with a wheel, 4 with five buttons */
    uint8_t knock; /* steps of the sample-rate sequence seen */
    uint8_t last, errors;
    int32_t dx, dy, dz; /* not yet sent: right, down, towards the user */
    uint8_t buttons, sent_buttons;
};

void ps2_mouse_reset(struct ps2_mouse *m);
void ps2_mouse_write(struct ps2_mouse *m, uint8_t v);
/* dx right, dy down, dz towards the user; buttons: INPUT_ set. */
void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz, unsigned buttons);
bool ps2_mouse_read(struct ps2_mouse *m, uint8_t *v);

#endif
