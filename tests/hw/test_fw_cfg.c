/* SPDX-License-Identifier: MIT
 * fw_cfg: selector and data port, DMA, directory, and the items that firmware reads. */
#include <string.h>

#include "hw/fw/boot.h"
#include "hw/fw/items.h"
#include "tests/hw/machine.h"

#define SELECT 0x510
#define DATA   0x511
#define DMA    0x514

static void start(struct machine *m)
{
    machine_start(m);
}

static void read_port(struct machine *m, uint16_t key, void *buf, size_t n)
{
    uint8_t *p = buf;

    outw(m, SELECT, key);
    while (n--)
        *p++ = inb(m, DATA);
}

static uint64_t be(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    while (n--)
        v = v << 8 | *p++;
    return v;
}

/* Runs one request whose structure is at 1000H; returns its control word afterwards. */
static uint32_t dma(struct machine *m, uint32_t control, uint32_t length, gpa addr)
{
    uint8_t s[16];

    put32(s, __builtin_bswap32(control));
    put32(s + 4, __builtin_bswap32(length));
    put64(s + 8, __builtin_bswap64(addr));
    space_write_bytes(m->pc->mem, 0x1000, s, sizeof(s));
    outl(m, DMA, 0);
    outl(m, DMA + 4, __builtin_bswap32(0x1000));
    space_read_bytes(m->pc->mem, 0x1000, s, 4);
    return (uint32_t)be(s, 4);
}

/* The key and size of a file as the directory has it; 0: none. */
static uint16_t find(struct machine *m, const char *name, uint32_t *size)
{
    uint8_t count[4], entry[64];
    char last[56] = "";
    uint16_t key = 0;
    uint32_t i;

    outw(m, SELECT, FW_CFG_FILE_DIR);
    for (i = 0; i < 4; i++)
        count[i] = inb(m, DATA);
    for (i = 0; i < be(count, 4); i++) {
        unsigned k;

        for (k = 0; k < sizeof(entry); k++)
            entry[k] = inb(m, DATA);
        g_assert_cmpstr(last, <, (char *)entry + 8); /* sorted */
        memcpy(last, entry + 8, sizeof(last));
        if (!strcmp(last, name)) {
            key = (uint16_t)be(entry + 4, 2);
            *size = (uint32_t)be(entry, 4);
        }
    }
    return key;
}

static void test_port(void)
{
    struct machine m;
    char sig[5] = "";
    uint32_t id, size = 0;
    struct err e;
    char text[8];

    start(&m);
    read_port(&m, FW_CFG_SIGNATURE, sig, 4);
    g_assert_cmpstr(sig, ==, "QEMU");
    g_assert_cmphex(inb(&m, DATA), ==, 0); /* after the end */
    read_port(&m, FW_CFG_ID, &id, 4);
    g_assert_cmphex(id, ==, 3);
    read_port(&m, 0x4444, &id, 4); /* no such item */
    g_assert_cmphex(id, ==, 0);

    g_assert_true(fw_cfg_add_file(&m.pc->fw_cfg, "opt/b", "second", 6, &e));
    g_assert_true(fw_cfg_add_file(&m.pc->fw_cfg, "opt/a", "first", 5, &e));
    g_assert_false(fw_cfg_add_file(&m.pc->fw_cfg, "opt/a", "again", 5, &e));
    g_assert_false(fw_cfg_add(&m.pc->fw_cfg, FW_CFG_ID, "x", 1, &e));
    read_port(&m, find(&m, "opt/b", &size), text, 6);
    g_assert_cmpmem(text, size, "second", 6);
    machine_stop(&m);
}

