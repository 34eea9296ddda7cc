# SPDX-License-Identifier: MIT
"""The benchmark's bar chart: how many times faster than QEMU's TCG, on a log scale."""
import math
from xml.sax.saxutils import escape

COLOURS = ("#3b6ea5", "#c8743c", "#4f8f5b", "#8a5a9e", "#b0485a", "#5b8a8f", "#8c7a3c", "#666f7a")
LEFT, WIDTH, ROW, TOP = 150, 460, 17, 58


def draw(rows):
    """The SVG text. Each row's bar starts at 1 (as fast as QEMU); the tick is native speed."""
    rows = [r for r in rows if r["faster"]]
    values = [r["faster"] for r in rows]
    values += [r["qemu"] / r["native"] for r in rows if r["native"]]
    low = min(0.5, 2 ** math.floor(math.log2(min(values, default=1))))
    high = max(8, 2 ** math.ceil(math.log2(max(values, default=1))))
    height = TOP + ROW * len(rows) + 14

    def x(value):
        part = math.log(value / low) / math.log(high / low)
        return LEFT + WIDTH * min(max(part, 0), 1)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 70}" '
           f'height="{height}" font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="#fff"/>',
           f'<text x="{LEFT}" y="16" font-size="13" font-weight="bold">'
           "Times faster than QEMU TCG</text>",
           f'<text x="{LEFT}" y="31" fill="#555">bar: Mynah; black mark: the host without '
           "emulation; log scale</text>"]
    value = low
    while value <= high:
        out.append(f'<line x1="{x(value):.1f}" y1="{TOP - 6}" x2="{x(value):.1f}" '
                   f'y2="{height - 12}" stroke="{"#444" if value == 1 else "#ddd"}"/>')
        out.append(f'<text x="{x(value):.1f}" y="{TOP - 10}" text-anchor="middle" '
                   f'fill="#555">{value:g}</text>')
        value *= 2
    colours = {}
    for i, r in enumerate(rows):
        y = TOP + ROW * i
        colour = colours.setdefault(r["group"], COLOURS[len(colours) % len(COLOURS)])
        a, b = sorted((x(1), x(r["faster"])))
        out.append(f'<text x="{LEFT - 8}" y="{y + 11}" text-anchor="end">'
                   f'{escape(r["name"])}</text>')
        out.append(f'<rect x="{a:.1f}" y="{y + 2}" width="{max(b - a, 1):.1f}" height="{ROW - 5}" '
                   f'fill="{colour}"><title>{escape(r["group"])}</title></rect>')
        if r["native"]:
            n = x(r["qemu"] / r["native"])
            out.append(f'<line x1="{n:.1f}" y1="{y + 1}" x2="{n:.1f}" y2="{y + ROW - 2}" '
                       'stroke="#000" stroke-width="2"/>')
        out.append(f'<text x="{LEFT + WIDTH + 8}" y="{y + 11}">{r["faster"]:.2f}x</text>')
    return "\n".join(out + ["</svg>"]) + "\n"
