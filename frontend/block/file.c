/* SPDX-License-Identifier: MIT */
#include "frontend/block/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECES = 64, DIRECT_ALIGN = 4096 };

/* ---- opening ---- */

static const char *local_name(const char *path)
{
    return strncmp(path, "file:", 5) ? path : path + 5;
}

/* A copy of the descriptor of set N whose mode suffices; -1 with errno. */
static int open_fdset(const struct fdsets *sets, int set, bool readonly)
{
    bool seen = false;

    for (unsigned i = 0; sets && i < sets->n; i++) {
        if (sets->v[i].set != set)
            continue;
        int mode = fcntl(sets->v[i].fd, F_GETFL);
        seen = true;
        if (mode >= 0 &&
            ((mode & O_ACCMODE) == O_RDWR || (readonly && (mode & O_ACCMODE) == O_RDONLY)))
            return fcntl(sets->v[i].fd, F_DUPFD_CLOEXEC, 3);
    }
    errno = seen ? EACCES : ENOENT;
    return -1;
}

static int open_path(const char *path, const struct image_opts *o, int flags)
{
    int set, n = 0;

    if (sscanf(path, "/dev/fdset/%d%n", &set, &n) == 1 && !path[n])
        return open_fdset(o->fdsets, set, o->readonly);
    return open(path, flags | O_CLOEXEC | (o->readonly ? O_RDONLY : O_RDWR));
}

