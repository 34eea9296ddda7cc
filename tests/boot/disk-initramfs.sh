# SPDX-License-Identifier: MIT
# An initramfs with a Debian kernel's disk drivers and disk-init (sourced after ../lib.sh).

# in the order of their dependencies; a kernel has some built in
DISK_MODULES="crct10dif_common crct10dif_generic crc-t10dif crc64 crc64-rocksoft_generic crc64-rocksoft
    t10-pi scsi_common scsi_mod sd_mod libata ata_piix virtio_ring virtio virtio_pci_modern_dev
    virtio_pci_legacy_dev virtio_pci virtio_blk crc16 crc32c_generic libcrc32c mbcache jbd2 ext4"

# make_disk_initramfs FLAVOUR FILE [PROGRAM...]
make_disk_initramfs() {
    local flavour=$1 out=$2 root=$2.root i=0 m
    shift 2
    new_root "$root"
    copy_program "$root" /usr/bin/sha256sum /usr/sbin/{mkfs.ext4,e2fsck} "$@"
    cp /etc/mke2fs.conf "$root/etc/"
    mkdir -p "$root"/{modules,mnt}
    for m in $DISK_MODULES; do
        i=$((i + 1))
        find "$CACHE/kernel-$flavour/lib/modules" -name "$m.ko" \
            -exec cp {} "$root/modules/$(printf %02d $i)-$m.ko" \;
    done
    install -m 755 "$ROOT/tests/boot/disk-init" "$root/init"
    pack_initramfs "$root" "$out"
    rm -rf "$root"
}
