#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Style rules as tests; TAP, one test a rule.   lint.py ROOT"""
import os
import re
import shutil
import subprocess
import sys

# Who may include whom; a folder may always include itself.
MAY_INCLUDE = {
    "softmmu": set(),
    "mmu": {"softmmu"},
    "cpu": {"softmmu", "mmu"},
    "translator": {"softmmu", "mmu", "cpu"},
    "hw": {"softmmu"},
    "frontend": {"softmmu", "mmu", "cpu", "translator", "hw", "firmware"},
    "firmware": set(),
    "tests": {"softmmu", "mmu", "cpu", "translator", "hw", "frontend", "firmware"},
}
TOP_FOLDERS = set(MAY_INCLUDE)
# Headers below others that have to name types of a higher folder would go here.
INCLUDE_EXCEPTIONS = set()
MAX_LINES = 900
MAX_FUNCTION = 80  # lines between the braces
MAX_COLUMNS = 120  # clang-format aims at 96; tables may be wider
CODE = (".c", ".h", ".S", ".def")
COMMENTED = CODE + (".py", ".sh", ".build")


def tracked(root):
    out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"],
                         capture_output=True, text=True)
    if out.returncode == 0:
        return [f for f in out.stdout.splitlines() if os.path.isfile(os.path.join(root, f))]
    files = []
    for top in sorted(TOP_FOLDERS):
        for where, _, names in os.walk(os.path.join(root, top)):
            files += [os.path.relpath(os.path.join(where, n), root) for n in names]
    return files


def lines_of(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read().splitlines()


def check_includes(root, files):
    for path in files:
        folder = path.split("/")[0]
        if not path.endswith(CODE) or folder not in MAY_INCLUDE:
            continue
        for number, line in enumerate(lines_of(root, path), 1):
            m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not m:
                continue
            target = m.group(1)
            to = target.split("/")[0]
            if "/" not in target or target.startswith("."):
                yield f"{path}:{number}: \"{target}\" is not root-relative"
            elif to in TOP_FOLDERS and to != folder and to not in MAY_INCLUDE[folder] \
                    and (path, target) not in INCLUDE_EXCEPTIONS:
                yield f"{path}:{number}: {folder}/ may not include {to}/"
            elif not os.path.exists(os.path.join(root, target)):
                yield f"{path}:{number}: \"{target}\" does not exist"


def check_spdx(root, files):
    for path in files:
        script = path.endswith(COMMENTED) or path in ("check", "quickstart", ".ci/run")
        if script and not any("SPDX-License-Identifier: MIT" in line
                              for line in lines_of(root, path)[:5]):
            yield f"{path}: no SPDX-License-Identifier: MIT in its first lines"


def check_sizes(root, files):
    for path in files:
        if path.endswith((".c", ".h", ".S", ".py", ".sh")):
            n = len(lines_of(root, path))
            if n > MAX_LINES:
                yield f"{path}: {n} lines, the limit is {MAX_LINES}"


def check_functions(root, files):
    """As clang-format sets them: braces of a function stand in the first column."""
    for path in files:
        if not path.endswith(".c"):
            continue
        start, name = 0, ""
        for number, line in enumerate(lines_of(root, path), 1):
            called = re.match(r"[A-Za-z_].*?(\w+)\(", line)
            if called:
                name = called.group(1)
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start - 1 > MAX_FUNCTION:
                    yield f"{path}:{start}: {name} has {number - start - 1} lines, " \
                          f"the limit is {MAX_FUNCTION}"
                start = 0


def check_columns(root, files):
    for path in files:
        if not path.endswith((".c", ".h")):
            continue
        for number, line in enumerate(lines_of(root, path), 1):
            if len(line) > MAX_COLUMNS or "\t" in line or line != line.rstrip():
                yield f"{path}:{number}: tab, trailing blank, or over {MAX_COLUMNS} columns"


def check_folders(root, files):
    for top in sorted({f.split("/")[0] for f in files if "/" in f}):
        if top not in TOP_FOLDERS and not top.startswith("."):
            yield f"{top}/: not one of the fixed top-level folders"
    for top in sorted(TOP_FOLDERS):
        for name in ("README.md", "meson.build"):
            if f"{top}/{name}" not in files:
                yield f"{top}/{name}: missing"


def check_guards(root, files):
    for path in files:
        if path.endswith(".h") and path.split("/")[0] in TOP_FOLDERS:
            guard = re.sub(r"[^A-Za-z0-9]", "_", path).upper()
            if f"#ifndef {guard}" not in lines_of(root, path):
                yield f"{path}: its guard is not {guard}"


def check_binaries(root, files):
    for path in files:
        with open(os.path.join(root, path), "rb") as f:
            data = f.read(65536)
        picture = path.startswith("tests/boot/pictures/") and data.startswith(b"\x89PNG")
        if b"\0" in data and not (picture and len(data) < 65536):
            yield f"{path}: a binary file"


def check_format(root, files):
    """Files named in tests/lint/formatted; grows as files settle."""
    with open(os.path.join(root, "tests/lint/formatted"), encoding="utf-8") as f:
        listed = [line.strip() for line in f if line.strip() and not line.startswith("#")]
    for path in listed:
        if path not in files:
            yield f"tests/lint/formatted: {path} does not exist"
            continue
        run = subprocess.run(["clang-format", "--dry-run", "-Werror", path], cwd=root,
                             capture_output=True, text=True)
        if run.returncode:
            yield f"{path}: run clang-format -i on it"


RULES = [
    ("include graph is one-way", check_includes),
    ("licence line in every source file", check_spdx),
    ("file sizes", check_sizes),
    ("function lengths", check_functions),
    ("line lengths and blanks", check_columns),
    ("top-level folders", check_folders),
    ("include guards", check_guards),
    ("no binary files", check_binaries),
    ("clang-format", check_format),
]


def main():
    root = os.path.abspath(sys.argv[1])
    files = tracked(root)
    bad = False
    print(f"1..{len(RULES)}")
    for number, (name, rule) in enumerate(RULES, 1):
        if rule is check_format and not shutil.which("clang-format"):
            print(f"ok {number} - {name} # SKIP clang-format is not installed")
            continue
        found = list(rule(root, files))
        print(f"{'not ok' if found else 'ok'} {number} - {name}")
        for line in found[:40]:
            print(f"# {line}")
        bad |= bool(found)
    return 1 if bad else 0


sys.exit(main())
