/* SPDX-License-Identifier: MIT
 * bzImage loading: a made-up kernel in every compression, and bad files. */
#include "tests/hw/fw/bzimage.h"

#define RAM_SIZE (64ull << 20)

/* Loads an image and frees it. */
static bool load(struct image im, struct boot_config *cfg, struct boot_entry *entry,
                 struct err *e)
{
    char *name = file_new(im.data, im.size);
    cfg->kernel = name;
    bool ok = boot_load(cfg, entry, e);
    file_drop(name);
    g_free(im.data);
    return ok;
}

static void test_format(gconstpointer format)
{
    struct boot_config cfg = {
        .ram = ram_new(RAM_SIZE), .cmdline = "console=ttyS0", .rsdp = 0xf5a00};
    struct boot_entry entry;
    struct err e = {""};
    memset(cfg.ram.host + KERNEL_AT, 0xcc, 0x10000);
    bool ok = load(bzimage_new(format), &cfg, &entry, &e);
    g_assert_cmpstr(e.msg, ==, "");
    g_assert_true(ok);
    g_assert_cmphex(entry.rip, ==, KERNEL_AT + 0x40);
    g_assert_cmphex(entry.rsi, ==, BOOT_INFO_ADDR);
    g_assert_cmpint(entry.mode, ==, BOOT_LONG64);
    g_assert_cmphex(entry.cr0, ==, 0x80000011);
    g_assert_true(!memcmp(cfg.ram.host + KERNEL_AT, bzimage_code(), CODE));
    for (unsigned i = 0; i < 5000; i++)
        g_assert_cmpint(cfg.ram.host[KERNEL_AT + CODE + i], ==, 0);
    const uint8_t *zp = cfg.ram.host + BOOT_INFO_ADDR;
    g_assert_cmphex(zp[0x210], ==, 0xff);
    g_assert_cmphex(zp[0x211] & 2, ==, 0); /* KASLR flag */
    g_assert_cmphex(get64(zp + 0x70), ==, 0xf5a00);
    g_assert_cmpstr((char *)cfg.ram.host + get32(zp + 0x228), ==, "console=ttyS0");
    ram_free(&cfg.ram);
}

/* Every address of the first 4 GiB maps to itself through the tables at CR3. */
static void test_identity(void)
{
    struct boot_config cfg = {.ram = ram_new(RAM_SIZE)};
    struct boot_entry en;
    struct err e = {""};
    g_assert_true(load(bzimage_new("gzip"), &cfg, &en, &e));
    for (uint64_t va = 0; va < 4 * GIB; va += 0x1ff000) {
        uint8_t *t = cfg.ram.host + en.cr3;
        uint64_t x = get64(t + 8 * (va >> 39 & 511));
        g_assert_cmphex(x & 3, ==, 3);
        x = get64(cfg.ram.host + (x & ~0xfffull) + 8 * (va >> 30 & 511));
        g_assert_cmphex(x & 3, ==, 3);
        x = get64(cfg.ram.host + (x & ~0xfffull) + 8 * (va >> 21 & 511));
        g_assert_cmphex(x & 0x83, ==, 0x83);
        g_assert_cmphex((x & ~0x1fffffull) | (va & 0x1fffff), ==, va);
    }
    g_assert_cmphex(get64(cfg.ram.host + en.gdt_base + BOOT_CS), ==, 0x00af9b000000ffffull);
    g_assert_cmphex(get64(cfg.ram.host + en.gdt_base + BOOT_DS), ==, 0x00cf93000000ffffull);
    ram_free(&cfg.ram);
}

