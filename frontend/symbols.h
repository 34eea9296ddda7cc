/* SPDX-License-Identifier: MIT
 * Names of guest code addresses, from files that the user gives. */
#ifndef FRONTEND_SYMBOLS_H
#define FRONTEND_SYMBOLS_H

#include "softmmu/err.h"
#include "softmmu/types.h"

struct symbols;

/* Reads a symbol table: an ELF file (vmlinux, a program; .symtab), or text lines "ADDRESS TYPE
 * NAME" as in System.map, /proc/kallsyms and the output of nm. Only code (types t, w and
 * STT_FUNC) is kept. NULL and *e on failure: no regular file of at most 256 MiB, or no symbol of
 * code with an address in it. */
struct symbols *symbols_load(const char *path, struct err *e);
void symbols_free(struct symbols *s); /* NULL allowed */

/* The symbol that holds addr and the distance from its start; NULL when there is none. s may be
 * NULL. Text symbols end where the next begins, at most 1 MiB on. */
const char *symbols_find(const struct symbols *s, gva addr, uint64_t *offset);

#endif
