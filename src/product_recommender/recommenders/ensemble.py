"""Several recommenders as one: a weighted mean of calibrated scores, weighted per segment."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field, model_validator

from product_recommender.interactions import NEW, Interactions
from product_recommender.metrics.calibration import MonotoneCalibrator
from product_recommender.recommenders.base import Recommender, RecommenderConfig
from product_recommender.recommenders.registry import recommender_class

if TYPE_CHECKING:
    from torch import Tensor

OVERALL = "overall"
"""Key of the weights for known customers without a segment of their own."""

MIN_WEIGHT = 1e-3
"""A member with less weight than this in a segment is not asked: it cannot change a list much,
and asking every network about every product is most of the cost."""


class BlendConfig(RecommenderConfig):
    """What the blend consists of. Learnt, not chosen: see ``blend_learning.py``."""

    members: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Name of each member and the parameters of its Config."
    )
    calibrators: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Calibration of each member's scores of known customers; a member that is "
        "missing blends its standardised scores as they are.",
    )
    stranger_calibrators: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="The same for strangers."
    )
    weights: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="Segment to member to weight, with the keys 'overall' and 'New'.",
    )

    @model_validator(mode="after")
    def _weights_are_on_the_simplex(self) -> Self:
        if self.members and not {OVERALL, NEW} <= set(self.weights):
            raise ValueError(f"weights need the keys {OVERALL!r} and {NEW!r}")
        for segment, weights in self.weights.items():
            strange = set(weights) - set(self.members)
            total = sum(weights.values())
            if strange or min(weights.values()) < 0 or abs(total - 1) > 1e-6:
                raise ValueError(
                    f"the weights of {segment!r} must be non-negative, sum to one and name members "
                    f"only: {weights}"
                )
        return self


class BlendedRecommender(Recommender):
    """Ranks by ``sum_m w[segment(u), m] * calibrated_m(standardised score_m(u, i))``.

    Scores of different members, and of one member for different customers, are not on one scale.
    Each customer's scores are therefore standardised over the training products first; a monotone
    calibration, learnt on other customers, then turns them into chances of a purchase. Strangers
    have calibrations and weights of their own, because members answer them from elsewhere.

    Products without a training purchase come last, also where a member knows them by their content:
    calibrations and weights are learnt at the validation cut, where every candidate has a training
    purchase, so nothing says what such a member's score of a new product is worth beside the rest.

    The members are not copied: memory is theirs.
    """

    name = "ensemble"
    Config = BlendConfig
    ranks_by = "blended purchase chance"
    config: BlendConfig

    def __init__(self, config: BlendConfig | None = None) -> None:
        super().__init__(config)
        self.members: dict[str, Recommender] = {}
        self._calibrators, self._stranger_calibrators = (
            {name: ChanceCurve(MonotoneCalibrator.from_dict(c)) for name, c in contents.items()}
            for contents in (self.config.calibrators, self.config.stranger_calibrators)
        )
        self._segments = tuple(self.config.weights)
        self._segment_of: np.ndarray = np.empty(0, dtype=np.int16)

    @classmethod
    def of_members(
        cls, members: Mapping[str, Recommender], config: BlendConfig, segment_of: np.ndarray
    ) -> Self:
        """Blend recommenders that are trained already.

        Parameters
        ----------
        members
            Name to trained recommender, all trained on the same purchases.
        config
            Weights and calibrations of these members.
        segment_of
            Object array ``[n_users]`` of segment names of the training customers; names without
            weights count as ``overall``.

        Raises
        ------
        ValueError
            If there is no member, or they were not trained on the same customers and products.
        """
        blended = cls(config)
        blended.members = dict(members)
        sizes = {name: (member.n_users, member.n_items) for name, member in members.items()}
        if len(set(sizes.values())) != 1:
            raise ValueError(f"members must share one training universe (users, items): {sizes}")
        blended.n_users, blended.n_items = next(iter(sizes.values()))
        first = next(iter(members.values()))
        blended._fallback = first._fallback
        blended._seen_indptr, blended._seen_indices = first._seen_indptr, first._seen_indices
        blended._segment_of = blended._segment_codes(segment_of)
        return blended

    def _segment_codes(self, names: np.ndarray) -> np.ndarray:
        code = {name: position for position, name in enumerate(self._segments)}
        unique, inverse = np.unique(
            np.asarray(names, dtype=object).astype(str), return_inverse=True
        )
        # Strangers' weights are learnt from strangers' scores: no known customer may use them.
        codes = [code[OVERALL] if n == NEW else code.get(str(n), code[OVERALL]) for n in unique]
        return np.array(codes, dtype=np.int16)[inverse]

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        """Train every member; weights and calibrations stay as configured."""
        self.members = {}
        for name, parameters in self.config.members.items():
            member_class = recommender_class(name)
            member = member_class(member_class.Config(**parameters)).fit(train, validation)
            self.members[name] = member
        names = np.full(train.n_users, OVERALL, dtype=object)
        if train.user_segments is not None:
            names = np.array(train.segments, dtype=object)[train.user_segments]
        self._segment_of = self._segment_codes(names)
        self.fit_report = {name: member.fit_report for name, member in self.members.items()}

    # ------------------------------------------------------------------ answering

    def follow(self, users: np.ndarray, items: np.ndarray, days: np.ndarray) -> Self:
        """The blend whose members know these purchases; customers new since training included."""
        followed = copy.copy(self)
        followed.members = {
            name: member.follow(users, items, days) for name, member in self.members.items()
        }
        return followed

    def is_known(self, users: np.ndarray) -> np.ndarray:
        """bool ``[n]``: training customers, and newcomers whom a member that is heard knows."""
        users = np.asarray(users)
        known = super().is_known(users)
        for name in self._heard(OVERALL):
            known = known | self.members[name].is_known(users)
        return known

    def _heard(self, segment: str) -> list[str]:
        """Members whose weight in a segment is worth asking them."""
        weights = self.config.weights.get(segment, {})
        return [name for name, weight in weights.items() if weight >= MIN_WEIGHT]

    def _score(self, users: Tensor) -> Tensor:
        import torch

        codes = users.cpu().numpy()
        newcomers = codes >= self.n_users
        segments = np.full(len(codes), self._segments.index(OVERALL), dtype=np.int16)
        segments[~newcomers] = self._segment_of[codes[~newcomers]]
        # Newcomers are answered together with others whom the same members know.
        groups, group_of = np.unique(
            np.column_stack([segments, *self._acquaintance(codes, newcomers)]),
            axis=0,
            return_inverse=True,
        )
        scores = torch.empty(len(users), self.n_items)
        heard = self._heard(OVERALL)
        for group, (segment, *knows) in enumerate(groups):
            rows = torch.from_numpy(np.flatnonzero(group_of == group))
            silent = {name for name, known in zip(heard, knows, strict=False) if not known}
            scores[rows] = self._blend(users[rows], self._segments[segment], silent)
        return scores

    def _acquaintance(self, codes: np.ndarray, newcomers: np.ndarray) -> list[np.ndarray]:
        """For each member that is heard: whether it may speak of each of these customers."""
        if not newcomers.any():
            return []
        return [~newcomers | self.members[name].is_known(codes) for name in self._heard(OVERALL)]

    def _score_strangers(self, users: Tensor) -> Tensor:
        return self._blend(users, NEW)

    def _blend(self, users: Tensor, segment: str, silent: Collection[str] = ()) -> Tensor:
        strangers = segment == NEW
        calibrators = self._stranger_calibrators if strangers else self._calibrators
        total: Tensor | None = None
        for name in self._heard(segment):
            if name in silent:
                continue
            weight = self.config.weights[segment][name]
            scores = standardised_scores(self.members[name], users, strangers)
            chances = calibrators[name](scores) if name in calibrators else scores
            part = chances.mul_(weight)  # a fresh tensor: nobody else holds it
            total = part if total is None else total + part
        assert total is not None, "weights on the simplex; newcomers are known to one that is heard"
        return total

    # ------------------------------------------------------------------ keeping

    def _state(self) -> dict[str, Tensor]:
        import torch

        state = {"segment_of": torch.from_numpy(self._segment_of)}
        for name, member in self.members.items():
            state |= {f"member/{name}/{key}": value for key, value in member.state().items()}
        return state

    def _load_state(self, state: dict[str, Tensor]) -> None:
        self._segment_of = state["segment_of"].numpy()
        for name, parameters in self.config.members.items():
            prefix = f"member/{name}/"
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            self.members[name] = recommender_class(name).from_state(own, parameters)


def standardised_scores(member: Recommender, users: Tensor, strangers: bool) -> Tensor:
    """Scores with mean 0 and standard deviation 1 over the training products, per customer.

    Parameters
    ----------
    member
        A trained recommender.
    users
        int64 ``[b]``: all known, or all strangers.
    strangers
        Which of the two.

    Returns
    -------
    torch.Tensor
        float32 ``[b, n_items]`` on the CPU, or ``[1, n_items]`` where all customers share one row.
        A row without spread is all zeros; -inf ("never recommend") stays.
    """
    import torch

    scores = (member._score_strangers(users) if strangers else member._score(users)).float().cpu()
    scores = scores[:, : member.n_items]
    mean = scores.mean(dim=1, keepdim=True)
    if not bool(torch.isfinite(mean).all()):
        return _standardised_with_gaps(scores, member.name)
    centred = scores - mean
    spread = torch.linalg.vector_norm(centred, dim=1, keepdim=True) / scores.shape[1] ** 0.5
    # Rounding leaves a spread of about 1e-7 of the mean where all scores are equal.
    return centred.div_(torch.where(spread > 1e-6 * mean.abs(), spread, torch.inf))


def _standardised_with_gaps(scores: Tensor, name: str) -> Tensor:
    """The same where some scores are -inf; mean and spread are those of the others."""
    import torch

    if bool(torch.isnan(scores).any()):
        raise ValueError(f"{name}: a score is NaN; the model's training has diverged")
    never = torch.isneginf(scores)
    given = scores.masked_fill(never, torch.nan)
    mean = torch.nanmean(given, dim=1, keepdim=True).nan_to_num()
    spread = torch.nanmean((given - mean) ** 2, dim=1, keepdim=True).sqrt().nan_to_num()
    spread = torch.where(spread > 1e-6 * mean.abs(), spread, torch.inf)
    return ((given - mean) / spread).masked_fill_(never, -torch.inf)


class ChanceCurve:
    """A ``MonotoneCalibrator`` that is fast enough for every product of every customer.

    The calibrator's curve is read off at evenly spaced scores and joined by straight lines, in
    float32. A slope of ``TILT`` times its largest chance is added, because isotonic curves are flat
    in places, above all at the top, where lists are made: there the member's own order decides.

    Parameters
    ----------
    calibrator
        Fitted.
    """

    CELLS = 2048
    TILT = 1e-3

    def __init__(self, calibrator: MonotoneCalibrator) -> None:
        import torch

        assert calibrator.scores is not None
        assert calibrator.probabilities is not None
        low, high = float(calibrator.scores[0]), float(calibrator.scores[-1])
        if high - low < 1e-6:
            low, high = low - 0.5, high + 0.5
        edges = np.linspace(low, high, self.CELLS + 1)
        # A calibrator that has learnt nothing still has to keep the order.
        tilt = self.TILT * max(float(calibrator.probabilities[-1]), 1e-9)
        heights = calibrator(edges) + tilt * edges
        slopes = np.concatenate([[tilt], np.diff(heights) / np.diff(edges), [tilt]])
        anchors = np.concatenate([heights[:1], heights[:-1], heights[-1:]])
        starts = np.concatenate([edges[:1], edges[:-1], edges[-1:]])
        self._low, self._per_unit = low, self.CELLS / (high - low)
        self._slope = torch.from_numpy(slopes.astype(np.float32))
        self._height_at_zero = torch.from_numpy((anchors - slopes * starts).astype(np.float32))

    def __call__(self, scores: Tensor) -> Tensor:
        """Chances of a purchase of standardised scores, same shape; -inf stays what it is."""
        cell = scores.sub(self._low).mul_(self._per_unit).add_(1.0).clamp_(0, self.CELLS + 1)
        cell = cell.int().flatten()
        slope = self._slope.index_select(0, cell).view(scores.shape)
        return slope.mul_(scores).add_(
            self._height_at_zero.index_select(0, cell).view(scores.shape)
        )
