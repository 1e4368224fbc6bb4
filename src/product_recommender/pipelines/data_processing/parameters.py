"""Settings of data_processing; the values are in ``conf/base/parameters_data_processing.yml``."""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SplitParameters(BaseModel):
    """Where training ends, where validation ends, and how validation customers are divided."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train_share: float = Field(
        default=0.8, gt=0, lt=1, description="Share of the reviews, the earliest, that train."
    )
    validation_share: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="Share of the reviews after those; what is left is the test.",
    )
    train_until: date | None = Field(
        default=None, description="Last day of training, instead of `train_share`."
    )
    validation_until: date | None = Field(
        default=None, description="Last day of validation, instead of `validation_share`."
    )
    seed: int = Field(
        default=0,
        ge=0,
        description="Seeds the hash that puts validation customers into tune or blend.",
    )

    @model_validator(mode="after")
    def _parts_leave_room(self) -> Self:
        if self.train_share + self.validation_share >= 1:
            raise ValueError("train_share + validation_share must be below 1: the rest is the test")
        if (self.train_until is None) != (self.validation_until is None):
            raise ValueError("give both train_until and validation_until, or neither")
        if self.train_until and self.validation_until and self.train_until >= self.validation_until:
            raise ValueError("train_until must be before validation_until")
        return self


class DataProcessingParameters(BaseModel):
    """Settings of the data_processing pipeline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verified_only: bool = Field(
        default=False,
        description="Whether only verified reviews count as purchases; the others are rejected.",
    )
    first_year: int = Field(
        default=1994,
        ge=1,
        le=9999,
        description="Review dates before this year are rejected as invalid.",
    )
    last_year: int = Field(
        default=2035,
        ge=1,
        le=9999,
        description="Review dates after this year are rejected as invalid.",
    )
    split: SplitParameters = Field(default=SplitParameters(), description="The global time split.")

    @model_validator(mode="after")
    def _years_in_order(self) -> Self:
        if self.first_year > self.last_year:
            raise ValueError("first_year must not be after last_year")
        return self
