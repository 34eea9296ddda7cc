/* SPDX-License-Identifier: MIT
 * Commands about drives and their media. */
#include <inttypes.h>
#include <string.h>

#include "frontend/block/drives.h"
#include "frontend/monitor/mon_int.h"

static json_t *text(const char *s)
{
    json_t *v = json_string(s ? s : "");

    return v ? v : json_string("?"); /* a file name that is not UTF-8 */
}

/* --- query-block ----------------------------------------------------------------------- */

static json_t *image_json(const struct drive_info *d)
{
    json_t *v = json_pack("{sIsosssIsb}", "virtual-size", (json_int_t)d->virtual_bytes,
                          "filename", text(d->file), "format", d->format, "actual-size",
                          (json_int_t)d->host_bytes, "dirty-flag", 0);

    if (d->backing) {
        json_object_set_new(v, "backing-filename", text(d->backing));
        json_object_set_new(v, "full-backing-filename", text(d->backing));
    }
    return v;
}

static json_t *inserted_json(const struct drive_info *d)
{
    static const char *const no_limits[] = {"bps",     "bps_rd",  "bps_wr",         "iops",
                                            "iops_rd", "iops_wr", "write_threshold"};
    static const char *const zeroes[] = {
        [ZEROES_OFF] = "off", [ZEROES_ON] = "on", [ZEROES_UNMAP] = "unmap"};
    const struct image_opts *o = &d->opts->image;
    json_t *v = json_pack("{sosbsssosbsss{sbsbsb}siso}", "file", text(d->file), "ro",
                          d->block->readonly, "drv", d->format, "node-name",
                          text(d->opts->node ? d->opts->id : NULL), "encrypted", 0,
                          "detect_zeroes", zeroes[o->zeroes], "cache", "writeback",
                          !o->write_through, "direct", o->direct, "no-flush", o->no_flush,
                          "backing_file_depth", d->backing ? 1 : 0, "image", image_json(d));

    for (unsigned i = 0; i < G_N_ELEMENTS(no_limits); i++)
        json_object_set_new(v, no_limits[i], json_integer(0));
    if (d->backing)
        json_object_set_new(v, "backing_file", text(d->backing));
    return v;
}

static json_t *drive_json(const struct drive_info *d)
{
    json_t *v =
        json_pack("{sosbsbsssosssb}", "device", text(d->opts->node ? NULL : d->opts->id),
                  "locked", d->block->locked, "removable", d->block->removable, "type",
                  "unknown", "qdev", text(d->opts->id), "io-status", d->held ? "failed" : "ok",
                  "tray_open", d->block->tray_open);

    if (!d->block->removable)
        json_object_del(v, "tray_open");
    if (d->file)
        json_object_set_new(v, "inserted", inserted_json(d));
    return v;
}

static void say_drive(struct mon_call *c, const struct drive_info *d)
{
    const struct image_opts *o = &d->opts->image;

    if (d->file)
        mon_say(c, "%s: %s (%s%s%s)\n", d->opts->id, d->file, d->format,
                d->block->readonly ? ", read-only" : "", d->snapshot ? ", snapshot" : "");
    else
        mon_say(c, "%s: [not inserted]\n", d->opts->id);
    if (d->block->removable)
        mon_say(c, "    Removable device: %slocked, tray %s\n", d->block->locked ? "" : "not ",
                d->block->tray_open ? "open" : "closed");
    if (!d->file)
        return;
    mon_say(c, "    Cache mode:       %s%s%s\n",
            o->write_through ? "writethrough" : "writeback", o->direct ? ", direct" : "",
            o->no_flush ? ", ignore flushes" : "");
    if (d->backing)
        mon_say(c, "    Backing file:     %s\n", d->backing);
    if (d->held)
        mon_say(c, "    Requests that wait after an error: %u\n", d->held);
    mon_say(c, "    Size:             %" PRIu64 " bytes, %" PRIu64 " on the host\n",
            d->virtual_bytes, d->host_bytes);
}

