/* SPDX-License-Identifier: MIT
 * Runs cases on the host CPU, inside a child process that may do nothing but compute
 * (seccomp strict mode where the host allows it). */
#ifndef TESTS_ORACLE_NATIVE_H
#define TESTS_ORACLE_NATIVE_H

#include "softmmu/err.h"
#include "tests/oracle/case.h"

enum { NATIVE_BATCH = 128, NATIVE_SLOTS = 2 };

struct native;

/* Starts the child. Ends with *e set when the host cannot give the fixed addresses. */
struct native *native_create(struct err *e);
void native_destroy(struct native *n);

/* The batch buffers of a slot, in memory shared with the child: fill cases, begin, work
 * on the other slot meanwhile, end, read states. */
struct orc_case *native_cases(struct native *n, unsigned slot);
struct orc_state *native_states(struct native *n, unsigned slot);
bool native_begin(struct native *n, unsigned slot, unsigned count, struct err *e);
/* Waits for a begun batch. Cases that killed or hung the child have such a status. */
bool native_end(struct native *n, unsigned slot, struct err *e);
/* Children started so far; more than one tells of cases that killed one. */
unsigned native_starts(const struct native *n);

#endif
