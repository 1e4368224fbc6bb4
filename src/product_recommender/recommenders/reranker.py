"""A two-stage recommender: cheap signals propose a few hundred products, a network orders them.

The network must not learn from scores that already knew the answer: a signal fitted on a purchase
ranks it first, and would be trusted blindly. So the last purchases of the training are held out,
the first stage is fitted on what came before, and the network learns to rank the held-out ones.
Then the first stage is fitted again, on everything, and the network stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from product_recommender.interactions import Interactions
from product_recommender.metrics.ranking import ranking_metrics
from product_recommender.recommenders.base import BLOCK_CELLS, RecommenderConfig
from product_recommender.recommenders.histories import Histories, HistoryRecommender
from product_recommender.recommenders.reranking_features import (
    PROPOSERS,
    Candidates,
    feature_names,
    item_facts,
    propose,
)
from product_recommender.recommenders.reranking_lists import (
    ALL_SIGNALS,
    JUDGED_AT,
    HoldOut,
    Lists,
    concatenated,
    hold_out,
    joined,
    ndcg_of_signals,
    sampled,
)
from product_recommender.recommenders.reranking_signals import SignalConfig, Signals
from product_recommender.recommenders.training import TrainingConfig, seeded, train_network

if TYPE_CHECKING:
    import optuna
    import scipy.sparse
    import torch
    from torch import Tensor

    from product_recommender.recommenders.reranking_network import RerankingNetwork

FEATURES = 32
"""Roughly the features of a candidate, to judge how many customers fit into memory at once."""

SIGNAL_PREFIX, NETWORK_PREFIX = "signals/", "network/"


class RerankerConfig(RecommenderConfig):
    """Settings of ``Reranker``."""

    signals: SignalConfig = Field(default_factory=SignalConfig, description="The first stage.")
    proposals: int = Field(
        60, ge=1, le=5000, description="Candidates that each proposing signal names."
    )
    holdout: HoldOut = Field(
        "time",
        description="Which purchases the network learns to rank: the latest of all (time), each "
        "customer's last one (last), or some of each customer's (random). Without days, time "
        "means random.",
    )
    holdout_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the purchases held out, by time and random."
    )
    max_lists: int = Field(
        20_000, ge=1, description="Customers that the network learns from, at most."
    )
    negatives: int = Field(
        100, ge=1, description="Candidates beside the targets in a list to learn from, at most."
    )
    width: int = Field(16, ge=1, le=1024, description="Units of the network's hidden layers.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Share of units left out in training.")
    validation_users: int = Field(
        2000, ge=1, description="Customers that early stopping asks, at most."
    )
    training: TrainingConfig = Field(
        default_factory=lambda: TrainingConfig(
            epochs=30, batch_size=128, learning_rate=0.003, weight_decay=0.01, patience=5
        ),
        description="The training loop.",
    )


class Reranker(HistoryRecommender):
    """Ranks the products that cheap signals propose by a network over features of the pair.

    What the signals do not propose, and what the customer owns, ranks below the candidates, by the
    signal that ranked the held-out purchases best. A stranger gets the fallback.
    """

    name = "reranker"
    Config = RerankerConfig
    ranks_by = "network over the proposals of cheap signals"
    config: RerankerConfig

    _signals: Signals
    _facts: np.ndarray
    _leader: str
    _network: RerankingNetwork

    @classmethod
    def search_space(cls, trial: optuna.Trial) -> dict[str, Any]:
        """The first stage's counting, and the network's freedom."""
        return {
            "signals": {
                "shrinkage": trial.suggest_float("signals.shrinkage", 0.1, 50.0, log=True),
                "popularity_power": trial.suggest_float("signals.popularity_power", 0.2, 0.6),
                "decay": trial.suggest_float("signals.decay", 0.3, 1.0),
                "half_life_days": trial.suggest_float(
                    "signals.half_life_days", 10.0, 400.0, log=True
                ),
                "ease_l2": trial.suggest_float("signals.ease_l2", 50.0, 2000.0, log=True),
            },
            "dropout": trial.suggest_float("dropout", 0.0, 0.5),
            "training": {
                "learning_rate": trial.suggest_float(
                    "training.learning_rate", 0.0005, 0.01, log=True
                )
            },
        }

    # ------------------------------------------------------------------ training

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        known = train.known()
        is_ordered = len(known) > 0 and int(known.days.min()) < int(known.days.max())
        early, late, how = hold_out(
            known, self.config.holdout, self.config.holdout_share, self.config.seed, is_ordered
        )
        lists = self._lists_to_learn_from(early, late, is_ordered)
        # The first stage of the answers knows everything; that of the lists above did not.
        self._signals = Signals.fit(known, self._histories, self.config.signals, is_ordered)
        self._facts = item_facts(known)
        found = ndcg_of_signals(lists, self._signals.names)
        self._leader = max(self._signals.names, key=lambda name: found[name])
        n_signals, start = len(self._signals.names), np.zeros(len(feature_names(self._signals)))
        # Untrained, it ranks by the best signal or by their mean, whichever is better.
        if found[ALL_SIGNALS] >= found[self._leader]:
            start[:n_signals] = 1.0 / n_signals
        else:
            start[self._signals.names.index(self._leader)] = 1.0
        self._network = self._new_network(start)
        self.fit_report = {
            "held_out": how,
            "signals_ndcg_of_candidates": found,
            "lists": len(lists.customers),
            "features": list(feature_names(self._signals)),
        }
        if len(lists.customers) == 0:
            # Nobody bought twice: the first stage stays as it is.
            self.fit_report |= {"best_epoch": 0}
            return
        self.fit_report |= self._learn(lists, validation)

    def _lists_to_learn_from(
        self, early: Interactions, late: Interactions, is_ordered: bool
    ) -> Lists:
        """Candidates that the first stage named before the late purchases happened."""
        config = self.config
        before = Histories.of(
            early.users, early.items, early.days, self.n_users, self.n_items, config.seed
        )
        targets = late.matrix()
        has_both = (before.lengths > 0) & (np.diff(targets.indptr) > 0)
        customers = np.flatnonzero(has_both)
        rng = np.random.default_rng(config.seed)
        if len(customers) > config.max_lists:
            customers = np.sort(rng.choice(customers, config.max_lists, replace=False))
        if len(customers) == 0:
            empty = np.zeros((0, 1), dtype=bool)
            nothing = Candidates(
                empty.astype(np.int64), empty, np.zeros((0, 1, 1), np.float32), np.zeros((0, 1))
            )
            return Lists(customers, nothing, empty)
        signals = Signals.fit(early, before, config.signals, is_ordered)
        facts, today = item_facts(early), int(early.days.max())
        parts = []
        for block in self._blocks(customers):
            histories = before.take(block)
            found = propose(signals, facts, histories, config.proposals, today)
            rows = np.repeat(np.arange(len(block)), found.items.shape[1])
            bought = np.asarray(targets[block][rows, found.items.ravel()])
            is_target = (bought.reshape(found.items.shape) > 0) & found.is_real
            reached = np.flatnonzero(is_target.any(axis=1))
            parts.append(sampled(block, found, is_target, reached, config.negatives, rng))
        return joined(parts)

    def _blocks(self, users: np.ndarray) -> list[np.ndarray]:
        """Parts of the users whose scores and features fit into memory."""
        candidates = len(PROPOSERS) * min(self.config.proposals, self.n_items)
        size = max(1, BLOCK_CELLS // max(self.n_items, candidates * FEATURES))
        return [users[start : start + size] for start in range(0, len(users), size)]

    def _new_network(self, start: np.ndarray) -> RerankingNetwork:
        import torch

        from product_recommender.recommenders.reranking_network import RerankingNetwork

        with seeded(self.config.seed):
            return RerankingNetwork(
                torch.from_numpy(start).float(), self.config.width, self.config.dropout
            )

    def _learn(self, lists: Lists, validation: Interactions | None) -> dict[str, Any]:
        import torch

        from product_recommender.recommenders.reranking_network import listwise_loss
        from product_recommender.recommenders.training import choose_device

        device = choose_device(self.config.training)
        columns = [
            torch.from_numpy(array).to(device)
            for array in (lists.candidates.features, lists.is_target, lists.candidates.is_real)
        ]
        self._network.to(device)

        def loss(
            features: Tensor, is_target: Tensor, is_real: Tensor, generator: torch.Generator
        ) -> Tensor:
            return listwise_loss(self._network(features), is_target, is_real)

        held_out = None if validation is None else self._validation_lists(validation)
        report = train_network(
            self._network,
            columns,
            loss,
            self.config.training,
            name=self.name,
            seed=self.config.seed,
            validate=None if held_out is None else (lambda: self._ndcg(*held_out)),
            samples_per_row=lists.is_target.shape[1],
        )
        self._network.cpu()
        return report

    def _validation_lists(
        self, validation: Interactions
    ) -> tuple[Candidates, scipy.sparse.csr_matrix] | None:
        """Candidates of some validation customers with a history, and what they bought anew."""
        targets = validation.matrix()
        owned = self._histories.matrix(self.n_items)
        targets = (targets - targets.multiply(owned)).tocsr()
        targets.eliminate_zeros()
        asked = np.flatnonzero(np.diff(targets.indptr) > 0)
        customers = asked[self.is_known(asked)]
        if len(customers) == 0:
            return None
        limit = self.config.validation_users
        if len(customers) > limit:
            rng = np.random.default_rng(self.config.seed)
            customers = np.sort(rng.choice(customers, limit, replace=False))
        parts = [self._propose(self._histories.take(block)) for block in self._blocks(customers)]
        return concatenated([replace(part, base=part.base[:, :0]) for part in parts]), targets[
            customers
        ]

    def _ndcg(self, found: Candidates, targets: scipy.sparse.csr_matrix) -> float:
        scores = self._network_scores(found)
        k = min(JUDGED_AT, scores.shape[1])
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        is_real = np.take_along_axis(found.is_real, best, axis=1)
        lists = np.where(is_real, np.take_along_axis(found.items, best, axis=1), -1)
        return float(ranking_metrics(lists, targets, JUDGED_AT)[f"ndcg@{JUDGED_AT}"].mean())

    # ------------------------------------------------------------------ answering

    def _propose(self, histories: Histories) -> Candidates:
        today = int(self._histories.days.max(initial=0))
        return propose(
            self._signals, self._facts, histories, self.config.proposals, today, self._leader
        )

    def _network_scores(self, found: Candidates) -> np.ndarray:
        """float32 ``[b, c]``, -inf for padding."""
        import torch

        device = next(self._network.parameters()).device
        self._network.eval()
        with torch.inference_mode():
            scores = self._network(torch.from_numpy(found.features).to(device)).cpu().numpy()
        return np.where(found.is_real, scores, -np.inf).astype(np.float32)

    def _score_histories(self, histories: Histories) -> Tensor:
        import torch

        blocks = self._blocks(np.arange(histories.n_users))
        return torch.from_numpy(np.concatenate([self._answer(histories.take(b)) for b in blocks]))

    def _answer(self, histories: Histories) -> np.ndarray:
        """float32 ``[b, n_items]``."""
        found = self._propose(histories)
        scores = self._network_scores(found)
        lowest = np.where(found.is_real, scores, np.inf).min(axis=1, keepdims=True)
        lowest = np.where(np.isfinite(lowest), lowest, 0.0)
        answer = found.base - found.base.max(axis=1, keepdims=True) + lowest - 1.0
        rows, places = np.nonzero(found.is_real)
        answer[rows, found.items[rows, places]] = scores[rows, places]
        return np.asarray(answer, dtype=np.float32)

    # ------------------------------------------------------------------ keeping

    def _state(self) -> dict[str, Tensor]:
        import torch

        network = {NETWORK_PREFIX + key: value for key, value in self._network.state_dict().items()}
        signals = {SIGNAL_PREFIX + key: value for key, value in self._signals.state().items()}
        leader = torch.tensor([self._signals.names.index(self._leader)])
        return network | signals | {"facts": torch.from_numpy(self._facts), "leader": leader}

    def _load_state(self, state: dict[str, Tensor]) -> None:
        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

        self._signals = Signals.from_state(part(SIGNAL_PREFIX), self.config.signals)
        self._facts = state["facts"].numpy()
        self._leader = self._signals.names[int(state["leader"][0])]
        self._network = self._new_network(np.zeros(len(feature_names(self._signals))))
        self._network.load_state_dict(part(NETWORK_PREFIX))
