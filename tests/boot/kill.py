#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A guest fills an ext4 file system and says which files it has synced; the emulator is killed at a
random moment, again and again on the same disk. Each time the image is sound, e2fsck replays the
journal and finds nothing else, and the synced files are whole.
   kill.py KERNEL INITRD DISK IMAGE FORMAT SECONDS KILLS SEED MYNAH-ARGUMENT..."""
import os
import random
import re
import shutil
import subprocess
import sys
import time


def run(*args):
    p = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return p.returncode, p.stdout.decode(errors="replace")


def contents(i):
    """What disk-init writes into file i."""
    return "".join(f"{n}\n" for n in range(i, i * 7919 % 20000 + i + 1)).encode()


class Disk:
    def __init__(self, image, kind):
        self.image, self.kind, self.copy, self.tree = image, kind, image + ".copy", image + ".tree"
        self.synced = set()

    def make(self):
        run("rm", "-f", self.image, self.copy)
        with open(self.copy, "wb") as f:
            f.truncate(96 << 20)
        for args in (("mke2fs", "-q", "-F", "-t", "ext4", self.copy),
                     ("qemu-img", "convert", "-f", "raw", "-O", self.kind, self.copy, self.image)):
            status, text = run(*args)
            assert status == 0, text

    def check_image(self):
        """Leaked clusters (3) are lost space only."""
        if self.kind == "raw":
            return True, ""
        status, text = run("qemu-img", "check", "-f", self.kind, self.image)
        return status in (0, 3), text

    def replay(self):
        """1: the journal was replayed, or trifles were put right that a mount would."""
        run("qemu-img", "convert", "-f", self.kind, "-O", "raw", self.image, self.copy)
        status, text = run("e2fsck", "-p", self.copy)
        return status in (0, 1), text

    def clean(self):
        status, text = run("e2fsck", "-fn", self.copy)
        return status == 0, text

    def whole(self):
        shutil.rmtree(self.tree, ignore_errors=True)
        os.mkdir(self.tree)
        run("debugfs", "-R", f"rdump / {self.tree}", self.copy)
        lost = []
        for i in sorted(self.synced):
            try:
                with open(f"{self.tree}/d{i % 7}/f{i}", "rb") as f:
                    good = f.read() == contents(i)
            except OSError:
                good = False
            if not good:
                lost.append(i)
        return not lost, f"lost of {len(self.synced)}: {lost}"

    def finish(self):
        shutil.rmtree(self.tree, ignore_errors=True)
        run("rm", "-f", self.image, self.copy)


def fill_and_kill(args, log, disk, seconds, delay):
    """False when the guest never came so far."""
    with open(log, "wb") as out:
        p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    end = time.time() + seconds

    def said():
        with open(log, "rb") as f:
            return re.findall(rb"@@ (synced|removed) (\d+)\r?\n", f.read())

    while len(said()) < 15 and p.poll() is None and time.time() < end:
        time.sleep(0.02)
    time.sleep(delay)
    running = p.poll() is None
    p.kill()
    p.wait()
    lines = said()
    for what, number in lines:
        (disk.synced.add if what == b"synced" else disk.synced.discard)(int(number))
    return running and len(lines) >= 15


def main():
    kernel, initrd, device, image, kind, seconds, kills, seed, *args = sys.argv[1:]
    chance, disk, bad, number = random.Random(seed), Disk(image, kind), 0, 0

    def ok(name, result):
        nonlocal bad, number
        good, text = result
        number += 1
        bad += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
        if not good:
            print("".join(f"# {line}\n" for line in text.splitlines()), end="", flush=True)

    print(f"TAP version 13\n# seed {seed}")
    disk.make()
    for k in range(int(kills)):
        delay, log = chance.choice((0.1, 1, 3)) * chance.random(), f"{image}.log"
        append = ("console=ttyS0 panic=-1 no_timer_check mynah.work=fill "
                  f"mynah.disk={device} mynah.start={k * 100000}")
        name = f"kill {k + 1} after {delay:.3f} s"
        filled = fill_and_kill(args + ["-kernel", kernel, "-initrd", initrd, "-append", append], log,
                               disk, float(seconds), delay)
        ok(f"{name}: the guest was filling the disk", (filled, f"see {log}"))
        ok(f"{name}: the image is sound", disk.check_image())
        ok(f"{name}: the journal is replayed", disk.replay())
        ok(f"{name}: fsck is clean", disk.clean())
        ok(f"{name}: {len(disk.synced)} synced files are whole", disk.whole())
        if bad:
            break
    if not bad:
        disk.finish()
    print(f"1..{number}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
