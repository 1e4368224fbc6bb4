"""The same answers for programs: one JSON object, texts as they are in the data."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
from typing import Any

import numpy as np
import pandas as pd

from product_recommender.answers.customer import CustomerAnswer
from product_recommender.answers.product import ProductAnswer


def as_json(answer: CustomerAnswer | ProductAnswer) -> str:
    """An answer as JSON.

    Parameters
    ----------
    answer
        For a customer or a product.

    Returns
    -------
    str
        An object with the attributes of the answer; only ASCII, so that no text in it moves a
        cursor. Dates are ISO 8601, unknown numbers null.
    """
    return json.dumps(_plain(answer), indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, pd.DataFrame):
        return [_plain(row) for row in value.to_dict("records")]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"An answer holds a {type(value).__name__}, which JSON has no place for.")
