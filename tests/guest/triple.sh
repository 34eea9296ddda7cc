#!/bin/sh
# SPDX-License-Identifier: MIT
# triple.sh MYNAH PROGRAM [OPTION...]: the program must end by a triple fault
mynah=$1 prog=$2
shift 2
text=$(timeout 60 "$mynah" -m 64 -display none -serial stdio -monitor none -no-reboot \
    -kernel "$prog" "$@" </dev/null 2>&1)
status=$?
echo 1..3
[ $status = 1 ] && echo "ok 1 - exit status 1" || echo "not ok 1 - exit status $status"
case $text in *triple-faulted*) echo "ok 2 - a line says so" ;; *) echo "not ok 2 - $text" ;; esac
case $text in *before*) echo "ok 3 - the guest ran" ;; *) echo "not ok 3 - $text" ;; esac
