"""The way back in: recommendation lists from tables to arrays of codes."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np

from product_recommender.evaluation_cuts import Cut


@dataclass(frozen=True)
class Lists:
    """Lists of one model at one cut.

    Attributes
    ----------
    items
        int32 ``[n, k]`` item codes in the order of ``cut.users``, best first, -1 where the list
        ended.
    is_fallback
        bool ``[n]``: the list is not the model's own answer.
    """

    items: np.ndarray
    is_fallback: np.ndarray


def read_lists(
    recommendations: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    cut: Cut,
    k: int,
    name: str = "a model",
) -> Lists:
    """Read the lists that a model made for the customers of a cut.

    Parameters
    ----------
    recommendations
        The dataset ``<model>.recommendations``.
    customer_ids, product_ids
        The datasets of those names.
    cut
        Whose customers are wanted.
    k
        Length of the lists; longer ones are cut.
    name
        Whose lists they are, for messages.

    Returns
    -------
    Lists

    Raises
    ------
    ValueError
        If a customer of the cut has no list, which was made from other data then, or if no list is
        as long as ``k`` although there was enough to recommend.
    """
    wanted = recommendations.filter(
        (recommendations["split"] == cut.name) & (recommendations["rank"] <= k)
    )
    table = (
        wanted.join(customer_ids.select("customer_id", "user"), "customer_id")
        .join(product_ids.select("product_id", "item"), "product_id")
        .select("user", "item", "rank", "is_fallback")
        .to_pyarrow()
    )
    users = table["user"].to_numpy()
    row = np.searchsorted(cut.users, users)
    asked = row < len(cut.users)
    asked[asked] = cut.users[row[asked]] == users[asked]
    row = row[asked]
    items = np.full((len(cut.users), k), -1, dtype=np.int32)
    items[row, table["rank"].to_numpy()[asked] - 1] = table["item"].to_numpy()[asked]
    is_fallback = np.zeros(len(cut.users), dtype=bool)
    is_fallback[row] = table["is_fallback"].to_numpy(zero_copy_only=False)[asked]
    listed = np.zeros(len(cut.users), dtype=bool)
    listed[row] = True
    # Where a customer bought all there is, a list may be empty; all of one model cannot be.
    missing = int((~listed & (cut.history_length < len(cut.candidates))).sum())
    if missing:
        raise ValueError(
            f"{missing} of {len(cut.users)} {cut.name} customers have no list in the "
            f"recommendations of {name}: they were made from other data or an older split. Run "
            "kedro run --pipeline=modeling and --pipeline=ensemble again."
        )
    longest = int((items >= 0).sum(axis=1).max(initial=0))
    if longest < k and (cut.history_length + k <= len(cut.candidates)).any():
        raise ValueError(
            f"The lists of {name} have {longest} products at most, {k} are asked for. Set "
            "modeling.settings.list_length and ensemble.list_length to at least "
            "evaluation.list_length, and run kedro run --pipeline=modeling and --pipeline=ensemble."
        )
    return Lists(items, is_fallback)
