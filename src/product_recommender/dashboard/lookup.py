"""A sample of customers and products that can be looked up in the page, with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from product_recommender.answers.reasons import RECENT_DAYS
from product_recommender.dashboard.controls import iso
from product_recommender.dashboard.encoding import encode_table, plain_numbers
from product_recommender.dashboard.panels import CATEGORY, PERIOD, PRICE, TYPE, Json, Shelf, panel
from product_recommender.dashboard.recommendations import Answers
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import Shop

PURCHASES_SHOWN = 8
CHANCES_SHOWN = 3
PARTNERS_SHOWN = 5
MINIMUM_PARTNERS = 2
"""Customers who bought both from which two products are shown as bought together."""

NO_REASON, TOGETHER, POPULAR = 0, 1, 2
"""Codes of reasons: the model's score is all there is, bought together, sold lately."""


def lookup(
    shop: Shop,
    answers: Answers,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    shelf: Shelf,
    settings: DashboardSettings,
) -> Json:
    """The lookup panel.

    Parameters
    ----------
    shop
        The orders.
    answers
        What the models answered.
    customer_ids, product_ids
        The datasets of those names.
    shelf
        Collects the products that are named.
    settings
        Settings of the dashboard.
    """
    sample = sample_customers(shop, customer_ids, settings.lookup_customers)
    users = [int(user) for user in sample["user"]]
    return panel(
        "Look up a customer or a product",
        "",
        f"{len(sample):,} customers can be looked up here: half of them those with the most "
        "orders, half drawn by a hash of the id; and the most ordered products. Any other "
        "customer: kedro recommend CUSTOMER_ID. A reason is a fact that speaks for the product, "
        "counted in the orders; it is not how the model works inside.",
        [PERIOD, CATEGORY, PRICE, TYPE],
        recent_days=RECENT_DAYS,
        customers={
            "columns": {
                "id": sample["customer_id"].tolist(),
                "orders": sample["orders"].tolist(),
                "value_cents": sample["value_cents"].tolist()
                if shop.prices_known
                else [None] * len(sample),
                "first_day": [iso(day) for day in sample["first_day"]],
                "last_day": [iso(day) for day in sample["last_day"]],
                "persona": plain_numbers(sample["persona"].to_numpy(np.float64, na_value=np.nan)),
                "is_premium": [bool(value) for value in sample["is_premium"]],
            },
            "purchases": _purchases(shop, users, shelf),
            "recommendations": _recommended(
                shop, answers, sample, product_ids, shelf, settings.list_length
            ),
            "chances": _chances(answers, sample),
        },
        products=_products(shop, answers, product_ids, shelf, settings.lookup_products),
    )