static void test_guest_unpack(void)
{
    struct boot_config cfg = {.ram = ram_new(RAM_SIZE), .guest_decompress = true};
    struct boot_entry entry;
    struct err e = {""};
    struct image im = bzimage_new("xz");
    uint8_t first = im.data[SETUP + 0x300];
    g_assert_true(load(im, &cfg, &entry, &e));
    g_assert_cmphex(entry.rip, ==, 0x100200);
    g_assert_cmphex(cfg.ram.host[0x100300], ==, first);
    /* an unknown payload takes the same way on its own */
    static uint8_t junk[100] = "BZh9";
    cfg.guest_decompress = false;
    g_assert_true(load(bzimage_wrap(junk, sizeof(junk), 1000), &cfg, &entry, &e));
    g_assert_cmphex(entry.rip, ==, 0x100200);
    ram_free(&cfg.ram);
}

static void test_memory_map(void)
{
    struct boot_config cfg = {
        .ram = {NULL, 3 * GIB, 5 * GIB}, .acpi_base = 3 * GIB - 0x10000, .acpi_size = 0x10000};
    struct e820_entry map[E820_MAX];
    unsigned n = boot_memory_map(&cfg, map);
    uint64_t ram = 0;
    for (unsigned i = 0; i < n; i++) {
        if (i)
            g_assert_cmphex(map[i].addr, >=, map[i - 1].addr + map[i - 1].size);
        ram += map[i].type == E820_RAM ? map[i].size : 0;
    }
    g_assert_cmphex(ram, ==, 8 * GIB - 0x10000 - 0x60000 - 0x400);
    g_assert_cmphex(map[n - 1].addr + map[n - 1].size, ==, 9 * GIB);
}

static void test_initrd(void)
{
    struct boot_config cfg = {
        .ram = ram_new(RAM_SIZE), .acpi_base = RAM_SIZE - 0x10000, .acpi_size = 0x10000};
    struct boot_entry entry;
    struct err e = {""};
    uint8_t *data = g_malloc(10000);
    memset(data, 0x5a, 10000);
    char *name = file_new(data, 10000);
    cfg.initrd = name;
    g_assert_true(load(bzimage_new("zstd"), &cfg, &entry, &e));
    const uint8_t *zp = cfg.ram.host + BOOT_INFO_ADDR;
    uint64_t at = get32(zp + 0x218);
    g_assert_cmpint(get32(zp + 0x21c), ==, 10000);
    g_assert_cmphex(at + 10000, <=, cfg.acpi_base);
    g_assert_cmphex(at + 10000 + GUEST_PAGE_SIZE, >, cfg.acpi_base);
    g_assert_true(!memcmp(cfg.ram.host + at, data, 10000));
    g_assert_cmpint(truncate(name, (off_t)RAM_SIZE), ==, 0);
    g_assert_false(load(bzimage_new("zstd"), &cfg, &entry, &e));
    g_assert_nonnull(strstr(e.msg, name));
    cfg.initrd = "/nonexistent/initrd";
    g_assert_false(load(bzimage_new("zstd"), &cfg, &entry, &e));
    g_assert_nonnull(strstr(e.msg, "/nonexistent/initrd"));
    file_drop(name);
    g_free(data);
    ram_free(&cfg.ram);
}

