#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh BITS OUTPUT SOURCE...: one freestanding program from sources and the library
set -e
bits=$1 out=$2
shift 2
here=$(dirname "$0")
extra=
[ "$bits" = 64 ] && extra="-mno-red-zone -mcmodel=small"
# shellcheck disable=SC2086
exec ${GUEST_CC:-gcc} -m"$bits" $extra -std=gnu11 -Og -g -Wall -Wextra -Wno-unused-parameter \
    -Wno-missing-field-initializers -Wno-override-init -ffreestanding -fno-pie -fno-pic \
    -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -fno-builtin \
    -fno-strict-aliasing -fno-delete-null-pointer-checks --param=min-pagesize=0 \
    -mgeneral-regs-only -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack \
    -Wl,--no-warn-rwx-segments -Wl,-T,"$here/lib/image.ld" -I"$here/../.." \
    -o "$out" "$here/lib/start.S" "$here/lib/lib.c" "$@"
