"""The dashboard's colours: autumn (maple, marigold, plum) and spring (leaf, bluebell, blossom).

Defined here and nowhere else: the page reads them as CSS variables. Tests hold that text reaches
WCAG AA (4.5 : 1) on what it stands on, that marks reach 3 : 1 on their card, and that the
categorical colours stay apart for readers with protanopia and deuteranopia, in both themes. The
categorical order alternates warm and cool, so that neighbours differ most.
"""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "paper": "#FAF5EA",
    "card": "#FFFDF9",
    "raised": "#F3EADA",
    "line": "#E5DAC8",
    "edge": "#8C7C6B",
    "ink": "#33291F",
    "soft": "#67574A",
    "accent": "#8F2D1B",
    "on-accent": "#FFFFFF",
    "spring": "#27664B",
    "spring-tint": "#E3EEDD",
    "autumn-tint": "#F9E6D3",
    "good": "#27664B",
    "bad": "#9C2B1B",
}
"""Surfaces, text and accents on a light screen; ``edge`` outlines controls (3 : 1)."""

DARK: Mapping[str, str] = {
    "paper": "#1B1713",
    "card": "#28211C",
    "raised": "#352C25",
    "line": "#453A31",
    "edge": "#93836F",
    "ink": "#F4ECE0",
    "soft": "#C6B6A4",
    "accent": "#F3A184",
    "on-accent": "#2A140C",
    "spring": "#93D3AE",
    "spring-tint": "#26382D",
    "autumn-tint": "#43301F",
    "good": "#93D3AE",
    "bad": "#F7A08B",
}
"""The same names on a dark screen."""

CATEGORICAL: Mapping[str, tuple[str, ...]] = {
    "light": ("#8F2D1B", "#1E9C94", "#C98310", "#5F3168", "#637DC8", "#DF685C"),
    "dark": ("#E5573D", "#57C78A", "#F0CC5C", "#A5709A", "#7684EC", "#F5CBDA"),
}
"""Maple, leaf, marigold, plum, bluebell, blossom: for unordered groups, in order of use."""

SEQUENTIAL: Mapping[str, tuple[str, ...]] = {
    "light": ("#FBF3E1", "#F0CE93", "#DF9448", "#B4532A", "#6A2117"),
    "dark": ("#2F2721", "#5E3A22", "#A35A24", "#E09A3E", "#FBE3A6"),
}
"""From little to much, for heat maps."""


def css_variables() -> str:
    """Write the palette as CSS: light, dark by the system's wish, and both by choice.

    Returns
    -------
    str
        Rules that set ``--<name>``, ``--series-1`` ... and ``--heat-1`` ... on the root element.
        ``data-theme="light"`` or ``"dark"`` on it overrides the system.
    """
    light, dark = _declarations("light", LIGHT), _declarations("dark", DARK)
    return (
        f":root{{color-scheme:light;{light}}}\n"
        f"@media (prefers-color-scheme: dark){{:root:not([data-theme=light])"
        f"{{color-scheme:dark;{dark}}}}}\n"
        f":root[data-theme=dark]{{color-scheme:dark;{dark}}}\n"
    )


def _declarations(theme: str, surfaces: Mapping[str, str]) -> str:
    named = dict(surfaces)
    named |= {f"series-{i}": colour for i, colour in enumerate(CATEGORICAL[theme], start=1)}
    named |= {f"heat-{i}": colour for i, colour in enumerate(SEQUENTIAL[theme], start=1)}
    return ";".join(f"--{name}:{colour}" for name, colour in named.items())
