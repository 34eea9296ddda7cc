/* SPDX-License-Identifier: MIT
 * Inside the x86-64 back end: the code cache, the state of one compilation,
 * and the functions its files offer each other. */
#ifndef TRANSLATOR_X86_64_X64_H
#define TRANSLATOR_X86_64_X64_H

#include <stdlib.h>

#include "translator/jit.h"
#include "translator/vec_exec.h"
#include "translator/x86_64/regs.h"

/* Host features that choose between sequences. */
enum {
    HF_BMI1 = 1 << 0,
    HF_BMI2 = 1 << 1,
    HF_LZCNT = 1 << 2,
    HF_POPCNT = 1 << 3,
    HF_SSE3 = 1 << 4,
    HF_SSSE3 = 1 << 5,
    HF_SSE41 = 1 << 6,
    HF_SSE42 = 1 << 7,
    HF_AES = 1 << 8,
    HF_PCLMUL = 1 << 9,
    HF_SHA = 1 << 10,
    HF_AVX = 1 << 11, /* and the host's kernel keeps YMM */
    HF_AVX2 = 1 << 12,
    HF_FMA = 1 << 13,
    HF_F16C = 1 << 14,
    HF_VAES = 1 << 15,
    HF_VPCLMUL = 1 << 16,
    HF_ADX = 1 << 17,
    HF_FAST_PEXT = 1 << 18, /* not in microcode */
};
uint32_t x64_host_features(void);
/* EBX of CPUID leaf 0, EAX of leaf 1 of a CPU with BMI2. */
bool x64_pext_is_fast(uint32_t vendor_ebx, uint32_t leaf1_eax);

/* Flags that only a fault would look at may be left unsaved when they can be
 * computed afterwards from the registers of the instruction that set them. */
struct x64_late_flags {
    uint8_t op, w, d, a; /* IR op and operands; op 0 (IR_INSN) = none */
    int32_t imm;
};

/* A host return address (offset in the code cache) at which a guest fault may surface. */
struct x64_site {
    uint32_t off;
    uint16_t undo; /* instructions counted at block entry but not completed */
    uint32_t late; /* index + 1 into jit->late, 0 = aflags is right */
    uint64_t rip;
};

/* Host code that may trap (SIGFPE, SIGSEGV) and where to go on then; offsets. */
struct x64_trap {
    uint32_t from, to, target;
    bool fpe; /* a floating-point exception, else a bad address */
};

struct x64_link {
    struct block_link l;
    uint8_t *stub; /* running address of the unchained exit */
    struct x64_link *next;
    uint8_t *from;  /* writable rel32 place in the block that leads to the exit */
    uint16_t undo;  /* counted instructions that a side exit leaves out */
    bool save;      /* flags are still to be stored in cpu->aflags */
};

/* Growing arrays. */
struct x64_sites {
    struct x64_site *v;
    size_t n, cap;
};
struct x64_traps {
    struct x64_trap *v;
    size_t n, cap;
};
struct x64_lates {
    struct x64_late_flags *v;
    size_t n, cap;
};

struct jit {
    struct cpu *cpu;
    bool counting, tlb;
    bool flushed;       /* everything goes with the next compilation */
    bool ymm;           /* the host's YMM registers are the guest's, not only the low halves */
    bool no_share;      /* no groups (group.c) */
    bool trap_noncanon; /* non-canonical addresses are caught by a host fault */
    uint32_t hf;
    uint8_t *rw, *rx;
    size_t size;
    uint8_t *first; /* first byte after thunks and constants */
    uint8_t *pos;   /* free space, writable address */
    struct x64_sites sites;
    struct x64_traps traps;
    struct x64_lates lates;
    /* thunks and constants: writable addresses in the code cache */
    uint8_t *t_enter, *t_exit, *t_sync, *t_callexit, *t_fast, *t_fastexit, *t_load, *t_store, *t_rmw, *t_commit;
    uint8_t *t_probe, *t_raise;
    uint8_t *k_pagemask;
    struct x64_link *links; /* all since the last flush: a dropped block may still run */
    struct x64_room *room;  /* for the compilation under way */
    struct jit *next;       /* all of the process, for the trap handler */
    uint64_t trapped[2];    /* host signals taken: SIGSEGV, SIGFPE */
};

