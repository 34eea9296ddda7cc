/* SPDX-License-Identifier: MIT
 * TBD */
#include "firmware/post/post.h"
void mptable_init(void)
{
}
void pir_init(void)
{
}
