"""Purchases: when, by whom, what, and the stars that follow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .calendar import Calendar
from .customers import CUSTOMER_TYPES, Customers
from .preferences import Preferences
from .products import WEEK
from .randomness import stream
from .settings import WorldSettings

EXACT_CATALOGUE = 4_096
"""Up to this many products every choice weighs the whole catalogue."""

POOL_DRAWS = 2_048
"""Above it, a block of choices weighs a pool of this many draws from that week's popularity."""

_BLOCK_CELLS = 1 << 21
_POOL_ROWS = 1_024
VINE_SHIFT = -0.6


@dataclass(frozen=True)
class Purchases:
    """Reviewed purchases as aligned arrays, sorted by customer, then day.

    Attributes
    ----------
    customers, products
        int32 row numbers.
    days
        int32 day indices, 0 for the first day of the span.
    stars
        int8, 1 to 5.
    verified, vine
        bool.
    helpful_votes, total_votes
        int32.
    """

    customers: np.ndarray
    products: np.ndarray
    days: np.ndarray
    stars: np.ndarray
    verified: np.ndarray
    vine: np.ndarray
    helpful_votes: np.ndarray
    total_votes: np.ndarray

    def __len__(self) -> int:
        return len(self.customers)

    def take(self, rows: np.ndarray) -> Purchases:
        """Only these rows."""
        return replace(self, **{name: values[rows] for name, values in vars(self).items()})


def make_purchases(
    settings: WorldSettings, customers: Customers, preferences: Preferences, calendar: Calendar
) -> tuple[Purchases, np.ndarray]:
    """Draw all purchases of a world.

    Parameters
    ----------
    settings, customers, preferences, calendar
        The world so far.

    Returns
    -------
    purchases : Purchases
        Exactly ``n_reviews`` of them.
    thresholds : numpy.ndarray
        float64 ``[4]``: where the latent value becomes 2, 3, 4 and 5 stars.
    """
    rows, days = _draw_days(settings, customers, calendar)
    products = _draw_products(settings, preferences, rows, days)
    rng = stream(settings.seed, "stars")
    vine = rng.random(len(rows)) < settings.vine_share
    latent = preferences.star_means(rows, products)
    latent += preferences.noise[rows] * rng.standard_normal(len(rows)) + VINE_SHIFT * vine
    shares = np.array(settings.star_shares)
    thresholds = np.quantile(latent, np.cumsum(shares / shares.sum())[:4].clip(max=1.0))
    stars = (1 + np.searchsorted(thresholds, latent, side="left")).astype(np.int8)
    verified = _draw_verified(settings, customers, rows, days, rng) & ~vine
    helpful, total = _draw_votes(settings, stars, days, rng)
    purchases = Purchases(rows, products, days, stars, verified, vine, helpful, total)
    return purchases, thresholds


def _draw_days(
    settings: WorldSettings, customers: Customers, calendar: Calendar
) -> tuple[np.ndarray, np.ndarray]:
    """Customer and day of every purchase, sorted by both."""
    rng = stream(settings.seed, "days")
    rows = np.repeat(np.arange(len(customers), dtype=np.int32), customers.review_counts)
    rank = np.arange(len(rows)) - _first_slots(customers.review_counts)[rows]
    draws = rng.random(len(rows))
    regular = np.array([t.regular for t in CUSTOMER_TYPES])[customers.types]
    # A regular customer's purchases are spread evenly: one in each equal part of the stay.
    if settings.strength("type") > 0:
        even = (rank + draws) / customers.review_counts[rows]
        draws = np.where(regular[rows], even, draws)
    curves = customers.types[rows]
    first = calendar.cumulative[curves, customers.active_from[rows]]
    last = calendar.cumulative[curves, customers.active_until[rows] + 1]
    days = calendar.day_at(curves, first + (last - first) * draws)
    days = np.clip(days, customers.active_from[rows], customers.active_until[rows])
    order = np.lexsort((days, rows))
    return rows[order], days[order].astype(np.int32)


def _first_slots(counts: np.ndarray) -> np.ndarray:
    """Position of each customer's first purchase in the sorted list."""
    return np.concatenate([[0], np.cumsum(counts)[:-1]])


def _draw_products(
    settings: WorldSettings, preferences: Preferences, rows: np.ndarray, days: np.ndarray
) -> np.ndarray:
    """Product of every purchase, week by week, never one that the customer already has.

    Within a week the customer's first purchase is drawn before the second and so on, so every
    draw knows what the customer owns.
    """
    rng = stream(settings.seed, "choices")
    products = np.full(len(rows), -1, dtype=np.int32)
    n_customers = len(preferences.customer_vectors)
    first_slot = _first_slots(np.bincount(rows, minlength=n_customers))
    weeks = days // WEEK
    by_week = np.argsort(weeks, kind="stable")
    bounds = np.searchsorted(weeks[by_week], np.arange(weeks.max() + 2 if len(weeks) else 1))
    for week in range(len(bounds) - 1):
        slots = by_week[bounds[week] : bounds[week + 1]]
        if not len(slots):
            continue
        weights = preferences.product_weights(week * WEEK)
        turn = _turn_within(rows[slots])
        for number in range(int(turn.max()) + 1):
            now = slots[turn == number]
            products[now] = _choose(preferences, weights, rows[now], now, first_slot, products, rng)
    _plant_repeats(settings, rows, first_slot, products)
    return products


