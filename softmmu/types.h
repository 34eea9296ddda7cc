/* SPDX-License-Identifier: MIT
 * Scalar types with a meaning, shared by every room. */
#ifndef SOFTMMU_TYPES_H
#define SOFTMMU_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t gva; /* guest linear (virtual) address, after segmentation */
typedef uint64_t gpa; /* guest physical address */

#define GUEST_PAGE_SHIFT 12
#define GUEST_PAGE_SIZE 4096u
#define GUEST_PAGE_MASK 0xfffull

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#endif
