/* SPDX-License-Identifier: MIT
 * INT 10h AH=4Fh: VBE 3.0. */
#include "tests/firmware/prog.h"

static struct regs video(struct regs r)
{
    intr(0x10, &r);
    return r;
}
#define V(...) video((struct regs){__VA_ARGS__})

static u32 word(u32 off)
{
    return *(u16 *)(buffer + off);
}

static u32 dword(u32 off)
{
    return *(u32 *)(buffer + off);
}

static bool info(u16 mode)
{
    struct regs r = V(.ax = 0x4f01, .cx = mode, .di = (u16)(u32)buffer);
    return r.ax == 0x4f && (word(0) & 1);
}

static void controller(void)
{
    *(u32 *)buffer = 0x32454256; /* VBE2 */
    check("4F00", V(.ax = 0x4f00, .di = (u16)(u32)buffer).ax, 0x4f);
    check("4F00: VESA", dword(0), 0x41534556);
    check("4F00: 3.0", word(4), 0x300);
    u32 n = 0, off = word(14), seg = word(16), has = 0;
    for (u16 m; (m = FAR16(seg, off + n * 2)) != 0xffff && n < 200; n++)
        has |= (m == 0x101) | (m == 0x117) << 1 | (m == 0x144) << 2;
    check("4F00: modes 101, 117, 144", has, 7);
}

static void modes(void)
{
    check("4F01: 101", info(0x101), 1);
    check("101: 640 x 480 x 8, packed", word(18) << 16 | word(20), 640u << 16 | 480);
    check("101: model", buffer[25] << 8 | buffer[27], 0x0804);
    check("4F01: 117", info(0x117), 1);
    check("117: 16 bits, direct colour", buffer[25] << 8 | buffer[27], 0x1006);
    check("117: 5:6:5", dword(31), 0x05060b05);
    check("4F01: 118", info(0x118), 1);
    check("118: 24 bits, direct colour", buffer[25] << 8 | buffer[27], 0x1806);
    check("4F01: 144", info(0x144), 1);
    check("144: 1024 x 768", word(18) << 16 | word(20), 1024u << 16 | 768);
    check("144: linear, line bytes", (word(0) >> 7 & 1) << 16 | word(16), 0x11000);
    check("144: 8:8:8:8", dword(31) == 0x08081008 && dword(35) == 0x18080008, 1);
    check("144: frame buffer is BAR 0", dword(40), pci_read32(0x10, PCI_BAR0) & ~15u);
    check("4F01: no such mode", V(.ax = 0x4f01, .cx = 0x1fe, .di = (u16)(u32)buffer).ax, 0x14f);
}

static void banked(void)
{
    check("4F02: 103", V(.ax = 0x4f02, .bx = 0x103).ax, 0x4f);
    check("4F03", V(.ax = 0x4f03).bx, 0x103);
    FAR8(0xa000, 5) = 0x11;
    check("4F05: bank 3", V(.ax = 0x4f05, .bx = 0, .dx = 3).ax, 0x4f);
    FAR8(0xa000, 5) = 0x33;
    check("4F05: get", V(.ax = 0x4f05, .bx = 0x100).dx, 3);
    V(.ax = 0x4f05, .bx = 0, .dx = 0);
    check("bank 0 stands", FAR8(0xa000, 5), 0x11);
    V(.ax = 0x4f05, .bx = 0, .dx = 3);
    check("bank 3 stands", FAR8(0xa000, 5), 0x33);
}

static void geometry(void)
{
    check("4F02: 144 linear", V(.ax = 0x4f02, .bx = 0x4144).ax, 0x4f);
    struct regs r = V(.ax = 0x4f06, .bx = 1);
    check("4F06: get", (u32)r.bx << 16 | r.cx, 4096u << 16 | 1024);
    r = V(.ax = 0x4f06, .bx = 0, .cx = 1200);
    check("4F06: wider", (u32)r.bx << 16 | r.cx, 4800u << 16 | 1200);
    check("4F07: set", V(.ax = 0x4f07, .bx = 0, .cx = 16, .dx = 100).ax, 0x4f);
    r = V(.ax = 0x4f07, .bx = 1);
    check("4F07: get", (u32)r.cx << 16 | r.dx, 16u << 16 | 100);
    V(.ax = 0x4f02, .bx = 0x101);
    check("4F08: 8 bits", V(.ax = 0x4f08, .bx = 0x800).bh, 8);
    check("4F08: 6 bits", V(.ax = 0x4f08, .bx = 0x600).bh, 6);
    *(u32 *)buffer = 0x00112233;
    V(.ax = 0x4f09, .bx = 0, .cx = 1, .dx = 7, .di = (u16)(u32)buffer);
    *(u32 *)buffer = 0;
    V(.ax = 0x4f09, .bx = 1, .cx = 1, .dx = 7, .di = (u16)(u32)buffer);
    check("4F09", dword(0) & 0x3f3f3f, 0x112233);
    V(.ax = 0x0003);
    check("back in text", V(.ax = 0x4f03).bx, 3);
}

void test_vbe(void)
{
    controller();
    modes();
    banked();
    geometry();
}
