"""Which days are asked about, and what came of it.

Every question is asked at the end of a day, the cut, about the period of ``period_days`` days after
it. Periods to learn from end with the training part; those that calibrate and choose lie in the
validation part, and those that judge in the test part. No two periods overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from product_recommender.propensity.purchase_log import PurchaseLog


@dataclass(frozen=True)
class Schedule:
    """The cuts, as days since 1970-01-01.

    Attributes
    ----------
    training, validation, test
        Cuts, ascending; any may be empty.
    notes
        What a reader has to know where a part was too short for a period.
    """

    training: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Questions:
    """Customers and categories at cuts, with what came of it.

    Attributes
    ----------
    users, categories, days
        int64 ``[n]``; ``days`` are the cuts.
    outcomes
        bool ``[n]``: bought in the period.
    weights
        float64 ``[n]``: how many questions each row stands for; 1 where nothing was drawn.
    """

    users: np.ndarray
    categories: np.ndarray
    days: np.ndarray
    outcomes: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: np.ndarray) -> Questions:
        """Only these rows (a boolean mask or an index array)."""
        return Questions(
            self.users[rows],
            self.categories[rows],
            self.days[rows],
            self.outcomes[rows],
            self.weights[rows],
        )


def schedule_periods(
    first_day: int,
    train_until: int,
    validation_until: int,
    last_day: int,
    period_days: int,
    training_periods: int,
) -> Schedule:
    """Lay periods into the three parts.

    Where the validation part is shorter than a period, the last period of training stands in for
    it and is not learnt from.

    Parameters
    ----------
    first_day, train_until, validation_until, last_day
        First day of the data and last days of the parts, days since 1970-01-01.
    period_days
        Length of a period.
    training_periods
        Periods to learn from, at most. Each has at least one period of history before it.
    """
    notes = []
    validation = tuple(range(train_until, validation_until - period_days + 1, period_days))
    learnt_until = train_until
    if not validation:
        notes.append(
            f"The validation part ({validation_until - train_until} days) is shorter than a "
            f"period of {period_days} days: the last period of training calibrates and chooses."
        )
        learnt_until = train_until - period_days
        validation = (learnt_until,) if learnt_until >= first_day else ()
    cuts = [learnt_until - number * period_days for number in range(training_periods, 0, -1)]
    test = tuple(range(validation_until, last_day - period_days + 1, period_days))
    if not test:
        notes.append(
            f"The test part ({last_day - validation_until} days) is shorter than a period of "
            f"{period_days} days: nothing is measured. Lower propensity.period_days."
        )
    training = tuple(cut for cut in cuts if cut >= first_day + period_days - 1)
    return Schedule(training, validation, test, tuple(notes))


def all_questions(log: PurchaseLog, cut: int, period_days: int) -> Questions:
    """Everybody with a purchase by the cut, in every category.

    Parameters
    ----------
    log
        All purchases.
    cut
        The day.
    period_days
        Length of the period after it.
    """
    known = log.known(cut)
    users = np.repeat(known, log.n_categories)
    categories = np.tile(np.arange(log.n_categories), len(known))
    return Questions(
        users,
        categories,
        np.full(len(users), cut),
        log.bought(users, categories, cut, cut + period_days),
        np.ones(len(users)),
    )


def drawn_questions(
    log: PurchaseLog, cut: int, period_days: int, negatives: int, rng: np.random.Generator
) -> Questions:
    """All purchases of a period, and some of the rest with the weight of the whole rest.

    Parameters
    ----------
    log, cut, period_days
        As of ``all_questions``.
    negatives
        Customers with a category that they did not buy in, about as many at most.
    rng
        Draws them.
    """
    known = log.known(cut)
    total = len(known) * log.n_categories
    if total <= 2 * negatives:
        return all_questions(log, cut, period_days)
    bought = log.pairs_bought(cut, cut + period_days)
    bought = bought[np.isin(bought // log.n_categories, known)]
    drawn = np.unique(rng.integers(0, total, size=negatives))
    drawn = known[drawn // log.n_categories] * log.n_categories + drawn % log.n_categories
    rest = np.setdiff1d(drawn, bought, assume_unique=True)
    pairs = np.concatenate([bought, rest])
    outcomes = np.arange(len(pairs)) < len(bought)
    weights = np.where(outcomes, 1.0, (total - len(bought)) / max(1, len(rest)))
    return Questions(
        pairs // log.n_categories,
        pairs % log.n_categories,
        np.full(len(pairs), cut),
        outcomes,
        weights,
    )


def joined(parts: list[Questions]) -> Questions:
    """Several sets of questions as one; at least one is needed."""
    return Questions(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("users", "categories", "days", "outcomes", "weights")
        )
    )
