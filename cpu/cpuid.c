/* SPDX-License-Identifier: MIT
 * CPUID leaves (SDM vol. 2, CPUID).
 *
 * Family 6 model 36h: an in-order core without speculation. Operating systems
 * know it as unaffected by Meltdown, Spectre and their kin, and spare
 * themselves the mitigations, which is right: translated code speculates as
 * the host does, and nothing that a guest does to itself changes that. */
#include "cpu/cpuid.h"

#include <string.h>

#include "cpu/cpu.h"
#include "cpu/sys_fns.h"

#define MAX_BASIC 0x16
#define MAX_HYPER 0x40000010
#define MAX_EXT 0x80000008

uint32_t cpuid_signature(const struct cpu_model *m)
{
    unsigned family = m->family > 15 ? 15 : m->family;

    return (m->family - family) << 20 | (m->model >> 4) << 16 | family << 8 |
           (m->model & 15u) << 4 | m->stepping;
}

uint64_t cpuid_xcr0_mask(const struct cpu_model *m)
{
    return cpu_model_flag(m, CF_SSE) ? 3 : 1;
}

static uint32_t text_word(const char *s)
{
    uint32_t v;

    memcpy(&v, s, 4);
    return v;
}

static void leaf_0(const struct cpu *cpu, uint32_t o[4])
{
    const char *v = cpu->model->vendor;

    o[0] = MAX_BASIC;
    o[1] = text_word(v);
    o[3] = text_word(v + 4);
    o[2] = text_word(v + 8);
}

static void leaf_1(const struct cpu *cpu, uint32_t o[4])
{
    uint64_t apic_base;

    o[0] = cpuid_signature(cpu->model);
    o[1] = 1u << 16 | 8u << 8; /* one logical CPU, CLFLUSH 64 bytes, APIC id 0 */
    o[2] = cpu->model->words[CW_1_ECX];
    o[3] = cpu->model->words[CW_1_EDX];
    if (cpu->cr4 & CR4_OSXSAVE)
        o[2] |= 1u << 27;
    if (cpu->hooks.apic_rdmsr && cpu->hooks.apic_rdmsr(cpu->hooks.opaque, 0x1b, &apic_base) &&
        !(apic_base >> 11 & 1))
        o[3] &= ~(1u << 9); /* SDM vol. 3 10.4.3 */
    if (!(cpu->misc_enable >> 18 & 1)) /* IA32_MISC_ENABLE: MONITOR FSM */
        o[2] &= ~(1u << 3);
}

/* Data, instruction (32 KiB, 8 ways) and unified L2 cache (2 MiB, 16 ways). */
static void leaf_4(uint32_t sub, uint32_t o[4])
{
    static const struct {
        uint8_t type, level, ways;
        uint32_t sets;
    } cache[] = {{1, 1, 8, 64}, {2, 1, 8, 64}, {3, 2, 16, 2048}};

    if (sub >= ARRAY_SIZE(cache))
        return;
    o[0] = cache[sub].type | (uint32_t)cache[sub].level << 5 | 1u << 8;
    o[1] = 63 | (cache[sub].ways - 1u) << 22;
    o[2] = cache[sub].sets - 1;
}

static void leaf_7(const struct cpu *cpu, uint32_t sub, uint32_t o[4])
{
    if (sub)
        return;
    o[1] = cpu->model->words[CW_7_EBX];
    o[2] = cpu->model->words[CW_7_ECX];
    o[3] = cpu->model->words[CW_7_EDX];
}

static void leaf_b(uint32_t sub, uint32_t o[4])
{
    o[2] = sub;
    if (sub < 2) { /* thread, then core: one of each */
        o[1] = 1;
        o[2] = sub | (sub + 1) << 8;
    }
}

static void leaf_d(const struct cpu *cpu, uint32_t sub, uint32_t o[4])
{
    if (!cpu_model_flag(cpu->model, CF_XSAVE))
        return;
    if (sub == 0) {
        o[0] = (uint32_t)cpuid_xcr0_mask(cpu->model);
        o[1] = o[2] = 512 + 64;
    } else if (sub == 1) {
        o[0] = cpu->model->words[CW_D1_EAX];
    }
}

