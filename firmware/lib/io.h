/* SPDX-License-Identifier: MIT
 * Ports, interrupts and time, for 16 and 32-bit code alike. */
#ifndef FIRMWARE_LIB_IO_H
#define FIRMWARE_LIB_IO_H

#include "firmware/lib/types.h"

static inline void outb(u16 port, u8 v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

static inline void outw(u16 port, u16 v)
{
    __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}

static inline void outl(u16 port, u32 v)
{
    __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}

static inline u8 inb(u16 port)
{
    u8 v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline u16 inw(u16 port)
{
    u16 v;
    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline u32 inl(u16 port)
{
    u32 v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void irq_on(void)
{
    __asm__ volatile("sti; nop" ::: "memory");
}

static inline void irq_off(void)
{
    __asm__ volatile("cli" ::: "memory");
}

/* Sleeps until an interrupt has been served; IF clear before and after. */
static inline void irq_wait(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

/* RTC and CMOS RAM; the index register's bit 7 (NMI) stays clear. */
static inline u8 cmos_read(u8 index)
{
    outb(0x70, index);
    return inb(0x71);
}

static inline void cmos_write(u8 index, u8 v)
{
    outb(0x70, index);
    outb(0x71, v);
}

enum {
    CMOS_SECONDS = 0x00,
    CMOS_MINUTES = 0x02,
    CMOS_HOURS = 0x04,
    CMOS_DAY = 0x07,
    CMOS_MONTH = 0x08,
    CMOS_YEAR = 0x09,
    CMOS_STATUS_A = 0x0a,
    CMOS_STATUS_B = 0x0b,
    CMOS_STATUS_C = 0x0c,
    CMOS_STATUS_D = 0x0d,
    CMOS_SHUTDOWN = 0x0f,
    CMOS_FLOPPIES = 0x10,
    CMOS_EQUIPMENT = 0x14,
    CMOS_EXT_LO = 0x30,
    CMOS_EXT_HI = 0x31,
    CMOS_CENTURY = 0x32,
    CMOS_MEM16_LO = 0x34,
    CMOS_MEM16_HI = 0x35,
    CMOS_BOOT_FLAGS = 0x38,
    CMOS_BOOT_ORDER = 0x3d,
    CMOS_HIGH_LO = 0x5b,
    CMOS_CPUS = 0x5f
};

enum {
    PORT_PIC1 = 0x20,
    PORT_PIC1_MASK = 0x21,
    PORT_PIC2 = 0xa0,
    PORT_PIC2_MASK = 0xa1,
    PORT_PIT0 = 0x40,
    PORT_PIT_MODE = 0x43,
    PORT_KBD_DATA = 0x60,
    PORT_KBD_STATUS = 0x64,
    PORT_SYS_B = 0x61,
    PORT_A20 = 0x92,
    PORT_DEBUG = 0x402
};

static inline void eoi1(void)
{
    outb(PORT_PIC1, 0x20);
}

static inline void eoi2(void)
{
    outb(PORT_PIC2, 0x20);
    outb(PORT_PIC1, 0x20);
}
#endif
