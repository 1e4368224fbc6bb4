"""Customers: personas, new and returning, how often and how lately they order, who they are."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd

from product_recommender.dashboard.cells import (
    AXES,
    CELL,
    FREQUENCIES,
    as_numbers,
    fill,
    frequency_labels,
    marginals,
)
from product_recommender.dashboard.controls import FIRST_PERSONA
from product_recommender.dashboard.encoding import encode_cube, encode_table
from product_recommender.dashboard.panels import PERIOD, PRICE, TYPE, Json, missing, panel
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import Shop

RECENCIES = ((0, 30), (31, 90), (91, 180), (181, 365), (366, 730), (731, None))
"""Days since the last order: lowest and highest of each class."""

PROFILE = {
    "share": ("share of customers", "share"),
    "purchase_count_mean": ("orders each", "orders"),
    "recency_days_mean": ("days since last order", "days"),
    "tenure_days_mean": ("days since first order", "days"),
    "star_mean_mean": ("average stars", "stars"),
    "value_sum_mean": ("estimated value each", "dollars"),
    "category_count_mean": ("categories each", "categories"),
    "verified_share_mean": ("verified purchases", "share"),
    "prime_share": ("Prime members", "share"),
}
"""Columns of `segment_profiles` that the page shows: their name and unit."""

ATTRIBUTES = {"age_group": "Age group", "region": "Region", "is_prime": "Prime member"}
ATTRIBUTE_VALUES = 10
"""Values of an attribute that are shown; the rest is "Other"."""

_UNGIVEN = "Not given"


def customers(
    shop: Shop,
    attributes: ibis.Table,
    customer_ids: ibis.Table,
    segment_profiles: pd.DataFrame,
    settings: DashboardSettings,
) -> tuple[Json, Json]:
    """The panels of the customer analysis, and the cubes they refer to.

    Parameters
    ----------
    shop
        The orders.
    attributes
        The dataset `customers`; may be empty.
    customer_ids
        The dataset of that name.
    segment_profiles
        The dataset of that name.
    settings
        Settings of the dashboard.
    """
    panels, cubes = {}, {}
    panels["personas"] = _personas(shop, segment_profiles)
    panels["new_returning"] = panel(
        "New and returning customers",
        "customers with an order",
        "New: first order ever inside the chosen period; returning: before it. For all the data, "
        "new means exactly one order, returning two or more. Every active customer is one of both.",
        [TYPE],
        over=TYPE,
        cubes={"customers": "customers", "orders": "orders"},
        series={"orders": "orders"},
    )
    panels["frequency"] = panel(
        "Orders per customer",
        "customers with an order",
        "Orders of a customer inside this choice of period, category and price.",
        cubes={"frequency": "frequency"},
    )
    panels["retention"], cubes["cohorts"] = _retention(shop, settings)
    panels["recency_frequency"], cubes["recency_frequency"] = _recency_frequency(shop)
    panels["attributes"], of_attributes = _attributes(shop, attributes, customer_ids)
    return panels, cubes | of_attributes


def _personas(shop: Shop, profiles: pd.DataFrame) -> Json:
    columns = [name for name in PROFILE if name in profiles and profiles[name].notna().any()]
    table = profiles.set_index(profiles["segment"].astype(str)).reindex(shop.controls.personas)
    shown = pd.DataFrame(
        {
            "customer_type": np.arange(len(table)) + FIRST_PERSONA,
            "customers": table["customers"].to_numpy(),
            **{name: table[name].to_numpy() for name in columns},
        }
    )
    return panel(
        "Personas",
        "customers",
        "Found by clustering customers by what they did in the training part; the profile is of "
        "that part and does not follow the controls, the counts of customers, orders and revenue "
        "do.",
        [TYPE],
        over=TYPE,
        cubes={
            "customers": "customers",
            "orders": "orders",
            "revenue_cents": "revenue_cents",
            "priced_orders": "priced_orders",
        },
        profile=encode_table(shown),
        profile_columns=[
            {"key": name, "label": PROFILE[name][0], "unit": PROFILE[name][1]} for name in columns
        ],
    )


def _retention(shop: Shop, settings: DashboardSettings) -> tuple[Json, Json]:
    window = shop.controls.periods[-1].window
    days = np.arange(window.first, window.last + 1)
    month_of_day = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    months = pd.DataFrame({"day": days.astype(np.int32), "month": month_of_day})
    dated = shop.orders.inner_join(ibis.memtable(months), "day").inner_join(
        shop.memberships, "user"
    )
    active = marginals(
        dated.select("user", "category", "customer_type", "month").distinct(), ["category"]
    ).distinct()
    by_customer = ibis.window(group_by=["category", "customer_type", "user"])
    aged = active.mutate(cohort=active.month.min().over(by_customer))
    last = int(month_of_day[-1])
    kept = min(settings.cohort_months, last - int(month_of_day[0]) + 1)
    aged = aged.mutate(age=aged.month - aged.cohort, cohort=aged.cohort - (last - kept + 1))
    aged = aged.filter(aged.cohort >= 0)
    axes = ("category", "customer_type", "cohort", "age")
    rows = as_numbers(aged.group_by(*axes).aggregate(n=aged.count()).to_pandas())
    shape = (shop.controls.shape[1], shop.controls.shape[3], kept, kept)
    values = fill(rows, axes, shape, "n")
    ahead = np.add.outer(np.arange(kept), np.arange(kept)) >= kept
    values[:, :, ahead] = np.nan
    names = [str(np.datetime64(last - kept + 1 + number, "M")) for number in range(kept)]
    cube = encode_cube(values, axes, {"cohort": names, "age": [str(age) for age in range(kept)]})
    note = (
        "Customers by the month of their first order in the chosen category, and how many of them "
        "ordered again so many months later. New and returning: by the rule of all the data."
    )
    if np.datetime64(int(window.last) + 1, "D") != np.datetime64(last + 1, "M").astype(
        "datetime64[D]"
    ):
        note += " The last month is not complete."
    return (
        panel(
            "Monthly retention",
            "share of the cohort with an order",
            note,
            [PERIOD, PRICE],
            cubes={"cohorts": "cohorts"},
        ),
        cube,
    )


def _recency_frequency(shop: Shop) -> tuple[Json, Json]:
    rows = marginals(shop.orders.inner_join(shop.memberships, "user"))
    axes = ("category", "price_band", "customer_type")
    each = rows.group_by(*axes, "user").aggregate(n=rows.count(), last=rows.day.max())
    since = shop.controls.periods[-1].window.last - each["last"]
    coded = each.mutate(
        recency=_class_of(since, RECENCIES), orders_each=_class_of(each.n, FREQUENCIES)
    )
    classes = (*axes, "recency", "orders_each")
    counts = as_numbers(coded.group_by(*classes).aggregate(customers=coded.count()).to_pandas())
    shape = (*shop.controls.shape[1:], len(RECENCIES), len(FREQUENCIES))
    labels = {
        "recency": [
            f"more than {low - 1} days" if high is None else f"{low} to {high} days"
            for low, high in RECENCIES
        ],
        "orders_each": frequency_labels(),
    }
    return (
        panel(
            "Recency and frequency",
            "customers",
            "Days since the last order as of the last day of the data, and orders so far, both "
            "inside the chosen category and price range. New and returning: by the rule of all "
            "the data.",
            [PERIOD],
            cubes={"recency_frequency": "recency_frequency"},
        ),
        encode_cube(fill(counts, classes, shape, "customers"), classes, labels),
    )


def _class_of(number: Any, classes: tuple[tuple[int, int | None], ...]) -> Any:
    """Position of the class that a number falls into, as an expression."""
    position = ibis.literal(0, "int64")
    for low, _ in classes[1:]:
        position = position + (number >= low).cast("int64")
    return position


def _attributes(shop: Shop, attributes: ibis.Table, customer_ids: ibis.Table) -> tuple[Json, Json]:
    title, unit = "Who they are", "customers with an order"
    given = attributes.inner_join(customer_ids.select("customer_id", "user"), "customer_id")
    cubes: Json = {}
    for name, label in ATTRIBUTES.items():
        if name in attributes.columns:
            cube = _attribute(shop, given.select("user", value=given[name].cast("string")), name)
            if cube is not None:
                cubes[f"customers_by_{name}"] = cube | {"label": label}
    if not cubes:
        return (
            missing(
                title,
                unit,
                "No customers table was delivered, so nothing is known of age, region or "
                "membership (docs/data.md).",
            ),
            {},
        )
    return (
        panel(
            title,
            unit,
            "From the customers table; customers who are not in it count as not given.",
            cubes={name: name for name in cubes},
            attributes=[{"cube": name, "label": cube["label"]} for name, cube in cubes.items()],
        ),
        cubes,
    )


def _attribute(shop: Shop, given: ibis.Table, name: str) -> Json | None:
    counts = given.filter(given.value.notnull()).group_by("value")
    frequent = counts.aggregate(n=lambda t: t.count()).to_pandas()
    if frequent.empty:
        return None
    frequent = frequent.sort_values(["n", "value"], ascending=[False, True])
    values = sorted(frequent["value"].head(ATTRIBUTE_VALUES))
    other, ungiven = len(values), len(values) + 1
    code = ibis.cases(
        (given.value.isnull(), ungiven),
        *((given.value == value, number) for number, value in enumerate(values)),
        else_=other,
    )
    coded = given.select("user", code=code.cast("int64"))
    periods = shop.members.filter(shop.members.window < len(shop.controls.periods))
    rows = marginals(periods).select(*CELL, "user").distinct()
    known = rows.left_join(coded, "user")
    known = known.select(*CELL, code=known.code.fill_null(ungiven))
    cells = as_numbers(known.group_by(*CELL, "code").aggregate(n=known.count()).to_pandas())
    dense = fill(cells, (*CELL, "code"), (*shop.controls.shape, len(values) + 2), "n")
    labels = [_shown(value) for value in values] + ["Other", _UNGIVEN]
    kept = [i for i in range(len(labels)) if i < other or dense[..., i].any()]
    axis = f"{name}_value"
    return encode_cube(dense[..., kept], (*AXES, axis), {axis: [labels[i] for i in kept]})


def _shown(value: str) -> str:
    return {"true": "Yes", "false": "No"}.get(value, value)
