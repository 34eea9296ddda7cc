/* SPDX-License-Identifier: MIT
 * input-send-event, mouse_move, mouse_button: what a person's hands would do, without the
 * timing of send-key. */
#include <string.h>

#include "frontend/monitor/mon_int.h"

#define EVENTS_MAX 64

enum kind { KEY, MOVE, BUTTON };

struct input {
    enum kind kind;
    key_code key;
    bool down;
    unsigned button; /* INPUT_, or 0 for the wheel */
    int dx, dy, dz;
};

static bool parse_key(const json_t *data, struct input *in, struct err *e)
{
    in->kind = KEY;
    in->down = json_is_true(json_object_get(data, "down"));
    return mon_key_of(json_object_get(data, "key"), &in->key, e);
}

static bool parse_button(const json_t *data, struct input *in, struct err *e)
{
    static const struct {
        const char *name;
        unsigned button;
        int wheel;
    } names[] = {{"left", INPUT_LEFT, 0},     {"right", INPUT_RIGHT, 0},
                 {"middle", INPUT_MIDDLE, 0}, {"side", INPUT_SIDE, 0},
                 {"extra", INPUT_EXTRA, 0},   {"wheel-up", 0, -1},
                 {"wheel-down", 0, 1}};
    const char *name = json_string_value(json_object_get(data, "button"));

    in->kind = BUTTON;
    in->down = json_is_true(json_object_get(data, "down"));
    for (unsigned i = 0; name && i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i].name, name))
            continue;
        in->button = names[i].button;
        in->dz = in->down ? names[i].wheel : 0;
        return true;
    }
    return err_set(e, "Parameter 'button' does not accept value '%.40s'", name ? name : "");
}

static bool parse_move(const json_t *data, struct input *in, struct err *e)
{
    const char *axis = json_string_value(json_object_get(data, "axis"));
    json_int_t v = json_integer_value(json_object_get(data, "value"));

    in->kind = MOVE;
    if (!axis || (strcmp(axis, "x") && strcmp(axis, "y")))
        return err_set(e, "Parameter 'axis' takes x or y");
    if (v < -4096 || v > 4096)
        return err_set(e, "a movement is at most 4096");
    *(*axis == 'x' ? &in->dx : &in->dy) = (int)v;
    return true;
}

static bool parse_event(const json_t *v, struct input *in, struct err *e)
{
    const char *type = json_string_value(json_object_get(v, "type"));
    const json_t *data = json_object_get(v, "data");

    *in = (struct input){0};
    if (type && !strcmp(type, "key"))
        return parse_key(data, in, e);
    if (type && !strcmp(type, "btn"))
        return parse_button(data, in, e);
    if (type && !strcmp(type, "rel"))
        return parse_move(data, in, e);
    return err_set(e, "the machine has no input device for events of type '%.40s'",
                   type ? type : "");
}

static bool check_device(struct mon_call *c, const struct input *in, struct err *e)
{
    const struct input_sink *sink = vm_input(c->vm);

    if (in->kind == KEY)
        return sink->key || err_set(e, "the machine has no keyboard");
    return sink->move || err_set(e, "the machine has no mouse");
}

static void send(struct mon_call *c, const struct input *in)
{
    const struct input_sink *sink = vm_input(c->vm);
    unsigned *held = &c->ms->buttons;

    if (in->kind == KEY) {
        sink->key(sink->opaque, in->key, in->down);
        return;
    }
    *held = in->down ? *held | in->button : *held & ~in->button;
    sink->move(sink->opaque, in->dx, in->dy, in->dz, *held);
}

bool cmd_input_event(struct mon_call *c, struct err *e)
{
    const json_t *list = json_object_get(c->args, "events");
    struct input in[EVENTS_MAX];
    size_t n = json_array_size(list);

    if (!json_is_array(list))
        return err_set(e, "Invalid parameter type for 'events', expected: array");
    if (n > EVENTS_MAX)
        return err_set(e, "at most %d events at once", EVENTS_MAX);
    for (size_t i = 0; i < n; i++)
        if (!parse_event(json_array_get(list, i), &in[i], e) || !check_device(c, &in[i], e))
            return false;
    for (size_t i = 0; i < n; i++) /* all or none */
        send(c, &in[i]);
    return true;
}

/* A word each, so that "10 -5" is two numbers. */
static bool distance(struct mon_call *c, const char *name, int *out, struct err *e)
{
    const char *p = mon_str(c, name, "0");
    int64_t v;

    if (!mon_expr(c->vm, &p, &v, e))
        return false;
    if (*p || v < -4096 || v > 4096)
        return err_set(e, "%s is a number of at most 4096", name);
    *out = (int)v;
    return true;
}

bool cmd_mouse_move(struct mon_call *c, struct err *e)
{
    struct input in = {.kind = MOVE};

    if (!distance(c, "dx", &in.dx, e) || !distance(c, "dy", &in.dy, e) ||
        !distance(c, "dz", &in.dz, e) || !check_device(c, &in, e))
        return false;
    send(c, &in);
    return true;
}

/* QEMU's bits: 1 left, 2 middle, 4 right. */
bool cmd_mouse_button(struct mon_call *c, struct err *e)
{
    int64_t state = mon_int(c, "state", 0);
    struct input in = {.kind = BUTTON, .down = true};

    if (!check_device(c, &in, e))
        return false;
    c->ms->buttons = 0;
    in.button = (state & 1 ? INPUT_LEFT : 0) | (state & 2 ? INPUT_MIDDLE : 0) |
                (state & 4 ? INPUT_RIGHT : 0);
    send(c, &in);
    return true;
}
