"""``transformer``: causal self-attention over the history, trained on shifted sequences.

Source: Kang and McAuley, Self-Attentive Sequential Recommendation, 2018; with a softmax over all
items, or a corrected one over drawn items, in place of binary cross-entropy (Klenitskiy and
Vasilev, Turning Dross Into Gold Loss, 2023), and attention that knows how long ago a purchase was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, model_validator

from product_recommender.recommenders.base import RecommenderConfig
from product_recommender.recommenders.sequence_training import SequenceConfig, SequenceRecommender

if TYPE_CHECKING:
    from torch import Tensor

    from product_recommender.recommenders.sequence_networks import SequenceNetwork


class TransformerConfig(SequenceConfig):
    """Settings of ``transformer``."""

    layers: int = Field(2, ge=1, le=32, description="Blocks of attention on top of each other.")
    heads: int = Field(2, ge=1, le=64, description="Attention heads; they share the width evenly.")
    hidden: float = Field(
        4.0, gt=0, le=16, description="Width of the layers between attentions, in item vectors."
    )
    feature_components: int = Field(
        0,
        ge=0,
        description="Principal components of the product features that item vectors are moved by; "
        "0: free vectors alone.",
    )

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(
                f"width {self.width} cannot be divided evenly among {self.heads} heads: make heads "
                "a divisor of width"
            )
        return self


class Transformer(SequenceRecommender):
    """Next purchase by causal self-attention over the history."""

    name: ClassVar[str] = "transformer"
    Config: ClassVar[type[RecommenderConfig]] = TransformerConfig
    config: TransformerConfig

    @classmethod
    def search_space(cls, trial: Any) -> dict[str, Any]:
        """Overrides of the settings that one Optuna trial tries."""
        return {
            "dropout": trial.suggest_float("dropout", 0.1, 0.6),
            "layers": trial.suggest_int("layers", 1, 3),
            "training": {
                "learning_rate": trial.suggest_float("learning_rate", 0.0005, 0.01, log=True),
                "weight_decay": trial.suggest_float("weight_decay", 0.0001, 0.3, log=True),
            },
        }

    def _assemble(self, features: Tensor | None, item_bias: Tensor) -> SequenceNetwork:
        from product_recommender.recommenders.sequence_networks import TransformerNetwork

        config = self.config
        return TransformerNetwork(
            layers=config.layers,
            heads=config.heads,
            hidden=config.hidden,
            max_length=config.max_length,
            **self._shared(features, item_bias),
        )
