/* SPDX-License-Identifier: MIT
 * ELF with PVH note and multiboot 1 images. */
#include "tests/hw/fw/util.h"

#define RAM_SIZE (16ull << 20)

static uint8_t image[4096 + 8192];
static const uint8_t code[64] = {0xf4, 1, 2, 3};

static bool load(struct boot_config *cfg, size_t size, struct boot_entry *entry, struct err *e)
{
    char *name = file_new(image, size);
    *e = (struct err){""};
    cfg->kernel = name;
    bool ok = boot_load(cfg, entry, e);
    if (!ok)
        g_assert_nonnull(strstr(e->msg, name));
    file_drop(name);
    return ok;
}

static void test_pvh(gconstpointer wide)
{
    struct boot_config cfg = {.ram = ram_new(RAM_SIZE), .cmdline = "a b", .rsdp = 0xf5a00};
    struct boot_entry en;
    struct err e;
    char *initrd = file_new("hello", 5);
    size_t n =
        make_elf(image, wide != NULL, 0x200000, code, sizeof(code), 100, 0x200010, 0x200004);
    cfg.initrd = initrd;
    g_assert_true(load(&cfg, n, &en, &e));
    g_assert_cmpint(en.mode, ==, BOOT_PROT32);
    g_assert_cmphex(en.rip, ==, 0x200004);
    g_assert_cmphex(en.cr0, ==, 0x11);
    const uint8_t *info = cfg.ram.host + en.rbx;
    g_assert_cmphex(get32(info), ==, 0x336ec578);
    g_assert_cmpint(get32(info + 12), ==, 1);
    const uint8_t *mod = cfg.ram.host + get64(info + 16);
    g_assert_true(!memcmp(cfg.ram.host + get64(mod), "hello", 5));
    g_assert_cmpint(get64(mod + 8), ==, 5);
    g_assert_cmpstr((char *)cfg.ram.host + get64(info + 24), ==, "a b");
    g_assert_cmphex(get64(info + 32), ==, 0xf5a00);
    g_assert_cmpint(get32(info + 48), >=, 4);
    file_drop(initrd);
    ram_free(&cfg.ram);
}

static void put_mb_header(uint8_t *h, uint32_t flags)
{
    put32(h, 0x1badb002);
    put32(h + 4, flags);
    put32(h + 8, 0u - 0x1badb002u - flags);
}

static void test_multiboot(gconstpointer wide)
{
    struct boot_config cfg = {
        .ram = ram_new(RAM_SIZE), .cmdline = "x=1", .text_screen = wide != NULL};
    struct boot_entry en;
    struct err e;
    char *mod = file_new("module", 6);
    char *list = g_strdup_printf("%s one,%s two", mod, mod);
    size_t n = make_elf(image, wide != NULL, 0x100000, code, sizeof(code), 0x1000, 0x100002, 0);
    put_mb_header(image + 512, 3);
    cfg.initrd = list;
    g_assert_true(load(&cfg, n, &en, &e));
    g_assert_cmphex(en.rax, ==, 0x2badb002);
    g_assert_cmphex(en.rip, ==, 0x100002);
    const uint8_t *info = cfg.ram.host + en.rbx;
    g_assert_cmphex(get32(info) & 0x4d, ==, 0x4d);
    g_assert_cmpint(get32(info + 8), ==, (RAM_SIZE - 0x100000) >> 10);
    g_assert_true(g_str_has_suffix((char *)cfg.ram.host + get32(info + 16), " x=1"));
    g_assert_cmpint(get32(info + 20), ==, 2);
    const uint8_t *m = cfg.ram.host + get32(info + 24);
    g_assert_true(g_str_has_suffix((char *)cfg.ram.host + get32(m + 24), " two"));
    for (int i = 0; i < 2; i++, m += 16) {
        g_assert_cmpint(get32(m + 4) - get32(m), ==, 6);
        g_assert_cmphex(get32(m) & 0xfff, ==, 0);
        g_assert_true(!memcmp(cfg.ram.host + get32(m), "module", 6));
    }
    /* Xen and others look where a BIOS leaves its data */
    g_assert_cmphex(get32(cfg.ram.host + 0x40c) >> 16, ==, BOOT_EBDA >> 4);
    g_assert_cmpint(get32(cfg.ram.host + 0x413) & 0xffff, ==, get32(info + 4));
    g_assert_cmpint(cfg.ram.host[BOOT_EBDA], ==, 1);
    g_assert_cmpint(cfg.ram.host[0x449], ==, wide ? 3 : 0);
    g_free(list);
    file_drop(mod);
    ram_free(&cfg.ram);
}

