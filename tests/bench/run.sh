#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the benchmark's programs and images, then lets run.py measure and print.
#   run.sh [--list] [--only NAME[,NAME...]] [--runs N] [--no-boot] [--no-disk] [--best] [--out DIR]
# Programs and groups are named by --list. Results: .cache/bench/out/ unless --out says where.
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
. "$ROOT/tests/boot/disk-initramfs.sh"
here=$ROOT/tests/bench
dir=$CACHE/bench
BENCH_PACKAGES="gcc libc6-dev qemu-system-x86 qemu-utils cpp e2fsprogs fio gzip libdevmapper1.02.1
    libefiboot1 libefivar1 openssl perl-base python3-minimal xorriso xz-utils"

build_programs() {
    gcc -std=gnu11 -O2 -Wall -Wextra -D_GNU_SOURCE -fno-math-errno -static -pthread -I"$ROOT" \
        -o "$dir/bench" "$here"/*.c || die "the benchmark's programs do not build"
}

# Input of the real programs, the same on both sides.
make_data() {
    local cc1
    rm -rf "$dir/data"
    mkdir -p "$dir/data"
    cp "$here"/work.{sh,py,pl} "$dir/data"
    awk 'BEGIN {
        for (i = 1; i <= 120000; i++) {
            x = (x * 16807 + 11) % 2147483647
            printf "%s%d%s", substr("thequickbrownfoxjumpsoverthelazydog", x % 29 + 1, x % 5 + 2),
                x % 1000, i % 9 ? " " : "\n"
        }
    }' >"$dir/data/text"
    cc1=$(gcc -print-prog-name=cc1)
    if [ -x "$cc1" ]; then
        echo "$cc1" >"$dir/data/cc1"
        gcc -std=gnu11 -E -P -I"$ROOT" "$here/compute_int.c" >"$dir/data/work.i"
    fi
}

make_images() {
    local root=$dir/root conf=/usr/lib/ssl/openssl.cnf
    new_root "$root"
    install -m 755 "$here/init.boot" "$root/init"
    pack_initramfs "$root" "$dir/boot.cpio.gz"
    copy_program "$root" /usr/bin/{gzip,xz,openssl,perl}
    copy_python "$root"
    [ -f "$dir/data/cc1" ] && copy_program "$root" "$(cat "$dir/data/cc1")"
    if [ -e "$conf" ]; then
        mkdir -p "$root$(dirname "$conf")"
        cp -L "$conf" "$root$conf"
    fi
    cp -r "$dir/data" "$root/data"
    cp "$dir/bench" "$root/bench"
    install -m 755 "$here/init" "$root/init"
    pack_initramfs "$root" "$dir/bench.cpio.gz"
    make_disk_initramfs amd64 "$dir/disk.cpio.gz" /usr/bin/fio
    mkdir -p "$dir/cd/boot/grub"
    printf '%s\n' 'serial --unit=0 --speed=115200' 'terminal_output serial' 'echo "@@ grub"' halt \
        >"$dir/cd/boot/grub/grub.cfg"
    make_grub_cd "$dir/grub.iso" "$dir/cd" || die "no GRUB CD, see $dir/grub.iso.log"
}

mkdir -p "$dir"
case " $* " in
*" --list "*)
    build_programs
    exec python3 "$here/run.py" --list --bench "$dir/bench" ;;
esac
need_packages $BENCH_PACKAGES
get_busybox
get_kernel amd64
generic=$KERNEL
get_kernel cloud-amd64
say "building the benchmark's programs and images"
build_programs
make_data
make_images
exec python3 "$here/run.py" --dir "$dir" --bench "$dir/bench" \
    --mynah "${MYNAH:-$BUILD/frontend/mynah}" --qemu "${QEMU:-qemu-system-x86_64}" \
    --cloud "$KERNEL" --generic "$generic" "$@"
