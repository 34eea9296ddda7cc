/* SPDX-License-Identifier: MIT
 * DSP0134 2.8: 5.2.1 entry point, 6.1 structures, 7 their contents. */
#include "hw/fw/smbios.h"

#include <stdlib.h>
#include <string.h>

#include "hw/fw/boot.h"

#define NO_HANDLE 0xfffe
#define DIMM_MAX  (16ull << 30) /* bytes a memory device holds */

struct tables {
    uint8_t *buf;
    size_t n, room, start; /* start: the structure being made */
    size_t largest;
    unsigned count, strings;
    bool failed; /* out of memory, or too large */
};

static void append(struct tables *t, const void *p, size_t n)
{
    if (t->failed || t->n + n > 0xffff) {
        t->failed = true;
        return;
    }
    if (t->n + n > t->room) {
        uint8_t *buf = realloc(t->buf, 2 * (t->n + n));

        if (!buf) {
            t->failed = true;
            return;
        }
        t->buf = buf;
        t->room = 2 * (t->n + n);
    }
    memcpy(t->buf + t->n, p, n);
    t->n += n;
}

/* A structure's formatted part, whose strings follow through add_string. */
static void begin(struct tables *t, uint8_t type, uint16_t handle, uint8_t *s, uint8_t size)
{
    s[0] = type;
    s[1] = size;
    put16(s + 2, handle);
    t->start = t->n;
    t->strings = 0;
    append(t, s, size);
}

/* The text's number goes to the formatted part's byte `at`. */
static void add_string(struct tables *t, unsigned at, const char *text, const char *def)
{
    text = text ? text : def;
    if (!*text)
        return;
    append(t, text, strlen(text) + 1);
    t->strings++;
    if (at && !t->failed)
        t->buf[t->start + at] = (uint8_t)t->strings;
}

static void end(struct tables *t)
{
    append(t, "\0", t->strings ? 1 : 2);
    t->count++;
    if (t->n - t->start > t->largest)
        t->largest = t->n - t->start;
}

static void put_bios(struct tables *t, const struct smbios_config *c)
{
    uint8_t s[24] = {0};

    put16(s + 6, 0xe800);               /* start segment */
    put64(s + 10, 8);                   /* characteristics: not supported */
    s[19] = 4 | (c->uefi ? 8 : 0) | 16; /* content is known, UEFI, virtual machine */
    s[20] = s[21] = 0;
    s[22] = s[23] = 0xff;
    begin(t, 0, 0, s, sizeof(s));
    add_string(t, 4, c->bios_vendor, "Mynah");
    add_string(t, 5, c->bios_version, MYNAH_VERSION);
    add_string(t, 8, c->bios_date, "04/01/2014");
    end(t);
}

/* The UUID's first three fields are little-endian. */
static void put_system(struct tables *t, const struct smbios_config *c)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8_t s[27] = {0};
    unsigned i;

    for (i = 0; i < 16; i++)
        s[8 + i] = c->uuid[order[i]];
    s[24] = 6; /* woken by the power switch */
    begin(t, 1, 0x100, s, sizeof(s));
    add_string(t, 4, c->manufacturer, "QEMU");
    add_string(t, 5, c->product, "Standard PC (i440FX + PIIX, 1996)");
    add_string(t, 6, c->version, "pc-i440fx-8.2");
    add_string(t, 7, c->serial, "");
    add_string(t, 25, c->sku, "");
    add_string(t, 26, c->family, "");
    end(t);
}

static void put_chassis(struct tables *t, const struct smbios_config *c)
{
    uint8_t s[22] = {0};

    s[5] = 1;                 /* type: other */
    s[9] = s[10] = s[11] = 3; /* safe */
    s[12] = 2;                /* security: unknown */
    begin(t, 3, 0x300, s, sizeof(s));
    add_string(t, 4, c->chassis_maker, "QEMU");
    add_string(t, 6, c->chassis_version, "pc-i440fx-8.2");
    add_string(t, 7, c->chassis_serial, "");
    add_string(t, 8, c->chassis_tag, "");
    end(t);
}

static void put_processor(struct tables *t, unsigned n)
{
    uint8_t s[42] = {0};
    char socket[16] = "CPU 0";

    socket[4] = (char)('0' + n % 10);
    s[5] = 3;            /* central processor */
    s[6] = 1;            /* family: other */
    s[24] = 0x41;        /* enabled, socket populated */
    s[25] = 1;           /* upgrade: other */
    put16(s + 20, 2000); /* MHz */
    put16(s + 22, 2000);
    put16(s + 26, 0xffff); /* no cache information */
    put16(s + 28, 0xffff);
    put16(s + 30, 0xffff);
    s[35] = s[36] = s[37] = 1; /* cores, enabled cores, threads */
    put16(s + 38, 2);          /* characteristics: unknown */
    put16(s + 40, 1);
    begin(t, 4, (uint16_t)(0x400 + n), s, sizeof(s));
    add_string(t, 4, socket, "");
    add_string(t, 7, "Mynah", "");
    end(t);
}

