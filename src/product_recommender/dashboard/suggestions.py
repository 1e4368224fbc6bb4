"""Business suggestions: stated rules over the numbers that the page shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from product_recommender.dashboard.cells import STARS, TAIL_SHARES
from product_recommender.dashboard.controls import ALL, FIRST_PERSONA, category_label
from product_recommender.dashboard.forecast import RECENT_WEEKS, Forecast
from product_recommender.dashboard.panels import PRICE, TYPE, Json, clear_change, panel
from product_recommender.dashboard.settings import DashboardSettings, SuggestionRules
from product_recommender.dashboard.shop import Shop
from product_recommender.wording import counted

GOOD, WARN, INFO = "good", "warn", "info"


@dataclass(frozen=True)
class Numbers:
    """What the rules look at.

    Attributes
    ----------
    cubes
        The cubes over the four controls as arrays, NaN where unknown.
    best
        Best sellers, as counted by ``count_products``.
    cover
        As made by ``stock_cover``.
    forecasts
        One for each category.
    recent_weeks
        float ``[n_categories]``: orders a week of the last ``RECENT_WEEKS`` weeks.
    """

    cubes: Mapping[str, np.ndarray]
    best: pd.DataFrame
    cover: pd.DataFrame
    forecasts: list[Forecast | None]
    recent_weeks: np.ndarray


@dataclass(frozen=True)
class Place:
    """Where a rule looks: a period and a category, all prices and customers."""

    period: int
    category: int
    shop: Shop
    rules: SuggestionRules

    @property
    def name(self) -> str:
        """The category in words."""
        return (
            "All categories"
            if self.category == ALL
            else category_label(self.shop.controls.categories[self.category - 1])
        )

    @property
    def is_all_time(self) -> bool:
        """Whether the period is all the data."""
        return self.period == len(self.shop.controls.periods) - 1

    def value(self, cube: np.ndarray) -> float:
        """The number of a cube over the four controls at this place."""
        return float(cube[self.period, self.category, ALL, ALL])


Found = tuple[str, str]
"""Tone and text of a suggestion."""

Rule = Callable[[Place, Numbers], Iterator[Found]]


def suggest(shop: Shop, numbers: Numbers, settings: DashboardSettings) -> Json:
    """The suggestions of every period and category.

    Parameters
    ----------
    shop
        Names of categories, products and personas.
    numbers
        What the rules look at.
    settings
        Thresholds of the rules.
    """
    columns: dict[str, list[str]] = {
        name: [] for name in ("rule", "tone", "text", "analysis", "panel")
    }
    lengths = []
    for period in range(shop.controls.shape[0]):
        for category in range(shop.controls.shape[1]):
            place = Place(period, category, shop, settings.suggestions)
            before = len(columns["rule"])
            for name, (analysis, shown_in, rule) in RULES.items():
                for tone, text in rule(place, numbers):
                    row = (name, tone, text, analysis, shown_in)
                    for column, value in zip(columns.values(), row, strict=True):
                        column.append(value)
            lengths.append(len(columns["rule"]) - before)
    return panel(
        "Suggestions",
        "",
        "Written by fixed rules from the numbers on this page, for the chosen period and category; "
        "docs/dashboard.md states every rule and its threshold.",
        [PRICE, TYPE],
        list={"axes": ["period", "category"], "lengths": lengths, "columns": columns},
    )


def _change(place: Place, numbers: Numbers) -> Iterator[Found]:
    now, before = (place.value(numbers.cubes[name]) for name in ("orders", "previous_orders"))
    if np.isnan(before) or before < place.rules.minimum_orders:
        return
    change = now / before - 1
    z = float(clear_change(np.array(now), np.array(before)))
    if abs(change) < place.rules.change or abs(z) < place.rules.z_score:
        return
    change_said = f"{now:,.0f} orders after {before:,.0f} in the period before ({change:+.0%})"
    if change > 0:
        yield GOOD, f"{place.name}: {change_said}. Check that stock and service keep up."
    else:
        yield WARN, f"{place.name}: {change_said}. Look at the falling products for the cause."


def _stars(place: Place, numbers: Numbers) -> Iterator[Found]:
    if place.category == ALL:
        return
    here, everywhere = (
        numbers.cubes["star_counts"][place.period, category, ALL, ALL]
        for category in (place.category, ALL)
    )
    others = everywhere - here
    if min(here.sum(), others.sum()) < place.rules.minimum_orders:
        return
    (mean, error), (mean_others, error_others) = _mean_stars(here), _mean_stars(others)
    gap = mean_others - mean
    spread = float(np.hypot(error, error_others))
    if gap >= place.rules.stars_below and gap >= place.rules.z_score * spread:
        yield (
            WARN,
            f"{place.name}: {mean:.2f} stars on average, {mean_others:.2f} in the other "
            "categories. Read its reviews with one and two stars first.",
        )


def _mean_stars(counts: np.ndarray) -> tuple[float, float]:
    """Mean and its standard error."""
    stars, n = np.array(STARS), counts.sum()
    mean = float(counts @ stars / n)
    return mean, float(np.sqrt(counts @ (stars - mean) ** 2 / n / n))


def _one_order(place: Place, numbers: Numbers) -> Iterator[Found]:
    customers = place.value(numbers.cubes["customers"])
    if not place.is_all_time or customers < place.rules.minimum_orders:
        return
    once = numbers.cubes["frequency"][place.period, place.category, ALL, ALL, 0] / customers
    if once >= place.rules.one_order_share:
        yield (
            INFO,
            f"{place.name}: {once:.0%} of {customers:,.0f} customers have ordered once so far. "
            "Win the second order: write to them with what is recommended to them.",
        )


def _poor_best_sellers(place: Place, numbers: Numbers) -> Iterator[Found]:
    best = numbers.best
    here = best[
        (best["window"] == place.period)
        & (best["category"] == place.category)
        & (best["price_band"] == ALL)
        & (best["customer_type"] == ALL)
        & (best["orders"] >= place.rules.minimum_orders)
    ]
    poor = here[here["stars_sum"] <= place.rules.popular_but_poor_stars * here["orders"]]
    if len(poor):
        item, orders, stars_sum = (
            int(poor[name].iloc[0]) for name in ("item", "orders", "stars_sum")
        )
        title = place.shop.products["title"].iloc[item]
        others = f" So are {counted(len(poor) - 1, 'other')} of the list." if len(poor) > 1 else ""
        yield (
            WARN,
            f"{place.name}: best seller “{title[:80]}” is rated {stars_sum / orders:.2f} stars "
            f"from {orders:,} orders.{others} Find out what disappoints.",
        )


def _head(place: Place, numbers: Numbers) -> Iterator[Found]:
    orders = place.value(numbers.cubes["orders"])
    products = place.value(numbers.cubes["products"])
    if orders < place.rules.minimum_orders or products < 10:
        return
    top = numbers.cubes["long_tail"][place.period, place.category, ALL, ALL]
    share = top[TAIL_SHARES.index(0.1)] / orders
    if share >= place.rules.head_share:
        yield (
            INFO,
            f"{place.name}: the top 10 % of the products ordered carry {share:.0%} of the orders. "
            "Never let them run out, and show more of the rest.",
        )


def _stock(place: Place, numbers: Numbers) -> Iterator[Found]:
    cover = numbers.cover
    if place.category != ALL:
        cover = cover[cover["category"] == place.category]
    short = cover[cover["cover_days"] < place.rules.cover_days]
    if len(short):
        first = short.iloc[0]
        title = place.shop.products["title"].iloc[int(first["item"])]
        yield (
            WARN,
            f"{place.name}: stock of {counted(len(short), 'product')} covers fewer than "
            f"{place.rules.cover_days:g} days of estimated orders; the shortest is "
            f"“{title[:80]}” with {first['cover_days']:.0f} days. Order again.",
        )


def _unpriced(place: Place, numbers: Numbers) -> Iterator[Found]:
    orders = place.value(numbers.cubes["orders"])
    if orders < place.rules.minimum_orders:
        return
    unpriced = orders - place.value(numbers.cubes["priced_orders"])
    if unpriced >= place.rules.unpriced_share * orders:
        share = unpriced / orders
        yield (
            INFO,
            f"{place.name}: the list price of {share:.0%} of the orders is not known, so revenue "
            "is "
            + ("unknown" if share == 1 else "too low")
            + ". Deliver product metadata with prices (docs/data.md).",
        )


def _personas(place: Place, numbers: Numbers) -> Iterator[Found]:
    measure = "revenue_cents" if place.shop.prices_known else "orders"
    what = "estimated revenue" if place.shop.prices_known else "orders"
    total = place.value(numbers.cubes[measure])
    customers = place.value(numbers.cubes["customers"])
    if customers < place.rules.minimum_orders or total <= 0:
        return
    at = (place.period, place.category, ALL, slice(FIRST_PERSONA, None))
    of_total = numbers.cubes[measure][at] / total
    of_customers = numbers.cubes["customers"][at] / customers
    ratio = np.where(of_customers > 0, of_total / np.maximum(of_customers, 1e-12), 0)
    best = int(np.argmax(ratio)) if len(ratio) else 0
    if len(ratio) and ratio[best] >= place.rules.persona_ratio:
        yield (
            GOOD,
            f"{place.name}: {place.shop.controls.personas[best]} are {of_customers[best]:.0%} of "
            f"the active customers and {of_total[best]:.0%} of {what}. Keep them first.",
        )


def _ahead(place: Place, numbers: Numbers) -> Iterator[Found]:
    forecast = numbers.forecasts[place.category]
    now = float(numbers.recent_weeks[place.category])
    if forecast is None or now <= 0:
        return
    weeks, mean = len(forecast.expected), float(forecast.expected.mean())
    low, high = float(forecast.low.mean()), float(forecast.high.mean())
    said = (
        f"{place.name}: {mean:,.0f} orders a week expected in the next {weeks} weeks "
        f"({low:,.0f} to {high:,.0f}), {now:,.0f} in the last {RECENT_WEEKS}."
    )
    if low > now:
        yield GOOD, f"{said} Prepare stock for more."
    elif high < now:
        yield WARN, f"{said} Order less, or plan something against it."


RULES: dict[str, tuple[str, str, Rule]] = {
    "change of orders": ("sales", "growth", _change),
    "low stars": ("overview", "satisfaction", _stars),
    "badly rated best seller": ("products", "best_sellers", _poor_best_sellers),
    "short stock": ("products", "stock_cover", _stock),
    "valuable persona": ("customers", "personas", _personas),
    "one order only": ("customers", "frequency", _one_order),
    "few products carry the orders": ("products", "long_tail", _head),
    "forecast leaves the present level": ("trends", "forecast", _ahead),
    "prices unknown": ("sales", "over_time", _unpriced),
}
"""Name: the analysis and the panel that show its numbers, and the rule; most urgent first."""
