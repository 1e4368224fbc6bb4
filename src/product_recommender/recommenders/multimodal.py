"""``multimodal``: products by what they are, what they say and how they look, customers by when.

The network is described at the head of ``multimodal_network.py``, how it learns at that of
``multimodal_training.py``. The attention over the history follows Bahdanau, Cho and Bengio, Neural
Machine Translation by Jointly Learning to Align and Translate, 2015, in its additive form; dropping
whole modalities in training follows Neverova et al., ModDrop, 2016, and dropping free vectors to
learn cold start Volkovs, Yu and Poutanen, DropoutNet, 2017.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import RecommenderConfig
from product_recommender.recommenders.explanation import Explanation
from product_recommender.recommenders.histories import Histories, HistoryRecommender
from product_recommender.recommenders.multimodal_items import (
    Neighbours,
    SalesReader,
    nearest_products,
    reduced_content,
)
from product_recommender.recommenders.multimodal_settings import CONTENTS, MultimodalConfig
from product_recommender.recommenders.multimodal_stars import StarsHead
from product_recommender.recommenders.neural_inputs import some_users
from product_recommender.recommenders.next_purchases import next_purchase_log_likelihood
from product_recommender.recommenders.training import choose_device, seeded, train_network

if TYPE_CHECKING:
    import optuna
    from torch import Tensor

    from product_recommender.recommenders.multimodal_network import MultimodalNetwork, Questions

    Sales = tuple[Tensor, Tensor, Tensor]

MOST_PERIODS = 64
"""Periods of training at whose beginnings sales are read."""

SALES_CELLS = 1 << 27
"""Numbers held of what sold in the periods of training: 512 MB of float32, at most."""

SEASONS_FROM = 500
"""Days of training purchases from which on seasons are looked at: a year and some to learn from."""

_NETWORK, _LIKE, _STARS = "network/", "like/", "stars/"


class Multimodal(HistoryRecommender):
    """Next purchase from ids, text, image and time; knows new products by their content.

    Products without a training purchase are scored where ``Interactions.contents`` knows anything
    of any product; without contents they rank last, as with every other model. Customers without
    a purchase are answered by the same network, from what sells now.
    """

    name: ClassVar[str] = "multimodal"
    Config: ClassVar[type[RecommenderConfig]] = MultimodalConfig
    predicts: ClassVar[Literal["stars", "purchase"] | None] = "stars"
    ranks_by: ClassVar[str] = "next purchase score"
    reads_contents: ClassVar[bool] = True
    config: MultimodalConfig

    _network: MultimodalNetwork
    _reader: SalesReader
    _customers: np.ndarray
    _stars: StarsHead
    _explains = False

    def __init__(self, config: RecommenderConfig | None = None) -> None:
        super().__init__(config)
        self._n_scored: int | None = None
        self._sales_now: tuple[Histories, Sales] | None = None

    @classmethod
    def search_space(cls, trial: optuna.Trial) -> dict[str, Any]:
        """Freedom of the network, and what it may not rely on."""
        return {
            "dropout": trial.suggest_float("dropout", 0.1, 0.5),
            "hide_content": trial.suggest_float("hide_content", 0.0, 0.4),
            "whitening": trial.suggest_float("whitening", 0.2, 1.0),
            "training": {
                "learning_rate": trial.suggest_float("learning_rate", 0.0005, 0.005, log=True),
                "weight_decay": trial.suggest_float("weight_decay", 0.001, 0.3, log=True),
            },
        }

    @property
    def n_items_scored(self) -> int:
        """All listed products where contents are known, the training products otherwise."""
        return self.n_items if self._n_scored is None else self._n_scored

    # ------------------------------------------------------------------ training

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        import torch

        from product_recommender.recommenders.multimodal_training import NextPurchases

        config, histories = self.config, self._histories
        device = choose_device(config.training)
        contents, left_out = self._contents(train)
        has_time = "time" in config.modalities and bool(np.ptp(histories.days) > 0)
        if "time" in config.modalities and not has_time:
            left_out["time"] = "all purchases are of one day"
        if not contents and "ids" not in config.modalities:
            raise ValueError(
                f"{self.name} has nothing to tell products apart by: modalities are "
                f"{', '.join(config.modalities)}, but {'; '.join(map(': '.join, left_out.items()))}"
            )
        self._n_scored = train.n_items_listed if contents else self.n_items
        self._reader = self._new_reader(train, contents, has_time)
        self._customers = self._customers_with_a_vector()
        known = {name: train.contents[name].known for name in contents}
        with seeded(config.seed):
            self._network = self._assemble(
                {name: torch.from_numpy(part) for name, part in contents.items()},
                {name: torch.from_numpy(part) for name, part in known.items()},
                has_time,
            ).to(device)
        network = self._network
        loss = NextPurchases(
            network, config, histories, self._reader, self._moments(has_time), self._customers
        )
        held_out = validation.known() if validation is not None else train.take(np.arange(0))
        held_out = held_out.take(self.is_known(held_out.users))
        held_out = some_users(held_out, config.validation_users, config.seed)
        loss.settle_trends()
        # Where nobody bought twice, a single row stands for all the first purchases.
        rows = loss.rows if len(loss.rows) else torch.full((1,), -1, device=device)

        def judge() -> float:
            return next_purchase_log_likelihood(self, held_out)

        self.fit_report = train_network(
            network,
            (rows,),
            lambda rows, generator: loss(rows[rows >= 0], generator),
            config.training,
            name=self.name,
            seed=config.seed,
            validate=judge if len(held_out) else None,
        )
        what = f"log likelihood of {len(held_out)} next purchases"
        self._stars = StarsHead.fit(
            train, self._stars_contents(), self._reader.neighbours, self.n_items_scored
        )
        self.fit_report |= {
            "validated_on": what,
            "modalities": [*network.modalities, *(["time"] if has_time else [])],
            "left_out": left_out,
            "products_scored": self._n_scored,
            "contents": {
                name: {
                    "model": train.contents[name].model,
                    "dimensions": train.contents[name].width,
                    "components": int(part.shape[1]),
                    "products": int(known[name].sum()),
                }
                for name, part in contents.items()
            },
        }
        self._test_explanations()

    def _contents(self, train: Interactions) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Reduced contents of the modalities that there are, and why others are left out."""
        contents: dict[str, np.ndarray] = {}
        left_out: dict[str, str] = {}
        for name in CONTENTS:
            if name not in self.config.modalities:
                continue
            found = train.contents.get(name)
            n_known = 0 if found is None else int(found.known[: self.n_items].sum())
            if found is None or n_known < 2:
                left_out[name] = f"{n_known} of {self.n_items} training products have it"
                continue
            settings = self.config.components, self.config.whitening
            contents[name] = reduced_content(found.vectors, found.known, self.n_items, *settings)
        return contents, left_out

    def _new_reader(
        self, train: Interactions, contents: dict[str, np.ndarray], has_time: bool
    ) -> SalesReader:
        popularity = np.bincount(self._histories.items, minlength=self.n_items)
        near = {
            name: nearest_products(
                content,
                train.contents[name].known,
                self.n_items,
                popularity,
                self.config.neighbours,
            )
            for name, content in contents.items()
        }
        span = int(np.ptp(self._histories.days))
        return SalesReader(
            self.n_items,
            train.item_categories[: self.n_items_scored].astype(np.int64),
            near,
            self._half_lives(has_time),
            self.config.seasons and has_time and span > SEASONS_FROM,
        )

    def _half_lives(self, has_time: bool) -> tuple[float, ...]:
        """Without time a sale never fades."""
        return self.config.sales_half_lives if has_time else (np.inf,)

    def _customers_with_a_vector(self) -> np.ndarray:
        """int64 ``[n_users]``: the row of each customer's own vector, -1 where there is none."""
        has_one = self._histories.lengths >= self.config.own_vector_from
        return np.where(has_one, np.cumsum(has_one) - 1, -1)

    def _moments(self, has_time: bool) -> np.ndarray:
        """First days of the periods of training; without time the day after it, for everything."""
        if not has_time:
            return np.array([self._today])
        days = self._histories.days
        moments = np.arange(int(days.min()), int(days.max()) + 1, self.config.outlook_days)
        cells = self._reader.n_items * (self._reader.n_own + self._reader.n_like)
        most = min(MOST_PERIODS, max(1, SALES_CELLS // max(cells, 1)))
        return moments[:: -(-len(moments) // most)]

    def _assemble(
        self, contents: dict[str, Tensor], known: dict[str, Tensor], has_time: bool
    ) -> MultimodalNetwork:
        from product_recommender.recommenders.multimodal_network import MultimodalNetwork

        return MultimodalNetwork(
            n=self.n_items_scored,
            n_items=self.n_items,
            contents=contents,
            known=known,
            has_ids="ids" in self.config.modalities,
            has_time=has_time,
            width=self.config.width,
            dropout=self.config.dropout,
            n_own=self._reader.n_own,
            n_like=self._reader.n_like,
            n_customers=int(self._customers.max(initial=-1)) + 1,
        )

    # ------------------------------------------------------------------ answering

    def uses_fallback(self, users: np.ndarray) -> np.ndarray:
        """bool ``[n]``: all False, the network answers for customers without purchases as well."""
        self._require_training()
        return np.zeros(len(np.asarray(users)), dtype=bool)

    def follow(self, users: np.ndarray, items: np.ndarray, days: np.ndarray) -> Self:
        """Answer from these purchases, those of products that are known by content included."""
        self._require_training()
        n_users = max(self.n_users, int(np.max(users, initial=-1)) + 1)
        followed = copy.copy(self)
        known = self.n_items_scored
        followed._histories = Histories.of(users, items, days, n_users, known, self.config.seed)
        matrix = followed._histories.matrix(known)
        matrix.sort_indices()
        followed._seen_indptr = matrix.indptr.astype(np.int64)
        followed._seen_indices = matrix.indices.astype(np.int32)
        return followed

    def _score(self, users: Tensor) -> Tensor:
        codes = users.cpu().numpy()
        return self._answer(self._histories.take(codes), codes)

    def _score_histories(self, histories: Histories) -> Tensor:
        return self._answer(histories, np.full(histories.n_users, -1))

    def _score_strangers(self, users: Tensor) -> Tensor:
        nobody = np.full(1, -1)
        return self._answer(self._histories.take(nobody), nobody)

    def _answer(self, histories: Histories, users: np.ndarray) -> Tensor:
        """float32 ``[histories.n_users, n_items_scored]``; ``users`` for their own vectors."""
        import torch

        network = self._network
        network.eval()
        with torch.inference_mode():
            view = network.view()
            states, gates = network.read(view, self._questions(histories, users))
            return network.agreement(view, states, gates) + network.bias(*self._sales())

    def _questions(self, histories: Histories, users: np.ndarray) -> Questions:
        """What comes next after each of these histories, asked today."""
        import torch

        from product_recommender.recommenders.multimodal_network import Questions

        device = self._network.stranger.device
        own = np.full(len(users), -1)
        trained = (users >= 0) & (users < self.n_users)
        own[trained] = self._customers[users[trained]]
        end = histories.indptr[1:]
        first = np.maximum(histories.indptr[:-1], end - self.config.max_length)
        columns = histories.items, histories.days, first, end, np.full(len(end), self._today), own
        return Questions.of(
            *(torch.from_numpy(column.astype(np.int64)).to(device) for column in columns)
        )

    @property
    def _today(self) -> int:
        """The day after the last purchase that the model was told of."""
        return int(self._histories.days.max(initial=0)) + 1

    def _sales(self) -> Sales:
        """Sales of all products today ``[1, n, ...]`` and which have none, read once."""
        import torch

        if self._sales_now is None or self._sales_now[0] is not self._histories:
            bought = self._histories.items, self._histories.days
            own, like = self._reader.read(*bought, np.array([self._today]))
            unsold = np.bincount(self._histories.items, minlength=self.n_items_scored) == 0
            device = self._network.stranger.device
            own_now, like_now, is_unsold = (
                torch.from_numpy(part).to(device) for part in (own, like, unsold)
            )
            self._sales_now = self._histories, (own_now, like_now, is_unsold)
        return self._sales_now[1]

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Stars, 1 to 5: float32 ``[n]`` for int codes ``[n]``, strangers included."""
        self._require_training()
        return self._stars.predict(np.asarray(users), np.asarray(items))

    # ------------------------------------------------------------------ explaining

    def explain(self, user: int, item: int) -> Explanation | None:
        """What lifts this product above the average one for this customer.

        Parameters
        ----------
        user, item
            Codes. A user without purchases has no history to point to.

        Returns
        -------
        Explanation or None
            None for a product that the model does not score.
        """
        from product_recommender.recommenders.multimodal_explaining import Explainer

        self._require_training()
        if not 0 <= item < self.n_items_scored:
            return None
        return Explainer(self).explain(user, item, self._explains)

    def _test_explanations(self) -> None:
        """Whether the purchases that an explanation names are those that the score rests on."""
        from product_recommender.recommenders.multimodal_explaining import check_explanations

        found = check_explanations(self, self.config.explained_customers)
        self._explains = found["passed"]
        self.fit_report["explanation_check"] = found

    # ------------------------------------------------------------------ keeping

    def _state(self) -> dict[str, Tensor]:
        import torch

        reader = self._reader
        state = {_NETWORK + key: part for key, part in self._network.state_dict().items()}
        for name, near in reader.neighbours.items():
            state[f"{_LIKE}{name}/items"] = torch.from_numpy(near.items)
            state[f"{_LIKE}{name}/weights"] = torch.from_numpy(near.weights)
        state |= {_STARS + key: part for key, part in self._stars.state().items()}
        flags = self._network.has_time, reader.has_seasons, self._explains
        return state | {
            "categories": torch.from_numpy(reader.categories),
            "customers": torch.from_numpy(self._customers),
            "flags": torch.tensor(flags),
        }

    def _load_state(self, state: dict[str, Tensor]) -> None:
        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

        has_time, has_seasons, self._explains = (bool(flag) for flag in state["flags"])
        weights, like = part(_NETWORK), part(_LIKE)
        contents = {
            name: weights[f"content_{name}"] for name in CONTENTS if f"content_{name}" in weights
        }
        self._customers = state["customers"].numpy()
        categories = state["categories"].numpy()
        self._n_scored = len(categories)
        near = {
            name: Neighbours(like[f"{name}/items"].numpy(), like[f"{name}/weights"].numpy())
            for name in contents
        }
        half_lives = self._half_lives(has_time)
        self._reader = SalesReader(self.n_items, categories, near, half_lives, has_seasons)
        known = {name: weights[f"known_{name}"] for name in contents}
        with seeded(self.config.seed):
            network = self._assemble(contents, known, has_time)
        network.load_state_dict(weights)
        device = choose_device(self.config.training, to_answer=True)
        self._network = network.to(device).eval()
        self._stars = StarsHead.from_state(part(_STARS), self._stars_contents())

    def _stars_contents(self) -> dict[str, np.ndarray]:
        """Contents as the network holds them, on the CPU."""
        names = (name for name in self._network.modalities if name != "ids")
        return {name: getattr(self._network, f"content_{name}").cpu().numpy() for name in names}
