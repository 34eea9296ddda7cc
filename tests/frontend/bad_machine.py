#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Firmware files that are cut short, and descriptions of machines put together at random: one
clear line and exit status 1, or a machine that runs.   bad_machine.py MYNAH
MYNAH_FUZZ_SECONDS=600 goes on for so long, MYNAH_FUZZ_SEED=N begins with that seed."""
import json
import os
import random
import re
import sys
import time

from guest import Runner, Tap, exit_with, image, status_of

QUIET = ["-nodefaults", "-display", "none", "-m", "16"]
EXIT = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
RUNS = status_of(3)


def refused(tap, r, name, args, pattern):
    e = r.run([*QUIET, *args])
    tap.ok(e.status == 1 and e.out == "" and e.err.count("\n") == 1 and
           re.match(f"mynah: .*(?:{pattern})", e.err), name, e.describe())


def sized(r, name, size):
    with open(r.path(name), "wb") as f:
        f.truncate(size)
    return name


def test_firmware(tap, r):
    sizes = {"empty": 0, "short": 100, "odd": 65537, "big": 20 << 20, "huge": 1 << 40}
    for name, size in sizes.items():
        sized(r, name, size)
    r.write("k", image(exit_with(3)))
    nowhere = {"none": "cannot open", ".": "irectory", "/dev/zero": "device", "/dev/null": "device"}
    for name, pattern in {**dict.fromkeys(sizes, "whole pages|too large|is empty"),
                          **nowhere}.items():
        refused(tap, r, f"-bios {name}", ["-bios", name], pattern)
    for name, pattern in {**dict.fromkeys(sizes, "whole sectors"), **nowhere}.items():
        refused(tap, r, f"flash {name}", ["-drive", f"if=pflash,format=raw,file={name}"], pattern)
    for name, pattern in {"empty": "is empty", "big": "too large", "huge": "too large",
                          **nowhere}.items():
        refused(tap, r, f"option ROM {name}", ["-device", f"VGA,romfile={name}", "-kernel", "k"],
                pattern)
        refused(tap, r, f"-smbios path={name}",
                ["-smbios", f"type=11,path={name}", "-kernel", "k"], pattern)
    for name, pattern in {"huge": "too large", **nowhere}.items():
        refused(tap, r, f"-fw_cfg file={name}",
                ["-fw_cfg", f"name=opt/x,file={name}", "-kernel", "k"], pattern)
    refused(tap, r, "flash in bank 1 alone", ["-drive", "if=pflash,unit=1,format=raw,file=odd"],
            "bank 0")
    r.write("text", b"x" * 66000)
    for args in (["type=11,path=text"], ["type=1,serial=" + "x" * 100000]):
        refused(tap, r, f"-smbios {args[0][:20]}", ["-smbios", *args, "-kernel", "k"],
                "64 KiB|too large")
    for rom in (b"", b"\x55\xaa", b"\x55\xaa\xff", b"\x55\xaa\x01" + bytes(509), os.urandom(3000)):
        r.write("rom", rom + b"\0")
        e = r.run([*QUIET, *EXIT, "-kernel", "k", "-device", "VGA,romfile=rom"])
        tap.ok(e.status == RUNS, f"an option ROM of {len(rom) + 1} bytes is the firmware's affair",
               e.describe())
    for size in (4096, 65536, 65536 + 4096, 16 << 20):
        sized(r, "zeroes", size)
        e = r.run([*QUIET, "-no-reboot", "-drive", "if=pflash,format=raw,file=zeroes"], seconds=1)
        tap.ok(e.status in (None, 0, 1) and "anitizer" not in e.err,
               f"{size} bytes of zeroes as firmware", e.describe())


# --- random descriptions ----------------------------------------------------------------

NAMES = ["d0", "a", "b", "d1", "", "x" * 300, "\xff", "%s%n", "a,b", "a=b", "../x", "0", "#block0"]
FILES = ["disk", "disk", "disk", "none", ".", "/dev/null", "empty", "json:{}", "nbd://x", "file:disk"]
SIZES = ["1", "16", "0", "512", "-1", "4G", "1E", "18446744073709551615", "0x", "1.5", "99999999999999"]
FLAGS = ["on", "off", "true", "", "maybe", "1"]
DRIVE = {"if": ["none", "ide", "virtio", "floppy", "pflash", "scsi", "sd", "x"],
         "file": FILES, "id": NAMES, "index": ["0", "1", "3", "7", "-1", "x"],
         "unit": SIZES, "media": ["disk", "cdrom", "x"], "format": ["raw", "qcow2", "vmdk", "vdi",
         "vpc", "vhdx", "x", ""], "cache": ["none", "unsafe", "writeback", "x"], "readonly": FLAGS,
         "snapshot": FLAGS, "werror": ["stop", "ignore", "x"], "rerror": ["report", "x"],
         "discard": ["unmap", "x"], "detect-zeroes": ["on", "unmap", "x"], "serial": NAMES}
DEVICES = ["VGA", "isa-vga", "virtio-blk-pci", "virtio-blk", "ide-hd", "ide-cd", "pci-testdev",
           "isa-serial", "isa-debugcon", "piix3-ide", "i8042", "lapic", "help", "", "x", "floppy"]
DEVICE = {"drive": NAMES, "id": NAMES, "addr": ["2", "3.1", "1f.7", "20", "-1", "0", "1.1", "x"],
          "bus": ["pci.0", "pci.0", "ide.0", "ide.1", "ide.9", "isa.0", "x"], "unit": ["0", "1", "2"],
          "num-queues": SIZES, "queue-size": SIZES, "vgamem_mb": SIZES, "xres": SIZES,
          "romfile": FILES + [""], "disable-legacy": FLAGS, "disable-modern": FLAGS,
          "bootindex": SIZES, "serial": NAMES, "chardev": NAMES, "iobase": SIZES, "edid": FLAGS}
CHARDEV = {"id": NAMES, "path": ["out", ".", "/nonexistent/x", ""], "mux": FLAGS, "host": ["", "x.invalid"],
           "port": ["0", "x", "99999"], "append": FLAGS, "signal": FLAGS, "fd": ["0", "99", "-1"]}
NODE = {"driver": ["raw", "qcow2", "file", "x", 1, None], "node-name": NAMES + [1, None],
        "filename": FILES + [1, []], "read-only": [True, False, "x", 1], "discard": ["unmap", 1],
        "cache": [{"direct": True, "no-flush": "x"}, 1, {}], "backing": ["a", None, {}]}
OTHER = {"-boot": ["c", "order=cd", "order=z", "menu=on", "once=d", "strict=x", "splash-time=-9"],
         "-m": SIZES + ["16,slots=x", "size=16,maxmem=1"], "-smp": ["1", "0", "cores=2", "1,sockets=9"],
         "-smbios": ["type=1,serial=x", "type=9", "type=", "x", "type=11,value=x"],
         "-fw_cfg": ["name=opt/x,string=y", "opt/x", "name=,string=", "name=opt/y,file=disk"],
         "-global": ["VGA.xres=1", "x.y=z", "VGA.none=1", "."], "-vga": ["std", "none", "x"],
         "-rtc": ["base=utc", "base=x", "base=2000-13-41"], "-hda": FILES, "-cdrom": FILES, "-fda": FILES}


def choose(rnd, values):
    """Mostly one of those that are good."""
    return rnd.choice(values[:2] if rnd.random() < .8 else values)


def properties(rnd, table):
    keys = rnd.sample(sorted(table), rnd.randrange(1, 4))
    return ",".join(f"{k}={choose(rnd, table[k])}" for k in keys)


def node(rnd, depth=0):
    out = {k: choose(rnd, v) for k, v in NODE.items() if rnd.random() < .5}
    if depth < 3 and rnd.random() < .7:
        out["file"] = node(rnd, depth + 1) if rnd.random() < .7 else choose(rnd, NAMES)
    return out


def spoiled(rnd, text):
    for _ in range(rnd.choice([0, 0, 0, 0, 1, 3])):
        at = rnd.randrange(len(text) + 1)
        text = text[:at] + rnd.choice(["", "{", "}", "[", '"', "\\", "\\u", ",", ":", "\x01", "="]) + \
            text[at + rnd.randrange(3):]
    return text


def option(rnd):
    kind = rnd.randrange(6)
    if kind == 0:
        base = "id=d0,if=none,format=raw,file=disk," if rnd.random() < .5 else "file=disk,format=raw,"
        return ["-drive", base + properties(rnd, DRIVE)]
    if kind == 1:
        return ["-device", choose(rnd, DEVICES) + "," + properties(rnd, DEVICE)]
    if kind == 2:
        return ["-device", rnd.choice(["virtio-blk-pci", "ide-hd", "ide-cd"]) + ",drive=d0,"[:rnd.choice([10, 9])]]
    if kind == 3:
        return ["-chardev", rnd.choice(["null", "file", "stdio", "socket", "pty", "pipe", "x", ""]) +
                "," + properties(rnd, CHARDEV)]
    if kind == 4:
        return ["-blockdev", spoiled(rnd, json.dumps(node(rnd)))]
    name = rnd.choice(sorted(OTHER))
    return [name, choose(rnd, OTHER[name])]


def description(seed):
    rnd = random.Random(seed)
    args = []
    for _ in range(rnd.randrange(1, 5)):
        name, value = option(rnd)
        args += [name, spoiled(rnd, value).replace("\0", "")]
    return args


def good(e):
    lines = [x for x in e.err.splitlines() if "warning: " not in x]
    if e.status == 1:
        return len(lines) == 1 and lines[0].startswith("mynah: ")
    return e.status in (RUNS, 0) and not lines


def test_descriptions(tap, r):
    seed = int(os.environ.get("MYNAH_FUZZ_SEED", random.randrange(1 << 30)))
    seconds = os.environ.get("MYNAH_FUZZ_SECONDS", 600 if "MYNAH_LONG" in os.environ else 3)
    end, first, taken = time.monotonic() + int(seconds), seed, 0
    bad = ""
    while time.monotonic() < end and not bad:
        with open(r.path("disk"), "wb") as f:
            f.truncate(1 << 20)
        args = description(seed)
        e = r.run([*QUIET, *args, "-kernel", "k", *EXIT])
        taken += e.status == RUNS
        if not good(e):
            bad = f"MYNAH_FUZZ_SEED={seed}: {args}\n" + e.describe()
        seed += 1
    tap.ok(not bad, "random descriptions of machines", bad)
    print(f"# {seed - first} from seed {first}, {taken} ran")


def main():
    r, tap = Runner(sys.argv[1]), Tap()
    test_firmware(tap, r)
    test_descriptions(tap, r)
    return tap.done()


sys.exit(main())
