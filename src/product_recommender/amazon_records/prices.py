"""A price out of what stands where prices should stand."""

from __future__ import annotations

import math
import re
from typing import Any

LONGEST_PRICE = 60
"""Characters. Longer texts are style sheets and pieces of pages."""

_ABSURD_AMOUNT = 1e15
_SIGN = r"(?:US\s?\$|[$€£¥₹]|USD|EUR|GBP)"
_NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]{1,15},[0-9]{2}|[0-9]{1,15}(?:\.[0-9]+)?)"
_AMOUNT = rf"{_SIGN}?\s?({_NUMBER})\s?{_SIGN}?"
_PRICE = re.compile(rf"(?:from\s)?\s*{_AMOUNT}(?:\s*(?:-|–|—|to)\s*{_AMOUNT})?", re.IGNORECASE)


def lowest_price(value: Any) -> float | None:
    """The price, of a range its lower end.

    Parameters
    ----------
    value
        A number, or a text such as ``$12.99``, ``1,299.00``, ``12,99 €``, ``from 12.99`` or
        ``$5.00 - $10.00``. A comma before two digits at the end is a decimal one.

    Returns
    -------
    float | None
        In the source's currency, at least 0; None where it is no price (``None``, ``—``, a style
        sheet, a negative or absurd number).
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        usable = 0 <= value < _ABSURD_AMOUNT and not math.isnan(value)
        return float(value) if usable else None
    if not isinstance(value, str) or len(value) > LONGEST_PRICE:
        return None
    match = _PRICE.fullmatch(value.strip())
    if match is None:
        return None
    amounts = [_amount(text) for text in match.groups() if text]
    lowest = min(amounts)
    return lowest if lowest < _ABSURD_AMOUNT else None


def _amount(text: str) -> float:
    if re.fullmatch(r"[0-9]+,[0-9]{2}", text):
        return float(text.replace(",", "."))
    return float(text.replace(",", ""))
