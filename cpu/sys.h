/* SPDX-License-Identifier: MIT
 * What the files of the CPU's architectural core share; not seen outside cpu/. */
#ifndef CPU_SYS_H
#define CPU_SYS_H

#include "cpu/cpu.h"

/* A selector as an exception's error code: RPL is dropped. */
#define SEL_ERR(sel) ((uint32_t)(sel)&0xfffc)
#define SEL_IS_NULL(sel) (((sel)&0xfffc) == 0)
#define SEL_TI 4

enum { DR6_BD = 1 << 13, DR6_BS = 1 << 14, DR6_BT = 1 << 15, DR7_GD = 1 << 13 };
#define DR6_INIT 0xffff0ff0ull
#define DR7_INIT 0x400ull

#define CR3_NOFLUSH (1ull << 63)

/* System descriptor types (S = 0), SDM vol. 3 table 3-2. */
enum {
    DT_TSS16 = 1, DT_LDT = 2, DT_TSS16_BUSY = 3, DT_CALL16 = 4, DT_TASK = 5, DT_INT16 = 6,
    DT_TRAP16 = 7, DT_TSS32 = 9, DT_TSS32_BUSY = 11, DT_CALL32 = 12, DT_INT32 = 14,
    DT_TRAP32 = 15,
};
#define DT_BUSY 2

/* Segments without a descriptor (SYSCALL, real mode ...) */
enum {
    ATTR_REAL = SA_P | SA_S | SA_RW | SA_ACC,
    ATTR_VM86 = ATTR_REAL | SA_DPL,
    ATTR_CODE = SA_P | SA_S | SA_CODE | SA_RW | SA_ACC | SA_G,
    ATTR_DATA = SA_P | SA_S | SA_RW | SA_ACC | SA_G | SA_DB,
};

static inline bool cpu_pe(const struct cpu *cpu)
{
    return cpu->mode & CM_PE;
}
static inline bool cpu_vm86(const struct cpu *cpu)
{
    return cpu->mode & CM_VM;
}
static inline bool cpu_lma(const struct cpu *cpu)
{
    return cpu->mode & CM_LMA;
}
static inline bool cpu_long(const struct cpu *cpu) /* in 64-bit code */
{
    return (cpu->mode & CM_SIZE) == CM_64;
}
static inline unsigned cpu_iopl(const struct cpu *cpu)
{
    return cpu->eflags >> 12 & 3;
}
static inline unsigned attr_dpl(uint32_t attr)
{
    return (attr & SA_DPL) >> SA_DPL_SHIFT;
}
static inline bool attr_is_code(uint32_t attr)
{
    return (attr & (SA_S | SA_CODE)) == (SA_S | SA_CODE);
}
static inline bool attr_is_conforming(uint32_t attr)
{
    return (attr & (SA_S | SA_CODE | SA_DC)) == (SA_S | SA_CODE | SA_DC);
}
static inline bool attr_is_wdata(uint32_t attr)
{
    return (attr & (SA_S | SA_CODE | SA_RW)) == (SA_S | SA_RW);
}

/* Does the segment's type allow the access? (limit apart; not for 64-bit code) */
static inline bool seg_allows(const struct cpu *cpu, const struct seg *s, bool write)
{
    if (!(s->attr & SA_P))
        return false;
    if (!cpu_pe(cpu))
        return true;
    if (write)
        return (s->attr & (SA_CODE | SA_RW)) == SA_RW;
    return (s->attr & (SA_CODE | SA_RW)) != SA_CODE;
}
static inline bool seg_expands_down(const struct seg *s)
{
    return (s->attr & (SA_S | SA_CODE | SA_DC)) == (SA_S | SA_DC);
}

/* #GP(0) and friends in one word each. */
_Noreturn static inline void raise_gp(struct cpu *cpu, uint32_t error)
{
    cpu_raise_err(cpu, EXC_GP, error);
}

/* General registers; a 4-byte write clears the upper half, smaller ones keep the rest. */
static inline void gpr_set(struct cpu *cpu, unsigned r, uint64_t value, unsigned size)
{
    if (size == 8)
        cpu->gpr[r] = value;
    else if (size == 4)
        cpu->gpr[r] = (uint32_t)value;
    else
        cpu->gpr[r] = (cpu->gpr[r] & ~0xffffull) | (value & 0xffff);
}
static inline uint64_t size_mask(unsigned size)
{
    return size >= 8 ? ~0ull : (1ull << size * 8) - 1;
}
static inline void set_zf(struct cpu *cpu, bool on)
{
    uint32_t fl = cpu_get_aflags(cpu);

    cpu_set_aflags(cpu, on ? fl | FL_ZF : fl & ~(uint32_t)FL_ZF);
}

