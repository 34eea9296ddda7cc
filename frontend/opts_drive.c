/* SPDX-License-Identifier: MIT
 * Options about drives: -drive, its short forms, -snapshot, -add-fd; the drives that a PC has
 * without being asked. */
#include <fcntl.h>
#include <glib.h>
#include <string.h>

#include "frontend/opts_int.h"
#include "hw/block/ide_unit.h"

static const struct {
    const char *name;
    unsigned units; /* a bus, 0: no buses */
    unsigned max;   /* 0: no limit here */
} interfaces[DRIVE_IF_COUNT] = {
    [DRIVE_NONE] = {"none", 0, 0},     [DRIVE_IDE] = {"ide", DRIVE_IDE_UNITS, 4},
    [DRIVE_FLOPPY] = {"floppy", 0, 2}, [DRIVE_PFLASH] = {"pflash", 0, 2},
    [DRIVE_VIRTIO] = {"virtio", 0, 0}, [DRIVE_SCSI] = {"scsi", DRIVE_SCSI_UNITS, 0},
};

/* --- values ------------------------------------------------------------------- */

static int word(const char *v, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (!strcmp(v, words[i]))
            return i;
    return -1;
}

static bool take_word(struct props *ps, const char *key, const char *const *words, int *out,
                      struct err *e)
{
    const char *v = props_take(ps, key);
    char *all;

    if (!v)
        return true;
    *out = word(v, words);
    if (*out >= 0)
        return true;
    all = g_strjoinv(", ", (char **)words);
    err_set(e, "%s: %s takes one of %s; not '%s'", ps->option, key, all, v);
    g_free(all);
    return false;
}

static bool take_cache(struct props *ps, struct image_opts *img, struct err *e)
{
    static const char *const modes[] = {"none",       "off",    "writeback", "writethrough",
                                        "directsync", "unsafe", NULL};
    bool writeback;
    int mode = 2;

    if (!take_word(ps, "cache", modes, &mode, e))
        return false;
    img->direct = mode <= 1 || mode == 4;
    img->write_through = mode == 3 || mode == 4;
    img->no_flush = mode == 5;
    writeback = !img->write_through;
    if (!props_take_bool(ps, "cache.direct", &img->direct, e) ||
        !props_take_bool(ps, "cache.no-flush", &img->no_flush, e) ||
        !props_take_bool(ps, "cache.writeback", &writeback, e))
        return false;
    img->write_through = !writeback;
    return true;
}

/* Both spellings of a property that belongs to the file below. */
static const char *take_file(struct props *ps, const char *key)
{
    char *full = g_strconcat("file.", key, NULL);
    const char *below = props_take(ps, full), *here = props_take(ps, key);

    g_free(full);
    return below ? below : here;
}

bool props_take_image(struct props *ps, struct image_opts *img, struct err *e)
{
    static const char *const discards[] = {"ignore", "off", "unmap", "on", NULL};
    static const char *const zeroes[] = {"off", "on", "unmap", NULL};
    static const char *const aios[] = {"threads", "native", "io_uring", NULL};
    static const char *const lockings[] = {"auto", "on", "off", NULL};
    struct props file = {.option = ps->option};
    int discard = 0, zero = 0, aio = 0, locking = 0;
    const char *v;

    if (!take_cache(ps, img, e) || !take_word(ps, "discard", discards, &discard, e) ||
        !take_word(ps, "detect-zeroes", zeroes, &zero, e))
        return false;
    if ((v = take_file(ps, "aio")))
        file.p[file.n++] = (struct opt_prop){"aio", v};
    if ((v = take_file(ps, "locking")))
        file.p[file.n++] = (struct opt_prop){"locking", v};
    if (!take_word(&file, "aio", aios, &aio, e) ||
        !take_word(&file, "locking", lockings, &locking, e))
        return false;
    if (aio == 1 && !img->direct)
        return err_set(e, "%s: aio=native requires cache.direct=on", ps->option);
    img->unmap = discard >= 2;
    img->zeroes = (enum drive_zeroes)zero;
    if (zero == 2 && !img->unmap)
        return err_set(e, "%s: detect-zeroes=unmap requires discard=unmap", ps->option);
    img->no_lock = locking == 2;
    return true;
}

