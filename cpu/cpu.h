/* SPDX-License-Identifier: MIT
 * The guest CPU's state and what may be asked of it. One struct cpu a vCPU,
 * touched by its own thread only, but for `kick` (see below).
 *
 * Control transfer: a function that finds a guest fault calls cpu_raise*(),
 * which records the exception and longjmps to cpu->jmp; the run loop then
 * restores the exact state of the faulting instruction and delivers it. So an
 * instruction changes no guest-visible state before its last possible fault.
 */
#ifndef CPU_CPU_H
#define CPU_CPU_H

#include <setjmp.h>

#include "cpu/insn.h"
#include "cpu/vec.h"
#include "mmu/mmu.h"

/* RFLAGS bits beside the FL_ ones of insn.h. */
enum {
    FL_TF = 1 << 8, FL_IF = 1 << 9, FL_IOPL = 3 << 12, FL_NT = 1 << 14, FL_RF = 1 << 16,
    FL_VM = 1 << 17, FL_AC = 1 << 18, FL_VIF = 1 << 19, FL_VIP = 1 << 20, FL_ID = 1 << 21,
};

enum { CR0_PE = 1 << 0, CR0_MP = 1 << 1, CR0_EM = 1 << 2, CR0_TS = 1 << 3, CR0_ET = 1 << 4,
       CR0_NE = 1 << 5, CR0_WP = 1 << 16, CR0_AM = 1 << 18, CR0_NW = 1 << 29, CR0_CD = 1 << 30 };
#define CR0_PG (1u << 31)
enum { CR4_VME = 1 << 0, CR4_PVI = 1 << 1, CR4_TSD = 1 << 2, CR4_DE = 1 << 3, CR4_PSE = 1 << 4,
       CR4_PAE = 1 << 5, CR4_MCE = 1 << 6, CR4_PGE = 1 << 7, CR4_PCE = 1 << 8,
       CR4_OSFXSR = 1 << 9, CR4_OSXMMEXCPT = 1 << 10, CR4_UMIP = 1 << 11, CR4_FSGSBASE = 1 << 16,
       CR4_PCIDE = 1 << 17, CR4_OSXSAVE = 1 << 18, CR4_SMEP = 1 << 20, CR4_SMAP = 1 << 21 };
enum { EFER_SCE = 1 << 0, EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NXE = 1 << 11 };

enum exc_vector {
    EXC_DE, EXC_DB, EXC_NMI, EXC_BP, EXC_OF, EXC_BR, EXC_UD, EXC_NM, EXC_DF, EXC_TS = 10,
    EXC_NP, EXC_SS, EXC_GP, EXC_PF, EXC_MF = 16, EXC_AC, EXC_MC, EXC_XM,
};

/* Segment register with its hidden part. attr is bits 8..23 of the
 * descriptor's high word, shifted down: type 0-3, S 4, DPL 5-6, P 7, AVL 12, L 13, D/B 14, G 15. */
struct seg {
    uint64_t base;
    uint32_t limit; /* in bytes, G applied */
    uint16_t sel;
    uint16_t attr;
};
enum { SA_TYPE = 0xf, SA_ACC = 1, SA_RW = 2, SA_DC = 4, SA_CODE = 8, SA_S = 0x10, SA_DPL = 0x60,
       SA_P = 0x80, SA_L = 0x2000, SA_DB = 0x4000, SA_G = 0x8000 };
#define SA_DPL_SHIFT 5

struct dtable {
    uint64_t base;
    uint16_t limit;
};

/* x87: physical registers (not top-relative), so that MMX register i is fpr[i].m. */
struct x87_reg {
    uint64_t m;   /* significand */
    uint16_t se;  /* sign and exponent */
    uint16_t pad[3];
};
struct x87 {
    struct x87_reg fpr[8];
    uint16_t cw, sw; /* sw holds TOP */
    uint8_t valid;   /* abridged tag word by physical register: 1 = not empty */
    uint16_t fop, fcs, fds;
    uint64_t fip, fdp;
};

