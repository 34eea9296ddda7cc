/* SPDX-License-Identifier: MIT
 * Common Flash Interface (JESD68), Intel/Sharp extended command set 0001h, one chip of eight
 * bits with 4 KiB sectors, as QEMU's cfi.pflash01 on the pc board. Programming takes no time.
 * Left out: suspend, protection registers; lock bits are accepted and protect nothing. */
#include "hw/block/pflash_cfi01.h"

#include <stdlib.h>
#include <string.h>

#include "softmmu/log.h"

#define EMPTY_BYTES (1u << 20)

enum { /* commands; most of them are also the mode that they lead to */
       CMD_PROGRAM = 0x10,
       CMD_ERASE = 0x20,
       CMD_PROGRAM_ALT = 0x40,
       CMD_CLEAR_STATUS = 0x50,
       CMD_LOCK = 0x60,
       CMD_READ_STATUS = 0x70,
       CMD_READ_ID = 0x90,
       CMD_CFI = 0x98,
       CMD_CONFIRM = 0xd0,
       CMD_BUFFER = 0xe8,
       CMD_READ_ARRAY = 0xff,
       CMD_READ_ARRAY_ALT = 0xf0,
       MODE_COUNT = 0xe9, /* of a buffered write: the byte count, ... */
       MODE_DATA = 0xea,  /* ... the data, ... */
       MODE_COMMIT = 0xeb /* ... the confirmation */
};

#define STATUS_READY       0x80
#define STATUS_ERASE_ERR   0x20
#define STATUS_PROGRAM_ERR 0x10
#define STATUS_SEQUENCE    (STATUS_ERASE_ERR | STATUS_PROGRAM_ERR)

/* --- the drive -------------------------------------------------------------------------- */

static void write_back(struct pflash *f);

static void written(struct block_req *r, int error)
{
    struct pflash *f = r->opaque;

    f->writing = false;
    if (error)
        log_printf("%s: drive %s: %s\n", f->dev.id, f->blk->id, strerror(error));
    write_back(f);
}

static void write_back(struct pflash *f)
{
    uint32_t from = f->dirty_from & ~(BLOCK_SECTOR - 1);
    uint32_t to = (f->dirty_to + BLOCK_SECTOR - 1) & ~(BLOCK_SECTOR - 1);

    if (f->writing || f->dirty_from == f->dirty_to || !f->blk)
        return;
    f->dirty_from = f->dirty_to = 0;
    f->writing = true;
    f->vec = (struct block_vec){f->data + from, to - from};
    f->req = (struct block_req){.op = BLOCK_WRITE,
                                .offset = from,
                                .bytes = to - from,
                                .vec = &f->vec,
                                .n_vec = 1,
                                .done = written,
                                .opaque = f};
    block_submit(f->blk, &f->req);
}

static void touch(struct pflash *f, uint32_t from, uint32_t n)
{
    uint32_t to = from + n;

    if (f->dirty_from == f->dirty_to) {
        f->dirty_from = from;
        f->dirty_to = to;
    }
    f->dirty_from = from < f->dirty_from ? from : f->dirty_from;
    f->dirty_to = to > f->dirty_to ? to : f->dirty_to;
    if (f->placed)
        space_dma_written(f->dev.env->mem, f->base + from, n);
    write_back(f);
}

/* --- placement -------------------------------------------------------------------------- */

static const struct io_ops pflash_ops;

static void show(struct pflash *f, bool as_rom)
{
    struct space *s = f->dev.env->mem;
    struct err e;
    bool ok;

    if (!f->placed || f->as_rom == as_rom)
        return;
    space_hold(s);
    space_remove(s, f->base);
    ok = as_rom ? space_add_rom_io(s, "pflash", f->base, f->bytes, f->data, &pflash_ops, f, &e)
                : space_add_io(s, "pflash", f->base, f->bytes, &pflash_ops, f, &e);
    space_release(s);
    f->placed = ok; /* the place was just ours: it is free */
    f->as_rom = as_rom;
}

bool pflash_place(struct pflash *f, gpa base, struct err *e)
{
    f->base = base;
    f->as_rom = true;
    f->placed =
        space_add_rom_io(f->dev.env->mem, "pflash", base, f->bytes, f->data, &pflash_ops, f, e);
    return f->placed;
}

static void set_mode(struct pflash *f, uint8_t mode)
{
    f->mode = mode;
    show(f, mode == CMD_READ_ARRAY);
}

/* --- commands --------------------------------------------------------------------------- */

static bool may_write(const struct pflash *f)
{
    return !f->blk || !f->blk->readonly;
}

