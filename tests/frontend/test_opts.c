/* SPDX-License-Identifier: MIT
 * Command lines as people and tools write them: what comes out, which error. */
#include <glib.h>
#include <string.h>

#include "softmmu/dev.h"
#include "softmmu/log.h"
#include "tests/frontend/opts_line.h"

static const struct chardev_opts *serial(const struct opts *o, unsigned i)
{
    static const struct chardev_opts none = {.kind = CHARDEV_NONE};

    return o->serial[i] < 0 ? &none : &o->chardev[o->serial[i]];
}

static void test_defaults(void)
{
    struct opts o;
    struct err e;
    g_assert_cmpint(parse(&o, &e, ""), ==, OPTS_RUN);
    g_assert_cmpint(o.ram_size, ==, 1 << 30);
    g_assert_cmpint(o.cpus, ==, 1);
    g_assert_cmpstr(o.append, ==, "");
    g_assert_cmpint(o.engine, ==, ENGINE_JIT);
    g_assert_cmpint(o.mmu, ==, MMU_FLAT);
    g_assert_false(o.icount);
    g_assert_cmpint(serial(&o, 0)->kind, ==, CHARDEV_STDIO);
    g_assert_true(serial(&o, 0)->mux);
    g_assert_cmpint(serial(&o, 1)->kind, ==, CHARDEV_NONE);
    opts_finish(&o);
}

static void test_memory(void)
{
    static const struct {
        const char *text;
        uint64_t mib;
    } rows[] = {
        {"512", 512},
        {"512M", 512},
        {"1G", 1024},
        {"size=256", 256},
        {"2g,slots=2,maxmem=8G", 2048},
        {"0x40", 64},
        {"8192k", 8},
        {"size=1GiB", 1024},
        {"268435456b", 256},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct opts o;
        struct err e;
        char *line = g_strconcat("-m ", rows[i].text, NULL);
        g_assert_cmpint(parse(&o, &e, line), ==, OPTS_RUN);
        g_assert_cmpint(o.ram_size, ==, rows[i].mib << 20);
        g_free(line);
        opts_finish(&o);
    }
}

