"""How a product looks in its picture, apart from what it is."""

from __future__ import annotations

from dataclasses import dataclass

LOOKS = ("roundness", "ornament", "warmth", "lightness", "slenderness", "gloss")
"""The visual attributes in the order in which style dimensions are given to them: first those that
both people and networks trained on photographs see most clearly.
"""


@dataclass(frozen=True)
class Look:
    """Six visual attributes, each between -1 and 1, and the accidents of one photograph.

    Attributes
    ----------
    warmth
        Light and backdrop: -1 a cool teal and a bare corner, 1 a warm terracotta and a big plant.
    ornament
        -1 plain surfaces and a bare wall, 1 dense patterns on both.
    roundness
        -1 sharp corners before a square panel, 1 soft forms before a disc.
    lightness
        -1 a dark, dramatic room, 1 a bright one with the sun through a window.
    slenderness
        -1 low and wide, 1 tall and slim.
    gloss
        -1 matt and evenly lit, 1 polished, with deep shading and a reflection.
    shift
        How far the product stands beside the centre, in hundredths of its width.
    zoom
        Size of the product, 1 as planned.
    motif
        Which of the three patterns is used, 0 to 2.
    mirrored
        Whether the product is seen the other way round.
    """

    warmth: float
    ornament: float
    roundness: float
    lightness: float
    slenderness: float
    gloss: float
    shift: float = 0.0
    zoom: float = 1.0
    motif: int = 0
    mirrored: bool = False

    def share(self, name: str) -> float:
        """An attribute on a scale from 0 to 1."""
        return (float(getattr(self, name)) + 1.0) / 2.0
