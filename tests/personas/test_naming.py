"""Names: least total distance, each name once, whatever the order of the clusters."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product_recommender.personas.naming import name_clusters, persona_distances

PERSONAS = {"Low": {"x": -1.0}, "Mid": {"x": 0.0}, "High": {"x": 1.0}}


def names_by_cluster(matches: list) -> dict[int, str]:
    return {match.cluster: match.name for match in matches}


def test_distances_by_hand() -> None:
    costs = persona_distances(
        np.array([[3.0, 9.0], [0.0, 9.0]]), ["x", "other"], {"P": {"x": 0.0, "other": 5.0}}
    )
    np.testing.assert_allclose(costs[:, 0], [np.sqrt((9 + 16) / 2), np.sqrt(16 / 2)])


def test_features_that_were_dropped_do_not_count() -> None:
    costs = persona_distances(
        np.array([[3.0]]), ["x"], {"P": {"x": 1.0, "gone": 99.0}, "Q": {"gone": 1.0}}
    )
    assert costs.tolist() == [[2.0, 0.0]]


def test_the_total_decides_not_the_nearest() -> None:
    # Greedily, 0.1 takes Mid (0.1) and 0.4 is left with High (0.6) or Low (1.4).
    # In total: 0.1 to Low and 0.4 to Mid costs 1.5; 0.1 to Mid and 0.4 to High costs 0.7.
    matches = name_clusters(np.array([[0.1], [0.4]]), [5, 5], ["x"], PERSONAS, 0.2)
    assert names_by_cluster(matches) == {0: "Mid", 1: "High"}
    by_name = {match.name: match for match in matches}
    assert by_name["Mid"].distance == pytest.approx(0.1)
    # Without 0.1 as Mid: 0.1 as High and 0.4 as Mid, 0.9 + 0.4 = 1.3, grows by 0.6.
    assert by_name["Mid"].margin == pytest.approx(0.6)
    assert by_name["Mid"].runner_up == "High"
    # Without 0.4 as High: the same, grows by 0.6.
    assert by_name["High"].margin == pytest.approx(0.6)
    assert not by_name["High"].weak


def test_a_close_call_is_weak() -> None:
    match = name_clusters(np.array([[0.45]]), [5], ["x"], PERSONAS, 0.2)[0]
    assert match.name == "Mid"
    assert match.margin == pytest.approx(0.10)
    assert match.weak


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-2, 2, allow_nan=False), min_size=3, max_size=3, unique=True),
    st.permutations(range(3)),
)
def test_names_do_not_depend_on_the_order_of_clusters(values: list, order: list) -> None:
    centroids = np.array(values)[:, None]
    straight = name_clusters(centroids, [1, 1, 1], ["x"], PERSONAS, 0.0)
    shuffled = name_clusters(centroids[list(order)], [1, 1, 1], ["x"], PERSONAS, 0.0)
    total = sum(match.distance for match in straight)
    brute = min(
        sum(abs(v - p) for v, p in zip(values, permutation, strict=True))
        for permutation in itertools.permutations([-1.0, 0.0, 1.0])
    )
    assert total == pytest.approx(brute)
    assert sum(match.distance for match in shuffled) == pytest.approx(brute)
    assert [match.name for match in straight] == ["Low", "Mid", "High"]
    if min(match.margin for match in straight) > 1e-9:  # no tie: the assignment is unique
        again = {order[cluster]: name for cluster, name in names_by_cluster(shuffled).items()}
        assert again == names_by_cluster(straight)


def test_more_clusters_than_personas() -> None:
    centroids = np.array([[5.0], [-1.1], [0.1], [1.2], [-6.0]])
    matches = name_clusters(centroids, [7, 1, 1, 1, 9], ["x"], PERSONAS, 0.2)
    assert [match.name for match in matches] == ["Low", "Mid", "High", "Segment 4", "Segment 5"]
    assert [match.cluster for match in matches] == [1, 2, 3, 4, 0]  # the larger one first
    assert matches[3].distance is None
    assert matches[3].margin is None


def test_fewer_clusters_than_personas_take_the_closest_names() -> None:
    matches = name_clusters(np.array([[0.9], [-1.2]]), [1, 1], ["x"], PERSONAS, 0.0)
    assert [(match.name, match.cluster) for match in matches] == [("Low", 1), ("High", 0)]


def test_one_cluster_and_one_persona_have_no_alternative() -> None:
    match = name_clusters(np.array([[9.0]]), [1], ["x"], {"Only": {"x": 0.0}}, 0.5)[0]
    assert (match.name, match.margin, match.weak) == ("Only", None, False)