static void leaf_ext(const struct cpu *cpu, uint32_t leaf, uint32_t o[4])
{
    const struct cpu_model *m = cpu->model;

    switch (leaf) {
    case 0x80000000:
        o[0] = MAX_EXT;
        break;
    case 0x80000001:
        o[2] = m->words[CW_X1_ECX];
        o[3] = m->words[CW_X1_EDX];
        if ((cpu->mode & CM_SIZE) != CM_64) /* Intel: SYSCALL exists in 64-bit code only */
            o[3] &= ~(1u << 11);
        break;
    case 0x80000002: case 0x80000003: case 0x80000004:
        memcpy(o, m->brand + (leaf - 0x80000002) * 16, 16);
        break;
    case 0x80000006:
        o[2] = 2048u << 16 | 8u << 12 | 64; /* L2: KiB, 16 ways, line */
        break;
    case 0x80000007:
        o[3] = m->words[CW_X7_EDX];
        break;
    case 0x80000008:
        o[0] = m->phys_bits | 48u << 8;
        break;
    default:
        break;
    }
}

static void leaf_hyper(uint32_t leaf, uint32_t o[4])
{
    if (leaf == 0x40000000) {
        o[0] = MAX_HYPER;
        o[1] = text_word("Myna");
        o[2] = text_word("hMyn");
        o[3] = text_word("ah  ");
    } else if (leaf == 0x40000010) {
        o[0] = CPU_TSC_HZ / 1000;
        o[1] = CPU_CRYSTAL_HZ / 1000;
    }
}

static void leaf_basic(const struct cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t o[4])
{
    switch (leaf) {
    case 0:
        leaf_0(cpu, o);
        break;
    case 1:
        leaf_1(cpu, o);
        break;
    case 2:
        o[0] = 0xff01; /* ask leaf 4; no TLB details */
        break;
    case 4:
        leaf_4(sub, o);
        break;
    case 5:
        if (cpu_model_flag(cpu->model, CF_MONITOR))
            o[0] = o[1] = 64; /* line size; no MWAIT extensions */
        break;
    case 6:
        o[0] = cpu->model->words[CW_6_EAX];
        break;
    case 7:
        leaf_7(cpu, sub, o);
        break;
    case 0xb:
        leaf_b(sub, o);
        break;
    case 0xd:
        leaf_d(cpu, sub, o);
        break;
    case 0x15: /* TSC = crystal * EBX / EAX */
        o[0] = 1;
        o[1] = CPU_TSC_HZ / CPU_CRYSTAL_HZ;
        o[2] = CPU_CRYSTAL_HZ;
        break;
    case 0x16:
        o[0] = o[1] = CPU_TSC_HZ / 1000000;
        o[2] = 100;
        break;
    default:
        break;
    }
}

void cpuid_query(const struct cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t o[4])
{
    bool hyper = cpu->model->words[CW_1_ECX] >> 31;

    memset(o, 0, 16);
    if (leaf >= 0x80000000 && leaf <= MAX_EXT)
        leaf_ext(cpu, leaf, o);
    else if (hyper && leaf >= 0x40000000 && leaf <= MAX_HYPER)
        leaf_hyper(leaf, o);
    else /* Intel: a leaf out of range reads as the highest basic one */
        leaf_basic(cpu, leaf > MAX_BASIC ? MAX_BASIC : leaf, sub, o);
}

void sys_cpuid(struct cpu *cpu, const struct insn *in)
{
    uint32_t o[4];

    cpuid_query(cpu, (uint32_t)cpu->gpr[R_AX], (uint32_t)cpu->gpr[R_CX], o);
    cpu->gpr[R_AX] = o[0];
    cpu->gpr[R_BX] = o[1];
    cpu->gpr[R_CX] = o[2];
    cpu->gpr[R_DX] = o[3];
}
