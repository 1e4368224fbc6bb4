"""A sample of customers and products that can be looked up in the page, with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from product_recommender.answers.catalog import HeldDatasets
from product_recommender.answers.product import HEADINGS, LISTS, nothing_beside
from product_recommender.answers.reasons import RECENT_DAYS
from product_recommender.answers.sample_sentences import sentences_beside, sentences_of_lists
from product_recommender.dashboard.controls import category_label, iso
from product_recommender.dashboard.encoding import encode_table, plain_numbers
from product_recommender.dashboard.panels import CATEGORY, PERIOD, PRICE, TYPE, Json, Shelf, panel
from product_recommender.dashboard.recommendations import Answers
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import Shop, Tables

PURCHASES_SHOWN = 8
CHANCES_SHOWN = 3
PARTNERS_SHOWN = 5
MINIMUM_PARTNERS = 2
"""Customers who bought both from which two products are shown as bought together."""

BESIDE_SHOWN = 5
"""Rows of each list beside a product."""


class Sentences:
    """Each sentence once; rows name it by its position."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}

    def place(self, sentences: Iterable[str]) -> list[int]:
        """Positions of sentences; those not placed before get the next ones."""
        return [self._positions.setdefault(of, len(self._positions)) for of in sentences]

    def encode(self) -> list[str]:
        """All sentences, in the order of positions."""
        return list(self._positions)


def lookup(
    shop: Shop,
    tables: Tables,
    answers: Answers,
    shelf: Shelf,
    settings: DashboardSettings,
) -> Json:
    """The lookup panel.

    Parameters
    ----------
    shop
        The orders.
    tables
        The tables that the orders were made of.
    answers
        What the models answered, and the lists beside products.
    shelf
        Collects the products that are named.
    settings
        Settings of the dashboard.
    """
    sample = sample_customers(shop, tables.customer_ids, settings.lookup_customers)
    said = Sentences()
    catalog = HeldDatasets(
        {name: getattr(tables, name) for name in ("interactions", "product_ids", "products")}
        | {name: getattr(answers, name) for name in LISTS}
    )
    found = _recommended(catalog, answers, sample, shelf, said, settings.list_length)
    products = _products(shop, catalog, answers, shelf, said, settings.lookup_products)
    users = [int(user) for user in sample["user"]]
    return panel(
        "Look up a customer or a product",
        "",
        f"{len(sample):,} customers can be looked up here: half of them those with the most "
        "orders, half drawn by a hash of the id; and the most ordered products. Any other: "
        "kedro recommend CUSTOMER_ID, or --product PRODUCT_ID. A reason is a fact that speaks for "
        "the product, from the orders and what the products have in common; it is not how the "
        "model works inside.",
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
            "recommendations": found,
            "chances": _chances(answers, sample),
        },
        products=products,
        reasons=said.encode(),
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
    catalog: HeldDatasets,
    answers: Answers,
    sample: pd.DataFrame,
    shelf: Shelf,
    said: Sentences,
    length: int,
) -> Json:
    served, product_ids = answers.recommendations, catalog.load("product_ids")
    ids = sample["customer_id"].tolist()
    own = served.filter(served.customer_id.isin(ids), served["rank"] <= length)
    own = own.inner_join(product_ids.select("product_id", "item"), "product_id")
    rows = own.select("customer_id", "rank", "item", "is_fallback").to_pandas()
    user = sample.set_index("customer_id")["user"]
    rows["user"] = rows["customer_id"].map(user).astype(np.int64)
    rows = rows.sort_values(["user", "rank"]).reset_index(drop=True)
    rows["reason"] = said.place(sentences_of_lists(catalog, rows))
    rows["product"] = shelf.place(rows["item"])
    users = [int(value) for value in sample["user"]]
    fallback = rows.groupby("user")["is_fallback"].any().reindex(users).fillna(False)
    lists = _grouped(rows, "user", users, ("product", "reason"))
    return {**lists, "is_fallback": [bool(value) for value in fallback]}


def _chances(answers: Answers, sample: pd.DataFrame) -> Json:
    table = answers.purchase_propensity
    ids = sample["customer_id"].tolist()
    rows = table.filter(table.customer_id.isin(ids)).to_pandas()
    rows = rows.sort_values(
        ["customer_id", "probability", "category"], ascending=[True, False, True]
    )
    rows = rows.groupby("customer_id").head(CHANCES_SHOWN)
    rows["category"] = [category_label(str(name)) for name in rows["category"]]
    return _grouped(rows, "customer_id", ids, ("category", "probability"))


def _products(
    shop: Shop,
    catalog: HeldDatasets,
    answers: Answers,
    shelf: Shelf,
    said: Sentences,
    most: int,
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
        catalog.load("product_ids").select("product_id", "item"), "product_id"
    )
    shown = served.group_by("item").aggregate(n=served.count()).to_pandas().set_index("item")["n"]
    rows["recommended_to"] = rows["item"].map(shown).fillna(0).astype(np.int64)
    rows["product"] = shelf.place(rows["item"])
    columns = ["product", "orders", "customers", "stars_sum", "recent_orders", "recommended_to"]
    return {
        **encode_table(rows[columns]),
        "together": _partners(shop, rows["item"], shelf),
        "beside": _beside(shop, catalog, rows["item"], shelf, said),
    }


def _beside(
    shop: Shop, catalog: HeldDatasets, items: pd.Series, shelf: Shelf, said: Sentences
) -> Json:
    """The lists beside each product; why a list has nothing where it is empty."""
    facts = shop.products.iloc[items.to_numpy(int)]
    ids = facts["product_id"].tolist()
    found = sentences_beside(catalog, ids, BESIDE_SHOWN)
    found["product"] = shelf.place(found["item"])
    found["reason"] = said.place(found["sentence"])
    prices = [None if np.isnan(cents) else cents / 100 for cents in facts["price_cents"]]
    lists: Json = {}
    for name in LISTS:
        rows = found[found["list"] == name]
        nothing = [f"{nothing_beside(name, price).capitalize()}." for price in prices]
        lists[name] = {
            "title": HEADINGS[name][0],
            "nothing": said.place(nothing),
            **_grouped(rows, "product_id", ids, ("product", "reason")),
        }
    return lists


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
