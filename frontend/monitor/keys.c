/* SPDX-License-Identifier: MIT
 * send-key and sendkey: keys go down together, stay down for the hold time, go up in reverse
 * order. What comes meanwhile waits for its turn. Time is the machine's own. */
#include <string.h>

#include "frontend/monitor/mon_int.h"
#include "softmmu/clock.h"

#define HOLD_MS   100
#define QUEUE_MAX 1024
#define CHORD_MAX 16

struct step {
    key_code key; /* 0: only the pause */
    bool down;
    uint64_t pause; /* ns after it */
};

struct mon_keys {
    struct vm *vm;
    struct event timer;
    struct step queue[QUEUE_MAX]; /* ring */
    unsigned head, len;
};

/* Sends what is due; the timer is queued while a pause lasts. */
static void run_queue(struct mon_keys *k)
{
    const struct input_sink *sink = vm_input(k->vm);

    while (k->len && !k->timer.queued) {
        struct step *s = &k->queue[k->head];

        k->head = (k->head + 1) % QUEUE_MAX;
        k->len--;
        if (s->key && sink->key)
            sink->key(sink->opaque, s->key, s->down);
        if (s->pause)
            event_schedule(vm_clock(k->vm), &k->timer, clock_now(vm_clock(k->vm)) + s->pause);
    }
}

static void timer_event(void *opaque, uint64_t late_ns)
{
    run_queue(opaque);
}

struct mon_keys *mon_keys_create(struct vm *vm)
{
    struct mon_keys *k = g_new0(struct mon_keys, 1);

    k->vm = vm;
    k->timer.fn = timer_event;
    k->timer.opaque = k;
    return k;
}

void mon_keys_destroy(struct mon_keys *k)
{
    event_cancel(vm_clock(k->vm), &k->timer);
    g_free(k);
}

static void push(struct mon_keys *k, key_code key, bool down, uint64_t pause)
{
    k->queue[(k->head + k->len++) % QUEUE_MAX] = (struct step){key, down, pause};
}

static bool press(struct mon_call *c, const key_code *keys, unsigned n, struct err *e)
{
    int64_t ms = mon_int(c, "hold-time", HOLD_MS);
    struct mon_keys *k = c->ms->keys;

    if (!vm_input(c->vm)->key)
        return err_set(e, "the machine has no keyboard");
    if (ms < 0 || ms > 60000)
        return err_set(e, "the hold time is 0 to 60000 ms");
    if (k->len + 2 * n > QUEUE_MAX)
        return err_set(e, "too many keys wait to be sent");
    for (unsigned i = 0; i < n; i++)
        push(k, keys[i], true, i + 1 < n ? 0 : (uint64_t)ms * 1000000);
    for (unsigned i = n; i-- > 0;)
        push(k, keys[i], false, i ? 0 : (uint64_t)ms * 1000000);
    run_queue(k);
    return true;
}

bool mon_key_of(const json_t *v, key_code *key, struct err *e)
{
    const char *type = json_string_value(json_object_get(v, "type"));
    const json_t *data = json_object_get(v, "data");
    json_int_t n = json_integer_value(data);

    if (type && !strcmp(type, "qcode") && json_is_string(data)) {
        *key = input_key_by_name(json_string_value(data));
        return *key || err_set(e, "Parameter 'data' does not accept value '%.40s'",
                               json_string_value(data));
    }
    if (type && !strcmp(type, "number") && json_is_integer(data) && n > 0 && n < 256) {
        *key = (key_code)n;
        return true;
    }
    return err_set(e, "a key is {\"type\": \"qcode\", \"data\": NAME} or a number");
}

bool cmd_send_key(struct mon_call *c, struct err *e)
{
    const json_t *list = json_object_get(c->args, "keys");
    key_code keys[CHORD_MAX];
    size_t n = json_array_size(list);

    if (!json_is_array(list))
        return err_set(e, "Invalid parameter type for 'keys', expected: array");
    if (n > CHORD_MAX)
        return err_set(e, "at most %d keys at once", CHORD_MAX);
    for (size_t i = 0; i < n; i++)
        if (!mon_key_of(json_array_get(list, i), &keys[i], e))
            return false;
    return !n || press(c, keys, (unsigned)n, e);
}

bool cmd_sendkey(struct mon_call *c, struct err *e)
{
    char **names = g_strsplit(mon_str(c, "keys", ""), "-", -1);
    key_code keys[CHORD_MAX];
    unsigned n = 0;
    bool ok = true;

    for (char **i = names; ok && *i; i++) {
        const char *name = strcmp(*i, "<") ? *i : "less";
        unsigned long number = g_str_has_prefix(name, "0x") ? strtoul(name, NULL, 16) : 0;

        if (n == CHORD_MAX)
            ok = err_set(e, "at most %d keys at once", CHORD_MAX);
        else if (!(keys[n++] =
                       number && number < 256 ? (key_code)number : input_key_by_name(name)))
            ok = err_set(e, "invalid parameter: %.40s", *i);
    }
    ok = ok && press(c, keys, n, e);
    g_strfreev(names);
    return ok;
}
