/* SPDX-License-Identifier: MIT
 * A file or block device of the host: positioned reads and writes that transfer everything or
 * say why not, locks against other emulators. All calls but open and close: any thread.
 * int results are 0 or an errno value; running out of space in any form is ENOSPC. */
#ifndef FRONTEND_BLOCK_FILE_H
#define FRONTEND_BLOCK_FILE_H

#include <sys/types.h>

#include "frontend/block/drives.h"
#include "frontend/block/vec.h"

struct host_file {
    int fd;        /* page cache; holds the locks */
    int direct_fd; /* O_DIRECT, or -1 */
    bool readonly;
    bool device; /* a block device: its size is fixed */
    bool no_flush;
    bool nowait;  /* RWF_NOWAIT works */
    uint64_t end; /* size; grows by our writes; atomic */
    dev_t dev;    /* identity */
    ino_t ino;
};

/* Opens o->file: reads only when o->readonly, without locks when o->no_lock. */
bool file_open(struct host_file *f, const char *path, const struct image_opts *o,
               struct err *e);
/* An unnamed file for writes that go away; in $TMPDIR or /var/tmp. */
bool file_open_temporary(struct host_file *f, struct err *e);
void file_close(struct host_file *f); /* fd -1: nothing */

uint64_t file_size(const struct host_file *f);
uint64_t file_host_bytes(const struct host_file *f); /* space used on the host */

/* What lies past the end reads as zeroes. */
int file_read(struct host_file *f, void *buf, uint64_t bytes, uint64_t at);
int file_write(struct host_file *f, const void *buf, uint64_t bytes, uint64_t at);
int file_read_vec(struct host_file *f, const struct vec *v, uint64_t skip, uint64_t bytes,
                  uint64_t at);
int file_write_vec(struct host_file *f, const struct vec *v, uint64_t skip, uint64_t bytes,
                   uint64_t at);
/* EAGAIN instead of waiting for the disk. */
int file_read_nowait(struct host_file *f, const struct vec *v, uint64_t skip, uint64_t bytes,
                     uint64_t at);
/* Reads as zeroes from now on; unmap: gives the space back. */
int file_zero(struct host_file *f, uint64_t at, uint64_t bytes, bool unmap);
/* The contents no longer matter; failure has no meaning. */
void file_discard(struct host_file *f, uint64_t at, uint64_t bytes);
int file_sync(struct host_file *f); /* fdatasync */

/* lock.c: QEMU's protocol of byte locks, so that both see each other. False, with a clear
 * message, when another process uses the file in a way that does not go with ours. */
bool file_lock(struct host_file *f, const char *path, struct err *e);

#endif
