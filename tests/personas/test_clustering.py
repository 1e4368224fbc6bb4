"""PCA, K-Means, the choice of k, stability, and placing customers."""

import json

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

from product_recommender.personas import clustering
from product_recommender.personas.features import FeatureRule, FeatureSpace


def blobs(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = np.array([[0, 0, 0], [8, 0, 0], [0, 8, 0], [0, 0, 8]], dtype=float)
    labels = np.arange(n) % 4
    points = centres[labels] + rng.normal(size=(n, 3))
    return points - points.mean(axis=0), labels


def test_projection_equals_scikit_learns() -> None:
    points = blobs()[0] * [1.0, 2.0, 3.0]
    ours = clustering.fit_projection(points, 1.0)
    theirs = PCA().fit(points)
    np.testing.assert_allclose(ours.explained, theirs.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(np.abs(ours.transform(points)), np.abs(theirs.transform(points)))


def test_projection_keeps_the_fewest_components_that_reach_the_share() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(5000, 3)) * [3.0, 1.0, 0.1]
    shares = clustering.fit_projection(points, 1.0).explained
    assert len(clustering.fit_projection(points, 0.5).explained) == 1
    assert len(clustering.fit_projection(points, float(shares[:2].sum())).explained) == 2
    assert len(clustering.fit_projection(points, 0.9999999).explained) == 3


@pytest.mark.parametrize("minibatch_above", [10_000, 100])
def test_separate_groups_are_found(minibatch_above: int) -> None:
    points, truth = blobs()
    fitted = clustering.fit_clusters(points, 4, 3, 5, minibatch_above)
    assert adjusted_rand_score(truth, fitted.labels) > 0.99
    assert len(fitted.centroids) == 4


def test_no_more_clusters_than_distinct_points() -> None:
    points = np.repeat([[0.0, 0.0], [1.0, 1.0]], 10, axis=0)
    fitted = clustering.fit_clusters(points, 4, 0, 3, 10_000)
    assert len(fitted.centroids) == 2
    assert fitted.inertia == pytest.approx(0)


@pytest.mark.parametrize("shape", [(1, 2), (5, 0)])
def test_one_customer_or_no_feature_gives_one_cluster(shape: tuple[int, int]) -> None:
    fitted = clustering.fit_clusters(np.zeros(shape), 4, 0, 3, 10_000)
    assert fitted.centroids.shape == (1, shape[1])
    assert set(fitted.labels) == {0}


def test_distinct_points_are_counted_only_as_far_as_needed() -> None:
    points = np.array([[0.0], [1.0], [1.0], [2.0]])
    assert clustering.count_distinct(points, 10) == 3
    assert clustering.count_distinct(points, 2) == 2


def test_the_silhouette_finds_four_groups_and_the_elbow_too() -> None:
    points, _ = blobs()
    rows = clustering.compare_cluster_numbers(points, [2, 3, 4, 5, 6, 7], 0, 5, 10_000, 200)
    assert [row["k"] for row in rows] == [2, 3, 4, 5, 6, 7]
    assert max(rows, key=lambda row: row["silhouette"])["k"] == 4
    assert clustering.elbow(rows) == 4
    inertia = [row["inertia"] for row in rows]
    assert inertia == sorted(inertia, reverse=True)


def test_candidates_beyond_the_distinct_points_are_left_out() -> None:
    points = np.array([[0.0], [1.0], [2.0]])
    rows = clustering.compare_cluster_numbers(points, [2, 3, 4], 0, 2, 100, 100)
    assert [row["k"] for row in rows] == [2, 3]
    assert rows[1]["silhouette"] is None  # as many clusters as points: not defined
    assert clustering.elbow(rows) is None


def test_stability_is_one_for_clear_groups_and_low_for_noise() -> None:
    points, _ = blobs()
    labels = clustering.fit_clusters(points, 4, 0, 5, 10_000).labels
    clear = clustering.stability(points, labels, 4, [1, 2], 5, 10_000)
    assert clear["lowest"] == pytest.approx(1.0)
    noise = np.random.default_rng(0).normal(size=(400, 6))
    labels = clustering.fit_clusters(noise, 4, 0, 1, 10_000).labels
    assert clustering.stability(noise, labels, 4, [1, 2, 3], 1, 10_000)["mean"] < 0.8


def test_nearest_by_hand() -> None:
    labels, distance, margin = clustering.nearest(
        np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [3.0, 0.0]])
    )
    assert labels.tolist() == [0, 1]
    np.testing.assert_allclose(distance, [1.0, 4.0])
    np.testing.assert_allclose(margin, [2.0, np.sqrt(18) - 4])


def test_one_cluster_has_no_margin() -> None:
    _, distance, margin = clustering.nearest(np.array([[3.0, 4.0]]), np.zeros((1, 2)))
    assert distance.tolist() == [5.0]
    assert np.isnan(margin).all()


@pytest.mark.parametrize("constant", [False, True])
def test_a_model_answers_the_same_after_json(constant: bool) -> None:
    values = np.ones(50) if constant else np.arange(50.0)
    columns = {"x": values, "y": np.ones(50) if constant else values**2}
    rules = {"x": FeatureRule("log1p", weight=2.0), "y": FeatureRule()}
    space = FeatureSpace.fit(columns, rules, 0.01)
    weighted = space.transform(columns) * space.weights
    projection = clustering.fit_projection(weighted, 0.9)
    fitted = clustering.fit_clusters(projection.transform(weighted), 2, 0, 3, 1000)
    names = tuple("AB"[: len(fitted.centroids)])
    model = clustering.SegmentationModel(space, projection, fitted.centroids, names)
    again = clustering.SegmentationModel.from_state(json.loads(json.dumps(model.to_state())))
    for before, after in zip(model.assign(columns), again.assign(columns), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(model.assign(columns)[0], fitted.labels)
