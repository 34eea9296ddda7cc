#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures Mynah, QEMU's TCG and the host in turn; prints a table, writes JSON and SVG.

Started by run.sh. A sample is nanoseconds per operation (seconds and KiB for boots).
"""
import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import boots  # noqa: E402
import chart  # noqa: E402
import disks  # noqa: E402
from measure import GUEST_SECONDS, Progress, Results, linux, run_lines  # noqa: E402

SIDES = ("mynah", "qemu", "native")
REAL = ("gzip", "xz", "openssl-sha256", "openssl-aes", "python3", "perl", "cc1")


def parse_args():
    p = argparse.ArgumentParser(prog="check --bench", description=__doc__.splitlines()[0])
    p.add_argument("--list", action="store_true", help="name the programs and end")
    p.add_argument("--only", default="", metavar="NAME,...", help="programs or groups")
    p.add_argument("--runs", type=int, default=5, metavar="N", help="sessions a side (5)")
    p.add_argument("--no-boot", action="store_true", help="no boot times")
    p.add_argument("--no-disk", action="store_true", help="no disks")
    p.add_argument("--best", action="store_true",
                   help="the best of the runs instead of their median, for a busy host")
    p.add_argument("--out", metavar="DIR", help="where the JSON and SVG files go")
    for name in ("--dir", "--bench", "--mynah", "--qemu", "--cloud", "--generic"):
        p.add_argument(name, help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.runs < 1:
        p.error("--runs: at least 1")
    return args


def run_session(args, side, number, results, progress):
    """All programs once on one side."""
    state = {"last": "start", "end": side == "native"}
    where = f"run {number}/{args.runs} {side}"

    def on_line(_, text):
        if text.startswith("@@ end"):
            state["end"] = True
        elif text.startswith("@@ "):
            state["last"] = results.line(side, text) or state["last"]
            progress.step(f"{where}: {state['last']}")

    log = os.path.join(args.dir, f"{side}.log")
    with open(log, "wb") as f:
        if side == "native":
            shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
            with tempfile.TemporaryDirectory(prefix="mynah-bench.", dir=shm) as cwd:
                status, wall, _ = run_lines([args.bench, "run", args.only], GUEST_SECONDS,
                                            on_line, cwd, f)
                more, more_wall, _ = run_lines(
                    ["sh", os.path.join(args.dir, "data/work.sh"), args.bench,
                     os.path.join(args.dir, "data"), args.only], GUEST_SECONDS, on_line, cwd, f)
                status, wall = status or more, wall + more_wall
        else:
            command = linux(args, side, args.cloud, "bench.cpio.gz",
                            f"quiet mynah.only={args.only}")
            status, wall, _ = run_lines(command, GUEST_SECONDS, on_line, None, f)
    if status != 0 and side != "native" or not state["end"]:
        results.fault(f"{side}: session ended early after {state['last']}, status {status} "
                      f"(log: {log})")
    progress.done(f"{where}: {wall:.1f} s")


def summarize(results, typical):
    """One figure a side and ratios: faster = QEMU / Mynah, slower = Mynah / native."""
    rows = []
    for name, row in results.rows.items():
        out = {"name": name, "group": row["group"], "unit": row["unit"]}
        for side in SIDES:
            samples = row.get(side, [])
            out[side] = typical(samples) if samples else None
            out[f"{side}_samples"] = samples
        m, q, n = (out[side] for side in SIDES)
        out["faster"] = q / m if m and q else None
        out["slower"] = m / n if m and n else None
        rows.append(out)
    return rows


def geometric_mean(values):
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def group_means(rows):
    groups = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    return [{"group": g, "rows": sum(1 for r in members if r["faster"]),
             "faster": geometric_mean(r["faster"] for r in members),
             "slower": geometric_mean(r["slower"] for r in members)}
            for g, members in groups.items()]


def number(value, unit):
    if value is None:
        return "-"
    if unit != "ns":
        return f"{value:.2f} {unit}" if value < 100 else f"{value:.0f} {unit}"
    for scale, name in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if value >= scale:
            return f"{value / scale:.2f} {name}"
    return f"{value:.2f} ns" if value >= 0.1 else f"{value:.3f} ns"


def ratio(value):
    return "-" if value is None else f"{value:.2f}x"


def print_table(rows, means):
    print(f"{'program':<26}{'group':<14}{'Mynah':>12}{'QEMU TCG':>12}{'native':>12}"
          f"{'QEMU/Mynah':>12}{'Mynah/native':>14}")
    for r in rows:
        print(f"{r['name']:<26}{r['group']:<14}"
              + "".join(f"{number(r[side], r['unit']):>12}" for side in SIDES)
              + f"{ratio(r['faster']):>12}{ratio(r['slower']):>14}")
    print("\ngeometric means")
    for m in means:
        count = f"of {m['rows']}"
        print(f"{m['group']:<26}{count:<14}{'':36}{ratio(m['faster']):>12}{ratio(m['slower']):>14}")


def first_line(command):
    try:
        out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return out.splitlines()[0] if out else ""
    except OSError:
        return ""


def host_facts(args):
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {"cpu": model, "system": platform.release(), "runs": args.runs,
            "mynah": first_line([args.mynah, "-version"]),
            "qemu": first_line([args.qemu, "-version"]),
            "guest": os.path.basename(args.cloud)}


def main():
    args = parse_args()
    if args.list:
        sys.stdout.write(subprocess.run([args.bench, "list"], capture_output=True, text=True,
                                        check=True).stdout)
        for name in REAL:
            print(f"{name} real run")
        for line in boots.names() + disks.names():
            print(line)
        return 0
    for program in (args.mynah, args.qemu):
        if not shutil.which(program):
            sys.exit(f"error: no program {program}")
    results, progress, load = Results(), Progress(), os.getloadavg()[0]
    if load > 0.5 * os.cpu_count():
        progress.done(f"warning: load average {load:.1f}: other work slows the sides unequally")
    wanted = set(filter(None, args.only.split(",")))
    others = {*boots.GROUPS, *boots.BY_NAME, *disks.GROUPS}
    for run in range(1, args.runs + 1):
        for side in SIDES if not wanted or wanted - others else ():
            run_session(args, side, run, results, progress)
    if not args.no_boot:
        groups = wanted.intersection(boots.GROUPS + boots.BY_NAME) if wanted else boots.GROUPS
        boots.run(args, groups, results, progress)
    if not args.no_disk:
        disks.run(args, [g for g in disks.GROUPS if not wanted or g in wanted], results, progress)
    load = (load, os.getloadavg()[0])
    results.check_sums()
    if not results.rows:
        sys.exit(f"error: nothing is called {args.only}; see --list")
    rows = summarize(results, min if args.best else statistics.median)
    means = group_means(rows)
    print_table(rows, means)
    out = args.out or os.path.join(args.dir, "out")
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "bench.json"), "w", encoding="utf-8") as f:
        json.dump({"host": host_facts(args), "load": load,
                   "figure": "best" if args.best else "median", "rows": rows, "means": means,
                   "faults": results.faults}, f, indent=1)
    with open(os.path.join(out, "bench.svg"), "w", encoding="utf-8") as f:
        f.write(chart.draw(rows))
    kind = "best" if args.best else "medians"
    print(f"\n{kind} of {args.runs}, load average {load[0]:.1f} to {load[1]:.1f} on "
          f"{os.cpu_count()} CPUs; written: {out}/bench.json, {out}/bench.svg")
    for text in results.faults:
        print(f"FAULT {text}")
    return 1 if results.faults else 0


sys.exit(main())
