"""How much is bought on which day: growth, seasons, weekdays, by customer type."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

from .settings import WorldSettings

_MONTH_VOLUME = (1.30, 0.98, 0.92, 0.88, 0.88, 0.90, 0.95, 0.95, 0.90, 0.92, 1.05, 1.50)
_WEEKDAY_VOLUME = (1.12, 1.10, 1.06, 1.02, 0.95, 0.85, 0.90)  # Monday first
_HOLIDAY_MONTHS = (11, 12, 1)
_CATEGORY_MONTH_TILTS = {
    "Electronics": (0.15, 0, 0, 0, -0.05, -0.1, -0.1, 0, 0, 0, 0.15, 0.25),
    "Furniture": (0.1, 0, 0.1, 0.1, 0.05, 0, 0, 0.2, 0.1, 0, -0.15, -0.3),
    "Major Appliances": (-0.1, -0.1, 0, 0.05, 0.2, 0.3, 0.3, 0.2, 0, 0, -0.1, -0.3),
    "Personal_Care_Appliances": (0, 0.1, 0, 0, 0.1, 0.05, 0, 0, 0, 0, 0, 0.2),
}


@dataclass(frozen=True)
class Calendar:
    """Daily volume by curve: one curve per customer type and a neutral one at the end.

    Attributes
    ----------
    months
        int8 ``[days]``, 1 to 12.
    cumulative
        float64 ``[curves, days + 1]``: share of the volume before each day; from 0 to 1.
    """

    months: np.ndarray
    cumulative: np.ndarray

    @property
    def neutral(self) -> int:
        """Code of the curve without a type's tilt."""
        return len(self.cumulative) - 1

    def day_at(self, curves: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
        """Day index at which each curve reaches a share of its volume.

        Parameters
        ----------
        curves
            int ``[n]`` curve codes.
        quantiles
            float ``[n]`` in [0, 1].

        Returns
        -------
        numpy.ndarray
            int64 ``[n]`` in ``0 .. days - 1``.
        """
        days = np.zeros(len(curves), dtype=np.int64)
        for curve in range(len(self.cumulative)):
            rows = np.flatnonzero(np.asarray(curves) == curve)
            found = np.searchsorted(self.cumulative[curve], quantiles[rows], side="right") - 1
            days[rows] = np.clip(found, 0, len(self.months) - 1)
        return days

    def volume_between(self, curves: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Share of each curve's volume from day ``first`` to day ``last``, both included."""
        return self.cumulative[curves, last + 1] - self.cumulative[curves, first]


def make_calendar(settings: WorldSettings, tilts: np.ndarray) -> Calendar:
    """Build the volume curves of a span.

    Parameters
    ----------
    settings
        The world's settings: span, growth, ``season_strength``.
    tilts
        float ``[types, 2]``: shift of log volume in the holidays and on weekends, by type.

    Returns
    -------
    Calendar
        ``types + 1`` curves.
    """
    day_list = [settings.first_day + datetime.timedelta(days=i) for i in range(settings.n_days)]
    months = np.array([day.month for day in day_list], dtype=np.int8)
    weekdays = np.array([day.weekday() for day in day_list], dtype=np.int8)
    season = settings.strength("season")
    log_volume = settings.yearly_growth * np.arange(settings.n_days) / 365.25
    log_volume = log_volume + season * np.log(_MONTH_VOLUME)[months - 1]
    log_volume = log_volume + season * np.log(_WEEKDAY_VOLUME)[weekdays]
    holidays, weekends = np.isin(months, _HOLIDAY_MONTHS), weekdays >= 5
    all_tilts = np.vstack([tilts, np.zeros(2)])
    curves = log_volume + all_tilts[:, :1] * holidays + all_tilts[:, 1:] * weekends
    volume = np.exp(curves - curves.max(axis=1, keepdims=True))
    cumulative = np.concatenate([np.zeros((len(volume), 1)), np.cumsum(volume, axis=1)], axis=1)
    return Calendar(months=months, cumulative=cumulative / cumulative[:, -1:])


def category_season(settings: WorldSettings) -> np.ndarray:
    """Log shift of each category's sales by month, ``season_strength`` applied.

    Returns
    -------
    numpy.ndarray
        float64 ``[categories, 12]``.
    """
    tilts = np.array([_CATEGORY_MONTH_TILTS[name] for name in settings.categories], dtype=float)
    return settings.strength("season") * tilts
