"""Colours as plain tuples: mixing, shading, and what the colour words of the titles look like."""

from __future__ import annotations

Colour = tuple[int, int, int]

BLACK: Colour = (18, 19, 24)
WHITE: Colour = (255, 253, 249)

COLOUR_WORDS: dict[str, Colour] = {
    "Black": (52, 53, 60),
    "White": (240, 238, 233),
    "Silver": (186, 191, 198),
    "Gray": (130, 134, 141),
    "Stainless Steel": (162, 170, 178),
    "Blue": (58, 102, 176),
    "Red": (190, 52, 52),
    "Pink": (233, 146, 172),
    "Purple": (129, 84, 163),
    "Espresso": (84, 54, 42),
    "Walnut": (134, 88, 56),
    "Natural": (210, 172, 121),
}
"""By the word that stands in titles."""


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour that lies ``share`` (0 to 1) of the way from the first to the second."""
    keep = 1.0 - share
    return (
        round(first[0] * keep + second[0] * share),
        round(first[1] * keep + second[1] * share),
        round(first[2] * keep + second[2] * share),
    )


def darker(colour: Colour, share: float) -> Colour:
    """Mixed with near black."""
    return mix(colour, BLACK, share)


def lighter(colour: Colour, share: float) -> Colour:
    """Mixed with warm white."""
    return mix(colour, WHITE, share)


def between(stops: tuple[Colour, ...], position: float) -> Colour:
    """A point of a colour scale; position -1 is its first stop, 1 its last."""
    place = (min(max(position, -1.0), 1.0) + 1.0) / 2.0 * (len(stops) - 1)
    lower = min(int(place), len(stops) - 2)
    return mix(stops[lower], stops[lower + 1], place - lower)


def luminance(colour: Colour) -> float:
    """Brightness as the eye weighs it, 0 to 255 (Rec. 601)."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
