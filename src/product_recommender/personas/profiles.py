"""What each segment looks like, as one row per segment."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

NEW_CLUSTER = -1
"""The cluster of the customers of the segment ``NEW``."""


def profile_segments(
    segments: pd.DataFrame,
    features: pd.DataFrame,
    attributes: pd.DataFrame,
    described: Sequence[str],
) -> pd.DataFrame:
    """Count each segment and average its features in their own units.

    Parameters
    ----------
    segments
        ``customer_id``, ``cluster``, ``segment``: every customer.
    features
        ``customer_id`` and features; customers with a training review.
    attributes
        ``customer_id`` and, where known, ``is_prime``; may be empty.
    described
        Features that are averaged; those that are not there are left out.

    Returns
    -------
    pandas.DataFrame
        ``cluster``, ``segment``, ``customers``, ``share`` (of all customers), ``<feature>_mean``,
        ``<feature>_median`` (of customers with a value; null for ``New``), and with attributes
        ``customers_with_attributes`` and ``prime_share``. Ordered by cluster, ``New`` last.
    """
    columns = [name for name in described if name in features.columns]
    joined = segments[["customer_id", "cluster", "segment"]].merge(
        features[["customer_id", *columns]], on="customer_id", how="left", validate="one_to_one"
    )
    groups = joined.groupby(["cluster", "segment"])
    table = groups.size().rename("customers").reset_index()
    table["share"] = table["customers"] / max(len(joined), 1)
    for name in columns:
        numbers = joined[name].astype("float64").groupby([joined["cluster"], joined["segment"]])
        table[f"{name}_mean"] = numbers.mean().to_numpy()
        table[f"{name}_median"] = numbers.median().to_numpy()
    if len(attributes) and "is_prime" in attributes:
        known = joined[["customer_id", "cluster"]].merge(
            attributes[["customer_id", "is_prime"]], on="customer_id", validate="one_to_one"
        )
        prime = known["is_prime"].astype("float64").groupby(known["cluster"])
        table["customers_with_attributes"] = (
            table["cluster"].map(prime.size()).fillna(0).astype("int64")
        )
        table["prime_share"] = table["cluster"].map(prime.mean())
    last = table["cluster"] == NEW_CLUSTER
    return (
        table.assign(last=last)
        .sort_values(["last", "cluster"], ignore_index=True)
        .drop(columns="last")
    )
