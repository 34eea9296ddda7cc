#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints "PASSED FAILED" for one `meson test --logbase BASE` run.

count.py BASE STATUS: BASE.junit.xml holds one <testcase> a TAP subtest (or a
program that has none); STATUS is what meson exited with. Skipped tests count
as neither. A run that failed without a failing case counts as one failure.
"""
import os
import sys
import xml.etree.ElementTree as ET


def count(path):
    passed = failed = 0
    with open(path, "rb") as f:
        text = f.read()
    # what a guest prints may be no text that XML allows
    text = bytes(c for c in text if c >= 32 or c in b"\t\n\r")
    for case in ET.fromstring(text.decode("utf-8", "replace")).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed += 1
        elif "skipped" not in kinds:
            passed += 1
    return passed, failed


def main():
    base, status = sys.argv[1], int(sys.argv[2])
    passed = failed = 0
    if os.path.exists(base + ".junit.xml"):
        passed, failed = count(base + ".junit.xml")
    if status and not failed:
        failed = 1
    print(passed, failed)


main()
