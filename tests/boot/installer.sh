#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Debian's installer from its netboot kernel and initrd to the language screen, on the serial line.
#   installer.sh amd64|i386 SECONDS [EMULATOR-OPTION...]
# Output is TAP; skipped when apt cannot fetch it. Logs stay in .cache/boot/.
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
arch=$1 seconds=$2
shift 2
dir=$CACHE/di-$arch log=$CACHE/boot/installer-$arch.log
files=$dir/usr/lib/debian-installer/images/12/$arch/text/debian-installer/$arch
mkdir -p "$CACHE/boot"
echo "TAP version 13"
if ! (unpack_deb "debian-installer-12-netboot-$arch" "$dir") >"$log.fetch" 2>&1; then
    echo "1..0 # SKIP debian-installer-12-netboot-$arch: $(tail -n 1 "$log.fetch")"
    exit 0
fi
rm -f "$log"
"${MYNAH:-$BUILD/frontend/mynah}" -kernel "$files/linux" -initrd "$files/initrd.gz" -m 1024 \
    -append "console=ttyS0 panic=-1" -display none -monitor none -serial "file:$log" \
    -no-reboot "$@" </dev/null >"$log.out" 2>&1 &
pid=$!
n=0 bad=0
for text in "Linux version" "Select a language"; do
    while ! grep -aqF "$text" "$log" 2>/dev/null && [ $SECONDS -lt "$seconds" ] && kill -0 $pid; do
        sleep 0.5
    done 2>/dev/null
    n=$((n + 1))
    if grep -aqF "$text" "$log" 2>/dev/null; then
        echo "ok $n - $text ($SECONDS s)"
    else
        echo "not ok $n - $text (see $log)"
        bad=1
    fi
done
kill $pid 2>/dev/null
wait $pid 2>/dev/null
echo "1..$n"
exit $bad
