#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Debian kernel with its console on the VGA: what the screen shows, read back from screendumps by
the glyphs of the font, and a line typed with sendkey.   screen.py MYNAH KERNEL INITRD FONT.c"""
import collections
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

SECONDS = 180


def load_font(path):
    """Glyph (16 bytes) -> character, of the first table in the file."""
    with open(path, encoding="ascii") as f:
        table = f.read().split("vga_font_8x16[256][16] = {")[1].split("};")[0]
    rows = re.findall(r"\{([^{}]*)\}", table)
    assert len(rows) == 256
    font = {}
    for code, row in enumerate(rows):
        font.setdefault(bytes(int(x, 16) for x in row.split(",")), chr(code) if 32 <= code < 127 else " ")
    return font


def read_ppm(path):
    """(width, height, dots)"""
    with open(path, "rb") as f:
        data = f.read()
    head = re.match(rb"P6\n(\d+) (\d+)\n255\n", data)
    return (int(head[1]), int(head[2]), data[head.end():]) if head else (0, 0, b"")


def read_glyph(lines):
    """16 bytes, from the 8 dots of each line; the ground is the colour that prevails."""
    ground = collections.Counter(dots[3 * x:3 * x + 3] for dots in lines
                                 for x in range(8)).most_common(1)[0][0]
    return bytes(sum((dots[3 * x:3 * x + 3] != ground) << (7 - x) for x in range(8))
                 for dots in lines)


def read_glyphs(path):
    """Rows of glyphs: cells of 9x16 dots in text mode, which shows as 720x400, else 8x16 as Linux
    draws on a frame buffer of any size."""
    width, height, dots = read_ppm(path)
    step = 9 if (width, height) == (720, 400) else 8
    known, rows = {}, []
    for top in range(0, height - 15, 16):
        row = []
        for left in range(0, width - step + 1, step):
            lines = tuple(dots[(y * width + left) * 3:(y * width + left + 8) * 3]
                          for y in range(top, top + 16))
            if lines not in known:
                known[lines] = read_glyph(lines)
            row.append(known[lines])
        rows.append(row)
    return rows


def read_screen(path, font):
    """Lines of a console; a cell that is no glyph is '?'."""
    return ["".join(font.get(glyph, "?") for glyph in row).rstrip() for row in read_glyphs(path)]


class Machine:
    def __init__(self, args, folder, font):
        self.font, self.picture = font, os.path.join(folder, "screen.ppm")
        path = os.path.join(folder, "monitor")
        self.p = subprocess.Popen(args + ["-monitor", f"unix:{path},server=on,wait=off"],
                                  stdin=subprocess.DEVNULL)
        self.s = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                self.s.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        self.prompt()

    def prompt(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            got = self.s.recv(4096)
            assert got, "the monitor is gone"
            text += got
        return text

    def do(self, command):
        """The monitor's answer."""
        self.s.sendall(command.encode() + b"\n")
        return self.prompt()

    def screen(self):
        self.do("screendump " + self.picture)
        return read_screen(self.picture, self.font)

    def wait_for(self, pattern, seconds=SECONDS):
        """(seen?, last screen); an emulator that has ended is a last line of its own."""
        end, lines = time.time() + seconds, []
        while time.time() < end:
            try:
                lines = self.screen()
            except (OSError, AssertionError):
                return False, lines + [f"the emulator ended with status {self.p.wait()}"]
            if any(re.search(pattern, line) for line in lines):
                return True, lines
            time.sleep(0.5)
        return False, lines


def main():
    mynah, kernel, initrd, font = sys.argv[1:]
    bad = 0
    print("TAP version 13\n1..3")
    with tempfile.TemporaryDirectory() as folder:
        m = Machine([mynah, "-kernel", kernel, "-initrd", initrd, "-append", "console=tty0 panic=-1",
                     "-m", "256", "-display", "none", "-serial", "none", "-no-reboot"],
                    folder, load_font(font))

        def ok(number, name, result):
            nonlocal bad
            good, lines = result
            print(f"{'ok' if good else 'not ok'} {number} - {name}")
            if not good:
                bad += 1
                print("\n".join("# " + line for line in lines))

        ok(1, "the kernel's console is on the screen", m.wait_for(r"^@@ type: *$"))
        if not bad:
            for key in ("shift-h", "e", "l", "l", "o", "spc", "4", "2", "ret"):
                m.do("sendkey " + key)
        ok(2, "keys arrive", m.wait_for(r"^@@ got Hello 42$"))
        ok(3, "the keyboard and a wheel mouse are found", m.wait_for(r"^@@ mouse .*Explorer Mouse"))
        m.p.terminate()
        m.p.wait()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
