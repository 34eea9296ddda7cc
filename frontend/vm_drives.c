/* SPDX-License-Identifier: MIT
 * The machine's drives: opened before the board, plugged into it, closed after it. */
#include <stdio.h>
#include <string.h>

#include "frontend/monitor/monitor.h"
#include "frontend/vm_int.h"

/* The request is kept; the user makes room and says `cont`. */
static void on_io_error(void *opaque, struct block *b, enum block_op op, int error)
{
    struct vm *vm = opaque;

    const char *what = op == BLOCK_READ ? "read" : "write";

    fprintf(stderr, "mynah: drive %s: %s: %s; the machine is paused\n", b->id, what,
            strerror(error));
    if (vm->monitors)
        monitor_block_io_error(vm->monitors, b->id, what, "stop", error);
    vm_pause(vm, VM_IO_ERROR);
}

static struct block *find_drive(void *opaque, const char *id, struct err *e)
{
    struct vm *vm = opaque;

    return drives_take(vm->drives, id, e);
}

bool vm_open_drives(struct vm *vm, struct err *e)
{
    struct drives_env env = {.defer = &vm->deferred, .io_error = on_io_error, .opaque = vm};

    vm->drives = drives_create(vm->o->drive, vm->o->drives, &env, e);
    return vm->drives != NULL;
}

static struct block *plug(struct vm *vm, enum drive_if type, unsigned index)
{
    struct block *b = drives_at(vm->drives, type, index);

    if (b)
        drives_mark_taken(vm->drives, b);
    return b;
}

void vm_plug_drives(struct vm *vm, struct pc_config *cfg)
{
    cfg->find_drive = find_drive;
    for (unsigned i = 0; i < ARRAY_SIZE(cfg->ide); i++)
        cfg->ide[i] = plug(vm, DRIVE_IDE, i);
    for (unsigned i = 0; i < ARRAY_SIZE(cfg->floppy); i++)
        cfg->floppy[i] = plug(vm, DRIVE_FLOPPY, i);
    for (unsigned i = 0; i < ARRAY_SIZE(cfg->pflash); i++)
        cfg->pflash[i] = plug(vm, DRIVE_PFLASH, i);
}

bool vm_check_drives(struct vm *vm, struct err *e)
{
    for (unsigned t = DRIVE_IDE; t < DRIVE_IF_COUNT; t++) {
        struct block *b = drives_untaken(vm->drives, (enum drive_if)t);

        if (b)
            return err_set(e, "drive '%s': the machine has no place for it", b->id);
    }
    return true;
}
