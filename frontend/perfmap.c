/* SPDX-License-Identifier: MIT */
#include "frontend/perfmap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct perfmap {
    FILE *f;
    const struct symbols *syms;
};

struct perfmap *perfmap_open(const struct symbols *s, struct err *e)
{
    struct perfmap *m = calloc(1, sizeof(*m));
    char path[64];

    if (!m) {
        err_set(e, "out of memory");
        return NULL;
    }
    snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
    m->syms = s;
    m->f = fopen(path, "wxe"); /* /tmp is everybody's: never through a link */
    if (!m->f && errno == EEXIST && unlink(path) == 0) /* of a process that is gone */
        m->f = fopen(path, "wxe");
    if (!m->f) {
        err_set(e, "cannot write %s: %s", path, strerror(errno));
        free(m);
        return NULL;
    }
    setvbuf(m->f, NULL, _IOFBF, 1 << 16);
    return m;
}

void perfmap_close(struct perfmap *m)
{
    if (!m)
        return;
    fclose(m->f);
    free(m);
}

void perfmap_add(void *opaque, const void *code, size_t n, gva pc)
{
    struct perfmap *m = opaque;
    uint64_t offset;
    const char *name = symbols_find(m->syms, pc, &offset);

    fprintf(m->f, "%" PRIxPTR " %zx ", (uintptr_t)code, n);
    if (!name)
        fprintf(m->f, "guest:%" PRIx64 "\n", pc);
    else if (offset)
        fprintf(m->f, "%s+0x%" PRIx64 "\n", name, offset);
    else
        fprintf(m->f, "%s\n", name);
}
