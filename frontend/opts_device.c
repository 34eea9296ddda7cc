/* SPDX-License-Identifier: MIT
 * -device: the list, a class's properties, and devices of hw/devices.h. */
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/opts_int.h"
#include "hw/devices.h"
#include "hw/pci/pci.h"

/* Parts that stand at a fixed place of the board or are wired by the frontend. */
static const struct {
    const char *name, *kind, *desc;
    device_fn *fn;
} builtin[] = {
    {"isa-debug-exit", "Misc", "ends the run with status (value << 1) | 1", device_debug_exit},
    {"isa-debugcon", "Misc", "debug console port", device_debugcon},
    {"isa-serial", "Input", "16550A serial port", device_serial},
};

static const char *const kinds[] = {"Controller/Bridge/Hub",
                                    "USB",
                                    "Storage",
                                    "Network",
                                    "Input",
                                    "Display",
                                    "Sound",
                                    "Misc",
                                    "Watchdog"};

static bool is_help(const char *s)
{
    return !strcmp(s, "help") || !strcmp(s, "?");
}

static void list_class(const struct dev_class *c)
{
    printf("name \"%s\", bus %s", c->name, c->bus == DEV_BUS_PCI ? "PCI" : "IDE");
    if (c->alias)
        printf(", alias \"%s\"", c->alias);
    if (c->desc)
        printf(", desc \"%s\"", c->desc);
    putchar('\n');
}

static bool offered(const struct dev_class *c)
{
    return c->kind && (c->bus == DEV_BUS_PCI || c->bus == DEV_BUS_IDE);
}

static bool any_of_kind(const char *kind)
{
    for (unsigned i = 0; i < ARRAY_SIZE(builtin); i++)
        if (!strcmp(builtin[i].kind, kind))
            return true;
    for (const struct dev_class *const *c = hw_classes; *c; c++)
        if (offered(*c) && !strcmp((*c)->kind, kind))
            return true;
    return false;
}

static void list_devices(void)
{
    const char *gap = "";

    for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
        if (!any_of_kind(kinds[k]))
            continue;
        printf("%s%s devices:\n", gap, kinds[k]);
        gap = "\n";
        for (unsigned i = 0; i < ARRAY_SIZE(builtin); i++)
            if (!strcmp(builtin[i].kind, kinds[k]))
                printf("name \"%s\", bus ISA, desc \"%s\"\n", builtin[i].name, builtin[i].desc);
        for (const struct dev_class *const *c = hw_classes; *c; c++)
            if (offered(*c) && !strcmp((*c)->kind, kinds[k]))
                list_class(*c);
    }
}

static void list_props(const struct dev_class *c)
{
    static const char *const type[] = {
        [PROP_BOOL] = "bool",  [PROP_U8] = "uint8",   [PROP_U16] = "uint16",
        [PROP_U32] = "uint32", [PROP_U64] = "uint64", [PROP_STR] = "str",
        [PROP_DRIVE] = "str",  [PROP_CHARDEV] = "str"};

    printf("%s options:\n  bootindex=<int32>\n", c->name);
    fputs(
        c->bus == DEV_BUS_IDE
            ? "  unit=<uint32>          - 0 or 1 of its bus, ide.0 or ide.1\n"
            : "  addr=<int32>           - Slot and optional function number, example: 06.0 or "
              "06\n"
              "  bus=<str>              - pci.0 or the id of a bridge\n"
              "  multifunction=<bool>   -  (default: off)\n"
              "  romfile=<str>\n",
        stdout);
    for (const struct prop *p = c->props; p && p->name; p++) {
        int n = printf("  %s=<%s>", p->name, type[p->type]);
        printf("%*s", n < 25 ? 25 - n : 1, "");
        if (p->type == PROP_BOOL)
            printf("-  (default: %s)", p->def ? "on" : "off");
        else if (p->type <= PROP_U64)
            printf("-  (default: %" PRIu64 ")", p->def);
        else if (p->type == PROP_DRIVE)
            printf("- Node name or ID of a block device to use as a backend");
        else if (p->type == PROP_CHARDEV)
            printf("- ID of a chardev to use as a backend");
        putchar('\n');
    }
}

/* "6", "06.1", "0x6": hexadecimal slot and function. */
static bool parse_addr(const char *s, int *devfn)
{
    char *end = NULL;
    unsigned long slot = g_ascii_isxdigit(*s) ? strtoul(s, &end, 16) : 32, fn = 0;
    if (end && *end == '.' && g_ascii_isxdigit(end[1]))
        fn = strtoul(end + 1, &end, 16);
    if (slot > 31 || fn > 7 || *end)
        return false;
    *devfn = PCI_DEVFN((int)slot, (int)fn);
    return true;
}

static bool no_bus(const struct props *ps, const char *bus, struct err *e)
{
    return err_set(e, "%s: Bus '%s' not found", ps->option, bus);
}

