"""Settings of the propensity pipeline."""

from pydantic import Field

from product_recommender.propensity.settings import PropensitySettings


class PropensityParameters(PropensitySettings):
    """All settings of the pipeline `propensity` (``conf/base/parameters_propensity.yml``)."""

    n_resamples: int = Field(
        1000, ge=100, le=100_000, description="Bootstrap draws of customers for every interval."
    )
    level: float = Field(0.95, gt=0.5, lt=1, description="Coverage of the intervals.")
    bins: int = Field(
        10, ge=2, le=100, description="Bins of the calibration error and of the reliability figure."
    )
    max_interval_customers: int = Field(
        100_000,
        ge=1000,
        description="Customers that intervals are drawn from, at most; fewer make them wider.",
    )
