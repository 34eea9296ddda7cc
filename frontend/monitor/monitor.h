/* SPDX-License-Identifier: MIT
 * Monitors: QMP for programs and a command line for people, on one table of commands. They live
 * on the main thread; all functions are called with the device lock held. */
#ifndef FRONTEND_MONITOR_MONITOR_H
#define FRONTEND_MONITOR_MONITOR_H

#include <jansson.h>

#include "frontend/vm.h"

struct monitors;

/* What -qmp, -monitor and -mon ask for. The back ends are open; the machine is built. */
struct monitors *monitors_create(struct vm *vm, struct err *e);
void monitors_destroy(struct monitors *ms); /* before the back ends; NULL allowed */

/* Tells QMP clients; takes the reference to data (NULL: none). Either thread; ms may be NULL.
 */
void monitor_event(struct monitors *ms, const char *name, json_t *data);
/* BLOCK_IO_ERROR of a drive: op "read" or "write", action "stop", "report" or "ignore". */
void monitor_block_io_error(struct monitors *ms, const char *device, const char *op,
                            const char *action, int error);

#endif
