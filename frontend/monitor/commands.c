/* SPDX-License-Identifier: MIT
 * The table of commands, and their arguments in both languages. */
#include <stdarg.h>
#include <string.h>

#include "frontend/monitor/mon_int.h"

const struct mon_cmd mon_cmds[] = {
    {NULL, "help|?", "name:S?", cmd_help, ON_MAIN, "[COMMAND]", "this list, or one command"},
    {"quit", "quit|q", "", cmd_quit, ON_MAIN, "", "end the machine"},
    {"stop", "stop|s", "", cmd_stop, ON_MAIN, "", "pause the machine"},
    {"cont", "cont|c", "", cmd_cont, ON_MAIN, "", "let it go on"},
    {"system_reset", "system_reset", "", cmd_reset, ON_MAIN, "", "reset the machine"},
    {"system_powerdown", "system_powerdown", "", cmd_powerdown, ON_CPU, "",
     "press the power button"},
    {"inject-nmi", "nmi", "cpu:i?", cmd_nmi, ON_CPU, "[CPU]", "send an NMI"},
    {"send-key", NULL, "keys:a,hold-time:i?", cmd_send_key, ON_CPU, NULL, NULL},
    {NULL, "sendkey", "keys:s,hold-time:i?", cmd_sendkey, ON_CPU, "KEY[-KEY...] [MS]",
     "press keys together, such as ctrl-alt-delete"},
    {"input-send-event", NULL, "events:a,device:s?,head:i?", cmd_input_event, ON_CPU, NULL,
     NULL},
    {NULL, "mouse_move", "dx:s,dy:s,dz:s?", cmd_mouse_move, ON_CPU, "DX DY [DZ]",
     "move the mouse, turn its wheel"},
    {NULL, "mouse_button", "state:i", cmd_mouse_button, ON_CPU, "STATE",
     "buttons held: 1 left, 2 middle, 4 right"},
    {"screendump", "screendump", "filename:s,format:o?,device:s?,head:i?", cmd_screendump,
     ON_CPU, "FILE [-f png|ppm]", "write the screen to a file"},
    {"eject", "eject", "force:f?,device:s?,id:s?", cmd_eject, ON_CPU, "[-f] DEVICE",
     "take the medium out (-f: even if the guest has locked the tray)"},
    {NULL, "change", "force:f?,device:s,filename:s,format:s?,read-only-mode:s?", cmd_change,
     ON_CPU, "[-f] DEVICE FILE [FORMAT [retain|read-only|read-write]]",
     "put another medium in"},
    {"blockdev-change-medium", NULL,
     "device:s?,id:s?,filename:s,format:s?,force:b?,read-only-mode:s?", cmd_change, ON_CPU,
     NULL, NULL},
    {"memsave", "memsave", "val:i,size:i,filename:s,cpu-index:i?", cmd_memsave, ON_CPU,
     "ADDRESS SIZE FILE", "write memory to a file, by virtual address"},
    {"pmemsave", "pmemsave", "val:i,size:i,filename:s", cmd_pmemsave, ON_CPU,
     "ADDRESS SIZE FILE", "write memory to a file, by physical address"},

    {NULL, "x", "fmt:m?,address:i", cmd_x, ON_CPU, "/FMT ADDRESS",
     "show memory: count, x d u o c or i (instructions), b h w g; x/10i $rip"},
    {NULL, "xp", "fmt:m?,address:i", cmd_xp, ON_CPU, "/FMT ADDRESS",
     "the same by physical address"},
    {NULL, "print|p", "fmt:m?,value:i", cmd_print, ON_CPU, "/FMT EXPRESSION",
     "value of an expression"},
    {NULL, "gva2gpa", "address:i", cmd_gva2gpa, ON_CPU, "ADDRESS",
     "physical address of a virtual one"},
    {NULL, "i", "fmt:m?,port:i,index:i?", cmd_in, ON_CPU, "/FMT PORT [INDEX]",
     "read a port (after writing INDEX to it)"},
    {NULL, "o", "fmt:m?,port:i,value:i", cmd_out, ON_CPU, "/FMT PORT VALUE", "write a port"},
    {NULL, "log", "items:s", cmd_log, ON_MAIN, "ITEM[,ITEM...]|none", "what is logged (-d)"},
    {NULL, "cpu", "index:i", cmd_cpu, ON_CPU, "INDEX", "choose the CPU of the other commands"},

    {NULL, "info version", "", cmd_version, ON_MAIN, "", "version"},
    {NULL, "info status", "", cmd_status, ON_MAIN, "", "run state"},
    {NULL, "info name", "", cmd_name, ON_MAIN, "", "name of the machine"},
    {NULL, "info uuid", "", cmd_uuid, ON_MAIN, "", "UUID of the machine"},
    {NULL, "info kvm", "", cmd_kvm, ON_MAIN, "", "whether KVM is used"},
    {NULL, "info cpus", "", cmd_cpus, ON_MAIN, "", "CPUs and their threads"},
    {NULL, "info registers", "all:f?", cmd_registers, ON_CPU, "", "registers of the CPU"},
    {NULL, "info block", "verbose:f?,device:s?", cmd_block, ON_CPU, "", "drives"},
    {NULL, "info blockstats", "", cmd_blockstats, ON_CPU, "", "what drives have transferred"},
    {NULL, "info mem", "", cmd_mem, ON_CPU, "", "mapped virtual memory, as ranges"},
    {NULL, "info tlb", "", cmd_tlb, ON_CPU, "", "mapped virtual memory, page by page"},
    {NULL, "info pic", "", cmd_pic, ON_CPU, "", "8259s and I/O APIC"},
    {NULL, "info lapic", "id:i?", cmd_lapic, ON_CPU, "", "local APIC"},
    {NULL, "info irq", "", cmd_irq, ON_CPU, "", "interrupt lines"},
    {NULL, "info mtree", "flat:f?", cmd_mtree, ON_CPU, "", "memory and ports by address"},
    {NULL, "info qtree", "", cmd_qtree, ON_CPU, "", "devices"},
    {NULL, "info pci", "", cmd_pci, ON_CPU, "", "PCI functions"},
    {NULL, "info roms", "", cmd_roms, ON_CPU, "", "what is not RAM in the memory"},
    {NULL, "info chardev", "", cmd_chardev, ON_MAIN, "", "character back ends"},
    {NULL, "info jit", "", cmd_jit, ON_CPU, "", "translator statistics"},

    {"qmp_capabilities", NULL, "enable:a?", cmd_capabilities, ON_MAIN, NULL, NULL},
    {"human-monitor-command", NULL, "command-line:s,cpu-index:i?", cmd_hmp, ON_MAIN, NULL,
     NULL},
    {"query-version", NULL, "", cmd_version, ON_MAIN, NULL, NULL},
    {"query-status", NULL, "", cmd_status, ON_MAIN, NULL, NULL},
    {"query-commands", NULL, "", cmd_commands, ON_MAIN, NULL, NULL},
    {"query-cpus-fast", NULL, "", cmd_cpus, ON_MAIN, NULL, NULL},
    {"query-block", NULL, "", cmd_block, ON_CPU, NULL, NULL},
    {"query-blockstats", NULL, "query-nodes:b?", cmd_blockstats, ON_CPU, NULL, NULL},
    {"query-name", NULL, "", cmd_name, ON_MAIN, NULL, NULL},
    {"query-uuid", NULL, "", cmd_uuid, ON_MAIN, NULL, NULL},
    {"query-kvm", NULL, "", cmd_kvm, ON_MAIN, NULL, NULL},
    {"query-target", NULL, "", cmd_target, ON_MAIN, NULL, NULL},
    {"query-machines", NULL, "", cmd_machines, ON_MAIN, NULL, NULL},
    {"query-chardev", NULL, "", cmd_chardev, ON_MAIN, NULL, NULL},
    {"query-iothreads", NULL, "", cmd_iothreads, ON_MAIN, NULL, NULL},
};
const unsigned mon_n_cmds = G_N_ELEMENTS(mon_cmds);

