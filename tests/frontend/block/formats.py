#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Images made and checked by qemu-img; TAP.   formats.py IMGTOOL [read|write|kill|lock|bad]..."""
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

TOOL = os.path.abspath(sys.argv[1])
LONG = bool(os.environ.get("MYNAH_LONG"))
count = failed = 0


def ok(good, name, detail=""):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    if not good:
        for line in str(detail).splitlines()[-12:]:
            print(f"# {line}")


def run(*argv, check=True):
    p = subprocess.run([str(a) for a in argv], capture_output=True, text=True,
                       stdin=subprocess.DEVNULL)
    if check and p.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))}: {p.stderr or p.stdout}")
    return p


def qemu_img(*argv, **kw):
    return run("qemu-img", *argv, **kw)


def tool(*argv):
    return run(TOOL, *argv, check=False)


def pattern(path, mib, seed):
    """A disk with data, zeroes and holes of all sizes."""
    rng = random.Random(seed)
    with open(path, "wb") as f:
        f.truncate(mib << 20)
        at = 0
        while at < mib << 20:
            n = 512 << rng.randrange(0, 11)
            kind = rng.randrange(4)
            f.seek(at)
            n = min(n, (mib << 20) - at)
            if kind == 0:
                f.write(rng.randbytes(n))
            elif kind == 1:
                f.write(bytes([rng.randrange(1, 256)]) * n)
            at += n


def same(a, b):
    return run("cmp", a, b, check=False)


QCOW2 = {
    "v3": "",
    "v2": "compat=0.10",
    "512": "cluster_size=512",
    "4k": "cluster_size=4k",
    "2M": "cluster_size=2M",
    "ref1": "refcount_bits=1,cluster_size=4k",
    "ref2": "refcount_bits=2,cluster_size=512",
    "ref4": "refcount_bits=4",
    "ref8": "refcount_bits=8,cluster_size=1k",
    "ref32": "refcount_bits=32",
    "ref64": "refcount_bits=64,cluster_size=512",
    "lazy": "lazy_refcounts=on",
    "ext": "extended_l2=on",
    "ext16k": "extended_l2=on,cluster_size=16k",
    "metadata": "preallocation=metadata",
    "zstd": "compression_type=zstd",
}

OTHERS = [("vmdk", s) for s in ("monolithicSparse", "streamOptimized", "monolithicFlat",
                                "twoGbMaxExtentSparse", "twoGbMaxExtentFlat")] + \
    [("vdi", ""), ("vdi", "static=on"), ("vpc", ""), ("vpc", "subformat=fixed"),
     ("vpc", "force_size=on"), ("vhdx", ""), ("vhdx", "subformat=fixed"),
     ("vhdx", "block_size=1M")]


def dumped(image, fmt, raw, name):
    p = tool("dump", image, fmt, "out.raw")
    if p.returncode:
        return ok(False, name, p.stderr)
    want, got = os.path.getsize(raw), os.path.getsize("out.raw")
    if got > want:  # formats that round the size up
        with open(raw, "rb") as f:
            data = f.read()
        with open("raw.longer", "wb") as f:
            f.write(data + bytes(got - want))
        raw = "raw.longer"
    p = same("out.raw", raw)
    ok(p.returncode == 0, name, p.stdout + p.stderr)


def test_read():
    pattern("a.raw", 24, 1)
    dumped("a.raw", "raw", "a.raw", "read raw")
    for name, opts in QCOW2.items():
        args = ["-o", opts] if opts else []
        qemu_img("convert", "-O", "qcow2", *args, "a.raw", "a.img")
        dumped("a.img", "-", "a.raw", f"read qcow2 {name}")
        if "preallocation" not in opts:
            qemu_img("convert", "-c", "-O", "qcow2", *args, "a.raw", "a.img")
            dumped("a.img", "-", "a.raw", f"read qcow2 {name}, compressed")
    for fmt, opts in OTHERS:
        args = []
        if opts:
            args = ["-o", opts if "=" in opts else f"subformat={opts}"]
        target = f"a-{opts.split('=')[-1] or 'x'}.{fmt}"
        qemu_img("convert", "-O", fmt, *args, "a.raw", target)
        known = "vpc" if "fixed" in opts and fmt == "vpc" else "-"
        dumped(target, known, "a.raw", f"read {fmt} {opts}")
    test_read_backing()


