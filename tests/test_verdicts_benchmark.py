"""Named pairs, compared on made-up customers whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from benchmarks.evaluate import verdict_inputs, verdict_notes
from benchmarks.verdicts import (
    BEST_SINGLE,
    DEEP,
    QUESTIONS,
    segment_note,
    verdict_lines,
    verdicts,
    with_slices,
)

CUSTOMERS = [f"c{number:03}" for number in range(200)]
SLICES = {"warm": CUSTOMERS[:150], "cold": CUSTOMERS[150:], "segment=Few": CUSTOMERS[:5]}


def lists_of(**ndcg: float | np.ndarray) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"model": model, "customer_id": CUSTOMERS, "ndcg@10": value})
        for model, value in ndcg.items()
    ]
    return with_slices(pd.concat(frames, ignore_index=True), SLICES)


def stars_of(**squared: float) -> pd.DataFrame:
    frames = [pd.DataFrame({"model": [], "customer_id": [], "sum": [], "count": []})]
    frames += [
        pd.DataFrame({"model": model, "customer_id": CUSTOMERS[:100], "sum": 2 * value, "count": 2})
        for model, value in squared.items()
    ]
    return with_slices(pd.concat(frames, ignore_index=True), SLICES)


def row_of(found: dict, first: str, second: str, metric: str, slice_name: str) -> dict:
    (row,) = [
        row
        for row in found["comparisons"]
        if (row["first"], row["second"], row["metric"], row["slice"])
        == (first, second, metric, slice_name)
    ]
    return row


@pytest.fixture(scope="module")
def found() -> dict:
    rng = np.random.default_rng(0)
    # Better for warm customers, worse for cold ones, by a quarter each.
    mixed = np.where(np.arange(200) < 150, 0.75, 0.25) + rng.normal(0, 0.01, 200)
    same = rng.random(200)
    lists = lists_of(
        ensemble=0.5, ensemble_equal=mixed, ncf_random=same, ncf_custom=same, ncf_hybrid=same
    )
    return verdicts(lists, stars_of(ncf_random=1.44, ncf_custom=1.0, ncf_hybrid=1.44))


def test_differences_intervals_and_words(found: dict) -> None:
    overall = row_of(found, "ensemble", "ensemble_equal", "ndcg@10", "overall")
    assert overall["difference"] == pytest.approx(0.5 - (150 * 0.75 + 50 * 0.25) / 200, abs=0.003)
    assert overall["customers"] == 200
    assert overall["verdict"] == "worse"
    warm = row_of(found, "ensemble", "ensemble_equal", "ndcg@10", "warm")
    assert (warm["customers"], warm["verdict"]) == (150, "worse")
    cold = row_of(found, "ensemble", "ensemble_equal", "ndcg@10", "cold")
    assert (cold["customers"], cold["verdict"]) == (50, "better")
    assert cold["low"] > 0.2


def test_equal_models_show_no_difference(found: dict) -> None:
    row = row_of(found, "ncf_custom", "ncf_random", "ndcg@10", "overall")
    assert (row["difference"], row["verdict"]) == (0.0, "no difference shown")
    assert row["p_holm"] == 1.0


def test_a_smaller_error_is_better(found: dict) -> None:
    row = row_of(found, "ncf_custom", "ncf_random", "rmse", "overall")
    assert row["first_value"] == pytest.approx(1.0)
    assert row["second_value"] == pytest.approx(1.2)
    assert row["difference"] == pytest.approx(-0.2)
    assert (row["customers"], row["verdict"]) == (100, "better")
    assert row_of(found, "ncf_hybrid", "ncf_custom", "rmse", "overall")["verdict"] == "worse"


def test_what_cannot_be_compared_is_said(found: dict) -> None:
    skipped = found["skipped"]
    assert f"ensemble against {BEST_SINGLE}: no {BEST_SINGLE} in the run" in skipped
    assert "lstm against ncf_random: no lstm in the run" in skipped
    assert "slice segment=Few: 5 customers, fewer than 20" in skipped
    assert not any(row["slice"] == "segment=Few" for row in found["comparisons"])


def test_holm_counts_the_pairs_of_a_question() -> None:
    """One pair alone keeps its p-value; among others that show nothing it has to pay for them."""
    rng = np.random.default_rng(1)
    base = rng.random(200)
    slight = base + rng.normal(0.02, 0.1, 200)
    alone = verdicts(lists_of(lstm=slight, ncf_random=base), stars_of())
    row = row_of(alone, "lstm", "ncf_random", "ndcg@10", "overall")
    assert row["p"] <= row["p_holm"] <= 2 * row["p"]  # overall and warm
    crowd = dict.fromkeys(("ncf_custom", "ncf_hybrid", "ncf_per_segment"), base)
    more = verdicts(lists_of(lstm=slight, lstm_custom=base, ncf_random=base, **crowd), stars_of())
    again = row_of(more, "lstm", "ncf_random", "ndcg@10", "overall")
    assert again["p"] == row["p"]
    assert again["p_holm"] > row["p_holm"]


def test_the_page_has_a_table_for_each_question_and_no_nan(found: dict) -> None:
    page = "\n".join(verdict_lines(found, ["A note."]))
    assert "### Custom against random against hybrid embeddings" in page
    assert "| ncf_custom - ncf_random | rmse | overall | 100 | -0.2000 |" in page
    assert "ensemble better than ensemble_equal in cold" in page
    assert "### Deep models" not in page  # neither EASE nor kNN ran
    assert "A note." in page
    assert "Not compared: " in page
    assert "nan" not in page


def test_every_deep_model_meets_ease_and_knn() -> None:
    pairs = {pair for question in QUESTIONS for pair in question.pairs}
    assert {(deep, other) for deep in DEEP for other in ("ease", "item_knn")} <= pairs


def test_segments_are_counted_by_their_settings() -> None:
    config = {
        "seed": 3,
        "fit_report": {"segments": {"A": {"x": 1}, "B": {"x": 1}, "C": {"x": 1}, "New": "global"}},
        "parameters": {"segments": {"A": {"l2": 1.0}, "B": {"l2": 0.1}, "Other": {"l2": 0.2}}},
    }
    note = segment_note([config])
    assert "seed 3: 3 of 4 segments have a network of their own, 2 with hyperparameters" in note
    assert "3 different sets" in note  # two of their own and the global one


def test_the_best_single_model_is_that_of_each_seed() -> None:
    def run(best: str) -> dict:
        frame = lists_of(a=0.2, b=0.4).drop(columns="slices")
        errors = stars_of(a=1.0, b=4.0).drop(columns="slices")
        return {
            "customers": frame,
            "errors": errors,
            "best_single": {"purchase": best, "rating": "b"},
            "per_segment": None,
        }

    per_seed = [run("a"), run("b")]
    customers, errors = verdict_inputs(per_seed, SLICES)
    best = customers[customers["model"] == BEST_SINGLE]
    assert best["ndcg@10"].to_numpy() == pytest.approx(0.3)
    assert errors[errors["model"] == BEST_SINGLE]["sum"].to_numpy() == pytest.approx(8.0)
    assert set(best.loc[best["customer_id"] == "c160", "slices"]) == {("cold",)}
    assert "for lists a, b; for stars b, b" in verdict_notes(per_seed)[0]
