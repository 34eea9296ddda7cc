/* SPDX-License-Identifier: MIT
 * Options about the machine: -m -smp -machine -accel -rtc -uuid -echr. */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/opts_int.h"

#define RAM_MIN (2ull << 20)
#define RAM_MAX                                                                                \
    (512ull << 30) /* the guest's physical addresses have 40 bits, half for devices */

/* "512", "1G", "0x200M": a number with a unit; `unit` applies when none is given. */
static bool parse_size(const char *s, uint64_t unit, uint64_t *v)
{
    static const char units[] = "bkmgtpe";
    char *end;
    errno = 0;
    unsigned long long n = strtoull(s, &end, 0);
    if (!g_ascii_isdigit(*s) || errno)
        return false;
    if (*end) {
        const char *u = strchr(units, g_ascii_tolower(*end));
        if (!u ||
            (end[1] && g_ascii_strcasecmp(end + 1, "b") && g_ascii_strcasecmp(end + 1, "ib")))
            return false;
        unit = 1ull << (10 * (u - units));
    }
    return !__builtin_mul_overflow((uint64_t)n, unit, v);
}

bool opt_memory(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct props ps;
    if (!props_parse(b->o, &ps, option, value, "size", e))
        return false;
    const char *size = props_take(&ps, "size");
    props_take(&ps, "maxmem"); /* no memory hotplug: nothing to reserve */
    props_take(&ps, "slots");
    if (!props_end(&ps, e))
        return false;
    if (!size)
        return true;
    uint64_t n;
    if (!parse_size(size, 1 << 20, &n))
        return err_set(e, "-m: '%s' is not a size (such as 512, 512M or 2G)", size);
    if (n < RAM_MIN)
        return err_set(e, "-m %s: the machine needs at least 2 MiB of RAM", size);
    if (n > RAM_MAX)
        return err_set(e, "-m %s: the machine takes at most 512 GiB of RAM", size);
    b->o->ram_size = (n + 8191) & ~8191ull;
    return true;
}

static bool take_count(struct props *ps, const char *key, uint64_t *v, struct err *e)
{
    uint64_t n = UINT64_MAX;
    if (!props_take_uint(ps, key, 4096, &n, e))
        return false;
    if (n == 0)
        return err_set(e, "%s: %s is at least 1", ps->option, key);
    if (n != UINT64_MAX)
        *v = n;
    return true;
}

bool opt_smp(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    static const char *const parts[] = {"sockets", "dies", "clusters", "cores", "threads"};
    struct props ps;
    uint64_t cpus = 0, product = 1, maxcpus = 0;
    if (!props_parse(b->o, &ps, option, value, "cpus", e) ||
        !take_count(&ps, "cpus", &cpus, e) || !take_count(&ps, "maxcpus", &maxcpus, e))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        uint64_t n = 1;
        if (!take_count(&ps, parts[i], &n, e))
            return false;
        product *= n;
    }
    if (!props_end(&ps, e))
        return false;
    if (!cpus)
        cpus = maxcpus ? maxcpus : product;
    if (cpus != 1)
        return err_set(e, "-smp %s: this version has one CPU, not %llu", value,
                       (unsigned long long)cpus);
    b->o->cpus = 1;
    return true;
}

/* --- accelerators ------------------------------------------------------------- */

static bool add_accel(struct opts_build *b, const char *text, struct err *e)
{
    if (b->accels == ACCELS_MAX)
        return err_set(e, "-accel: too many of them");
    return props_parse(b->o, &b->accel[b->accels++], "-accel", text, "accel", e);
}

bool opt_accel(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    if (!strcmp(value, "help") || !strcmp(value, "?")) {
        puts("Accelerators supported by mynah:\ntcg");
        b->done = true;
        return true;
    }
    return add_accel(b, value, e);
}

bool opt_enable_kvm(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    return add_accel(b, "kvm", e);
}

