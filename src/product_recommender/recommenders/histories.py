"""What customers bought, in order, and the recommenders that answer from that alone.

A model with an embedding per user knows the customers of its training and nobody else. A model that
answers from a history knows everyone who has bought something, as soon as they have: it has to be
told, not trained. In data where most customers bought once, that is most of the difference.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import Recommender
from product_recommender.recommenders.top_k import places_of

if TYPE_CHECKING:
    import scipy.sparse
    from torch import Tensor

_KEYS = ("indptr", "items", "days")


@dataclass(frozen=True)
class Histories:
    """Purchases of many users, each user's in the order of time.

    Attributes
    ----------
    indptr
        int64 ``[n_users + 1]``: user u's purchases are ``items[indptr[u]:indptr[u + 1]]``.
    items
        int32 ``[n]`` item codes.
    days
        int32 ``[n]``, days since 1970-01-01.
    """

    indptr: np.ndarray
    items: np.ndarray
    days: np.ndarray

    @classmethod
    def of(
        cls,
        users: np.ndarray,
        items: np.ndarray,
        days: np.ndarray,
        n_users: int,
        n_items: int,
        seed: int,
    ) -> Histories:
        """Sort purchases by user and day.

        Purchases of users or items without a code below ``n_users`` or ``n_items`` are left out.

        Parameters
        ----------
        users, items, days
            int ``[n]``.
        n_users, n_items
            How many users there are histories for, and items the models know.
        seed
            Decides the order of purchases of one day, which has no meaning.
        """
        users, items, days = np.asarray(users), np.asarray(items), np.asarray(days)
        kept = np.flatnonzero((users >= 0) & (users < n_users) & (items >= 0) & (items < n_items))
        # Sorted first by all that is known, so that the order of the rows given does not matter.
        kept = kept[np.lexsort((items[kept], days[kept], users[kept]))]
        tie = np.random.default_rng(seed).random(len(kept))
        kept = kept[np.lexsort((tie, days[kept], users[kept]))]
        counts = np.bincount(users[kept], minlength=n_users)
        return cls(
            indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            items=items[kept].astype(np.int32),
            days=days[kept].astype(np.int32),
        )

    @property
    def n_users(self) -> int:
        """Users there are rows for, empty ones included."""
        return len(self.indptr) - 1

    @property
    def lengths(self) -> np.ndarray:
        """int64 ``[n_users]``: purchases of each user."""
        return np.diff(self.indptr)

    def take(self, users: np.ndarray) -> Histories:
        """The histories of these users, in this order; a code without a row gets an empty one.

        Parameters
        ----------
        users
            int ``[b]``.
        """
        users = np.asarray(users, dtype=np.int64)
        inside = (users >= 0) & (users < self.n_users)
        counts = np.zeros(len(users), dtype=np.int64)
        counts[inside] = self.lengths[users[inside]]
        indptr = np.concatenate([[0], np.cumsum(counts)])
        _, places = places_of(self.indptr, users[inside])
        return Histories(indptr.astype(np.int64), self.items[places], self.days[places])

    def matrix(self, n_items: int) -> scipy.sparse.csr_matrix:
        """Binary csr float32 ``[n_users, n_items]``; a repeated purchase counts once."""
        import scipy.sparse

        ones = np.ones(len(self.items), dtype=np.float32)
        matrix = scipy.sparse.csr_matrix(
            (ones, self.items, self.indptr), shape=(self.n_users, n_items), copy=True
        )
        matrix.sum_duplicates()
        matrix.data[:] = 1.0
        return matrix

    def last(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """The last purchases of each user as a rectangle, the newest in the last column.

        Parameters
        ----------
        length
            Columns; older purchases are cut off.

        Returns
        -------
        items : numpy.ndarray
            int64 ``[n_users, length]``, -1 left of the first purchase.
        days : numpy.ndarray
            int32 ``[n_users, length]``, 0 there.
        """
        items = np.full((self.n_users, length), -1, dtype=np.int64)
        days = np.zeros((self.n_users, length), dtype=np.int32)
        rows = np.repeat(np.arange(self.n_users), self.lengths)
        from_end = self.indptr[1:][rows] - np.arange(len(self.items))
        kept = from_end <= length
        place = rows[kept], length - from_end[kept]
        items[place], days[place] = self.items[kept], self.days[kept]
        return items, days


class HistoryRecommender(Recommender):
    """Base class of recommenders that answer from what a user bought, not from who they are.

    A subclass implements ``_fit`` (``self._histories`` holds the training histories by then),
    ``_score_histories``, ``_state`` and ``_load_state``. ``follow`` gives it newer purchases.
    """

    _histories: Histories

    def _remember(self, train: Interactions) -> None:
        super()._remember(train)
        self._histories = Histories.of(
            train.users, train.items, train.days, self.n_users, self.n_items, self.config.seed
        )

    def is_known(self, users: np.ndarray) -> np.ndarray:
        """bool ``[n]``: True where the user has bought something that the model knows."""
        self._require_training()
        users = np.asarray(users)
        known = (users >= 0) & (users < self._histories.n_users)
        known[known] = self._histories.lengths[users[known]] > 0
        return known

    def follow(self, users: np.ndarray, items: np.ndarray, days: np.ndarray) -> Self:
        """Answer from these purchases from now on: all that customers have bought until today.

        Parameters
        ----------
        users, items, days
            int ``[n]``: every purchase so far, those of the training included. Users may be new;
            items that were not trained on are passed over.

        Returns
        -------
        Self
            A model with these histories, which shares its weights with this one; this one stays
            as it is.
        """
        self._require_training()
        n_users = max(self.n_users, int(np.max(users, initial=-1)) + 1)
        followed = copy.copy(self)
        followed._histories = Histories.of(
            users, items, days, n_users, self.n_items, self.config.seed
        )
        matrix = followed._histories.matrix(self.n_items)
        matrix.sort_indices()
        followed._seen_indptr = matrix.indptr.astype(np.int64)
        followed._seen_indices = matrix.indices.astype(np.int32)
        return followed

    def _score(self, users: Tensor) -> Tensor:
        return self._score_histories(self._histories.take(users.cpu().numpy()))

    @abstractmethod
    def _score_histories(self, histories: Histories) -> Tensor:
        """Scores of all training items after each history.

        None of the histories is empty. float32 ``[histories.n_users, n_items]``.
        """

    def state(self) -> dict[str, Tensor]:
        """Everything that is needed to answer again, the histories included."""
        import torch

        self._require_training()
        kept = {
            f"history/{key}": torch.from_numpy(np.ascontiguousarray(getattr(self._histories, key)))
            for key in _KEYS
        }
        return super().state() | kept

    @classmethod
    def _own_state(cls, state: dict[str, Tensor]) -> dict[str, Tensor]:
        own = super()._own_state(state)
        return {key: value for key, value in own.items() if not key.startswith("history/")}

    def _load_base(self, state: dict[str, Tensor]) -> None:
        super()._load_base(state)
        self._histories = Histories(*(state[f"history/{key}"].numpy() for key in _KEYS))
