/* SPDX-License-Identifier: MIT */
#include "softmmu/block.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int check(const struct block *b, const struct block_req *r)
{
    if (!b->present)
        return ENOMEDIUM;
    if (r->op == BLOCK_FLUSH)
        return 0;
    if (r->op != BLOCK_READ && b->readonly)
        return EROFS;
    if (r->offset % BLOCK_SECTOR || r->bytes % BLOCK_SECTOR || r->offset > b->bytes ||
        r->bytes > b->bytes - r->offset)
        return EINVAL;
    return 0;
}

void block_submit(struct block *b, struct block_req *r)
{
    int error = check(b, r);

    if (error) {
        r->done(r, error);
        return;
    }
    b->ops_done[r->op]++;
    b->bytes_done[r->op] += r->op == BLOCK_FLUSH ? 0 : r->bytes;
    b->ops->submit(b, r);
}

void block_drain(struct block *b)
{
    if (b)
        b->ops->drain(b);
}

void block_set_tray(struct block *b, bool open)
{
    if (b->tray_open == open)
        return;
    b->tray_open = open;
    if (b->ops->tray)
        b->ops->tray(b, open);
}

/* ---- test back end ---- */

static void mem_transfer(struct block_mem *m, const struct block_req *r)
{
    uint8_t *p = m->data + r->offset;
    unsigned i;

    if (r->op == BLOCK_FLUSH)
        m->flushes++;
    if (r->op == BLOCK_ZERO || r->op == BLOCK_DISCARD)
        memset(p, 0, r->bytes);
    if (r->op != BLOCK_READ && r->op != BLOCK_WRITE)
        return;
    for (i = 0; i < r->n_vec; p += r->vec[i++].len) {
        if (r->op == BLOCK_READ)
            memcpy(r->vec[i].base, p, r->vec[i].len);
        else
            memcpy(p, r->vec[i].base, r->vec[i].len);
    }
}

void block_mem_answer(struct block_mem *m)
{
    while (m->n_queue) {
        struct block_req *r = m->queue[0];

        memmove(m->queue, m->queue + 1, --m->n_queue * sizeof(m->queue[0]));
        if (!m->fail)
            mem_transfer(m, r);
        r->done(r, m->fail);
    }
}

static void mem_submit(struct block *b, struct block_req *r)
{
    struct block_mem *m = container_of(b, struct block_mem, blk);

    assert(m->n_queue < ARRAY_SIZE(m->queue));
    m->queue[m->n_queue++] = r;
    if (m->immediate)
        block_mem_answer(m);
}

static void mem_drain(struct block *b)
{
    block_mem_answer(container_of(b, struct block_mem, blk));
}

void block_mem_init(struct block_mem *m, uint64_t bytes)
{
    static const struct block_ops ops = {.submit = mem_submit, .drain = mem_drain};

    *m = (struct block_mem){.blk = {.id = "mem", .ops = &ops, .bytes = bytes, .present = true}};
    m->data = calloc(1, bytes);
    assert(m->data);
}

void block_mem_finish(struct block_mem *m)
{
    free(m->data);
    m->data = NULL;
}
