/* SPDX-License-Identifier: MIT
 * Between the files of the IDE function. */
#ifndef HW_BLOCK_IDE_INT_H
#define HW_BLOCK_IDE_INT_H

#include "hw/block/ide.h"

#define ST_ERR  0x01 /* CHK in a packet command */
#define ST_DRQ  0x08
#define ST_DSC  0x10
#define ST_DF   0x20
#define ST_DRDY 0x40
#define ST_BSY  0x80

#define ER_ABRT 0x04
#define ER_IDNF 0x10
#define ER_UNC  0x40

#define DEV_LBA  0x40
#define DEV_UNIT 0x10

#define IR_CD 0x01 /* interrupt reason: command packet */
#define IR_IO 0x02 /* to the host */

#define CTL_NIEN 0x02
#define CTL_SRST 0x04
#define CTL_HOB  0x80

#define BM_START  0x01
#define BM_TO_MEM 0x08
#define BM_ACTIVE 0x01
#define BM_ERROR  0x02
#define BM_INTR   0x04

/* ide.c */
void ide_update(struct ide_channel *ch);
void ide_raise(struct ide_drive *d);          /* INTRQ */
void ide_signature(struct ide_drive *d);      /* registers after a reset */
void ide_drive_cancel(struct ide_drive *d);   /* no request, no data phase afterwards */
void ide_drive_defaults(struct ide_drive *d); /* settings that a hardware reset restores */

/* ide_xfer.c: the data phase */
void ide_end(struct ide_drive *d);                 /* without error; interrupts */
void ide_fail(struct ide_drive *d, uint8_t error); /* ATA error register; interrupts */
void ide_reply(struct ide_drive *d, uint32_t n);   /* n bytes of buf to the host */
void ide_take(struct ide_drive *d, enum ide_data data, uint32_t n); /* n bytes into buf */
/* The range [at, at + bytes) of the medium; drq_size, dma, raw and fua are set. */
void ide_media(struct ide_drive *d, enum ide_dir dir, uint64_t at, uint64_t bytes);
void ide_fill(struct ide_drive *d); /* next part of the medium into buf */
void ide_submit(struct ide_drive *d, enum block_op op, uint64_t bytes);
void ide_submit_buf(struct ide_drive *d, enum block_op op, uint32_t pos, uint64_t bytes);
void ide_taken(struct ide_drive *d); /* all that ide_take asked for is in buf */
uint32_t ide_data_read(struct ide_drive *d, unsigned size);
void ide_data_write(struct ide_drive *d, uint32_t value, unsigned size);

/* ide_bm.c */
uint64_t ide_bm_read(void *opaque, uint64_t offset, unsigned size);
void ide_bm_write(void *opaque, uint64_t offset, uint64_t value, unsigned size);
void ide_bm_reset(struct ide_bm *b);
void ide_bm_ended(struct ide_bm *b);      /* the drive has no more data */
void ide_dma_step(struct ide_drive *d);   /* goes on as far as start bit and PRDs allow */
void ide_dma_commit(struct ide_drive *d); /* a direct read has arrived */

/* ide_ata.c */
void ata_command(struct ide_drive *d, uint8_t command);
void ata_media_error(struct ide_drive *d, int error);
void ata_finish(struct ide_drive *d); /* address registers after a media command */
void ata_param(struct ide_drive *d);  /* trim ranges have arrived */
void ata_trim_next(struct ide_drive *d);

/* ide_atapi.c */
void atapi_identify(struct ide_drive *d);
void atapi_start(struct ide_drive *d);  /* command A0h */
void atapi_packet(struct ide_drive *d); /* the packet is in buf */
void atapi_media_error(struct ide_drive *d, int error);
void atapi_reset(struct ide_drive *d);
void atapi_changed(struct ide_drive *d); /* another medium, or none */
void atapi_eject_request(struct ide_drive *d);

/* ide_identify.c */
void ide_put_string(uint8_t *words, unsigned word, unsigned n_words, const char *s);
void ide_put16(uint8_t *words, unsigned word, uint16_t v);
void ata_identify(struct ide_drive *d); /* fills buf */

#endif
