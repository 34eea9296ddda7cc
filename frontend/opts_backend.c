/* SPDX-License-Identifier: MIT
 * Options about character back ends and what they serve:
 * -chardev -serial -debugcon -monitor -qmp -mon. */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/opts_int.h"

/* --- the types of -chardev ------------------------------------------------------ */

typedef bool type_fn(struct chardev_opts *d, struct props *ps, struct err *e);

static bool need_path(struct chardev_opts *d, struct props *ps, struct err *e)
{
    d->path = props_take(ps, "path");
    return (d->path && *d->path) || err_set(e, "%s: path=FILE is needed", ps->option);
}

static bool type_plain(struct chardev_opts *d, struct props *ps, struct err *e)
{
    return true;
}

/* A console of the window: there is none, so nobody looks at it. */
static bool type_vc(struct chardev_opts *d, struct props *ps, struct err *e)
{
    static const char *const sizes[] = {"cols", "rows", "width", "height"};

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
        props_take(ps, sizes[i]);
    return true;
}

static bool type_stdio(struct chardev_opts *d, struct props *ps, struct err *e)
{
    bool signal = true;

    if (!props_take_bool(ps, "signal", &signal, e))
        return false;
    d->nosignal = !signal;
    return true;
}

static bool type_file(struct chardev_opts *d, struct props *ps, struct err *e)
{
    return need_path(d, ps, e) && props_take_bool(ps, "append", &d->append, e);
}

static bool number_of_fd(const char *text, int *fd)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    *fd = (int)n;
    return g_ascii_isdigit(*text) && !*end && n <= 1 << 20;
}

static bool type_socket(struct chardev_opts *d, struct props *ps, struct err *e)
{
    static const char *const ignored[] = {"ipv4", "ipv6", "to", "delay", "tight", "mptcp"};
    const char *fd = props_take(ps, "fd"), *reconnect = props_take(ps, "reconnect");
    bool telnet = false, websocket = false;

    d->path = props_take(ps, "path");
    d->host = props_take(ps, "host");
    d->port = props_take(ps, "port");
    d->wait = true;
    d->fd = -1;
    for (unsigned i = 0; i < ARRAY_SIZE(ignored); i++)
        props_take(ps, ignored[i]);
    if (!props_take_bool(ps, "server", &d->server, e) ||
        !props_take_bool(ps, "wait", &d->wait, e) ||
        !props_take_bool(ps, "nodelay", &d->nodelay, e) ||
        !props_take_bool(ps, "abstract", &d->abstract, e) ||
        !props_take_bool(ps, "telnet", &telnet, e) ||
        !props_take_bool(ps, "websocket", &websocket, e))
        return false;
    if (telnet || websocket || (reconnect && strcmp(reconnect, "0")))
        return err_set(e, "%s: %s is not supported", ps->option,
                       telnet      ? "telnet"
                       : websocket ? "websocket"
                                   : "reconnect");
    if (fd && !number_of_fd(fd, &d->fd))
        return err_set(e, "%s: fd=%s is not a descriptor's number", ps->option, fd);
    if ((fd != NULL) + (d->path != NULL) + (d->port != NULL) != 1)
        return err_set(e, "%s: one of path=, port= and fd= is needed", ps->option);
    if (d->path && !*d->path)
        return err_set(e, "%s: path= is empty", ps->option);
    return true;
}

static const struct {
    const char *name;
    enum chardev_kind kind;
    type_fn *fn;
} types[] = {
    {"null", CHARDEV_NULL, type_plain},      {"vc", CHARDEV_NULL, type_vc},
    {"stdio", CHARDEV_STDIO, type_stdio},    {"pty", CHARDEV_PTY, type_plain},
    {"file", CHARDEV_FILE, type_file},       {"pipe", CHARDEV_PIPE, need_path},
    {"serial", CHARDEV_SERIAL, need_path},   {"tty", CHARDEV_SERIAL, need_path},
    {"socket", CHARDEV_SOCKET, type_socket},
};

static bool add(struct opts_build *b, const struct chardev_opts *d, int *index, struct err *e)
{
    struct opts *o = b->o;

    for (unsigned i = 0; i < o->chardevs; i++)
        if (!strcmp(o->chardev[i].id, d->id))
            return err_set(e, "-chardev: the id '%s' is taken", d->id);
    if (o->chardevs == OPTS_CHARDEVS)
        return err_set(e, "-chardev: too many of them");
    *index = (int)o->chardevs;
    o->chardev[o->chardevs++] = *d;
    return true;
}

