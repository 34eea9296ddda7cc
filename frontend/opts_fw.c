/* SPDX-License-Identifier: MIT
 * What firmware is told: -boot -smbios -fw_cfg. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "frontend/opts_int.h"
#include "hw/fw/boot.h"

#define SMBIOS_MAX (1 << 20) /* bytes of a file; its tables have 64 KiB */

static bool take_ms(struct props *ps, const char *key, int64_t max, int32_t *v, struct err *e)
{
    const char *s = props_take(ps, key);
    char *end;
    if (!s)
        return true;
    gint64 n = g_ascii_strtoll(s, &end, 10);
    if (end == s || *end || n < -1 || n > max)
        return err_set(e, "-boot: %s takes milliseconds up to %lld or -1, not '%s'", key,
                       (long long)max, s);
    *v = (int32_t)n;
    return true;
}

bool opt_boot(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct fw_boot *boot = &b->o->boot;
    struct props ps;
    uint8_t cmos[2];
    if (!props_parse(b->o, &ps, option, value, "order", e))
        return false;
    const char *order = props_take(&ps, "order"), *once = props_take(&ps, "once");
    props_take(&ps, "splash");
    if (order)
        boot->order = order;
    if (once)
        boot->once = once;
    if ((order && !fw_boot_cmos(order, &cmos[0], &cmos[1], e)) ||
        (once && !fw_boot_cmos(once, &cmos[0], &cmos[1], e)))
        return err_prefix(e, "-boot");
    return props_take_bool(&ps, "menu", &boot->menu, e) &&
           props_take_bool(&ps, "strict", &boot->strict, e) &&
           take_ms(&ps, "splash-time", 0xffff, &boot->splash_ms, e) &&
           take_ms(&ps, "reboot-timeout", 0xffff, &boot->reboot_ms, e) && props_end(&ps, e);
}

/* --- -smbios ----------------------------------------------------------------------- */

struct text_key {
    const char *key;
    size_t offset; /* in struct smbios_config */
};
#define TEXT(key_, field_)                                                                     \
    {                                                                                          \
        key_, offsetof(struct smbios_config, field_)                                           \
    }

static const struct text_key bios_keys[] = {
    TEXT("vendor", bios_vendor), TEXT("version", bios_version), TEXT("date", bios_date), {0}};
static const struct text_key system_keys[] = {TEXT("manufacturer", manufacturer),
                                              TEXT("product", product),
                                              TEXT("version", version),
                                              TEXT("serial", serial),
                                              TEXT("sku", sku),
                                              TEXT("family", family),
                                              {0}};
static const struct text_key chassis_keys[] = {TEXT("manufacturer", chassis_maker),
                                               TEXT("version", chassis_version),
                                               TEXT("serial", chassis_serial),
                                               TEXT("asset", chassis_tag),
                                               {0}};

static void take_texts(struct smbios_config *c, struct props *ps, const struct text_key *k)
{
    for (; k->key; k++) {
        const char *v = props_take(ps, k->key);
        if (v)
            *(const char **)((char *)c + k->offset) = v;
    }
}

static bool add_oem(struct opts *o, const char *text, struct err *e)
{
    if (o->smbios.n_oem == 255)
        return err_set(e, "-smbios type=11: at most 255 strings");
    o->oem = g_renew(const char *, o->oem, o->smbios.n_oem + 1);
    o->oem[o->smbios.n_oem++] = text;
    o->smbios.oem = o->oem;
    return true;
}

static bool add_oem_file(struct opts *o, const char *path, struct err *e)
{
    struct boot_file f = {0};
    if (!boot_file_open(&f, path, SMBIOS_MAX, e))
        return err_prefix(e, "-smbios type=11");
    const char *text = (const char *)f.data;
    text = g_string_chunk_insert_len(o->strings, text, (gssize)strnlen(text, f.size));
    boot_file_close(&f);
    return add_oem(o, text, e);
}

/* value= and path= may stand several times, in order. */
static bool oem_strings(struct opts *o, const struct props *ps, struct err *e)
{
    for (unsigned i = 0; i < ps->n; i++) {
        const struct opt_prop *p = &ps->p[i];
        bool ok = !strcmp(p->key, "value") ? add_oem(o, p->value, e)
                  : !strcmp(p->key, "path")
                      ? add_oem_file(o, p->value, e)
                      : err_set(e, "-smbios: unknown property '%s'", p->key);
        if (!ok)
            return false;
    }
    return true;
}

bool opt_smbios(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct smbios_config *c = &b->o->smbios;
    struct props ps;
    uint64_t type = 256;
    if (!props_parse(b->o, &ps, option, value, NULL, e) ||
        !props_take_uint(&ps, "type", 127, &type, e))
        return false;
    switch (type) {
    case 0:
        take_texts(c, &ps, bios_keys);
        props_take(&ps, "release");
        return props_take_bool(&ps, "uefi", &c->uefi, e) && props_end(&ps, e);
    case 1: {
        const char *uuid = props_take(&ps, "uuid");
        take_texts(c, &ps, system_keys);
        return (!uuid || opt_uuid(b, option, uuid, e)) && props_end(&ps, e);
    }
    case 3: take_texts(c, &ps, chassis_keys); return props_end(&ps, e);
    case 11: return oem_strings(b->o, &ps, e);
    default: return err_set(e, "-smbios %s: types 0, 1, 3 and 11 can be set", value);
    }
}

/* --- -fw_cfg ----------------------------------------------------------------------- */

bool opt_fw_cfg(struct opts_build *b, const char *option, const char *value, struct err *e)
{
    struct props ps;
    if (!props_parse(b->o, &ps, option, value, "name", e))
        return false;
    struct fw_cfg_opts f = {props_take(&ps, "name"), props_take(&ps, "file"),
                            props_take(&ps, "string")};
    if (!props_end(&ps, e))
        return false;
    if (!f.name || !*f.name || !f.file == !f.string)
        return err_set(e, "-fw_cfg: name=NAME and one of file=PATH, string=TEXT are needed");
    if (strncmp(f.name, "opt/", 4))
        fprintf(stderr,
                "mynah: warning: externally provided fw_cfg item names should be prefixed "
                "with \"opt/\"\n");
    b->o->fw_cfg = g_renew(struct fw_cfg_opts, b->o->fw_cfg, b->o->fw_cfgs + 1);
    b->o->fw_cfg[b->o->fw_cfgs++] = f;
    return true;
}
