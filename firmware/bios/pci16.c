/* SPDX-License-Identifier: MIT
 * INT 1Ah AH=B1h: PCI BIOS 2.1. Left out: special cycles. */
#include "firmware/bios/bios.h"

#include "firmware/lib/pci.h"

enum {
    OK = 0,
    UNSUPPORTED = 0x81,
    BAD_VENDOR = 0x83,
    NOT_FOUND = 0x86,
    BAD_REGISTER = 0x87,
    SET_FAILED = 0x88,
    TOO_SMALL = 0x89
};

u8 pci_last_bus;
u16 pir_entries_off, pir_entries_len; /* slots of the $PIR table, in SEG_BIOS */

static void present(struct regs *r)
{
    r->al = 1; /* mechanism 1 */
    r->bx = 0x0210;
    r->cl = pci_last_bus;
    r->edx = 0x20494350; /* "PCI " */
    set_status(r, OK);
}

/* Steps bdf to the next function that answers; false at the end. */
static bool next_function(u32 *bdf)
{
    while (++*bdf < (pci_last_bus + 1u) << 8) {
        u16 f = (u16)*bdf;
        if ((f & 7) && !(pci_read8(f & 0xfff8, PCI_HEADER) & 0x80)) {
            *bdf |= 7;
            continue;
        }
        if (pci_read16(f, PCI_ID) != 0xffff)
            return true;
    }
    return false;
}

static void find(struct regs *r, bool by_class)
{
    u32 bdf = ~0u;
    u16 n = r->si;
    if (!by_class && r->dx == 0xffff)
        return set_status(r, BAD_VENDOR);
    while (next_function(&bdf)) {
        bool match = by_class ? pci_read32((u16)bdf, 8) >> 8 == (r->ecx & 0xffffff)
                              : pci_read32((u16)bdf, PCI_ID) == ((u32)r->cx << 16 | r->dx);
        if (match && n-- == 0) {
            r->bx = (u16)bdf;
            return set_status(r, OK);
        }
    }
    set_status(r, NOT_FOUND);
}

static void config_access(struct regs *r)
{
    u8 size = (u8)(1 << ((r->al - 8) % 3)), reg = (u8)r->di;
    if (r->di > 0xff || (r->di & (size - 1)))
        return set_status(r, BAD_REGISTER);
    switch (r->al) {
    case 0x08: r->cl = pci_read8(r->bx, reg); break;
    case 0x09: r->cx = pci_read16(r->bx, reg); break;
    case 0x0a: r->ecx = pci_read32(r->bx, reg); break;
    case 0x0b: pci_write8(r->bx, reg, r->cl); break;
    case 0x0c: pci_write16(r->bx, reg, r->cx); break;
    default: pci_write32(r->bx, reg, r->ecx); break;
    }
    set_status(r, OK);
}

/* AL=0Eh: the routing slots into the buffer that ES:DI describes (length, far pointer). */
static void routing(struct regs *r)
{
    far_seg(r->es);
    u16 room = FAR16(r->di), off = FAR16(r->di + 2), seg = FAR16(r->di + 4);
    FAR16(r->di) = pir_entries_len;
    if (room < pir_entries_len)
        return set_status(r, TOO_SMALL);
    for (u16 i = 0; i < pir_entries_len; i++) {
        far_seg(SEG_BIOS);
        u8 v = FAR8(pir_entries_off + i);
        far_seg(seg);
        FAR8((u16)(off + i)) = v;
    }
    r->bx = 1 << 10 | 1 << 11;
    set_status(r, OK);
}

void int1a_pci(struct regs *r)
{
    switch (r->al) {
    case 0x01: return present(r);
    case 0x02: return find(r, false);
    case 0x03: return find(r, true);
    case 0x08 ... 0x0d: return config_access(r);
    case 0x0e: return routing(r);
    case 0x0f: return set_status(r, SET_FAILED);
    default: return set_status(r, UNSUPPORTED);
    }
}
