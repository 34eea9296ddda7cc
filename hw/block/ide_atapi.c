/* SPDX-License-Identifier: MIT
 * ATA/ATAPI-6 (T13/1410D), 9.8 and 9.9: PACKET; SFF-8020i and MMC-3 (T10/1363D): commands of a
 * CD/DVD-ROM drive with one data track. Left out: audio, writing, raw sub-channel data, DVD
 * structures. */
#include <errno.h>
#include <string.h>

#include "hw/block/ide_int.h"
#include "softmmu/log.h"

#define CD_BYTES  2048u
#define RAW_BYTES 2352u
#define CD_BLOCKS 360000u /* more than 80 minutes: a DVD */
#define PACKET    12u
#define TRACK_END 0xaa

enum { NO_SENSE = 0, NOT_READY = 2, MEDIUM_ERROR = 3, ILLEGAL_REQUEST = 5, UNIT_ATTENTION = 6 };
enum {
    ASC_READ_ERROR = 0x11,
    ASC_BAD_OPCODE = 0x20,
    ASC_OUT_OF_RANGE = 0x21,
    ASC_BAD_FIELD = 0x24,
    ASC_CHANGED = 0x28,
    ASC_RESET = 0x29,
    ASC_SAVING = 0x39,
    ASC_NO_MEDIUM = 0x3a,
    ASC_LOAD_FAILED = 0x53,
};
enum { EVENT_NONE, EVENT_EJECT, EVENT_NEW, EVENT_REMOVED };
enum { PROFILE_CD = 0x08, PROFILE_DVD = 0x10 };

struct packet_command {
    uint8_t code;
    bool any_time; /* also while a unit attention waits */
    bool medium;   /* needs one */
    void (*fn)(struct ide_drive *d, const uint8_t *p);
};

static uint16_t get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = v >> 8;
    p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v);
}

static uint32_t blocks(const struct ide_drive *d)
{
    uint64_t n = d->blk->bytes / CD_BYTES;

    return n > 0xffffffff ? 0xffffffff : n;
}

static bool has_medium(const struct ide_drive *d)
{
    return d->blk->present && !d->blk->tray_open;
}

/* ---- sense ---- */

static void check_ascq(struct ide_drive *d, uint8_t sense, uint8_t asc, uint8_t ascq)
{
    d->sense = sense;
    d->asc = asc;
    d->ascq = ascq;
    ide_fail(d, sense << 4 | (sense == ILLEGAL_REQUEST ? ER_ABRT : 0));
}

static void check(struct ide_drive *d, uint8_t sense, uint8_t asc)
{
    check_ascq(d, sense, asc, 0);
}

void atapi_media_error(struct ide_drive *d, int error)
{
    if (error == ENOMEDIUM)
        check(d, NOT_READY, ASC_NO_MEDIUM);
    else if (error == EINVAL)
        check(d, ILLEGAL_REQUEST, ASC_OUT_OF_RANGE);
    else
        check(d, MEDIUM_ERROR, ASC_READ_ERROR);
}

void atapi_reset(struct ide_drive *d)
{
    d->sense = UNIT_ATTENTION;
    d->asc = ASC_RESET;
    d->ascq = 0;
    d->attention = true;
    d->media_event = EVENT_NONE;
    if (d->blk)
        d->blk->locked = false;
}

void atapi_changed(struct ide_drive *d)
{
    d->media_event = has_medium(d) ? EVENT_NEW : EVENT_REMOVED;
    d->attention = true;
    d->sense = UNIT_ATTENTION;
    d->asc = ASC_CHANGED;
    d->ascq = 0;
}

void atapi_eject_request(struct ide_drive *d)
{
    d->media_event = EVENT_EJECT;
}

/* At most `allocation` bytes of the n in buf. */
static void reply(struct ide_drive *d, uint32_t n, uint32_t allocation)
{
    ide_reply(d, n < allocation ? n : allocation);
}

/* ---- information ---- */

static void do_ready(struct ide_drive *d, const uint8_t *p)
{
    ide_end(d);
}

