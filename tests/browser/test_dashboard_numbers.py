"""What the page shows is what an independent query of the tables gives, under every control."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from browser.opened import Open, Opened, number
from product_recommender.answers.product import nothing_beside

pytestmark = pytest.mark.browser

ORDERS = ("over_time", "Orders over time")
LENGTHS = {"7d": 7, "30d": 30, "90d": 90, "365d": 365}


class Tables:
    """The tables of the run in pandas, and the orders that a choice of the controls leaves."""

    def __init__(self, catalog: Any) -> None:
        reviews = catalog.load("reviews").to_pandas()
        products = catalog.load("products").to_pandas()
        self.products = products.set_index("product_id")
        self.segments = catalog.load("customer_segments").to_pandas().set_index("customer_id")
        orders = reviews[["customer_id", "product_id", "star_rating", "review_date"]].copy()
        orders["day"] = pd.to_datetime(orders["review_date"])
        shown = self.products["product_category"].str.replace("_", " ")  # as the page writes it
        orders["category"] = orders["product_id"].map(shown)
        orders["cents"] = (orders["product_id"].map(self.products["list_price"]) * 100).round()
        orders["cost"] = (orders["product_id"].map(self.products["cost"]) * 100).round()
        self.orders = orders
        by_customer = orders.groupby("customer_id")
        self.first = by_customer["day"].min()
        self.count = by_customer.size()
        value = by_customer["cents"].sum()
        # Ties are in or out together, and at most a tenth is in.
        self.premium = value.rank(ascending=False, method="max") <= 0.1 * len(value)
        self.last_day = orders["day"].max()

    def window(self, period: str, back: int = 0) -> pd.DataFrame:
        if period == "all":
            return self.orders
        length = pd.Timedelta(days=LENGTHS[period])
        end = self.last_day - back * length
        return self.orders[(self.orders["day"] > end - length) & (self.orders["day"] <= end)]

    def chosen(
        self, period: str, category: str = "", band: str = "", customers: str = "", back: int = 0
    ) -> pd.DataFrame:
        found = self.window(period, back)
        who = found["customer_id"]
        start = (
            found["day"].min()
            if period == "all"
            else self.last_day
            - (back + 1) * pd.Timedelta(days=LENGTHS[period])
            + pd.Timedelta(days=1)
        )
        if customers in ("New", "Returning"):
            if start <= self.orders["day"].min():
                is_new = who.map(self.count) == 1
            else:
                is_new = who.map(self.first) >= start
            found = found[is_new if customers == "New" else ~is_new]
        elif customers.startswith("Premium"):
            found = found[who.map(self.premium)]
        elif customers:
            found = found[who.map(self.segments["segment"]) == customers]
        if category:
            found = found[found["category"] == category]
        if band == "No price known":
            found = found[found["cents"].isna()]
        elif band:
            low, high = limits(band)
            found = found[(found["cents"] >= low) & (found["cents"] <= high)]
        return found


def limits(label: str) -> tuple[float, float]:
    """Lowest and highest cents of a price range, from its words."""
    cents = [round(float(x.replace(",", "")) * 100) for x in re.findall(r"\$([\d,.]+)", label)]
    if label.startswith("Up to"):
        return 0, cents[0]
    if label.startswith("Above"):
        return cents[0] + 1, np.inf
    return cents[0], cents[1]


@pytest.fixture(scope="module")
def tables(tiny_run: Any) -> Tables:
    return Tables(tiny_run)


def options(opened: Opened, control: str) -> dict[str, str]:
    """Ids of a list's choices by their words, without "all"."""
    script = "list => [...list.options].map(option => [option.text, option.value])"
    return dict(opened.page.locator(f"#control-{control}").evaluate(script)[1:])


def check_key_figures(opened: Opened, expected: pd.DataFrame, choice: str) -> None:
    page = {name: opened.tile(name) for name in ("Estimated orders", "Active customers")}
    assert number(page["Estimated orders"]) == len(expected), choice
    assert number(page["Active customers"]) == expected["customer_id"].nunique(), choice
    assert number(opened.tile("Products ordered")) == expected["product_id"].nunique(), choice
    if expected.empty:
        assert opened.tile("Average stars") == "no reviews"
    else:
        mean = expected["star_rating"].mean()
        assert number(opened.tile("Average stars")) == pytest.approx(mean, abs=0.00501), choice
    revenue = opened.tile("Estimated revenue")
    if expected["cents"].notna().any():
        # Whole dollars from a thousand on, cents below.
        assert number(revenue) == pytest.approx(expected["cents"].sum() / 100, abs=0.501), choice
    else:
        assert revenue == "no order with a known price", choice


