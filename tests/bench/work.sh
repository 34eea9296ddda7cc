#!/bin/sh
# SPDX-License-Identifier: MIT
# Debian's own programs at fixed work, in the guests and on the host.
#   work.sh BENCH DATA ONLY     the current directory is a tmpfs
bench=$1 data=$2 only=$3
run() {
    name=$1
    shift
    [ -x "$1" ] && "$bench" exec "$only" "$name" "$@"
}
export LC_ALL=C
run gzip /usr/bin/gzip -6 -n -c "$data/text"
run xz /usr/bin/xz -3 -T1 -c "$data/text"
truncate -s 16M zeroes
run openssl-sha256 /usr/bin/openssl dgst -r -sha256 zeroes
run openssl-aes /usr/bin/openssl enc -aes-128-cbc -K 000102030405060708090a0b0c0d0e0f \
    -iv 00000000000000000000000000000000 -in zeroes
rm zeroes
run python3 /usr/bin/python3 -S -E "$data/work.py"
run perl /usr/bin/perl "$data/work.pl"
[ -f "$data/cc1" ] && run cc1 "$(cat "$data/cc1")" -quiet -fpreprocessed -O2 "$data/work.i" -o -
