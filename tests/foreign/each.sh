#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every program of a list; the same script works on the host and in the guest.
#   each.sh BUSYBOX LIST PROGRAMS OUT
# LIST: "name flag mode" a line, "-" where there is none. Prints "result NAME STATUS SHA256 BYTES" or
# "result NAME lacks FLAG"; OUT/NAME keeps what the program printed.
box=$1 list=$2 programs=$3 out=$4

# Features of the host that the guest need not have: libc shall choose the same
# routines on both sides.
hwcaps=-AVX,-AVX_Usable,-AVX2,-AVX2_Usable,-AVX512F,-AVX512VL,-FMA,-FMA_Usable,-FMA4
hwcaps=$hwcaps,-ERMS,-FSRM,-BMI1,-BMI2,-LZCNT,-MOVBE,-XSAVE,-XSAVEC
run() {
    env -i TMPDIR="$out/tmp" GLIBC_TUNABLES="glibc.cpu.hwcaps=$hwcaps" \
        "$box" timeout -s KILL 100 "./$1" 2>&1 </dev/null
}

ulimit -c 0
ulimit -s 8192
mkdir -p "$out/tmp"
cd "$programs" || exit 1
while read -r name flag mode; do
    if [ "$flag" != - ] && ! $box grep -qw "$flag" /proc/cpuinfo; then
        echo "result $name lacks $flag"
        continue
    fi
    case $mode in
    first=*) run "$name" | $box head -c "${mode#first=}" >"$out/$name" ;;
    *) run "$name" >"$out/$name" ;;
    esac
    status=$?
    case $mode in
    sort) $box sort -o "$out/$name" "$out/$name" ;;
    digits) $box sed -i 's/0x[0-9a-f][0-9a-f]*/N/g; s/[0-9][0-9]*/N/g' "$out/$name" ;;
    shifts) $box sed -i '/^sh[lr]dw .* C=0*\(1[1-9a-f]\|[2-9a-f][0-9a-f]\) /d' "$out/$name" ;;
    messages) $box sed -i 's/[0-9][0-9]*/N/g' "$out/$name" && $box sort -o "$out/$name" "$out/$name" ;;
    esac
    set -- $($box sha256sum <"$out/$name") $($box wc -c <"$out/$name")
    echo "result $name $status $1 $3"
done <"$list"