static bool take_policies(struct props *ps, struct drive_opts *d, struct err *e)
{
    static const char *const policies[] = {"report", "ignore", "stop", "enospc", NULL};
    int w = DRIVE_ENOSPC, r = DRIVE_REPORT;

    if (!take_word(ps, "werror", policies, &w, e) || !take_word(ps, "rerror", policies, &r, e))
        return false;
    if (r == DRIVE_ENOSPC)
        return err_set(e, "%s: rerror takes report, ignore or stop", ps->option);
    d->werror = (enum drive_policy)w;
    d->rerror = (enum drive_policy)r;
    return true;
}

/* --- where it is plugged in ------------------------------------------------------- */

static const struct drive_opts *drive_at(const struct opts *o, enum drive_if type,
                                         unsigned index)
{
    for (unsigned i = 0; i < o->drives; i++)
        if (type != DRIVE_NONE && o->drive[i].type == type && o->drive[i].index == index)
            return &o->drive[i];
    return NULL;
}

static bool take_place(struct opts_build *b, struct props *ps, struct drive_opts *d,
                       struct err *e)
{
    uint64_t index = UINT64_MAX, bus = UINT64_MAX, unit = UINT64_MAX;
    unsigned units = interfaces[d->type].units, max = interfaces[d->type].max;

    if (!props_take_uint(ps, "index", 255, &index, e) ||
        !props_take_uint(ps, "bus", 255, &bus, e) ||
        !props_take_uint(ps, "unit", 255, &unit, e))
        return false;
    if (index != UINT64_MAX && (bus != UINT64_MAX || unit != UINT64_MAX))
        return err_set(e, "%s: index cannot be used with bus and unit", ps->option);
    if (units && unit != UINT64_MAX && unit >= units)
        return err_set(e, "%s: unit %llu is too big (max is %u)", ps->option,
                       (unsigned long long)unit, units - 1);
    if (index == UINT64_MAX && unit != UINT64_MAX)
        index = (bus == UINT64_MAX ? 0 : bus) * units + unit;
    if (index == UINT64_MAX) /* the first free one, from that bus on */
        for (index = bus == UINT64_MAX ? 0 : bus * units;
             drive_at(b->o, d->type, (unsigned)index);)
            index++;
    if (max && index >= max)
        return err_set(e, "%s: if=%s has places 0 to %u, not %llu", ps->option,
                       interfaces[d->type].name, max - 1, (unsigned long long)index);
    d->index = (unsigned)index;
    if (drive_at(b->o, d->type, d->index))
        return err_set(e, "drive with bus=%u, unit=%u (index=%u) exists",
                       units ? d->index / units : 0, units ? d->index % units : d->index,
                       d->index);
    return true;
}

static const char *default_id(struct opts_build *b, const struct drive_opts *d)
{
    const char *name = interfaces[d->type].name, *media = "";
    unsigned units = interfaces[d->type].units, n = d->index;
    char id[64];

    if (d->type == DRIVE_NONE)
        for (n = 0; n < b->o->drives; n++) {
            g_snprintf(id, sizeof(id), "none%u", n);
            if (opts_drive_id_free(b, "", id, NULL))
                break;
        }
    if (units)
        media = d->cdrom ? "-cd" : "-hd";
    if (units)
        g_snprintf(id, sizeof(id), "%s%u%s%u", name, n / units, media, n % units);
    else
        g_snprintf(id, sizeof(id), "%s%u", name, n);
    return g_string_chunk_insert(b->o->strings, id);
}

bool opts_drive_id_free(struct opts_build *b, const char *option, const char *id, struct err *e)
{
    for (unsigned i = 0; i < b->o->drives; i++)
        if (b->o->drive[i].id && !strcmp(b->o->drive[i].id, id))
            return err_set(e, "%s: the id '%s' is taken", option, id);
    for (unsigned i = 0; i < b->nodes; i++)
        if (!strcmp(b->node[i].name, id))
            return err_set(e, "%s: the id '%s' is taken", option, id);
    return true;
}

struct drive_opts *opts_new_drive(struct opts_build *b, const char *option, struct err *e)
{
    struct drive_opts *d = &b->o->drive[b->o->drives];

    if (b->o->drives == OPTS_DRIVES) {
        err_set(e, "%s: too many drives", option);
        return NULL;
    }
    *d = (struct drive_opts){.image.fdsets = &b->o->fdsets, .werror = DRIVE_ENOSPC};
    return d;
}

