/* SPDX-License-Identifier: MIT
 * Shared by opts*.c: the parse in progress and "k=v,k=v" property lists. */
#ifndef FRONTEND_OPTS_INT_H
#define FRONTEND_OPTS_INT_H

#include "frontend/opts.h"

enum { PROPS_MAX = 48, ACCELS_MAX = 8 };

struct props {
    const char *option; /* "-machine", for messages */
    struct opt_prop p[PROPS_MAX];
    unsigned n;
};

/* "-serial chardev:ID" may stand before "-chardev ...,id=ID": resolved at the end. */
struct chardev_ref {
    int index;      /* -1: none */
    const char *id; /* not NULL: the -chardev of that id */
};

/* A -blockdev node before its references are followed. */
struct node_def {
    const char *name, *driver, *file; /* file: name of the node below, or NULL */
    struct image_opts image;          /* image.file: of the protocol node */
    bool used;                        /* another node stands on it */
};

struct opts_build {
    struct opts *o;
    enum { VGA_DEFAULT, VGA_STD, VGA_OFF } vga;
    bool nographic, nodefaults, display_none, has_serial, has_monitor;
    struct node_def node[OPTS_DRIVES];
    unsigned nodes;
    bool snapshot;
    unsigned serials;
    struct chardev_ref serial[OPTS_SERIALS], debugcon, mon[OPTS_MONS];
    struct props accel[ACCELS_MAX]; /* in order of preference */
    unsigned accels;
    bool done; /* help was printed */
};

/* Splits "a,k=v,flag" ("," inside a value is written ",,"). The first item may
 * lack "k=": it then belongs to `implied` (NULL: no such thing). A bare later
 * item is "on"; bare "noX" is X=off. Texts are copied into o->strings. */
bool props_parse(struct opts *o, struct props *ps, const char *option, const char *text,
                 const char *implied, struct err *e);
/* Value of key, or NULL; removes it from the list. */
const char *props_take(struct props *ps, const char *key);
/* False, naming the first, when properties are left that nobody took. */
bool props_end(const struct props *ps, struct err *e);
/* Takes "on"/"off" (yes/no, true/false) into *v; absent leaves it alone. */
bool props_take_bool(struct props *ps, const char *key, bool *v, struct err *e);
/* Takes an unsigned number (0x, 0 prefixes) of at most max. */
bool props_take_uint(struct props *ps, const char *key, uint64_t max, uint64_t *v,
                     struct err *e);

/* Options with a grammar of their own (opts_machine.c, opts_backend.c, opts_chardev.c). */
typedef bool opts_fn(struct opts_build *b, const char *option, const char *value,
                     struct err *e);
opts_fn opt_memory, opt_smp, opt_machine, opt_accel, opt_enable_kvm, opt_rtc, opt_uuid,
    opt_echr;
opts_fn opt_serial, opt_chardev, opt_debugcon, opt_mon, opt_monitor, opt_qmp;
opts_fn opt_global; /* opts_global.c */

opts_fn opt_boot, opt_smbios, opt_fw_cfg; /* opts_fw.c */
/* opts_device.c */
opts_fn opt_device, opt_vga;
/* Adds the graphics card that a PC has unless the user says otherwise. */
bool opts_default_vga(struct opts_build *b, struct err *e);
/* -device of parts that the frontend wires itself (opts_chardev.c). */
typedef bool device_fn(struct opts_build *b, struct props *ps, struct err *e);
device_fn device_debug_exit, device_debugcon, device_serial;

/* As -device NAME,KEY=VALUE; texts are kept. */
bool opts_add_device(struct opts_build *b, const char *name, const char *key, const char *value,
                     struct err *e);

/* opts_drive.c, opts_blockdev.c */
opts_fn opt_drive, opt_disk, opt_cdrom, opt_floppy, opt_snapshot, opt_blockdev, opt_add_fd;

/* One JSON object as a property list: members of inner objects and arrays are "outer.inner"
 * and "outer.0" (JSON_FLAT refuses them), true and false "on" and "off", null "". */
enum json_depth { JSON_FLAT, JSON_NESTED };
bool props_parse_json(struct opts *o, struct props *ps, const char *option, const char *text,
                      enum json_depth depth, struct err *e);
/* What -drive and -blockdev share: cache.*, discard, detect-zeroes, locking, aio. */
bool props_take_image(struct props *ps, struct image_opts *img, struct err *e);
/* Snapshot mode, blockdev references, default drives. */
bool opts_resolve_drives(struct opts_build *b, struct err *e);
/* A free place in o->drive, or NULL. */
struct drive_opts *opts_new_drive(struct opts_build *b, const char *option, struct err *e);
bool opts_drive_id_free(struct opts_build *b, const char *option, const char *id,
                        struct err *e);
bool opts_resolve_nodes(struct opts_build *b, struct err *e);

/* Picks the first accelerator of the list that works here. */
bool opts_pick_accel(struct opts_build *b, struct err *e);
/* Defaults and chardev references of serial ports and monitors. */
bool opts_resolve_chardevs(struct opts_build *b, struct err *e);

#endif
