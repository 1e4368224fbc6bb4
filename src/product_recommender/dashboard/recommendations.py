"""Recommendations: models compared, what whom is recommended, the chances of a purchase."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd

from product_recommender.dashboard.cells import as_numbers, fill, marginals
from product_recommender.dashboard.encoding import encode_cube, encode_lists, encode_table
from product_recommender.dashboard.panels import (
    CATEGORY,
    PERIOD,
    PRICE,
    TYPE,
    Json,
    Shelf,
    missing,
    panel,
)
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import Shop

CONCENTRATED_ON = 10
"""Most recommended products whose share of all list places is shown."""

BOARD = ("ndcg", "hit_rate", "recall", "coverage", "diversity", "novelty", "tail_share")
"""Measures of the leaderboard, at the length of the lists."""


@dataclass(frozen=True)
class Answers:
    """What the models answered and how they were judged (docs/data_dictionary.md).

    Attributes
    ----------
    recommendations, purchase_propensity
        The datasets of those names, as tables.
    similar_products, complementary_products, upsell_products
        The datasets of those names, as tables; may be empty.
    metrics, leaderboard
        The datasets of those names.
    evaluation_report, propensity_report
        The datasets of those names.
    """

    recommendations: ibis.Table
    purchase_propensity: ibis.Table
    similar_products: ibis.Table
    complementary_products: ibis.Table
    upsell_products: ibis.Table
    metrics: pd.DataFrame
    leaderboard: pd.DataFrame
    evaluation_report: Json
    propensity_report: Json


def recommendations(
    shop: Shop,
    answers: Answers,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    shelf: Shelf,
    settings: DashboardSettings,
) -> tuple[Json, Json]:
    """The panels of the recommendations but the lookup and the suggestions, and their cubes.

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
    places = _places(shop, answers, customer_ids, product_ids)
    segments, recommended = _segments(shop, places, shelf, settings)
    propensity, expected = _propensity(shop, answers, customer_ids)
    return {
        "leaderboard": _leaderboard(answers),
        "segments": segments,
        "propensity": propensity,
        "coverage": _coverage(shop, places),
    }, recommended | expected


def _leaderboard(answers: Answers) -> Json:
    test = answers.metrics[
        (answers.metrics["split"] == "test") & (answers.metrics["slice"] == "overall")
    ]
    found = re.search(r"@(\d+)", " ".join(test["metric"].astype(str)))
    length = found[1] if found else "10"
    verdicts = {
        row["model"]: row["verdict"]
        for row in answers.evaluation_report.get("comparisons", [])
        if str(row["metric"]).startswith("ndcg")
    }
    models = answers.leaderboard["model"].astype(str).tolist()
    board = pd.DataFrame({"model": models})
    by_metric = {name: rows.set_index("model") for name, rows in test.groupby("metric")}
    for name in [*(f"{measure}@{length}" for measure in BOARD), "rmse"]:
        if name in by_metric:
            rows = by_metric[name].reindex(models)
            key = name.split("@")[0]
            board[key] = rows["value"].to_numpy(np.float64)
            board[f"{key}_low"] = rows["ci_low"].to_numpy(np.float64)
            board[f"{key}_high"] = rows["ci_high"].to_numpy(np.float64)
    board["verdict"] = [verdicts.get(model) for model in models]
    served = answers.recommendations.select("model").distinct().to_pandas()["model"].tolist()
    customers = test.loc[test["metric"] == f"ndcg@{length}", "n_users"]
    return panel(
        "Models compared",
        f"NDCG@{length} and other measures of lists of {length}, with intervals",
        "On the test part, every product on sale being a candidate; "
        f"{int(customers.max()) if len(customers) else 0:,} customers with a purchase to find. "
        "RMSE in stars, for models that predict them. Intervals: bootstrap over customers. The "
        "verdict compares with recent popularity and allows for the number of comparisons.",
        [PERIOD, CATEGORY, PRICE, TYPE],
        table=encode_table(board),
        list_length=int(length),
        served=[str(model) for model in served],
    )


def _places(
    shop: Shop, answers: Answers, customer_ids: ibis.Table, product_ids: ibis.Table
) -> ibis.Table:
    """Every place of the served lists, by code, once for each customer type of its customer."""
    facts = shop.products[["category", "price_band"]].assign(
        item=np.arange(len(shop.products), dtype=np.int32)
    )
    served = answers.recommendations.select("customer_id", "product_id", "rank")
    coded = served.inner_join(customer_ids.select("customer_id", "user"), "customer_id")
    coded = coded.inner_join(product_ids.select("product_id", "item"), "product_id")
    coded = coded.select("user", "item", "rank").inner_join(ibis.memtable(facts), "item")
    coded = coded.select("user", "item", "rank", "category", "price_band")
    rows = coded.inner_join(shop.memberships, "user")
    return rows.select("user", "item", "category", "price_band", "customer_type").cache()


