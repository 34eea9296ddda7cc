/* SPDX-License-Identifier: MIT
 * Floppy drives: 82077AA by DMA channel 2 (8237A), polled for results. The medium's format is
 * found by reading at each rate that the drive knows. Left out: formatting. */
#include "firmware/bios/disk.h"

enum { DOR = 0x3f2, MSR = 0x3f4, FIFO = 0x3f5, DIR = 0x3f7, CCR = 0x3f7 };
enum { MSR_READY = 0x80, MSR_TO_HOST = 0x40, MSR_BUSY = 0x10 };
enum {
    C_SPECIFY = 0x03,
    C_RECALIBRATE = 0x07,
    C_SENSE = 0x08,
    C_SEEK = 0x0f,
    C_READ = 0xe6,
    C_WRITE = 0xc5
};
enum { BYTE_US = 50000, RESULT_US = 3000000, MOTOR_TICKS = 37 };

struct format {
    u8 types; /* bit n: for CMOS drive type n */
    u8 rate, cyls, spt;
};

/* Higher densities first; rates as in the CCR. */
static const struct format formats[] = {
    {1 << 5, 3, 80, 36},          {1 << 4 | 1 << 5, 0, 80, 18},
    {1 << 2 | 1 << 4, 0, 80, 15}, {1 << 3 | 1 << 4 | 1 << 5, 2, 80, 9},
    {1 << 2, 1, 40, 9},           {1 << 1, 2, 40, 9},
};

static u8 bounce[512] __attribute__((aligned(512)));
static u8 result[7];

static u8 put(u8 v)
{
    struct deadline d;
    deadline_set(&d, BYTE_US);
    while ((inb(MSR) & (MSR_READY | MSR_TO_HOST)) != MSR_READY)
        if (deadline_over(&d))
            return S_TIMEOUT;
    outb(FIFO, v);
    return S_OK;
}

static u8 get(u8 *v, u32 us)
{
    struct deadline d;
    deadline_set(&d, us);
    while ((inb(MSR) & (MSR_READY | MSR_TO_HOST)) != (MSR_READY | MSR_TO_HOST))
        if (deadline_over(&d))
            return S_TIMEOUT;
    *v = inb(FIFO);
    return S_OK;
}

static u8 command(const u8 *bytes, u8 n)
{
    u8 s = S_OK;
    while (n-- && !s)
        s = put(*bytes++);
    return s;
}

/* Ends a seek: waits for the interrupt's cause. */
static u8 sense_interrupt(u8 *st0)
{
    struct deadline d;
    u8 cyl, s;
    deadline_set(&d, RESULT_US);
    for (;;) {
        if ((s = put(C_SENSE)) || (s = get(st0, BYTE_US)))
            return s;
        if (*st0 != 0x80)
            return get(&cyl, BYTE_US);
        if (deadline_over(&d))
            return S_TIMEOUT;
    }
}

u8 floppy_reset(void)
{
    static const u8 specify[] = {C_SPECIFY, 0xaf, 0x02};
    u8 st0;
    outb(DOR, 0x00);
    outb(DOR, 0x0c);
    BDA->fd_recal = 0;
    BDA->fd_motor &= 0xf0;
    for (u8 i = 0; i < 4; i++) {
        u8 s = sense_interrupt(&st0);
        if (s)
            return s;
    }
    return command(specify, sizeof specify);
}

static void motor_on(u8 unit)
{
    BDA->fd_motor |= (u8)(1 << unit);
    BDA->fd_motor_count = MOTOR_TICKS;
    outb(DOR, (u8)(0x0c | unit | (BDA->fd_motor & 3) << 4));
}

static u8 seek(u8 unit, u8 cyl, u8 head)
{
    u8 recal[] = {C_RECALIBRATE, unit}, go[] = {C_SEEK, (u8)(head << 2 | unit), cyl}, st0, s;
    if (!(BDA->fd_recal & (1 << unit))) {
        if ((s = command(recal, sizeof recal)) || (s = sense_interrupt(&st0)))
            return s;
        if (st0 & 0xd0)
            return S_SEEK;
        BDA->fd_recal |= (u8)(1 << unit);
    }
    if ((s = command(go, sizeof go)) || (s = sense_interrupt(&st0)))
        return s;
    return st0 & 0xc0 ? S_SEEK : S_OK;
}

bool floppy_changed(struct drive *d)
{
    motor_on(d->unit);
    return inb(DIR) & 0x80;
}

/* The change line falls with a step when there is a medium. */
static u8 check_media(struct drive *d)
{
    if (!floppy_changed(d))
        return S_OK;
    d->spt = 0;
    u8 s = seek(d->unit, 1, 0);
    if (!s)
        s = seek(d->unit, 0, 0);
    if (s)
        return s == S_SEEK ? S_TIMEOUT : s;
    return inb(DIR) & 0x80 ? S_TIMEOUT : S_OK;
}

