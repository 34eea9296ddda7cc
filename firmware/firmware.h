/* SPDX-License-Identifier: MIT
 * The guest firmware built from this folder, embedded in the program. */
#ifndef FIRMWARE_FIRMWARE_H
#define FIRMWARE_FIRMWARE_H

/* 128 KiB: belongs at the top of 4 GiB and, read-only, at E0000-FFFFF until the guest turns
 * that range into RAM by PAM. */
extern const unsigned char firmware_bios[], firmware_bios_end[];
/* PCI expansion ROM of the VGA device (1234:1111); a multiple of 512 bytes. */
extern const unsigned char firmware_vgabios[], firmware_vgabios_end[];
/* Option ROM for any PC BIOS that starts the Linux kernel which fw_cfg holds. */
extern const unsigned char firmware_linuxboot[], firmware_linuxboot_end[];

#define FIRMWARE_BIOS_SIZE      ((unsigned long)(firmware_bios_end - firmware_bios))
#define FIRMWARE_VGABIOS_SIZE   ((unsigned long)(firmware_vgabios_end - firmware_vgabios))
#define FIRMWARE_LINUXBOOT_SIZE ((unsigned long)(firmware_linuxboot_end - firmware_linuxboot))
#endif
