/* SPDX-License-Identifier: MIT
 * INT 16h and INT 09h. Scan codes come from the controller's own command D2h. */
#include "tests/firmware/prog.h"

static void kbc(u16 port, u8 v)
{
    while (inb(PORT_KBD_STATUS) & 2)
        ;
    outb(port, v);
}

/* As if the keyboard had sent it. */
static void scan(u8 code)
{
    kbc(PORT_KBD_STATUS, 0xd2);
    kbc(PORT_KBD_DATA, code);
    for (u32 i = 0; i < 100000 && (inb(PORT_KBD_STATUS) & 1); i++)
        __asm__ volatile("sti; nop");
}

static u16 key(u8 function)
{
    struct regs r = {.ah = (u8)(function + 1)};
    intr(0x16, &r);
    if (r.flags & FLAG_Z)
        return 0xffff;
    r = (struct regs){.ah = function};
    intr(0x16, &r);
    return r.ax;
}

static u16 press(u8 code)
{
    scan(code);
    scan(code | 0x80);
    return key(0x10);
}

static u16 press_e0(u8 code, u8 function)
{
    scan(0xe0);
    scan(code);
    scan(0xe0);
    scan(code | 0x80);
    return key(function);
}

static void with_shifts(void)
{
    scan(0x2a);
    check("shift a", press(0x1e), 0x1e41);
    check("shift 1", press(0x02), 0x0221);
    check("shift F1", press(0x3b), 0x5400);
    check("16 02: left shift", bda16(0x17) & 0x0f, 2);
    scan(0xaa);
    scan(0x1d);
    check("ctrl c", press(0x2e), 0x2e03);
    check("ctrl F10", press(0x44), 0x6700);
    scan(0x9d);
    scan(0x38);
    check("alt x", press(0x2d), 0x2d00);
    check("alt 1", press(0x02), 0x7800);
    scan(0x48);
    scan(0xc8);
    scan(0x4d);
    scan(0xcd);
    scan(0xb8);
    check("alt 8 6 on the keypad", key(0), 86);
    scan(0x3a);
    scan(0xba);
    check("caps a", press(0x1e), 0x1e41);
    scan(0x3a);
    scan(0xba);
    check("caps off", press(0x1e), 0x1e61);
    scan(0x45);
    scan(0xc5);
    check("num lock: keypad 7", press(0x47), 0x4737);
    scan(0x45);
    scan(0xc5);
    check("keypad Home", press(0x47), 0x4700);
}

void test_keyboard(void)
{
    struct regs r = {.ah = 0x05, .cx = 0x1234};
    __asm__ volatile("sti");
    while (key(0x10) != 0xffff)
        ;
    intr(0x16, &r);
    check("16 05 stores", r.al, 0);
    check("16 00 reads it", key(0), 0x1234);
    check("empty", key(0), 0xffff);
    check("a", press(0x1e), 0x1e61);
    check("Enter", press(0x1c), 0x1c0d);
    check("Esc", press(0x01), 0x011b);
    check("F1", press(0x3b), 0x3b00);
    check("F11", press(0x57), 0x8500);
    check("cursor up, 10h", press_e0(0x48, 0x10), 0x48e0);
    check("cursor up, 00h", press_e0(0x48, 0x00), 0x4800);
    check("keypad Enter, 00h", press_e0(0x1c, 0x00), 0x1c0d);
    scan(0x57);
    scan(0xd7);
    check("F11 is not for 00h", key(0x00), 0xffff);
    with_shifts();
    for (u32 i = 0; i < 20; i++) {
        r = (struct regs){.ah = 0x05, .cx = (u16)(0x100 + i)};
        intr(0x16, &r);
    }
    check("the ring is full after 15", r.al, 1);
    u32 n = 0;
    while (key(0x10) != 0xffff)
        n++;
    check("15 keys were kept", n, 15);
}
