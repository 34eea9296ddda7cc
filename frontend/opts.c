/* SPDX-License-Identifier: MIT
 * The table of options: it drives parsing and prints the help. */
#include "frontend/opts.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "frontend/opts_int.h"
#include "softmmu/log.h"

/* Tools parse the first line of -version and -help by QEMU's pattern and choose
 * their command line after its number. */
#define VERSION_LINE "QEMU emulator version 8.2.0 (Mynah " MYNAH_VERSION ")\n"

enum kind {
    FLAG,   /* sets a bool in struct opts */
    TEXT,   /* stores the argument */
    CALL,   /* fn parses the argument */
    IGNORE, /* accepted, nothing to do here */
    ONLY,   /* accepted with the one argument `only` */
};

struct option {
    const char *name, *arg; /* arg NULL: takes none */
    enum kind kind;
    size_t offset;    /* FLAG, TEXT */
    opts_fn *fn;      /* CALL */
    const char *only; /* ONLY */
    const char *help; /* NULL: an alias, not listed */
};

static opts_fn opt_help, opt_version, opt_log, opt_nographic, opt_nodefaults, opt_display;

#define AT(field) .offset = offsetof(struct opts, field)

static const struct option options[] = {
    {"h", NULL, CALL, .fn = opt_help, .help = "this text"},
    {"help", NULL, CALL, .fn = opt_help},
    {"version", NULL, CALL, .fn = opt_version, .help = "version"},
    {"machine", "pc[,accel=tcg][,unpack=host|guest]", CALL, .fn = opt_machine,
     .help = "board; unpack=guest lets a kernel decompress itself"},
    {"M", "pc[,...]", CALL, .fn = opt_machine},
    {"accel", "tcg[,engine=jit|ir][,mmu=flat|tlb][,icount=on|off][,host=LEVEL][,tb-size=MIB]",
     CALL, .fn = opt_accel, .help = "engine; several -accel are tried in order"},
    {"enable-kvm", NULL, CALL, .fn = opt_enable_kvm},
    {"cpu", "MODEL[,+FEATURE|-FEATURE...]", TEXT, AT(cpu), .help = "CPU model"},
    {"smp", "1", CALL, .fn = opt_smp, .help = "number of CPUs"},
    {"m", "SIZE[K|M|G]", CALL, .fn = opt_memory, .help = "RAM, MiB if no unit is given (1G)"},
    {"kernel", "FILE", TEXT, AT(kernel),
     .help = "bzImage, ELF with PVH note, or multiboot image"},
    {"initrd", "FILE", TEXT, AT(initrd), .help = "initial RAM disk"},
    {"append", "TEXT", TEXT, AT(append), .help = "kernel command line"},
    {"bios", "FILE", TEXT, AT(bios), .help = "system ROM, run from power-on"},
    {"L", "DIR", TEXT, AT(data_dir), .help = "where -bios looks as well"},
    {"drive",
     "file=FILE[,if=ide|virtio|floppy|pflash|none][,format=FORMAT][,index=N]"
     "[,media=disk|cdrom][,id=ID][,readonly=on|off][,snapshot=on|off][,cache=MODE]",
     CALL, .fn = opt_drive, .help = "disk image (raw, qcow2; read only: vmdk, vdi, vpc, vhdx)"},
    {"hda", "FILE", CALL, .fn = opt_disk, .help = "IDE disk; also -hdb, -hdc, -hdd"},
    {"hdb", "FILE", CALL, .fn = opt_disk},
    {"hdc", "FILE", CALL, .fn = opt_disk},
    {"hdd", "FILE", CALL, .fn = opt_disk},
    {"cdrom", "FILE", CALL, .fn = opt_cdrom, .help = "CD-ROM image"},
    {"fda", "FILE", CALL, .fn = opt_floppy, .help = "floppy image; also -fdb"},
    {"fdb", "FILE", CALL, .fn = opt_floppy},
    {"snapshot", NULL, CALL, .fn = opt_snapshot,
     .help = "writes go to temporary files, not to the images"},
    {"blockdev", "driver=DRIVER,node-name=NAME[,file=NODE|file.filename=FILE][,...]", CALL,
     .fn = opt_blockdev, .help = "disk image for -device ...,drive=NAME; also JSON"},
    {"add-fd", "fd=N,set=N[,opaque=TEXT]", CALL, .fn = opt_add_fd,
     .help = "inherited descriptor for /dev/fdset/N"},
    {"nographic", NULL, CALL, .fn = opt_nographic, .help = "serial port on the terminal"},
    {"display", "none", CALL, .fn = opt_display, .help = "no window"},
    {"vga", "std|none", CALL, .fn = opt_vga, .help = "graphics card"},
    {"serial", "BACKEND", CALL, .fn = opt_serial,
     .help = "where a serial port goes: stdio, mon:stdio (with the monitor), null, none, pty,\n"
             "                        file:PATH, pipe:PATH, unix:PATH[,server,nowait],\n"
             "                        tcp:HOST:PORT[,server,nowait], /dev/TTY, chardev:ID"},
    {"parallel", "none", ONLY, .only = "none", .help = "no parallel port"},
    {"monitor", "BACKEND", CALL, .fn = opt_monitor, .help = "monitor for people"},
    {"qmp", "BACKEND", CALL, .fn = opt_qmp, .help = "monitor for programs (QMP)"},
    {"qmp-pretty", "BACKEND", CALL, .fn = opt_qmp},
    {"mon", "[chardev=]ID[,mode=readline|control][,pretty=on|off]", CALL, .fn = opt_mon,
     .help = "monitor on a named back end"},
    {"chardev", "TYPE,id=ID[,PROPERTY=VALUE...]", CALL, .fn = opt_chardev,
     .help = "named back end: stdio, file, pipe, socket, pty, serial or null"},
    {"debugcon", "BACKEND", CALL, .fn = opt_debugcon, .help = "debug console at port 0xe9"},
    {"echr", "N", CALL, .fn = opt_echr, .help = "terminal escape character (1 = Ctrl-A)"},
    {"device", "NAME[,PROPERTY=VALUE...]", CALL, .fn = opt_device,
     .help = "adds a device, also as JSON; '-device help' lists them"},
    {"global", "DRIVER.PROPERTY=VALUE", CALL, .fn = opt_global,
     .help = "another default of a device's property"},
    {"net", "none", ONLY, .only = "none", .help = "no network"},
    {"nic", "none", ONLY, .only = "none", .help = "no network"},
    {"boot", "[order=]acdn[,once=acdn][,menu=on|off][,strict=on|off][,...]", CALL,
     .fn = opt_boot, .help = "boot order: a floppy, c disk, d CD-ROM, n network"},
    {"smbios", "type=0|1|3|11,KEY=TEXT...", CALL, .fn = opt_smbios,
     .help = "texts of the SMBIOS tables"},
    {"fw_cfg", "[name=]NAME,file=PATH|string=TEXT", CALL, .fn = opt_fw_cfg,
     .help = "item for firmware and guest"},
    {"rtc", "[base=utc|localtime|DATE][,driftfix=none|slew]", CALL, .fn = opt_rtc,
     .help = "clock of the machine; slew repeats its lost periodic interrupts"},
    {"no-reboot", NULL, FLAG, AT(no_reboot), .help = "end instead of rebooting"},
    {"no-shutdown", NULL, FLAG, AT(no_shutdown),
     .help = "pause instead of ending at power-off"},
    {"S", NULL, FLAG, AT(start_paused), .help = "do not start the CPU"},
    {"d", "ITEM[,ITEM...]", CALL, .fn = opt_log,
     .help = "log in_asm op out_asm int mmu cpu exec cpu_reset unimp guest_errors"},
    {"D", "FILE", TEXT, AT(log_file), .help = "write the log there"},
    {"perfmap", NULL, FLAG, AT(perfmap), .help = "write /tmp/perf-PID.map for Linux perf"},
    {"symbols", "FILE", TEXT, AT(symbols),
     .help = "names of guest code: vmlinux, System.map, /proc/kallsyms"},
    {"name", "TEXT", TEXT, AT(name), .help = "name of the machine"},
    {"uuid", "UUID", CALL, .fn = opt_uuid, .help = "identity of the machine"},
    {"pidfile", "FILE", TEXT, AT(pidfile), .help = "write the process id there"},
    {"nodefaults", NULL, CALL, .fn = opt_nodefaults, .help = "only the devices asked for"},
    {"no-user-config", NULL, IGNORE, .help = "there is none"},
    {"overcommit", "TEXT", IGNORE},
    {"msg", "TEXT", IGNORE},
    {"sandbox", "TEXT", IGNORE},
    {"no-hpet", NULL, FLAG, AT(no_hpet)},
};

