"""Settings of the eda pipeline."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator


class SpikeRule(BaseModel):
    """When a week of reviews counts as a spike.

    A week is a spike where ``(reviews - median) / scale`` reaches ``threshold``. The median is
    rolling and centred; the scale is the larger of 1.4826 times the rolling median absolute
    deviation and the square root of the median, the noise that independent purchases have anyway.
    """

    model_config = ConfigDict(extra="forbid")

    window_weeks: Annotated[
        int,
        Field(ge=3, le=105, description="Weeks in the rolling window; odd, so that it centres."),
    ]
    threshold: Annotated[float, Field(gt=0, description="Robust z-score from which a week counts.")]
    minimum_excess: Annotated[
        float,
        Field(ge=0, description="Reviews above the median that a spike has at least: thin data."),
    ]

    @field_validator("window_weeks")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"window_weeks must be odd to be centred, not {value}")
        return value


class EdaParameters(BaseModel):
    """Settings of the eda pipeline (``conf/base/parameters_eda.yml``)."""

    model_config = ConfigDict(extra="forbid")

    core_sizes: Annotated[
        list[Annotated[int, Field(ge=2, le=1000)]],
        Field(min_length=1, description="The k of the k-cores in the sparsity table, ascending."),
    ]
    core_max_iterations: Annotated[
        int,
        Field(
            ge=1, le=1000, description="Rounds of filtering per k; the table says if it stopped."
        ),
    ]
    categories_shown: Annotated[
        int, Field(ge=1, le=40, description="Categories drawn in figures; tables hold all.")
    ]
    spikes: SpikeRule
    seasonality_minimum_months: Annotated[
        int,
        Field(
            ge=24,
            le=120,
            description="Complete months from which growth is removed by a 12-month average.",
        ),
    ]

    @field_validator("core_sizes")
    @classmethod
    def _ascending(cls, value: list[int]) -> list[int]:
        if value != sorted(set(value)):
            raise ValueError(f"core_sizes must ascend without repeats, not {value}")
        return value