/* One damaged image each: refused, the message names the file. */
static void test_bad(void)
{
    struct boot_config cfg = {.ram = ram_new(RAM_SIZE)};
    struct boot_entry entry;
    static const struct {
        unsigned off, size;
        uint64_t value;
        const char *expect;
    } bad[] = {
        {0x206, 2, 0x200, "too old"},
        {0x211, 1, 0, "zImage"},
        {0x1f1, 1, 64, "truncated"},
        {0x248, 4, 0xfffffff0, "truncated"},
        {0x24c, 4, 0xffffffff, "truncated"},
        {SETUP + 0x320, 4, 0xffffffff, "damaged"},
        {0, 0, 0, ""},
    };
    for (unsigned i = 0; bad[i].size; i++) {
        struct image im = bzimage_new("gzip");
        struct err e = {""};
        for (unsigned k = 0; k < bad[i].size; k++)
            im.data[bad[i].off + k] = (uint8_t)(bad[i].value >> (8 * k));
        g_assert_false(load(im, &cfg, &entry, &e));
        g_assert_nonnull(strstr(e.msg, bad[i].expect));
        g_assert_nonnull(strstr(e.msg, cfg.kernel ? "mynah-fw-" : ""));
    }
    struct err e = {""};
    cfg.cmdline = g_strnfill(2048, 'x');
    g_assert_false(load(bzimage_new("gzip"), &cfg, &entry, &e));
    g_assert_nonnull(strstr(e.msg, "-append"));
    g_free((char *)(uintptr_t)cfg.cmdline);
    cfg.cmdline = NULL;
    struct boot_config small = {.ram = ram_new(17 << 20), .guest_decompress = true};
    struct image im = bzimage_new("gzip");
    put32(im.data + 0x260, 0x2000000);
    g_assert_false(load(im, &small, &entry, &e));
    ram_free(&small.ram);
    small.ram = ram_new(8 << 20); /* the kernel's own address lies beyond it */
    small.guest_decompress = false;
    g_assert_false(load(bzimage_new("gzip"), &small, &entry, &e));
    g_assert_nonnull(strstr(e.msg, "outside"));
    ram_free(&small.ram);
    ram_free(&cfg.ram);
}

static void test_no_file(void)
{
    struct boot_config cfg = {.ram = ram_new(4 << 20)};
    struct boot_entry entry;
    struct err e;
    const char *paths[] = {"/nonexistent/kernel", "/", "/dev/null"};
    const char *texts[] = {"cannot open", "directory", "a device"};
    for (unsigned i = 0; i < 3; i++) {
        cfg.kernel = paths[i];
        g_assert_false(boot_load(&cfg, &entry, &e));
        g_assert_nonnull(strstr(e.msg, texts[i]));
        g_assert_nonnull(strstr(e.msg, paths[i]));
    }
    struct image im = {g_malloc0(5000), 5000};
    g_assert_false(load(im, &cfg, &entry, &e));
    g_assert_nonnull(strstr(e.msg, "no kernel"));
    ram_free(&cfg.ram);
}

/* Random damage: any result, no stray write (guard pages, sanitizers). */
static void test_fuzz(void)
{
    static const char *const formats[] = {"gzip", "xz", "lzma", "zstd", "lz4"};
    struct boot_config cfg = {.ram = ram_new(20 << 20)};
    struct boot_entry entry;
    struct err e;
    unsigned good = 0;
    for (unsigned i = 0; i < 400; i++) {
        struct image im = bzimage_new(formats[i % 5]);
        for (int k = g_test_rand_int_range(1, 8); k > 0; k--) {
            int span = g_test_rand_bit() ? 0x80 : (int)im.size - 0x1f0;
            im.data[0x1f0 + g_test_rand_int_range(0, span)] = (uint8_t)g_test_rand_int();
        }
        if (g_test_rand_bit())
            im.size -= (size_t)g_test_rand_int_range(0, (int)im.size / 2);
        good += load(im, &cfg, &entry, &e);
    }
    g_test_message("%u of 400 damaged images still load", good);
    ram_free(&cfg.ram);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    static const char *const formats[] = {"gzip", "xz", "lzma", "zstd", "lz4"};
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        char *path = g_strdup_printf("/fw/linux/%s", formats[i]);
        g_test_add_data_func(path, formats[i], test_format);
        g_free(path);
    }
    g_test_add_func("/fw/linux/identity", test_identity);
    g_test_add_func("/fw/linux/guest-unpack", test_guest_unpack);
    g_test_add_func("/fw/linux/memory-map", test_memory_map);
    g_test_add_func("/fw/linux/initrd", test_initrd);
    g_test_add_func("/fw/linux/bad", test_bad);
    g_test_add_func("/fw/linux/no-file", test_no_file);
    g_test_add_func("/fw/linux/fuzz", test_fuzz);
    return g_test_run();
}