/* A line that must fail, and words that its message must have. */
static const struct bad_line bad_lines[] = {
    {"-frob", "-frob"},
    {"--frob 1", "--frob"},
    {"-m", "-m needs an argument"},
    {"-m 0", "at least"},
    {"-m 1", "at least"},
    {"-m 100T", "at most"},
    {"-m 99999999999999999999", "not a size"},
    {"-m 18014398509481984M", "not a size"},
    {"-m 16777216T", "not a size"},
    {"-m -5", "not a size"},
    {"-m 5Q", "'5Q'"},
    {"-m 5MB5", "'5MB5'"},
    {"-m 64,frob=1", "'frob'"},
    {"-smp 2", "one CPU"},
    {"-smp 0x", "'0x'"},
    {"-smp sockets=2", "one CPU"},
    {"-M q35", "q35"},
    {"-machine pc,frob=1", "frob"},
    {"-machine pc,hpet=maybe", "maybe"},
    {"-machine pc,accel=kvm", "kvm"},
    {"-accel kvm", "kvm"},
    {"-enable-kvm", "kvm"},
    {"-accel frob -accel tcg", "frob"},
    {"-accel tcg,engine=frob", "frob"},
    {"-accel tcg,icount=maybe", "maybe"},
    {"-accel tcg,host=x86-64-v9", "x86-64-v9"},
    {"-accel tcg,frob=1", "frob"},
    {"-accel tcg,tb-size=7", "8 to 1024"},
    {"-accel tcg,tb-size=1025", "8 to 1024"},
    {"-accel tcg,tb-size=x", "tb-size"},
    {"-accel ''", "name"},
    {"-initrd x", "-initrd"},
    {"-append x", "-append"},
    {"-serial frob", "frob"},
    {"-serial file:", "file:"},
    {"-serial chardev:none", "none"},
    {"-serial null -serial null -serial null -serial null -serial null", "4 serial"},
    {"-serial stdio -serial stdio", "stdio"},
    {"-nographic -debugcon stdio", "stdio"},
    {"-chardev null", "id="},
    {"-chardev frob,id=a", "frob"},
    {"-chardev file,id=a", "path="},
    {"-chardev null,id=a -chardev null,id=a", "taken"},
    {"-chardev stdio,id=a,frob=1", "frob"},
    {"-mon mode=control", "chardev"},
    {"-monitor frob", "frob"},
    {"-qmp stdio -monitor stdio", "stdio"},
    {"-qmp unix:", "path="},
    {"-qmp tcp:localhost", "tcp:HOST:PORT"},
    {"-qmp tcp:localhost:", "tcp:HOST:PORT"},
    {"-qmp unix:x,frob=1", "frob"},
    {"-qmp unix:x,telnet", "telnet"},
    {"-mon chardev=a", "'a'"},
    {"-mon a,mode=frob -chardev null,id=a", "frob"},
    {"-mon a,frob=1 -chardev null,id=a", "frob"},
    {"-mon a -serial chardev:a -chardev null,id=a", "in use"},
    {"-chardev socket,id=a", "path="},
    {"-chardev socket,id=a,path=x,port=1", "path="},
    {"-chardev socket,id=a,fd=x", "fd=x"},
    {"-chardev socket,id=a,path=x,reconnect=1", "reconnect"},
    {"-chardev pipe,id=a", "path="},
    {"-chardev serial,id=a", "path="},
    {"-chardev pty,id=a,path=x", "path"},
    {"-device frob,a=b", "frob"},
    {"-device isa-debug-exit,iobase=0x10000", "0x10000"},
    {"-device isa-debug-exit,iosize=3", "iosize"},
    {"-device isa-debug-exit,frob=3", "frob"},
    {"-device isa-serial", "chardev"},
    {"-device ''", "device"},
    {"-device piix3", "unknown device"},
    {"-device pci-testdev,frob=3", "Property 'pci-testdev.frob' not found"},
    {"-device pci-testdev,addr=20", "addr=20"},
    {"-device pci-testdev,addr=3.8", "addr=3.8"},
    {"-device pci-testdev,addr=3.", "addr=3."},
    {"-device pci-testdev,addr=-1", "addr=-1"},
    {"-device pci-testdev,addr=0x", "addr=0x"},
    {"-device pci-testdev,addr=", "addr="},
    {"-boot x", "'x'"},
    {"-boot order=c,frob=1", "frob"},
    {"-boot splash-time=99999", "splash-time"},
    {"-smbios type=2", "type=2"},
    {"-smbios type=1,frob=x", "frob"},
    {"-smbios type=11,path=/nonexistent/f", "/nonexistent/f"},
    {"-fw_cfg string=x", "name="},
    {"-fw_cfg opt/a", "string="},
    {"-fw_cfg opt/a,file=x,string=y", "one of"},
    {"-global frob", "frob"},
    {"-global driver=VGA,property=xres", "driver.property=value"},
    {"-global driver=VGA,property=xres,value=1,frob=2", "frob"},
    {"-global VGA.frob=1", "Property 'VGA.frob' not found"},
    {"-global VGA.xres=x", "bad value 'x' for property 'xres'"},
    {"-global virtio-blk-pci.drive=d", "for one device only"},
    {"-global kvm-pit.lost_tick_policy=catchup", "bad value 'catchup'"},
    {"-net user", "user"},
    {"-display gtk", "gtk"},
    {"-vga cirrus", "cirrus"},
    {"-vga frob", "frob"},
    {"-device VGA,frob=1", "VGA.frob"},
    {"-device '{\"driver\":\"VGA\",\"frob\":1}'", "VGA.frob"},
    {"-device '{\"driver\":\"VGA\",\"a\":{\"b\":1}}'", "'a' takes a plain value"},
    {"-device '{\"driver\":\"VGA\",\"a\":[]}'", "'a' takes a plain value"},
    {"-device '{\"id\":\"VGA\"}'", "unknown device"},
    {"-device '{\"driver\":\"VGA\"'", "-device: bad JSON"},
    {"-rtc base=2023-02-29", "2023-02-29"},
    {"-rtc base=frob", "frob"},
    {"-rtc frob=1", "frob"},
    {"-rtc driftfix=frob", "none or slew"},
    {"-uuid frob", "frob"},
    {"-uuid 12345678-1234-1234-1234-12345678901", "UUID"},
    {"-echr 256", "256"},
    {"-echr x", "'x'"},
    {"-d frob", "frob"},
    {"-d in_asm,frob,int", "'frob'"},
};

