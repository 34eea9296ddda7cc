#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Systems of others, from Debian's packages, booted from power-on by our own BIOS.
#   systems.sh grub-cd|grub-pictures|grub-floppy|grub-terminal|ipxe|memtest [EMULATOR-OPTION...]
# Output is TAP. MYNAH=PROGRAM stands in for the emulator; logs stay in .cache/boot/. With
# MYNAH_LONG memtest makes a whole pass, GRUB tests its drawing and draws its menus.
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
which=$1
shift
mynah=${MYNAH:-$BUILD/frontend/mynah}

# fetch PACKAGE...: unpacked in .cache, or the test is skipped.
fetch() {
    local p
    for p in "$@"; do
        (unpack_deb "$p" "$CACHE/$p") >"$CACHE/boot/$which.fetch" 2>&1 && continue
        echo "1..0 # SKIP cannot fetch Debian's $p"
        exit 0
    done
}

# make_cd FILE [MORE-FILES...]: see grub_cd
make_cd() {
    command -v xorriso >/dev/null || { echo "1..0 # SKIP no xorriso"; exit 0; }
    fetch grub-common grub-pc-bin
    grub_cd "$@" || { echo "Bail out! grub-mkrescue failed, see $1.log"; exit 1; }
}

# watch SECONDS EMULATOR-OPTION... -- STEP...: see systems.py
watch() {
    local seconds=$1
    shift
    python3 "$ROOT/tests/boot/systems.py" "$seconds" "$mynah" "$@"
}

# GRUB's tests but those of grub_pictures; functional_test ends at the first that fails.
grub_tests() {
    local log=$CACHE/boot/grub-cd.log cd=$CACHE/boot/grub-cd.iso t status seconds=100
    local tests="setjmp div xnu_uuid pbkdf2 signature sleep bswap ctz cmp mul shift"
    make_cd "$cd" <<END
serial --unit=0 --speed=115200
terminal_output serial
loadfont unicode
for m in $(printf '%s_test ' $tests) ${MYNAH_LONG:+videotest_checksum} functional_test; do insmod \$m; done
functional_test
echo "@@ end"
halt
END
    [ -z "${MYNAH_LONG:-}" ] || { seconds=900 tests="$tests videotest_checksum"; }
    # GRUB measures its clock in one millisecond; a busy host that pauses the emulator there
    # makes sleep_test fail, so that gets three tries.
    for t in 1 2 3; do
        timeout "$seconds" "$mynah" -cdrom "$cd" -m 256 -nographic -monitor none \
            -serial "file:$log" "$@" </dev/null >"$log.out" 2>&1
        status=$?
        tr -d '\r' <"$log" >"$log.text"
        grep -aq '^sleep_test: FAIL' "$log.text" || break
    done
    n=1 bad=0
    if [ $status = 0 ]; then
        echo "ok 1 - powers off"
    else
        echo "not ok 1 - powers off (status $status)"
        bad=1
    fi
    for t in $tests "@@ end" "ALL TESTS PASSED"; do
        n=$((n + 1))
        if grep -aqE "^(${t}(_test)?: PASS|$t)\$" "$log.text"; then
            echo "ok $n - $t"
        else
            echo "not ok $n - $t (see $log)"
            bad=1
        fi
    done
    echo "1..$n"
    return $bad
}

# picture_sums LOG: "PICTURE failed: CHECKSUM vs WANTED" by line
picture_sums() {
    tr -d '\r' <"$1" | tr '\n' ' ' |
        grep -aoE '[a-z_0-9]+:[0-9]+ failed: 0x[0-9a-f]+ vs 0x[0-9a-f]+'
}

