#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boots one foreign system, types, and waits for texts on its screen in turn: the bytes at B8000h, with
-nographic the terminal.   systems.py SECONDS MYNAH-ARGUMENT... -- STEP...
   STEP: a pattern to wait for, gone:PATTERN until it is not there, or keys:A,B,..."""
import re
import sys
import tempfile

from screen import Machine
from terminal import TerminalMachine


class TextMachine(Machine):
    """A text screen of 80x25 read from memory: it shows what was written, whatever the font."""

    def screen(self):
        dump = self.do("xp /4000xb 0xb8000").decode("ascii", "replace")
        cells = [int(x, 16) for line in re.findall(r"^[0-9a-f]+: (.*)", dump, re.M)
                 for x in re.findall(r"0x([0-9a-f]{2})\b", line)][::2]
        text = "".join(chr(c) if 32 <= c < 127 else " " for c in cells)
        return [text[i:i + 80].rstrip() for i in range(0, len(text), 80)]


def run(m, seconds, steps):
    """The number of steps that went wrong: 0 or 1."""
    for step in steps:
        kind, _, rest = step.partition(":")
        if kind == "keys":
            m.keys(rest.split(","))
            continue
        if kind == "gone":
            good, lines = m.wait_for(rest, seconds, False)
        else:
            good, lines = m.wait_for(step, seconds)
        print(f"{'ok' if good else 'not ok'} - {step.replace('#', '')}", flush=True)
        if not good:
            print("\n".join("# " + line for line in lines))
            return 1
    return 0


def main():
    split = sys.argv.index("--")
    seconds, args, steps = float(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1:]
    print("TAP version 13")
    print(f"1..{sum(not s.startswith('keys:') for s in steps)}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            if "-nographic" in args:
                m = TerminalMachine(args)
            else:
                m = TextMachine(args + ["-display", "none"], folder, None)
            bad = run(m, seconds, steps)
            m.p.terminate()
            m.p.wait()
        except OSError as e:
            print(f"Bail out! {e}")
            return 1
    return bad


sys.exit(main())
