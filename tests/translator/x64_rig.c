/* SPDX-License-Identifier: MIT */
#include "tests/translator/x64_rig.h"

#include <string.h>
#include <sys/mman.h>

#define RAM_SIZE (2u << 20)

static uint64_t device_read(void *opaque, uint64_t off, unsigned size)
{
    return off * 0x0101010101010101ull;
}

static void device_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct rig *r = opaque;

    r->device_writes++;
    r->device_last = value;
}

static const struct io_ops device = {.read = device_read, .write = device_write};

static uint64_t io_read(void *opaque, gpa pa, unsigned size)
{
    return space_read(opaque, pa, size);
}

static void io_write(void *opaque, gpa pa, uint64_t value, unsigned size)
{
    space_write(opaque, pa, value, size);
}

static void poke(struct rig *r, unsigned table, unsigned i, uint64_t v)
{
    memcpy(r->ram + table + i * 8, &v, 8);
}

/* PML4 at 8000h, PDPT 9000h, PD A000h, PT B000h. */
static void build_tables(struct rig *r)
{
    poke(r, 0x8000, 0, 0x9003);
    poke(r, 0x8000, 256, 0x9003);
    poke(r, 0x9000, 0, 0xa003);
    poke(r, 0xa000, 0, 0xb003);
    for (unsigned i = 0; i < 512; i++) {
        bool data = i >= RIG_DATA >> 12 && i < RIG_RO >> 12;
        uint64_t flags = data || i == RIG_DEVICE >> 12 ? 0x63 : i == RIG_RO >> 12 ? 0x61 : 0;

        poke(r, 0xb000, i, (uint64_t)i << 12 | flags);
    }
}

static void enter_long_mode(struct cpu *cpu)
{
    for (int i = 0; i < SEG_COUNT; i++)
        cpu->seg[i] = (struct seg){
            .limit = 0xffffffff, .sel = 8, .attr = SA_P | SA_S | SA_RW | SA_ACC | SA_G};
    cpu->seg[SEG_CS].attr = SA_P | SA_S | SA_RW | SA_ACC | SA_CODE | SA_L | SA_G;
    cpu->seg[SEG_FS].base = 0x100;
    cpu->cr0 = CR0_PE | CR0_PG | CR0_WP | CR0_ET | CR0_NE;
    cpu->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    cpu->efer = EFER_LME | EFER_LMA;
    cpu->cr3 = 0x8000;
    cpu->mxcsr = 0x1f80;
    cpu_update_paging(cpu);
    cpu_update_mode(cpu);
}

struct rig *rig_create(const struct jit_opts *o, bool tlb)
{
    struct rig *r = g_new0(struct rig, 1);
    struct err e;

    r->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    r->space = space_create("rig", 0);
    g_assert_true(space_add_io(r->space, "device", RIG_DEVICE, 4096, &device, r, &e));
    g_assert_true(space_add_ram(r->space, "low", 0, RIG_DEVICE, r->ram, false, &e));
    build_tables(r);
    r->cpu = cpu_create(r->space, RAM_SIZE, NULL, tlb, &e);
    g_assert_nonnull(r->cpu);
    r->cpu->mmu.io_read = io_read;
    r->cpu->mmu.io_write = io_write;
    r->cpu->mmu.opaque = r->space;
    enter_long_mode(r->cpu);
    r->jc.e[0].key = jc_no_key(0);
    r->cpu->jc = r->cpu->jc_hi = &r->jc;
    r->jit = jit_create(r->cpu, o, &e);
    g_assert_nonnull(r->jit);
    return r;
}

/* The page directory again, below one of the four entries of PAE paging. */
static void pae_paging(struct rig *r)
{
    r->cpu->efer = 0;
    r->cpu->cr3 = 0xc000;
    r->cpu->pdpte[0] = 0xa001;
}

