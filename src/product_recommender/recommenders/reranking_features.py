"""Between the two stages of the reranker: which products are proposed, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import recent_popularity
from product_recommender.recommenders.histories import Histories
from product_recommender.recommenders.reranking_signals import Signals

PROPOSERS = ("popular", "together", "together_lately", "next_lately", "ease")
"""Signals whose best products become candidates; the others only comment on them."""

HALF_LIVES = (15.0, 60.0)
"""Two views of recent popularity, in days: their difference is a trend."""

NEVER = -np.inf

TIE_BREAK = 1e-3
"""Weight of ``popular`` beside the signal that orders everything, which says 0 of most products."""


@dataclass(frozen=True)
class Candidates:
    """Proposed products of a block of customers.

    Attributes
    ----------
    items
        int64 ``[b, c]``; padded with 0.
    is_real
        bool ``[b, c]``: False for padding.
    features
        float32 ``[b, c, f]``, 0 for padding.
    base
        float32 ``[b, n_items]``: an order of everything, by one signal.
    """

    items: np.ndarray
    is_real: np.ndarray
    features: np.ndarray
    base: np.ndarray


def item_facts(train: Interactions) -> np.ndarray:
    """What is known of each product by the last day of the purchases: float32 ``[n_items, 5]``.

    Purchases, recent purchases (two half-lives), age in days: logarithms, standardised; and the
    difference of the recent ones, which is a trend.

    Parameters
    ----------
    train
        Purchases so far.
    """
    rows = train.known()
    purchases = np.bincount(rows.items, minlength=train.n_items)
    last = int(rows.days.max()) if len(rows) else 0
    first = np.full(train.n_items, last, dtype=np.int64)
    np.minimum.at(first, rows.items, rows.days)
    recent = [np.log(recent_popularity(rows, half_life) + 0.1) for half_life in HALF_LIVES]
    columns = [np.log1p(purchases), *recent, recent[0] - recent[1], np.log1p(last - first)]
    facts = np.stack(columns, axis=1)
    spread = facts.std(axis=0)
    centred = (facts - facts.mean(axis=0)) / np.where(spread > 1e-6, spread, 1.0)
    return np.clip(centred, -5, 5).astype(np.float32)


def feature_names(signals: Signals) -> tuple[str, ...]:
    """Names of the columns of ``Candidates.features``."""
    return (
        *(f"{name} score" for name in signals.names),
        *(f"{name} rank" for name in signals.names),
        *(f"{name} strength" for name in signals.names),
        "purchases",
        *(f"purchases, half-life {days:g} days" for days in HALF_LIVES),
        "trend",
        "age",
        "category affinity",
        "history length",
        "days since the last purchase",
    )


def propose(
    signals: Signals,
    facts: np.ndarray,
    histories: Histories,
    per_signal: int,
    today: int,
    leader: str = "popular",
) -> Candidates:
    """Ask the first stage for candidates and describe them.

    Products of a history are never proposed to its owner.

    Parameters
    ----------
    signals
        The fitted first stage.
    facts
        As of ``item_facts``.
    histories
        Of the customers asked; none empty.
    per_signal
        Products that each proposing signal names.
    today
        Day of the question, to say how long ago a purchase was.
    leader
        The signal that orders what is no candidate.
    """
    scores = signals.scores(histories)
    n_items = scores[0].shape[1]
    owned = histories.matrix(n_items)
    places = owned.nonzero()
    by_name = dict(zip(signals.names, scores, strict=True))
    base = _standardised(by_name[leader]) + TIE_BREAK * _standardised(by_name["popular"])
    nominated = []
    for name, of_signal in by_name.items():
        if name in PROPOSERS:
            hidden = of_signal.copy()
            hidden[places] = NEVER
            nominated.append(_largest(hidden, per_signal))
    items, is_real = _distinct(np.concatenate(nominated, axis=1), owned)
    described = [np.take_along_axis(of_signal, items, axis=1) for of_signal in scores]
    affinity = np.log(signals.affinity(owned))
    columns = [
        *(_standardised(values, is_real) for values in described),
        *(_log_ranks(values, is_real) for values in described),
        *(_strengths(values, is_real) for values in described),
        *(facts[items, column] for column in range(facts.shape[1])),
        np.take_along_axis(affinity, signals.category[items], axis=1),
        *_customer_facts(histories, today),
    ]
    features = np.empty((*items.shape, len(columns)), dtype=np.float32)
    for number, column in enumerate(columns):
        features[:, :, number] = column
    features[~is_real] = 0.0
    return Candidates(items, is_real, features, base)


def _largest(scores: np.ndarray, count: int) -> np.ndarray:
    """Columns of the largest scores of every row, in no order."""
    count = min(count, scores.shape[1])
    return np.argpartition(-scores, count - 1, axis=1)[:, :count].astype(np.int64)


def _distinct(items: np.ndarray, owned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort each row, and mark repeats and what the customer owns as padding."""
    items = np.sort(items, axis=1)
    is_real = np.ones(items.shape, dtype=bool)
    is_real[:, 1:] = items[:, 1:] != items[:, :-1]
    rows = np.repeat(np.arange(len(items)), items.shape[1])
    bought = np.asarray(owned[rows, items.ravel()]).reshape(items.shape)
    is_real &= bought == 0
    return np.where(is_real, items, 0), is_real


def _standardised(values: np.ndarray, is_real: np.ndarray | None = None) -> np.ndarray:
    """Each row with mean 0 and spread 1; a row of equal values is all 0."""
    if is_real is None:
        mean, spread = values.mean(axis=1, keepdims=True), values.std(axis=1, keepdims=True)
    else:
        count = np.maximum(is_real.sum(axis=1, keepdims=True), 1)
        mean = np.where(is_real, values, 0).sum(axis=1, keepdims=True) / count
        squares = np.where(is_real, (values - mean) ** 2, 0).sum(axis=1, keepdims=True)
        spread = np.sqrt(squares / count)
    scaled = (values - mean) / np.where(spread > 1e-12, spread, 1.0)
    return np.clip(scaled, -10, 10).astype(np.float32)


def _log_ranks(values: np.ndarray, is_real: np.ndarray) -> np.ndarray:
    """0 for the best of a row, 1 for the last, logarithmic between; equal values share a rank."""
    hidden = np.where(is_real, values, NEVER)
    order = np.argsort(-hidden, axis=1, kind="stable")
    in_order = np.take_along_axis(hidden, order, axis=1)
    is_new = np.ones(values.shape, dtype=bool)
    is_new[:, 1:] = in_order[:, 1:] != in_order[:, :-1]
    rank = np.maximum.accumulate(np.where(is_new, np.arange(values.shape[1]), 0), axis=1)
    ranks = np.empty_like(rank)
    np.put_along_axis(ranks, order, rank, axis=1)
    return np.log1p(ranks) / np.log1p(values.shape[1])


def _strengths(values: np.ndarray, is_real: np.ndarray) -> np.ndarray:
    """The score relative to the best of its row: how clear the signal is there."""
    best = np.where(is_real, values, 0).max(axis=1, keepdims=True)
    return np.clip(values / np.where(best > 1e-12, best, 1.0), -1, 1)


def _customer_facts(histories: Histories, today: int) -> list[np.ndarray]:
    """History length and days since the last purchase, each ``[b, 1]``."""
    ends = histories.indptr[1:] - 1
    since = np.maximum(today - histories.days[ends].astype(np.int64), 0)
    facts = np.log1p(histories.lengths) / 3.0, np.log1p(since) / 6.0
    return [fact[:, None] for fact in facts]
