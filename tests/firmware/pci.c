/* SPDX-License-Identifier: MIT
 * INT 1Ah AH=B1h. */
#include "tests/firmware/prog.h"

static void call(struct regs *r, u8 function)
{
    r->ah = 0xb1;
    r->al = function;
    intr(0x1a, r);
}

static void find_and_read(void)
{
    struct regs r = {.cx = 0x1237, .dx = 0x8086, .si = 0};
    call(&r, 2);
    check("B102 finds the host bridge", r.ah << 16 | r.bx, 0);
    r = (struct regs){.cx = 0x1237, .dx = 0x8086, .si = 1};
    call(&r, 2);
    check("B102: there is one", r.ah, 0x86);
    r = (struct regs){.dx = 0xffff};
    call(&r, 2);
    check("B102: bad vendor", r.ah, 0x83);
    r = (struct regs){.ecx = 0x010180, .si = 0};
    call(&r, 3);
    check("B103 finds the IDE controller", r.ah << 16 | r.bx, 0x0009);
    r = (struct regs){.bx = 0, .di = 0};
    call(&r, 0x0a);
    check("B10A", r.ecx, 0x12378086);
    r = (struct regs){.bx = 0, .di = 2};
    call(&r, 9);
    check("B109", r.cx, 0x1237);
    r = (struct regs){.bx = 0, .di = 1};
    call(&r, 8);
    check("B108", r.cl, 0x80);
    r = (struct regs){.bx = 0, .di = 1};
    call(&r, 9);
    check("B109 unaligned", r.ah, 0x87);
    r = (struct regs){.bx = 0x0a, .di = 0x3c, .cl = 0x05}; /* 00:01.2 or nothing */
    call(&r, 0x0b);
    check("B10B", r.ah, 0);
}

static void routing(void)
{
    struct {
        u16 size, off, seg;
    } b = {sizeof buffer, (u16)(u32)buffer, 0};
    struct regs r = {.di = (u16)(u32)&b};
    call(&r, 0x0e);
    check("B10E", r.ah, 0);
    check("B10E: slots of 16 bytes", b.size && b.size % 16 == 0, 1);
    b.size = 4;
    r = (struct regs){.di = (u16)(u32)&b};
    call(&r, 0x0e);
    check("B10E: small buffer", r.ah, 0x89);
}

void test_pci(void)
{
    struct regs r = {0};
    call(&r, 1);
    check("B101: PCI", r.edx, 0x20494350);
    check("B101: status", r.ah, 0);
    check("B101: mechanism 1", r.al & 1, 1);
    check("B101: 2.1", r.bx, 0x0210);
    find_and_read();
    routing();
    check("PIRQ routes", pci_read32(0x08, 0x60), 0x0b0b0a0a);
    check("ELCR", inb(0x4d0) | inb(0x4d1) << 8, 0x0c00);
    check("IDE bus master on", pci_read16(0x09, PCI_COMMAND) & 5, 5);
}
