"""What the reranker's network learns from: purchases held out, among candidates named before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from product_recommender.interactions import Interactions
from product_recommender.metrics.ranking import expected_ranking_metrics
from product_recommender.recommenders.reranking_features import Candidates

HoldOut = Literal["time", "last", "random"]

ALL_SIGNALS = "mean of all"

JUDGED_AT = 10
"""Length of the lists by whose NDCG signals and epochs are judged."""


@dataclass(frozen=True)
class Lists:
    """Candidates of customers, and which of them they bought.

    Attributes
    ----------
    customers
        int ``[b]`` codes.
    candidates
        Theirs.
    is_target
        bool ``[b, c]``.
    """

    customers: np.ndarray
    candidates: Candidates
    is_target: np.ndarray


def hold_out(
    known: Interactions, how: HoldOut, share: float, seed: int, is_ordered: bool
) -> tuple[Interactions, Interactions, str]:
    """Divide the training purchases into what the first stage may know and what is asked.

    Parameters
    ----------
    known
        Training purchases.
    how
        ``time``, ``last`` or ``random``; without an order, ``time`` means ``random``.
    share
        Part of the purchases that is held out, by time and at random.
    seed
        Decides what chance decides.
    is_ordered
        Whether days tell purchases apart.

    Returns
    -------
    early, late : Interactions
        A day lies on one side (``time``); a customer's last purchase (``last``) or a random share
        of their purchases, one at least, of customers who have two or more (``random``), is late.
    done : str
        What was done, for the report.
    """
    rng = np.random.default_rng(seed)
    if how == "time" and is_ordered:
        # The first day of the late part; a share of the purchases, in whole days.
        cut = np.quantile(known.days, 1 - share, method="lower")
        is_late = known.days > cut
        if not is_late.any():
            is_late = known.days == known.days.max()
        return known.take(~is_late), known.take(is_late), f"after day {int(cut)}"
    tie = rng.random(len(known))
    order = np.lexsort((tie, known.days if how == "last" else tie, known.users))
    counts = np.bincount(known.users, minlength=known.n_users)
    ends = np.cumsum(counts)[known.users[order]]
    from_end = ends - 1 - np.arange(len(order))
    if how == "last":
        wanted = np.minimum(counts - 1, 1)
        done = "each customer's last purchase"
    else:
        wanted = np.minimum(counts - 1, np.maximum((share * counts).astype(np.int64), 1))
        done = f"{share:.0%} of each customer's purchases, at random"
    is_late = np.zeros(len(known), dtype=bool)
    is_late[order] = from_end < wanted[known.users[order]]
    return known.take(~is_late), known.take(is_late), done


def ndcg_of_signals(lists: Lists, names: tuple[str, ...]) -> dict[str, float]:
    """How well each signal alone orders the lists to learn from.

    Parameters
    ----------
    lists
        Sampled lists.
    names
        Names of the signals, whose scores are the first columns of the features.

    Returns
    -------
    dict of str to float
        Mean NDCG@10, ties by expectation, of each and of their mean (``ALL_SIGNALS``); 0 where
        there are no lists.
    """
    if len(lists.customers) == 0:
        return dict.fromkeys((*names, ALL_SIGNALS), 0.0)
    found = {}
    own = lists.candidates.features[..., : len(names)]
    columns = {name: own[..., column] for column, name in enumerate(names)}
    for name, values in (columns | {ALL_SIGNALS: own.mean(axis=2)}).items():
        scores = np.where(lists.candidates.is_real, values, -np.inf)
        metrics = expected_ranking_metrics(scores, lists.is_target, JUDGED_AT)
        found[name] = round(float(metrics[f"ndcg@{JUDGED_AT}"].mean()), 4)
    return found


def sampled(
    customers: np.ndarray,
    found: Candidates,
    is_target: np.ndarray,
    rows: np.ndarray,
    negatives: int,
    rng: np.random.Generator,
) -> Lists:
    """Rows with their targets and a random sample of the other candidates.

    Parameters
    ----------
    customers, found, is_target
        A block: codes, candidates, and bool ``[b, c]`` of what was bought.
    rows
        int ``[r]``: which of them.
    negatives
        Other candidates kept for each, at most; fewer where targets need their place.
    rng
        Draws them.
    """
    real, target = found.is_real[rows], is_target[rows]
    key = rng.random(real.shape)
    key[target] = -1.0  # targets first, padding last
    key[~real] = 2.0
    width = min(negatives + 1, real.shape[1])
    chosen = np.argsort(key, axis=1, kind="stable")[:, :width]
    kept = Candidates(
        np.take_along_axis(found.items[rows], chosen, axis=1),
        np.take_along_axis(real, chosen, axis=1),
        np.take_along_axis(found.features[rows], chosen[:, :, None], axis=1),
        np.zeros((len(rows), 0), dtype=np.float32),
    )
    return Lists(customers[rows], kept, np.take_along_axis(target, chosen, axis=1))


def joined(parts: list[Lists]) -> Lists:
    """Blocks as one."""
    return Lists(
        np.concatenate([part.customers for part in parts]),
        concatenated([part.candidates for part in parts]),
        np.concatenate([part.is_target for part in parts]),
    )


def concatenated(parts: list[Candidates]) -> Candidates:
    """Candidates of blocks of customers as one block."""
    return Candidates(
        items=np.concatenate([part.items for part in parts]),
        is_real=np.concatenate([part.is_real for part in parts]),
        features=np.concatenate([part.features for part in parts]),
        base=np.concatenate([part.base for part in parts]),
    )
