"""How customers are segmented: read by the step that does it and by the leakage check."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from product_recommender.interactions import NEW


class FeatureSetting(BaseModel):
    """How one column of ``customer_features`` enters the space of the clusters."""

    model_config = ConfigDict(extra="forbid")

    transform: Annotated[
        Literal["none", "log1p"], Field(description="log1p for heavy tails: counts, days, amounts.")
    ] = "none"
    missing: Annotated[
        Literal["median", "zero"], Field(description="What stands in for a null.")
    ] = "median"
    weight: Annotated[
        float, Field(gt=0, le=10, description="Factor on the standardised feature.")
    ] = 1.0


class SegmentationParameters(BaseModel):
    """Settings of the segmentation pipeline (``conf/base/parameters_segmentation.yml``)."""

    model_config = ConfigDict(extra="forbid")

    features: Annotated[
        dict[str, FeatureSetting],
        Field(min_length=1, description="Columns of customer_features that are clustered."),
    ]
    described_features: Annotated[
        list[str],
        Field(description="Further columns in the profiles that do not shape the clusters."),
    ]
    winsorise_quantile: Annotated[
        float, Field(ge=0, lt=0.25, description="Values beyond this quantile are pulled to it.")
    ]
    explained_variance: Annotated[
        float, Field(gt=0, le=1, description="Share of the variance that PCA keeps.")
    ]
    n_clusters: Annotated[
        int | Literal["silhouette", "elbow"],
        Field(description="A number, or the rule that chooses it from candidate_clusters."),
    ]
    candidate_clusters: Annotated[
        list[Annotated[int, Field(ge=2, le=20)]],
        Field(min_length=1, description="Numbers of clusters in the report, ascending."),
    ]
    seed: Annotated[int, Field(ge=0, lt=2**32, description="Of K-Means and of samples.")]
    n_init: Annotated[int, Field(ge=1, le=100, description="Starts of K-Means; the best is kept.")]
    minibatch_above: Annotated[
        int, Field(ge=1000, description="Customers from which mini-batches are used.")
    ]
    selection_sample: Annotated[
        int, Field(ge=100, description="Customers that see every candidate number.")
    ]
    silhouette_sample: Annotated[
        int, Field(ge=50, le=20000, description="Customers in the silhouette: it is quadratic.")
    ]
    stability_seeds: Annotated[
        list[Annotated[int, Field(ge=0, lt=2**32)]],
        Field(description="Other seeds whose clusters are compared with those of `seed`."),
    ]
    personas: Annotated[
        dict[str, dict[str, float]],
        Field(min_length=1, description="Prototypes: feature to standardised value."),
    ]
    weak_margin: Annotated[
        float, Field(ge=0, description="Margin under which a match is weak, standard deviations.")
    ]
    map_sample: Annotated[int, Field(ge=10, le=20000, description="Customers drawn on the map.")]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.candidate_clusters != sorted(set(self.candidate_clusters)):
            raise ValueError(
                f"candidate_clusters must ascend without repeats, not {self.candidate_clusters}"
            )
        if isinstance(self.n_clusters, int) and not 1 <= self.n_clusters <= 20:
            raise ValueError(f"n_clusters must be 1 to 20, not {self.n_clusters}")
        for name, prototype in self.personas.items():
            unknown = sorted(set(prototype) - set(self.features))
            if unknown or not prototype:
                raise ValueError(
                    f"personas: {name!r} refers to {unknown or 'no feature'}; a prototype needs "
                    f"features out of {sorted(self.features)}"
                )
        reserved = [name for name in self.personas if name == NEW or name.startswith("Segment ")]
        if reserved:
            raise ValueError(f"personas: {reserved} are names that the pipeline gives itself")
        return self
