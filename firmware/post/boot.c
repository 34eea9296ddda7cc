/* SPDX-License-Identifier: MIT
 * What to boot: candidates, their order (fw_cfg "bootorder", else CMOS 3Dh and 38h), the menu,
 * and the start of boot sectors and option ROMs; CDs are in eltorito.c. */
#include "firmware/post/boot.h"

enum { MAX_ITEMS = 24, LAST = 1000, MENU_KEY_ESC = 0x01, MENU_KEY_F12 = 0x86 };

struct item {
    u8 class, index; /* of drives[], CDs: of cd_map[], ROMs: of rom_boots[] */
    u32 rank;
    u16 bdf;
};

static struct item items[MAX_ITEMS];
static u32 item_count, next_item;
static char order[1024];
static bool built, strict;

bool disk_read(u8 number, u64 lba, u16 count, u32 addr)
{
    struct {
        u16 size, count, off, seg;
        u64 lba;
    } dap = {16, count, (u16)(addr & 15), (u16)(addr >> 4), lba};
    struct regs r = {
        .ah = 0x42, .dl = number, .ds = SEG_DATA, .si = (u16)((u32)&dap - DATA_BASE)};
    call_int(0x13, &r);
    return !(r.flags & FLAG_C);
}

static u32 node_of(u16 bdf, const char *name, char *to, u32 size)
{
    u32 dev = bdf >> 3 & 31, fn = bdf & 7;
    format(to, size, fn ? "/%s@%x,%x" : "/%s@%x", name, dev, fn);
    return strlen(to);
}

/* The bridges on the way to a function, from the root on; the length. */
static u32 path_to(u16 bdf, char *to, u32 size)
{
    static const char root[] = "/pci@i0cf8";
    if (bdf >> 8) {
        u16 bridge = pci_parent(bdf);
        u32 n = path_to(bridge, to, size);
        return n + node_of(bridge, "pci-bridge", to + n, size - n);
    }
    memcpy(to, root, sizeof root);
    return sizeof root - 1;
}

/* The path in "bootorder", or its end that names a floppy drive. */
static void path_of(const struct item *it, char *to, u32 size)
{
    struct drive *d = &SHARED(drives[it->index]);
    u32 n = path_to(it->bdf, to, size);
    if (it->class == BOOT_CD)
        d = &SHARED(drives[SHARED(cd_map[it->index])]);
    if (it->class == BOOT_ROM && *rom_boots[it->index].file) {
        format(to, size, "/rom@%s", rom_boots[it->index].file);
    } else if (it->class == BOOT_ROM) {
        node_of(it->bdf, "ethernet", to + n, size - n);
    } else if (d->kind == DRIVE_FLOPPY) {
        format(to, size, "/floppy@%u", d->unit);
    } else if (d->kind == DRIVE_VIRTIO) {
        n += node_of(it->bdf, "scsi", to + n, size - n);
        format(to + n, size - n, "/disk@0,0");
    } else {
        n += node_of(it->bdf, "ide", to + n, size - n);
        format(to + n, size - n, "/drive@%u/disk@%u", d->io == 0x170, d->unit);
    }
}

/* Line number in "bootorder", or LAST. */
static u32 rank_by_path(const struct item *it)
{
    char path[512]; /* 31 bridges */
    u32 line = 0;
    path_of(it, path, sizeof path);
    for (const char *p = order; *p; line++) {
        const char *end = p, *hit = strstr(p, path);
        while (*end && *end != '\n')
            end++;
        if (hit && hit < end)
            return line;
        p = *end ? end + 1 : end;
    }
    return LAST;
}

