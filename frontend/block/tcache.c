/* SPDX-License-Identifier: MIT */
#include "frontend/block/tcache.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

enum { SLOTS_MIN = 16, SLOTS_MAX = 65536 };

void tcache_init(struct tcache *c, struct host_file *f, unsigned table_bytes,
                 uint64_t max_bytes, uint32_t n_index)
{
    uint64_t n = max_bytes / table_bytes;

    n = n < SLOTS_MIN ? SLOTS_MIN : n > SLOTS_MAX ? SLOTS_MAX : n;
    *c = (struct tcache){.file = f, .table_bytes = table_bytes, .n_slots = (unsigned)n};
    c->slot = g_new0(struct tslot, n);
    c->where = g_new0(uint32_t, n_index);
    c->n_index = n_index;
}

void tcache_finish(struct tcache *c)
{
    for (unsigned i = 0; c->slot && i < c->n_slots; i++)
        g_free(c->slot[i].data);
    g_free(c->slot);
    g_free(c->where);
    *c = (struct tcache){0};
}

void tcache_grow(struct tcache *c, uint32_t n_index)
{
    c->where = g_renew(uint32_t, c->where, n_index);
    memset(c->where + c->n_index, 0, (n_index - c->n_index) * sizeof(*c->where));
    c->n_index = n_index;
}

uint8_t *tcache_find(struct tcache *c, uint32_t index)
{
    struct tslot *s;

    if (!c->where[index])
        return NULL;
    s = &c->slot[c->where[index] - 1];
    s->hot = true;
    return s->data;
}

/* A slot for index: free, or the next clean one that was not used since the hand passed. */
static struct tslot *claim(struct tcache *c, uint32_t index)
{
    struct tslot *s;

    assert(!c->where[index] && c->n_dirty < c->n_slots);
    for (;; c->hand = (c->hand + 1) % c->n_slots) {
        s = &c->slot[c->hand];
        if (!s->used || (!s->dirty && !s->hot))
            break;
        s->hot = false;
    }
    if (s->used)
        c->where[s->index] = 0;
    if (!s->data)
        s->data = g_malloc(c->table_bytes);
    s->index = index;
    s->used = s->hot = true;
    c->where[index] = c->hand + 1;
    c->hand = (c->hand + 1) % c->n_slots;
    return s;
}

int tcache_load(struct tcache *c, uint32_t index, uint64_t at, uint8_t **table)
{
    struct tslot *s = claim(c, index);
    int error = file_read(c->file, s->data, c->table_bytes, at);

    if (error) {
        s->used = false;
        c->where[index] = 0;
    }
    *table = s->data;
    return error;
}

uint8_t *tcache_new(struct tcache *c, uint32_t index)
{
    struct tslot *s = claim(c, index);

    memset(s->data, 0, c->table_bytes);
    tcache_dirty(c, index);
    return s->data;
}

void tcache_dirty(struct tcache *c, uint32_t index)
{
    struct tslot *s = &c->slot[c->where[index] - 1];

    if (!s->dirty)
        c->n_dirty++;
    s->dirty = true;
}

int tcache_write_back(struct tcache *c, uint64_t (*at)(void *opaque, uint32_t index),
                      void *opaque)
{
    for (unsigned i = 0; c->n_dirty && i < c->n_slots; i++) {
        struct tslot *s = &c->slot[i];
        int error;

        if (!s->used || !s->dirty)
            continue;
        error = file_write(c->file, s->data, c->table_bytes, at(opaque, s->index));
        if (error)
            return error;
        s->dirty = false;
        c->n_dirty--;
    }
    return 0;
}