static void test_kludge(void)
{
    struct boot_config cfg = {.ram = ram_new(RAM_SIZE)};
    struct boot_entry en;
    struct err e;
    memset(image, 0x11, sizeof(image));
    uint8_t *h = image + 256;
    put_mb_header(h, 1 << 16);
    put32(h + 12, 0x300100); /* header */
    put32(h + 16, 0x300000); /* load */
    put32(h + 20, 0x300000 + 4096);
    put32(h + 24, 0x300000 + 8192);
    put32(h + 28, 0x300200);
    g_assert_true(load(&cfg, 6000, &en, &e));
    g_assert_cmphex(en.rip, ==, 0x300200);
    g_assert_true(!memcmp(cfg.ram.host + 0x300000, image, 4096));
    g_assert_cmpint(cfg.ram.host[0x300000 + 4096], ==, 0);
    put32(h + 20, 0x300000 + 7000); /* longer than the file */
    g_assert_false(load(&cfg, 6000, &en, &e));
    put32(h + 20, 0);
    put32(h + 24, 0xf0000000);
    g_assert_false(load(&cfg, 6000, &en, &e));
    put32(h + 16, 0x400000); /* load after header */
    g_assert_false(load(&cfg, 6000, &en, &e));
    put_mb_header(h, 1 << 16 | 1 << 9); /* unknown requirement */
    g_assert_false(load(&cfg, 6000, &en, &e));
    g_assert_nonnull(strstr(e.msg, "requires"));
    ram_free(&cfg.ram);
}

static void test_bad_elf(void)
{
    struct boot_config cfg = {.ram = ram_new(RAM_SIZE)};
    struct boot_entry en;
    struct err e;
    struct {
        unsigned off, size;
        uint64_t value;
        const char *expect;
    } bad[] = {
        {4, 1, 9, "class"},
        {18, 2, 183, "another machine"},
        {16, 2, 1, "not executable"},
        {54, 2, 10, "program headers"},
        {56, 2, 0xffff, "program headers"},
        {32, 8, UINT64_MAX - 8, "truncated"},
        {64 + 8, 8, UINT64_MAX - 16, "truncated"},
        {64 + 24, 8, 0x9f000, "outside"},
        {64 + 24, 8, UINT64_MAX - 10, "outside"},
        {64 + 24, 8, RAM_SIZE - 32, "outside"},
        {64 + 40, 8, UINT64_MAX - 0x200000, "outside"},
        {64 + 32, 8, 1 << 30, "truncated"},
        {1024 + 12, 1, 'Y', "without a PVH note"},
        {1024 + 4, 4, 0xfffffff0, "without a PVH note"},
        {1024, 4, 0xffffffff, "without a PVH note"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        size_t n = make_elf(image, true, 0x200000, code, sizeof(code), 0, 0x200000, 0x200000);
        for (unsigned k = 0; k < bad[i].size; k++)
            image[bad[i].off + k] = (uint8_t)(bad[i].value >> (8 * k));
        g_assert_false(load(&cfg, n, &en, &e));
        if (!strstr(e.msg, bad[i].expect))
            g_error("row %u: '%s' lacks '%s'", i, e.msg, bad[i].expect);
    }
    ram_free(&cfg.ram);
}

static void test_overlap(void)
{
    struct boot_config cfg = {.ram = ram_new(RAM_SIZE)};
    struct boot_entry en;
    struct err e;
    size_t n = make_elf(image, true, 0x200000, code, sizeof(code), 0, 0x200000, 0x200000);
    memcpy(image + 64 + 2 * 56, image + 64, 56); /* the same segment again */
    put16(image + 56, 3);
    g_assert_false(load(&cfg, n, &en, &e));
    g_assert_nonnull(strstr(e.msg, "overlap"));
    ram_free(&cfg.ram);
}

static void test_fuzz(void)
{
    struct boot_config cfg = {.ram = ram_new(RAM_SIZE)};
    struct boot_entry en;
    struct err e;
    for (unsigned i = 0; i < 400; i++) {
        size_t n = make_elf(image, i & 1, 0x200000, code, sizeof(code), 9, 0x200000, 0x200000);
        if (i & 2)
            put_mb_header(image + 2048, i & 4 ? 3 : 1 << 16);
        for (int k = g_test_rand_int_range(1, 6); k > 0; k--)
            image[g_test_rand_bit() ? g_test_rand_int_range(4, 240)
                                    : g_test_rand_int_range(1024, 2080)] =
                (uint8_t)g_test_rand_int();
        load(&cfg, g_test_rand_bit() ? n : (size_t)g_test_rand_int_range(1, (int)n), &en, &e);
    }
    ram_free(&cfg.ram);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/fw/pvh/elf32", NULL, test_pvh);
    g_test_add_data_func("/fw/pvh/elf64", "", test_pvh);
    g_test_add_data_func("/fw/multiboot/elf32", NULL, test_multiboot);
    g_test_add_data_func("/fw/multiboot/elf64", "", test_multiboot);
    g_test_add_func("/fw/multiboot/kludge", test_kludge);
    g_test_add_func("/fw/elf/bad", test_bad_elf);
    g_test_add_func("/fw/elf/overlap", test_overlap);
    g_test_add_func("/fw/elf/fuzz", test_fuzz);
    return g_test_run();
}