static bool add_type(struct opts_build *b, const char *type, const char *id, bool mux,
                     struct props *ps, int *index, struct err *e)
{
    struct chardev_opts d = {.id = id, .mux = mux, .fd = -1};

    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        if (strcmp(types[i].name, type))
            continue;
        d.kind = types[i].kind;
        props_take(ps, "logfile"); /* a copy of what is said: not kept */
        props_take(ps, "logappend");
        return props_take_bool(ps, "mux", &d.mux, e) && types[i].fn(&d, ps, e) &&
               props_end(ps, e) && add(b, &d, index, e);
    }
    return err_set(e,
                   "-chardev: unknown back end '%s' "
                   "(stdio, file, pipe, socket, pty, serial or null)",
                   type);
}

bool opt_chardev(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct props ps;
    char title[64];
    int index;

    if (!props_parse(b->o, &ps, option, value, "backend", e))
        return false;
    const char *type = props_take(&ps, "backend"), *id = props_take(&ps, "id");
    if (!type || !id || !*id)
        return err_set(e, "-chardev %s: a back end and id=NAME are needed", value);
    g_snprintf(title, sizeof(title), "-chardev %s", type);
    ps.option = g_string_chunk_insert(b->o->strings, title);
    return add_type(b, type, id, false, &ps, &index, e);
}

/* --- the short form ---------------------------------------------------------------- */

/* "unix:PATH,server,nowait" and "tcp:HOST:PORT,server=on" as properties. */
static bool short_socket(struct opts_build *b, const char *option, const char *text,
                         struct props *ps, struct err *e)
{
    bool tcp = g_str_has_prefix(text, "tcp:");
    const char *colon;

    if (!props_parse(b->o, ps, option, strchr(text, ':') + 1, tcp ? "address" : "path", e))
        return false;
    if (!tcp)
        return true;
    const char *address = props_take(ps, "address");
    colon = address ? strrchr(address, ':') : NULL;
    if (!colon || !colon[1])
        return err_set(e, "%s: '%s' is not tcp:HOST:PORT", option, text);
    if (ps->n + 2 > PROPS_MAX)
        return err_set(e, "%s: too many properties", option);
    if (colon > address)
        ps->p[ps->n++] = (struct opt_prop){
            "host", g_string_chunk_insert_len(b->o->strings, address, colon - address)};
    ps->p[ps->n++] = (struct opt_prop){"port", colon + 1};
    return true;
}

/* The short form of -serial, -monitor and their like. `mux` in: shared anyway. *mon: it
 * began with "mon:". */
static bool parse_short(struct opts_build *b, const char *option, const char *id,
                        const char *value, struct chardev_ref *ref, bool *mon, struct err *e)
{
    static const char *const plain[] = {"null", "stdio", "pty", "vc"};
    static const char *const paths[] = {"file:", "pipe:"};
    struct props ps = {.option = option};
    const char *text = value;
    char type[8];

    *ref = (struct chardev_ref){.index = -1};
    *mon = g_str_has_prefix(value, "mon:");
    if (*mon)
        text += 4;
    if (!strcmp(text, "none"))
        return true;
    if (g_str_has_prefix(text, "chardev:") && text[8]) {
        ref->id = text + 8;
        return true;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(plain); i++)
        if (!strcmp(text, plain[i]) ||
            (!strcmp(plain[i], "vc") && g_str_has_prefix(text, "vc:")))
            return add_type(b, plain[i], id, *mon, &ps, &ref->index, e);
    for (unsigned i = 0; i < ARRAY_SIZE(paths); i++) {
        if (!g_str_has_prefix(text, paths[i]) || !text[5])
            continue;
        ps.p[ps.n++] = (struct opt_prop){"path", text + 5};
        g_strlcpy(type, paths[i], 5);
        return add_type(b, type, id, *mon, &ps, &ref->index, e);
    }
    if (g_str_has_prefix(text, "/dev/")) {
        ps.p[ps.n++] = (struct opt_prop){"path", text};
        return add_type(b, "serial", id, *mon, &ps, &ref->index, e);
    }
    if (g_str_has_prefix(text, "unix:") || g_str_has_prefix(text, "tcp:"))
        return short_socket(b, option, text, &ps, e) &&
               add_type(b, "socket", id, *mon, &ps, &ref->index, e);
    return err_set(e,
                   "%s: unknown back end '%s' (none, null, stdio, mon:stdio, pty, file:PATH, "
                   "pipe:PATH, unix:PATH, tcp:HOST:PORT or chardev:ID)",
                   option, value);
}

static const char *numbered(struct opts_build *b, const char *stem, unsigned n)
{
    char text[32];

    g_snprintf(text, sizeof(text), "%s%u", stem, n);
    return g_string_chunk_insert(b->o->strings, text);
}

/* --- front ends ----------------------------------------------------------------------- */

