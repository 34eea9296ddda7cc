/* SPDX-License-Identifier: MIT
 * What the parts of the floppy controller share. */
#ifndef HW_BLOCK_FDC_INT_H
#define HW_BLOCK_FDC_INT_H

#include "hw/block/fdc_82077.h"

#define DOR_UNIT   0x03
#define DOR_NRESET 0x04
#define DOR_DMA    0x08
#define DSR_RESET  0x80

#define MSR_RQM 0x80
#define MSR_DIO 0x40
#define MSR_NDM 0x20
#define MSR_CB  0x10

#define ST0_ABNORMAL 0x40
#define ST0_INVALID  0x80
#define ST0_POLLED   0xc0
#define ST0_SE       0x20
#define ST0_EC       0x10

#define ST1_EN 0x80
#define ST1_DE 0x20
#define ST1_ND 0x04
#define ST1_NW 0x02
#define ST1_MA 0x01
#define ST2_DD 0x20
#define ST2_WC 0x10

#define ST3_WP 0x40
#define ST3_T0 0x10

#define CONFIG_POLL_OFF 0x10
#define CONFIG_EFIFO    0x20 /* FIFO disabled */
#define CONFIG_EIS      0x40 /* implied seek */

struct fdc_command {
    uint8_t mask, code, bytes; /* bytes: with the code itself */
    void (*fn)(struct fdc *f);
};

/* fdc_82077.c: the interrupt, and the phases. */
void fdc_raise(struct fdc *f);
void fdc_lower(struct fdc *f);
bool fdc_uses_dma(const struct fdc *f);
struct fdc_drive *fdc_drive_at(struct fdc *f, unsigned unit); /* NULL: there is none */
void fdc_to_command(struct fdc *f);
void fdc_to_result(struct fdc *f, unsigned n);
void fdc_finish(struct fdc *f, uint8_t st0, uint8_t st1, uint8_t st2);
void fdc_fail(struct fdc *f, uint8_t st1, uint8_t st2);

/* fdc_cmd.c; an unknown code has a row as well. */
const struct fdc_command *fdc_find_command(uint8_t code);

/* fdc_xfer.c. */
bool fdc_advance(struct fdc *f);
bool fdc_locate(struct fdc *f, uint64_t *offset);
void fdc_read_over(struct fdc *f);
void fdc_filled(struct fdc *f);
void fdc_wait_for_host(struct fdc *f, uint16_t len);
void fdc_next_sector(struct fdc *f);
void fdc_dma_ready(void *opaque);
void fdc_cancel(struct fdc *f); /* returns when nothing is under way */

/* fdc_media.c. */
const struct fdc_media *fdc_media_of(const struct block *blk);
#endif
