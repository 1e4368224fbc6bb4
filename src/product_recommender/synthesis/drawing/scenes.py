"""The room of each category: wall, panel behind the product, and what it stands on."""

from __future__ import annotations

from .canvas import PICTURE_SIZE, Canvas
from .colours import BLACK, Colour, between, darker, lighter, mix
from .look import Look

_COOL_TO_WARM: tuple[Colour, ...] = (
    (62, 128, 166),
    (140, 176, 190),
    (206, 200, 190),
    (224, 164, 118),
    (206, 98, 62),
)
_FLOOR = 96.0


def light_of(look: Look) -> Colour:
    """Colour of the wall, and with it of the light: warmth sets the hue, lightness how bright."""
    hue = between(_COOL_TO_WARM, look.warmth)
    if look.lightness < 0:
        return mix(hue, BLACK, -0.66 * look.lightness)
    return lighter(hue, 0.5 * look.lightness)


def draw_room(canvas: Canvas, category: str) -> None:
    """Wall, wallpaper, panel and floor.

    Parameters
    ----------
    canvas
        A fresh canvas.
    category
        One of the vocabulary's categories.

    Raises
    ------
    KeyError
        If no room was designed for the category.
    """
    wall = light_of(canvas.look)
    canvas.room_gradient((0, 0, PICTURE_SIZE, _FLOOR), lighter(wall, 0.1), darker(wall, 0.08))
    ink = darker(wall, 0.34) if canvas.look.lightness > -0.3 else lighter(wall, 0.22)
    strength = 0.25 + 0.75 * canvas.look.share("ornament")
    canvas.room_pattern(_FLOOR, mix(wall, ink, strength))
    _FLOORS[category](canvas, wall)
    _draw_panel(canvas, wall)
    _draw_window_light(canvas)
    _draw_plant(canvas, wall)


def _draw_panel(canvas: Canvas, wall: Colour) -> None:
    """A panel on the wall, from a square to a disc."""
    half, middle = 40.0, PICTURE_SIZE / 2
    colour = lighter(wall, 0.42) if canvas.look.lightness > -0.45 else lighter(wall, 0.2)
    canvas.room_box(
        (middle - half, 52 - half, middle + half, 52 + half),
        colour,
        half * canvas.look.share("roundness"),
    )


def _draw_window_light(canvas: Canvas) -> None:
    """The sun through a window of four panes; none in a dark room."""
    strength = canvas.look.share("lightness")
    for row in range(2):
        for column in range(2):
            left, top = 70 + 24 * column - 9 * row, 8 + 32 * row
            canvas.room_glow(
                [(left, top), (left + 21, top), (left + 13, top + 28), (left - 8, top + 28)],
                strength**1.5 * 0.75,
            )


def _draw_plant(canvas: Canvas, wall: Colour) -> None:
    """A potted plant in the corner that grows with the warmth."""
    size = 58.0 * canvas.look.share("warmth")
    if size < 4.0:
        return
    x, base = 17.0, _FLOOR + 5
    green = mix((74, 122, 74), wall, 0.22)
    pot = size * 0.2
    for number, (lean, height) in enumerate(
        ((-0.22, 0.78), (0.24, 0.84), (0.0, 1.0), (-0.34, 0.5), (0.36, 0.54))
    ):
        tip = (x + lean * size, base - pot - height * size * 0.9)
        foot = (x, base - pot)
        side = (foot[1] - tip[1]) * 0.17
        middle = ((tip[0] + foot[0]) / 2 + lean * 4, (tip[1] + foot[1]) / 2)
        canvas.room_shape(
            [tip, (middle[0] + side, middle[1]), foot, (middle[0] - side, middle[1])],
            lighter(green, 0.16) if number % 2 else green,
        )
    clay = mix((176, 98, 66), wall, 0.15)
    canvas.room_shape(
        [
            (x - pot * 0.75, base - pot * 1.5),
            (x + pot * 0.75, base - pot * 1.5),
            (x + pot * 0.5, base),
            (x - pot * 0.5, base),
        ],
        clay,
    )


def _desk(canvas: Canvas, wall: Colour) -> None:
    top = mix(darker(wall, 0.42), (92, 84, 84), 0.4)
    canvas.room_gradient((0, _FLOOR, PICTURE_SIZE, PICTURE_SIZE), lighter(top, 0.16), top)
    canvas.room_line([(0, _FLOOR), (PICTURE_SIZE, _FLOOR)], lighter(top, 0.35), 1.0)


def _planks(canvas: Canvas, wall: Colour) -> None:
    wood = mix((150, 104, 68), wall, 0.4)
    canvas.room_gradient((0, _FLOOR, PICTURE_SIZE, PICTURE_SIZE), wood, darker(wood, 0.2))
    for x in range(-40, 170, 20):
        seam = [((x + 64) / 2, _FLOOR), (x * 1.3 - 19, PICTURE_SIZE)]
        canvas.room_line(seam, darker(wood, 0.3), 0.5)
    skirting = lighter(wall, 0.55)
    canvas.room_box((0, _FLOOR - 4, PICTURE_SIZE, _FLOOR), skirting, 0)


def _tiles(canvas: Canvas, wall: Colour) -> None:
    joint = mix(wall, darker(wall, 0.4), 0.45)
    for y in (24, 48, 72):
        canvas.room_line([(0, y), (PICTURE_SIZE, y)], joint, 0.5)
    for x in (16, 48, 80, 112):
        canvas.room_line([(x, 0), (x, _FLOOR)], joint, 0.5)
    light, dark = mix((205, 205, 205), wall, 0.4), mix((120, 124, 130), wall, 0.4)
    canvas.room_box((0, _FLOOR, PICTURE_SIZE, PICTURE_SIZE), light, 0)
    for row in range(3):
        height = 8 + 3 * row
        top = _FLOOR + (0, 8, 19)[row]
        for column in range(-1, 9):
            if (row + column) % 2:
                left = 64 + (column - 4) * (18 + 2 * row)
                canvas.room_box((left, top, left + 18 + 2 * row, top + height), dark, 0)


def _shelf(canvas: Canvas, wall: Colour) -> None:
    stone = mix((236, 232, 228), wall, 0.3)
    canvas.room_gradient((0, _FLOOR, PICTURE_SIZE, PICTURE_SIZE), stone, darker(stone, 0.14))
    vein = darker(stone, 0.16)
    canvas.room_line([(0, 112), (34, 106), (60, 118), (128, 109)], vein, 0.5)
    canvas.room_line([(20, 128), (52, 115), (128, 122)], vein, 0.5)
    canvas.room_line([(0, _FLOOR), (PICTURE_SIZE, _FLOOR)], lighter(stone, 0.5), 1.4)


_FLOORS = {
    "Electronics": _desk,
    "Furniture": _planks,
    "Major Appliances": _tiles,
    "Personal_Care_Appliances": _shelf,
}
"""By the category names of the vocabulary."""