void rig_mode32(struct rig *r)
{
    struct cpu *cpu = r->cpu;

    for (int i = 0; i < SEG_COUNT; i++)
        cpu->seg[i].attr |= SA_DB;
    cpu->seg[SEG_CS].attr &= (uint16_t)~SA_L;
    pae_paging(r);
    cpu_update_paging(cpu);
    cpu_update_mode(cpu);
    g_assert_true(jit_mode_ok(cpu->mode));
}

void rig_legacy(struct rig *r, bool protect, bool vm)
{
    struct cpu *cpu = r->cpu;

    pae_paging(r);
    poke(r, 0xa000, 0, 0xb027); /* accessed: nothing changes it */
    for (unsigned i = 0; i < 512; i++)
        r->ram[0xb000 + i * 8] |= r->ram[0xb000 + i * 8] & 1 ? 4 : 0;
    cpu->cr0 = CR0_ET | CR0_NE;
    if (protect)
        cpu->cr0 |= CR0_PE | CR0_PG | CR0_WP;
    cpu->eflags = vm ? 2 | FL_VM : 2;
    cpu->cpl = vm ? 3 : 0;
    cpu_update_paging(cpu);
    cpu_update_mode(cpu);
}

void rig_destroy(struct rig *r)
{
    jit_destroy(r->jit);
    cpu_destroy(r->cpu);
    space_destroy(r->space);
    munmap(r->ram, RAM_SIZE);
    g_free(r);
}

void rig_insn(struct rig_code *c)
{
    struct ir *o = &c->b.op[c->b.n++];

    if (!c->b.ninsn)
        c->b.rip = RIG_CODE;
    memset(o, 0, sizeof(*o));
    o->op = IR_INSN;
    o->d = o->a = o->b = IR_NONE;
    o->imm = (int64_t)(RIG_CODE + c->b.ninsn++ * 4);
    o->aw = 4;
}

struct ir *rig_op(struct rig_code *c, enum ir_op op, unsigned w, uint8_t d, uint8_t a)
{
    struct ir *o = &c->b.op[c->b.n++];

    memset(o, 0, sizeof(*o));
    o->op = (uint8_t)op;
    o->w = (uint8_t)w;
    o->d = d;
    o->a = a;
    o->b = IR_NONE;
    o->mem.seg = IRSEG_NONE;
    o->mem.base = o->mem.index = IR_NONE;
    o->mem.asize = 8;
    rig_flags_of(o);
    return o;
}

void rig_mem(struct ir *o, uint8_t base, uint8_t index, unsigned scale, int64_t disp)
{
    o->mem.base = base;
    o->mem.index = index;
    o->mem.scale = (uint8_t)scale;
    o->mem.disp = disp;
}

void rig_jump(struct rig_code *c, uint64_t rip)
{
    rig_op(c, IR_JMP, 0, IR_NONE, IR_NONE)->imm = (int64_t)rip;
}

void rig_flags_of(struct ir *o)
{
    switch (o->op) {
    case IR_ADC:
    case IR_SBB:
        o->fr = FL_CF;
        o->fw = FL_ARITH;
        break;
    case IR_ADD:
    case IR_SUB:
    case IR_CMP:
    case IR_NEG:
    case IR_XADD:
    case IR_CMPXCHG: o->fw = FL_ARITH; break;
    case IR_AND:
    case IR_OR:
    case IR_XOR:
    case IR_TEST: o->fw = FL_ARITH & ~FL_AF, o->fu = FL_AF; break;
    case IR_INC:
    case IR_DEC: o->fw = FL_ARITH & ~FL_CF; break;
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_SHLD:
    case IR_SHRD:
        o->fr = FL_ARITH;
        o->fw = FL_ARITH & ~(FL_AF | FL_OF), o->fu = FL_AF | FL_OF;
        break;
    case IR_ROL:
    case IR_ROR:
    case IR_RCL:
    case IR_RCR:
        o->fr = FL_ARITH;
        o->fw = FL_CF, o->fu = FL_OF;
        break;
    case IR_MUL:
    case IR_IMUL1:
    case IR_IMUL: o->fw = FL_CF | FL_OF, o->fu = FL_ARITH & ~o->fw; break;
    case IR_DIV:
    case IR_IDIV: o->fu = FL_ARITH; break;
    case IR_BT:
    case IR_BTS:
    case IR_BTR:
    case IR_BTC: o->fw = FL_CF, o->fu = FL_OF | FL_SF | FL_AF | FL_PF; break;
    case IR_BSF:
    case IR_BSR: o->fw = FL_ZF, o->fu = FL_ARITH & ~FL_ZF; break;
    case IR_TZCNT:
    case IR_LZCNT: o->fw = FL_ZF | FL_CF, o->fu = FL_ARITH & ~o->fw; break;
    case IR_POPCNT: o->fw = FL_ARITH; break;
    case IR_CLC:
    case IR_STC:
    case IR_CMC: o->fw = FL_CF, o->fr = o->op == IR_CMC ? FL_CF : 0; break;
    case IR_LAHF: o->fr = FL_ARITH & ~FL_OF; break;
    case IR_SAHF: o->fw = FL_ARITH & ~FL_OF; break;
    default: break;
    }
}

