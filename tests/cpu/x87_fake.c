/* SPDX-License-Identifier: MIT
 * The neighbours that cpu/x87 and company call, on flat memory. */
#include "tests/cpu/x87_fake.h"

#include <string.h>

#include "cpu/sys_fns.h"

uint8_t fake_mem[FAKE_MEM] __attribute__((aligned(4096)));
int fake_vector;
gva fake_fault_va = ~0ull;
bool fake_slow;
bool fake_port_denied;

static uint64_t seed = 0x9e3779b97f4a7c15;

uint64_t fake_random(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 0x2545f4914f6cdd1d;
}

_Noreturn void cpu_raise(struct cpu *cpu, enum exc_vector v)
{
    fake_vector = (int)v;
    siglongjmp(cpu->jmp, 1);
}

_Noreturn void cpu_raise_err(struct cpu *cpu, enum exc_vector v, uint32_t error)
{
    cpu_raise(cpu, v);
}

_Noreturn void cpu_raise_pf(struct cpu *cpu, const struct mmu_fault *f)
{
    cpu->exc.cr2 = f->addr;
    cpu_raise(cpu, EXC_PF);
}

static void check(struct cpu *cpu, gva va, unsigned n)
{
    if (va + n > FAKE_MEM || va + n < va)
        cpu_raise(cpu, EXC_GP);
    if ((va & ~0xfffull) == fake_fault_va || ((va + n - 1) & ~0xfffull) == fake_fault_va)
        cpu_raise(cpu, EXC_PF);
}

void cpu_ld_bytes(struct cpu *cpu, gva va, void *buf, unsigned n)
{
    check(cpu, va, n);
    memcpy(buf, fake_mem + va, n);
}

void cpu_st_bytes(struct cpu *cpu, gva va, const void *buf, unsigned n)
{
    check(cpu, va, n);
    memcpy(fake_mem + va, buf, n);
}

uint64_t cpu_ld(struct cpu *cpu, gva va, unsigned size)
{
    uint64_t v = 0;

    cpu_ld_bytes(cpu, va, &v, size);
    return v;
}

void cpu_st(struct cpu *cpu, gva va, uint64_t value, unsigned size)
{
    cpu_st_bytes(cpu, va, &value, size);
}

void cpu_probe_write(struct cpu *cpu, gva va, unsigned n)
{
    check(cpu, va, n);
}

gva seg_linear(struct cpu *cpu, unsigned seg, uint64_t off, unsigned size, bool write)
{
    const struct seg *s = &cpu->seg[seg];

    if ((cpu->mode & CM_SIZE) != CM_64 && (off > s->limit || size - 1 > s->limit - off))
        cpu_raise(cpu, seg == SEG_SS ? EXC_SS : EXC_GP);
    return (s->base + off) & ((cpu->mode & CM_SIZE) == CM_64 ? ~0ull : 0xffffffffull);
}

uint64_t cpu_ea(const struct cpu *cpu, const struct insn *in)
{
    return (in->mem.base < 16 ? cpu->gpr[in->mem.base] : 0) + (uint64_t)in->mem.disp;
}

void cpu_io_check(struct cpu *cpu, uint16_t port, unsigned size)
{
    if (fake_port_denied)
        cpu_raise_err(cpu, EXC_GP, 0);
}

bool mmu_host(struct mmu *m, gva va, enum mmu_access acc, enum mmu_view view, uint8_t **host,
              struct mmu_fault *f)
{
    *host = NULL;
    f->addr = va;
    f->code = 0;
    if ((va & ~0xfffull) == fake_fault_va && va < FAKE_MEM)
        return false;
    if (!fake_slow && va < FAKE_MEM)
        *host = fake_mem + va;
    return true;
}

bool fake_run(sys_fn *f, struct cpu *cpu, const struct insn *in)
{
    fake_vector = -1;
    if (sigsetjmp(cpu->jmp, 0))
        return false;
    f(cpu, in);
    return true;
}

static struct mmu_tlb_entry no_tlb[1 << MMU_TLB_BITS];

void fake_init(struct cpu *cpu)
{
    unsigned i;

    memset(cpu, 0, sizeof(*cpu));
    for (i = 0; i < 1 << MMU_TLB_BITS; i++)
        no_tlb[i].rd_tag = no_tlb[i].wr_tag = 1;
    cpu->mmu.tlb = no_tlb; /* always the slow path, that is, mmu_host */
    cpu->mode = CM_64 | CM_FLAT | CM_CSBASE0 | CM_PE | CM_X87 | CM_SSE | CM_LMA;
    cpu->cr0 = CR0_PE | CR0_NE | CR0_MP;
    cpu->cr4 = CR4_OSFXSR | CR4_OSXSAVE;
    cpu->xcr0 = 3;
    cpu->df = 1;
    cpu->mxcsr = 0x1f80;
    for (i = 0; i < SEG_COUNT; i++)
        cpu->seg[i].limit = 0xffffffff;
    fake_fault_va = ~0ull;
    fake_slow = false;
}
