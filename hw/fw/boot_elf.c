/* SPDX-License-Identifier: MIT
 * ELF32 and ELF64 images at their physical addresses, and entry by a PVH note
 * (Xen public/arch-x86/hvm/start_info.h; x86/HVM direct boot ABI). */
#include "hw/fw/boot.h"

#include <elf.h>
#include <string.h>

enum { XEN_ELFNOTE_PHYS32_ENTRY = 18, PHDR_MAX = 64 };
#define HVM_START_MAGIC 0x336ec578u

/* A program header of either class. */
struct segment {
    uint32_t type;
    uint64_t offset, paddr, filesz, memsz, align;
};

bool boot_is_elf(const uint8_t *data, uint64_t size)
{
    return size >= EI_NIDENT && !memcmp(data, ELFMAG, SELFMAG);
}

/* The image on its way into RAM. */
struct elf_view {
    const uint8_t *data;
    uint64_t size, phoff;
    unsigned phnum, phentsize;
    bool is64;
};

static struct segment get_segment(const struct elf_view *v, unsigned i)
{
    const uint8_t *p = v->data + v->phoff + (uint64_t)i * v->phentsize;
    struct segment s = {.type = get32(p)};
    if (v->is64) {
        s.offset = get64(p + offsetof(Elf64_Phdr, p_offset));
        s.paddr = get64(p + offsetof(Elf64_Phdr, p_paddr));
        s.filesz = get64(p + offsetof(Elf64_Phdr, p_filesz));
        s.memsz = get64(p + offsetof(Elf64_Phdr, p_memsz));
        s.align = get64(p + offsetof(Elf64_Phdr, p_align));
    } else {
        s.offset = get32(p + offsetof(Elf32_Phdr, p_offset));
        s.paddr = get32(p + offsetof(Elf32_Phdr, p_paddr));
        s.filesz = get32(p + offsetof(Elf32_Phdr, p_filesz));
        s.memsz = get32(p + offsetof(Elf32_Phdr, p_memsz));
        s.align = get32(p + offsetof(Elf32_Phdr, p_align));
    }
    return s;
}

