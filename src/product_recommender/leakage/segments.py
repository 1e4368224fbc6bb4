"""The segmentation a second time: scaler, projection, centroids, and everybody's segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from product_recommender.interactions import NEW
from product_recommender.leakage.comparison import compare_tables, unknown_columns
from product_recommender.leakage.findings import Finding
from product_recommender.leakage.reviews import Cuts
from product_recommender.personas.settings import SegmentationParameters

RELATIVE = 1e-6
CENTROID_SHIFT = 1e-3
"""Squared way, in units of the points' mean variance, that a centroid may lie from the mean of its
customers. K-Means stops when all centroids together move by less than a tenth of that."""


def check_scaler_and_projection(
    customer_features: ibis.Table,
    segmentation_model: Mapping[str, Any],
    settings: SegmentationParameters,
) -> list[Finding]:
    """Fills, bounds, means, deviations and components follow from the training customers.

    Parameters
    ----------
    customer_features
        The dataset of that name, which has been compared with the training reviews.
    segmentation_model
        The dataset of that name.
    settings
        How features enter the space, and the variance that is kept.
    """
    wrong = []
    compared = 0
    columns = _columns(customer_features, list(settings.features))
    dropped = set(segmentation_model["space"]["dropped"])
    scales = segmentation_model["space"]["scales"]
    names = [scale["name"] for scale in scales]
    if set(names) | dropped != set(settings.features):
        wrong.append("its features are not those of segmentation.features")
    standardised = np.zeros((len(next(iter(columns.values()))), len(scales)))
    for place, scale in enumerate(scales):
        expected = _scale_of(columns[scale["name"]], settings, scale["name"])
        standardised[:, place] = expected.pop("values")
        compared += len(expected)
        wrong += [
            f"{key} of {scale['name']} is {scale[key]:.6g}, training customers give {value:.6g}"
            for key, value in expected.items()
            if not np.isclose(scale[key], value, rtol=RELATIVE, atol=RELATIVE)
        ]
    weights = np.array([settings.features[name].weight for name in names])
    found = np.array(segmentation_model["pca"]["components"], dtype=float).reshape(-1, len(names))
    compared += found.size
    wrong += _wrong_components(standardised * weights, found, segmentation_model["pca"])
    return [
        Finding(
            "scaler_or_pca",
            "segmentation_model",
            "fills, bounds, means, deviations and components from the training customers' features",
            compared,
            len(wrong),
            f"{'; '.join(wrong[:3])}{' ...' if len(wrong) > 3 else ''}." if wrong else "",
        )
    ]


def check_segments(
    reviews: ibis.Table,
    customer_features: ibis.Table,
    customer_segments: ibis.Table,
    segmentation_model: Mapping[str, Any],
    cuts: Cuts,
) -> list[Finding]:
    """Customers are where their training purchases put them, everybody else is ``New``.

    Parameters
    ----------
    reviews, customer_features, customer_segments, segmentation_model
        The datasets of those names.
    cuts
        The two days.
    """
    points = _points(customer_features, segmentation_model)
    centroids = np.array(segmentation_model["centroids"], dtype=float)
    centroids = centroids.reshape(len(segmentation_model["names"]), points.shape[1])
    distances = np.stack([((points - centre) ** 2).sum(axis=1) for centre in centroids], axis=1)
    nearest = distances.argmin(axis=1)
    shift = max(
        float(((points[nearest == number].mean(axis=0) - centre) ** 2).sum())
        for number, centre in enumerate(centroids)
        if (nearest == number).any()
    )
    spread = float(points.var(axis=0).mean()) if points.shape[1] else 0.0
    strayed = shift > CENTROID_SHIFT * spread + 1e-12
    ids = customer_features.select("customer_id").order_by("customer_id").to_pyarrow()
    cluster = pa.array(nearest.astype(np.int32))
    named = pa.DictionaryArray.from_arrays(cluster, pa.array(segmentation_model["names"]))
    known = {"customer_id": ids["customer_id"], "cluster": cluster}
    expected = ibis.memtable(pa.table(known | {"segment": named.cast(pa.string())}))
    everyone = reviews.select("customer_id").distinct()
    expected = everyone.left_join(expected, "customer_id").drop("customer_id_right")
    expected = expected.mutate(
        cluster=expected.cluster.fill_null(-1), segment=expected.segment.fill_null(NEW)
    )
    return [
        Finding(
            "segments",
            "segmentation_model",
            "each centroid with the mean of its training customers",
            len(centroids),
            int(strayed),
            f"A centroid lies {np.sqrt(shift):.3f} away from the mean of the training customers "
            "who are nearest to it: it was found on other customers."
            if strayed
            else "",
        ),
        *compare_tables(
            customer_segments,
            expected,
            ["customer_id"],
            {"cluster": "segments", "segment": "segments"},
            "segments",
            "customer_segments",
            "the nearest centroid to training features",
        ),
        unknown_columns(
            customer_segments,
            ("customer_id", "cluster", "segment", "distance", "margin"),
            "customer_segments",
            cuts.later(reviews),
        ),
    ]


def _columns(table: ibis.Table, names: list[str]) -> dict[str, np.ndarray]:
    """Features as float64 with NaN for null, ordered by customer."""
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise ValueError(
            f"customer_features lacks {', '.join(missing)}, which segmentation.features names: run "
            "kedro run --pipelines feature_engineering again."
        )
    read = table.order_by("customer_id").select(**{n: table[n].cast("float64") for n in names})
    arrow = read.to_pyarrow()
    return {name: arrow[name].to_numpy(zero_copy_only=False) for name in names}


def _scale_of(values: np.ndarray, settings: SegmentationParameters, name: str) -> dict[str, Any]:
    rule, quantile = settings.features[name], settings.winsorise_quantile
    known = values[np.isfinite(values)]
    fill = float(np.median(known)) if rule.missing == "median" else 0.0
    low, high = np.quantile(known, [quantile, 1 - quantile])
    prepared = _prepared(values, rule.transform, fill, low, high)
    mean, std = prepared.mean(), prepared.std()
    return {
        "fill": fill,
        "low": float(low),
        "high": float(high),
        "mean": float(mean),
        "std": float(std),
        "values": (prepared - mean) / std,
    }


def _prepared(
    values: np.ndarray, transform: str, fill: float, low: float, high: float
) -> np.ndarray:
    filled = np.clip(np.where(np.isfinite(values), values, fill), low, high)
    return np.log1p(np.maximum(filled, 0.0)) if transform == "log1p" else filled


def _wrong_components(
    weighted: np.ndarray, components: np.ndarray, pca: Mapping[str, Any]
) -> list[str]:
    """Components are eigenvectors of the training customers' covariance, with its shares."""
    if weighted.shape[1] == 0:
        return []
    covariance = weighted.T @ weighted / len(weighted)
    total = np.trace(covariance)
    variances = np.einsum("pf,fg,pg->p", components, covariance, components)
    residual = components @ covariance - variances[:, None] * components
    wrong = []
    if np.abs(residual).max(initial=0.0) > RELATIVE * total:
        wrong.append("the components are no principal components of the training customers")
    shares = np.array(pca["explained_variance"], dtype=float)
    if not np.allclose(variances / total, shares, rtol=0, atol=RELATIVE):
        wrong.append("the explained shares of variance are not those of the training customers")
    return wrong


def _points(customer_features: ibis.Table, model: Mapping[str, Any]) -> np.ndarray:
    scales = model["space"]["scales"]
    columns = _columns(customer_features, [s["name"] for s in scales] or ["purchase_count"])
    n = len(next(iter(columns.values())))
    weighted = np.zeros((n, len(scales)))
    for place, s in enumerate(scales):
        values = _prepared(columns[s["name"]], s["transform"], s["fill"], s["low"], s["high"])
        weighted[:, place] = (values - s["mean"]) / s["std"] * s["weight"]
    components = np.array(model["pca"]["components"], dtype=float)
    return weighted @ components.reshape(-1, len(scales)).T
