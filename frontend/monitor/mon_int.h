/* SPDX-License-Identifier: MIT
 * Between the parts of the monitor: the table of commands, calls, the two languages. */
#ifndef FRONTEND_MONITOR_MON_INT_H
#define FRONTEND_MONITOR_MON_INT_H

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#include "frontend/chardev/chr.h"
#include "frontend/monitor/line.h"
#include "frontend/monitor/monitor.h"
#include "frontend/vm.h"

/* One call of a command, whichever language it came in. */
struct mon_call {
    struct monitors *ms;
    struct vm *vm;
    json_t *args;            /* object: what the command's `args` say, types checked */
    json_t *ret;             /* for programs: the result, owned; NULL is {} */
    GString *out;            /* for people: text with \n */
    const char *error_class; /* of a failure; NULL: GenericError */
};

/* False with e set: the command has failed. */
typedef bool mon_fn(struct mon_call *c, struct err *e);

enum mon_where {
    ON_CPU,  /* by vm_run_on_cpu: it may look at registers, guest memory, devices */
    ON_MAIN, /* on the main thread: it pauses, resets, ends the machine */
};

struct mon_cmd {
    const char *qmp; /* name for programs; NULL: not theirs */
    const char
        *hmp; /* names for people, "cont|c"; "info X" for what shows something; or NULL */
    /* "name:type" with commas; a '?' after the type: may be absent. Types: s string, i integer
     * (people: an expression), b bool (on, off), a any JSON, f flag (-n, its first letter), o
     * option (-n VALUE), S the rest of the line, m the /FORMAT of x and its like */
    const char *args;
    mon_fn *fn;
    enum mon_where where;
    const char *usage, *help; /* for people: arguments, one line */
};

extern const struct mon_cmd mon_cmds[];
extern const unsigned mon_n_cmds;

/* commands.c */
const struct mon_cmd *mon_find_qmp(const char *name);
/* The command that a line begins with; *rest: what follows its name. */
const struct mon_cmd *mon_find_hmp(const char *line, const char **rest);
/* Whether c->args fit cmd->args (QMP's words when not). */
bool mon_check_args(const struct mon_cmd *cmd, json_t *args, struct err *e);
/* Fills args from the text behind the command's name. */
bool mon_parse_args(struct mon_call *c, const struct mon_cmd *cmd, const char *text,
                    struct err *e);
/* Runs it where it belongs. */
bool mon_run(const struct mon_cmd *cmd, struct mon_call *c, struct err *e);
/* A line for people, as human-monitor-command gives it: *out gets what it says. */
void mon_run_line(struct monitors *ms, const char *line, GString *out);

/* arguments of a call: the default when absent */
const char *mon_str(const struct mon_call *c, const char *name, const char *def);
int64_t mon_int(const struct mon_call *c, const char *name, int64_t def);
bool mon_bool(const struct mon_call *c, const char *name, bool def);
void mon_say(struct mon_call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* expr.c: an expression over numbers and $registers up to where none goes on; vm may be NULL
 * (no registers). */
bool mon_expr(struct vm *vm, const char **text, int64_t *value, struct err *e);

/* regs.c: the registers of the CPU as people of QEMU know them; a register's value by name. */
void mon_print_regs(struct mon_call *c);
bool mon_reg(struct vm *vm, const char *name, uint64_t *value);

/* paging.c: guest page tables */
enum { MAP_U = 1, MAP_W = 2, MAP_X = 4 };
struct mapping {
    gva va;
    uint64_t size;  /* of the page */
    uint64_t entry; /* leaf entry */
    gpa pa;
    unsigned perm; /* MAP_ set, joined over the levels */
};
/* Calls fn for every page in order until it gives false; false when paging is off. *cut: there
 * are more pages, or more tables than anyone wants to see. */
bool mon_each_page(struct vm *vm, bool (*fn)(void *opaque, const struct mapping *m),
                   void *opaque, bool *cut);

/* keys.c: holds keys down for a time, then lets them go. */
struct mon_keys;
struct mon_keys *mon_keys_create(struct vm *vm);
void mon_keys_destroy(struct mon_keys *k);
/* {"type": "qcode", "data": "a"} or {"type": "number", "data": 30} */
bool mon_key_of(const json_t *v, key_code *key, struct err *e);

enum { MON_FRAME_MAX = 1 << 20 };

/* qmp.c: cuts a stream of bytes into JSON values. */
struct qmp_framer {
    GString *text;  /* the value so far, 'strings' turned into "strings" */
    unsigned depth; /* of { and [ */
    char quote;     /* inside a string: its delimiter */
    bool escaped, too_long;
};
/* True: text is complete, to be cleared by the caller. */
bool qmp_frame_byte(struct qmp_framer *f, uint8_t ch);

/* One monitor. */
struct mon {
    struct monitors *ms;
    const struct mon_opts *o;
    struct chr_port *port;
    GByteArray *out; /* what the back end did not take yet: no commands meanwhile */

    bool negotiated; /* QMP: qmp_capabilities was there */
    struct qmp_framer framer;

    struct line *line; /* for people */
    bool greeted;
};

struct monitors {
    struct vm *vm;
    struct mon mon[OPTS_MONS];
    unsigned n;
    struct mon_keys *keys;
    unsigned buttons; /* of the mouse that are held by commands: INPUT_ set */
};

void mon_write(struct mon *m, const char *text, size_t n); /* as it is */
void mon_puts(struct mon *m, const char *text);            /* \n becomes \r\n */

/* qmp.c */
void qmp_opened(struct mon *m);
void qmp_input(struct mon *m, uint8_t ch);
void qmp_event(struct mon *m, json_t *event); /* borrowed */
/* hmp.c */
void hmp_opened(struct mon *m);
void hmp_focus(struct mon *m);
void hmp_input(struct mon *m, uint8_t ch);

/* What tools read out of query-version and the greeting. */
json_t *mon_version(void);
#define MON_VERSION_TEXT "8.2.0"

/* commands by file */
mon_fn cmd_quit, cmd_stop, cmd_cont, cmd_reset, cmd_powerdown, cmd_capabilities, cmd_hmp,
    cmd_version, cmd_status, cmd_commands, cmd_cpus, cmd_name, cmd_uuid, cmd_machines, cmd_kvm,
    cmd_target, cmd_chardev, cmd_help, cmd_log, cmd_iothreads;                /* cmd_vm.c */
mon_fn cmd_registers, cmd_nmi, cmd_jit, cmd_pic, cmd_lapic, cmd_irq, cmd_cpu; /* cmd_cpu.c */
mon_fn cmd_x, cmd_xp, cmd_print, cmd_in, cmd_out, cmd_gva2gpa, cmd_memsave, cmd_pmemsave,
    cmd_mem, cmd_tlb;                                     /* cmd_mem.c */
mon_fn cmd_pci, cmd_qtree, cmd_mtree, cmd_roms;           /* cmd_dev.c */
mon_fn cmd_block, cmd_blockstats, cmd_eject, cmd_change;  /* cmd_block.c */
mon_fn cmd_input_event, cmd_mouse_move, cmd_mouse_button; /* cmd_input.c */
mon_fn cmd_screendump;                                    /* cmd_screen.c */
mon_fn cmd_send_key, cmd_sendkey;                         /* keys.c */

#endif
