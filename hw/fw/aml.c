/* SPDX-License-Identifier: MIT
 * Byte encodings from ACPI 6.3: 20.2 (terms, PkgLength) and 6.4 (resources). */
#include "hw/fw/aml.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    OP_ZERO = 0x00,
    OP_ONE = 0x01,
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_WORD = 0x0b,
    OP_DWORD = 0x0c,
    OP_STRING = 0x0d,
    OP_QWORD = 0x0e,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_METHOD = 0x14,
    OP_DUAL = 0x2e,
    OP_MULTI = 0x2f,
    OP_EXT = 0x5b,
    OP_IF = 0xa0,
    EXT_REGION = 0x80,
    EXT_FIELD = 0x81,
    EXT_DEVICE = 0x82,
    SPACE_PCI_CONFIG = 2,
    FIELD_BYTES = 1,
};

void aml_init(struct aml *a)
{
    *a = (struct aml){0};
}

void aml_finish(struct aml *a)
{
    assert(a->depth == 0);
    free(a->buf);
    *a = (struct aml){0};
}

static void put(struct aml *a, const void *p, size_t n)
{
    if (a->len + n > a->room) {
        a->room = (a->len + n) * 2;
        a->buf = realloc(a->buf, a->room);
        assert(a->buf);
    }
    memcpy(a->buf + a->len, p, n);
    a->len += n;
}

static void put_le(struct aml *a, uint64_t v, unsigned bytes)
{
    uint8_t b[8];
    for (unsigned i = 0; i < bytes; i++)
        b[i] = (uint8_t)(v >> (8 * i));
    put(a, b, bytes);
}

static void put_byte(struct aml *a, unsigned v)
{
    put_le(a, v, 1);
}

static void begin(struct aml *a)
{
    assert(a->depth < AML_DEPTH);
    a->open[a->depth++] = a->len;
}

/* PkgLength counts itself: one byte up to 63, else 2..4 bytes of which the
 * first holds the number of the others and the low four bits. */
void aml_end(struct aml *a)
{
    assert(a->depth > 0);
    size_t at = a->open[--a->depth], body = a->len - at;
    unsigned n = body + 1 < 64 ? 1 : body + 2 < 1 << 12 ? 2 : 3;
    size_t v = body + n;
    uint8_t b[3];

    assert(v < 1 << 20);
    put_le(a, 0, n);
    memmove(a->buf + at + n, a->buf + at, body);
    b[0] = (uint8_t)(n == 1 ? v : (n - 1) << 6 | (v & 15));
    b[1] = (uint8_t)(v >> 4);
    b[2] = (uint8_t)(v >> 12);
    memcpy(a->buf + at, b, n);
}

static void put_path(struct aml *a, const char *path)
{
    if (*path == '\\') {
        put_byte(a, '\\');
        path++;
    }
    size_t segs = (strlen(path) + 1) / 5;
    assert(strlen(path) == (segs ? segs * 5 - 1 : 0) && segs <= 4);
    if (segs == 0)
        put_byte(a, 0);
    else if (segs == 2)
        put_byte(a, OP_DUAL);
    else if (segs > 2) {
        put_byte(a, OP_MULTI);
        put_byte(a, (unsigned)segs);
    }
    for (size_t i = 0; i < segs; i++)
        put(a, path + 5 * i, 4);
}

void aml_scope(struct aml *a, const char *path)
{
    put_byte(a, OP_SCOPE);
    begin(a);
    put_path(a, path);
}

void aml_device(struct aml *a, const char *name)
{
    put_byte(a, OP_EXT);
    put_byte(a, EXT_DEVICE);
    begin(a);
    put_path(a, name);
}

void aml_package(struct aml *a, unsigned count)
{
    put_byte(a, OP_PACKAGE);
    begin(a);
    put_byte(a, count);
}

void aml_name(struct aml *a, const char *name)
{
    put_byte(a, OP_NAME);
    put_path(a, name);
}

void aml_int(struct aml *a, uint64_t value)
{
    if (value <= 1) {
        put_byte(a, value ? OP_ONE : OP_ZERO);
    } else if (value <= UINT8_MAX) {
        put_byte(a, OP_BYTE);
        put_le(a, value, 1);
    } else if (value <= UINT16_MAX) {
        put_byte(a, OP_WORD);
        put_le(a, value, 2);
    } else if (value <= UINT32_MAX) {
        put_byte(a, OP_DWORD);
        put_le(a, value, 4);
    } else {
        put_byte(a, OP_QWORD);
        put_le(a, value, 8);
    }
}

/* Three letters of 5 bits and four hexadecimal digits, big-endian. */
void aml_eisa_id(struct aml *a, const char *id)
{
    assert(strlen(id) == 7);
    unsigned v = (unsigned)(id[0] - '@') << 26 | (unsigned)(id[1] - '@') << 21 |
                 (unsigned)(id[2] - '@') << 16 | (unsigned)strtoul(id + 3, NULL, 16);
    put_byte(a, OP_DWORD);
    put_le(a, __builtin_bswap32(v), 4);
}

