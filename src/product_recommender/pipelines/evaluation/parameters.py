"""Settings of the evaluation."""

from pydantic import BaseModel, ConfigDict, Field


class EvaluationParameters(BaseModel):
    """All settings of the pipeline `evaluation`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    list_length: int = Field(
        10, ge=1, le=1000, description="The k of precision@k and the others; lists must be as long."
    )
    n_resamples: int = Field(
        1000, ge=100, le=100_000, description="Bootstrap draws of customers for every interval."
    )
    level: float = Field(0.95, gt=0.5, lt=1, description="Coverage of the intervals.")
    seed: int = Field(0, ge=0, description="Seeds the bootstrap.")
