"""The purchase blend: bought or not regressed on the calibrated scores of every model."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd

from product_recommender.code_names import CodeNames, list_table
from product_recommender.evaluation_cuts import Cut
from product_recommender.interactions import NEW
from product_recommender.metrics.calibration import MonotoneCalibrator
from product_recommender.metrics.ranking import ranking_metrics
from product_recommender.pipelines.ensemble.parameters import (
    EnsembleParameters,
    PurchaseBlendParameters,
)
from product_recommender.pipelines.ensemble.ratings import draw_folds
from product_recommender.recommenders.base import Recommender
from product_recommender.recommenders.blend_learning import (
    PurchasePairs,
    draw_pairs,
    learn_calibrators,
    learn_purchase_weights,
    scores_of_pairs,
)
from product_recommender.recommenders.ensemble import OVERALL, BlendConfig, BlendedRecommender
from product_recommender.recommenders.simplex import SegmentWeights

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evidence:
    """What the weights are learnt from, for one kind of customers: known ones, or strangers.

    Attributes
    ----------
    calibrators
        Learnt on `tune`; empty where too little was bought.
    pairs
        Of `blend` customers.
    scores
        Model to standardised scores of the pairs.
    """

    calibrators: dict[str, MonotoneCalibrator]
    pairs: PurchasePairs
    scores: dict[str, np.ndarray]

    def only(self, names: Collection[str]) -> Evidence:
        """The same of these models alone."""
        return Evidence(
            {name: curve for name, curve in self.calibrators.items() if name in names},
            self.pairs,
            {name: values for name, values in self.scores.items() if name in names},
        )

    def without(self, users: np.ndarray) -> Evidence:
        """The same without the pairs of these customers (user codes)."""
        kept = ~np.isin(self.pairs.users, users)
        rows = kept[self.pairs.rows]
        scores = {name: values[rows] for name, values in self.scores.items()}
        return Evidence(self.calibrators, self.pairs.take(kept), scores)


def gather_evidence(
    members: Mapping[str, Recommender],
    tune: Cut,
    blend: Cut,
    known: bool,
    settings: PurchaseBlendParameters,
    seed: int,
) -> Evidence:
    """Draw pairs at both halves of validation and ask every member about them.

    Parameters
    ----------
    members
        Name to trained model.
    tune, blend
        The two halves of the validation customers.
    known
        Customers with training purchases, or those without.
    settings
        How many.
    seed
        Seeds the draws.
    """
    tune_pairs = _pairs(members, tune, known, settings, seed)
    blend_pairs = _pairs(members, blend, known, settings, seed + 1)
    tune_scores = {name: scores_of_pairs(model, tune_pairs) for name, model in members.items()}
    return Evidence(
        calibrators=learn_calibrators(tune_scores, tune_pairs, settings.min_purchases),
        pairs=blend_pairs,
        scores={name: scores_of_pairs(model, blend_pairs) for name, model in members.items()},
    )


def _pairs(
    members: Mapping[str, Recommender],
    cut: Cut,
    known: bool,
    settings: PurchaseBlendParameters,
    seed: int,
) -> PurchasePairs:
    model = next(iter(members.values()))
    rows = np.flatnonzero((cut.users < model.n_users) == known)
    if len(rows) > settings.max_customers:
        drawn = np.random.default_rng(seed).choice(rows, settings.max_customers, replace=False)
        rows = np.sort(drawn)
    return draw_pairs(
        cut.users[rows],
        cut.targets[rows],
        cut.seen[rows],
        cut.candidates,
        model.n_items,
        settings.negatives,
        seed,
    )


Weights = tuple[SegmentWeights, SegmentWeights]
"""Of the known customers' segments, and of strangers."""


