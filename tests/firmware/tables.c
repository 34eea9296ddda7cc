/* SPDX-License-Identifier: MIT
 * Tables in segment F000: found where they are looked for, checksums right. */
#include "tests/firmware/prog.h"

/* Offset of a signature on a 16-byte boundary of segment F000; 1: none. */
static u32 find(u32 sig, u32 sig2)
{
    for (u32 off = 0; off < 0x10000; off += 16)
        if (FAR32(0xf000, off) == sig && (!sig2 || FAR32(0xf000, off + 4) == sig2))
            return off;
    return 1;
}

static u8 sum(u32 off, u32 n)
{
    u8 s = 0;
    for (u32 i = 0; i < n; i++)
        s = (u8)(s + FAR8(0xf000, off + i));
    return s;
}

static void checked(const char *name, u32 sig, u32 sig2, u32 bytes)
{
    u32 off = find(sig, sig2);
    check(name, off == 1 ? 0x100u : sum(off, bytes), 0);
}

void test_tables(void)
{
    checked("RSDP", 0x20445352, 0x20525450, 20);
    checked("MP floating pointer", 0x5f504d5f, 0, 16);
    checked("SMBIOS anchor", 0x5f4d535f, 0, 31);
    u32 off = find(0x5f4d535f, 0);
    check("DMI anchor", sum(off + 16, 15), 0);
    checked("MP table", 0x504d4350, 0, FAR16(0xf000, find(0x504d4350, 0) + 4));
    checked("$PIR", 0x52495024, 0, FAR16(0xf000, find(0x52495024, 0) + 6));
    check("reset vector jumps to E05B", FAR32(0xf000, 0xfff1), 0xf000e05b);
    check("model byte", FAR8(0xf000, 0xfffe), 0xfc);
    check("8x8 font: A is there", FAR32(0xf000, 0xfa6e + 'A' * 8) != 0, 1);
}