static void test_dma(void)
{
    struct machine m;
    uint8_t buf[16];
    struct err e;

    start(&m);
    g_assert_true(fw_cfg_add(&m.pc->fw_cfg, 0x100, "0123456789", 10, &e));
    g_assert_cmphex(inl(&m, DMA), ==, 0x554d4551); /* "QEMU CFG", big-endian */
    g_assert_cmphex(inl(&m, DMA + 4), ==, 0x47464320);
    g_assert_cmphex(dma(&m, 0x0100 << 16 | 8 | 2, 4, 0x2000), ==, 0);
    g_assert_cmphex(dma(&m, 4, 2, 0), ==, 0); /* skip */
    g_assert_cmphex(dma(&m, 2, 8, 0x2004), ==, 0);
    space_read_bytes(m.pc->mem, 0x2000, buf, 12);
    g_assert_cmpmem(buf, 12, "01236789\0\0\0", 12);
    g_assert_cmphex(dma(&m, 0x0100 << 16 | 8 | 16, 4, 0x2000), ==, 1); /* write: refused */
    g_assert_cmphex(dma(&m, 0x0100 << 16 | 8 | 2, 4, 0xa0000), ==, 1); /* no RAM */
    g_assert_cmphex(dma(&m, 0x0100 << 16 | 8 | 2, 0xffffffff, 0x80000), ==, 1);
    g_assert_cmphex(dma(&m, 4, 0xffffffff, 0), ==, 0);
    outl(&m, DMA + 4, 0xffffffff); /* a request outside of RAM */
    machine_stop(&m);
}

/* --- the items of a PC ------------------------------------------------------------------ */

static void describe(void *opaque, struct acpi_config *c)
{
    *c = acpi_config_pc(16 << 20);
    c->pm1_evt = *(uint16_t *)opaque;
    c->pirq_links = true;
}

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t s = 0;

    while (n--)
        s += *p++;
    return s;
}

/* A loader as firmware has it: files placed where `base` says, then the commands. */
struct loader {
    uint8_t tables[0x10000], rsdp[36], commands[0x10000];
    uint32_t tables_size, commands_size;
};

static uint8_t *file_of(struct loader *l, const uint8_t *name)
{
    return !strcmp((const char *)name, "etc/acpi/tables") ? l->tables : l->rsdp;
}

static void run_loader(struct loader *l, uint64_t base)
{
    const uint8_t *c;

    for (c = l->commands; c < l->commands + l->commands_size && get32(c); c += 128) {
        const uint8_t *a = c + 4, *p = a + 56;
        uint8_t *f = file_of(l, a);
        uint64_t v = 0;

        switch (get32(c)) {
        case 2:
            memcpy(&v, f + get32(p + 56), p[60]);
            g_assert_cmphex(v, <, l->tables_size);
            v += base;
            memcpy(f + get32(p + 56), &v, p[60]);
            break;
        case 3:
            g_assert_cmphex(f[get32(p)], ==, 0);
            f[get32(p)] = -sum(f + get32(p + 4), get32(p + 8));
            break;
        default: g_assert_cmpuint(get32(c), ==, 1);
        }
    }
}

static void test_acpi(void)
{
    static struct loader l;
    struct machine m;
    uint16_t pm = 0x600;
    uint32_t size;
    struct err e;
    uint64_t base = 0x7f00000;
    const uint8_t *xsdt, *fadt;

    start(&m);
    struct fw_acpi a = {&m.pc->fw_cfg, &pm, describe};
    g_assert_true(fw_items_add_acpi(&a, &e));
    pm = 0xb000; /* moved by the firmware before it asks */
    read_port(&m, find(&m, "etc/table-loader", &l.commands_size), l.commands,
              sizeof(l.commands));
    read_port(&m, find(&m, "etc/acpi/tables", &l.tables_size), l.tables, sizeof(l.tables));
    read_port(&m, find(&m, "etc/acpi/rsdp", &size), l.rsdp, sizeof(l.rsdp));
    g_assert_cmpuint(size, ==, 36);
    run_loader(&l, base);
    g_assert_cmpuint(sum(l.rsdp, 20), ==, 0);
    g_assert_cmpuint(sum(l.rsdp, 36), ==, 0);
    xsdt = l.tables + (get64(l.rsdp + 24) - base);
    g_assert_cmpmem(xsdt, 4, "XSDT", 4);
    g_assert_cmpuint(sum(xsdt, get32(xsdt + 4)), ==, 0);
    fadt = l.tables + (get64(xsdt + 36) - base);
    g_assert_cmpmem(fadt, 4, "FACP", 4);
    g_assert_cmpuint(sum(fadt, get32(fadt + 4)), ==, 0);
    g_assert_cmphex(get32(fadt + 56), ==, 0xb000);
    g_assert_cmphex(get32(fadt + 40), ==, get64(fadt + 140));
    g_assert_cmpmem(l.tables + (get64(fadt + 140) - base), 4, "DSDT", 4);
    machine_stop(&m);
}

