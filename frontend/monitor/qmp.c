/* SPDX-License-Identifier: MIT
 * QMP: greeting, negotiation, commands, events. Spelled as QEMU's protocol, since tools match
 * on names, classes and a few messages. */
#include <string.h>

#include "frontend/monitor/mon_int.h"

/* --- framing ------------------------------------------------------------------------- */

static bool is_blank(uint8_t ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}

static void string_byte(struct qmp_framer *f, uint8_t ch)
{
    if (f->escaped) {
        f->escaped = false;
        if (ch == '\'') { /* needs none in JSON */
            f->text->str[f->text->len - 1] = '\'';
            return;
        }
    } else if (ch == '\\') {
        f->escaped = true;
    } else if (ch == f->quote) {
        f->quote = 0;
        ch = '"';
    } else if (ch == '"') { /* inside '...' */
        g_string_append_c(f->text, '\\');
    }
    g_string_append_c(f->text, (char)ch);
}

bool qmp_frame_byte(struct qmp_framer *f, uint8_t ch)
{
    bool was_outside = f->depth == 0 && !f->quote;

    if (f->text->len >= MON_FRAME_MAX || ch == 0xff) {
        f->too_long = f->text->len >= MON_FRAME_MAX;
        f->depth = 0;
        f->quote = 0;
        f->escaped = false;
        return f->text->len > 0;
    }
    if (f->quote) {
        string_byte(f, ch);
        return false;
    }
    if (was_outside && is_blank(ch))
        return f->text->len > 0; /* a word that is no object */
    if (ch == '"' || ch == '\'') {
        f->quote = (char)ch;
        ch = '"';
    } else if (ch == '{' || ch == '[') {
        f->depth++;
    } else if ((ch == '}' || ch == ']') && f->depth > 0) {
        f->depth--;
    } else if (was_outside && f->text->len == 0 && !ch) {
        return false;
    }
    g_string_append_c(f->text, (char)ch);
    return f->depth == 0 && (ch == '}' || ch == ']');
}

/* --- answers ------------------------------------------------------------------------- */

static void send_json(struct mon *m, const json_t *v)
{
    size_t flags = JSON_ENCODE_ANY | (m->o->pretty ? JSON_INDENT(4) : 0);
    char *text = json_dumps(v, flags);

    if (!text)
        return;
    mon_puts(m, text);
    mon_puts(m, "\n");
    free(text);
}

json_t *mon_version(void)
{
    return json_pack("{s{sisisi}ss}", "qemu", "micro", 0, "minor", 2, "major", 8, "package",
                     "Mynah " MYNAH_VERSION);
}

void qmp_opened(struct mon *m)
{
    json_t *greeting = json_pack("{s{sos[]}}", "QMP", "version", mon_version(), "capabilities");

    m->negotiated = false;
    g_string_truncate(m->framer.text, 0);
    m->framer = (struct qmp_framer){.text = m->framer.text};
    send_json(m, greeting);
    json_decref(greeting);
}

/* Takes ret; id is borrowed, NULL: none. */
static void send_return(struct mon *m, json_t *ret, json_t *id)
{
    json_t *v = json_object();

    json_object_set_new(v, "return", ret ? ret : json_object());
    if (id)
        json_object_set(v, "id", id);
    send_json(m, v);
    json_decref(v);
}

static void send_error(struct mon *m, const char *class, const char *text, json_t *id)
{
    json_t *desc = json_string(text), *v = json_object();

    if (!desc) /* it quotes what is not UTF-8 */
        desc = json_string("Invalid UTF-8 in the command");
    json_object_set_new(
        v, "error", json_pack("{ssso}", "class", class ? class : "GenericError", "desc", desc));
    if (id)
        json_object_set(v, "id", id);
    send_json(m, v);
    json_decref(v);
}

void qmp_event(struct mon *m, json_t *event)
{
    if (m->negotiated && m->out->len < MON_FRAME_MAX) /* a client that does not listen */
        send_json(m, event);
}

/* --- commands ------------------------------------------------------------------------ */

static bool check_members(const json_t *request, struct err *e)
{
    static const char *const known[] = {"execute", "arguments", "id", "control"};
    const char *key;
    json_t *v;

    if (!json_is_object(request))
        return err_set(e, "QMP input must be a JSON object");
    json_object_foreach((json_t *)request, key, v)
    {
        bool ok = false;

        for (unsigned i = 0; i < G_N_ELEMENTS(known); i++)
            ok |= !strcmp(known[i], key);
        if (!ok)
            return err_set(e, "QMP input member '%.40s' is unexpected", key);
    }
    v = json_object_get(request, "execute");
    if (!v)
        return err_set(e, "QMP input lacks member 'execute'");
    if (!json_is_string(v))
        return err_set(e, "QMP input member 'execute' must be a string");
    v = json_object_get(request, "arguments");
    return !v || json_is_object(v) ||
           err_set(e, "QMP input member 'arguments' must be an object");
}

static bool may_run(const struct mon *m, const struct mon_cmd *cmd, struct mon_call *c,
                    const char *name, struct err *e)
{
    bool negotiation = !strcmp(name, "qmp_capabilities");

    c->error_class = "CommandNotFound";
    if (!m->negotiated && !negotiation)
        return err_set(e, "Expecting capabilities negotiation with 'qmp_capabilities'");
    if (m->negotiated && negotiation)
        return err_set(e, "Capabilities negotiation is already complete, command ignored");
    if (!cmd)
        return err_set(e, "The command %.40s has not been found", name);
    c->error_class = NULL;
    return true;
}

static bool execute(struct mon *m, const json_t *request, struct mon_call *c, struct err *e)
{
    const struct mon_cmd *cmd;
    const char *name;

    if (!check_members(request, e))
        return false;
    name = json_string_value(json_object_get(request, "execute"));
    cmd = mon_find_qmp(name);
    c->args = json_object_get(request, "arguments");
    c->args = c->args ? json_incref(c->args) : json_object();
    if (!may_run(m, cmd, c, name, e) || !mon_check_args(cmd, c->args, e) || !mon_run(cmd, c, e))
        return false;
    m->negotiated = true;
    return true;
}

static void handle(struct mon *m, const json_t *request)
{
    struct mon_call c = {.ms = m->ms, .vm = m->ms->vm, .out = g_string_new(NULL)};
    json_t *id = json_is_object(request) ? json_object_get(request, "id") : NULL;
    struct err e = {""};

    if (execute(m, request, &c, &e)) {
        send_return(m, c.ret, id);
        c.ret = NULL;
    } else {
        send_error(m, c.error_class, e.msg, id);
    }
    json_decref(c.args);
    json_decref(c.ret);
    g_string_free(c.out, TRUE);
}

void qmp_input(struct mon *m, uint8_t ch)
{
    struct qmp_framer *f = &m->framer;
    char text[256];
    json_error_t bad;
    json_t *request;

    if (!qmp_frame_byte(f, ch))
        return;
    request =
        f->too_long ? NULL : json_loadb(f->text->str, f->text->len, JSON_DECODE_ANY, &bad);
    if (f->too_long)
        send_error(m, NULL, "JSON parse error, the command is too long", NULL);
    else if (request)
        handle(m, request);
    else
        g_snprintf(text, sizeof(text), "JSON parse error, %.200s", bad.text);
    if (!f->too_long && !request)
        send_error(m, NULL, text, NULL);
    json_decref(request);
    g_string_truncate(f->text, 0);
    f->too_long = false;
}
