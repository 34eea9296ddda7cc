/* SPDX-License-Identifier: MIT
 * QEMU firmware configuration device, docs/specs/fw_cfg of that project: selector, data
 * register and DMA. Left out: items that the guest may write. */
#include "hw/pc/fw_cfg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "softmmu/log.h"

#define ID_TRADITIONAL 1u
#define ID_DMA         2u

#define DMA_SIGNATURE 0x51454d5520434647ull /* "QEMU CFG" */
#define DMA_ERROR     0x01u
#define DMA_READ      0x02u
#define DMA_SKIP      0x04u
#define DMA_SELECT    0x08u
#define DMA_WRITE     0x10u

#define DIR_ENTRY 64u /* size, key (big-endian), 2 reserved bytes, name */

/* --- items ------------------------------------------------------------------------------ */

static struct fw_cfg_item *find_key(const struct fw_cfg *f, uint16_t key)
{
    unsigned i;

    for (i = 0; i < f->n; i++)
        if (f->item[i].key == key)
            return &f->item[i];
    return NULL;
}

static struct fw_cfg_item *find_file(const struct fw_cfg *f, const char *name)
{
    unsigned i;

    for (i = 0; i < f->n; i++)
        if (f->item[i].name[0] && !strcmp(f->item[i].name, name))
            return &f->item[i];
    return NULL;
}

bool fw_cfg_has_file(const struct fw_cfg *f, const char *name)
{
    return find_file(f, name);
}

/* Makes room at index i. */
static bool insert(struct fw_cfg *f, unsigned i, const struct fw_cfg_item *item,
                   const void *data, struct err *e)
{
    struct fw_cfg_item *p = realloc(f->item, (f->n + 1) * sizeof(*p));
    uint8_t *copy = malloc(item->size ? item->size : 1);

    if (p)
        f->item = p;
    if (!p || !copy) {
        free(copy);
        return err_set(e, "out of memory");
    }
    if (item->size)
        memcpy(copy, data, item->size);
    memmove(p + i + 1, p + i, (f->n - i) * sizeof(*p));
    p[i] = *item;
    p[i].data = copy;
    f->n++;
    return true;
}

bool fw_cfg_add(struct fw_cfg *f, uint16_t key, const void *data, size_t n, struct err *e)
{
    struct fw_cfg_item item = {.key = key, .size = (uint32_t)n};

    if (find_key(f, key))
        return err_set(e, "fw_cfg: item 0x%x is there already", key);
    return insert(f, f->n, &item, data, e);
}

bool fw_cfg_add_int(struct fw_cfg *f, uint16_t key, uint64_t v, unsigned bytes, struct err *e)
{
    return fw_cfg_add(f, key, &v, bytes, e);
}

static void put_be(uint8_t *p, uint64_t v, unsigned bytes)
{
    while (bytes--) {
        p[bytes] = v;
        v >>= 8;
    }
}

static uint64_t get_be(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;

    while (bytes--)
        v = v << 8 | *p++;
    return v;
}

/* Numbers the files in the order of their names, and lists them. */
static bool make_directory(struct fw_cfg *f, struct err *e)
{
    struct fw_cfg_item *dir = find_key(f, FW_CFG_FILE_DIR);
    unsigned i, files = 0;
    uint8_t *p;

    for (i = 0; i < f->n; i++)
        if (f->item[i].name[0])
            f->item[i].key = FW_CFG_FILE_FIRST + files++;
    p = calloc(1, 4 + DIR_ENTRY * files);
    if (!p)
        return err_set(e, "out of memory");
    free(dir->data);
    dir->data = p;
    dir->size = 4 + DIR_ENTRY * files;
    put_be(p, files, 4);
    p += 4;
    for (i = 0; i < f->n; i++) {
        if (!f->item[i].name[0])
            continue;
        put_be(p, f->item[i].size, 4);
        put_be(p + 4, f->item[i].key, 2);
        memcpy(p + 8, f->item[i].name, sizeof(f->item[i].name));
        p += DIR_ENTRY;
    }
    return true;
}

bool fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data, size_t n,
                     struct err *e)
{
    struct fw_cfg_item item = {.size = (uint32_t)n};
    unsigned i = 0;

    if (!*name || strlen(name) > FW_CFG_NAME_MAX)
        return err_set(e, "fw_cfg: a name has 1 to %d characters, not '%s'", FW_CFG_NAME_MAX,
                       name);
    if (find_file(f, name))
        return err_set(e, "fw_cfg: file '%s' is there already", name);
    while (i < f->n && strcmp(f->item[i].name, name) < 0)
        i++;
    memcpy(item.name, name, strlen(name));
    return insert(f, i, &item, data, e) && make_directory(f, e);
}

void fw_cfg_on_select(struct fw_cfg *f, const char *name, void (*fn)(void *opaque),
                      void *opaque)
{
    struct fw_cfg_item *item = find_file(f, name);

    assert(item);
    item->selected = fn;
    item->opaque = opaque;
}

void fw_cfg_replace(struct fw_cfg *f, const char *name, const void *data, size_t n)
{
    struct fw_cfg_item *item = find_file(f, name);

    assert(item && item->size == n);
    memcpy(item->data, data, n);
}

/* --- the guest's side ------------------------------------------------------------------- */

