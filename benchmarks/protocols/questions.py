"""What a model is asked and how its answer is measured, for the protocols that rank."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse

from product_recommender.metrics.ranking import expected_ranking_metrics, ranking_metrics
from product_recommender.recommenders.base import BLOCK_CELLS, Recommender

if TYPE_CHECKING:
    from product_recommender.interactions import Interactions

PerUser = dict[str, np.ndarray]
"""Name of a metric -> float ``[n]``, one value for each question."""


class Question(ABC):
    """A number of users who are asked for something, and what would be right.

    Attributes
    ----------
    users
        int64 ``[n]``: codes; those of strangers lie beyond the model's users.
    """

    users: np.ndarray

    @abstractmethod
    def measure(self, model: Recommender) -> PerUser:
        """The metrics of a model's answers, float ``[n]`` each."""

    @abstractmethod
    def scores_of(self, row_scores: np.ndarray, rows: slice) -> np.ndarray:
        """What counts of the scores of all items for these questions, float32 ``[b, width]``.

        ``row_scores`` is float32 ``[b, n_items]``; the result holds -inf where nothing counts.
        """

    @abstractmethod
    def relevant(self) -> np.ndarray:
        """bool ``[n, width]``: which columns of ``scores_of`` are right."""

    @abstractmethod
    def sample(self, n: int, seed: int) -> Question:
        """At most ``n`` of the questions."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Columns of ``scores_of``, where the model knows ``n_items`` items."""

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True)
class CandidateQuestion(Question):
    """Rank one right item among a few others, listed for each user.

    Attributes
    ----------
    users
        int64 ``[n]``.
    items
        int64 ``[n, c]``: the right item in the first column, the others after it, -1 where a row
        has fewer. Items that the model does not know may be among them: they rank below all others
        and a right item that is one is a miss.
    n_items
        Items that the model knows.
    k
        Length of the list that is judged.
    """

    users: np.ndarray
    items: np.ndarray
    n_items: int
    k: int = 10

    @property
    def width(self) -> int:
        """Columns of ``items``."""
        return self.items.shape[1]

    def measure(self, model: Recommender) -> PerUser:
        """Hit rate and NDCG; ties are resolved by expectation (``expected_ranking_metrics``)."""
        scores = np.empty(self.items.shape, dtype=np.float32)
        block = max(1, BLOCK_CELLS // max(self.n_items, 1))
        for start in range(0, len(self), block):
            rows = slice(start, start + block)
            scores[rows] = self.scores_of(model.score(self.users[rows]), rows)
        target = np.zeros(scores.shape, dtype=bool)
        target[:, 0] = True
        found = expected_ranking_metrics(scores, target, self.k)
        return {name: found[name] for name in (f"hit_rate@{self.k}", f"ndcg@{self.k}")}

    def scores_of(self, row_scores: np.ndarray, rows: slice) -> np.ndarray:
        """The scores of the candidates; -inf for those that the model does not know."""
        items = self.items[rows]
        known = (items >= 0) & (items < self.n_items)
        chosen = np.take_along_axis(row_scores, np.where(known, items, 0), axis=1)
        return np.where(known, chosen, np.float32(-np.inf))

    def relevant(self) -> np.ndarray:
        """The first column, where the model knows the item."""
        right = np.zeros(self.items.shape, dtype=bool)
        right[:, 0] = (self.items[:, 0] >= 0) & (self.items[:, 0] < self.n_items)
        return right

    def sample(self, n: int, seed: int) -> CandidateQuestion:
        """At most ``n`` of the questions."""
        if n >= len(self):
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(len(self), size=n, replace=False))
        return replace(self, users=self.users[chosen], items=self.items[chosen])


@dataclass(frozen=True)
class CatalogueQuestion(Question):
    """Make a list of all items that the user does not have yet.

    Attributes
    ----------
    users
        int64 ``[n]``.
    targets
        csr bool ``[n, items]``: what would be right, items that the model does not know included
        (they are misses).
    seen
        csr ``[n, items]``: what each has already; left out of the lists.
    n_items
        Items that the model knows.
    lengths
        Lengths of the lists that are judged, ascending.
    wanted
        Metrics kept, without the length: ``hit_rate``, ``ndcg``, ``recall``, ``f1``.
    """

    users: np.ndarray
    targets: scipy.sparse.csr_matrix
    seen: scipy.sparse.csr_matrix
    n_items: int
    lengths: tuple[int, ...]
    wanted: tuple[str, ...]

    @property
    def width(self) -> int:
        """All items that the model knows."""
        return self.n_items

    def measure(self, model: Recommender) -> PerUser:
        """The metrics of ``recommend``'s lists; it breaks ties by an order drawn beforehand."""
        lists, _ = model.recommend(self.users, self.lengths[-1], exclude_seen=False, seen=self.seen)
        result: PerUser = {}
        for k in self.lengths:
            found = ranking_metrics(lists, self.targets, k)
            result |= {f"{name}@{k}": found[f"{name}@{k}"] for name in self.wanted}
        return result

    def scores_of(self, row_scores: np.ndarray, rows: slice) -> np.ndarray:
        """All scores; -inf for what the user has."""
        seen = self.seen[rows][:, : self.n_items].tocoo()
        scores = row_scores.copy()
        scores[seen.row, seen.col] = -np.inf
        return scores

    def relevant(self) -> np.ndarray:
        """The targets that the model knows."""
        right: np.ndarray = self.targets[:, : self.n_items].toarray() > 0
        return right

    def sample(self, n: int, seed: int) -> CatalogueQuestion:
        """At most ``n`` of the questions."""
        if n >= len(self):
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(len(self), size=n, replace=False))
        return replace(
            self, users=self.users[chosen], targets=self.targets[chosen], seen=self.seen[chosen]
        )


@dataclass(frozen=True)
class RankingTask:
    """A data set, divided and ready for models that rank.

    Attributes
    ----------
    train, validation
        What settings are tried on, and what early stopping looks at. None where the data are so
        few that nothing could be put aside.
    chosen_by
        The validation question: the metric ``objective`` on it chooses settings and weights.
    full
        What the final models are trained on; the same object as ``train`` where they are not
        trained again.
    followed
        Every purchase that is known when the test question is asked, for ``Recommender.follow``;
        None where that is what the models were trained on.
    asked
        The test question.
    objective
        Metric of the validation question.
    counts
        Users, items, interactions and oddities of the files.
    """

    train: Interactions
    validation: Interactions | None
    chosen_by: Question | None
    full: Interactions
    followed: Interactions | None
    asked: Question
    objective: str
    counts: dict[str, int]

    @property
    def refits(self) -> bool:
        """Whether final models are trained on more than settings were tried on."""
        return self.full is not self.train


def cells(rows: np.ndarray, items: np.ndarray, shape: tuple[int, int]) -> scipy.sparse.csr_matrix:
    """Binary csr float32 matrix of these cells; repeats count once."""
    matrix = scipy.sparse.csr_matrix(
        (np.ones(len(rows), dtype=np.float32), (rows, items)), shape=shape
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix
