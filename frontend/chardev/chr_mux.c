/* SPDX-License-Identifier: MIT
 * The keys after the escape character (Ctrl-A), spelled as QEMU's. */
#include <stdio.h>

#include "frontend/chardev/chr_int.h"

static void say_help(struct chr *c)
{
    char key[16], text[400];

    if (c->host->escape < 27)
        snprintf(key, sizeof(key), "Ctrl-%c", '@' + c->host->escape);
    else
        snprintf(key, sizeof(key), "Char-%u", c->host->escape);
    snprintf(text, sizeof(text),
             "\r\n%s H   this help\r\n%s X   end the emulator\r\n%s B   send a break\r\n"
             "%s C   switch between serial port and monitor\r\n%s A   send %s\r\n",
             key, key, key, key, key, key);
    chr_say(c, text);
}

static void next_focus(struct chr *c)
{
    struct chr_port *p;

    if (c->n_ports < 2) {
        chr_say(c, "\r\nmynah: there is no monitor here\r\n");
        return;
    }
    c->focus = (c->focus + 1) % c->n_ports;
    p = &c->port[c->focus];
    if (p->event)
        p->event(p->event_opaque, CHR_FOCUS);
}

/* The key after the escape character; true when the character itself is meant. */
static bool command(struct chr *c, uint8_t ch)
{
    if (ch == c->host->escape || ch == 'a' || ch == 'A')
        return true;
    switch (ch) {
    case 'x':
    case 'X':
        chr_say(c, "\r\nmynah: terminated\r\n");
        if (c->host->quit)
            c->host->quit(c->host->opaque);
        return false;
    case 'b':
    case 'B': chardev_break(&c->port[c->focus].chr); return false;
    case 'c':
    case 'C': next_focus(c); return false;
    default: say_help(c); return false;
    }
}

void chr_mux_input(struct chr *c, const uint8_t *buf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t ch = buf[i];

        if (c->escaped) {
            c->escaped = false;
            if (!command(c, ch))
                continue;
            ch = c->host->escape;
        } else if (c->host->escape && ch == c->host->escape) {
            c->escaped = true;
            continue;
        }
        chr_port_input(&c->port[c->focus], &ch, 1);
    }
}
