"""EASE: a linear autoencoder of purchases, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse
from pydantic import Field

from product_recommender.interactions import Interactions
from product_recommender.recommenders.item_to_item import (
    WeightedHistoryConfig,
    WeightedHistoryRecommender,
    suggest_history_weights,
)

if TYPE_CHECKING:
    import optuna
    from torch import Tensor

DOUBLE_PRECISION_ITEMS = 2_000
"""Catalogues up to this size are solved in float64, which costs them nothing that one notices."""

STRIPE = 512
"""Columns that are worked on at once where a whole second matrix would not fit."""


class EASEConfig(WeightedHistoryConfig):
    """Settings of ``EASE``."""

    l2: float = Field(
        200.0,
        gt=0,
        description="Ridge penalty on the weights, in purchases: more for larger data.",
    )
    dropout: float = Field(
        0.0,
        ge=0,
        le=0.95,
        description="Share of a history that the autoencoder is taught to do without; popular "
        "items are penalised by as many purchases as that leaves out. 0: plain EASE.",
    )
    diagonal: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="How much of itself an item may explain: 0 none, as in EASE; above 0 the "
        "relaxed constraint of RDLAE, which lifts the penalty on items that explain little.",
    )
    user_normalisation: float = Field(
        0.3,
        ge=0,
        le=1,
        description="A customer with n purchases counts n to the power of minus this in each pair "
        "of items (times a constant, so that l2 keeps its meaning).",
    )
    memory_limit_gb: float = Field(
        6.0, gt=0, description="Refuse to learn where that would take more memory than this."
    )


class EASE(WeightedHistoryRecommender):
    """Scores are a history times an items-by-items matrix with an empty diagonal.

    That matrix minimises ``|X - X B|^2 + sum_i penalty_i |B_i|^2``, and is found in closed form:
    with ``P = (X'X + penalty)^-1``, ``B_ij = -P_ij / P_jj`` (Steck 2019, "Embarrassingly Shallow
    Autoencoders for Sparse Data"). The penalty is ``l2``, plus ``p / (1 - p)`` times the item's
    purchases under ``dropout`` p (Steck 2020, "Autoencoders that don't overfit towards the
    Identity"); with ``diagonal`` it is the relaxed RDLAE (Moon et al. 2023, "It's Enough").

    Time grows with the cube of the number of items, memory with its square, neither with the
    number of customers beyond counting pairs; it answers for anyone with one purchase.
    """

    name = "ease"
    Config = EASEConfig
    ranks_by = "linear prediction from what was bought"
    config: EASEConfig

    _weights: np.ndarray

    @classmethod
    def search_space(cls, trial: optuna.Trial) -> dict[str, Any]:
        """Penalties, normalisation, and how a history counts."""
        return {
            "l2": trial.suggest_float("l2", 1.0, 5000.0, log=True),
            "dropout": trial.suggest_float("dropout", 0.0, 0.8),
            "user_normalisation": trial.suggest_float("user_normalisation", 0.0, 1.0),
        } | suggest_history_weights(trial)

    def _learn(self, train: Interactions) -> None:
        self._refuse_what_does_not_fit(train.n_items)
        config = self.config
        matrix = normalised(train.matrix(), config.user_normalisation)
        self._weights = ease_weights(matrix, config.l2, config.dropout, config.diagonal)
        self.fit_report = {"purchases": len(train), "weights": int(self._weights.size)}

    def _refuse_what_does_not_fit(self, n_items: int) -> None:
        cell = 8 if n_items <= DOUBLE_PRECISION_ITEMS else 4
        needed = n_items * n_items * cell + 4 * STRIPE * n_items * cell
        if needed > self.config.memory_limit_gb * 1e9:
            raise ValueError(
                f"ease: {n_items:,} products need {needed:,} bytes for a matrix of products by "
                f"products, more than memory_limit_gb ({self.config.memory_limit_gb:g}, "
                f"{int(self.config.memory_limit_gb * 1e9):,} bytes) allows. Raise "
                "memory_limit_gb under modeling.models.ease, or use item_knn, which keeps only "
                "near neighbours"
            )

    def _answer(self, weights: scipy.sparse.csr_matrix) -> np.ndarray:
        scores: np.ndarray = weights @ self._weights
        return scores

    def _learnt(self) -> dict[str, Tensor]:
        import torch

        return {"weights": torch.from_numpy(self._weights)}

    def _load_learnt(self, state: dict[str, Tensor]) -> None:
        self._weights = state["weights"].numpy()


def ease_weights(
    matrix: scipy.sparse.csr_matrix, l2: float, dropout: float = 0.0, diagonal: float = 0.0
) -> np.ndarray:
    """Item weights of the linear autoencoder, solved in the precision that the catalogue allows.

    Parameters
    ----------
    matrix
        csr ``[n_users, n_items]``.
    l2, dropout, diagonal
        As of ``EASEConfig``.

    Returns
    -------
    numpy.ndarray
        float32 ``[n_items, n_items]``, as of ``autoencoder_weights``.
    """
    double = matrix.shape[1] <= DOUBLE_PRECISION_ITEMS
    gram = gram_matrix(matrix, np.float64 if double else np.float32)
    counts = gram.diagonal().astype(np.float64)
    return autoencoder_weights(gram, l2 + dropout / (1.0 - dropout) * counts, diagonal)


def normalised(
    matrix: scipy.sparse.csr_matrix, user_normalisation: float
) -> scipy.sparse.csr_matrix:
    """Rows divided by a power of their length, the mean pair unchanged.

    Parameters
    ----------
    matrix
        Binary csr ``[n_users, n_items]``.
    user_normalisation
        Exponent on the length; a cell is multiplied by the square root, a pair by the whole.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32, the sum of whose squares is the number of purchases, as before.
    """
    if user_normalisation == 0:
        return matrix
    lengths = np.diff(matrix.indptr).astype(np.float64)
    weights = np.maximum(lengths, 1.0) ** -user_normalisation
    weights *= lengths.sum() / max((weights * lengths).sum(), np.finfo(float).tiny)
    return scipy.sparse.csr_matrix(scipy.sparse.diags(np.sqrt(weights)) @ matrix, dtype=np.float32)


def gram_matrix(matrix: scipy.sparse.csr_matrix, dtype: type) -> np.ndarray:
    """``X'X`` as a dense, column-major matrix, made in stripes.

    Parameters
    ----------
    matrix
        csr ``[n_users, n_items]``.
    dtype
        numpy.float32 or numpy.float64.

    Returns
    -------
    numpy.ndarray
        ``[n_items, n_items]``, ready to be factorised in place.
    """
    n_items = matrix.shape[1]
    gram = np.empty((n_items, n_items), dtype=dtype, order="F")
    by_user = matrix.astype(dtype)
    by_item = by_user.T.tocsr()
    for start in range(0, n_items, STRIPE):
        stripe = slice(start, start + STRIPE)
        # Rows of a symmetric matrix are its columns, which lie together in memory.
        gram[:, stripe] = (by_item[stripe] @ by_user).toarray().T
    return gram


def autoencoder_weights(gram: np.ndarray, penalty: np.ndarray, diagonal: float) -> np.ndarray:
    """The weights of a linear autoencoder, in the memory of ``gram``.

    Parameters
    ----------
    gram
        float32 or float64 ``[n_items, n_items]``, column-major, ``X'X``; overwritten.
    penalty
        float64 ``[n_items]``, above zero.
    diagonal
        Largest share of itself that an item may explain; 0 gives EASE's empty diagonal.

    Returns
    -------
    numpy.ndarray
        float32 ``[n_items, n_items]``, row-major: row j holds what item j says about the others.
        The diagonal is empty even under a relaxed constraint, for what was bought is not asked.

    Raises
    ------
    ValueError
        If the matrix is singular in its precision.
    """
    from scipy.linalg import lapack

    n_items = len(gram)
    double = gram.dtype == np.float64
    factorise, invert = (lapack.dpotrf, lapack.dpotri) if double else (lapack.spotrf, lapack.spotri)
    gram[np.diag_indices(n_items)] += penalty.astype(gram.dtype)
    gram, failed = factorise(gram, lower=1, overwrite_a=1, clean=0)
    if failed == 0:
        gram, failed = invert(gram, lower=1, overwrite_c=1)
    if failed:
        raise ValueError(
            "ease: the items-by-items matrix cannot be inverted in the precision at hand. Raise l2 "
            "under modeling.models.ease"
        )
    inverse = gram.diagonal().astype(np.float64)
    lifted = 1.0 - penalty * inverse > diagonal if diagonal else np.ones(n_items, dtype=bool)
    # B_ij = -P_ij * (penalty_j + mu_j), with the multiplier mu_j where the constraint binds.
    scale = np.where(lifted, (1.0 - diagonal) / inverse, penalty).astype(gram.dtype)
    for start in range(0, n_items, STRIPE):
        stop = min(start + STRIPE, n_items)
        # The inverse fills the lower triangle only; each stripe is mirrored before it is scaled.
        square = gram[start:stop, start:stop]
        square[:] = np.tril(square) + np.tril(square, -1).T
        gram[start:stop, stop:] = gram[stop:, start:stop].T
    weights = gram.T  # symmetric, so this is the same matrix, row-major
    for start in range(0, n_items, STRIPE):
        weights[start : start + STRIPE] *= -scale
    np.fill_diagonal(weights, 0.0)
    return np.ascontiguousarray(weights, dtype=np.float32)
