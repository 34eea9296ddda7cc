#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A guest that programs every device with garbage, under each engine: the machine may reset, stop
or fail, but it answers its monitor, draws its screen and ends when it is told to.
   garbage.py MYNAH GUEST
For MYNAH_FUZZ_SECONDS, ten minutes with MYNAH_LONG; else it is skipped."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

ENGINES = ["engine=jit", "mmu=tlb", "engine=ir", "engine=jit,icount=on"]
SLICE = 10


def devices(folder):
    def disk(name, size):
        path = os.path.join(folder, name)
        with open(path, "wb") as f:
            f.truncate(size)
        return path

    return ["-hda", disk("hda", 64 << 20), "-cdrom", disk("cd", 8 << 20), "-fda", disk("fd", 1440 << 10),
            "-drive", f"if=virtio,format=raw,file={disk('v', 64 << 20)}",
            "-drive", f"if=none,id=q,format=raw,file={disk('q', 1 << 20)}",
            "-device", "virtio-blk-pci,drive=q,disable-legacy=on,num-queues=4",
            "-drive", f"if=pflash,format=raw,file={disk('flash', 65536)}", "-vga", "std",
            "-device", "pci-testdev", "-serial", "null", "-snapshot"]


class Qmp:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(60)
        end = time.monotonic() + 20
        while True:
            try:
                self.s.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(.1)
        self.f = self.s.makefile("rw", encoding="utf-8")
        self.f.readline()
        self.run("qmp_capabilities")

    def run(self, name, **arguments):
        self.f.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.f.flush()
        while True:
            answer = json.loads(self.f.readline())
            if "return" in answer or "error" in answer:
                return answer


def talk(p, folder, seconds):
    """What went wrong, or nothing."""
    try:
        q = Qmp(os.path.join(folder, "qmp"))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(1)
            for name, arguments in (("query-status", {}), ("query-block", {}),
                                    ("screendump", {"filename": os.path.join(folder, "s.ppm")}),
                                    ("human-monitor-command", {"command-line": "info pci"}),
                                    ("human-monitor-command", {"command-line": "info pic"})):
                q.run(name, **arguments)
            if q.run("query-status")["return"]["status"] not in ("running", "paused"):
                q.run("cont")
        q.run("quit")
    except (OSError, ValueError) as e:  # the guest may have switched itself off
        try:
            p.wait(60)
        except subprocess.TimeoutExpired:
            return f"does not answer: {e!r}"
    return ""


def run(mynah, guest, engine, seconds):
    with tempfile.TemporaryDirectory(prefix="mynah-garbage-") as folder:
        p = subprocess.Popen(
            [mynah, "-m", "16", "-nodefaults", "-display", "none", "-accel", "tcg," + engine,
             *devices(folder), "-qmp", f"unix:{folder}/qmp,server=on,wait=off", "-kernel", guest],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wrong = talk(p, folder, seconds)
        try:
            _, err = p.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            p.kill()
            _, err = p.communicate()
            wrong = wrong or "does not end"
        err = err.decode(errors="replace")
        if p.returncode not in (0, 1) or "anitizer" in err or "runtime error" in err:
            wrong = wrong or f"status {p.returncode}"
        return wrong and f"{engine}: {wrong}\n{err[-4000:]}"


def main():
    seconds = os.environ.get("MYNAH_FUZZ_SECONDS", "600" if "MYNAH_LONG" in os.environ else "0")
    if not int(seconds):
        print("1..0 # SKIP for MYNAH_LONG")
        return
    end, n, bad = time.monotonic() + int(seconds), 0, ""
    while time.monotonic() < end and not bad:
        bad = run(*sys.argv[1:3], ENGINES[n % len(ENGINES)], min(SLICE, int(seconds)))
        n += 1
        if sys.stderr.isatty():
            print(f"\r{n} machines ", end="", file=sys.stderr)
    for line in bad.splitlines():
        print("# " + line)
    print(f"{'not ' if bad else ''}ok 1 - {n} machines survive their guest\n1..1")


main()
