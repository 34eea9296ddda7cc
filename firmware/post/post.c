/* SPDX-License-Identifier: MIT
 * Power-on: the order in which the machine is brought up. */
#include "firmware/post/post.h"

#ifndef FIRMWARE_VERSION
#define FIRMWARE_VERSION "?"
#endif

extern void disk_probe(struct regs *r);
extern void sercon_start(struct regs *r);

NORETURN void post_entry(void);
NORETURN void boot_entry(u32 again);

/* Without a display, by the emulator's word or for want of a video ROM; "etc/sercon-port" is
 * the port to use whatever the display, 0 for none. */
static void serial_console(bool video)
{
    struct fw_file f;
    struct regs r = {0};
    u16 none = 0;
    if (fwcfg_find("etc/e820", &f) || fwcfg_find("bootorder", &f))
        fwcfg_read(0x04, &none, 2);
    r.bx = (u16)fwcfg_number("etc/sercon-port", none || !video ? BDA->com[0] : 0);
    if (r.bx && inb(r.bx + 5) != 0xff)
        call_near16(sercon_start, &r);
}

void post_entry(void)
{
    struct regs r = {0};
    fwcfg_init();
    chips_init();
    memory_init();
    pci_init();
    cpu_init();
    keyboard_init();
    ports_init();
    pir_init();
    mptable_init();
    smbios_init();
    acpi_init();
    serial_console(video_init());
    print_f("Mynah BIOS " FIRMWARE_VERSION "\n");
    call_near16(disk_probe, &r);
    memory_finish();
    boot_start();
}

/* From INT 19h (0) and INT 18h (1): real mode is left for good, the data are as they were. */
void boot_entry(u32 again)
{
    __asm__("" : "+a"(again));
    if (again)
        boot_next();
    boot_start();
}
