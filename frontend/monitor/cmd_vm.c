/* SPDX-License-Identifier: MIT
 * Commands about the machine as a whole: its state, its names, the monitor itself. */
#include <string.h>

#include "frontend/monitor/mon_int.h"
#include "softmmu/log.h"

/* --- run state ----------------------------------------------------------------------- */

bool cmd_quit(struct mon_call *c, struct err *e)
{
    vm_quit(c->vm, 0, VM_BY_QUIT);
    return true;
}

bool cmd_stop(struct mon_call *c, struct err *e)
{
    vm_pause(c->vm, VM_PAUSED);
    return true;
}

bool cmd_cont(struct mon_call *c, struct err *e)
{
    return vm_resume(c->vm, e);
}

bool cmd_reset(struct mon_call *c, struct err *e)
{
    vm_reset(c->vm, VM_BY_COMMAND);
    return true;
}

bool cmd_powerdown(struct mon_call *c, struct err *e)
{
    vm_powerdown(c->vm);
    return true;
}

bool cmd_status(struct mon_call *c, struct err *e)
{
    enum vm_state s = vm_state(c->vm);
    bool running = s == VM_RUNNING;

    c->ret =
        json_pack("{sbsbss}", "running", running, "singlestep", 0, "status", vm_state_name(s));
    if (running)
        mon_say(c, "VM status: running\n");
    else if (s == VM_PAUSED)
        mon_say(c, "VM status: paused\n");
    else
        mon_say(c, "VM status: paused (%s)\n", vm_state_name(s));
    return true;
}

/* --- names --------------------------------------------------------------------------- */

bool cmd_version(struct mon_call *c, struct err *e)
{
    c->ret = mon_version();
    mon_say(c, MON_VERSION_TEXT " (Mynah " MYNAH_VERSION ")\n");
    return true;
}

/* -name has "guest=" and more beside the name. */
static char *machine_name(const struct opts *o)
{
    const char *text = o->name ? o->name : "";
    char **items = g_strsplit(text, ",", -1), *name = NULL;

    for (char **i = items; *i; i++) {
        if (g_str_has_prefix(*i, "guest="))
            name = *i + 6;
        else if (i == items && !strchr(*i, '='))
            name = *i;
    }
    name = g_strdup(name ? name : "");
    g_strfreev(items);
    return name;
}

bool cmd_name(struct mon_call *c, struct err *e)
{
    char *name = machine_name(vm_opts(c->vm));

    c->ret = json_object();
    if (*name && g_utf8_validate(name, -1, NULL)) {
        json_object_set_new(c->ret, "name", json_string(name));
        mon_say(c, "%s\n", name);
    }
    g_free(name);
    return true;
}

bool cmd_uuid(struct mon_call *c, struct err *e)
{
    const uint8_t *u = vm_opts(c->vm)->uuid;
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            g_string_append_c(text, '-');
        g_string_append_printf(text, "%02x", u[i]);
    }
    c->ret = json_pack("{ss}", "UUID", text->str);
    mon_say(c, "%s\n", text->str);
    g_string_free(text, TRUE);
    return true;
}

bool cmd_kvm(struct mon_call *c, struct err *e)
{
    c->ret = json_pack("{sbsb}", "enabled", 0, "present", 0);
    mon_say(c, "kvm support: not compiled\n");
    return true;
}

bool cmd_target(struct mon_call *c, struct err *e)
{
    c->ret = json_pack("{ss}", "arch", "x86_64");
    return true;
}

bool cmd_machines(struct mon_call *c, struct err *e)
{
    c->ret =
        json_pack("[{sssssisbsbsbsbsssb}]", "name", "pc-i440fx-8.2", "alias", "pc", "cpu-max",
                  1, "hotpluggable-cpus", 0, "numa-mem-supported", 0, "deprecated", 0,
                  "is-default", 1, "default-cpu-type", "qemu64-x86_64-cpu", "acpi", 1);
    return true;
}

bool cmd_iothreads(struct mon_call *c, struct err *e)
{
    c->ret = json_array();
    return true;
}

