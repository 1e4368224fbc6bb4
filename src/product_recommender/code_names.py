"""From codes back to ids: the way out of the recommender library into tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import ibis
import numpy as np
import pandas as pd

from product_recommender.evaluation_cuts import Cut


@dataclass(frozen=True)
class CodeNames:
    """The ids behind the codes.

    Attributes
    ----------
    customers, products
        Object arrays of strings ``[n_users_listed]``, ``[n_items_listed]``; position is the code.
    """

    customers: np.ndarray
    products: np.ndarray

    @classmethod
    def read(cls, customer_ids: ibis.Table, product_ids: ibis.Table) -> Self:
        """Read both id maps into arrays.

        Parameters
        ----------
        customer_ids, product_ids
            The datasets of those names.
        """
        return cls(
            customers=_names(customer_ids, "user", "customer_id"),
            products=_names(product_ids, "item", "product_id"),
        )


def list_table(
    cut: Cut, items: np.ndarray, scores: np.ndarray, is_fallback: np.ndarray, names: CodeNames
) -> pd.DataFrame:
    """Recommendation lists of one cut as a table.

    Parameters
    ----------
    cut
        Whose customers were asked.
    items, scores
        ``[n, k]`` as returned by ``Recommender.recommend``; -1 means no product was left.
    is_fallback
        bool ``[n]``: the model did not know the customer, and recent popularity answered.
    names
        The ids behind the codes.

    Returns
    -------
    pandas.DataFrame
        ``customer_id, split, rank, product_id, score, is_fallback``.
    """
    row, column = np.nonzero(items >= 0)
    return pd.DataFrame(
        {
            "customer_id": names.customers[cut.users[row]],
            "split": cut.name,
            "rank": (column + 1).astype(np.int16),
            "product_id": names.products[items[row, column]],
            "score": scores[row, column],
            "is_fallback": is_fallback[row],
        }
    ).astype({"customer_id": "str", "product_id": "str", "split": "str"})


def _names(ids: ibis.Table, code: str, name: str) -> np.ndarray:
    table = ids.select(code, name).order_by(code).to_pyarrow()
    return table[name].to_numpy(zero_copy_only=False).astype(object)
