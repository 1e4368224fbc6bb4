"""Compare what answers the test with what training reviews give, and stop where they differ."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import ibis
import pandas as pd

from product_recommender.content.settings import ContentParameters
from product_recommender.feature_settings import FeatureEngineeringParameters
from product_recommender.leakage import content, features, models, segments
from product_recommender.leakage import reviews as primary
from product_recommender.leakage.findings import findings_table, refuse_leaks, summary
from product_recommender.model_inputs import interaction_arrays
from product_recommender.personas.settings import SegmentationParameters

logger = logging.getLogger(__name__)

Json = dict[str, Any]


def check_tables(
    data_quality_report: Json,
    reviews: ibis.Table,
    products: ibis.Table,
    text_sentiment: ibis.Table,
    review_sentiment: ibis.Table,
    customer_features: ibis.Table,
    product_features: ibis.Table,
    product_parent_features: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    interactions: ibis.Table,
    parameters: FeatureEngineeringParameters,
) -> pd.DataFrame:
    """Work out features, codes and interactions again from training reviews, and compare.

    Parameters
    ----------
    data_quality_report, reviews, products, text_sentiment, review_sentiment, customer_features, \
product_features, product_parent_features, customer_ids, product_ids, interactions
        The datasets of those names.
    parameters
        How features are made.

    Returns
    -------
    pandas.DataFrame
        Rows of `leakage_report`.
    """
    cuts = primary.Cuts.of(data_quality_report)
    by_key = {"product_id": product_features, "product_parent": product_parent_features}
    return findings_table(
        [
            *primary.check_split(reviews, cuts),
            *primary.check_codes(reviews, customer_ids, product_ids, cuts),
            *primary.check_interactions(interactions, reviews, customer_ids, product_ids, cuts),
            *features.check_sentiment(reviews, text_sentiment, review_sentiment, cuts),
            *features.check_customer_features(
                reviews, products, review_sentiment, customer_features, cuts
            ),
            *features.check_product_features(
                reviews, products, review_sentiment, by_key, cuts, parameters
            ),
        ]
    )


def check_segmentation(
    data_quality_report: Json,
    reviews: ibis.Table,
    customer_features: ibis.Table,
    segmentation_model: Json,
    customer_segments: ibis.Table,
    parameters: SegmentationParameters,
) -> pd.DataFrame:
    """Fit scaler and projection again on training customers, and assign everybody again.

    Parameters
    ----------
    data_quality_report, reviews, customer_features, segmentation_model, customer_segments
        The datasets of those names.
    parameters
        How the segmentation is made.

    Returns
    -------
    pandas.DataFrame
        Rows of `leakage_report`.
    """
    cuts = primary.Cuts.of(data_quality_report)
    return findings_table(
        [
            *segments.check_scaler_and_projection(
                customer_features, segmentation_model, parameters
            ),
            *segments.check_segments(
                reviews, customer_features, customer_segments, segmentation_model, cuts
            ),
        ]
    )


def check_content(
    data_quality_report: Json,
    reviews: ibis.Table,
    products: ibis.Table,
    product_texts: ibis.Table,
    text_embeddings: ibis.Table,
    product_images: ibis.Table,
    image_embeddings: ibis.Table,
    parameters: ContentParameters,
) -> pd.DataFrame:
    """Work out product texts again, and see that each vector is that of its text or image.

    Parameters
    ----------
    data_quality_report, reviews, products, product_texts, text_embeddings, product_images, \
image_embeddings
        The datasets of those names.
    parameters
        How texts are made.

    Returns
    -------
    pandas.DataFrame
        Rows of `leakage_report`.
    """
    cuts = primary.Cuts.of(data_quality_report)
    tables = (product_texts, text_embeddings, product_images, image_embeddings)
    return findings_table(content.check_content(reviews, products, *tables, cuts, parameters))


def check_models(
    data_quality_report: Json,
    reviews: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    interactions: ibis.Table,
    *configs_weights_recommendations: Any,
) -> pd.DataFrame:
    """Compare what each model has seen with the training part, and its lists with what was on sale.

    Parameters
    ----------
    data_quality_report, reviews, customer_ids, product_ids, interactions
        The datasets of those names.
    *configs_weights_recommendations
        ``<model>.config`` of every model, then ``<model>.weights`` and ``<model>.recommendations``
        in the same order, then the recommendations of `ensemble` and `ensemble_equal`.

    Returns
    -------
    pandas.DataFrame
        Rows of `leakage_report`.
    """
    configs, weights, lists = _divided(configs_weights_recommendations)
    names = [config["model"] for config in configs]
    arrays = interaction_arrays(interactions, customer_ids, product_ids)
    trained = models.KnownPurchases.until_training(arrays)
    refitted = models.KnownPurchases.until_validation(arrays)
    findings = []
    for name, config, state in zip(names, configs, weights, strict=True):
        findings += models.check_weights(name, state, config, trained, refitted)
    tables = dict(zip([*names, "ensemble", "ensemble_equal"], lists, strict=True))
    findings += models.check_lists(tables, reviews, primary.Cuts.of(data_quality_report))
    return findings_table(findings)


def join_findings(
    tables: pd.DataFrame,
    segmentation: pd.DataFrame,
    of_content: pd.DataFrame,
    of_models: pd.DataFrame,
) -> pd.DataFrame:
    """Gather all comparisons: what was compared, how many rows, with what outcome.

    Parameters
    ----------
    tables, segmentation, of_content, of_models
        Rows of the four checks.

    Returns
    -------
    pandas.DataFrame
        The dataset `leakage_report`, leaks first. It is saved whatever it says.
    """
    report = pd.concat([tables, segmentation, of_content, of_models], ignore_index=True)
    report = report.sort_values(
        "outcome", key=lambda outcome: outcome == "clean", kind="stable", ignore_index=True
    )
    told = summary(report)
    logger.info(
        "Leakage check: %s; %d comparisons of %s rows for %d kinds of leak.",
        told["outcome"],
        told["comparisons"],
        f"{told['rows']:,}",
        told["leaks_looked_for"],
    )
    return report


def stop_at_leaks(leakage_report: pd.DataFrame) -> None:
    """Fail the run if the report is not clean.

    Parameters
    ----------
    leakage_report
        The dataset of that name.

    Raises
    ------
    LeakageError
        Naming each leak, where it is, and the way out.
    """
    refuse_leaks(leakage_report)


def _divided(inputs: Sequence[Any]) -> tuple[list[Json], list[Any], list[Any]]:
    """Configs, weights, and lists, of which there are two more."""
    n = (len(inputs) - 2) // 3
    return list(inputs[:n]), list(inputs[n : 2 * n]), list(inputs[2 * n :])
