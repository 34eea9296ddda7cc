/* SPDX-License-Identifier: MIT
 * SMBIOS: the emulator's tables from fw_cfg with our BIOS record in front, or a small set of
 * our own (SMBIOS 2.8). */
#include "firmware/bios/system.h"
#include "firmware/post/post.h"

enum { ANCHOR_21 = 31, ANCHOR_30 = 24, OWN_SIZE = 1024 };

static u8 *at;

struct record {
    u8 *start;
    u8 strings;
};

static struct record begin(u8 type, u8 length, u16 handle)
{
    struct record r = {at, 0};
    memset(at, 0, length);
    at[0] = type;
    at[1] = length;
    memcpy(at + 2, &handle, 2);
    at += length;
    return r;
}

/* Appends a string and notes its number at offset off of the record. */
static void string(struct record *r, u8 off, const char *s)
{
    u32 n = strlen(s) + 1;
    memcpy(at, s, n);
    at += n;
    r->start[off] = ++r->strings;
}

static void end(const struct record *r)
{
    if (!r->strings)
        *at++ = 0;
    *at++ = 0;
}

static void put_bios(void)
{
    struct record r = begin(0, 24, 0);
    r.start[6] = 0x00;
    r.start[7] = 0xe0; /* segment */
    r.start[9] = IMAGE_SIZE / 0x10000 - 1;
    r.start[10] = 0x08; /* PCI, CD boot, selectable boot, EDD below */
    r.start[10] |= 0x80;
    r.start[11] = 0x80;
    r.start[12] = 0x09;
    r.start[18] = 0x01; /* ACPI */
    r.start[19] = 0x14; /* virtual machine */
    r.start[20] = r.start[21] = 0;
    r.start[22] = r.start[23] = 0xff;
    string(&r, 4, "Mynah");
    string(&r, 5, FIRMWARE_VERSION);
    string(&r, 8, "11/21/2026");
    end(&r);
}

static void put_system(void)
{
    struct record r = begin(1, 27, 0x100);
    struct fw_file f;
    if (fwcfg_find("bootorder", &f) || fwcfg_find("etc/e820", &f))
        fwcfg_read(0x02, r.start + 8, 16);
    r.start[24] = 6; /* power switch */
    string(&r, 4, "Mynah");
    string(&r, 5, "Standard PC");
    end(&r);
    r = begin(3, 13, 0x300);
    r.start[5] = 1;
    r.start[9] = r.start[10] = r.start[11] = 3;
    r.start[12] = 2;
    string(&r, 4, "Mynah");
    end(&r);
}

static void put_cpus(void)
{
    char name[] = "CPU 00";
    u32 n = cpu_count();
    for (u32 i = 0; i < n && i < 8; i++) {
        struct record r = begin(4, 42, (u16)(0x400 + i));
        r.start[5] = 3;
        r.start[6] = 1;
        r.start[24] = 0x41;
        r.start[25] = 1;
        memset(r.start + 26, 0xff, 6);
        r.start[35] = r.start[36] = r.start[37] = 1;
        name[5] = (char)('0' + i);
        string(&r, 4, name);
        string(&r, 7, "Mynah");
        end(&r);
    }
}

static void put_memory(void)
{
    u32 kb = (SHARED(low_ram_end) >> 10) + (u32)((high_ram_end() - 0x100000000) >> 10);
    u16 none = 0xfffe, mb = (u16)(kb >> 10), array = 0x1000;
    struct record r = begin(16, 15, array);
    r.start[4] = 1;
    r.start[5] = 3;
    r.start[6] = 3;
    memcpy(r.start + 7, &kb, 4);
    memcpy(r.start + 11, &none, 2);
    r.start[13] = 1;
    end(&r);
    r = begin(17, 28, 0x1100);
    memcpy(r.start + 4, &array, 2);
    memcpy(r.start + 6, &none, 2);
    memcpy(r.start + 12, &mb, 2);
    r.start[14] = 9;
    r.start[18] = 7;
    string(&r, 16, "DIMM 0");
    end(&r);
    r = begin(32, 11, 0x2000);
    end(&r);
    r = begin(127, 4, 0x7f00);
    end(&r);
}

static void put_own(void)
{
    put_bios();
    put_system();
    put_cpus();
    put_memory();
}

/* Steps over a record and its strings. */
static const u8 *skip(const u8 *p, const u8 *limit)
{
    p += p[1];
    while (p + 1 < limit && (p[0] || p[1]))
        p++;
    return p + 2;
}

static bool has_bios_record(const u8 *p, u32 size)
{
    for (const u8 *limit = p + size; p + 4 <= limit && p[1] >= 4; p = skip(p, limit))
        if (p[0] == 0)
            return true;
    return false;
}

static u32 put_given(const struct fw_file *f)
{
    u32 base = high_alloc(f->size + 256, 16);
    if (!base)
        return 0;
    at = (u8 *)base;
    fwcfg_read(f->select, at, f->size);
    if (!has_bios_record(at, f->size))
        put_bios();
    fwcfg_read(f->select, at, f->size);
    at += f->size;
    return base;
}

static void put_anchor_21(u32 base, const u8 *given)
{
    u8 *a = (u8 *)fseg_alloc(ANCHOR_21 + 1, 16);
    const u8 *limit = at;
    u16 size = (u16)(at - (u8 *)base), count = 0, most = 0;
    if (!a)
        return;
    for (const u8 *p = (const u8 *)base, *n; p + 4 <= limit; p = n, count++) {
        n = skip(p, limit);
        if (n - p > most)
            most = (u16)(n - p);
    }
    memcpy(a, given, ANCHOR_21);
    memcpy(a + 8, &most, 2);
    memcpy(a + 0x16, &size, 2);
    memcpy(a + 0x18, &base, 4);
    memcpy(a + 0x1c, &count, 2);
    a[0x15] = a[4] = 0;
    a[0x15] = (u8)-sum8(a + 0x10, 15);
    a[4] = (u8)-sum8(a, ANCHOR_21);
}

static void put_anchor_30(u32 base, const u8 *given)
{
    u8 *a = (u8 *)fseg_alloc(ANCHOR_30, 16);
    u32 size = (u32)(at - (u8 *)base);
    if (!a)
        return;
    memcpy(a, given, ANCHOR_30);
    memcpy(a + 0x0c, &size, 4);
    memset(a + 0x10, 0, 8);
    memcpy(a + 0x10, &base, 4);
    a[5] = 0;
    a[5] = (u8)-sum8(a, ANCHOR_30);
}

void smbios_init(void)
{
    static const u8 own_anchor[ANCHOR_21] = {
        '_', 'S', 'M', '_', 0, ANCHOR_21, 2,   8,   0,   0,   0,
        0,   0,   0,   0,   0, '_',       'D', 'M', 'I', '_', [0x1e] = 0x28};
    u8 anchor[32] = {0};
    struct fw_file a, t;
    u32 base;
    if (fwcfg_find("etc/smbios/smbios-anchor", &a) && a.size <= sizeof anchor &&
        fwcfg_find("etc/smbios/smbios-tables", &t) && (base = put_given(&t))) {
        fwcfg_read(a.select, anchor, a.size);
        if (!memcmp(anchor, "_SM3_", 5))
            put_anchor_30(base, anchor);
        else
            put_anchor_21(base, anchor);
        return;
    }
    base = high_alloc(OWN_SIZE, 16);
    if (!base)
        return;
    at = (u8 *)base;
    put_own();
    put_anchor_21(base, own_anchor);
}
