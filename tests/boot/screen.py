#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Debian kernel with its console on the VGA: what the screen shows, read back from screendumps by
the glyphs of the font, and a line typed with sendkey.   screen.py MYNAH KERNEL INITRD FONT.bin"""
import collections
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

SECONDS = 180  # for all that is waited for; the test's own limit is later
ANSWER = 60  # of the monitor


def load_font(path):
    """Glyph (16 bytes) -> character."""
    with open(path, "rb") as f:
        data = f.read()
    assert len(data) == 256 * 16
    font = {}
    for code in range(256):
        font.setdefault(data[16 * code:16 * code + 16], chr(code) if 32 <= code < 127 else " ")
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
        self.s.settimeout(ANSWER)
        self.connect(path, time.time() + ANSWER)
        self.prompt()

    def connect(self, path, end):
        while True:
            try:
                return self.s.connect(path)
            except OSError as e:
                if self.p.poll() is not None:
                    raise OSError(f"the emulator ended with status {self.p.returncode}") from e
                if time.time() > end:
                    raise OSError(f"no monitor after {ANSWER} s") from e
                time.sleep(0.05)

    def prompt(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            got = self.s.recv(4096)
            if not got:
                raise OSError("the monitor is gone")
            text += got
        return text

    def do(self, command):
        """The monitor's answer."""
        self.s.sendall(command.encode() + b"\n")
        return self.prompt()

    def screen(self):
        self.do("screendump " + self.picture)
        return read_screen(self.picture, self.font)

    def keys(self, names):
        for name in names:
            self.do("sendkey " + name)

    def fate(self):
        """Why there is no answer."""
        try:
            return f"the emulator ended with status {self.p.wait(5)}"
        except subprocess.TimeoutExpired:
            return "the emulator runs, but does not answer"

    def wait_for(self, pattern, seconds=SECONDS, there=True):
        """(seen, or not there?, last screen); what ended the wait is a last line of its own."""
        end, lines = time.time() + seconds, []
        while time.time() < end:
            try:
                lines = self.screen()
            except OSError as e:
                return False, lines + [f"{e}: {self.fate()}"]
            if any(re.search(pattern, line) for line in lines) == there:
                return True, lines
            time.sleep(0.5)
        return False, lines + [f"not in {seconds:.0f} s"]


def report(number, name, result):
    good, lines = result
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    if not good:
        print("\n".join("# " + line for line in lines))
    sys.stdout.flush()
    return good


def run(m):
    end = time.time() + SECONDS

    def see(number, name, pattern):
        return report(number, name, m.wait_for(pattern, end - time.time()))

    if not see(1, "the kernel's console is on the screen", r"^@@ type: *$"):
        return False
    m.keys(["shift-h", "e", "l", "l", "o", "spc", "4", "2", "ret"])
    return all([see(2, "keys arrive", r"^@@ got Hello 42$"),
                see(3, "the keyboard and a wheel mouse are found", r"^@@ mouse .*Explorer Mouse")])


def main():
    mynah, kernel, initrd, font = sys.argv[1:]
    good = False
    print("TAP version 13\n1..3", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            m = Machine([mynah, "-kernel", kernel, "-initrd", initrd, "-append",
                         "console=tty0 panic=-1", "-m", "256", "-display", "none", "-serial", "none",
                         "-no-reboot"], folder, load_font(font))
            good = run(m)
            m.p.terminate()
            m.p.wait()
        except OSError as e:
            print(f"Bail out! {e}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
