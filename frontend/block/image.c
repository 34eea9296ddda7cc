/* SPDX-License-Identifier: MIT */
#include "frontend/block/image.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct format *const formats[] = {
    &format_qcow2, &format_vmdk, &format_vdi, &format_vpc, &format_vhdx, &format_raw,
};

const struct format *image_format(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
        if (!strcmp(formats[i]->name, name))
            return formats[i];
    return NULL;
}

const struct format *image_probe(const uint8_t *head)
{
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
        if (formats[i]->probe && formats[i]->probe(head))
            return formats[i];
    return &format_raw;
}

/* ---- opening ---- */

static bool choose_format(struct image *img, const char *name, const struct host_file *f,
                          struct err *e)
{
    uint8_t head[IMAGE_PROBE_BYTES];
    int error;

    if (name) {
        img->format = image_format(name);
        return img->format || err_set(e,
                                      "'%s': unknown format '%s' (raw, qcow2, vmdk, vdi, "
                                      "vpc or vhdx)",
                                      img->path, name);
    }
    error = file_read((struct host_file *)f, head, sizeof(head), 0);
    if (error)
        return err_set(e, "'%s': cannot read: %s", img->path, strerror(error));
    img->format = image_probe(head);
    img->guess = img->format == &format_raw;
    return true;
}

static struct image *image_new(size_t size, const struct image_opts *o, const char *path)
{
    pthread_rwlockattr_t attr;
    struct image *img = g_malloc0(size);

    img->opts = *o;
    img->path = g_strdup(path);
    img->file = (struct host_file){.fd = -1, .direct_fd = -1};
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&img->users, &attr);
    pthread_rwlockattr_destroy(&attr);
    return img;
}

static void image_free(struct image *img)
{
    image_close(img->backing);
    file_close(&img->file);
    pthread_rwlock_destroy(&img->users);
    g_free(img->backing_path);
    g_free(img->path);
    g_free(img);
}

static bool in_own_chain(const struct image *img)
{
    for (const struct image *p = img->parent; p; p = p->parent)
        if (p->file.fd >= 0 && p->file.dev == img->file.dev && p->file.ino == img->file.ino)
            return true;
    return false;
}

static unsigned depth(const struct image *img)
{
    unsigned n = 0;

    for (const struct image *p = img->parent; p; p = p->parent)
        n++;
    return n;
}

/* Only when nobody said what the file is, and the guest could write another header. */
static void warn_guess(const struct image *img)
{
    if (!img->guess || img->readonly)
        return;
    fprintf(stderr,
            "mynah: warning: '%s': no format was given and it looks like raw; the guest may "
            "not write a disk image's header into its first sector (say format=raw)\n",
            img->path);
}

static struct image *open_file(const struct image_opts *o, const char *path,
                               const struct image *parent, struct err *e)
{
    struct image tmp = {.path = (char *)path, .parent = parent}, *img;
    struct host_file f;

    if (!file_open(&f, path, o, e))
        return NULL;
    tmp.file = f;
    if (in_own_chain(&tmp)) {
        err_set(e, "'%s' is its own backing file", path);
        file_close(&f);
        return NULL;
    }
    if (!choose_format(&tmp, o->format, &f, e)) {
        file_close(&f);
        return NULL;
    }
    img = image_new(tmp.format->size, o, path);
    img->format = tmp.format;
    img->guess = tmp.guess;
    img->file = f;
    img->parent = parent;
    img->readonly = o->readonly;
    if (!o->readonly && !img->format->writable) {
        err_set(e,
                "'%s': %s images can only be read: add readonly=on, or snapshot=on, or "
                "convert it with qemu-img",
                path, img->format->name);
        image_free(img);
        return NULL;
    }
    if (!img->format->open(img, e)) {
        err_prefix(e, "'%s'", path);
        if (img->format->close)
            img->format->close(img);
        image_free(img);
        return NULL;
    }
    assert(img->bytes % 512 == 0 && img->bytes <= IMAGE_BYTES_MAX);
    warn_guess(img);
    return img;
}

