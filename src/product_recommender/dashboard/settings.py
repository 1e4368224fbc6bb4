"""Settings of the dashboard, with bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class SuggestionRules(BaseModel):
    """From where on a number is worth a business suggestion."""

    model_config = ConfigDict(extra="forbid")

    minimum_orders: int = Field(
        30, ge=1, le=1_000_000, description="Orders from which a number is believed at all."
    )
    change: Share = Field(
        0.2, description="Change of orders against the previous period, as a share of it."
    )
    z_score: float = Field(
        2.0, ge=0, le=10, description="How clear a change or a difference in stars has to be."
    )
    stars_below: float = Field(
        0.2, ge=0, le=4, description="Mean stars below those of all categories, at least."
    )
    one_order_share: Share = Field(
        0.7, description="Share of customers with a single order from which to speak of it."
    )
    popular_but_poor_stars: float = Field(
        3.0, ge=1, le=5, description="Mean stars of a best seller that ask for a look at it."
    )
    head_share: Share = Field(
        0.5, description="Share of orders on the top 10 % of products from which to speak of it."
    )
    cover_days: float = Field(
        30, ge=0, le=3_650, description="Days of stock below which to order again."
    )
    persona_ratio: float = Field(
        1.5,
        ge=1,
        le=100,
        description="A persona's share of revenue over its share of customers, at least.",
    )
    unpriced_share: Share = Field(
        0.2, description="Share of orders without a known price from which to ask for prices."
    )


class DashboardSettings(BaseModel):
    """What the dashboard shows and how large it may become."""

    model_config = ConfigDict(extra="forbid")

    max_categories: int = Field(
        12, ge=1, le=12, description="Categories to choose from, the largest; the rest is Other."
    )
    premium_share: float = Field(
        0.1, gt=0, le=0.5, description="Customers who count as premium, at most; by value."
    )
    list_length: int = Field(10, ge=1, le=20, description="Rows of best sellers and other lists.")
    cohort_months: int = Field(
        18, ge=2, le=36, description="Months of first orders whose return is shown, the last ones."
    )
    scatter_products: int = Field(
        300, ge=10, le=1_000, description="Products drawn as dots, the most ordered."
    )
    lookup_customers: int = Field(
        500, ge=1, le=500, description="Customers who can be looked up in the page."
    )
    lookup_products: int = Field(
        500, ge=1, le=500, description="Products that can be looked up in the page."
    )
    listed_products: int = Field(
        4_000,
        ge=100,
        le=20_000,
        description="Different products that lists may name; beyond, lists follow fewer controls.",
    )
    title_characters: int = Field(
        80, ge=20, le=200, description="Characters of a product title that the page holds."
    )
    forecast_weeks: int = Field(12, ge=1, le=26, description="Weeks ahead of the forecast.")
    forecast_level: float = Field(
        0.8, gt=0.5, lt=1, description="Share of weeks that the forecast's interval should hold."
    )
    max_megabytes: float = Field(
        4.0,
        gt=0.1,
        le=5.0,
        description="Size of the data in the page; above it detail is taken away, and said so.",
    )
    suggestions: SuggestionRules = Field(
        default_factory=SuggestionRules, description="Rules of the business suggestions."
    )
