"""The torch modules behind the recommenders. Imported lazily: this file needs torch at once.

Sources
-------
He, Liao, Zhang, Nie, Hu, Chua: Neural Collaborative Filtering, WWW 2017 (GMF, MLP, NeuMF).
Koren, Bell, Volinsky: Matrix Factorization Techniques for Recommender Systems, Computer 2009.
Kula: Metadata Embeddings for User and Item Cold-start Recommendations, 2015 (sum of a free
embedding and an embedding of features).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from product_recommender.recommenders.training import threads_for

SCORING_CELLS = 1 << 14
"""User-item pairs of one scoring block on the CPU: hidden activations then stay in the cache."""


class Factors(nn.Module):
    """Biased matrix factorization: ``mean + b_u + b_i + p_u . q_i``.

    Parameters
    ----------
    user_biases, item_biases
        float32 ``[n_users]``, ``[n_items]``: initial values; L2 pulls back to them.
    mean
        Mean of the stars.
    factors
        Length of ``p_u`` and ``q_i``.
    dropout
        Share of the factors that a training step leaves out.
    """

    mean: Tensor
    user_bias_start: Tensor
    item_bias_start: Tensor
    user_factors_start: Tensor
    item_factors_start: Tensor

    def __init__(
        self, user_biases: Tensor, item_biases: Tensor, mean: float, factors: int, dropout: float
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.user_factors = nn.Parameter(0.1 * torch.randn(len(user_biases), factors))
        self.item_factors = nn.Parameter(0.02 * torch.randn(len(item_biases), factors))
        self.user_bias = nn.Parameter(user_biases.clone())
        self.item_bias = nn.Parameter(item_biases.clone())
        self.register_buffer("mean", torch.tensor(float(mean)))
        self.register_buffer("user_bias_start", user_biases.clone())
        self.register_buffer("item_bias_start", item_biases.clone())
        # Random starts carry no information, so there L2 pulls to zero.
        self.register_buffer("user_factors_start", torch.zeros_like(self.user_factors))
        self.register_buffer("item_factors_start", torch.zeros_like(self.item_factors))

    def start_from(self, users: np.ndarray, items: np.ndarray) -> None:
        """Put the first columns of the embeddings, and what L2 pulls to, at these values.

        Parameters
        ----------
        users, items
            float ``[n_users, f]`` and ``[n_items, f]`` with ``f`` at most the embeddings' length.
        """
        tables = (
            (self.user_factors, self.user_factors_start, users),
            (self.item_factors, self.item_factors_start, items),
        )
        with torch.no_grad():
            for table, start, values in tables:
                start[:, : values.shape[1]] = torch.from_numpy(values).to(start)
                table[:, : values.shape[1]] = start[:, : values.shape[1]]

    def forward(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Stars of pairs and the L2 penalty per pair.

        Parameters
        ----------
        users, items
            int64 ``[b]``.

        Returns
        -------
        stars, penalty : torch.Tensor
            float32 ``[b]``: predicted stars; squared distance of everything the pair uses
            from where L2 pulls it.
        """
        p = functional.embedding(users, self.user_factors)
        q = functional.embedding(items, self.item_factors)
        b_u, b_i = lookup(self.user_bias, users), lookup(self.item_bias, items)
        product = functional.dropout(p * q, self.dropout, self.training).sum(dim=1)
        moved = (b_u - self.user_bias_start[users]) ** 2 + (b_i - self.item_bias_start[items]) ** 2
        shift_p = p - functional.embedding(users, self.user_factors_start)
        shift_q = q - functional.embedding(items, self.item_factors_start)
        penalty = (shift_p * shift_p).sum(dim=1) + (shift_q * shift_q).sum(dim=1) + moved
        return self.mean + b_u + b_i + product, penalty


def lookup(values: Tensor, codes: Tensor) -> Tensor:
    """``values[codes]`` with the gradient of an embedding, several times faster on the CPU."""
    return functional.embedding(codes, values.unsqueeze(1)).squeeze(-1)


