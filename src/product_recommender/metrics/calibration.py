"""From scores to probabilities, and how far to trust probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

_PIECE = 1 << 15
"""Scores worked on at once on a CPU: few enough to stay in its cache and in one thread, which is
faster than waking the others for each of a dozen small steps."""
_FARTHEST = 1e6
"""Scores are cut this many half-ranges from the centre, infinite ones too."""


class MonotoneCalibrator:
    """P(y = 1 | score) as a strictly increasing function of the score.

    Scores are pooled into quantiles, isotonic regression (pool adjacent violators) is fitted to the
    pools, and its values are joined by straight lines. Where isotonic regression is flat, and
    beyond both ends, a tiny slope keeps the order of the scores: the result is
    ``(1 - tilt) * isotonic(s) + tilt * squash(s)`` with ``squash`` strictly increasing from 0 to 1
    on the whole real line. Ranking by probability is ranking by score, so no model loses a place by
    being calibrated. (Equal results remain where double precision ends: for scores that differ in
    their last digits, and beyond a million times the range of the scores fitted to.)

    Parameters
    ----------
    max_knots
        Number of pools, at most. Pools hold equal shares of the weight, with the two outcomes
        counted as equally heavy: purchases are rare and sit at one end, where resolution is needed.
    tilt
        Share of the tiny slope, at most what a probability is moved by.

    Attributes
    ----------
    scores, probabilities
        float64 ``[knots]``: the fitted points, strictly and weakly increasing. None before ``fit``.
    """

    def __init__(self, max_knots: int = 100, tilt: float = 1e-6) -> None:
        if max_knots < 2:
            raise ValueError(f"max_knots is {max_knots}; a line needs two")
        if not 0 < tilt < 1:
            raise ValueError(f"tilt is {tilt}; it is a share between 0 and 1")
        self.max_knots = max_knots
        self.tilt = tilt
        self.scores: np.ndarray | None = None
        self.probabilities: np.ndarray | None = None

    def fit(
        self, scores: np.ndarray, outcomes: np.ndarray, weights: np.ndarray | None = None
    ) -> Self:
        """Fit to scored outcomes.

        Parameters
        ----------
        scores
            float ``[n]``, finite.
        outcomes
            ``[n]``, 0 or 1 (or anything between: a share of purchases).
        weights
            float ``[n]``, not negative; None counts every row once. Candidates that were sampled
            with the probability p get the weight 1 / p.

        Raises
        ------
        ValueError
            If there is no row of positive weight, lengths differ or a value is out of bounds.
        """
        scores, outcomes, weights = _checked(scores, outcomes, weights, bounded_scores=False)
        positive, negative = weights * outcomes, weights * (1 - outcomes)
        mass = sum(
            (part / part.sum() for part in (positive, negative) if part.sum() > 0),
            start=np.zeros(len(scores)),
        )
        pool = _equal_mass_bins(scores, mass, self.max_knots)
        pool_weight = np.bincount(pool, weights=weights)
        knots = np.bincount(pool, weights=weights * scores) / pool_weight
        # Rounding must not carry a mean out of its pool: knots have to stay apart.
        lowest, highest = _extremes(scores, pool)
        knots = np.clip(knots, lowest, highest)
        shares = np.bincount(pool, weights=positive) / pool_weight
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(
            knots, shares, sample_weight=pool_weight
        )
        needed = _ends_of_steps(fitted)
        self.scores, self.probabilities = knots[needed], np.asarray(fitted)[needed]
        return self

    @overload
    def __call__(self, scores: np.ndarray) -> np.ndarray: ...

    @overload
    def __call__(self, scores: Tensor) -> Tensor: ...

    def __call__(self, scores: np.ndarray | Tensor) -> np.ndarray | Tensor:
        """Probabilities of scores.

        Parameters
        ----------
        scores
            numpy array or torch tensor of any shape, on any device. NaN stays NaN.

        Returns
        -------
        numpy.ndarray or torch.Tensor
            float64 (float32 could not hold the tiny slope), same kind, shape and device, strictly
            between 0 and 1.

        Raises
        ------
        RuntimeError
            If the calibrator was never fitted.
        """
        import torch

        if self.scores is None or self.probabilities is None:
            raise RuntimeError("the calibrator is not fitted: call fit() or from_dict()")
        if isinstance(scores, torch.Tensor):
            return self._of_tensor(scores)
        array = np.asarray(scores)
        flat = torch.from_numpy(np.ascontiguousarray(array).reshape(-1))
        return self._of_tensor(flat).numpy().reshape(array.shape)

    def _of_tensor(self, scores: Tensor) -> Tensor:
        import torch

        assert self.scores is not None
        assert self.probabilities is not None
        x, y = (torch.from_numpy(a).to(scores.device) for a in (self.scores, self.probabilities))
        # A hair less steep, so that rounding at a knot cannot carry a value past the next piece.
        slope = (torch.diff(y) / torch.diff(x) * (1 - 2.0**-50)).clamp(max=1e300)
        result = torch.empty(scores.shape, dtype=torch.float64, device=scores.device)
        source, target = scores.reshape(-1), result.view(-1)
        length = _PIECE if scores.is_cpu else max(1, len(source))
        for start in range(0, len(source), length):
            piece = source[start : start + length].detach().double()
            target[start : start + length] = self._of_piece(piece, x, y, slope)
        return result

    def _of_piece(self, scores: Tensor, x: Tensor, y: Tensor, slope: Tensor) -> Tensor:
        import torch

        half = (x[-1] - x[0]) / 2
        z = ((scores - (x[0] + half)) / (half if half > 0 else 1.0)).clamp_(-_FARTHEST, _FARTHEST)
        tilt = z.div_(1 + z.abs()).add_(1).mul_(self.tilt / 2)
        if len(x) == 1:
            return tilt.add_((1 - self.tilt) * y[0])
        if scores.is_cpu:  # torch would wake all its threads for every piece
            left = torch.from_numpy(np.searchsorted(x[1:-1].numpy(), scores.numpy()))
        else:
            left = torch.bucketize(scores, x[1:-1])
        step = scores.clamp(x[0], x[-1]).sub_(x.index_select(0, left))
        step.mul_(slope.index_select(0, left)).add_(y.index_select(0, left))
        return tilt.add_(step, alpha=1 - self.tilt)

    def to_dict(self) -> dict[str, Any]:
        """The fitted calibrator as json-serialisable values."""
        if self.scores is None or self.probabilities is None:
            raise RuntimeError("the calibrator is not fitted: call fit() or from_dict()")
        return {
            "max_knots": self.max_knots,
            "tilt": self.tilt,
            "scores": self.scores.tolist(),
            "probabilities": self.probabilities.tolist(),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """Rebuild from ``to_dict``, exactly."""
        calibrator = cls(max_knots=content["max_knots"], tilt=content["tilt"])
        calibrator.scores = np.asarray(content["scores"], dtype=np.float64)
        calibrator.probabilities = np.asarray(content["probabilities"], dtype=np.float64)
        return calibrator


def brier_score(
    probabilities: np.ndarray, outcomes: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Weighted mean of ``(probability - outcome)^2``, 0 to 1, smaller is better (Brier, 1950).

    Raises
    ------
    ValueError
        If there is no row of positive weight, lengths differ or a value is out of bounds.
    """
    probabilities, outcomes, weights = _checked(probabilities, outcomes, weights)
    return float(np.average((probabilities - outcomes) ** 2, weights=weights))


