# SPDX-License-Identifier: MIT
"""The emulator on a terminal, as a user of -nographic has it: what the terminal shows."""
import os
import re
import subprocess

from screen import Machine

COLUMNS, ROWS = 80, 25
KEYS = {"up": b"\x1b[A", "down": b"\x1b[B", "ret": b"\r", "esc": b"\x1b", "f12": b"\x1b[24~",
        "spc": b" "}


class Terminal:
    """As much of a VT100 as firmware uses: moves, clears, lines that scroll; colours are dropped."""
    TOKEN = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])|\x1b\[?[0-9;]*\Z|.", re.S)

    def __init__(self):
        self.lines, self.y, self.x, self.rest = [" " * COLUMNS] * ROWS, 0, 0, ""

    def feed(self, data):
        text, self.rest = self.rest + data.decode("latin-1"), ""
        for m in self.TOKEN.finditer(text):
            if m[2]:
                self.control(m[2], [int(n or 0) for n in m[1].split(";")])
            elif m[0][0] == "\x1b":
                self.rest = m[0]
            else:
                self.put(m[0])

    def control(self, letter, numbers):
        if letter == "H":
            self.y, self.x = ([n - 1 for n in numbers] if len(numbers) > 1 else [0, 0])
        elif letter == "J" and numbers[0] == 2:
            self.lines = [" " * COLUMNS] * ROWS

    def put(self, ch):
        if ch == "\r":
            self.x = 0
        elif ch == "\n":
            self.line_feed()
        elif ch == "\b":
            self.x = max(self.x - 1, 0)
        elif ch >= " ":
            if self.x >= COLUMNS:
                self.x = 0
                self.line_feed()
            line = self.lines[self.y]
            self.lines[self.y] = line[:self.x] + ch + line[self.x + 1:]
            self.x += 1

    def line_feed(self):
        if self.y == ROWS - 1:
            self.lines = self.lines[1:] + [" " * COLUMNS]
        else:
            self.y += 1


class TerminalMachine(Machine):
    def __init__(self, args):
        self.terminal = Terminal()
        self.p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.set_blocking(self.p.stdout.fileno(), False)

    def screen(self):
        got = self.p.stdout.read()
        if got == b"":
            raise OSError("end of the output")
        self.terminal.feed(got or b"")
        return [line.rstrip() for line in self.terminal.lines]

    def keys(self, names):
        for name in names:
            self.p.stdin.write(KEYS.get(name, name.encode()))
        self.p.stdin.flush()