static bool opt_version(struct opts_build *b, const char *option, const char *value,
                        struct err *e)
{
    fputs(VERSION_LINE "Mynah is its own program; the first line has QEMU's form for tools "
                       "that parse it.\n",
          stdout);
    b->done = true;
    return true;
}

static bool opt_help(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    fputs(VERSION_LINE "usage: mynah [options]\n\n"
                       "Runs x86 PC guests by binary translation.\n\n",
          stdout);
    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        const struct option *opt = &options[i];
        if (!opt->help)
            continue;
        int n = printf("-%s%s%s", opt->name, opt->arg ? " " : "", opt->arg ? opt->arg : "");
        printf(n < 24 ? "%*s%s\n" : "\n%*s%s\n", n < 24 ? 24 - n : 24, "", opt->help);
    }
    fputs("\nOn the terminal: Ctrl-A X ends the run, Ctrl-A H lists the other keys.\n", stdout);
    b->done = true;
    return true;
}

static bool opt_log(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    const char *bad;
    unsigned mask;
    if (!log_parse_mask(value, &mask, &bad))
        return err_set(e, "-d: unknown log item '%.*s' (mynah -h lists them)",
                       (int)strcspn(bad, ","), bad);
    b->o->log_mask |= mask;
    return true;
}

static bool opt_nographic(struct opts_build *b, const char *option, const char *value,
                          struct err *e)
{
    b->nographic = b->o->nographic = true;
    return true;
}