static struct image *put_overlay(struct image *base, struct err *e)
{
    struct image_opts o = {.no_flush = true};
    struct image *img = image_new(format_overlay.size, &o, base->path);

    img->format = &format_overlay;
    if (!file_open_temporary(&img->file, e)) {
        image_close(base);
        image_free(img);
        return NULL;
    }
    img->backing = base;
    img->bytes = base->bytes;
    format_overlay.open(img, e);
    return img;
}

struct image *image_open(const struct image_opts *o, struct err *e)
{
    struct image_opts base = *o;
    struct image *img;

    base.readonly |= o->snapshot;
    img = open_file(&base, o->file, NULL, e);
    return img && o->snapshot ? put_overlay(img, e) : img;
}

void image_close(struct image *img)
{
    if (!img)
        return;
    if (img->format->close)
        img->format->close(img);
    image_free(img);
}

/* ---- files that a file names ---- */

/* "/a/b.qcow2" + "c.img" is "/a/c.img". A "proto:" we do not know is refused. */
static char *resolve_name(const struct image *img, const char *name, struct err *e)
{
    const char *colon = strchr(name, ':'), *slash = strchr(name, '/');
    char *dir, *path;

    if (!strncmp(name, "file:", 5))
        name += 5;
    else if (colon && (!slash || colon < slash)) {
        err_set(e, "backing file '%s': only local files are supported", name);
        return NULL;
    }
    if (*name == '/' || !strchr(img->path, '/'))
        return g_strdup(name);
    dir = g_path_get_dirname(strncmp(img->path, "file:", 5) ? img->path : img->path + 5);
    path = g_build_filename(dir, name, NULL);
    g_free(dir);
    return path;
}

bool image_open_backing(struct image *img, const char *name, const char *format, struct err *e)
{
    struct image_opts o = img->opts;

    if (depth(img) + 1 >= IMAGE_CHAIN_MAX)
        return err_set(e, "more than %d backing files", IMAGE_CHAIN_MAX);
    img->backing_path = resolve_name(img, name, e);
    if (!img->backing_path)
        return false;
    o.file = img->backing_path;
    o.format = format;
    o.readonly = true;
    o.snapshot = o.no_backing = false;
    img->backing = open_file(&o, img->backing_path, img, e);
    return img->backing || err_prefix(e, "backing file");
}

bool image_open_beside(struct image *img, struct host_file *f, const char *name, struct err *e)
{
    struct image_opts o = img->opts;
    char *path = resolve_name(img, name, e);
    bool ok;

    if (!path)
        return false;
    o.readonly = true;
    ok = file_open(f, path, &o, e);
    g_free(path);
    return ok;
}

/* ---- reading ---- */

static int read_image(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                      uint64_t bytes, bool nowait);

static int read_backing(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                        uint64_t bytes, bool nowait)
{
    uint64_t end = img->backing ? img->backing->bytes : 0, there = 0;
    int error = 0;

    if (at < end)
        there = bytes < end - at ? bytes : end - at;
    if (there)
        error = read_image(img->backing, v, skip, at, there, nowait);
    if (!error && there < bytes)
        vec_fill_zero(v, skip + there, bytes - there);
    return error;
}

static int read_run(struct image *img, const struct run *run, const struct vec *v,
                    uint64_t skip, uint64_t at, bool nowait)
{
    switch (run->kind) {
    case RUN_DATA:
        return nowait ? file_read_nowait(run->file, v, skip, run->bytes, run->at)
                      : file_read_vec(run->file, v, skip, run->bytes, run->at);
    case RUN_ZERO: vec_fill_zero(v, skip, run->bytes); return 0;
    case RUN_BACKING: return read_backing(img, v, skip, at, run->bytes, nowait);
    case RUN_PACKED: break;
    }
    return nowait ? EAGAIN : img->format->unpack(img, run, at, v, skip);
}