/* --- finding ------------------------------------------------------------------------- */

const struct mon_cmd *mon_find_qmp(const char *name)
{
    for (unsigned i = 0; i < mon_n_cmds; i++)
        if (mon_cmds[i].qmp && !strcmp(mon_cmds[i].qmp, name))
            return &mon_cmds[i];
    return NULL;
}

static const char *blanks(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

/* Whether the n characters at word are one of "a|b|c". */
static bool is_one_of(const char *names, const char *word, size_t n)
{
    while (*names) {
        size_t k = strcspn(names, "|");

        if (k == n && !strncmp(names, word, n))
            return true;
        names += k + (names[k] == '|');
    }
    return false;
}

const struct mon_cmd *mon_find_hmp(const char *line, const char **rest)
{
    const char *word = blanks(line), *sub;
    size_t n = strcspn(word, " \t/"), k = 0;
    bool info = n == 4 && !strncmp(word, "info", 4);

    sub = blanks(word + n);
    if (info)
        k = strcspn(sub, " \t");
    for (unsigned i = 0; i < mon_n_cmds; i++) {
        const char *names = mon_cmds[i].hmp;

        if (!names || g_str_has_prefix(names, "info ") != info)
            continue;
        if (info ? is_one_of(names + 5, sub, k) : is_one_of(names, word, n)) {
            *rest = info ? sub + k : word + n;
            return &mon_cmds[i];
        }
    }
    return NULL;
}

/* --- arguments ----------------------------------------------------------------------- */

struct spec {
    char name[24], type;
    bool optional;
};

/* The next of cmd->args; false at the end. */
static bool next_spec(const char **args, struct spec *s)
{
    size_t n = strcspn(*args, ":");

    if (!**args)
        return false;
    g_assert(n < sizeof(s->name));
    memcpy(s->name, *args, n);
    s->name[n] = 0;
    s->type = (*args)[n + 1];
    s->optional = (*args)[n + 2] == '?';
    *args += n + 2 + s->optional;
    *args += **args == ',';
    return true;
}

static const char *wrong_type(char type, const json_t *v)
{
    switch (type) {
    case 's':
    case 'o':
    case 'S':
    case 'm': return json_is_string(v) ? NULL : "string";
    case 'i': return json_is_integer(v) ? NULL : "integer";
    case 'b':
    case 'f': return json_is_boolean(v) ? NULL : "boolean";
    default: return NULL;
    }
}

bool mon_check_args(const struct mon_cmd *cmd, json_t *args, struct err *e)
{
    const char *p = cmd->args, *key, *type;
    json_t *v, *left = json_copy(args);
    struct spec s;
    bool ok = true;

    while (ok && next_spec(&p, &s)) {
        v = json_object_get(left, s.name);
        if (!v) {
            ok = s.optional || err_set(e, "Parameter '%s' is missing", s.name);
            continue;
        }
        type = wrong_type(s.type, v);
        if (type)
            ok = err_set(e, "Invalid parameter type for '%s', expected: %s", s.name, type);
        json_object_del(left, s.name);
    }
    if (ok)
        json_object_foreach(left, key, v) ok =
            ok && err_set(e, "Parameter '%.40s' is unexpected", key);
    json_decref(left);
    return ok;
}

/* A word, or "a text" with \" \\ \n. */
static bool take_word(const char **text, GString *word, struct err *e)
{
    const char *p = *text;

    g_string_truncate(word, 0);
    if (*p != '"') {
        size_t n = strcspn(p, " \t");

        g_string_append_len(word, p, (gssize)n);
        *text = p + n;
        return true;
    }
    for (p++; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1]) {
            p++;
            g_string_append_c(word, *p == 'n' ? '\n' : *p);
        } else {
            g_string_append_c(word, *p);
        }
    }
    if (*p != '"')
        return err_set(e, "unterminated string");
    *text = p + 1;
    return true;
}