static void test_smbios(void)
{
    static const char *const oem[] = {"one", "two"};
    struct smbios_config c = {.product = "Box",
                              .oem = oem,
                              .n_oem = 2,
                              .cpus = 1,
                              .ram_low = 3ull << 30,
                              .ram_high = 30ull << 30};
    struct smbios_blob b;
    struct err e;
    unsigned n = 0, seen[128] = {0};
    const uint8_t *p;
    char *big;

    c.uuid[0] = 0x12;
    g_assert_true(smbios_make(&c, &b, &e));
    g_assert_cmpuint(sum(b.anchor, 31), ==, 0);
    g_assert_cmpuint(sum(b.anchor + 16, 15), ==, 0);
    for (p = b.tables; p < b.tables + b.size; n++) {
        const uint8_t *s = p + p[1];

        seen[p[0]]++;
        if (p[0] == 1) {
            g_assert_cmpuint(p[8 + 3], ==, 0x12);
            g_assert_cmpstr((const char *)s + 5, ==, "Box"); /* after "QEMU" */
        }
        if (p[0] == 11)
            g_assert_cmpmem(s, 9, "one\0two\0", 9);
        while (s[0] || s[1])
            s++;
        p = s + 2;
    }
    g_assert_cmpuint(n, ==, b.anchor[28] | b.anchor[29] << 8);
    g_assert_true(p == b.tables + b.size);
    g_assert_true(seen[0] == 1 && seen[11] == 1 && seen[17] == 3 && seen[19] == 2 &&
                  seen[127] == 1);
    smbios_blob_finish(&b);

    big = g_strnfill(70000, 'x');
    c.product = big;
    g_assert_false(smbios_make(&c, &b, &e));
    g_free(big);
}

static void test_items(void)
{
    struct machine m;
    struct fw_items it = {.cpus = 2, .ram_low = 16 << 20, .ram_high = 1ull << 30};
    uint8_t buf[64];
    uint32_t size = 0;
    struct err e;

    start(&m);
    it.boot = (struct fw_boot){.menu = true,
                               .strict = true,
                               .splash_ms = 5000,
                               .reboot_ms = -1,
                               .indexed = "/pci@i0cf8/scsi@3/disk@0,0"};
    it.smbios.cpus = 2;
    g_assert_true(fw_items_add(&m.pc->fw_cfg, &it, &e));
    read_port(&m, FW_CFG_NB_CPUS, buf, 2);
    g_assert_cmpuint(buf[0], ==, 2);
    read_port(&m, FW_CFG_BOOT_MENU, buf, 2);
    g_assert_cmpuint(buf[0], ==, 1);
    read_port(&m, find(&m, "etc/e820", &size), buf, 40);
    g_assert_cmpuint(size, ==, 40);
    g_assert_cmphex(get64(buf + 8), ==, 16 << 20);
    g_assert_cmphex(get64(buf + 20), ==, 1ull << 32);
    read_port(&m, find(&m, "bootorder", &size), buf, sizeof(buf));
    g_assert_cmpstr((char *)buf, ==, "/pci@i0cf8/scsi@3/disk@0,0\nHALT");
    read_port(&m, find(&m, "etc/boot-menu-wait", &size), buf, 2);
    g_assert_cmpuint(buf[0] | buf[1] << 8, ==, 5000);
    machine_stop(&m);
}

