/* SPDX-License-Identifier: MIT
 * The body of the DSDT, appended to an AML buffer. */
#ifndef HW_FW_ACPI_DSDT_H
#define HW_FW_ACPI_DSDT_H

#include "hw/fw/aml.h"

struct acpi_config;

void acpi_put_dsdt(struct aml *a, const struct acpi_config *c);

#endif
