"""Silhouettes of major appliances, in stage units (see ``Canvas``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .canvas import Canvas


def _refrigerator(c: Canvas) -> None:
    c.shadow(56)
    c.box(-28, -8, 28, 98, soft=0.35)
    c.box(-25, -5, 25, 24, "pale", soft=0.35)
    c.box(-25, 28, 25, 94, soft=0.3)
    c.bar([(-19, 8), (-19, 20)], 4, "trim")
    c.bar([(-19, 34), (-19, 60)], 4, "trim")
    c.box(-22, 96, -14, 101, "dark", soft=0)
    c.box(14, 96, 22, 101, "dark", soft=0)
    c.gleam(-24, -4, 20, 92)


def _dishwasher(c: Canvas) -> None:
    c.shadow(72)
    c.box(-37, 22, 37, 98, soft=0.3)
    c.box(-37, 22, 37, 38, "shade", soft=0.4)
    c.box(-10, 26, 14, 34, "dark", soft=0.6)
    c.oval(-31, 26, -23, 34, "trim")
    c.oval(22, 27, 28, 33, "glow")
    c.bar([(-26, 46), (26, 46)], 5, "metal")
    c.box(-33, 92, 33, 100, "dark", soft=0.2)
    c.gleam(-34, 50, 16, 90)


def _washer(c: Canvas) -> None:
    c.shadow(68)
    c.box(-34, 10, 34, 100, soft=0.4)
    c.box(-34, 10, 34, 26, "shade", soft=0.5)
    c.oval(-28, 13, -18, 23, "trim")
    c.box(-6, 14, 26, 22, "glow", soft=0.6)
    c.oval(-25, 34, 25, 88, "metal")
    c.oval(-20, 39, 20, 83, "dark")
    c.oval(-17, 42, 17, 80, "glass")
    c.shape([(-16, 62), (-4, 57), (8, 64), (16, 60), (11, 76), (-11, 76)], "pale")
    c.gleam(-14, 44, 12, 76)


def _ice_maker(c: Canvas) -> None:
    c.shadow(64)
    c.box(-31, 28, 31, 100, soft=0.6)
    c.box(-26, 34, 26, 58, "glass", soft=0.5)
    for x, y in ((-18, 46), (-8, 41), (3, 47), (13, 42), (-3, 50)):
        c.box(x - 4, y - 4, x + 4, y + 4, "glow", soft=0.5)
    c.box(-18, 68, 18, 80, "dark")
    for x in (-11, 0, 11):
        c.oval(x - 3, 71, x + 3, 77, "trim")
    c.gleam(-29, 60, 4, 98)


def _range_hood(c: Canvas) -> None:
    c.box(-15, -8, 15, 42, soft=0.15)
    c.shape([(-15, 38), (15, 38), (50, 66), (-50, 66)], soft=0.25)
    c.box(-52, 64, 52, 76, "shade", soft=0.6)
    for x in (-12, 0, 12):
        c.oval(x - 3, 67, x + 3, 73, "trim")
    c.shape([(-34, 76), (-20, 76), (-8, 98), (-46, 98)], "glow", soft=0)
    c.shape([(34, 76), (20, 76), (8, 98), (46, 98)], "glow", soft=0)
    c.gleam(-14, -6, 12, 38)


def _wine_cooler(c: Canvas) -> None:
    c.shadow(54)
    c.box(-28, 2, 28, 100, soft=0.35)
    c.box(-22, 9, 22, 88, "dark", soft=0.3)
    for row in range(4):
        top = 15 + 18 * row
        for x in (-13, 0, 13):
            c.oval(x - 5, top, x + 5, top + 11, "glass" if (row + x) % 2 else "trim")
        c.bar([(-20, top + 13), (20, top + 13)], 2, "metal")
    c.bar([(25, 34), (25, 62)], 3, "trim")
    c.gleam(-21, 10, 14, 87)


def _cooktop(c: Canvas) -> None:
    c.shadow(104)
    c.shape([(-40, 54), (40, 54), (56, 88), (-56, 88)], soft=0.4)
    c.box(-56, 86, 56, 98, "shade", soft=0.6)
    for x, y, r in ((-20, 63, 11), (20, 63, 11), (-25, 78, 14), (25, 78, 14)):
        c.oval(x - r, y - r * 0.45, x + r, y + r * 0.45, "dark")
        c.oval(x - r * 0.6, y - r * 0.27, x + r * 0.6, y + r * 0.27, "trim")
    for x in (-36, -12, 12, 36):
        c.oval(x - 4, 88, x + 4, 96, "metal")
    c.box(6, 34, 40, 59, "metal", soft=0.6)
    c.bar([(40, 42), (54, 42)], 4, "dark")
    c.box(4, 30, 42, 36, "glow")


def _mini_fridge(c: Canvas) -> None:
    c.shadow(72)
    c.box(-36, 26, 36, 97, soft=0.6)
    c.box(-32, 30, 32, 92, soft=0.6)
    c.bar([(25, 40), (25, 64)], 5, "trim")
    c.box(-26, 36, -8, 42, "metal", soft=0.8)
    c.box(-30, 95, -20, 101, "dark", soft=0)
    c.box(20, 95, 30, 101, "dark", soft=0)
    c.shape([(-12, 26), (2, 26), (5, 8), (-15, 8)], "trim")
    c.oval(-17, -4, 7, 14, "glass")
    c.gleam(-31, 31, 10, 91)


SILHOUETTES: Mapping[str, Callable[[Canvas], None]] = {
    "refrigerator": _refrigerator,
    "dishwasher": _dishwasher,
    "washer": _washer,
    "ice maker": _ice_maker,
    "range hood": _range_hood,
    "wine cooler": _wine_cooler,
    "cooktop": _cooktop,
    "mini fridge": _mini_fridge,
}
"""By the noun of the kind."""
