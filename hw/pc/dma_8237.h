/* SPDX-License-Identifier: MIT
 * Pair of 8237A DMA controllers with the page registers of an AT. */
#ifndef HW_PC_DMA_8237_H
#define HW_PC_DMA_8237_H

#include "softmmu/dev.h"

#define DMA_CHANNELS 8 /* 0-3 bytes, 5-7 words; 4 is the cascade */

enum { DMA_REGION_LOW, DMA_REGION_HIGH, DMA_REGION_PAGE }; /* 0x00, 0xc0, 0x81 */

struct dma_channel {
    uint16_t base_addr, base_count, addr, count;
    uint8_t mode;
    /* wires: the channel can go on (unmasked, programmed); NULL: no device */
    void (*ready)(void *opaque);
    void *opaque;
};

struct dma_8237 {
    struct dev dev;
    struct dma_channel ch[DMA_CHANNELS];
    uint8_t page[15];                       /* ports 0x81-0x8f */
    uint8_t command[2], mask[2], status[2]; /* status: terminal counts */
    bool high_byte[2];                      /* flip-flops */
};

extern const struct dev_class dma_8237_class;

/* A device with DREQ asserted moves up to n bytes (of channels 5-7: an even number) between
 * buf and memory as the channel's mode says: a write transfer puts buf into memory, a read
 * transfer fills buf, verify does neither. Returns the bytes moved: fewer when the channel is
 * masked or reaches its terminal count, which *tc tells. */
unsigned dma_move(struct dma_8237 *d, unsigned channel, uint8_t *buf, unsigned n, bool *tc);

#endif
