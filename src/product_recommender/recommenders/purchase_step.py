"""Loss and gradient of NeuMF on purchases alone, written out instead of recorded.

A batch of a few thousand pairs is so little work that recording it for ``backward`` costs more than
doing it: this is the same mathematics in half the operations, in memory that is kept from one
batch to the next. ``NeuMF.forward`` is what it must agree with, and the tests compare the two.

Imported lazily: this file needs torch at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from product_recommender.recommenders.networks import NeuMF

PURCHASE = 1
"""Row of the purchase head in ``NeuMF``."""

MANY_ROWS = 8
"""Clear a table's gradient as a whole where more than one row in so many was written."""


@dataclass
class _Pass:
    """What the way back needs of the way there; n = (1 + k) b pairs, f factors, h first layer.

    Pairs stand in the order [1 + k, b], purchases first: what is alike for the pairs of a user then
    repeats after b rows, which torch adds and multiplies several times faster than after one row.
    """

    users: Tensor  # int64 [b]
    items: Tensor  # int64 [n]
    user_vectors: Tensor  # [b, width], after dropout
    user_mask: Tensor | None  # [b, width], what dropout multiplied by
    item_vectors: Tensor  # [n, width], or [n_items, width] where `is_whole`
    is_whole: bool  # the item layer was computed for all items at once
    gmf_items: Tensor  # [n, f]
    product: Tensor  # [n, f], of user and item
    hidden: list[Tensor]  # [n, .] of every layer, after ReLU; the last one after dropout too
    hidden_mask: Tensor | None  # [n, last]


