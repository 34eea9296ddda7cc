#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# QEMU's own tests of x86 (tests/tcg of Debian's source package): user programs run
# on the host and in a guest and must print the same; system tests boot directly.
#   run.sh [EMULATOR-OPTION...]     output is TAP; logs stay in .cache/foreign/
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
here=$ROOT/tests/foreign
work=$CACHE/foreign
tcg=$work/tcg
mynah=${MYNAH:-$BUILD/frontend/mynah}
mirror=${MYNAH_DEBIAN_MIRROR:-http://deb.debian.org/debian}
seconds=${MYNAH_SECONDS:-600}
kernels32="686 686-pae"

n=0 bad=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); bad=1; echo "not ok $n - $1"; }
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }
explain() { sed 's/^/# /' >&2; }
skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

# own_apt ARCH deb|deb-src ARG...: apt-get with a configuration of our own, which
# leaves the system's sources and architectures as they are.
own_apt() {
    local arch=$1 dir=$work/apt-$1-$2
    mkdir -p "$dir"/{lists/partial,archives/partial}
    if [ ! -e "$dir/sources.list" ]; then
        echo "$2 [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" \
            >"$dir/sources.list"
    fi
    shift 2
    local program=apt-get
    [ "$1" != depends ] || program=apt-cache
    $program -q -o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir" -o Dir::State::status=/dev/null \
        -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" \
        -o "APT::Sandbox::User=$(id -un)" "$@"
}

fetch_source() {
    local tarball
    mkdir -p "$work/source"
    own_apt amd64 deb-src update && cd "$work/source" &&
        own_apt amd64 deb-src source --download-only --tar-only qemu || return 1
    tarball=$(ls -t qemu_*.orig.tar.* | head -1)
    rm -rf "$tcg.new" && mkdir "$tcg.new"
    tar -xf "$tarball" -C "$tcg.new" --strip-components=3 --wildcards '*/tests/tcg/i386' \
        '*/tests/tcg/x86_64' '*/tests/tcg/multiarch' '*/tests/tcg/minilib' || return 1
    mv "$tcg.new" "$tcg"
    rm -rf "$work/source" "$work/apt-amd64-deb-src"
}

# fetch_i386: 32-bit busybox and kernels, with two-level and with PAE paging.
fetch_i386() {
    local flavour kernel=linux-image packages=(busybox-static)
    own_apt i386 deb update || return 1
    for flavour in $kernels32; do
        packages+=("$(LC_ALL=C own_apt i386 deb depends "$kernel-$flavour" |
            awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ { print $2; exit }')")
    done
    rm -rf "$work/i386.new" && mkdir "$work/i386.new" && cd "$work/i386.new" || return 1
    own_apt i386 deb download "${packages[@]}" || return 1
    for kernel in *.deb; do
        dpkg-deb -x "$kernel" . && rm "$kernel" || return 1
    done
    rm -rf lib usr
    cd .. && mv i386.new i386 && rm -rf apt-i386-deb
}

# 32-bit libraries for the host's gcc, in the cache instead of the system.
fetch_libraries() {
    local version
    version=$(gcc -dumpversion) || return 1
    unpack_deb libc6-dev-i386 "$work/libc32"
    unpack_deb "lib32gcc-${version%%.*}-dev" "$work/gcc32"
}

fetch() {
    local log=$work/fetch.log
    [ "$(uname -m)" = x86_64 ] || skip_all "the host is no x86"
    mkdir -p "$work"
    if [ ! -d "$tcg" ]; then
        (fetch_source) >"$log" 2>&1 </dev/null ||
            skip_all "cannot fetch QEMU's source package (see $log)"
    fi
    (fetch_libraries) >"$log" 2>&1 </dev/null || skip_all "cannot fetch 32-bit libraries (see $log)"
    (get_kernel amd64 && get_busybox) >"$log" 2>&1 || skip_all "cannot fetch a kernel (see $log)"
    # not the cloud kernel: that one allows no 16-bit segments in an LDT
    KERNEL=$(ls "$CACHE"/kernel-amd64/boot/vmlinuz-* | head -1)
    BUSYBOX=$CACHE/busybox/bin/busybox
    local gcc32
    gcc32=$(dirname "$(ls "$work"/gcc32/usr/lib/gcc/*/*/32/libgcc.a | head -1)")
    cc32=(gcc -m32 -isystem "$work/libc32/usr/include/x86_64-linux-gnu"
        -isystem /usr/include/x86_64-linux-gnu -B"$work/libc32/usr/lib32/" -L"$work/libc32/usr/lib32"
        -B"$gcc32/" -L"$gcc32")
    cc64=(gcc)
}

# generate KIND: header files from QEMU's instruction table; for sse the AVX
# program itself, cut down to 128-bit registers and instructions without VEX.
generate() {
    local i386=$tcg/i386 gen=$work/gen/$1
    mkdir -p "$gen"
    case $1 in
    mmx) python3 "$i386/test-mmx.py" "$i386/x86.csv" "$gen/test-mmx.h" MMX SSE SSE2 SSE3 SSSE3 ;;
    3dnow) python3 "$i386/test-mmx.py" "$i386/x86.csv" "$gen/test-3dnow.h" 3DNOW ;;
    avx) python3 "$i386/test-avx.py" "$i386/x86.csv" "$gen/test-avx.h" ;;
    sse)
        sed 's/"AES".*//; s/"F16C", "FMA",//' "$i386/test-avx.py" >"$gen/test-sse.py"
        python3 "$gen/test-sse.py" "$i386/x86.csv" "$gen/test-avx.h"
        sed 's/\<ymm\([0-9]\)/xmm\1/; s/"ymm\([0-9]*\)"/"xmm\1"/g; s/vmovdqa/movdqa/
            s/reg_state result;/static reg_state result; result = *t->init;/' \
            "$i386/test-avx.c" >"$gen/test-sse.c"
        ;;
    esac
}

