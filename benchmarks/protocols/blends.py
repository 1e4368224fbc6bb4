"""Blends of the models of one run, weighted on the validation part and never on test."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.protocols.questions import Question
from product_recommender.interactions import NEW
from product_recommender.metrics.ranking import expected_ranking_metrics
from product_recommender.recommenders.base import BLOCK_CELLS, Recommender
from product_recommender.recommenders.ensemble import (
    OVERALL,
    BlendConfig,
    BlendedRecommender,
    standardised_scores,
)

ENSEMBLE = "ensemble"
"""The name that asks for the blend of the other models."""

CELLS = 1 << 26
"""Scores of one member that are kept to choose weights by: 128 MB of float16."""

SHORTLIST = 200
"""Best items of each member among which a blend's list is looked for while weights are chosen."""

STEPS = (0.5, 0.25, 0.12, 0.06, 0.03)
"""How far a weight moves at once, coarse to fine."""

SMALLEST = 0.005
"""A smaller weight becomes zero: asking a member costs as much for little as for all."""

NEVER = np.float32(-1e6)
"""Stands for -inf while weights are chosen, where a weight of zero must silence it."""


def judging_sample(question: Question, seed: int) -> Question:
    """As many of the validation questions as all scores can be kept for."""
    return question.sample(max(1, CELLS // max(question.width, 1)), seed)


def kept_scores(model: Recommender, question: Question) -> np.ndarray:
    """A member's scores, standardised for each user, where they count.

    Parameters
    ----------
    model
        Trained on the training part.
    question
        Of known users.

    Returns
    -------
    numpy.ndarray
        float16 ``[n, width]``; -inf where nothing counts.
    """
    import torch

    kept = np.empty((len(question), question.width), dtype=np.float16)
    block = max(1, BLOCK_CELLS // max(model.n_items, 1))
    with torch.inference_mode():
        for start in range(0, len(question), block):
            rows = slice(start, start + block)
            users = torch.from_numpy(question.users[rows].astype(np.int64))
            scores = standardised_scores(model, users, strangers=False).numpy()
            scores = np.broadcast_to(scores, (len(users), model.n_items))
            kept[rows] = question.scores_of(np.clip(scores, -1e4, 1e4), rows)
    return kept


def choose_weights(
    scores: Mapping[str, np.ndarray], relevant: np.ndarray, metric: str
) -> tuple[dict[str, float], float]:
    """Weights on the simplex with the largest NDCG, by moving towards one member at a time.

    The start is the better of equal weights and the best single member. The steps go from coarse to
    fine, towards a member or away from it, and each is taken only if the metric grows.

    Parameters
    ----------
    scores
        Of each member: float16 ``[n, width]`` as of ``kept_scores``.
    relevant
        bool ``[n, width]``.
    metric
        ``ndcg@k``.

    Returns
    -------
    weights : dict
        Every member with its weight; they sum to one.
    value : float
        The metric, over the questions that any member can answer.
    """
    k = int(metric.partition("@")[2])
    names = list(scores)
    answerable = relevant.any(axis=1)
    table, right = _shortlisted(
        [scores[name][answerable] for name in names], relevant[answerable], max(SHORTLIST, k)
    )
    table = np.maximum(table, NEVER)

    def value_of(weights: np.ndarray) -> float:
        blended = np.tensordot(weights.astype(np.float32), table, axes=1)
        return float(expected_ranking_metrics(blended, right, k)[metric].mean())

    singles = np.eye(len(names))
    starts = [*singles, np.full(len(names), 1 / len(names))]
    values = [value_of(start) for start in starts]
    best, best_value = starts[int(np.argmax(values))], max(values)
    for step in STEPS:
        moved = True
        while moved:
            moved = False
            for single in singles:
                for towards in (step, -step):
                    tried = np.maximum(best + towards * (single - best), 0.0)
                    tried /= tried.sum()
                    value = value_of(tried)
                    if value > best_value + 1e-7:
                        best, best_value, moved = tried, value, True
    best = np.where(best < SMALLEST, 0.0, best)
    best /= best.sum()
    return dict(zip(names, (float(weight) for weight in best), strict=True)), best_value


def _shortlisted(
    members: list[np.ndarray], relevant: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Only the columns that are near the top of some member's row, and those that are right.

    Returns
    -------
    table : numpy.ndarray
        float32 ``[members, n, c]``; -inf fills up rows with fewer columns.
    right : numpy.ndarray
        bool ``[n, c]``.
    """
    n, width = relevant.shape
    if width <= most * (len(members) + 1):
        return np.stack(members).astype(np.float32), relevant
    kept = relevant.copy()
    for scores in members:
        top = np.argpartition(-scores.astype(np.float32), most - 1, axis=1)[:, :most]
        np.put_along_axis(kept, top, True, axis=1)
    row, column = np.nonzero(kept)
    lengths = np.bincount(row, minlength=n)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    table = np.full((len(members), n, int(lengths.max())), -np.inf, dtype=np.float32)
    right = np.zeros((n, int(lengths.max())), dtype=bool)
    right[row, place] = relevant[row, column]
    for number, scores in enumerate(members):
        table[number, row, place] = scores[row, column]
    return table, right


def blended(
    members: Mapping[str, Recommender], weights: Mapping[str, float], seed: int
) -> Recommender:
    """The members as one recommender, everybody's weights the same.

    Parameters
    ----------
    members
        Trained on the same purchases.
    weights
        Of these members, on the simplex.
    seed
        Decides the order of ties.
    """
    total = sum(weights.values())
    shares = {name: weight / total for name, weight in weights.items()}
    config = BlendConfig(
        seed=seed,
        members={name: {} for name in members},
        weights={OVERALL: shares, NEW: shares},
    )
    n_users = next(iter(members.values())).n_users
    return BlendedRecommender.of_members(members, config, np.full(n_users, OVERALL, dtype=object))


def blend_stars(
    held_out: Mapping[str, np.ndarray], stars: np.ndarray
) -> tuple[dict[str, float], float]:
    """Non-negative least squares of given stars on predicted ones, both without the mean.

    Parameters
    ----------
    held_out
        Of each member: float ``[n]`` predictions of the validation rows.
    stars
        float ``[n]``: what was given.

    Returns
    -------
    weights : dict
        Not negative; with ``intercept``, a blend is the weighted sum plus it.
    intercept : float
    """
    from scipy.optimize import nnls

    table = np.column_stack(list(held_out.values())).astype(np.float64)
    centre, mean = table.mean(axis=0), float(np.mean(stars))
    weights, _ = nnls(table - centre, stars.astype(np.float64) - mean)
    intercept = mean - float(centre @ weights)
    return dict(zip(held_out, (float(weight) for weight in weights), strict=True)), intercept
