"""Settings that all models share; each model's own settings are its ``Config`` class."""

from pydantic import BaseModel, ConfigDict, Field


class ModelingSettings(BaseModel):
    """How models are trained and asked, the same for all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(0, ge=0, description="Seed of every model: weights, sampling, order of ties.")
    trials: int = Field(
        0,
        ge=0,
        description="Tuning budget for each model on the tune customers; 0 uses the stored values.",
    )
    list_length: int = Field(10, ge=1, le=1000, description="Products in an evaluated list.")
    refit_on_validation: bool = Field(
        False,
        description="Train again on training and validation purchases before the test is answered.",
    )
