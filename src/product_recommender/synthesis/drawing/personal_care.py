"""Silhouettes of personal care appliances, in stage units (see ``Canvas``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .canvas import Canvas


def _shaver(c: Canvas) -> None:
    c.shadow(40)
    c.box(-17, 38, 17, 100)
    c.shape([(-28, 10), (28, 10), (18, 42), (-18, 42)], "shade")
    for x, y in ((-14, 12), (14, 12), (0, 26)):
        c.oval(x - 11, y - 11, x + 11, y + 11, "metal")
        c.oval(x - 6, y - 6, x + 6, y + 6, "dark")
    c.oval(-7, 50, 7, 64, "trim")
    c.box(-4, 72, 4, 90, "pale")
    c.gleam(-15, 44, 8, 98)


def _toothbrush(c: Canvas) -> None:
    c.shadow(32)
    c.bar([(0, 44), (0, 6)], 5, "pale")
    c.box(-7, -8, 7, 16, "pale", soft=0.7)
    for row in range(4):
        c.bar([(6, -4 + 5 * row), (16, -4 + 5 * row)], 3.4, "glass" if row % 2 else "glow")
    c.box(-13, 38, 13, 98)
    c.box(-17, 92, 17, 100, "shade")
    c.oval(-6, 50, 6, 62, "trim")
    c.box(-3, 68, 3, 84, "glow")
    c.gleam(-12, 40, 6, 96)


def _hair_dryer(c: Canvas) -> None:
    c.shadow(40)
    c.shape([(-8, 46), (14, 46), (22, 98), (0, 98)], "shade", soft=0.6)
    c.box(5, 62, 12, 78, "trim")
    c.shape([(-34, 14), (-52, 8), (-52, 50), (-34, 44)], "dark", soft=0.3)
    c.box(-38, 8, 38, 52)
    c.oval(12, 10, 46, 50, "metal")
    c.oval(18, 16, 40, 44, "deep")
    c.bar([(20, 99), (34, 96), (48, 100)], 3, "dark")
    c.gleam(-34, 10, 6, 50)


def _trimmer(c: Canvas) -> None:
    c.shadow(36)
    c.shape([(-16, 24), (16, 24), (13, 100), (-13, 100)], soft=0.7)
    c.box(-18, 12, 18, 27, "metal", soft=0.4)
    for step in range(7):
        x = -15 + 5 * step
        c.bar([(x, 14), (x, 2)], 2.2, "dark")
    c.box(-6, 36, 6, 58, "dark")
    c.box(-4, 38, 4, 46, "trim")
    for step in range(4):
        c.bar([(-8, 70 + 6 * step), (8, 70 + 6 * step)], 2, "shade")
    c.gleam(-14, 26, 6, 98)


def _flat_iron(c: Canvas) -> None:
    c.shadow(74)
    c.shape([(-44, 88), (-34, 98), (42, 30), (30, 14)], soft=0.8)
    c.shape([(-38, 60), (-30, 46), (18, 12), (28, 22)], "trim", soft=0.6)
    c.shape([(-48, 74), (-40, 64), (26, 2), (34, 14)], "shade", soft=0.8)
    c.oval(-50, 68, -30, 96, "dark")
    c.oval(-44, 76, -36, 88, "metal")
    c.bar([(-42, 96), (-20, 100), (6, 97), (30, 100)], 3, "dark")
    c.gleam(-20, 30, 34, 84)


def _massager(c: Canvas) -> None:
    c.shadow(38)
    c.bar([(4, 92), (8, 52)], 15, "shade")
    c.shape([(-6, 46), (18, 46), (14, 100), (-4, 100)], soft=0.8)
    c.box(-34, 12, 26, 48)
    c.oval(-52, 10, -24, 50, "trim")
    c.oval(-47, 17, -30, 43, "deep")
    c.oval(8, 22, 20, 36, "metal")
    c.box(2, 60, 8, 80, "glow")
    c.gleam(-30, 14, 8, 46)


def _epilator(c: Canvas) -> None:
    c.shadow(42)
    c.shape([(-12, 30), (12, 30), (22, 72), (14, 100), (-14, 100), (-22, 72)], soft=0.9)
    c.box(-15, 6, 15, 32, "metal", soft=0.5)
    for step in range(5):
        c.bar([(-11 + 5.5 * step, 8), (-11 + 5.5 * step, 26)], 2.6, "trim" if step % 2 else "dark")
    c.oval(-8, 48, 8, 66, "pale")
    c.oval(-4, 52, 4, 62, "trim")
    c.gleam(-18, 40, 4, 98)


def _scale(c: Canvas) -> None:
    c.shadow(98)
    c.shape([(-38, 34), (38, 34), (50, 90), (-50, 90)], soft=0.6)
    c.box(-50, 88, 50, 97, "shade")
    c.box(-18, 40, 18, 55, "dark", soft=0.6)
    c.box(-13, 43, 13, 52, "glow", soft=0.4)
    for side in (-1, 1):
        c.box(side * 10, 62, side * 30, 84, "pale")
    c.box(-2, 58, 2, 88, "trim", soft=0.4)
    c.gleam(-46, 36, 20, 88)


SILHOUETTES: Mapping[str, Callable[[Canvas], None]] = {
    "shaver": _shaver,
    "toothbrush": _toothbrush,
    "hair dryer": _hair_dryer,
    "trimmer": _trimmer,
    "flat iron": _flat_iron,
    "massager": _massager,
    "epilator": _epilator,
    "scale": _scale,
}
"""By the noun of the kind."""
