# SPDX-License-Identifier: MIT
"""Times from the start of the process: kernels to init and to power-off, power-on to GRUB, and
power-on of an installed Debian to its last service."""
import os

from measure import linux, machine, run_lines

GROUPS = ("boot", "power-on")
BY_NAME = ("installed",)  # takes minutes, and a disk that the long tests make
KERNELS = ("cloud-amd64", "amd64")
SECONDS = 120


def names():
    lines = [f"{k}-{what}" for k in KERNELS
             for what in ("init boot", "off boot", "rss memory-use")]
    return lines + ["grub-cd power-on", "installed-up installed (by name only)"]


def start(args, side, name, command, mark, results):
    """Runs to the end; (seconds to the line that starts with mark, seconds to the end, peak KiB)
    or None."""
    seen = []

    def on_line(now, text):
        if mark in text:
            seen.append(now)

    log = os.path.join(args.dir, f"boot-{name}-{side}.log")
    with open(log, "wb") as f:
        status, wall, peak = run_lines(command, SECONDS, on_line, None, f)
    if status != 0 or not seen:
        results.fault(f"{side}: boot of {name}: status {status} (log: {log})")
        return None
    return seen[0], wall, peak


def run_kernel(args, side, flavour, results):
    kernel = args.cloud if flavour == "cloud-amd64" else args.generic
    times = start(args, side, flavour, linux(args, side, kernel, "boot.cpio.gz", ""), "@@ init",
                  results)
    if times:
        results.add(side, f"{flavour}-init", "boot", times[0], "s")
        results.add(side, f"{flavour}-off", "boot", times[1], "s")
        results.add(side, f"{flavour}-rss", "memory-use", times[2] / 1024, "MiB")


def run_grub(args, side, results):
    """From power-on through the firmware (Mynah's own, QEMU's SeaBIOS) to the first command of
    grub.cfg on a CD."""
    command = machine(args, side) + ["-cdrom", os.path.join(args.dir, "grub.iso")]
    times = start(args, side, "grub-cd", command, "@@ grub", results)
    if times:
        results.add(side, "grub-cd", "power-on", times[0], "s")


def run_installed(args, side, results):
    """GRUB, kernel and initrd from a disk, systemd and its services."""
    seen = []

    def on_line(now, text):
        if "Reached target" in text and "Multi-User System" in text:
            seen.append(now)
        return bool(seen)

    disk = os.path.join(args.dir, "..", "installed.qcow2")
    log = os.path.join(args.dir, f"installed-{side}.log")
    with open(log, "wb") as f:
        run_lines(machine(args, side) + ["-snapshot", "-hda", disk], 300, on_line, None, f)
    if seen:
        results.add(side, "installed-up", "installed", seen[0], "s")
    else:
        results.fault(f"{side}: installed Debian: not up (log: {log}); the disk is made by "
                      "MYNAH_LONG=1 tests/boot/installed.sh plain 600")


def run(args, groups, results, progress):
    for number in range(1, args.runs + 1) if groups else ():
        for side in ("mynah", "qemu"):
            where = f"boot {number}/{args.runs} {side}"
            for flavour in KERNELS if "boot" in groups else ():
                progress.step(f"{where}: {flavour}")
                run_kernel(args, side, flavour, results)
            if "power-on" in groups:
                progress.step(f"{where}: grub-cd")
                run_grub(args, side, results)
            if "installed" in groups:
                progress.step(f"{where}: installed")
                run_installed(args, side, results)
        progress.done(f"boots {number}/{args.runs}")
