/* SPDX-License-Identifier: MIT
 * Kernels with spoilt headers: each loads, or is refused with one line that names
 * it. RAM lies between guard pages; a build with sanitizers watches the file. */
#include <stdio.h>

#include "tests/fuzz.h"
#include "tests/hw/fw/bzimage.h"

#define RAM_SIZE (32ull << 20)

struct seed {
    const char *name;
    uint8_t *data;
    size_t size;
    size_t head; /* bytes worth spoiling */
};

static const uint8_t code[64] = {0xf4, 1, 2, 3};

static struct seed from_elf(const char *name, bool is64, uint32_t pvh, bool multiboot)
{
    struct seed s = {.name = name, .data = g_malloc0(4096 + sizeof(code)), .head = 1100};

    s.size = make_elf(s.data, is64, 0x200000, code, sizeof(code), 100, 0x200010, pvh);
    if (multiboot) {
        put32(s.data + 512, 0x1badb002);
        put32(s.data + 516, 3);
        put32(s.data + 520, 0u - 0x1badb002u - 3);
    }
    return s;
}

static struct seed from_kludge(void)
{
    struct seed s = {"kludge", g_malloc0(2000), 2000, 64};
    const uint32_t fields[] = {0x1badb002, 0x10003,  0u - 0x1badb002u - 0x10003,
                               0x100020,   0x100000, 0x100700,
                               0x101000,   0x100100};

    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++)
        put32(s.data + 32 + 4 * i, fields[i]);
    return s;
}

static struct seed from_linux(const char *format)
{
    struct image im = bzimage_new(format);

    return (struct seed){format, im.data, im.size, 0x268};
}

/* A multiboot header counts only with its checksum. */
static void fix_checksum(uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 12 <= size && i < 8192; i += 4)
        if (get32(data + i) == 0x1badb002)
            put32(data + i + 8, 0u - get32(data + i) - get32(data + i + 4));
}

static size_t spoil(const struct seed *s, uint8_t *data)
{
    size_t size = s->size;

    memcpy(data, s->data, size);
    for (unsigned n = fuzz_below(4); n > 0; n--)
        fuzz_spoil(data, s->head);
    if (fuzz_below(4) == 0)
        fuzz_spoil(data, size);
    if (fuzz_below(4) == 0)
        size = fuzz_below((uint32_t)size + 1);
    fix_checksum(data, size);
    return size;
}

static void check_load(struct boot_config *cfg, const uint8_t *data, size_t size)
{
    struct boot_entry entry;
    struct err e = {""};
    FILE *f = fopen(cfg->kernel, "w");
    bool ok;

    g_assert_nonnull(f);
    g_assert_cmpint(fwrite(data, 1, size, f), ==, size);
    fclose(f);
    cfg->guest_decompress = fuzz_below(2);
    cfg->acpi_base = RAM_SIZE - 0x10000;
    cfg->acpi_size = fuzz_below(2) ? 0x10000 : 0;
    ok = boot_load(cfg, &entry, &e);
    if (ok) {
        g_assert_nonnull(entry.what);
    } else {
        g_assert_true(strstr(e.msg, cfg->kernel) ||
                      (cfg->initrd && strstr(e.msg, cfg->initrd)));
        g_assert_null(strchr(e.msg, '\n'));
    }
}

static void test_headers(void)
{
    struct seed seeds[] = {
        from_elf("elf32", false, 0x200004, false),
        from_elf("elf64", true, 0x200004, false),
        from_elf("multiboot", false, 0, true),
        from_kludge(),
        from_linux("gzip"),
        from_linux("xz"),
        from_linux("lzma"),
        from_linux("zstd"),
        from_linux("lz4"),
    };
    char *kernel = file_new("", 0), *initrd = file_new("initrd", 6);
    struct boot_config cfg = {.ram = ram_new(RAM_SIZE), .cmdline = "a b", .kernel = kernel};
    uint8_t *data = g_malloc(1 << 17);
    gint64 end = 0;

    while (fuzz_more(&end)) {
        const struct seed *s = &seeds[fuzz_below(G_N_ELEMENTS(seeds))];
        cfg.initrd = fuzz_below(2) ? initrd : NULL;
        check_load(&cfg, data, spoil(s, data));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(seeds); i++)
        g_free(seeds[i].data);
    g_free(data);
    ram_free(&cfg.ram);
    file_drop(kernel);
    file_drop(initrd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fw/fuzz/headers", test_headers);
    return g_test_run();
}
