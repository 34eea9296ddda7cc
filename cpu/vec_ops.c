/* SPDX-License-Identifier: MIT
 * The table of vector operations. */
#include "cpu/vec_ops.h"

#include <string.h>

const struct vec_op vec_ops[] = {
#define VEC(name, fn, kind) {#name, fn, kind},
#include "cpu/vec_ops.def"
#undef VEC
};

const struct vec_op *vec_op_find(const char *name)
{
    for (unsigned i = 0; i < VEC_OP_COUNT; i++) {
        if (!strcmp(vec_ops[i].name, name))
            return &vec_ops[i];
    }
    return NULL;
}