# The checksums in gfxterm_menu and cmdline_cat_test are those of pictures with another version of
# GRUB in the headline, so pictures fail on any machine; QEMU must see the very same ones.
grub_pictures() {
    [ -n "${MYNAH_LONG:-}" ] || { echo "1..0 # SKIP MYNAH_LONG asks for it"; exit 0; }
    local t n=0 bad=0 who cd log command
    for t in gfxterm_menu cmdline_cat_test; do
        cd=$CACHE/boot/grub-$t.iso
        make_cd "$cd" <<END
serial --unit=0 --speed=115200
terminal_output serial
loadfont unicode
insmod $t
insmod functional_test
functional_test
echo "@@ end"
halt
END
        for who in mynah qemu; do
            log=$CACHE/boot/grub-$t-$who.log command=("$mynah" "$@")
            [ $who = mynah ] || command=(qemu-system-x86_64 -accel tcg -nic none)
            n=$((n + 1))
            rm -f "$log"
            timeout 1800 "${command[@]}" -cdrom "$cd" -m 256 -nographic -monitor none \
                -serial "file:$log" </dev/null >"$log.out" 2>&1
            picture_sums "$log" >"$log.sums"
            if tr -d '\r' <"$log" | grep -aq '^@@ end$'; then
                echo "ok $n - $t ends under $who ($(wc -l <"$log.sums") pictures differ)"
            else
                echo "not ok $n - $t ends under $who (see $log)"
                bad=1
            fi
        done
        n=$((n + 1))
        if [ -s "$log.sums" ] && cmp -s "$log.sums" "${log%-qemu.log}-mynah.log.sums"; then
            echo "ok $n - $t: the same pictures"
        else
            echo "not ok $n - $t: the same pictures (see $log.sums)"
            bad=1
        fi
    done
    echo "1..$n"
    return $bad
}

# The menu, its command line, and an answer from there.
grub_floppy() {
    fetch grub-rescue-pc
    watch 60 -drive "if=floppy,format=raw,readonly=on,file=$CACHE/grub-rescue-pc/usr/lib/grub-rescue/grub-rescue-floppy.img" \
        -m 64 -serial none "$@" -- 'GNU GRUB +version' keys:c '^grub>' keys:l,s,ret '\(fd0\)'
}

# A CD that says nothing of serial lines, on the terminal of -nographic: our BIOS's console.
grub_terminal() {
    local cd=$CACHE/boot/grub-terminal.iso
    make_cd "$cd" <<'END'
set timeout=60
menuentry "The first" { echo "wrong one"; sleep 100; }
menuentry "The second" { echo "It is the second."; read answer; echo "Got $answer."; sleep 100; }
END
    watch 60 -cdrom "$cd" -m 64 -nographic "$@" -- 'GNU GRUB +version' '^ \|\*The first' keys:down \
        '^ \|\*The second' keys:ret '^It is the second' gone:'GNU GRUB' keys:o,k,ret 'Got ok\.$'
}

# Without a network card iPXE says so and leaves; Ctrl-B gets its shell before that.
ipxe() {
    local cd=$CACHE/boot/ipxe.iso
    fetch ipxe
    make_cd "$cd" "$CACHE/ipxe/boot/ipxe.lkrn" <<END
linux16 /ipxe.lkrn
boot
END
    watch 60 -cdrom "$cd" -m 128 -serial none "$@" -- '^iPXE .* Open Source Network Boot' \
        keys:ctrl-b '^iPXE>' keys:e,c,h,o,spc,m,y,n,a,h,ret '^mynah$'
}

# The counter 'Pass:' is 1 at the end of a whole pass: a minute of tests, then minutes in which the
# last one watches the clock for bits that fade.
memtest() {
    local bits seconds=60 seen='Test +[1-9][0-9]*% #'
    fetch memtest86+
    [ -z "${MYNAH_LONG:-}" ] || { seconds=1800 seen='Pass: +1 +Errors: 0$'; }
    echo "TAP version 13"
    for bits in x64 ia32; do
        watch "$seconds" -cdrom "$CACHE/memtest86+/usr/lib/memtest86+/memtest86+$bits.iso" -m 16 \
            -serial none "$@" -- 'Memtest86\+ v' "$seen" 'Errors: 0$' | sed '/^TAP/d; /^1\.\./d'
        [ "${PIPESTATUS[0]}" = 0 ] || bad=1
    done
    echo "1..6"
    return ${bad:-0}
}

mkdir -p "$CACHE/boot"
case $which in
grub-cd) echo "TAP version 13" && grub_tests "$@" ;;
grub-pictures) echo "TAP version 13" && grub_pictures "$@" ;;
grub-floppy) grub_floppy "$@" ;;
grub-terminal) grub_terminal "$@" ;;
ipxe) ipxe "$@" ;;
memtest) memtest "$@" ;;
*) die "no system '$which'" ;;
esac
