"""``lstm`` and ``lstm_custom``: the next purchase from the sequence with the days between.

Source: Hidasi et al., Session-based Recommendations with Recurrent Neural Networks, 2016; with the
losses of ``transformer`` in place of pairwise ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from product_recommender.recommenders.base import RecommenderConfig
from product_recommender.recommenders.sequence_training import SequenceConfig, SequenceRecommender

if TYPE_CHECKING:
    from torch import Tensor

    from product_recommender.recommenders.sequence_networks import SequenceNetwork


class LSTMConfig(SequenceConfig):
    """Settings of ``lstm``."""

    layers: int = Field(1, ge=1, le=8, description="LSTM layers on top of each other.")
    hidden: int = Field(64, ge=1, le=4096, description="Length of their states.")


class LSTMCustomConfig(LSTMConfig):
    """Settings of ``lstm_custom``."""

    feature_components: int = Field(
        16, ge=1, description="Principal components kept of the product features."
    )


class LSTM(SequenceRecommender):
    """Next purchase by an LSTM over the history; free item vectors."""

    name: ClassVar[str] = "lstm"
    Config: ClassVar[type[RecommenderConfig]] = LSTMConfig
    config: LSTMConfig

    @classmethod
    def search_space(cls, trial: Any) -> dict[str, Any]:
        """Overrides of the settings that one Optuna trial tries."""
        return {
            "dropout": trial.suggest_float("dropout", 0.1, 0.6),
            "hidden": trial.suggest_int("hidden", 32, 128, log=True),
            "training": {
                "learning_rate": trial.suggest_float("learning_rate", 0.0005, 0.01, log=True),
                "weight_decay": trial.suggest_float("weight_decay", 0.0001, 0.3, log=True),
            },
        }

    def _assemble(self, features: Tensor | None, item_bias: Tensor) -> SequenceNetwork:
        from product_recommender.recommenders.sequence_networks import LSTMNetwork

        config = self.config
        shared = self._shared(features, item_bias)
        return LSTMNetwork(layers=config.layers, hidden=config.hidden, **shared)


class LSTMCustom(LSTM):
    """``lstm`` whose item vectors are sums of free vectors and projected product features."""

    name: ClassVar[str] = "lstm_custom"
    Config: ClassVar[type[RecommenderConfig]] = LSTMCustomConfig
    uses_features: ClassVar[bool] = True
