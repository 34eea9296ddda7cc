# SPDX-License-Identifier: MIT
"""Fixed work for the Python interpreter: integers, floats, strings, dictionaries, classes."""
import math


class Shape:
    def __init__(self, a, b):
        self.a, self.b = a, b

    def area(self):
        return self.a * self.b


n = 20000
x, total = 1, 0
for i in range(n):
    x = (x * 1103515245 + 12345) % 2147483648
    total += x >> (i & 15)
words = {}
for i in range(n):
    key = "w%d" % (i * 7919 % 997)
    words[key] = words.get(key, 0) + i
area = sum(Shape(i, i + 1).area() for i in range(n))
wave = sum(math.sin(i * 0.01) * math.sqrt(i) for i in range(n))
text = " ".join(sorted(words, key=lambda w: (words[w], w)))
print(total, len(words), area, repr(wave), len(text), text[:60])
print(pow(3, 2000, 2**255 - 19), sum(map(len, text.split("w1"))))
