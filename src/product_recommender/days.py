"""Days as tables and models count them, from 1970-01-01, and the dates they stand for."""

from __future__ import annotations

import datetime

EPOCH = datetime.date(1970, 1, 1)
"""Day 0."""


def date_of(day: int) -> datetime.date:
    """The date of a day.

    Parameters
    ----------
    day
        Any integer, numpy's too: days since ``EPOCH``.
    """
    return EPOCH + datetime.timedelta(days=int(day))