/* What decides how bytes at an address translate: part of a block's key. */
enum cpu_mode {
    CM_16 = 0, CM_32 = 1, CM_64 = 2, CM_SIZE = 3, /* enum insn_mode of CS */
    CM_SS32 = 1 << 2,    /* stack address size 32 (64 in long mode regardless) */
    CM_CPL3 = 1 << 3,    /* CPL is not 0 (1 and 2 are told apart at run time) */
    CM_PE = 1 << 4,      /* protected mode proper: PE and not VM */
    CM_VM = 1 << 5,      /* virtual-8086 */
    CM_FLAT = 1 << 6,    /* CS DS ES SS: base 0, limit 4G, usable for any access; always in CM_64 */
    CM_CSBASE0 = 1 << 7, /* CS.base is 0 (always in CM_64) */
    CM_X87 = 1 << 8,     /* x87 usable: !(CR0.EM|TS) */
    CM_SSE = 1 << 9,     /* SSE usable: !EM, !TS, OSFXSR */
    CM_AC = 1 << 10,     /* alignment checks on */
    CM_STEP = 1 << 11,   /* debug registers or single step watch: one instruction a block */
    CM_LMA = 1 << 12,    /* EFER.LMA: compatibility or 64-bit */
    CM_AVX = 1 << 13,    /* VEX vector instructions usable: OSXSAVE, XCR0 has SSE and AVX, !TS */
    CM_X87EXC = 1 << 14, /* CM_X87, and an x87 exception is unmasked: x87 and MMX run in C */
    CM_ONE = 1 << 15,    /* block keys only: a block held to one instruction */
};

/* What bytes 16 to 31 of the vector registers hold. Generated code leaves them out of its loads
 * and stores of struct cpu while they are zero. C that writes them to v[] keeps `upper` true. */
enum cpu_upper {
    UPPER_ZERO, /* zero, all of them */
    UPPER_USED, /* anything */
    UPPER_STALE, /* in translated code only: zero in the registers, v[] does not know yet */
};

struct cpu_hooks {
    void *opaque;
    uint64_t (*port_in)(void *opaque, uint16_t port, unsigned size);
    void (*port_out)(void *opaque, uint16_t port, uint32_t value, unsigned size);
    int (*ack_intr)(void *opaque); /* accepts the pending external interrupt: its vector, or -1 */
    /* Local APIC: false = #GP. msr is the architectural number (1Bh, 6E0h, 800h..8FFh). */
    bool (*apic_rdmsr)(void *opaque, uint32_t msr, uint64_t *value);
    bool (*apic_wrmsr)(void *opaque, uint32_t msr, uint64_t value);
    uint8_t (*get_tpr)(void *opaque); /* CR8, 0..15 */
    void (*set_tpr)(void *opaque, uint8_t tpr);
    uint64_t (*tsc)(void *opaque); /* host side of the TSC, before tsc_offset */
};

struct exc {
    bool pending;      /* recorded by cpu_raise, waiting for delivery */
    bool has_error;
    bool soft;         /* INT n / INT3 / INTO: DPL checks, return address after the instruction */
    uint8_t vector;
    uint32_t error;
    uint64_t cr2;
    uint64_t dr6;      /* bits to OR into DR6 for #DB */
    int delivering;    /* vector being delivered, or -1: decides double and triple faults */
};

/* Reasons for the run loop to look up; set from any thread. */
enum cpu_kick {
    KICK_EXIT = 1,   /* leave cpu_run */
    KICK_INTR = 2,   /* external interrupt line is high */
    KICK_NMI = 4,
    KICK_EVENT = 8,  /* a timer event is due or device work waits */
    KICK_RESET = 16,
    KICK_INIT = 32,
    KICK_DEBUG = 64,
};

#define CPU_RETURNS 16 /* a power of two */

