"""Silhouettes of furniture, in stage units (see ``Canvas``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .canvas import Canvas


def _bookcase(c: Canvas) -> None:
    c.shadow(66)
    c.box(-34, 0, 34, 100, soft=0.3)
    for shelf in range(3):
        top = 7 + 31 * shelf
        c.box(-28, top, 28, top + 25, "deep", soft=0.15)
        left = -25.0
        for number, height in enumerate((19, 22, 16, 21, 18)[: 5 - shelf]):
            fill = ("trim", "glow", "metal", "pale", "glass")[(number + 2 * shelf) % 5]
            c.box(left, top + 25 - height, left + 5, top + 25, fill, soft=0.3)
            left += 6.2
        if shelf:
            c.oval(12, top + 11, 24, top + 25, "trim" if shelf == 1 else "glow")


def _desk(c: Canvas) -> None:
    c.shadow(108)
    c.box(-50, 52, -44, 100, "shade", soft=0.4)
    c.box(16, 52, 50, 98, soft=0.3)
    for drawer in range(3):
        c.box(20, 58 + 13 * drawer, 46, 68 + 13 * drawer, "pale", soft=0.5)
        c.box(29, 61 + 13 * drawer, 37, 64 + 13 * drawer, "trim")
    c.box(-55, 45, 55, 54, soft=0.8)
    c.box(-38, 17, -2, 40, "dark", soft=0.3)
    c.box(-35, 20, -5, 37, "glass", soft=0.2)
    c.box(-22, 40, -18, 45, "dark", soft=0)


def _chair(c: Canvas) -> None:
    c.shadow(58)
    for x in (-24, -8, 8, 24):
        c.oval(x - 4, 93, x + 4, 101, "dark")
    c.bar([(-24, 95), (0, 86), (24, 95)], 5, "metal")
    c.bar([(-8, 95), (0, 86), (8, 95)], 4, "metal")
    c.bar([(0, 88), (0, 68)], 7, "metal")
    c.box(-24, 2, 24, 52)
    c.box(-32, 44, -25, 50, "dark")
    c.box(25, 44, 32, 50, "dark")
    c.bar([(-29, 50), (-26, 62)], 4, "dark")
    c.bar([(29, 50), (26, 62)], 4, "dark")
    c.box(-29, 56, 29, 72)
    c.gleam(-22, 4, 4, 50)


def _bed_frame(c: Canvas) -> None:
    c.shadow(112)
    c.box(-54, 22, 54, 84, soft=0.5)
    c.box(-49, 60, 49, 80, "glow", soft=0.7)
    c.box(-42, 46, -6, 64, "pale")
    c.box(6, 46, 42, 64, "pale")
    c.box(-49, 67, 49, 84, "trim", soft=0.4)
    c.box(-56, 78, 56, 94, soft=0.4)
    c.box(-52, 92, -45, 100, "deep", soft=0.3)
    c.box(45, 92, 52, 100, "deep", soft=0.3)


def _table(c: Canvas) -> None:
    c.shadow(100)
    c.shape([(-42, 62), (-34, 62), (-40, 100), (-46, 100)], "shade", soft=0.3)
    c.shape([(42, 62), (34, 62), (40, 100), (46, 100)], "shade", soft=0.3)
    c.box(-38, 80, 38, 86, "deep", soft=0.8)
    c.box(-55, 52, 55, 65)
    c.shape([(-9, 52), (9, 52), (13, 30), (-13, 30)], "trim")
    c.bar([(0, 32), (-9, 12)], 3, "glass")
    c.bar([(0, 32), (3, 6)], 3, "glass")
    c.bar([(0, 32), (12, 16)], 3, "glass")
    c.oval(-2, 0, 9, 11, "glow")
    c.oval(-15, 6, -5, 16, "glow")


def _nightstand(c: Canvas) -> None:
    c.shadow(58)
    c.bar([(-22, 90), (-25, 99)], 5, "trim")
    c.bar([(22, 90), (25, 99)], 5, "trim")
    c.box(-29, 44, 29, 92, soft=0.5)
    c.box(-24, 50, 24, 67, "pale", soft=0.5)
    c.box(-24, 71, 24, 87, "pale", soft=0.5)
    c.oval(-4, 55, 4, 62, "trim")
    c.oval(-4, 75, 4, 82, "trim")
    c.bar([(-2, 44), (-2, 26)], 3, "dark")
    c.shape([(-17, 26), (13, 26), (7, 4), (-11, 4)], "glow")


def _mattress(c: Canvas) -> None:
    c.shadow(112)
    c.box(-56, 58, 56, 98)
    c.box(-56, 74, 56, 80, "trim", soft=0.4)
    c.box(-52, 50, 52, 66, "pale")
    for x in range(-40, 41, 16):
        c.oval(x - 2, 56, x + 2, 60, "shade")
    c.box(-44, 34, -4, 54, "glow")
    c.box(4, 34, 44, 54, "glow")


def _stool(c: Canvas) -> None:
    c.shadow(48)
    c.bar([(-14, 30), (-24, 98)], 6, "trim")
    c.bar([(14, 30), (24, 98)], 6, "trim")
    c.bar([(-6, 30), (-9, 98)], 4, "shade")
    c.bar([(6, 30), (9, 98)], 4, "shade")
    c.bar([(-20, 74), (20, 74)], 4, "metal")
    c.box(-27, 12, 27, 32)
    c.gleam(-25, 13, 4, 31)


def _tv_stand(c: Canvas) -> None:
    c.shadow(112)
    c.box(-36, 8, 36, 56, "dark", soft=0.25)
    c.box(-33, 11, 33, 52, "glass", soft=0.15)
    c.box(-9, 56, 9, 61, "dark", soft=0.3)
    c.box(-56, 60, 56, 94, soft=0.4)
    c.box(-16, 66, 16, 88, "deep", soft=0.2)
    c.box(-10, 76, 10, 82, "metal", soft=0.5)
    for side in (-1, 1):
        c.box(side * 20, 66, side * 51, 88, "pale", soft=0.5)
        c.oval(side * 26 - 3, 74, side * 26 + 3, 80, "trim")
        c.box(side * 44, 93, side * 51, 100, "deep", soft=0.3)


SILHOUETTES: Mapping[str, Callable[[Canvas], None]] = {
    "bookcase": _bookcase,
    "desk": _desk,
    "chair": _chair,
    "bed frame": _bed_frame,
    "table": _table,
    "nightstand": _nightstand,
    "mattress": _mattress,
    "stool": _stool,
    "TV stand": _tv_stand,
}
"""By the noun of the kind."""
