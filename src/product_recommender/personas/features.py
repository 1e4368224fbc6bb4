"""From behavioural features to points in one space: fill, winsorise, log, standardise, weigh.

Everything is learnt on the customers of the training period and kept, so that a customer who comes
later is placed by the same rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

Transform = Literal["none", "log1p"]
Missing = Literal["median", "zero"]

CONSTANT_BELOW = 1e-9
"""Standard deviation (after the transform) under which a feature says nothing."""


@dataclass(frozen=True)
class FeatureRule:
    """How one feature enters the space.

    Attributes
    ----------
    transform
        ``log1p`` for heavy tails (counts, amounts, days), ``none`` otherwise.
    missing
        What stands in for a null: the training ``median`` or ``zero``.
    weight
        Factor on the standardised feature; 2 makes it count like two standard deviations.
    """

    transform: Transform = "none"
    missing: Missing = "median"
    weight: float = 1.0


@dataclass(frozen=True)
class FeatureScale:
    """What was learnt about one feature.

    Attributes
    ----------
    name, transform, weight
        As in the rule.
    fill
        Value for nulls, before the transform.
    low, high
        Winsorising bounds, before the transform.
    mean, std
        Of the filled, bounded, transformed training values.
    """

    name: str
    transform: Transform
    weight: float
    fill: float
    low: float
    high: float
    mean: float
    std: float


class FeatureSpace:
    """Standardised behavioural features; constant and unknown ones are left out.

    Parameters
    ----------
    scales
        One per feature that is used, in column order.
    dropped
        Feature left out: the reason.
    """

    def __init__(self, scales: Sequence[FeatureScale], dropped: Mapping[str, str]) -> None:
        self.scales = tuple(scales)
        self.dropped = dict(dropped)

    @classmethod
    def fit(
        cls,
        columns: Mapping[str, np.ndarray],
        rules: Mapping[str, FeatureRule],
        winsorise_quantile: float,
    ) -> FeatureSpace:
        """Learn fills, bounds, means and standard deviations.

        Parameters
        ----------
        columns
            Feature: float ``[n]`` with NaN for null, ``n >= 1``.
        rules
            Feature: its rule; the order becomes the column order.
        winsorise_quantile
            Values beyond this quantile and its complement are pulled to them; 0 for none.

        Returns
        -------
        FeatureSpace

        Raises
        ------
        KeyError
            If a rule names a column that is not there.
        """
        scales, dropped = [], {}
        for name, rule in rules.items():
            if name not in columns:
                raise KeyError(
                    f"feature {name!r} is not a column of customer_features; "
                    f"there are {sorted(columns)}"
                )
            values = columns[name].astype(np.float64)
            known = values[np.isfinite(values)]
            if len(known) == 0:
                dropped[name] = "no customer has a value"
                continue
            fill = float(np.median(known)) if rule.missing == "median" else 0.0
            low, high = np.quantile(known, [winsorise_quantile, 1 - winsorise_quantile])
            scale = FeatureScale(
                name, rule.transform, rule.weight, fill, float(low), float(high), 0.0, 1.0
            )
            prepared = _prepare(values, scale)
            mean, std = float(prepared.mean()), float(prepared.std())
            if std < CONSTANT_BELOW:
                dropped[name] = "constant, outliers apart"
                continue
            scales.append(FeatureScale(**{**asdict(scale), "mean": mean, "std": std}))
        return cls(scales, dropped)

    @property
    def names(self) -> tuple[str, ...]:
        """Features that are used, in column order."""
        return tuple(scale.name for scale in self.scales)

    @property
    def weights(self) -> np.ndarray:
        """float64 ``[f]``."""
        return np.array([scale.weight for scale in self.scales])

    def transform(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Standardise; the weights are not applied yet.

        Parameters
        ----------
        columns
            As for :meth:`fit`.

        Returns
        -------
        numpy.ndarray
            float64 ``[n, f]``, no NaN.
        """
        n = len(next(iter(columns.values())))
        result = np.empty((n, len(self.scales)))
        for column, scale in enumerate(self.scales):
            values = _prepare(columns[scale.name].astype(np.float64), scale)
            result[:, column] = (values - scale.mean) / scale.std
        return result

    def to_state(self) -> dict[str, Any]:
        """Plain data for json."""
        return {"scales": [asdict(scale) for scale in self.scales], "dropped": self.dropped}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> FeatureSpace:
        """Rebuild from :meth:`to_state`."""
        return cls([FeatureScale(**scale) for scale in state["scales"]], state["dropped"])


def _prepare(values: np.ndarray, scale: FeatureScale) -> np.ndarray:
    bounded = np.clip(np.where(np.isfinite(values), values, scale.fill), scale.low, scale.high)
    # Negative counts and amounts do not exist; a stray one must not become NaN.
    return np.log1p(np.maximum(bounded, 0.0)) if scale.transform == "log1p" else bounded