static void test_errors(void)
{
    check_bad_lines(bad_lines, ARRAY_SIZE(bad_lines));
}

/* Lines of the tools that drive QEMU. */
static void test_tools(void)
{
    struct opts o;
    struct err e;
    const char *kunit =
        "-nodefaults -m 1024 -kernel bzImage -append 'console=ttyS0 x' -no-reboot "
        "-nographic -accel kvm -accel hvf -accel tcg -serial stdio";
    const char *kut =
        "--no-reboot -nodefaults -global kvm-pit.lost_tick_policy=discard -device "
        "isa-debug-exit,iobase=0xf4,iosize=0x4 -display none -serial stdio -machine "
        "accel=tcg -kernel x.flat -smp 1 -append args";
    const char *vng = "-parallel none -net none -m 1G -smp 1 -name vm -echr 1 -chardev "
                      "stdio,id=console,signal=off,mux=on -serial chardev:console -mon "
                      "chardev=console -vga none -display none -machine accel=kvm:tcg";
    g_assert_cmpint(parse(&o, &e, kunit), ==, OPTS_RUN);
    g_assert_cmpstr(o.append, ==, "console=ttyS0 x");
    g_assert_cmpint(serial(&o, 0)->kind, ==, CHARDEV_STDIO);
    g_assert_false(serial(&o, 0)->mux);
    g_assert_true(o.no_reboot);
    opts_finish(&o);
    g_assert_cmpint(parse(&o, &e, kut), ==, OPTS_RUN);
    g_assert_true(o.debug_exit);
    g_assert_cmphex(o.debug_exit_port, ==, 0xf4);
    g_assert_cmpint(o.debug_exit_size, ==, 4);
    opts_finish(&o);
    g_assert_cmpint(parse(&o, &e, vng), ==, OPTS_RUN);
    g_assert_true(serial(&o, 0)->mux && serial(&o, 0)->nosignal);
    g_assert_cmpstr(o.name, ==, "vm");
    opts_finish(&o);
}

static void test_serial(void)
{
    static const struct {
        const char *line;
        enum chardev_kind first;
    } rows[] = {
        {"-display none", CHARDEV_NULL},
        {"-nographic", CHARDEV_STDIO},
        {"-nographic -nodefaults", CHARDEV_NONE},
        {"-nodefaults", CHARDEV_NONE},
        {"-serial none", CHARDEV_NONE},
        {"-serial null", CHARDEV_NULL},
        {"-serial mon:stdio", CHARDEV_STDIO},
        {"-serial file:/tmp/x", CHARDEV_FILE},
        {"-serial chardev:a -chardev file,path=b,id=a", CHARDEV_FILE},
        {"-nodefaults -chardev null,id=a -device isa-serial,chardev=a", CHARDEV_NULL},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct opts o;
        struct err e;
        g_assert_cmpint(parse(&o, &e, rows[i].line), ==, OPTS_RUN);
        g_assert_cmpint(serial(&o, 0)->kind, ==, rows[i].first);
        opts_finish(&o);
    }
}