/* Classes in CMOS, first to third choice; then disk, floppy, CD, ROM. */
static u32 rank_by_class(u8 class)
{
    u8 a = cmos_read(CMOS_BOOT_ORDER), b = cmos_read(CMOS_BOOT_FLAGS);
    u8 choice[3] = {a & 0xf, a >> 4, b >> 4};
    if (!a && !(b >> 4)) {
        choice[0] = BOOT_HD;
        choice[1] = BOOT_FLOPPY;
        choice[2] = BOOT_CD;
    }
    for (u32 i = 0; i < 3; i++)
        if (choice[i] == class)
            return LAST + 1 + i;
    return LAST + 10 + (class == BOOT_FLOPPY ? BOOT_HD : class == BOOT_HD ? 0 : class);
}

static void add_item(u8 class, u8 index, u16 bdf)
{
    struct item it = {.class = class, .index = index, .bdf = bdf};
    u32 i = item_count;
    if (i == MAX_ITEMS)
        return;
    it.rank = rank_by_path(&it);
    if (it.rank == LAST)
        it.rank = rank_by_class(class);
    if (strict && it.rank > LAST)
        return;
    for (; i && items[i - 1].rank > it.rank; i--)
        items[i] = items[i - 1];
    items[i] = it;
    item_count++;
}

static void add_drives(void)
{
    for (u32 i = 0; i < SHARED(fd_count); i++)
        add_item(BOOT_FLOPPY, SHARED(fd_map[i]), 0);
    for (u32 i = 0; i < SHARED(hd_count); i++) {
        u8 n = SHARED(hd_map[i]);
        add_item(BOOT_HD, n, SHARED(drives[n]).bdf);
    }
    for (u32 i = 0; i < SHARED(cd_count); i++)
        add_item(BOOT_CD, (u8)i, SHARED(drives[SHARED(cd_map[i])]).bdf);
}

static void add_roms(void)
{
    option_roms_init();
    for (u32 i = 0; i < rom_boot_count; i++)
        add_item(BOOT_ROM, (u8)i, rom_boots[i].bdf);
}

/* Disks get their numbers in boot order: the first is 80h. */
static void number_disks(void)
{
    u8 n = 0;
    for (u32 i = 0; i < item_count; i++)
        if (items[i].class == BOOT_HD)
            SHARED(hd_map[n++]) = items[i].index;
    for (u32 i = 0; n < SHARED(hd_count) && i < SHARED(drive_count); i++) {
        u32 k = 0;
        u8 kind = SHARED(drives[i]).kind;
        while (k < n && SHARED(hd_map[k]) != i)
            k++;
        if (k == n && (kind == DRIVE_ATA || kind == DRIVE_VIRTIO))
            SHARED(hd_map[n++]) = (u8)i;
    }
}

static void read_order(void)
{
    struct fw_file f;
    if (!fwcfg_find("bootorder", &f))
        return;
    fwcfg_read(f.select, order, f.size < sizeof order ? f.size : sizeof order - 1);
    strict = strstr(order, "HALT") != NULL;
}

static bool wants_roms(bool menu)
{
    char name[57];
    struct fw_file f;
    for (u32 i = 0; fwcfg_entry(i, name, &f); i++)
        if (!memcmp(name, "genroms/", 8))
            return true;
    return menu || strstr(order, "/ethernet@") || rank_by_class(BOOT_ROM) < LAST + 4;
}

static const char *item_name(const struct item *it)
{
    if (it->class == BOOT_ROM)
        return rom_boots[it->index].name;
    if (it->class == BOOT_CD)
        return SHARED(drives[SHARED(cd_map[it->index])]).name;
    return SHARED(drives[it->index]).name;
}

static const char *class_name(const struct item *it)
{
    static const char *const names[] = {"", "floppy", "disk", "CD", "network"};
    return it->class == BOOT_ROM && *rom_boots[it->index].file ? "ROM" : names[it->class];
}

static void move_to_front(u32 n)
{
    struct item it = items[n];
    for (; n; n--)
        items[n] = items[n - 1];
    items[0] = it;
    number_disks();
}

