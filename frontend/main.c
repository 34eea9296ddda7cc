/* SPDX-License-Identifier: MIT
 * The mynah command: options, log, pid file; vm.c does the rest. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "frontend/opts.h"
#include "cpu/cpuid.h"
#include "frontend/vm.h"
#include "softmmu/log.h"

static bool write_pidfile(const char *path, struct err *e)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return err_set(e, "-pidfile: cannot create '%s': %s", path, strerror(errno));
    fprintf(f, "%ld\n", (long)getpid());
    if (fclose(f))
        return err_set(e, "-pidfile: cannot write '%s': %s", path, strerror(errno));
    return true;
}

static bool prepare(const struct opts *o, struct err *e)
{
    log_set_mask(o->log_mask);
    if (o->log_file && !log_set_file(o->log_file))
        return err_set(e, "-D: cannot create '%s': %s", o->log_file, strerror(errno));
    return !o->pidfile || write_pidfile(o->pidfile, e);
}

/* A standard stream that is closed would be the next file we open, and the
 * guest's output would go there. */
static void open_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

int main(int argc, char **argv)
{
    struct opts o;
    struct err e = {""};
    int status = 1;

    open_standard_streams();
    signal(SIGXFSZ, SIG_IGN); /* a disk image at the limit of a file is an error like any */

    switch (opts_parse(&o, argc, argv, &e)) {
    case OPTS_DONE: status = fflush(stdout) == 0 ? 0 : 1; break;
    case OPTS_ERROR: fprintf(stderr, "mynah: %s\n", e.msg); break;
    case OPTS_RUN:
        if (o.cpu && (!strcmp(o.cpu, "help") || !strcmp(o.cpu, "?"))) {
            cpu_model_help();
            status = fflush(stdout) == 0 ? 0 : 1;
            break;
        }
        if (!prepare(&o, &e)) {
            fprintf(stderr, "mynah: %s\n", e.msg);
            break;
        }
        status = vm_run(&o);
        if (o.pidfile)
            unlink(o.pidfile);
        break;
    }
    opts_finish(&o);
    return status;
}