def _segments(
    shop: Shop, places: ibis.Table, shelf: Shelf, settings: DashboardSettings
) -> tuple[Json, Json]:
    axes = ("customer_type", "category", "price_band")
    shape = tuple(shop.controls.shape[axis] for axis in (3, 1, 2))
    rows = marginals(places)
    counts = as_numbers(rows.group_by(*axes).aggregate(n=rows.count()).to_pandas())
    each = rows.group_by(*axes, "item").aggregate(customers=rows.count())
    order = [ibis.desc("customers"), ibis.asc("item")]
    ranked = each.mutate(rank=ibis.row_number().over(group_by=list(axes), order_by=order))
    top = ranked.filter(ranked["rank"] < settings.list_length).order_by(*axes, "rank")
    best = as_numbers(top.drop("rank").to_pandas())
    best = best.assign(product=shelf.place(best["item"]))
    return panel(
        "What each group is recommended",
        "places in the served lists",
        "The lists that are served now, to every customer. New and returning: by the rule of all "
        "the data.",
        [PERIOD],
        cubes={"places": "recommended_places"},
        list=encode_lists(best, axes, shape, ("product", "customers")),
    ), {"recommended_places": encode_cube(fill(counts, axes, shape, "n"), axes)}


def _propensity(shop: Shop, answers: Answers, customer_ids: ibis.Table) -> tuple[Json, Json]:
    title, unit = "Chance of a purchase by category", "mean chance, and buyers expected"
    table = answers.purchase_propensity
    names = shop.controls.categories
    own = {name: number for number, name in enumerate(names, start=1)}
    others = len(names) if shop.controls.categories_left_out else None
    found = table.select("category").distinct().to_pandas()["category"].astype(str)
    positions = pd.DataFrame({"category": found, "position": [own.get(of, others) for of in found]})
    positions = positions.dropna()
    if positions.empty:
        return missing(title, unit, "No chances of a purchase were estimated."), {}
    coded = table.inner_join(ibis.memtable(positions.astype({"position": np.int8})), "category")
    coded = coded.select("customer_id", "position", "probability")
    coded = coded.inner_join(customer_ids.select("customer_id", "user"), "customer_id")
    rows = coded.select("user", "position", "probability").inner_join(shop.memberships, "user")
    cells = (
        rows.group_by("customer_type", category=rows.position)
        .aggregate(expected=rows.probability.sum(), customers=rows.user.nunique())
        .to_pandas()
    )
    axes = ("customer_type", "category")
    shape = (shop.controls.shape[3], shop.controls.shape[1])
    cubes = {}
    for name in ("expected", "customers"):
        values = fill(cells, axes, shape, name)
        # Chances of different categories do not add up to the chance of any purchase.
        values[:, 0] = np.nan
        cubes[f"propensity_{name}"] = encode_cube(values, axes)
    period = table.select("period").limit(1).to_pandas()["period"].iloc[0]
    lead = answers.propensity_report.get("lead_over_baseline", {})
    return panel(
        title,
        unit,
        f"Chance of at least one order in {str(period).replace('/', ' to ')}, the period after the "
        "data. Expected buyers are the sum of the chances; for Other, chances of several "
        "categories are added.",
        [PERIOD, CATEGORY, PRICE],
        over=CATEGORY,
        cubes={"expected": "propensity_expected", "customers": "propensity_customers"},
        period=str(period),
        judged={
            metric: {key: _finite(value[key]) for key in ("difference", "ci_low", "ci_high")}
            for metric, value in lead.items()
        },
        model=answers.propensity_report.get("model"),
    ), cubes


def _finite(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(f"{value:.4g}")


def _coverage(shop: Shop, places: ibis.Table) -> Json:
    """How much of the catalogue the served lists show, by customer type."""
    by_item = places.group_by("customer_type", "item").aggregate(n=places.count())
    order = [ibis.desc("n"), ibis.asc("item")]
    ranked = by_item.mutate(rank=ibis.row_number().over(group_by="customer_type", order_by=order))
    items = ranked.group_by("customer_type").aggregate(
        products=ranked.count(),
        places=ranked.n.sum(),
        concentrated=ranked.n.sum(where=ranked["rank"] < CONCENTRATED_ON),
    )
    by_customer = places.group_by("customer_type", "user").aggregate(
        categories=places.category.nunique()
    )
    lists = by_customer.group_by("customer_type").aggregate(
        customers=by_customer.count(), categories=by_customer.categories.sum()
    )
    rows = as_numbers(items.to_pandas()).merge(as_numbers(lists.to_pandas()), on="customer_type")
    rows = rows.sort_values("customer_type")
    return panel(
        "Coverage and diversity of the served lists",
        "products; share of places",
        "Different products in the lists of a group and their share of the catalogue; categories "
        f"in a list, on average; share of all places taken by the {CONCENTRATED_ON} most "
        "recommended products.",
        [PERIOD, CATEGORY, PRICE, TYPE],
        over=TYPE,
        table=encode_table(
            pd.DataFrame(
                {
                    "customer_type": rows["customer_type"],
                    "customers": rows["customers"],
                    "products": rows["products"],
                    "catalogue_share": rows["products"] / len(shop.products),
                    "categories_per_list": rows["categories"] / rows["customers"],
                    "top_share": rows["concentrated"] / rows["places"],
                }
            )
        ),
        catalogue=len(shop.products),
    )
