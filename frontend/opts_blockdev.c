/* SPDX-License-Identifier: MIT
 * -blockdev: nodes of an image graph. A format node stands on a file node, named or inline;
 * each node that no other stands on becomes a drive for -device ...,drive=NODE-NAME. */
#include <glib.h>
#include <string.h>

#include "frontend/opts_int.h"

static bool is_protocol(const char *driver)
{
    return !strcmp(driver, "file") || !strcmp(driver, "host_device") ||
           !strcmp(driver, "host_cdrom");
}

static bool is_format(const char *driver)
{
    static const char *const formats[] = {"raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx"};
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
        if (!strcmp(driver, formats[i]))
            return true;
    return false;
}

static bool take_below(struct props *ps, struct node_def *n, struct err *e)
{
    const char *driver = props_take(ps, "file.driver");

    n->file = props_take(ps, "file");
    n->image.file = props_take(ps, "file.filename");
    props_take(ps, "file.node-name");
    props_take(ps, "file.auto-read-only");
    if (driver && !is_protocol(driver))
        return err_set(e, "-blockdev: file.driver=%s is not supported", driver);
    if (!n->file == !n->image.file)
        return err_set(e, "-blockdev %s: one of file=NODE and file.filename=FILE is needed",
                       n->name);
    return true;
}

static bool take_node(struct props *ps, struct node_def *n, struct err *e)
{
    const char *backing = props_take(ps, "backing");

    if (is_protocol(n->driver)) {
        n->image.file = props_take(ps, "filename");
        if (!n->image.file)
            return err_set(e, "-blockdev %s: filename=FILE is needed", n->name);
        n->image.format = "raw";
    } else if (is_format(n->driver)) {
        if (!take_below(ps, n, e))
            return false;
        n->image.format = n->driver;
    } else {
        return err_set(e, "-blockdev: unknown driver '%s'", n->driver);
    }
    if (backing && *backing)
        return err_set(e,
                       "-blockdev %s: backing=NODE is not supported, only the backing file "
                       "that the image names",
                       n->name);
    n->image.no_backing = backing != NULL;
    props_take(ps, "auto-read-only");
    return props_take_bool(ps, "read-only", &n->image.readonly, e) &&
           props_take_bool(ps, "force-share", &n->image.no_lock, e) &&
           props_take_image(ps, &n->image, e) && props_end(ps, e);
}

bool opt_blockdev(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct node_def *n = &b->node[b->nodes];
    struct props ps;

    if (*value == '{' ? !props_parse_json(b->o, &ps, option, value, JSON_NESTED, e)
                      : !props_parse(b->o, &ps, option, value, "driver", e))
        return false;
    if (b->nodes == OPTS_DRIVES)
        return err_set(e, "-blockdev: too many of them");
    *n = (struct node_def){.driver = props_take(&ps, "driver"),
                           .name = props_take(&ps, "node-name")};
    if (!n->driver)
        return err_set(e, "-blockdev: driver=DRIVER is needed");
    if (!n->name || !*n->name)
        return err_set(e, "-blockdev %s: node-name=NAME is needed", n->driver);
    if (!opts_drive_id_free(b, option, n->name, e) || !take_node(&ps, n, e))
        return false;
    b->nodes++;
    return true;
}

static struct node_def *find_node(struct opts_build *b, const char *name)
{
    for (unsigned i = 0; i < b->nodes; i++)
        if (!strcmp(b->node[i].name, name))
            return &b->node[i];
    return NULL;
}

/* The file and its switches come from the node below. */
static bool stand_on(struct opts_build *b, struct node_def *n, struct err *e)
{
    struct node_def *f = find_node(b, n->file);

    if (!f)
        return err_set(e, "-blockdev %s: there is no node '%s'", n->name, n->file);
    if (!is_protocol(f->driver))
        return err_set(e, "-blockdev %s: node '%s' is not a file", n->name, n->file);
    if (f->used)
        return err_set(e, "-blockdev %s: node '%s' is in use", n->name, n->file);
    f->used = true;
    n->image.file = f->image.file;
    n->image.direct |= f->image.direct;
    n->image.no_flush |= f->image.no_flush;
    n->image.no_lock |= f->image.no_lock;
    n->image.readonly |= f->image.readonly;
    return true;
}

bool opts_resolve_nodes(struct opts_build *b, struct err *e)
{
    for (unsigned i = 0; i < b->nodes; i++)
        if (b->node[i].file && !stand_on(b, &b->node[i], e))
            return false;
    for (unsigned i = 0; i < b->nodes; i++) {
        struct node_def *n = &b->node[i];
        struct drive_opts *d;

        if (n->used)
            continue;
        d = opts_new_drive(b, "-blockdev", e);
        if (!d)
            return false;
        d->id = n->name;
        d->node = true;
        d->image = n->image;
        d->image.fdsets = &b->o->fdsets;
        b->o->drives++;
    }
    return true;
}