static int read_image(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                      uint64_t bytes, bool nowait)
{
    int error = 0;

    if (!nowait)
        pthread_rwlock_rdlock(&img->users);
    else if (pthread_rwlock_tryrdlock(&img->users))
        return EAGAIN;
    while (bytes && !error) {
        struct run run = {.file = &img->file};

        error = img->format->map(img, at, bytes, nowait, &run);
        if (error)
            break;
        assert(run.bytes && run.bytes <= bytes);
        error = read_run(img, &run, v, skip, at, nowait);
        skip += run.bytes;
        at += run.bytes;
        bytes -= run.bytes;
    }
    pthread_rwlock_unlock(&img->users);
    return error;
}

int image_read(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
               uint64_t bytes)
{
    return read_image(img, v, skip, at, bytes, false);
}

int image_read_nowait(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                      uint64_t bytes)
{
    return read_image(img, v, skip, at, bytes, true);
}

int image_read_backing(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                       uint64_t bytes)
{
    return read_backing(img, v, skip, at, bytes, false);
}

int image_read_buf(struct image *img, void *buf, uint64_t at, uint64_t bytes)
{
    struct iovec iov = {buf, bytes};

    return image_read(img, &(struct vec){&iov, 1}, 0, at, bytes);
}

bool image_backing_is_zero(struct image *img, uint64_t at, uint64_t bytes)
{
    struct image *b = img->backing;
    bool zero = true;

    if (!b || at >= b->bytes)
        return true;
    if (bytes > b->bytes - at)
        bytes = b->bytes - at;
    pthread_rwlock_rdlock(&b->users);
    while (bytes && zero) {
        struct run run = {.file = &b->file};

        if (b->format->map(b, at, bytes, false, &run))
            zero = false;
        else if (run.kind == RUN_BACKING)
            zero = image_backing_is_zero(b, at, run.bytes);
        else
            zero = run.kind == RUN_ZERO;
        at += run.bytes;
        bytes -= zero ? run.bytes : 0;
    }
    pthread_rwlock_unlock(&b->users);
    return zero;
}

/* ---- writing ---- */

/* The first sector of a raw image that was not called raw must go on looking raw. */
static bool breaks_guess(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                         uint64_t bytes)
{
    uint8_t head[IMAGE_PROBE_BYTES];

    if (!img->guess || at >= sizeof(head) || bytes < sizeof(head))
        return false;
    vec_to(v, skip, head, sizeof(head));
    return image_probe(head) != &format_raw;
}

/* Writes where the data has its place already; *done: how much that was. */
static int write_in_place(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                          uint64_t bytes, uint64_t *done)
{
    int error = 0;

    *done = 0;
    pthread_rwlock_rdlock(&img->users);
    while (*done < bytes && !error) {
        struct run run = {.file = &img->file};

        error = img->format->map(img, at + *done, bytes - *done, false, &run);
        if (error || run.kind != RUN_DATA || !run.in_place)
            break;
        error = file_write_vec(run.file, v, skip + *done, run.bytes, run.at);
        *done += run.bytes;
    }
    pthread_rwlock_unlock(&img->users);
    return error;
}

int image_write(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                uint64_t bytes)
{
    uint64_t done;
    int error;

    if (img->readonly)
        return EROFS;
    if (breaks_guess(img, v, skip, at, bytes))
        return EPERM;
    error = write_in_place(img, v, skip, at, bytes, &done);
    if (!error && done < bytes)
        error = img->format->write(img, v, skip + done, at + done, bytes - done);
    return error || !img->opts.write_through ? error : image_flush(img);
}

int image_zero(struct image *img, uint64_t at, uint64_t bytes, bool unmap)
{
    int error;

    if (img->readonly)
        return EROFS;
    error = img->format->zero(img, at, bytes, unmap);
    return error || !img->opts.write_through ? error : image_flush(img);
}

int image_discard(struct image *img, uint64_t at, uint64_t bytes)
{
    if (img->readonly)
        return EROFS;
    return img->opts.unmap ? img->format->discard(img, at, bytes) : 0;
}

int image_flush(struct image *img)
{
    if (img->readonly)
        return 0;
    return img->format->flush ? img->format->flush(img) : file_sync(&img->file);
}

void image_idle(struct image *img)
{
    if (!img->readonly && img->format->idle)
        img->format->idle(img);
}
