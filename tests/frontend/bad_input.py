#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files, options, terminals and guests that are not as they should be: each ends with
one clear line or with what the architecture says, never in a crash.   bad_input.py MYNAH"""
import os
import re
import resource
import struct
import subprocess
import sys
import time

from guest import (CODE, END, PD, PT, Runner, Tap, exit_with, image, jump_to, load_cr, mov_eax,
                   paging_on, status_of, store, u32)

ENGINES = {
    "jit": [],
    "ir": ["-accel", "tcg,engine=ir"],
    "tlb": ["-accel", "tcg,mmu=tlb"],
    "icount": ["-accel", "tcg,icount=on"],
}
QUIET = ["-nodefaults", "-display", "none", "-m", "16"]
DEBUG_EXIT = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
UD, DF, GP, PF = 6, 8, 13, 14


def one_line(text, pattern):
    return text.count("\n") == 1 and re.match(r"mynah: .*" + pattern, text)


def refused(tap, r, name, args, pattern, **more):
    e = r.run(args, **more)
    tap.ok(e.status == 1 and e.out == "" and one_line(e.err, pattern), name, e.describe())


# --- files ----------------------------------------------------------------------------


def bzimage(payload):
    """The least of a Linux kernel: a header and a payload that is no compressed ELF."""
    h = bytearray(1024)
    h[0x1f1] = 1
    struct.pack_into("<H", h, 0x1fe, 0xaa55)
    h[0x200:0x206] = b"\xeb\x66HdrS"
    struct.pack_into("<H", h, 0x206, 0x20f)
    h[0x211] = 1
    struct.pack_into("<I", h, 0x214, 0x100000)
    struct.pack_into("<I", h, 0x22c, 0x7fffffff)
    struct.pack_into("<I", h, 0x238, 2047)
    struct.pack_into("<II", h, 0x248, 0, len(payload))
    struct.pack_into("<Q", h, 0x258, 0x100000)
    struct.pack_into("<I", h, 0x260, 0x100000)
    return bytes(h) + payload


def elf(machine, kind=2, bits=2):
    return (b"\x7fELF" + bytes([bits, 1, 1])).ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", kind, machine, 1, 0x100000, 64, 0, 0, 64, 56, 1, 0, 0, 0) + bytes(56)


def test_kernels(tap, r):
    def kernel(name, data, pattern, *args):
        r.write("k", data)
        refused(tap, r, f"kernel: {name}", ["-kernel", "k", *QUIET, *args], pattern)

    for name, path, pattern in [("missing", "none", "cannot open 'none'"),
                                ("a folder", "/", "'/' is a directory"),
                                ("an endless device", "/dev/zero", "'/dev/zero' is a device"),
                                ("an empty device", "/dev/null", "'/dev/null' is a device"),
                                ("an empty name", "", "cannot open ''")]:
        refused(tap, r, f"kernel: {name}", ["-kernel", path, *QUIET], pattern)
    good = image(b"\xf4")
    kernel("empty", b"", "'k' is empty")
    kernel("one byte", b"\x7f", "'k' is no kernel")
    kernel("text", b"#!/bin/sh\nexit 0\n" * 100, "'k' is no kernel")
    kernel("random bytes", os.urandom(1 << 16), "'k' is no kernel")
    kernel("zeros", bytes(1 << 20), "'k' is no kernel")
    kernel("ELF for another machine", elf(183), "another machine")
    kernel("ELF that is no program", elf(62, kind=1), "not executable")
    kernel("ELF without PVH note", elf(62), "'k'.*")
    kernel("ELF, big-endian", elf(62).replace(b"\x7fELF\x02\x01", b"\x7fELF\x02\x02"), "machine")
    for n in (4, 17, 40, 63, 64, 100):
        kernel(f"ELF of {n} bytes", elf(62)[:n], "'k'.*")
    for n in (12, 31):
        kernel(f"multiboot of {n} bytes", good[:n], "truncated")
    linux = bzimage(b"\x1f\x8b\x08" + os.urandom(5000))
    kernel("bzImage with a broken payload", linux, "'k'.*")
    for n in (0x206, 0x240, 0x267, 1000, 1024, 2000):
        kernel(f"bzImage of {n} bytes", linux[:n], "'k'.*truncated")
    kernel("bzImage of an old protocol", linux[:0x206] + b"\x00\x02" + linux[0x208:], "too old")
    kernel("too large for RAM", bzimage(b"") + bytes(20 << 20), "does not fit")
    kernel("RAM of 2 MiB", bzimage(bytes(1 << 20)), "RAM", "-m", "2")
    kernel("command line too long", linux, "characters", "-M", "pc,unpack=guest",
           "-append", "x" * 70000)


def test_initrds(tap, r):
    r.write("k", image(exit_with(3)))
    with open(r.path("huge"), "wb") as f:
        f.truncate(1 << 40)
    r.write("large", bytes(20 << 20))
    r.write("empty", b"")
    r.write("linux", bzimage(b"x" * 4096))
    for kernel in ("k", "linux"):
        for name, pattern in [("none", "cannot open 'none'"), ("empty", "'empty' is empty"),
                              ("/", "'/' is a directory"), ("/dev/zero", "is a device"),
                              ("large", "'large' .*fit"), ("huge", "'huge' .*fit")]:
            refused(tap, r, f"initrd: {name}, for {kernel}",
                    ["-kernel", kernel, "-initrd", name, *QUIET], pattern)
    # what an initrd holds is the guest's affair
    r.write("noise", os.urandom(5000))
    e = r.run(["-kernel", "k", "-initrd", "noise", *QUIET, *DEBUG_EXIT])
    tap.ok(e.status == status_of(3), "initrd: random bytes reach the guest", e.describe())


def test_endless_pipe(tap, r):
    """A pipe that never ends is given up, not read until memory is gone."""
    feed = subprocess.Popen(["cat", "/dev/zero"], stdout=subprocess.PIPE)

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    for option in (["-kernel", "/dev/stdin"], ["-kernel", "k", "-initrd", "/dev/stdin"]):
        refused(tap, r, f"an endless pipe as {option[-2]}", [*option, *QUIET], "fit|too large",
                stdin=feed.stdout, preexec_fn=limit)
    feed.kill()
    feed.wait()


# --- options --------------------------------------------------------------------------

OPTIONS = [
    ("-m 0", "-m 0: "), ("-m 1", "at least"), ("-m 100T", "at most"), ("-m 1E", "at most"),
    ("-m 16E", "not a size"), ("-m -1", "not a size"), ("-m 99999999999999999999", "not a size"),
    ("-m 12Q", "not a size"), ("-m 1.5G", "not a size"), ("-m size=", "not a size"),
    ("-m 512,frob=1", "frob"), ("-m", "-m needs an argument"), ("-frob", "unknown option"),
    ("--", "unknown option"), ("-", "unknown option|disk"), ("disk.img", "disk"),
    ("-machine q36", "q36"), ("-M pc,frob=1", "frob"), ("-M pc,unpack=x", "unpack"),
    ("-cpu nosuch", "nosuch"), ("-cpu max,+frob", "frob"), ("-cpu max,frob", "frob"),
    ("-smp 0", "-smp"), ("-smp 2", "-smp 2"), ("-smp x", "-smp"), ("-smp 99999", "-smp"),
    ("-accel nosuch", "nosuch"), ("-accel tcg,engine=x", "engine"), ("-accel tcg,mmu=1", "mmu"),
    ("-accel tcg,icount=maybe", "icount"), ("-accel kvm", "kvm"), ("-enable-kvm", "kvm"),
    ("-serial frob", "frob"), ("-serial file:", "file:"), ("-serial chardev:x", "x"),
    ("-serial file:/nonexistent/x", "cannot create"), ("-serial stdio -serial stdio", "stdio"),
    ("-serial null -serial null -serial null -serial null -serial null", "serial ports"),
    ("-chardev frob,id=a", "frob"), ("-chardev stdio", "id"), ("-debugcon frob", "frob"),
    ("-device nosuch", "nosuch"), ("-device isa-debug-exit,iobase=0x10000", "iobase"),
    ("-device isa-debug-exit,frob=1", "frob"), ("-device", "needs an argument"),
    ("-display gtk", "gtk"), ("-vga cirrus", "cirrus"),
    ("-device VGA,romfile=/nonexistent", "romfile.*nonexistent"), ("-net user", "user"), ("-echr x", "-echr"),
    ("-rtc base=never", "never"), ("-uuid 12", "-uuid"), ("-d frob", "frob"),
    ("-D /nonexistent/x", "cannot create"), ("-pidfile /nonexistent/x", "cannot create"),
    ("-monitor frob", "monitor"), ("-D .", "cannot create"),
]


def test_options(tap, r):
    for text, pattern in OPTIONS:
        refused(tap, r, f"mynah {text}", ["-kernel", "k", "-nodefaults"] + text.split(), pattern)
    refused(tap, r, "-initrd alone", ["-initrd", "k"], "-kernel")
    refused(tap, r, "-append alone", ["-append", "k"], "-kernel")
    refused(tap, r, "an option of 100000 characters", ["-" + "x" * 100000], "unknown option")
    refused(tap, r, "a value of 100000 characters", ["-cpu", "x" * 100000, "-kernel", "k"],
            "unknown CPU model")

    def little_space():
        resource.setrlimit(resource.RLIMIT_AS, (64 << 30, 64 << 30))

    if r.run(["-version"], preexec_fn=little_space).status == 0:  # the sanitizers need more
        refused(tap, r, "RAM that the host has not",
                ["-kernel", "k", "-m", "512G", "-nodefaults"], "RAM|memory",
                preexec_fn=little_space)

    def small_host():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    if r.run(["-version"], preexec_fn=small_host).status == 0:
        refused(tap, r, "the RAM that there is without -m", ["-kernel", "k", "-nodefaults"],
                "cannot reserve 1024 MiB of guest RAM", preexec_fn=small_host)
    e = r.run(["-nographic", "-monitor", "none", "-m", "500G", "-boot", "strict=on"], seconds=2)
    tap.ok(re.search(r"^mynah: (warning: 512000 MiB of guest RAM, but the host has \d+ MiB free"
                     r"|cannot reserve 512000 MiB)", e.err, re.M), "more RAM than is free", e.describe())


# --- terminals ------------------------------------------------------------------------


def say(text):
    """Writes text to the first serial port."""
    out = b"\x66\xba\xf8\x03"
    for c in text.encode():
        out += b"\xb0" + bytes([c]) + b"\xee"
    return out


def test_terminals(tap, r):
    r.write("k", image(say("hello\n") + exit_with(5)))
    base = ["-kernel", "k", "-nographic", "-m", "16", *DEBUG_EXIT]
    closed = {"stdin": 0, "stdout": 1, "stderr": 2}
    for name, fd in closed.items():
        e = r.run(base, preexec_fn=lambda fd=fd: os.close(fd))
        good = e.status == status_of(5) and ("hello" in e.out) == (fd != 1)
        tap.ok(good, f"{name} closed", e.describe())
    e = r.run(base, preexec_fn=lambda: os.closerange(0, 3))
    tap.ok(e.status == status_of(5), "all three closed", e.describe())
    for name, path in [("a folder", "/"), ("/dev/zero", "/dev/zero"), ("a file", "k")]:
        fd = os.open(r.path(path), os.O_RDONLY)
        e = r.run(base, stdin=fd)
        os.close(fd)
        # input that reads as Ctrl-A H has the help printed in the middle of the guest's output
        said = "".join(line for line in e.out.splitlines() if "Ctrl-A" not in line)
        good = e.status == status_of(5) and said.replace("\r", "").replace("\n", "") == "hello"
        tap.ok(good, f"stdin is {name}", e.describe())
    full = os.open("/dev/full", os.O_WRONLY)
    p = subprocess.run([r.program, *base], cwd=r.folder.name, stdin=subprocess.DEVNULL,
                       stdout=full, stderr=subprocess.PIPE, timeout=20, check=False)
    os.close(full)
    tap.ok(p.returncode == status_of(5), "stdout is full", repr(p))
    e = r.run(["-version"], preexec_fn=lambda: os.close(1))
    tap.ok(e.status == 0, "-version with stdout closed", e.describe())
    test_end_of_input(tap, r)


def test_end_of_input(tap, r):
    r.write("halt", image(b"\xfa\xf4\xeb\xfd"))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    e = r.run(["-kernel", "halt", "-nographic", "-m", "16"], seconds=1.5)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    tap.ok(e.status is None and used < 0.75, "an idle guest at the end of input costs no time",
           e.describe() + f"\n{used} s of CPU")
    p = subprocess.Popen([r.program, "-kernel", "halt", "-nographic", "-m", "16"],
                         cwd=r.folder.name, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    out, err = p.communicate(b"abc\x01x", timeout=20)
    tap.ok(p.returncode == 0 and b"terminated" in out and not err, "Ctrl-A X through a pipe",
           repr((p.returncode, out, err)))


# --- guests ---------------------------------------------------------------------------


def guests():
    """name, code, options of image(), the statuses that are right"""
    ud, gp, pf = ({status_of(v)} for v in (UD, GP, PF))
    yield "UD2 without an IDT", b"\x0f\x0b", {"idt": False}, {1}
    yield "a stack in unmapped space and UD2", b"\xbc" + u32(0xd0000000) + b"\x0f\x0b", {}, {13}
    yield "jump to unmapped space", jump_to(0xd0000000), {}, ud
    yield "jump past the end of RAM", jump_to(0x01000000), {}, ud
    yield "run off the end of RAM", jump_to(0x01000000 - 1), {}, ud
    yield "jump to the last byte of the address space", jump_to(0xffffffff), {}, None
    yield "jump to the reset vector", jump_to(0xfffffff0), {}, None
    yield "jump to the video memory that is not there", jump_to(0xa0000), {}, ud
    yield "jump to the local APIC", jump_to(0xfee00000), {}, None
    yield "jump to the I/O APIC", jump_to(0xfec00000), {}, None
    yield "an instruction of 15 bytes", b"\x66" * 14 + b"\x90" + exit_with(77), {}, {status_of(77)}
    yield "an instruction of 16 bytes", b"\x66" * 15 + b"\x90" + exit_with(77), {}, gp
    yield "a page of prefixes", b"\x2e" * 3000, {}, gp
    yield "LOCK in front of anything", b"\xf0\x90", {}, ud
    yield "16 bytes by an immediate", b"\x65" * 6 + b"\x81\x84\x24" + bytes(8), {}, gp
    at_end = END - 15
    yield "16 bytes at the end of a present page", (
        paging_on() + store(PT + 4 * (END >> 12), 0) + b"\xbf" + u32(at_end) + b"\xb9" + u32(15) + b"\xb0\x66\xf3\xaa" + b"\xbc" +
        u32(END - 4096) + load_cr(3, PD) + jump_to(at_end)), {}, pf | gp
    yield "an IDT in unmapped space", b"\x0f\x01\x1d" + u32(CODE + 16) + b"\x0f\x0b".ljust(
        9, b"\x90") + b"\xff\xff" + u32(0xd0000000), {}, {1}
    yield "a null stack segment", b"\x31\xc0\x8e\xd0", {}, gp
    yield "a GDT in unmapped space", b"\x0f\x01\x15" + u32(CODE + 16) + b"\x8c\xd8\x8e\xd8".ljust(
        9, b"\x90") + b"\xff\xff" + u32(0xd0000000), {}, {1}
    yield "a string move through the local APIC", (
        b"\xbe" + u32(0xfee00000) + b"\xbf" + u32(0xfee00001) + b"\xb9" + u32(4096) +
        b"\xf3\xa4" + exit_with(9)), {}, None
    yield "stores over the ROM and the video memory", (
        b"\xbf" + u32(0xa0000) + b"\xb9" + u32(0x18000) + b"\xf3\xab" + exit_with(9)), {}, {19}
    yield from paging_guests(pf)
    yield from writing_guests()


def paging_guests(pf):
    here = PT + 4 * (CODE >> 12)
    on = paging_on()
    flush = load_cr(3, PD)
    yield "its page is taken away, and flushed", on + store(here, 0) + flush, {}, pf
    yield "its page is taken away, not flushed", on + store(here, 0) + exit_with(9), {}, pf | {19}
    yield "its page table is zeroed under a string store", (
        on + b"\xbf" + u32(PT) + b"\xb9" + u32(1024) + b"\x31\xc0\xf3\xab" + flush), {}, {1}
    yield "its directory is zeroed by a store through itself", (
        on + store(PD + 4, PD | 7) + flush + b"\xbf" + u32(0x400000) + b"\xb9" + u32(1024) +
        b"\x31\xc0\xf3\xab" + flush), {}, {1}
    yield "the table maps itself and is rewritten while it is used", (
        on + b"\xbf" + u32(PT + 4 * (PT >> 12)) + b"\xb9" + u32(1000) +
        b"\x81\x37" + u32(0x60) + b"\x0f\x01\x3f\xff\x05" + u32(PT + 8) + b"\xe2\xef" +
        exit_with(9)), {}, {19}  # xor [edi], A+D; invlpg [edi]; inc [PT + 8]; loop
    yield "a store whose own PTE it changes, across a page border", (
        on + mov_eax(0xffffffff) + b"\x87\x05" + u32(PT + 4 * (PT >> 12) - 2) + flush +
        exit_with(9)), {}, None
    yield "a locked exchange with the PTE of its own page", (
        on + b"\x31\xc0\x87\x05" + u32(here) + b"\x0f\x01\x3d" + u32(CODE) + exit_with(9)), {}, pf
    yield "CR3 in unmapped space", load_cr(3, 0xd0000000) + load_cr(0, 0x80000011), {}, {1}
    yield "CR3 in the local APIC", load_cr(3, 0xfee00000) + load_cr(0, 0x80000011), {}, {1}
    yield "CR3 past the end of RAM", load_cr(3, 0xfffff000) + load_cr(0, 0x80000011), {}, {1}
    yield "page tables on their own stack", (
        on + b"\xbc" + u32(PT + 0x1000) + b"\x6a\x00" * 600 + exit_with(9)), {}, None
    yield "PAE tables of all ones", (
        b"\xbf" + u32(PD) + b"\xb9" + u32(2048) + mov_eax(-1) + b"\xf3\xab" + load_cr(3, PD) +
        load_cr(4, 0x20) + load_cr(0, 0x80000011) + exit_with(9)), {}, {status_of(GP), 1}


def writing_guests():
    nine = {status_of(9)}
    yield "an instruction that overwrites the next one", (
        b"\xc7\x05" + u32(CODE + 10) + b"\xeb\x02\x0f\x0b" + b"\x0f\x0b\x0f\x0b" +
        exit_with(9)), {}, nine
    yield "a string store over itself", (
        b"\xbf" + u32(CODE) + b"\xb9" + u32(2000) + b"\xb0\x90\xf3\xaa").ljust(
            2000, b"\x0f") + exit_with(9), {}, nine
    loop = b"\xb9" + u32(20000) + b"\xff\x05" + u32(CODE + 12) + b"\xb8" + u32(0)
    yield "a loop that rewrites itself 20000 times", (
        loop + b"\xe2" + bytes([256 - 13]) + exit_with(9)), {}, nine


def test_guests(tap, r):
    listed = list(guests())
    for i, (_, code, options, _) in enumerate(listed):
        r.write(f"guest{i}", image(code, **options))
    for engine, accel in ENGINES.items():
        for i, (name, _, _, right) in enumerate(listed):
            e = r.run(["-kernel", f"guest{i}", *QUIET, "-no-reboot", *DEBUG_EXIT, *accel])
            good = e.status in right if right else e.status == 1 or (e.status or 0) & 1
            good = good and e.status >= 0 and "anitizer" not in e.err
            if e.status == 1 and "runtime error" not in e.err:
                good = good and one_line(e.err, "triple-faulted|.*")
            tap.ok(good, f"{engine}: {name}", f"right: {right}\n" + e.describe())


def test_reboots(tap, r):
    """Without -no-reboot a triple fault starts the machine anew, with the image as it was."""
    mark = b"\xb0R\xe6\xe9"
    r.write("again", image(mark + store(CODE, 0) + b"\x0f\x0b", idt=False))
    for engine, accel in ENGINES.items():
        e = r.run(["-kernel", "again", *QUIET, "-debugcon", "stdio", *accel], seconds=1.5)
        tap.ok(e.status is None and e.out.startswith("RRR") and not e.err.strip("\n"),
               f"{engine}: a triple fault reboots", e.describe())
    for path in ("k", "again"):
        r.write("gone", image(mark + b"\x0f\x0b", idt=False))
    p = subprocess.Popen([r.program, "-kernel", "gone", *QUIET, "-debugcon", "stdio"],
                         cwd=r.folder.name, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE)
    time.sleep(0.5)
    os.unlink(r.path("gone"))
    _, err = p.communicate(timeout=20)
    tap.ok(p.returncode == 1 and one_line(err.decode(), "cannot open 'gone'"),
           "the kernel file is gone at a reboot", repr((p.returncode, err)))


def main():
    r, tap = Runner(sys.argv[1]), Tap()
    for test in (test_kernels, test_initrds, test_endless_pipe, test_options, test_terminals,
                 test_guests, test_reboots):
        test(tap, r)
    return tap.done()


sys.exit(main())
