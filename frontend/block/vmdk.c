/* SPDX-License-Identifier: MIT
 * VMware disk images, read only: "Virtual Disk Format 5.0". A disk is a row of extents, each
 * flat, sparse (also compressed: streamOptimized) or zero; one file holds descriptor and sparse
 * extent, or a text file names them. A parent is opened as backing image. Left out: ESX sparse
 * (COWD, SE sparse) extents. */
#include <errno.h>
#include <glib.h>
#include <stdio.h>

#include "frontend/block/bytes.h"
#include "frontend/block/image.h"
#include "frontend/block/tcache.h"
#include "frontend/block/unpack.h"

enum {
    HEADER_BYTES = 512,
    AT_VERSION = 4,
    AT_FLAGS = 8,
    AT_CAPACITY = 12,
    AT_GRAIN = 20,
    AT_DESCRIPTOR = 28,
    AT_DESCRIPTOR_SIZE = 36,
    AT_TABLE_ENTRIES = 44,
    AT_DIRECTORY = 56,
    AT_COMPRESSION = 77,
    FLAG_ZERO_GRAIN = 1 << 2,
    FLAG_COMPRESSED = 1 << 16,
    FLAG_MARKERS = 1 << 17,
    DESCRIPTOR_MAX = 1 << 20,
    EXTENTS_MAX = 4096,
    DIRECTORY_MAX = 8 << 20, /* entries */
    GRAIN_MAX = 1 << 16,     /* sectors */
    CACHE_BYTES = 8 << 20,
};
#define AT_END UINT64_MAX
#define SPARSE 0x564d444bu
#define TEXT   "# Disk DescriptorFile"

enum extent_kind { EXTENT_FLAT, EXTENT_ZERO, EXTENT_SPARSE };

struct extent {
    enum extent_kind kind;
    struct host_file *file;
    bool own_file;
    uint64_t start, bytes; /* on the disk */
    uint64_t flat_at;
    uint32_t flags, table_entries;
    uint64_t grain;                         /* bytes */
    uint32_t *directory, directory_entries; /* sectors of grain tables, as in the file */
    struct tcache tables;
};

struct vmdk {
    struct image img;
    GPtrArray *extents;
    pthread_mutex_t lock; /* tables, out */
    uint8_t *out;         /* the last grain that was unpacked */
    uint64_t out_at;      /* its place in its file */
    const struct extent *out_of;
};

static void extent_free(void *p)
{
    struct extent *x = p;

    tcache_finish(&x->tables);
    if (x->own_file) {
        file_close(x->file);
        g_free(x->file);
    }
    g_free(x->directory);
    g_free(x);
}

/* ---- sparse extents ---- */

static bool check_sparse(struct extent *x, const uint8_t *h, struct err *e)
{
    uint64_t grain = get_le64(h + AT_GRAIN), sectors = get_le64(h + AT_CAPACITY), cover, n;

    if (get_le32(h) != SPARSE || get_le32(h + AT_VERSION) < 1 || get_le32(h + AT_VERSION) > 3)
        return err_set(e, "bad VMDK extent header");
    x->flags = get_le32(h + AT_FLAGS);
    x->table_entries = get_le32(h + AT_TABLE_ENTRIES);
    if (!grain || grain > GRAIN_MAX || grain & (grain - 1))
        return err_set(e, "bad VMDK grain size");
    if (!x->table_entries || x->table_entries > 4096)
        return err_set(e, "bad VMDK grain table size");
    if (x->flags & FLAG_COMPRESSED &&
        (get_le16(h + AT_COMPRESSION) != 1 || !(x->flags & FLAG_MARKERS)))
        return err_set(e, "unsupported VMDK compression");
    x->grain = grain * 512;
    cover = grain * x->table_entries;
    n = sectors / cover + (sectors % cover != 0);
    if (n > DIRECTORY_MAX)
        return err_set(e, "bad VMDK disk size");
    x->directory_entries = (uint32_t)n;
    x->bytes = sectors * 512;
    return true;
}

