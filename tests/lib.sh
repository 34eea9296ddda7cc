# SPDX-License-Identifier: MIT
# Shell code shared by quickstart, check and the boot tests (sourced by bash from
# anywhere). Downloads and generated images live in .cache/, builds in build/.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${MYNAH_CACHE:-$ROOT/.cache}
BUILD=${MYNAH_BUILD:-$ROOT/build}

BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config libcapstone-dev libelf-dev libglib2.0-dev
    libjansson-dev liblz4-dev liblzma-dev libpng-dev libzstd-dev zlib1g-dev"
TEST_PACKAGES="acpica-tools clang-format coreutils e2fsprogs gzip libdevmapper1.02.1 libefiboot1
    libefivar1 openssl python3-minimal
    qemu-system-x86 qemu-utils xorriso xz-utils"
# The firmware is x86 code on any host.
[ "$(uname -m)" = x86_64 ] || BUILD_PACKAGES="$BUILD_PACKAGES gcc-x86-64-linux-gnu"

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# as_root CMD...: runs it as root; 127 when that is impossible.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        sudo "$@"
    else
        return 127
    fi
}

# need_packages PKG...: installs the missing ones.
need_packages() {
    local missing=() p
    for p in "$@"; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^ii' || missing+=("$p")
    done
    [ ${#missing[@]} = 0 ] && return 0
    command -v apt-get >/dev/null || die "not a Debian system; needed: ${missing[*]}"
    say "installing packages: ${missing[*]}"
    mkdir -p "$CACHE"
    if ! as_root true; then
        echo "Neither root nor sudo. Run this as root, then try again:" >&2
        echo "apt-get install -y --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    as_root apt-get update -qq </dev/null >"$CACHE/apt.log" 2>&1 || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        "${missing[@]}" </dev/null >>"$CACHE/apt.log" 2>&1 ||
        { tail -20 "$CACHE/apt.log" >&2; die "apt-get install failed (whole log: $CACHE/apt.log)"; }
}

# build_mynah [DIR [MESON-OPTION...]]: configures once, then lets ninja decide.
build_mynah() {
    local dir=${1:-$BUILD}
    shift || true
    if [ ! -f "$dir/build.ninja" ]; then
        say "configuring ${dir#"$ROOT"/}"
        rm -rf "$dir"
        meson setup "$dir" "$ROOT" "$@" >"$CACHE/meson.log" 2>&1 ||
            { tail -20 "$CACHE/meson.log" >&2; die "meson setup failed"; }
    fi
    say "building ${dir#"$ROOT"/}"
    ninja -C "$dir" ${NINJA_FLAGS:-} || die "the build failed"
}

# apt_for ARCH COMMAND...: apt-get or apt-cache for another architecture of Debian, with lists of
# its own: the host's apt stays as it is.
apt_for() {
    local arch=$1 cmd=$2 dir=$CACHE/apt-$1
    shift 2
    [ "$arch" != native ] || { "$cmd" -o "APT::Sandbox::User=$(id -un)" "$@"; return; }
    mkdir -p "$dir"/{state/lists,cache/archives}/partial
    "$cmd" -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o "Dir::State=$dir/state" \
        -o Dir::State::status=/dev/null -o "Dir::Cache=$dir/cache" \
        -o "APT::Sandbox::User=$(id -un)" "$@"
}

# update_lists ARCH: a mirror in the midst of an update leaves older lists that serve.
update_lists() {
    if [ "$1" = native ]; then
        as_root apt-get update -qq || true
    else
        apt_for "$1" apt-get update -qq || true
    fi
}

# deb_dir ARCH
deb_dir() { if [ "$1" = native ]; then echo "$CACHE/deb"; else echo "$CACHE/deb-$1"; fi; }

# find_deb PACKAGE [ARCH]: prints the newest downloaded file, or nothing.
find_deb() { ls -t "$(deb_dir "${2:-native}")/$1"_*.deb 2>/dev/null | head -1 || true; }

# As root apt would drop to a user who cannot write here, and warn of it.
download_deb() { (cd "$(deb_dir "$2")" && apt_for "$2" apt-get download "$1" </dev/null); }

# unpack_deb PACKAGE DIR [ARCH]: the package's files in DIR, fetched with apt once.
unpack_deb() {
    local pkg=$1 dir=$2 arch=${3:-native} deb
    [ -f "$dir/.done" ] && return 0
    mkdir -p "$(deb_dir "$arch")"
    deb=$(find_deb "$pkg" "$arch")
    if [ -z "$deb" ]; then
        say "fetching Debian package $pkg"
        download_deb "$pkg" "$arch" || {
            update_lists "$arch" # no lists yet, or stale ones
            download_deb "$pkg" "$arch"
        } || die "cannot fetch $pkg"
        deb=$(find_deb "$pkg" "$arch")
    fi
    rm -rf "$dir"
    mkdir -p "$dir"
    dpkg-deb -x "$deb" "$dir" && touch "$dir/.done" || die "cannot unpack $deb"
}

# get_kernel FLAVOUR: sets KERNEL to Debian's kernel, FLAVOUR "cloud-amd64", "amd64", "686" or "686-pae".
get_kernel() {
    local dir=$CACHE/kernel-$1 pkg arch=native
    case $1 in 686*) arch=i386 ;; esac
    if [ ! -f "$dir/.done" ]; then
        pkg=$(kernel_package "$1" $arch)
        [ -n "$pkg" ] || { update_lists $arch; pkg=$(kernel_package "$1" $arch); }
        [ -n "$pkg" ] || die "apt knows no linux-image-$1"
        unpack_deb "$pkg" "$dir" $arch
    fi
    KERNEL=$(ls "$dir"/boot/vmlinuz-* | head -1)
    [ -n "$KERNEL" ] || die "no kernel in $dir"
}

kernel_package() {
    # without lists apt-cache fails: the caller fetches them and asks again
    { LC_ALL=C apt_for "$2" apt-cache depends "linux-image-$1" 2>/dev/null || true; } |
        awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ { print $2; exit }'
}

get_busybox() {
    unpack_deb busybox-static "$CACHE/busybox"
    BUSYBOX=$CACHE/busybox/bin/busybox
}

# pack_initramfs DIR FILE: a gzip-compressed newc archive of DIR.
pack_initramfs() {
    (cd "$1" && find . | LC_ALL=C sort | "$BUSYBOX" cpio -o -H newc 2>/dev/null | gzip -1) \
        >"$2.tmp" && mv "$2.tmp" "$2"
}

# new_root DIR: a root directory with busybox and mount points; /init is the caller's.
new_root() {
    rm -rf "$1"
    mkdir -p "$1"/{bin,sbin,dev,proc,sys,tmp,root,etc}
    cp "$BUSYBOX" "$1/bin/busybox"
    local applet
    for applet in $("$BUSYBOX" --list); do
        [ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
}

# copy_program ROOT FILE...: with the shared libraries that ldd names.
copy_program() {
    local root=$1 file lib
    shift
    # Debian's libraries are found through /lib and /lib64 links
    mkdir -p "$root"/usr/{bin,lib,lib64}
    ln -sfn usr/lib "$root/lib"
    ln -sfn usr/lib64 "$root/lib64"
    for file in "$@"; do
        for lib in "$file" $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*'); do
            [ -e "$root$lib" ] && continue
            mkdir -p "$root$(dirname "$lib")"
            cp -L "$lib" "$root$lib"
        done
    done
}

# copy_python ROOT: Debian's python3 with the modules of its -minimal package.
copy_python() {
    local root=$1 python lib f
    python=$(readlink -f /usr/bin/python3)
    copy_program "$root" "$python"
    ln -sfn "$(basename "$python")" "$root/usr/bin/python3"
    lib=libpython${python##*python}-minimal
    for f in $(dpkg -L "$lib" | grep '^/usr/lib/.*\.\(py\|so\)$'); do
        mkdir -p "$root$(dirname "$f")"
        cp "$f" "$root$f"
        case $f in *.so) copy_program "$root" "$f" ;; esac
    done
}

# make_grub_cd FILE DIR: a CD with DIR's files that boots Debian's GRUB by BIOS; log in FILE.log.
make_grub_cd() {
    unpack_deb grub-common "$CACHE/grub-common"
    unpack_deb grub-pc-bin "$CACHE/grub-pc-bin"
    "$CACHE/grub-common/usr/bin/grub-mkrescue" -d "$CACHE/grub-pc-bin/usr/lib/grub/i386-pc" \
        --fonts= --locales= --themes= -o "$1" "$2" >"$1.log" 2>&1
}

# grub_cd FILE [MORE-FILES...]: such a CD, which is a disk as well, with a font; its grub.cfg is
# standard input.
grub_cd() {
    local out=$1 dir=$1.d
    shift
    unpack_deb grub-common "$CACHE/grub-common"
    rm -rf "$dir"
    mkdir -p "$dir/boot/grub/fonts"
    cat >"$dir/boot/grub/grub.cfg"
    [ $# = 0 ] || cp "$@" "$dir/"
    cp "$CACHE/grub-common/usr/share/grub/unicode.pf2" "$dir/boot/grub/fonts/"
    make_grub_cd "$out" "$dir"
}
