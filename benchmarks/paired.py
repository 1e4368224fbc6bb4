"""Means and differences over customers, with intervals, for tables of rankers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from product_recommender.metrics.bootstrap import (
    bootstrap_interval,
    holm,
    paired_differences,
    verdict_word,
)

N_RESAMPLES = 10_000
"""The smallest possible p-value is 2 in so many; families here have up to thirty members."""


def figure(values: np.ndarray) -> dict[str, Any]:
    """Mean over customers with its 95 % interval.

    Parameters
    ----------
    values
        float ``[n]``, one a customer.
    """
    low, high = bootstrap_interval(values)
    return {"value": float(values.mean()), "low": low, "high": high, "customers": len(values)}


def compare(
    wide: pd.DataFrame, pairs: Sequence[tuple[str, str]], n_resamples: int = N_RESAMPLES
) -> list[dict[str, Any]]:
    """Compare pairs of columns customer by customer; Holm's correction is over all these pairs.

    Parameters
    ----------
    wide
        One row a customer, one column a ranker.
    pairs
        First and second: a difference above zero speaks for the first. Pairs that name a column
        that is not there are left out.
    n_resamples
        Draws of customers.

    Returns
    -------
    list of dict
        ``first, second, difference, low, high, p_holm, verdict, customers``.

    Raises
    ------
    ValueError
        If the two of a pair were not asked about the same customers.
    """
    present = [(a, b) for a, b in pairs if a in wide and b in wide]
    found = []
    for first, second in present:
        both = wide[[first, second]]
        if both.isna().to_numpy().any():
            raise ValueError(f"{first} and {second} were not asked about the same customers")
        a, b = both[first].to_numpy(dtype=float), both[second].to_numpy(dtype=float)
        found.append(paired_differences(a, b, n_resamples))
    if not found:
        return []
    adjusted = holm(np.array([difference.p_value for difference in found]))
    return [
        {
            "first": first,
            "second": second,
            "difference": of.difference,
            "low": of.low,
            "high": of.high,
            "p_holm": float(p),
            "verdict": verdict_word(of.difference, of.low, of.high, p),
            "customers": len(wide),
        }
        for (first, second), of, p in zip(present, found, adjusted, strict=True)
    ]