def _turn_within(rows: np.ndarray) -> np.ndarray:
    """0 for a customer's first entry in a sorted list, 1 for the second, and so on."""
    starts = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
    lengths = np.diff(np.concatenate([starts, [len(rows)]]))
    return np.arange(len(rows)) - np.repeat(starts, lengths)


def _choose(
    preferences: Preferences,
    weights: np.ndarray,
    rows: np.ndarray,
    slots: np.ndarray,
    first_slot: np.ndarray,
    products: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """One product for each row, by blocks; see ``Preferences`` for the probabilities."""
    chosen = np.full(len(rows), -1, dtype=np.int32)
    exact = len(weights) <= EXACT_CATALOGUE
    cumulative = np.cumsum(weights)
    step = max(1, _BLOCK_CELLS // len(weights)) if exact else _POOL_ROWS
    pending = np.arange(len(rows))
    while len(pending):
        for start in range(0, len(pending), step):
            part = pending[start : start + step]
            if exact:
                pool, pool_weights = np.arange(len(weights)), weights
            else:
                draws = np.searchsorted(cumulative, rng.random(POOL_DRAWS) * cumulative[-1])
                pool, counts = np.unique(draws, return_counts=True)
                pool_weights = counts.astype(np.float64)
            vectors = preferences.customer_vectors[rows[part]]
            utility = vectors @ preferences.product_vectors[pool].T
            utility -= utility.max(axis=1, keepdims=True)
            mass = np.exp(utility) * pool_weights
            _hide_owned(mass, pool, len(weights), slots[part], first_slot[rows[part]], products)
            mass = np.cumsum(mass, axis=1)
            target = rng.random(len(part)) * mass[:, -1]
            column = (mass <= target[:, None]).sum(axis=1)
            # A row without any mass (everything in the pool is owned) gets another pool.
            found = mass[:, -1] > 0
            chosen[part[found]] = pool[column[found]]
        pending = pending[chosen[pending] < 0]
    return chosen


def _hide_owned(
    mass: np.ndarray,
    pool: np.ndarray,
    n_products: int,
    slots: np.ndarray,
    first: np.ndarray,
    products: np.ndarray,
) -> None:
    """Set the cells of products that a row's customer bought before to zero, in place."""
    lengths = slots - first
    if not lengths.sum():
        return
    column_of = np.full(n_products, -1, dtype=np.int64)
    column_of[pool] = np.arange(len(pool))
    row = np.repeat(np.arange(len(slots)), lengths)
    offset = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    column = column_of[products[first[row] + offset]]
    mass[row[column >= 0], column[column >= 0]] = 0.0


def _plant_repeats(
    settings: WorldSettings, rows: np.ndarray, first_slot: np.ndarray, products: np.ndarray
) -> None:
    """Overwrite a few purchases with one of the customer's earlier products, in place."""
    rng = stream(settings.seed, "repeats")
    rank = np.arange(len(rows)) - first_slot[rows]
    repeats = np.flatnonzero((rng.random(len(rows)) < settings.repeat_rate) & (rank > 0))
    earlier = first_slot[rows[repeats]] + (rng.random(len(repeats)) * rank[repeats]).astype(int)
    products[repeats] = products[earlier]


def _draw_verified(
    settings: WorldSettings,
    customers: Customers,
    rows: np.ndarray,
    days: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Verified purchases: more of them each year, and by type."""
    by_type = np.array([t.verified for t in CUSTOMER_TYPES])
    odds = np.log(settings.verified_share / (1 - settings.verified_share))
    odds = odds + 0.5 * (days / max(1, settings.n_days - 1) - 0.6)
    odds = odds + settings.strength("type") * by_type[customers.types[rows]]
    return rng.random(len(rows)) < 1 / (1 + np.exp(-odds))


def _draw_votes(
    settings: WorldSettings, stars: np.ndarray, days: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Helpful and total votes: mostly none, more for low stars and for old reviews."""
    age = (settings.n_days - 1 - days) / 365.25
    odds = np.array([0.35, 0.1, -0.25, -0.7, -1.1])[stars - 1] + 0.15 * (age - 1)
    voted = rng.random(len(stars)) < 1 / (1 + np.exp(-odds))
    volume = np.exp(rng.normal(0.45 + 0.08 * (5 - stars), 1.05))
    total = np.where(voted, 1 + np.floor(np.minimum(volume, 5_000)), 0).astype(np.int32)
    share = np.array([0.62, 0.66, 0.72, 0.82, 0.86])[stars - 1]
    return rng.binomial(total, share).astype(np.int32), total