static void do_request_sense(struct ide_drive *d, const uint8_t *p)
{
    uint8_t max = p[4];

    memset(d->buf, 0, 18);
    d->buf[0] = 0x70;
    d->buf[2] = d->sense;
    d->buf[7] = 10;
    d->buf[12] = d->asc;
    d->buf[13] = d->ascq;
    d->attention = false;
    d->sense = d->asc = d->ascq = 0;
    reply(d, 18, max);
}

static void do_inquiry(struct ide_drive *d, const uint8_t *p)
{
    uint16_t max = get16(p + 3);

    if (p[1] & 3) { /* no vital product data */
        check(d, ILLEGAL_REQUEST, ASC_BAD_FIELD);
        return;
    }
    memset(d->buf, 0, 36);
    d->buf[0] = 0x05;
    d->buf[1] = 0x80;
    d->buf[2] = 0x00;
    d->buf[3] = 0x21;
    d->buf[4] = 31;
    memcpy(d->buf + 8, "MYNAH   CD-ROM          1.0 ", 28);
    reply(d, 36, max);
}

static void do_capacity(struct ide_drive *d, const uint8_t *p)
{
    put32(d->buf, blocks(d) - 1);
    put32(d->buf + 4, CD_BYTES);
    ide_reply(d, 8);
}

static void put_address(uint8_t *p, uint32_t lba, bool msf)
{
    if (!msf) {
        put32(p, lba);
        return;
    }
    lba += 150;
    p[0] = 0;
    p[1] = lba / 75 / 60;
    p[2] = lba / 75 % 60;
    p[3] = lba % 75;
}

static void put_track(uint8_t *p, uint8_t track, uint32_t lba, bool msf)
{
    p[0] = 0;
    p[1] = 0x14; /* data track */
    p[2] = track;
    p[3] = 0;
    put_address(p + 4, lba, msf);
}

static uint32_t put_toc(struct ide_drive *d, uint8_t first, bool msf)
{
    uint32_t n = 4;

    d->buf[2] = d->buf[3] = 1;
    if (first <= 1) {
        put_track(d->buf + n, 1, 0, msf);
        n += 8;
    }
    put_track(d->buf + n, TRACK_END, blocks(d), msf);
    n += 8;
    put16(d->buf, n - 2);
    return n;
}

static void do_read_toc(struct ide_drive *d, const uint8_t *p)
{
    uint16_t max = get16(p + 7);
    uint8_t format = p[2] & 15 ? p[2] & 15 : p[9] >> 6, first = p[6];
    bool msf = p[1] & 2;

    memset(d->buf, 0, 32);
    if (format == 1) { /* one session */
        put16(d->buf, 10);
        d->buf[2] = d->buf[3] = 1;
        put_track(d->buf + 4, 1, 0, msf);
        reply(d, 12, max);
    } else if (!format && (first <= 1 || first == TRACK_END)) {
        reply(d, put_toc(d, first, msf), max);
    } else {
        check(d, ILLEGAL_REQUEST, ASC_BAD_FIELD);
    }
}

static void do_disc_info(struct ide_drive *d, const uint8_t *p)
{
    uint16_t max = get16(p + 7);

    memset(d->buf, 0, 34);
    put16(d->buf, 32);
    d->buf[2] = 0x0e; /* last session complete, disc finalized */
    d->buf[3] = d->buf[4] = d->buf[5] = d->buf[6] = 1;
    d->buf[7] = 0x20; /* unrestricted use */
    memset(d->buf + 16, 0xff, 8);
    reply(d, 34, max);
}

/* READ TRACK INFORMATION, by logical block or track number. */
static void do_track_info(struct ide_drive *d, const uint8_t *p)
{
    uint32_t where = get32(p + 2);
    uint16_t max = get16(p + 7);
    bool by_lba = !(p[1] & 3);

    if (by_lba ? where >= blocks(d) : where != 1 && where != 0xff) {
        check(d, ILLEGAL_REQUEST, ASC_BAD_FIELD);
        return;
    }
    memset(d->buf, 0, 36);
    put16(d->buf, 34);
    d->buf[2] = d->buf[3] = 1; /* track, session */
    d->buf[5] = 0x04;          /* data, uninterrupted */
    d->buf[6] = 0x01;          /* mode 1 */
    put32(d->buf + 24, blocks(d));
    reply(d, 36, max);
}

