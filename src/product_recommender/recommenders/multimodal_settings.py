"""Settings of ``multimodal``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from product_recommender.recommenders.base import RecommenderConfig
from product_recommender.recommenders.training import TrainingConfig

Modality = Literal["ids", "text", "image", "time"]
CONTENTS: tuple[str, ...] = ("text", "image")
"""Modalities that are read from ``Interactions.contents``."""


class MultimodalConfig(RecommenderConfig):
    """Settings of ``Multimodal``."""

    modalities: tuple[Modality, ...] = Field(
        ("ids", "text", "image", "time"),
        min_length=1,
        description="What is looked at. Contents that no training product has are left out and "
        "reported; without time nothing is known of days, seasons and what sells now.",
    )
    width: int = Field(32, ge=1, le=1024, description="Length of keys, values and customers.")
    max_length: int = Field(50, ge=1, le=1000, description="Newest purchases that are looked at.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Of keys, values and customers.")
    components: int = Field(
        64, ge=1, le=2048, description="Principal components of each content, at most."
    )
    whitening: float = Field(
        0.25, ge=0, le=1, description="0 leaves the components their spreads, 1 makes them equal."
    )
    neighbours: int = Field(
        20, ge=1, le=1000, description="Similar products whose sales are looked at."
    )
    hide_ids: float = Field(
        0.15, ge=0, lt=1, description="Share of products whose free vectors a batch hides."
    )
    hide_sales: float = Field(
        0.1, ge=0, lt=1, description="Share whose own sales are hidden with them, as of new ones."
    )
    hide_content: float = Field(
        0.2, ge=0, lt=1, description="Share whose text, and share whose image, a batch hides."
    )
    sales_half_lives: tuple[float, ...] = Field(
        (30.0, 120.0, 480.0),
        min_length=1,
        description="Half-lives, in days, of the sales that biases are made of; with time only.",
    )
    seasons: bool = Field(
        True,
        description="Whether what sold at this time in earlier years is looked at, with time and "
        "where there are such years.",
    )
    outlook_days: int = Field(
        30,
        ge=1,
        description="Days for which an answer has to do: in training, a purchase sees the sales up "
        "to the beginning of a period that long.",
    )
    recency_half_life_days: float | None = Field(
        None, gt=0, description="Age at which a purchase counts half in the loss; null: all alike."
    )
    own_vector_from: int = Field(
        10,
        ge=2,
        description="Purchases from which on a training customer has a vector of their own.",
    )
    all_items_up_to: int = Field(
        10_000,
        ge=0,
        description="Catalogue up to which a purchase is compared with all products, and beyond "
        "which with drawn ones.",
    )
    negatives: int = Field(1024, ge=1, description="Products drawn for a batch where they are.")
    popular_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Share of the draws made by popularity, the others uniformly; the loss is "
        "corrected for it.",
    )
    validation_users: int = Field(
        8000, ge=1, description="Customers that early stopping looks at, at most."
    )
    explained_customers: int = Field(
        500,
        ge=0,
        description="Customers on whom explanations are tested after training, at most; 0: none, "
        "and no explanation counts as tested.",
    )
    training: TrainingConfig = Field(
        TrainingConfig(
            epochs=40,
            batch_size=256,
            learning_rate=0.002,
            weight_decay=0.05,
            patience=4,
            averaging=0.98,
        ),
        description="The training loop; a row of a batch is a purchase.",
    )

    @field_validator("modalities")
    @classmethod
    def _something_to_tell_products_apart(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError(f"names a modality twice: {', '.join(value)}")
        if set(value) == {"time"}:
            raise ValueError("time alone tells no product from another: add ids, text or image")
        return value