static bool open_sparse(struct extent *x, struct err *e)
{
    uint8_t h[HEADER_BYTES];
    uint64_t at, size = file_size(x->file);

    if (file_read(x->file, h, sizeof(h), 0))
        return err_set(e, "cannot read");
    if (get_le64(h + AT_DIRECTORY) ==
            AT_END && /* streamOptimized: a footer repeats the header */
        (size < 1024 || file_read(x->file, h, sizeof(h), size - 1024)))
        return err_set(e, "no VMDK footer");
    if (!check_sparse(x, h, e))
        return false;
    at = get_le64(h + AT_DIRECTORY);
    x->directory = g_try_malloc0((uint64_t)x->directory_entries * 4 + 4);
    if (!x->directory)
        return err_set(e, "no memory for the VMDK grain directory");
    if (at > INT64_MAX / 512 ||
        file_read(x->file, x->directory, (uint64_t)x->directory_entries * 4, at * 512))
        return err_set(e, "cannot read the VMDK grain directory");
    tcache_init(&x->tables, x->file, x->table_entries * 4, CACHE_BYTES, x->directory_entries);
    return true;
}

/* ---- the descriptor ---- */

static bool add_extent(struct vmdk *d, struct extent *x, struct err *e)
{
    x->start = d->img.bytes;
    g_ptr_array_add(d->extents, x);
    if (x->bytes > IMAGE_BYTES_MAX - d->img.bytes)
        return err_set(e, "bad VMDK disk size");
    d->img.bytes += x->bytes;
    return true;
}

/* `RW 2048 FLAT "disk-flat.vmdk" 0` */
static bool parse_extent(struct vmdk *d, const char *line, struct err *e)
{
    char access[16], kind[16], name[512] = "";
    unsigned long long sectors, at = 0;
    struct extent *x;
    int n =
        sscanf(line, "%15s %llu %15s \"%511[^\"]\" %llu", access, &sectors, kind, name, &at);
    bool flat = n >= 3 && (!strcmp(kind, "FLAT") || !strcmp(kind, "VMFS"));
    bool sparse = n >= 3 && !strcmp(kind, "SPARSE");

    if (n < 3 || (!flat && !sparse && strcmp(kind, "ZERO")) || ((flat || sparse) && n < 4))
        return err_set(e, "unsupported VMDK extent '%.80s'", line);
    if (d->extents->len == EXTENTS_MAX || sectors > IMAGE_BYTES_MAX / 512 ||
        at > IMAGE_BYTES_MAX / 512)
        return err_set(e, "bad VMDK extent '%.80s'", line);
    x = g_new0(struct extent, 1);
    x->kind = flat ? EXTENT_FLAT : sparse ? EXTENT_SPARSE : EXTENT_ZERO;
    x->bytes = sectors * 512;
    x->flat_at = at * 512;
    if (x->kind != EXTENT_ZERO) {
        x->file = g_new0(struct host_file, 1);
        *x->file = (struct host_file){.fd = -1, .direct_fd = -1};
        x->own_file = true;
        if (!image_open_beside(&d->img, x->file, name, e) || (sparse && !open_sparse(x, e))) {
            extent_free(x);
            return false;
        }
    }
    if (x->bytes > sectors * 512)
        x->bytes = sectors * 512;
    return add_extent(d, x, e);
}

/* Takes `key="value"` or `key=value`, value to the end of the line. */
static char *value_of(const char *line, const char *key)
{
    size_t n = strlen(key);
    const char *p = line + n;

    if (g_ascii_strncasecmp(line, key, n))
        return NULL;
    while (*p == ' ' || *p == '\t')
        p++;
    if (*p++ != '=')
        return NULL;
    while (*p == ' ' || *p == '\t' || *p == '"')
        p++;
    return g_strndup(p, strcspn(p, "\"\r\n"));
}

