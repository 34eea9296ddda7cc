/* SPDX-License-Identifier: MIT
 * The 32-bit side: flat code that finds and sets up the machine, then picks what to boot. */
#ifndef FIRMWARE_POST_POST_H
#define FIRMWARE_POST_POST_H

#include "firmware/lib/bda.h"
#include "firmware/lib/io.h"
#include "firmware/lib/pci.h"
#include "firmware/lib/regs.h"

/* A variable or function of the real-mode side as flat code sees it. */
static inline u32 hide(u32 v)
{
    __asm__("" : "+r"(v));
    return v;
}
#define SHARED(v)   (*(__typeof__(v) *)hide((u32) & (v) + DATA_BASE))
#define OFFSET16(f) ((u16)hide((u32)(f)))

/* text.c */
void *memcpy(void *to, const void *from, u32 n);
void *memset(void *p, int c, u32 n);
int memcmp(const void *a, const void *b, u32 n);
u32 strlen(const char *s);
int strcmp(const char *a, const char *b);
const char *strstr(const char *in, const char *what);
u8 sum8(const void *p, u32 n);
/* %s %c %u %x, %08x and the like; debug_f to port 402h, print_f to the screen as well. */
__attribute__((format(printf, 1, 2))) void debug_f(const char *f, ...);
__attribute__((format(printf, 1, 2))) void print_f(const char *f, ...);
__attribute__((format(printf, 3, 4))) void format(char *to, u32 size, const char *f, ...);

/* real.c: real-mode code called from here. */
void call_int(u8 vector, struct regs *r);
void call_near16(void (*f)(struct regs *), struct regs *r);
void call_far16(u16 seg, u16 off, struct regs *r);
NORETURN void start16(u32 seg_off, u32 edx, u32 es_di);
bool key_wait(u32 milliseconds, u16 *key);
NORETURN void halt(void);

/* fwcfg.c: QEMU's configuration device. Files are copied; missing ones read as nothing. */
struct fw_file {
    u32 size;
    u16 select;
};
void fwcfg_init(void);
bool fwcfg_find(const char *name, struct fw_file *f);
void fwcfg_read(u16 select, void *to, u32 n);
u64 fwcfg_number(const char *name, u64 otherwise);
bool fwcfg_entry(u32 index, char name[57], struct fw_file *f);
void fwcfg_write(u16 select, u32 offset, const void *from, u32 n);

/* memory.c */
void memory_init(void);
u32 high_alloc(u32 size, u32 align); /* below the end of low RAM; 0: none left */
u32 fseg_alloc(u32 size, u32 align); /* in segment F000 */
void e820_add(u64 base, u64 size, u32 type);
void memory_finish(void);
u32 pci_hole_start(void);
u64 high_ram_end(void);

/* chips.c, cpu.c */
void chips_init(void);
void keyboard_init(void);
void ports_init(void);
void interrupts_init(void);
void cpu_init(void);
u32 cpu_count(void);

/* pci.c */
void pci_init(void);
u8 pci_irq_of(u8 slot, u8 pin);
u8 pci_irq_of_fn(u16 bdf, u8 pin); /* through the bridges above it */
u16 pci_parent(u16 bdf);           /* the bridge whose bus this function is on */
/* Steps *bdf (start with ~0u) to the next function; false at the end. */
bool pci_next(u32 *bdf);
enum board { BOARD_UNKNOWN, BOARD_I440FX, BOARD_Q35 };
enum board board_kind(void);

/* Tables. */
void acpi_init(void);
void smbios_init(void);
void mptable_init(void);
void pir_init(void);

/* optrom.c */
bool video_init(void);
void option_roms_init(void); /* of other cards; once */
struct rom_boot {
    u16 seg, off;
    char name[32];
    char file[57]; /* of fw_cfg; "": a card's */
    u16 bdf;       /* of the card */
};
enum { MAX_ROM_BOOTS = 6 };
extern struct rom_boot rom_boots[MAX_ROM_BOOTS];
extern u32 rom_boot_count;

/* boot.c */
NORETURN void boot_start(void);
NORETURN void boot_next(void);
#endif
