/* SPDX-License-Identifier: MIT
 * -device: the devices on the ISA bus. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "frontend/opts_int.h"

/* --- devices --------------------------------------------------------------------- */

bool device_debug_exit(struct opts_build *b, struct props *ps, struct err *e)
{
    uint64_t port = 0x501, size = 2;
    if (!props_take_uint(ps, "iobase", 0xffff, &port, e) ||
        !props_take_uint(ps, "iosize", 4, &size, e))
        return false;
    if (size != 1 && size != 2 && size != 4)
        return err_set(e, "isa-debug-exit: iosize takes 1, 2 or 4, not %llu",
                       (unsigned long long)size);
    b->o->debug_exit = true;
    b->o->debug_exit_port = (uint16_t)port;
    b->o->debug_exit_size = (uint16_t)size;
    return true;
}

bool device_debugcon(struct opts_build *b, struct props *ps, struct err *e)
{
    uint64_t port = 0xe9;
    const char *id = props_take(ps, "chardev");
    if (!id)
        return err_set(e, "-device isa-debugcon: chardev=ID is needed");
    props_take(ps, "readback");
    if (!props_take_uint(ps, "iobase", 0xffff, &port, e))
        return false;
    b->debugcon = (struct chardev_ref){-1, id};
    b->o->debugcon_port = (uint16_t)port;
    return true;
}

bool device_serial(struct opts_build *b, struct props *ps, struct err *e)
{
    const char *id = props_take(ps, "chardev");
    uint64_t index = b->serials;
    if (!id)
        return err_set(e, "-device isa-serial: chardev=ID is needed");
    if (!props_take_uint(ps, "index", OPTS_SERIALS - 1, &index, e))
        return false;
    if (index >= OPTS_SERIALS || index < b->serials)
        return err_set(e, "-device isa-serial: that serial port is taken");
    b->has_serial = true;
    b->serial[index] = (struct chardev_ref){-1, id};
    b->serials = (unsigned)index + 1;
    return true;
}
