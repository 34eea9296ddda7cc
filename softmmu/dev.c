/* SPDX-License-Identifier: MIT */
#include "softmmu/dev.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "softmmu/block.h"

static const uint8_t prop_bytes[] = {
    [PROP_BOOL] = 1, [PROP_U8] = 1, [PROP_U16] = 2, [PROP_U32] = 4, [PROP_U64] = 8};

static void *prop_field(struct dev *d, const struct prop *p)
{
    return (char *)d + p->offset;
}

static void prop_store(struct dev *d, const struct prop *p, uint64_t v)
{
    memcpy(prop_field(d, p), &v, prop_bytes[p->type]); /* hosts are little-endian */
}

static void set_defaults(struct dev *d)
{
    const struct dev_env *env = d->env;
    const struct prop *p;

    for (p = d->cls->props; p && p->name; p++)
        if (p->type <= PROP_U64)
            prop_store(d, p, p->def);
    for (unsigned i = 0; env && i < env->n_defaults; i++)
        if (env->defaults[i].cls == d->cls)
            dev_set_prop(d, env->defaults[i].prop, env->defaults[i].value, NULL);
}

void dev_init(struct dev *d, const struct dev_class *cls, const char *id,
              const struct dev_env *env)
{
    d->cls = cls;
    d->id = id ? id : cls->name;
    d->env = env;
    set_defaults(d);
}

static bool parse_bool(const char *s, uint64_t *v)
{
    if (!strcmp(s, "on") || !strcmp(s, "true"))
        *v = 1;
    else if (!strcmp(s, "off") || !strcmp(s, "false"))
        *v = 0;
    else
        return false;
    return true;
}

static bool parse_number(const char *s, unsigned bytes, uint64_t *v)
{
    char *end;

    errno = 0;
    *v = strtoull(s, &end, 0);
    return !errno && end != s && !*end && *s != '-' && !(bytes < 8 && *v >> (8 * bytes));
}

const struct prop *dev_find_prop(const struct dev_class *cls, const char *name)
{
    const struct prop *p;

    for (p = cls->props; p && p->name; p++)
        if (!strcmp(p->name, name))
            return p;
    return NULL;
}

static bool set_str(char **field, const char *value, struct err *e)
{
    free(*field);
    *field = strdup(value);
    return *field || err_set(e, "out of memory");
}

static bool set_drive(struct dev *d, const struct prop *p, const char *value, struct err *e)
{
    struct block **field = prop_field(d, p);

    if (!d->env->find_drive)
        return err_set(e, "there are no drives");
    *field = d->env->find_drive(d->env->opaque, value, e);
    return *field;
}

static bool set_chardev(struct dev *d, const struct prop *p, const char *value, struct err *e)
{
    struct chardev **field = prop_field(d, p);

    if (!d->env->find_chardev)
        return err_set(e, "there are no character devices");
    *field = d->env->find_chardev(d->env->opaque, value, e);
    return *field;
}

static bool read_number(const struct prop *p, const char *value, uint64_t *v, struct err *e)
{
    return (p->type == PROP_BOOL ? parse_bool(value, v)
                                 : parse_number(value, prop_bytes[p->type], v)) ||
           err_set(e, "bad value '%s' for property '%s'", value, p->name);
}

bool dev_check_default(const struct dev_default *d, struct err *e)
{
    const struct prop *p = dev_find_prop(d->cls, d->prop);
    uint64_t v;

    if (!p)
        return err_set(e, "Property '%s.%s' not found", d->cls->name, d->prop);
    if (p->type == PROP_DRIVE || p->type == PROP_CHARDEV)
        return err_set(e, "'%s.%s' is for one device only", d->cls->name, d->prop);
    return p->type == PROP_STR || read_number(p, d->value, &v, e) ||
           err_prefix(e, "%s", d->cls->name);
}

static bool set_number(struct dev *d, const struct prop *p, const char *value, struct err *e)
{
    uint64_t v;

    if (!read_number(p, value, &v, e))
        return false;
    prop_store(d, p, v);
    return true;
}

bool dev_set_prop(struct dev *d, const char *name, const char *value, struct err *e)
{
    const struct prop *p = dev_find_prop(d->cls, name);
    bool ok = false;

    assert(!d->realized);
    if (!p)
        return err_set(e, "%s: no property '%s'", d->id, name);
    switch (p->type) {
    case PROP_STR: ok = set_str(prop_field(d, p), value, e); break;
    case PROP_DRIVE: ok = set_drive(d, p, value, e); break;
    case PROP_CHARDEV: ok = set_chardev(d, p, value, e); break;
    default: ok = set_number(d, p, value, e); break;
    }
    return ok || err_prefix(e, "%s", d->id);
}

