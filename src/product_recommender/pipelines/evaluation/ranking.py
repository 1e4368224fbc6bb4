"""Ranking metrics per customer, and their means per slice with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse

from product_recommender.customer_slices import customer_masks
from product_recommender.evaluation_cuts import Cut
from product_recommender.metrics.beyond_accuracy import beyond_accuracy_metrics
from product_recommender.metrics.ranking import metric_names, ranking_metrics
from product_recommender.pipelines.evaluation.parameters import EvaluationParameters
from product_recommender.pipelines.evaluation.resampling import resampled_sums
from product_recommender.progress import Step
from product_recommender.recommendation_lists import Lists

BEYOND_SLICES = ("overall", "warm", "cold")
"""Coverage and its like describe all lists together; they are given for these slices only."""

COLD_PRODUCTS, KNOWN_PRODUCTS = "cold products", "known products"
"""Slices by target: products without a training purchase, first sold during validation; the rest.
Lists are those of the full ranking; only the targets are restricted."""


@dataclass(frozen=True)
class Catalogue:
    """What is known of the products, by item code.

    Attributes
    ----------
    categories
        int ``[n_items_listed]`` into ``category_names``.
    category_names
        Their names.
    purchase_counts
        int ``[n_items_listed]``: training purchases.
    """

    categories: np.ndarray
    category_names: tuple[str, ...]
    purchase_counts: np.ndarray

    @property
    def is_cold(self) -> np.ndarray:
        """bool ``[n_items_listed]``: products that no model has seen a purchase of."""
        return self.purchase_counts == 0


def ranking_rows(
    cut: Cut,
    lists: Mapping[str, Lists],
    segments: np.ndarray,
    catalogue: Catalogue,
    parameters: EvaluationParameters,
) -> Iterator[dict[str, object]]:
    """Rows of the dataset `metrics` for all models at one cut.

    Parameters
    ----------
    cut
        Who was asked, and what counts as a hit.
    lists
        Model to its lists, aligned with ``cut.users``.
    segments
        Object array ``[n]``: segment of each customer.
    catalogue
        The products.
    parameters
        List length, and settings of the intervals.
    """
    k = parameters.list_length
    values = {name: ranking_metrics(of.items, cut.targets, k) for name, of in lists.items()}
    by_customer = customer_masks(cut.history_length, segments)
    by_target = _target_slices(cut, catalogue)
    with Step(f"evaluation, {cut.name}", len(by_customer) + len(by_target), "slices") as step:
        for name, mask in by_customer.items():
            sliced = {m: {key: v[mask] for key, v in of.items()} for m, of in values.items()}
            yield from mean_rows(cut.name, name, sliced, parameters)
            if name in BEYOND_SLICES:
                yield from _beyond_rows(cut, name, mask, lists, catalogue, k)
            step.advance()
        for name, is_counted in by_target.items():
            targets = targets_among(cut, is_counted)
            mask = np.diff(targets.indptr) > 0
            if mask.any():
                of_targets = {
                    m: ranking_metrics(of.items[mask], targets[mask], k) for m, of in lists.items()
                }
                yield from mean_rows(cut.name, name, of_targets, parameters)
            step.advance()


def targets_among(cut: Cut, is_counted: np.ndarray) -> scipy.sparse.csr_matrix:
    """The targets that are among some products; customers without one keep an empty row.

    Parameters
    ----------
    cut
        Whose targets.
    is_counted
        bool ``[n_items_listed]``.
    """
    targets = cut.targets.multiply(is_counted).tocsr()
    targets.eliminate_zeros()
    return targets


def _target_slices(cut: Cut, catalogue: Catalogue) -> dict[str, np.ndarray]:
    """Slice to the products whose purchases count in it: bool ``[n_items_listed]``."""
    slices = {
        f"category={category}": catalogue.categories == code
        for code, category in enumerate(catalogue.category_names)
    }
    # Where no target is cold, the known ones are all there are, and `overall` says it already.
    if targets_among(cut, catalogue.is_cold).nnz:
        slices |= {COLD_PRODUCTS: catalogue.is_cold, KNOWN_PRODUCTS: ~catalogue.is_cold}
    return slices


def mean_rows(
    split: str,
    slice_name: str,
    values: Mapping[str, Mapping[str, np.ndarray]],
    parameters: EvaluationParameters,
) -> Iterator[dict[str, object]]:
    """Means over customers with percentile intervals; all models share the same draws.

    Parameters
    ----------
    split, slice_name
        For the rows.
    values
        Model to metric to float ``[n]``, all of the same customers.
    parameters
        Settings of the bootstrap.
    """
    keys = [(model, metric) for model, of in values.items() for metric in of]
    table = np.stack([values[m][metric] for m, metric in keys], axis=1).astype(np.float64)
    draws = resampled_sums(table, parameters.n_resamples, parameters.seed) / len(table)
    tail = (1 - parameters.level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    for column, (model, metric) in enumerate(keys):
        yield metric_row(
            model,
            split,
            slice_name,
            metric,
            table[:, column].mean(),
            len(table),
            (low[column], high[column]),
        )


def metric_row(
    model: str,
    split: str,
    slice_name: str,
    metric: str,
    value: float,
    n_users: int,
    interval: tuple[float, float] | None = None,
) -> dict[str, object]:
    """One row of the dataset `metrics`."""
    low, high = interval if interval is not None else (float("nan"), float("nan"))
    return {
        "model": model,
        "split": split,
        "slice": slice_name,
        "metric": metric,
        "value": float(value),
        "ci_low": float(low),
        "ci_high": float(high),
        "n_users": int(n_users),
    }


def _beyond_rows(
    cut: Cut,
    slice_name: str,
    mask: np.ndarray,
    lists: Mapping[str, Lists],
    catalogue: Catalogue,
    k: int,
) -> Iterator[dict[str, object]]:
    for model, of in lists.items():
        found = beyond_accuracy_metrics(
            of.items[mask],
            k,
            n_catalogue=len(cut.candidates),
            purchase_counts=catalogue.purchase_counts,
            item_categories=catalogue.categories,
        )
        found[f"fallback_share@{k}"] = float(of.is_fallback[mask].mean())
        for metric, value in found.items():
            if np.isfinite(value):
                yield metric_row(model, cut.name, slice_name, metric, value, int(mask.sum()))


def customer_table(
    cut: Cut, lists: Mapping[str, Lists], customers: np.ndarray, k: int
) -> pd.DataFrame:
    """The dataset `customer_metrics` for one cut.

    Parameters
    ----------
    cut
        Who was asked.
    lists
        Model to its lists.
    customers
        Object array of customer ids by user code.
    k
        Length of the lists.
    """
    frames = [
        pd.DataFrame(
            {"model": model, "split": cut.name, "customer_id": customers[cut.users]}
            | ranking_metrics(of.items, cut.targets, k)
        )
        for model, of in lists.items()
    ]
    columns = ["model", "split", "customer_id", *metric_names(k)]
    return pd.concat(frames, ignore_index=True)[columns]
