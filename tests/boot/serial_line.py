#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs an emulator whose serial line is its standard streams; waits for texts, types lines.
   serial_line.py SECONDS LOG ARGUMENT... -- STEP...     STEP: a pattern to wait for, or type:LINE"""
import os
import re
import subprocess
import sys
import time


class Serial:
    """The emulator's standard streams, as a user of -nographic has them."""

    def __init__(self, args, log, seconds):
        self.end, self.text, self.log = time.time() + seconds, b"", open(log, "wb")
        self.p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        os.set_blocking(self.p.stdout.fileno(), False)

    def poll(self):
        """False at the end of the output."""
        got = self.p.stdout.read()
        if got:
            self.text += got
            self.log.write(got)
            self.log.flush()
        return got != b""

    def wait_for(self, pattern):
        """Drops the text up to the match."""
        while time.time() < self.end:
            more = self.poll()
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return True
            if not more:
                return False
            time.sleep(0.1)
        return False

    def send(self, line):
        self.p.stdin.write(line + b"\r")
        self.p.stdin.flush()

    def wait_exit(self):
        while self.p.poll() is None and time.time() < self.end:
            self.poll()
            time.sleep(0.1)
        return self.p.poll()


def main():
    split = sys.argv.index("--")
    seconds, log, args, steps = sys.argv[1], sys.argv[2], sys.argv[3:split], sys.argv[split + 1:]
    m = Serial(args, log, float(seconds))
    good, number = True, 0
    print("TAP version 13")
    for step in steps:
        if step.startswith("type:"):
            m.send(step[5:].encode())
            continue
        good = m.wait_for(step.encode())
        number += 1
        print(f"{'ok' if good else 'not ok'} {number} - {step.replace('#', '')}", flush=True)
        if not good:
            print(f"# see {log}")
            break
    print(f"1..{sum(not s.startswith('type:') for s in steps)}")
    m.p.kill()
    m.p.wait()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
