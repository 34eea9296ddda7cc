/* SPDX-License-Identifier: MIT
 * A disk image: bytes of a virtual disk, kept in a file of some format. The generic part moves
 * data between memory and host files; a format says where bytes are (map) and makes room for
 * new ones (write). int results are 0 or an errno value.
 *
 * Threads: any number may read, write, zero, discard and flush at once. `users` is held shared
 * by whoever moves data to or from a place that map named; a format takes it exclusively before
 * it uses such a place for something else. */
#ifndef FRONTEND_BLOCK_IMAGE_H
#define FRONTEND_BLOCK_IMAGE_H

#include <pthread.h>

#include "frontend/block/file.h"

enum { IMAGE_PROBE_BYTES = 512, IMAGE_CHAIN_MAX = 200 };
#define IMAGE_BYTES_MAX (1ull << 62)

enum run_kind {
    RUN_DATA,    /* at run.at of run.file */
    RUN_ZERO,    /* zeroes */
    RUN_BACKING, /* whatever the backing image holds there; zeroes without one */
    RUN_PACKED,  /* ask the format (unpack) */
};

/* A stretch of the virtual disk that is stored in one way. */
struct run {
    enum run_kind kind;
    bool in_place; /* DATA: may be overwritten there */
    uint64_t bytes;
    struct host_file *file;
    uint64_t at;
    uint64_t cookie; /* PACKED: the format's */
};

struct image;

struct format {
    const char *name; /* as in format= */
    size_t size;      /* of the structure that begins with struct image */
    bool writable;
    /* Are these IMAGE_PROBE_BYTES the head of such a file? NULL: never found by looking. */
    bool (*probe)(const uint8_t *head);
    /* img->file is open; sets img->bytes and opens backing images. close is called after
     * failure as well. */
    bool (*open)(struct image *img, struct err *e);
    void (*close)(struct image *img); /* optional; not the file, not the backing image */
    /* The run at `at`, clipped to bytes. nowait: EAGAIN rather than host I/O or a lock. */
    int (*map)(struct image *img, uint64_t at, uint64_t bytes, bool nowait, struct run *run);
    int (*unpack)(struct image *img, const struct run *run, uint64_t at, const struct vec *v,
                  uint64_t skip);
    /* Any range; called where map finds no place to write to. */
    int (*write)(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                 uint64_t bytes);
    int (*zero)(struct image *img, uint64_t at, uint64_t bytes, bool unmap);
    int (*discard)(struct image *img, uint64_t at, uint64_t bytes);
    /* Everything written before is on stable storage; NULL: file_sync is enough. */
    int (*flush)(struct image *img);
    /* Nothing has happened for a while: what is only in memory may go to the file. Optional. */
    void (*idle)(struct image *img);
};

extern const struct format format_raw, format_qcow2, format_vmdk, format_vdi, format_vpc,
    format_vhdx, format_overlay;

struct image {
    const struct format *format;
    struct host_file file;
    struct image *backing;      /* owned */
    const struct image *parent; /* whose backing image this is, or NULL */
    struct image_opts opts;
    char *path;
    char *backing_path; /* or NULL */
    uint64_t bytes;     /* of the virtual disk, a multiple of 512 */
    bool readonly;
    bool guess; /* raw because nothing else was found: must not become something else */
    pthread_rwlock_t users;
};

/* Opens o->file and what it is based on. NULL with e set. */
struct image *image_open(const struct image_opts *o, struct err *e);
void image_close(struct image *img); /* NULL allowed; writes what is only in memory */

/* bytes > 0; the range lies inside the image and is whole sectors. skip: into v. */
int image_read(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
               uint64_t bytes);
int image_read_nowait(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                      uint64_t bytes);
int image_write(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                uint64_t bytes);
int image_zero(struct image *img, uint64_t at, uint64_t bytes, bool unmap);
int image_discard(struct image *img, uint64_t at, uint64_t bytes);
int image_flush(struct image *img);
void image_idle(struct image *img);

/* For formats. As image_read, of img->backing; zeroes where there is none. */
int image_read_backing(struct image *img, const struct vec *v, uint64_t skip, uint64_t at,
                       uint64_t bytes);
int image_read_buf(struct image *img, void *buf, uint64_t at, uint64_t bytes);
/* Is [at, at + bytes) of the backing image known to be zeroes without reading it? */
bool image_backing_is_zero(struct image *img, uint64_t at, uint64_t bytes);
/* Opens img->backing: `name` as the file holds it (relative to img's own directory), format
 * NULL: find out. */
bool image_open_backing(struct image *img, const char *name, const char *format, struct err *e);
/* Opens a file beside img (an extent): no probing, no locks beyond the file's own. */
bool image_open_beside(struct image *img, struct host_file *f, const char *name, struct err *e);

const struct format *image_format(const char *name); /* NULL: unknown */
/* What the head of a file looks like; never NULL. */
const struct format *image_probe(const uint8_t *head);

#endif