void aml_name_int(struct aml *a, const char *name, uint64_t value)
{
    aml_name(a, name);
    aml_int(a, value);
}

void aml_name_id(struct aml *a, const char *name, const char *id)
{
    aml_name(a, name);
    aml_eisa_id(a, id);
}

void aml_name_string(struct aml *a, const char *name, const char *text)
{
    aml_name(a, name);
    put_byte(a, OP_STRING);
    put(a, text, strlen(text) + 1);
}

/* --- code ---------------------------------------------------------------------- */

void aml_method(struct aml *a, const char *name, unsigned args)
{
    put_byte(a, OP_METHOD);
    begin(a);
    put_path(a, name);
    put_byte(a, args | 8); /* serialized */
}

void aml_op(struct aml *a, unsigned op)
{
    put_byte(a, op);
}

void aml_ref(struct aml *a, const char *path)
{
    put_path(a, path);
}

void aml_if(struct aml *a)
{
    put_byte(a, OP_IF);
    begin(a);
}

void aml_pci_bytes(struct aml *a, const char *region, unsigned offset, const char *const *names,
                   unsigned n)
{
    put_byte(a, OP_EXT);
    put_byte(a, EXT_REGION);
    put_path(a, region);
    put_byte(a, SPACE_PCI_CONFIG);
    aml_int(a, offset);
    aml_int(a, n);
    put_byte(a, OP_EXT);
    put_byte(a, EXT_FIELD);
    begin(a);
    put_path(a, region);
    put_byte(a, FIELD_BYTES);
    for (unsigned i = 0; i < n; i++) {
        put_path(a, names[i]);
        put_byte(a, 8); /* bits */
    }
    aml_end(a);
}

/* --- resource templates ------------------------------------------------------ */

/* A template is a Buffer whose size term is only known at the end: a fixed
 * two-byte size keeps the place. */
void aml_resources(struct aml *a)
{
    put_byte(a, OP_BUFFER);
    begin(a);
    put_byte(a, OP_WORD);
    put_le(a, 0, 2);
}

void aml_resources_end(struct aml *a)
{
    put_byte(a, 0x79); /* end tag, checksum 0: not checked */
    put_byte(a, 0);
    size_t at = a->open[a->depth - 1], n = a->len - at - 3;
    a->buf[at + 1] = (uint8_t)n;
    a->buf[at + 2] = (uint8_t)(n >> 8);
    aml_end(a);
}

void aml_io(struct aml *a, uint16_t base, uint8_t length)
{
    put_byte(a, 0x47); /* I/O port descriptor */
    put_byte(a, 1);    /* decodes 16 bits */
    put_le(a, base, 2);
    put_le(a, base, 2);
    put_byte(a, 1); /* alignment */
    put_byte(a, length);
}

void aml_irq(struct aml *a, unsigned irq)
{
    put_byte(a, 0x22); /* IRQ descriptor without flags */
    put_le(a, 1u << irq, 2);
}

void aml_interrupts(struct aml *a, const uint8_t *gsi, unsigned n)
{
    put_byte(a, 0x89);
    put_le(a, 2 + 4 * n, 2);
    put_byte(a, 0x09); /* consumer, level, active high, shared */
    put_byte(a, n);
    for (unsigned i = 0; i < n; i++)
        put_le(a, gsi[i], 4);
}

void aml_memory_fixed(struct aml *a, uint32_t base, uint32_t length)
{
    put_byte(a, 0x86);
    put_le(a, 9, 2);
    put_byte(a, 1); /* writable */
    put_le(a, base, 4);
    put_le(a, length, 4);
}

/* Word address space descriptor: fixed range, no translation. */
static void put_word_space(struct aml *a, unsigned type, unsigned flags, uint16_t first,
                           uint16_t last)
{
    put_byte(a, 0x88);
    put_le(a, 13, 2);
    put_byte(a, type);
    put_byte(a, 0x0c); /* min and max fixed, positive decode, producer */
    put_byte(a, flags);
    put_le(a, 0, 2);
    put_le(a, first, 2);
    put_le(a, last, 2);
    put_le(a, 0, 2);
    put_le(a, (uint64_t)last - first + 1, 2);
}

void aml_bus_range(struct aml *a, uint16_t first, uint16_t last)
{
    put_word_space(a, 2, 0, first, last);
}

void aml_io_range(struct aml *a, uint16_t first, uint16_t last)
{
    put_word_space(a, 1, 3, first, last); /* whole range, no ISA aliases */
}

void aml_memory_range(struct aml *a, uint32_t first, uint32_t last, bool cacheable)
{
    put_byte(a, 0x87);
    put_le(a, 23, 2);
    put_byte(a, 0);
    put_byte(a, 0x0c);
    put_byte(a, 1 | (cacheable ? 2 : 0)); /* read-write */
    put_le(a, 0, 4);
    put_le(a, first, 4);
    put_le(a, last, 4);
    put_le(a, 0, 4);
    put_le(a, (uint64_t)last - first + 1, 4);
}