def test_every_choice_of_every_control_changes_the_key_figures_to_the_tables_numbers(
    tables: Tables, tiny_dashboard: str, open_page: Open
) -> None:
    opened = open_page(tiny_dashboard)
    for period in (*LENGTHS, "all"):
        opened.choose(period=period)
        check_key_figures(opened, tables.chosen(period), period)
    for label, choice in options(opened, "category").items():
        opened.choose(category=choice)
        check_key_figures(opened, tables.chosen("all", category=label), label)
    opened.choose(category="all")
    for label, choice in options(opened, "price_band").items():
        opened.choose(price_band=choice)
        check_key_figures(opened, tables.chosen("all", band=label), label)
    opened.choose(price_band="all")
    for label, choice in options(opened, "customer_type").items():
        opened.choose(customer_type=choice)
        segment = "New" if label == "New to the segmentation" else label
        expected = tables.chosen("all", customers=segment)
        if label == "New to the segmentation":
            unknown = tables.segments.index[tables.segments["segment"] == "New"]
            expected = tables.orders[tables.orders["customer_id"].isin(unknown)]
        check_key_figures(opened, expected, label)


def test_combinations_of_all_four_controls_hold_too(
    tables: Tables, tiny_dashboard: str, open_page: Open
) -> None:
    opened = open_page(tiny_dashboard)
    categories, bands = options(opened, "category"), options(opened, "price_band")
    types = {
        label: choice
        for label, choice in options(opened, "customer_type").items()
        if label != "New to the segmentation"
    }
    rng = np.random.default_rng(0)
    seen = 0
    for _ in range(25):
        period = str(rng.choice([*LENGTHS, "all"]))
        category, band, customers = (str(rng.choice(list(of))) for of in (categories, bands, types))
        opened.choose(
            period=period,
            category=categories[category],
            price_band=bands[band],
            customer_type=types[customers],
        )
        expected = tables.chosen(period, category, band, customers)
        seen += len(expected) > 0
        check_key_figures(opened, expected, f"{period}, {category}, {band}, {customers}")
    assert seen >= 5  # the comparison is not one of empty cells


def test_new_and_returning_are_a_partition_under_every_period(
    tables: Tables, tiny_dashboard: str, open_page: Open
) -> None:
    opened = open_page(tiny_dashboard, view="analysis=customers")
    for period in (*LENGTHS, "all"):
        opened.choose(period=period)
        shown = {
            row["Customers are"]: number(row["Customers"]) for row in opened.table("new_returning")
        }
        expected = {
            name: tables.chosen(period, customers=name)["customer_id"].nunique()
            for name in ("New", "Returning")
        }
        assert shown == expected, period
        assert sum(shown.values()) == tables.chosen(period)["customer_id"].nunique()


def test_growth_is_against_the_period_of_equal_length_before(
    tables: Tables, tiny_dashboard: str, open_page: Open
) -> None:
    opened = open_page(tiny_dashboard, view="analysis=sales&period=90d")
    rows = {row["Number"]: row for row in opened.table("growth")}
    now, before = tables.chosen("90d"), tables.chosen("90d", back=1)
    orders = rows["Estimated orders"]
    assert (number(orders["Now"]), number(orders["Before"])) == (len(now), len(before))
    assert number(orders["Growth"].replace("+", "")) == pytest.approx(
        100 * (len(now) / len(before) - 1), abs=0.0501
    )
    value = rows["Average order value"]
    assert number(value["Now"]) == pytest.approx(now["cents"].mean() / 100, abs=0.00501)
    opened.choose(period="all")
    assert "Growth cannot be told" in opened.card("growth").inner_text()


def test_series_and_categories_are_the_tables(
    tables: Tables, tiny_dashboard: str, open_page: Open
) -> None:
    opened = open_page(tiny_dashboard, view="analysis=sales&period=30d")
    orders = tables.chosen("30d")
    daily = orders.groupby("day").size()
    shown = opened.table(*ORDERS)
    assert len(shown) == 30
    by_day = {pd.Timestamp(row["Day"]): number(row["Estimated orders"]) for row in shown}
    assert {day: n for day, n in by_day.items() if n} == daily.to_dict()
    labels = options(opened, "category")
    for category in orders["category"].unique():
        opened.choose(category=labels[category], customer_type="returning", period="365d")
        weeks = [number(row["Estimated orders"]) for row in opened.table(*ORDERS)]
        means = [row["Average order value"] for row in opened.table("average_order_value")]
        own = tables.chosen("365d", category, customers="Returning")
        week = 52 - (tables.last_day - own["day"]).dt.days // 7
        assert weeks == [int((week == n).sum()) for n in range(53)], category
        value = own.dropna(subset=["cents"]).groupby(week)["cents"].mean() / 100
        assert {n: number(text) for n, text in enumerate(means) if text != "–"} == pytest.approx(
            value.to_dict(), abs=0.501
        )
    opened.choose(category="all", customer_type="all", period="30d")
    revenue = orders.groupby("category")["cents"].sum() / 100
    found = {
        row["Category"]: number(row["Estimated revenue"])
        for row in opened.table("by_category", "Revenue by category")
    }
    assert found == pytest.approx(revenue[revenue > 0].to_dict(), abs=0.501)
    margin = {row["Category"]: row["Margin"] for row in opened.table("margin")}
    costed = orders.dropna(subset=["cents", "cost"])
    expected = (costed["cents"] - costed["cost"]).groupby(costed["category"]).sum() / 100
    assert {name: number(text) for name, text in margin.items()} == pytest.approx(
        expected.to_dict(), abs=0.501
    )


