/* SPDX-License-Identifier: MIT
 * What the machine tells its firmware: fw_cfg items, boot order. */
#include <stdlib.h>
#include <string.h>

#include "firmware/firmware.h"
#include "frontend/vm_int.h"
#include "hw/fw/boot.h"
#include "hw/fw/items.h"

/* The board as it is now: firmware has placed the PM registers when it asks. */
static void describe(void *opaque, struct acpi_config *c)
{
    struct vm *vm = opaque;
    uint16_t pm = pci_fn_get16(&vm->pc->piix4_pm.pci, 0x40) & 0xffc0;

    *c = acpi_config_pc(vm->pc->memory.ram_low);
    if (pm) {
        c->pm1_evt = pm;
        c->pm1_cnt = pm + 4;
        c->pm_timer = pm + 8;
        c->gpe0 = pm + 0xc;
    }
    c->pirq_links = true;
    c->pci_hole =
        vm->pc->memory.ram_low < 0x80000000 ? 0x80000000 : (uint32_t)vm->pc->memory.ram_low;
    c->hpet_addr = vm->o->no_hpet ? 0 : HPET_BASE;
    c->fw_cfg = FW_CFG_PORT;
}

static bool add_user_item(struct fw_cfg *f, const struct fw_cfg_opts *o, struct err *e)
{
    struct boot_file file = {0};
    bool ok;

    if (o->string)
        return fw_cfg_add_file(f, o->name, o->string, strlen(o->string), e);
    if (!boot_file_open(&file, o->file, 256 << 20, e))
        return err_prefix(e, "-fw_cfg %s", o->name);
    ok = fw_cfg_add_file(f, o->name, file.data, file.size, e);
    boot_file_close(&file);
    return ok;
}

bool vm_fw_init(struct vm *vm, struct err *e)
{
    const struct opts *o = vm->o;
    struct fw_cfg *f = &vm->pc->fw_cfg;
    struct fw_items it = {.cpus = o->cpus,
                          .ram_low = vm->pc->memory.ram_low,
                          .ram_high = vm->pc->memory.ram_high,
                          .nographic = o->nographic,
                          .hpet_addr = o->no_hpet ? 0 : HPET_BASE,
                          .boot = o->boot,
                          .smbios = o->smbios};
    char *indexed = devices_bootorder(&vm->devices, o);
    bool ok;

    it.boot.indexed = indexed;
    it.smbios.cpus = it.cpus;
    it.smbios.ram_low = it.ram_low;
    it.smbios.ram_high = it.ram_high;
    memcpy(it.smbios.uuid, o->uuid, sizeof(o->uuid));
    if (!vm_direct_boot(vm)) {
        it.kernel = o->kernel;
        it.initrd = o->initrd;
        it.cmdline = o->append;
        it.linux_rom = firmware_linuxboot;
        it.linux_rom_size = FIRMWARE_LINUXBOOT_SIZE;
    }
    ok = fw_items_add(f, &it, e);
    free(indexed);
    vm->acpi = (struct fw_acpi){.f = f, .opaque = vm, .describe = describe};
    ok = ok && fw_items_add_acpi(&vm->acpi, e);
    for (unsigned i = 0; ok && i < o->fw_cfgs; i++)
        ok = add_user_item(f, &o->fw_cfg[i], e);
    return ok;
}

/* `once` serves the first boot only. */
void vm_fw_reset(struct vm *vm)
{
    const struct fw_boot *b = &vm->o->boot;
    const char *order = b->once && !vm->booted ? b->once : b->order ? b->order : "cad";
    uint8_t at_3d, at_38;

    vm->booted = true;
    if (!fw_boot_cmos(order, &at_3d, &at_38, NULL))
        return;
    rtc_set_cmos(&vm->pc->rtc, 0x3d, at_3d);
    rtc_set_cmos(&vm->pc->rtc, 0x38, at_38);
}
