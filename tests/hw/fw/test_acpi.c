/* SPDX-License-Identifier: MIT
 * ACPI tables: found as a kernel finds them, checksums, fields, and AML that
 * Intel's disassembler (iasl, when installed) accepts. */
#include "hw/fw/acpi_tables.h"
#include "hw/fw/aml.h"
#include "tests/hw/fw/util.h"

#define RAM_SIZE (16ull << 20)

static unsigned sum(const uint8_t *p, size_t n)
{
    unsigned s = 0;
    while (n--)
        s += *p++;
    return s & 0xff;
}

static const uint8_t *table(const struct boot_ram *ram, gpa addr, const char *sig)
{
    const uint8_t *t = ram->host + addr;
    g_assert_true(!memcmp(t, sig, 4));
    g_assert_cmpint(sum(t, get32(t + 4)), ==, 0);
    return t;
}

static const uint8_t *find(const struct boot_ram *ram, const char *sig)
{
    const uint8_t *rsdp = ram->host + ACPI_RSDP_ADDR;
    const uint8_t *xsdt = table(ram, get64(rsdp + 24), "XSDT");
    const uint8_t *rsdt = table(ram, get32(rsdp + 16), "RSDT");
    for (unsigned i = 0; i < (get32(xsdt + 4) - 36) / 8; i++) {
        uint64_t at = get64(xsdt + 36 + 8 * i);
        g_assert_cmphex(at, ==, get32(rsdt + 36 + 4 * i));
        if (!memcmp(ram->host + at, sig, 4))
            return table(ram, at, sig);
    }
    return NULL;
}

static void test_tables(void)
{
    struct boot_ram ram = ram_new(RAM_SIZE);
    struct acpi_config c = acpi_config_pc(RAM_SIZE);
    struct acpi_place place;
    struct err e = {""};
    g_assert_true(acpi_install(&c, &ram, &place, &e));
    g_assert_cmphex(place.base + place.size, ==, RAM_SIZE);
    const uint8_t *rsdp = ram.host + place.rsdp;
    g_assert_cmpint(sum(rsdp, 20), ==, 0);
    g_assert_cmpint(sum(rsdp, 36), ==, 0);
    const uint8_t *fadt = find(&ram, "FACP"), *madt = find(&ram, "APIC");
    g_assert_nonnull(fadt);
    g_assert_nonnull(madt);
    table(&ram, get64(fadt + 140), "DSDT");
    g_assert_true(!memcmp(ram.host + get32(fadt + 36), "FACS", 4));
    g_assert_cmphex(get32(fadt + 36) & 63, ==, 0);
    g_assert_cmphex(get32(fadt + 56), ==, 0x600);
    g_assert_cmphex(get32(fadt + 76), ==, 0x608);
    g_assert_cmphex(get64(fadt + 120), ==, 0xcf9);
    g_assert_cmphex(get32(fadt + 112) & 0x400, ==, 0x400);
    unsigned seen[5] = {0};
    for (size_t i = 44; i < get32(madt + 4); i += madt[i + 1]) {
        g_assert_cmpint(madt[i + 1], >=, 6);
        g_assert_cmpint(madt[i], <, 5);
        seen[madt[i]]++;
    }
    g_assert_cmpint(seen[0], ==, 1);
    g_assert_cmpint(seen[1], ==, 1);
    g_assert_cmpint(seen[2], ==, 4); /* 0, 9, 10, 11 */
    g_assert_cmpint(seen[4], ==, 1);
    ram_free(&ram);
}

static void test_small_ram(void)
{
    struct boot_ram ram = ram_new(1 << 20);
    struct acpi_config c = acpi_config_pc(1 << 20);
    struct acpi_place place;
    struct err e = {""};
    g_assert_false(acpi_install(&c, &ram, &place, &e));
    ram_free(&ram);
}

static void test_aml_lengths(void)
{
    static const unsigned sizes[] = {0, 61, 62, 63, 64, 4092, 4093, 4094, 5000};
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct aml a;
        aml_init(&a);
        aml_scope(&a, "\\"); /* two bytes of body: root and null name */
        for (unsigned k = 0; k < sizes[i]; k++)
            aml_int(&a, 1);
        aml_end(&a);
        unsigned lead = a.buf[1], more = lead >> 6, len = lead & (more ? 15 : 63);
        for (unsigned k = 0; k < more; k++)
            len |= (unsigned)a.buf[2 + k] << (4 + 8 * k);
        g_assert_cmpint(len, ==, a.len - 1);
        aml_finish(&a);
    }
}

static void check_iasl(bool links)
{
    char *iasl = g_find_program_in_path("iasl");
    if (!iasl) {
        g_test_skip("iasl (Debian package acpica-tools) is not installed");
        return;
    }
    struct boot_ram ram = ram_new(RAM_SIZE);
    struct acpi_config c = acpi_config_pc(RAM_SIZE);
    struct acpi_place place;
    struct err e;
    char *dir = g_dir_make_tmp("mynah-acpi-XXXXXX", NULL);
    c.pirq_links = links;
    c.hpet_addr = links ? 0xfed00000 : 0;
    c.fw_cfg = links ? 0x510 : 0;
    g_assert_true(acpi_install(&c, &ram, &place, &e));
    const uint8_t *fadt = find(&ram, "FACP"), *madt = find(&ram, "APIC");
    const uint8_t *all[] = {fadt, madt, table(&ram, get64(fadt + 140), "DSDT")};
    for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
        char *aml = g_strdup_printf("%s/t%u.aml", dir, i), *text = NULL;
        char *dsl = g_strdup_printf("%s/t%u.dsl", dir, i);
        g_assert_true(g_file_set_contents(aml, (const char *)all[i], get32(all[i] + 4), NULL));
        char *argv[] = {iasl, (char *)"-d", aml, NULL}, *out = NULL, *err = NULL;
        int status;
        g_assert_true(g_spawn_sync(dir, argv, NULL, 0, NULL, NULL, &out, &err, &status, NULL));
        g_assert_cmpint(status, ==, 0);
        g_assert_true(g_file_get_contents(dsl, &text, NULL, NULL));
        if (strstr(text, "Invalid") || strstr(text, "Unknown") || strstr(err, "Error"))
            g_error("iasl objects to table %u: %s\n%s", i, err, text);
        if (i == 2) { /* compiles again, without errors */
            char *again[] = {iasl, (char *)"-ve", dsl, NULL}, *out2 = NULL;
            g_assert_true(
                g_spawn_sync(dir, again, NULL, 0, NULL, NULL, &out2, NULL, &status, NULL));
            if (status)
                g_error("iasl -ve: %s", out2);
            g_assert_nonnull(strstr(text, "PNP0A03"));
            g_assert_nonnull(strstr(text, "PNP0501"));
            g_free(out2);
        }
        g_unlink(aml);
        g_unlink(dsl);
        g_free(aml);
        g_free(dsl);
        g_free(text);
        g_free(out);
        g_free(err);
    }
    g_rmdir(dir);
    g_free(iasl);
    g_free(dir);
    ram_free(&ram);
}

static void test_iasl(void)
{
    check_iasl(false);
}

/* What firmware gets: interrupt links, HPET, fw_cfg. */
static void test_iasl_links(void)
{
    check_iasl(true);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fw/acpi/tables", test_tables);
    g_test_add_func("/fw/acpi/small-ram", test_small_ram);
    g_test_add_func("/fw/acpi/aml-lengths", test_aml_lengths);
    g_test_add_func("/fw/acpi/iasl", test_iasl);
    g_test_add_func("/fw/acpi/iasl-links", test_iasl_links);
    return g_test_run();
}
