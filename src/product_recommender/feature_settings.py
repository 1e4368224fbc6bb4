"""How features are made of training reviews: read by the step that makes them and by the check."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class FeatureEngineeringParameters(BaseModel):
    """Values are in ``conf/base/parameters_feature_engineering.yml``."""

    model_config = ConfigDict(extra="forbid")

    sentiment_processes: int | None = Field(
        None,
        ge=1,
        le=256,
        description="Worker processes that score texts; null: one for each core at hand.",
    )
    recent_days: int = Field(
        90,
        ge=1,
        description="Length in days of the window of `recent_popularity` and `trend`, ending with "
        "the last training day.",
    )
    trend_smoothing: float = Field(
        1.0,
        gt=0,
        description="Purchases added to both sides of the trend's ratio: the larger, the more "
        "purchases it takes to show a trend.",
    )
    star_prior_strength: float = Field(
        5.0,
        ge=0,
        description="Weight, in reviews, of the category's mean and variance when those of a "
        "product are shrunk towards them; 0: no shrinking.",
    )