class PurchaseStep:
    """The mean purchase loss of a batch; leaves its gradient in ``.grad`` of the parameters.

    Parameters
    ----------
    network
        Without features on either side; its mode says whether there is dropout.
    l2
        Weight of the squared vectors of the user and of the purchase.
    offsets
        float32 ``[n_items]`` added to the logits, or None.
    """

    def __init__(self, network: NeuMF, l2: float, offsets: Tensor | None = None) -> None:
        users, items = network.users.table, network.items.table
        if network.users.features is not None or network.items.features is not None:
            raise ValueError("the step is written for free tables; this network reads features")
        assert users is not None
        assert items is not None
        self._network, self._l2, self._offsets = network, l2, offsets
        self._users, self._items = _TableGradient(users), _TableGradient(items)

    @torch.no_grad()
    def __call__(self, users: Tensor, pairs: Tensor, weights: Tensor) -> Tensor:
        """Loss of a batch.

        Parameters
        ----------
        users
            int64 ``[b]``.
        pairs
            int64 ``[b, 1 + k]``: the purchase, then its negatives.
        weights
            float32 ``[b]``: what each purchase counts.

        Returns
        -------
        torch.Tensor
            A scalar that needs no ``backward``: the gradients are there, in place of those before.
        """
        passed, logits = self._forward(users, pairs)
        signed = logits.view(-1, len(users))
        signed[0].neg_()
        loss = torch.dot(functional.softplus(signed).sum(dim=0), weights)
        gradient = signed.sigmoid_()
        gradient[0].neg_()
        gradient.mul_(weights / len(users))
        penalty = self._backward(passed, gradient.view(-1))
        return (loss + self._l2 * penalty) / len(users)

    def _forward(self, users: Tensor, pairs: Tensor) -> tuple[_Pass, Tensor]:
        network, f = self._network, self._network.factors
        b, items = len(users), pairs.T.reshape(-1)
        vectors = self._users.table.index_select(0, users)
        user_mask = self._dropout_mask(vectors)
        vectors = vectors if user_mask is None else vectors.mul_(user_mask)
        is_whole = len(items) > len(self._items.table)
        table = self._items.table
        chosen = table if is_whole else table.index_select(0, items)
        gmf = chosen[:, :f].contiguous().index_select(0, items) if is_whole else chosen[:, :f]
        product = (gmf.view(-1, b, f) * vectors[:, :f]).view(-1, f)
        logits = torch.mv(product, network.gmf_heads[PURCHASE])
        hidden: list[Tensor] = []
        hidden_mask = None
        if network.user_layer is not None and network.item_layer is not None:
            layer = functional.linear(
                chosen[:, f:], network.item_layer.weight, network.item_layer.bias
            )
            first = layer.index_select(0, items) if is_whole else layer
            first.view(-1, b, first.shape[1]).add_(network.user_layer(vectors[:, f:]))
            hidden.append(first.relu_())
            for linear in network.hidden:
                hidden.append(linear(hidden[-1]).relu_())
            hidden_mask = self._dropout_mask(hidden[-1])
            if hidden_mask is not None:
                hidden[-1].mul_(hidden_mask)
            logits.addmv_(hidden[-1], network.mlp_heads[PURCHASE])
        bias = network.item_bias + network.purchase_bias
        if self._offsets is not None:
            bias += self._offsets
        logits += bias.index_select(0, items)
        return _Pass(
            users,
            items,
            vectors,
            user_mask,
            chosen,
            is_whole,
            gmf,
            product,
            hidden,
            hidden_mask,
        ), logits

    def _dropout_mask(self, values: Tensor) -> Tensor | None:
        network = self._network
        if not network.training or network.dropout == 0:
            return None
        return functional.dropout(torch.ones_like(values), network.dropout)

    # ------------------------------------------------------------- the way back

    def _backward(self, passed: _Pass, gradient: Tensor) -> Tensor:
        """Fill every ``.grad``; returns the sum of the squared vectors, zero without l2.

        Parameters
        ----------
        gradient
            float32 ``[n]``: of the loss to the logits.
        """
        network, f = self._network, self._network.factors
        b = len(passed.users)
        biases = torch.zeros_like(network.item_bias).index_add_(0, passed.items, gradient)
        _give(network.item_bias, biases)
        _give(network.purchase_bias, gradient.sum().view(1))
        to_users = torch.empty_like(passed.user_vectors)
        # GMF: logit = sum over f of head * user * item.
        heads, head = torch.zeros_like(network.gmf_heads), network.gmf_heads[PURCHASE]
        torch.mv(passed.product.T, gradient, out=heads[PURCHASE])
        _give(network.gmf_heads, heads)
        to_product = torch.outer(gradient, head)
        to_gmf = to_product.view(-1, b, f) * passed.user_vectors[:, :f]
        to_users[:, :f] = (to_product * passed.gmf_items).view(-1, b, f).sum(dim=0)
        to_first = self._tower_back(passed, gradient, to_users)
        self._to_items(passed, to_gmf.view(-1, f), to_first)
        if passed.user_mask is not None:
            to_users.mul_(passed.user_mask)
        return self._to_users(passed, to_users)

    def _tower_back(self, passed: _Pass, gradient: Tensor, to_users: Tensor) -> Tensor | None:
        """Gradient to the first layer before its ReLU, ``[n, h]``; fills its part of the users'."""
        network, f = self._network, self._network.factors
        heads = torch.zeros_like(network.mlp_heads)
        if network.user_layer is None:
            _give(network.mlp_heads, heads)
            to_users[:, f:] = 0.0
            return None
        torch.mv(passed.hidden[-1].T, gradient, out=heads[PURCHASE])
        _give(network.mlp_heads, heads)
        back = torch.outer(gradient, network.mlp_heads[PURCHASE])
        if passed.hidden_mask is not None:
            back.mul_(passed.hidden_mask)
        # Where dropout left out a neuron `back` is zero already, so the cut at zero may see either.
        back = torch.ops.aten.threshold_backward(back, passed.hidden[-1], 0)
        for i in range(len(network.hidden) - 1, -1, -1):
            layer = network.hidden[i]
            assert isinstance(layer, nn.Linear)
            _give(layer.weight, back.T @ passed.hidden[i])
            _give(layer.bias, back.sum(dim=0))
            back = torch.ops.aten.threshold_backward(back @ layer.weight, passed.hidden[i], 0)
        to_layer = back.view(-1, len(passed.users), back.shape[1]).sum(dim=0)
        _give(network.user_layer.weight, to_layer.T @ passed.user_vectors[:, f:])
        torch.mm(to_layer, network.user_layer.weight, out=to_users[:, f:])
        return back

    def _to_items(self, passed: _Pass, to_gmf: Tensor, to_first: Tensor | None) -> None:
        """Gradients of the item table and of the item layer."""
        f, layer = self._network.factors, self._network.item_layer
        whole = self._items.cleared(None if passed.is_whole else passed.items)
        into = whole if passed.is_whole else torch.empty_like(passed.item_vectors)
        if passed.is_whole:
            # Gradients of equal items are added up before the layer, not after.
            n_items = len(whole)
            to_gmf = to_gmf.new_zeros(n_items, f).index_add_(0, passed.items, to_gmf)
            if to_first is not None:
                sums = to_first.new_zeros(n_items, to_first.shape[1])
                to_first = sums.index_add_(0, passed.items, to_first)
        into[:, :f] = to_gmf
        if to_first is None:
            into[:, f:] = 0.0
        else:
            assert layer is not None
            _give(layer.weight, to_first.T @ passed.item_vectors[:, f:])
            _give(layer.bias, to_first.sum(dim=0))
            torch.mm(to_first, layer.weight, out=into[:, f:])
        if not passed.is_whole:
            whole.index_add_(0, passed.items, into)

    def _to_users(self, passed: _Pass, to_users: Tensor) -> Tensor:
        """Gradient of the user table, and what l2 does to both tables."""
        penalty = to_users.new_zeros(())
        into = self._users.cleared(passed.users)
        if self._l2:
            bought = passed.items[: len(passed.users)]
            vectors = self._users.table.index_select(0, passed.users)
            products = self._items.table.index_select(0, bought)
            penalty = vectors.square().sum() + products.square().sum()
            pull = 2.0 * self._l2 / len(passed.users)
            to_users.add_(vectors, alpha=pull)
            self._items.gradient.index_add_(0, bought, products, alpha=pull)
        into.index_add_(0, passed.users, to_users)
        return penalty


class _TableGradient:
    """The gradient of an embedding table: one buffer, of which only written rows are cleared."""

    def __init__(self, table: nn.Parameter) -> None:
        self.table = table
        self.gradient = torch.zeros_like(table)
        self._written: Tensor | None = self.gradient.new_zeros(0, dtype=torch.int64)

    def cleared(self, rows: Tensor | None) -> Tensor:
        """The buffer, all zero, as ``.grad`` of the table; ``rows`` will be written (None: all)."""
        written = self._written
        if written is None or len(written) * MANY_ROWS > len(self.gradient):
            self.gradient.zero_()
        else:
            self.gradient.index_fill_(0, written, 0.0)
        self._written = rows
        _give(self.table, self.gradient)
        return self.gradient


def _give(parameter: nn.Parameter | Tensor, gradient: Tensor) -> None:
    # What is held fixed must not count in the norm that clipping looks at.
    if parameter.requires_grad:
        parameter.grad = gradient
