"""One network for each customer segment, the global one where a segment is too small."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, ValidationError

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import Recommender, RecommenderConfig
from product_recommender.recommenders.matrix_factorization import predict_in_blocks
from product_recommender.recommenders.ncf import JointConfig, NCFRandom
from product_recommender.recommenders.tuning import merged

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

GLOBAL = -1
"""Number of the global network; segments are numbered as in ``Interactions.segments``."""


class PerSegmentConfig(JointConfig):
    """Settings of ``NCFPerSegment``: those of the global network, and what segments change."""

    segments: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Segment name -> settings that differ from the global network's (tuned).",
    )
    min_purchases: int = Field(
        2000, ge=1, description="Training purchases below which a segment has no own network."
    )
    warm_start: bool = Field(
        True, description="Segments start from the global network's weights where shapes agree."
    )
    segment_learning_rate: float = Field(
        0.003, gt=0, description="Learning rate of segments whose settings do not name one."
    )
    segment_epochs: int = Field(
        8, ge=1, description="Passes over a segment's purchases, at most, unless it names another."
    )

    def for_segment(self, name: str | None) -> JointConfig:
        """Settings of one segment's network, or of the global one (``name`` None).

        Raises
        ------
        ValueError
            If the stored settings of the segment are invalid; the message names the segment.
        """
        own = set(PerSegmentConfig.model_fields) - set(JointConfig.model_fields)
        values = self.model_dump(exclude=own)
        if name is not None:
            values["training"]["learning_rate"] = self.segment_learning_rate
            values["training"]["epochs"] = self.segment_epochs
            values = merged(values, self.segments.get(name, {}))
        try:
            return JointConfig(**values)
        except ValidationError as error:
            raise ValueError(f"ncf_per_segment: segments[{name!r}]: {error}") from error


class NCFPerSegment(Recommender):
    """``ncf_random`` once for everybody and once more for each segment.

    A segment's network sees its customers only, with their own hyperparameters. Where its shape
    agrees it starts from the global network, which then counts as its epoch 0, so that early
    stopping can keep it. A segment without `tune` purchases keeps the global network.
    """

    name: ClassVar[str] = "ncf_per_segment"
    Config: ClassVar[type[RecommenderConfig]] = PerSegmentConfig
    predicts: ClassVar[Literal["stars", "purchase"] | None] = "stars"
    ranks_by: ClassVar[str] = "purchase score (joint head, network of the segment)"
    config: PerSegmentConfig

    def __init__(self, config: RecommenderConfig | None = None) -> None:
        super().__init__(config)
        if self.config.rank_by == "stars":
            self.ranks_by = "predicted stars"  # type: ignore[misc]

    @classmethod
    def search_space(cls, trial: Any) -> dict[str, Any]:
        """What the global network tries; ``tuning.tune_segments`` tunes the segments."""
        return NCFRandom.search_space(trial)

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        if train.user_segments is None:
            raise ValueError(
                "ncf_per_segment needs Interactions.user_segments: run the segmentation pipeline, "
                "or take ncf_random"
            )
        absent = sorted(set(self.config.segments) - set(train.segments))
        if (
            absent
        ):  # other data may hold fewer clusters; a misspelt name has to be visible all the same
            logger.warning(
                "ncf_per_segment: settings are stored for %s, but the segments here are %s; see "
                "modeling.models.ncf_per_segment.segments",
                absent,
                list(train.segments),
            )
        shared = NCFRandom(self.config.for_segment(None))
        shared.label = f"{self.name} (everybody)"
        shared.fit(train, validation)
        self.fit_report = shared.fit_report | {"segments": dict.fromkeys(train.segments, "global")}
        networks = {GLOBAL: shared}
        for number, name in large_segments(train, self.config.min_purchases):
            part, members = segment_world(train, train.user_segments, number)
            held_out = None
            if validation is not None:
                held_out, _ = segment_world(validation, train.user_segments, number)
                if len(held_out.known()) == 0:  # nothing would stop the training in time
                    continue
            networks[number] = fit_segment(self.config, name, shared, members, part, held_out)
            self.fit_report["segments"][name] = networks[number].fit_report
        self._names = train.segments
        self._keep(networks, train.user_segments)

    def _keep(self, networks: dict[int, NCFRandom], user_segments: np.ndarray) -> None:
        self._networks = networks
        self._user_segments = user_segments.astype(np.int16)
        own = np.isin(self._user_segments, [n for n in networks if n != GLOBAL])
        self._network_of = np.where(own, self._user_segments, GLOBAL)
        self._row_of = np.arange(len(user_segments))
        for number in networks:
            if number != GLOBAL:
                members = np.flatnonzero(self._user_segments == number)
                self._row_of[members] = np.arange(len(members))

    def _score(self, users: Tensor) -> Tensor:
        import torch

        codes = users.cpu().numpy()
        scores: Tensor | None = None
        for number in np.unique(self._network_of[codes]):
            mine = np.flatnonzero(self._network_of[codes] == number)
            rows = torch.from_numpy(self._row_of[codes[mine]])
            part = self._networks[int(number)]._score(rows)
            if len(mine) == len(codes):
                return part
            if scores is None:
                scores = part.new_empty((len(codes), part.shape[1]))
            scores[torch.from_numpy(mine).to(part.device)] = part
        assert scores is not None
        return scores

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Stars, 1 to 5, by the network of the customer's segment; strangers by the global one.

        Parameters
        ----------
        users, items
            int ``[n]`` codes.

        Returns
        -------
        numpy.ndarray
            float32 ``[n]``.
        """
        self._require_training()
        users, items = np.asarray(users), np.asarray(items)
        known = self.is_known(users)
        network_of = np.full(len(users), GLOBAL)
        network_of[known] = self._network_of[users[known]]
        rows = np.full(len(users), -1, dtype=np.int64)
        rows[known] = self._row_of[users[known]]
        result = np.empty(len(users), dtype=np.float32)
        for number in np.unique(network_of):
            mine = network_of == number
            network = self._networks[int(number)]
            result[mine] = predict_in_blocks(network._stars, rows[mine], items[mine])
        return result

    # ------------------------------------------------------------------ keeping

    def _state(self) -> dict[str, Tensor]:
        import torch

        state = {"user_segments": torch.from_numpy(self._user_segments)}
        for number, network in self._networks.items():
            prefix = "global" if number == GLOBAL else f"segment/{number}"
            state |= {f"{prefix}/{key}": value for key, value in network._state().items()}
        # The settings of a segment are stored under its name, its weights under its number.
        names = np.frombuffer("\n".join(self._names).encode(), dtype=np.uint8)
        return state | {"segment_names": torch.from_numpy(names.copy())}

    def _load_state(self, state: dict[str, Tensor]) -> None:
        segments = state["user_segments"].numpy()
        names = tuple(state["segment_names"].numpy().tobytes().decode().split("\n"))
        networks: dict[int, NCFRandom] = {}
        for number in [GLOBAL, *range(len(names))]:
            prefix = "global/" if number == GLOBAL else f"segment/{number}/"
            part = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            if not part:
                continue
            network = NCFRandom(self.config.for_segment(None if number < 0 else names[number]))
            network.n_items = self.n_items
            network.n_users = len(segments) if number < 0 else int((segments == number).sum())
            network._fallback = self._fallback
            network._load_state(part)
            networks[number] = network
        self._keep(networks, segments)
        self._names = names


