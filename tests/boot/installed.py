#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An installed Debian from power-on to power-off: login prompts on the serial line and on the
screen, a command on each, ACPI's power button.   installed.py MYNAH LOG SECONDS OPTION..."""
import json
import os
import re
import socket
import sys
import tempfile
import time

from screen import read_glyphs, read_screen
from serial_line import Serial


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


class Screen:
    """The console on the screen. Its glyphs are the guest kernel's: it is made to show them all."""

    PRINTABLE = "".join(chr(c) for c in range(33, 127))

    def __init__(self, qmp, serial, picture):
        self.qmp, self.serial, self.picture, self.font = qmp, serial, picture, {}

    def dump(self, path=None):
        return self.qmp.do("screendump", filename=path or self.picture)

    def shell(self, command):
        """Run by root on the serial line; its end is awaited."""
        self.serial.send(command + b"; echo done-$((1 + 1))")
        return self.serial.wait_for(rb"[\r\n]done-2 *\r")

    def learn(self):
        """Two lines of 47 characters on the first console; true when all their glyphs differ."""
        done = self.shell(b"awk 'BEGIN { printf \"\\033[2J\\033[H\"; for (i = 33; i < 127; i++) "
                          b"printf \"%c%s\", i, i == 79 || i == 126 ? \"\\r\\n\" : \"\" }' >/dev/tty1")
        self.dump()
        rows = read_glyphs(self.picture)
        if not done or len(rows) < 25:
            return False
        self.font = dict(zip(rows[0][:47] + rows[1][:47], self.PRINTABLE))
        self.font[rows[0][47]] = " "
        return len(self.font) == 95

    def text(self, path=None):
        return read_screen(path or self.picture, self.font)

    def wait_for(self, pattern, seconds=60):
        end = time.time() + seconds
        while time.time() < end:
            self.dump()
            if any(re.search(pattern, line) for line in self.text()):
                return True
            time.sleep(0.5)
        print("\n".join("# " + line for line in self.text() if line))
        return False

    def type(self, text):
        for c in text + "\n":
            key = {" ": "spc", "\n": "ret", "-": "minus"}.get(c, c)
            self.qmp.do("send-key", keys=[{"type": "qcode", "data": key}])


def try_screen(screen, login, ok):
    """The prompt is read from a picture taken before the glyphs were learnt."""
    screen.shell(b"until systemctl -q is-active getty@tty1; do sleep 1; done; sleep 3")
    screen.dump(login)
    ok("the screen shows 94 glyphs", screen.learn())
    lines = screen.text(login)
    if not ok("login prompt on the screen", all(
            any(re.match(want, line) for line in lines)
            for want in (r"Debian GNU/Linux \d+ mynah tty1$", r"mynah login:(?: |$)"))):
        print("\n".join("# " + line for line in lines if line))
    screen.type("root")
    ok("root logs in there", screen.wait_for(r"^root@mynah:~#$"))
    screen.type("uname -o")
    ok("a command there", screen.wait_for(r"^GNU/Linux$"))


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
            try_screen(Screen(qmp, m, os.path.join(folder, "screen.ppm")), log + ".ppm", ok)
            ok("system_powerdown", "return" in qmp.do("system_powerdown"))
            ok("ends by itself, status 0", m.wait_exit() == 0)
        if m.p.poll() is None:
            m.p.kill()
        m.p.wait()
    print(f"1..{number}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