static bool open_view(const uint8_t *data, uint64_t size, struct elf_view *v,
                      struct boot_elf *elf, struct err *e)
{
    *v = (struct elf_view){.data = data, .size = size, .is64 = data[EI_CLASS] == ELFCLASS64};
    if (data[EI_CLASS] != ELFCLASS64 && data[EI_CLASS] != ELFCLASS32)
        return err_set(e, "ELF class %u is unknown", data[EI_CLASS]);
    if (size < (v->is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
        return err_set(e, "ELF header is truncated");
    elf->is64 = v->is64;
    elf->machine = get16(data + offsetof(Elf64_Ehdr, e_machine));
    if (data[EI_DATA] != ELFDATA2LSB || (elf->machine != EM_386 && elf->machine != EM_X86_64))
        return err_set(e, "ELF image is for another machine (%u), not for x86", elf->machine);
    uint16_t type = get16(data + offsetof(Elf64_Ehdr, e_type));
    if (type != ET_EXEC && type != ET_DYN)
        return err_set(e, "ELF image of type %u is not executable", type);
    if (v->is64) {
        elf->entry = get64(data + offsetof(Elf64_Ehdr, e_entry));
        v->phoff = get64(data + offsetof(Elf64_Ehdr, e_phoff));
        v->phentsize = get16(data + offsetof(Elf64_Ehdr, e_phentsize));
        v->phnum = get16(data + offsetof(Elf64_Ehdr, e_phnum));
    } else {
        elf->entry = get32(data + offsetof(Elf32_Ehdr, e_entry));
        v->phoff = get32(data + offsetof(Elf32_Ehdr, e_phoff));
        v->phentsize = get16(data + offsetof(Elf32_Ehdr, e_phentsize));
        v->phnum = get16(data + offsetof(Elf32_Ehdr, e_phnum));
    }
    if (v->phentsize != (v->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) || !v->phnum ||
        v->phnum > PHDR_MAX)
        return err_set(e, "ELF image has no usable program headers");
    if (v->phoff > size || (uint64_t)v->phnum * v->phentsize > size - v->phoff)
        return err_set(e, "ELF image is truncated inside its program headers");
    return true;
}

static bool check_overlap(const struct elf_view *v, unsigned upto, const struct segment *s,
                          struct err *e)
{
    for (unsigned i = 0; i < upto; i++) {
        struct segment o = get_segment(v, i);
        if (o.type == PT_LOAD && o.memsz && s->paddr < o.paddr + o.memsz &&
            o.paddr < s->paddr + s->memsz)
            return err_set(e, "ELF segments %u and another overlap at 0x%llx", i,
                           (unsigned long long)s->paddr);
    }
    return true;
}

static bool load_segment(const struct boot_config *cfg, const struct elf_view *v, unsigned i,
                         const struct segment *s, struct err *e)
{
    if (s->filesz > s->memsz || s->offset > v->size || s->filesz > v->size - s->offset)
        return err_set(e, "ELF segment %u is truncated or malformed", i);
    gpa top = boot_low_top(cfg);
    bool low = s->paddr >= BOOT_HIGH_START && s->paddr <= top && s->memsz <= top - s->paddr;
    uint8_t *to = boot_ram_at(&cfg->ram, s->paddr, s->memsz);
    if (!to || (!low && s->paddr < BOOT_ABOVE_4G))
        return err_set(e, "ELF segment %u (0x%llx, %llu bytes) lies outside the guest's RAM", i,
                       (unsigned long long)s->paddr, (unsigned long long)s->memsz);
    if (!check_overlap(v, i, s, e))
        return false;
    memcpy(to, v->data + s->offset, s->filesz);
    memset(to + s->filesz, 0, s->memsz - s->filesz);
    return true;
}

/* Looks for the PVH note in one PT_NOTE segment; malformed notes end the search. */
static void scan_notes(const struct elf_view *v, const struct segment *s, struct boot_elf *elf)
{
    if (s->offset > v->size || s->filesz > v->size - s->offset)
        return;
    uint64_t align = s->align == 8 ? 8 : 4, pos = 0;
    const uint8_t *p = v->data + s->offset;
    while (s->filesz - pos >= 12) {
        uint64_t namesz = get32(p + pos), descsz = get32(p + pos + 4);
        uint32_t type = get32(p + pos + 8);
        uint64_t name = pos + 12, desc = (name + namesz + align - 1) & ~(align - 1);
        uint64_t next = (desc + descsz + align - 1) & ~(align - 1);
        if (desc + descsz > s->filesz)
            return;
        if (type == XEN_ELFNOTE_PHYS32_ENTRY && namesz == 4 && !memcmp(p + name, "Xen", 4) &&
            descsz >= 4) {
            elf->has_pvh = true;
            elf->pvh_entry = get32(p + desc);
            return;
        }
        if (next > s->filesz)
            return;
        pos = next;
    }
}

bool boot_elf_load(const struct boot_config *cfg, const uint8_t *data, uint64_t size,
                   struct boot_elf *elf, struct err *e)
{
    struct elf_view v;
    *elf = (struct boot_elf){.lo = UINT64_MAX};
    if (!open_view(data, size, &v, elf, e))
        return false;
    for (unsigned i = 0; i < v.phnum; i++) {
        struct segment s = get_segment(&v, i);
        if (s.type == PT_NOTE)
            scan_notes(&v, &s, elf);
        if (s.type != PT_LOAD || !s.memsz)
            continue;
        if (!load_segment(cfg, &v, i, &s, e))
            return false;
        if (s.paddr < elf->lo)
            elf->lo = s.paddr;
        if (s.paddr + s.memsz > elf->hi)
            elf->hi = s.paddr + s.memsz;
    }
    if (!elf->hi)
        return err_set(e, "ELF image has nothing to load");
    return true;
}

/* --- PVH ------------------------------------------------------------------------ */

enum { PVH_MEMMAP = 0x100, PVH_MODLIST = 0x80 }; /* offsets from BOOT_INFO_ADDR */

static bool put_start_info(const struct boot_config *cfg, const struct boot_elf *elf,
                           struct err *e)
{
    uint8_t *info = boot_ram_at(&cfg->ram, BOOT_INFO_ADDR, BOOT_INFO_SIZE);
    struct e820_entry map[E820_MAX];

    memset(info, 0, PVH_MEMMAP + E820_MAX * 24);
    if (cfg->initrd) {
        struct boot_file f;
        gpa addr;
        if (!boot_initrd_open(cfg, &f, cfg->initrd, e))
            return false;
        bool ok = boot_put_high(cfg, &f, elf->hi, BOOT_ABOVE_4G, &addr, e);
        put32(info + 12, 1);
        put64(info + 16, BOOT_INFO_ADDR + PVH_MODLIST);
        put64(info + PVH_MODLIST, ok ? addr : 0);
        put64(info + PVH_MODLIST + 8, f.size);
        boot_file_close(&f);
        if (!ok)
            return false;
    }
    unsigned n = boot_memory_map(cfg, map);
    put32(info, HVM_START_MAGIC);
    put32(info + 4, 1); /* version: memory map present */
    put64(info + 24, BOOT_CMDLINE_ADDR);
    put64(info + 32, cfg->rsdp);
    put64(info + 40, BOOT_INFO_ADDR + PVH_MEMMAP);
    put32(info + 48, n);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *m = info + PVH_MEMMAP + 24 * i;
        put64(m, map[i].addr);
        put64(m + 8, map[i].size);
        put32(m + 16, map[i].type);
    }
    return true;
}

bool boot_pvh(const struct boot_config *cfg, const struct boot_file *f,
              struct boot_entry *entry, struct err *e)
{
    struct boot_elf elf;
    if (!boot_elf_load(cfg, f->data, f->size, &elf, e))
        return err_prefix(e, "'%s'", f->path);
    if (!elf.has_pvh)
        return err_set(e, "'%s' is an ELF image without a PVH note or multiboot header",
                       f->path);
    if (!boot_put_cmdline(cfg, cfg->cmdline ? cfg->cmdline : "", UINT64_MAX, e) ||
        !put_start_info(cfg, &elf, e))
        return false;
    boot_setup_cpu(cfg, entry, BOOT_PROT32);
    entry->rip = elf.pvh_entry;
    entry->rbx = BOOT_INFO_ADDR;
    entry->what = "ELF with PVH entry";
    return true;
}
