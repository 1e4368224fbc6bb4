"""Least squares with weights that are non-negative and sum to one, solved exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

RIDGE = 1e-9
"""Pull towards equal weights, relative to the mean squared error: it decides only between blends
that are equally good, for example when two models give the same answers."""


def minimise_on_simplex(hessian: np.ndarray) -> np.ndarray:
    """The weights ``w >= 0``, ``sum(w) = 1`` with the smallest ``w' H w``.

    An active-set method: weights enter one at a time, the one with the steepest descent first, and
    leave when they would turn negative, as in Lawson and Hanson's non-negative least squares (1974,
    chapter 23) with the sum as an equality. It ends at the exact optimum of the convex problem.

    Parameters
    ----------
    hessian
        float64 ``[m, m]``, symmetric and positive semi-definite. For least squares it is the
        second-moment matrix of the models' errors: since the weights sum to one, the blend's error
        is the blend of the errors.

    Returns
    -------
    numpy.ndarray
        float64 ``[m]``. Among equally good weights the most even ones.

    Raises
    ------
    ValueError
        If the matrix is empty, not square or not finite.
    """
    hessian = np.asarray(hessian, dtype=np.float64)
    if hessian.ndim != 2 or hessian.shape[0] != hessian.shape[1] or len(hessian) == 0:
        raise ValueError(f"needs a square matrix with a row per model, got {hessian.shape}")
    if not np.isfinite(hessian).all():
        raise ValueError("a model's answers hold NaN or infinite values; weights cannot be learnt")
    scale = float(np.trace(hessian)) / len(hessian)
    if scale <= 0:  # no model makes any error
        return np.full(len(hessian), 1.0 / len(hessian))
    hessian = hessian / scale + RIDGE * np.eye(len(hessian))
    weights = np.zeros(len(hessian))
    weights[np.argmin(np.diag(hessian))] = 1.0
    for _ in range(20 * len(hessian)):  # each support is visited once; the bound is a safety net
        gradient = hessian @ weights
        price = float(weights @ gradient)
        gain = np.where(weights > 0, 0.0, price - gradient)
        entering = int(np.argmax(gain))
        if gain[entering] <= 1e-14:
            break
        weights = _optimum_with(hessian, weights, entering)
    return weights / weights.sum()


def _optimum_with(hessian: np.ndarray, weights: np.ndarray, entering: int) -> np.ndarray:
    """Optimum on the support plus one model, shedding models whose weight would turn negative."""
    weights = weights.copy()
    support = np.append(np.flatnonzero(weights > 0), entering)
    while True:
        part = np.linalg.solve(hessian[np.ix_(support, support)], np.ones(len(support)))
        target = part / part.sum()
        if (target > 0).all():
            weights[:] = 0.0
            weights[support] = target
            return weights
        current = weights[support]
        falling = target <= 0
        step = np.min(current[falling] / np.maximum(current[falling] - target[falling], 1e-300))
        moved = current + step * (target - current)
        moved[falling & (moved <= 1e-15)] = 0.0
        weights[support] = np.maximum(moved, 0.0)
        support = support[weights[support] > 0]


@dataclass(frozen=True)
class SegmentWeights:
    """Blending weights, one set for everybody and one per segment.

    Attributes
    ----------
    models
        Names of the models, in the order of the columns.
    overall
        float64 ``[m]``.
    by_segment
        Segment name to float64 ``[m]``; a segment with too few pairs holds ``overall``.
    pairs
        Pairs that each segment's weights were learnt from; 0 where it holds ``overall``.
    overall_pairs
        Pairs that ``overall`` was learnt from; 0 where nothing could be learnt.
    """

    models: tuple[str, ...]
    overall: np.ndarray
    by_segment: dict[str, np.ndarray]
    pairs: dict[str, int]
    overall_pairs: int

    @classmethod
    def equal(cls, models: Sequence[str], segments: Sequence[str]) -> Self:
        """The same weight for every model: where there is too little to learn from."""
        even = np.full(len(models), 1.0 / len(models))
        by_segment, pairs = dict.fromkeys(segments, even), dict.fromkeys(segments, 0)
        return cls(tuple(models), even, by_segment, pairs, overall_pairs=0)

    def rows(self, segments: Sequence[str]) -> np.ndarray:
        """float64 ``[n, m]``: weights of each of these segments; unseen ones get ``overall``."""
        return np.stack([self.by_segment.get(name, self.overall) for name in segments])

    def by_name(self) -> dict[str, dict[str, float]]:
        """Segment (and ``overall``) to model to weight."""
        everyone = {"overall": self.overall} | self.by_segment
        return {
            segment: {name: float(w) for name, w in zip(self.models, weights, strict=True)}
            for segment, weights in everyone.items()
        }


def learn_segment_weights(
    predictions: np.ndarray,
    outcomes: np.ndarray,
    segment_of: np.ndarray,
    segments: Sequence[str],
    models: Sequence[str],
    importance: np.ndarray | None = None,
    counted: np.ndarray | None = None,
    min_pairs: int = 50,
    shrinkage_pairs: float = 200.0,
) -> SegmentWeights:
    """Weighted least squares of the outcomes on the predictions, per segment.

    A segment's weights are shrunk towards everybody's: all pairs together count as
    ``shrinkage_pairs`` further pairs of each segment. With no pairs of its own a segment would get
    the overall weights, with many its own.

    Parameters
    ----------
    predictions
        float ``[n, m]``: one column a model.
    outcomes
        float ``[n]``: stars, or 1 for bought and 0 for not.
    segment_of
        int ``[n]`` into ``segments``.
    segments, models
        Their names.
    importance
        float ``[n]``, positive: how many pairs of the population a pair stands for; None: one.
    counted
        bool ``[n]``: rows that count as a pair, None: all. For purchases only the bought ones:
        what was not bought is drawn in any number and proves little.
    min_pairs
        Segments with fewer counted pairs use the overall weights.
    shrinkage_pairs
        Strength of the pull, in pairs. 0 learns each segment alone.

    Returns
    -------
    SegmentWeights

    Raises
    ------
    ValueError
        If there is no pair or no model.
    """
    predictions = np.asarray(predictions, dtype=np.float64)
    if predictions.size == 0:
        raise ValueError(f"nothing to learn weights from: predictions of shape {predictions.shape}")
    weight = np.ones(len(predictions)) if importance is None else np.asarray(importance, float)
    errors = np.asarray(outcomes, dtype=np.float64)[:, None] - predictions

    counts = np.ones(len(errors), dtype=bool) if counted is None else np.asarray(counted, bool)

    def moments(rows: np.ndarray) -> np.ndarray:
        return (errors[rows] * weight[rows, None]).T @ errors[rows] / weight[rows].sum()

    everybody = moments(np.arange(len(errors)))
    overall = minimise_on_simplex(everybody)
    by_segment, pairs = {}, {}
    for code, name in enumerate(segments):
        rows = np.flatnonzero(segment_of == code)
        pairs[name] = int(counts[rows].sum())
        if pairs[name] < max(min_pairs, 1):
            by_segment[name], pairs[name] = overall, 0
        else:
            by_segment[name] = minimise_on_simplex(
                pairs[name] * moments(rows) + shrinkage_pairs * everybody
            )
    return SegmentWeights(tuple(models), overall, by_segment, pairs, int(counts.sum()))