static bool take_ide_place(struct device_opts *d, struct props *ps, struct err *e)
{
    const char *bus = props_take(ps, "bus");
    uint64_t unit = UINT64_MAX;
    d->channel = -1;
    if (bus && strcmp(bus, "ide.0") && strcmp(bus, "ide.1"))
        return no_bus(ps, bus, e);
    if (bus)
        d->channel = bus[4] - '0';
    if (!props_take_uint(ps, "unit", 1, &unit, e))
        return false;
    d->unit = (int)unit;
    return true;
}

static bool take_pci_place(struct device_opts *d, struct props *ps, struct err *e)
{
    const char *addr = props_take(ps, "addr");
    d->bus = props_take(ps, "bus");
    d->devfn = -1;
    if (addr && !parse_addr(addr, &d->devfn))
        return err_set(e, "%s: addr=%s is no SLOT.FUNCTION", ps->option, addr);
    d->romfile = props_take(ps, "romfile");
    props_take(ps, "rombar");
    return props_take_bool(ps, "multifunction", &d->multifunction, e);
}

static bool take_common(struct device_opts *d, struct props *ps, struct err *e)
{
    uint64_t bootindex = UINT64_MAX;
    if (!(d->cls->bus == DEV_BUS_IDE ? take_ide_place : take_pci_place)(d, ps, e))
        return false;
    if (!props_take_uint(ps, "bootindex", INT32_MAX, &bootindex, e))
        return false;
    d->bootindex = (int64_t)bootindex;
    return true;
}

static bool add_device(struct opts_build *b, const struct dev_class *c, const char *id,
                       struct props *ps, struct err *e)
{
    struct device_opts d = {.cls = c, .id = id};
    if (!take_common(&d, ps, e))
        return false;
    for (unsigned i = 0; i < ps->n; i++)
        if (!dev_find_prop(c, ps->p[i].key))
            return err_set(e, "-device %s: Property '%s.%s' not found", c->name, c->name,
                           ps->p[i].key);
    d.props = ps->n;
    d.prop = g_memdup2(ps->p, ps->n * sizeof(ps->p[0]));
    b->o->device = g_renew(struct device_opts, b->o->device, b->o->devices + 1);
    b->o->device[b->o->devices++] = d;
    return true;
}

bool opts_add_device(struct opts_build *b, const char *name, const char *key, const char *value,
                     struct err *e)
{
    struct props ps = {.option = name, .n = 1, .p = {{key, value}}};
    return add_device(b, hw_find_class(name), NULL, &ps, e);
}

bool opt_device(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct props ps;
    if (is_help(value)) {
        list_devices();
        b->done = true;
        return true;
    }
    if (*value == '{' ? !props_parse_json(b->o, &ps, option, value, JSON_FLAT, e)
                      : !props_parse(b->o, &ps, option, value, "driver", e))
        return false;
    const char *name = props_take(&ps, "driver"), *id = props_take(&ps, "id");
    for (unsigned i = 0; name && i < ARRAY_SIZE(builtin); i++) {
        if (strcmp(builtin[i].name, name))
            continue;
        ps.option = builtin[i].name;
        return builtin[i].fn(b, &ps, e) && props_end(&ps, e);
    }
    const struct dev_class *c = name ? hw_find_class(name) : NULL;
    if (!c || !offered(c))
        return err_set(e, "-device: unknown device '%s' ('-device help' lists them)",
                       name ? name : value);
    if (props_take(&ps, "help") || props_take(&ps, "?")) {
        list_props(c);
        b->done = true;
        return true;
    }
    ps.option = c->name;
    return add_device(b, c, id, &ps, e);
}

/* --- -vga ------------------------------------------------------------------------- */

bool opt_vga(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    static const char *const others[] = {"cirrus", "qxl", "virtio", "vmware",
                                         "xenfb",  "tcx", "cg3"};
    if (is_help(value)) {
        puts("none                 no graphic card\n"
             "std                  standard VGA (default)");
        b->done = true;
        return true;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
        if (!strcmp(value, others[i]))
            return err_set(e, "-vga %s is not supported, only std and none", value);
    if (strcmp(value, "std") && strcmp(value, "none"))
        return err_set(e, "-vga: unknown vga type: %s", value);
    b->vga = *value == 's' ? VGA_STD : VGA_OFF;
    return true;
}

bool opts_default_vga(struct opts_build *b, struct err *e)
{
    struct opts *o = b->o;
    struct device_opts vga = {
        .cls = hw_find_class("VGA"), .devfn = PCI_DEVFN(2, 0), .bootindex = -1};
    if (b->vga == VGA_OFF || (b->vga == VGA_DEFAULT && b->nodefaults))
        return true;
    for (unsigned i = 0; i < o->devices && b->vga == VGA_DEFAULT; i++)
        if (o->device[i].cls == vga.cls)
            return true;
    o->device = g_renew(struct device_opts, o->device, o->devices + 1);
    memmove(o->device + 1, o->device, o->devices++ * sizeof(vga));
    o->device[0] = vga;
    return true;
}
