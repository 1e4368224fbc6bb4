"""Rating errors per slice: sums per customer first, so that customers can be resampled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import ibis
import numpy as np

from product_recommender.customer_slices import customer_masks
from product_recommender.pipelines.evaluation.parameters import EvaluationParameters
from product_recommender.pipelines.evaluation.ranking import metric_row
from product_recommender.pipelines.evaluation.resampling import resampled_sums


@dataclass(frozen=True)
class Ratings:
    """Predicted and given stars of one model in one part.

    Attributes
    ----------
    users, items
        int32 ``[p]``, sorted by user, then item.
    stars, predictions
        float64 ``[p]``.
    """

    users: np.ndarray
    items: np.ndarray
    stars: np.ndarray
    predictions: np.ndarray


def read_ratings(
    predictions: ibis.Table, customer_ids: ibis.Table, product_ids: ibis.Table, split: str
) -> Ratings:
    """Read a model's predictions of one part; of validation only the `blend` customers."""
    rows = predictions.filter(predictions["split"] == split)
    if split == "validation":
        rows = rows.filter(rows["validation_part"] == "blend")
    table = (
        rows.join(customer_ids.select("customer_id", "user"), "customer_id")
        .join(product_ids.select("product_id", "item"), "product_id")
        .select("user", "item", "star_rating", "prediction")
        .order_by("user", "item")
        .to_pyarrow()
    )
    return Ratings(
        users=table["user"].to_numpy(),
        items=table["item"].to_numpy(),
        stars=table["star_rating"].to_numpy().astype(np.float64),
        predictions=table["prediction"].to_numpy().astype(np.float64),
    )


def rating_rows(
    split: str,
    ratings: Mapping[str, Ratings],
    history: np.ndarray,
    segments: np.ndarray,
    categories: np.ndarray,
    category_names: tuple[str, ...],
    parameters: EvaluationParameters,
) -> Iterator[dict[str, object]]:
    """Rows of the dataset `metrics`: RMSE, MSE and MAE of every model that predicts stars.

    Parameters
    ----------
    split
        For the rows.
    ratings
        Model to its predictions, all of the same pairs.
    history, segments
        ``[n_users_listed]`` by user code: purchases before the cut, and segment names.
    categories, category_names
        By item code, and the names of the codes.
    parameters
        Settings of the intervals.
    """
    require_same_pairs(ratings)
    first = next(iter(ratings.values()))
    if len(first.users) == 0:
        return
    masks = customer_masks(history[first.users], segments[first.users])
    masks |= {
        f"category={name}": categories[first.items] == code
        for code, name in enumerate(category_names)
    }
    for name, mask in masks.items():
        if mask.any():
            yield from _error_rows(split, name, ratings, mask, parameters)


def require_same_pairs(ratings: Mapping[str, Ratings]) -> None:
    """Raise where two models predicted different ratings: their errors cannot be compared."""
    (first_name, first), *others = ratings.items()
    for name, other in others:
        if not (
            np.array_equal(first.users, other.users) and np.array_equal(first.items, other.items)
        ):
            raise ValueError(
                f"{name}.predictions and {first_name}.predictions hold different ratings "
                f"({len(other.users)} and {len(first.users)}). Run kedro run --pipeline=modeling "
                "and --pipeline=ensemble again."
            )


def _error_rows(
    split: str,
    slice_name: str,
    ratings: Mapping[str, Ratings],
    mask: np.ndarray,
    parameters: EvaluationParameters,
) -> Iterator[dict[str, object]]:
    counts, squared, absolute = customer_errors(ratings, mask)
    models = list(ratings)
    table = np.column_stack([counts, *(squared[m] for m in models), *(absolute[m] for m in models)])
    draws = resampled_sums(table, parameters.n_resamples, parameters.seed)
    total = table.sum(axis=0)
    tail = (1 - parameters.level) / 2
    for position, model in enumerate(models):
        of_squares, of_absolutes = 1 + position, 1 + len(models) + position
        for metric, column, power in (
            ("rmse", of_squares, 0.5),
            ("mse", of_squares, 1.0),
            ("mae", of_absolutes, 1.0),
        ):
            drawn = (draws[:, column] / draws[:, 0]) ** power
            low, high = np.quantile(drawn, [tail, 1 - tail])
            value = (total[column] / total[0]) ** power
            yield metric_row(model, split, slice_name, metric, value, len(counts), (low, high))


def customer_errors(
    ratings: Mapping[str, Ratings], mask: np.ndarray | None = None
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Number of ratings, sums of squared and of absolute errors, each by customer.

    Parameters
    ----------
    ratings
        Model to its predictions, all of the same pairs.
    mask
        bool ``[p]``: which pairs count; None: all.

    Returns
    -------
    counts : numpy.ndarray
        float64 ``[n]``, one entry a customer with such a pair.
    squared, absolute : dict of str to numpy.ndarray
        Model to float64 ``[n]``.
    """
    first = next(iter(ratings.values()))
    kept = np.ones(len(first.users), dtype=bool) if mask is None else mask
    _, customer = np.unique(first.users[kept], return_inverse=True)
    errors = {name: (r.predictions - r.stars)[kept] for name, r in ratings.items()}
    return (
        np.bincount(customer).astype(np.float64),
        {name: np.bincount(customer, weights=error**2) for name, error in errors.items()},
        {name: np.bincount(customer, weights=np.abs(error)) for name, error in errors.items()},
    )