enum x64_slow_kind { SL_LOAD, SL_STORE, SL_RMW, SL_PROBE, SL_RAISE, SL_CALL, SL_X87,
                     SL_X87_LOAD, SL_SEG };

/* Out-of-line code of one op, emitted after the block. */
struct x64_slow {
    uint8_t kind, size, ss, vector;
    uint8_t seg; /* SL_SEG: segment, and kind of access */
    bool write;
    uint8_t nfrom;
    uint8_t *from[4];        /* rel32 places that jump here */
    uint8_t *misaligned;     /* rel32 place that jumps to the crossing check, or NULL */
    uint8_t *aligned_back;   /* where an access that does not cross goes on */
    uint8_t *start, *end;    /* the access itself */
    const struct insn *insn; /* SL_CALL: vec_exec of this; SL_X87: x87_exec or vec_exec */
    bool exits;              /* SL_X87: the block is left behind the instruction */
    bool traps;              /* [start, end) may trap (SL_CALL: [start, trap_end)) */
    uint8_t *trap_end;
    bool vec_mem; /* SL_CALL: X_ADDR holds the operand's address */
    uint8_t slots; /* group.c: kept entries that a call of C makes void */
    const struct x64_access *access; /* the access belongs to a group */
    const struct ir *op;
    uint16_t undo;
    uint32_t late;
    uint64_t rip;
};

/* group.c: accesses that share a page check. */
#define NO_GROUP 0xffff
struct x64_group {
    int64_t lo, hi; /* range relative to the common value of the registers */
    unsigned lead, last;
    bool write, dissolved;
    uint8_t slot; /* in cpu->jit_delta, or 0xff */
};
struct x64_access {
    uint16_t group;
    int32_t rel;
    bool trust;    /* r15 holds the group's entry, or 0 */
    bool keep;     /* the next access trusts r15 */
    uint8_t slots; /* in use after this op */
};

/* Working memory of compilations: large and short-lived, so it is kept. */
#define X64_MAX_SLOW (4 * IR_MAX_OPS + 4)
struct x64_room {
    struct x64_slow slow[X64_MAX_SLOW];
    struct x64_group group[IR_MAX_OPS];
    struct x64_access access[IR_MAX_OPS];
    uint16_t live[IR_MAX_OPS + 1], livef[IR_MAX_OPS + 1];
};

struct x64 {
    struct emit e;
    struct jit *j;
    struct block *b;
    const struct ir *o; /* op being compiled */
    unsigned i;         /* its index */
    unsigned insn;      /* index of the current guest instruction */
    uint64_t rip, next_rip;
    /* flags.c */
    uint16_t hv, ev;       /* flags current in EFLAGS, in cpu->aflags */
    uint16_t want;         /* flags that anybody wants of their last writer */
    uint32_t late;         /* how a fault gets the flags that are in neither */
    unsigned writer;       /* op that wrote them last */
    uint16_t wantr;        /* of want: by readers, not only by faults */
    uint16_t *live;        /* before op i: flags somebody reads; [nops] at the end */
    uint16_t *livef;       /* likewise, faults included */
    bool force_canon;      /* the access in progress may not rely on traps */
    struct x64_slow *slow; /* never moves during a compilation */
    unsigned nslow;
    uint8_t *kick_from, *budget_from;
    struct x64_group *group; /* [nops] */
    unsigned ngroup;
    struct x64_access *access; /* [nops] */
    struct x64_slow *cur; /* of the guest access in progress */
    bool x87_live;           /* the host's x87 is known to hold the guest's */
    bool upper_used;         /* cpu->upper is known to be UPPER_USED */
    bool left;               /* the code has left the block already */
    bool target_rax;         /* the target of the final JMPR is in rax ... */
    int32_t target_pop;      /* ... and RSP goes up by this before it */
    bool unsupported;
};

