"""The purchase loss over every product, instead of a sample of those not bought.

Negatives drawn uniformly, ``k`` a purchase, are an estimate of a sum over all the products that a
customer has not bought, each weighed by how often it is drawn. Where the catalogue is small enough
for a row of scores a customer, the sum itself costs less than the sample: the inner products of a
batch of customers with all products are one matrix product, which needs a tenth of the time of as
many gathered vectors, and the gradient has no noise from sampling.

Imported lazily: this file needs torch at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from product_recommender.recommenders.networks import NeuMF


def negatives_per_user(purchases: np.ndarray, negatives: float, exponent: float) -> np.ndarray:
    """Negatives that each customer's loss stands for.

    Parameters
    ----------
    purchases
        ``[n_users]``: how many purchases each customer made.
    negatives
        Negatives a purchase, on average over all purchases.
    exponent
        Customers get them in proportion to their purchases to this power: 1 the same for each
        purchase, 0 the same for each customer who bought anything.

    Returns
    -------
    numpy.ndarray
        float64 ``[n_users]``, 0 where there is no purchase.
    """
    counts = np.asarray(purchases, dtype=np.float64)
    shares = np.where(counts > 0, np.maximum(counts, 1.0) ** exponent, 0.0)
    total = shares.sum()
    return np.asarray(negatives * counts.sum() * shares / total if total else shares)


class AllProductsLoss:
    """Mean over purchases of what ``k`` uniform negatives a purchase cost on average.

    Parameters
    ----------
    users, items, weights
        int ``[n]``, int ``[n]`` and float ``[n]``: the purchases and what each counts.
    n_users, n_items
        Sizes of both sides.
    negatives
        Negatives a purchase that the loss stands for.
    l2
        Weight of the squared vectors of a purchase. They are those of the customer and, on average,
        of the purchase and its negatives: a product's vector is held in the measure in which it is
        looked at, so that the rare ones do not run free (Rendle, Krichene, Zhang, Anderson: Neural
        Collaborative Filtering vs. Matrix Factorization Revisited, RecSys 2020). Biases of products
        are held like their vectors.
    device
        Where to compute.
    negative_exponent
        See ``negatives_per_user``.
    user_exponent
        A customer with n purchases counts in proportion to n to this power: 1 is the mean over
        purchases, 0 the mean over customers.
    """

    def __init__(
        self,
        users: np.ndarray,
        items: np.ndarray,
        weights: np.ndarray,
        n_users: int,
        n_items: int,
        negatives: int,
        l2: float,
        device: torch.device,
        negative_exponent: float = 1.0,
        user_exponent: float = 1.0,
    ) -> None:
        purchases = np.bincount(users, minlength=n_users).astype(np.float64)
        importance = np.maximum(purchases, 1.0) ** (user_exponent - 1.0)
        importance *= len(users) / max(float((importance * purchases).sum()), 1e-12)
        shape = (n_users, n_items)
        values = weights * importance[users]
        bought = scipy.sparse.csr_matrix((values, (users, items)), shape=shape)
        counts = scipy.sparse.csr_matrix((importance[users], (users, items)), shape=shape)
        asked = negatives_per_user(purchases, negatives, negative_exponent) * importance
        per_user = (purchases * importance + asked) / (1 + negatives)
        drawn = asked / np.maximum(n_items - np.diff(bought.indptr), 1)
        per_item = np.asarray(counts.sum(axis=0)).ravel() + drawn.sum() - (counts > 0).T @ drawn
        self.n_items, self.l2 = n_items, l2
        # A batch of b customers holds b * purchases / customers purchases on average.
        self.scale = n_users / max(len(users), 1)
        self._start = torch.from_numpy(bought.indptr.astype(np.int64)).to(device)
        self._items = torch.from_numpy(bought.indices.astype(np.int64)).to(device)
        self._weights = torch.from_numpy(bought.data.astype(np.float32)).to(device)
        self._drawn = torch.from_numpy(drawn.astype(np.float32)).to(device)
        self._per_user = torch.from_numpy(per_user.astype(np.float32)).to(device)
        held = (per_item / (n_users * (1 + negatives))).astype(np.float32)  # by one customer
        self._per_item = torch.from_numpy(held).to(device)

    def __call__(self, network: NeuMF, users: Tensor, with_tower: bool = True) -> Tensor:
        """Loss of a batch.

        Parameters
        ----------
        network
            In training mode.
        users
            int64 ``[b]``, on the device.
        with_tower
            False leaves the MLP out: GMF alone.

        Returns
        -------
        torch.Tensor
            A scalar, with a gradient.
        """
        logits, user_vectors, item_vectors = network.all_logits(users, with_tower)
        cells, weights = self._bought(users)
        loss = _Expected.apply(logits, cells, weights, self._drawn[users])
        penalty = (user_vectors.square().sum(dim=1) * self._per_user[users]).sum()
        squares = item_vectors.square().sum(dim=1) + network.item_bias.square()
        items = (squares * self._per_item).sum() * len(users)
        return (loss + self.l2 * (penalty + items)) * (self.scale / len(users))

    def _bought(self, users: Tensor) -> tuple[Tensor, Tensor]:
        """Flat cells of the batch's purchases in ``[b, n_items]``, and their weights."""
        first = self._start[users]
        lengths = self._start[users + 1] - first
        before = lengths.cumsum(0) - lengths
        rows = torch.arange(len(users), device=users.device).repeat_interleave(lengths)
        place = torch.arange(len(rows), device=users.device) + (first - before)[rows]
        return rows * self.n_items + self._items[place], self._weights[place]


class _Expected(torch.autograd.Function):
    """``sum w softplus(z)`` over what was not bought, ``sum v softplus(-z)`` over what was.

    The gradient is ready when the loss is, in two passes over the scores.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, cells: Tensor, weights: Tensor, drawn: Tensor) -> Tensor:
        softplus = torch.nn.functional.softplus
        rows = torch.div(cells, logits.shape[1], rounding_mode="floor")
        at = logits.reshape(-1)[cells]
        loss = (softplus(logits).sum(dim=1) * drawn).sum()
        loss = loss + (weights * softplus(-at) - drawn[rows] * softplus(at)).sum()
        gradient = torch.sigmoid(logits).mul_(drawn.unsqueeze(1))
        gradient.view(-1)[cells] = -weights * torch.sigmoid(-at)
        ctx.save_for_backward(gradient)
        return loss

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * outer[0], None, None, None
