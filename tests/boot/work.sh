#!/bin/sh
# SPDX-License-Identifier: MIT
# Fixed work with Debian's own programs; runs on the host and in the guest, where it
# must print the same. $1: small or large; $2: directory of the programs ("" = /).
size=$1
P=$2/usr/bin
D=${TMPDIR:-/tmp}/mynah-work.$$
mkdir -p "$D"
case $size in
small) kib=64 loops=2000 ;;
*) kib=1024 loops=60000 ;;
esac

# Pseudo-random data: a cipher stream over zeroes.
$P/openssl enc -aes-128-ctr -K 000102030405060708090a0b0c0d0e0f \
    -iv 00000000000000000000000000000000 -nosalt -in /dev/zero 2>/dev/null |
    $P/head -c "$((kib * 1024))" >"$D/random"
$P/seq 1 "$((kib * 40))" >"$D/text"

echo "sha256sum $($P/sha256sum <"$D/random") $($P/sha256sum <"$D/text")"
for f in random text; do
    $P/gzip -6 -n <"$D/$f" >"$D/$f.gz"
    $P/gzip -d <"$D/$f.gz" | $P/cmp - "$D/$f" && echo "gzip $f round trip"
    echo "gzip $f $($P/sha256sum <"$D/$f.gz")"
    $P/xz -3 -T1 <"$D/$f" >"$D/$f.xz"
    $P/xz -d <"$D/$f.xz" | $P/cmp - "$D/$f" && echo "xz $f round trip"
    echo "xz $f $($P/sha256sum <"$D/$f.xz")"
done
for hash in md5 sha1 sha512 sha3-256 blake2b512; do
    echo "openssl $hash $($P/openssl dgst -"$hash" <"$D/random")"
done
for cipher in aes-256-cbc chacha20 camellia-128-cbc; do
    echo "openssl $cipher $($P/openssl enc -"$cipher" -K 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff \
        -iv 0102030405060708090a0b0c0d0e0f10 -in "$D/text" 2>/dev/null | $P/sha256sum)"
done
echo "openssl prime $($P/openssl prime 170141183460469231731687303715884105727)"
$P/python3 -S -E - "$loops" <<'PY'
import hashlib, math, re, struct, sys
n = int(sys.argv[1])
x, acc, f = 1, 0, 0.0
for i in range(n):
    x = (x * 6364136223846793005 + 1442695040888963407) & (2**64 - 1)
    acc ^= x >> (i & 31)
    f += math.sin(i) * math.exp(-i / n) + math.sqrt(i) / (1 + i)
print("python3 integers", acc)
print("python3 floats", repr(f), struct.pack("<d", f).hex(), math.fsum([0.1] * 10))
print("python3 big", pow(3, n // 4, 2**521 - 1), math.factorial(200) % (10**9 + 7))
words = re.findall(r"[a-f]+", hashlib.sha512(str(acc).encode()).hexdigest() * 20)
print("python3 words", len(words), sorted(words)[::37])
d = {str(i * 7919 % 1000003): i for i in range(n // 2)}
print("python3 dict", sum(d.values()), hashlib.blake2b(repr(sorted(d)[:500]).encode()).hexdigest())
PY
rm -rf "$D"
echo "work done"
