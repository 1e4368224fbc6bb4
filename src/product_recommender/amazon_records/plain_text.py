"""What a person would read of a text that carries HTML, entities, scripts and style sheets."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from .record_text import storable

_BREAK = re.compile(r"(?i)<(?:br|/p|/li|/div|/tr|/h[1-6])\s{0,20}/?>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>|<![a-zA-Z][^<>]{0,500}>")
_HIDDEN = re.compile(r"(?i)<(script|style)\b|<!--")
_CODE = re.compile(
    r"getTime\(\)|\bfunction\s?\([^)]{0,100}\)\s?\{|\bvar \w{1,60} ?= ?|"
    r"[.#][\w-]{1,80} ?\{ ?[\w-]{1,40} ?:"
)
"""Scripts and style sheets that lost their tags: they stand where a page's text was cut out."""

_SPACE = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?\n\s*")


def plain_text(value: Any) -> str | None:
    """Text without mark-up, its paragraphs on lines of their own.

    ``script`` and ``style`` elements go with their content, other tags leave it behind; entities
    are unescaped. What was escaped twice is undone twice.

    Parameters
    ----------
    value
        A text or a number; anything else is no text.

    Returns
    -------
    str | None
        None where nothing is left. Lines that are a script or a style sheet are left out, too.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = storable(str(value))
    if "<" in text or "&" in text:
        text = unescape(_without_tags(text))
        # `&lt;br&gt;` was a tag, too, for whoever escaped the page once more.
        text = storable(unescape(_without_tags(text)) if "<" in text or "&" in text else text)
    text = _SPACE.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = _LINE_ENDS.sub("\n", text).strip().split("\n")
    return "\n".join(line for line in lines if line and not _CODE.search(line)) or None


def one_line(value: Any) -> str | None:
    """As `plain_text`, in a single line."""
    text = plain_text(value)
    return text.replace("\n", " ") if text else None


def plain_parts(value: Any) -> list[str]:
    """The texts of a text or of a list of texts, each in a line, none of them twice."""
    values = value if isinstance(value, list | tuple) else [value]
    return list(dict.fromkeys(text for text in map(one_line, values) if text))


def joined_parts(value: Any) -> str | None:
    """The texts of a text or of a list of texts, joined by newlines; None where there is none."""
    values = value if isinstance(value, list | tuple) else [value]
    return "\n".join(dict.fromkeys(text for text in map(plain_text, values) if text)) or None


def _without_tags(text: str) -> str:
    text = _BREAK.sub("\n", _without_hidden_elements(text))
    return _TAG.sub(" ", text)


def _without_hidden_elements(text: str) -> str:
    """Cut comments, scripts and styles out; one that never ends takes the rest with it."""
    kept, position = [], 0
    while found := _HIDDEN.search(text, position):
        kept.append(text[position : found.start()])
        name = found.group(1)
        ending = re.compile(rf"(?i)</{name}\s{{0,20}}>" if name else "-->")
        end = ending.search(text, found.end())
        if end is None:
            return " ".join(kept)
        position = end.end()
    return " ".join([*kept, text[position:]])
