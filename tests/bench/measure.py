# SPDX-License-Identifier: MIT
"""Runs the sides of a benchmark and keeps what they say."""
import os
import selectors
import subprocess
import sys
import time

GUEST_SECONDS = 900  # a session that takes longer is ended


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line a session."""

    def __init__(self):
        self.tty = sys.stderr.isatty()

    def step(self, text):
        if self.tty:
            print(f"\r\033[K{text[:100]}", end="", file=sys.stderr, flush=True)

    def done(self, text):
        print(f"\r\033[K{text}" if self.tty else text, file=sys.stderr, flush=True)


def run_lines(command, seconds, on_line, cwd=None, log=None):
    """Runs a command, passes (seconds since start, line), and ends it when on_line says True;
    returns (status, wall, peak KiB)."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, cwd=cwd)
    fd, rest, late = child.stdout.fileno(), b"", False
    with selectors.DefaultSelector() as ready:
        ready.register(fd, selectors.EVENT_READ)
        while True:
            left = seconds - (time.monotonic() - start)
            if not ready.select(max(left, 0)):
                child.kill()
                late = True
                break
            data = os.read(fd, 65536)
            now = time.monotonic() - start
            if not data:
                break
            if log:
                log.write(data)
            *lines, rest = (rest + data).split(b"\n")
            # all of them: none may be left out of a sample
            if any([on_line(now, line.decode(errors="replace").strip("\r")) for line in lines]):
                child.kill()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdout.close()
    wall = time.monotonic() - start
    return ("timeout" if late else child.returncode), wall, usage.ru_maxrss


def machine(args, side):
    """The same machine on both sides."""
    program = args.mynah if side == "mynah" else args.qemu
    return [program, "-machine", "pc", "-accel", "tcg", "-cpu", "max", "-m", "512", "-nographic",
            "-nic", "none", "-no-reboot"]


def linux(args, side, kernel, initrd, append):
    return machine(args, side) + [
        "-kernel", kernel, "-initrd", os.path.join(args.dir, initrd),
        "-append", f"console=ttyS0 panic=-1 {append}"]


class Results:
    """Samples and checksums by program and side."""

    def __init__(self):
        self.rows = {}    # name -> {"group", "unit", side: [samples]}
        self.sums = {}    # name -> {checksum: [sides]}
        self.faults = []  # texts

    def row(self, name, group, unit):
        return self.rows.setdefault(name, {"group": group, "unit": unit})

    def add(self, side, name, group, value, unit):
        self.row(name, group, unit).setdefault(side, []).append(value)

    def fault(self, text):
        if text not in self.faults:
            self.faults.append(text)

    def line(self, side, text):
        """Takes a '@@ NAME GROUP ...' line; returns the program's name or None."""
        w = text.split()
        if len(w) != 6 and not (len(w) == 5 and w[3] in ("skip", "fail")):
            return None
        name, group = w[1], w[2]
        if w[3] == "fail":
            self.row(name, group, "ns")
            self.fault(f"{side}: {name} failed: {w[4]}")
        elif w[3] == "skip":
            self.row(name, group, "ns")
        else:
            self.add(side, name, group, int(w[3]) / int(w[4]), "ns")
            seen = self.sums.setdefault(name, {}).setdefault(w[5], [])
            if side not in seen:
                seen.append(side)
        return name

    def check_sums(self):
        for name, sums in self.sums.items():
            if len(sums) > 1:
                self.fault(f"{name}: checksums differ: " + ", ".join(
                    f"{value} ({' '.join(sides)})" for value, sides in sums.items()))