struct cpu {
    /* --- read by generated code; the order is pinned in translator/x86_64 --- */
    uint64_t gpr[16];
    uint64_t rip;
    uint32_t kick;     /* atomically OR-ed set of cpu_kick; != 0 leaves translated code */
    uint16_t aflags;   /* arithmetic flags as LAHF leaves them in AH (bits 8..15), OF in bit 0 */
    uint16_t mode;     /* CM_ set */
    int64_t df;        /* +1 or -1: direction of string instructions */
    uint64_t next_rip; /* of the instruction a C helper runs for; a helper that jumps changes it */
    uint64_t icount;   /* guest instructions completed (counting mode) */
    int64_t budget;    /* instructions until the run loop must look up (counting mode) */
    struct mmu mmu;
    struct seg seg[SEG_COUNT];
    void *jc;          /* jump cache of address space jc_as (translator) ... */
    void *jc_hi;       /* ... and for the upper half, of jc_hi_as */
    uint64_t jit_ra;   /* host return address of the slow path being run, or 0 */
    uint64_t jit_sp;   /* host stack to run C on */
    uint64_t scratch[16]; /* spill space of generated code */
    uint64_t jit_delta[4]; /* table entries that a block keeps for later accesses */
    struct cpu_return {
        uint64_t key; /* jc_key of the return address; 0: none */
        void *code;   /* host code that goes on there */
    } returns[CPU_RETURNS]; /* generated code's stack of calls: predicts RET */
    uint32_t return_top; /* byte offset in returns[] of the newest */
    union vec bounce;  /* one access of generated code that takes the slow path */
    union vec v[16];   /* XMM/YMM */
    uint32_t mxcsr;
    uint8_t upper;     /* enum cpu_upper */
    uint32_t host_mxcsr;
    uint32_t jc_as, jc_hi_as;
    void *const *jc_of; /* jump caches by as_id and hi_id, NULL until used */
    void *jit_nowhere; /* code of a return that is none: leaves to the address in rax */
    /* Outside 64-bit code: [0] reads, [1] writes below this offset need no further look, 0 when
     * seg_linear has to decide. cpu_update_mode keeps it. */
    uint64_t seg_end[SEG_COUNT][2];
    struct x87 x87;
    bool x87_live;     /* registers, cw, sw and tags are in the host's x87: x87_sync() */

    /* --- architectural state beside that --- */
    uint32_t eflags;   /* RFLAGS without the arithmetic flags and DF; bit 1 set */
    struct seg ldt, tr;
    struct dtable gdt, idt;
    uint64_t cr0, cr2, cr3, cr4, xcr0;
    uint64_t pdpte[4]; /* of PAE paging, as CR3's last load found them */
    uint64_t efer, star, lstar, cstar, fmask, kernel_gs_base, tsc_aux, tsc_offset, pat;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip, misc_enable, spec_ctrl;
    uint64_t mtrr_def, mtrr_fixed[11], mtrr_var[16];
    uint64_t dr[8];
    uint64_t debugctl, feat_ctl, bios_sign;
    uint8_t cpl;
    bool nmi_blocked, halted, shutdown;
    uint8_t shadow;    /* 1: interrupt shadow of STI or MOV SS covers the next instruction; 2: also debug traps */
    uint64_t a20_mask;
    uint64_t monitor_addr;
    gpa ram_top;        /* first address past guest RAM, as given to cpu_create */
    uint32_t intr_line; /* atomic: external interrupt line is high */
    uint32_t nmi_line;  /* atomic: an NMI waits */

    struct exc exc;
    sigjmp_buf jmp;
    struct cpu_hooks hooks;
    const struct cpu_model *model; /* cpu/cpuid.h */
    uint64_t features[2];          /* bit set by enum insn_feature of what the guest sees */
    void *run;                     /* translator's own state */
};

/* cpu.c: create in reset state (SDM vol. 3 table 9-1). model NULL = default. Owns its mmu. */
struct cpu *cpu_create(struct space *mem, gpa ram_top, const struct cpu_model *model,
                       bool mmu_tlb, struct err *e);
void cpu_destroy(struct cpu *cpu);
void cpu_reset(struct cpu *cpu);

static inline bool cpu_has(const struct cpu *cpu, enum insn_feature f)
{
    return cpu->features[f / 64] >> (f % 64) & 1;
}

/* RFLAGS whole / replaced whole (no privilege rules; updates df, mode, view). */
uint64_t cpu_get_rflags(const struct cpu *cpu);
void cpu_set_rflags(struct cpu *cpu, uint64_t rflags);
static inline uint32_t cpu_get_aflags(const struct cpu *cpu) /* as FL_ bits */
{
    return (cpu->aflags >> 8 & (FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF)) | (cpu->aflags & 1) << 11;
}
static inline void cpu_set_aflags(struct cpu *cpu, uint32_t fl)
{
    cpu->aflags = (uint16_t)((fl & 0xd5) << 8 | 0x200 | (fl >> 11 & 1));
}

