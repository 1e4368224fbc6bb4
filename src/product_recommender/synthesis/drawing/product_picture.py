"""One product in its room, as a picture and as a file."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from PIL import Image

from . import electronics, furniture, major_appliances, personal_care
from .canvas import Canvas
from .colours import COLOUR_WORDS
from .look import Look
from .scenes import draw_room, light_of

PALETTE_SIZE = 64

SILHOUETTES: Mapping[str, Mapping[str, Callable[[Canvas], None]]] = {
    "Electronics": electronics.SILHOUETTES,
    "Furniture": furniture.SILHOUETTES,
    "Major Appliances": major_appliances.SILHOUETTES,
    "Personal_Care_Appliances": personal_care.SILHOUETTES,
}
"""By category and noun of the vocabulary."""


def draw_product(category: str, noun: str, colour: str, look: Look) -> Image.Image:
    """Draw one product.

    Parameters
    ----------
    category, noun
        As in the vocabulary.
    colour
        Colour word of the title.
    look
        Everything visible that does not follow from the three above.

    Returns
    -------
    PIL.Image.Image
        RGB, 128 x 128 pixels.

    Raises
    ------
    KeyError
        If the vocabulary has a category, kind or colour that nobody has drawn.
    """
    canvas = Canvas(look, COLOUR_WORDS[colour], light_of(look))
    draw_room(canvas, category)
    SILHOUETTES[category][noun](canvas)
    return canvas.finish()


def png_of(picture: Image.Image) -> bytes:
    """The picture as PNG with a palette of its own (at most 64 colours)."""
    small = picture.quantize(
        PALETTE_SIZE, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=False, compress_level=6)
    return buffer.getvalue()
