"""How chances of a purchase are learnt."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Candidate = Literal["splines", "trees", "splines_and_trees"]


class SplineSettings(BaseModel):
    """Settings of the logistic regression with one curve for each feature."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    knots: int = Field(6, ge=2, le=50, description="Points of each curve, at quantiles, at most.")
    l2: float = Field(1.0, gt=0, le=1e8, description="Pull of the curves towards flat.")


class TreeSettings(BaseModel):
    """Settings of the gradient boosted trees."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trees: int = Field(80, ge=1, le=2000, description="Number of trees.")
    learning_rate: float = Field(0.1, gt=0, le=1, description="Share of each tree that is added.")
    leaves: int = Field(12, ge=2, le=256, description="Leaves of a tree, at most.")
    min_rows: int = Field(100, ge=1, description="Rows in a leaf, at least.")
    l2: float = Field(5.0, ge=0, description="Pull of the leaves towards zero.")


class PropensitySettings(BaseModel):
    """What is asked, what is learnt from, and with which models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    period_days: int = Field(
        30, ge=1, le=366, description="Length of the period that the chance speaks of, in days."
    )
    training_periods: int = Field(
        12, ge=1, le=120, description="Past periods to learn from, at most, the latest ones."
    )
    negatives_per_period: int = Field(
        6000,
        ge=100,
        le=10_000_000,
        description="Customers with a category they did not buy in, drawn for each past period.",
    )
    min_purchases: int = Field(
        40,
        ge=1,
        description="Purchases to learn or calibrate from, at least; below, everybody in a "
        "category gets its share of buyers.",
    )
    candidates: list[Candidate] = Field(
        ["splines", "trees", "splines_and_trees"],
        min_length=1,
        description="Models that are tried; the one with the lowest log loss on `blend` answers.",
    )
    splines: SplineSettings = SplineSettings()
    trees: TreeSettings = TreeSettings()
    seed: int = Field(0, ge=0, lt=2**32, description="Seeds the drawing of rows and customers.")
