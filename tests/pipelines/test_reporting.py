"""The reporting pipeline on the run of the tiny world: its numbers against the catalog's tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from product_recommender.answers.customer import answer_for
from product_recommender.answers.product import answer_for_product
from product_recommender.dashboard.encoding import decode_cube
from product_recommender.dashboard.lookup import BESIDE_SHOWN
from product_recommender.pipelines.reporting.parameters import ReportingParameters

CONTROLS = ("periods", "categories", "price_bands", "customer_types")
DAYS = {"7d": 7, "30d": 30, "90d": 90, "365d": 365}


@pytest.fixture(scope="module")
def payload(tiny_run: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = tiny_run.load("dashboard_data")
    return loaded


@pytest.fixture(scope="module")
def rows(tiny_run: Any) -> pd.DataFrame:
    """Reviews with price and persona, by customer and product id."""
    reviews = tiny_run.load("reviews").to_pandas()
    products = tiny_run.load("products").select("product_id", "list_price").to_pandas()
    categories = tiny_run.load("product_ids").select("product_id", "product_category").to_pandas()
    segments = tiny_run.load("customer_segments").select("customer_id", "segment").to_pandas()
    joined = reviews.drop(columns="product_category").merge(products, on="product_id")
    joined = joined.merge(categories, on="product_id").merge(segments, on="customer_id")
    joined["label"] = joined["product_category"].str.replace("_", " ")
    joined["review_date"] = pd.to_datetime(joined["review_date"])
    joined["first"] = joined.groupby("customer_id")["review_date"].transform("min")
    assert len(joined) == len(reviews)
    return joined


def array_of(payload: dict[str, Any], name: str) -> np.ndarray:
    shape = tuple(len(payload["controls"][control]) for control in CONTROLS)
    return decode_cube(payload["cubes"][name], shape)


@pytest.mark.parametrize("period", ["7d", "30d", "90d", "365d", "all"])
def test_cells_equal_queries_of_the_reviews(
    payload: dict[str, Any], rows: pd.DataFrame, period: str
) -> None:
    controls = payload["controls"]
    number = [one["id"] for one in controls["periods"]].index(period)
    last = rows["review_date"].max()
    assert payload["meta"]["last_day"] == last.date().isoformat()
    first = last - pd.Timedelta(days=DAYS.get(period, 100_000) - 1)
    inside = rows[rows["review_date"] >= first]
    names = [one["label"] for one in controls["categories"]]
    types = [one["kind"] for one in controls["customer_types"]]
    orders_each = rows.groupby("customer_id").size()
    is_new = (
        inside["customer_id"].map(orders_each) == 1 if period == "all" else inside["first"] >= first
    )
    persona = types.index("persona")
    label = controls["customer_types"][persona]["label"]
    subsets = {
        (0, 0, 0): inside,
        (1, 0, 0): inside[inside["label"] == names[1]],
        (0, controls_unpriced(payload), 0): inside[inside["list_price"].isna()],
        (0, 0, types.index("new")): inside[is_new],
        (0, 0, types.index("returning")): inside[~is_new],
        (0, 0, persona): inside[inside["segment"] == label],
        (1, 0, persona): inside[(inside["segment"] == label) & (inside["label"] == names[1])],
    }
    for cell, here in subsets.items():
        expected = {
            "orders": len(here),
            "customers": here["customer_id"].nunique(),
            "products": here["product_id"].nunique(),
            "stars_sum": here["star_rating"].sum(),
            "priced_orders": here["list_price"].notna().sum(),
            "revenue_cents": (here["list_price"] * 100).round().sum(),
        }
        found = {name: array_of(payload, name)[(number, *cell)] for name in expected}
        assert found == expected, cell


def controls_unpriced(payload: dict[str, Any]) -> int:
    return len(payload["controls"]["price_bands"]) - 1


def test_what_is_estimated_and_generated_is_labelled(payload: dict[str, Any]) -> None:
    assert payload["meta"]["is_generated"] is True
    assert "generated data" in payload["meta"]["title"]
    analyses = payload["analyses"]
    assert "estimated" in analyses["sales"]["over_time"]["unit"]
    assert "real cover is shorter" in analyses["products"]["stock_cover"]["note"]


def test_lists_that_can_be_looked_up_are_those_that_are_served(
    tiny_run: Any, payload: dict[str, Any]
) -> None:
    served = tiny_run.load("recommendations").to_pandas().sort_values(["customer_id", "rank"])
    lists = served.groupby("customer_id")["product_id"].agg(list)
    found = payload["analyses"]["recommendations"]["lookup"]["customers"]
    ids = payload["products"]["ids"]
    begin = 0
    parts = found["recommendations"]
    for customer, length in zip(found["columns"]["id"], parts["lengths"], strict=True):
        shown = parts["columns"]["product"][begin : begin + length]
        assert [ids[of] for of in shown] == lists[customer]
        begin += length


def test_lookup_says_what_the_command_line_says(tiny_run: Any, payload: dict[str, Any]) -> None:
    """The same sentences, for some customers and products of the sample."""
    panel = payload["analyses"]["recommendations"]["lookup"]
    reasons, ids = panel["reasons"], payload["products"]["ids"]

    def shown(table: dict[str, Any], entry: int) -> list[tuple[str, str]]:
        begin = sum(table["lengths"][:entry])
        part = slice(begin, begin + table["lengths"][entry])
        products, told = (table["columns"][name][part] for name in ("product", "reason"))
        return [(ids[of], reasons[why]) for of, why in zip(products, told, strict=True)]

    customers = panel["customers"]
    for entry in range(0, len(customers["columns"]["id"]), 40):
        found = shown(customers["recommendations"], entry)
        customer = customers["columns"]["id"][entry]
        answer = answer_for(tiny_run, customer, len(found), None, "kedro run")
        assert found == [(one.product_id, one.sentence) for one in answer.suggestions]
    products = panel["products"]
    rows = 0
    for entry in range(0, len(products["columns"]["product"]), 25):
        asked = ids[products["columns"]["product"][entry]]
        answer_beside = answer_for_product(tiny_run, asked, BESIDE_SHOWN, "kedro run")
        for name, table in products["beside"].items():
            found = shown(table, entry)
            assert found == [(one.product_id, one.sentence) for one in answer_beside.lists[name]]
            rows += len(found)
    assert rows > 10


def test_the_page_holds_the_data_and_asks_for_nothing(tiny_run: Any) -> None:
    page = tiny_run.load("dashboard")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "generated data" in page
    assert len(page.encode()) < 6_000_000


def test_the_committed_demo_is_of_generated_data(project_path: Any) -> None:
    demo = (project_path / "docs" / "demo" / "dashboard.html").read_text(encoding="utf-8")
    assert len(demo.encode()) < 6_000_000
    title = demo.split("<title>")[1].split("</title>")[0]
    assert "generated data" in title
    assert '"is_generated":true' in demo
    assert '"data_sha256":"' in demo


def test_settings_are_bounded_and_named(project_path: Any) -> None:
    path = project_path / "conf" / "base" / "parameters_reporting.yml"
    written = yaml.safe_load(path.read_text(encoding="utf-8"))["reporting"]
    settings = ReportingParameters(**written)
    # The file says every setting, so that a reader finds all there is to set.
    assert set(written) == set(ReportingParameters.model_fields)
    assert set(written["suggestions"]) == set(type(settings.suggestions).model_fields)
    for wrong in ({"max_megabytes": 50}, {"lookup_customers": 501}, {"max_categorys": 3}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            ReportingParameters(**{**written, **wrong})