void rig_save(const struct rig *r, struct rig_state *s)
{
    const struct cpu *cpu = r->cpu;

    memset(s, 0, sizeof(*s));
    memcpy(s->gpr, cpu->gpr, sizeof(s->gpr));
    memcpy(s->v, cpu->v, sizeof(s->v));
    s->rip = cpu->rip;
    s->icount = cpu->icount;
    s->aflags = cpu->aflags;
    s->mxcsr = cpu->mxcsr;
    s->x87 = cpu->x87;
    s->df = cpu->df;
    if (cpu->exc.pending) {
        s->fault = true;
        s->vector = cpu->exc.vector;
        s->error = cpu->exc.has_error ? cpu->exc.error : 0;
        s->cr2 = cpu->exc.vector == EXC_PF ? cpu->exc.cr2 : 0;
    }
}

void rig_load(struct rig *r, const struct rig_state *s)
{
    struct cpu *cpu = r->cpu;

    memcpy(cpu->gpr, s->gpr, sizeof(s->gpr));
    memcpy(cpu->v, s->v, sizeof(s->v));
    cpu_update_upper(cpu);
    cpu->rip = s->rip;
    cpu->icount = s->icount;
    cpu->aflags = s->aflags;
    cpu->mxcsr = s->mxcsr;
    cpu->x87 = s->x87;
    cpu->df = s->df ? s->df : 1;
    cpu->exc.pending = false;
    cpu->exc.delivering = -1;
    cpu->kick = 0;
    cpu->budget = INT64_MAX / 2;
}

void rig_run_exec(struct rig *r, const struct rig_code *c, struct rig_state *out)
{
    if (!sigsetjmp(r->cpu->jmp, 0))
        ir_exec(r->cpu, c->b.op);
    else
        r->cpu->icount--;
    rig_save(r, out);
}

void rig_run_jit(struct rig *r, const struct rig_code *c, struct rig_state *out)
{
    struct block_link *last = NULL;
    struct block b = {
        .rip = c->b.rip,
        .cs_base = c->b.cs_base,
        .mode = r->cpu->mode,
        .ninsn = (uint16_t)c->b.ninsn,
        .ops = (struct ir *)(uintptr_t)c->b.op,
        .nops = c->b.n,
    };

    if (jit_compile(r->jit, &b) != JIT_OK) {
        jit_flush(r->jit);
        g_assert_cmpint(jit_compile(r->jit, &b), ==, JIT_OK);
    }
    if (!sigsetjmp(r->cpu->jmp, 0))
        jit_enter(r->jit, r->cpu, &b, &last);
    else
        jit_restore(r->jit, r->cpu);
    g_assert_cmphex(r->cpu->jit_ra, ==, 0);
    rig_save(r, out);
    jit_block_drop(r->jit, &b);
}