static void select_item(struct fw_cfg *f, uint16_t key)
{
    struct fw_cfg_item *item = find_key(f, key);

    f->key = key;
    f->at = 0;
    if (item && item->selected)
        item->selected(item->opaque);
}

/* Up to n bytes of the item from where reading stands; zeroes after its end. */
static void read_item(struct fw_cfg *f, uint8_t *p, uint64_t n)
{
    const struct fw_cfg_item *item = find_key(f, f->key);
    uint64_t left = item && f->at < item->size ? item->size - f->at : 0,
             k = n < left ? n : left;

    if (k)
        memcpy(p, item->data + f->at, k);
    memset(p + k, 0, n - k);
    f->at += k;
}

static void skip_item(struct fw_cfg *f, uint64_t n)
{
    const struct fw_cfg_item *item = find_key(f, f->key);
    uint64_t left = item && f->at < item->size ? item->size - f->at : 0;

    f->at += n < left ? n : left;
}

static bool read_to_ram(struct fw_cfg *f, gpa addr, uint64_t n)
{
    struct space *mem = f->dev.env->mem;

    while (n) {
        uint64_t k = n;
        uint8_t *p = space_dma_map(mem, addr, &k, true);

        if (!p) {
            LOG_GUEST("fw_cfg: transfer to 0x%llx, which is no RAM", (unsigned long long)addr);
            return false;
        }
        read_item(f, p, k);
        space_dma_written(mem, addr, k);
        addr += k;
        n -= k;
    }
    return true;
}

/* Bytes of guest RAM at addr, whole or not at all. */
static uint8_t *ram_at(struct fw_cfg *f, gpa addr, uint64_t bytes)
{
    uint64_t n = bytes;
    uint8_t *p = space_dma_map(f->dev.env->mem, addr, &n, true);

    return p && n == bytes ? p : NULL;
}

/* The structure: control, length (32 bits each), address (64 bits), big-endian. */
static void transfer(struct fw_cfg *f)
{
    uint8_t *d = ram_at(f, f->dma, 16);
    uint32_t control, length, result = 0;
    gpa addr;

    if (!d) {
        LOG_GUEST("fw_cfg: no request at 0x%llx", (unsigned long long)f->dma);
        return;
    }
    control = get_be(d, 4);
    length = get_be(d + 4, 4);
    addr = get_be(d + 8, 8);
    if (control & DMA_SELECT)
        select_item(f, control >> 16);
    if (control & DMA_READ)
        result = read_to_ram(f, addr, length) ? 0 : DMA_ERROR;
    else if (control & DMA_WRITE)
        result = DMA_ERROR;
    else if (control & DMA_SKIP)
        skip_item(f, length);
    put_be(d, result, 4);
    space_dma_written(f->dev.env->mem, f->dma, 4);
}

static uint64_t select_read(void *opaque, uint64_t offset, unsigned size)
{
    uint8_t v = 0;

    if (offset == 1 && size == 1)
        read_item(opaque, &v, 1);
    return v;
}

static void select_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    if (offset == 0)
        select_item(opaque, value);
}

static uint64_t dma_read(void *opaque, uint64_t offset, unsigned size)
{
    uint8_t sig[8];
    uint64_t v = 0;

    put_be(sig, DMA_SIGNATURE, 8);
    memcpy(&v, sig + offset, size);
    return v;
}

/* The register is big-endian: its low half comes last and starts the transfer. */
static void dma_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct fw_cfg *f = opaque;
    uint8_t be[8];

    put_be(be, f->dma, 8);
    memcpy(be + offset, &value, size);
    f->dma = get_be(be, 8);
    if (offset + size < 8)
        return;
    transfer(f);
    f->dma = 0;
}

static bool fw_cfg_realize(struct dev *d, struct err *e)
{
    struct fw_cfg *f = (struct fw_cfg *)d;

    return fw_cfg_add(f, FW_CFG_SIGNATURE, "QEMU", 4, e) &&
           fw_cfg_add_int(f, FW_CFG_ID, ID_TRADITIONAL | ID_DMA, 4, e) &&
           fw_cfg_add_int(f, FW_CFG_FILE_DIR, 0, 4, e);
}

static void fw_cfg_unrealize(struct dev *d)
{
    struct fw_cfg *f = (struct fw_cfg *)d;
    unsigned i;

    for (i = 0; i < f->n; i++)
        free(f->item[i].data);
    free(f->item);
    f->item = NULL;
    f->n = 0;
}

static void fw_cfg_reset(struct dev *d)
{
    struct fw_cfg *f = (struct fw_cfg *)d;

    f->key = 0;
    f->at = 0;
    f->dma = 0;
}

static const struct state_field fw_cfg_state[] = {
    STATE(struct fw_cfg, key), STATE(struct fw_cfg, at), STATE(struct fw_cfg, dma), STATE_END};

static const struct dev_region fw_cfg_regions[] = {
    {"fw-cfg", REGION_PORT, 2, {select_read, select_write, 1, 2}},
    {"fw-cfg-dma", REGION_PORT, 8, {dma_read, dma_write, 1, 4}},
    {0},
};

const struct dev_class fw_cfg_class = {
    .name = "fw_cfg",
    .size = sizeof(struct fw_cfg),
    .state = fw_cfg_state,
    .regions = fw_cfg_regions,
    .realize = fw_cfg_realize,
    .unrealize = fw_cfg_unrealize,
    .reset = fw_cfg_reset,
};
