"""What the recommenders share that learn the next purchase from the history before it.

A subclass says which network reads the histories. Trained is on every purchase, the first one of a
customer included (predicted from a start token alone): where most customers bought once, first
purchases are most of what there is to learn from.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import RecommenderConfig
from product_recommender.recommenders.histories import Histories, HistoryRecommender
from product_recommender.recommenders.neural_inputs import (
    log_popularity,
    principal_components,
    recency_weights,
    some_users,
)
from product_recommender.recommenders.next_purchases import VALIDATION_LENGTH, next_purchase_ndcg
from product_recommender.recommenders.sequence_batches import SequenceBatch, SequenceStore
from product_recommender.recommenders.sequence_losses import (
    LossName,
    Negatives,
    Predictions,
    binary_cross_entropy,
    cross_entropy,
    gbce_power,
    sampled_softmax,
)
from product_recommender.recommenders.sequence_trends import trend_days, trends_before
from product_recommender.recommenders.training import (
    TrainingConfig,
    choose_device,
    seeded,
    train_network,
)

if TYPE_CHECKING:
    from torch import Tensor

    from product_recommender.recommenders.sequence_networks import SequenceNetwork


class SequenceConfig(RecommenderConfig):
    """Settings that the sequence models share."""

    width: int = Field(64, ge=1, le=2048, description="Length of the item vectors.")
    max_length: int = Field(50, ge=1, le=1000, description="Newest purchases that are looked at.")
    dropout: float = Field(0.5, ge=0, lt=1, description="Of token vectors and within the network.")
    loss: LossName = Field(
        "cross_entropy",
        description="What a purchase is compared with: all items (cross_entropy) or drawn ones.",
    )
    negatives: int = Field(
        512, ge=1, description="Items drawn for a batch by the losses that draw them."
    )
    popular_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Share of the draws made by popularity, the others uniformly. All losses are "
        "corrected for it.",
    )
    calibration: float = Field(
        0.75, ge=0, le=1, description="Of gbce: how much overconfidence is taken back (t)."
    )
    temperature: float | None = Field(
        None, gt=0, description="Scores are cosines divided by it; null: dot products."
    )
    time_aware: bool = Field(
        True,
        description="Whether the days between purchases, and to the moment of asking, count; "
        "switch off where days are mere positions.",
    )
    trend_half_lives: tuple[float, ...] = Field(
        (30.0, 120.0, 480.0),
        description="Half-lives, in days, of the popularity trends that move the items' biases; an "
        "empty list leaves fixed biases.",
    )
    recency_half_life_days: float | None = Field(
        None, gt=0, description="Age at which a purchase counts half in the loss; null: all alike."
    )
    validation_users: int = Field(
        8000, ge=1, description="Customers that early stopping looks at, at most."
    )
    training: TrainingConfig = Field(
        TrainingConfig(epochs=60, batch_size=128, learning_rate=0.002, patience=4),
        description="The training loop; a row of a batch is a history.",
    )


class SequenceRecommender(HistoryRecommender):
    """Base of the models that predict the next purchase from a history."""

    config: SequenceConfig
    ranks_by: ClassVar[str] = "next purchase score"
    reads_order: ClassVar[bool] = True
    """The order of purchases is all it knows of them: without one there is nothing to learn."""

    def __init__(self, config: RecommenderConfig | None = None) -> None:
        super().__init__(config)
        self._network: SequenceNetwork | None = None
        self._now: tuple[Histories, Tensor] | None = None
        self._half_lives: tuple[float, ...] = ()

    @abstractmethod
    def _assemble(self, features: Tensor | None, item_bias: Tensor) -> SequenceNetwork:
        """The untrained network."""

    def _shared(self, features: Tensor | None, item_bias: Tensor) -> dict[str, Any]:
        """What every network is told."""
        config = self.config
        return {
            "n_items": self.n_items,
            "width": config.width,
            "dropout": config.dropout,
            "features": features,
            "item_bias": item_bias,
            "trends": len(self._half_lives),
            "time_aware": config.time_aware,
            "temperature": config.temperature,
        }

    # ------------------------------------------------------------------ training

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        import torch

        config, histories = self.config, self._histories
        device = choose_device(config.training)
        counts = np.bincount(histories.items, minlength=self.n_items)
        # Purchases of a single day (or of data without days) have no trend to learn from.
        self._half_lives = config.trend_half_lives if np.ptp(histories.days) > 0 else ()
        # Where trends tell the popularity, the biases begin with nothing to add to it.
        start = np.zeros(self.n_items) if self._half_lives else log_popularity(counts)
        with seeded(config.seed):
            network = self._assemble(
                self._features(train), torch.from_numpy(start.astype(np.float32))
            ).to(device)
        self._network, self._now = network, None
        store = SequenceStore(histories, self.n_items, config.max_length, device)
        loss = _Loss(config, histories, self._half_lives, torch.from_numpy(counts).to(device))
        held_out = validation.known() if validation is not None else train.take(np.arange(0))
        held_out = held_out.take(self.is_known(held_out.users))
        held_out = some_users(held_out, config.validation_users, config.seed)
        first, lengths = store.windows()

        def batch_loss(first: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
            return loss(network, store.training_batch(first, lengths), generator)

        self.fit_report = train_network(
            network,
            (first, lengths),
            batch_loss,
            config.training,
            name=self.name,
            seed=config.seed,
            validate=(lambda: next_purchase_ndcg(self, held_out)) if len(held_out) else None,
            samples_per_row=max(1, round(len(histories.items) / len(first))),
        )
        what = f"NDCG@{VALIDATION_LENGTH}"
        self.fit_report["validated_on"] = f"{what} of {len(held_out)} next purchases"

    def _features(self, train: Interactions) -> Tensor | None:
        import torch

        components = getattr(self.config, "feature_components", 0)
        if not components:
            return None
        features = train.item_features
        if features is None or not features.shape[1]:
            raise ValueError(
                f"{self.name} builds item vectors from features (feature_components is "
                f"{components}), but Interactions has no item_features: give them, or take a model "
                "or settings without"
            )
        reduced = principal_components(features, self.n_items, components)
        return torch.from_numpy(np.ascontiguousarray(reduced[: self.n_items]))

    # ------------------------------------------------------------------ answering

    def _score_histories(self, histories: Histories) -> Tensor:
        import torch

        network = self._network
        assert network is not None
        network.eval()
        device = network.item_bias.device
        store = SequenceStore(histories, self.n_items, self.config.max_length, device)
        with torch.inference_mode():
            batch = store.question(self._today)
            states, table = network(batch)
            in_order = torch.empty_like(states[: histories.n_users])
            in_order[batch.order] = states[batch.last_tokens]
            return torch.addmm(network.biases(self._trends_now(device)), in_order, table.T)

    @property
    def _today(self) -> int:
        """The day after the last purchase that the model was told of."""
        return int(self._histories.days.max(initial=0)) + 1

    def _trends_now(self, device: Any) -> Tensor | None:
        """``[1, n_items, trends]``, counted once for each state of the histories."""
        import torch

        half_lives = self._half_lives
        if not half_lives:
            return None
        if self._now is None or self._now[0] is not self._histories:
            moments = np.array([self._today])
            purchases = self._histories.items, self._histories.days
            trends = trends_before(*purchases, moments, half_lives, self.n_items)
            self._now = self._histories, torch.from_numpy(trends).to(device)
        return self._now[1]

    # ------------------------------------------------------------------ keeping

    def _state(self) -> dict[str, Tensor]:
        assert self._network is not None
        return {f"network/{key}": value for key, value in self._network.state_dict().items()}

    def _load_state(self, state: dict[str, Tensor]) -> None:
        weights = {key.removeprefix("network/"): value for key, value in state.items()}
        has_trends = len(weights["trend_weights"]) > 0
        self._half_lives = self.config.trend_half_lives if has_trends else ()
        with seeded(self.config.seed):
            network = self._assemble(weights.get("items.features"), weights["item_bias"])
        network.load_state_dict(weights)
        self._network = network.to(choose_device(self.config.training, to_answer=True)).eval()


class _Loss:
    """The chosen loss of a batch, with what it needs to know of the training purchases.

    Parameters
    ----------
    config
        Settings.
    histories
        The training purchases.
    half_lives
        Of the trends, in days; none where it is empty.
    counts
        int64 ``[n_items]`` purchases of each item, on the device.
    """

    def __init__(
        self,
        config: SequenceConfig,
        histories: Histories,
        half_lives: tuple[float, ...],
        counts: Tensor,
    ) -> None:
        import torch

        self.config = config
        device = counts.device
        self._negatives = Negatives(counts, config.negatives, config.popular_share)
        self._power = gbce_power(config.negatives, len(counts), config.calibration)
        self._last_day = int(histories.days.max())
        self._newest_weight = 1.0
        if config.recency_half_life_days is not None:
            weights = recency_weights(histories.days, config.recency_half_life_days)
            self._newest_weight = float(weights.max())  # they have mean 1
        self._trends: Tensor | None = None
        self._days: Tensor | None = None
        if half_lives:
            moments = trend_days(histories.days)
            trends = trends_before(
                histories.items, histories.days, moments, half_lives, len(counts)
            )
            self._trends = torch.from_numpy(trends).to(device)
            self._days = torch.from_numpy(moments).to(device)

    def __call__(self, network: SequenceNetwork, batch: SequenceBatch, generator: Any) -> Tensor:
        """Mean loss of the batch's targets."""
        import torch

        config = self.config
        states, table = network(batch)
        periods = None
        if self._days is not None:
            periods = torch.searchsorted(self._days, batch.asked, right=True) - 1
        said = Predictions(states, table, network.biases(self._trends), periods, batch.targets)
        weights = self._weights(batch)
        if config.loss == "cross_entropy":
            return cross_entropy(said, weights) / len(weights)
        drawn, chance = self._negatives.draw(generator), self._negatives.chance
        if config.loss == "sampled_softmax":
            losses = sampled_softmax(said, drawn, chance)
        elif config.loss == "gbce":
            losses = binary_cross_entropy(said, drawn, chance, config.negatives, self._power)
        else:
            losses = binary_cross_entropy(said, drawn, chance, 1)
        return (weights * losses).mean()

    def _weights(self, batch: SequenceBatch) -> Tensor:
        half_life = self.config.recency_half_life_days
        if half_life is None:
            return batch.asked.new_ones(len(batch.asked)).float()
        age = (self._last_day - batch.asked).float()
        return self._newest_weight * 2.0 ** (-age / half_life)
