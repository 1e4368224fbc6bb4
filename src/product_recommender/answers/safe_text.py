"""Texts of strangers, made safe to print: they may hold anything that a terminal obeys."""

from __future__ import annotations

import unicodedata

_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Control and format characters (escape sequences, changes of direction, line ends), surrogates."""


def safe(text: object, longest: int = 300) -> str:
    """The text on one line, without anything that moves a cursor, and not endlessly long.

    Parameters
    ----------
    text
        Anything; its ``str``.
    longest
        Characters kept; more are cut off and an ellipsis says so.

    Returns
    -------
    str
        Control characters are replaced by spaces, runs of white space by one. Nothing is escaped
        for rich: put it into a ``rich.text.Text``, which knows no markup.
    """
    shown = str(text)
    visible = "".join(" " if unicodedata.category(c) in _INVISIBLE else c for c in shown)
    line = " ".join(visible.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
