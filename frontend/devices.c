/* SPDX-License-Identifier: MIT */
#include "frontend/devices.h"

#include <stdlib.h>

#include "hw/pc/pc.h"

static bool set_props(struct dev *d, const struct device_opts *o, struct err *e)
{
    for (unsigned i = 0; i < o->props; i++)
        if (!dev_set_prop(d, o->prop[i].key, o->prop[i].value, e))
            return false;
    return true;
}

static bool create(struct dev *d, struct pc *pc, const struct device_opts *o, struct err *e)
{
    struct pci_fn *fn = (struct pci_fn *)d; /* the only bus that takes devices */

    dev_init(d, o->cls, o->id, &pc->env);
    if (!set_props(d, o, e)) {
        dev_finish(d);
        return err_prefix(e, "-device %s", o->cls->name);
    }
    if (!pc_add_pci(pc, o->devfn, fn, e))
        return err_prefix(e, "-device %s", o->cls->name);
    if (o->multifunction)
        fn->config[0x0e] |= 0x80;
    return true;
}

bool devices_create(struct devices *l, struct pc *pc, const struct opts *o, struct err *e)
{
    l->d = calloc(o->devices ? o->devices : 1, sizeof(struct dev *));
    for (unsigned i = 0; l->d && i < o->devices; i++) {
        l->d[i] = calloc(1, o->device[i].cls->size);
        if (!l->d[i])
            return err_set(e, "out of memory");
        l->n++;
        if (!create(l->d[i], pc, &o->device[i], e))
            return false;
    }
    return l->d || err_set(e, "out of memory");
}

void devices_free(struct devices *l)
{
    for (unsigned i = 0; i < l->n; i++)
        free(l->d[i]);
    free(l->d);
    *l = (struct devices){0};
}