static void choose(void)
{
    u16 key;
    print_f("\nBoot from:\n");
    for (u32 i = 0; i < item_count; i++)
        print_f(" %u. %s: %s\n", i + 1, class_name(&items[i]), item_name(&items[i]));
    while (key_wait(~0u / 18, &key)) {
        u32 n = (u32)(key & 0xff) - '1';
        if (key >> 8 == MENU_KEY_ESC)
            return;
        if (n < item_count && n < 9) {
            move_to_front(n);
            return;
        }
    }
}

static bool menu_enabled(void)
{
    struct fw_file f;
    u16 legacy = 0;
    if (fwcfg_find("etc/show-boot-menu", &f))
        return fwcfg_number("etc/show-boot-menu", 0);
    if (fwcfg_find("etc/e820", &f) || fwcfg_find("bootorder", &f))
        fwcfg_read(0x0e, &legacy, 2);
    return legacy;
}

static bool menu_asked(void)
{
    u16 key;
    u32 wait = (u32)fwcfg_number("etc/boot-menu-wait", 2500);
    print_f("Press Esc or F12 for the boot menu.\n");
    while (key_wait(wait, &key))
        if (key >> 8 == MENU_KEY_ESC || key >> 8 == MENU_KEY_F12)
            return true;
    return false;
}

static void build(void)
{
    bool asked;
    built = true;
    read_order();
    asked = menu_enabled() && menu_asked();
    add_drives();
    if (wants_roms(asked))
        add_roms();
    number_disks();
    if (asked)
        choose();
}

void start_loader(u32 seg_off, u8 number)
{
    print_f("\n"); /* ends "Booting from ..." */
    start16(seg_off, number, 0);
}

static void boot_floppy(const struct item *it)
{
    struct regs r = {.ax = 0x0201, .cx = 0x0001, .es = BOOT_SECTOR >> 4};
    for (u8 i = 0; i < SHARED(fd_count); i++)
        if (SHARED(fd_map[i]) == it->index)
            r.dl = i;
    u8 number = r.dl;
    call_int(0x13, &r);
    if (r.flags & FLAG_C)
        return;
    bool check = !(cmos_read(CMOS_BOOT_FLAGS) & 1);
    if (!check || *(u16 *)hide(BOOT_SECTOR + 510) == 0xaa55)
        start_loader(BOOT_SECTOR, number);
}

static void boot_disk(const struct item *it)
{
    u8 number = 0x80;
    for (u8 i = 0; i < SHARED(hd_count); i++)
        if (SHARED(hd_map[i]) == it->index)
            number = (u8)(0x80 + i);
    if (disk_read(number, 0, 1, BOOT_SECTOR) && *(u16 *)hide(BOOT_SECTOR + 510) == 0xaa55)
        start_loader(BOOT_SECTOR, number);
}

static void boot_rom(const struct item *it)
{
    struct regs r = {.es = SEG_BIOS, .flags = FLAG_I};
    print_f("\n");
    call_far16(rom_boots[it->index].seg, rom_boots[it->index].off, &r);
}

static void boot_item(const struct item *it)
{
    print_f("Booting from %s: %s", class_name(it), item_name(it));
    switch (it->class) {
    case BOOT_FLOPPY: boot_floppy(it); break;
    case BOOT_HD: boot_disk(it); break;
    case BOOT_CD: boot_cd(it->index); break;
    default: boot_rom(it); break;
    }
    print_f(": not bootable\n");
}

static void give_up(void)
{
    u32 wait = (u32)fwcfg_number("etc/boot-fail-wait", ~0u);
    u16 key;
    print_f("No bootable device.\n");
    if (wait == ~0u)
        halt();
    key_wait(wait, &key);
    outb(0xcf9, 2);
    outb(0xcf9, 6);
    halt();
}

void boot_next(void)
{
    for (;;) {
        if (next_item < item_count)
            boot_item(&items[next_item++]);
        else if (!rom_boot_count && !strict) {
            add_roms();
            if (next_item == item_count)
                give_up();
        } else {
            give_up();
        }
    }
}

void boot_start(void)
{
    if (!built)
        build();
    next_item = 0;
    boot_next();
}
