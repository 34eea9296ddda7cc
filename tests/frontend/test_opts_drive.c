/* SPDX-License-Identifier: MIT
 * -drive, its short forms and -blockdev: which drive stands where, with which switches. */
#include <glib.h>
#include <string.h>

#include "tests/frontend/opts_line.h"

static void parse_ok(struct opts *o, const char *line)
{
    struct err e;
    if (parse(o, &e, line) != OPTS_RUN)
        g_error("'%s': %s", line, e.msg);
}

static const struct drive_opts *find(const struct opts *o, const char *id)
{
    for (unsigned i = 0; i < o->drives; i++)
        if (!strcmp(o->drive[i].id, id))
            return &o->drive[i];
    g_error("no drive '%s'", id);
}

/* What a line makes: id, interface, index, file. */
static const struct {
    const char *line, *id;
    enum drive_if type;
    unsigned index;
    const char *file;
} places[] = {
    {"a.img", "ide0-hd0", DRIVE_IDE, 0, "a.img"},
    {"-hda a -hdb b", "ide0-hd1", DRIVE_IDE, 1, "b"},
    {"-hdd d", "ide1-hd1", DRIVE_IDE, 3, "d"},
    {"-hda a,b=c", "ide0-hd0", DRIVE_IDE, 0, "a,b=c"},
    {"-cdrom x.iso", "ide1-cd0", DRIVE_IDE, 2, "x.iso"},
    {"-fda f", "floppy0", DRIVE_FLOPPY, 0, "f"},
    {"-fdb f", "floppy1", DRIVE_FLOPPY, 1, "f"},
    {"-drive file=a", "ide0-hd0", DRIVE_IDE, 0, "a"},
    {"-drive file=a -drive file=b", "ide0-hd1", DRIVE_IDE, 1, "b"},
    {"-drive file=a,,b", "ide0-hd0", DRIVE_IDE, 0, "a,b"},
    {"-drive file=a,index=1 -drive file=b", "ide0-hd0", DRIVE_IDE, 0, "b"},
    {"-drive file=a,bus=1,unit=1", "ide1-hd1", DRIVE_IDE, 3, "a"},
    {"-drive file=a,bus=1", "ide1-hd0", DRIVE_IDE, 2, "a"},
    {"-drive file=a,if=virtio -drive file=b,if=virtio", "virtio1", DRIVE_VIRTIO, 1, "b"},
    {"-drive file=a,if=none", "none0", DRIVE_NONE, 0, "a"},
    {"-drive file=a,if=none,id=x", "x", DRIVE_NONE, 0, "a"},
    {"-drive if=pflash,format=raw,unit=1,file=v", "pflash1", DRIVE_PFLASH, 1, "v"},
    {"-drive file.filename=a,file.driver=file,driver=raw", "ide0-hd0", DRIVE_IDE, 0, "a"},
    {"-hda a -cdrom c", "floppy0", DRIVE_FLOPPY, 0, NULL},
    {"-hda a", "ide1-cd0", DRIVE_IDE, 2, NULL},
    {"-blockdev driver=file,filename=a,node-name=f "
     "-blockdev driver=qcow2,file=f,node-name=n",
     "n", DRIVE_NONE, 0, "a"},
    {"-blockdev driver=raw,node-name=n,file.driver=file,file.filename=a", "n", DRIVE_NONE, 0,
     "a"},
    {"-blockdev driver=host_device,node-name=n,filename=/dev/x", "n", DRIVE_NONE, 0, "/dev/x"},
    {"-blockdev '{\"driver\":\"qcow2\",\"node-name\":\"n\",\"read-only\":true,"
     "\"file\":{\"driver\":\"file\",\"filename\":\"a\\u0041\\\\\"},\"cache\":{\"direct\":true}}"
     "'",
     "n", DRIVE_NONE, 0, "aA\\"},
};

static void test_places(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        const struct drive_opts *d;
        struct opts o;
        parse_ok(&o, places[i].line);
        d = find(&o, places[i].id);
        g_assert_cmpint(d->type, ==, places[i].type);
        if (d->type != DRIVE_NONE)
            g_assert_cmpint(d->index, ==, places[i].index);
        g_assert_cmpstr(d->image.file, ==, places[i].file);
        opts_finish(&o);
    }
}