static void put_text(json_t *args, const char *name, const char *text)
{
    json_t *v = json_string(text);

    json_object_set_new(args, name, v ? v : json_string("")); /* not UTF-8 */
}

static bool take_bool(const char *word, json_t *args, const char *name, struct err *e)
{
    bool on = !strcmp(word, "on");

    if (!on && strcmp(word, "off"))
        return err_set(e, "%s takes on or off, not '%s'", name, word);
    json_object_set_new(args, name, json_boolean(on));
    return true;
}

/* One positional argument out of *text. */
static bool take_arg(struct mon_call *c, const struct spec *s, const char **text, GString *word,
                     struct err *e)
{
    int64_t v;

    switch (s->type) {
    case 'i':
        if (!mon_expr(c->vm, text, &v, e))
            return false;
        json_object_set_new(c->args, s->name, json_integer(v));
        return true;
    case 'S':
        put_text(c->args, s->name, *text);
        *text += strlen(*text);
        return true;
    default:
        if (!take_word(text, word, e))
            return false;
        if (s->type == 'b')
            return take_bool(word->str, c->args, s->name, e);
        put_text(c->args, s->name, word->str);
        return true;
    }
}

/* "-f" and "-f VALUE" in front of the next positional argument. */
static bool take_flags(struct mon_call *c, const struct mon_cmd *cmd, const char **text,
                       GString *word, struct err *e)
{
    const char *p;
    struct spec s;

    while (*text = blanks(*text), (*text)[0] == '-' && g_ascii_isalpha((*text)[1])) {
        bool known = false;

        for (p = cmd->args; !known && next_spec(&p, &s);)
            known = (s.type == 'f' || s.type == 'o') && s.name[0] == (*text)[1];
        if (!known)
            return err_set(e, "unknown option -%c", (*text)[1]);
        *text = blanks(*text + 2);
        if (s.type == 'f') {
            json_object_set_new(c->args, s.name, json_true());
            continue;
        }
        if (!take_word(text, word, e))
            return false;
        put_text(c->args, s.name, word->str);
    }
    return true;
}

