/* SPDX-License-Identifier: MIT
 * INT 11h, 12h, 14h, 15h, 17h, 1Ah. */
#include "tests/firmware/prog.h"

static u32 ram_end; /* by E820 */

static void memory_map(void)
{
    struct regs r;
    u32 next = 0, count = 0, bad = 0, last_end = 0, ram = 0, bios = 0;
    do {
        r = (struct regs){.eax = 0xe820, .edx = 0x534d4150, .ebx = next, .ecx = 20};
        r.di = (u16)(u32)buffer;
        intr(0x15, &r);
        if (carry(&r) || r.eax != 0x534d4150 || r.ecx != 20) {
            bad++;
            break;
        }
        u32 *e = (u32 *)buffer;
        if (e[1] == 0) {
            bad += e[0] < last_end;
            last_end = e[0] + e[2];
            if (e[4] == 1 && e[0] == 0x100000)
                ram = e[2], ram_end = e[0] + e[2];
            if (e[4] == 2 && e[0] <= 0xf0000 && e[0] + e[2] == 0x100000)
                bios = 1;
        }
        next = r.ebx;
    } while (next && ++count < 50);
    check("E820: signatures, order, no overlap", bad, 0);
    check("E820: RAM from 1 MiB is most of 64 MiB", ram >= 62u << 20 && ram <= 63u << 20, 1);
    check("E820: the BIOS is reserved", bios, 1);
}

static void memory_sizes(void)
{
    struct regs r = {.ax = 0xe801};
    intr(0x15, &r);
    check("E801: carry", carry(&r), 0);
    check("E801: 15 MiB below 16 MiB", r.ax, 0x3c00);
    check("E801: 64 KiB blocks above", r.bx, (ram_end - 0x1000000) >> 16);
    check("E801: CX and DX as AX and BX", r.cx == r.ax && r.dx == r.bx, 1);
    r = (struct regs){.ah = 0x88};
    intr(0x15, &r);
    check("88: as E820", r.ax, (ram_end >> 10) - 1024);
    r = (struct regs){0};
    intr(0x12, &r);
    check("12h agrees with the BDA", r.ax, bda16(0x13));
    check("12h: most of 640 KiB", r.ax > 600 && r.ax < 640, 1);
    r = (struct regs){0};
    intr(0x11, &r);
    check("11h agrees with the BDA", r.ax, bda16(0x10));
    check("11h: one serial line", r.ax >> 9 & 7, 1);
}

static void put_descriptor(u8 *d, u32 base)
{
    for (u32 i = 0; i < 8; i++)
        d[i] = 0;
    d[0] = d[1] = 0xff;
    d[2] = (u8)base;
    d[3] = (u8)(base >> 8);
    d[4] = (u8)(base >> 16);
    d[5] = 0x93;
    d[7] = (u8)(base >> 24);
}

static void move(u32 from, u32 to, u16 words, struct regs *r)
{
    static u8 gdt[48];
    put_descriptor(gdt + 16, from);
    put_descriptor(gdt + 24, to);
    *r = (struct regs){.ah = 0x87, .cx = words, .si = (u16)(u32)gdt};
    intr(0x15, r);
}

static void block_move(void)
{
    struct regs r;
    for (u32 i = 0; i < 64; i++)
        buffer[i] = (u8)(i * 7);
    move((u32)buffer, 0x300001, 32, &r);
    check("87: up, carry", carry(&r), 0);
    for (u32 i = 0; i < 64; i++)
        buffer[i] = 0;
    move(0x300001, (u32)buffer + 100, 32, &r);
    u32 bad = r.ah;
    for (u32 i = 0; i < 64; i++)
        bad += buffer[100 + i] != (u8)(i * 7);
    check("87: and back", bad, 0);
}