/* What each form of a back end comes to. */
static void test_backends(void)
{
    static const struct {
        const char *line;
        struct chardev_opts want;
    } rows[] = {
        {"-qmp unix:/tmp/a,,b,server,nowait",
         {.kind = CHARDEV_SOCKET, .path = "/tmp/a,b", .server = true}},
        {"-qmp unix:p,server=on,wait=off",
         {.kind = CHARDEV_SOCKET, .path = "p", .server = true}},
        {"-qmp unix:p,server",
         {.kind = CHARDEV_SOCKET, .path = "p", .server = true, .wait = true}},
        {"-qmp tcp:localhost:4444,server,nowait",
         {.kind = CHARDEV_SOCKET, .host = "localhost", .port = "4444", .server = true}},
        {"-qmp tcp::4444", {.kind = CHARDEV_SOCKET, .port = "4444", .wait = true}},
        {"-qmp tcp:[::1]:4444",
         {.kind = CHARDEV_SOCKET, .host = "[::1]", .port = "4444", .wait = true}},
        {"-chardev socket,id=x,server=on,wait=off,host=localhost,port=5 -mon "
         "chardev=x,mode=control",
         {.kind = CHARDEV_SOCKET, .host = "localhost", .port = "5", .server = true}},
        {"-chardev socket,id=x,fd=7,server=on,wait=off -mon x",
         {.kind = CHARDEV_SOCKET, .fd = 7, .server = true}},
        {"-monitor pipe:a,b", {.kind = CHARDEV_PIPE, .path = "a,b"}},
        {"-monitor /dev/ttyS0", {.kind = CHARDEV_SERIAL, .path = "/dev/ttyS0"}},
        {"-chardev serial,id=c,path=/dev/pts/1 -monitor chardev:c",
         {.kind = CHARDEV_SERIAL, .path = "/dev/pts/1"}},
        {"-monitor pty", {.kind = CHARDEV_PTY}},
        {"-monitor vc", {.kind = CHARDEV_NULL}},
        {"-monitor vc:80Cx24C", {.kind = CHARDEV_NULL}},
        {"-monitor stdio", {.kind = CHARDEV_STDIO}},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct opts o;
        struct err e;
        const struct chardev_opts *d, *w = &rows[i].want;
        char *line = g_strconcat("-display none -serial none ", rows[i].line, NULL);
        if (parse(&o, &e, line) != OPTS_RUN)
            g_error("%s: %s", line, e.msg);
        g_assert_cmpuint(o.mons, ==, 1);
        d = &o.chardev[o.mon[0].chardev];
        g_assert_cmpint(d->kind, ==, w->kind);
        g_assert_cmpstr(d->path, ==, w->path);
        g_assert_cmpstr(d->host, ==, w->host);
        g_assert_cmpstr(d->port, ==, w->port);
        g_assert_cmpint(d->server, ==, w->server);
        if (d->kind == CHARDEV_SOCKET)
            g_assert_cmpint(d->wait, ==, w->wait);
        if (w->fd)
            g_assert_cmpint(d->fd, ==, w->fd);
        g_assert_cmpint(o.mon[0].control, ==, strstr(line, "-qmp") || strstr(line, "control"));
        g_free(line);
        opts_finish(&o);
    }
}

