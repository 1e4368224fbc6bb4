"""Everything that defines a generated world, with bounds."""

from __future__ import annotations

import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from product_recommender.days import EPOCH

from .vocabulary import VOCABULARIES

Strength = Literal[
    "taste",
    "match",
    "affinity",
    "quality",
    "leniency",
    "type",
    "trend",
    "season",
    "text",
    "wording",
    "picture",
]


class WorldSettings(BaseModel):
    """Size, span, distributions and strengths of a generated world.

    Every ``*_strength`` is multiplied by ``signal_strength``. With ``signal_strength`` 0 the only
    structure left is the long tail: product popularity, customer activity, category shares and the
    star distribution. Then global popularity is the best possible ranking and the global mean the
    best possible prediction of stars.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(7, ge=0, description="Same seed and settings, same bytes.")
    n_products: int = Field(1_000, ge=1, le=2_000_000, description="Products in the catalogue.")
    n_customers: int = Field(5_000, ge=1, le=40_000_000, description="Rows of the customers table.")
    n_reviews: int = Field(15_000, ge=1, le=100_000_000, description="Reviews, all files together.")
    first_day: datetime.date = Field(datetime.date(2012, 1, 1), description="First possible day.")
    last_day: datetime.date = Field(datetime.date(2015, 8, 31), description="Last possible day.")
    yearly_growth: float = Field(
        0.2, ge=-2, le=3, description="Log growth of the daily volume per year."
    )
    category_shares: dict[str, float] = Field(
        default_factory=lambda: {
            "Electronics": 0.45,
            "Furniture": 0.25,
            "Major Appliances": 0.12,
            "Personal_Care_Appliances": 0.18,
        },
        description="Share of each category in the products and in the base popularity; "
        "normalised. A category left out gets no file.",
    )
    star_shares: tuple[float, float, float, float, float] = Field(
        (0.1158, 0.0579, 0.0771, 0.1735, 0.5757),
        description="Target shares of 1, 2, 3, 4 and 5 stars over all reviews; normalised.",
    )
    popularity_spread: float = Field(
        0.9, ge=0, le=3, description="Standard deviation of log popularity inside a category."
    )
    activity_spread: float = Field(
        0.6, ge=0, le=2, description="Standard deviation of log activity inside a customer type."
    )
    taste_dimensions: int = Field(4, ge=1, le=64, description="Length of tastes and styles.")
    taste_overlap: float = Field(
        0.3,
        gt=0,
        le=1,
        description="How much what attracts a customer and what pleases in use have in common. "
        "The first taste dimension weighs most in the choice, the last in the stars; each next "
        "one weighs this much of the one before. 1: all dimensions weigh the same in both.",
    )
    repeat_rate: float = Field(
        0.0005, ge=0, le=0.2, description="Share of reviews that repeat an own earlier product."
    )
    verified_share: float = Field(
        0.83, gt=0.1, lt=0.97, description="Share of verified purchases, about; rises by year."
    )
    vine_share: float = Field(0.005, ge=0, le=0.2, description="Share of Vine reviews.")
    missing_price_share: float = Field(
        0.03, ge=0, le=1, description="Share of metadata records without price and cost."
    )
    mess_rate: float = Field(
        0.02, ge=0, le=1, description="Share of texts with a `<br />` or an HTML entity."
    )
    max_pictures: int = Field(
        10_000,
        ge=0,
        le=2_000_000,
        description="Products that get a picture, about 4 ms and 2 KB each; the catalogue is in "
        "random order, so any number is a fair sample. 0: no pictures.",
    )

    signal_strength: float = Field(1.0, ge=0, le=3, description="Multiplies every strength below.")
    taste_strength: float = Field(
        2.2, ge=0, le=5, description="Pull of the match of taste and style on what is bought."
    )
    match_strength: float = Field(
        1.3, ge=0, le=5, description="Pull of the match of the same taste and style on the stars."
    )
    affinity_strength: float = Field(
        1.0, ge=0, le=5, description="Pull of a customer's category affinity on what is bought."
    )
    quality_strength: float = Field(
        0.45, ge=0, le=5, description="Pull of product quality (brand included) on the stars."
    )
    leniency_strength: float = Field(
        0.35, ge=0, le=5, description="Spread of customers' leniency inside a type, in the stars."
    )
    type_strength: float = Field(
        1.0, ge=0, le=3, description="How far the four customer types lie apart, in everything."
    )
    trend_strength: float = Field(
        1.0,
        ge=0,
        le=3,
        description="Depth of product life cycles; at 0 every product is on sale from the first "
        "day and sells evenly.",
    )
    season_strength: float = Field(
        1.0, ge=0, le=3, description="Depth of the seasonality by month, weekday and category."
    )
    text_strength: float = Field(
        1.0,
        ge=0,
        le=3,
        description="How much texts follow the stars and the planted reasons; at 0 they are drawn "
        "for stars and aspects taken at random.",
    )
    wording_strength: float = Field(
        1.0,
        ge=0,
        le=3,
        description="How much the aspects that a product's description names follow its style; "
        "from 1 on they are those that show most, at 0 they are drawn at random.",
    )
    picture_strength: float = Field(
        1.0,
        ge=0,
        le=3,
        description="How much of its own style a product's picture shows; from 1 on nothing "
        "else, at 0 a style drawn independently.",
    )

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError(f"last_day {self.last_day} lies before first_day {self.first_day}")
        unknown = sorted(set(self.category_shares) - set(VOCABULARIES))
        if unknown or not self.category_shares:
            raise ValueError(
                f"category_shares names {unknown or 'no category'}; the generator has words for "
                f"{sorted(VOCABULARIES)}"
            )
        if min(self.category_shares.values()) <= 0:
            raise ValueError("category_shares must be positive; leave a category out instead of 0")
        if min(self.star_shares) < 0 or sum(self.star_shares) <= 0:
            raise ValueError("star_shares must not be negative and not all zero")
        if len(self.category_shares) > self.n_products:
            raise ValueError(
                f"n_products {self.n_products} is smaller than the number of categories "
                f"({len(self.category_shares)}): leave categories out of category_shares"
            )
        if self.n_reviews > self.n_customers * self.most_reviews_per_customer:
            raise ValueError(
                f"n_reviews {self.n_reviews} is too many: {self.n_customers} customers write at "
                f"most {self.most_reviews_per_customer} each (a fifth of the products)"
            )
        return self

    @property
    def most_reviews_per_customer(self) -> int:
        """Cap that leaves everybody something to buy: most products are on sale all the time."""
        return max(1, self.n_products // 5)

    @property
    def categories(self) -> tuple[str, ...]:
        """Category names in the order of their codes."""
        return tuple(sorted(self.category_shares))

    @property
    def n_days(self) -> int:
        """Days of the span, both ends included."""
        return (self.last_day - self.first_day).days + 1

    @property
    def first_day_number(self) -> int:
        """First day as days since 1970-01-01."""
        return (self.first_day - EPOCH).days

    def strength(self, name: Strength) -> float:
        """The named strength times the master ``signal_strength``."""
        return self.signal_strength * float(getattr(self, f"{name}_strength"))

    def own_share(self, name: Strength) -> float:
        """Weight of the own part in a mix of it with an independent one: the strength, at most 1.

        ``share * own + sqrt(1 - share**2) * other`` then varies as much as either of them.
        """
        return min(1.0, self.strength(name))