def sample_customers(shop: Shop, customer_ids: ibis.Table, most: int) -> pd.DataFrame:
    """Half the customers with the most orders, half drawn by the MD5 of their id.

    Parameters
    ----------
    shop
        The orders.
    customer_ids
        The dataset of that name.
    most
        Customers in the sample, at most.

    Returns
    -------
    pandas.DataFrame
        The columns of ``shop.customers`` and ``customer_id``, sorted by it.
    """
    named = shop.customers.inner_join(customer_ids.select("user", "customer_id"), "user")
    named = named.select(*shop.customers.columns, "customer_id")
    active = named.order_by(ibis.desc("orders"), "customer_id").limit(most // 2).to_pandas()
    hashed = named.mutate(key=named.customer_id.hexdigest("md5")).order_by("key", "customer_id")
    drawn = hashed.limit(most).drop("key").to_pandas()
    drawn = drawn[~drawn["customer_id"].isin(active["customer_id"])]
    table = pd.concat([active, drawn.head(most - len(active))])
    return table.sort_values("customer_id").reset_index(drop=True)


def _grouped(rows: pd.DataFrame, key: str, keys: Sequence[Any], columns: Sequence[str]) -> Json:
    """One list for each key, one after the other; ``rows`` are in the order of the lists."""
    number = rows[key].map({value: at for at, value in enumerate(keys)}).to_numpy(np.int64)
    order = np.argsort(number, kind="stable")
    table: Json = encode_table(rows[list(columns)].iloc[order])
    return {"lengths": np.bincount(number, minlength=len(keys)).tolist(), **table}


def _purchases(shop: Shop, users: list[int], shelf: Shelf) -> Json:
    own = shop.orders.filter(shop.orders.user.isin(users)).select("user", "item", "day", "stars")
    rows = own.to_pandas().sort_values(["user", "day", "item"], ascending=[True, False, True])
    rows = rows.groupby("user").head(PURCHASES_SHOWN)
    rows = rows.assign(product=shelf.place(rows["item"]), day=[iso(day) for day in rows["day"]])
    return _grouped(rows, "user", users, ("product", "day", "stars"))


def _recommended(
    shop: Shop,
    answers: Answers,
    sample: pd.DataFrame,
    product_ids: ibis.Table,
    shelf: Shelf,
    length: int,
) -> Json:
    served = answers.recommendations
    ids = sample["customer_id"].tolist()
    own = served.filter(served.customer_id.isin(ids), served["rank"] <= length)
    own = own.inner_join(product_ids.select("product_id", "item"), "product_id")
    rows = own.select("customer_id", "rank", "item", "is_fallback").to_pandas()
    user = sample.set_index("customer_id")["user"]
    rows["user"] = rows["customer_id"].map(user).astype(np.int64)
    rows = rows.sort_values(["user", "rank"]).reset_index(drop=True)
    rows = find_all_reasons(shop, rows)
    because = rows["because_of"]
    rows["because"] = pd.Series([None] * len(rows), dtype="float64")
    told = because.notna()
    rows.loc[told, "because"] = np.array(shelf.place(because[told]), dtype=np.float64)
    rows["product"] = shelf.place(rows["item"])
    users = [int(value) for value in sample["user"]]
    fallback = rows.groupby("user")["is_fallback"].any().reindex(users).fillna(False)
    lists = _grouped(rows, "user", users, ("product", "reason", "count", "because"))
    return {**lists, "is_fallback": [bool(value) for value in fallback]}


def find_all_reasons(shop: Shop, listed: pd.DataFrame) -> pd.DataFrame:
    """The strongest fact for each listed product, as ``answers.reasons.find_reasons`` finds it.

    One pass over the orders for all customers together.

    Parameters
    ----------
    shop
        The orders.
    listed
        ``user``, ``item``: products recommended to customers who have not bought them.

    Returns
    -------
    pandas.DataFrame
        ``listed`` with ``reason`` (``NO_REASON``, ``TOGETHER``, ``POPULAR``), ``count`` (customers
        who bought both, or orders of the last ``RECENT_DAYS`` days) and ``because_of`` (the own
        product; missing but for ``TOGETHER``).
    """
    orders = shop.orders
    users, items = (sorted({int(of) for of in listed[name]}) for name in ("user", "item"))
    pairs = orders.select("user", "item").distinct()
    own = pairs.filter(pairs.user.isin(users)).rename(own="item").to_pandas()
    candidates = own.merge(listed[["user", "item"]], on="user")
    last = shop.controls.periods[-1].window.last
    recent = orders.filter(orders.day > last - RECENT_DAYS, orders.item.isin(items))
    lately = recent.group_by("item").aggregate(n=recent.count()).to_pandas()
    together = _bought_together(pairs, own["own"].unique(), np.array(items))
    found = candidates.merge(together, on=["own", "item"])
    # The customer's own purchases prove nothing, and the customer is a buyer of the own product.
    found["cosine"] = found["both"] / np.sqrt((found["own_buyers"] - 1) * found["item_buyers"])
    found = found.sort_values(
        ["user", "item", "cosine", "both", "own"], ascending=[True, True, False, False, True]
    ).drop_duplicates(["user", "item"])
    result = listed.merge(found[["user", "item", "own", "both"]], on=["user", "item"], how="left")
    popular = result["item"].map(lately.set_index("item")["n"]).fillna(0).astype(np.int64)
    is_together = result["own"].notna()
    result["reason"] = np.where(is_together, TOGETHER, np.where(popular > 0, POPULAR, NO_REASON))
    result["count"] = np.where(is_together, result["both"].fillna(0), popular).astype(np.int64)
    return result.drop(columns="both").rename(columns={"own": "because_of"})


def _bought_together(pairs: ibis.Table, own: np.ndarray, items: np.ndarray) -> pd.DataFrame:
    """``own``, ``item``, ``both``, ``own_buyers``, ``item_buyers`` of pairs that share a buyer."""
    one = pairs.filter(pairs.item.isin([int(item) for item in own])).rename(own="item")
    other = pairs.filter(pairs.item.isin([int(item) for item in items]))
    joined = one.inner_join(other, "user").select("own", "item")
    joined = joined.filter(joined.own != joined.item)
    both = joined.group_by("own", "item").aggregate(both=joined.count()).to_pandas()
    counts = pairs.group_by("item").aggregate(n=pairs.count())
    wanted = sorted({int(item) for item in (*own, *items)})
    buyers = counts.filter(counts.item.isin(wanted)).to_pandas().set_index("item")["n"]
    for name in ("own", "item"):
        both[f"{name}_buyers"] = both[name].map(buyers).astype(np.float64)
    return both


def _chances(answers: Answers, sample: pd.DataFrame) -> Json:
    table = answers.purchase_propensity
    ids = sample["customer_id"].tolist()
    rows = table.filter(table.customer_id.isin(ids)).to_pandas()
    rows = rows.sort_values(
        ["customer_id", "probability", "category"], ascending=[True, False, True]
    )
    rows = rows.groupby("customer_id").head(CHANCES_SHOWN)
    return _grouped(rows, "customer_id", ids, ("category", "probability"))


def _products(
    shop: Shop, answers: Answers, product_ids: ibis.Table, shelf: Shelf, most: int
) -> Json:
    orders, last = shop.orders, shop.controls.periods[-1].window.last
    counts = orders.group_by("item").aggregate(
        orders=orders.count(),
        stars_sum=orders.stars.sum(),
        recent_orders=(orders.day > last - RECENT_DAYS).sum(),
        customers=orders.user.nunique(),
    )
    rows = counts.order_by(ibis.desc("orders"), "item").limit(most).to_pandas()
    rows = rows.reset_index(drop=True)
    served = answers.recommendations.inner_join(
        product_ids.select("product_id", "item"), "product_id"
    )
    shown = served.group_by("item").aggregate(n=served.count()).to_pandas().set_index("item")["n"]
    rows["recommended_to"] = rows["item"].map(shown).fillna(0).astype(np.int64)
    rows["product"] = shelf.place(rows["item"])
    columns = ["product", "orders", "customers", "stars_sum", "recent_orders", "recommended_to"]
    return {**encode_table(rows[columns]), "together": _partners(shop, rows["item"], shelf)}


def _partners(shop: Shop, items: pd.Series, shelf: Shelf) -> Json:
    """The products bought together with each, the highest cosine of buyers first."""
    pairs = shop.orders.select("user", "item").distinct()
    keys = [int(item) for item in items]
    one = pairs.filter(pairs.item.isin(keys)).rename(own="item")
    joined = one.inner_join(pairs, "user").select("own", "item")
    joined = joined.filter(joined.own != joined.item)
    both = joined.group_by("own", "item").aggregate(both=joined.count())
    both = both.filter(both.both >= MINIMUM_PARTNERS)
    buyers = pairs.group_by("item").aggregate(n=pairs.count())
    sized = both.inner_join(buyers.rename(item_buyers="n"), "item")
    rows = sized.select("own", "item", "both", "item_buyers").to_pandas()
    # Among the partners of one product its own buyers are the same number.
    rows["key"] = rows["both"] / np.sqrt(rows["item_buyers"].astype(np.float64))
    rows = rows.sort_values(["own", "key", "both", "item"], ascending=[True, False, False, True])
    rows = rows.groupby("own").head(PARTNERS_SHOWN)
    rows = rows.assign(product=shelf.place(rows["item"]))
    return _grouped(rows, "own", keys, ("product", "both"))