static void test_defaults(void)
{
    struct opts o;
    parse_ok(&o, "");
    g_assert_cmpint(o.drives, ==, 2); /* empty CD-ROM and floppy drives */
    g_assert_true(find(&o, "ide1-cd0")->cdrom);
    opts_finish(&o);
    parse_ok(&o, "-nodefaults");
    g_assert_cmpint(o.drives, ==, 0);
    opts_finish(&o);
    parse_ok(&o, "-device ide-cd,bus=ide.1,unit=1,bootindex=3"); /* its own, and the floppy */
    g_assert_cmpint(o.drives, ==, 2);
    g_assert_true(find(&o, "none0")->cdrom);
    g_assert_true(o.device[1].channel == 1 && o.device[1].unit == 1);
    g_assert_cmpstr(o.device[1].prop[0].value, ==, "none0");
    opts_finish(&o);
    parse_ok(&o, "-drive if=none,id=x,file=a -device ide-hd,drive=x -nodefaults");
    g_assert_cmpint(o.drives, ==, 1);
    g_assert_true(o.device[0].channel == -1 && o.device[0].unit == -1);
    opts_finish(&o);
    parse_ok(&o, "-hdc x");
    g_assert_false(find(&o, "ide1-hd0")->cdrom);
    g_assert_cmpint(o.drives, ==, 2);
    opts_finish(&o);
    parse_ok(&o, "-drive file=a");
    g_assert_cmpint(o.drive[0].werror, ==, DRIVE_ENOSPC);
    g_assert_cmpint(o.drive[0].rerror, ==, DRIVE_REPORT);
    g_assert_false(o.drive[0].image.unmap || o.drive[0].image.direct ||
                   o.drive[0].image.write_through || o.drive[0].image.no_flush);
    opts_finish(&o);
}

/* cache= as QEMU has it: direct, no-flush, write-through. */
static void test_cache(void)
{
    static const struct {
        const char *cache;
        bool direct, no_flush, through;
    } rows[] = {
        {"cache=none", 1, 0, 0},
        {"cache=writeback", 0, 0, 0},
        {"cache=writethrough", 0, 0, 1},
        {"cache=directsync", 1, 0, 1},
        {"cache=unsafe", 0, 1, 0},
        {"cache.direct=on", 1, 0, 0},
        {"cache=none,cache.direct=off", 0, 0, 0},
        {"cache.writeback=off", 0, 0, 1},
        {"cache.no-flush=on,cache.direct=on,aio=native", 1, 1, 0},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        char *line = g_strconcat("-drive file=a,", rows[i].cache, NULL);
        struct opts o;
        parse_ok(&o, line);
        g_assert_cmpint(o.drive[0].image.direct, ==, rows[i].direct);
        g_assert_cmpint(o.drive[0].image.no_flush, ==, rows[i].no_flush);
        g_assert_cmpint(o.drive[0].image.write_through, ==, rows[i].through);
        opts_finish(&o);
        g_free(line);
    }
}

static void test_switches(void)
{
    struct opts o;
    parse_ok(&o,
             "-drive file=a,readonly,snapshot=on,serial=S,discard=unmap,detect-zeroes=unmap,"
             "werror=stop,rerror=ignore,file.locking=off,aio=io_uring,format=qcow2");
    const struct drive_opts *d = &o.drive[0];
    g_assert_true(d->image.readonly && d->image.unmap && d->image.no_lock);
    g_assert_false(d->image.snapshot); /* nothing is written */
    g_assert_cmpstr(d->serial, ==, "S");
    g_assert_cmpint(d->image.zeroes, ==, ZEROES_UNMAP);
    g_assert_cmpint(d->werror, ==, DRIVE_STOP);
    g_assert_cmpint(d->rerror, ==, DRIVE_IGNORE);
    g_assert_cmpstr(d->image.format, ==, "qcow2");
    opts_finish(&o);
}

