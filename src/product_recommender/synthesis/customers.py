"""Customers: four planted types, latent tastes, category affinity, activity, visible attributes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .calendar import Calendar
from .randomness import stream
from .settings import WorldSettings


@dataclass(frozen=True)
class CustomerType:
    """What makes one planted type different; all of it scaled by ``type_strength``.

    Attributes
    ----------
    name
        The persona it corresponds to.
    share
        Share of the customers.
    log_activity
        Shift of log activity.
    leniency
        Shift of the latent value behind the stars.
    log_noise
        Shift of the log standard deviation of that value: small means even stars.
    price_preference
        Pull of standardised log price on what is bought.
    log_affinity_spread
        Shift of the log spread of category affinity: large means few categories.
    joins
        Volume quantiles of the span between which the customer arrives.
    leaves_after_days
        Mean of the exponential stay; infinite means stays to the end.
    regular
        Purchases evenly spaced instead of scattered.
    holiday_tilt, weekend_tilt
        Shift of the log volume in November to January and on Saturday and Sunday.
    prime, verified
        Shift of the logit of being a prime member, of a verified purchase.
    """

    name: str
    share: float
    log_activity: float
    leniency: float
    log_noise: float
    price_preference: float
    log_affinity_spread: float
    joins: tuple[float, float]
    leaves_after_days: float
    regular: bool
    holiday_tilt: float
    weekend_tilt: float
    prime: float
    verified: float


CUSTOMER_TYPES = (
    CustomerType(
        "Steady and Satisfied", 0.36, 0.45, 0.5, -0.4, 0.0, 0.0,
        (0.0, 0.7), np.inf, True, -0.2, 0.0, 0.6, 0.3,
    ),
    CustomerType(
        "Critical and Disengaged", 0.19, -0.4, -2.3, 0.0, 0.0, 0.1,
        (0.0, 0.35), 200.0, False, 0.0, 0.0, -0.8, -0.8,
    ),
    CustomerType(
        "High-Value Power Buyers", 0.15, 1.6, -0.1, 0.05, 1.1, -0.8,
        (0.0, 0.7), np.inf, False, 0.0, -0.4, 1.6, 0.4,
    ),
    CustomerType(
        "Casual Optimists", 0.30, -0.95, 1.5, -0.3, -1.1, 0.4,
        (0.1, 0.95), np.inf, False, 0.9, 0.6, -0.3, 0.0,
    ),
)  # fmt: skip

REGIONS = ("Northeast", "Midwest", "South", "West")
AGE_GROUPS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
_AGE_QUANTILES = (0.12, 0.36, 0.58, 0.77, 0.91)
_REGION_SHARES = (0.17, 0.21, 0.38, 0.24)
_AFFINITY_SPREAD = 1.0
_MONTH = 30


@dataclass(frozen=True)
class Customers:
    """All customers as aligned arrays of length n.

    Attributes
    ----------
    ids
        ``<U8`` numeric ids as text, unique.
    types
        int8 codes into ``CUSTOMER_TYPES``.
    tastes
        float64 ``[n, d]``, standard normal; meets a product's style in ``Preferences``.
    affinities
        float64 ``[n, categories]``, log scale, rows of mean zero.
    leniency
        float64: type shift plus personal shift, strengths already applied.
    noise
        float64: standard deviation of the latent value behind the stars.
    price_preference
        float64, ``type_strength`` already applied.
    review_counts
        int64, reviews written; sums to ``n_reviews``.
    active_from, active_until
        int32, day indices inside the span, both inclusive.
    age_groups, regions
        int8 codes into ``AGE_GROUPS`` and ``REGIONS``.
    is_prime
        bool.
    sign_up_day
        int32, days since 1970-01-01; not after ``active_from``.
    """

    ids: np.ndarray
    types: np.ndarray
    tastes: np.ndarray
    affinities: np.ndarray
    leniency: np.ndarray
    noise: np.ndarray
    price_preference: np.ndarray
    review_counts: np.ndarray
    active_from: np.ndarray
    active_until: np.ndarray
    age_groups: np.ndarray
    regions: np.ndarray
    is_prime: np.ndarray
    sign_up_day: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def make_customers(settings: WorldSettings, calendar: Calendar) -> Customers:
    """Draw the customers of a world.

    Parameters
    ----------
    settings
        The world's settings.
    calendar
        The daily volume curves, by customer type.

    Returns
    -------
    Customers
        In random order with respect to type and activity.
    """
    n, rng = settings.n_customers, stream(settings.seed, "customers")
    types = rng.choice(len(CUSTOMER_TYPES), size=n, p=[t.share for t in CUSTOMER_TYPES])
    tastes = rng.standard_normal((n, settings.taste_dimensions))
    spread = _AFFINITY_SPREAD * np.exp(
        settings.strength("type") * _by_type("log_affinity_spread")[types]
    )
    affinities = rng.standard_normal((n, len(settings.categories))) * spread[:, None]
    affinities -= affinities.mean(axis=1, keepdims=True)
    type_strength = settings.strength("type")
    leniency = type_strength * _by_type("leniency")[types]
    leniency = leniency + settings.strength("leniency") * rng.standard_normal(n)
    first, last = _active_spans(settings, calendar, types, rng)
    age_groups, regions, is_prime, sign_up = _attributes(settings, types, tastes, first, rng)
    return Customers(
        ids=(1_000_000 + rng.choice(52_000_000, size=n, replace=False)).astype("<U8"),
        types=types.astype(np.int8),
        tastes=tastes,
        affinities=affinities,
        leniency=leniency,
        noise=np.exp(type_strength * _by_type("log_noise")[types]),
        price_preference=type_strength * _by_type("price_preference")[types],
        review_counts=_review_counts(settings, calendar, types, first, last, rng),
        active_from=first,
        active_until=last,
        age_groups=age_groups,
        regions=regions,
        is_prime=is_prime,
        sign_up_day=sign_up,
    )


def _by_type(attribute: str) -> np.ndarray:
    return np.array([getattr(customer_type, attribute) for customer_type in CUSTOMER_TYPES])


def _active_spans(
    settings: WorldSettings, calendar: Calendar, types: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """First and last day index on which each customer may write."""
    blend = min(1.0, settings.strength("type"))
    joins = np.array([t.joins for t in CUSTOMER_TYPES])
    # At type strength 0 everybody arrives anywhere in the volume and nobody leaves.
    low, high = blend * joins[types, 0], 1 - blend * (1 - joins[types, 1])
    quantile = low + (high - low) * rng.random(len(types))
    first = calendar.day_at(np.full(len(types), calendar.neutral), quantile)
    stay = _by_type("leaves_after_days")[types]
    drawn = rng.standard_exponential(len(types)) * np.where(np.isinf(stay), 1.0, stay)
    leaves = ~np.isinf(stay) & (rng.random(len(types)) < blend)
    last = np.where(leaves, np.minimum(first + drawn, settings.n_days - 1), settings.n_days - 1)
    return first.astype(np.int32), last.astype(np.int32)


def _review_counts(
    settings: WorldSettings,
    calendar: Calendar,
    types: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Reviews per customer: one each where there are enough, the rest by long-tailed activity."""
    n, cap = settings.n_customers, settings.most_reviews_per_customer
    log_activity = settings.strength("type") * _by_type("log_activity")[types]
    log_activity = log_activity + settings.activity_spread * rng.standard_normal(n)
    # The square root: whoever stays a fourth of the time writes half as much, not a fourth.
    weights = np.exp(log_activity) * np.sqrt(calendar.volume_between(types, first, last) + 1e-3)
    counts = np.full(n, 1 if settings.n_reviews >= n else 0, dtype=np.int64)
    left = settings.n_reviews - int(counts.sum())
    while left > 0:
        open_weights = np.where(counts < cap, weights, 0.0)
        counts += rng.multinomial(left, open_weights / open_weights.sum())
        left = int(np.maximum(counts - cap, 0).sum())
        counts = np.minimum(counts, cap)
    return counts


def _attributes(
    settings: WorldSettings,
    types: np.ndarray,
    tastes: np.ndarray,
    first: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Age group (follows the first taste dimension), region, prime membership, sign-up day."""
    n = len(types)
    taste = min(1.0, settings.strength("taste")) * 0.8
    age = taste * tastes[:, 0] + np.sqrt(1 - taste**2) * rng.standard_normal(n)
    bounds = np.quantile(age, _AGE_QUANTILES)
    regions = rng.choice(len(REGIONS), size=n, p=_REGION_SHARES)
    odds = 0.2 + settings.strength("type") * _by_type("prime")[types]
    is_prime = rng.random(n) < 1 / (1 + np.exp(-odds))
    before = np.minimum(rng.standard_exponential(n) * _MONTH, 365).astype(np.int32)
    sign_up = settings.first_day_number + first - before
    return (
        np.searchsorted(bounds, age).astype(np.int8),
        regions.astype(np.int8),
        is_prime,
        sign_up.astype(np.int32),
    )