def test_read_backing():
    os.makedirs("sub", exist_ok=True)
    shutil.copy("a.raw", "sub/base.raw")
    qemu_img("convert", "-O", "vdi", "a.raw", "sub/base.vdi")
    for base in ("base.raw", "base.vdi"):
        fmt = base[5:]
        qemu_img("create", "-f", "qcow2", "-b", base, "-F", fmt, "sub/1.qcow2")
        qemu_img("create", "-f", "qcow2", "-b", "1.qcow2", "-F", "qcow2", "-o",
                 "extended_l2=on", "sub/2.qcow2", "40M")
        run("qemu-io", "-c", "write -P 7 3M 200k", "-c", "write -z 9M 1M", "sub/1.qcow2")
        run("qemu-io", "-c", "write -P 8 3100k 10k", "-c", "write -P 9 30M 5k",
            "sub/2.qcow2")
        qemu_img("convert", "-O", "raw", "sub/2.qcow2", "b.raw")
        dumped("sub/2.qcow2", "-", "b.raw", f"read a chain on {base}")
    qemu_img("create", "-f", "vmdk", "-b", "a-monolithicSparse.vmdk", "-F", "vmdk",
             "child.vmdk")
    run("qemu-io", "-c", "write -P 3 1M 100k", "child.vmdk")
    qemu_img("convert", "-O", "raw", "child.vmdk", "b.raw")
    dumped("child.vmdk", "-", "b.raw", "read vmdk with a parent")


def check_clean(image, name, leaks=False):
    p = qemu_img("check", "-f", "qcow2", image, check=False)
    ok(p.returncode in ((0, 3) if leaks else (0,)), name, p.stdout + p.stderr)


def write_random(image, fmt, seed, name, n=400):
    p = tool("random", image, fmt, seed, n, "model.raw")
    if p.returncode:
        return ok(False, f"{name} (seed {seed})", p.stderr)
    p = qemu_img("compare", "-f", fmt.split("+")[0], "-F", "raw", image, "model.raw",
                 check=False)
    ok(p.returncode == 0, f"{name} (seed {seed})", p.stdout + p.stderr)


def test_write():
    seed = random.randrange(1 << 30)
    n = 4000 if LONG else 400
    pattern("w.raw", 9, 2)
    write_random("w.raw", "raw", seed, "write raw", n)
    write_random("w.raw", "raw+unmap", seed, "write raw with discard", n)
    for name, opts in QCOW2.items():
        args = ["-o", opts] if opts else []
        mode = "qcow2+unmap" if len(name) % 2 else "qcow2"
        qemu_img("create", "-f", "qcow2", *args, "w.img", "9M")
        write_random("w.img", mode, seed, f"write qcow2 {name}", n)
        check_clean("w.img", f"write qcow2 {name}: check")
        if "preallocation" in opts:
            continue
        pattern("base.raw", 5, 3)
        qemu_img("create", "-f", "qcow2", *args, "-b", "base.raw", "-F", "raw", "w.img", "9M")
        write_random("w.img", mode, seed + 1, f"write qcow2 {name}, with backing", n)
        check_clean("w.img", f"write qcow2 {name}, with backing: check")
        if name == "ref1":  # no room for the counts of compressed clusters or snapshots
            continue
        pattern("c.raw", 9, 4)
        qemu_img("convert", "-c", "-O", "qcow2", *args, "c.raw", "w.img")
        write_random("w.img", mode, seed + 2, f"write qcow2 {name}, compressed", n)
        check_clean("w.img", f"write qcow2 {name}, compressed: check")
        test_write_snapshot(name, args, mode, seed + 3, n)