static void test_snapshot(void)
{
    struct opts o;
    parse_ok(&o, "-snapshot -hda a -drive file=b,snapshot=off -cdrom c");
    g_assert_true(find(&o, "ide0-hd0")->image.snapshot);
    g_assert_false(find(&o, "ide0-hd1")->image.snapshot);
    g_assert_false(find(&o, "ide1-cd0")->image.snapshot);
    opts_finish(&o);
}

static void test_virtio_device(void)
{
    struct opts o;
    parse_ok(&o, "-vga none -drive file=a,if=virtio,id=x");
    g_assert_cmpint(o.devices, ==, 1);
    g_assert_cmpstr(o.device[0].prop[0].value, ==, "x");
    opts_finish(&o);
}

static const struct bad_line bad_lines[] = {
    {"a b", "exists"},
    {"-hda a -drive file=b,index=0", "bus=0, unit=0 (index=0) exists"},
    {"-hdc a -cdrom b", "index=2"},
    {"-drive if=ide", "file=FILE"},
    {"-drive file=a,if=frob", "frob"},
    {"-drive file=a,if=scsi", "SCSI"},
    {"-drive file=a,frob=1", "frob"},
    {"-drive file=a,index=4", "0 to 3"},
    {"-drive file=a,unit=2", "too big"},
    {"-drive file=a,index=1,unit=1", "cannot be used"},
    {"-drive file=a,if=floppy,index=2", "0 to 1"},
    {"-drive file=a,media=tape", "tape"},
    {"-drive file=a,if=virtio,media=cdrom", "cdrom"},
    {"-drive file=a,cache=frob", "frob"},
    {"-drive file=a,aio=native", "cache.direct"},
    {"-drive file=a,aio=frob", "frob"},
    {"-drive file=a,discard=frob", "frob"},
    {"-drive file=a,detect-zeroes=unmap", "discard=unmap"},
    {"-drive file=a,werror=frob", "frob"},
    {"-drive file=a,rerror=enospc", "rerror"},
    {"-drive file=a,readonly=maybe", "maybe"},
    {"-drive file=a,id=x -drive file=b,id=x", "taken"},
    {"-drive file=a,file.driver=nbd", "nbd"},
    {"-drive file=a,copy-on-read=on", "copy-on-read"},
    {"-blockdev driver=frob,node-name=n", "frob"},
    {"-blockdev node-name=n", "driver="},
    {"-blockdev driver=raw,file.filename=a", "node-name"},
    {"-blockdev driver=raw,node-name=n", "file=NODE"},
    {"-blockdev driver=raw,node-name=n,file=f", "no node 'f'"},
    {"-blockdev driver=file,node-name=n", "filename="},
    {"-blockdev driver=file,filename=a,node-name=n -blockdev "
     "driver=file,filename=b,node-name=n",
     "taken"},
    {"-blockdev driver=file,filename=a,node-name=f -blockdev driver=raw,file=f,node-name=x "
     "-blockdev driver=raw,file=f,node-name=y",
     "in use"},
    {"-blockdev driver=raw,file.filename=a,node-name=f,backing=x", "backing"},
    {"-blockdev {", "JSON"},
    {"-blockdev '{\"driver\":}'", "JSON"},
    {"-blockdev '{\"driver\":\"x'", "JSON"},
    {"-blockdev '{\"a\":[1,2}'", "JSON"},
    {"-blockdev '{} x'", "JSON"},
    {"-blockdev '{\"a\":\"\\u0000\"}'", "JSON"},
    {"-blockdev '{\"a\":\"\\q\"}'", "JSON"},
    {"-add-fd fd=1,set=1", "standard"},
    {"-add-fd fd=77,set=1", "not open"},
    {"-add-fd set=1", "fd=N"},
};

static void test_errors(void)
{
    check_bad_lines(bad_lines, ARRAY_SIZE(bad_lines));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/opts-drive/places", test_places);
    g_test_add_func("/opts-drive/defaults", test_defaults);
    g_test_add_func("/opts-drive/cache", test_cache);
    g_test_add_func("/opts-drive/switches", test_switches);
    g_test_add_func("/opts-drive/snapshot", test_snapshot);
    g_test_add_func("/opts-drive/virtio-device", test_virtio_device);
    g_test_add_func("/opts-drive/errors", test_errors);
    return g_test_run();
}
