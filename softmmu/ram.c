/* SPDX-License-Identifier: MIT */
#include "softmmu/ram.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

bool ram_init(struct ram *r, uint64_t size, struct err *e)
{
    void *p;

    *r = (struct ram){0};
    if (!size || (size & GUEST_PAGE_MASK))
        return err_set(e, "guest RAM of %llu bytes is not a whole number of pages",
                       (unsigned long long)size);
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
             -1, 0);
    if (p == MAP_FAILED)
        return err_set(e, "cannot reserve %llu MiB of guest RAM: %s",
                       (unsigned long long)(size >> 20), strerror(errno));
    madvise(p, size, MADV_HUGEPAGE); /* fewer host faults and TLB misses; may be refused */
    *r = (struct ram){.host = p, .size = size};
    return true;
}

void ram_finish(struct ram *r)
{
    if (r->host)
        munmap(r->host, r->size);
    *r = (struct ram){0};
}