static bool take_choice(struct props *ps, const char *key, const char *zero, const char *one,
                        int *v, struct err *e)
{
    const char *s = props_take(ps, key);
    if (!s)
        return true;
    if (strcmp(s, zero) && strcmp(s, one))
        return err_set(e, "%s: %s takes %s or %s, not '%s'", ps->option, key, zero, one, s);
    *v = !strcmp(s, one);
    return true;
}

/* host=native|x86-64-v3|x86-64-v2: what the back end may use of the host CPU. */
static bool take_host_level(struct props *ps, unsigned *level, struct err *e)
{
    const char *s = props_take(ps, "host");

    if (!s || !strcmp(s, "native"))
        *level = 0;
    else if (!strcmp(s, "x86-64-v3"))
        *level = 3;
    else if (!strcmp(s, "x86-64-v2"))
        *level = 2;
    else
        return err_set(e, "%s: host takes native, x86-64-v3 or x86-64-v2, not '%s'", ps->option,
                       s);
    return true;
}

/* tb-size=MIB; 0: the default. */
static bool take_tb_size(struct props *ps, uint32_t *mib, struct err *e)
{
    uint64_t n = 0;

    if (!props_take_uint(ps, "tb-size", UINT32_MAX, &n, e))
        return false;
    if (n && (n < 8 || n > 1024))
        return err_set(e, "%s: tb-size takes 8 to 1024 (MiB) or 0, not %llu", ps->option,
                       (unsigned long long)n);
    *mib = (uint32_t)n;
    return true;
}

static bool use_tcg(struct opts *o, struct props *ps, struct err *e)
{
    int engine = ENGINE_JIT, mmu = MMU_FLAT;
    props_take(ps, "thread"); /* how QEMU's engine runs: no meaning here */
    props_take(ps, "split-wx");
    if (!take_choice(ps, "engine", "jit", "ir", &engine, e) ||
        !take_choice(ps, "mmu", "flat", "tlb", &mmu, e) ||
        !take_host_level(ps, &o->host_level, e) || !take_tb_size(ps, &o->tb_size, e) ||
        !props_take_bool(ps, "icount", &o->icount, e) || !props_end(ps, e))
        return false;
    o->engine = (enum opts_engine)engine;
    o->mmu = (enum opts_mmu)mmu;
    return true;
}

bool opts_pick_accel(struct opts_build *b, struct err *e)
{
    static const char *const others[] = {"kvm", "hvf", "xen", "whpx", "nvmm", "hax", "qtest"};
    for (unsigned i = 0; i < b->accels; i++) {
        struct props ps = b->accel[i];
        const char *name = props_take(&ps, "accel");
        bool known = false;
        if (!name)
            return err_set(e, "-accel: the name of an accelerator is missing");
        if (!strcmp(name, "tcg")) {
            if (i > 0)
                fprintf(stderr, "mynah: falling back to tcg\n");
            return use_tcg(b->o, &ps, e);
        }
        for (unsigned k = 0; k < ARRAY_SIZE(others); k++)
            known |= !strcmp(name, others[k]);
        if (!known)
            return err_set(e, "-accel: unknown accelerator '%s' (tcg is there)", name);
        if (i + 1 == b->accels)
            return err_set(e, "-accel %s: not available, mynah translates (use -accel tcg)",
                           name);
        fprintf(stderr, "mynah: failed to initialize %s: not available\n", name);
    }
    return true;
}

/* --- -machine --------------------------------------------------------------------- */

/* Switches of QEMU's boards that change nothing here, or of which only one
 * value can be had (NULL: any). */
static const struct opt_prop machine_fixed[] = {
    {"acpi", "on"},
    {"dump-guest-core", NULL},
    {"i8042", "on"},
    {"kernel-irqchip", NULL},
    {"pit", "on"},
    {"mem-merge", NULL},
    {"sata", "off"},
    {"smm", "off"},
    {"usb", "off"},
    {"vmport", "off"},
    {"suppress-vmdesc", NULL},
};

static bool check_machine_type(const char *type, struct err *e)
{
    if (!strcmp(type, "pc") || g_str_has_prefix(type, "pc-i440fx-"))
        return true;
    return err_set(e, "-machine: unsupported machine type '%s' (pc is there)", type);
}