def test_product_panels_are_the_tables(
    tables: Tables, tiny_dashboard: str, open_page: Open
) -> None:
    opened = open_page(tiny_dashboard, view="analysis=products&period=365d")
    orders = tables.chosen("365d")
    counts = orders.groupby("product_id").size()
    shown = opened.table("best_sellers")
    assert [number(row["Orders"]) for row in shown] == sorted(counts, reverse=True)[: len(shown)]
    for row in shown:
        own = orders[orders["product_id"] == row["Id"]]
        assert number(row["Orders"]) == len(own)
        assert number(row["Average stars"]) == pytest.approx(own["star_rating"].mean(), abs=0.00501)
        assert row["Product"] == tables.products.loc[row["Id"], "product_title"]
    ranked = counts.sort_values(ascending=False).to_numpy()
    tail = {row["Most ordered"]: number(row["Orders"]) for row in opened.table("long_tail")}
    assert tail["top 10%"] == ranked[: int(np.ceil(0.1 * len(ranked) - 1e-9))].sum()
    previous = tables.chosen("365d", back=1).groupby("product_id").size()
    for row in opened.table("rising"):
        assert number(row["Orders"]) == counts[row["Id"]]
        before = previous.get(row["Id"], 0)
        assert number(row["Before"]) == before
        if before:
            growth = 100 * (counts[row["Id"]] / before - 1)
            assert number(row["Change"]) == pytest.approx(growth, abs=0.0501)
        else:
            assert row["Change"] == "–"


def test_lookup_shows_the_served_list(
    tiny_run: Any, tables: Tables, tiny_dashboard: str, open_page: Open
) -> None:
    served = tiny_run.load("recommendations").to_pandas()
    customer = tables.count.index[tables.count == tables.count.max()][0]
    opened = open_page(tiny_dashboard, view="analysis=recommendations")
    search = opened.page.locator("input[type=search]")
    search.fill(customer)
    search.press("Enter")
    listed = opened.page.get_by_label(f"Recommended to {customer}").locator("tbody tr")
    titles = listed.evaluate_all("rows => rows.map(row => row.cells[1].textContent)")
    own = served[served["customer_id"] == customer].sort_values("rank")
    assert titles == [tables.products.loc[item, "product_title"] for item in own["product_id"]]
    assert f"lookup=customer%3A{customer}" in opened.page.url
    search.fill("nobody")
    search.press("Enter")
    assert "kedro recommend nobody" in opened.card("lookup").inner_text()


def test_lookup_shows_what_stands_beside_a_product(
    tiny_run: Any, tables: Tables, tiny_dashboard: str, open_page: Open
) -> None:
    orders = tables.orders["product_id"].value_counts()
    product = sorted(orders.index, key=lambda of: (-orders[of], of))[0]
    opened = open_page(tiny_dashboard, view=f"analysis=recommendations&lookup=product:{product}")
    text = opened.card("lookup").inner_text()
    title, shown = tables.products.loc[product, "product_title"], 0
    for name, heading in (
        ("similar_products", "Similar"),
        ("complementary_products", "Goes with it"),
        ("upsell_products", "A step up"),
    ):
        rows = tiny_run.load(name).to_pandas()
        rows = rows[rows["product_id"] == product].sort_values("rank").head(5)
        label = f"{heading}: {title}"
        listed = opened.page.get_by_label(label).locator("tbody tr")
        cells = listed.evaluate_all("rows => rows.map(row => [...row.cells].map(c => c.innerText))")
        assert [row[3] for row in cells] == rows["related_product_id"].tolist()
        for row, found in zip(cells, rows.itertuples(), strict=True):
            if name == "complementary_products":
                assert row[1].startswith(f"{found.customers:,} customer")
            if name == "upsell_products":
                assert f"★ {found.related_stars:.2f}" in row[1]
        if rows.empty:
            price = tables.products.loc[product, "list_price"]
            assert nothing_beside(name, price if price > 0 else None).capitalize() in text
        shown += len(rows)
    assert shown


def test_leaderboard_is_the_metrics_table(
    tiny_run: Any, tiny_dashboard: str, open_page: Open
) -> None:
    metrics = tiny_run.load("metrics")
    rows = metrics[(metrics["split"] == "test") & (metrics["slice"] == "overall")]
    ndcg = rows[rows["metric"] == "ndcg@10"].set_index("model")
    opened = open_page(tiny_dashboard, view="analysis=recommendations")
    shown = {row["Model"].removesuffix(" (served)"): row for row in opened.table("leaderboard")}
    assert set(ndcg.index) <= set(shown)
    for model, row in ndcg.iterrows():
        assert number(shown[str(model)]["NDCG@10"]) == pytest.approx(row["value"], abs=0.000051)