def test_write_snapshot(name, args, mode, seed, n):
    pattern("s.raw", 9, 5)
    qemu_img("convert", "-O", "qcow2", *args, "s.raw", "w.img")
    qemu_img("snapshot", "-c", "one", "w.img")
    run("qemu-io", "-c", "write -P 1 0 3M", "w.img")
    qemu_img("snapshot", "-c", "two", "w.img")
    write_random("w.img", mode, seed, f"write qcow2 {name}, snapshots", n)
    check_clean("w.img", f"write qcow2 {name}, snapshots: check")
    qemu_img("convert", "-l", "one", "-O", "raw", "w.img", "one.raw")
    ok(same("one.raw", "s.raw").returncode == 0,
       f"write qcow2 {name}: the snapshot is as it was")
    qemu_img("snapshot", "-d", "one", "w.img")
    qemu_img("snapshot", "-a", "two", "w.img")
    write_random("w.img", mode, seed + 1, f"write qcow2 {name}, a snapshot gone", n // 4)
    check_clean("w.img", f"write qcow2 {name}, a snapshot gone: check")


def kill_round(name):
    """One image, written to by a child that dies at some write; then the image is used again."""
    seed = random.randrange(1 << 30)
    opts = QCOW2[name]
    args = ["-o", opts] if opts else []
    if seed & 1:
        args += ["-b", "zero.raw", "-F", "raw"]
    qemu_img("create", "-f", "qcow2", *args, "k.img", "9M")
    mode = "qcow2+unmap" if seed & 2 else "qcow2"
    writes = random.randrange(1, 300)
    p = tool("kill", "k.img", mode, seed, writes)
    if p.returncode:
        return f"seed {seed}, {writes} writes: {p.stderr}"
    p = qemu_img("check", "-f", "qcow2", "k.img", check=False)
    if p.returncode not in (0, 3):
        return f"seed {seed}, {writes} writes: {p.stdout}{p.stderr}"
    p = tool("random", "k.img", mode, seed, 50, "model.raw")
    return p.stderr


def test_kill():
    with open("zero.raw", "wb") as f:
        f.truncate(9 << 20)
    for name in ("v3", "v2", "512", "ref8", "ext16k", "2M"):
        bad = ""
        for _ in range(2000 if LONG else 8):
            bad = bad or kill_round(name)
        ok(not bad, f"kill {name}: flushed data is there, metadata holds", bad)


def test_dirty():
    """An image whose writer postponed the counts and was killed."""
    qemu_img("create", "-f", "qcow2", "-o", "lazy_refcounts=on", "d.img", "9M")
    run("qemu-io", "-c", "write -P 5 0 4M", "-c", "flush", "-c", "abort", "d.img", check=False)
    p = qemu_img("check", "d.img", check=False)
    ok(p.returncode not in (0, 3), "dirty: qemu-io left it broken", p.stdout)
    write_random("d.img", "qcow2", 1, "dirty: written to", 100)
    check_clean("d.img", "dirty: repaired")


def held(mode, image="l.img"):
    return subprocess.Popen([TOOL, "lock", image, "-", mode], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_lock():
    qemu_img("create", "-f", "qcow2", "l.img", "9M")
    w = held("rw")
    w.stdout.readline()
    p = run("qemu-io", "-c", "write 0 512", "l.img", check=False)
    ok("lock" in p.stderr + p.stdout, "lock: qemu-io sees our writer", p.stderr + p.stdout)
    p = tool("lock", "l.img", "-", "rw")
    ok(p.returncode == 1 and "lock" in p.stderr, "lock: a second writer is refused", p.stderr)
    p = tool("lock", "l.img", "-", "ro")
    ok(p.returncode == 1 and "lock" in p.stderr, "lock: a reader beside a writer is refused",
       p.stderr)
    w.communicate()
    r = held("ro")
    r.stdout.readline()
    ok(tool("lock", "l.img", "-", "ro").returncode == 0, "lock: two readers")
    p = run("qemu-io", "-r", "-c", "read 0 512", "l.img", check=False)
    ok(p.returncode == 0, "lock: qemu-io reads beside our reader", p.stderr)
    p = run("qemu-io", "-c", "write 0 512", "l.img", check=False)
    ok("lock" in p.stderr + p.stdout, "lock: qemu-io may not write beside our reader")
    r.communicate()
    q = subprocess.Popen(["qemu-io", "l.img"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True)
    q.stdin.write("write 0 512\n")
    q.stdin.flush()
    while "512" not in q.stdout.readline():
        pass
    p = tool("lock", "l.img", "-", "rw")
    ok(p.returncode == 1 and "another process" in p.stderr, "lock: we see qemu-io's writer",
       p.stderr)
    q.communicate("quit\n")


def refused(name, words, *argv):
    p = tool(*argv)
    good = p.returncode == 1 and words in p.stderr and p.stderr.count("\n") == 1
    ok(good, f"bad: {name}", f"status {p.returncode}: {p.stderr}")


def poke(path, at, data):
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(data)


def test_bad():
    refused("missing file", "No such file", "dump", "none.img", "-", "o")
    refused("directory", "directory", "dump", ".", "-", "o")
    refused("a device that is no disk", "neither a file", "dump", "/dev/null", "-", "o")
    os.mkfifo("fifo")
    refused("a FIFO", "neither a file", "dump", "fifo", "-", "o")
    open("empty", "wb").close()
    refused("empty file as qcow2", "not a qcow2", "dump", "empty", "qcow2", "o")
    for fmt in ("vmdk", "vdi", "vpc", "vhdx"):
        refused(f"empty file as {fmt}", "not a", "dump", "empty", fmt, "o")
    refused("unknown format", "unknown format", "dump", "empty", "frob", "o")
    qemu_img("create", "-f", "vdi", "r.vdi", "9M")
    refused("vdi for writing", "can only be read", "random", "r.vdi", "-", 1, 1, "o")
    qemu_img("create", "-f", "qcow2", "x.img", "9M")
    qemu_img("create", "-f", "qcow2", "-b", "x.img", "-F", "qcow2", "y.img")
    refused_after("missing backing file", "No such file", "y.img",
                  lambda: os.rename("x.img", "gone.img"))
    os.rename("gone.img", "x.img")
    qemu_img("rebase", "-u", "-b", "y.img", "-F", "qcow2", "x.img")
    refused("backing files in a circle", "its own backing file", "dump", "y.img", "-", "o")
    qemu_img("rebase", "-u", "-b", "nbd://h/x", "-F", "raw", "x.img")
    refused("backing file on the network", "only local files", "dump", "x.img", "-", "o")
    for at, data, words in ((32, 1, "encrypted"), (20, 8, "cluster size"), (20, 31, "cluster"),
                            (4, 9, "version"), (36, 0xffffffff, "table size"),
                            (36, 0, "too small"), (96, 9, "refcount order"),
                            (100, 3, "header length"), (76, 4, "data files"),
                            (76, 1 << 20, "unsupported qcow2 features")):
        qemu_img("create", "-f", "qcow2", "x.img", "9M")
        poke("x.img", at, struct.pack(">I", data))
        refused(f"qcow2 header: {words}", words, "dump", "x.img", "-", "o")
    qemu_img("create", "-f", "qcow2", "x.img", "9M")
    poke("x.img", 79, b"\2")
    refused("corrupt bit, for writing", "marked corrupt", "random", "x.img", "-", 1, 1, "o")
    ok(tool("dump", "x.img", "-", "o").returncode == 0, "bad: corrupt bit, for reading")
    test_odd_sizes()


def refused_after(name, words, image, action):
    action()
    refused(name, words, "dump", image, "-", "o")


def test_odd_sizes():
    with open("odd.raw", "wb") as f:
        f.write(b"x" * 1000)
    tool("dump", "odd.raw", "raw", "o")
    with open("o", "rb") as f:
        ok(f.read() == b"x" * 1000 + bytes(24), "raw of 1000 bytes: zeroes up to a sector")
    qemu_img("create", "-f", "qcow2", "-o", "cluster_size=2M", "huge.img", "1E")
    ok(tool("lock", "huge.img", "-", "rw").returncode == 0, "an image of 1 EiB opens")


def main():
    groups = {"read": [test_read], "write": [test_write], "kill": [test_kill, test_dirty],
              "lock": [test_lock], "bad": [test_bad]}
    wanted = sys.argv[2:] or list(groups)
    print("TAP version 13")
    if not shutil.which("qemu-img"):
        print("1..0 # SKIP qemu-img is not installed")
        return
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # no waiting for a disk
    where = tempfile.mkdtemp(prefix="mynah-block-", dir=shm)
    os.chdir(where)
    try:
        for group in wanted:
            for test in groups[group]:
                test()
    finally:
        os.chdir("/")
        shutil.rmtree(where)
    print(f"1..{count}")
    sys.exit(failed > 0)


main()
