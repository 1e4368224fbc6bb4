"""One line of text to one record: JSON, or a Python dictionary as the files of 2014 hold."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any, Literal

Record = dict[str, Any]
RecordKind = Literal["review", "product"]

LONGEST_LITERAL = 200_000
"""Characters of a line that Python's parser is asked to read; it needs a hundredfold of memory."""

DEEPEST_LITERAL = 20
"""Brackets inside brackets that it is asked to follow; products need five."""

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_OPENING, _CLOSING = "([{", ")]}"
_ARITHMETIC = re.compile(r"[+*/%@~^&|]|-[^0-9.]")


class UnreadableRecordError(ValueError):
    """A line that holds no record.

    Attributes
    ----------
    reason
        ``not_json`` or ``not_an_object``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_record(text: str) -> Record:
    """Read a JSON object, or else a Python dictionary of literals.

    Nothing is ever evaluated: the fall-back is ``ast.literal_eval``, and only for lines of at most
    ``LONGEST_LITERAL`` characters, without arithmetic and without deep nesting, on which Python's
    parser is quick and safe.

    Parameters
    ----------
    text
        A line.

    Returns
    -------
    dict[str, Any]
        Values as they come: NaN, huge numbers and lone surrogates among them.

    Raises
    ------
    UnreadableRecordError
        ``not_json``: neither of the two. ``not_an_object``: a list, a text, a number.
    """
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        record = _read_literal(text)
    if not isinstance(record, dict):
        raise UnreadableRecordError("not_an_object")
    return record


def kind_of(record: Record) -> RecordKind | None:
    """Whether a record is a review or a product; None where its keys tell neither.

    A review names who wrote it (``reviewerID``, in 2023 ``user_id``), a product only itself
    (``asin``, in 2023 ``parent_asin``).
    """
    if "reviewerID" in record or "user_id" in record:
        return "review"
    return "product" if "asin" in record or "parent_asin" in record else None


def storable(text: str) -> str:
    """The text without what no table can hold: lone surrogates and NUL become U+FFFD."""
    text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return text


def _read_literal(text: str) -> Any:
    if not text.lstrip().startswith("{") or not _is_harmless(text):
        raise UnreadableRecordError("not_json")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes such as "\d" in what strangers wrote
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise UnreadableRecordError("not_json") from None


def _is_harmless(text: str) -> bool:
    """Whether nothing stands outside of the quotes that makes Python's parser slow or deep."""
    if len(text) > LONGEST_LITERAL:
        return False
    bare = _QUOTED.sub("''", text)
    if _ARITHMETIC.search(bare):
        return False
    depth = 0
    for character in bare:
        if character in _OPENING:
            depth += 1
            if depth > DEEPEST_LITERAL:
                return False
        elif character in _CLOSING:
            depth -= 1
    return True
