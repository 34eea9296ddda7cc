# SPDX-License-Identifier: MIT
"""fio in a guest on an empty disk of the host's page cache; a sample is nanoseconds per transfer."""
import os
import subprocess

from measure import linux, run_lines

MIB = 256
# group: disk's name in Linux, format, -drive's interface
DISKS = {
    "virtio-raw": ("vda", "raw", "virtio"),
    "virtio-qcow2": ("vda", "qcow2", "virtio"),
    "ide-raw": ("sda", "raw", "ide"),
}
GROUPS = tuple(DISKS)
JOBS = ("read", "write", "randread", "randwrite")
DEPTHS = (1, 32)


def names():
    return [f"{g}-{job}-{depth} {g}" for g in GROUPS for job in JOBS for depth in DEPTHS]


def make_disk(path, form):
    if os.path.exists(path):
        os.unlink(path)
    if form == "qcow2":
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, f"{MIB}M"], check=True)
    else:
        with open(path, "wb") as f:
            f.truncate(MIB << 20)


def run_disk(args, side, group, where, results, progress):
    disk, form, interface = DISKS[group]
    path, log = (os.path.join(args.dir, f"disk-{group}-{side}{x}") for x in (".img", ".log"))
    end = []

    def on_line(_, text):
        if text.startswith("@@ end"):
            end.append(text)
        elif text.startswith(f"@@ {group}-"):
            progress.step(f"{where} {results.line(side, text)}")

    make_disk(path, form)
    append = f"quiet mynah.disk={disk} mynah.work=bench mynah.group={group}"
    command = linux(args, side, args.generic, "disk.cpio.gz", append)
    command += ["-drive", f"file={path},format={form},if={interface}"]
    with open(log, "wb") as f:
        status, wall, _ = run_lines(command, 300, on_line, None, f)
    os.unlink(path)
    if status != 0 or not end:
        results.fault(f"{side}: disk {group}: status {status} (log: {log})")
    progress.done(f"{where} {wall:.1f} s")


def run(args, groups, results, progress):
    for number in range(1, args.runs + 1):
        for group in groups:
            for side in ("mynah", "qemu"):
                run_disk(args, side, group, f"disk {number}/{args.runs} {group} {side}:", results,
                         progress)