/* --- -drive ------------------------------------------------------------------------ */

static bool take_medium(struct props *ps, struct drive_opts *d, bool *has_snapshot,
                        struct err *e)
{
    static const char *const media[] = {"disk", "cdrom", NULL};
    struct image_opts *img = &d->image;
    const char *file = props_take(ps, "file"), *below = props_take(ps, "file.filename");
    const char *protocol = props_take(ps, "file.driver"), *driver;
    unsigned left;
    int medium = 0;
    bool copy = false;

    img->file = below ? below : file;
    if (img->file && !*img->file)
        img->file = NULL;
    if (protocol && strcmp(protocol, "file") && strcmp(protocol, "host_device"))
        return err_set(e, "%s: file.driver=%s is not supported", ps->option, protocol);
    driver = props_take(ps, "driver");
    img->format = props_take(ps, "format");
    if (driver)
        img->format = driver;
    if (!take_word(ps, "media", media, &medium, e) ||
        !props_take_bool(ps, "readonly", &img->readonly, e) ||
        !props_take_bool(ps, "read-only", &img->readonly, e) ||
        !props_take_bool(ps, "copy-on-read", &copy, e))
        return false;
    if (copy)
        return err_set(e, "%s: copy-on-read=on is not supported", ps->option);
    props_take(ps, "auto-read-only");
    left = ps->n;
    if (!props_take_bool(ps, "snapshot", &img->snapshot, e))
        return false;
    *has_snapshot = left != ps->n;
    d->cdrom = medium == 1;
    img->readonly |= d->cdrom;
    return true;
}

static bool check_drive(const struct props *ps, const struct drive_opts *d, struct err *e)
{
    if (d->type == DRIVE_SCSI)
        return err_set(e, "%s: if=scsi: there is no SCSI adapter yet", ps->option);
    if (!d->image.file && !d->cdrom && d->type != DRIVE_FLOPPY)
        return err_set(e, "%s: file=FILE is needed", ps->option);
    if (d->cdrom && d->type != DRIVE_IDE && d->type != DRIVE_NONE)
        return err_set(e, "%s: media=cdrom does not go with if=%s", ps->option,
                       interfaces[d->type].name);
    return true;
}

static bool add_drive(struct opts_build *b, struct props *ps, struct err *e)
{
    const char *words[DRIVE_IF_COUNT + 1] = {NULL};
    struct drive_opts *d = opts_new_drive(b, ps->option, e);
    bool has_snapshot = false;
    int type = DRIVE_IDE;

    for (unsigned i = 0; i < DRIVE_IF_COUNT; i++)
        words[i] = interfaces[i].name;
    if (!d || !take_word(ps, "if", words, &type, e))
        return false;
    d->type = (enum drive_if)type;
    d->id = props_take(ps, "id");
    d->serial = props_take(ps, "serial");
    if (!take_medium(ps, d, &has_snapshot, e) || !props_take_image(ps, &d->image, e) ||
        !take_policies(ps, d, e) || !take_place(b, ps, d, e) || !props_end(ps, e) ||
        !check_drive(ps, d, e))
        return false;
    if (d->id && !opts_drive_id_free(b, ps->option, d->id, e))
        return false;
    if (!d->id)
        d->id = default_id(b, d);
    if (!opts_drive_id_free(b, ps->option, d->id, e))
        return false;
    d->keep_snapshot = has_snapshot;
    b->o->drives++;
    return true;
}

bool opt_drive(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct props ps;
    return props_parse(b->o, &ps, option, value, NULL, e) && add_drive(b, &ps, e);
}

/* -hda FILE and its like: a file name with commas in it needs no care. */
static bool short_form(struct opts_build *b, const char *option, const char *file,
                       const char *type, const char *index, bool cdrom, struct err *e)
{
    struct props ps = {.option = option, .n = 3};
    ps.p[0] = (struct opt_prop){"file", file};
    ps.p[1] = (struct opt_prop){"if", type};
    ps.p[2] = (struct opt_prop){"index", index};
    if (cdrom)
        ps.p[ps.n++] = (struct opt_prop){"media", "cdrom"};
    return add_drive(b, &ps, e);
}

bool opt_disk(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    static const char *const indices[] = {"0", "1", "2", "3"};
    return short_form(b, option, value, "ide", indices[option[strlen(option) - 1] - 'a'], false,
                      e);
}

