"""Builders draw what the tables say, also for the smallest tables."""

import numpy as np
import pandas as pd
import pytest

from product_recommender.figures import activity, opinions, segments, timeline


def test_lorenz_curve_by_hand() -> None:
    # Three customers with 1 review, one with 3: half of 6 reviews by a quarter of the customers.
    x, y, gini = activity.lorenz_curve(np.array([3, 1]), np.array([1, 3]))
    assert x.tolist() == [0, 0.75, 1]
    assert y.tolist() == [0, 0.5, 1]
    assert gini == pytest.approx(0.25)


def test_equal_activity_has_gini_zero() -> None:
    _, _, gini = activity.lorenz_curve(np.array([4]), np.array([9]))
    assert gini == 0


def test_activity_figure_counts_those_without_reviews() -> None:
    table = pd.DataFrame({"reviews_each": [0, 1, 5], "products": [2, 6, 2]})
    figure = activity.activity_figure(table, "product", "data")
    assert list(figure.data[0].x) == [1, 5]  # zero has no place on a log axis
    texts = [annotation.text for annotation in figure.layout.annotations]
    assert any("60% of 10" in text and "2 have none" in text for text in texts)


def test_sparsity_figure_marks_what_did_not_settle() -> None:
    table = pd.DataFrame(
        {
            "filter": ["no filter", "2-core"],
            "customers": [4, 0],
            "products": [2, 0],
            "reviews": [5, 0],
            "density": [0.625, None],
            "converged": [True, False],
        }
    )
    figure = activity.sparsity_figure(table, "data")
    assert "stopped before the core was stable" in figure.layout.title.text
    assert "empty" in figure.layout.yaxis.ticktext[1]
    assert [trace.x for trace in figure.data] == [(1.0, 0.0)] * 3


def test_categories_figure_says_how_many_are_not_drawn() -> None:
    table = pd.DataFrame(
        {
            "product_category": ["<b>A</b>", "B", "C"],
            "reviews": [3, 2, 1],
            "customers": [3, 2, 1],
            "products": [1, 1, 1],
        }
    )
    figure = activity.categories_figure(table, 2, "data")
    assert figure.layout.yaxis.ticktext == ("&lt;b&gt;A&lt;/b&gt;", "B")
    assert "largest 2 of 3" in figure.layout.title.text


def test_stars_figure_states_the_mean() -> None:
    table = pd.DataFrame(
        {
            "product_category": ["all"] * 5 + ["A"] * 5,
            "star_rating": [1, 2, 3, 4, 5] * 2,
            "reviews": [1, 0, 0, 0, 3] * 2,
            "share": [0.25, 0, 0, 0, 0.75] * 2,
        }
    )
    figure = opinions.stars_figure(table, 5, "data")
    assert "4.00 on average" in figure.layout.title.text
    assert [trace.x for trace in figure.data] == [(0.25,), (0.0,), (0.0,), (0.0,), (0.75,)]


def test_only_spikes_apart_are_labelled() -> None:
    weeks = pd.date_range("2014-01-06", periods=40, freq="7D").strftime("%Y-%m-%d")
    table = pd.DataFrame({"week": weeks, "reviews": 10, "rolling_median": 10.0, "robust_z": 0.0})
    table["is_spike"] = False
    table.loc[[10, 11, 30], ["reviews", "is_spike"]] = [[90, True], [80, True], [70, True]]
    figure = timeline.purchases_figure(table, {}, "rule", "data")
    assert "3 spikes" in figure.layout.title.text
    labels = [annotation.text for annotation in figure.layout.annotations]
    assert labels == ["17 Mar 2014", "04 Aug 2014"]


def test_split_is_drawn_only_inside_the_span() -> None:
    table = pd.DataFrame(
        {
            "week": ["2014-01-06", "2014-01-13", "2014-01-20"],
            "reviews": [1, 2, 3],
            "rolling_median": [None, 2.0, None],
            "robust_z": [None, 0.0, None],
            "is_spike": [False] * 3,
        }
    )
    split = {"train_until": "2014-01-15", "validation_until": "2015-01-01"}
    figure = timeline.purchases_figure(table, split, "rule", "data")
    assert [shape.x0 for shape in figure.layout.shapes] == ["2014-01-15"]


def test_profile_grid_shows_means_and_weak_matches() -> None:
    profiles = pd.DataFrame(
        {
            "cluster": [0, 1, -1],
            "segment": ["Fans", "Critics", "New"],
            "customers": [6, 2, 2],
            "star_mean_mean": [4.5, 1.25, np.nan],
        }
    )
    deviations = pd.DataFrame({"star_mean": [0.5, -1.5]}, index=["Fans", "Critics"])
    figure = segments.profiles_figure(profiles, deviations, ["Critics"], "data")
    assert [a.text for a in figure.layout.annotations] == ["4.50", "1.25"]
    assert "6 (60%)" in figure.layout.xaxis.ticktext[0]
    assert figure.layout.xaxis.ticktext[1].endswith("weak match")
    assert "2 new customers (20%)" in figure.layout.title.text


def test_selection_figure_without_candidates_says_so() -> None:
    report = {"candidates": [], "chosen_k": 1, "elbow_k": None, "silhouette_k": None}
    figure = segments.selection_figure(report, "data")
    assert all("too few" in annotation.text for annotation in figure.layout.annotations)


def test_segment_colours_do_not_depend_on_new() -> None:
    with_new = segments.segment_colours(["New", "A", "B"])
    assert with_new["A"] == segments.segment_colours(["A", "B"])["A"]
    assert with_new["A"] != with_new["B"] != with_new["New"]


@pytest.mark.parametrize(
    ("feature", "value", "text"),
    [
        ("verified_share", 0.875, "88%"),
        ("recency_days", 1234.4, "1,234"),
        ("star_mean", 4.256, "4.26"),
        ("value_sum", 12_345.6, "12.3k"),
        ("value_mean", None, "–"),
    ],
)
def test_values_are_written_in_their_unit(feature: str, value: float, text: str) -> None:
    assert segments.format_value(feature, value) == text


def test_axis_title_names_the_strongest_features() -> None:
    title = segments.axis_title(1, 0.5, np.array([0.1, -0.9, 0.4]), ["a_b", "star_mean", "x"])
    assert title == "component 1 (50%): ↓ mean stars, ↑ x"