# build NAME BITS WORD...: the program in bin/, a line in the list.
build() {
    local name=$1 bits=$2 word exe flag=- mode=- gen= sources=() options=() libs=()
    shift 2
    for word in "$@"; do
        case $word in
        needs=*) flag=${word#*=} ;;
        gen=*) gen=${word#*=} ;;
        first=*) [ -n "${MYNAH_LONG:-}" ] || mode=$word ;;
        sort | digits | messages | shifts) mode=$word ;;
        -l*) libs+=("$word") ;;
        -*) options+=("$word") ;;
        test-sse.c) sources+=("$work/gen/sse/$word") ;;
        *) sources+=("$tcg/$word") ;;
        esac
    done
    case $name in *"$bits"* | *i386) ;; *) name=$name-$bits ;; esac
    exe=$work/bin/$name
    if [ ! "$exe" -nt "$here/programs" ] || [ ! "$exe" -nt "$here/run.sh" ]; then
        { [ -z "$gen" ] || generate "$gen"; } >"$work/build.log" 2>&1
        local cc=("${cc64[@]}")
        [ "$bits" = 64 ] || cc=("${cc32[@]}")
        "${cc[@]}" -w -O0 -fno-strict-aliasing -fno-pie -no-pie -static -s ${gen:+-I"$work/gen/$gen"} \
            -I"$tcg/i386" "${options[@]}" -o "$exe.new" "${sources[@]}" "${libs[@]}" \
            >>"$work/build.log" 2>&1 && mv "$exe.new" "$exe" || {
            not_ok "$name: does not compile"
            head -n 10 "$work/build.log" | explain
            return
        }
    fi
    echo "$name $flag $mode" >>"$work/list"
}

build_all() {
    local line
    mkdir -p "$work/bin"
    : >"$work/list"
    while read -r -a line; do
        case ${line[0]:-#} in \#*) continue ;; esac
        build "${line[@]}"
    done <"$here/programs"
}

# make_image LIST BUSYBOX FILE: an initramfs with the programs of a list.
make_image() {
    local root=$work/root name flag mode BUSYBOX=$2
    new_root "$root"
    mkdir "$root/programs" "$root/expect"
    while read -r name flag mode; do
        cp "$work/bin/$name" "$root/programs/"
        [ ! -e "$work/host/$name" ] || [ "$name" = fprem-32 ] || cp "$work/host/$name" "$root/expect/"
    done <"$1"
    cp "$1" "$root/list"
    cp "$here/each.sh" "$root/"
    cp "$work/host.results" "$root/expect/results"
    install -m 755 "$here/init" "$root/init"
    pack_initramfs "$root" "$3"
}

between() { sed -n "/^@@ $2 begin/,/^@@ $2 end/p" "$1" | sed '/^@@ /d'; }

# compare KERNEL LIST: one subtest a program.
compare() {
    local kernel=$1 list=$2 name flag mode host guest
    while read -r name flag mode; do
        host=$(grep "^result $name " "$work/host.results")
        guest=$(grep "^result $name " "$work/$kernel.results")
        name="$name on $kernel"
        case $host+$guest in
        *lacks*+*) skip "$name" "the host CPU has no $flag" ;;
        *+*lacks*) skip "$name" "the guest CPU has no $flag" ;;
        *+) not_ok "$name: no result from the guest" ;;
        "$guest+$guest") ok "$name: same output as on the host, status $(cut -d' ' -f3 <<<"$host")" ;;
        *)
            not_ok "$name: differs from the host"
            printf 'host  %s\nguest %s\n' "$host" "$guest" | explain
            between "$work/$kernel.log" "${name%% *}" | head -n 20 | explain
            ;;
        esac
    done <"$list"
}

