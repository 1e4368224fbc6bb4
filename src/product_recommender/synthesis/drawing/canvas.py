"""The stage on which products are drawn: scaled shapes in a few materials, smoothed at the end."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image, ImageDraw

from .colours import BLACK, WHITE, Colour, darker, lighter, luminance, mix
from .look import Look

PICTURE_SIZE = 128
"""Width and height of a finished picture in pixels."""

_SMOOTHING = 2
_SIDE = PICTURE_SIZE * _SMOOTHING
_GROUND = 108.0
_STAGE = 0.84
_DENSITIES = 24
_CURVE_STEPS = 6

Point = tuple[float, float]
Box = tuple[float, float, float, float]
_Outline = Callable[[ImageDraw.ImageDraw, float, float, dict[str, Any]], None]
"""Draws one shape, moved left and up by two numbers, with the keywords of ``ImageDraw``."""


class Canvas:
    """A picture in the making.

    Two systems of coordinates: the room is measured in pixels of the finished picture, x to the
    right and y down; the product in stage units, x from -50 to 50, y from 0 (top) to 100 (where it
    stands). Slenderness, zoom, shift and mirroring apply to the stage only.

    Parameters
    ----------
    look
        Visual attributes.
    colour
        Colour of the product, as its title names it.
    light
        Colour of the light, mixed into everything that belongs to the product.
    """

    def __init__(self, look: Look, colour: Colour, light: Colour) -> None:
        self.look = look
        self.image = Image.new("RGB", (_SIDE, _SIDE), light)
        self._draw = ImageDraw.Draw(self.image)
        lit = mix(colour, light, 0.16)
        lit = mix(lit, BLACK if look.lightness < 0 else WHITE, 0.16 * abs(look.lightness))
        trim = (206, 158, 84) if luminance(lit) < 140 else (116, 78, 50)
        self._flat: dict[str, Colour] = {
            "body": lit,
            "shade": darker(lit, 0.32),
            "deep": darker(lit, 0.55),
            "pale": lighter(lit, 0.42),
            "trim": mix(trim, light, 0.12),
            "dark": mix((42, 44, 52), light, 0.08),
            "metal": mix((188, 194, 201), light, 0.14),
            "glass": mix((78, 98, 118), light, 0.22),
            "glow": mix((255, 244, 214), light, 0.1),
        }
        self._edge = darker(lit, 0.5) if luminance(lit) > 70 else lighter(lit, 0.28)
        self._paint = self._make_paint(lit)

    # ---- the room, in pixels of the finished picture

    def room_box(self, box: Box, colour: Colour, r: float) -> None:
        """A rectangle of the room with corners of radius ``r``."""
        self._draw.rounded_rectangle(
            [round(v * _SMOOTHING) for v in box], round(r * _SMOOTHING), fill=colour
        )

    def room_line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """A line of the room."""
        scaled = [(x * _SMOOTHING, y * _SMOOTHING) for x, y in points]
        self._draw.line(scaled, fill=colour, width=max(1, round(width * _SMOOTHING)))

    def room_shape(self, points: Sequence[Point], colour: Colour) -> None:
        """A polygon of the room with slightly rounded corners."""
        scaled = [(x * _SMOOTHING, y * _SMOOTHING) for x, y in points]
        self._draw.polygon(_round_corners(scaled, 0.3), fill=colour)

    def room_glow(self, points: Sequence[Point], strength: float) -> None:
        """A patch of light; ``strength`` 0 (nothing) to 1 (white)."""
        scaled = [(x * _SMOOTHING, y * _SMOOTHING) for x, y in points]
        left, top = (round(min(values)) for values in zip(*scaled, strict=True))
        right, bottom = (round(max(values)) for values in zip(*scaled, strict=True))
        mask = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(mask).polygon(
            [(x - left, y - top) for x, y in scaled], fill=round(255 * strength)
        )
        self.image.paste(WHITE, (left, top), mask)

    def room_gradient(self, box: Box, top: Colour, bottom: Colour) -> None:
        """A rectangle that fades from one colour to another, downwards."""
        left, upper, right, lower = (round(v * _SMOOTHING) for v in box)
        self.image.paste(_fade(top, bottom, right - left, lower - upper), (left, upper))

    def room_pattern(self, height: float, colour: Colour) -> None:
        """The motif of the look all over the wall, as dense as its ornament says."""
        mask = _motif(self.look.motif, _density(self.look)).crop(
            (0, 0, _SIDE, round(height * _SMOOTHING))
        )
        self.image.paste(colour, (0, 0, *mask.size), mask)

    def shadow(self, width: float) -> None:
        """What the product throws on the floor; ``width`` in stage units."""
        reach = 0.3 + 0.2 * self.look.share("lightness")
        for step in range(4):
            grown = width * (1.12 - 0.09 * step)
            left, top = self._place(-grown / 2, 99.0 - 3.2 + 0.5 * step)
            right, bottom = self._place(grown / 2, 99.0 + 5.0 - 0.7 * step)
            left, right = min(left, right), max(left, right)
            mask = Image.new("L", (max(1, int(right - left)), max(1, int(bottom - top))))
            ImageDraw.Draw(mask).ellipse(
                (0, 0, mask.width - 1, mask.height - 1), fill=round(70 * reach)
            )
            self.image.paste(BLACK, (int(left), int(top)), mask)

    # ---- the product, in stage units

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        fill: str = "body",
        *,
        soft: float = 1.0,
    ) -> None:
        """A rectangle whose corners are as round as the look.

        Parameters
        ----------
        left, top, right, bottom
            Stage units.
        fill
            ``body`` (painted, with pattern) or a flat material: ``shade``, ``deep``, ``pale``,
            ``trim``, ``dark``, ``metal``, ``glass``, ``glow``.
        soft
            How much of the look's roundness these corners take; 0 keeps them sharp.
        """
        x0, y0 = self._place(left, top)
        x1, y1 = self._place(right, bottom)
        x0, x1 = min(x0, x1), max(x0, x1)
        radius = min(x1 - x0, y1 - y0) / 2 * self._softness() * soft
        self._lay(
            (x0, y0, x1, y1),
            fill,
            lambda draw, ox, oy, kind: draw.rounded_rectangle(
                (x0 - ox, y0 - oy, x1 - ox, y1 - oy), radius, **kind
            ),
        )

    def oval(
        self, left: float, top: float, right: float, bottom: float, fill: str = "body"
    ) -> None:
        """An ellipse that fills a rectangle of the stage, whatever the look."""
        x0, y0 = self._place(left, top)
        x1, y1 = self._place(right, bottom)
        x0, x1 = min(x0, x1), max(x0, x1)
        self._lay(
            (x0, y0, x1, y1),
            fill,
            lambda draw, ox, oy, kind: draw.ellipse((x0 - ox, y0 - oy, x1 - ox, y1 - oy), **kind),
        )

    def shape(self, corners: Sequence[Point], fill: str = "body", *, soft: float = 1.0) -> None:
        """A polygon whose corners are as round as the look."""
        placed = _round_corners(
            [self._place(x, y) for x, y in corners], 0.5 * self._softness() * soft
        )
        xs, ys = [x for x, _ in placed], [y for _, y in placed]
        self._lay(
            (min(xs), min(ys), max(xs), max(ys)),
            fill,
            lambda draw, ox, oy, kind: draw.polygon([(x - ox, y - oy) for x, y in placed], **kind),
        )

    def bar(self, points: Sequence[Point], width: float, fill: str = "trim") -> None:
        """A line with round ends; ``width`` in stage units."""
        placed = [self._place(x, y) for x, y in points]
        thick = max(2.0, width * _STAGE * _SMOOTHING * self.look.zoom)
        colour = self._flat[fill]
        self._draw.line(placed, fill=colour, width=round(thick), joint="curve")
        for x, y in (placed[0], placed[-1]):
            r = thick / 2
            self._draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def arch(
        self, left: float, top: float, right: float, bottom: float, width: float, fill: str
    ) -> None:
        """The upper half of an ellipse as a band; angular where the look is."""
        flat = 1.0 - self._softness()
        middle, half, height = (left + right) / 2, (right - left) / 2, bottom - top
        points = []
        for step in range(25):
            angle = math.pi * step / 24
            x, y = -math.cos(angle), math.sin(angle)
            # Between the circle and the square around it (a superellipse).
            grow = max(abs(x), abs(y)) ** (-0.6 * flat)
            points.append((middle + half * x * grow, bottom - height * y * grow))
        self.bar(points, width, fill)

    # ---- finishing

    def gleam(self, left: float, top: float, right: float, bottom: float) -> None:
        """A slanting reflection on a part of the product, as strong as the look is glossy."""
        strength = max(0.0, self.look.gloss + 0.35)
        if strength == 0.0:
            return
        x0, y0 = self._place(left, top)
        x1, y1 = self._place(right, bottom)
        x0, x1 = min(x0, x1), max(x0, x1)
        width, height = max(2, int(x1 - x0)), max(2, int(y1 - y0))
        mask = Image.new("L", (width, height))
        ImageDraw.Draw(mask).polygon(
            [(width * 0.25, 0), (width * 0.55, 0), (width * 0.3, height), (0, height)],
            fill=round(95 * strength),
        )
        self.image.paste(WHITE, (int(x0), int(y0)), mask)

    def finish(self) -> Image.Image:
        """The picture at its final size, in full colour."""
        return self.image.reduce(_SMOOTHING)

    # ---- inside

    def _softness(self) -> float:
        return 0.02 + 0.96 * self.look.share("roundness")

    def _place(self, x: float, y: float) -> Point:
        look = self.look
        wide = _STAGE * look.zoom * (1.0 - 0.2 * look.slenderness)
        tall = _STAGE * look.zoom * (1.0 + 0.12 * look.slenderness - 0.06)
        side = -1.0 if look.mirrored else 1.0
        centre = PICTURE_SIZE / 2 + look.shift
        return (
            (centre + side * x * wide) * _SMOOTHING,
            (_GROUND + (y - 100.0) * tall) * _SMOOTHING,
        )

    def _lay(self, bounds: Box, fill: str, outline: _Outline) -> None:
        """Fill a shape: flat, or with the painted surface through a mask of its bounding box."""
        if fill != "body":
            outline(self._draw, 0, 0, {"fill": self._flat[fill]})
            return
        x0, y0 = max(0, math.floor(bounds[0])), max(0, math.floor(bounds[1]))
        x1, y1 = min(_SIDE, math.ceil(bounds[2]) + 1), min(_SIDE, math.ceil(bounds[3]) + 1)
        if x1 <= x0 or y1 <= y0:
            return
        mask = Image.new("L", (x1 - x0, y1 - y0))
        outline(ImageDraw.Draw(mask), x0, y0, {"fill": 255})
        self.image.paste(self._paint.crop((x0, y0, x1, y1)), (x0, y0), mask)
        outline(self._draw, 0, 0, {"outline": self._edge, "width": 2})

    def _make_paint(self, colour: Colour) -> Image.Image:
        """The body's surface: lit from above, with its motif."""
        top = lighter(colour, 0.16 + 0.1 * self.look.gloss)
        paint = _fade(top, darker(colour, 0.18 + 0.12 * self.look.gloss), _SIDE, _SIDE)
        if (density := _density(self.look)) > 0:
            ink = darker(colour, 0.5) if luminance(colour) > 110 else lighter(colour, 0.5)
            ink = mix(colour, ink, 0.35 + 0.65 * self.look.share("ornament"))
            paint.paste(ink, (0, 0, _SIDE, _SIDE), _motif(self.look.motif, density))
        return paint


