/* SPDX-License-Identifier: MIT */
#include "tests/cpu/sys_fake.h"

#include <string.h>

#include "cpu/cpuid.h"
#include "cpu/x87.h"

uint8_t mem[MEM_SIZE];
gva fault_page = ~0ull, user_page = ~0ull;
unsigned flushes, invlpgs;

/* --- the mmu and space that the core is linked with --- */

bool mmu_init(struct mmu *m, struct space *space, gpa ram_top, bool use_tlb, struct err *e)
{
    static struct mmu_tlb_entry tlb[1 << MMU_TLB_BITS];

    for (unsigned i = 0; i < ARRAY_SIZE(tlb); i++)
        tlb[i].rd_tag = tlb[i].wr_tag = 1;
    m->tlb = tlb;
    m->mem = space;
    return true;
}
void mmu_finish(struct mmu *m)
{
}
void mmu_set_ctl(struct mmu *m, const struct mmu_ctl *ctl)
{
    m->ctl = *ctl;
}
bool mmu_try_root(struct mmu *m, uint64_t cr3)
{
    if (cr3 & 0x1000)
        return false;
    m->ctl.cr3 = cr3;
    return true;
}

bool mmu_view_ready(const struct mmu *m, enum mmu_view view)
{
    return true;
}

void mmu_set_view(struct mmu *m, enum mmu_view view)
{
    m->view = view;
}
void mmu_invlpg(struct mmu *m, gva va)
{
    invlpgs++;
}
void x87_spill(struct cpu *cpu)
{
}
void mmu_flush_untracked(struct mmu *m)
{
    flushes++;
}

static bool reach(gva va, unsigned size, enum mmu_access acc, enum mmu_view view,
                  struct mmu_fault *f)
{
    bool user = view == MMU_USER;

    for (gva a = va; a < va + size; a++) {
        bool present = a < MEM_SIZE && a >> 12 != fault_page >> 12;
        bool is_user = a >> 12 == user_page >> 12;
        bool allowed =
            user_page == ~0ull || (is_user ? user || view == MMU_SUPER_AC : !user);

        if (present && allowed)
            continue;
        f->addr = a;
        f->code = (present ? PF_P : 0) | (acc == MMU_WRITE ? PF_W : 0) | (user ? PF_U : 0);
        return false;
    }
    return true;
}
bool mmu_load(struct mmu *m, gva va, void *buf, unsigned size, enum mmu_view view,
              struct mmu_fault *f)
{
    if (!reach(va, size, MMU_READ, view, f))
        return false;
    memcpy(buf, mem + va, size);
    return true;
}
bool mmu_store(struct mmu *m, gva va, const void *buf, unsigned size, enum mmu_view view,
               struct mmu_fault *f)
{
    if (!reach(va, size, MMU_WRITE, view, f))
        return false;
    memcpy(mem + va, buf, size);
    return true;
}
bool mmu_probe_write(struct mmu *m, gva va, unsigned size, enum mmu_view view,
                     struct mmu_fault *f)
{
    return reach(va, size, MMU_WRITE, view, f);
}
uint64_t space_read(struct space *s, gpa addr, unsigned size)
{
    return ld(addr, size);
}

/* --- memory images --- */

uint64_t ld(gva a, unsigned n)
{
    uint64_t v = 0;

    memcpy(&v, mem + a, n);
    return v;
}
void st(gva a, uint64_t v, unsigned n)
{
    memcpy(mem + a, &v, n);
}