/* Bits only go from 1 to 0. */
static void program(struct pflash *f, uint32_t at, const uint8_t *p, uint32_t n)
{
    uint32_t i;

    f->status |= STATUS_READY;
    if (!may_write(f)) {
        f->status |= STATUS_PROGRAM_ERR;
        return;
    }
    for (i = 0; i < n; i++)
        f->data[at + i] &= p[i];
    touch(f, at, n);
}

static void erase(struct pflash *f, uint32_t at)
{
    at &= ~(PFLASH_SECTOR - 1);
    f->status |= STATUS_READY;
    if (!may_write(f)) {
        f->status |= STATUS_ERASE_ERR;
        return;
    }
    memset(f->data + at, 0xff, PFLASH_SECTOR);
    touch(f, at, PFLASH_SECTOR);
}

static void bad_sequence(struct pflash *f, uint8_t v)
{
    LOG_GUEST("%s: command %02x, %02x", f->dev.id, f->mode, v);
    f->status |= STATUS_READY | STATUS_SEQUENCE;
    set_mode(f, CMD_READ_STATUS);
}

static void first_cycle(struct pflash *f, uint8_t v)
{
    switch (v) {
    case CMD_PROGRAM_ALT: v = CMD_PROGRAM; break;
    case CMD_READ_ARRAY_ALT: v = CMD_READ_ARRAY; break;
    case CMD_BUFFER:
    case CMD_PROGRAM:
    case CMD_ERASE:
    case CMD_LOCK:
    case CMD_READ_STATUS:
    case CMD_READ_ID:
    case CMD_CFI:
    case CMD_READ_ARRAY: break;
    case CMD_CLEAR_STATUS:
        f->status = 0; /* not even ready: OVMF knows the chip by that */
        v = CMD_READ_ARRAY;
        break;
    default: LOG_GUEST("%s: unknown command %02x", f->dev.id, v); v = CMD_READ_ARRAY;
    }
    set_mode(f, v == CMD_BUFFER ? MODE_COUNT : v);
}

/* Collects what stays inside the aligned buffer that the first byte is in. */
static void buffer_byte(struct pflash *f, uint32_t at, uint8_t v)
{
    uint32_t base = at & ~(uint32_t)(sizeof(f->buffer) - 1);

    if (!f->buffered++) {
        f->buffer_at = base;
        memset(f->buffer, 0xff, sizeof(f->buffer));
    }
    if (base == f->buffer_at)
        f->buffer[at - base] = v;
    else
        f->status |= STATUS_PROGRAM_ERR;
    if (--f->count == 0)
        set_mode(f, MODE_COMMIT);
}

static void write_byte(struct pflash *f, uint32_t at, uint8_t v)
{
    switch (f->mode) {
    case CMD_PROGRAM:
        program(f, at, &v, 1);
        set_mode(f, CMD_READ_STATUS);
        break;
    case CMD_ERASE:
        if (v != CMD_CONFIRM) {
            bad_sequence(f, v);
            break;
        }
        erase(f, at);
        set_mode(f, CMD_READ_STATUS);
        break;
    case CMD_LOCK: set_mode(f, CMD_READ_STATUS); break;
    case MODE_COUNT:
        f->count = v + 1u;
        f->buffered = 0;
        set_mode(f, MODE_DATA);
        break;
    case MODE_DATA: buffer_byte(f, at, v); break;
    case MODE_COMMIT:
        if (v != CMD_CONFIRM) {
            bad_sequence(f, v);
            break;
        }
        program(f, f->buffer_at, f->buffer, sizeof(f->buffer));
        set_mode(f, CMD_READ_STATUS);
        break;
    default: first_cycle(f, v);
    }
}

static uint8_t cfi_byte(const struct pflash *f, uint32_t at)
{
    uint32_t blocks = f->bytes / PFLASH_SECTOR - 1;

    switch (at & 0xff) {
    case 0x10: return 'Q';
    case 0x11: return 'R';
    case 0x12: return 'Y';
    case 0x13: return 0x01; /* command set */
    case 0x15: return 0x31; /* where its table is */
    case 0x1b: return 0x45; /* supply, volts */
    case 0x1c: return 0x55;
    case 0x1f: return 7; /* typical times: byte, buffer 2^n us, erase 2^n ms */
    case 0x20: return 7;
    case 0x21: return 10;
    case 0x23: return 4; /* longest: typical times 2^n */
    case 0x24: return 4;
    case 0x25: return 4;
    case 0x27: return 31 - __builtin_clz(f->bytes) + ((f->bytes & (f->bytes - 1)) != 0);
    case 0x2a: return 8; /* buffer of 2^n bytes */
    case 0x2c: return 1; /* one region: blocks - 1, bytes / 256 */
    case 0x2d: return blocks;
    case 0x2e: return blocks >> 8;
    case 0x2f: return PFLASH_SECTOR / 256 & 0xff;
    case 0x30: return PFLASH_SECTOR / 256 >> 8;
    case 0x31: return 'P';
    case 0x32: return 'R';
    case 0x33: return 'I';
    case 0x34: return '1';
    case 0x35: return '0';
    default: return 0;
    }
}

