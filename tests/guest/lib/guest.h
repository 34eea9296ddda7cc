/* SPDX-License-Identifier: MIT
 * What a bare-metal test program has at hand. A program runs short pieces of
 * assembly ("labs") in a chosen state, and says which exception must end each:
 *
 *     FAULT("load DS, DPL 0 from CPL 3", GP, 0x10, "mov %ax, %ds", USER, .ax = 0x10);
 *     PASS("load DS, null", "mov %ax, %ds", .ax = 0);
 *
 * A lab ends by its own INT 30h (DONE) or by the exception; `trap` then holds the
 * whole state. The label 78: in a lab marks where RIP must point (default: its start).
 */
#ifndef TESTS_GUEST_LIB_GUEST_H
#define TESTS_GUEST_LIB_GUEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef unsigned long ulong; /* a register */

enum { DE, DB, NMI, BP, OF, BR, UD, NM, DF, TS = 10, NP, SS, GP, PF, MF = 16, AC, MC, XM,
       DONE = 0x30 };
#define NOERR 0xffffffffu /* the vector pushes no error code */

/* Selectors of the boot GDT; the order serves SYSCALL and SYSENTER. From FREE on
 * the table is the test's. */
enum { KCS = 0x08, KDS = 0x10, UCS32 = 0x1b, UDS = 0x23, UCS64 = 0x2b, UDS2 = 0x33, KCS32 = 0x38,
       KCS16 = 0x40, KDS16 = 0x48, TSS_SEL = 0x50, DF_SEL = 0x60, LDT_SEL = 0x68,
       FREE = 0x80, GDT_ENTRIES = 128 };
#ifdef __x86_64__
#define UCS UCS64
#else
#define UCS UCS32
#endif
#define LOW_BASE 0x10000u /* base of KCS16 and KDS16, and where `low` labs are copied */
#define LOW_SEG 0x1000

enum { F_CF = 1, F_PF = 4, F_AF = 0x10, F_ZF = 0x40, F_SF = 0x80, F_TF = 0x100, F_IF = 0x200,
       F_DF = 0x400, F_OF = 0x800, F_IOPL = 0x3000, F_NT = 0x4000, F_RF = 0x10000,
       F_VM = 0x20000, F_AC = 0x40000, F_VIF = 0x80000, F_VIP = 0x100000, F_ID = 0x200000 };

struct regs {
    ulong ax, bx, cx, dx, si, di, bp, sp;
#ifdef __x86_64__
    ulong r8, r9, r10, r11, r12, r13, r14, r15;
#endif
    ulong ip, flags;
    u16 cs, ss, ds, es, fs, gs;
    u8 low; /* copy the lab to LOW_BASE and enter it at offset 0 (16-bit and V86 code) */
};
struct trap {
    struct regs r;
    unsigned vec;
    u32 err;
    ulong cr2;
    ulong frame; /* address of the pushed frame (error code or IP) */
};
extern struct trap trap;

struct code {
    const char *start, *at, *end;
};

