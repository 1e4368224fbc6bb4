"""The steps of the segmentation pipeline."""

from __future__ import annotations

import logging
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from product_recommender.figures import segments as figures
from product_recommender.figures.theme import data_subtitle
from product_recommender.interactions import NEW
from product_recommender.personas import clustering, naming
from product_recommender.personas.features import FeatureRule, FeatureSpace
from product_recommender.personas.profiles import NEW_CLUSTER, profile_segments
from product_recommender.pipelines.segmentation.parameters import SegmentationParameters

logger = logging.getLogger(__name__)


def fit_segmentation(
    customer_features: ibis.Table, parameters: SegmentationParameters
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Standardise, project, cluster and name the customers of the training period.

    Parameters
    ----------
    customer_features
        One row per customer with a training review.
    parameters
        Settings.

    Returns
    -------
    tuple
        ``segmentation_model`` and ``segmentation_report``.

    Raises
    ------
    ValueError
        If there is no customer at all, or a listed feature is not a column.
    """
    columns = _read_columns(customer_features, list(parameters.features))
    n = len(next(iter(columns.values())))
    if n == 0:
        raise ValueError(
            "customer_features has no rows: no review lies in the training period. Give more "
            "reviews, or another split in parameters_data_processing.yml."
        )
    rules = {
        name: FeatureRule(setting.transform, setting.missing, setting.weight)
        for name, setting in parameters.features.items()
    }
    space = FeatureSpace.fit(columns, rules, parameters.winsorise_quantile)
    for name, reason in space.dropped.items():
        logger.info("Feature %s is left out of the segmentation: %s.", name, reason)
    standardised = space.transform(columns)
    weighted = standardised * space.weights
    projection = clustering.fit_projection(weighted, parameters.explained_variance)
    points = projection.transform(weighted)
    selection = _choose_number(points, parameters)
    k = selection["chosen_k"]
    fitted = clustering.fit_clusters(
        points, k, parameters.seed, parameters.n_init, parameters.minibatch_above
    )
    if len(fitted.centroids) < selection["wanted_k"]:
        logger.warning(
            "%d customers differ in only %d ways: %d instead of %d clusters.",
            n,
            len(fitted.centroids),
            len(fitted.centroids),
            selection["wanted_k"],
        )
    matches, model, sizes = _name(standardised, space, projection, fitted, parameters)
    report = {
        "customers": n,
        **selection,
        "clusters": len(fitted.centroids),
        "naming": [
            {
                "cluster": number,
                "segment": match.name,
                "customers": sizes[match.cluster],
                "distance": match.distance,
                "margin": match.margin,
                "runner_up": match.runner_up,
                "weak_match": match.weak,
            }
            for number, match in enumerate(matches)
        ],
        "weak_margin": parameters.weak_margin,
        "weak_matches": [match.name for match in matches if match.weak],
        "stability": clustering.stability(
            points,
            fitted.labels,
            k,
            parameters.stability_seeds,
            parameters.n_init,
            parameters.minibatch_above,
        ),
        "explained_variance": projection.explained.tolist(),
        "features": list(space.names),
        "features_left_out": space.dropped,
        "missing_share": {
            name: float(np.mean(~np.isfinite(values))) for name, values in columns.items()
        },
        "seed": parameters.seed,
    }
    _log_report(report)
    return model.to_state(), report


def _read_columns(table: ibis.Table, names: list[str]) -> dict[str, np.ndarray]:
    """The features as float arrays with NaN for null, rows ordered by customer."""
    missing = sorted(set(names) - set(table.columns))
    if missing:
        raise ValueError(
            f"segmentation.features names {missing}, which customer_features does not have; "
            f"take them out of parameters_segmentation.yml or run feature_engineering again"
        )
    # The order of rows in a parquet file is not promised, and K-Means' starts depend on it.
    ordered = table.order_by("customer_id").select(
        **{name: table[name].cast("float64") for name in names}
    )
    arrow = ordered.to_pyarrow()
    return {name: arrow.column(name).to_numpy(zero_copy_only=False) for name in names}


def _choose_number(points: np.ndarray, parameters: SegmentationParameters) -> dict[str, Any]:
    """Compare numbers of clusters; take the fixed one or the one that the rule names."""
    rows = clustering.compare_cluster_numbers(
        points,
        parameters.candidate_clusters,
        parameters.seed,
        parameters.n_init,
        parameters.selection_sample,
        parameters.silhouette_sample,
    )
    judged = [row for row in rows if row["silhouette"] is not None]
    by_silhouette = max(judged, key=lambda row: row["silhouette"] or 0)["k"] if judged else None
    by_elbow = clustering.elbow(rows)
    rule = parameters.n_clusters
    wanted = {"silhouette": by_silhouette, "elbow": by_elbow}.get(str(rule), rule) or 1
    chosen = clustering.count_distinct(points, int(wanted))
    return {
        "candidates": rows,
        "elbow_k": by_elbow,
        "silhouette_k": by_silhouette,
        "rule": rule if isinstance(rule, str) else "fixed",
        "wanted_k": int(wanted),
        "chosen_k": chosen,
    }


def _name(
    standardised: np.ndarray,
    space: FeatureSpace,
    projection: clustering.Projection,
    fitted: clustering.Clusters,
    parameters: SegmentationParameters,
) -> tuple[list[naming.Match], clustering.SegmentationModel, list[int]]:
    """Match personas to the mean customer of each cluster and order the clusters by name."""
    k = len(fitted.centroids)
    sizes = np.bincount(fitted.labels, minlength=k)
    means = np.array([standardised[fitted.labels == c].mean(axis=0) for c in range(k)])
    matches = naming.name_clusters(
        means.reshape(k, len(space.names)),
        sizes.tolist(),
        space.names,
        parameters.personas,
        parameters.weak_margin,
    )
    order = [match.cluster for match in matches]
    model = clustering.SegmentationModel(
        space, projection, fitted.centroids[order], tuple(match.name for match in matches)
    )
    return matches, model, sizes.tolist()


def _log_report(report: dict[str, Any]) -> None:
    for row in report["naming"]:
        if row["distance"] is None:
            logger.info("%s: %d customers, no persona left.", row["segment"], row["customers"])
            continue
        margin = "no alternative" if row["margin"] is None else f"margin {row['margin']:.2f}"
        logger.info(
            "%s: %d customers, distance %.2f, %s over %s%s",
            row["segment"],
            row["customers"],
            row["distance"],
            margin,
            row["runner_up"] or "no persona",
            " - weak match" if row["weak_match"] else "",
        )
    mean = report["stability"]["mean"]
    if mean is not None:
        logger.info(
            "Stability: adjusted Rand %.2f on average over %d other seeds.",
            mean,
            len(report["stability"]["seeds"]),
        )


def assign_segments(
    customer_features: ibis.Table, customer_ids: ibis.Table, segmentation_model: dict[str, Any]
) -> pa.Table:
    """Give every customer a segment; those without a training review are ``New``.

    Parameters
    ----------
    customer_features
        One row per customer with a training review.
    customer_ids
        Every customer.
    segmentation_model
        As fitted.

    Returns
    -------
    pyarrow.Table
        ``customer_segments``, ordered by customer code.

    Raises
    ------
    ValueError
        If a customer has features but no code: the two tables are of different runs.
    """
    model = clustering.SegmentationModel.from_state(segmentation_model)
    known = customer_features.select("customer_id").order_by("customer_id").to_pandas()
    names = [scale.name for scale in model.space.scales]
    # Without any varying feature one column is still needed: its length is the answer's length.
    columns = _read_columns(customer_features, names or ["purchase_count"])
    cluster, distance, margin = model.assign(columns)
    known["cluster"], known["distance"], known["margin"] = cluster, distance, margin
    known["segment"] = np.array(model.names, dtype=object)[cluster]
    everyone = customer_ids.select("customer_id", "user").order_by("user").to_pandas()
    result = everyone.merge(known, on="customer_id", how="left", validate="one_to_one")
    if int(result["cluster"].notna().sum()) != len(known):
        raise ValueError(
            f"customer_features holds {len(known)} customers, of whom "
            f"{int(result['cluster'].notna().sum())} are in customer_ids; run the pipeline "
            "feature_engineering again"
        )
    result["cluster"] = result["cluster"].fillna(NEW_CLUSTER).astype("int32")
    result["segment"] = result["segment"].fillna(NEW)
    return pa.table(
        {
            "customer_id": pa.array(result["customer_id"], pa.string(), from_pandas=True),
            "cluster": pa.array(result["cluster"], pa.int32()),
            "segment": pa.array(result["segment"], pa.string(), from_pandas=True),
            "distance": pa.array(result["distance"], pa.float64(), from_pandas=True),
            "margin": pa.array(result["margin"], pa.float64(), from_pandas=True),
        }
    )


def describe_segments(
    customer_segments: ibis.Table,
    customer_features: ibis.Table,
    customers: ibis.Table,
    parameters: SegmentationParameters,
) -> pd.DataFrame:
    """Count the segments and average their features, in the features' own units.

    Parameters
    ----------
    customer_segments, customer_features, customers
        ``customers`` may be empty.
    parameters
        Settings: which features are described.

    Returns
    -------
    pandas.DataFrame
        ``segment_profiles``.
    """
    wanted = [*parameters.features, *parameters.described_features]
    described = [name for name in dict.fromkeys(wanted) if name in customer_features.columns]
    attributes = [name for name in ("customer_id", "is_prime") if name in customers.columns]
    return profile_segments(
        customer_segments.select("customer_id", "cluster", "segment").to_pandas(),
        customer_features.select("customer_id", *described).to_pandas(),
        customers.select(*attributes).to_pandas(),
        described,
    )


def draw_segmentation(
    customer_features: ibis.Table,
    segment_profiles: pd.DataFrame,
    segmentation_model: dict[str, Any],
    segmentation_report: dict[str, Any],
    data_quality_report: dict[str, Any],
    parameters: SegmentationParameters,
) -> tuple[Any, Any, Any]:
    """Draw the profiles, the choice of the number of clusters, and the map of customers.

    Returns
    -------
    tuple
        Three plotly figures.
    """
    model = clustering.SegmentationModel.from_state(segmentation_model)
    columns = _read_columns(customer_features, list(model.space.names) or ["purchase_count"])
    standardised = model.space.transform(columns)
    placed = model.projection.transform(standardised * model.space.weights)
    cluster, _, _ = clustering.nearest(placed, model.centroids)
    deviations = pd.DataFrame(
        [standardised[cluster == number].mean(axis=0) for number in range(len(model.names))],
        index=list(model.names),
        columns=list(model.space.names),
    )
    subtitle = data_subtitle(data_quality_report)
    weak = segmentation_report["weak_matches"]
    profiles = figures.profiles_figure(segment_profiles, deviations, weak, subtitle)
    selection = figures.selection_figure(segmentation_report, subtitle)
    rng = np.random.default_rng(parameters.seed)
    sample = np.sort(
        rng.choice(len(placed), min(parameters.map_sample, len(placed)), replace=False)
    )
    axes, points = _map_axes(model, placed[sample])
    words = f"{subtitle} · {len(sample):,} of {len(placed):,} customers"
    drawn = [model.names[number] for number in cluster[sample]]
    return profiles, selection, figures.map_figure(points, drawn, model.names, axes, words)


def _map_axes(
    model: clustering.SegmentationModel, placed: np.ndarray
) -> tuple[list[str], np.ndarray]:
    """Titles and coordinates of the first two components; zeros where there are fewer."""
    axes, points = ["one value only", "one value only"], np.zeros((len(placed), 2))
    for number in range(min(2, len(model.projection.explained))):
        points[:, number] = placed[:, number]
        axes[number] = figures.axis_title(
            number + 1,
            float(model.projection.explained[number]),
            model.projection.components[number],
            model.space.names,
        )
    return axes, points
