"""Settings of the data_ingestion pipeline."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from product_recommender.ingestion import CATEGORIES


class DataIngestionParameters(BaseModel):
    """What to download."""

    model_config = ConfigDict(extra="forbid")

    categories: list[str] = Field(
        default=["Electronics", "Furniture", "Major_Appliances", "Personal_Care_Appliances"],
        min_length=1,
        description="Categories of the Amazon US data set; as text, with spaces between them.",
    )

    @field_validator("categories", mode="before")
    @classmethod
    def _split_text(cls, categories: object) -> object:
        # Kedro's --params takes no lists: a comma starts the next parameter.
        return categories.split() if isinstance(categories, str) else categories

    @field_validator("categories")
    @classmethod
    def _known_and_once(cls, categories: list[str]) -> list[str]:
        unknown = [name for name in categories if name not in CATEGORIES]
        if unknown:
            raise ValueError(
                f"unknown: {', '.join(unknown)}; the categories are {', '.join(CATEGORIES)}"
            )
        return list(dict.fromkeys(categories))
