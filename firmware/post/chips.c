/* SPDX-License-Identifier: MIT
 * Interrupt controllers, timer, clock, DMA, keyboard controller, line and printer ports, and
 * the BIOS data area. */
#include "firmware/post/post.h"

enum { EBDA = 0x9fc00 };

static void pic_init(void)
{
    outb(PORT_PIC1, 0x11);
    outb(PORT_PIC2, 0x11);
    outb(PORT_PIC1_MASK, 0x08);
    outb(PORT_PIC2_MASK, 0x70);
    outb(PORT_PIC1_MASK, 4);
    outb(PORT_PIC2_MASK, 2);
    outb(PORT_PIC1_MASK, 1);
    outb(PORT_PIC2_MASK, 1);
    outb(PORT_PIC1_MASK, 0xb8);      /* open: timer, keyboard, cascade, floppy */
    outb(PORT_PIC2_MASK, 0x8f & ~2); /* FPU, disks; SCI by ACPI only */
    outb(PORT_PIC2_MASK, 0x9f);
}

static void pit_init(void)
{
    outb(PORT_PIT_MODE, 0x36);
    outb(PORT_PIT0, 0);
    outb(PORT_PIT0, 0);
    outb(PORT_PIT_MODE, 0x54);
    outb(PORT_PIT0 + 1, 0x12);
}

static void dma_init(void)
{
    outb(0x0d, 0);
    outb(0xda, 0);
    outb(0xd6, 0xc0);
    outb(0xd4, 0x00);
}

static u32 bcd(u8 v)
{
    return (v >> 4) * 10u + (v & 0xf);
}

/* Ticks since midnight: 1193182 / 65536 a second. */
static void clock_init(void)
{
    cmos_write(CMOS_STATUS_A, 0x26);
    cmos_write(CMOS_STATUS_B, (cmos_read(CMOS_STATUS_B) & 0x01) | 0x02);
    cmos_read(CMOS_STATUS_C);
    u32 s = (bcd(cmos_read(CMOS_HOURS)) * 60 + bcd(cmos_read(CMOS_MINUTES))) * 60 +
            bcd(cmos_read(CMOS_SECONDS));
    if (s >= 86400)
        s = 0;
    BDA->ticks = s * 18 + s * 103 / 500 + s / 7900;
}

static void bda_init(void)
{
    u8 floppies = cmos_read(CMOS_FLOPPIES);
    memset((void *)hide(0x400), 0, 0x100);
    memset((void *)hide(EBDA), 0, 0x400);
    *(u8 *)hide(EBDA) = 1; /* KiB */
    BDA->ebda_seg = EBDA >> 4;
    BDA->base_kb = EBDA / 1024;
    BDA->kbd_start = BDA->kbd_head = BDA->kbd_tail = 0x1e;
    BDA->kbd_end = 0x3e;
    BDA->kbd_mode = 0x10;
    BDA->equipment = 0x0006 | (cmos_read(CMOS_EQUIPMENT) & 0x02);
    if (floppies)
        BDA->equipment |= (u16)(1 | (floppies & 0xf ? 0x40 : 0));
    for (u32 i = 0; i < 4; i++) {
        BDA->lpt_timeout[i] = 20;
        BDA->com_timeout[i] = 1;
    }
}

#define VECTORS(V)                                                                             \
    V(0x05, door_05)                                                                           \
    V(0x08, door_08)                                                                           \
    V(0x09, door_09) V(0x0e, door_0e) V(0x10, door_10) V(0x11, door_11) V(0x12, door_12)       \
        V(0x13, door_13) V(0x14, door_14) V(0x15, door_15) V(0x16, door_16) V(0x17, door_17)   \
            V(0x18, door_18) V(0x19, door_19) V(0x1a, door_1a) V(0x40, door_13)                \
                V(0x70, door_70) V(0x74, door_74) V(0x75, door_75) V(0x76, door_76)            \
                    V(0x77, door_76)

#define DECLARE(n, door) extern void door(void);
VECTORS(DECLARE)
extern void door_iret(void), door_irq1(void), door_irq2(void);
extern const u8 diskette_params[], font_low[];