static bool is_extent(const char *line)
{
    return g_str_has_prefix(line, "RW ") || g_str_has_prefix(line, "RDONLY ") ||
           g_str_has_prefix(line, "NOACCESS ");
}

/* extents: the lines count; else the file itself is the one extent. */
static bool parse_descriptor(struct vmdk *d, char *text, bool extents, struct err *e)
{
    char **lines = g_strsplit(text, "\n", -1), *hint = NULL, *v;
    bool ok = true, child = false;

    for (char **l = lines; *l && ok; l++) {
        char *line = g_strchug(*l);

        if (extents && is_extent(line))
            ok = parse_extent(d, line, e);
        if ((v = value_of(line, "parentCID"))) {
            child = g_ascii_strcasecmp(g_strchomp(v), "ffffffff") != 0;
            g_free(v);
        }
        if ((v = value_of(line, "parentFileNameHint"))) {
            g_free(hint);
            hint = v;
        }
    }
    g_strfreev(lines);
    if (ok && child && !hint)
        ok = err_set(e, "the VMDK descriptor does not name the parent");
    if (ok && child)
        ok = image_open_backing(&d->img, hint, "vmdk", e);
    g_free(hint);
    return ok;
}

static bool read_descriptor(struct vmdk *d, uint64_t at, uint64_t bytes, bool extents,
                            struct err *e)
{
    char *text;
    bool ok;

    if (bytes > DESCRIPTOR_MAX || at > INT64_MAX - DESCRIPTOR_MAX)
        return err_set(e, "bad VMDK descriptor size");
    text = g_malloc0(bytes + 1);
    ok = !file_read(&d->img.file, text, bytes, at) || err_set(e, "cannot read");
    ok = ok && parse_descriptor(d, text, extents, e);
    g_free(text);
    return ok;
}

static bool open_single(struct vmdk *d, const uint8_t *head, struct err *e)
{
    struct extent *x = g_new0(struct extent, 1);
    uint64_t at = get_le64(head + AT_DESCRIPTOR), n = get_le64(head + AT_DESCRIPTOR_SIZE);

    x->kind = EXTENT_SPARSE;
    x->file = &d->img.file;
    if (!open_sparse(x, e)) {
        extent_free(x);
        return false;
    }
    if (!add_extent(d, x, e))
        return false;
    return !at || at > INT64_MAX / 512 || n > DESCRIPTOR_MAX / 512 ||
           read_descriptor(d, at * 512, n * 512, false, e);
}

static bool vmdk_probe(const uint8_t *head)
{
    return get_le32(head) == SPARSE || !memcmp(head, TEXT, sizeof(TEXT) - 1);
}

static bool vmdk_open(struct image *img, struct err *e)
{
    struct vmdk *d = container_of(img, struct vmdk, img);
    uint8_t head[HEADER_BYTES];

    pthread_mutex_init(&d->lock, NULL);
    d->extents = g_ptr_array_new_with_free_func(extent_free);
    if (file_read(&img->file, head, sizeof(head), 0) || !vmdk_probe(head))
        return err_set(e, "not a VMDK image");
    if (get_le32(head) == SPARSE)
        return open_single(d, head, e);
    if (!read_descriptor(d, 0, file_size(&img->file), true, e))
        return false;
    return d->extents->len || err_set(e, "the VMDK descriptor names no extents");
}

static void vmdk_close(struct image *img)
{
    struct vmdk *d = container_of(img, struct vmdk, img);

    g_ptr_array_free(d->extents, TRUE);
    g_free(d->out);
    pthread_mutex_destroy(&d->lock);
}

/* ---- reading ---- */

static const struct extent *find_extent(const struct vmdk *d, uint64_t at)
{
    unsigned lo = 0, hi = d->extents->len;

    while (hi - lo > 1) {
        unsigned mid = (lo + hi) / 2;

        if (((struct extent *)d->extents->pdata[mid])->start <= at)
            lo = mid;
        else
            hi = mid;
    }
    return d->extents->pdata[lo];
}