static void dma_prepare(u32 addr, u16 bytes, bool write)
{
    outb(0x0a, 0x06);
    outb(0x0c, 0);
    outb(0x0b, write ? 0x4a : 0x46);
    outb(0x04, (u8)addr);
    outb(0x04, (u8)(addr >> 8));
    outb(0x81, (u8)(addr >> 16));
    outb(0x05, (u8)(bytes - 1));
    outb(0x05, (u8)((bytes - 1) >> 8));
    outb(0x0a, 0x02);
}

static u8 result_status(void)
{
    if (!(result[0] & 0xc0))
        return S_OK;
    if (result[0] & 0x08)
        return S_TIMEOUT; /* not ready */
    if (result[1] & 0x02)
        return S_PROTECTED;
    if (result[1] & 0x20)
        return S_CRC;
    return result[1] & 0x85 ? S_NOT_FOUND : S_CONTROLLER;
}

struct spot {
    u8 cyl, head, sector, spt;
};

/* Count sectors, all in one cylinder, at an address good for the 8237. */
static u8 run(struct drive *d, const struct spot *p, u32 addr, u8 count, bool write)
{
    u8 cmd[] = {write ? C_WRITE : C_READ,
                (u8)(p->head << 2 | d->unit),
                p->cyl,
                p->head,
                p->sector,
                2,
                p->spt,
                0x1b,
                0xff};
    u8 s = seek(d->unit, p->cyl, p->head);
    if (s)
        return s;
    dma_prepare(addr, (u16)(count * 512), write);
    s = command(cmd, sizeof cmd);
    for (u8 i = 0; i < 7 && !s; i++)
        s = get(&result[i], i ? BYTE_US : RESULT_US);
    if (s) {
        floppy_reset();
        return s;
    }
    for (u8 i = 0; i < 7; i++)
        BDA->fd_result[i] = result[i];
    return result_status();
}

bool floppy_geometry(struct drive *d)
{
    if (check_media(d))
        return false;
    if (d->spt)
        return true;
    for (u8 i = 0; i < ARRAY_SIZE(formats); i++) {
        const struct format *f = &formats[i];
        struct spot p = {0, 0, f->spt, f->spt};
        if (!(f->types & 1 << d->type))
            continue;
        outb(CCR, f->rate);
        if (run(d, &p, DATA_BASE + (u32)bounce, 1, false))
            continue;
        d->cyls = f->cyls;
        d->heads = 2;
        d->spt = f->spt;
        d->sectors = f->cyls * 2u * f->spt;
        return true;
    }
    return false;
}

static u8 bounced(struct drive *d, const struct spot *p, u32 addr, u8 op)
{
    u16 seg = (u16)(addr >> 4), off = addr & 15;
    if (op == OP_WRITE)
        far_read(bounce, seg, off, 512);
    u8 s = run(d, p, DATA_BASE + (u32)bounce, 1, op == OP_WRITE);
    if (!s && op == OP_READ)
        far_write(seg, off, bounce, 512);
    return s;
}

u8 floppy_transfer(struct drive *d, const struct transfer *t)
{
    u32 lba = (u32)t->lba, addr = t->addr;
    if (!floppy_geometry(d))
        return S_TIMEOUT;
    for (u16 left = t->count; left;) {
        u16 in_cyl = (u16)(lba % (d->spt * 2u)), n = (u16)(d->spt * 2 - in_cyl);
        struct spot p = {(u8)(lba / (d->spt * 2u)), (u8)(in_cyl / d->spt),
                         (u8)(in_cyl % d->spt + 1), (u8)d->spt};
        u32 room = (0x10000 - (addr & 0xffff)) / 512;
        u8 s;
        if (n > left)
            n = left;
        if (!room || t->op == OP_VERIFY) {
            n = 1;
            s = bounced(d, &p, addr, t->op);
        } else {
            if (n > room)
                n = (u16)room;
            s = run(d, &p, addr, (u8)n, t->op == OP_WRITE);
        }
        if (s)
            return s;
        left = (u16)(left - n);
        lba += n;
        addr += n * 512u;
    }
    return S_OK;
}

void floppy_probe(void)
{
    u8 types = cmos_read(CMOS_FLOPPIES);
    if (!types || inb(MSR) == 0xff || floppy_reset())
        return;
    for (u8 unit = 0; unit < MAX_FLOPPIES; unit++) {
        u8 type = unit ? types & 0xf : types >> 4;
        struct drive *d = type >= 1 && type <= 5 ? drive_new(DRIVE_FLOPPY) : NULL;
        if (!d)
            continue;
        static const char name[] = "floppy drive";
        __builtin_memcpy(d->name, name, sizeof name);
        d->unit = unit;
        d->type = type;
        d->sector = 512;
        d->bdf = 0xffff;
    }
}

void int0e(struct regs *r)
{
    BDA->fd_recal |= 0x80;
    eoi1();
}