static bool has_flags(const struct mon_cmd *cmd)
{
    return strstr(cmd->args, ":f") || strstr(cmd->args, ":o");
}

bool mon_parse_args(struct mon_call *c, const struct mon_cmd *cmd, const char *text,
                    struct err *e)
{
    GString *word = g_string_new(NULL);
    const char *p = cmd->args;
    struct spec s;
    bool ok = true;

    while (ok && next_spec(&p, &s)) {
        if (s.type == 'm') {
            text = *blanks(text) == '/' ? blanks(text) : text;
            size_t n = *text == '/' ? strcspn(text + 1, " \t") + 1 : 0;

            g_string_truncate(word, 0);
            if (n)
                g_string_append_len(word, text + 1, (gssize)n - 1);
            put_text(c->args, s.name, word->str);
            text += n;
            continue;
        }
        ok = !has_flags(cmd) || take_flags(c, cmd, &text, word, e);
        if (!ok || s.type == 'f' || s.type == 'o' || s.type == 'a')
            continue;
        text = blanks(text);
        if (*text)
            ok = take_arg(c, &s, &text, word, e);
        else if (!s.optional)
            ok = err_set(e, "%s is missing: %s %s", s.name, cmd->hmp, cmd->usage);
    }
    if (ok && has_flags(cmd))
        ok = take_flags(c, cmd, &text, word, e);
    if (ok && *blanks(text))
        ok = err_set(e, "'%.40s' is too much: %s %s", blanks(text), cmd->hmp, cmd->usage);
    g_string_free(word, TRUE);
    return ok;
}

const char *mon_str(const struct mon_call *c, const char *name, const char *def)
{
    const json_t *v = json_object_get(c->args, name);

    return v ? json_string_value(v) : def;
}

int64_t mon_int(const struct mon_call *c, const char *name, int64_t def)
{
    const json_t *v = json_object_get(c->args, name);

    return v ? json_integer_value(v) : def;
}

bool mon_bool(const struct mon_call *c, const char *name, bool def)
{
    const json_t *v = json_object_get(c->args, name);

    return v ? json_is_true(v) : def;
}

void mon_say(struct mon_call *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_string_append_vprintf(c->out, fmt, ap);
    va_end(ap);
}

/* --- running ------------------------------------------------------------------------- */

struct job {
    const struct mon_cmd *cmd;
    struct mon_call *call;
    struct err *e;
    bool ok;
};

static void do_job(void *opaque)
{
    struct job *j = opaque;

    j->ok = j->cmd->fn(j->call, j->e);
}

bool mon_run(const struct mon_cmd *cmd, struct mon_call *c, struct err *e)
{
    struct job j = {cmd, c, e, false};

    if (cmd->where == ON_CPU)
        vm_run_on_cpu(c->vm, do_job, &j);
    else
        do_job(&j);
    return j.ok;
}

void mon_run_line(struct monitors *ms, const char *line, GString *out)
{
    struct mon_call c = {.ms = ms, .vm = ms->vm, .out = out};
    const char *rest, *word = blanks(line);
    const struct mon_cmd *cmd;
    struct err e = {""};

    if (!*word || *word == '#')
        return;
    cmd = mon_find_hmp(line, &rest);
    if (!cmd && g_str_has_prefix(word, "info") && !*blanks(word + 4))
        cmd = mon_find_hmp(line = "help info", &rest);
    if (!cmd) {
        g_string_append_printf(out, "unknown command: '%.200s'\n", word);
        return;
    }
    c.args = json_object();
    if (!mon_parse_args(&c, cmd, rest, &e) || !mon_run(cmd, &c, &e))
        g_string_append_printf(out, "Error: %s\n", e.msg);
    json_decref(c.args);
    json_decref(c.ret);
}