/* block.c */
void x64_trap_add(struct x64 *c, const uint8_t *from, const uint8_t *to, bool fpe);
struct x64_slow *x64_slow_new(struct x64 *c, enum x64_slow_kind kind);
void x64_site_here(struct x64 *c, uint16_t undo, uint32_t late, uint64_t rip);
uint16_t x64_undo(const struct x64 *c);

/* operand.c: values of operands */
bool x64_is_h(unsigned ref);
struct x64_rm x64_rm(unsigned ref); /* pinned register, env memory, or guest memory */
/* Loads zero-extended; AH..BH go over rax. */
void x64_ld(struct x64 *c, unsigned host, unsigned ref, unsigned w);
void x64_ld_imm(struct x64 *c, unsigned host, int64_t imm, unsigned w);
void x64_st(struct x64 *c, unsigned ref, unsigned host, unsigned w);
/* Brings byte 1 to byte 0 and back; keeps flags. */
void x64_rot8(struct x64 *c, unsigned host, bool back);

/* mem.c */
void x64_lea(struct x64 *c, const struct ir_mem *m, unsigned host); /* effective address */
/* Linear address to X_ADDR. */
void x64_address(struct x64 *c, const struct ir *o, unsigned size, bool write);
void x64_mem_begin(struct x64 *c, unsigned size, enum x64_slow_kind kind);
void x64_mem_end(struct x64 *c);
void x64_slow_emit(struct x64 *c, struct x64_slow *s);
#define RM_GUEST rm_idx(X_ADDR, X_ENT, 0, 0)

/* [mmu.rd or wr] entry of X_ADDR to X_ENT; what fails is added to s->from. */
void x64_table_lookup(struct x64 *c, struct x64_slow *s, bool write);
void x64_call_thunk(struct x64 *c, const struct x64_slow *s, const uint8_t *thunk);
void x64_point_at_bounce(struct x64 *c);
void x64_copy_access(struct x64 *c, const struct x64_slow *s);

/* group.c */
void x64_group_plan(struct x64 *c);
void x64_group_begin(struct x64 *c, unsigned size, enum x64_slow_kind kind);
void x64_group_slow(struct x64 *c, struct x64_slow *s);
void x64_group_clear(struct x64 *c, unsigned slots); /* keeps flags */
/* Runs on the host's XMM registers, without C but for a trap. */
bool x64_vec_plain(const struct x64 *c, const struct ir *o);
bool x64_vec_may_trap(const struct insn *in);

/* flags.c */
void x64_flags_analyse(struct x64 *c);
void x64_flags_begin(struct x64 *c);               /* block entry */
void x64_flags_clobber(struct x64 *c);             /* before op c->i destroys host flags */
void x64_flags_save(struct x64 *c);                /* EFLAGS to cpu->aflags, over rax */
void x64_flags_sync(struct x64 *c);                /* makes cpu->aflags complete */
void x64_flags_need(struct x64 *c, uint16_t mask); /* host EFLAGS hold these */
void x64_flags_load(struct x64 *c);                /* EFLAGS from cpu->aflags, no bookkeeping */
/* Destroys host flags without defining guest flags that anybody wants. */
bool x64_flags_quiet(const struct ir *o);
void x64_flags_keep(struct x64 *c,
                    uint16_t written); /* before a host op that writes just these */
void x64_flags_wrote(struct x64 *c, uint16_t mask);
/* A host op may have written these. */
void x64_flags_merged(struct x64 *c, uint16_t mask);
unsigned x64_flags_cond(struct x64 *c, unsigned cc); /* host condition equal to guest cc */
uint16_t x64_cc_flags(unsigned cc);
/* aflags image from the state at the fault */
uint16_t x64_late_compute(const struct cpu *cpu, const struct x64_late_flags *lf);

