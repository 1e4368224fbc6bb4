"""Who may join the blends: conditional members enter only where they are shown to help.

A model that costs much, or that was built for another purpose, should not gain weight by luck. Each
conditional member is tried in the order of the settings: the blend with it and the blend without it
answer the same `blend` customers, both cross-fitted on the same folds, and the member enters only
where the paired bootstrap interval of the difference lies on the better side of zero.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from product_recommender.code_names import CodeNames
from product_recommender.evaluation_cuts import Cut
from product_recommender.metrics.bootstrap import (
    PairedDifference,
    paired_differences,
    paired_rmse_differences,
)
from product_recommender.pipelines.ensemble import purchases, ratings
from product_recommender.pipelines.ensemble.parameters import EnsembleParameters

logger = logging.getLogger(__name__)

Json = dict[str, Any]


@dataclass(frozen=True)
class AdmittedPurchases:
    """The purchase blend of those who are members, and what it says of the customers of `blend`.

    Attributes
    ----------
    learner
        Holds the members only.
    answers
        Cross-fitted, one a fold.
    decisions
        Conditional member to what was measured and decided.
    """

    learner: purchases.PurchaseBlend
    answers: list[purchases.Answer]
    decisions: dict[str, Json]


def admit_to_purchases(
    learner: purchases.PurchaseBlend, blend: Cut, names: CodeNames
) -> AdmittedPurchases:
    """Let conditional members in where NDCG on `blend` rises with an interval above zero.

    Parameters
    ----------
    learner
        Of all models, conditional ones included.
    blend
        The `blend` half of validation.
    names
        The ids behind the codes.

    Raises
    ------
    ValueError
        If a conditional member is no model of this run, or there is no other.
    """
    parameters = learner.parameters
    certain = unconditional(learner.members, parameters)
    k, current = parameters.list_length, learner.only(certain)
    answers = current.cross_fitted_answers(blend, k, names)
    decisions: dict[str, Json] = {}
    for name in parameters.conditional_members:
        wider = learner.only([*current.members, name])
        wider_answers = wider.cross_fitted_answers(blend, k, names)
        without, with_it = (
            np.concatenate([answer.ndcg for answer in of]) for of in (answers, wider_answers)
        )
        found = paired_differences(
            with_it, without, parameters.n_resamples, parameters.seed, parameters.level
        )
        values = [float(with_it.mean()), float(without.mean())]
        decisions[name] = _decision(f"ndcg@{k}", found, found.low > 0, values, len(without))
        if found.low > 0:
            current, answers = wider, wider_answers
    return AdmittedPurchases(current, answers, decisions)


def admit_to_ratings(
    rows: pd.DataFrame,
    models: Iterable[str],
    segments: tuple[str, ...],
    parameters: EnsembleParameters,
) -> tuple[tuple[str, ...], np.ndarray, dict[str, Json]]:
    """Let conditional members in where RMSE on `blend` falls with an interval below zero.

    Parameters
    ----------
    rows
        Ratings of `blend`, as ``ratings.join_predictions`` gives them.
    models
        All models that predict stars.
    segments
        Names of the segments.
    parameters
        Settings of the pipeline.

    Returns
    -------
    models : tuple of str
        The members.
    blended : numpy.ndarray
        float64 ``[n]``: their cross-fitted blend of the rows.
    decisions : dict
        As in ``AdmittedPurchases``.
    """
    present = tuple(models)

    def blended_by(members: tuple[str, ...]) -> np.ndarray:
        return ratings.cross_fitted(
            rows,
            members,
            segments,
            parameters.folds,
            parameters.seed,
            **parameters.rating.model_dump(),
        )

    current = tuple(name for name in present if name not in parameters.conditional_members)
    if not current:
        raise ValueError(_no_one_else(present))
    blended = blended_by(current)
    _, customer = np.unique(rows["customer_id"].astype(object), return_inverse=True)
    outcome = rows["star_rating"].to_numpy(dtype=np.float64)
    counts = np.bincount(customer).astype(np.float64)
    decisions: dict[str, Json] = {}
    # A conditional member that does not predict stars has nothing to ask of this blend.
    for name in (name for name in parameters.conditional_members if name in present):
        wider = tuple(n for n in present if n in (*current, name))
        wider_blended = blended_by(wider)
        without, with_it = (
            np.bincount(customer, weights=(of - outcome) ** 2) for of in (blended, wider_blended)
        )
        found = paired_rmse_differences(
            with_it, without, counts, parameters.n_resamples, parameters.seed, parameters.level
        )
        values = [float(np.sqrt(of.sum() / counts.sum())) for of in (with_it, without)]
        decisions[name] = _decision("rmse", found, found.high < 0, values, len(counts))
        if found.high < 0:
            current, blended = wider, wider_blended
    return current, blended, decisions


def unconditional(members: Mapping[str, Any], parameters: EnsembleParameters) -> list[str]:
    """Names of the members that need not be shown to help.

    Raises
    ------
    ValueError
        As of ``admit_to_purchases``.
    """
    unknown = [name for name in parameters.conditional_members if name not in members]
    if unknown:
        raise ValueError(
            f"ensemble.conditional_members names {', '.join(unknown)}, which this run did not "
            f"train as a member. Members: {', '.join(members)}."
        )
    certain = [name for name in members if name not in parameters.conditional_members]
    if not certain:
        raise ValueError(_no_one_else(members))
    return certain


def log_decisions(kind: str, decisions: Mapping[str, Json]) -> None:
    """Say in the log who was let in, and what was measured.

    Parameters
    ----------
    kind
        ``rating`` or ``ranking``.
    decisions
        As in ``AdmittedPurchases``.
    """
    for name, found in decisions.items():
        logger.info(
            "%s blend: %s %s: %s %+.4f [%+.4f, %+.4f] with it (%d customers of `blend`)",
            kind,
            name,
            "enters" if found["entered"] else "stays out",
            found["metric"],
            found["difference"],
            found["ci_low"],
            found["ci_high"],
            found["customers"],
        )


def _decision(
    metric: str,
    found: PairedDifference,
    entered: bool,
    with_and_without: list[float],
    customers: int,
) -> Json:
    with_it, without = with_and_without
    return {
        "entered": bool(entered),
        "metric": metric,
        "with": with_it,
        "without": without,
        "difference": found.difference,
        "ci_low": found.low,
        "ci_high": found.high,
        "customers": customers,
    }


def _no_one_else(members: Iterable[str]) -> str:
    return (
        f"ensemble.conditional_members names every model there is ({', '.join(members)}); leave "
        "at least one that is a member in any case."
    )
