/* SPDX-License-Identifier: MIT */
#include "frontend/block/drives.h"

#include <glib.h>
#include <string.h>

#include "frontend/block/drive.h"

struct drives {
    struct drive *d;
    unsigned n;
    struct drives_env env;
};

struct drives *drives_create(const struct drive_opts *opts, unsigned n,
                             const struct drives_env *env, struct err *e)
{
    struct drives *ds = g_new0(struct drives, 1);

    ds->d = g_new0(struct drive, n + 1);
    ds->env = *env;
    for (unsigned i = 0; i < n; i++) {
        drive_init(&ds->d[i], &opts[i], &ds->env);
        ds->n++;
        if (opts[i].image.file && !drive_open(&ds->d[i], &opts[i].image, e)) {
            err_prefix(e, opts[i].node ? "-blockdev %s" : "drive %s", opts[i].id);
            drives_destroy(ds);
            return NULL;
        }
    }
    return ds;
}

void drives_destroy(struct drives *ds)
{
    if (!ds)
        return;
    for (unsigned i = 0; i < ds->n; i++)
        drive_finish(&ds->d[i]);
    g_free(ds->d);
    g_free(ds);
}

/* ---- finding ---- */

static struct drive *find(struct drives *ds, const char *id, struct err *e)
{
    for (unsigned i = 0; ds && i < ds->n; i++)
        if (!strcmp(ds->d[i].opts->id, id))
            return &ds->d[i];
    err_set(e, "there is no drive '%s'", id);
    return NULL;
}

struct block *drives_by_id(struct drives *ds, const char *id)
{
    struct drive *d = find(ds, id, NULL);

    return d ? &d->blk : NULL;
}

struct block *drives_at(struct drives *ds, enum drive_if type, unsigned index)
{
    for (unsigned i = 0; ds && i < ds->n; i++)
        if (ds->d[i].opts->type == type && ds->d[i].opts->index == index)
            return &ds->d[i].blk;
    return NULL;
}

struct block *drives_take(struct drives *ds, const char *id, struct err *e)
{
    struct drive *d = find(ds, id, e);

    if (!d)
        return NULL;
    if (d->taken || (d->opts->type != DRIVE_NONE && d->opts->type != DRIVE_VIRTIO)) {
        err_set(e, "drive '%s' is taken by another device (say if=none for -device)", id);
        return NULL;
    }
    d->taken = true;
    return &d->blk;
}

void drives_mark_taken(struct drives *ds, struct block *b)
{
    container_of(b, struct drive, blk)->taken = true;
}

struct block *drives_untaken(struct drives *ds, enum drive_if type)
{
    for (unsigned i = 0; ds && i < ds->n; i++)
        if (ds->d[i].opts->type == type && !ds->d[i].taken)
            return &ds->d[i].blk;
    return NULL;
}

const struct drive_opts *drives_opts(const struct block *b)
{
    return container_of(b, const struct drive, blk)->opts;
}

unsigned drives_count(const struct drives *ds)
{
    return ds ? ds->n : 0;
}

void drives_info(struct drives *ds, unsigned i, struct drive_info *info)
{
    struct drive *d = &ds->d[i];

    *info = (struct drive_info){.block = &d->blk,
                                .opts = d->opts,
                                .taken = d->taken,
                                .file = d->file,
                                .snapshot = d->image.snapshot,
                                .held = d->n_held};
    if (!d->img)
        return;
    info->format = d->img->format->name;
    info->backing = d->img->backing ? d->img->backing->path : NULL;
    info->virtual_bytes = d->img->bytes;
    info->host_bytes = file_host_bytes(&d->img->file);
}

/* ---- media ---- */

/* May the medium go? The guest's lock holds unless the tray is open already. */
static bool may_remove(struct drive *d, bool force, struct err *e)
{
    struct block *b = &d->blk;

    if (!b->removable)
        return err_set(e, "Device '%s' is not removable", b->id);
    if (!b->present || !b->locked || b->tray_open || force)
        return true;
    if (b->eject_request)
        b->eject_request(b->opaque);
    return err_set(e,
                   "Device '%s' is locked and force was not specified, wait for tray to "
                   "open and try again",
                   b->id);
}

static void tell_device(struct drive *d)
{
    if (d->blk.changed)
        d->blk.changed(d->blk.opaque);
}

bool drives_eject(struct drives *ds, const char *id, bool force, struct err *e)
{
    struct drive *d = find(ds, id, e);

    if (!d || !may_remove(d, force, e))
        return false;
    drive_remove(d);
    d->blk.tray_open = d->opts->cdrom;
    tell_device(d);
    return true;
}

bool drives_change_mode(struct drives *ds, const char *id, const char *file, const char *format,
                        int mode, struct err *e)
{
    struct drive *d = find(ds, id, e);
    struct image_opts o;

    if (!d || !may_remove(d, false, e))
        return false;
    o = d->opts->image;
    o.file = file;
    o.format = format;
    if (mode)
        o.readonly = mode == 1 || d->opts->cdrom;
    if (!drive_open(d, &o, e))
        return false;
    d->blk.tray_open = false;
    tell_device(d);
    return true;
}

bool drives_change(struct drives *ds, const char *id, const char *file, const char *format,
                   struct err *e)
{
    return drives_change_mode(ds, id, file, format, 0, e);
}

/* ---- all ---- */

void drives_retry(struct drives *ds)
{
    for (unsigned i = 0; ds && i < ds->n; i++)
        drive_retry(&ds->d[i]);
}

void drives_flush(struct drives *ds)
{
    for (unsigned i = 0; ds && i < ds->n; i++)
        drive_settle(&ds->d[i]);
}
