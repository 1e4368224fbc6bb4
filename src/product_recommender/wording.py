"""Words of messages that depend on a number."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """A number with its noun: ``1 line``, ``2 lines``.

    Parameters
    ----------
    number
        How many.
    what
        The singular of a noun that takes an s.
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