static bool opt_nodefaults(struct opts_build *b, const char *option, const char *value,
                           struct err *e)
{
    b->nodefaults = true;
    return true;
}

static bool opt_display(struct opts_build *b, const char *option, const char *value,
                        struct err *e)
{
    if (strcmp(value, "none"))
        return err_set(e, "-display %s: there is no window yet, only none", value);
    b->display_none = true;
    return true;
}

static const struct option *find_option(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
        if (!strcmp(options[i].name, name))
            return &options[i];
    return NULL;
}

static bool apply(struct opts_build *b, const struct option *opt, const char *dashed,
                  const char *value, struct err *e)
{
    char *field = (char *)b->o + opt->offset;
    switch (opt->kind) {
    case FLAG: *(bool *)field = true; return true;
    case TEXT: *(const char **)field = value; return true;
    case CALL: return opt->fn(b, dashed, value, e);
    case IGNORE: return true;
    case ONLY: break;
    }
    return !strcmp(value, opt->only) ||
           err_set(e, "%s %s is not supported, only %s", dashed, value, opt->only);
}

/* Options of QEMU that ask for what is not there. */
static bool not_there(const char *name)
{
    static const char *const names[] = {
        "audio",  "audiodev", "curses",    "daemonize", "fsdev", "gdb",     "incoming",
        "loadvm", "netdev",   "numa",      "object",    "s",     "sdl",     "spice",
        "tpmdev", "usb",      "usbdevice", "virtfs",    "vnc",   "watchdog"};

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(name, names[i]))
            return true;
    }
    return false;
}

static bool parse_all(struct opts_build *b, int argc, char **argv, struct err *e)
{
    for (int i = 1; i < argc && !b->done; i++) {
        const char *dashed = argv[i], *value = NULL;
        if (dashed[0] != '-') {
            if (!opt_disk(b, "-hda", dashed, e))
                return false;
            continue;
        }
        const char *name = dashed + 1 + (dashed[1] == '-');
        const struct option *opt = find_option(name);
        if (!opt && not_there(name))
            return err_set(e, "%s is not supported yet", dashed);
        if (!opt)
            return err_set(e, "unknown option '%s' ('-help' lists them)", dashed);
        if (opt->arg) {
            if (i + 1 == argc)
                return err_set(e, "%s needs an argument: %s", dashed, opt->arg);
            value = argv[++i];
        }
        if (!apply(b, opt, dashed, value, e))
            return false;
    }
    return true;
}

static bool check(struct opts_build *b, struct err *e)
{
    const struct opts *o = b->o;
    if (!o->kernel && o->initrd)
        return err_set(e, "-initrd is only allowed with -kernel");
    if (!o->kernel && *o->append)
        return err_set(e, "-append is only allowed with -kernel");
    return opts_pick_accel(b, e) && opts_resolve_chardevs(b, e) && opts_resolve_drives(b, e) &&
           opts_default_vga(b, e);
}

enum opts_result opts_parse(struct opts *o, int argc, char **argv, struct err *e)
{
    *o = (struct opts){
        .ram_size = OPTS_RAM_DEFAULT,
        .cpus = 1,
        .append = "",
        .escape = 1,
        .boot = {.splash_ms = -1, .reboot_ms = -1},
        .debugcon_port = 0xe9,
        .debugcon = -1,
        .strings = g_string_chunk_new(512),
    };
    struct opts_build *b = g_new0(struct opts_build, 1);
    b->o = o;
    b->debugcon.index = -1;
    for (unsigned i = 0; i < OPTS_SERIALS; i++)
        o->serial[i] = b->serial[i].index = -1;
    enum opts_result r = OPTS_ERROR;
    if (parse_all(b, argc, argv, e))
        r = b->done ? OPTS_DONE : check(b, e) ? OPTS_RUN : OPTS_ERROR;
    g_free(b);
    return r;
}

void opts_finish(struct opts *o)
{
    for (unsigned i = 0; i < o->devices; i++)
        g_free(o->device[i].prop);
    g_free(o->device);
    g_free(o->global);
    o->global = NULL;
    g_free(o->fw_cfg);
    g_free(o->oem);
    o->fw_cfg = NULL;
    o->oem = NULL;
    o->device = NULL;
    o->devices = 0;
    if (o->strings)
        g_string_chunk_free(o->strings);
    o->strings = NULL;
}
