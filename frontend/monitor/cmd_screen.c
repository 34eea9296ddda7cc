/* SPDX-License-Identifier: MIT
 * screendump: the picture of the display device as PPM or PNG. */
#include "frontend/monitor/mon_int.h"
#include "frontend/screendump.h"

bool cmd_screendump(struct mon_call *c, struct err *e)
{
    const struct display *d = vm_display(c->vm);
    const char *name = mon_str(c, "format", "ppm");
    enum screendump_format format;

    if (!screendump_format(name, &format))
        return err_set(e, "Parameter 'format' does not accept value '%.40s'", name);
    if (mon_str(c, "device", NULL))
        return err_set(e, "Device '%.40s' not found: there is one screen",
                       mon_str(c, "device", ""));
    if (!d)
        return err_set(e, "There is no console to take a screendump from");
    return screendump_write(d, mon_str(c, "filename", ""), format, e);
}
