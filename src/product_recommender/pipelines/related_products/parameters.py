"""Settings of the related_products pipeline."""

from pydantic import Field

from product_recommender.related.settings import RelatedSettings


class RelatedProductsParameters(RelatedSettings):
    """All settings of the pipeline (``conf/base/parameters_related_products.yml``)."""

    n_resamples: int = Field(
        1000, ge=100, le=100_000, description="Bootstrap draws of customers for every interval."
    )
    level: float = Field(0.95, gt=0.5, lt=1, description="Coverage of the intervals.")
    seed: int = Field(0, ge=0, lt=2**32, description="Seeds the draws.")
