/* SPDX-License-Identifier: MIT
 * Option ROMs: copied from PCI ROM BARs or fw_cfg to C0000-DFFFF and started (PCI 2.1, 6.3;
 * Plug and Play BIOS 1.0a, chapter 3). Video comes first; others only when a boot needs them.
 */
#include "firmware/post/post.h"

enum { ROM_START = 0xc0000, ROM_END = 0xe0000, ROM_ALIGN = 0x800, CLASS_VGA = 0x0300 };

struct pnp {
    char sig[4];
    u8 revision, length;
    u16 next;
    u8 pad8, checksum;
    u32 device;
    u16 vendor_name, product_name;
    u8 class[3], flags;
    u16 bcv, dv, bev, pad1c, isa;
} PACKED;

struct rom_boot rom_boots[MAX_ROM_BOOTS];
u32 rom_boot_count;
static u32 next_rom = ROM_START;
static bool others_done;

static u32 rom_size(const u8 *rom)
{
    return rom[0] == 0x55 && rom[1] == 0xaa ? rom[2] * 512u : 0;
}

/* A BIOS image (code type 0) in a ROM of up to size bytes; NULL: none. */
static const u8 *find_image(const u8 *rom, u32 size)
{
    for (u32 at = 0; at + 0x200 <= size;) {
        const u8 *p = rom + at, *pcir;
        u32 off = p[0x18] | p[0x19] << 8;
        if (p[0] != 0x55 || p[1] != 0xaa)
            return NULL;
        if (!off || at + off + 0x18 > size)
            return at ? NULL : p;
        pcir = p + off;
        if (memcmp(pcir, "PCIR", 4))
            return at ? NULL : p;
        if (pcir[0x14] == 0)
            return p;
        u32 len = (pcir[0x10] | pcir[0x11] << 8) * 512u;
        if ((pcir[0x15] & 0x80) || !len)
            return NULL;
        at += len;
    }
    return NULL;
}

static void note_boot(u16 seg, u16 bdf, const char *file)
{
    const u8 *rom = (const u8 *)(seg * 16u);
    u32 off = rom[0x1a] | rom[0x1b] << 8;
    const struct pnp *p = (const struct pnp *)(rom + off);
    if (!off || memcmp(p->sig, "$PnP", 4) || !p->bev || rom_boot_count == MAX_ROM_BOOTS)
        return;
    struct rom_boot *b = &rom_boots[rom_boot_count++];
    b->seg = seg;
    b->off = p->bev;
    b->bdf = bdf;
    format(b->file, sizeof b->file, "%s", file);
    format(b->name, sizeof b->name, "%s",
           p->product_name ? (const char *)rom + p->product_name : "network");
}

static bool start_rom(u32 at, u16 bdf)
{
    struct regs r = {.ax = bdf, .bx = 0xffff, .dx = 0xffff, .es = SEG_BIOS};
    u32 size = rom_size((const u8 *)at);
    next_rom = at + ((size + ROM_ALIGN - 1) & ~(ROM_ALIGN - 1u));
    call_far16((u16)(at >> 4), 3, &r);
    size = rom_size((const u8 *)at); /* it may have shed its start-up code */
    if (size)
        next_rom = at + ((size + ROM_ALIGN - 1) & ~(ROM_ALIGN - 1u));
    return size != 0;
}

static bool load_pci(u16 bdf, u32 at)
{
    u32 bar = pci_read32(bdf, PCI_ROM) & 0xfffff800;
    bool ok = false;
    if (!bar)
        return false;
    pci_write32(bdf, PCI_ROM, bar | 1);
    const u8 *image = find_image((const u8 *)bar, 0x40000);
    u32 size = image ? rom_size(image) : 0;
    if (size && at + size <= ROM_END) {
        memcpy((void *)at, image, size);
        ok = true;
    }
    pci_write32(bdf, PCI_ROM, bar);
    return ok;
}

static void load_files(const char *folder)
{
    char name[57];
    struct fw_file f;
    u32 n = strlen(folder);
    for (u32 i = 0; fwcfg_entry(i, name, &f); i++) {
        if (memcmp(name, folder, n) || next_rom + f.size > ROM_END)
            continue;
        u32 at = next_rom;
        fwcfg_read(f.select, (void *)at, f.size);
        if (rom_size((const u8 *)at) && start_rom(at, 0))
            note_boot((u16)(at >> 4), 0, name);
    }
}

bool video_init(void)
{
    u32 bdf = ~0u;
    memset((void *)ROM_START, 0, ROM_END - ROM_START);
    while (pci_next(&bdf))
        if (pci_read16((u16)bdf, PCI_CLASS) == CLASS_VGA && load_pci((u16)bdf, ROM_START))
            return start_rom(ROM_START, (u16)bdf);
    load_files("vgaroms/");
    return next_rom != ROM_START;
}

void option_roms_init(void)
{
    u32 bdf = ~0u;
    if (others_done)
        return;
    others_done = true;
    while (pci_next(&bdf)) {
        u32 at = next_rom;
        if (pci_read16((u16)bdf, PCI_CLASS) == CLASS_VGA || !load_pci((u16)bdf, at))
            continue;
        if (start_rom(at, (u16)bdf))
            note_boot((u16)(at >> 4), (u16)bdf, "");
    }
    load_files("genroms/");
}
