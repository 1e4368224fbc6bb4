"""The sentences of many customers' lists and of many products' neighbours, in a few passes.

They are the ones that `kedro recommend` prints, made by the same rules. One thing is left out: what
a model says of its own lists, for which it would have to be loaded.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import numpy as np
import pandas as pd

from product_recommender.answers.attributes import common_ground
from product_recommender.answers.catalog import Catalog
from product_recommender.answers.described import Shelf
from product_recommender.answers.listed_pairs import listed_pairs
from product_recommender.answers.product import LISTS, beside_sentence, rows_beside
from product_recommender.answers.reasons import Evidence, choose_reasons, recent_purchases
from product_recommender.answers.sentences import why
from product_recommender.answers.together import NOBODY, bought_together
from product_recommender.days import date_of

LIKED = 3
"""Stars from which on a purchase is given as a reason; nobody wants more of what they disliked."""


def purchases_to_name(history: pd.DataFrame) -> pd.DataFrame:
    """Own products that may be given as reasons: the liked ones, or all where none was liked.

    Parameters
    ----------
    history
        ``user``, ``item``, ``star_rating``: every purchase of some customers.

    Returns
    -------
    pandas.DataFrame
        ``user``, ``own``: each pair once, ascending.
    """
    liked = history["star_rating"] >= LIKED
    any_liked = liked.groupby(history["user"]).transform("any")
    named = history.loc[liked | ~any_liked, ["user", "item"]].drop_duplicates()
    return named.sort_values(["user", "item"]).rename(columns={"item": "own"})


def sentences_of_lists(catalog: Catalog, listed: pd.DataFrame) -> list[str]:
    """One sentence for each recommended product.

    Parameters
    ----------
    catalog
        Holds `interactions`, `product_ids` and `products`; may hold the lists beside products.
    listed
        ``user``, ``item``: codes.

    Returns
    -------
    list of str
        In the order of ``listed``; free of control characters.
    """
    if listed.empty:
        return []
    interactions: ibis.Table = catalog.load("interactions")
    users = sorted({int(user) for user in listed["user"]})
    history = (
        interactions.filter(interactions["user"].isin(users))
        .select("user", "item", "day", "star_rating")
        .to_pandas()
    )
    named = purchases_to_name(history)
    own, items = named["own"].unique(), listed["item"].unique()
    shelf = Shelf.of(catalog, np.concatenate([own, items]))
    evidence = Evidence(
        recent_purchases(interactions, items),
        shelf.categories,
        listed_pairs(catalog, own, items, shelf.product_ids),
    )
    together = bought_together(interactions, named, listed, shelf.categories)
    bought = _by_user(named, "own")
    reasons = {
        (user, int(item)): reason
        for user, own_list in _by_user(listed, "item").items()
        for item, reason in zip(
            own_list,
            choose_reasons(
                own_list,
                bought.get(user, np.empty(0, dtype=int)),
                together.get(user, NOBODY),
                evidence,
            ),
            strict=True,
        )
    }
    pairs = {(r.because_of, item) for (_, item), r in reasons.items() if r.because_of is not None}
    common = common_ground(catalog.load("products"), shelf.described, pairs)
    last_bought = history.groupby(["user", "item"])["day"].max().to_dict()
    as_of = date_of(interactions["day"].max().to_pyarrow().as_py())
    sentences = []
    for user, item in listed[["user", "item"]].to_numpy(int).tolist():
        reason = reasons[user, item]
        code = reason.because_of
        sentences.append(
            why(
                reason,
                None if code is None else shelf.described[code].title,
                None if code is None else date_of(last_bought[user, code]),
                None if code is None else common[code, item],
                as_of,
                shelf.on_sale_since.get(item),
            )
        )
    return sentences


def sentences_beside(catalog: Catalog, product_ids: Sequence[str], k: int) -> pd.DataFrame:
    """What stands beside each of some products, and why.

    Parameters
    ----------
    catalog
        Holds `product_ids`, `products` and the three lists beside products.
    product_ids
        Which products.
    k
        Rows wanted of each list, at most.

    Returns
    -------
    pandas.DataFrame
        ``list`` (name of the table), ``product_id``, ``rank``, ``item`` (code of the product beside
        it), ``sentence``; sorted by the first three.
    """
    rows = {name: rows_beside(catalog.load(name), product_ids, k) for name in LISTS}
    near = {str(row[of]) for found in rows.values() for row in found for of in _IDS}
    ids: ibis.Table = catalog.load("product_ids")
    coded = ids.filter(ids["product_id"].isin(sorted(near))).select("product_id", "item")
    codes = {str(row["product_id"]): int(row["item"]) for row in coded.to_pyarrow().to_pylist()}
    shelf = Shelf.of(catalog, np.array(sorted(codes.values()), dtype=int))
    pairs = {
        name: [(codes[str(row["product_id"])], codes[str(row["related_product_id"])]) for row in of]
        for name, of in rows.items()
    }
    common = common_ground(
        catalog.load("products"), shelf.described, {pair for of in pairs.values() for pair in of}
    )
    return pd.DataFrame(
        [
            (name, str(row["product_id"]), row["rank"], pair[1], sentence)
            for name in LISTS
            for row, pair in zip(rows[name], pairs[name], strict=True)
            for sentence in [beside_sentence(name, row, common[pair])]
        ],
        columns=["list", "product_id", "rank", "item", "sentence"],
    )


def _by_user(rows: pd.DataFrame, column: str) -> dict[int, np.ndarray]:
    """Item codes of each customer."""
    users = rows["user"].to_numpy(int)
    order = np.argsort(users, kind="stable")
    names, first = np.unique(users[order], return_index=True)
    parts = np.split(rows[column].to_numpy(int)[order], first[1:])
    return dict(zip(names.tolist(), parts, strict=True))


_IDS = ("product_id", "related_product_id")
