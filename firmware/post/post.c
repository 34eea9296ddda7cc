/* SPDX-License-Identifier: MIT
 * Power-on: the order in which the machine is brought up. */
#include "firmware/post/post.h"

#ifndef FIRMWARE_VERSION
#define FIRMWARE_VERSION "?"
#endif

extern void disk_probe(struct regs *r);

NORETURN void post_entry(void);
NORETURN void boot_entry(u32 again);

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
    video_init();
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
