"""Neural collaborative filtering: GMF and MLP towers joined, in four configurations.

``ncf_random``, ``ncf_custom`` and ``ncf_hybrid`` differ in where the embeddings come from; they
learn stars and purchases together. ``ncf_negative_sampling``, which learns purchases alone, has a
file of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import BLOCK_CELLS, Recommender, RecommenderConfig
from product_recommender.recommenders.matrix_factorization import (
    StarBiasConfig,
    known_codes,
    predict_in_blocks,
    star_biases,
)
from product_recommender.recommenders.neural_inputs import (
    log_popularity,
    principal_components,
    recency_weights,
    some_users,
)
from product_recommender.recommenders.ridge import best_ridge
from product_recommender.recommenders.top_k import rows_of
from product_recommender.recommenders.training import TrainingConfig, choose_device, seeded

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from product_recommender.recommenders.networks import NeuMF

STARS, PURCHASE = 0, 1
"""Rows of the two heads in ``NeuMF``."""


class PurchaseConfig(RecommenderConfig):
    """Settings of the towers and of the purchase head."""

    factors: int = Field(16, ge=1, le=1024, description="Length of the GMF embeddings.")
    mlp_width: int = Field(8, ge=1, le=1024, description="Length of the MLP embeddings.")
    layers: tuple[int, ...] = Field(
        (16, 8), description="Widths of the MLP's hidden layers; an empty list leaves GMF alone."
    )
    negatives: int = Field(4, ge=1, le=1000, description="Sampled negatives per purchase.")
    negative_popularity: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Negatives are drawn by popularity to this power: 0 uniform, 1 proportional. "
        "The logits are corrected for it.",
    )
    recency_half_life_days: float | None = Field(
        None,
        gt=0,
        description="Age at which a purchase counts half in the purchase loss; null: all alike.",
    )
    dropout: float = Field(0.3, ge=0, lt=1, description="Of the user vector and the last layer.")
    l2: float = Field(0.1, ge=0, description="Weight of the squared embeddings of a purchase.")
    validation_users: int = Field(
        2000, ge=1, description="Tune customers that early stopping looks at, at most."
    )
    training: TrainingConfig = Field(
        TrainingConfig(epochs=40, batch_size=2048, learning_rate=0.01, patience=4),
        description="The training loop.",
    )


class JointConfig(PurchaseConfig, StarBiasConfig):
    """Settings of the models that learn stars and purchases together."""

    purchase_weight: float = Field(
        2.0, gt=0, description="Weight of the purchase loss beside the squared error of the stars."
    )
    rank_by: Literal["purchase", "stars"] = Field(
        "purchase", description="Which head sorts the recommendations."
    )
    stars_head_scale: float = Field(
        1.0,
        ge=0,
        description="Factor on the stars head where there are no held-out purchases to correct it "
        "by; a refit takes over the factor that the first training found.",
    )


class FeatureConfig(JointConfig):
    """Settings of the models that look at features."""

    feature_components: int = Field(
        16, ge=1, description="Principal components kept of customer and of product features."
    )


class Objective(NamedTuple):
    """What ``train_network`` is given beside the network; its parameters say what each is."""

    columns: tuple[Tensor, ...]
    batch_loss: Callable[..., Tensor]
    samples_per_row: int
    draw: Callable[..., Sequence[Tensor]] | None = None


class NeuralRecommender(Recommender):
    """What the NCF family shares: one network, one training, one way to answer."""

    config: PurchaseConfig
    free_embeddings: ClassVar[bool] = True
    uses_features: ClassVar[bool] = False
    learns_stars: ClassVar[bool] = True
    label: str | None = None
    """How messages call this network where several of one class are trained."""

    _star_mean: float
    _user_bias: Tensor
    _item_bias: Tensor
    _item_side: Tensor
    _item_logits: Tensor

    def __init__(self, config: RecommenderConfig | None = None) -> None:
        super().__init__(config)
        self._network: NeuMF | None = None
        self._start: tuple[NeuralRecommender, np.ndarray] | None = None
        self._by_stars = isinstance(self.config, JointConfig) and self.config.rank_by == "stars"

    @classmethod
    def search_space(cls, trial: Any) -> dict[str, Any]:
        """Overrides of the settings that one Optuna trial tries."""
        return {
            "factors": trial.suggest_int("factors", 4, 32, log=True),
            "l2": trial.suggest_float("l2", 0.002, 0.2, log=True),
            "dropout": trial.suggest_float("dropout", 0.0, 0.4),
            "negatives": trial.suggest_int("negatives", 2, 16, log=True),
            "recency_half_life_days": trial.suggest_categorical(
                "recency_half_life_days", [None, 30.0, 90.0, 365.0]
            ),
            "training": {
                "learning_rate": trial.suggest_float("learning_rate", 0.003, 0.03, log=True)
            },
        }

    # ------------------------------------------------------------------ training

    def fit_from(
        self,
        start: NeuralRecommender,
        train: Interactions,
        validation: Interactions | None,
        members: np.ndarray,
    ) -> Self:
        """``fit`` for some of the customers of a fitted model, starting from its weights.

        Star biases are taken over as they are. Weights whose shape differs (other factors or
        layers) start at random; ``fit_report["warm_started"]`` counts the tensors taken over.

        Parameters
        ----------
        start
            The fitted model.
        train, validation
            Purchases of these customers, numbered from 0.
        members
            int ``[train.n_users]``: their codes in ``start``.
        """
        self._start = (start, members)
        try:
            return self.fit(train, validation)
        finally:
            self._start = None

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        from product_recommender.recommenders.training import train_network

        config = self.config
        device = choose_device(config.training)
        rows = train.known()
        self._fit_biases(train)
        with seeded(config.seed):
            network = self._build(train).to(device)
        warm_started = self._take_over(network)
        self._network = network
        held_out = validation.known() if validation is not None else train.take(np.arange(0))
        held_out = some_users(held_out, config.validation_users, config.seed)
        validate = (lambda: self._validate(held_out)) if len(held_out) else None
        before = self._pretrain(rows, validate)
        objective = self._objective(rows, device)
        self.fit_report = train_network(
            network,
            objective.columns,
            objective.batch_loss,
            config.training,
            name=self.label or self.name,
            seed=config.seed,
            validate=validate,
            samples_per_row=objective.samples_per_row,
            draw=objective.draw,
        )
        self.fit_report |= before
        self.fit_report["warm_started"] = warm_started
        what = "-log(RMSE)" if self._by_stars else "log(gain)"
        if self.learns_stars and not self._by_stars:
            what = "log(gain / RMSE)"
        self.fit_report["validated_on"] = f"{what} of {len(held_out)} purchases"
        if self.learns_stars and len(held_out):
            self._prepare()
            self.fit_report["stars_head"] = self._refit_stars_head(held_out)
        elif isinstance(config, JointConfig):
            self._scale_stars_head(config.stars_head_scale)
        self._prepare()

    def _objective(self, rows: Interactions, device: torch.device) -> Objective:
        """What is trained on ``rows``."""
        import torch

        from product_recommender.recommenders.purchase_step import PurchaseStep
        from product_recommender.recommenders.training import NegativeSampler

        config, network = self.config, self._network
        assert network is not None
        users = torch.from_numpy(rows.users.astype(np.int64)).to(device)
        items = torch.from_numpy(rows.items.astype(np.int64)).to(device)
        residuals = torch.from_numpy(rows.stars).to(device) - self._star_base(users, items)
        weights = torch.from_numpy(recency_weights(rows.days, config.recency_half_life_days))
        counts = np.bincount(rows.items, minlength=self.n_items)
        drawn = torch.from_numpy(np.maximum(counts, 1.0) ** config.negative_popularity).to(device)
        sampler = NegativeSampler(
            users, items, self.n_items, drawn if config.negative_popularity else None
        )
        # What a logit learnt on these negatives exceeds one learnt on uniform negatives by.
        offsets = -(drawn / drawn.mean()).log().float()

        def draw(
            users: Tensor, items: Tensor, residuals: Tensor, weights: Tensor, generator: Any
        ) -> Sequence[Tensor]:
            negatives = sampler.sample(users, config.negatives, generator)
            return users, torch.cat([items.unsqueeze(1), negatives], dim=1), residuals, weights

        columns = (users, items, residuals, weights.to(device))
        per_row = 1 + config.negatives
        corrected = offsets if config.negative_popularity else None
        if not self.learns_stars and not self.uses_features:
            step = PurchaseStep(network, config.l2, corrected)

            def written_out(
                users: Tensor, pairs: Tensor, _: Tensor, weights: Tensor, generator: Any
            ) -> Tensor:
                return step(users, pairs, weights)

            return Objective(columns, written_out, per_row, draw)
        signs = torch.ones(per_row, device=device)
        signs[0] = -1.0

        def batch_loss(
            users: Tensor, pairs: Tensor, residuals: Tensor, weights: Tensor, generator: Any
        ) -> Tensor:
            predicted, logits, penalty = network(users, pairs, self.learns_stars, config.l2 > 0)
            if corrected is not None:
                logits = logits + corrected[pairs]
            entropy = torch.nn.functional.softplus(logits * signs).sum(dim=1)
            loss = (weights * entropy).mean() * getattr(config, "purchase_weight", 1.0)
            if predicted is not None:
                loss = loss + torch.nn.functional.mse_loss(predicted, residuals)
            return loss if penalty is None else loss + config.l2 * penalty.mean()

        return Objective(columns, batch_loss, per_row, draw)

    def _pretrain(self, rows: Interactions, validate: Callable[[], float] | None) -> dict[str, Any]:
        """Train a part of the network first; returns entries for ``fit_report``."""
        return {}

    def _fit_biases(self, train: Interactions) -> None:
        import torch

        if not isinstance(self.config, JointConfig):
            return
        if self._start is not None:
            start, members = self._start
            rows = torch.from_numpy(np.append(members, start.n_users))
            self._star_mean, self._item_bias = start._star_mean, start._item_bias
            self._user_bias = start._user_bias[rows.to(start._user_bias.device)]
            return
        device = choose_device(self.config.training)
        mean, users, items = star_biases(train, self.config)
        self._star_mean = mean
        self._user_bias = torch.from_numpy(users).to(device)
        self._item_bias = torch.from_numpy(items).to(device)

    def _build(self, train: Interactions) -> NeuMF:
        import torch

        features: list[Tensor | None] = [None, None]
        if self.uses_features:
            given = (train.user_features, train.item_features)
            self._check_features(*given)
            sizes = (train.n_users, train.n_items)
            n = self.config.feature_components  # type: ignore[attr-defined]
            features = [
                None if f is None else torch.from_numpy(principal_components(f, size, n))
                for f, size in zip(given, sizes, strict=True)
            ]
        rows = train.known()
        weights = recency_weights(rows.days, self.config.recency_half_life_days)
        counts = np.bincount(rows.items, weights, minlength=train.n_items)
        return self._assemble(features[0], features[1], torch.from_numpy(log_popularity(counts)))

    def _assemble(
        self, user_features: Tensor | None, item_features: Tensor | None, item_bias: Tensor
    ) -> NeuMF:
        from product_recommender.recommenders.networks import NeuMF, Side

        config, free = self.config, self.free_embeddings
        width = config.factors + config.mlp_width
        return NeuMF(
            Side(self.n_users, width, free, user_features),
            Side(self.n_items, width, free, item_features),
            config.factors,
            config.mlp_width,
            config.layers,
            config.dropout,
            item_bias,
        )

    def _check_features(self, users: np.ndarray | None, items: np.ndarray | None) -> None:
        missing = [n for n, f in (("user", users), ("item", items)) if f is None or not f.shape[1]]
        if missing and (not self.free_embeddings or len(missing) == 2):
            raise ValueError(
                f"{self.name} builds its embeddings from features, but Interactions has no "
                f"{' and no '.join(f'{n}_features' for n in missing)}: give them, or use ncf_random"
            )

    def _take_over(self, network: NeuMF) -> int:
        import torch

        if self._start is None:
            return 0
        start, members = self._start
        assert start._network is not None
        rows = torch.from_numpy(members)
        own = network.state_dict()
        fitting = {}
        for key, value in start._network.state_dict().items():
            if key in ("users.table", "users.features"):
                value = value[rows.to(value.device)]
            if key in own and own[key].shape == value.shape:
                fitting[key] = value
        network.load_state_dict(fitting, strict=False)
        return len(fitting)

    # ------------------------------------------------------------------ validation

    def _validate(self, held_out: Interactions) -> float:
        """Score of the network as it is, larger is better.

        The logarithm of the mean gain where purchases rank, minus the logarithm of the RMSE where
        stars are learnt: one percent of either counts alike, so that training goes on while either
        head still learns.
        """
        self._prepare()
        score = 0.0
        if self.learns_stars:
            error = self._stars(held_out.users, held_out.items).cpu().numpy() - held_out.stars
            score -= math.log(math.sqrt(float(np.mean(error**2))) + 1e-6)
        if not self._by_stars:
            score += math.log(self._gain(held_out))
        return score

    def _gain(self, held_out: Interactions) -> float:
        """Mean of ``1 / log2(1 + rank)`` over held-out purchases.

        NDCG's gain without the cut at ten: it moves with every rank, so a few hundred purchases
        are enough to tell two epochs apart.
        """
        import torch

        users, row_of = np.unique(held_out.users, return_inverse=True)
        assert self._seen_indptr is not None
        assert self._seen_indices is not None
        total, block = 0.0, max(1, BLOCK_CELLS // self.n_items)
        for start in range(0, len(users), block):
            part = users[start : start + block]
            mine = (row_of >= start) & (row_of < start + block)
            scores = self._score(torch.from_numpy(part.astype(np.int64)))
            rows = torch.from_numpy(row_of[mine] - start).to(scores.device)
            items = torch.from_numpy(held_out.items[mine].astype(np.int64)).to(scores.device)
            target = scores[rows, items].unsqueeze(1)
            hidden = rows_of(self._seen_indptr, self._seen_indices, part)
            scores[tuple(torch.from_numpy(a).to(scores.device) for a in hidden)] = -torch.inf
            for some in torch.arange(len(rows)).split(block):
                row = scores[rows[some]]
                ties = (row == target[some]).sum(dim=1) - 1  # itself is none
                better = (row > target[some]).sum(dim=1) + 0.5 * ties
                total += float((1.0 / torch.log2(2.0 + better)).sum())
        return total / len(held_out)

    def _refit_stars_head(self, held_out: Interactions) -> dict[str, float]:
        """Fit the stars head again on held-out purchases: ridge regression towards what it was.

        On training purchases the towers have already seen the answer; what they say of a purchase
        to come is smaller and less sure. The head is linear, so its best weights on held-out
        purchases have a closed form. How far it moves, towards the data or towards the biases
        alone, is what leave-one-out error decides.
        """
        import torch

        assert self._network is not None
        network = self._network
        with torch.inference_mode():
            inputs = self._joined(held_out.users, held_out.items).double().cpu().numpy()
            u = torch.from_numpy(held_out.users.astype(np.int64)).to(self._user_bias.device)
            i = torch.from_numpy(held_out.items.astype(np.int64)).to(self._user_bias.device)
            target = held_out.stars - self._star_base(u, i).double().cpu().numpy()
            heads = torch.cat([network.gmf_heads[STARS], network.mlp_heads[STARS]])
            learnt = heads.double().cpu().numpy()
        head, error = best_ridge(inputs, target, learnt)
        said, corrected = inputs @ learnt, inputs @ head
        with torch.no_grad():
            after = torch.from_numpy(head).to(heads)
            network.gmf_heads[STARS] = after[: network.factors]
            network.mlp_heads[STARS] = after[network.factors :]
        return {
            "purchases": len(held_out),
            "rmse_before": float(np.sqrt(np.mean((target - said) ** 2))),
            "rmse_left_out": error,
            # What one factor would have done: all that a second training can take over.
            "scale": float(np.clip(said @ corrected / max(said @ said, 1e-12), 0.0, 1.0)),
        }

    def _scale_stars_head(self, scale: float) -> None:
        import torch

        assert self._network is not None
        with torch.no_grad():
            self._network.gmf_heads[STARS] *= scale
            self._network.mlp_heads[STARS] *= scale

    # ------------------------------------------------------------------ answering

    def _prepare(self) -> None:
        """Send every product through its own half of the network once."""
        import torch

        network = self._network
        assert network is not None
        network.eval()
        with torch.no_grad():
            self._item_side = network.item_side(network.items.all(listed=True))
            self._item_logits = network.biases(listed=True) + network.purchase_bias

    def _score(self, users: Tensor) -> Tensor:
        network = self._network
        assert network is not None
        users = users.to(self._item_side.device)
        head = STARS if self._by_stars else PURCHASE
        items = self._item_side[: self.n_items]
        scores = network.score_block(head, network.users(users), items)
        if not self._by_stars:
            return scores.add_(self._item_logits[: self.n_items])
        item_bias = self._item_bias[: self.n_items] + self._star_mean
        return scores.add_(item_bias).add_(self._user_bias[users, None])

    def _star_base(self, users: Tensor, items: Tensor) -> Tensor:
        if not self.learns_stars:
            return users.new_zeros(len(users)).float()
        return self._star_mean + self._user_bias[users] + self._item_bias[items]

    def _joined(self, users: np.ndarray, items: np.ndarray) -> Tensor:
        """Both towers of aligned pairs, ``[n, factors + last layer]``: what the heads read.

        Strangers are the average customer and the average product.
        """
        import torch

        network = self._network
        assert network is not None
        device = self._item_side.device
        u = torch.from_numpy(known_codes(users, self.n_users)).to(device)
        i = torch.from_numpy(known_codes(items, len(self._item_side))).to(device)
        vectors = network.users(u.clamp(max=self.n_users - 1))
        if bool((u == self.n_users).any()):
            vectors[u == self.n_users] = network.users.all().mean(dim=0)
        average = self._item_side[: self.n_items].mean(dim=0, keepdim=True)
        return network.joined(vectors, torch.cat([self._item_side, average])[i])

    def _head(self, head: int, users: np.ndarray, items: np.ndarray) -> Tensor:
        import torch

        assert self._network is not None
        heads = (self._network.gmf_heads[head], self._network.mlp_heads[head])
        return self._joined(users, items) @ torch.cat(heads)

    def _residual(self, users: np.ndarray, items: np.ndarray) -> Tensor:
        """What the stars head adds to the biases: nothing where either side has no vector."""
        import torch

        residual = self._head(STARS, users, items)
        named = self.is_known(users) & (items >= 0) & (items < len(self._item_side))
        return residual * torch.from_numpy(named).to(residual.device)

    def _stars(self, users: np.ndarray, items: np.ndarray) -> Tensor:
        import torch

        u = torch.from_numpy(known_codes(users, self.n_users)).to(self._user_bias.device)
        i = torch.from_numpy(known_codes(items, len(self._item_bias) - 1)).to(u.device)
        return (self._star_base(u, i) + self._residual(users, items)).clamp_(1.0, 5.0)

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Stars, 1 to 5. A stranger leaves the mean and the bias of the other side.

        Parameters
        ----------
        users, items
            int ``[n]`` codes. A product that has features but no purchase is no stranger.

        Returns
        -------
        numpy.ndarray
            float32 ``[n]``.
        """
        self._require_training()
        return predict_in_blocks(self._stars, users, items)

    # ------------------------------------------------------------------ keeping

    def _state(self) -> dict[str, Tensor]:
        import torch

        assert self._network is not None
        weights = {f"network/{key}": v for key, v in self._network.state_dict().items()}
        if not self.learns_stars:
            return weights
        return weights | {
            "stars/mean": torch.tensor(self._star_mean),
            "stars/user_bias": self._user_bias,
            "stars/item_bias": self._item_bias,
        }

    def _load_state(self, state: dict[str, Tensor]) -> None:
        device = choose_device(self.config.training, to_answer=True)
        weights = {k.removeprefix("network/"): v for k, v in state.items() if k[:5] != "stars"}
        with seeded(self.config.seed):
            network = self._assemble(
                weights.get("users.features"),
                weights.get("items.features"),
                weights["item_bias"],
            )
        network.load_state_dict(weights)
        self._network = network.to(device)
        if self.learns_stars:
            self._star_mean = float(state["stars/mean"])
            self._user_bias = state["stars/user_bias"].to(device)
            self._item_bias = state["stars/item_bias"].to(device)
        self._prepare()