static void a20(void)
{
    struct regs r = {.ax = 0x2400};
    intr(0x15, &r);
    volatile u32 low = 0;
    u32 was = FAR32(0, 0x500);
    (void)low;
    FAR32(0, 0x500) = 0x12345678;
    check("A20 off wraps", FAR32(0xffff, 0x510), 0x12345678);
    r = (struct regs){.ax = 0x2402};
    intr(0x15, &r);
    check("A20 status off", r.al, 0);
    r = (struct regs){.ax = 0x2401};
    intr(0x15, &r);
    FAR32(0, 0x500) = ~FAR32(0xffff, 0x510);
    check("A20 on does not", FAR32(0xffff, 0x510) == FAR32(0, 0x500), 0);
    r = (struct regs){.ax = 0x2402};
    intr(0x15, &r);
    check("A20 status on", r.ax, 1);
    FAR32(0, 0x500) = was;
}

static void misc15(void)
{
    struct regs r = {.ah = 0xc0};
    intr(0x15, &r);
    check("C0: carry", carry(&r), 0);
    check("C0: model FC", FAR8(r.es, r.bx + 2), 0xfc);
    r = (struct regs){.ax = 0x4f1e, .flags = FLAG_C};
    intr(0x15, &r);
    check("4F keeps the key", carry(&r) && r.al == 0x1e, 1);
    r = (struct regs){.ah = 0xc1};
    intr(0x15, &r);
    check("C1: EBDA", r.es, bda16(0x0e));
    r = (struct regs){.ax = 0x5300};
    intr(0x15, &r);
    check("APM: PM", r.bx, 'P' << 8 | 'M');
    r = (struct regs){.ax = 0x7777};
    intr(0x15, &r);
    check("15h unknown: 86 and carry", r.ah == 0x86 && carry(&r), 1);
}

static u32 ticks(void)
{
    struct regs r = {.ah = 0x00};
    intr(0x1a, &r);
    return (u32)r.cx << 16 | r.dx;
}

static void waits(void)
{
    u32 t;
    __asm__ volatile("sti");
    t = ticks();
    struct regs r = {.ah = 0x86, .cx = 3, .dx = 0x0d40, .flags = FLAG_I};
    intr(0x15, &r);
    u32 gone = ticks() - t;
    /* a busy host loses some */
    check("86: 200 ms are one to twelve ticks", gone >= 1 && gone <= 12, 1);
}

static u32 valid_bcd(u8 v, u8 low, u8 high)
{
    return (v & 0xf) < 10 && v >= low && v <= high;
}

static void clock(void)
{
    struct regs r = {.ah = 0x02};
    intr(0x1a, &r);
    check("1A 02: a time",
          !carry(&r) && valid_bcd(r.ch, 0, 0x23) && valid_bcd(r.cl, 0, 0x59) &&
              valid_bcd(r.dh, 0, 0x59),
          1);
    r = (struct regs){.ah = 0x04};
    intr(0x1a, &r);
    check("1A 04: a date",
          !carry(&r) && valid_bcd(r.ch, 0x19, 0x20) && valid_bcd(r.dh, 1, 0x12) &&
              valid_bcd(r.dl, 1, 0x31),
          1);
    r = (struct regs){.ah = 0x01, .cx = 0x0012, .dx = 0x3400};
    u32 saved = ticks();
    intr(0x1a, &r);
    check("1A 01 sets the ticks", ticks() - 0x123400 < 4, 1);
    r = (struct regs){.ah = 0x01, .cx = (u16)(saved >> 16), .dx = (u16)saved};
    intr(0x1a, &r);
}

static void ports(void)
{
    struct regs r = {.ah = 0x03, .dx = 0};
    intr(0x14, &r);
    check("14 03: transmitter empty", r.ah & 0xe0, 0x60);
    r = (struct regs){.ah = 0x03, .dx = 3};
    intr(0x14, &r);
    check("14: no such line", r.ah & 0x80, 0x80);
    r = (struct regs){.ah = 0x01, .al = '#', .dx = 0};
    intr(0x14, &r);
    out_text(" sent by INT 14h\n");
    check("14 01: sent", r.ah & 0x80, 0);
}

void test_system(void)
{
    memory_map();
    memory_sizes();
    block_move();
    a20();
    misc15();
    waits();
    clock();
    ports();
}