def reliability_table(
    probabilities: np.ndarray,
    outcomes: np.ndarray,
    n_bins: int = 10,
    weights: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """What was promised against what came, in bins of equal weight.

    Equal probabilities always share a bin, so there may be fewer bins than asked for.

    Parameters
    ----------
    probabilities
        float ``[n]``, 0 to 1.
    outcomes
        ``[n]``, 0 to 1.
    n_bins
        Number of bins, at most.
    weights
        float ``[n]``, not negative, or None.

    Returns
    -------
    dict of str to numpy.ndarray
        Columns, one row for each bin: ``lowest``, ``highest`` (probability in the bin),
        ``mean_probability``, ``mean_outcome``, ``weight``, ``count``.

    Raises
    ------
    ValueError
        As of ``brier_score``, and if ``n_bins`` is below 1.
    """
    if n_bins < 1:
        raise ValueError(f"n_bins is {n_bins}; at least one is needed")
    probabilities, outcomes, weights = _checked(probabilities, outcomes, weights)
    bins = _equal_mass_bins(probabilities, weights, n_bins)
    weight = np.bincount(bins, weights=weights)
    lowest, highest = _extremes(probabilities, bins)
    return {
        "lowest": lowest,
        "highest": highest,
        "mean_probability": np.bincount(bins, weights=weights * probabilities) / weight,
        "mean_outcome": np.bincount(bins, weights=weights * outcomes) / weight,
        "weight": weight,
        "count": np.bincount(bins),
    }


def expected_calibration_error(
    probabilities: np.ndarray,
    outcomes: np.ndarray,
    n_bins: int = 10,
    weights: np.ndarray | None = None,
) -> float:
    """Mean distance of promise and outcome over bins of equal weight, 0 to 1.

    Parameters and errors as of ``reliability_table``.
    """
    table = reliability_table(probabilities, outcomes, n_bins, weights)
    gap = np.abs(table["mean_probability"] - table["mean_outcome"])
    return float(np.average(gap, weights=table["weight"]))


def _equal_mass_bins(values: np.ndarray, mass: np.ndarray, n_bins: int) -> np.ndarray:
    """Bin numbers ``0 .. b - 1`` of values, each bin about as heavy, equal values together.

    Every bin has at least one member; ``b <= n_bins``. A value goes where the middle of its mass
    falls.
    """
    distinct, inverse = np.unique(values, return_inverse=True)
    if len(distinct) <= n_bins:
        return np.asarray(inverse)
    weight = np.bincount(inverse, weights=mass)
    middle = (np.cumsum(weight) - weight / 2) / weight.sum()
    numbers = np.minimum((middle * n_bins).astype(np.int64), n_bins - 1)
    _, dense = np.unique(numbers, return_inverse=True)
    return np.asarray(dense)[inverse]


def _extremes(values: np.ndarray, bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of each bin; bins follow the order of the values."""
    count = np.bincount(bins)
    ordered = np.sort(values)
    last = np.cumsum(count) - 1
    return ordered[last - count + 1], ordered[last]


def _ends_of_steps(values: np.ndarray) -> np.ndarray:
    """bool ``[n]``: False inside a flat step, where a knot changes nothing."""
    inside = np.zeros(len(values), dtype=bool)
    inside[1:-1] = (values[1:-1] == values[:-2]) & (values[1:-1] == values[2:])
    return ~inside


def _checked(
    scores: np.ndarray,
    outcomes: np.ndarray,
    weights: np.ndarray | None,
    bounded_scores: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """float64 copies of the rows with positive weight."""
    scores = np.asarray(scores, dtype=np.float64).ravel()
    outcomes = np.asarray(outcomes, dtype=np.float64).ravel()
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(scores) == len(outcomes) == len(weights):
        raise ValueError(
            f"{len(scores)} scores, {len(outcomes)} outcomes and {len(weights)} weights; "
            "each row needs one of each"
        )
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError("weights must be finite and not negative")
    used = weights > 0
    if not used.any():
        raise ValueError("there is no row of positive weight to learn or judge from")
    scores, outcomes, weights = scores[used], outcomes[used], weights[used]
    if not ((outcomes >= 0) & (outcomes <= 1)).all():
        raise ValueError("outcomes must lie between 0 (not bought) and 1 (bought)")
    if not np.isfinite(scores).all():
        raise ValueError(f"{int((~np.isfinite(scores)).sum())} scores are NaN or infinite")
    if bounded_scores and not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("probabilities must lie between 0 and 1; calibrate scores first")
    return scores, outcomes, weights