static void free_strings(struct dev *d)
{
    const struct prop *p;

    for (p = d->cls->props; p && p->name; p++) {
        if (p->type != PROP_STR)
            continue;
        free(*(char **)prop_field(d, p));
        *(char **)prop_field(d, p) = NULL;
    }
}

bool dev_realize(struct dev *d, struct err *e)
{
    assert(!d->realized);
    if (d->cls->realize && !d->cls->realize(d, e))
        return err_prefix(e, "%s", d->id);
    d->realized = true;
    return true;
}

void dev_reset(struct dev *d)
{
    if (d->cls->reset)
        d->cls->reset(d);
}

void dev_drain(struct dev *d)
{
    const struct prop *p;
    struct block *b;

    for (p = d->cls->props; p && p->name; p++)
        if (p->type == PROP_DRIVE) {
            memcpy(&b, (const char *)d + p->offset, sizeof(b));
            block_drain(b);
        }
}

void dev_finish(struct dev *d)
{
    const struct state_field *f;
    unsigned i;

    if (!d->cls)
        return;
    for (i = 0; i < DEV_MAX_REGIONS; i++)
        dev_unmap(d, i);
    for (f = d->cls->state; f && f->name; f++)
        if (f->kind == STATE_EVENT)
            event_cancel(d->env->clock, (struct event *)((char *)d + f->offset));
    if (d->realized && d->cls->unrealize)
        d->cls->unrealize(d);
    d->realized = false;
    free_strings(d);
}

static struct space *region_space(const struct dev *d, unsigned n)
{
    return d->cls->regions[n].kind == REGION_PORT ? d->env->ports : d->env->mem;
}

bool dev_map(struct dev *d, unsigned n, gpa base, uint64_t size, struct err *e)
{
    const struct dev_region *r = &d->cls->regions[n];

    assert(n < DEV_MAX_REGIONS && !d->mapped[n]);
    if (!space_add_io(region_space(d, n), r->name, base, size ? size : r->size, &r->ops, d, e))
        return err_prefix(e, "%s", d->id);
    d->mapped[n] = true;
    d->base[n] = base;
    return true;
}

void dev_unmap(struct dev *d, unsigned n)
{
    if (!d->mapped[n])
        return;
    space_remove(region_space(d, n), d->base[n]);
    d->mapped[n] = false;
}

/* The bytes of a field that are compared and printed. */
static const char *field_bytes(const struct dev *d, const struct state_field *f, size_t *n)
{
    const char *p = (const char *)d + f->offset;
    uint32_t bytes;

    *n = (size_t)f->size * f->count;
    if (f->kind != STATE_BYTES)
        return p;
    memcpy(&bytes, (const char *)d + f->size, sizeof(bytes));
    memcpy(&p, p, sizeof(p));
    *n = p ? bytes : 0;
    return p;
}

const char *dev_reset_differs(const struct dev *a, const struct dev *b)
{
    const struct state_field *f;

    assert(a->cls == b->cls);
    for (f = a->cls->state; f && f->name; f++) {
        size_t na, nb;
        const char *pa = field_bytes(a, f, &na), *pb = field_bytes(b, f, &nb);

        if (f->kept)
            continue;
        if (f->kind == STATE_EVENT) {
            if (((const struct event *)pa)->queued != ((const struct event *)pb)->queued)
                return f->name;
        } else if (na != nb || (na && memcmp(pa, pb, na))) {
            return f->name;
        }
    }
    return NULL;
}

static uint64_t load_uint(const char *p, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

void dev_print_state(const struct dev *d, void (*out)(void *opaque, const char *line),
                     void *opaque)
{
    const struct state_field *f;
    char line[160];
    size_t i, n;

    for (f = d->cls->state; f && f->name; f++) {
        const char *p = field_bytes(d, f, &n);
        unsigned size = f->kind == STATE_BYTES ? 1 : f->size;

        if (f->kind == STATE_EVENT) {
            const struct event *ev = (const struct event *)p;

            snprintf(line, sizeof(line), "%s.%s = %" PRIu64, d->id, f->name,
                     ev->queued ? ev->when : CLOCK_NEVER);
            out(opaque, line);
            continue;
        }
        for (i = 0; i < n / size; i++) {
            snprintf(line, sizeof(line), "%s.%s[%zu] = 0x%" PRIx64, d->id, f->name, i,
                     load_uint(p + i * size, size));
            out(opaque, line);
        }
    }
}
