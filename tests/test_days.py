"""Days counted from 1970-01-01."""

from __future__ import annotations

import datetime

import numpy as np

from product_recommender.days import date_of


def test_days_are_counted_from_1970() -> None:
    assert date_of(0) == datetime.date(1970, 1, 1)
    assert date_of(np.int32(16_678)) == datetime.date(2015, 8, 31)
    assert date_of(-1) == datetime.date(1969, 12, 31)