/* Kind, size and identity. */
static bool learn(struct host_file *f, const char *path, struct err *e)
{
    struct stat st;
    char byte;
    struct iovec iov = {&byte, 1};
    uint64_t bytes = 0;

    if (fstat(f->fd, &st))
        return err_set(e, "'%s': %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return err_set(e, "'%s' is a directory", path);
    if (S_ISREG(st.st_mode)) {
        bytes = (uint64_t)st.st_size;
    } else if (S_ISBLK(st.st_mode)) {
        f->device = true;
        if (ioctl(f->fd, BLKGETSIZE64, &bytes))
            return err_set(e, "'%s': cannot get its size: %s", path, strerror(errno));
    } else {
        return err_set(e, "'%s' is neither a file nor a block device", path);
    }
    f->end = bytes;
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->nowait = preadv2(f->fd, &iov, 1, 0, RWF_NOWAIT) >= 0 || errno == EAGAIN;
    return true;
}

bool file_open(struct host_file *f, const char *path, const struct image_opts *o, struct err *e)
{
    int flags;

    path = local_name(path);
    *f = (struct host_file){.direct_fd = -1, .readonly = o->readonly, .no_flush = o->no_flush};
    /* a FIFO must not make us wait */
    f->fd = open_path(path, o, O_NONBLOCK);
    if (f->fd < 0)
        return err_set(e, "cannot open '%s': %s", path, strerror(errno));
    flags = fcntl(f->fd, F_GETFL);
    if (flags >= 0 && strncmp(path, "/dev/fdset/", 11))
        fcntl(f->fd, F_SETFL, flags & ~O_NONBLOCK);
    if (!learn(f, path, e) || (!o->no_lock && !file_lock(f, path, e))) {
        file_close(f);
        return false;
    }
    if (o->direct && strncmp(path, "/dev/fdset/", 11)) {
        f->direct_fd = open_path(path, o, O_DIRECT);
        if (f->direct_fd < 0)
            fprintf(stderr, "mynah: warning: '%s': no direct I/O on this file system (%s)\n",
                    path, strerror(errno));
    }
    return true;
}

bool file_open_temporary(struct host_file *f, struct err *e)
{
    const char *dir = getenv("TMPDIR");

    *f = (struct host_file){.direct_fd = -1, .no_flush = true};
    if (!dir || !*dir)
        dir = "/var/tmp";
    f->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (f->fd < 0) { /* the file system cannot: a name that goes at once */
        char name[4096];

        snprintf(name, sizeof(name), "%s/mynah-XXXXXX", dir);
        f->fd = mkostemp(name, O_CLOEXEC);
        if (f->fd < 0)
            return err_set(e, "cannot create a temporary file in '%s': %s", dir,
                           strerror(errno));
        unlink(name);
    }
    return learn(f, "temporary file", e);
}

void file_close(struct host_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    if (f->direct_fd >= 0)
        close(f->direct_fd);
    f->fd = f->direct_fd = -1;
}

uint64_t file_size(const struct host_file *f)
{
    return __atomic_load_n(&f->end, __ATOMIC_RELAXED);
}

uint64_t file_host_bytes(const struct host_file *f)
{
    struct stat st;

    if (f->device || fstat(f->fd, &st))
        return file_size(f);
    return (uint64_t)st.st_blocks * 512;
}

/* ---- reading and writing ---- */

static bool aligned(const struct iovec *iov, unsigned n, uint64_t at)
{
    uintptr_t all = at;

    for (unsigned i = 0; i < n; i++)
        all |= (uintptr_t)iov[i].iov_base | iov[i].iov_len;
    return all % DIRECT_ALIGN == 0;
}

static int errno_of_write(void)
{
    return errno == EFBIG || errno == EDQUOT ? ENOSPC : errno;
}

static bool in_range(uint64_t at, uint64_t bytes)
{
    return at <= INT64_MAX && bytes <= INT64_MAX - at;
}

static int read_part(struct host_file *f, const struct iovec *iov, unsigned n, uint64_t at,
                     int flags, uint64_t *done)
{
    ssize_t got = -1;

    if (f->direct_fd >= 0 && aligned(iov, n, at))
        got = preadv(f->direct_fd, iov, (int)n, (off_t)at);
    if (got <= 0)
        got = preadv2(f->fd, iov, (int)n, (off_t)at, flags);
    if (got < 0)
        return errno;
    *done = (uint64_t)got;
    return 0;
}

static int read_vec(struct host_file *f, const struct vec *v, uint64_t skip, uint64_t bytes,
                    uint64_t at, int flags)
{
    struct iovec part[PIECES];

    if (!in_range(at, bytes))
        return EIO;
    while (bytes) {
        uint64_t len, done = 0;
        unsigned n = vec_window(v, skip, bytes, part, PIECES, &len);
        int error = read_part(f, part, n, at, flags, &done);

        if (error == EINTR)
            continue;
        if (error)
            return error;
        if (!done) { /* past the end */
            if (flags && at < file_size(f))
                return EAGAIN;
            vec_fill_zero(v, skip, bytes);
            return 0;
        }
        skip += done;
        at += done;
        bytes -= done;
    }
    return 0;
}

int file_read_vec(struct host_file *f, const struct vec *v, uint64_t skip, uint64_t bytes,
                  uint64_t at)
{
    return read_vec(f, v, skip, bytes, at, 0);
}

int file_read_nowait(struct host_file *f, const struct vec *v, uint64_t skip, uint64_t bytes,
                     uint64_t at)
{
    if (!f->nowait || f->direct_fd >= 0)
        return EAGAIN;
    return read_vec(f, v, skip, bytes, at, RWF_NOWAIT);
}

static void note_end(struct host_file *f, uint64_t end)
{
    uint64_t old = file_size(f);

    while (old < end && !__atomic_compare_exchange_n(&f->end, &old, end, true, __ATOMIC_RELAXED,
                                                     __ATOMIC_RELAXED))
        ;
}

int file_write_vec(struct host_file *f, const struct vec *v, uint64_t skip, uint64_t bytes,
                   uint64_t at)
{
    struct iovec part[PIECES];

    if (!in_range(at, bytes))
        return ENOSPC;
    while (bytes) {
        uint64_t len;
        unsigned n = vec_window(v, skip, bytes, part, PIECES, &len);
        ssize_t done = -1;

        if (f->direct_fd >= 0 && aligned(part, n, at))
            done = pwritev(f->direct_fd, part, (int)n, (off_t)at);
        if (done < 0)
            done = pwritev(f->fd, part, (int)n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno_of_write();
        if (!done)
            return ENOSPC;
        note_end(f, at + (uint64_t)done);
        skip += (uint64_t)done;
        at += (uint64_t)done;
        bytes -= (uint64_t)done;
    }
    return 0;
}

int file_read(struct host_file *f, void *buf, uint64_t bytes, uint64_t at)
{
    struct iovec iov = {buf, bytes};

    return read_vec(f, &(struct vec){&iov, 1}, 0, bytes, at, 0);
}

int file_write(struct host_file *f, const void *buf, uint64_t bytes, uint64_t at)
{
    struct iovec iov = {(void *)buf, bytes};

    return file_write_vec(f, &(struct vec){&iov, 1}, 0, bytes, at);
}

/* ---- zeroes, holes, stable storage ---- */

static int write_zeroes(struct host_file *f, uint64_t at, uint64_t bytes)
{
    static const char zeroes[65536];
    int error = 0;

    while (bytes && !error) {
        uint64_t n = bytes < sizeof(zeroes) ? bytes : sizeof(zeroes);

        error = file_write(f, zeroes, n, at);
        at += n;
        bytes -= n;
    }
    return error;
}

int file_zero(struct host_file *f, uint64_t at, uint64_t bytes, bool unmap)
{
    uint64_t end = file_size(f);
    int mode = unmap ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
                     : FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;

    if (at >= end && !f->device) /* nothing there: reads as zeroes already */
        return 0;
    if (bytes > end - at && !f->device)
        bytes = end - at;
    if (!bytes || fallocate(f->fd, mode, (off_t)at, (off_t)bytes) == 0)
        return 0;
    if (!unmap && errno == ENOSPC)
        return ENOSPC;
    return write_zeroes(f, at, bytes);
}

void file_discard(struct host_file *f, uint64_t at, uint64_t bytes)
{
    if (in_range(at, bytes) && at < file_size(f) &&
        fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)bytes) <
            0)
        return; /* a hint only */
}

int file_sync(struct host_file *f)
{
    if (f->no_flush)
        return 0;
    return fdatasync(f->fd) ? errno_of_write() : 0;
}
