#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes a disk with Debian on it: GPT, GRUB for BIOS and for EFI, ext4.
#   installed-image.sh FILE
# Needs root (chroot), no loop devices. Writes FILE (raw) and FILE with .qcow2 for .raw.
# Status 77: Debian's packages could not be fetched.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"
out=$1 work=$CACHE/installed.work
SECTOR=512 CORE=2048 ESP=4096 ROOTFS=36864 SECTORS=2619392 # all in sectors
packages=linux-image-amd64,initramfs-tools,systemd-sysv,udev,dbus,libpam-systemd,kmod,login,e2fsprogs
menu='search --no-floppy --label --set=root mynahroot
set prefix=($root)/boot/grub
normal'

# A mirror that answers has what is asked for, so any other failure is ours.
fetch_failed() { grep -qE "Failed to fetch|Could not resolve|Unable to fetch" "$1"; }

make_tree() {
    mmdebstrap --variant=minbase --mode=root --include="$packages" \
        --aptopt='Acquire::Languages "none"' --dpkgopt=path-exclude='/usr/share/doc/*' \
        --dpkgopt=path-exclude='/usr/share/man/*' --dpkgopt=path-exclude='/usr/share/locale/*' \
        bookworm "$work/root" >"$work/log" 2>&1 || {
        cat "$work/log"
        fetch_failed "$work/log" && exit 77
        exit 1
    }
    chroot "$work/root" passwd -d root
    echo mynah >"$work/root/etc/hostname"
    echo 'LABEL=mynahroot / ext4 errors=remount-ro 0 1' >"$work/root/etc/fstab"
    rm -rf "$work/root"/var/{cache/apt,lib/apt/lists}/*
    mkdir -p "$work/root/boot/grub"
    cat >"$work/root/boot/grub/grub.cfg" <<'CFG'
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
set timeout=1
menuentry "Debian GNU/Linux" {
    linux /vmlinuz root=LABEL=mynahroot ro console=tty0 console=ttyS0
    initrd /initrd.img
}
CFG
}

# put FILE SECTOR: copies it into the disk
put() { dd if="$1" of="$out.tmp" bs=$SECTOR seek="$2" conv=notrunc,sparse status=none; }

# le64 NUMBER: eight bytes
le64() {
    local i
    for i in 0 8 16 24 32 40 48 56; do printf "\\x$(printf %02x $(($1 >> i & 255)))"; done
}

# poke FILE OFFSET NUMBER
poke() { le64 "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

# GRUB's boot.img names the core's sector at 5Ch; the core's first sector names the next at 1F4h.
grub_bios() {
    local dir=/usr/lib/grub/i386-pc
    echo "$menu" >"$work/early.cfg"
    grub-mkimage -O i386-pc -p /boot/grub -c "$work/early.cfg" -o "$work/core.img" biosdisk \
        part_gpt ext2 search search_label normal linux serial terminal echo configfile
    poke "$work/core.img" $((0x1f4)) $((CORE + 1))
    put "$work/core.img" $CORE
    cp $dir/boot.img "$work/boot.img"
    poke "$work/boot.img" $((0x5c)) $CORE
    dd if="$work/boot.img" of="$out.tmp" bs=1 count=440 conv=notrunc status=none
}

grub_efi() {
    grub-mkimage -O x86_64-efi -p /EFI/BOOT -c "$work/early.cfg" -o "$work/bootx64.efi" part_gpt \
        ext2 fat search search_label normal linux serial terminal echo configfile all_video
    truncate -s $(((ROOTFS - ESP) * SECTOR)) "$work/esp"
    mkfs.vfat -n ESP "$work/esp" >/dev/null
    mmd -i "$work/esp" ::EFI ::EFI/BOOT
    mcopy -i "$work/esp" "$work/bootx64.efi" ::EFI/BOOT/BOOTX64.EFI
    put "$work/esp" $ESP
}

rm -rf "$work" "$out.tmp"
mkdir -p "$work"
make_tree
truncate -s $((SECTORS * SECTOR)) "$out.tmp"
sfdisk -q "$out.tmp" <<TABLE
label: gpt
start=$CORE, size=$((ESP - CORE)), type=21686148-6449-6E6F-744E-656564454649
start=$ESP, size=$((ROOTFS - ESP)), type=U
start=$ROOTFS, size=$((SECTORS - ROOTFS - 2048)), type=L
TABLE
grub_bios
grub_efi
truncate -s $(((SECTORS - ROOTFS - 2048) * SECTOR)) "$work/rootfs"
mke2fs -q -F -t ext4 -L mynahroot -d "$work/root" "$work/rootfs"
put "$work/rootfs" $ROOTFS
qemu-img convert -O qcow2 "$out.tmp" "${out%.raw}.qcow2"
mv "$out.tmp" "$out"
rm -rf "$work" "$out.tmp"
