"""The benchmark's ensemble: weights that only validation decides on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.protocols import ncf, topn
from benchmarks.protocols.blends import (
    blend_stars,
    blended,
    choose_weights,
    judging_sample,
    kept_scores,
)
from tests.protocols.folders import ncf_folder, topn_folder

from product_recommender.recommenders.popularity import Popularity
from product_recommender.recommenders.random import Random


def scores_with(relevant: np.ndarray, strength: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=relevant.shape)
    return (noise + strength * relevant).astype(np.float16)


def test_weights_prefer_what_helps_and_drop_what_does_not() -> None:
    rng = np.random.default_rng(0)
    relevant = np.zeros((400, 60), dtype=bool)
    relevant[np.arange(400), rng.integers(0, 60, 400)] = True
    scores = {
        "good": scores_with(relevant, 1.5, 1),
        "also good": scores_with(relevant, 1.5, 2),
        "reversed": scores_with(relevant, -1.5, 3),
    }
    weights, value = choose_weights(scores, relevant, "ndcg@10")
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights["reversed"] == 0.0
    assert min(weights["good"], weights["also good"]) > 0.3
    singles = [
        choose_weights({name: scores[name]}, relevant, "ndcg@10")[1]
        for name in ("good", "also good")
    ]
    assert value > 1.1 * max(singles)


def test_a_shortlist_of_many_columns_gives_what_all_columns_give() -> None:
    rng = np.random.default_rng(5)
    relevant = rng.random((50, 900)) < 0.01
    relevant[:, 0] = True
    scores = {"a": scores_with(relevant, 2, 6), "b": scores_with(relevant, 2, 7)}
    weights, value = choose_weights(scores, relevant, "ndcg@20")
    total = sum(weight * scores[name].astype(np.float32) for name, weight in weights.items())
    gains = []
    for row, right in zip(total, relevant, strict=True):
        top = np.argsort(-row)[:20]
        ideal = (1 / np.log2(2 + np.arange(min(20, right.sum())))).sum()
        gains.append((right[top] / np.log2(2 + np.arange(20))).sum() / ideal)
    assert value == pytest.approx(np.mean(gains), rel=1e-3)


@pytest.mark.parametrize("protocol", [ncf, topn])
def test_a_blend_of_one_is_that_one(tmp_path: Path, protocol) -> None:
    folder = ncf_folder if protocol is ncf else topn_folder
    task = protocol.task(protocol.read(folder(tmp_path), None))
    members = {"popularity": Popularity().fit(task.full), "random": Random().fit(task.full)}
    alone = task.asked.measure(members["random"])
    blend = blended(members, {"popularity": 0.0, "random": 1.0}, seed=0)
    for metric, values in task.asked.measure(blend).items():
        assert values.tolist() == pytest.approx(alone[metric].tolist())


def test_kept_scores_are_the_models_order_without_what_users_have(tmp_path: Path) -> None:
    task = topn.task(topn.read(topn_folder(tmp_path), None))
    model = Random().fit(task.train)
    question = judging_sample(task.chosen_by, seed=0)
    kept = kept_scores(model, question).astype(np.float64)
    raw = model.score(question.users)
    for row, scores, seen in zip(kept, raw, question.seen, strict=True):
        owned = seen.indices[seen.indices < len(row)]
        assert np.isneginf(row[owned]).all()
        free = np.setdiff1d(np.arange(len(row)), owned)
        assert (np.diff(row[free][np.argsort(scores[free])]) >= 0).all()
        assert np.abs(row[free]).max() < 4


def test_stars_are_blended_by_least_squares_without_negative_weights() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(3, 1, 500), rng.normal(3, 1, 500)
    weights, intercept = blend_stars({"a": a, "b": b}, 0.25 * a + 0.5 * b + 0.7)
    assert weights == pytest.approx({"a": 0.25, "b": 0.5})
    assert intercept == pytest.approx(0.7)
    weights, _ = blend_stars({"a": a, "b": b}, a - 0.5 * b)
    assert weights["b"] == 0.0
    assert weights["a"] > 0.9
