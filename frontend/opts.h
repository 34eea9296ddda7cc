/* SPDX-License-Identifier: MIT
 * The command line, spelled as QEMU's where tools depend on it. Parsing has no
 * side effects beyond printing help: the result is one plain struct. */
#ifndef FRONTEND_OPTS_H
#define FRONTEND_OPTS_H

#include <time.h>

#include "frontend/block/drives.h"
#include "hw/fw/items.h"
#include "softmmu/dev.h"
#include "softmmu/err.h"
#include "softmmu/types.h"

enum chardev_kind {
    CHARDEV_NONE,   /* the guest device does not exist */
    CHARDEV_NULL,   /* output dropped, no input */
    CHARDEV_STDIO,  /* the terminal */
    CHARDEV_FILE,   /* output written to path, no input */
    CHARDEV_PIPE,   /* path.in and path.out, or path both ways */
    CHARDEV_SOCKET, /* path (Unix), host and port (TCP), or fd */
    CHARDEV_PTY,    /* a new pseudo-terminal */
    CHARDEV_SERIAL, /* a serial port or other terminal of the host */
};

struct chardev_opts {
    enum chardev_kind kind;
    const char *id;   /* of -chardev, or made up: "serial0", "compat_monitor0" */
    const char *path; /* FILE, PIPE, SERIAL, SOCKET */
    bool append;      /* FILE: keep what is there */
    bool mux;         /* several front ends share it, Ctrl-A commands are ours */
    bool nosignal;    /* STDIO: Ctrl-C goes to the guest (always so with mux) */

    const char *host, *port; /* SOCKET over TCP; host may be NULL */
    int fd;                  /* SOCKET: inherited descriptor, with neither path nor port */
    bool server, wait;       /* SOCKET: listen; the machine waits for the first client */
    bool nodelay, abstract;  /* SOCKET: TCP_NODELAY; a Linux abstract name */
};

/* A monitor on a back end. */
struct mon_opts {
    int chardev;  /* index */
    bool control; /* QMP, else for people */
    bool pretty;  /* QMP: indented */
};

enum opts_engine { ENGINE_JIT, ENGINE_IR };
enum opts_mmu { MMU_FLAT, MMU_TLB };
enum opts_rtc { RTC_UTC, RTC_LOCALTIME, RTC_DATE };

#define OPTS_RAM_DEFAULT (1ull << 30) /* see README.md */
#define OPTS_SERIALS     4
#define OPTS_CHARDEVS    32
#define OPTS_MONS        8
#define OPTS_DRIVES      64

struct fw_cfg_opts {
    const char *name, *file, *string; /* one of the last two */
};

/* -device of a class in hw/devices.h: the names of properties are known to exist. */
struct opt_prop {
    const char *key, *value;
};
struct device_opts {
    const struct dev_class *cls;
    const char *id; /* or NULL */
    struct opt_prop *prop;
    unsigned props;
    const char *bus;   /* PCI: a bus's name; NULL: pci.0 */
    int devfn;         /* PCI: addr=SLOT[.FN]; -1: the next free slot */
    int channel, unit; /* IDE: bus=ide.N, unit=; -1: the first free one */
    bool multifunction;
    int64_t bootindex;   /* -1: none */
    const char *romfile; /* expansion ROM; NULL: the device's own, "": none */
};

struct opts {
    uint64_t ram_size; /* bytes, a multiple of 8 KiB */
    unsigned cpus;     /* always 1 for now */
    const char *cpu;   /* -cpu text: model and +/-features, or NULL for the default */

    const char *kernel, *initrd; /* paths or NULL */
    const char *append;          /* never NULL */
    struct fw_boot boot;         /* -boot */
    struct smbios_config smbios; /* texts and OEM strings only */
    const char **oem;            /* those strings */
    struct fw_cfg_opts *fw_cfg;
    unsigned fw_cfgs;
    const char *bios;     /* system ROM: path or a name in data_dir, or NULL */
    const char *data_dir; /* -L, or NULL */
    bool no_hpet;         /* -machine hpet=off, -no-hpet */
    bool guest_unpack;    /* -machine unpack=guest: the kernel unpacks itself */

    enum opts_engine engine; /* -accel tcg,engine=ir|jit */
    enum opts_mmu mmu;       /* -accel tcg,mmu=flat|tlb */
    unsigned host_level;     /* -accel tcg,host=x86-64-v2|v3: 2 or 3; 0: all that is there */
    uint32_t tb_size;        /* -accel tcg,tb-size=MIB of translated code; 0: by guest RAM */
    bool icount;             /* -accel tcg,icount=on: count instructions exactly */

    struct chardev_opts chardev[OPTS_CHARDEVS]; /* every back end */
    unsigned chardevs;
    int serial[OPTS_SERIALS]; /* COM1..: index of a back end; -1: there is no such port */
    int debugcon;             /* likewise */
    struct mon_opts mon[OPTS_MONS];
    unsigned mons;
    uint16_t debugcon_port;

    struct drive_opts drive[OPTS_DRIVES]; /* -drive and its like, -blockdev nodes in use */
    unsigned drives;
    struct fdsets fdsets; /* -add-fd */

    bool debug_exit; /* -device isa-debug-exit */
    uint16_t debug_exit_port, debug_exit_size;

    struct device_opts *device; /* in the order given */
    unsigned devices;
    struct dev_default *global; /* -global, in the order given */
    unsigned globals;

    bool nographic;
    bool no_reboot;    /* a guest reset ends the run */
    bool no_shutdown;  /* a guest power-off pauses instead of ending the run */
    bool start_paused; /* -S */

    enum opts_rtc rtc;
    bool rtc_slew;   /* driftfix=slew */
    time_t rtc_date; /* RTC_DATE: seconds since 1970, UTC, at machine start */

    unsigned log_mask;    /* LOG_ set of -d */
    const char *log_file; /* -D, or NULL */

    bool perfmap;        /* -perfmap: tell perf about translated code */
    const char *symbols; /* -symbols: file with names of guest code, or NULL */

    const char *name;    /* -name, or NULL */
    const char *pidfile; /* or NULL */
    uint8_t uuid[16];
    bool has_uuid;
    uint8_t escape; /* -echr: 1 = Ctrl-A, 0 = none */

    struct _GStringChunk *strings; /* owns the copied texts */
};

enum opts_result {
    OPTS_RUN,
    OPTS_DONE,  /* help or version was printed: exit 0 */
    OPTS_ERROR, /* e is set: print it, exit 1 */
};

/* Fills *o; strings live until opts_finish (argv must live as long). */
enum opts_result opts_parse(struct opts *o, int argc, char **argv, struct err *e);
void opts_finish(struct opts *o); /* after any result; zeroed struct allowed */

#endif