def _density(look: Look) -> int:
    """How dense the motif is, 0 (none) to ``_DENSITIES``."""
    return round(_DENSITIES * max(0.0, look.share("ornament")))


@functools.lru_cache(maxsize=16)
def _ramp(height: int) -> Image.Image:
    return Image.linear_gradient("L").resize((1, height))


def _fade(top: Colour, bottom: Colour, width: int, height: int) -> Image.Image:
    """A rectangle that fades downwards: one column, drawn out, is six times as fast as a mask."""
    column = Image.new("RGB", (1, height))
    column.paste(top, (0, 0, 1, height))
    column.paste(bottom, (0, 0, 1, height), _ramp(height))
    return column.resize((width, height), Image.Resampling.NEAREST)


@functools.lru_cache(maxsize=3 * (_DENSITIES + 1))
def _motif(motif: int, density: int) -> Image.Image:
    """Dots, a lattice or chevrons; density moves both their number and their size."""
    mask = Image.new("L", (_SIDE, _SIDE))
    if density == 0:
        return mask
    draw = ImageDraw.Draw(mask)
    share = density / _DENSITIES
    step = _SMOOTHING * (25.0 - 16.0 * share)
    thick = _SMOOTHING * (0.6 + 1.6 * share)
    count = int(_SIDE / step) + 2
    for row in range(count):
        for column in range(count):
            x, y = (column + 0.5 * (row % 2)) * step, row * step
            if motif == 0:
                r = thick * 1.25
                draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
            elif motif == 1:
                r = thick * 1.5
                draw.polygon([(x, y - r), (x + r, y), (x, y + r), (x - r, y)], fill=255)
            else:
                points = [(x - step / 2, y + step / 3), (x, y), (x + step / 2, y + step / 3)]
                draw.line(points, fill=255, width=max(1, round(thick * 0.9)), joint="curve")
    return mask


def _round_corners(points: list[Point], share: float) -> list[Point]:
    """Replace each corner by a curve that begins ``share`` of the way along its two sides."""
    if share < 0.02:
        return points
    rounded: list[Point] = []
    for number, (x, y) in enumerate(points):
        (px, py), (nx, ny) = points[number - 1], points[(number + 1) % len(points)]
        ax, ay = x + (px - x) * share, y + (py - y) * share
        bx, by = x + (nx - x) * share, y + (ny - y) * share
        for step in range(_CURVE_STEPS + 1):
            t = step / _CURVE_STEPS
            rounded.append(
                (
                    (1 - t) ** 2 * ax + 2 * t * (1 - t) * x + t**2 * bx,
                    (1 - t) ** 2 * ay + 2 * t * (1 - t) * y + t**2 * by,
                )
            )
    return rounded
