#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The monitors of a running machine, driven as tools do it.   monitor.py MYNAH"""
import fcntl
import json
import os
import pty
import random
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import termios
import time

from guest import CODE, Runner, Tap, image, status_of, store, u32

QUIET = ["-nodefaults", "-display", "none", "-m", "16"]
EXIT = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
COUNTER = 0x110000
HALT = b"\xfa\xf4\xeb\xfd"
# 1: inc dword [COUNTER]; jmp 1b
COUNT = b"\xff\x05" + u32(COUNTER) + b"\xeb\xf8"


def outb(port, value):
    return b"\x66\xba" + port.to_bytes(2, "little") + b"\xb0" + bytes([value]) + b"\xee"


def outw(port, value):
    return (b"\x66\xba" + port.to_bytes(2, "little") + b"\x66\xb8" +
            value.to_bytes(2, "little") + b"\x66\xef")


class Machine:
    """A machine with a QMP socket; more options may follow."""

    def __init__(self, r, code, *args, **more):
        self.r = r
        r.write("guest", image(code))
        if os.path.exists(r.path("qmp")):
            os.unlink(r.path("qmp"))
        env = {k: v for k, v in os.environ.items() if k != "MALLOC_PERTURB_"}
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        self.p = subprocess.Popen([r.program, "-kernel", "guest", "-qmp",
                                   "unix:qmp,server=on,wait=off", *QUIET, *args], env=env,
                                  cwd=r.folder.name, **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()
        for f in (self.p.stdin, self.p.stdout, self.p.stderr):
            if f:
                f.close()

    def connect(self, name="qmp"):
        return connect(lambda: unix(self.r.path(name)))

    def qmp(self, name="qmp"):
        q = Qmp(self.connect(name))
        q.ready()
        return q

    def end(self, seconds=20):
        return self.p.wait(seconds)


def unix(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    return s


def connect(how, seconds=20):
    end = time.time() + seconds
    while True:
        try:
            s = how()
            s.settimeout(20)
            return s
        except OSError:
            if time.time() > end:
                raise
            time.sleep(0.02)


class Qmp:
    def __init__(self, s):
        self.s, self.rest, self.events = s, b"", []
        self.greeting = self.line()

    def line(self):
        while b"\n" not in self.rest:
            data = self.s.recv(65536)
            if not data:
                raise EOFError
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def answer(self):
        while True:
            v = self.line()
            if "event" not in v:
                return v
            self.events.append(v)

    def raw(self, data):
        self.s.sendall(data)
        return self.answer()

    def run(self, name, **args):
        args = {k.replace("_", "-"): v for k, v in args.items()}
        return self.raw(json.dumps({"execute": name, "arguments": args}).encode())

    def ready(self):
        return self.run("qmp_capabilities")

    def hmp(self, line):
        return self.run("human-monitor-command", command_line=line)["return"]

    def event(self, name, seconds=20):
        """The next event of that name; those before it are dropped."""
        end = time.time() + seconds
        while time.time() < end:
            while self.events:
                e = self.events.pop(0)
                if e["event"] == name:
                    return e
            v = self.line()
            if "event" in v:
                self.events.append(v)
        raise TimeoutError(name)

    def status(self):
        return self.run("query-status")["return"]["status"]

    def word(self, address):
        return int(self.hmp(f"xp/1xw {address:#x}").split()[1], 16)


def test_protocol(tap, r):
    with Machine(r, HALT, "-name", "guest=box", "-uuid",
                 "01234567-89ab-cdef-0123-456789abcdef") as m:
        q = Qmp(m.connect())
        version = q.greeting["QMP"]["version"]["qemu"]
        tap.ok(version["major"] >= 8 and q.greeting["QMP"]["capabilities"] == [], "greeting",
               repr(q.greeting))
        a = q.run("query-status")
        tap.ok(a["error"]["class"] == "CommandNotFound", "nothing before negotiation", repr(a))
        tap.ok(q.ready() == {"return": {}}, "negotiation")
        q.s.sendall(b'{"execute":"query-status","id":"a"}{"execute":"query-name"}\r\n\r\n'
                    b'  {"execute":"query-uuid", "id": 5}')
        a, b, c = q.answer(), q.answer(), q.answer()
        tap.ok(a["id"] == "a" and a["return"]["running"] and b["return"] == {"name": "box"} and
               c == {"return": {"UUID": "01234567-89ab-cdef-0123-456789abcdef"}, "id": 5},
               "three commands in one write", repr((a, b, c)))
        for byte in b'{"execute": "query-version"}':
            q.s.sendall(bytes([byte]))
        a = q.answer()["return"]
        tap.ok(a["qemu"] == version, "a command byte by byte", repr(a))
        a = q.run("query-cpus-fast")["return"][0]
        tap.ok(os.path.exists(f"/proc/{m.p.pid}/task/{a['thread-id']}") and
               a["thread-id"] != m.p.pid and a["cpu-index"] == 0, "thread-id is a thread", repr(a))
        names = {c["name"] for c in q.run("query-commands")["return"]}
        tap.ok({"stop", "cont", "quit", "query-status", "send-key"} <= names, "query-commands")
        a = q.run("query-chardev")["return"]
        tap.ok(a == [{"label": "compat_monitor0", "frontend-open": True,
                      "filename": "unix:qmp,server=on"}], "query-chardev", repr(a))
        q.s.close()
        q = m.qmp()
        tap.ok(q.status() == "running", "a second client after the first")
        tap.ok(q.run("quit") == {"return": {}} and
               q.event("SHUTDOWN")["data"] == {"guest": False, "reason": "host-qmp-quit"} and
               m.end() == 0, "quit")


def test_states(tap, r):
    with Machine(r, COUNT) as m:
        q = m.qmp()
        first = q.word(COUNTER)
        while q.word(COUNTER) == first:
            time.sleep(0.01)
        tap.ok(q.run("stop") == {"return": {}} and q.event("STOP") and q.status() == "paused",
               "stop")
        a = q.word(COUNTER)
        time.sleep(0.05)
        tap.ok(q.word(COUNTER) == a, "it stands still", f"{a}")
        q.run("stop")
        tap.ok(not [e for e in q.events if e["event"] == "STOP"], "stop again is no event")
        e = None
        tap.ok(q.run("cont") == {"return": {}} and (e := q.event("RESUME")), "cont")
        stamp = e["timestamp"]
        tap.ok(abs(stamp["seconds"] - time.time()) < 60 and 0 <= stamp["microseconds"] < 10 ** 6,
               "timestamp", repr(e))
        time.sleep(0.05)
        tap.ok(q.word(COUNTER) != a, "it goes on")
        q.run("system_powerdown")
        tap.ok(q.event("POWERDOWN"), "system_powerdown")
        for _ in range(50):
            q.run("stop")
            q.run("cont")
        kinds = [e["event"] for e in q.events]
        tap.ok(kinds == ["STOP", "RESUME"] * 50, "stop and cont in turn", repr(kinds))
        m.p.send_signal(signal.SIGTERM)
        e = q.event("SHUTDOWN")
        tap.ok(e["data"]["reason"] == "host-signal" and m.end() == 0, "SIGTERM ends it in order",
               repr(e))


def test_reset(tap, r):
    # the counter is part of the image: a reset loads it anew
    code = store(COUNTER, 7) + HALT
    with Machine(r, code, "-S") as m:
        q = m.qmp()
        tap.ok(q.status() == "prelaunch" and q.word(COUNTER) == 0 and
               "HLT=0" in q.hmp("info registers"), "-S")
        q.run("cont")
        while q.word(COUNTER) != 7:
            time.sleep(0.01)
        q.run("stop")
        q.run("system_reset")
        e = q.event("RESET")
        tap.ok(e["data"] == {"guest": False, "reason": "host-qmp-system-reset"} and
               q.status() == "prelaunch", "reset while it stands", repr(e))
        tap.ok(q.hmp("p $eip") == "0x100040\r\n", "entry point", q.hmp("p $eip"))
        q.run("cont")
        q.run("system_reset")
        tap.ok(q.event("RESET") and q.status() == "running", "reset while it runs")
    with Machine(r, HALT, "-no-reboot") as m:
        q = m.qmp()
        q.run("system_reset")
        tap.ok(q.event("SHUTDOWN") and m.end() == 0, "-no-reboot: a reset ends it")
    off = outw(0x604, 0x2000) + HALT
    with Machine(r, off, "-no-shutdown") as m:
        q = m.qmp()
        while q.status() == "running":
            time.sleep(0.01)
        a = q.run("cont")
        tap.ok(q.status() == "shutdown" and "required" in a["error"]["desc"],
               "-no-shutdown: power-off stops it", repr(a))
        q.run("system_reset")
        tap.ok(q.status() == "prelaunch" and q.run("cont") == {"return": {}},
               "a reset and it may go on")
    with Machine(r, outb(0xcf9, 6) + HALT, "-no-reboot", "-S") as m:
        q = m.qmp()
        q.run("cont")
        e = q.event("SHUTDOWN")["data"]
        tap.ok(e == {"reason": "guest-reset", "guest": True} and m.end() == 0,
               "guest reset with -no-reboot", repr(e))


def test_memory(tap, r):
    with Machine(r, store(COUNTER, 0x12345678) + HALT, *EXIT, "-accel", "tcg,tb-size=8",
                 "-device", "pci-testdev,id=mine", "-device", "pci-testdev",
                 "-device", "VGA,yres=480", "-global", "VGA.xres=640", "-global", "VGA.yres=600",
                 "-global", "kvm-pit.lost_tick_policy=discard") as m:
        q = m.qmp()
        a = q.hmp("info jit")
        tap.ok(re.search(r"code cache +8388608\r", a), "tb-size", a)
        while q.word(COUNTER) == 0:
            time.sleep(0.01)
        for name in ("memsave", "pmemsave"):
            a = q.run(name, val=COUNTER, size=8, filename="out")
            data = open(r.path("out"), "rb").read()
            tap.ok(a == {"return": {}} and data == b"\x78\x56\x34\x12" + bytes(4), name,
                   repr((a, data)))
        a = q.hmp("x/2i 0x%x" % CODE)
        tap.ok(re.search(r"mov dword ptr \[0x110000\], 0x12345678", a), "x/i", a)
        a = q.run("pmemsave", val=0, size=10, filename="/nonexistent/x")
        tap.ok(a["error"]["class"] == "GenericError", "a file that cannot be made", repr(a))
        a = q.run("memsave", val=0, size=1 << 62, filename="out")
        tap.ok("Invalid" in a["error"]["desc"], "more than there is", repr(a))
        regs = q.hmp("info registers")
        tap.ok("EIP=" in regs and "HLT=1" in regs and "\r\n" in regs, "info registers", regs)
        for line in ("mem", "tlb", "pic", "lapic", "irq", "mtree", "qtree", "pci", "jit", "roms"):
            a = q.hmp("info " + line)
            tap.ok(not a.startswith(("unknown", "Error")), "info " + line, a)
        a = q.hmp("info qtree")
        tap.ok("xres = 640 " in a and "yres = 480 " in a and "slew = false" in
               a.split("pit-i8254")[1].split("dev:")[0], "-global", a)
        tap.ok('dev: pci-testdev, id "mine"' in a and 'dev: pci-testdev, id ""' in a and
               'id "debugcon' not in a, "ids are the user's", a)
        q.s.sendall(b'{"execute": "human-monitor-command", "arguments": '
                    b'{"command-line": "o /b 0xf4 5"}}')
        tap.ok(m.end() == status_of(5), "o writes a port", repr(m.p.returncode))


def test_drives(tap, r):
    for name, size in (("disk", 1 << 20), ("a.iso", 65536), ("b.iso", 32768)):
        r.write(name, bytes(size))
    with Machine(r, HALT, "-hda", "disk", "-cdrom", "a.iso") as m:
        q = m.qmp()
        disk, cd = q.run("query-block")["return"]
        tap.ok(disk["device"] == "ide0-hd0" and not disk["removable"] and
               disk["inserted"]["image"]["virtual-size"] == 1 << 20 and
               cd["inserted"]["file"] == "a.iso" and cd["inserted"]["ro"] and
               cd["tray_open"] is False, "query-block", repr((disk, cd)))
        a = q.run("eject", device="ide1-cd0")
        cd = q.run("query-block")["return"][1]
        tap.ok(a == {"return": {}} and "inserted" not in cd and cd["tray_open"], "eject", repr(cd))
        a = q.hmp("change ide1-cd0 b.iso")
        tap.ok(a == "" and "ide1-cd0: b.iso (raw, read-only)" in q.hmp("info block"), "change", a)
        a = q.run("blockdev-change-medium", device="ide1-cd0", filename="a.iso", format="raw")
        b = q.run("query-block")["return"][1]["inserted"]["file"]
        tap.ok(a == {"return": {}} and b == "a.iso", "blockdev-change-medium", repr((a, b)))
        a = [q.run("eject", device="ide0-hd0"), q.run("eject", device="none"),
             q.run("blockdev-change-medium", device="ide1-cd0", filename="none")]
        tap.ok([x["error"]["class"] for x in a] == ["GenericError", "DeviceNotFound",
                                                     "GenericError"], "what cannot be", repr(a))


def test_keys_and_screen(tap, r):
    # each scan code goes to its own byte behind COUNTER
    keys = (b"\xbf" + u32(COUNTER) +                       # edi
            b"\xe4\x64\xa8\x01\x74\xfa"                   # 1: in al, 0x64; test al, 1; jz 1b
            b"\xe4\x60\xaa\xeb\xf5")                      # in al, 0x60; stosb; jmp 1b
    with Machine(r, keys, "-vga", "std") as m:
        q = m.qmp()
        a = q.run("send-key", keys=[{"type": "qcode", "data": "ctrl"},
                                    {"type": "qcode", "data": "delete"}], hold_time=20)
        b = q.hmp("sendkey a 20")
        want, end = bytes.fromhex("1de053e0d39d1e9e"), time.time() + 10
        got = b""
        while got != want and time.time() < end:
            q.run("pmemsave", val=COUNTER, size=len(want), filename="out")
            with open(r.path("out"), "rb") as f:
                got = f.read()
        tap.ok(a == {"return": {}} and b == "" and got == want, "send-key, sendkey",
               repr((a, b, got)))
        a = q.run("screendump", filename="x.ppm"), q.hmp("screendump x.png -f png")
        with open(r.path("x.ppm"), "rb") as f:
            ppm = f.read()
        with open(r.path("x.png"), "rb") as f:
            png = f.read()
        head = re.match(rb"P6\n(\d+) (\d+)\n255\n", ppm)
        tap.ok(head and len(ppm) == head.end() + 3 * int(head[1]) * int(head[2]) and
               png[:8] == b"\x89PNG\r\n\x1a\n", "screendump", repr((a, ppm[:20], png[:20])))


def test_nmi(tap, r):
    with Machine(r, HALT, *EXIT) as m:
        q = m.qmp()
        while "HLT=1" not in q.hmp("info registers"):
            time.sleep(0.01)
        q.s.sendall(b'{"execute": "inject-nmi"}')
        tap.ok(m.end() == status_of(2), "inject-nmi reaches vector 2", repr(m.p.returncode))


def read_until(fd_or_socket, pattern, seconds=20):
    """Text up to the pattern; what came when it did not."""
    fd = fd_or_socket if isinstance(fd_or_socket, int) else fd_or_socket.fileno()
    text, end = "", time.time() + seconds
    while not re.search(pattern, text) and time.time() < end:
        if not select.select([fd], [], [], 0.2)[0]:
            continue
        data = os.read(fd, 65536)
        if not data:
            break
        text += data.decode(errors="replace")
    return text


def test_people(tap, r):
    with Machine(r, HALT, "-monitor", "unix:hmp,server,nowait") as m:
        s = m.connect("hmp")
        a = read_until(s, r"\(qemu\) $")
        tap.ok(re.match(r"QEMU \d+\.\d+\.\d+ monitor .*\r\n\(qemu\) $", a), "banner, prompt", a)
        s.sendall(b"info status\n")
        a = read_until(s, r"\(qemu\) $")
        tap.ok(a == "info status\r\nVM status: running\r\n(qemu) ", "a command", repr(a))
        s.sendall(b"frob 1\nstop\ninfo status\n")
        a = read_until(s, r"paused\r\n\(qemu\) $")
        tap.ok("unknown command: 'frob 1'" in a, "unknown command", repr(a))
        s.sendall(b"inf\tstat\t\n")
        a = read_until(s, r"paused\r\n\(qemu\) $")
        tap.ok(a.count("paused") == 1, "completion", repr(a))
        s.sendall(b"quit\n")
        tap.ok(m.end() == 0, "quit")


def test_mux(tap, r):
    """Serial port and monitor on one terminal."""
    echo = (b"\x66\xba\xfd\x03\xec\xa8\x01\x74\xfb"      # 1: in al, 0x3fd; test al, 1; jz 1b
            b"\x66\xba\xf8\x03\xec\xee\xeb\xef")          # in al, 0x3f8; out 0x3f8, al; jmp
    master, slave = pty.openpty()
    with Machine(r, echo, "-serial", "mon:stdio", stdin=slave, stdout=slave, stderr=slave,
                 start_new_session=True,
                 preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) as m:
        os.close(slave)
        m.qmp()
        os.write(master, b"ping")
        a = read_until(master, "ping")
        tap.ok("ping" in a, "the guest has the keys", repr(a))
        os.write(master, b"\x01c")
        a = read_until(master, r"\(qemu\) $")
        tap.ok("monitor" in a, "Ctrl-A C", repr(a))
        os.write(master, b"p 1+1\r")
        a = read_until(master, r"0x2\r+\n\(qemu\) $")
        tap.ok("0x2" in a, "the monitor has them", repr(a))
        os.write(master, b"stop\r")
        read_until(master, r"\(qemu\) $")
        os.write(master, b"\x01cpong\x01c")
        a = read_until(master, r"\(qemu\) $")
        tap.ok("(qemu)" in a and "pong" not in a, "the guest stands", repr(a))
        os.write(master, b"cont\r\x01c")
        a = read_until(master, "pong")
        tap.ok("pong" in a, "what was typed meanwhile", repr(a))
        os.write(master, b"\x01x")
        tap.ok(m.end() == 0, "Ctrl-A X", repr(m.p.returncode))
    os.close(master)


def cpu_seconds(fn):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    fn()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_sleep(tap, r):
    def lie(command):
        with Machine(r, COUNT if command else HALT) as m:
            q = m.qmp()
            if command:
                q.run(command)
            time.sleep(1.5)
            q.run("quit")
            m.end()

    for command in (None, "stop"):
        used = cpu_seconds(lambda c=command: lie(c))
        tap.ok(used < 0.75, f"{'a paused' if command else 'an idle'} machine costs no time",
               f"{used} s of CPU")


def test_stalled_output(tap, r):
    """Nobody reads the serial port's pipe: the monitor answers, nothing is lost later."""
    n = 300000
    send = (b"\xb9" + u32(n) +                            # ecx
            b"\x66\xba\xfd\x03\xec\xa8\x20\x74\xfb"       # 1: wait for THRE
            b"\x66\xba\xf8\x03\x88\xc8\xee\xe2\xee")      # out 0x3f8, cl; loop 1b
    with Machine(r, send + store(COUNTER, 1) + HALT, "-serial", "stdio") as m:
        q = m.qmp()
        time.sleep(0.3)
        tap.ok(q.status() == "running" and q.word(COUNTER) == 0, "it answers while output stalls")
        got = b""
        while len(got) < n:
            data = os.read(m.p.stdout.fileno(), 65536)
            if not data:
                break
            got += data
        want = bytes(i & 0xff for i in range(n, 0, -1))
        tap.ok(got == want, "every byte arrives", f"{len(got)} of {n}")
        q.run("quit")
        tap.ok(m.end() == 0, "and it ends")


def test_hostile(tap, r):
    seed = int(os.environ.get("SEED") or random.randrange(1 << 30))
    rnd = random.Random(seed)
    print(f"# test_hostile: SEED={seed}", flush=True)
    words = [b'{"execute":', b'"stop"', b'"cont"', b"}", b"{", b"[", b"]", b'"', b"'", b"\\",
             b"\xff", b"\0", b"\xc3", b"1e400", b"\n", b"info registers\n", b"x/4i $rip\n",
             b'"arguments":', b'"command-line"', b"{}", b"\x1b[A", b"sendkey a\n"]
    with Machine(r, COUNT, "-monitor", "unix:hmp,server,nowait") as m:
        q = m.qmp()
        q.s.close()
        for name in ("qmp", "hmp"):
            for _ in range(20):
                s = m.connect(name)
                s.sendall(b'{"execute":"qmp_capabilities"}' if rnd.random() < .8 else b"x")
                s.sendall(b"".join(rnd.choice(words) if rnd.random() < .9 else
                                   rnd.randbytes(5).replace(b"q", b"Q")  # "q" ends the machine
                                   for _ in range(200)))
                s.close()
        a = m.qmp().status()
        tap.ok(m.p.poll() is None and a in ("running", "paused"), "random bytes",
               f"seed {seed}: {a} {m.p.poll()}")
        s = m.connect()  # a client that asks and does not listen
        s.settimeout(1)
        s.sendall(b'{"execute":"qmp_capabilities"}')
        try:
            for _ in range(1000):
                s.sendall(b'{"execute":"query-commands"}' * 100)
            stalled = False
        except TimeoutError:
            stalled = True
        tap.ok(stalled, "a client that does not listen is not listened to")
        with open(f"/proc/{m.p.pid}/statm", encoding="ascii") as f:
            resident = int(f.read().split()[1]) * 4096
        tap.ok(resident < 200 << 20, "nor does memory grow", str(resident))
        s.close()
        tap.ok(m.qmp().run("quit") == {"return": {}} and m.end() == 0, "the next one is")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_ways_in(tap, r):
    port = free_port()
    ours, theirs = socket.socketpair()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(r.path("inherited"))
    listener.listen(1)
    for name in ("p.in", "p.out"):
        os.mkfifo(r.path(name))
    with Machine(r, HALT, "-qmp", f"tcp:127.0.0.1:{port},server,nowait", "-chardev",
                 f"socket,id=a,fd={theirs.fileno()}", "-mon", "chardev=a,mode=control",
                 "-chardev", f"socket,id=b,fd={listener.fileno()},server=on,wait=off", "-mon",
                 "chardev=b,mode=control", "-chardev", "pipe,id=c,path=p", "-mon",
                 "chardev=c,mode=control", "-S",
                 pass_fds=(theirs.fileno(), listener.fileno())) as m:
        theirs.close()
        listener.close()
        q = m.qmp()
        ways = {"TCP": connect(lambda: socket.create_connection(("127.0.0.1", port))),
                "an inherited connection": ours,
                "an inherited listener": unix(r.path("inherited"))}
        clients = []
        for name, s in ways.items():
            s.settimeout(20)
            c = Qmp(s)
            clients.append(c)
            tap.ok(c.ready() == {"return": {}} and c.status() == "prelaunch", name)
        to, back = open(r.path("p.in"), "wb", buffering=0), open(r.path("p.out"), "rb")
        tap.ok(b"QMP" in back.readline(), "a pipe: greeting")
        to.write(b'{"execute": "qmp_capabilities"}{"execute": "cont"}')
        tap.ok(back.readline() == b'{"return": {}}\r\n', "a pipe: answer")
        tap.ok(all(c.event("RESUME") for c in [q, *clients]), "everybody hears of it")
        q.run("quit")
        tap.ok(m.end() == 0, "and it ends")
    e = r.run(["-kernel", "guest", *QUIET, "-qmp", "unix:/nonexistent/x,server,nowait"])
    tap.ok(e.status == 1 and re.match(r"mynah: cannot create the socket '/nonexistent/x'", e.err),
           "a socket that cannot be made", e.describe())
    e = r.run(["-kernel", "guest", *QUIET, "-monitor", "unix:" + "x" * 200])
    tap.ok(e.status == 1 and "longer than" in e.err, "a path that is too long", e.describe())
    p = subprocess.Popen([r.program, "-kernel", "guest", *QUIET, "-qmp", "unix:w,server"],
                         cwd=r.folder.name, stderr=subprocess.PIPE)
    s = connect(lambda: unix(r.path("w")))
    q = Qmp(s)
    q.ready()
    q.run("quit")
    tap.ok(p.wait(20) == 0 and b"waiting for a connection on" in p.stderr.read(), "wait=on")
    p.stderr.close()


def main():
    tap = Tap()
    r = Runner(sys.argv[1])
    for test in (test_protocol, test_states, test_reset, test_memory, test_drives,
                 test_keys_and_screen, test_nmi, test_people,
                 test_mux, test_sleep, test_stalled_output, test_hostile, test_ways_in):
        try:
            test(tap, r)
        except (OSError, EOFError, ValueError, KeyError, TimeoutError,
                subprocess.TimeoutExpired) as e:
            tap.ok(False, test.__name__, repr(e))
    return tap.done()


sys.exit(main())
