/* SPDX-License-Identifier: MIT
 * PIIX3 IDE function: two ATA channels of two drives, bus master. */
#ifndef HW_BLOCK_IDE_H
#define HW_BLOCK_IDE_H

#include "hw/pci/pci.h"
#include "softmmu/block.h"
#include "softmmu/irq.h"

#define IDE_BUF  32768u /* bytes: a DRQ block at most, and the bounce buffer of DMA */
#define IDE_VECS 256

enum ide_dir { IDE_NONE, IDE_IN, IDE_OUT }; /* of the data phase, as the host sees it */

/* What passes through the data phase, and so what follows it. */
enum ide_data {
    IDE_DATA_REPLY,  /* the buffer, which ends the command */
    IDE_DATA_MEDIA,  /* the medium from `at`, `left` bytes */
    IDE_DATA_PACKET, /* a command packet */
    IDE_DATA_PARAM,  /* the command's own data: trim ranges, mode pages */
};

struct ide_channel;

struct ide_drive {
    struct ide_channel *ch;
    struct block *blk; /* wire; NULL: no drive */
    bool atapi;        /* the medium is removable: a CD-ROM */
    uint8_t unit;
    const char *serial, *model, *version; /* or NULL */
    uint16_t cyls;                        /* default translation */
    uint8_t cur_heads, cur_spt;

    uint8_t feature[2], count[2], lba_low[2], lba_mid[2], lba_high[2]; /* [1]: previous */
    uint8_t device, status, error, command;
    bool intrq;

    uint8_t multiple, xfer_mode;
    bool write_cache, look_ahead, smart, standby;

    uint8_t dir, data;
    bool dma, packet, fua, raw;       /* raw: 2352-byte CD sectors */
    uint32_t pos, drq_end, avail;     /* in buf */
    uint32_t drq_size;                /* bytes to a DRQ block */
    uint64_t at, left, first, length; /* bytes: next, to do; first and length of the command */

    uint8_t sense, asc, ascq, media_event;
    bool attention; /* unit attention to be told */

    struct block_req req;
    struct block_vec vec[IDE_VECS];
    gpa vec_addr[IDE_VECS];
    bool in_flight, answered, pumping, cancelled;
    int result;
    uint8_t buf[IDE_BUF];
};

struct ide_bm {
    uint8_t command, status;
    uint32_t table;            /* BMIDTP */
    uint32_t next, addr, left; /* next descriptor; what is left of this one */
    bool last;
};

struct ide_channel {
    struct ide *ide;
    struct irq irq; /* wire */
    struct ide_drive drive[2];
    struct ide_bm bm;
    uint8_t select, control;
    bool level;
};

struct ide {
    struct pci_fn pci;
    struct ide_channel ch[2];
};

enum { IDE_REGION_CMD0, IDE_REGION_CTL0, IDE_REGION_CMD1, IDE_REGION_CTL1, IDE_REGION_BM };

extern const struct dev_class ide_class;

/* Before reset: drive `unit` of a channel; removable media make it a CD-ROM. */
void ide_attach(struct ide *ide, unsigned channel, unsigned unit, struct block *blk);

#endif
