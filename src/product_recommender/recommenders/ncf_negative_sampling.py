"""NeuMF on purchases alone: sampled negatives or all products, GMF trained first where asked for.

Sources
-------
He, Liao, Zhang, Nie, Hu, Chua: Neural Collaborative Filtering, WWW 2017 (pretraining).
Rendle, Krichene, Zhang, Anderson: Neural Collaborative Filtering vs. Matrix Factorization
Revisited, RecSys 2020 (what a well regularised inner product reaches).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import RecommenderConfig
from product_recommender.recommenders.matrix_factorization import known_codes, predict_in_blocks
from product_recommender.recommenders.ncf import (
    PURCHASE,
    NeuralRecommender,
    Objective,
    PurchaseConfig,
)
from product_recommender.recommenders.neural_inputs import recency_weights
from product_recommender.recommenders.training import TrainingConfig, choose_device

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from product_recommender.recommenders.networks import NeuMF

EMBEDDING_SCALE = 0.1
"""What ``Side`` draws embeddings with."""


class NegativeSamplingConfig(PurchaseConfig):
    """Settings of the model that learns purchases alone."""

    all_products: bool = Field(
        False,
        description="Learn from every product that was not bought, weighed by how often it would "
        "be drawn, instead of drawing. Batches then count customers, and hold a row of scores for "
        "each.",
    )
    negative_exponent: float = Field(
        1.0,
        ge=0,
        le=1,
        description="With all_products: negatives are shared out to customers by their purchases "
        "to this power; 1 the same for each purchase, 0 the same for each customer.",
    )
    user_exponent: float = Field(
        1.0,
        ge=0,
        le=1,
        description="With all_products: a customer counts by their purchases to this power; 1 all "
        "purchases alike, 0 all customers alike.",
    )
    gmf_scale: float = Field(
        0.1, gt=0, le=10, description="Standard deviation of the GMF embeddings at the start."
    )
    pretraining: TrainingConfig | None = Field(
        None,
        description="Train GMF alone first, over all products and in batches of customers; the MLP "
        "then starts from saying nothing. null: both towers together from the start.",
    )

    @model_validator(mode="after")
    def _exponents_need_all_products(self) -> Self:
        if not self.all_products and (self.negative_exponent, self.user_exponent) != (1.0, 1.0):
            raise ValueError(
                "sampled negatives are as many for each purchase: set all_products to true, or "
                "negative_exponent and user_exponent to 1"
            )
        return self


class NCFNegativeSampling(NeuralRecommender):
    """NeuMF on purchases alone, with sampled negatives; predicts a purchase probability."""

    name: ClassVar[str] = "ncf_negative_sampling"
    Config: ClassVar[type[RecommenderConfig]] = NegativeSamplingConfig
    config: NegativeSamplingConfig
    predicts: ClassVar[Literal["stars", "purchase"] | None] = "purchase"
    ranks_by: ClassVar[str] = "purchase probability"
    learns_stars: ClassVar[bool] = False

    def _build(self, train: Interactions) -> NeuMF:
        import torch

        network = super()._build(train)
        with torch.no_grad():
            for side in (network.users, network.items):
                assert side.table is not None
                side.table[:, : network.factors] *= self.config.gmf_scale / EMBEDDING_SCALE
        return network

    def _objective(self, rows: Interactions, device: torch.device) -> Objective:
        if not self.config.all_products:
            return super()._objective(rows, device)
        return self._over_all_products(rows, device, with_tower=True)

    def _over_all_products(
        self, rows: Interactions, device: torch.device, with_tower: bool
    ) -> Objective:
        import torch

        from product_recommender.recommenders.all_products import AllProductsLoss

        config, network = self.config, self._network
        assert network is not None
        loss = AllProductsLoss(
            rows.users,
            rows.items,
            recency_weights(rows.days, config.recency_half_life_days),
            self.n_users,
            self.n_items,
            config.negatives,
            config.l2,
            device,
            config.negative_exponent,
            config.user_exponent,
        )

        def batch_loss(users: Tensor, generator: Any) -> Tensor:
            return loss(network, users, with_tower)

        return Objective((torch.arange(self.n_users, device=device),), batch_loss, self.n_items)

    def _pretrain(self, rows: Interactions, validate: Callable[[], float] | None) -> dict[str, Any]:
        import torch

        from product_recommender.recommenders.training import train_network

        config, network = self.config, self._network
        assert network is not None
        if config.pretraining is None:
            return {}
        with torch.no_grad():
            network.mlp_heads[PURCHASE] = 0.0
        # Longer weights on the products of factors would undo what l2 does to the factors.
        network.gmf_heads.requires_grad_(False)
        device = choose_device(config.training)
        objective = self._over_all_products(rows, device, with_tower=False)
        report = train_network(
            network,
            objective.columns,
            objective.batch_loss,
            config.pretraining,
            name=f"{self.label or self.name}, GMF alone",
            seed=config.seed,
            validate=validate,
            samples_per_row=objective.samples_per_row,
        )

        return {"pretraining": report}

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Probability that a customer's purchases, as many as in training, include the product.

        The network saw ``k`` negatives a purchase instead of all of them, so its odds are too
        high by the share of a customer's negatives that was drawn, ``k n_u / (n_items - n_u)``
        for ``n_u`` purchases where each has ``k``; the logit is moved by its logarithm (King and
        Zeng: Logistic Regression in Rare Events Data, 2001). Strangers count as the average
        customer or product.

        Parameters
        ----------
        users, items
            int ``[n]`` codes.

        Returns
        -------
        numpy.ndarray
            float32 ``[n]``, between 0 and 1.
        """
        self._require_training()
        return predict_in_blocks(self._probability, users, items)

    def _probability(self, users: np.ndarray, items: np.ndarray) -> Tensor:
        import torch

        from product_recommender.recommenders.all_products import negatives_per_user

        assert self._seen_indptr is not None
        logits = self._head(PURCHASE, users, items)
        i = torch.from_numpy(known_codes(items, len(self._item_logits))).to(logits.device)
        floor = self._item_logits.min().unsqueeze(0)
        logits = logits + torch.cat([self._item_logits, floor])[i]
        counts = np.diff(self._seen_indptr).astype(np.float64)
        config, known = self.config, known_codes(users, self.n_users)
        shares = negatives_per_user(counts, config.negatives, config.negative_exponent)
        counts, shares = (np.append(values, values.mean())[known] for values in (counts, shares))
        drawn = shares / np.maximum(self.n_items - counts, 1.0)
        shift = torch.from_numpy(np.log(np.maximum(drawn, 1e-12)).astype(np.float32))
        return torch.sigmoid(logits + shift.to(logits.device))
