#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Boots a Debian kernel, lets Debian's programs work inside, compares with the host.
#   run.sh NAME KERNEL-FLAVOUR small|large SECONDS [EMULATOR-OPTION...]
# Output is TAP. MYNAH=PROGRAM stands in for the emulator; logs stay in .cache/boot/NAME.*
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
here=$ROOT/tests/boot
name=$1 flavour=$2 size=$3 seconds=$4
shift 4
[ -n "${MYNAH_LONG:-}" ] && size=large

n=0 bad=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); bad=1; echo "not ok $n - $1"; }

# The reader's view of a failure; meson shows standard error.
explain() { sed 's/^/# /' >&2; }

make_image() {
    local root=$CACHE/boot-root out=$CACHE/boot.cpio.gz f stale=false
    for f in "$here"/{init,work.sh,run.sh} "$ROOT/tests/lib.sh"; do
        [ "$out" -nt "$f" ] || stale=true
    done
    $stale || return 0
    new_root "$root"
    copy_program "$root" /usr/bin/{sha256sum,gzip,xz,openssl,head,seq,cmp}
    copy_python "$root"
    for f in /usr/lib/x86_64-linux-gnu/ossl-modules/legacy.so /usr/lib/ssl/openssl.cnf; do
        [ -e "$f" ] && mkdir -p "$root$(dirname "$f")" && cp -L "$f" "$root$f"
    done
    cp "$here/work.sh" "$root/work.sh"
    install -m 755 "$here/init" "$root/init"
    pack_initramfs "$root" "$out"
}

# between FILE NAME: the lines between the guest's markers
between() { sed -n "/^@@ $2 begin/,/^@@ $2 end/p" "$1" | sed '/^@@ /d'; }

get_kernel "$flavour"
get_busybox
mkdir -p "$CACHE/boot"
make_image
log=$CACHE/boot/$name.log
echo "TAP version 13"
host=$CACHE/boot/$name.host guest=$CACHE/boot/$name.guest
sh "$here/work.sh" "$size" "" >"$host" 2>&1

timeout "$seconds" "${MYNAH:-$BUILD/frontend/mynah}" -kernel "$KERNEL" -initrd "$CACHE/boot.cpio.gz" \
    -append "console=ttyS0 panic=-1 mynah.work=$size" -nographic -no-reboot -m 512 "$@" \
    </dev/null >"$log.raw" 2>&1
status=$?
tr -d '\r' <"$log.raw" >"$log"
rm "$log.raw"

if grep -q '^@@ uname Linux' "$log"; then
    ok "boots: $(sed -n 's/^@@ uname //p' "$log" | tr -d '#')"
else
    not_ok "boots to init (see $log)"
    tail -n 15 "$log" | explain
fi
between "$log" work >"$guest"
for tool in sha256sum gzip xz openssl python3 "work done"; do
    if diff <(grep "^$tool" "$host") <(grep "^$tool" "$guest") >"$log.diff" && grep -q "^$tool" "$guest"; then
        ok "$tool: same results as on the host"
    else
        not_ok "$tool: differs from the host"
        head -n 20 "$log.diff" | explain
    fi
done
# On a failed boot the whole log counts.
if grep -q '^@@ dmesg end' "$log"; then between "$log" dmesg >"$log.dmesg"; else cp "$log" "$log.dmesg"; fi
if grep -q '^@@ dmesg end' "$log" && ! grep -nEf "$here/dmesg.deny" "$log.dmesg" >"$log.diff"; then
    ok "no warning in dmesg"
else
    not_ok "no warning in dmesg"
    head -n 20 "$log.diff" | explain
fi
if [ "$status" = 0 ]; then
    ok "powers off, status 0"
else
    not_ok "powers off: status $status (124 = no end within $seconds s)"
fi
echo "1..$n"
exit $bad
