"""What counts as similar, as bought together and as better."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class RelatedSettings(BaseModel):
    """How the products beside a product are found."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    list_length: int = Field(
        10, ge=1, le=100, description="Products listed beside each product, at most."
    )
    min_shelf_products: int = Field(
        20,
        ge=1,
        description="A shelf is the deepest level of the category path with so many products; "
        "without a path it is the category.",
    )
    text_weight: float = Field(
        1.0, ge=0, le=100, description="Weight of the texts' likeness in a similarity."
    )
    image_weight: float = Field(
        1.0, ge=0, le=100, description="Weight of the pictures' likeness in a similarity."
    )
    alike_weight: float = Field(
        0.25, ge=0, le=100, description="Weight of being bought beside the same other products."
    )
    dimensions: int = Field(
        128, ge=1, le=4096, description="Principal components that embeddings are reduced to."
    )
    profile_length: int = Field(
        30, ge=1, le=1000, description="Products that a product's purchase profile holds, at most."
    )
    min_similarity: float = Field(
        0.2, ge=0, le=1, description="What is less alike than this is no substitute."
    )
    max_complement_similarity: float = Field(
        0.3,
        ge=-1,
        le=1,
        description="On the same shelf, what is more alike than this is a substitute, no "
        "complement.",
    )
    half_life_days: float = Field(
        90.0,
        gt=0,
        le=1e6,
        description="Age at which a purchase counts half in what sells now; ranks complements.",
    )
    prior_customers: float = Field(
        1.0,
        gt=0,
        le=1e6,
        description="Customers, as many as chance gives, that every count of pairs is mixed with.",
    )
    confidence: float = Field(
        0.9,
        gt=0.5,
        lt=1,
        description="How sure it must be that a pair is bought together more than by chance.",
    )
    min_lift: float = Field(
        1.2,
        ge=1,
        le=1000,
        description="How many times more often than by chance a pair must be bought together, at "
        "least, with that confidence: among thousands of customers any little more is sure.",
    )
    min_customers: int = Field(
        3, ge=1, le=10_000, description="Customers behind a complement, at least."
    )
    standing_in: int = Field(
        10,
        ge=0,
        le=1000,
        description="Nearest products by text or picture whose buyers stand in where a product has "
        "too few of its own; 0: none.",
    )
    star_prior: float = Field(
        5.0,
        gt=0,
        le=1e6,
        description="Weight, in ratings, of the category's mean in the mean of a product.",
    )
    better_confidence: float = Field(
        0.9,
        gt=0.5,
        lt=1,
        description="How sure it must be that an up-sell is better liked than the product itself.",
    )

    max_price_ratio: float = Field(
        2.5, gt=1, le=1000, description="An up-sell costs at most so many times as much."
    )

    @model_validator(mode="after")
    def _something_must_count(self) -> Self:
        if self.text_weight + self.image_weight + self.alike_weight <= 0:
            raise ValueError(
                "text_weight, image_weight and alike_weight are all 0: then no product is like "
                "another. Give at least one of them a weight."
            )
        return self