/* --- access.c: bytes in a given view; a fault raises #PF, debug watchpoints are noted --- */
void access_load(struct cpu *cpu, gva va, void *buf, unsigned n, enum mmu_view view);
void access_store(struct cpu *cpu, gva va, const void *buf, unsigned n, enum mmu_view view);
void access_probe_sys(struct cpu *cpu, gva va, unsigned n);
/* View of explicit accesses at a privilege level, EFLAGS.AC as it is now. */
enum mmu_view access_view(const struct cpu *cpu, unsigned cpl);

/* Operand n of an instruction: a register or memory, of 1, 2, 4 or 8 bytes. */
uint64_t op_read(struct cpu *cpu, const struct insn *in, unsigned n, unsigned size);
void op_write(struct cpu *cpu, const struct insn *in, unsigned n, uint64_t v, unsigned size);
/* Index of the first operand of a kind, or -1. */
int op_find(const struct insn *in, enum insn_opkind kind);
/* Linear address of the memory operand for an access of `size` bytes. */
gva op_linear(struct cpu *cpu, const struct insn *in, unsigned size, bool write);
/* Segment override prefix of an instruction without a decoded memory operand, else dflt. */
unsigned op_segment(const struct insn *in, unsigned dflt);

/* A stack being pushed to or popped from without touching SS:RSP before stack_commit. */
struct stack {
    struct cpu *cpu;
    struct seg ss;
    uint64_t sp;
    uint64_t mask;      /* stack address size: 64-bit stacks have no limit check */
    uint32_t err;       /* error code of #SS */
    enum mmu_view view;
};
void stack_init(struct stack *st, struct cpu *cpu); /* the current one */
uint64_t stack_mask(const struct cpu *cpu, const struct seg *ss);
void stack_push(struct stack *st, uint64_t value, unsigned size);
uint64_t stack_pop(struct stack *st, unsigned size);
void stack_commit(const struct stack *st); /* RSP only; SS is the caller's */

/* --- seg.c --- */
struct desc {
    uint32_t lo, hi;
    gva addr;
};
static inline uint16_t desc_attr(const struct desc *d)
{
    return d->hi >> 8 & 0xf0ff;
}
static inline unsigned desc_type(const struct desc *d) /* with S as bit 4 */
{
    return d->hi >> 8 & 0x1f;
}
static inline uint32_t desc_base(const struct desc *d)
{
    return d->lo >> 16 | (d->hi & 0xff) << 16 | (d->hi & 0xff000000);
}
static inline uint32_t desc_limit(const struct desc *d)
{
    uint32_t limit = (d->lo & 0xffff) | (d->hi & 0xf0000);

    return d->hi & 1u << 23 ? limit << 12 | 0xfff : limit;
}
static inline void desc_to_seg(const struct desc *d, uint16_t sel, struct seg *s)
{
    *s = (struct seg){
        .base = desc_base(d), .limit = desc_limit(d), .sel = sel, .attr = desc_attr(d)};
}
/* False when the selector lies outside its table (null is entry 0 of the GDT: check before). */
bool desc_fetch(struct cpu *cpu, uint16_t sel, struct desc *d);
/* Upper 8 bytes of a 16-byte system descriptor (IA-32e); false when outside the table. */
bool desc_fetch_high(struct cpu *cpu, uint16_t sel, const struct desc *d, uint32_t *base_hi,
                     uint32_t *type_hi);
void desc_set_accessed(struct cpu *cpu, struct desc *d);
void desc_set_busy(struct cpu *cpu, uint16_t sel, bool busy);

/* Checks a data or stack segment load and builds its cache in *out; faults use `bad`
 * (#GP, or #TS during a task switch) for what is wrong and #NP/#SS for not present. */
void seg_resolve(struct cpu *cpu, unsigned seg, uint16_t sel, unsigned cpl, enum exc_vector bad,
                 struct seg *out);
/* Stack segment of a far transfer to privilege level cpl. */
void seg_resolve_stack(struct cpu *cpu, uint16_t sel, unsigned cpl, enum exc_vector bad,
                       uint32_t ext, struct seg *out);
