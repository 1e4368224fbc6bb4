"""Silhouettes of electronics, in stage units (see ``Canvas``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .canvas import Canvas


def _headset(c: Canvas) -> None:
    c.shadow(62)
    c.arch(-31, 8, 31, 66, 9, "shade")
    c.arch(-31, 8, 31, 66, 4, "trim")
    for side in (-1, 1):
        c.box(side * 40, 48, side * 18, 96, "dark")
        c.box(side * 45, 50, side * 26, 94)
    c.gleam(-43, 54, -30, 90)


def _speaker(c: Canvas) -> None:
    c.shadow(52)
    c.box(-26, 4, 26, 100)
    c.oval(-18, 46, 18, 86, "deep")
    c.oval(-13, 51, 13, 81, "dark")
    c.oval(-6, 59, 6, 73, "trim")
    c.oval(-10, 16, 10, 39, "deep")
    c.oval(-5, 22, 5, 33, "trim")
    c.gleam(-24, 8, 0, 44)


def _cable(c: Canvas) -> None:
    c.shadow(76)
    for ring in range(4):
        grow = ring * 4
        c.arch(-34 + grow, 30 + grow, 34 - grow, 66, 3.4, "shade" if ring % 2 else "deep")
        c.bar([(-34 + grow, 66), (-34 + grow, 84), (34 - grow, 84), (34 - grow, 66)], 3.4, "shade")
    c.box(-46, 76, -16, 98)
    c.box(-54, 80, -46, 94, "metal", soft=0.4)
    c.box(16, 76, 46, 98)
    c.box(46, 80, 54, 94, "metal", soft=0.4)


def _router(c: Canvas) -> None:
    c.shadow(88)
    for x in (-34, 0, 34):
        c.bar([(x, 70), (x * 1.14, 18)], 6, "dark")
        c.bar([(x * 1.12, 26), (x * 1.14, 18)], 4, "trim")
    c.box(-46, 62, 46, 98)
    for step in range(5):
        c.oval(-30 + 12 * step, 76, -25 + 12 * step, 82, "glow" if step != 3 else "trim")
    c.gleam(-44, 64, -10, 96)


def _television(c: Canvas) -> None:
    c.shadow(60)
    c.box(-4, 82, 4, 96, "dark", soft=0)
    c.box(-24, 94, 24, 100, "shade")
    c.box(-56, 18, 56, 86, soft=0.35)
    c.box(-51, 24, 51, 79, "dark", soft=0.2)
    c.box(-51, 24, 51, 79, "glass", soft=0.2)
    c.shape([(-51, 79), (-20, 46), (2, 64), (24, 38), (51, 70), (51, 79)], "deep", soft=0.5)
    c.oval(18, 28, 34, 42, "glow")
    c.gleam(-50, 25, 10, 78)


def _camera(c: Canvas) -> None:
    c.shadow(82)
    c.box(-20, 22, 18, 44, "shade")
    c.box(26, 28, 38, 40, "trim")
    c.box(-45, 36, 45, 98)
    c.oval(-26, 42, 26, 94, "metal")
    c.oval(-22, 46, 22, 90, "dark")
    c.oval(-14, 54, 14, 82, "glass")
    c.oval(-8, 58, 0, 66, "glow")
    c.box(-40, 42, -30, 49, "glow", soft=0.6)
    c.gleam(-44, 38, -20, 96)


def _charger(c: Canvas) -> None:
    c.shadow(46)
    c.box(-23, 8, 23, 100)
    c.box(-17, 16, 17, 30, "deep")
    for step in range(4):
        c.oval(-13 + 7 * step, 20, -8 + 7 * step, 26, "glow" if step < 3 else "shade")
    c.shape([(4, 42), (-12, 70), (-1, 70), (-5, 92), (12, 62), (1, 62)], "trim", soft=0.2)
    c.gleam(-21, 10, 2, 98)


def _keyboard(c: Canvas) -> None:
    c.shadow(108)
    c.box(-56, 52, 56, 98, soft=0.5)
    for row in range(3):
        keys = 10 - row
        for column in range(keys):
            left = -50 + row * 3 + column * 10
            key = "trim" if (row, column) in ((0, 0), (2, 7)) else "pale"
            c.box(left, 57 + row * 9.4, left + 8, 64.5 + row * 9.4, key, soft=0.7)
    c.box(-26, 86, 26, 93, "pale", soft=0.7)
    c.gleam(-54, 53, -10, 97)


def _hard_drive(c: Canvas) -> None:
    c.shadow(66)
    c.box(-35, 14, 35, 100, soft=0.6)
    c.box(-28, 22, 28, 92, "shade", soft=0.6)
    c.oval(-21, 28, 21, 70, "metal")
    c.oval(-6, 43, 6, 55, "dark")
    c.bar([(20, 84), (2, 52)], 4, "trim")
    c.oval(-25, 80, -19, 86, "glow")
    c.gleam(-34, 15, 0, 99)


def _tablet(c: Canvas) -> None:
    c.shadow(60)
    c.box(-33, 2, 33, 100, soft=0.5)
    c.box(-28, 10, 28, 88, "glass", soft=0.2)
    for row in range(3):
        for column in range(3):
            fill = ("glow", "trim", "pale")[(row + column) % 3]
            left, top = -21 + 15 * column, 18 + 16 * row
            c.box(left, top, left + 10, top + 10, fill)
    c.oval(-4, 90, 4, 97, "metal")
    c.gleam(-27, 11, 14, 87)


SILHOUETTES: Mapping[str, Callable[[Canvas], None]] = {
    "headset": _headset,
    "speaker": _speaker,
    "cable": _cable,
    "router": _router,
    "television": _television,
    "camera": _camera,
    "charger": _charger,
    "keyboard": _keyboard,
    "hard drive": _hard_drive,
    "tablet": _tablet,
}
"""By the noun of the kind."""
