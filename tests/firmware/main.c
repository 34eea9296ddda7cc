/* SPDX-License-Identifier: MIT */
#include "tests/firmware/prog.h"

void main(u32 drive);

static u32 number;
u8 buffer[8192] __attribute__((aligned(512)));

static void out_char(char c)
{
    while (!(inb(0x3fd) & 0x20))
        ;
    outb(0x3f8, (u8)c);
}

void out_text(const char *s)
{
    while (*s)
        out_char(*s++);
}

void out_hex(u32 v)
{
    for (s32 i = 28; i >= 0; i -= 4)
        out_char("0123456789abcdef"[v >> i & 15]);
}

static void out_number(u32 n)
{
    char digits[8];
    u32 k = 0;
    do {
        digits[k++] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (k)
        out_char(digits[--k]);
}

void check(const char *name, u32 got, u32 want)
{
    out_text(got == want ? "ok " : "not ok ");
    out_number(++number);
    out_text(" - ");
    out_text(name);
    if (got != want) {
        out_text(" # got ");
        out_hex(got);
        out_text(" want ");
        out_hex(want);
    }
    out_text("\n");
}

void main(u32 drive)
{
    out_text("# boot drive ");
    out_hex(drive);
    out_text("\n");
    test_system();
    test_keyboard();
    test_pci();
    test_tables();
    test_disk((u8)drive);
    test_cd((u8)drive);
    test_video();
    test_vbe();
    out_text("1..");
    out_number(number);
    out_text("\n");
    outb(0x501, 0);
}