bool opt_cdrom(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    return short_form(b, option, value, "ide", "2", true, e);
}

bool opt_floppy(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    return short_form(b, option, value, "floppy", g_str_has_suffix(option, "a") ? "0" : "1",
                      false, e);
}

bool opt_snapshot(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    b->snapshot = true;
    return true;
}

/* --- -add-fd ------------------------------------------------------------------------- */

bool opt_add_fd(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct fdsets *s = &b->o->fdsets;
    struct props ps;
    uint64_t fd = UINT64_MAX, set = UINT64_MAX;

    if (!props_parse(b->o, &ps, option, value, NULL, e))
        return false;
    const char *opaque = props_take(&ps, "opaque");
    if (!props_take_uint(&ps, "fd", INT32_MAX, &fd, e) ||
        !props_take_uint(&ps, "set", INT32_MAX, &set, e) || !props_end(&ps, e))
        return false;
    if (fd == UINT64_MAX || set == UINT64_MAX)
        return err_set(e, "-add-fd: fd=N and set=N are needed");
    if (fd <= 2)
        return err_set(e, "-add-fd: fd=%d is a standard stream", (int)fd);
    if (fcntl((int)fd, F_GETFD) < 0)
        return err_set(e, "-add-fd: fd=%d is not open", (int)fd);
    if (s->n == FDSETS_MAX)
        return err_set(e, "-add-fd: too many of them");
    s->v[s->n].fd = (int)fd;
    s->v[s->n].set = (int)set;
    s->v[s->n++].opaque = opaque;
    return true;
}

/* --- at the end ------------------------------------------------------------------------ */

static bool add_empty(struct opts_build *b, enum drive_if type, unsigned index, bool cdrom,
                      struct err *e)
{
    struct drive_opts *d;

    if (drive_at(b->o, type, index))
        return true;
    d = opts_new_drive(b, "default drives", e);
    if (!d)
        return false;
    d->type = type;
    d->index = index;
    d->cdrom = cdrom;
    d->image.readonly = cdrom;
    d->id = default_id(b, d);
    if (!opts_drive_id_free(b, "default drives", d->id, NULL))
        return true; /* the user's own drive has that name */
    b->o->drives++;
    return true;
}

/* An ide-cd without drive= is a drive without a medium. */
static bool add_cd_drive(struct opts_build *b, struct device_opts *dev, struct err *e)
{
    struct drive_opts *d;

    for (unsigned i = 0; i < dev->props; i++)
        if (!strcmp(dev->prop[i].key, "drive"))
            return true;
    d = opts_new_drive(b, "-device ide-cd", e);
    if (!d)
        return false;
    d->type = DRIVE_NONE;
    d->cdrom = d->image.readonly = true;
    d->id = default_id(b, d);
    b->o->drives++;
    dev->prop = g_renew(struct opt_prop, dev->prop, dev->props + 1);
    dev->prop[dev->props++] = (struct opt_prop){"drive", d->id};
    return true;
}

/* *any is set when there are some: the user places IDE drives, and gets no others. */
static bool resolve_ide_devices(struct opts_build *b, bool *any, struct err *e)
{
    for (unsigned i = 0; i < b->o->devices; i++) {
        struct device_opts *dev = &b->o->device[i];

        *any |= dev->cls->bus == DEV_BUS_IDE;
        if (dev->cls == &ide_cd_class && !add_cd_drive(b, dev, e))
            return false;
    }
    return true;
}

bool opts_resolve_drives(struct opts_build *b, struct err *e)
{
    bool ide = false;

    if (!opts_resolve_nodes(b, e) || !resolve_ide_devices(b, &ide, e))
        return false;
    for (unsigned i = 0; i < b->o->drives; i++) {
        struct drive_opts *d = &b->o->drive[i];

        if (b->snapshot && !d->keep_snapshot && !d->node)
            d->image.snapshot = true;
        if (d->image.readonly)
            d->image.snapshot = false;
        if (d->type == DRIVE_VIRTIO && !opts_add_device(b, "virtio-blk-pci", "drive", d->id, e))
            return false;
    }
    if (b->nodefaults)
        return true;
    return (ide || add_empty(b, DRIVE_IDE, 2, true, e)) &&
           add_empty(b, DRIVE_FLOPPY, 0, false, e);
}