static void do_mechanism(struct ide_drive *d, const uint8_t *p)
{
    uint16_t max = get16(p + 8);

    memset(d->buf, 0, 8);
    d->buf[1] = d->blk->tray_open ? 0x10 : 0;
    reply(d, 8, max);
}

/* ---- mode pages ---- */

static uint32_t put_error_page(uint8_t *p)
{
    static const uint8_t page[] = {0x01, 6, 0, 5, 0, 0, 0, 0};

    memcpy(p, page, sizeof(page));
    return sizeof(page);
}

static uint32_t put_audio_page(uint8_t *p)
{
    static const uint8_t page[] = {0x0e, 14, 4, 0, 0, 0, 0, 75, 1, 0xff, 2, 0xff};

    memset(p, 0, 16);
    memcpy(p, page, sizeof(page));
    return 16;
}

static uint32_t put_capability_page(const struct ide_drive *d, uint8_t *p)
{
    memset(p, 0, 22);
    p[0] = 0x2a;
    p[1] = 20;
    p[2] = 0x3b; /* reads CD-R, CD-RW, method 2, DVD-ROM, DVD-R */
    p[4] = 0x70; /* mode 2 forms 1 and 2, multi-session */
    p[5] = 0x01;
    p[6] = 0x29 | (d->blk->locked ? 0x02 : 0); /* tray, eject, lock */
    put16(p + 8, 706 * 4);
    put16(p + 12, 512);
    put16(p + 14, 706 * 4);
    return 22;
}

static uint8_t medium_type(const struct ide_drive *d)
{
    if (d->blk->tray_open)
        return 0x71;
    return d->blk->present ? 0x01 : 0x70;
}

static void do_mode_sense(struct ide_drive *d, const uint8_t *p)
{
    uint8_t page = p[2] & 0x3f, control = p[2] >> 6;
    uint16_t max = get16(p + 7);
    uint32_t n = 8;

    if (control == 3) {
        check(d, ILLEGAL_REQUEST, ASC_SAVING);
        return;
    }
    memset(d->buf, 0, 8);
    if (page == 0x01 || page == 0x3f)
        n += put_error_page(d->buf + n);
    if (page == 0x0e || page == 0x3f)
        n += put_audio_page(d->buf + n);
    if (page == 0x2a || page == 0x3f)
        n += put_capability_page(d, d->buf + n);
    if (n == 8) {
        check(d, ILLEGAL_REQUEST, ASC_BAD_FIELD);
        return;
    }
    put16(d->buf, n - 2);
    d->buf[2] = medium_type(d);
    reply(d, n, max);
}

static void do_mode_select(struct ide_drive *d, const uint8_t *p)
{
    uint32_t n = get16(p + 7);

    if (n > IDE_BUF)
        check(d, ILLEGAL_REQUEST, ASC_BAD_FIELD);
    else if (n)
        ide_take(d, IDE_DATA_PARAM, n);
    else
        ide_end(d);
}

/* ---- features and events ---- */

static uint16_t profile(const struct ide_drive *d)
{
    if (!has_medium(d))
        return 0;
    return blocks(d) > CD_BLOCKS ? PROFILE_DVD : PROFILE_CD;
}

struct feature {
    uint16_t code;
    uint8_t flags; /* version, persistent, current */
    uint8_t n;
    uint8_t data[8];
};

static const struct feature features[] = {
    {0x0000, 0x03, 8, {0, PROFILE_DVD, 0, 0, 0, PROFILE_CD, 0, 0}},
    {0x0001, 0x0b, 8, {0, 0, 0, 2, 0, 0, 0, 0}}, /* core: ATAPI */
    {0x0003, 0x0b, 4, {0x29, 0, 0, 0}},          /* removable: tray, eject, lock */
    {0x0010, 0x00, 8, {0, 0, 8, 0, 0, 1, 0, 0}}, /* random readable */
    {0x001e, 0x08, 4, {0, 0, 0, 0}},             /* CD read */
    {0x001f, 0x00, 0, {0}},                      /* DVD read */
};

