"""The rating blend: stars regressed on the models that predict stars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from product_recommender.interactions import NEW
from product_recommender.recommenders.simplex import SegmentWeights, learn_segment_weights

KEYS = ["split", "customer_id", "product_id"]


def join_predictions(
    predictions: Mapping[str, ibis.Table], customer_segments: ibis.Table
) -> pd.DataFrame:
    """One row a rating, one column a model.

    Parameters
    ----------
    predictions
        Model to its dataset ``<model>.predictions``.
    customer_segments
        The dataset of that name.

    Returns
    -------
    pandas.DataFrame
        ``split, customer_id, product_id, validation_part, star_rating, is_fallback, segment`` and a
        column ``prediction/<model>`` each; ``is_fallback`` where every model fell back. Sorted.

    Raises
    ------
    ValueError
        If the models did not predict the same ratings.
    """
    (first, table), *others = predictions.items()
    joined = table.rename({f"prediction/{first}": "prediction"})
    expected = int(table.count().execute())
    for name, other in others:
        renamed = other.select(
            *KEYS, **{f"prediction/{name}": other["prediction"], "other_is_fallback": "is_fallback"}
        )
        joined = joined.join(renamed, KEYS)
        joined = joined.mutate(is_fallback=joined["is_fallback"] & joined["other_is_fallback"])
        joined = joined.drop("other_is_fallback")
        found = (int(other.count().execute()), int(joined.count().execute()))
        if found != (expected, expected):
            raise ValueError(
                f"{first}.predictions has {expected} rows, {name}.predictions {found[0]}, of which "
                f"{found[1]} are the same ratings. They were made from different data: run "
                "kedro run --pipeline=modeling again."
            )
    segments = customer_segments.select("customer_id", "segment")
    joined = joined.left_join(segments, "customer_id")
    joined = joined.mutate(segment=joined["segment"].fill_null(NEW))
    columns = [c for c in joined.columns if c != "customer_id_right"]
    return joined.select(*columns).order_by(KEYS).to_pandas()


def learn_rating_weights(
    rows: pd.DataFrame,
    models: Sequence[str],
    segments: Sequence[str],
    min_pairs: int,
    shrinkage_pairs: float,
) -> SegmentWeights:
    """Weights of the star models from these ratings; equal ones where there is no rating."""
    models, segments = tuple(models), tuple(segments)
    if rows.empty:
        return SegmentWeights.equal(models, segments)
    return learn_segment_weights(
        model_columns(rows, models),
        rows["star_rating"].to_numpy(dtype=np.float64),
        pd.Index(segments).get_indexer(pd.Index(rows["segment"])),
        segments,
        models,
        min_pairs=min_pairs,
        shrinkage_pairs=shrinkage_pairs,
    )


def blend_rows(rows: pd.DataFrame, weights: SegmentWeights) -> np.ndarray:
    """Blended stars of these ratings: float64 ``[n]``."""
    if rows.empty:
        return np.empty(0)
    names, position = np.unique(rows["segment"].astype(object), return_inverse=True)
    per_row = weights.rows([str(name) for name in names])[position]
    blended: np.ndarray = (model_columns(rows, weights.models) * per_row).sum(axis=1)
    return blended


def cross_fitted(
    rows: pd.DataFrame,
    models: Sequence[str],
    segments: Sequence[str],
    folds: int,
    seed: int,
    **settings: Any,
) -> np.ndarray:
    """Blended stars, each with weights that were learnt on other customers: float64 ``[n]``."""
    _, customer = np.unique(rows["customer_id"].astype(object), return_inverse=True)
    fold_of = draw_folds(int(customer.max(initial=-1)) + 1, folds, seed)[customer]
    blended = np.empty(len(rows))
    for fold in range(folds):
        weights = learn_rating_weights(rows[fold_of != fold], models, segments, **settings)
        blended[fold_of == fold] = blend_rows(rows[fold_of == fold], weights)
    return blended


def draw_folds(n: int, folds: int, seed: int) -> np.ndarray:
    """Fold numbers of ``n`` customers, int64 ``[n]``; folds differ by one customer at most."""
    return np.random.default_rng(seed).permutation(np.arange(n) % folds)


def model_columns(rows: pd.DataFrame, models: Sequence[str]) -> np.ndarray:
    """Predictions of these models, float64 ``[n, m]``."""
    return rows[[f"prediction/{name}" for name in models]].to_numpy(dtype=np.float64)


def prediction_table(rows: pd.DataFrame, blended: np.ndarray) -> pd.DataFrame:
    """The rows of ``<model>.predictions`` with these stars."""
    kept = [
        "customer_id",
        "product_id",
        "split",
        "validation_part",
        "star_rating",
    ]
    table = rows[kept].copy()
    table["prediction"] = blended.astype(np.float32)
    table["is_fallback"] = rows["is_fallback"].astype(bool)
    return table
