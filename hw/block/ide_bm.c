/* SPDX-License-Identifier: MIT
 * Programming Interface for Bus Master IDE Controller, revision 1.0; 82371SB (PIIX3) data
 * sheet, 2.7. Physical region descriptors lead to guest RAM, to or from which the back end
 * moves whole sectors itself; whatever else they name (odd pieces, MMIO, nothing) goes through
 * the drive's buffer. A table that ends before the drive is done clears Active and leaves the
 * drive waiting without an interrupt; one that is longer leaves Active set. */
#include <string.h>

#include "hw/block/ide_int.h"
#include "softmmu/log.h"

#define PRD_LAST 0x80000000u

void ide_bm_reset(struct ide_bm *b)
{
    *b = (struct ide_bm){.command = 0};
}

void ide_bm_ended(struct ide_bm *b)
{
    if (b->last && !b->left)
        b->status &= ~BM_ACTIVE;
}

/* Makes a descriptor current; false when the table has ended. */
static bool fetch(struct ide_channel *ch)
{
    struct ide_bm *b = &ch->bm;
    uint32_t prd[2];

    if (b->left)
        return true;
    if (b->last)
        return false;
    pci_dma_read(&ch->ide->pci, b->next, prd, sizeof(prd));
    b->next = (b->next & 0xffff0000) | ((b->next + 8) & 0xffff); /* it lies in one 64 KiB */
    b->addr = prd[0] & ~1u;
    b->left = (prd[1] & 0xfffe) ? prd[1] & 0xfffe : 0x10000;
    b->last = prd[1] & PRD_LAST;
    return true;
}

static void add_vec(struct ide_drive *d, uint8_t *p, gpa addr, uint64_t n)
{
    struct block_vec *v = &d->vec[d->req.n_vec];

    if (d->req.n_vec && (uint8_t *)v[-1].base + v[-1].len == p &&
        d->vec_addr[d->req.n_vec - 1] + v[-1].len == addr) {
        v[-1].len += n;
        return;
    }
    *v = (struct block_vec){.base = p, .len = n};
    d->vec_addr[d->req.n_vec++] = addr;
}

/* Maps what the table names as far as it is RAM in whole sectors; returns its bytes. */
static uint64_t gather(struct ide_drive *d, bool to_memory)
{
    struct ide_bm *b = &d->ch->bm;
    uint64_t total = 0;

    d->req.n_vec = 0;
    while (total < d->left && d->req.n_vec < IDE_VECS && fetch(d->ch)) {
        uint64_t n = b->left < d->left - total ? b->left : d->left - total;
        uint8_t *p = pci_dma_map(&d->ch->ide->pci, b->addr, &n, to_memory);

        n &= ~(uint64_t)(BLOCK_SECTOR - 1);
        if (!p || !n)
            break;
        add_vec(d, p, b->addr, n);
        b->addr += n;
        b->left -= n;
        total += n;
    }
    return total;
}

void ide_dma_commit(struct ide_drive *d)
{
    unsigned i;

    for (i = 0; i < d->req.n_vec; i++)
        space_dma_written(d->ch->ide->pci.dev.env->mem, d->vec_addr[i], d->vec[i].len);
}

/* Between buf[pos, avail) and what the table names; false when the table ends before. */
static bool copy(struct ide_drive *d)
{
    struct ide_bm *b = &d->ch->bm;
    struct pci_fn *fn = &d->ch->ide->pci;

    while (d->pos < d->avail) {
        uint32_t n = d->avail - d->pos;

        if (!fetch(d->ch))
            return false;
        n = n < b->left ? n : b->left;
        if (d->dir == IDE_IN)
            pci_dma_write(fn, b->addr, d->buf + d->pos, n);
        else
            pci_dma_read(fn, b->addr, d->buf + d->pos, n);
        d->pos += n;
        b->addr += n;
        b->left -= n;
    }
    return true;
}

static void stall(struct ide_drive *d)
{
    LOG_GUEST("ide: descriptor table is shorter than the transfer");
    d->ch->bm.status &= ~BM_ACTIVE;
}

/* Buffered data first, then the next part of the medium. */
static void step_in(struct ide_drive *d)
{
    uint64_t n;

    if (d->pos < d->avail && !copy(d)) {
        stall(d);
    } else if (!d->left) {
        if (d->data == IDE_DATA_MEDIA && !d->packet)
            ata_finish(d);
        ide_end(d);
    } else if (d->raw) {
        ide_fill(d);
    } else if ((n = gather(d, true))) {
        ide_submit(d, BLOCK_READ, n);
    } else if (fetch(d->ch)) {
        ide_fill(d);
    } else {
        stall(d);
    }
}

static void step_out(struct ide_drive *d)
{
    uint64_t n;

    if (!d->avail) {
        if ((n = gather(d, false))) {
            ide_submit(d, BLOCK_WRITE, n);
            return;
        }
        d->pos = 0;
        d->avail = d->left < IDE_BUF ? d->left : IDE_BUF;
    }
    if (copy(d))
        ide_taken(d);
    else
        stall(d);
}

void ide_dma_step(struct ide_drive *d)
{
    struct ide_bm *b = &d->ch->bm;

    if (!(b->command & BM_START) || !(b->status & BM_ACTIVE) ||
        !pci_fn_bus_master(&d->ch->ide->pci))
        return;
    if (d->dir == IDE_IN)
        step_in(d);
    else
        step_out(d);
}

/* ---- registers ---- */

static void start(struct ide_channel *ch)
{
    struct ide_bm *b = &ch->bm;
    unsigned i;

    b->status |= BM_ACTIVE;
    b->next = b->table;
    b->left = 0;
    b->last = false;
    for (i = 0; i < 2; i++)
        if (ch->drive[i].dma && ch->drive[i].dir != IDE_NONE && !ch->drive[i].in_flight)
            ide_dma_step(&ch->drive[i]);
}

static void write_command(struct ide_channel *ch, uint8_t v)
{
    bool was = ch->bm.command & BM_START;
    unsigned i;

    ch->bm.command = v & (BM_START | BM_TO_MEM);
    if (!was && (v & BM_START)) {
        start(ch);
    } else if (was && !(v & BM_START)) {
        for (i = 0; i < 2; i++)
            if (ch->drive[i].in_flight && ch->drive[i].dma)
                block_drain(ch->drive[i].blk);
        ch->bm.status &= ~BM_ACTIVE;
    }
}

uint64_t ide_bm_read(void *opaque, uint64_t offset, unsigned size)
{
    struct ide *ide = opaque;
    const struct ide_bm *b = &ide->ch[offset >> 3].bm;

    switch (offset & 7) {
    case 0: return b->command;
    case 2: return b->status;
    case 4:
    case 5:
    case 6:
    case 7: return b->table >> (offset & 3) * 8 & 0xff;
    default: return 0xff;
    }
}

void ide_bm_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ide *ide = opaque;
    struct ide_channel *ch = &ide->ch[offset >> 3];
    struct ide_bm *b = &ch->bm;
    unsigned shift = (offset & 3) * 8;

    switch (offset & 7) {
    case 0: write_command(ch, value); break;
    case 2:
        b->status &= ~(value & (BM_INTR | BM_ERROR));
        b->status = (b->status & 0x07) | (value & 0x60);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        b->table = (b->table & ~(0xffu << shift)) | (uint32_t)value << shift;
        b->table &= ~3u;
        break;
    default: break;
    }
}