/* The sector of the grain at p of the extent: 0 none, 1 zeroes; lock held. */
static int grain_sector(struct extent *x, uint64_t p, bool nowait, uint32_t *sector)
{
    uint64_t grain = p / x->grain;
    uint32_t i = (uint32_t)(grain / x->table_entries), at = le32toh(x->directory[i]);
    uint8_t *table;
    int error = 0;

    *sector = 0;
    if (!at)
        return 0;
    table = tcache_find(&x->tables, i);
    if (!table)
        error = nowait ? EAGAIN : tcache_load(&x->tables, i, (uint64_t)at * 512, &table);
    if (error)
        return error;
    *sector = get_le32(table + grain % x->table_entries * 4);
    return 0;
}

static int map_sparse(struct vmdk *d, struct extent *x, uint64_t p, bool nowait,
                      struct run *run)
{
    uint64_t within = p % x->grain;
    uint32_t sector;
    int error;

    if (x->grain - within < run->bytes)
        run->bytes = x->grain - within;
    if (nowait ? pthread_mutex_trylock(&d->lock) : pthread_mutex_lock(&d->lock))
        return EAGAIN;
    error = grain_sector(x, p, nowait, &sector);
    pthread_mutex_unlock(&d->lock);
    run->cookie = (uint64_t)sector * 512;
    run->at = run->cookie + within;
    run->kind = !sector                                     ? RUN_BACKING
                : sector == 1 && x->flags & FLAG_ZERO_GRAIN ? RUN_ZERO
                : x->flags & FLAG_COMPRESSED                ? RUN_PACKED
                                                            : RUN_DATA;
    return error;
}

static int vmdk_map(struct image *img, uint64_t at, uint64_t bytes, bool nowait,
                    struct run *run)
{
    struct vmdk *d = container_of(img, struct vmdk, img);
    struct extent *x = (struct extent *)find_extent(d, at);
    uint64_t p = at - x->start;

    run->file = x->file;
    run->bytes = x->bytes - p < bytes ? x->bytes - p : bytes;
    run->kind = x->kind == EXTENT_ZERO ? RUN_ZERO : RUN_DATA;
    run->at = x->flat_at + p;
    return x->kind == EXTENT_SPARSE ? map_sparse(d, x, p, nowait, run) : 0;
}

/* A marker comes first: sector number (8 bytes), length (4 bytes). */
static int unpack_grain(struct vmdk *d, const struct extent *x, uint64_t at)
{
    uint8_t marker[12], *in;
    uint32_t n;
    int error;

    if (d->out_of == x && d->out_at == at)
        return 0;
    d->out_of = NULL;
    error = file_read(x->file, marker, sizeof(marker), at);
    n = get_le32(marker + 8);
    if (error || n > x->grain * 2 + 4096)
        return EIO;
    in = g_malloc(n + 1);
    d->out = g_realloc(d->out, GRAIN_MAX * 512u);
    error = file_read(x->file, in, n, at + sizeof(marker));
    if (!error && !unpack_block(UNPACK_ZLIB, in, n, d->out, x->grain))
        error = EIO;
    g_free(in);
    if (error)
        return error;
    d->out_of = x;
    d->out_at = at;
    return 0;
}

static int vmdk_unpack(struct image *img, const struct run *run, uint64_t at,
                       const struct vec *v, uint64_t skip)
{
    struct vmdk *d = container_of(img, struct vmdk, img);
    const struct extent *x = find_extent(d, at);
    int error;

    pthread_mutex_lock(&d->lock);
    error = unpack_grain(d, x, run->cookie);
    if (!error)
        vec_from(v, skip, d->out + (at - x->start) % x->grain, run->bytes);
    pthread_mutex_unlock(&d->lock);
    return error;
}

const struct format format_vmdk = {
    .name = "vmdk",
    .size = sizeof(struct vmdk),
    .probe = vmdk_probe,
    .open = vmdk_open,
    .close = vmdk_close,
    .map = vmdk_map,
    .unpack = vmdk_unpack,
};