class Side(nn.Module):
    """Vectors of the users or of the items: a free table, projected features, or their sum.

    Parameters
    ----------
    n
        Rows of the free table; codes from ``n`` on have features only.
    width
        Length of a vector.
    free
        Whether there is a free table.
    features
        float32 ``[>= n, f]`` or None.
    scale
        Standard deviation of the initial vectors.
    """

    features: Tensor | None

    def __init__(
        self, n: int, width: int, free: bool, features: Tensor | None, scale: float = 0.1
    ) -> None:
        super().__init__()
        if not free and features is None:
            raise ValueError("a side without a free table needs features")
        self.n = n
        self.table = nn.Parameter(scale * torch.randn(n, width)) if free else None
        self.register_buffer("features", features)
        self.projection: nn.Linear | None = None
        if features is not None:
            self.projection = nn.Linear(features.shape[1], width)
            nn.init.normal_(self.projection.weight, std=scale / features.shape[1] ** 0.5)
            nn.init.zeros_(self.projection.bias)

    @property
    def n_listed(self) -> int:
        """Codes that have a vector of their own."""
        return self.n if self.features is None else max(self.n, len(self.features))

    def forward(self, codes: Tensor) -> Tensor:
        """Vectors ``[b, width]`` of codes below ``n``."""
        if self.projection is None or self.features is None:
            assert self.table is not None
            return functional.embedding(codes, self.table)
        vectors = self.projection(functional.embedding(codes, self.features))
        return vectors if self.table is None else vectors + functional.embedding(codes, self.table)

    def all(self, listed: bool = False) -> Tensor:
        """Vectors of all codes: ``[n, width]``, or ``[n_listed, width]`` with ``listed``."""
        if self.projection is None or self.features is None:
            assert self.table is not None
            return self.table
        vectors = self.projection(self.features if listed else self.features[: self.n])
        if self.table is None:
            return vectors
        strangers = len(vectors) - self.n
        return vectors + functional.pad(self.table, (0, 0, 0, strangers))


