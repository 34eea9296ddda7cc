/* SPDX-License-Identifier: MIT
 * TBD */
#include "firmware/post/post.h"
void acpi_init(void)
{
}