/* alu.c, muldiv.c, bits.c, bmi.c, branch.c, vec.c, x87.c */
void x64_op_alu(struct x64 *c);
void x64_op_mov(struct x64 *c);
void x64_op_extend(struct x64 *c);
void x64_op_lea(struct x64 *c);
void x64_op_unary(struct x64 *c);
void x64_op_shift(struct x64 *c);
void x64_op_shiftd(struct x64 *c);
void x64_op_flagop(struct x64 *c);
void x64_op_setcc(struct x64 *c);
void x64_op_cmovcc(struct x64 *c);
void x64_op_env(struct x64 *c);
void x64_op_bt(struct x64 *c);
void x64_op_scan(struct x64 *c);
void x64_op_count(struct x64 *c);
void x64_op_bswap(struct x64 *c);
void x64_op_xchg(struct x64 *c);
void x64_op_cmpxchg(struct x64 *c);
void x64_op_mul(struct x64 *c);
void x64_op_imul(struct x64 *c);
void x64_op_div(struct x64 *c);
void x64_op_probe(struct x64 *c);
void x64_op_call(struct x64 *c);
void x64_op_raise(struct x64 *c);
void x64_op_chktgt(struct x64 *c);
void x64_op_jump(struct x64 *c);
/* At a load of T0: true when it is to go to rax, where the jump expects it. */
bool x64_target_begin(struct x64 *c);
void x64_op_vec(struct x64 *c);
void x64_op_bmi(struct x64 *c);
void x64_op_adx(struct x64 *c);
void x64_op_x87(struct x64 *c);
void x64_block_head(struct x64 *c);
void x64_links_emit(struct x64 *c);
void x64_raise_if(struct x64 *c, unsigned cc, unsigned vector);
/* Subtracts n (or adds it back) in the instruction count; counting mode only. */
void x64_count(struct x64 *c, int32_t n, bool add);
/* cpu->rip and next_rip, for C that runs a whole instruction. Uses rax. */
void x64_set_rips(struct x64 *c, uint64_t rip, uint64_t next);
/* Calls fn(cpu, X_ADDR, X_ENT) through the sync thunk; result in rax. */
void x64_call_c(struct x64 *c, uint64_t fn);
void x64_jump_to(struct x64 *c, uint64_t rip, int cc);
void x64_op_side_exit(struct x64 *c);
void x64_op_poll(struct x64 *c);

/* x87.c */
void x64_x87_live(struct x64 *c); /* the host's x87 holds the guest's from here on */
/* An access made through x64_mem_begin runs whole in C when it is slow: no x87 or MMX state may
 * change before the last fault. */
void x64_x87_access(struct x64 *c, unsigned size, bool store, const struct insn *in);
void x64_x87_slow(struct x64 *c, const struct x64_slow *s);

/* thunk.c */
bool x64_code_create(struct jit *j, size_t bytes, struct err *e);
void x64_code_destroy(struct jit *j);
void x64_thunks_emit(struct jit *j);

/* trap.c */
void x64_trap_register(struct jit *j);
void x64_trap_unregister(struct jit *j);
void x64_trap_thread(void); /* the calling thread will run translated code */

/* disas.c */
void x64_disas_log(const struct block *b, const uint8_t *code, size_t n);

/* helper.c: called by generated code, state in *cpu */
void x64_helper_load(struct cpu *cpu, uint64_t va, uint64_t desc);
void x64_helper_store(struct cpu *cpu, uint64_t va, uint64_t desc);
void x64_helper_rmw(struct cpu *cpu, uint64_t va, uint64_t desc);
void x64_helper_probe(struct cpu *cpu, uint64_t va, uint64_t desc);
void x64_helper_raise(struct cpu *cpu, uint64_t vector, uint64_t unused);
/* Where to go on at next_rip, NULL: the run loop. Leaves vector registers alone (next.c). */
void *x64_helper_next(struct cpu *cpu);
void x64_helper_x87_load(struct cpu *cpu, uint64_t unused, uint64_t unused2);
void x64_helper_x87(struct cpu *cpu, uint64_t insn, uint64_t unused);
void x64_helper_mmx(struct cpu *cpu, uint64_t insn, uint64_t va);
uint64_t x64_helper_seg(struct cpu *cpu, uint64_t off, uint64_t desc);
void x64_helper_div(struct cpu *cpu, uint64_t divisor, uint64_t desc);
uint64_t x64_helper_popcnt(struct cpu *cpu, uint64_t v, uint64_t unused);
#define DESC_SS 0x100 /* in desc beside the size: #SS rather than #GP */

#endif
