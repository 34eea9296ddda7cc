/* SPDX-License-Identifier: MIT
 * Monitors and their back ends, events. */
#include <string.h>
#include <sys/time.h>

#include "frontend/monitor/mon_int.h"

/* --- output -------------------------------------------------------------------------- */

void mon_write(struct mon *m, const char *text, size_t n)
{
    const uint8_t *bytes = (const uint8_t *)text;

    if (m->out->len || chardev_write(&m->port->chr, bytes, n) < n)
        g_byte_array_append(m->out, bytes, (guint)n);
}

void mon_puts(struct mon *m, const char *text)
{
    GString *s = g_string_new(NULL);

    for (; *text; text++) {
        if (*text == '\n')
            g_string_append_c(s, '\r');
        g_string_append_c(s, *text);
    }
    if (s->len)
        mon_write(m, s->str, s->len);
    g_string_free(s, TRUE);
}

static void output_ready(void *opaque)
{
    struct mon *m = opaque;

    if (!m->out->len || chardev_write(&m->port->chr, m->out->data, m->out->len) < m->out->len)
        return;
    g_byte_array_set_size(m->out, 0);
    chardev_accept_input(&m->port->chr);
}

/* --- input --------------------------------------------------------------------------- */

/* One byte at a time: a command may fill the output, and then the next one waits. */
static size_t can_receive(void *opaque)
{
    return ((struct mon *)opaque)->out->len ? 0 : 1;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct mon *m = opaque;

    for (size_t i = 0; i < n; i++) {
        if (m->o->control)
            qmp_input(m, buf[i]);
        else
            hmp_input(m, buf[i]);
    }
}

static void port_event(void *opaque, enum chr_event ev)
{
    struct mon *m = opaque;

    switch (ev) {
    case CHR_OPENED:
        if (m->o->control)
            qmp_opened(m);
        else
            hmp_opened(m);
        break;
    case CHR_CLOSED:
        m->negotiated = false;
        g_byte_array_set_size(m->out, 0);
        break;
    case CHR_FOCUS:
        if (!m->o->control)
            hmp_focus(m);
        break;
    }
}

/* --- events -------------------------------------------------------------------------- */

void monitor_event(struct monitors *ms, const char *name, json_t *data)
{
    struct timeval tv;
    json_t *ev;

    if (!ms) {
        json_decref(data);
        return;
    }
    gettimeofday(&tv, NULL);
    ev = json_pack("{s{sIsI}ss}", "timestamp", "seconds", (json_int_t)tv.tv_sec, "microseconds",
                   (json_int_t)tv.tv_usec, "event", name);
    if (data)
        json_object_set_new(ev, "data", data);
    for (unsigned i = 0; i < ms->n; i++)
        if (ms->mon[i].o->control)
            qmp_event(&ms->mon[i], ev);
    json_decref(ev);
}

void monitor_block_io_error(struct monitors *ms, const char *device, const char *op,
                            const char *action, int error)
{
    monitor_event(ms, "BLOCK_IO_ERROR",
                  json_pack("{sssssssbss}", "device", device, "operation", op, "action", action,
                            "nospace", error == ENOSPC, "reason", strerror(error)));
}

static void vm_event(void *opaque, const struct vm_event *ev)
{
    static const char *const names[] = {
        [VM_EV_STOP] = "STOP",         [VM_EV_RESUME] = "RESUME",       [VM_EV_RESET] = "RESET",
        [VM_EV_SHUTDOWN] = "SHUTDOWN", [VM_EV_POWERDOWN] = "POWERDOWN",
    };
    json_t *data = NULL;

    if (ev->kind == VM_EV_RESET || ev->kind == VM_EV_SHUTDOWN)
        data = json_pack("{sbss}", "guest", vm_cause_guest(ev->cause), "reason",
                         vm_cause_name(ev->cause));
    monitor_event(opaque, names[ev->kind], data);
}

/* --- life ---------------------------------------------------------------------------- */

static bool create_one(struct monitors *ms, const struct mon_opts *o, struct err *e)
{
    struct chr *chr = vm_chr(ms->vm, (unsigned)o->chardev);
    struct mon *m = &ms->mon[ms->n];

    if (!chr_has_room(chr)) /* a device has it */
        return err_set(e, "chardev '%s' is in use", chr_id(chr));
    ms->n++;
    m->ms = ms;
    m->o = o;
    m->out = g_byte_array_new();
    m->framer.text = g_string_new(NULL);
    m->port = chr_attach(chr);
    chardev_set_front(&m->port->chr, can_receive, receive, NULL, m);
    chardev_set_output_ready(&m->port->chr, output_ready);
    chr_listen(m->port, port_event, m);
    return true;
}

struct monitors *monitors_create(struct vm *vm, struct err *e)
{
    struct monitors *ms = g_new0(struct monitors, 1);
    const struct opts *o = vm_opts(vm);

    ms->vm = vm;
    ms->keys = mon_keys_create(vm);
    for (unsigned i = 0; i < o->mons; i++)
        if (o->mon[i].chardev >= 0 && !create_one(ms, &o->mon[i], e)) {
            monitors_destroy(ms);
            return NULL;
        }
    vm_on_event(vm, vm_event, ms);
    return ms;
}

void monitors_destroy(struct monitors *ms)
{
    if (!ms)
        return;
    vm_on_event(ms->vm, NULL, NULL);
    for (unsigned i = 0; i < ms->n; i++) {
        struct mon *m = &ms->mon[i];

        chr_listen(m->port, NULL, NULL);
        chardev_set_front(&m->port->chr, NULL, NULL, NULL, NULL);
        if (m->out->len) /* the last words, whatever the limit */
            chardev_write(&m->port->chr, m->out->data, m->out->len);
        g_byte_array_free(m->out, TRUE);
        g_string_free(m->framer.text, TRUE);
        line_destroy(m->line);
    }
    mon_keys_destroy(ms->keys);
    g_free(ms);
}
