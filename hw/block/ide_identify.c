/* SPDX-License-Identifier: MIT
 * ATA/ATAPI-6 (T13/1410D), 8.15 and 8.16, ATA/ATAPI-8 ACS for words 69, 105, 169: IDENTIFY
 * DEVICE and IDENTIFY PACKET DEVICE. */
#include <stdio.h>
#include <string.h>

#include "hw/block/ide_int.h"

void ide_put16(uint8_t *words, unsigned word, uint16_t v)
{
    words[2 * word] = v;
    words[2 * word + 1] = v >> 8;
}

static void put32(uint8_t *words, unsigned word, uint32_t v)
{
    ide_put16(words, word, v);
    ide_put16(words, word + 1, v >> 16);
}

/* Padded with blanks, the first character of each pair in the high byte. */
void ide_put_string(uint8_t *words, unsigned word, unsigned n_words, const char *s)
{
    unsigned i;

    for (i = 0; i < 2 * n_words; i++)
        words[2 * word + (i ^ 1)] = *s ? (uint8_t)*s++ : ' ';
}

static void put_names(struct ide_drive *d, const char *model)
{
    char serial[24];

    snprintf(serial, sizeof(serial), "MY%05u",
             (unsigned)(d->ch - d->ch->ide->ch) * 2 + d->unit);
    ide_put_string(d->buf, 10, 10,
                   d->serial        ? d->serial
                   : d->blk->serial ? d->blk->serial
                                    : serial);
    ide_put_string(d->buf, 23, 4, d->version ? d->version : "1.0");
    ide_put_string(d->buf, 27, 20, d->model ? d->model : model);
}

/* Words 63 and 88: what is supported below, what SET FEATURES chose above. */
static void put_modes(struct ide_drive *d)
{
    uint8_t kind = d->xfer_mode & 0xf8, bit = 1u << (d->xfer_mode & 7);

    ide_put16(d->buf, 63, 0x07 | (kind == 0x20 ? bit << 8 : 0));
    ide_put16(d->buf, 64, 0x03);
    ide_put16(d->buf, 65, 120);
    ide_put16(d->buf, 66, 120);
    ide_put16(d->buf, 67, 120);
    ide_put16(d->buf, 68, 120);
    ide_put16(d->buf, 88, 0x3f | (kind == 0x40 ? bit << 8 : 0));
}

static void put_checksum(uint8_t *words)
{
    uint8_t sum = 0;
    unsigned i;

    words[510] = 0xa5;
    for (i = 0; i < 511; i++)
        sum += words[i];
    words[511] = -sum;
}

static void put_geometry(struct ide_drive *d, uint64_t sectors)
{
    uint32_t per_cyl = d->cur_heads * d->cur_spt;
    uint64_t cyls = per_cyl ? sectors / per_cyl : 0;

    ide_put16(d->buf, 1, d->cyls);
    ide_put16(d->buf, 3, 16);
    ide_put16(d->buf, 6, 63);
    if (cyls > 65535)
        cyls = 65535;
    ide_put16(d->buf, 54, cyls);
    ide_put16(d->buf, 55, d->cur_heads);
    ide_put16(d->buf, 56, d->cur_spt);
    put32(d->buf, 57, cyls * per_cyl);
}

static void put_features(struct ide_drive *d)
{
    uint16_t on = 0x4008 | (d->smart ? 0x01 : 0) | (d->write_cache ? 0x20 : 0) |
                  (d->look_ahead ? 0x40 : 0);

    ide_put16(d->buf, 80, 0x00f0);
    ide_put16(d->buf, 82, 0x4069); /* NOP, look-ahead, write cache, power, SMART */
    ide_put16(d->buf, 83, 0x7400); /* FLUSH (EXT), LBA48 */
    ide_put16(d->buf, 84, 0x4040); /* FUA */
    ide_put16(d->buf, 85, on);
    ide_put16(d->buf, 86, 0x3400);
    ide_put16(d->buf, 87, 0x4040);
}

void ata_identify(struct ide_drive *d)
{
    uint64_t sectors = d->blk->bytes / BLOCK_SECTOR;

    memset(d->buf, 0, 512);
    ide_put16(d->buf, 0, 0x0040);
    put_geometry(d, sectors);
    put_names(d, "MYNAH HARDDISK");
    ide_put16(d->buf, 47, 0x8010);
    ide_put16(d->buf, 48, 1);
    ide_put16(d->buf, 49, 0x0f00);
    ide_put16(d->buf, 50, 0x4000);
    ide_put16(d->buf, 51, 0x0200);
    ide_put16(d->buf, 53, 0x0007);
    ide_put16(d->buf, 59, d->multiple ? 0x0100 | d->multiple : 0);
    put32(d->buf, 60, sectors < 0x0fffffff ? sectors : 0x0fffffff);
    put_modes(d);
    put_features(d);
    ide_put16(d->buf, 93, d->unit ? 0x4b00 : 0x400b);
    put32(d->buf, 100, sectors);
    put32(d->buf, 102, sectors >> 32);
    if (!d->blk->readonly) {
        ide_put16(d->buf, 105, IDE_BUF / 512);
        ide_put16(d->buf, 169, 1);
    }
    put_checksum(d->buf);
}

void atapi_identify(struct ide_drive *d)
{
    memset(d->buf, 0, 512);
    ide_put16(d->buf, 0, 0x85c0); /* ATAPI, CD-ROM, removable, DRQ within 50 us, 12 bytes */
    put_names(d, "MYNAH CD-ROM");
    ide_put16(d->buf, 49, 0x0f00);
    ide_put16(d->buf, 53, 0x0006);
    put_modes(d);
    ide_put16(d->buf, 71, 30);
    ide_put16(d->buf, 72, 30);
    ide_put16(d->buf, 80, 0x0070);
    ide_put16(d->buf, 82, 0x4210); /* NOP, DEVICE RESET, PACKET */
    ide_put16(d->buf, 83, 0x4000);
    ide_put16(d->buf, 84, 0x4000);
    ide_put16(d->buf, 85, 0x4210);
    ide_put16(d->buf, 87, 0x4000);
    put_checksum(d->buf);
}