/* access: byte 5 of the descriptor; flags: G D L AVL nibble */
void put_desc(unsigned sel, uint32_t base, uint32_t limit, unsigned access, unsigned flags)
{
    gva a = (sel & 4 ? LDT : GDT) + (sel & ~7u);

    st(a, (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40 |
              (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)flags << 52 |
              (uint64_t)(base >> 24) << 56,
       8);
}

void put_gate(unsigned v, unsigned sel, uint64_t off, unsigned access, unsigned ist)
{
    bool lma = ist & 0x100;
    gva a = IDT + v * (lma ? 16 : 8);

    st(a, (off & 0xffff) | sel << 16 | (uint64_t)(ist & 7) << 32 | (uint64_t)access << 40 |
              (off >> 16 & 0xffff) << 48,
       8);
    if (lma)
        st(a + 8, off >> 32, 8);
}

static void build_tables(void)
{
    memset(mem, 0, sizeof(mem));
    fault_page = user_page = ~0ull;
    put_desc(S_CODE0, 0, 0xfffff, 0x9a, 0xc);
    put_desc(S_DATA0, 0, 0xfffff, 0x92, 0xc);
    put_desc(S_CODE3, 0, 0xfffff, 0xfa, 0xc);
    put_desc(S_DATA3, 0, 0xfffff, 0xf2, 0xc);
    put_desc(S_TSS, TSS_A, 0x2fff, 0x89, 0);
    put_desc(S_CODE64, 0, 0xfffff, 0x9a, 0xa);
    put_desc(S_CODE64U, 0, 0xfffff, 0xfa, 0xa);
    put_desc(S_CONF, 0, 0xfffff, 0x9e, 0xc);
    put_desc(S_LDT, LDT, 0xff, 0x82, 0);
    put_desc(S_TSS64, TSS_64, 0xfff, 0x89, 0);
    put_desc(S_TSSB, TSS_B, 0x67, 0x89, 0);
    put_desc(S_CODE16, 0, 0xffff, 0x9a, 0);
    put_desc(S_NP, 0, 0xfffff, 0x12, 0xc);
    put_desc(S_RODATA, 0, 0xfffff, 0x90, 0xc);
    put_desc(S_XONLY, 0, 0xfffff, 0x98, 0xc);
    put_desc(S_TSS16, TSS_B, 0x2b, 0x81, 0);
    put_desc(S_NPCODE, 0, 0xfffff, 0x1a, 0xc);
    st(TSS_A + 4, STACK0, 4);
    st(TSS_A + 8, S_DATA0, 2);
    st(TSS_A + 0x66, 0x88, 2);
    st(TSS_64 + 4, STACK0, 8);
    st(TSS_64 + 36, IST1, 8);
}

struct cpu *cpu_new(const char *model)
{
    struct cpu_model m;
    struct err e;
    struct cpu *cpu;

    build_tables();
    g_assert_true(cpu_model_parse(&m, model, &e));
    cpu = cpu_create(NULL, MEM_SIZE, &m, true, &e);
    g_assert_nonnull(cpu);
    return cpu;
}

static void set_seg(struct cpu *cpu, unsigned seg, unsigned sel)
{
    struct desc d;

    g_assert_true(desc_fetch(cpu, (uint16_t)sel, &d));
    desc_to_seg(&d, (uint16_t)sel, &cpu->seg[seg]);
}

static void common(struct cpu *cpu, unsigned cpl, unsigned code, unsigned tss)
{
    struct desc d;

    cpu->gdt = (struct dtable){GDT, S_END - 1};
    cpu->idt = (struct dtable){IDT, 0x7ff};
    cpu->cpl = (uint8_t)cpl;
    set_seg(cpu, SEG_CS, code);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        if (i != SEG_CS)
            set_seg(cpu, i, cpl ? S_DATA3 : S_DATA0);
    desc_fetch(cpu, (uint16_t)tss, &d);
    desc_to_seg(&d, (uint16_t)tss, &cpu->tr);
    cpu->tr.attr |= DT_BUSY;
    mem[GDT + tss + 5] |= 2;
    cpu->ldt = (struct seg){.base = LDT, .limit = 0xff, .sel = S_LDT, .attr = SA_P | DT_LDT};
    cpu->gpr[R_SP] = cpl ? STACK3 : STACK0 - 0x800;
    cpu->rip = CODE;
    cpu_update_mode(cpu);
}

struct cpu *cpu_new32(unsigned cpl)
{
    struct cpu *cpu = cpu_new("max");

    cpu->cr0 |= CR0_PE;
    common(cpu, cpl, cpl ? S_CODE3 : S_CODE0, S_TSS);
    g_assert_cmphex(cpu->mode & (CM_SIZE | CM_PE | CM_SS32 | CM_FLAT), ==,
                    CM_32 | CM_PE | CM_SS32 | CM_FLAT);
    return cpu;
}

struct cpu *cpu_new64(unsigned cpl)
{
    struct cpu *cpu = cpu_new("max");

    cpu->cr0 |= CR0_PE | CR0_PG;
    cpu->cr4 |= CR4_PAE;
    cpu->efer = EFER_LME | EFER_LMA | EFER_SCE;
    common(cpu, cpl, cpl ? S_CODE64U : S_CODE64, S_TSS64);
    cpu->idt.limit = 0xfff;
    g_assert_cmphex(cpu->mode & (CM_SIZE | CM_PE), ==, CM_64 | CM_PE);
    return cpu;
}

void enter_vm86(struct cpu *cpu, unsigned iopl)
{
    cpu->cpl = 3;
    cpu->eflags = (cpu->eflags & ~(uint32_t)FL_IOPL) | FL_VM | iopl << 12;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        seg_load_vm86(cpu, i, (uint16_t)(0x1000 + i * 0x10));
    cpu->rip = 0x100;
    cpu->gpr[R_SP] = 0x800;
    cpu_update_mode(cpu);
}

void set_flags(struct cpu *cpu, uint64_t set, uint64_t clear)
{
    cpu_set_rflags(cpu, (cpu_get_rflags(cpu) & ~clear) | set);
}

bool runs(struct cpu *cpu, sys_fn *fn, const struct insn *in)
{
    cpu->next_rip = cpu->rip + 2;
    cpu->exc.pending = false;
    if (sigsetjmp(cpu->jmp, 0))
        return false;
    fn(cpu, in);
    cpu->rip = cpu->next_rip;
    return true;
}

unsigned deliver(struct cpu *cpu, unsigned v, bool has_error, uint32_t error)
{
    volatile unsigned n = 0;

    cpu->exc.pending = true;
    cpu->exc.soft = false;
    cpu->exc.vector = (uint8_t)v;
    cpu->exc.has_error = has_error;
    cpu->exc.error = error;
    (void)sigsetjmp(cpu->jmp, 0);
    while (cpu->exc.pending && !cpu->shutdown) {
        n++;
        exc_deliver(cpu);
    }
    return n;
}

/* --- instructions --- */

struct insn i_none(const struct cpu *cpu, unsigned opsize)
{
    return (struct insn){.len = 2, .mode = (uint8_t)(cpu->mode & CM_SIZE),
                         .opsize = (uint8_t)opsize,
                         .adsize = cpu_long(cpu) ? 8 : (cpu->mode & CM_SIZE) == CM_32 ? 4 : 2};
}

struct insn i_mem(const struct cpu *cpu, unsigned opsize, unsigned seg, uint64_t disp)
{
    struct insn in = i_none(cpu, opsize);

    in.has_mem = true;
    in.nops = 1;
    in.op[0].kind = OPND_MEM;
    in.mem = (struct insn_mem){.seg = (uint8_t)seg, .base = MEM_NOREG, .index = MEM_NOREG,
                               .scale = 1, .asize = in.adsize, .disp = (int64_t)disp};
    return in;
}

struct insn i_far(const struct cpu *cpu, unsigned opsize, uint16_t sel, uint64_t off)
{
    struct insn in = i_none(cpu, opsize);

    in.nops = 1;
    in.op[0] = (struct insn_operand){.kind = OPND_FAR, .sel = sel, .imm = (int64_t)off};
    return in;
}

void op_gpr(struct insn *in, unsigned n, unsigned reg, unsigned size)
{
    in->op[n] = (struct insn_operand){
        .kind = OPND_GPR, .reg = (uint8_t)reg, .size = (uint8_t)size};
    if (in->nops <= n)
        in->nops = (uint8_t)(n + 1);
}

struct insn i_sreg(const struct cpu *cpu, unsigned seg, unsigned gpr)
{
    struct insn in = i_none(cpu, 2);

    in.op[0] = (struct insn_operand){.kind = OPND_SREG, .reg = (uint8_t)seg};
    op_gpr(&in, 1, gpr, 2);
    return in;
}

uint64_t xsave_in_use(const struct cpu *cpu)
{
    return 0;
}
