/* SPDX-License-Identifier: MIT
 * Random vectors weighted towards the values where instructions go wrong. */
#ifndef TESTS_CPU_VEC_INPUT_H
#define TESTS_CPU_VEC_INPUT_H

#include "cpu/vec.h"

/* splitmix64 step. */
uint64_t vec_random(uint64_t *state);

/* Fills `v`; `other` is a vector already drawn, to which it may be made similar. */
void vec_draw(uint64_t *state, union vec *v, const union vec *other);

/* A sign-extended integer operand of edge-weighted size. */
uint64_t vec_draw_integer(uint64_t *state);

#endif
