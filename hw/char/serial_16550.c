/* SPDX-License-Identifier: MIT
 * National PC16550D data sheet (RRD-B30M75). The interrupt output passes the OUT2 gate as
 * on every PC card. Left out: transmit delays (a byte is gone when it is written), parity
 * and framing errors on the line, sending a break. */
#include "hw/char/serial_16550.h"

#include <string.h>

#include "softmmu/log.h"

#define IER_RDA  0x01
#define IER_THRE 0x02
#define IER_LINE 0x04
#define IER_MSR  0x08

#define IIR_NONE    0x01
#define IIR_MODEM   0x00
#define IIR_THRE    0x02
#define IIR_RDA     0x04
#define IIR_LINE    0x06
#define IIR_TIMEOUT 0x0c
#define IIR_FIFOS   0xc0

#define FCR_ENABLE   0x01
#define FCR_CLEAR_RX 0x02
#define FCR_CLEAR_TX 0x04
#define FCR_KEPT     0xc9

#define LCR_DLAB 0x80

#define MCR_DTR  0x01
#define MCR_RTS  0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10

#define LSR_DR         0x01
#define LSR_OE         0x02
#define LSR_BI         0x10
#define LSR_ERRORS     0x1e
#define LSR_THRE       0x20
#define LSR_TEMT       0x40
#define LSR_FIFO_ERROR 0x80

#define MSR_DELTAS    0x0f
#define MSR_TERI      0x04
#define MSR_CTS       0x10
#define MSR_DSR       0x20
#define MSR_RI        0x40
#define MSR_DCD       0x80
#define MSR_CONNECTED (MSR_CTS | MSR_DSR | MSR_DCD)

#define BASE_BAUD 115200u

static bool fifos(const struct serial *s)
{
    return s->fcr & FCR_ENABLE;
}

static unsigned trigger(const struct serial *s)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    return fifos(s) ? levels[s->fcr >> 6] : 1;
}

static uint8_t lsr(const struct serial *s)
{
    uint8_t v = (s->tx_len ? 0 : LSR_THRE | LSR_TEMT) | s->lsr;
    unsigned i;

    if (!s->rx_len)
        return v;
    v |= LSR_DR | s->rx_lsr[s->rx_head];
    for (i = 0; fifos(s) && i < s->rx_len; i++)
        if (s->rx_lsr[(s->rx_head + i) % SERIAL_FIFO])
            v |= LSR_FIFO_ERROR;
    return v;
}

/* The identification of the highest pending and enabled interrupt. */
static uint8_t iir(const struct serial *s)
{
    if ((s->ier & IER_LINE) && (lsr(s) & LSR_ERRORS))
        return IIR_LINE;
    if ((s->ier & IER_RDA) && s->rx_len >= trigger(s))
        return IIR_RDA;
    if ((s->ier & IER_RDA) && s->timeout_pending)
        return IIR_TIMEOUT;
    if ((s->ier & IER_THRE) && s->thre_pending)
        return IIR_THRE;
    if ((s->ier & IER_MSR) && (s->msr & MSR_DELTAS))
        return IIR_MODEM;
    return IIR_NONE;
}

static void serial_update(struct serial *s)
{
    bool level = iir(s) != IIR_NONE && (s->mcr & MCR_OUT2);

    if (level != s->irq_level) {
        s->irq_level = level;
        irq_set(&s->irq, level);
    }
}

/* Restarts the character timeout: four character times of ten bits (8.4, FIFO mode). */
static void restart_timeout(struct serial *s)
{
    uint64_t bit = NS_PER_S / BASE_BAUD * (s->divisor ? s->divisor : 1);

    s->timeout_pending = false;
    if (fifos(s) && s->rx_len)
        event_schedule(s->dev.env->clock, &s->timeout, dev_now(&s->dev) + 40 * bit);
    else
        event_cancel(s->dev.env->clock, &s->timeout);
}

static void timeout_event(void *opaque, uint64_t late_ns)
{
    struct serial *s = opaque;

    s->timeout_pending = s->rx_len != 0;
    serial_update(s);
}

