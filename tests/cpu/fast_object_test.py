#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Libraries that generated code calls with the guest's vector state in host registers: no
instruction of theirs names a vector or x87 register, and they call only each other.
usage: fast_object_test.py NM OBJDUMP LIBRARY... [-- NAME...]: names that may be undefined"""
import re
import subprocess
import sys

VECTOR = re.compile(r"%[xyz]?mm\d|%k[0-7]\b|%st\b|\s(ldmxcsr|stmxcsr|emms|f?xsave|f?xrstor)")
RUNTIME = re.compile(r"^(_GLOBAL_OFFSET_TABLE_|__(asan|ubsan|tsan|sanitizer|gcov|stack_chk|llvm)_?.*)$")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    nm, objdump, *rest = sys.argv[1:]
    split = rest.index("--") if "--" in rest else len(rest)
    libraries, allowed = rest[:split], set(rest[split + 1:])
    defined, wanted, failed = set(), set(), []
    for lib in libraries:
        for line in output(nm, lib).splitlines():
            fields = line.split()
            if len(fields) == 2 and fields[0] == "U":
                wanted.add(fields[1])
            elif len(fields) == 3:
                defined.add(fields[2])
        failed += [f"{lib}: {x.strip()}" for x in output(objdump, "-d", lib).splitlines()
                   if VECTOR.search(x)]
    failed += [f"calls {name}" for name in sorted(wanted - defined - allowed)
               if not RUNTIME.match(name)]
    for text in failed:
        print("#", text)
    print("1..1")
    print("not ok 1" if failed else "ok 1", "- no vector registers, no calls out")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
