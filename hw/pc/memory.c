/* SPDX-License-Identifier: MIT
 * 82441FX (290549-001), 3.2.18 PAM registers. Writes that PAM sends to PCI meet no one here.
 * Left out: the hole that FDHC makes at 512 KiB or 15 MiB, and RAM under A0000 for SMM. */
#include "hw/pc/memory.h"

#include <stdlib.h>
#include <string.h>

#include "hw/pc/pc.h"
#include "softmmu/log.h"

#define PAM_BASE  0xc0000u
#define PAM_END   0x100000u
#define SEGMENT   0x4000u
#define BIOS_BASE 0xe0000u
#define ROM_MAX   (16u << 20)

#define PAM_READ  1
#define PAM_WRITE 2
#define PAM_UNSET 0xff /* nothing is placed yet */

bool pc_memory_init(struct pc_memory *m, struct space *s, uint64_t ram_bytes, struct err *e)
{
    uint8_t *host;

    m->space = s;
    memset(m->pam, PAM_UNSET, sizeof(m->pam));
    m->open_bus = aligned_alloc(GUEST_PAGE_SIZE, PAM_END - 0xf0000);
    if (!m->open_bus)
        return err_set(e, "out of memory");
    memset(m->open_bus, 0xff, PAM_END - 0xf0000);
    if (ram_bytes < PAM_END)
        return err_set(e, "the pc board needs at least 1 MiB of RAM");
    if (!ram_init(&m->ram, ram_bytes, e))
        return false;
    host = m->ram.host;
    m->ram_low = ram_bytes < PC_RAM_SPLIT ? ram_bytes : PC_RAM_SPLIT;
    m->ram_high = ram_bytes - m->ram_low;
    return space_add_ram(s, "ram-640k", 0, PC_VGA_HOLE, host, false, e) &&
           (m->ram_low == PAM_END || space_add_ram(s, "ram-low", PAM_END, m->ram_low - PAM_END,
                                                   host + PAM_END, false, e)) &&
           (!m->ram_high || space_add_ram(s, "ram-high", PC_RAM_HIGH, m->ram_high,
                                          host + m->ram_low, false, e));
}

void pc_memory_finish(struct pc_memory *m)
{
    ram_finish(&m->ram);
    free(m->open_bus);
    free(m->rom);
}

bool pc_memory_set_rom(struct pc_memory *m, const void *image, size_t n, struct err *e)
{
    if (n < 0x10000 || n > ROM_MAX || (n & GUEST_PAGE_MASK))
        return err_set(e, "a system ROM has 64 KiB to 16 MiB in whole pages, not %zu bytes", n);
    m->rom = aligned_alloc(GUEST_PAGE_SIZE, n);
    if (!m->rom)
        return err_set(e, "out of memory");
    m->rom_bytes = n;
    memcpy(m->rom, image, n);
    pc_memory_show_bios(m, m->rom, n);
    return space_add_ram(m->space, "rom", PC_RAM_HIGH - n, n, m->rom, true, e);
}

/* --- C0000-FFFFF ------------------------------------------------------------------------ */

static gpa segment_base(unsigned i)
{
    return PAM_BASE + i * SEGMENT;
}

static uint64_t segment_size(unsigned i)
{
    return i == PC_PAM_SEGMENTS - 1 ? PAM_END - segment_base(i) : SEGMENT;
}

/* What reads see while they go to PCI: the system ROM, or nobody. */
static const uint8_t *pci_side(const struct pc_memory *m, unsigned i)
{
    gpa start = PAM_END - m->bios_bytes;

    return segment_base(i) >= start && m->bios ? m->bios + (segment_base(i) - start) : NULL;
}

static bool add_segment(struct pc_memory *m, unsigned i, uint8_t how, struct err *e)
{
    static const char *const name = "shadow-ram";
    gpa base = segment_base(i);
    uint64_t size = segment_size(i);
    uint8_t *ram = m->ram.host + base;
    const uint8_t *rom = pci_side(m, i);

    if (how & PAM_READ)
        return space_add_ram(m->space, name, base, size, ram, !(how & PAM_WRITE), e);
    if (how & PAM_WRITE)
        return space_add_shadow(m->space, name, base, size, rom ? rom : m->open_bus, ram, e);
    return space_add_ram(m->space, "bios", base, size, (void *)rom, true, e);
}

static void unplace_segment(struct pc_memory *m, unsigned i)
{
    if (m->placed[i])
        space_remove(m->space, segment_base(i));
    m->placed[i] = false;
    m->pam[i] = PAM_UNSET;
}

static void place_segment(struct pc_memory *m, unsigned i, uint8_t how)
{
    struct err e;

    if (m->pam[i] == how)
        return;
    unplace_segment(m, i);
    m->pam[i] = how;
    if (!how && !pci_side(m, i))
        return;
    m->placed[i] = add_segment(m, i, how, &e);
    if (!m->placed[i]) /* somebody's BAR is there */
        LOG_GUEST("pc: shadow RAM not placed: %s", e.msg);
}

/* 59H: bits 5:4 are F0000-FFFFF; then two segments a register, the lower one in bits 1:0. */
void pc_memory_set_pam(struct pc_memory *m, const uint8_t reg[7])
{
    unsigned i;

    space_hold(m->space);
    for (i = 0; i < PC_PAM_SEGMENTS - 1; i++)
        place_segment(m, i, reg[1 + i / 2] >> (i % 2 ? 4 : 0) & 3);
    place_segment(m, i, reg[0] >> 4 & 3);
    space_release(m->space);
}

void pc_memory_show_bios(struct pc_memory *m, const uint8_t *rom, uint64_t n)
{
    unsigned i;

    m->bios_bytes = n < PAM_END - BIOS_BASE ? n : PAM_END - BIOS_BASE;
    m->bios = rom + n - m->bios_bytes;
    for (i = 0; i < PC_PAM_SEGMENTS; i++)
        unplace_segment(m, i); /* until the next reset */
}