static void rx_push(struct serial *s, uint8_t byte, uint8_t errors)
{
    unsigned room = fifos(s) ? SERIAL_FIFO : 1, at;

    if (s->rx_len >= room) {
        s->lsr |= LSR_OE;
        if (fifos(s))
            return; /* the shift register is overwritten, the FIFO is not */
        s->rx_len = 0;
    }
    at = (s->rx_head + s->rx_len) % SERIAL_FIFO;
    s->rx[at] = byte;
    s->rx_lsr[at] = errors;
    s->rx_len++;
    restart_timeout(s);
}

static void rx_clear(struct serial *s)
{
    s->rx_len = 0;
    restart_timeout(s);
}

static size_t can_receive(void *opaque)
{
    struct serial *s = opaque;

    if (s->mcr & MCR_LOOP)
        return 0;
    return (fifos(s) ? SERIAL_FIFO : 1u) - s->rx_len;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct serial *s = opaque;

    while (n--)
        rx_push(s, *buf++, 0);
    serial_update(s);
}

static void receive_break(void *opaque)
{
    struct serial *s = opaque;

    if (!can_receive(s))
        return;
    rx_push(s, 0, LSR_BI);
    serial_update(s);
}

/* Sets the modem inputs, with the delta bits for what changed. */
static void set_modem(struct serial *s, uint8_t lines)
{
    uint8_t changed = (s->msr ^ lines) & 0xf0;

    s->msr = lines | (s->msr & MSR_DELTAS) | (changed >> 4 & ~MSR_TERI & MSR_DELTAS);
    if ((changed & MSR_RI) && !(lines & MSR_RI))
        s->msr |= MSR_TERI;
}

static void write_mcr(struct serial *s, uint8_t v)
{
    bool was_loop = s->mcr & MCR_LOOP;
    uint8_t lines = s->chr ? MSR_CONNECTED : 0;

    s->mcr = v & 0x1f;
    if (v & MCR_LOOP)
        lines = (v & MCR_RTS ? MSR_CTS : 0) | (v & MCR_DTR ? MSR_DSR : 0) |
                (v & MCR_OUT1 ? MSR_RI : 0) | (v & MCR_OUT2 ? MSR_DCD : 0);
    set_modem(s, lines);
    serial_update(s);
    if (was_loop && !(v & MCR_LOOP))
        chardev_accept_input(s->chr);
}

/* Sends what the back end takes; the rest waits in the FIFO until it takes more. */
static void transmit(struct serial *s)
{
    size_t done = chardev_write(s->chr, s->tx, s->tx_len);

    s->tx_len -= done;
    memmove(s->tx, s->tx + done, s->tx_len);
    s->thre_pending = s->tx_len == 0;
}

static void output_ready(void *opaque)
{
    struct serial *s = opaque;

    if (!s->tx_len)
        return;
    transmit(s);
    serial_update(s);
}

static void write_thr(struct serial *s, uint8_t v)
{
    s->thre_pending = false;
    serial_update(s); /* the interrupt goes away before the next one comes */
    if (s->mcr & MCR_LOOP) {
        rx_push(s, v, 0);
    } else {
        if (s->tx_len < (fifos(s) ? SERIAL_FIFO : 1u))
            s->tx[s->tx_len++] = v; /* else lost: the guest did not look at THRE */
        transmit(s);
        return;
    }
    s->thre_pending = true;
}

static void write_fcr(struct serial *s, uint8_t v)
{
    bool full = !can_receive(s);

    if ((v ^ s->fcr) & FCR_ENABLE) {
        s->fcr = v & FCR_ENABLE;
        rx_clear(s); /* "data is automatically cleared" both ways */
    }
    if (v & FCR_CLEAR_TX)
        s->tx_len = 0;
    if (v & FCR_ENABLE) {
        s->fcr = v & FCR_KEPT;
        if (v & FCR_CLEAR_RX)
            rx_clear(s);
    }
    serial_update(s);
    if (full)
        chardev_accept_input(s->chr);
}

static void write_ier(struct serial *s, uint8_t v)
{
    if ((v & ~s->ier) & IER_THRE)
        s->thre_pending = !s->tx_len; /* the holding register is empty */
    s->ier = v & 0x0f;
}

static void serial_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct serial *s = opaque;
    bool dlab = s->lcr & LCR_DLAB;

    switch (offset) {
    case 0:
        if (dlab)
            s->divisor = (s->divisor & 0xff00) | value;
        else
            write_thr(s, value);
        break;
    case 1:
        if (dlab)
            s->divisor = (s->divisor & 0xff) | value << 8;
        else
            write_ier(s, value);
        break;
    case 2: write_fcr(s, value); break;
    case 3: s->lcr = value; break;
    case 4: write_mcr(s, value); break;
    case 7: s->scr = value; break;
    default: break; /* LSR and MSR are for factory tests only */
    }
    serial_update(s);
}