bool opt_machine(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct props ps;
    if (!props_parse(b->o, &ps, option, value, "type", e))
        return false;
    const char *type = props_take(&ps, "type"), *accel = props_take(&ps, "accel");
    if (type && (!strcmp(type, "help") || !strcmp(type, "?"))) {
        puts("Supported machines are:\npc                   Standard PC (i440FX + PIIX) "
             "(default)");
        b->done = true;
        return true;
    }
    if (type && !check_machine_type(type, e))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(machine_fixed); i++) {
        const struct opt_prop *f = &machine_fixed[i];
        const char *v = props_take(&ps, f->key);
        if (v && f->value && strcmp(v, f->value) && strcmp(v, "auto"))
            return err_set(e, "%s: %s=%s is not supported, only %s", option, f->key, v,
                           f->value);
    }
    int unpack = b->o->guest_unpack;
    bool hpet = !b->o->no_hpet, graphics = !b->o->nographic;
    if (!props_take_bool(&ps, "hpet", &hpet, e) ||
        !props_take_bool(&ps, "graphics", &graphics, e) ||
        !take_choice(&ps, "unpack", "host", "guest", &unpack, e) || !props_end(&ps, e))
        return false;
    b->o->guest_unpack = unpack;
    b->o->no_hpet = !hpet;
    b->o->nographic = !graphics;
    if (accel) {
        char **names = g_strsplit(accel, ":", -1);
        bool ok = true;
        for (char **n = names; ok && *n; n++)
            ok = add_accel(b, *n, e);
        g_strfreev(names);
        return ok;
    }
    return true;
}

/* --- small ones ------------------------------------------------------------------------ */

/* "2006-06-17T16:01:21" or "2006-06-17", UTC. */
static bool parse_date(const char *s, time_t *t)
{
    struct tm tm = {0};
    char rest = 0;
    int n = sscanf(s, "%d-%d-%dT%d:%d:%d%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                   &tm.tm_min, &tm.tm_sec, &rest);
    if ((n != 3 && n != 6) || tm.tm_year < 1970 || tm.tm_year > 2099)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    struct tm back = tm;
    *t = timegm(&back);
    /* timegm puts 31 February right: a changed field means no such date */
    return back.tm_mon == tm.tm_mon && back.tm_mday == tm.tm_mday &&
           back.tm_hour == tm.tm_hour && back.tm_min == tm.tm_min;
}

bool opt_rtc(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct props ps;
    if (!props_parse(b->o, &ps, option, value, NULL, e))
        return false;
    const char *base = props_take(&ps, "base");
    props_take(&ps, "clock");
    int slew = b->o->rtc_slew;
    if (!take_choice(&ps, "driftfix", "none", "slew", &slew, e) || !props_end(&ps, e))
        return false;
    b->o->rtc_slew = slew;
    if (!base || !strcmp(base, "utc"))
        b->o->rtc = RTC_UTC;
    else if (!strcmp(base, "localtime"))
        b->o->rtc = RTC_LOCALTIME;
    else if (parse_date(base, &b->o->rtc_date))
        b->o->rtc = RTC_DATE;
    else
        return err_set(e,
                       "-rtc: base takes utc, localtime or a date such as "
                       "2006-06-17T16:01:21, not '%s'",
                       base);
    return true;
}

bool opt_uuid(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    unsigned n = 0;
    for (const char *p = value; *p && n < 16; p += 2) {
        if (*p == '-')
            p++;
        if (!g_ascii_isxdigit(p[0]) || !g_ascii_isxdigit(p[1]))
            break;
        b->o->uuid[n++] =
            (uint8_t)(g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]));
    }
    if (n != 16 || strlen(value) != 36)
        return err_set(e, "-uuid: '%s' is not a UUID", value);
    b->o->has_uuid = true;
    return true;
}

bool opt_echr(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    char *end;
    unsigned long n = strtoul(value, &end, 0);
    if (!g_ascii_isdigit(*value) || *end || n > 255)
        return err_set(e, "-echr: '%s' is not a character code (0..255)", value);
    b->o->escape = (uint8_t)n;
    return true;
}
