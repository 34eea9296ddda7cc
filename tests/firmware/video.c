/* SPDX-License-Identifier: MIT
 * INT 10h: text, graphics, palette, fonts, state. */
#include "tests/firmware/prog.h"

static struct regs video(struct regs r)
{
    intr(0x10, &r);
    return r;
}
#define V(...) video((struct regs){__VA_ARGS__})

static void tty(const char *s)
{
    while (*s)
        V(.ah = 0x0e, .al = (u8)*s++);
}

static u16 cell(u32 row, u32 col)
{
    return FAR16(0xb800, (row * 80 + col) * 2);
}

static u16 cursor(void)
{
    return V(.ah = 0x03).dx;
}

static void text(void)
{
    V(.ax = 0x0003);
    struct regs r = V(.ah = 0x0f);
    check("0F: mode 3, 80 columns", r.ax, 0x5003);
    check("cleared", cell(0, 0), 0x0720);
    tty("Hi\r\n\tX");
    check("0E: H", cell(0, 0), 0x0748);
    check("0E: i", cell(0, 1), 0x0769);
    check("0E: line 2", cursor() >> 8, 1);
    V(.ah = 0x02, .dx = 0x184f);
    tty("#");
    check("0E scrolls at the end", cell(23, 79), 0x0723);
    check("cursor wrapped", cursor(), 0x1800);
    check("first line scrolled off", cell(0, 0) != 0x0748, 1);
    V(.ah = 0x02, .dx = 0x0505);
    V(.ax = 0x0941, .bl = 0x1e, .cx = 3);
    check("09: three", cell(5, 7), 0x1e41);
    check("09: not four", cell(5, 8), 0x0720);
    V(.ax = 0x0a42, .cx = 1);
    check("0A keeps the attribute", cell(5, 5), 0x1e42);
    check("08 reads", V(.ah = 0x08).ax, 0x1e42);
    V(.ax = 0x0701, .bh = 0x4f, .cx = 0x0405, .dx = 0x0607);
    check("07: down", cell(6, 5), 0x1e42);
    check("07: blank line", cell(4, 6), 0x4f20);
    V(.ax = 0x0600, .bh = 0x17, .cx = 0, .dx = 0x184f);
    check("06: clears", cell(12, 40), 0x1720);
}

static void pages_and_strings(void)
{
    static const char s[] = "A\x1f"
                            "B\x2f";
    V(.ax = 0x1303, .cx = 2, .dx = 0x0a0a, .bp = (u16)(u32)s);
    check("13 with attributes", (u32)cell(10, 10) << 16 | cell(10, 11), 0x1f412f42);
    check("13 moves the cursor", cursor(), 0x0a0c);
    V(.ax = 0x0501);
    check("05: page 1", V(.ah = 0x0f).bh, 1);
    check("05: start address", inb((outb(0x3d4, 0x0c), 0x3d5)), 0x08);
    V(.ax = 0x0500);
    V(.ah = 0x01, .cx = 0x0607);
    check("01: shape kept", V(.ah = 0x03).cx, 0x0607);
    V(.ax = 0x1112);
    check("1112: 50 rows", bda16(0x84) & 0xff, 49);
    check("1112: height 8", bda16(0x85), 8);
    V(.ax = 0x0003);
    check("mode 3 again: 25 rows", bda16(0x84) & 0xff, 24);
    V(.ax = 0x0001);
    check("mode 1: 40 columns", V(.ah = 0x0f).ah, 40);
    V(.ax = 0x0007);
    check("mode 7: CRTC at 3B4", bda16(0x63), 0x3b4);
    V(.ax = 0x0e4d);
    check("mode 7 writes to B000", FAR8(0xb000, 0), 'M');
}

static void graphics_mode(u8 mode, u16 width, u16 height, u8 colour)
{
    V(.ax = mode);
    check("graphics: mode set", V(.ah = 0x0f).al, mode);
    V(.ah = 0x0c, .al = colour, .cx = width - 1, .dx = height - 1);
    check("0C/0D: last pixel", V(.ah = 0x0d, .cx = width - 1, .dx = height - 1).al, colour);
    check("its neighbour", V(.ah = 0x0d, .cx = width - 2, .dx = height - 1).al, 0);
    V(.ah = 0x0c, .al = colour | 0x80, .cx = 9, .dx = 9);
    u8 want = mode == 0x13 ? colour | 0x80 : colour;
    check("0C with bit 7", V(.ah = 0x0d, .cx = 9, .dx = 9).al, want);
    V(.ah = 0x02, .dx = 0x0203);
    V(.ax = 0x0951, .bl = 1, .cx = 1);
    check("09/08: Q is read back", V(.ah = 0x08).al, 'Q');
    V(.ax = 0x0601, .cx = 0, .dx = 0x184f);
    V(.ah = 0x02, .dx = 0x0103);
    check("06 scrolls it up", V(.ah = 0x08).al, 'Q');
}

static void palette(void)
{
    V(.ax = 0x0013);
    V(.ax = 0x1010, .bx = 77, .dh = 1, .ch = 2, .cl = 3);
    struct regs r = V(.ax = 0x1015, .bx = 77);
    check("1010/1015", (u32)r.dh << 16 | r.cx, 0x010203);
    V(.ax = 0x0003);
    V(.ax = 0x1000, .bl = 4, .bh = 0x2a);
    check("1000/1007", V(.ax = 0x1007, .bl = 4).bh, 0x2a);
    check("1A: VGA colour", V(.ax = 0x1a00).bl, 8);
    check("12 10: 256 KiB", V(.ah = 0x12, .bl = 0x10).bl, 3);
    r = V(.ax = 0x1130, .bh = 6);
    check("1130: rows", r.dl, 24);
    check("1130: a font", FAR8(r.es, r.bp + 0xdb * 16), 0xff);
    r = V(.ax = 0x1b00, .bx = 0, .di = (u16)(u32)buffer);
    check("1B", r.al, 0x1b);
    check("1B: mode", buffer[4], 3);
}

static void state(void)
{
    struct regs r = V(.ax = 0x1c00, .cx = 7);
    check("1C 00: fits", r.bx && r.bx * 64 < 4096, 1);
    V(.ax = 0x0003);
    V(.ax = 0x1c01, .cx = 7, .bx = (u16)(u32)buffer);
    V(.ax = 0x0013);
    V(.ax = 0x1c02, .cx = 7, .bx = (u16)(u32)buffer);
    check("1C 02: mode 3 is back", V(.ah = 0x0f).ax, 0x5003);
    V(.ah = 0x02, .dx = 0);
    V(.ax = 0x0e5a);
    check("1C 02: text memory too", cell(0, 0) & 0xff, 'Z');
}

void test_video(void)
{
    text();
    pages_and_strings();
    graphics_mode(0x04, 320, 200, 3);
    graphics_mode(0x06, 640, 200, 1);
    graphics_mode(0x0d, 320, 200, 9);
    graphics_mode(0x0e, 640, 200, 9);
    graphics_mode(0x10, 640, 350, 9);
    graphics_mode(0x12, 640, 480, 9);
    graphics_mode(0x13, 320, 200, 99);
    palette();
    state();
    V(.ax = 0x0003);
}
