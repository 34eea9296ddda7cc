#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Gives an expansion ROM its size and checksums.   romfix.py IN OUT"""
import sys

rom = bytearray(open(sys.argv[1], "rb").read())
rom += bytes(-(len(rom) + 1) % 512 + 1)
assert len(rom) <= 40 * 1024, f"the ROM has {len(rom)} bytes"
pcir, pnp = rom[0x18] | rom[0x19] << 8, rom[0x1a] | rom[0x1b] << 8
rom[2] = len(rom) // 512
if rom[pcir:pcir + 4] == b"PCIR":
    rom[pcir + 16:pcir + 18] = (len(rom) // 512).to_bytes(2, "little")
if rom[pnp:pnp + 4] == b"$PnP":
    rom[pnp + 9] = -sum(rom[pnp:pnp + rom[pnp + 5] * 16]) & 0xFF
rom[-1] = -sum(rom[:-1]) & 0xFF
open(sys.argv[2], "wb").write(rom)
