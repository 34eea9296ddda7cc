/* SPDX-License-Identifier: MIT
 * INT 11h, 12h, 15h: equipment, memory, A20, block move, waits, APM 1.2 (real mode part).
 * Left out: joystick, the protected-mode switch of AH=89h, the APM 16/32-bit interfaces. */
#include "firmware/bios/system.h"

enum { E_UNSUPPORTED = 0x86 };

struct e820 e820_map[E820_MAX];
u16 e820_count;
u32 low_ram_end, free_ram_end;
u16 pm_base;

void int05(struct regs *r)
{
}

void int11(struct regs *r)
{
    r->ax = BDA->equipment;
}

void int12(struct regs *r)
{
    r->ax = BDA->base_kb;
}

void irq_spurious1(struct regs *r)
{
    eoi1();
}

void irq_spurious2(struct regs *r)
{
    eoi2();
}

/* FERR: acknowledge and hand on as the NMI, as the AT did. */
void int75(struct regs *r)
{
    outb(0xf0, 0);
    eoi2();
    int_call(2, &(struct regs){0});
}

static void a20(struct regs *r)
{
    u8 v = inb(PORT_A20);
    switch (r->al) {
    case 0: outb(PORT_A20, v & (u8)~3); break;
    case 1: outb(PORT_A20, (v & (u8)~1) | 2); break;
    case 2: r->al = v >> 1 & 1; break;
    case 3: r->bx = 3; break;
    default: return set_status(r, E_UNSUPPORTED);
    }
    set_status(r, 0);
}

static u32 descriptor_base(u16 off)
{
    return FAR16(off + 2) | (u32)FAR8(off + 4) << 16 | (u32)FAR8(off + 7) << 24;
}

/* AH=87h: CX words between the bases of descriptors 2 and 3 of the table at ES:SI. */
static void block_move(struct regs *r)
{
    u8 gate = inb(PORT_A20);
    far_seg(r->es);
    struct copy c = {descriptor_base(r->si + 0x10), descriptor_base(r->si + 0x18),
                     (u32)r->cx * 2};
    if (r->cx > 0x8000)
        return set_status(r, 2);
    outb(PORT_A20, (gate & (u8)~1) | 2);
    copy_high(&c);
    outb(PORT_A20, gate & (u8)~1);
    set_status(r, 0);
}

/* AH=83h: sets bit 7 of ES:BX after CX:DX us; AL=1 calls it off. */
static void event_wait(struct regs *r)
{
    if (r->al == 1) {
        BDA->wait_active = 0;
        cmos_write(CMOS_STATUS_B, cmos_read(CMOS_STATUS_B) & (u8)~0x40);
        return set_status(r, 0);
    }
    if (BDA->wait_active)
        return set_status(r, 0x83);
    BDA->wait_active = 1;
    BDA->wait_flag_ptr = (u32)r->es << 16 | r->bx;
    BDA->wait_count = (u32)r->cx << 16 | r->dx;
    outb(PORT_PIC2_MASK, inb(PORT_PIC2_MASK) & (u8)~1);
    cmos_write(CMOS_STATUS_B, cmos_read(CMOS_STATUS_B) | 0x40);
    set_status(r, 0);
}

static void wait_us(struct regs *r)
{
    struct deadline d;
    deadline_set(&d, (u32)r->cx << 16 | r->dx);
    while (!deadline_over(&d)) {
        irq_on();
        irq_off();
    }
    set_status(r, 0);
}

static void ext_memory_88(struct regs *r)
{
    u32 kb = (free_ram_end >> 10) - 1024;
    r->ax = kb > 0xffff ? 0xffff : (u16)kb;
    set_carry(r, false);
}

/* AX=E801h: KiB between 1 and 16 MiB, 64 KiB blocks above. */
static void ext_memory_e801(struct regs *r, bool wide)
{
    u32 end = free_ram_end, low = end > 0x1000000 ? 0x3c00 : (end >> 10) - 1024;
    u32 high = end > 0x1000000 ? (end - 0x1000000) >> 16 : 0;
    if (wide) {
        r->eax = r->ecx = low;
        r->ebx = r->edx = high;
    } else {
        r->ax = r->cx = (u16)low;
        r->bx = r->dx = (u16)high;
    }
    set_carry(r, false);
}

static void memory_map(struct regs *r)
{
    u16 i = (u16)r->ebx;
    if (r->edx != 0x534d4150 || r->ecx < sizeof(struct e820) || r->ebx >= e820_count)
        return set_status(r, E_UNSUPPORTED);
    far_write(r->es, r->di, &e820_map[i], sizeof(struct e820));
    r->eax = 0x534d4150;
    r->ebx = i + 1u < e820_count ? i + 1u : 0;
    r->ecx = sizeof(struct e820);
    set_carry(r, false);
}

static void memory_services(struct regs *r)
{
    switch (r->al) {
    case 0x01: return ext_memory_e801(r, false);
    case 0x20: return memory_map(r);
    case 0x81: return ext_memory_e801(r, true);
    default: return set_status(r, E_UNSUPPORTED);
    }
}

/* Soft-off through PM1a_CNT: SLP_TYP 0 is S5 on the PIIX4. */
static void power_off(void)
{
    if (pm_base)
        outw(pm_base + 4, 0x2000);
    for (;;)
        __asm__ volatile("hlt");
}

static void apm(struct regs *r)
{
    set_carry(r, false);
    switch (r->al) {
    case 0x00:
        r->ax = 0x0102;
        r->bx = 'P' << 8 | 'M';
        r->cx = 0;
        return;
    case 0x01:
    case 0x04:
    case 0x06:
    case 0x08:
    case 0x0d:
    case 0x0f:
    case 0x10: r->ah = 0; return;
    case 0x05: irq_wait(); return;
    case 0x07:
        if (r->bx == 1 && r->cx == 3)
            power_off();
        r->ah = 0;
        return;
    case 0x0a:
        r->bx = 0x01ff; /* on line, no battery */
        r->cx = 0x80ff;
        r->dx = 0xffff;
        return;
    case 0x0b: return set_status(r, 0x80);
    case 0x0e: r->ax = 0x0102; return;
    default: return set_status(r, 0x0c);
    }
}

static void config(struct regs *r)
{
    extern const u8 config_table[];
    r->es = SEG_BIOS;
    r->bx = (u16)(u32)config_table;
    set_status(r, 0);
}

void int15(struct regs *r)
{
    switch (r->ah) {
    case 0x24: return a20(r);
    case 0x4f: return set_carry(r, true); /* keep the key */
    case 0x53: return apm(r);
    case 0x80:
    case 0x81:
    case 0x82:
    case 0x85:
    case 0x90:
    case 0x91: return set_status(r, 0);
    case 0x83: return event_wait(r);
    case 0x86: return wait_us(r);
    case 0x87: return block_move(r);
    case 0x88: return ext_memory_88(r);
    case 0xc0: return config(r);
    case 0xc1: r->es = BDA->ebda_seg; return set_carry(r, false);
    case 0xc2: return int15_mouse(r);
    case 0xe8: return memory_services(r);
    default: return set_status(r, E_UNSUPPORTED);
    }
}