static uint8_t read_rbr(struct serial *s)
{
    if (!s->rx_len)
        return s->rbr;
    s->rbr = s->rx[s->rx_head];
    s->rx_head = (s->rx_head + 1) % SERIAL_FIFO;
    s->rx_len--;
    restart_timeout(s);
    serial_update(s);
    if (can_receive(s))
        chardev_accept_input(s->chr);
    return s->rbr;
}

static uint8_t read_iir(struct serial *s)
{
    uint8_t v = iir(s);

    if (v == IIR_THRE)
        s->thre_pending = false;
    return v | (fifos(s) ? IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct serial *s)
{
    uint8_t v = lsr(s);

    s->lsr = 0;
    if (s->rx_len)
        s->rx_lsr[s->rx_head] = 0;
    return v;
}

static uint8_t read_msr(struct serial *s)
{
    uint8_t v = s->msr;

    s->msr &= ~MSR_DELTAS;
    return v;
}

static uint64_t serial_read(void *opaque, uint64_t offset, unsigned size)
{
    struct serial *s = opaque;
    bool dlab = s->lcr & LCR_DLAB;
    uint8_t v;

    switch (offset) {
    case 0: v = dlab ? s->divisor & 0xff : read_rbr(s); break;
    case 1: v = dlab ? s->divisor >> 8 : s->ier; break;
    case 2: v = read_iir(s); break;
    case 3: v = s->lcr; break;
    case 4: v = s->mcr; break;
    case 5: v = read_lsr(s); break;
    case 6: v = read_msr(s); break;
    default: v = s->scr; break;
    }
    serial_update(s);
    return v;
}

static bool serial_realize(struct dev *d, struct err *e)
{
    struct serial *s = (struct serial *)d;

    s->timeout.fn = timeout_event;
    s->timeout.opaque = s;
    chardev_set_front(s->chr, can_receive, receive, receive_break, s);
    chardev_set_output_ready(s->chr, output_ready);
    return true;
}

static void serial_unrealize(struct dev *d)
{
    struct serial *s = (struct serial *)d;

    chardev_set_front(s->chr, NULL, NULL, NULL, NULL);
}

static void serial_reset(struct dev *d)
{
    struct serial *s = (struct serial *)d;

    s->divisor = 0x0c; /* undefined on the chip; 9600 baud */
    s->ier = s->lcr = s->mcr = s->lsr = s->scr = s->fcr = 0;
    s->msr = s->chr ? MSR_CONNECTED : 0;
    s->rx_head = s->rbr = s->tx_len = 0;
    s->thre_pending = false;
    s->irq_level = false;
    irq_set(&s->irq, 0);
    rx_clear(s);
}

static const struct state_field serial_state[] = {
    STATE(struct serial, divisor),
    STATE(struct serial, ier),
    STATE(struct serial, lcr),
    STATE(struct serial, mcr),
    STATE(struct serial, lsr),
    STATE(struct serial, msr),
    STATE(struct serial, scr),
    STATE(struct serial, fcr),
    STATE_ARRAY_KEPT(struct serial, rx), /* meaningless once rx_len is 0 */
    STATE_ARRAY_KEPT(struct serial, rx_lsr),
    STATE(struct serial, rx_head),
    STATE(struct serial, rx_len),
    STATE(struct serial, rbr),
    STATE_ARRAY_KEPT(struct serial, tx), /* meaningless beyond tx_len */
    STATE(struct serial, tx_len),
    STATE(struct serial, thre_pending),
    STATE(struct serial, timeout_pending),
    STATE(struct serial, irq_level),
    STATE_EV(struct serial, timeout),
    STATE_END,
};

static const struct dev_region serial_regions[] = {
    {"serial", REGION_PORT, 8, {serial_read, serial_write, 1, 1}},
    {0},
};

const struct dev_class serial_class = {
    .name = "serial-16550",
    .size = sizeof(struct serial),
    .state = serial_state,
    .regions = serial_regions,
    .realize = serial_realize,
    .reset = serial_reset,
    .unrealize = serial_unrealize,
};
