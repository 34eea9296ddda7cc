/* SPDX-License-Identifier: MIT
 * The BIOS data area at 0040:0000. */
#ifndef FIRMWARE_LIB_BDA_H
#define FIRMWARE_LIB_BDA_H

#include "firmware/lib/types.h"

struct bda {
    u16 com[4];
    u16 lpt[3];
    u16 ebda_seg;
    u16 equipment;
    u8 post;
    u16 base_kb;
    u8 pad15[2];
    u8 kbd_flags0; /* 17: shift states and locks */
    u8 kbd_flags1;
    u8 kbd_alt;
    u16 kbd_head;
    u16 kbd_tail;
    u16 kbd_buf[16];
    u8 fd_recal; /* 3e: bit n drive n recalibrated, bit 7 interrupt seen */
    u8 fd_motor;
    u8 fd_motor_count;
    u8 fd_status;
    u8 fd_result[7];
    u8 mode; /* 49 */
    u16 cols;
    u16 page_size;
    u16 page_start;
    u16 cursor[8];
    u16 cursor_shape;
    u8 page;
    u16 crtc;
    u8 mode_ctrl;
    u8 palette;
    u8 pad67[4]; /* 67: far pointer used after a reset by code 5 or 0a */
    u8 pad6b;
    u32 ticks; /* 6c */
    u8 midnight;
    u8 ctrl_break;
    u16 soft_reset;
    u8 hd_status; /* 74 */
    u8 hd_count;
    u8 hd_ctrl;
    u8 hd_port;
    u8 lpt_timeout[4];
    u8 com_timeout[4];
    u16 kbd_start; /* 80 */
    u16 kbd_end;
    u8 rows; /* 84: rows - 1 */
    u16 char_height;
    u8 video_ctrl;
    u8 video_switches;
    u8 video_flags;
    u8 dcc_index;
    u8 fd_rate; /* 8b */
    u8 hd_state;
    u8 hd_error;
    u8 hd_done;
    u8 fd_info; /* 8f */
    u8 fd_media[2];
    u8 fd_start[2];
    u8 fd_track[2];
    u8 kbd_mode; /* 96 */
    u8 kbd_leds;
    u32 wait_flag_ptr;
    u32 wait_count;
    u8 wait_active; /* a0 */
    u8 pada1[7];
    u32 save_ptr; /* a8 */
} PACKED;

_Static_assert(__builtin_offsetof(struct bda, kbd_flags0) == 0x17, "BDA");
_Static_assert(__builtin_offsetof(struct bda, mode) == 0x49, "BDA");
_Static_assert(__builtin_offsetof(struct bda, ticks) == 0x6c, "BDA");
_Static_assert(__builtin_offsetof(struct bda, kbd_start) == 0x80, "BDA");
_Static_assert(__builtin_offsetof(struct bda, kbd_mode) == 0x96, "BDA");
_Static_assert(__builtin_offsetof(struct bda, save_ptr) == 0xa8, "BDA");

#ifdef FIRMWARE_16BIT
/* Every service runs with FS = 40h. */
#define BDA ((volatile struct bda __seg_fs *)0)
#else
#define BDA ((volatile struct bda *)0x400)
#endif
#endif
