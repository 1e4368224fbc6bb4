"""Settings of the ensemble."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from product_recommender.recommenders.registry import MODELS


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
    conditional_members: tuple[str, ...] = Field(
        (),
        description="Models that enter a blend only where they are shown to help on blend: with "
        "the paired interval of the difference in NDCG above zero (of stars: in RMSE below it). "
        "Tried in this order.",
    )
    n_resamples: int = Field(
        1000, ge=100, le=100_000, description="Bootstrap draws of customers for that interval."
    )
    level: float = Field(0.95, gt=0.5, lt=1, description="Coverage of that interval.")
    rating: RatingBlendParameters = Field(description="The blend of stars.")
    purchase: PurchaseBlendParameters = Field(description="The blend of rankings.")

    @field_validator("conditional_members")
    @classmethod
    def _are_models(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in MODELS or name == "random"]
        if unknown or len(set(names)) < len(names):
            raise ValueError(
                f"conditional_members must name each model once, and none but members: {names}; "
                f"known: {', '.join(name for name in MODELS if name != 'random')}"
            )
        return names
