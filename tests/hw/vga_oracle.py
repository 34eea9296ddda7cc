#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same register programs on our VGA and on QEMU's: the pictures must be equal, dot for dot.
TAP; skipped without QEMU.   vga_oracle.py PLAYER"""
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

QEMU = "qemu-system-x86_64"
LFB, VGA_FN = 0xe0000000, 0x80001000
TIMING = [0x9c, 0x8e, 0x8f]
T200 = [0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f]
T40 = [0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f]
T480 = [0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e]
NONE = [0] * 6


class Ours:
    def __init__(self, player):
        self.p = subprocess.Popen([player], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)

    def do(self, lines):
        for line in lines:
            self.p.stdin.write(line + "\n")
            self.p.stdin.flush()
            assert self.p.stdout.readline().startswith("OK"), line

    def dump(self, path):
        self.do(["screendump " + path])

    def close(self):
        self.p.stdin.close()
        self.p.wait()


class Theirs:
    def __init__(self, folder):
        monitor, qtest = os.path.join(folder, "mon"), os.path.join(folder, "qtest")
        self.p = subprocess.Popen(
            [QEMU, "-machine", "pc,accel=tcg", "-S", "-nodefaults", "-display", "none", "-device",
             "VGA,addr=2", "-qtest", f"unix:{qtest},server=on,wait=off", "-qtest-log", "none",
             "-monitor", f"unix:{monitor},server=on,wait=off"], stderr=subprocess.DEVNULL)
        self.q, self.m = self.connect(qtest), self.connect(monitor)
        self.qf = self.q.makefile("r")
        self.prompt()

    def connect(self, path):
        s = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                s.connect(path)
                return s
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("no " + path)

    def prompt(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            text += self.m.recv(4096)

    def do(self, lines):
        for line in lines:
            self.q.sendall(line.encode() + b"\n")
            while not (answer := self.qf.readline()).startswith("OK"):
                assert answer.startswith("IRQ"), (line, answer)

    def dump(self, path):
        self.m.sendall(f"screendump {path}\n".encode())
        self.prompt()

    def close(self):
        self.p.terminate()
        self.p.wait()


class Program:
    """A list of lines for both."""

    def __init__(self, rng):
        self.rng, self.lines = rng, []

    def out(self, port, value, size="b"):
        self.lines.append(f"out{size} {port:#x} {value:#x}")

    def at(self, port, index, value):
        self.out(port, index | value << 8, "w")

    def attribute(self, index, value):
        self.lines.append("inb 0x3da")
        self.out(0x3c0, index)
        self.out(0x3c0, value)

    def video_on(self):
        self.lines.append("inb 0x3da")
        self.out(0x3c0, 0x20)

    def vbe(self, index, value):
        self.out(0x1ce, index, "w")
        self.out(0x1d0, value, "w")

    def poke(self, addr, data):
        for i in range(0, len(data), 2048):
            piece = data[i:i + 2048]
            self.lines.append(f"write {addr + i:#x} {len(piece):#x} 0x{piece.hex()}")

    def noise(self, n):
        """Runs of equal bytes between random ones: pictures with shapes in them."""
        out = bytearray()
        while len(out) < n:
            out += bytes([self.rng.randrange(256)]) * self.rng.randrange(1, 24)
        return bytes(out[:n])

    def colours(self):
        for i in range(256):
            self.out(0x3c8, i)
            for _ in range(3):
                self.out(0x3c9, self.rng.randrange(64))

    def mode(self, misc, sr, cr, gr5, gr6, ar10):
        self.vbe(4, 0)
        self.out(0x3c2, misc)
        for i, v in enumerate(sr):
            self.at(0x3c4, i, v)
        self.at(0x3d4, 0x11, 0)
        for i, v in enumerate(cr):
            self.at(0x3d4, i, v)
        self.at(0x3d4, 0x0a, 0x20)
        for i, v in enumerate([0, 0, 0, 0, 0, gr5, gr6, 15, 0xff]):
            self.at(0x3ce, i, v)
        for i in range(16):
            self.attribute(i, self.rng.randrange(64))
        for i, v in ((0x10, ar10), (0x11, 0), (0x12, 15), (0x13, 0), (0x14, self.rng.randrange(16))):
            self.attribute(i, v)
        self.colours()
        self.video_on()

    def planes(self, n):
        for plane in range(4):
            self.at(0x3c4, 2, 1 << plane)
            self.poke(0xa0000, self.noise(n))
        self.at(0x3c4, 2, 15)

    def start(self, count):
        self.at(0x3d4, 0x0c, count >> 8)
        self.at(0x3d4, 0x0d, count & 255)

    def split(self, line, cr7, cr9):
        self.at(0x3d4, 0x18, line & 255)
        self.at(0x3d4, 0x07, (cr7 & ~0x10) | (line >> 8 & 1) << 4)
        self.at(0x3d4, 0x09, (cr9 & ~0x40) | (line >> 9 & 1) << 6)


def text(p, sr1=0, map_select=0):
    rest = 0 if sr1 & 1 else 8  # value of the panning register that shifts nothing
    p.mode(0x67, [3, 1, 4, 0, 6], T200 + [0] * 8 + TIMING + [0x28, 0, 0x96, 0xb9, 0xe3, 0xff], 0,
           5, 0)
    p.poke(0xa0000, p.noise(0x10000))  # fonts
    p.mode(0x67, [3, sr1, 3, map_select, 2],
           [0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f] + NONE + TIMING +
           [0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff], 0x10, 0x0e, 4)
    p.attribute(0x13, rest)
    p.video_on()
    cells = bytearray(p.noise(4000))
    for i in range(0, len(cells), 2):
        if 0xb0 <= cells[i] < 0xc0:  # only C0 to DF have nine dots
            cells[i] -= 0x20
    p.poke(0xb8000, bytes(cells))


def mode_4(p):
    p.mode(0x63, [3, 9, 3, 0, 2], T40 + [0, 0xc1] + NONE + TIMING +
           [0x14, 0, 0x96, 0xb9, 0xa2, 0xff], 0x30, 0x0f, 1)
    p.attribute(0x12, 3)
    p.video_on()
    p.poke(0xb8000, p.noise(0x4000))


def mode_6(p):
    p.mode(0x63, [3, 1, 1, 0, 6], T200 + [0, 0xc1] + NONE + TIMING +
           [0x28, 0, 0x96, 0xb9, 0xc2, 0xff], 0, 0x0d, 1)
    p.attribute(0x12, 1)
    p.video_on()
    p.poke(0xb8000, p.noise(0x4000))


def mode_d(p):
    p.mode(0x63, [3, 9, 15, 0, 6], T40 + [0, 0xc0] + NONE + TIMING +
           [0x14, 0, 0x96, 0xb9, 0xe3, 0xff], 0, 5, 1)
    p.planes(0x4000)


def mode_12(p):
    p.mode(0xe3, [3, 1, 15, 0, 6], T480 + [0, 0x40] + NONE + [0xea, 0x8c, 0xdf] +
           [0x28, 0, 0xe7, 0x04, 0xe3, 0xff], 0, 5, 1)
    p.planes(80 * 480)


def mode_12_split(p):
    mode_12(p)
    p.start(80 * 100)
    p.split(333, T480[7], 0x40)


def mode_13(p):
    p.mode(0x63, [3, 1, 15, 0, 14], T200 + [0, 0x41] + NONE + TIMING +
           [0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff], 0x40, 5, 0x41)
    p.poke(0xa0000, p.noise(0xfa00))


def mode_x(p):
    p.mode(0xe3, [3, 1, 15, 0, 6], [0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0d, 0x3e, 0, 0x41] +
           NONE + [0xea, 0xac, 0xdf, 0x28, 0, 0xe7, 0x06, 0xe3, 0xff], 0x40, 5, 0x41)
    p.planes(80 * 240)


def mode_x_scrolled(p):
    mode_x(p)
    p.start(80 * 37)
    p.split(399, 0x3e, 0x41)


def writes(p):
    """All write modes, functions and masks in 640x480 over what is there."""
    mode_12(p)
    for _ in range(400):
        p.at(0x3c4, 2, p.rng.randrange(16))
        for i in (0, 1, 2, 4, 7):
            p.at(0x3ce, i, p.rng.randrange(16))
        p.at(0x3ce, 3, p.rng.randrange(32))
        p.at(0x3ce, 5, p.rng.randrange(4) | p.rng.randrange(2) << 3)
        p.at(0x3ce, 8, p.rng.randrange(256))
        at = 0xa0000 + p.rng.randrange(80 * 480 - 64)
        p.lines.append(f"readb {at:#x}")
        p.poke(at, p.noise(60))


def linear(bpp, w, h, virt=0, x=0, y=0, dac8=0):
    def program(p):
        mode_12(p)
        p.vbe(1, w)
        p.vbe(2, h)
        p.vbe(3, bpp)
        p.vbe(4, 0x41 | dac8)
        if virt:
            p.vbe(6, virt)
            p.vbe(8, x)
            p.vbe(9, y)
        p.colours()
        p.video_on()
        for reg, value in ((0x10, LFB), (0x04, 3)):
            p.out(0xcf8, VGA_FN | reg, "l")
            p.out(0xcfc, value, "l")
        p.poke(LFB, p.noise((virt or w) * (h + y) * ((bpp + 7) // 8)))
        p.poke(LFB, p.noise(5000))
    return program


def vbe_banks(p):
    mode_12(p)
    p.vbe(1, 640)
    p.vbe(2, 400)
    p.vbe(3, 8)
    p.vbe(4, 1)
    p.video_on()
    for bank in range(4):
        p.vbe(5, bank)
        p.poke(0xa0000, p.noise(0x10000))


PROGRAMS = [
    ("text, 9 dots", text),
    ("text, 8 dots", lambda p: text(p, 1)),
    ("text, two fonts", lambda p: text(p, 0, 0x26)),
    ("mode 4", mode_4), ("mode 6", mode_6), ("mode 0Dh", mode_d), ("mode 12h", mode_12),
    ("mode 12h, split", mode_12_split), ("mode 12h, write modes", writes), ("mode 13h", mode_13),
    ("mode X", mode_x), ("mode X, scrolled and split", mode_x_scrolled),
    ("VBE 8", linear(8, 640, 480)), ("VBE 8, 8-bit DAC", linear(8, 640, 480, dac8=0x20)),
    ("VBE 8, panned", linear(8, 640, 400, 1024, 88, 33)),
    ("VBE 15", linear(15, 512, 384)), ("VBE 16", linear(16, 512, 384)),
    ("VBE 24", linear(24, 400, 300)), ("VBE 32", linear(32, 400, 300)),
    ("VBE 32, panned", linear(32, 320, 200, 400, 24, 17)),
    ("VBE 8, banks", vbe_banks),
]


def first_difference(a, b):
    if a.split(b"\n", 3)[:3] != b.split(b"\n", 3)[:3]:
        return f"sizes {a.split(b'255')[0]} and {b.split(b'255')[0]}"
    head, width = a.index(b"255\n") + 4, int(a.split()[1])
    n = next(i for i in range(head, len(a)) if a[i] != b[i]) - head
    different = sum(x != y for x, y in zip(a, b))
    return f"dot {n // 3 % width},{n // 3 // width}; {different} bytes of {len(a)}"


def main():
    print("TAP version 13")
    if not shutil.which(QEMU):
        print(f"1..0 # SKIP {QEMU} is not installed")
        return 0
    print(f"1..{len(PROGRAMS)}")
    seed, bad = int(os.environ.get("SEED", "1")), False
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Ours(sys.argv[1]), Theirs(folder)
        for number, (name, program) in enumerate(PROGRAMS, 1):
            p = Program(random.Random(seed * 1000 + number))
            program(p)
            pictures = []
            for side in (ours, theirs):
                path = os.path.join(folder, f"{number}.{type(side).__name__}")
                side.do(p.lines)
                side.dump(path)
                with open(path, "rb") as f:
                    pictures.append(f.read())
            if name == "VBE 15":  # it leaves the low bits of a colour 0, we make white white
                pictures = [p[:15] + bytes(x & 0xf8 for x in p[15:]) for p in pictures]
            same = pictures[0] == pictures[1]
            print(f"{'ok' if same else 'not ok'} {number} - {name}")
            if not same:
                bad = True
                print("# " + first_difference(*pictures))
        ours.close()
        theirs.close()
    return 1 if bad else 0


sys.exit(main())