/* The data of a numbered item of n bytes. */
static void expect_item(struct machine *m, uint16_t key, const char *want, size_t n)
{
    uint8_t buf[64];

    read_port(m, key, buf, (unsigned)n);
    g_assert_cmpmem(buf, n, want, n);
}

static void test_kernel(void)
{
    static const uint8_t rom[] = {0x55, 0xaa, 1};
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "mynah-items-kernel", NULL);
    struct fw_items it = {.cpus = 1,
                          .ram_low = 16 << 20,
                          .boot = {.splash_ms = -1, .indexed = "/pci@i0cf8/scsi@3/disk@0,0"},
                          .kernel = path,
                          .cmdline = "a=1",
                          .linux_rom = rom,
                          .linux_rom_size = sizeof(rom)};
    char file[2048] = {[0x1f1] = 2, [0x1fe] = 0x55, [0x1ff] = (char)0xaa};
    struct machine m;
    uint32_t size;
    uint8_t buf[64];
    struct err e;

    memcpy(file + 0x202, "HdrS", 4);
    memcpy(file + 1536, "proper", 6);
    g_assert_true(g_file_set_contents(path, file, sizeof(file), NULL));
    start(&m);
    g_assert_true(fw_items_add(&m.pc->fw_cfg, &it, &e));
    expect_item(&m, FW_CFG_SETUP_SIZE, "\0\6\0", 4);
    expect_item(&m, FW_CFG_KERNEL_SIZE, "\0\2\0", 4);
    expect_item(&m, FW_CFG_KERNEL_DATA, "proper", 7);
    expect_item(&m, FW_CFG_CMDLINE_SIZE, "\4\0\0", 4);
    expect_item(&m, FW_CFG_CMDLINE_DATA, "a=1", 4);
    read_port(&m, find(&m, "genroms/linuxboot_dma.bin", &size), buf, sizeof(rom));
    g_assert_cmpmem(buf, size, rom, sizeof(rom));
    read_port(&m, find(&m, "bootorder", &size), buf, sizeof(buf));
    g_assert_cmpstr((char *)buf, ==,
                    "/rom@genroms/linuxboot_dma.bin\n/pci@i0cf8/scsi@3/disk@0,0");
    machine_stop(&m);

    memcpy(file, "\177ELF", 4);
    memcpy(file + 0x202, "____", 4);
    g_assert_true(g_file_set_contents(path, file, sizeof(file), NULL));
    start(&m);
    g_assert_false(fw_items_add(&m.pc->fw_cfg, &it, &e));
    g_assert_nonnull(strstr(e.msg, "firmware cannot start"));
    machine_stop(&m);
    unlink(path);
}

static void test_boot_order(void)
{
    uint8_t a, b;
    struct err e;

    g_assert_true(fw_boot_cmos("dca", &a, &b, &e));
    g_assert_cmphex(a, ==, 0x23);
    g_assert_cmphex(b, ==, 0x11);
    g_assert_true(fw_boot_cmos("n", &a, &b, &e));
    g_assert_cmphex(a, ==, 0x04);
    g_assert_false(fw_boot_cmos("cx", &a, &b, &e));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fw_cfg/port", test_port);
    g_test_add_func("/fw_cfg/dma", test_dma);
    g_test_add_func("/fw_cfg/acpi", test_acpi);
    g_test_add_func("/fw_cfg/smbios", test_smbios);
    g_test_add_func("/fw_cfg/items", test_items);
    g_test_add_func("/fw_cfg/kernel", test_kernel);
    g_test_add_func("/fw_cfg/boot-order", test_boot_order);
    return g_test_run();
}
