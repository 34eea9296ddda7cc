/* SPDX-License-Identifier: MIT
 * The boot processor: memory types and the local APIC's wires (SDM volume 3, 11.11, 10.5). The
 * other processors stay as reset left them; the system starts them. */
#include "firmware/post/post.h"

enum { EDX_APIC = 1 << 9, EDX_MTRR = 1 << 12 };
enum { LAPIC = 0xfee00000, LAPIC_SVR = 0xf0, LAPIC_LINT0 = 0x350, LAPIC_LINT1 = 0x360 };

static void wrmsr(u32 msr, u32 hi, u32 lo)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"(lo), "d"(hi));
}

static u32 rdmsr(u32 msr)
{
    u32 lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return lo;
}

static u32 cpuid(u32 leaf, u32 *c)
{
    u32 a = leaf, b, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(*c), "=d"(d));
    return leaf == 0x80000000 || leaf == 0x80000008 ? a : d;
}

static u32 address_bits(void)
{
    u32 c;
    return cpuid(0x80000000, &c) >= 0x80000008 ? cpuid(0x80000008, &c) & 0xff : 36;
}

/* Write-back by default; the video window and the hole below 4 GiB uncached. */
static void memory_types(void)
{
    u32 mask_hi = (1u << (address_bits() - 32)) - 1;
    u32 hole = 0xc0000000;
    wrmsr(0x2ff, 0, 0);
    wrmsr(0x250, 0x06060606, 0x06060606);
    wrmsr(0x258, 0x06060606, 0x06060606);
    wrmsr(0x259, 0, 0);
    for (u32 msr = 0x268; msr <= 0x26f; msr++)
        wrmsr(msr, 0x05050505, 0x05050505);
    while (hole < pci_hole_start())
        hole = (hole >> 1) | 0x80000000;
    if (rdmsr(0xfe) & 0xff) {
        wrmsr(0x200, 0, hole);
        wrmsr(0x201, mask_hi, hole | 0x800);
    }
    wrmsr(0x2ff, 0, 0xc06);
}

static void virtual_wire(void)
{
    volatile u32 *lapic = (u32 *)hide(LAPIC);
    lapic[LAPIC_SVR / 4] = 0x1ff;
    lapic[LAPIC_LINT0 / 4] = 0x700;
    lapic[LAPIC_LINT1 / 4] = 0x400;
}

void cpu_init(void)
{
    u32 c, d = cpuid(1, &c);
    if (d & EDX_MTRR)
        memory_types();
    if (d & EDX_APIC)
        virtual_wire();
}

u32 cpu_count(void)
{
    struct fw_file f;
    u16 n = 0;
    if (fwcfg_find("etc/e820", &f) || fwcfg_find("bootorder", &f))
        fwcfg_read(0x05, &n, 2);
    return n ? n : cmos_read(CMOS_CPUS) + 1u;
}
