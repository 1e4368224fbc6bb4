"""Is a model better than the baseline, or was it luck? Paired bootstrap with Holm's correction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from product_recommender.metrics.bootstrap import (
    NO_DIFFERENCE,
    PairedDifference,
    holm,
    paired_differences,
    paired_rmse_differences,
    verdict_word,
)
from product_recommender.pipelines.evaluation.parameters import EvaluationParameters

RANKING_BASELINE = "recent_popularity"
RATING_BASELINE = "bias"


def compare_rankings(
    values: Mapping[str, np.ndarray], parameters: EvaluationParameters
) -> list[dict[str, Any]]:
    """Compare each model's NDCG with the baseline's on the same customers.

    Parameters
    ----------
    values
        Model to its metric, float ``[n]``, aligned by customer.
    parameters
        Settings of the bootstrap.

    Returns
    -------
    list of dict
        ``model, baseline, metric, difference, ci_low, ci_high, p_holm, verdict``; empty where the
        baseline is not among the models.
    """
    if RANKING_BASELINE not in values:
        return []
    baseline = values[RANKING_BASELINE]
    found = {
        name: paired_differences(
            of, baseline, parameters.n_resamples, parameters.seed, parameters.level
        )
        for name, of in values.items()
        if name != RANKING_BASELINE
    }
    metric = f"ndcg@{parameters.list_length}"
    return _rows(found, RANKING_BASELINE, metric, larger_is_better=True, level=parameters.level)


def compare_ratings(
    counts: np.ndarray, squared: Mapping[str, np.ndarray], parameters: EvaluationParameters
) -> list[dict[str, Any]]:
    """Compare each model's RMSE with the baseline's on the same ratings.

    Parameters
    ----------
    counts
        float ``[n]``: ratings of each customer.
    squared
        Model to sums of squared errors, float ``[n]``.
    parameters
        Settings of the bootstrap.

    Returns
    -------
    list of dict
        As ``compare_rankings``.
    """
    if RATING_BASELINE not in squared or len(counts) == 0:
        return []
    baseline = squared[RATING_BASELINE]
    found = {
        name: paired_rmse_differences(
            of, baseline, counts, parameters.n_resamples, parameters.seed, parameters.level
        )
        for name, of in squared.items()
        if name != RATING_BASELINE
    }
    return _rows(found, RATING_BASELINE, "rmse", larger_is_better=False, level=parameters.level)


def _rows(
    found: Mapping[str, PairedDifference],
    baseline: str,
    metric: str,
    larger_is_better: bool,
    level: float,
) -> list[dict[str, Any]]:
    adjusted = holm(np.array([difference.p_value for difference in found.values()]))
    rows = []
    for (name, difference), p_holm in zip(found.items(), adjusted, strict=True):
        word = verdict_word(*difference[:3], p_holm, larger_is_better, alpha=1 - level)
        rows.append(
            {
                "model": name,
                "baseline": baseline,
                "metric": metric,
                "difference": difference.difference,
                "ci_low": difference.low,
                "ci_high": difference.high,
                "p_holm": float(p_holm),
                "verdict": f"no difference from {baseline} shown"
                if word == NO_DIFFERENCE
                else f"{word} than {baseline}",
            }
        )
    return rows
