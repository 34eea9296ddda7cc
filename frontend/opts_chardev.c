/* SPDX-License-Identifier: MIT
 * Options about character devices and the devices on the ISA bus:
 * -serial -chardev -debugcon -mon -monitor -device -global. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "frontend/opts_int.h"

/* --- back ends ---------------------------------------------------------------- */

/* The short form of -serial and -debugcon. */
static bool parse_short(struct opts_build *b, const char *option, const char *value,
                        struct chardev_ref *ref, struct err *e)
{
    *ref = (struct chardev_ref){0};
    if (!strcmp(value, "none"))
        ref->spec.kind = CHARDEV_NONE;
    else if (!strcmp(value, "null"))
        ref->spec.kind = CHARDEV_NULL;
    else if (!strcmp(value, "stdio"))
        ref->spec = (struct chardev_opts){.kind = CHARDEV_STDIO};
    else if (!strcmp(value, "mon:stdio"))
        ref->spec = (struct chardev_opts){.kind = CHARDEV_STDIO, .mux = true};
    else if (g_str_has_prefix(value, "file:") && value[5])
        ref->spec = (struct chardev_opts){.kind = CHARDEV_FILE, .path = value + 5};
    else if (g_str_has_prefix(value, "chardev:") && value[8])
        ref->id = value + 8;
    else
        return err_set(e,
                       "%s: unknown back end '%s' "
                       "(none, null, stdio, mon:stdio, file:PATH or chardev:ID)",
                       option, value);
    return true;
}

bool opt_serial(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    if (b->serials == OPTS_SERIALS)
        return err_set(e, "-serial: the machine has %d serial ports", OPTS_SERIALS);
    b->has_serial = true;
    return parse_short(b, option, value, &b->serial[b->serials++], e);
}

bool opt_debugcon(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    return parse_short(b, option, value, &b->debugcon, e);
}

bool opt_chardev(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct props ps;
    struct chardev_def d = {0};
    bool signal = true;

    if (!props_parse(b->o, &ps, option, value, "backend", e))
        return false;
    const char *kind = props_take(&ps, "backend");
    d.id = props_take(&ps, "id");
    if (!kind || !d.id || !*d.id)
        return err_set(e, "-chardev %s: a back end and id=NAME are needed", value);
    if (!strcmp(kind, "null")) {
        d.spec.kind = CHARDEV_NULL;
    } else if (!strcmp(kind, "stdio")) {
        d.spec.kind = CHARDEV_STDIO;
        if (!props_take_bool(&ps, "mux", &d.spec.mux, e) ||
            !props_take_bool(&ps, "signal", &signal, e))
            return false;
        d.spec.nosignal = !signal;
    } else if (!strcmp(kind, "file")) {
        d.spec.kind = CHARDEV_FILE;
        d.spec.path = props_take(&ps, "path");
        if (!d.spec.path || !*d.spec.path)
            return err_set(e, "-chardev file: path=FILE is needed");
        if (!props_take_bool(&ps, "append", &d.spec.append, e))
            return false;
    } else {
        return err_set(e, "-chardev: unknown back end '%s' (stdio, file or null)", kind);
    }
    if (!props_end(&ps, e))
        return false;
    for (unsigned i = 0; i < b->chardevs; i++)
        if (!strcmp(b->chardev[i].id, d.id))
            return err_set(e, "-chardev: the id '%s' is taken", d.id);
    if (b->chardevs == CHARDEVS_MAX)
        return err_set(e, "-chardev: too many of them");
    b->chardev[b->chardevs++] = d;
    return true;
}

bool opt_mon(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct props ps;
    if (!props_parse(b->o, &ps, option, value, "chardev", e))
        return false;
    const char *id = props_take(&ps, "chardev"), *mode = props_take(&ps, "mode");
    props_take(&ps, "id");
    if (!id)
        return err_set(e, "-mon: chardev=ID is needed");
    if (mode && strcmp(mode, "readline"))
        return err_set(e, "-mon: mode=%s is not supported yet", mode);
    return props_end(&ps, e);
}