bool cmd_block(struct mon_call *c, struct err *e)
{
    struct drives *ds = vm_drives(c->vm);
    const char *only = mon_str(c, "device", NULL);
    struct drive_info d;

    c->ret = json_array();
    for (unsigned i = 0; ds && i < drives_count(ds); i++) {
        drives_info(ds, i, &d);
        json_array_append_new(c->ret, drive_json(&d));
        if (!only || !strcmp(only, d.opts->id))
            say_drive(c, &d);
    }
    return true;
}

/* --- query-blockstats -------------------------------------------------------------------- */

bool cmd_blockstats(struct mon_call *c, struct err *e)
{
    struct drives *ds = vm_drives(c->vm);
    struct drive_info d;

    c->ret = json_array();
    for (unsigned i = 0; ds && i < drives_count(ds); i++) {
        const uint64_t *ops, *bytes;

        drives_info(ds, i, &d);
        ops = d.block->ops_done;
        bytes = d.block->bytes_done;
        json_array_append_new(
            c->ret, json_pack("{soss{sIsIsIsIsI}}", "device", text(d.opts->id), "node-name", "",
                              "stats", "rd_bytes", (json_int_t)bytes[BLOCK_READ], "wr_bytes",
                              (json_int_t)(bytes[BLOCK_WRITE] + bytes[BLOCK_ZERO]),
                              "rd_operations", (json_int_t)ops[BLOCK_READ], "wr_operations",
                              (json_int_t)(ops[BLOCK_WRITE] + ops[BLOCK_ZERO]),
                              "flush_operations", (json_int_t)ops[BLOCK_FLUSH]));
        mon_say(c,
                "%s: rd_bytes=%" PRIu64 " wr_bytes=%" PRIu64 " rd_operations=%" PRIu64
                " wr_operations=%" PRIu64 " flush_operations=%" PRIu64 "\n",
                d.opts->id, bytes[BLOCK_READ], bytes[BLOCK_WRITE] + bytes[BLOCK_ZERO],
                ops[BLOCK_READ], ops[BLOCK_WRITE] + ops[BLOCK_ZERO], ops[BLOCK_FLUSH]);
    }
    return true;
}

/* --- media ---------------------------------------------------------------------------------
 */

/* A drive by its own id, or by that of the device that has it (which is the same here). */
static const char *drive_id(struct mon_call *c, struct err *e)
{
    const char *id = mon_str(c, "device", mon_str(c, "id", NULL));
    struct drives *ds = vm_drives(c->vm);

    if (!id) {
        err_set(e, "Parameter 'device' is missing");
        return NULL;
    }
    if (!ds || !drives_by_id(ds, id)) {
        c->error_class = "DeviceNotFound";
        err_set(e, "Device '%.60s' not found", id);
        return NULL;
    }
    return id;
}

bool cmd_eject(struct mon_call *c, struct err *e)
{
    const char *id = drive_id(c, e);

    return id && drives_eject(vm_drives(c->vm), id, mon_bool(c, "force", false), e);
}

static bool mode_of(const char *name, int *mode, struct err *e)
{
    static const char *const modes[] = {"retain", "read-only", "read-write"};

    for (*mode = 0; *mode < (int)G_N_ELEMENTS(modes); ++*mode)
        if (!strcmp(modes[*mode], name))
            return true;
    return err_set(e, "Parameter 'read-only-mode' does not accept value '%.40s'", name);
}

bool cmd_change(struct mon_call *c, struct err *e)
{
    const char *id = drive_id(c, e), *file = mon_str(c, "filename", "");
    struct drives *ds = vm_drives(c->vm);
    int mode;

    if (!id || !mode_of(mon_str(c, "read-only-mode", "retain"), &mode, e))
        return false;
    if (mon_bool(c, "force", false) && !drives_eject(ds, id, true, e))
        return false;
    return drives_change_mode(ds, id, file, mon_str(c, "format", NULL), mode, e);
}
