/* SPDX-License-Identifier: MIT
 * TBD */
#include "firmware/post/post.h"
void smbios_init(void)
{
}
