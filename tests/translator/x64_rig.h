/* SPDX-License-Identifier: MIT
 * A 64-bit CPU with a few pages of memory, for running hand-made and random IR
 * under the back end and under ir_exec. */
#ifndef TESTS_TRANSLATOR_X64_RIG_H
#define TESTS_TRANSLATOR_X64_RIG_H

#include <glib.h>

#include "translator/ir_exec.h"
#include "translator/jit.h"

/* What is mapped, linear = physical: */
#define RIG_DATA   0x40000ull            /* two writable pages */
#define RIG_RO     0x42000ull            /* one read-only page */
#define RIG_HIGH   0xffff800000000000ull /* the same again from here on */
#define RIG_RAM    0x80000ull /* physical memory below this */
#define RIG_DEVICE 0x80000ull /* one page of I/O: reads give the offset times 0x01010101... */
#define RIG_CODE   0x1000ull  /* rip of blocks */
#define RIG_NEXT   0x1800ull  /* where they go */

struct rig {
    struct space *space;
    uint8_t *ram;
    struct cpu *cpu;
    struct jit *jit;
    struct jump_cache jc;
    uint64_t device_writes, device_last;
};

struct rig_state { /* what a guest can see of the CPU */
    uint64_t gpr[16], rip, icount;
    int64_t df;
    uint16_t aflags;
    union vec v[16];
    uint32_t mxcsr;
    struct x87 x87;
    bool fault;
    uint8_t vector;
    uint32_t error;
    uint64_t cr2;
};

struct rig *rig_create(const struct jit_opts *o, bool tlb);
void rig_mode32(struct rig *r); /* flat protected mode, PAE paging, the same map below 4 GiB */
/* Real mode without paging, protected mode or (vm) virtual-8086 mode with the map of rig_mode32,
 * open to CPL 3. The caller sets the segments, then calls cpu_update_mode. */
void rig_legacy(struct rig *r, bool protect, bool vm);
void rig_destroy(struct rig *r);

/* IR under construction. */
struct rig_code {
    struct ir_block b;
};
struct ir *rig_op(struct rig_code *c, enum ir_op op, unsigned w, uint8_t d, uint8_t a);
void rig_insn(struct rig_code *c); /* next guest instruction, 4 bytes long */
void rig_mem(struct ir *o, uint8_t base, uint8_t index, unsigned scale, int64_t disp);
void rig_jump(struct rig_code *c, uint64_t rip);

/* Flags that an op writes and leaves undefined. */
void rig_flags_of(struct ir *o);

/* Runs the block from the CPU's state; afterwards that and *out are the result. */
void rig_run_exec(struct rig *r, const struct rig_code *c, struct rig_state *out);
void rig_run_jit(struct rig *r, const struct rig_code *c, struct rig_state *out);
void rig_save(const struct rig *r, struct rig_state *s);
void rig_load(struct rig *r, const struct rig_state *s);

#endif