static void vector(u8 n, u32 off)
{
    ((volatile u32 *)hide(0))[n] = (u32)SEG_BIOS << 16 | hide(off);
}

static void vectors_init(void)
{
#define SET(n, door) vector(n, (u32)door);
    for (u32 i = 0; i < 0x78; i++)
        vector((u8)i, (u32)door_iret);
    for (u32 i = 0; i < 8; i++) {
        vector((u8)(8 + i), (u32)door_irq1);
        vector((u8)(0x70 + i), (u32)door_irq2);
    }
    VECTORS(SET)
    vector(0x1e, (u32)diskette_params);
    vector(0x1f, (u32)font_low);
    for (u32 i = 0x60; i < 0x68; i++)
        ((volatile u32 *)hide(0))[i] = 0;
    for (u32 i = 0x78; i < 0x100; i++)
        ((volatile u32 *)hide(0))[i] = 0;
    ((volatile u32 *)hide(0))[0x1d] = 0;
    ((volatile u32 *)hide(0))[0x41] = 0;
    ((volatile u32 *)hide(0))[0x46] = 0;
}

void chips_init(void)
{
    outb(PORT_A20, (inb(PORT_A20) & 0xfe) | 2);
    bda_init();
    vectors_init();
    pic_init();
    pit_init();
    dma_init();
    clock_init();
    cmos_write(CMOS_SHUTDOWN, 0);
}

/* Polls of an absent controller read FF: output full, input full. */
static bool kbc_wait(u8 mask, u8 want)
{
    for (u32 i = 0; i < 20000; i++) {
        u8 st = inb(PORT_KBD_STATUS);
        if (st == 0xff)
            return false;
        if ((st & mask) == want)
            return true;
    }
    return false;
}

static bool kbc_command(u8 cmd)
{
    if (!kbc_wait(2, 0))
        return false;
    outb(PORT_KBD_STATUS, cmd);
    return true;
}

static bool kbc_put(u8 v)
{
    if (!kbc_wait(2, 0))
        return false;
    outb(PORT_KBD_DATA, v);
    return true;
}

static u8 kbc_get(void)
{
    return kbc_wait(1, 1) ? inb(PORT_KBD_DATA) : 0xff;
}

void keyboard_init(void)
{
    for (u32 i = 0; i < 32 && (inb(PORT_KBD_STATUS) & 1); i++)
        inb(PORT_KBD_DATA);
    if (!kbc_command(0xaa) || kbc_get() != 0x55)
        return;
    /* scan codes untranslated and no interrupts while the keyboard is reset */
    kbc_command(0x60);
    kbc_put(0x30);
    kbc_command(0xae);
    if (kbc_put(0xff) && kbc_get() == 0xfa && kbc_get() == 0xaa && kbc_put(0xf4))
        kbc_get();
    kbc_command(0x60);
    kbc_put(0x65); /* translate, system flag, IRQ 1; pointing device off */
}

static void serial_detect(void)
{
    static const u16 bases[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
    u32 n = 0;
    for (u32 i = 0; i < ARRAY_SIZE(bases); i++) {
        outb(bases[i] + 1, 0x02);
        if (inb(bases[i] + 1) != 0x02 || (inb(bases[i] + 2) & 0x38))
            continue;
        outb(bases[i] + 1, 0);
        outb(bases[i] + 3, 3);
        BDA->com[n++] = bases[i];
    }
    BDA->equipment |= (u16)(n << 9);
}

static void printer_detect(void)
{
    static const u16 bases[] = {0x378, 0x278, 0x3bc};
    u32 n = 0;
    for (u32 i = 0; i < ARRAY_SIZE(bases); i++) {
        outb(bases[i] + 2, inb(bases[i] + 2) & 0xdf);
        outb(bases[i], 0xaa);
        if (inb(bases[i]) == 0xaa)
            BDA->lpt[n++] = bases[i];
    }
    BDA->equipment |= (u16)(n << 14);
}

void ports_init(void)
{
    serial_detect();
    printer_detect();
}