def large_segments(train: Interactions, min_purchases: int) -> list[tuple[int, str]]:
    """Numbers and names of the segments with at least ``min_purchases`` training purchases."""
    assert train.user_segments is not None
    rows = train.known()
    counts = np.bincount(train.user_segments[rows.users], minlength=len(train.segments))
    return [(n, name) for n, name in enumerate(train.segments) if counts[n] >= min_purchases]


def segment_world(
    rows: Interactions, user_segments: np.ndarray | None, number: int
) -> tuple[Interactions, np.ndarray]:
    """The purchases of one segment's known customers, renumbered from 0 in their old order.

    Parameters
    ----------
    rows
        Training or validation purchases.
    user_segments
        int ``[n_users]``: the segments of the training universe.
    number
        The segment.

    Returns
    -------
    world : Interactions
        The rows of these customers.
    members : numpy.ndarray
        int64 ``[world.n_users]``: their codes outside.
    """
    assert user_segments is not None
    members = np.flatnonzero(user_segments == number)
    row_of = np.full(len(user_segments), -1, dtype=np.int32)
    row_of[members] = np.arange(len(members), dtype=np.int32)
    inside = (rows.users >= 0) & (rows.users < len(user_segments))
    inside[inside] = row_of[rows.users[inside]] >= 0
    mine = rows.take(inside)
    world = replace(
        mine,
        users=row_of[mine.users],
        n_users=len(members),
        user_features=None if rows.user_features is None else rows.user_features[members],
        user_segments=None,
        segments=(),
    )
    return world, members


def fit_segment(
    config: PerSegmentConfig,
    name: str,
    shared: NCFRandom,
    members: np.ndarray,
    part: Interactions,
    held_out: Interactions | None,
) -> NCFRandom:
    """Train one segment's network.

    Parameters
    ----------
    config
        Settings of the whole model.
    name
        Name of the segment.
    shared
        The global network, fitted.
    members
        Codes of the segment's customers in the global network.
    part, held_out
        The segment's worlds, from ``segment_world``.
    """
    network = NCFRandom(config.for_segment(name))
    network.label = f"{NCFPerSegment.name} ({name})"
    if not config.warm_start:
        return network.fit(part, held_out)
    return network.fit_from(shared, part, held_out, members)


def segment_search_space(trial: Any) -> dict[str, Any]:
    """What a segment tries: nothing that changes shapes, so that warm starts stay possible."""
    return {
        "l2": trial.suggest_float("l2", 0.005, 1.0, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        "negatives": trial.suggest_int("negatives", 2, 16, log=True),
        "training": {"learning_rate": trial.suggest_float("learning_rate", 0.0005, 0.02, log=True)},
    }
