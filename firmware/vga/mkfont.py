#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the fonts from glyphs.txt: OUT.bin for the VGA BIOS, OUT.c for the card, which has one
when no firmware runs.   mkfont.py GLYPHS HEIGHT OUT

Strokes are two pixels wide, as the nine-dot text cell wants. Rows are repeated for the taller
cells. Accented letters, lines and blocks of code page 437 are composed here."""
import sys

# Letter, accent, code. Accents stand in rows 0 and 1.
ACCENTS = {"acute": [0x02, 0x04], "grave": [0x08, 0x04], "circ": [0x04, 0x0A],
           "dots": [0x0A, 0x00], "ring": [0x04, 0x0A], "tilde": [0x0D, 0x16]}
COMPOSED = [
    (0x81, "u", "dots"), (0x82, "e", "acute"), (0x83, "a", "circ"), (0x84, "a", "dots"),
    (0x85, "a", "grave"), (0x86, "a", "ring"), (0x88, "e", "circ"), (0x89, "e", "dots"),
    (0x8A, "e", "grave"), (0x8B, "i", "dots"), (0x8C, "i", "circ"), (0x8D, "i", "grave"),
    (0x93, "o", "circ"), (0x94, "o", "dots"), (0x95, "o", "grave"), (0x96, "u", "circ"),
    (0x97, "u", "grave"), (0x98, "y", "dots"), (0xA0, "a", "acute"), (0xA1, "i", "acute"),
    (0xA2, "o", "acute"), (0xA3, "u", "acute"), (0xA4, "n", "tilde"),
    (0x8E, "A", "dots"), (0x8F, "A", "ring"), (0x90, "E", "acute"), (0x99, "O", "dots"),
    (0x9A, "U", "dots"), (0xA5, "N", "tilde")]
# Lines: arms left, right, up, down; 0 none, 1 single, 2 double.
LINES = dict(zip(range(0xB3, 0xDB), [
    "0011", "1011", "2011", "1022", "1002", "2001", "2022", "0022", "2002", "2020", "1020",
    "2010", "1001", "0110", "1110", "1101", "0111", "1100", "1111", "0211", "0122", "0220",
    "0202", "2220", "2202", "0222", "2200", "2222", "2210", "1120", "2201", "1102", "0120",
    "0210", "0201", "0102", "1122", "2211", "1010", "0101"]))


def read_glyphs(path):
    glyphs = {}
    with open(path, encoding="ascii") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                code, *rows = [int(w, 16) for w in line.split()]
                glyphs[code] = rows + [0] * (9 - len(rows))
    return glyphs


def compose(glyphs):
    for code, letter, accent in COMPOSED:
        base = glyphs[ord(letter)]
        if letter.isupper():  # squeezed: rows 1, 3 and 5 go
            rows = ACCENTS[accent][:1] + [0] + [base[i] for i in (0, 1, 3, 4, 6)] + base[7:]
        else:
            rows = ACCENTS[accent] + base[2:]
        glyphs[code] = rows
    glyphs[0x80] = glyphs[ord("C")][:7] + [0x04, 0x0C]
    glyphs[0x87] = glyphs[ord("c")][:7] + [0x04, 0x0C]


def repeats(code, height):
    """How often each of the nine rows appears, and blank rows above."""
    low = 0x61 <= code <= 0x7A or code >= 0x80
    if height == 16:
        return ([1, 2, 1, 2, 1, 2, 1] if low else [1, 2, 1, 1, 2, 2, 1]) + [2, 1], 2
    if height == 14:
        return ([1, 1, 1, 2, 1, 2, 1] if low else [1, 2, 1, 1, 1, 2, 1]) + [1, 1], 2
    return [1] * 9, 0


def letter_rows(code, rows, height):
    if height == 8 and any(rows[7:]):
        rows = rows[:7] + [rows[8] or rows[7], 0]
    times, above = repeats(code, height)
    out = [0] * above
    for row, n in zip(rows, times):
        bold = row << 2 | row << 1
        out += [bold & 0xFF] * n
    return (out + [0] * height)[:height]


def line_rows(arms, height):
    left, right, up, down = (int(a) for a in arms)
    mid = height // 2 - 1
    ys = {0: [], 1: [mid], 2: [mid - 1, mid + 1]}
    xs = {0: [], 1: [3, 4], 2: [2, 5]}
    horizontal, vertical = max(left, right), max(up, down)
    cell = [[0] * 8 for _ in range(height)]
    near, far = (xs[vertical] or [4])[0], (xs[vertical] or [3])[-1]
    top, bottom = (ys[horizontal] or [mid])[0], (ys[horizontal] or [mid])[-1]
    for y in ys[horizontal]:
        for x in range(8):
            if (x <= far and left) or (x >= near and right):
                cell[y][x] = 1
    for x in xs[vertical]:
        for y in range(height):
            if (y <= bottom and up) or (y >= top and down):
                cell[y][x] = 1
    if horizontal == 2 and vertical == 2:
        open_corners(cell, (left, right, up, down), (near, far, top, bottom))
    return [int("".join(map(str, row)), 2) for row in cell]


def open_corners(cell, arms, box):
    """Double lines that meet leave the way between them free."""
    left, right, up, down = arms
    near, far, top, bottom = box
    for y in range(top + 1, bottom):
        for x in range(near if not left else 0, far + 1 if not right else 8):
            if near < x < far or (x <= near and left) or (x >= far and right):
                cell[y][x] = 0
    for x in range(near + 1, far):
        for y in range(len(cell)):
            if (y < top and up) or (y > bottom and down):
                cell[y][x] = 0
        if up and top != bottom:
            cell[top][x] = 0
        if down:
            cell[bottom][x] = 0


def block_rows(code, height):
    half = height // 2
    shades = {0xB0: [0x22, 0x88], 0xB1: [0x55, 0xAA], 0xB2: [0xDD, 0x77]}
    if code in shades:
        return [shades[code][y & 1] for y in range(height)]
    return {0xDB: [0xFF] * height, 0xDC: [0] * half + [0xFF] * half, 0xDD: [0xF0] * height,
            0xDE: [0x0F] * height, 0xDF: [0xFF] * half + [0] * half}[code]


def c_source(font, height):
    glyphs = (font[i:i + height] for i in range(0, len(font), height))
    rows = ",\n".join("    {" + ", ".join(f"0x{row:02x}" for row in g) + "}" for g in glyphs)
    return (f'#include "hw/display/font.h"\n\n'
            f"const unsigned char vga_font_8x{height}[256][{height}] = {{\n{rows},\n}};\n").encode()


def main():
    glyphs = read_glyphs(sys.argv[1])
    height = int(sys.argv[2])
    compose(glyphs)
    out = bytearray()
    for code in range(256):
        if code in LINES:
            out += bytes(line_rows(LINES[code], height))
        elif 0xB0 <= code <= 0xB2 or 0xDB <= code <= 0xDF:
            out += bytes(block_rows(code, height))
        else:
            out += bytes(letter_rows(code, glyphs.get(code, [0] * 9), height))
    assert len(out) == 256 * height
    with open(sys.argv[3], "wb") as f:
        f.write(c_source(out, height) if sys.argv[3].endswith(".c") else out)


main()
