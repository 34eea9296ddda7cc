/* SPDX-License-Identifier: MIT
 * -global: other defaults for the properties of devices. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "frontend/opts_int.h"
#include "hw/devices.h"

/* Parts of the board under QEMU's names. */
static const struct {
    const char *driver, *prop, *value;
    const char *cls, *our_prop, *our_value;
} board_parts[] = {
    {"kvm-pit", "lost_tick_policy", "delay", "pit-i8254", "slew", "on"},
    {"kvm-pit", "lost_tick_policy", "discard", "pit-i8254", "slew", "off"},
    {"mc146818rtc", "lost_tick_policy", "slew", "rtc-mc146818", "slew", "on"},
    {"mc146818rtc", "lost_tick_policy", "discard", "rtc-mc146818", "slew", "off"},
};

static bool add(struct opts *o, const struct dev_class *cls, const char *prop,
                const char *value, struct err *e)
{
    const struct dev_default d = {cls, prop, value};

    if (!dev_check_default(&d, e))
        return err_prefix(e, "-global");
    o->global = g_renew(struct dev_default, o->global, o->globals + 1);
    o->global[o->globals++] = d;
    return true;
}

static bool set_default(struct opts *o, const char *driver, const char *prop, const char *value,
                        struct err *e)
{
    const struct dev_class *cls = hw_find_class(driver);
    bool known = false;

    for (unsigned i = 0; i < ARRAY_SIZE(board_parts); i++) {
        if (strcmp(board_parts[i].driver, driver) || strcmp(board_parts[i].prop, prop))
            continue;
        if (!strcmp(board_parts[i].value, value))
            return add(o, hw_find_class(board_parts[i].cls), board_parts[i].our_prop,
                       board_parts[i].our_value, e);
        known = true;
    }
    if (known)
        return err_set(e, "-global: bad value '%s' for property '%s.%s'", value, driver, prop);
    if (cls && cls->kind)
        return add(o, cls, prop, value, e);
    fprintf(stderr, "mynah: warning: -global %s.%s: there is no such device here, ignored\n",
            driver, prop);
    return true;
}

/* "driver.property=value" with any value, or driver=, property= and value=. */
bool opt_global(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    const char *dot = value + strcspn(value, ".="), *eq = strchr(value, '=');
    GStringChunk *strings = b->o->strings;
    struct props ps;

    if (*dot == '.' && eq && dot > value && eq > dot + 1)
        return set_default(b->o, g_string_chunk_insert_len(strings, value, dot - value),
                           g_string_chunk_insert_len(strings, dot + 1, eq - dot - 1), eq + 1,
                           e);
    if (!props_parse(b->o, &ps, option, value, NULL, e))
        return false;
    const char *driver = props_take(&ps, "driver"), *prop = props_take(&ps, "property");
    const char *to = props_take(&ps, "value");
    if (!driver || !prop || !to)
        return err_set(e, "-global: '%s' is not driver.property=value", value);
    return props_end(&ps, e) && set_default(b->o, driver, prop, to, e);
}
