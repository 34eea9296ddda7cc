/* SPDX-License-Identifier: MIT
 * The machine's character back ends. */
#include <string.h>

#include "frontend/vm_int.h"

static void quit_key(void *opaque)
{
    vm_quit(opaque, 0, VM_BY_UI);
}

bool vm_open_chars(struct vm *vm, struct err *e)
{
    vm->chr_host = (struct chr_host){vm->o->escape, quit_key, vm};
    for (unsigned i = 0; i < vm->o->chardevs; i++) {
        vm->chr[i] = chr_open(&vm->o->chardev[i], vm->loop, &vm->chr_host, e);
        if (!vm->chr[i])
            return false;
    }
    return true;
}

void vm_close_chars(struct vm *vm)
{
    for (unsigned i = 0; i < vm->o->chardevs; i++) {
        chr_close(vm->chr[i]);
        vm->chr[i] = NULL;
    }
}

struct chardev *vm_char(struct vm *vm, int i)
{
    return i < 0 ? NULL : &chr_attach(vm->chr[i])->chr;
}

struct chr *vm_chr(struct vm *vm, unsigned i)
{
    return vm->chr[i];
}

struct chardev *vm_find_chardev(void *opaque, const char *id, struct err *e)
{
    struct vm *vm = opaque;

    for (unsigned i = 0; i < vm->o->chardevs; i++) {
        if (strcmp(vm->o->chardev[i].id, id))
            continue;
        if (!chr_has_room(vm->chr[i])) {
            err_set(e, "chardev '%s' is in use", id);
            return NULL;
        }
        return vm_char(vm, (int)i);
    }
    err_set(e, "chardev '%s' is not defined by any -chardev", id);
    return NULL;
}