class _JointRecommender(NeuralRecommender):
    """Stars and purchases learnt together; predicts stars, ranks by either head."""

    Config: ClassVar[type[RecommenderConfig]] = JointConfig
    predicts: ClassVar[Literal["stars", "purchase"] | None] = "stars"
    ranks_by: ClassVar[str] = "purchase score (joint head)"

    def __init__(self, config: RecommenderConfig | None = None) -> None:
        super().__init__(config)
        if self._by_stars:
            # The text has to say what this instance does, not what the class does by default.
            self.ranks_by = "predicted stars"  # type: ignore[misc]

    @classmethod
    def search_space(cls, trial: Any) -> dict[str, Any]:
        """That of the purchase models, and the damping of the star biases."""
        return super().search_space(trial) | {
            name: trial.suggest_float(name, 1.0, 40.0, log=True)
            for name in ("user_regularisation", "item_regularisation")
        }


class NCFRandom(_JointRecommender):
    """NeuMF with randomly initialised embeddings; stars and purchases learnt together."""

    name: ClassVar[str] = "ncf_random"


class NCFCustom(_JointRecommender):
    """NeuMF whose embeddings are projections of customer and product features.

    Stars are predicted for any product whose category is listed; lists hold products with a
    training purchase first, as those of every model do.
    """

    name: ClassVar[str] = "ncf_custom"
    Config: ClassVar[type[RecommenderConfig]] = FeatureConfig
    free_embeddings: ClassVar[bool] = False
    uses_features: ClassVar[bool] = True


class NCFHybrid(_JointRecommender):
    """NeuMF whose embeddings are the sum of a free vector and a projection of features."""

    name: ClassVar[str] = "ncf_hybrid"
    Config: ClassVar[type[RecommenderConfig]] = FeatureConfig
    uses_features: ClassVar[bool] = True
