/* SPDX-License-Identifier: MIT
 * Image locks. QEMU's programs hold shared record locks (of the open file description) on
 * single bytes: 100 + n says "I do n", 200 + n says "others must not do n". Each then looks
 * whether somebody holds the opposite byte. We hold the same bytes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "frontend/block/file.h"

enum { DOES = 100, FORBIDS = 200 };
enum { DO_READ, DO_WRITE, DO_WRITE_UNCHANGED, DO_RESIZE };

static const struct {
    const char *name;
    unsigned n;
    bool reader; /* also of a read-only opener */
} actions[] = {{"consistent read", DO_READ, true}, {"write", DO_WRITE}, {"resize", DO_RESIZE}};

static bool set_lock(int fd, short type, off_t at, off_t len)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = len};

    return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

static bool held_by_others(int fd, off_t at)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

    return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static bool refuse(struct host_file *f, const char *path, const char *name, struct err *e)
{
    set_lock(f->fd, F_UNLCK, DOES, FORBIDS - DOES + 100);
    return err_set(e, "'%s': failed to get \"%s\" lock: another process is using the image",
                   path, name);
}

bool file_lock(struct host_file *f, const char *path, struct err *e)
{
    for (unsigned i = 0; i < ARRAY_SIZE(actions); i++) {
        bool does = actions[i].reader || !f->readonly, forbids = !actions[i].reader;

        if (does && !set_lock(f->fd, F_RDLCK, DOES + actions[i].n, 1))
            return errno != EAGAIN || refuse(f, path, actions[i].name, e); /* no locks here */
        if (forbids && !set_lock(f->fd, F_RDLCK, FORBIDS + actions[i].n, 1))
            return errno != EAGAIN || refuse(f, path, actions[i].name, e);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(actions); i++) {
        bool does = actions[i].reader || !f->readonly, forbids = !actions[i].reader;

        if ((does && held_by_others(f->fd, FORBIDS + actions[i].n)) ||
            (forbids && held_by_others(f->fd, DOES + actions[i].n)))
            return refuse(f, path, actions[i].name, e);
    }
    return true;
}
