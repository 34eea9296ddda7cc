/* SPDX-License-Identifier: MIT
 * Every device class of the project. */
#ifndef HW_DEVICES_H
#define HW_DEVICES_H

#include "softmmu/dev.h"

extern const struct dev_class *const hw_classes[]; /* NULL ends it */

/* By name or alias; NULL when there is none. */
const struct dev_class *hw_find_class(const char *name);

#endif
