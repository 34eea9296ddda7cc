/* SPDX-License-Identifier: MIT
 * A guest that reads and writes ports, device memory and configuration space at random, with
 * descriptors of all kinds in RAM, for ever. The time stamp counter is its seed, so that it
 * goes on differently after each reset that it causes. */
#include "tests/guest/lib/guest.h"

#define AREA     0x20000u /* bytes of RAM that devices are pointed at */
#define AREA_END 0x90000u

static u32 seed;

static u32 rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static u32 below(u32 n)
{
    return (rnd() >> 4) % n;
}

static u16 some_port(void)
{
    static const struct {
        u16 base, n;
    } hot[] = {{0x00, 0x20},    {0x20, 2},    {0xa0, 2},    {0x40, 4},     {0x60, 5},
               {0x70, 2},       {0x80, 0x10}, {0xc0, 0x20}, {0x170, 8},    {0x1f0, 8},
               {0x376, 1},      {0x3f6, 1},   {0x1ce, 3},   {0x3b4, 0x2c}, {0x3c0, 0x20},
               {0x3f0, 8},      {0x3f8, 8},   {0x510, 12},  {0x600, 0x10}, {0xc000, 0x100},
               {0xc000, 0x200}, {0xcf8, 8},   {0x4d0, 2},   {0xb2, 2}};
    u32 k = below(sizeof(hot) / sizeof(hot[0]));

    return below(16) ? hot[k].base + below(hot[k].n) : rnd();
}

static u32 some_address(void)
{
    static const u32 place[] = {0xfee00000, 0xfec00000, 0xfed00000, 0xa0000,    0xb8000,
                                0xe0000000, 0xe8000000, 0xf0000000, 0xfebf0000, 0xfffe0000,
                                0xc0000,    0xf0000,    AREA,       AREA};

    switch (below(8)) {
    case 0: return rnd() | 0x80000000;
    case 1: return AREA + below(AREA_END - AREA);
    default: return place[below(sizeof(place) / sizeof(place[0]))] + below(0x4000);
    }
}

static u32 some_value(void)
{
    switch (below(6)) {
    case 0: return 1u << below(32);
    case 1: return some_address();
    case 2: return below(16);
    case 3: return ~0u << below(32);
    default: return rnd();
    }
}

static void port_access(void)
{
    u16 port = some_port();
    u32 v = some_value();

    switch (below(8)) {
    case 0: asm volatile("inb %1, %b0" : "=a"(v) : "d"(port)); break;
    case 1: asm volatile("inw %1, %w0" : "=a"(v) : "d"(port)); break;
    case 2: asm volatile("inl %1, %0" : "=a"(v) : "d"(port)); break;
    case 3: asm volatile("outw %w0, %1" ::"a"(v), "d"(port)); break;
    case 4: asm volatile("outl %0, %1" ::"a"(v), "d"(port)); break;
    default: asm volatile("outb %b0, %1" ::"a"(v), "d"(port)); break;
    }
}

static void string_io(void)
{
    u32 n = below(300), at = below(4) ? AREA + below(0x8000) : 0xa0000 + below(0x10000);
    u16 port = some_port();

    if (below(2))
        asm volatile("rep insw" : "+D"(at), "+c"(n) : "d"(port) : "memory");
    else
        asm volatile("rep outsw" : "+S"(at), "+c"(n) : "d"(port) : "memory");
}

static void memory_access(void)
{
    u32 at = some_address(), v = some_value();

    switch (below(6)) {
    case 0: (void)*(volatile u8 *)at; break;
    case 1: (void)*(volatile u32 *)at; break;
    case 2: *(volatile u8 *)at = (u8)v; break;
    case 3: *(volatile u16 *)at = (u16)v; break;
    case 4: asm volatile("lock xaddl %0, (%1)" : "+r"(v) : "r"(at) : "memory"); break;
    default: *(volatile u32 *)at = v; break;
    }
}

static void config(void)
{
    u32 v = below(2) ? some_value() : 7, reg = below(3) ? below(16) << 2 : below(64) << 2;

    asm volatile("outl %0, %1" ::"a"(0x80000000 | below(64) << 8 | reg), "d"((u16)0xcf8));
    if (reg >= 0x10 && reg < 0x28 && below(2))
        v = below(2) ? 0xc001 + below(8) * 0x40 : 0xe0000000 + below(16) * 0x2000000;
    asm volatile("outl %0, %1" ::"a"(v), "d"((u16)0xcfc));
}

/* An ATA or ATAPI command, DMA or not, on a drive that is there. */
static void drive(void)
{
    static const u8 command[] = {0x20, 0x24, 0x25, 0x30, 0x35, 0xc8, 0xca,
                                 0xa0, 0xec, 0xa1, 0x06, 0xe7, 0xef};
    u16 base = below(2) ? 0x1f0 : 0x170;

    asm volatile("outb %b0, %1" ::"a"(0xe0 | (rnd() & 0x1f)), "d"((u16)(base + 6)));
    for (u16 r = 1; r < 6; r++)
        asm volatile("outb %b0, %1" ::"a"(below(2) ? below(8) : rnd()), "d"((u16)(base + r)));
    asm volatile("outb %b0, %1" ::"a"((u32)command[below(sizeof(command))]),
                 "d"((u16)(base + 7)));
    for (u32 n = below(2) ? 256 : below(20); n; n--)
        asm volatile("outw %w0, %1" ::"a"(n & 1 ? 0x28 : below(4)), "d"(base));
}

static void descriptors(void)
{
    volatile u32 *p = (volatile u32 *)(AREA + (below(AREA_END - AREA) & ~15u));

    for (u32 i = 0; i < 16; i++)
        p[i] = some_value();
}

void guest_main(void)
{
    u32 low, high;

    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    seed = (low ^ high << 20) | 1;
    asm volatile("cli");
    for (;;) {
        switch (below(8)) {
        case 0: string_io(); break;
        case 1:
        case 2: memory_access(); break;
        case 3: config(); break;
        case 4: drive(); break;
        case 5: descriptors(); break;
        default: port_access(); break;
        }
    }
}