static void put_oem_strings(struct tables *t, const struct smbios_config *c)
{
    uint8_t s[5] = {0};
    unsigned i;

    if (!c->n_oem)
        return;
    s[4] = (uint8_t)c->n_oem;
    begin(t, 11, 0xe00, s, sizeof(s));
    for (i = 0; i < c->n_oem; i++)
        add_string(t, 0, c->oem[i], "");
    end(t);
}

/* Array, devices of up to 16 GiB, and the addresses that the array answers to. */
static void put_memory(struct tables *t, const struct smbios_config *c)
{
    uint64_t total = c->ram_low + c->ram_high, left = total, size;
    uint8_t array[23] = {0}, ranges = c->ram_high ? 2 : 1, i;
    uint16_t n;

    array[4] = 1; /* other location, system memory, multi-bit ECC */
    array[5] = 3;
    array[6] = 6;
    put32(array + 7, total < 1ull << 41 ? (uint32_t)(total >> 10) : 0x80000000);
    put16(array + 11, NO_HANDLE);
    put16(array + 13, (uint16_t)((total + DIMM_MAX - 1) / DIMM_MAX));
    if (total >= 1ull << 41)
        put64(array + 15, total);
    begin(t, 16, 0x1000, array, sizeof(array));
    end(t);
    for (n = 0; left; n++, left -= size) {
        uint8_t d[40] = {0};

        size = left < DIMM_MAX ? left : DIMM_MAX;
        put16(d + 4, 0x1000);
        put16(d + 6, NO_HANDLE);
        put16(d + 8, 0xffff); /* widths unknown */
        put16(d + 10, 0xffff);
        put16(d + 12, (uint16_t)(size >> 20));
        d[14] = 9; /* DIMM, RAM, other */
        d[18] = 7;
        put16(d + 19, 2);
        begin(t, 17, (uint16_t)(0x1100 + n), d, sizeof(d));
        add_string(t, 16, "DIMM", "");
        add_string(t, 23, "Mynah", "");
        end(t);
    }
    for (i = 0; i < ranges; i++) {
        gpa base = i ? BOOT_ABOVE_4G : 0, bytes = i ? c->ram_high : c->ram_low;
        uint8_t m[31] = {0};

        put32(m + 4, (uint32_t)(base >> 10));
        put32(m + 8, (uint32_t)((base + bytes - 1) >> 10));
        put16(m + 12, 0x1000);
        m[14] = 1;
        begin(t, 19, (uint16_t)(0x1300 + i), m, sizeof(m));
        end(t);
    }
}

static uint8_t minus_sum(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;

    while (n--)
        sum -= *p++;
    return sum;
}

static void make_anchor(uint8_t *a, const struct tables *t)
{
    memset(a, 0, SMBIOS_ANCHOR_SIZE);
    memcpy(a, "_SM_", 4);
    a[5] = SMBIOS_ANCHOR_SIZE;
    a[6] = 2;
    a[7] = 8;
    put16(a + 8, (uint16_t)t->largest);
    memcpy(a + 16, "_DMI_", 5);
    put16(a + 22, (uint16_t)t->n);
    put16(a + 28, (uint16_t)t->count);
    a[30] = 0x28;
    a[21] = minus_sum(a + 16, 15);
    a[4] = minus_sum(a, SMBIOS_ANCHOR_SIZE);
}

bool smbios_make(const struct smbios_config *c, struct smbios_blob *out, struct err *e)
{
    uint8_t boot[11] = {0}, last[4] = {0};
    struct tables t = {0};
    unsigned i;

    put_bios(&t, c);
    put_system(&t, c);
    put_chassis(&t, c);
    for (i = 0; i < c->cpus; i++)
        put_processor(&t, i);
    put_oem_strings(&t, c);
    put_memory(&t, c);
    begin(&t, 32, 0x2000, boot, sizeof(boot));
    end(&t);
    begin(&t, 127, 0x7f00, last, sizeof(last));
    end(&t);
    *out = (struct smbios_blob){.tables = t.buf, .size = t.n};
    if (t.failed) {
        smbios_blob_finish(out);
        return err_set(e, "the SMBIOS tables do not fit into 64 KiB");
    }
    make_anchor(out->anchor, &t);
    return true;
}

void smbios_blob_finish(struct smbios_blob *b)
{
    free(b->tables);
    *b = (struct smbios_blob){0};
}
