#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An installed Debian from power-on to power-off: login prompt on the serial line, a command,
ACPI's power button.   installed.py MYNAH LOG SECONDS OPTION..."""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
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


class Qmp:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)
        self.f = self.s.makefile("r")
        self.f.readline()
        self.do("qmp_capabilities")

    def do(self, command, **arguments):
        self.s.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        for line in self.f:
            reply = json.loads(line)
            if "event" not in reply:
                return reply
        return {"error": "closed"}


def main():
    mynah, log, seconds, *options = sys.argv[1:]
    bad = number = 0

    def ok(name, good):
        nonlocal bad, number
        number += 1
        bad += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
        return good

    print("TAP version 13")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "qmp")
        m = Serial([mynah, *options, "-nographic", "-snapshot", "-qmp",
                    f"unix:{path},server=on,wait=off"], log, int(seconds))
        start = time.time()
        if ok("GRUB, kernel, login prompt on the serial line", m.wait_for(rb"mynah login: ")):
            print(f"# {time.time() - start:.0f} s")
            m.send(b"root")
            ok("root logs in", m.wait_for(rb"root@mynah:~# "))
            m.send(b"echo $((6 * 7)) $(findmnt -no FSTYPE /) $([ -d /sys/firmware/efi ] && echo efi)")
            efi = any("pflash" in o for o in options)
            ok("a command", m.wait_for(rb"[\r\n]42 ext4" + (rb" efi" if efi else rb"") + rb" *\r\n"))
            qmp = Qmp(path)
            # for people: the console is a frame buffer by now
            qmp.do("screendump", filename=log + ".ppm")
            ok("system_powerdown", "return" in qmp.do("system_powerdown"))
            ok("ends by itself, status 0", m.wait_exit() == 0)
        if m.p.poll() is None:
            m.p.kill()
        m.p.wait()
    print(f"1..{number}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