/* Assembles text out of line and yields where it stands. */
#define CODE_X(n, text)                                                                        \
    ({                                                                                         \
        extern const char lab_##n[], lab_at_##n[], lab_end_##n[];                              \
        asm volatile(".pushsection .lab,\"ax\"\n.globl lab_" #n ", lab_at_" #n ", lab_end_" #n \
                     "\nlab_" #n ":\n78: " text "\nint $0x30\nlab_end_" #n ":\n" NATIVE      \
                     "\n.popsection\n.set lab_at_" #n ", 78b");                                \
        (struct code){lab_##n, lab_at_##n, lab_end_##n};                                       \
    })
#define CODE_N(n, text) CODE_X(n, text)
#define CODE(text) CODE_N(__COUNTER__, text)
#ifdef __x86_64__
#define NATIVE ".code64"
#else
#define NATIVE ".code32"
#endif

/* Runs a lab; what `in` leaves zero becomes: KCS, KDS, a fresh stack, flags 2, IP its start. */
void lab(struct code c, struct regs in);
/* Checks how the last lab ended: vector, error code, RIP (all but DONE). */
void expect(const char *name, unsigned vec, u32 err, struct code c);

#define LAB(text, ...) lab(CODE(text), (struct regs){__VA_ARGS__})
#define FAULT(name, v, e, text, ...)                                                           \
    do {                                                                                       \
        struct code c_ = CODE(text);                                                           \
        lab(c_, (struct regs){__VA_ARGS__});                                                   \
        expect(name, v, e, c_);                                                                \
    } while (0)
#define PASS(name, text, ...) FAULT(name, DONE, NOERR, text, ##__VA_ARGS__)
#define USER .cs = UCS, .ss = UDS, .ds = UDS, .es = UDS

/* One TAP line. */
__attribute__((format(printf, 2, 3))) void ok(bool good, const char *fmt, ...);
void ok_eq(const char *name, u64 got, u64 want);
__attribute__((format(printf, 1, 2))) void say(const char *fmt, ...);
/* Ends the run; Mynah's exit status is status << 1 | 1. Not 0, since 1 is a triple fault's status. */
enum { EXIT_GOOD = 16, EXIT_FAILED, EXIT_BROKEN };
_Noreturn void guest_exit(int status);
void guest_main(void);                 /* the program; returning ends it */

/* Called for its vector before anything else; true = return to the interrupted code.
 * Changes of *frame take effect then. */
struct frame;
typedef bool hook_fn(struct trap *t, struct frame *f);
extern hook_fn *hook[256];

#ifdef __x86_64__
struct frame {
    u64 r15, r14, r13, r12, r11, r10, r9, r8, bp, di, si, dx, cx, bx, ax;
    u64 vec, err, ip, cs, flags, sp, ss;
};
#else
struct frame {
    u32 gs, fs, es, ds, di, si, bp, esp_, bx, dx, cx, ax;
    u32 vec, err, ip, cs, flags, sp, ss, ves, vds, vfs, vgs;
};
#endif

/* Descriptor tables. attr: access byte in bits 0..7, flags nibble (G D L AVL) in bits 12..15. */
extern u64 gdt[GDT_ENTRIES];
enum { D_DATA = 0x93, D_CODE = 0x9b, D_DPL3 = 0x60, D_32 = 0x4000, D_64 = 0x2000, D_G = 0x8000,
       D_P = 0x80 };
void set_desc(u64 *d, u32 base, u32 limit, unsigned attr);
static inline void set_gdt(unsigned sel, u32 base, u32 limit, unsigned attr)
{
    set_desc(&gdt[sel / 8], base, limit, attr);
}
void set_gate(unsigned vec, unsigned sel, ulong off, unsigned type, unsigned dpl, unsigned ist);
void restore_gate(unsigned vec); /* as the library had it: interrupt gate, DPL 0 (DONE: 3) */
ulong trap_gate(unsigned vec); /* the library's handler of a vector */
void load_gdt(void);
struct dtr {
    u16 limit;
    ulong base;
} __attribute__((packed));
extern struct dtr gdtr, idtr;

#ifdef __x86_64__
struct tss {
    u32 r0;
    u64 rsp[3], r1, ist[7], r2;
    u16 r3, iomap;
    u8 bitmap[0x2002];
} __attribute__((packed));
#else
struct tss {
    u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, ax, cx, dx, bx, sp, bp, si, di,
        es, cs, ss, ds, fs, gs, ldt;
    u16 t, iomap;
    u8 bitmap[0x2002];
} __attribute__((packed));
#endif
extern struct tss tss;
extern u8 lab_stack[8192], user_stack[8192], trap_stack[8192];
/* Where a page of the image shows at CPL 3 (0 where the identity mapping serves it). */
extern ulong user_base;

static inline void outb(u16 port, u8 v) { asm volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline u8 inb(u16 port)
{
    u8 v;
    asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline void outl(u16 port, u32 v) { asm volatile("outl %0, %1" ::"a"(v), "Nd"(port)); }
#define CR_FUNCS(n)                                                                            \
    static inline ulong read_cr##n(void)                                                       \
    {                                                                                          \
        ulong v;                                                                               \
        asm volatile("mov %%cr" #n ", %0" : "=r"(v)::"memory");                              \
        return v;                                                                              \
    }                                                                                          \
    static inline void write_cr##n(ulong v)                                                    \
    {                                                                                          \
        asm volatile("mov %0, %%cr" #n ::"r"(v) : "memory");                                 \
    }
CR_FUNCS(0) CR_FUNCS(2) CR_FUNCS(3) CR_FUNCS(4)
#define DR_FUNCS(n)                                                                            \
    static inline ulong read_dr##n(void)                                                       \
    {                                                                                          \
        ulong v;                                                                               \
        asm volatile("mov %%dr" #n ", %0" : "=r"(v));                                        \
        return v;                                                                              \
    }                                                                                          \
    static inline void write_dr##n(ulong v) { asm volatile("mov %0, %%dr" #n ::"r"(v)); }
DR_FUNCS(0) DR_FUNCS(1) DR_FUNCS(2) DR_FUNCS(3) DR_FUNCS(6) DR_FUNCS(7)
static inline u64 rdmsr(u32 msr)
{
    u32 lo, hi;
    asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (u64)hi << 32 | lo;
}
static inline void wrmsr(u32 msr, u64 v)
{
    asm volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}
static inline u64 rdtsc(void)
{
    u32 lo, hi;
    asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (u64)hi << 32 | lo;
}
static inline void cpuid(u32 leaf, u32 sub, u32 r[4])
{
    asm volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(sub));
}
static inline void invlpg(ulong va) { asm volatile("invlpg (%0)" ::"r"(va) : "memory"); }
enum { CR0_PE = 1, CR0_MP = 2, CR0_EM = 4, CR0_TS = 8, CR0_NE = 0x20, CR0_WP = 0x10000,
       CR0_AM = 0x40000, CR0_NW = 0x20000000, CR0_CD = 0x40000000 };
#define CR0_PG 0x80000000u
enum { CR4_VME = 1, CR4_PVI = 2, CR4_TSD = 4, CR4_DE = 8, CR4_PSE = 16, CR4_PAE = 32,
       CR4_PGE = 128, CR4_PCE = 256, CR4_OSFXSR = 512, CR4_OSXMMEXCPT = 1024, CR4_UMIP = 2048,
       CR4_FSGSBASE = 0x10000, CR4_PCIDE = 0x20000, CR4_OSXSAVE = 0x40000, CR4_SMEP = 0x100000,
       CR4_SMAP = 0x200000 };
enum { MSR_EFER = 0xc0000080, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_FMASK,
       MSR_FS_BASE = 0xc0000100, MSR_GS_BASE, MSR_KGS_BASE, MSR_TSC_AUX };
enum { EFER_SCE = 1, EFER_LME = 0x100, EFER_LMA = 0x400, EFER_NXE = 0x800 };

void *memcpy(void *d, const void *s, size_t n);
void *memset(void *d, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#define NON_CANON 0x0000800000000000ul
#endif