static uint32_t put_feature(struct ide_drive *d, uint32_t at, const struct feature *f)
{
    uint8_t *p = d->buf + at;
    uint16_t now = profile(d);

    put16(p, f->code);
    p[2] = f->flags;
    p[3] = f->n;
    memcpy(p + 4, f->data, f->n);
    if (!f->code) {
        p[6] = now == PROFILE_DVD;
        p[10] = now == PROFILE_CD;
    } else if ((f->code == 0x10 && now) || (f->code == 0x1e && now == PROFILE_CD) ||
               (f->code == 0x1f && now == PROFILE_DVD)) {
        p[2] |= 1;
    }
    return at + 4 + f->n;
}

static void do_get_configuration(struct ide_drive *d, const uint8_t *p)
{
    uint8_t type = p[1] & 3;
    uint16_t first = get16(p + 2), max = get16(p + 7);
    uint32_t n = 8;
    unsigned i;

    if (type == 3) {
        check(d, ILLEGAL_REQUEST, ASC_BAD_FIELD);
        return;
    }
    for (i = 0; i < ARRAY_SIZE(features); i++) {
        const struct feature *f = &features[i];
        uint32_t end;

        if (f->code < first || (type == 2 && f->code != first))
            continue;
        end = put_feature(d, n, f);
        if (type != 1 || (d->buf[n + 2] & 1))
            n = end;
    }
    memset(d->buf, 0, 8);
    put32(d->buf, n - 4);
    put16(d->buf + 6, profile(d));
    reply(d, n, max);
}

static void do_event_status(struct ide_drive *d, const uint8_t *p)
{
    uint16_t max = get16(p + 7);
    uint32_t n = 4;

    if (!(p[1] & 1)) { /* asynchronous */
        check(d, ILLEGAL_REQUEST, ASC_BAD_FIELD);
        return;
    }
    memset(d->buf, 0, 8);
    d->buf[2] = 0x80; /* nothing of the classes asked for */
    d->buf[3] = 0x10;
    if (p[4] & 0x10) {
        d->buf[2] = 0x04;
        d->buf[4] = d->media_event;
        d->buf[5] = (d->blk->tray_open ? 1 : 0) | (has_medium(d) ? 2 : 0);
        d->media_event = EVENT_NONE;
        n = 8;
    }
    put16(d->buf, n - 2);
    reply(d, n, max);
}

/* ---- medium ---- */

static void read_blocks(struct ide_drive *d, uint32_t lba, uint32_t n)
{
    if (lba > blocks(d) || n > blocks(d) - lba) {
        check(d, ILLEGAL_REQUEST, ASC_OUT_OF_RANGE);
        return;
    }
    if (!n) {
        ide_end(d);
        return;
    }
    if (d->raw && d->drq_size > 8 * RAW_BYTES)
        d->drq_size = 8 * RAW_BYTES;
    ide_media(d, IDE_IN, (uint64_t)lba * CD_BYTES, (uint64_t)n * CD_BYTES);
}

static void do_read10(struct ide_drive *d, const uint8_t *p)
{
    read_blocks(d, get32(p + 2), get16(p + 7));
}

static void do_read12(struct ide_drive *d, const uint8_t *p)
{
    read_blocks(d, get32(p + 2), get32(p + 6));
}

static void read_cd(struct ide_drive *d, uint32_t lba, uint32_t n, uint8_t what)
{
    switch (what & 0xf8) {
    case 0x00: n = 0; break;
    case 0x10: break;                /* user data */
    case 0xf8: d->raw = true; break; /* sync, headers, user data, EDC and ECC */
    default: check(d, ILLEGAL_REQUEST, ASC_BAD_FIELD); return;
    }
    read_blocks(d, lba, n);
}

static void do_read_cd(struct ide_drive *d, const uint8_t *p)
{
    read_cd(d, get32(p + 2), p[6] << 16 | get16(p + 7), p[9]);
}

static bool get_msf(const uint8_t *p, uint32_t *lba)
{
    uint32_t frame = (p[0] * 60u + p[1]) * 75 + p[2];

    *lba = frame - 150;
    return frame >= 150;
}