void seg_load(struct cpu *cpu, unsigned seg, uint16_t sel); /* as MOV sreg does; any mode */
void seg_load_real(struct cpu *cpu, unsigned seg, uint16_t sel);
void seg_load_vm86(struct cpu *cpu, unsigned seg, uint16_t sel);
/* mode.c: cpu->seg_end of one segment, outside 64-bit code. */
void seg_update_end(struct cpu *cpu, unsigned seg);
/* CS in real or virtual-8086 mode; the mode is not recomputed. */
void seg_load_cs_unprotected(struct cpu *cpu, uint16_t sel);
void seg_null(struct cpu *cpu, unsigned seg, uint16_t sel);
void seg_set_flat(struct cpu *cpu, unsigned seg, uint16_t sel, uint16_t attr);
/* LDTR for LLDT and task switches; `bad` as above. */
void seg_load_ldt(struct cpu *cpu, uint16_t sel, enum exc_vector bad);
bool seg_in_limit(const struct seg *s, uint64_t off, unsigned size);

/* Commits a checked code segment, CPL and instruction pointer of a far transfer. */
void far_commit(struct cpu *cpu, const struct seg *cs, unsigned cpl, uint64_t rip);
/* Drops DS ES FS GS that the outer level may not use. */
void far_null_data(struct cpu *cpu, unsigned cpl);
/* #GP(err) unless rip lies inside cs (limit, or canonical for 64-bit code). */
void far_check_rip(struct cpu *cpu, const struct seg *cs, uint64_t rip, uint32_t err);
/* Stack of level dpl in the current 16/32-bit TSS, checked. */
void far_inner_stack(struct cpu *cpu, unsigned dpl, uint32_t ext, struct stack *st);
/* Stack pointer `slot` (RSPn: n; ISTn: 3 + n) of the 64-bit TSS. */
uint64_t far_tss64_rsp(struct cpu *cpu, unsigned slot, uint32_t ext);

/* --- exc.c --- */
struct exc_event {
    uint8_t vector;
    bool soft;      /* INT n, INT3, INTO: gate DPL is checked */
    bool has_error;
    bool rf;        /* push RF = 1 */
    uint8_t ext;    /* EXT bit of error codes */
    uint32_t error;
    uint64_t ret;   /* instruction pointer to push */
};
/* Through the IDT or IVT; next_rip becomes the handler. */
void exc_enter(struct cpu *cpu, const struct exc_event *ev);
/* Real-mode style entry through the IVT at `base` (also VME-redirected INT n). */
void exc_enter_ivt(struct cpu *cpu, gva base, uint8_t vector, uint64_t ret, uint16_t flags);

/* --- task.c --- */
enum task_why { TASK_JMP, TASK_CALL, TASK_IRET, TASK_INT };
/* Checks a TSS selector met by JMP, CALL or a task gate: available and present. */
void task_fetch_tss(struct cpu *cpu, uint16_t sel, uint32_t ext, struct desc *d);
/* Switches; faults before the commit point are raised in the old task, later ones in the
 * new task (rip, next_rip = its EIP). ret: EIP to save in the old TSS. */
void task_switch(struct cpu *cpu, uint16_t sel, struct desc *d, enum task_why why, uint32_t ext,
                 uint64_t ret, bool rf);
void task_push_error(struct cpu *cpu, uint32_t error);
void task_trap(struct cpu *cpu); /* raises #DB when the new task's T bit asks for it */
void task_return(struct cpu *cpu); /* IRET with NT */

/* --- crdr.c, msr.c, debug.c --- */
void cr_write0(struct cpu *cpu, uint64_t value);
void cr_write4(struct cpu *cpu, uint64_t value);
void cr_load_pdptrs(struct cpu *cpu, uint64_t cr3); /* or #GP(0) for a reserved bit */
void debug_note_data(struct cpu *cpu, gva va, unsigned n, bool write);
void debug_note_io(struct cpu *cpu, uint16_t port, unsigned n);
void msr_reset(struct cpu *cpu);
bool msr_read(struct cpu *cpu, uint32_t index, uint64_t *value);  /* false: #GP(0) */
bool msr_write(struct cpu *cpu, uint32_t index, uint64_t value);

/* xsave.c: components not in their initial state. */
uint64_t xsave_in_use(const struct cpu *cpu);

#endif
