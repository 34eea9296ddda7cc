#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh MYNAH PROGRAM [OPTION...]: runs a guest program; its TAP comes out on standard output
mynah=$1 prog=$2
shift 2
status=0
timeout "${GUEST_TIMEOUT:-60}" "$mynah" -m 64 -display none -serial stdio -monitor none -no-reboot \
    -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$prog" "$@" </dev/null | tr -d '\r' ||
    exit 1
exit $status
