# SPDX-License-Identifier: MIT
"""Tiny guests as multiboot images, assembled from bytes, and a runner for the emulator."""
import os
import struct
import subprocess
import tempfile

BASE = 0x100000   # where an image is loaded and entered, in 32-bit protected mode, paging off
CODE = BASE + 0x1000
GATES = BASE + 0x2000
PD, PT = 0x180000, 0x181000  # page directory and table for guests that switch paging on
END = 0x200000
EXIT_PORT = 0xf4

# exit status of a guest that ends with exit_with(v), and of one that ends in exception v
def status_of(value):
    return value << 1 | 1


def u32(v):
    return struct.pack("<I", v & 0xffffffff)


def mov_eax(v):
    return b"\xb8" + u32(v)


def store(addr, v):
    """mov dword [addr], v"""
    return b"\xc7\x05" + u32(addr) + u32(v)


def exit_with(v):
    """out EXIT_PORT, v"""
    return b"\xb0" + bytes([v]) + b"\xe6" + bytes([EXIT_PORT]) + b"\xf4\xeb\xfd"


def jump_to(addr):
    """mov eax, addr; jmp eax: whatever lies there"""
    return mov_eax(addr) + b"\xff\xe0"


def load_cr(n, v):
    return mov_eax(v) + bytes([0x0f, 0x22, 0xc0 | n << 3])


def paging_on():
    """Identity maps the first 4 MiB by PD and PT; every page present, writable, user."""
    fill = (b"\xbf" + u32(PT) + mov_eax(7) + b"\xb9" + u32(1024) +  # edi, eax, ecx
            b"\xab\x05" + u32(0x1000) + b"\xe2\xf8")                # stosd; add eax, 4096; loop
    return fill + store(PD, PT | 7) + load_cr(3, PD) + load_cr(0, 0x80000011)


def gates(cs=0x10):
    """An IDT at GATES whose handlers end the guest with the vector as its value."""
    table, code = b"", b""
    handlers = GATES + 256
    for v in range(32):
        at = handlers + len(code)
        table += struct.pack("<HHHH", at & 0xffff, cs, 0x8e00, at >> 16)
        code += exit_with(v)
    return table + code


def image(code, idt=True):
    """A multiboot file that runs code at CODE; exceptions exit, or without idt triple-fault."""
    flags = 0x10000
    head = struct.pack("<8I", 0x1badb002, flags, -(0x1badb002 + flags) & 0xffffffff,
                       BASE, BASE, 0, END, BASE + 0x40)
    start = b""
    if idt:
        start = b"\x0f\x01\x1d" + u32(BASE + 0x30)  # lidt
    start += b"\xbc" + u32(END - 16) + b"\xe9"      # mov esp; jmp CODE
    start += u32(CODE - (BASE + 0x40 + len(start) + 4))
    head = head.ljust(0x30, b"\0") + struct.pack("<HI", 255, GATES)
    head = (head.ljust(0x40, b"\0") + start).ljust(CODE - BASE, b"\0")
    return (head + code).ljust(GATES - BASE, b"\x90") + gates()


class Ended:
    """How a run of the emulator ended: status as subprocess gives it, None = still running."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def describe(self):
        return f"status {self.status}\nstdout: {self.out[-300:]!r}\nstderr: {self.err[-1500:]!r}"


class Runner:
    """Runs the emulator in a folder of its own, which is the working directory."""

    def __init__(self, program):
        self.program = os.path.abspath(program)
        self.folder = tempfile.TemporaryDirectory(prefix="mynah-test-")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return name

    def run(self, args, seconds=20, stdin=subprocess.DEVNULL, **more):
        """Still running after `seconds`: ended by SIGTERM, status None."""
        env = {k: v for k, v in os.environ.items() if k != "MALLOC_PERTURB_"}  # too slow here
        p = subprocess.Popen([self.program, *args], env=env, cwd=self.folder.name, stdin=stdin,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        try:
            out, err = p.communicate(timeout=seconds)
            status = p.returncode
        except subprocess.TimeoutExpired:
            status = None
            p.terminate()
            try:
                out, err = p.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                p.kill()
                out, err = p.communicate()
                err += b"[SIGTERM did not end it]"
                status = -9
        return Ended(status, out.decode(errors="replace"), err.decode(errors="replace"))


class Tap:
    def __init__(self):
        self.n, self.bad = 0, 0
        print("TAP version 13")

    def ok(self, good, name, more=""):
        self.n += 1
        self.bad += not good
        print(f"{'ok' if good else 'not ok'} {self.n} - {name.replace('#', '')}", flush=True)
        if not good:
            for line in more.splitlines():
                print(f"# {line}", flush=True)

    def done(self):
        print(f"1..{self.n}")
        return 1 if self.bad else 0
