"""The pipelines that ``kedro run`` knows by name.

The registry is explicit on purpose: with ``find_pipelines()`` composite names fail, and sums of
pipelines in the registry break partial runs (docs/decisions/0002).
"""

from kedro.pipeline import Pipeline

from product_recommender.pipelines import (
    content,
    data_ingestion,
    data_processing,
    eda,
    ensemble,
    evaluation,
    feature_engineering,
    leakage_check,
    modeling,
    propensity,
    related_products,
    reporting,
    segmentation,
    synthetic_data,
)

SOURCES = ("synthetic_data", "data_ingestion")

MAIN_PIPELINES = (
    "data_processing",
    "eda",
    "feature_engineering",
    "content",
    "segmentation",
    "modeling",
    "ensemble",
    "propensity",
    "related_products",
    "leakage_check",
    "evaluation",
    "reporting",
)


def register_pipelines() -> dict[str, Pipeline]:
    """Map every pipeline name to its pipeline; ``__default__`` is the main job without the sources.

    Returns
    -------
    dict[str, Pipeline]
        The two sources (``synthetic_data``, ``data_ingestion``), the main pipelines, and
        ``__default__``, their sum.
    """
    pipelines = {
        "synthetic_data": synthetic_data.create_pipeline(),
        "data_ingestion": data_ingestion.create_pipeline(),
        "data_processing": data_processing.create_pipeline(),
        "eda": eda.create_pipeline(),
        "feature_engineering": feature_engineering.create_pipeline(),
        "content": content.create_pipeline(),
        "segmentation": segmentation.create_pipeline(),
        "modeling": modeling.create_pipeline(),
        "ensemble": ensemble.create_pipeline(),
        "propensity": propensity.create_pipeline(),
        "related_products": related_products.create_pipeline(),
        "leakage_check": leakage_check.create_pipeline(),
        "evaluation": evaluation.create_pipeline(),
        "reporting": reporting.create_pipeline(),
    }
    pipelines["__default__"] = sum((pipelines[name] for name in MAIN_PIPELINES), start=Pipeline([]))
    return pipelines
