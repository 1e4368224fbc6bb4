"""Settings of the ensemble."""

from pydantic import BaseModel, ConfigDict, Field


class RatingBlendParameters(BaseModel):
    """How the stars of several models are blended."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_pairs: int = Field(
        50, ge=1, description="Segments with fewer blend ratings use everybody's weights."
    )
    shrinkage_pairs: float = Field(
        200.0,
        ge=0,
        description="How many ratings everybody's weights are worth in each segment; 0: none.",
    )


class PurchaseBlendParameters(BaseModel):
    """How the rankings of several models are blended."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_purchases: int = Field(
        30, ge=1, description="Segments with fewer blend purchases use everybody's weights."
    )
    shrinkage_purchases: float = Field(
        100.0,
        ge=0,
        description="How many purchases everybody's weights are worth in each segment; 0: none.",
    )
    negatives: int = Field(
        200,
        ge=1,
        le=100_000,
        description="Products drawn for each customer from all that were on sale.",
    )
    max_customers: int = Field(
        5000,
        ge=1,
        description="Customers asked, at most, of each half of validation and each kind (known "
        "and new); more are drawn from.",
    )


class EnsembleParameters(BaseModel):
    """All settings of the pipeline `ensemble`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(0, ge=0, description="Seeds folds, drawn products and the order of ties.")
    folds: int = Field(
        5, ge=2, le=50, description="Cross-fitting inside blend: parts that customers are cut into."
    )
    list_length: int = Field(10, ge=1, le=1000, description="Products in every list, served too.")
    rating: RatingBlendParameters = Field(description="The blend of stars.")
    purchase: PurchaseBlendParameters = Field(description="The blend of rankings.")
