/* SPDX-License-Identifier: MIT */
#include "hw/devices.h"

#include <string.h>

#include "hw/block/ide_unit.h"
#include "hw/display/vga.h"
#include "hw/pc/pc.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_testdev.h"
#include "hw/virtio/virtio_blk.h"

const struct dev_class *const hw_classes[] = {
    &acpi_pm_class,
    &debugexit_class,
    &debugport_class,
    &dma_8237_class,
    &fdc_class,
    &fw_cfg_class,
    &hpet_class,
    &i440fx_class,
    &ide_cd_class,
    &ide_class,
    &ide_hd_class,
    &ioapic_class,
    &kbc_class,
    &lapic_class,
    &pci_bridge_class,
    &pci_host_class,
    &pci_testdev_class,
    &pic_class,
    &pflash_class,
    &piix3_class,
    &piix4_pm_class,
    &pit_class,
    &ports_class,
    &rtc_class,
    &serial_class,
    &vga_isa_class,
    &vga_pci_class,
    &virtio_blk_class,
    NULL,
};

const struct dev_class *hw_find_class(const char *name)
{
    const struct dev_class *const *c;

    for (c = hw_classes; *c; c++)
        if (!strcmp((*c)->name, name) || ((*c)->alias && !strcmp((*c)->alias, name)))
            return *c;
    return NULL;
}
