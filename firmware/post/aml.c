/* SPDX-License-Identifier: MIT
 * ACPI machine language (ACPI 6.3, chapters 6.4 and 20.2). Package lengths always take three
 * bytes, filled in at the end. */
#include "firmware/post/acpi.h"

enum {
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_DWORD = 0x0c,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_EXT = 0x5b,
    OP_DEVICE = 0x82
};

static void put(struct aml *a, u8 v)
{
    *a->at++ = v;
}

void aml_bytes(struct aml *a, const void *p, u32 n)
{
    memcpy(a->at, p, n);
    a->at += n;
}

static void put16(struct aml *a, u16 v)
{
    aml_bytes(a, &v, 2);
}

static void put32(struct aml *a, u32 v)
{
    aml_bytes(a, &v, 4);
}

static void put_name(struct aml *a, const char *name)
{
    u32 n = 0;
    if (*name == '\\')
        put(a, (u8)*name++);
    if (!*name) {
        put(a, 0);
        return;
    }
    for (; n < 4; n++)
        put(a, *name ? (u8)*name++ : '_');
}

static void begin(struct aml *a)
{
    a->open[a->depth++] = a->at;
    a->at += 3;
}

void aml_scope(struct aml *a, const char *name)
{
    put(a, OP_SCOPE);
    begin(a);
    put_name(a, name);
}

void aml_device(struct aml *a, const char *name)
{
    put(a, OP_EXT);
    put(a, OP_DEVICE);
    begin(a);
    put_name(a, name);
}

void aml_package(struct aml *a, u8 count)
{
    put(a, OP_PACKAGE);
    begin(a);
    put(a, count);
}

/* The buffer's size is a word constant behind the package length. */
void aml_resources(struct aml *a)
{
    put(a, OP_BUFFER);
    begin(a);
    put(a, 0x0b);
    put16(a, 0);
}

void aml_end(struct aml *a)
{
    u8 *p = a->open[--a->depth];
    if (p[-1] == OP_BUFFER) {
        put(a, 0x79);
        put(a, 0);
        u32 size = (u32)(a->at - (p + 6));
        p[4] = (u8)size;
        p[5] = (u8)(size >> 8);
    }
    u32 n = (u32)(a->at - p);
    p[0] = (u8)(0x80 | (n & 0xf));
    p[1] = (u8)(n >> 4);
    p[2] = (u8)(n >> 12);
}

void aml_name(struct aml *a, const char *name)
{
    put(a, OP_NAME);
    put_name(a, name);
}

void aml_int(struct aml *a, u32 v)
{
    if (v < 2) {
        put(a, (u8)v);
    } else if (v < 0x100) {
        put(a, OP_BYTE);
        put(a, (u8)v);
    } else {
        put(a, OP_DWORD);
        put32(a, v);
    }
}

static u32 hex(char c)
{
    return (u32)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* Three letters of five bits, four hex digits; big-endian. */
void aml_id(struct aml *a, const char *e)
{
    u32 v = (u32)(e[0] & 31) << 26 | (u32)(e[1] & 31) << 21 | (u32)(e[2] & 31) << 16 |
            hex(e[3]) << 12 | hex(e[4]) << 8 | hex(e[5]) << 4 | hex(e[6]);
    aml_name(a, "_HID");
    put(a, OP_DWORD);
    put32(a, v >> 24 | (v >> 8 & 0xff00) | (v << 8 & 0xff0000) | v << 24);
}

void aml_io(struct aml *a, u16 base, u8 len)
{
    put(a, 0x47);
    put(a, 1);
    put16(a, base);
    put16(a, base);
    put(a, 1);
    put(a, len);
}

void aml_irq(struct aml *a, u8 irq)
{
    put(a, 0x22);
    put16(a, (u16)(1 << irq));
}

static void word_range(struct aml *a, u8 type, u8 flags, u16 from, u16 to)
{
    put(a, 0x88);
    put16(a, 13);
    put(a, type);
    put(a, 0x0c); /* both ends fixed */
    put(a, flags);
    put16(a, 0);
    put16(a, from);
    put16(a, to);
    put16(a, 0);
    put16(a, (u16)(to - from + 1));
}

void aml_bus_range(struct aml *a)
{
    word_range(a, 2, 0, 0, 0xff);
}

void aml_io_range(struct aml *a, u16 from, u16 to)
{
    word_range(a, 1, 3, from, to);
}

void aml_memory_range(struct aml *a, u32 from, u32 to)
{
    put(a, 0x87);
    put16(a, 23);
    put(a, 0);
    put(a, 0x0c);
    put(a, 1); /* read-write */
    put32(a, 0);
    put32(a, from);
    put32(a, to);
    put32(a, 0);
    put32(a, to - from + 1);
}

void aml_memory_fixed(struct aml *a, u32 base, u32 len)
{
    put(a, 0x86);
    put16(a, 9);
    put(a, 1);
    put32(a, base);
    put32(a, len);
}
