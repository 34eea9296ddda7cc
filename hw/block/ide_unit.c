/* SPDX-License-Identifier: MIT
 * ATA/ATAPI-6 (T13/1410D), 8.15.8: names of the drives of -device ide-hd and ide-cd, and their
 * places. The drives themselves are the controller's (ide.c). Left out: other geometries and
 * sector sizes. */
#include "hw/block/ide_unit.h"

static bool is_free(const struct ide *ide, int channel, int unit)
{
    return !ide->ch[channel].drive[unit].blk;
}

/* The first place that fits what is asked for. */
static bool find_place(struct ide_unit *u, const struct ide *ide, int channel, int unit)
{
    int c, n;

    for (c = 0; c < 2; c++)
        for (n = 0; n < 2; n++)
            if ((channel < 0 || c == channel) && (unit < 0 || n == unit) &&
                is_free(ide, c, n)) {
                u->channel = c;
                u->unit = n;
                return true;
            }
    return false;
}

bool ide_unit_attach(struct ide_unit *u, struct ide *ide, int channel, int unit, struct err *e)
{
    bool cd = u->dev.cls == &ide_cd_class;
    struct ide_drive *d;

    if (!u->blk)
        return err_set(e, "drive property not set");
    if (!cd && !u->blk->present)
        return err_set(e, "Device needs media, but drive is empty");
    if (!find_place(u, ide, channel, unit))
        return unit < 0 ? err_set(e, "no place for an IDE drive is free")
                        : err_set(e, "IDE unit %d is in use", unit);
    u->blk->removable = cd;
    ide_attach(ide, u->channel, u->unit, u->blk);
    d = &ide->ch[u->channel].drive[u->unit];
    d->serial = u->serial;
    d->model = u->model;
    d->version = u->version;
    return true;
}

static const struct prop ide_unit_props[] = {
    PROP(PROP_DRIVE, struct ide_unit, blk, "drive", 0),
    PROP(PROP_STR, struct ide_unit, serial, "serial", 0),
    PROP(PROP_STR, struct ide_unit, model, "model", 0),
    PROP(PROP_STR, struct ide_unit, version, "ver", 0),
    PROP_END,
};

const struct dev_class ide_hd_class = {
    .name = "ide-hd",
    .bus = DEV_BUS_IDE,
    .kind = "Storage",
    .desc = "virtual IDE disk",
    .size = sizeof(struct ide_unit),
    .props = ide_unit_props,
};

const struct dev_class ide_cd_class = {
    .name = "ide-cd",
    .bus = DEV_BUS_IDE,
    .kind = "Storage",
    .desc = "virtual IDE CD-ROM",
    .size = sizeof(struct ide_unit),
    .props = ide_unit_props,
};
