#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Gives an expansion ROM its size and checksum.   romfix.py IN OUT"""
import sys

rom = bytearray(open(sys.argv[1], "rb").read())
rom += bytes(-(len(rom) + 1) % 512 + 1)
assert len(rom) <= 40 * 1024, f"the ROM has {len(rom)} bytes"
pcir = rom[0x18] | rom[0x19] << 8
rom[2] = len(rom) // 512
rom[pcir + 16:pcir + 18] = (len(rom) // 512).to_bytes(2, "little")
rom[-1] = -sum(rom[:-1]) & 0xFF
open(sys.argv[2], "wb").write(rom)