class NeuMF(nn.Module):
    """GMF and MLP towers joined, with one linear head for stars and one for purchases.

    The first MLP layer of ``[u; i]`` is computed as ``W_u u + W_i i``: exactly the same numbers,
    but each user and each item goes through it once instead of once a pair.

    Parameters
    ----------
    users, items
        The two sides, of width ``factors + mlp_width``.
    factors
        Length of the GMF part.
    layers
        Widths of the hidden layers of the MLP; empty leaves GMF alone.
    dropout
        Share of the user vector and of the last hidden layer that a training step leaves out.
    item_popularity
        float32 ``[n_items]``: where the item bias of the purchase head starts (log popularity).
    """

    def __init__(
        self,
        users: Side,
        items: Side,
        factors: int,
        mlp_width: int,
        layers: Sequence[int],
        dropout: float,
        item_popularity: Tensor,
    ) -> None:
        super().__init__()
        self.users, self.items = users, items
        self.factors, self.dropout = factors, dropout
        self.user_layer = nn.Linear(mlp_width, layers[0], bias=False) if layers else None
        self.item_layer = nn.Linear(mlp_width, layers[0]) if layers else None
        widths = list(layers)
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        last = widths[-1] if widths else 0
        # Rows: stars, purchase. Stars start at the biases alone, purchases at an inner product.
        self.gmf_heads = nn.Parameter(torch.tensor([[0.0], [1.0]]).repeat(1, factors))
        mlp_heads = torch.randn(2, last) / max(last, 1) ** 0.5
        mlp_heads[0] = 0.0
        self.mlp_heads = nn.Parameter(mlp_heads)
        self.purchase_bias = nn.Parameter(torch.zeros(1))
        self.item_bias = nn.Parameter(item_popularity.clone())

    # ------------------------------------------------------------- the two sides of a pair

    def user_side(self, vectors: Tensor) -> tuple[Tensor, Tensor | None]:
        """GMF part ``[b, factors]`` and first-layer part ``[b, h]`` of user vectors."""
        gmf, mlp = vectors[:, : self.factors], vectors[:, self.factors :]
        return gmf, None if self.user_layer is None else self.user_layer(mlp)

    def item_side(self, vectors: Tensor) -> Tensor:
        """GMF part and first-layer part of item vectors, side by side: ``[m, factors + h]``."""
        if self.item_layer is None:
            return vectors[:, : self.factors]
        layer = self.item_layer(vectors[:, self.factors :])
        return torch.cat([vectors[:, : self.factors], layer], dim=1)

    def _tower(self, hidden: Tensor) -> Tensor:
        hidden = torch.relu(hidden)
        for layer in self.hidden:
            hidden = torch.relu(layer(hidden))
        return functional.dropout(hidden, self.dropout, self.training)

    def _parts(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """GMF part and the rest, along the last dimension."""
        gmf, rest = vectors.split([self.factors, vectors.shape[-1] - self.factors], dim=-1)
        return gmf, rest

    def forward(
        self, users: Tensor, items: Tensor, with_stars: bool = True, with_penalty: bool = True
    ) -> tuple[Tensor | None, Tensor, Tensor | None]:
        """Both heads for a purchase and its negatives.

        Parameters
        ----------
        users
            int64 ``[b]``.
        items
            int64 ``[b, 1 + k]``: the purchase first.
        with_stars, with_penalty
            Whether the first and the last of the results are wanted.

        Returns
        -------
        residual, logits, penalty : torch.Tensor
            float32 ``[b]``, what the stars head adds to the biases, for the purchase;
            ``[b, 1 + k]``, logits of the purchase head; ``[b]``, squared length of the vectors of
            the user and the purchase. None where it is not wanted.
        """
        user_vectors = self.users(users)
        penalty = None
        if with_penalty:
            bought = self.items(items[:, 0])
            penalty = (user_vectors * user_vectors).sum(dim=1) + (bought * bought).sum(dim=1)
        user_vectors = functional.dropout(user_vectors, self.dropout, self.training)
        # Parts by `split`: its gradient is one concatenation, a slice's a field of zeros each.
        gmf_user, mlp_user = self._parts(user_vectors)
        if items.numel() > self.items.n:
            side = functional.embedding(items, self.item_side(self.items.all()))
        else:
            side = self.item_side(self.items(items.flatten())).view(*items.shape, -1)
        gmf_item, mlp_item = self._parts(side)
        logits = (gmf_item * (gmf_user * self.gmf_heads[1]).unsqueeze(1)).sum(dim=2)
        residual = None
        if with_stars:
            residual = ((gmf_user * self.gmf_heads[0]) * gmf_item[:, 0]).sum(dim=1)
        if self.user_layer is not None:
            tower = self._tower(mlp_item + self.user_layer(mlp_user).unsqueeze(1))
            logits = logits + tower @ self.mlp_heads[1]
            if residual is not None:
                residual = residual + tower[:, 0] @ self.mlp_heads[0]
        logits = logits + lookup(self.item_bias, items) + self.purchase_bias
        return residual, logits, penalty

    def all_logits(self, users: Tensor, with_tower: bool = True) -> tuple[Tensor, Tensor, Tensor]:
        """The purchase head for every item that has a row, for training.

        Parameters
        ----------
        users
            int64 ``[b]``.
        with_tower
            False leaves the MLP out.

        Returns
        -------
        logits, user_vectors, item_vectors : torch.Tensor
            float32 ``[b, n_items]``; the vectors that were used, before dropout: ``[b, width]``,
            ``[n_items, width]``.
        """
        user_vectors, item_vectors = self.users(users), self.items.all()
        dropped = functional.dropout(user_vectors, self.dropout, self.training)
        gmf_user = dropped[:, : self.factors] * self.gmf_heads[1]
        bias = self.item_bias + self.purchase_bias
        logits = torch.addmm(bias, gmf_user, item_vectors[:, : self.factors].T)
        if with_tower and self.user_layer is not None and self.item_layer is not None:
            mlp_user = self.user_layer(dropped[:, self.factors :])
            mlp_item = self.item_layer(item_vectors[:, self.factors :])
            tower = self._tower(mlp_item + mlp_user.unsqueeze(1))
            logits = logits + tower @ self.mlp_heads[1]
        return logits, user_vectors, item_vectors

    # ------------------------------------------------------------- answering

    def biases(self, listed: bool = False) -> Tensor:
        """Item biases of the purchase head; products never bought get the smallest one."""
        if not listed or self.items.n_listed == self.items.n:
            return self.item_bias
        strangers = self.item_bias.min().expand(self.items.n_listed - self.items.n)
        return torch.cat([self.item_bias, strangers])

    def score_block(self, head: int, user_vectors: Tensor, item_side: Tensor) -> Tensor:
        """One head, biases left out, for all pairs of a block of users and the given items.

        Parameters
        ----------
        head
            0 for the stars, 1 for the purchase.
        user_vectors
            float32 ``[b, width]``.
        item_side
            float32 ``[m, factors + h]`` from ``item_side``.

        Returns
        -------
        torch.Tensor
            float32 ``[b, m]``. Memory beside it is bounded by ``SCORING_CELLS`` pairs.
        """
        gmf_user, mlp_user = self.user_side(user_vectors)
        scores = (gmf_user * self.gmf_heads[head]) @ item_side[:, : self.factors].T
        if mlp_user is None:
            return scores
        mlp_item = item_side[:, self.factors :].contiguous()
        cells = SCORING_CELLS if scores.device.type == "cpu" else SCORING_CELLS * 512
        n_items = max(1, min(len(mlp_item), cells))
        n_users = max(1, cells // n_items)
        weight = self.mlp_heads[head]
        with threads_for(cells):  # blocks this small gain nothing from a second thread
            for i in range(0, len(mlp_item), n_items):
                part = mlp_item[i : i + n_items]
                for u in range(0, len(mlp_user), n_users):
                    tower = (mlp_user[u : u + n_users].unsqueeze(1) + part).relu_()
                    for layer in self.hidden:
                        tower = layer(tower).relu_()
                    scores[u : u + n_users, i : i + n_items] += tower @ weight
        return scores

    def joined(self, user_vectors: Tensor, item_side: Tensor) -> Tensor:
        """What the heads read of aligned pairs: ``[n, width]``, ``[n, .]`` -> ``[n, f + h]``."""
        gmf_user, mlp_user = self.user_side(user_vectors)
        gmf = gmf_user * item_side[:, : self.factors]
        if mlp_user is None:
            return gmf
        return torch.cat([gmf, self._tower(mlp_user + item_side[:, self.factors :])], dim=1)
