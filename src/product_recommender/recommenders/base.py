"""The interface of every recommender, and the parts of it that are the same for all of them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from product_recommender.interactions import Interactions
from product_recommender.recommenders.top_k import (
    Cells,
    Request,
    best_of_rows,
    best_of_shared_row,
    hidden_cells,
    rows_of,
)

if TYPE_CHECKING:
    import optuna
    import scipy.sparse
    from torch import Tensor

    from product_recommender.recommenders.explanation import Explanation

BLOCK_CELLS = 1 << 23
"""Scores held at once, users x items: 8 M cells are 32 MB of float32."""


class RecommenderConfig(BaseModel):
    """Settings that every recommender has. Each model's own class adds to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(
        default=0, ge=0, description="Seeds initial weights, sampling and the order of ties."
    )
    fallback_half_life_days: float = Field(
        default=60.0,
        gt=0,
        description="Half-life of the recent popularity that answers for strangers, in days.",
    )


class NotTrainedError(RuntimeError):
    """A model was asked for an answer before it was fitted or loaded."""


class Recommender(ABC):
    """Base class of all recommenders.

    A subclass implements ``_fit``, ``_score``, ``_state`` and ``_load_state``, and ``predict``
    where it predicts something. It never sees a stranger in ``_score``: the base class answers for
    users without training purchases with recent popularity (``is_known`` tells which those are;
    a model that has its own answer for them overrides ``_score_strangers`` and ``uses_fallback``)
    and ranks products that are not scored below all others. Scored are the training products
    (``n_items_scored``), unless a model knows others by what they are.

    Class attributes
    ----------------
    name
        Name in the catalog and in every table.
    Config
        The pydantic class of its settings.
    predicts
        What ``predict`` returns: ``"stars"``, ``"purchase"`` (a probability) or None.
    ranks_by
        What its ranking sorts by, in words for a table.
    reads_contents
        Whether it reads ``Interactions.contents``; only then are embeddings asked for.
    """

    name: ClassVar[str]
    Config: ClassVar[type[RecommenderConfig]] = RecommenderConfig
    predicts: ClassVar[Literal["stars", "purchase"] | None] = None
    ranks_by: ClassVar[str]
    reads_contents: ClassVar[bool] = False

    @classmethod
    def search_space(cls, trial: optuna.Trial) -> dict[str, Any]:
        """Settings that tuning tries: ask the trial, return overrides of ``Config``.

        Parameters
        ----------
        trial
            An Optuna trial; names given to its ``suggest_`` methods are the config's own.

        Returns
        -------
        dict
            Keyword arguments for ``config.model_copy`` or ``Config``. Empty (the default): this
            model has nothing to tune.
        """
        return {}

    def __init__(self, config: RecommenderConfig | None = None) -> None:
        self.config = config if config is not None else self.Config()
        self.n_users = 0
        self.n_items = 0
        self.fit_report: dict[str, Any] = {}
        self._fallback: np.ndarray | None = None
        self._seen_indptr: np.ndarray | None = None
        self._seen_indices: np.ndarray | None = None

    # ------------------------------------------------------------------ training

    def fit(self, train: Interactions, validation: Interactions | None = None) -> Self:
        """Learn from training purchases.

        Parameters
        ----------
        train
            Training purchases; all codes inside the prefixes.
        validation
            Purchases of the `tune` customers for early stopping; never `blend` or test.

        Returns
        -------
        Self
            The fitted model. ``fit_report`` says what happened (json-serialisable).

        Raises
        ------
        ValueError
            If there is nothing to train on.
        """
        if len(train) == 0 or train.n_items == 0:
            raise ValueError(f"{self.name}: there is no training purchase to learn from")
        self.n_users, self.n_items = train.n_users, train.n_items
        self._remember(train)
        self._fallback = recent_popularity(train, self.config.fallback_half_life_days)
        self._fit(train, validation)
        return self

    def _remember(self, train: Interactions) -> None:
        """Keep who bought what, to leave it out of lists."""
        matrix = train.matrix()
        self._seen_indptr = matrix.indptr.astype(np.int64)
        self._seen_indices = matrix.indices.astype(np.int32)

    @abstractmethod
    def _fit(self, train: Interactions, validation: Interactions | None) -> None: ...

    @property
    def n_items_scored(self) -> int:
        """Codes that have a score of their own: the training items, and those known by content."""
        return self.n_items

    @property
    def is_trained(self) -> bool:
        """Whether the model can answer."""
        return self._fallback is not None

    def is_known(self, users: np.ndarray) -> np.ndarray:
        """bool ``[n]``: True where the model has seen the user; the others get the fallback."""
        users = np.asarray(users)
        return (users >= 0) & (users < self.n_users)

    def uses_fallback(self, users: np.ndarray) -> np.ndarray:
        """bool ``[n]``: True where the list is not the model's own but the fallback's."""
        return ~self.is_known(users)

    def follow(self, users: np.ndarray, items: np.ndarray, days: np.ndarray) -> Self:
        """Answer from what customers have bought by now, without learning from it.

        A model that knows customers by their training alone stays as it is (the default); one that
        answers from histories (``HistoryRecommender``) takes these instead of the training ones.

        Parameters
        ----------
        users, items, days
            int ``[n]``: every purchase so far, those of the training included.

        Returns
        -------
        Self
            The model that knows these purchases; it shares its weights with this one, which stays
            as it is.
        """
        self._require_training()
        return self

    # ------------------------------------------------------------------ answering

    @abstractmethod
    def _score(self, users: Tensor) -> Tensor:
        """Scores of known users for all items that are scored.

        int64 ``[b]`` -> float32 ``[b, n_items_scored]``, or ``[1, n_items_scored]`` where all users
        share one row (that is answered much faster). NaN is an error, -inf means "never recommend".
        """

    def _score_strangers(self, users: Tensor) -> Tensor:
        """The same for users that are not known; recent popularity unless a model knows better."""
        import torch

        assert self._fallback is not None
        return torch.from_numpy(self._fallback)[None]

    def score(self, users: np.ndarray, items: np.ndarray | None = None) -> np.ndarray:
        """Scores for ranking, larger is better. Call it with blocks of users.

        Parameters
        ----------
        users
            int ``[b]`` user codes; strangers get the fallback's scores.
        items
            int ``[m]`` item codes; None means all items that are scored, in order.

        Returns
        -------
        numpy.ndarray
            float32 ``[b, n_items_scored]`` or ``[b, m]``. Scores of different users need not be on
            one scale. Items that are not scored rank below all others.
        """
        import torch

        self._require_training()
        users = np.asarray(users)
        width = self.n_items_scored if items is None else len(items)
        scores = np.empty((len(users), width), dtype=np.float32)
        known = self.is_known(users)
        with torch.inference_mode():
            for rows, answer in ((known, self._score), (~known, self._score_strangers)):
                if rows.any():
                    part = answer(torch.from_numpy(users[rows].astype(np.int64)))
                    scores[rows] = self._at_items(part, items).float().cpu().numpy()
        return scores

    def _at_items(self, scores: Tensor, items: np.ndarray | None) -> Tensor:
        """The columns of these items, those that are not scored below all others."""
        import torch

        if items is None:
            return scores
        items = np.asarray(items)
        strange = (items < 0) | (items >= self.n_items_scored)
        columns = torch.from_numpy(np.where(strange, 0, items).astype(np.int64)).to(scores.device)
        chosen = scores.index_select(1, columns)
        if strange.any():
            lowest = scores.min(dim=1, keepdim=True).values
            # Where the scores are so large that one is lost in rounding, the next float will do.
            below = torch.minimum(
                lowest - 1.0, torch.nextafter(lowest, torch.full_like(lowest, -torch.inf))
            )
            chosen = torch.where(torch.from_numpy(strange).to(scores.device), below, chosen)
        return chosen

    def recommend(
        self,
        users: np.ndarray,
        k: int,
        exclude_seen: bool = True,
        candidates: np.ndarray | None = None,
        seen: scipy.sparse.csr_matrix | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best ``k`` items for each user.

        Ties are broken by one random order of the items, drawn from the seed before any score is
        looked at, so that no tie can favour the item that turns out to be the target.

        Parameters
        ----------
        users
            int ``[n]`` user codes; strangers are answered by the fallback.
        k
            How many; fewer come back where fewer candidates are left.
        exclude_seen
            Leave out the user's training purchases.
        candidates
            int ``[m]`` item codes that may be recommended; None means all training items.
        seen
            Further purchases to leave out: csr ``[n, >= max item code + 1]``, row i for users[i].

        Returns
        -------
        items : numpy.ndarray
            int32 ``[n, min(k, m)]``, best first, -1 where no candidate was left.
        scores : numpy.ndarray
            float32, same shape, -inf where items is -1.

        Raises
        ------
        NotTrainedError
            If the model was never fitted or loaded.
        ValueError
            If ``k`` is below 1, a candidate has no code, ``seen`` has not one row for each user,
            or a score is NaN.
        """
        import torch

        self._require_training()
        users = np.asarray(users)
        try:
            request = Request.of(
                len(users),
                self.n_items,
                k,
                candidates,
                seen,
                self.config.seed,
                self.n_items_scored,
            )
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error
        pool, width = request.pool, request.width
        best_items = np.full((len(users), width), -1, dtype=np.int32)
        best_scores = np.full((len(users), width), -np.inf, dtype=np.float32)
        if width == 0 or len(users) == 0:
            return best_items, best_scores
        known = self.is_known(users)
        block = max(1, BLOCK_CELLS // max(self.n_items_scored, len(pool)))
        with torch.inference_mode():
            for of_group, answer in ((known, self._score), (~known, self._score_strangers)):
                group = np.flatnonzero(of_group)
                for start in range(0, len(group), block):
                    rows = group[start : start + block]
                    scores = answer(torch.from_numpy(users[rows].astype(np.int64)))
                    hidden = self._hidden_cells(users[rows], rows, request, exclude_seen)
                    columns, values = self._best(scores, hidden, len(rows), request)
                    best_items[rows] = np.where(columns < 0, -1, pool[columns])
                    best_scores[rows] = values
        return best_items, best_scores

    def _hidden_cells(
        self, users: np.ndarray, rows: np.ndarray, request: Request, exclude_seen: bool
    ) -> Cells:
        """Cells of this block that must not be recommended; rows are numbers in the request."""
        purchases = []
        if exclude_seen:
            assert self._seen_indptr is not None
            assert self._seen_indices is not None
            buyers = np.flatnonzero((users >= 0) & (users < len(self._seen_indptr) - 1))
            row, item = rows_of(self._seen_indptr, self._seen_indices, users[buyers])
            purchases.append((buyers[row], item))
        if request.seen is not None:
            purchases.append(rows_of(request.seen.indptr, request.seen.indices, rows))
        return request.cells(purchases)

    def _best(
        self, scores: Tensor, hidden: Cells, n_rows: int, request: Request
    ) -> tuple[np.ndarray, np.ndarray]:
        """Columns of the pool and their scores."""
        if not request.is_whole_range:
            scores = self._at_items(scores, request.pool)
        try:
            if scores.shape[0] == 1:
                row = scores[0].float().cpu().numpy()
                return best_of_shared_row(row, request.priority, hidden, n_rows, request.width)
            with hidden_cells(scores, hidden) as visible:
                return best_of_rows(visible, request.priority, request.width)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """A rating in stars or a purchase probability, as ``predicts`` says.

        Parameters
        ----------
        users, items
            int ``[n]`` codes; strangers are answered from what the model knows of the rest.

        Returns
        -------
        numpy.ndarray
            float32 ``[n]``.

        Raises
        ------
        NotImplementedError
            If the model only ranks (``predicts`` is None).
        """
        raise NotImplementedError(f"{self.name} ranks products; it predicts neither stars nor odds")

    def explain(self, user: int, item: int) -> Explanation | None:
        """Why this product for this customer, where the model can tell.

        Parameters
        ----------
        user, item
            Codes.

        Returns
        -------
        Explanation or None
            None (the default): the model cannot tell. The caller falls back on what the tables
            say, for example that the product was often bought together with another.
        """
        return None

    # ------------------------------------------------------------------ keeping

    @abstractmethod
    def _state(self) -> dict[str, Tensor]: ...

    @abstractmethod
    def _load_state(self, state: dict[str, Tensor]) -> None: ...

    def state(self) -> dict[str, Tensor]:
        """Everything that is needed to answer again, as flat, contiguous, untied tensors."""
        import torch

        self._require_training()
        base = {
            "base/fallback": torch.from_numpy(np.ascontiguousarray(self._fallback)),
            "base/seen_indptr": torch.from_numpy(np.ascontiguousarray(self._seen_indptr)),
            "base/seen_indices": torch.from_numpy(np.ascontiguousarray(self._seen_indices)),
            "base/size": torch.tensor([self.n_users, self.n_items], dtype=torch.int64),
        }
        own = {
            key: value.detach().cpu().contiguous().clone() for key, value in self._state().items()
        }
        return base | own

    @classmethod
    def from_state(cls, state: dict[str, Tensor], config: dict[str, Any]) -> Self:
        """Rebuild a model from ``state()`` and the ``parameters`` of its saved configuration.

        Parameters
        ----------
        state
            As returned by ``state()``.
        config
            Keyword arguments of ``Config``.
        """
        model = cls(cls.Config(**config))
        model._load_base(state)
        model._load_state(cls._own_state(state))
        return model

    @classmethod
    def _own_state(cls, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """What ``_state`` gave."""
        return {key: value for key, value in state.items() if not key.startswith("base/")}

    def _load_base(self, state: dict[str, Tensor]) -> None:
        self.n_users, self.n_items = (int(n) for n in state["base/size"])
        self._fallback = state["base/fallback"].numpy()
        self._seen_indptr = state["base/seen_indptr"].numpy()
        self._seen_indices = state["base/seen_indices"].numpy()

    def save(self, folder: str | Path) -> None:
        """Write ``weights.safetensors`` and ``config.json`` for a server."""
        from safetensors.torch import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.state(), folder / "weights.safetensors")
        content = {"model": self.name, "parameters": self.config.model_dump(mode="json")}
        (folder / "config.json").write_text(json.dumps(content, indent=2))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what ``save`` wrote."""
        from safetensors.torch import load_file

        folder = Path(folder)
        content = json.loads((folder / "config.json").read_text())
        if content["model"] != cls.name:
            raise ValueError(f"{folder} holds the model {content['model']!r}, not {cls.name!r}")
        return cls.from_state(load_file(folder / "weights.safetensors"), content["parameters"])

    def _require_training(self) -> None:
        if not self.is_trained:
            raise NotTrainedError(
                f"{self.name} is not trained: call fit(), or load it with from_state() or load()"
            )


def recent_popularity(train: Interactions, half_life_days: float) -> np.ndarray:
    """Purchases per item, each weighted by its age at the last training day.

    Parameters
    ----------
    train
        Training purchases.
    half_life_days
        Age at which a purchase counts half.

    Returns
    -------
    numpy.ndarray
        float32 ``[n_items]``.
    """
    rows = train.known()
    if len(rows) == 0:
        return np.zeros(train.n_items, dtype=np.float32)
    age = (rows.days.max() - rows.days).astype(np.float64)
    weights = np.exp2(-age / half_life_days)
    return np.bincount(rows.items, weights=weights, minlength=train.n_items).astype(np.float32)