static void do_read_cd_msf(struct ide_drive *d, const uint8_t *p)
{
    uint32_t first, end;

    if (get_msf(p + 3, &first) && get_msf(p + 6, &end) && first <= end)
        read_cd(d, first, end - first, p[9]);
    else
        check(d, ILLEGAL_REQUEST, ASC_BAD_FIELD);
}

static void do_seek(struct ide_drive *d, const uint8_t *p)
{
    if (get32(p + 2) > blocks(d))
        check(d, ILLEGAL_REQUEST, ASC_OUT_OF_RANGE);
    else
        ide_end(d);
}

static void do_start_stop(struct ide_drive *d, const uint8_t *p)
{
    bool load_eject = p[4] & 2, start = p[4] & 1;

    if (p[4] & 0xf0) { /* power conditions: all the same here */
        ide_end(d);
        return;
    }
    if (load_eject && !start && d->blk->locked) {
        check_ascq(d, has_medium(d) ? ILLEGAL_REQUEST : NOT_READY, ASC_LOAD_FAILED, 2);
        return;
    }
    if (load_eject)
        block_set_tray(d->blk, !start);
    ide_end(d);
}

static void do_prevent(struct ide_drive *d, const uint8_t *p)
{
    d->blk->locked = p[4] & 1;
    ide_end(d);
}

/* ---- dispatch ---- */

static const struct packet_command packet_commands[] = {
    {0x00, false, true, do_ready},        {0x03, true, false, do_request_sense},
    {0x12, true, false, do_inquiry},      {0x1b, false, false, do_start_stop},
    {0x1e, false, false, do_prevent},     {0x25, false, true, do_capacity},
    {0x28, false, true, do_read10},       {0x2b, false, true, do_seek},
    {0x43, false, true, do_read_toc},     {0x46, true, false, do_get_configuration},
    {0x4a, true, false, do_event_status}, {0x51, false, true, do_disc_info},
    {0x52, false, true, do_track_info},   {0x55, false, false, do_mode_select},
    {0x5a, false, false, do_mode_sense},  {0xa8, false, true, do_read12},
    {0xb9, false, true, do_read_cd_msf},  {0xbb, false, false, do_ready}, /* SET CD SPEED */
    {0xbd, false, false, do_mechanism},   {0xbe, false, true, do_read_cd},
};

static const struct packet_command *find(uint8_t code)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(packet_commands); i++)
        if (packet_commands[i].code == code)
            return &packet_commands[i];
    return NULL;
}

void atapi_start(struct ide_drive *d)
{
    if (d->feature[0] & 2) { /* overlapped */
        ide_fail(d, ER_ABRT);
        return;
    }
    d->count[0] = IR_CD;
    d->drq_size = PACKET;
    ide_take(d, IDE_DATA_PACKET, PACKET);
}

/* The host's limit for a DRQ block: even unless all fits, and no more than the buffer. */
static uint32_t byte_limit(const struct ide_drive *d)
{
    uint32_t n = d->lba_mid[0] | d->lba_high[0] << 8;

    if (!n || n > IDE_BUF)
        n = IDE_BUF;
    return n > 1 ? n & ~1u : 2;
}

void atapi_packet(struct ide_drive *d)
{
    const struct packet_command *c = find(d->buf[0]);
    uint8_t p[PACKET];

    memcpy(p, d->buf, sizeof(p));
    d->packet = true;
    d->dma = d->feature[0] & 1;
    d->drq_size = byte_limit(d);
    d->dir = IDE_NONE;
    d->pos = d->avail = 0;
    if (d->attention && !(c && c->any_time)) {
        d->attention = false;
        check_ascq(d, UNIT_ATTENTION, d->asc, d->ascq);
        return;
    }
    if (!c) {
        LOG_GUEST("ide-cd: packet command 0x%02x is not supported", p[0]);
        check(d, ILLEGAL_REQUEST, ASC_BAD_OPCODE);
        return;
    }
    if (c->medium && !has_medium(d)) {
        check_ascq(d, NOT_READY, ASC_NO_MEDIUM, d->blk->tray_open ? 2 : 1);
        return;
    }
    if (p[0] != 0x03)
        d->sense = d->attention ? d->sense : NO_SENSE;
    c->fn(d, p);
}