/* Who gets a monitor, and on what. */
static void test_monitors(void)
{
    static const struct {
        const char *line, *serial, *mon; /* ids, or NULL */
    } rows[] = {
        {"", "serial0", "serial0"},
        {"-nographic", "serial0", "serial0"},
        {"-display none", "serial0", NULL},
        {"-nodefaults", NULL, NULL},
        {"-nographic -serial file:x", "serial0", "compat_monitor0"},
        {"-nographic -serial stdio", "serial0", NULL},
        {"-nographic -monitor none", "serial0", NULL},
        {"-nographic -qmp unix:x,server,nowait", "serial0", "compat_monitor0"},
        {"-serial mon:stdio", "serial0", "serial0"},
        {"-monitor stdio", "serial0", "compat_monitor0"},
        {"-nodefaults -chardev stdio,id=c,mux=on -serial chardev:c -mon c", "c", "c"},
        {"-nodefaults -serial mon:unix:x,server,nowait", "serial0", "serial0"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct opts o;
        struct err e;
        if (parse(&o, &e, rows[i].line) != OPTS_RUN)
            g_error("%s: %s", rows[i].line, e.msg);
        g_assert_cmpstr(serial(&o, 0)->id, ==, rows[i].serial);
        g_assert_cmpstr(o.mons ? o.chardev[o.mon[0].chardev].id : NULL, ==, rows[i].mon);
        opts_finish(&o);
    }
}

static void test_values(void)
{
    struct opts o;
    struct err e;
    g_assert_cmpint(
        parse(&o, &e,
              "-accel tcg,engine=ir,mmu=tlb,icount=on,tb-size=64 -machine pc,unpack=guest "
              "-rtc base=2006-06-17T16:01:21 -S -no-shutdown -d in_asm,int -d cpu "
              "-chardev file,path=a,,b,append=on,id=x -debugcon chardev:x -echr 0x14 "
              "-uuid 01234567-89ab-cdef-0123-456789ABCDEF -cpu max,+avx -pidfile p"),
        ==, OPTS_RUN);
    g_assert_cmpint(o.engine, ==, ENGINE_IR);
    g_assert_cmpint(o.mmu, ==, MMU_TLB);
    g_assert_cmpuint(o.tb_size, ==, 64);
    g_assert_true(o.icount && o.guest_unpack && o.start_paused && o.no_shutdown);
    g_assert_cmpint(o.rtc, ==, RTC_DATE);
    g_assert_cmpint(o.rtc_date, ==, 1150560081);
    g_assert_cmphex(o.log_mask, ==, LOG_IN_ASM | LOG_INT | LOG_CPU);
    g_assert_cmpstr(o.chardev[o.debugcon].path, ==, "a,b");
    g_assert_true(o.chardev[o.debugcon].append);
    g_assert_cmpint(o.escape, ==, 0x14);
    g_assert_true(o.has_uuid);
    g_assert_cmphex(o.uuid[15], ==, 0xef);
    g_assert_cmpstr(o.cpu, ==, "max,+avx");
    opts_finish(&o);
}

/* What other tools' regular expressions take from the first line. */
static void print_version(void)
{
    struct opts o;
    struct err e;
    g_assert_cmpint(parse(&o, &e, "-version"), ==, OPTS_DONE);
    opts_finish(&o);
    fflush(stdout);
}

static void test_version(void)
{
    if (g_test_subprocess()) {
        print_version();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*QEMU emulator version 8.2.0 (Mynah " MYNAH_VERSION ")\n*");
}

static void test_devices(void)
{
    struct opts o;
    char *argv[] = {"mynah",
                    "-device",
                    "pci-testdev,id=a,bus=pci.0",
                    "-device",
                    "pci-testdev,addr=1f.7,multifunction=on,bootindex=2",
                    "-nodefaults",
                    NULL};
    struct err e;

    g_assert_cmpint(opts_parse(&o, 6, argv, &e), ==, OPTS_RUN);
    g_assert_cmpuint(o.devices, ==, 2);
    g_assert_cmpstr(o.device[0].id, ==, "a");
    g_assert_cmpint(o.device[0].devfn, ==, -1);
    g_assert_cmpint(o.device[0].bootindex, ==, -1);
    g_assert_cmpint(o.device[1].devfn, ==, 0xff);
    g_assert_cmpint(o.device[1].bootindex, ==, 2);
    g_assert_true(o.device[1].multifunction && !o.device[0].multifunction);
    opts_finish(&o);
}

/* As libvirt writes them. */
static void test_json_devices(void)
{
    struct opts o;
    struct err e;

    if (parse(&o, &e,
              "-nodefaults -chardev null,id=c -device "
              "'{\"driver\":\"virtio-blk-pci\",\"bus\":\"pci.0\",\"addr\":\"0x4.1\",\"drive\":"
              "\"d,0\",\"id\":\"x\",\"bootindex\":1,\"multifunction\":true}' -device "
              "'{\"driver\":\"pci-testdev\"}' -device "
              "'{\"driver\":\"isa-serial\",\"chardev\":\"c\",\"index\":0}'") != OPTS_RUN)
        g_error("%s", e.msg);
    g_assert_cmpuint(o.devices, ==, 2);
    g_assert_cmpstr(o.device[0].cls->name, ==, "virtio-blk-pci");
    g_assert_cmpstr(o.device[0].id, ==, "x");
    g_assert_cmpstr(o.device[0].bus, ==, "pci.0");
    g_assert_cmpint(o.device[0].devfn, ==, 0x21);
    g_assert_cmpint(o.device[0].bootindex, ==, 1);
    g_assert_true(o.device[0].multifunction);
    g_assert_cmpuint(o.device[0].props, ==, 1);
    g_assert_cmpstr(o.device[0].prop[0].value, ==, "d,0");
    g_assert_cmpstr(o.device[1].cls->name, ==, "pci-testdev");
    g_assert_cmpstr(serial(&o, 0)->id, ==, "c");
    opts_finish(&o);
}

static void test_global(void)
{
    static const char *const want[][3] = {
        {"pit-i8254", "slew", "off"},   {"pit-i8254", "slew", "on"},
        {"rtc-mc146818", "slew", "on"}, {"ide-hd", "model", "a=b,c.d"},
        {"VGA", "xres", "640"},
    };
    struct opts o;
    struct err e;

    if (parse(&o, &e,
              "-global kvm-pit.lost_tick_policy=discard -global kvm-pit.lost_tick_policy=delay "
              "-global mc146818rtc.lost_tick_policy=slew -global ide-hd.model=a=b,c.d "
              "-global driver=VGA,property=xres,value=640 -global PIIX4_PM.disable_s3=1 "
              "-global driver=cfi.pflash01,property=secure,value=on") != OPTS_RUN)
        g_error("%s", e.msg);
    g_assert_cmpuint(o.globals, ==, ARRAY_SIZE(want));
    for (unsigned i = 0; i < o.globals; i++) {
        g_assert_cmpstr(o.global[i].cls->name, ==, want[i][0]);
        g_assert_cmpstr(o.global[i].prop, ==, want[i][1]);
        g_assert_cmpstr(o.global[i].value, ==, want[i][2]);
    }
    opts_finish(&o);
}

static void test_driftfix(void)
{
    static const char *const words[] = {"none", "slew"};

    for (unsigned i = 0; i < 2; i++) {
        char value[16], *argv[] = {"mynah", "-rtc", value, NULL};
        struct opts o;
        struct err e;

        snprintf(value, sizeof(value), "driftfix=%s", words[i]);
        g_assert_cmpint(opts_parse(&o, 3, argv, &e), ==, OPTS_RUN);
        g_assert_cmpint(o.rtc_slew, ==, i);
        opts_finish(&o);
    }
}

static bool vga_of(const char *line, struct device_opts *first, unsigned *n)
{
    struct opts o;
    char **argv = g_strsplit(line, " ", -1);
    struct err e;
    bool any;

    g_assert_cmpint(opts_parse(&o, (int)g_strv_length(argv), argv, &e), ==, OPTS_RUN);
    *n = o.devices;
    any = o.devices && !strcmp(o.device[0].cls->name, "VGA");
    if (any)
        *first = o.device[0];
    opts_finish(&o);
    g_strfreev(argv);
    return any;
}

/* The default graphics card, and what takes it away. */
static void test_vga(void)
{
    struct device_opts d;
    unsigned n;

    g_assert_true(vga_of("mynah", &d, &n));
    g_assert_cmpint(d.devfn, ==, 2 << 3);
    g_assert_true(vga_of("mynah -nographic -device pci-testdev", &d, &n));
    g_assert_cmpuint(n, ==, 2);
    g_assert_true(vga_of("mynah -display none", &d, &n));
    g_assert_false(vga_of("mynah -vga none", &d, &n));
    g_assert_false(vga_of("mynah -nodefaults", &d, &n));
    g_assert_true(vga_of("mynah -nodefaults -vga std", &d, &n));
    g_assert_true(vga_of("mynah -device vga,vgamem_mb=32,addr=0x5", &d, &n));
    g_assert_cmpuint(n, ==, 1);
    g_assert_cmpint(d.devfn, ==, 5 << 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/opts/defaults", test_defaults);
    g_test_add_func("/opts/memory", test_memory);
    g_test_add_func("/opts/errors", test_errors);
    g_test_add_func("/opts/tools", test_tools);
    g_test_add_func("/opts/serial", test_serial);
    g_test_add_func("/opts/backends", test_backends);
    g_test_add_func("/opts/monitors", test_monitors);
    g_test_add_func("/opts/values", test_values);
    g_test_add_func("/opts/version", test_version);
    g_test_add_func("/opts/devices", test_devices);
    g_test_add_func("/opts/global", test_global);
    g_test_add_func("/opts/json-devices", test_json_devices);
    g_test_add_func("/opts/vga", test_vga);
    g_test_add_func("/opts/driftfix", test_driftfix);
    return g_test_run();
}