@dataclass(frozen=True)
class PurchaseBlend:
    """Everything that blends of the same members share; weights are learnt from parts of it.

    Attributes
    ----------
    members
        Name to trained model, as of the end of training.
    known, strangers
        What is learnt from.
    segment_of
        Object array ``[n_users_listed]``: each customer's segment, by user code.
    parameters
        Settings of the pipeline.
    """

    members: Mapping[str, Recommender]
    known: Evidence
    strangers: Evidence
    segment_of: np.ndarray
    parameters: EnsembleParameters

    @classmethod
    def gather(
        cls,
        members: Mapping[str, Recommender],
        tune: Cut,
        blend: Cut,
        segment_of: np.ndarray,
        parameters: EnsembleParameters,
    ) -> Self:
        """Ask the members about the customers of both halves of validation."""
        known, strangers = (
            gather_evidence(members, tune, blend, kind, parameters.purchase, parameters.seed)
            for kind in (True, False)
        )
        return cls(members, known, strangers, segment_of, parameters)

    def only(self, names: Collection[str]) -> PurchaseBlend:
        """The same of these members alone, in their own order; nothing is asked again."""
        members = {name: model for name, model in self.members.items() if name in names}
        return replace(
            self,
            members=members,
            known=self.known.only(members),
            strangers=self.strangers.only(members),
        )

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """Names of the known customers' segments."""
        return tuple(sorted({str(name) for name in self.segment_of} - {NEW}))

    def learn(self, without: np.ndarray | None = None) -> Weights:
        """Learn weights, where asked without these customers (user codes)."""
        left_out = np.empty(0, dtype=np.int32) if without is None else without
        known, strangers = self.known.without(left_out), self.strangers.without(left_out)
        position = {name: i for i, name in enumerate(self.segments)}
        codes = [position.get(name, -1) for name in self.segment_of[known.pairs.users]]
        settings = self.parameters.purchase
        of_known = learn_purchase_weights(
            known.scores,
            known.pairs,
            known.calibrators,
            np.array(codes, dtype=np.int64),
            self.segments,
            settings.min_purchases,
            settings.shrinkage_purchases,
        )
        of_strangers = learn_purchase_weights(
            strangers.scores,
            strangers.pairs,
            strangers.calibrators,
            np.zeros(len(strangers.pairs.users), dtype=np.int64),
            (NEW,),
            settings.min_purchases,
            0.0,
        )
        return of_known, of_strangers

    def configured(self, weights: Weights | None) -> BlendConfig:
        """Settings of the blend with these weights; None: equal ones."""
        if weights is None:
            equal = dict.fromkeys(self.members, 1.0 / len(self.members))
            by_segment = {OVERALL: equal, NEW: equal}
        else:
            of_known, of_strangers = weights
            by_segment = of_known.by_name() | {NEW: of_strangers.by_name()[OVERALL]}
        return BlendConfig(
            seed=self.parameters.seed,
            members={n: m.config.model_dump(mode="json") for n, m in self.members.items()},
            calibrators={n: c.to_dict() for n, c in self.known.calibrators.items()},
            stranger_calibrators={n: c.to_dict() for n, c in self.strangers.calibrators.items()},
            weights=by_segment,
        )

    def model(
        self, weights: Weights | None, members: Mapping[str, Recommender] | None = None
    ) -> BlendedRecommender:
        """The blend with these weights; its members as given: refitted, or told of purchases."""
        given = self.members if members is None else members
        members = {name: given[name] for name in self.members}
        return BlendedRecommender.of_members(
            members, self.configured(weights), self.segment_of[: _n_users(members)]
        )

    def cross_fitted_parts(self, blend: Cut) -> Iterator[tuple[BlendedRecommender, Cut]]:
        """Parts of `blend`, each with a model whose weights were learnt on the other parts."""
        fold_of = draw_folds(len(blend.users), self.parameters.folds, self.parameters.seed)
        for fold in np.unique(fold_of):
            part = part_of(blend, np.flatnonzero(fold_of == fold))
            yield self.model(self.learn(without=part.users)), part

    def cross_fitted_answers(self, blend: Cut, k: int, names: CodeNames) -> list[Answer]:
        """Lists for all of `blend`, one answer a fold; blends of other members share the folds."""
        return [
            recommend_at(model, part, k, names) for model, part in self.cross_fitted_parts(blend)
        ]


def purchases_by_segment(weights: Weights) -> dict[str, int]:
    """How many `blend` purchases each segment's weights were learnt from."""
    of_known, of_strangers = weights
    return {OVERALL: of_known.overall_pairs} | of_known.pairs | {NEW: of_strangers.overall_pairs}


def warn_of_equal_weights(weights: Weights, min_purchases: int) -> None:
    """Say so in the log where too little was bought to learn anything."""
    for who, learnt in zip(("known customers", "new customers"), weights, strict=True):
        if learnt.overall_pairs == 0:
            logger.warning(
                "Purchase blend: %s bought too little in a half of validation to calibrate their "
                "scores or learn weights (ensemble.purchase.min_purchases: %d), so every model has "
                "the same weight.",
                who,
                min_purchases,
            )


def _n_users(members: Mapping[str, Recommender]) -> int:
    return next(iter(members.values())).n_users


@dataclass(frozen=True)
class Answer:
    """Lists of one model for the customers of a cut.

    Attributes
    ----------
    table
        Rows of ``<model>.recommendations``.
    ndcg
        float32 ``[n]``: NDCG of each customer's list.
    """

    table: pd.DataFrame
    ndcg: np.ndarray


def recommend_at(model: Recommender, cut: Cut, k: int, names: CodeNames) -> Answer:
    """Ask a model for lists for all customers of a cut."""
    items, scores = model.recommend(
        cut.users, k, exclude_seen=False, candidates=cut.candidates, seen=cut.seen
    )
    table = list_table(cut, items, scores, model.uses_fallback(cut.users), names)
    return Answer(table, ndcg(items, cut, k))


def ndcg(items: np.ndarray, cut: Cut, k: int) -> np.ndarray:
    """NDCG@k of lists ``[n, <= k]`` for the customers of a cut: float32 ``[n]``."""
    return ranking_metrics(items, cut.targets, k)[f"ndcg@{k}"]


def part_of(cut: Cut, rows: np.ndarray) -> Cut:
    """The same cut with only these customers (positions)."""
    return replace(
        cut,
        users=cut.users[rows],
        targets=cut.targets[rows],
        seen=cut.seen[rows],
        history_length=cut.history_length[rows],
    )