static bool add_mon(struct opts_build *b, const struct chardev_ref *ref, bool control,
                    bool pretty, struct err *e)
{
    struct opts *o = b->o;

    b->has_monitor = true;
    if (ref->index < 0 && !ref->id)
        return true;
    if (o->mons == OPTS_MONS)
        return err_set(e, "-mon: too many monitors");
    b->mon[o->mons] = *ref;
    o->mon[o->mons++] = (struct mon_opts){-1, control, pretty};
    return true;
}

bool opt_serial(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct chardev_ref *ref = &b->serial[b->serials];
    bool mon;

    if (b->serials == OPTS_SERIALS)
        return err_set(e, "-serial: the machine has %d serial ports", OPTS_SERIALS);
    b->has_serial = true;
    if (!parse_short(b, option, numbered(b, "serial", b->serials), value, ref, &mon, e))
        return false;
    b->serials++;
    return !mon || add_mon(b, ref, false, false, e);
}

bool opt_debugcon(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    bool mon;

    return parse_short(b, option, "debugcon", value, &b->debugcon, &mon, e) &&
           (!mon || add_mon(b, &b->debugcon, false, false, e));
}

static bool short_monitor(struct opts_build *b, const char *option, const char *value,
                          bool control, struct err *e)
{
    struct chardev_ref ref;
    bool mon;

    return parse_short(b, option, numbered(b, "compat_monitor", b->o->mons), value, &ref, &mon,
                       e) &&
           add_mon(b, &ref, control, g_str_has_suffix(option, "-pretty"), e);
}

bool opt_monitor(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    return short_monitor(b, option, value, false, e);
}

bool opt_qmp(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    return short_monitor(b, option, value, true, e);
}

bool opt_mon(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct props ps;
    bool pretty = false;

    if (!props_parse(b->o, &ps, option, value, "chardev", e) ||
        !props_take_bool(&ps, "pretty", &pretty, e))
        return false;
    struct chardev_ref ref = {-1, props_take(&ps, "chardev")};
    const char *mode = props_take(&ps, "mode");
    props_take(&ps, "id");
    if (!ref.id)
        return err_set(e, "-mon: chardev=ID is needed");
    if (mode && strcmp(mode, "readline") && strcmp(mode, "control"))
        return err_set(e, "-mon: mode is readline or control, not '%s'", mode);
    return props_end(&ps, e) && add_mon(b, &ref, mode && *mode == 'c', pretty, e);
}

/* --- at the end ---------------------------------------------------------------------- */

static bool resolve(struct opts_build *b, const struct chardev_ref *ref, int *out,
                    unsigned *users, struct err *e)
{
    struct opts *o = b->o;

    *out = ref->index;
    for (unsigned i = 0; ref->id && i < o->chardevs; i++)
        if (!strcmp(o->chardev[i].id, ref->id))
            *out = (int)i;
    if (*out < 0)
        return !ref->id || err_set(e, "chardev '%s' is not defined by any -chardev", ref->id);
    if (++users[*out] > 1 && !o->chardev[*out].mux)
        return err_set(e, "chardev '%s' is in use (mux=on lets several share it)",
                       o->chardev[*out].id);
    if (users[*out] > 4)
        return err_set(e, "chardev '%s' serves at most 4 devices", o->chardev[*out].id);
    return true;
}

static unsigned terminals(const struct opts *o)
{
    unsigned n = 0;

    for (unsigned i = 0; i < o->chardevs; i++)
        n += o->chardev[i].kind == CHARDEV_STDIO;
    return n;
}

/* Without -serial and -monitor: both on the terminal, unless the user wants no devices or no
 * display; there is no window that could show them instead. */
static bool add_defaults(struct opts_build *b, struct err *e)
{
    bool terminal = b->nographic || (!b->display_none && !terminals(b->o));

    if (b->nodefaults)
        return true;
    if (!b->has_serial)
        return opt_serial(b, "-serial",
                          !terminal        ? "null"
                          : b->has_monitor ? "stdio"
                                           : "mon:stdio",
                          e);
    if (b->nographic && !b->has_monitor && !terminals(b->o))
        return opt_monitor(b, "-monitor", "stdio", e);
    return true;
}

bool opts_resolve_chardevs(struct opts_build *b, struct err *e)
{
    struct opts *o = b->o;
    unsigned users[OPTS_CHARDEVS] = {0};

    if (!add_defaults(b, e))
        return false;
    for (unsigned i = 0; i < OPTS_SERIALS; i++)
        if (!resolve(b, &b->serial[i], &o->serial[i], users, e))
            return false;
    if (!resolve(b, &b->debugcon, &o->debugcon, users, e))
        return false;
    for (unsigned i = 0; i < o->mons; i++)
        if (!resolve(b, &b->mon[i], &o->mon[i].chardev, users, e))
            return false;
    if (terminals(o) > 1)
        return err_set(e, "stdio cannot serve several devices at once");
    return true;
}