bool opt_monitor(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    if (!strcmp(value, "none") || !strcmp(value, "null"))
        return true;
    return err_set(e, "-monitor %s: there is no monitor yet, only none", value);
}

/* --- devices --------------------------------------------------------------------- */

bool device_debug_exit(struct opts_build *b, struct props *ps, struct err *e)
{
    uint64_t port = 0x501, size = 2;
    if (!props_take_uint(ps, "iobase", 0xffff, &port, e) ||
        !props_take_uint(ps, "iosize", 4, &size, e))
        return false;
    if (size != 1 && size != 2 && size != 4)
        return err_set(e, "isa-debug-exit: iosize takes 1, 2 or 4, not %llu",
                       (unsigned long long)size);
    b->o->debug_exit = true;
    b->o->debug_exit_port = (uint16_t)port;
    b->o->debug_exit_size = (uint16_t)size;
    return true;
}

bool device_debugcon(struct opts_build *b, struct props *ps, struct err *e)
{
    uint64_t port = 0xe9;
    const char *id = props_take(ps, "chardev");
    if (!id)
        return err_set(e, "-device isa-debugcon: chardev=ID is needed");
    props_take(ps, "readback");
    if (!props_take_uint(ps, "iobase", 0xffff, &port, e))
        return false;
    b->debugcon = (struct chardev_ref){.id = id};
    b->o->debugcon_port = (uint16_t)port;
    return true;
}

bool device_serial(struct opts_build *b, struct props *ps, struct err *e)
{
    const char *id = props_take(ps, "chardev");
    uint64_t index = b->serials;
    if (!id)
        return err_set(e, "-device isa-serial: chardev=ID is needed");
    if (!props_take_uint(ps, "index", OPTS_SERIALS - 1, &index, e))
        return false;
    if (index >= OPTS_SERIALS || index < b->serials)
        return err_set(e, "-device isa-serial: that serial port is taken");
    b->has_serial = true;
    b->serial[index] = (struct chardev_ref){.id = id};
    b->serials = (unsigned)index + 1;
    return true;
}

/* Drivers that are not there are none of the guest's business: a warning. */
bool opt_global(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    if (!strpbrk(value, "=") || (!strchr(value, '.') && !strstr(value, "driver=")))
        return err_set(e, "-global: '%s' is not driver.property=value", value);
    fprintf(stderr, "mynah: warning: -global %s: no such property here, ignored\n", value);
    return true;
}

/* --- at the end ---------------------------------------------------------------------- */

static bool resolve(struct opts_build *b, const struct chardev_ref *ref,
                    struct chardev_opts *out, struct err *e)
{
    *out = ref->spec;
    if (!ref->id)
        return true;
    for (unsigned i = 0; i < b->chardevs; i++) {
        if (!strcmp(b->chardev[i].id, ref->id)) {
            *out = b->chardev[i].spec;
            return true;
        }
    }
    return err_set(e, "chardev '%s' is not defined by any -chardev", ref->id);
}

/* Without -serial: the terminal, unless the user wants no devices or no display;
 * there is no window that could show the port instead. */
static struct chardev_ref default_serial(const struct opts_build *b)
{
    struct chardev_ref ref = {.spec = {.kind = CHARDEV_NULL}};
    if (b->nodefaults)
        ref.spec.kind = CHARDEV_NONE;
    else if (b->nographic || !b->display_none)
        ref.spec = (struct chardev_opts){.kind = CHARDEV_STDIO, .mux = true};
    return ref;
}

bool opts_resolve_chardevs(struct opts_build *b, struct err *e)
{
    unsigned terminals = 0;
    if (!b->has_serial)
        b->serial[0] = default_serial(b);
    for (unsigned i = 0; i < OPTS_SERIALS; i++) {
        if (!resolve(b, &b->serial[i], &b->o->serial[i], e))
            return false;
        terminals += b->o->serial[i].kind == CHARDEV_STDIO;
    }
    if (!resolve(b, &b->debugcon, &b->o->debugcon, e))
        return false;
    terminals += b->o->debugcon.kind == CHARDEV_STDIO;
    if (terminals > 1)
        return err_set(e, "stdio cannot serve several devices at once");
    return true;
}
