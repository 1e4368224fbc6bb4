"""Tuning: stored values, the budget, the objective, diverged trials, segments."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from tests.recommenders.planted_tastes import World, ndcg_at_10, planted_world, rmse

from product_recommender.recommenders.matrix_factorization import MatrixFactorization
from product_recommender.recommenders.ncf_negative_sampling import NCFNegativeSampling
from product_recommender.recommenders.ncf_per_segment import NCFPerSegment
from product_recommender.recommenders.popularity import Popularity
from product_recommender.recommenders.training import TrainingDivergedError
from product_recommender.recommenders.tuning import measure, merged, search, tune

TRAINING = {"epochs": 3, "batch_size": 256, "learning_rate": 0.01, "patience": 2, "device": "cpu"}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def world() -> World:
    return planted_world(120, 50, 12, n_segments=2)


def test_no_trials_no_change(world) -> None:
    stored = {"factors": 3, "training": TRAINING}
    assert tune(MatrixFactorization, stored, world.train, world.validation, 0) == (stored, [])


def test_a_model_without_a_search_space_is_not_fitted(world) -> None:
    assert tune(Popularity, {}, world.train, world.validation, 5) == ({}, [])


def test_the_budget_is_kept_and_the_best_trial_wins(world) -> None:
    stored = {"training": TRAINING}
    chosen, history = tune(NCFNegativeSampling, stored, world.train, world.validation, 4, seed=1)
    assert [entry["trial"] for entry in history] == [0, 1, 2, 3]
    assert history[0]["parameters"] == {}
    assert {entry["objective"] for entry in history} == {"ndcg@10"}
    best = max(history, key=lambda entry: entry["value"])
    assert chosen == merged(stored, best["parameters"])
    assert chosen["training"]["epochs"] == 3
    json.dumps(history)
    model = NCFNegativeSampling(NCFNegativeSampling.Config(**chosen))
    model.fit(world.train, world.validation)
    assert measure(model, world.validation, "ndcg@10") == best["value"]
    assert tune(NCFNegativeSampling, stored, world.train, world.validation, 4, seed=1)[1] == history


def test_rating_models_are_tuned_for_the_error(world) -> None:
    chosen, history = tune(
        MatrixFactorization, {"training": TRAINING}, world.train, world.validation, 3
    )
    assert {entry["objective"] for entry in history} == {"rmse"}
    model = MatrixFactorization(MatrixFactorization.Config(**chosen))
    model.fit(world.train, world.validation)
    predicted = model.predict(world.validation.users, world.validation.items)
    expected = min(entry["value"] for entry in history)
    assert rmse(predicted, world.validation.stars) == pytest.approx(expected, rel=1e-5)


def test_the_objective_is_ndcg_at_10(world) -> None:
    model = Popularity().fit(world.train)
    scores = model.score(np.arange(world.train.n_users)) + 1e-4 * np.random.default_rng(0).random(
        50
    )
    expected = ndcg_at_10(scores, world.train, world.validation)
    # Popularity has ties; breaking them another way moves the figure a little.
    assert measure(model, world.validation, "ndcg@10") == pytest.approx(expected, abs=0.02)


def test_diverged_trials_are_recorded_and_lose(world) -> None:
    class Wild(MatrixFactorization):
        @classmethod
        def search_space(cls, trial):
            trial.suggest_float("x", 0.0, 1.0)
            return {"training": {"learning_rate": 1e30}}

    chosen, history = tune(Wild, {"training": TRAINING}, world.train, world.validation, 2)
    assert [entry["state"] for entry in history] == ["complete", "diverged"]
    assert chosen == {"training": TRAINING}
    wild = {"training": TRAINING | {"learning_rate": 1e30}}
    with pytest.raises(TrainingDivergedError):
        tune(Wild, wild, world.train, world.validation, 2)


def test_without_tune_customers_stored_values_stay(world) -> None:
    nobody = world.validation.take(slice(0, 0))
    stored = {"training": TRAINING}
    assert tune(MatrixFactorization, stored, world.train, nobody, 3) == (stored, [])


def test_segments_are_tuned_one_by_one(world) -> None:
    stored = {"training": TRAINING, "min_purchases": 100, "segment_epochs": 1}
    chosen, history = tune(NCFPerSegment, stored, world.train, world.validation, 2)
    assert [entry["segment"] for entry in history] == [
        None, None, "segment 0", "segment 0", "segment 1", "segment 1"
    ]  # fmt: skip
    for number in range(2):
        tried = [entry for entry in history if entry["segment"] == f"segment {number}"]
        best = max(tried, key=lambda entry: entry["value"])
        assert chosen["segments"][f"segment {number}"] == best["parameters"]
    NCFPerSegment(NCFPerSegment.Config(**chosen)).fit(world.train, world.validation)


def test_merged_goes_into_mappings_and_leaves_its_inputs() -> None:
    first, second = {"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 5}, "c": 6}
    assert merged(first, second) == {"a": {"x": 1, "y": 5}, "b": 3, "c": 6}
    assert first == {"a": {"x": 1, "y": 2}, "b": 3}


def space_of_x(trial) -> dict[str, float]:
    return {"x": trial.suggest_float("x", 0.0, 1.0)}


@pytest.mark.parametrize("minimise", [False, True])
def test_search_finds_the_best_trial_in_either_direction(minimise: bool) -> None:
    sign = 1 if minimise else -1

    def evaluate(overrides: dict[str, float]) -> float:
        return sign * (overrides.get("x", 1.0) - 0.3) ** 2

    best, history = search("x", space_of_x, evaluate, 25, seed=0, minimise=minimise)
    assert len(history) == 25
    assert best["x"] == pytest.approx(0.3, abs=0.05)
    assert search("x", space_of_x, evaluate, 1, minimise=minimise)[0] == {}
    assert len(search("x", lambda trial: {}, evaluate, 5, minimise=minimise)[1]) == 1


def test_a_drawn_setting_that_fails_costs_one_trial_the_stored_one_everything() -> None:
    def evaluate(overrides: dict[str, float]) -> float:
        if overrides.get("x", 0.0) > 0.5:
            raise ValueError("too large")
        return overrides.get("x", 0.0)

    best, history = search("x", space_of_x, evaluate, 12, seed=0)
    failed = [entry for entry in history if entry["state"] == "failed"]
    assert 0 < len(failed) < 11
    assert {entry["reason"] for entry in failed} == {"too large"}
    assert 0 < best["x"] <= 0.5

    def never(overrides: dict[str, float]) -> float:
        raise ValueError("too large")

    with pytest.raises(ValueError, match="too large"):
        search("x", space_of_x, never, 3)
