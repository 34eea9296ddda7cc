/* SPDX-License-Identifier: MIT
 * 82077AA floppy disk controller with two drives. */
#ifndef HW_BLOCK_FDC_82077_H
#define HW_BLOCK_FDC_82077_H

#include "hw/pc/dma_8237.h"
#include "softmmu/block.h"
#include "softmmu/irq.h"

#define FDC_DRIVES 2
#define FDC_DMA    2 /* channel */
#define FDC_SECTOR 512u

enum { FDC_REGION_MAIN, FDC_REGION_DIR }; /* 0x3f0-0x3f5, 0x3f7 */

struct fdc_media {
    uint32_t kib;
    uint8_t cyls, heads, spt;
    uint8_t rate;  /* as in CCR: 0 500, 1 300, 2 250, 3 1000 kbit/s */
    uint8_t drive; /* type of the drive, as in CMOS byte 0x10 */
};

struct fdc_drive {
    struct block *blk; /* wire; NULL: no drive */
    const struct fdc_media *media;
    uint8_t cyl; /* where the heads are */
    bool changed;
};

enum fdc_phase { FDC_COMMAND, FDC_EXECUTION, FDC_RESULT };

struct fdc {
    struct dev dev;
    struct irq irq;       /* wire: IRQ 6 */
    struct dma_8237 *dma; /* wire */
    struct fdc_drive drive[FDC_DRIVES];

    uint8_t dor, tdr, dsr, ccr;
    uint8_t phase, reset_sense; /* drives whose reset status has not been sensed */
    bool interrupt, seek_done;
    uint8_t seek_st0;
    uint8_t cmd[16], n_cmd, need; /* bytes so far, and in all */
    uint8_t result[16], n_result, at_result;
    uint8_t specify[2], config[2], perpendicular;
    bool lock;

    /* execution of a data command */
    uint8_t unit, cyl, head, sector, eot, st0, st1, st2;
    bool writing, formatting, tc;
    uint16_t pos, len; /* in buf */
    uint8_t buf[FDC_SECTOR];

    struct block_req req;
    struct block_vec vec;
    bool in_flight, answered, pumping, cancelled;
    int error;
};

extern const struct dev_class fdc_class;

/* Before realize. */
void fdc_attach(struct fdc *f, unsigned unit, struct block *blk);
/* Type of a drive that takes a disk of that size, as in CMOS byte 0x10. */
uint8_t fdc_drive_type(const struct block *blk);

#endif
