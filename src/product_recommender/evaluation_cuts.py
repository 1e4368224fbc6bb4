"""What is known, asked and allowed at the two cuts in time: the end of training, and of validation.

Everything that ranks or is ranked goes through a ``Cut``, so models, ensemble and evaluation cannot
disagree on who is asked, what counts as a hit, or what was on sale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import ibis
import numpy as np
import scipy.sparse

from product_recommender.model_inputs import TEST, TRAIN, VALIDATION, InteractionArrays

HISTORY_BUCKETS = ("0", "1", "2-4", "5+")


@dataclass(frozen=True)
class Cut:
    """One question in time: given everything before the cut, who buys what after it?

    Attributes
    ----------
    name
        ``validation`` or ``test``.
    users
        int32 ``[n]``, ascending: customers with at least one target.
    targets
        Binary csr ``[n, n_items_listed]``: purchases after the cut, of products on sale by then,
        that are not repeats.
    seen
        Binary csr ``[n, n_items_listed]``: everything bought before the cut; not recommended again.
    candidates
        int32 ``[m]``: products on sale by the cut.
    history_length
        int32 ``[n]``: products bought before the cut. 0 is a cold customer.
    excluded_not_on_sale, excluded_repeats
        Purchases after the cut that are no targets, counted by reason.
    """

    name: Literal["validation", "test"]
    users: np.ndarray
    targets: scipy.sparse.csr_matrix
    seen: scipy.sparse.csr_matrix
    candidates: np.ndarray
    history_length: np.ndarray
    excluded_not_on_sale: int
    excluded_repeats: int

    @property
    def is_warm(self) -> np.ndarray:
        """bool ``[n]``: customers with history before the cut."""
        return self.history_length > 0

    @property
    def history_bucket(self) -> np.ndarray:
        """int ``[n]`` into ``HISTORY_BUCKETS``."""
        return np.digitize(self.history_length, [1, 2, 5])


def make_cut(
    arrays: InteractionArrays,
    product_ids: ibis.Table,
    name: Literal["validation", "test"],
    half: Literal["tune", "blend"] | None = None,
) -> Cut:
    """Gather the customers, targets, history and candidates of one cut.

    Parameters
    ----------
    arrays
        All coded interactions.
    product_ids
        The dataset of that name, for the codes and first review dates of the products.
    name
        ``validation`` asks at the end of training, ``test`` at the end of validation.
    half
        For ``validation``: only the customers of this half.

    Returns
    -------
    Cut
        Possibly without users, if nobody has a target.
    """
    part = VALIDATION if name == "validation" else TEST
    asked = arrays.parts == part
    if half is not None:
        asked &= arrays.in_tune if half == "tune" else arrays.in_blend
    before = arrays.parts < part
    candidates = _on_sale(product_ids, int(arrays.days[before].max()) if before.any() else 0)
    on_sale = np.zeros(arrays.n_items_listed, dtype=bool)
    on_sale[candidates] = True
    is_target = asked & ~arrays.is_repeat & on_sale[arrays.items]
    users = np.unique(arrays.users[is_target])
    shape = (len(users), arrays.n_items_listed)
    history = before & np.isin(arrays.users, users)
    seen = _binary(users, arrays.users[history], arrays.items[history], shape)
    return Cut(
        name=name,
        users=users.astype(np.int32),
        targets=_binary(users, arrays.users[is_target], arrays.items[is_target], shape),
        seen=seen,
        candidates=candidates,
        history_length=np.diff(seen.indptr).astype(np.int32),
        excluded_not_on_sale=int((asked & ~arrays.is_repeat & ~on_sale[arrays.items]).sum()),
        excluded_repeats=int((asked & arrays.is_repeat).sum()),
    )


def purchases_before(
    arrays: InteractionArrays, name: Literal["validation", "test", "end"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a model may be told at a cut (``Recommender.follow``): every purchase before it.

    Parameters
    ----------
    arrays
        All coded interactions.
    name
        ``validation``, ``test``, or ``end``: the end of the data, when lists are served.

    Returns
    -------
    users, items, days : numpy.ndarray
        int32 ``[n]``.
    """
    first_unknown = {"validation": VALIDATION, "test": TEST, "end": TEST + 1}[name]
    rows = arrays.parts < first_unknown
    return arrays.users[rows], arrays.items[rows], arrays.days[rows]


def purchases_so_far(
    arrays: InteractionArrays, users: np.ndarray, parts: tuple[int, ...] = (TRAIN, VALIDATION, TEST)
) -> scipy.sparse.csr_matrix:
    """Everything these customers bought in the given parts.

    Parameters
    ----------
    arrays
        All coded interactions.
    users
        int ``[n]``, ascending and unique.
    parts
        Which parts count.

    Returns
    -------
    scipy.sparse.csr_matrix
        Binary ``[n, n_items_listed]``, row i for ``users[i]``.
    """
    rows = np.isin(arrays.parts, parts) & np.isin(arrays.users, users)
    shape = (len(users), arrays.n_items_listed)
    return _binary(users, arrays.users[rows], arrays.items[rows], shape)


def _on_sale(product_ids: ibis.Table, last_day: int) -> np.ndarray:
    frame = product_ids.select("item", "first_review_date").order_by("item").to_pyarrow()
    dates = frame["first_review_date"].cast("date32").to_numpy().astype("datetime64[D]")
    items = frame["item"].to_numpy()
    return items[dates.astype(np.int64) <= last_day].astype(np.int32)


def _binary(
    users: np.ndarray, row_users: np.ndarray, columns: np.ndarray, shape: tuple[int, int]
) -> scipy.sparse.csr_matrix:
    rows = np.searchsorted(users, row_users)
    matrix = scipy.sparse.csr_matrix(
        (np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    matrix.sort_indices()
    return matrix