static uint8_t read_byte(const struct pflash *f, uint32_t at)
{
    switch (f->mode) {
    case CMD_READ_ARRAY: return f->data[at];
    case CMD_READ_ID: return (at & 0xff) == 0 ? 0x89 : (at & 0xff) == 1 ? 0x18 : 0;
    case CMD_CFI: return cfi_byte(f, at);
    default: return f->status;
    }
}

static uint64_t pflash_read(void *opaque, uint64_t offset, unsigned size)
{
    uint64_t v = 0;
    unsigned i;

    for (i = 0; i < size; i++)
        v |= (uint64_t)read_byte(opaque, (uint32_t)offset + i) << (8 * i);
    return v;
}

static void pflash_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    write_byte(opaque, (uint32_t)offset, value);
}

static const struct io_ops pflash_ops = {pflash_read, pflash_write, 1, 1};

/* --- lifecycle -------------------------------------------------------------------------- */

static void loaded(struct block_req *r, int error)
{
    *(int *)r->opaque = error;
}

static bool load(struct pflash *f, struct err *e)
{
    int error = -1;
    struct block_vec vec = {f->data, f->bytes};
    struct block_req r = {.op = BLOCK_READ,
                          .bytes = f->bytes,
                          .vec = &vec,
                          .n_vec = 1,
                          .done = loaded,
                          .opaque = &error};

    block_submit(f->blk, &r);
    block_drain(f->blk);
    return !error || err_set(e, "drive %s: cannot be read: %s", f->blk->id, strerror(error));
}

static bool pflash_realize(struct dev *d, struct err *e)
{
    struct pflash *f = (struct pflash *)d;
    uint64_t bytes = f->blk ? f->blk->bytes : EMPTY_BYTES;

    if (!bytes || bytes % PFLASH_SECTOR || bytes > 16u << 20)
        return err_set(e,
                       "drive %s: flash has whole sectors of 4 KiB, at most 16 MiB, not %llu "
                       "bytes",
                       f->blk->id, (unsigned long long)bytes);
    f->bytes = (uint32_t)bytes;
    f->data = aligned_alloc(GUEST_PAGE_SIZE, bytes);
    if (!f->data)
        return err_set(e, "out of memory");
    memset(f->data, 0xff, bytes);
    if (!f->blk || load(f, e))
        return true;
    free(f->data);
    f->data = NULL;
    return false;
}

static void pflash_unrealize(struct dev *d)
{
    struct pflash *f = (struct pflash *)d;

    while (f->writing)
        block_drain(f->blk);
    if (f->placed)
        space_remove(f->dev.env->mem, f->base);
    f->placed = false;
    free(f->data);
    f->data = NULL;
}

static void pflash_reset(struct dev *d)
{
    struct pflash *f = (struct pflash *)d;

    f->status = STATUS_READY;
    f->count = f->buffered = f->buffer_at = 0;
    memset(f->buffer, 0, sizeof(f->buffer));
    set_mode(f, CMD_READ_ARRAY);
}

static void pflash_loaded(struct dev *d)
{
    struct pflash *f = (struct pflash *)d;

    show(f, f->mode == CMD_READ_ARRAY);
}

static const struct prop pflash_props[] = {PROP(PROP_DRIVE, struct pflash, blk, "drive", 0),
                                           PROP_END};

static const struct state_field pflash_state[] = {STATE(struct pflash, mode),
                                                  STATE(struct pflash, status),
                                                  STATE(struct pflash, count),
                                                  STATE(struct pflash, buffered),
                                                  STATE(struct pflash, buffer_at),
                                                  STATE_ARRAY(struct pflash, buffer),
                                                  STATE_END};

const struct dev_class pflash_class = {
    .name = "cfi.pflash01",
    .size = sizeof(struct pflash),
    .props = pflash_props,
    .state = pflash_state,
    .realize = pflash_realize,
    .unrealize = pflash_unrealize,
    .reset = pflash_reset,
    .loaded = pflash_loaded,
};
