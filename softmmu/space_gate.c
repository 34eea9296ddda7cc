/* SPDX-License-Identifier: MIT
 * Spaces behind gates. What passes down is copied, piece by piece, into the tables of the
 * space above, so that an access of the machine finds it there at once. */
#include <assert.h>

#include "softmmu/log.h"
#include "softmmu/space_int.h"

static bool withdraw(struct space *up, const struct space *s, struct table *t)
{
    bool any = false;
    unsigned i;

    for (i = t->n; i-- > 0;) {
        if (t->r[i].from != s)
            continue;
        space_delete(up, t, &t->r[i]);
        any = true;
    }
    return any;
}

static bool show_piece(struct space *s, struct table *to, const struct region *r, gpa base,
                       gpa last)
{
    struct region p = *r;
    const struct region *old;

    p.base = base;
    p.last = last;
    p.from = s;
    if (r->host)
        p.host += base - r->base;
    if (r->shadow)
        p.shadow += base - r->base;
    assert(!r->host || !((base | (last + 1)) & GUEST_PAGE_MASK));
    old = space_overlap(s->up, base, last);
    if (!old && last <= s->up->last) {
        space_insert(s->up, to, &p);
        return true;
    }
    s->hidden = true;
    LOG_GUEST("%s: %s at 0x%llx is not seen: %s", s->up->name, r->name,
              (unsigned long long)base, old ? old->name : "the end of the space");
    return false;
}

/* Shows what passes of a region; neighbouring parts are one piece. */
static bool show_region(struct space *s, struct table *to, const struct region *r)
{
    gpa at = r->base, start = r->base, end;
    bool any = false, open = false, pass;

    for (;; at = end + 1) {
        end = r->last;
        pass = s->gate.down(s->gate.opaque, at, &end);
        assert(end >= at && end <= r->last);
        if (pass && !open)
            start = at;
        if (open && !pass)
            any |= show_piece(s, to, r, start, at - 1);
        open = pass;
        if (end == r->last)
            break;
    }
    if (open)
        any |= show_piece(s, to, r, start, r->last);
    return any;
}

void space_show(struct space *s, struct table *t)
{
    struct space *up = s->up;
    struct table *to;
    bool any;
    unsigned i;

    if (!up)
        return;
    to = t == &s->ram ? &up->ram : &up->io;
    space_hold(up);
    any = withdraw(up, s, to);
    for (i = 0; i < t->n; i++)
        any |= show_region(s, to, &t->r[i]);
    if (any)
        space_show(up, to);
    space_release(up);
}

void space_put_behind(struct space *s, struct space *up, const struct space_gate *g)
{
    space_withdraw(s);
    s->up = up;
    if (!up)
        return;
    s->gate = *g;
    space_gate_changed(s);
}

void space_gate_changed(struct space *s)
{
    s->hidden = false;
    space_show(s, &s->ram);
    space_show(s, &s->io);
}

void space_gate_retry(struct space *s)
{
    if (s->hidden)
        space_gate_changed(s);
}

void space_withdraw(struct space *s)
{
    struct space *up = s->up;

    if (!up)
        return;
    s->up = NULL;
    if (withdraw(up, s, &up->ram))
        space_show(up, &up->ram);
    if (withdraw(up, s, &up->io))
        space_show(up, &up->io);
}

struct space *space_above(const struct space *s, gpa addr, uint64_t *n)
{
    gpa last = *n ? addr + *n - 1 : addr;

    if (last < addr)
        last = ~0ull;
    if (!s->up || !s->gate.up(s->gate.opaque, addr, &last))
        return NULL;
    if (last - addr < *n)
        *n = last - addr + 1;
    return s->up;
}
