/* SPDX-License-Identifier: MIT
 * Calls from flat code into real mode: interrupts, option ROMs, functions of our own. */
#include "firmware/post/post.h"

/* bios/switch.S; its symbol is an offset in SEG_BIOS. */
extern void call16(struct regs *r);
extern void door_near(void);

static void enter(struct regs *r)
{
    void (*f)(struct regs *) = (void (*)(struct regs *))hide((u32)call16 + BIOS_BASE);
    f(r);
}

void call_far16(u16 seg, u16 off, struct regs *r)
{
    r->cs = seg;
    r->ip = off;
    enter(r);
}

void call_int(u8 vector, struct regs *r)
{
    const volatile u16 *v = (const u16 *)hide(vector * 4u);
    r->flags |= FLAG_I;
    call_far16(v[1], v[0], r);
}

/* Through a door of its own, so that f gets the frame like any service. */
void call_near16(void (*f)(struct regs *), struct regs *r)
{
    extern u16 near_handler;
    SHARED(near_handler) = OFFSET16(f);
    call_far16(SEG_BIOS, OFFSET16(door_near), r);
}

void start16(u32 seg_off, u32 edx, u32 es_di)
{
    extern void start16_entry(u32, u32, u32);
    void (*f)(u32, u32, u32) = (void (*)(u32, u32, u32))hide((u32)start16_entry + BIOS_BASE);
    f(seg_off, edx, es_di);
    __builtin_unreachable();
}

/* Sleeps until an interrupt. */
static void doze(void)
{
    extern void door_halt(void);
    struct regs r = {0};
    call_far16(SEG_BIOS, OFFSET16(door_halt), &r);
}

bool key_wait(u32 milliseconds, u16 *key)
{
    u32 start = BDA->ticks, ticks = milliseconds * 18 / 1000 + 1;
    do {
        struct regs r = {.ah = 0x11};
        call_int(0x16, &r);
        if (!(r.flags & FLAG_Z)) {
            r = (struct regs){.ah = 0x10};
            call_int(0x16, &r);
            *key = r.ax;
            return true;
        }
        doze();
    } while (BDA->ticks - start < ticks);
    return false;
}

void halt(void)
{
    for (;;)
        doze();
}