run_on_host() {
    rm -rf "$work/host"
    "$BUSYBOX" sh "$here/each.sh" "$BUSYBOX" "$work/list" "$work/bin" "$work/host" \
        >"$work/host.results" 2>/dev/null
    [ -s "$work/host.results" ] || die "nothing ran on the host"
}

# run_in_guest KERNEL FILE LIST BUSYBOX [EMULATOR-OPTION...]
run_in_guest() {
    local kernel=$1 file=$2 list=$3 log=$work/$1.log status
    local bad_lines='WARNING|BUG:|Oops|Call Trace|Kernel panic|unchecked MSR'
    make_image "$list" "$4" "$work/$kernel.cpio.gz"
    shift 4
    timeout "$seconds" "$mynah" -kernel "$file" -initrd "$work/$kernel.cpio.gz" -nographic \
        -append "console=ttyS0 panic=-1 vsyscall=xonly" -no-reboot -m 1024 "$@" \
        </dev/null >"$log.raw" 2>&1
    status=$?
    tr -d '\r' <"$log.raw" >"$log"
    rm "$log.raw"
    between "$log" results >"$work/$kernel.results"
    compare "$kernel" "$list"
    if grep -q '^@@ dmesg end' "$log" && [ "$status" = 0 ] &&
        ! between "$log" dmesg | grep -qE "$bad_lines"; then
        ok "$kernel stays well and powers off"
    else
        not_ok "$kernel stays well and powers off (status $status, see $log)"
        grep -E "$bad_lines" "$log" | head -n 5 | explain
        tail -n 5 "$log" | explain
    fi
}

# The 32-bit programs that neither wait nor print for long, on 32-bit kernels.
run_on_32bit_kernels() {
    local kernel
    if [ ! -d "$work/i386" ]; then
        (fetch_i386) >"$work/fetch.log" 2>&1 </dev/null || {
            skip "32-bit kernels" "cannot fetch them (see $work/fetch.log)"
            return
        }
    fi
    grep -E -e '(-32|i386) ' "$work/list" | grep -vE '(first=.*|messages|sort)$' >"$work/list32"
    for kernel in $kernels32; do
        run_in_guest "$kernel" "$(ls "$work"/i386/boot/vmlinuz-*[0-9]-"$kernel")" "$work/list32" \
            "$work/i386/bin/busybox" "$@"
    done
}

# system_test BITS NAME LAST-LINE: QEMU's command line for its system tests.
system_test() {
    local bits=$1 name=$2 last=$3 arch=x86_64 machine=elf_x86_64 exe out status
    local cc=("${cc64[@]}")
    [ "$bits" = 64 ] || { arch=i386 machine=elf_i386 cc=("${cc32[@]}"); }
    exe=$work/system/$name-$bits out=$exe.out
    mkdir -p "$work/system"
    "${cc[@]}" -w -ffreestanding -nostdlib -O0 -static -fno-pie -no-pie -fno-stack-protector \
        -DCHECK_UNALIGNED=1 -isystem "$tcg/minilib" -Wl,-T"$tcg/$arch/system/kernel.ld" \
        -Wl,-m"$machine" -o "$exe" "$tcg/$arch/system/boot.S" "$tcg/multiarch/system/$name.c" \
        "$tcg/minilib/printf.c" -lgcc >"$exe.log" 2>&1 || {
        not_ok "system $name-$bits: does not compile (see $exe.log)"
        return
    }
    shift 3
    timeout 60 "$mynah" -monitor none -display none -chardev file,path="$out",id=output "$@" \
        -device isa-debugcon,chardev=output -device isa-debug-exit,iobase=0xf4,iosize=0x4 \
        -kernel "$exe" >"$exe.log" 2>&1 </dev/null
    status=$?
    if [ "$status" = 0 ] && [ "$(tail -n 1 "$out")" = "$last" ]; then
        ok "system $name-$bits: $last"
    else
        not_ok "system $name-$bits: status $status"
        tail -n 5 "$exe.log" "$out" | explain
    fi
}

fetch
echo "TAP version 13"
build_all
run_on_host
run_in_guest amd64 "$KERNEL" "$work/list" "$BUSYBOX" "$@"
run_on_32bit_kernels "$@"
for bits in 32 64; do
    system_test $bits hello "Hello World" "$@"
    system_test $bits memory "Test complete: PASSED" "$@"
done
echo "1..$n"
exit $bad