bool cmd_cpus(struct mon_call *c, struct err *e)
{
    int tid = vm_thread_id(c->vm);

    c->ret = json_pack("[{sisis{sisisi}ssss}]", "thread-id", tid, "cpu-index", 0, "props",
                       "core-id", 0, "thread-id", 0, "socket-id", 0, "qom-path",
                       "/machine/unattached/device[0]", "target", "x86_64");
    mon_say(c, "* CPU #0: thread_id=%d\n", tid);
    return true;
}

bool cmd_chardev(struct mon_call *c, struct err *e)
{
    const struct opts *o = vm_opts(c->vm);

    c->ret = json_array();
    for (unsigned i = 0; i < o->chardevs; i++) {
        struct chr *chr = vm_chr(c->vm, i);
        json_t *name = json_string(chr_filename(chr)), *id = json_string(chr_id(chr));

        json_array_append_new(c->ret,
                              json_pack("{sosbso}", "filename", name ? name : json_string("?"),
                                        "frontend-open", chr_in_use(chr), "label",
                                        id ? id : json_string("?")));
        mon_say(c, "%s: filename=%s\n", chr_id(chr), chr_filename(chr));
    }
    return true;
}

/* --- the monitor itself -------------------------------------------------------------- */

bool cmd_capabilities(struct mon_call *c, struct err *e)
{
    const json_t *enable = json_object_get(c->args, "enable");

    if (!enable || (json_is_array(enable) && json_array_size(enable) == 0))
        return true;
    return err_set(e, "this monitor has no capability that could be enabled");
}

bool cmd_commands(struct mon_call *c, struct err *e)
{
    c->ret = json_array();
    for (unsigned i = 0; i < mon_n_cmds; i++)
        if (mon_cmds[i].qmp)
            json_array_append_new(c->ret, json_pack("{ss}", "name", mon_cmds[i].qmp));
    return true;
}

bool cmd_hmp(struct mon_call *c, struct err *e)
{
    GString *out = g_string_new(NULL);

    if (mon_int(c, "cpu-index", 0) != 0) {
        g_string_free(out, TRUE);
        return err_set(e, "Parameter 'cpu-index' expects a CPU number");
    }
    mon_run_line(c->ms, mon_str(c, "command-line", ""), out);
    for (char *p = out->str; (p = strchr(p, '\n')); p += 2) { /* as a terminal gets it */
        gssize at = p - out->str;

        g_string_insert_c(out, at, '\r');
        p = out->str + at;
    }
    c->ret = json_string(out->str);
    if (!c->ret)
        c->ret = json_string("(the output is not UTF-8)");
    g_string_free(out, TRUE);
    return true;
}

static void help_row(struct mon_call *c, const struct mon_cmd *cmd)
{
    mon_say(c, "%s%s%s -- %s\n", cmd->hmp, *cmd->usage ? " " : "", cmd->usage, cmd->help);
}

bool cmd_help(struct mon_call *c, struct err *e)
{
    const char *name = mon_str(c, "name", ""), *rest;
    bool info = !strcmp(name, "info");
    const struct mon_cmd *one = *name ? mon_find_hmp(name, &rest) : NULL;

    if (one) {
        help_row(c, one);
        return true;
    }
    if (*name && !info)
        return err_set(e, "there is no command '%.100s'", name);
    for (unsigned i = 0; i < mon_n_cmds; i++)
        if (mon_cmds[i].hmp && g_str_has_prefix(mon_cmds[i].hmp, "info ") == info)
            help_row(c, &mon_cmds[i]);
    if (!info)
        mon_say(c, "info SUBJECT -- 'help info' lists the subjects\n");
    return true;
}

bool cmd_log(struct mon_call *c, struct err *e)
{
    const char *items = mon_str(c, "items", ""), *bad;
    unsigned mask = 0;

    if (strcmp(items, "none") && !log_parse_mask(items, &mask, &bad))
        return err_set(e, "unknown log item '%.*s'", (int)strcspn(bad, ","), bad);
    log_set_mask(mask);
    return true;
}