/* Recomputes mode, seg_end, the mmu view and the like after a segment, CPL, CR0, CR4, EFER
 * or EFLAGS.VM/AC changed; cpu_update_paging also hands the control registers to the mmu. */
void cpu_update_mode(struct cpu *cpu);
void cpu_update_paging(struct cpu *cpu);

/* Finds out `upper` from v[] (xsave.c). */
void cpu_update_upper(struct cpu *cpu);

/* Exceptions (exc.c). None returns. */
_Noreturn void cpu_raise(struct cpu *cpu, enum exc_vector v);
_Noreturn void cpu_raise_err(struct cpu *cpu, enum exc_vector v, uint32_t error);
_Noreturn void cpu_raise_pf(struct cpu *cpu, const struct mmu_fault *f);
_Noreturn void cpu_raise_db(struct cpu *cpu, uint64_t dr6_bits);

/* Guest memory by linear address with the current explicit-data view, and the
 * implicit-supervisor one (descriptor tables, TSS). Sizes 1, 2, 4, 8; raise on
 * a fault; non-canonical addresses raise #GP(0) (SEG_SS in `seg`-taking callers: #SS(0)). */
uint64_t cpu_ld(struct cpu *cpu, gva va, unsigned size);
void cpu_st(struct cpu *cpu, gva va, uint64_t value, unsigned size);
uint64_t cpu_ld_sys(struct cpu *cpu, gva va, unsigned size);
void cpu_st_sys(struct cpu *cpu, gva va, uint64_t value, unsigned size);
void cpu_ld_bytes(struct cpu *cpu, gva va, void *buf, unsigned n);       /* n <= 64 at once inside */
void cpu_st_bytes(struct cpu *cpu, gva va, const void *buf, unsigned n); /* all-or-nothing up to 64 */
void cpu_probe_write(struct cpu *cpu, gva va, unsigned n);

/* Segmentation (seg.c). Linear address of [seg:off, size) for a data access of
 * `write` kind, with all limit, type and canonical checks (#GP/#SS). off is
 * already truncated to the address size. */
gva seg_linear(struct cpu *cpu, unsigned seg, uint64_t off, unsigned size, bool write);
/* Effective address (offset, truncated) of the decoded memory operand; RIP-relative uses next_rip. */
uint64_t cpu_ea(const struct cpu *cpu, const struct insn *in);

/* Delivery (exc.c): the pending exception / an external interrupt / NMI through the IDT.
 * May raise again (double fault logic inside); a triple fault sets cpu->shutdown. */
void exc_deliver(struct cpu *cpu);
void exc_interrupt(struct cpu *cpu, uint8_t vector);
void exc_nmi(struct cpu *cpu);

/* I/O privilege of a port access (SDM vol. 1 19.5): raises #GP(0) when it is denied. */
void cpu_io_check(struct cpu *cpu, uint16_t port, unsigned size);

/* The guest's TSC: host ticks plus the guest's offset. */
uint64_t cpu_tsc(const struct cpu *cpu);

/* Debug registers (debug.c), wanted only while CM_STEP is set. cpu_insn_breakpoint: before
 * an instruction: true when DR0..3 stop here (call cpu_raise_db(cpu, 0), the DR6 bits are
 * noted). cpu_step_done: after an instruction completed and rip was advanced; tf is
 * EFLAGS.TF before it, id its insn_id, boundary false inside an interrupt shadow of kind 2.
 * Clears RF; raises the #DB trap that is due, if any. */
bool cpu_insn_breakpoint(struct cpu *cpu);
void cpu_step_done(struct cpu *cpu, bool tf, enum insn_id id);

/* C implementation of a SYS or X87 class instruction. Before the call rip is
 * its own address, next_rip the following one and all guest state is in *cpu.
 * After it, execution goes on at next_rip (which it may change). Indexed by
 * insn_id; NULL where the translator lowers the instruction itself. */
typedef void sys_fn(struct cpu *cpu, const struct insn *in);
extern sys_fn *const sys_table[I_COUNT];

/* Tells another thread's vCPU to leave translated code and look at `why`. */
static inline void cpu_kick(struct cpu *cpu, uint32_t why)
{
    __atomic_fetch_or(&cpu->kick, why, __ATOMIC_SEQ_CST);
}

static inline bool cpu_canonical(gva va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

#endif
