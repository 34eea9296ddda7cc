/* SPDX-License-Identifier: MIT
 * The caller's registers as a service sees them. The entry code builds this frame. */
#ifndef FIRMWARE_LIB_REGS_H
#define FIRMWARE_LIB_REGS_H

#include "firmware/lib/types.h"

#define REGS_GPR(r)                                                                            \
    union {                                                                                    \
        u32 e##r##x;                                                                           \
        u16 r##x;                                                                              \
        struct {                                                                               \
            u8 r##l;                                                                           \
            u8 r##h;                                                                           \
        };                                                                                     \
    }
#define REGS_IDX(r)                                                                            \
    union {                                                                                    \
        u32 e##r;                                                                              \
        u16 r;                                                                                 \
    }

struct regs {
    u16 gs, fs, es, ds;
    REGS_IDX(di);
    REGS_IDX(si);
    REGS_IDX(bp);
    u32 esp;
    REGS_GPR(b);
    REGS_GPR(d);
    REGS_GPR(c);
    REGS_GPR(a);
    u16 handler;
    u16 ip, cs, flags;
} PACKED;

_Static_assert(sizeof(struct regs) == FRAME_SIZE, "entry code");
_Static_assert(__builtin_offsetof(struct regs, handler) == FRAME_HANDLER, "entry code");

enum { FLAG_C = 0x01, FLAG_Z = 0x40, FLAG_I = 0x200 };

static inline void set_carry(struct regs *r, bool on)
{
    r->flags = (u16)((r->flags & ~FLAG_C) | (on ? FLAG_C : 0));
}

/* The usual way out: carry by success, AH the status. */
static inline void set_status(struct regs *r, u8 status)
{
    r->ah = status;
    set_carry(r, status != 0);
}
#endif
