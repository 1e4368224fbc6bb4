"""The command: its rows, files, budget, exit codes and what it refuses."""

from __future__ import annotations

import json
import math
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import published
from benchmarks.protocols import topn
from benchmarks.protocols.report import (
    add_comparisons,
    compared,
    published_rows,
    ranking_figures,
    rating_figures,
    verdict,
)
from tests.protocols.folders import (
    ncf_folder,
    ratings_folder,
    sequential_folder,
    topn_folder,
    write,
)

from product_recommender.recommenders.bayesian_mf import BayesianMF
from product_recommender.recommenders.item_knn import ItemKNN
from product_recommender.recommenders.popularity import Popularity, RecentPopularity
from product_recommender.recommenders.training import TrainingDivergedError

FOLDERS = {
    "ncf": ncf_folder,
    "sequential": sequential_folder,
    "topn": topn_folder,
    "ratings": ratings_folder,
}


def run(tmp_path: Path, protocol: str, *more: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON and page of a run on a made-up folder."""
    data = tmp_path / "made_up"
    if not data.exists():
        data.mkdir()
        FOLDERS[protocol](data)
    out = tmp_path / "out.json"
    code = published.main(["--protocol", protocol, "--data", str(data), "--out", str(out), *more])
    if not out.exists():
        return code, {}, ""
    return code, json.loads(out.read_text()), out.with_suffix(".md").read_text()


def row_of(record: dict[str, Any], model: str) -> dict[str, Any]:
    return next(row for row in record["rows"] if row["model"] == model)


@pytest.mark.parametrize(
    ("protocol", "models", "metrics"),
    [
        ("ncf", "popularity,random,recent_popularity,ensemble", ["hit_rate@10", "ndcg@10"]),
        ("topn", "popularity,random,recent_popularity,ensemble", ["recall@20", "ndcg@20", "f1@20"]),
        (
            "sequential",
            "ensemble,popularity,recent_popularity",
            [f"{name}@{k}" for k in (5, 10, 20) for name in ("hit_rate", "ndcg")],
        ),
    ],
)
def test_a_run_of_a_ranking_protocol(tmp_path, capsys, protocol, models, metrics) -> None:
    code, record, page = run(tmp_path, protocol, "--models", models, "--seeds", "2")
    assert code == 0
    assert {row["model"] for row in record["rows"]} == set(models.split(","))
    assert record["seeds"] == [0, 1]
    assert record["metrics"] == metrics
    for row in record["rows"]:
        for figure in row["metrics"].values():
            assert len(figure["per_seed"]) == 2
            assert figure["low"] <= figure["mean"] <= figure["high"]
        assert row["total_seconds"] > 0
        assert row["peak_memory_mb"] > 0
    by = record["sorted_by"]
    values = [row["metrics"][by]["mean"] for row in record["rows"]]
    assert values == sorted(values, reverse=True)
    weights = row_of(record, "ensemble")["settings"]["weights"]
    assert "random" not in weights
    assert math.fsum(weights.values()) == pytest.approx(1.0)
    assert all(len(file["sha256"]) == 64 for file in record["data"]["files"])
    assert {"date", "machine", "packages", "command", "protocol_text"} <= set(record)
    assert "| popularity | 0." in page
    assert "nan" not in page
    assert "popularity" in capsys.readouterr().out
    assert str(tmp_path) not in json.dumps(record) + page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made_up", "out.json", "out.md"]


def test_a_row_is_what_the_model_measures_when_trained_on_all_training_purchases(tmp_path) -> None:
    _, record, _ = run(tmp_path, "topn", "--models", "popularity")
    task = topn.task(topn.read(tmp_path / "made_up", None))
    expected = task.asked.measure(Popularity().fit(task.full))
    for metric, figure in row_of(record, "popularity")["metrics"].items():
        assert figure["mean"] == pytest.approx(float(expected[metric].mean()))


def test_ratings(tmp_path) -> None:
    code, record, page = run(
        tmp_path, "ratings", "--models", "bias,matrix_factorization,ensemble", "--seeds", "2"
    )
    assert code == 0
    assert record["metrics"] == ["rmse", "mae"]
    errors = {row["model"]: row["metrics"]["rmse"]["mean"] for row in record["rows"]}
    assert errors["bias"] < 1.3
    assert errors["ensemble"] < 1.02 * min(errors.values())
    assert row_of(record, "bias")["metrics"]["rmse"]["sd_over_seeds"] > 0
    assert "| bias | " in page


def test_the_budget_is_kept_and_the_best_trial_is_what_is_trained(tmp_path) -> None:
    settings = write(
        tmp_path,
        "own.yml",
        "topn: {recent_popularity: {start: {exponent: 0.0}, search: "
        "{half_life_days: {low: 1, high: 9}}}}",
    )
    arguments = ("--models", "recent_popularity,popularity", "--settings", str(settings))
    _, record, _ = run(tmp_path, "topn", *arguments, "--trials", "4")
    row = row_of(record, "recent_popularity")
    assert [entry["trial"] for entry in row["search"]] == [0, 1, 2, 3]
    assert row["search"][0]["parameters"] == {}
    assert all(1 <= e["parameters"]["half_life_days"] <= 9 for e in row["search"][1:])
    best = max(row["search"], key=lambda entry: entry["value"])
    assert row["validation"] == best["value"]
    assert row["settings"]["exponent"] == 0.0
    # Nothing to search: one trial, whatever the budget.
    assert len(row_of(record, "popularity")["search"]) == 1
    _, record, _ = run(tmp_path, "topn", *arguments, "--trials", "1")
    assert len(row_of(record, "recent_popularity")["search"]) == 1


def test_training_seconds_are_those_of_the_model_that_answers(tmp_path, monkeypatch) -> None:
    fit = ItemKNN._fit

    def slow(self, train, validation):
        time.sleep(0.3)
        fit(self, train, validation)

    monkeypatch.setattr(ItemKNN, "_fit", slow)
    for protocol in ("sequential", "topn"):  # once not trained again, once trained again
        (tmp_path / protocol).mkdir()
        _, record, _ = run(tmp_path / protocol, protocol, "--models", "item_knn")
        assert 0.3 <= row_of(record, "item_knn")["train_seconds"] < 20


def test_settings_do_not_depend_on_the_test(tmp_path) -> None:
    def choices(folder: Path) -> tuple[Any, Any]:
        folder.mkdir()
        data = folder / "made_up"
        data.mkdir()
        topn_folder(data)
        if folder.name == "other":
            lines = (data / "test.txt").read_text().splitlines()
            users = [line.split()[0] for line in lines]
            items = [line.split()[1:] for line in reversed(lines)]
            rows = [" ".join([u, *i]) for u, i in zip(users, items, strict=True)]
            write(data, "test.txt", "\n".join(rows))
        models = "popularity,recent_popularity,ensemble"
        _, record, _ = run(folder, "topn", "--models", models, "--trials", "3")
        chosen = [
            (row["validation"], row["settings"])
            for row in sorted(record["rows"], key=lambda row: row["model"])
        ]
        return chosen, [row["metrics"] for row in record["rows"]]

    first, other = choices(tmp_path / "first"), choices(tmp_path / "other")
    assert first[0] == other[0]
    assert first[1] != other[1]


def test_a_model_that_cannot_run_costs_only_its_row(tmp_path, monkeypatch, capsys) -> None:
    def diverge(self, train, validation):
        raise TrainingDivergedError("the loss became nan")

    monkeypatch.setattr(RecentPopularity, "_fit", diverge)
    code, record, page = run(tmp_path, "ncf", "--models", "recent_popularity,popularity")
    assert code == 1
    assert row_of(record, "recent_popularity")["failed"].startswith("TrainingDivergedError: the")
    assert row_of(record, "popularity")["metrics"]["hit_rate@10"]["mean"] > 0
    assert record["rows"][-1]["model"] == "recent_popularity"
    assert "the loss became nan" in page
    assert "Could not run: recent_popularity" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("protocol", "models"),
    [
        ("topn", "popularity,recent_popularity,item_knn,ensemble"),
        ("ratings", "bias,bayesian_mf,matrix_factorization,ensemble"),
    ],
)
def test_a_model_that_fails_with_a_later_seed_is_no_member(
    tmp_path, monkeypatch, protocol, models
) -> None:
    failing = {"topn": RecentPopularity, "ratings": BayesianMF}[protocol]
    fit = failing._fit

    def fail_later(self, train, validation):
        if self.config.seed == 1:
            raise ValueError("too large")
        fit(self, train, validation)

    monkeypatch.setattr(failing, "_fit", fail_later)
    code, record, _ = run(tmp_path, protocol, "--models", models, "--seeds", "2")
    assert code == 1
    assert row_of(record, failing.name)["failed"] == "ValueError: too large"
    (weights,) = row_of(record, "ensemble")["settings"].values()
    assert set(weights) == set(models.split(",")) - {"ensemble", failing.name}


def test_an_earlier_result_stays_until_a_run_is_through(tmp_path, monkeypatch) -> None:
    run(tmp_path, "ncf", "--models", "popularity")
    before = (tmp_path / "out.json").read_text()
    partial = tmp_path / "out.json.partial.json"

    def stop(self, train, validation):
        raise KeyboardInterrupt

    monkeypatch.setattr(RecentPopularity, "_fit", stop)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "ncf", "--models", "popularity,recent_popularity")
    assert (tmp_path / "out.json").read_text() == before
    assert [row["model"] for row in json.loads(partial.read_text())["rows"]] == ["popularity"]

    def fail(self, train, validation):
        raise ValueError("too large")

    monkeypatch.setattr(RecentPopularity, "_fit", fail)
    code, _, _ = run(tmp_path, "ncf", "--models", "recent_popularity")
    assert code == 1
    assert (tmp_path / "out.json").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--models", "svd"), "no model named 'svd'. Those that fit the protocol ratings: bias"),
        (("--models", "popularity"), "popularity cannot run .*: it does not predict stars"),
        (("--models", ","), "--models names nothing"),
        (("--models", "bias,ensemble"), "name two or more"),
        (("--name", "other", "--models", "bias"), "no file named 'other'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(
    tmp_path, capsys, arguments, message
) -> None:
    code, record, _ = run(tmp_path, "ratings", *arguments)
    assert code == 2
    assert record == {}
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert re.search(message, error)


@pytest.mark.parametrize(
    "arguments", [("--seeds", "0"), ("--trials", "x"), ("--protocol", "loo"), ("--out", "x.txt")]
)
def test_options_have_bounds(tmp_path, arguments) -> None:
    with pytest.raises(SystemExit) as stop:
        run(tmp_path, "ncf", *arguments)
    assert stop.value.code == 2


def test_default_models_are_those_that_can_say_something() -> None:
    ranking = published.chosen_models("ncf", None)
    assert {"random", "popularity", "ncf_negative_sampling"} <= set(ranking)
    assert ranking[-1] == "ensemble"
    assert not {"bias", "ncf_custom", "ncf_per_segment"} & set(ranking)
    assert "transformer" not in ranking, "no order, no sequence"
    assert "transformer" in published.chosen_models("sequential", None)
    stars = published.chosen_models("ratings", None)
    assert {"bias", "matrix_factorization", "ensemble"} <= set(stars)
    assert "popularity" not in stars


def test_figures_are_means_over_users_and_seeds_by_hand() -> None:
    seeds = [{"ndcg@10": np.array([0.0, 1.0])}, {"ndcg@10": np.array([1.0, 1.0])}]
    figure = ranking_figures(seeds)["ndcg@10"]
    assert figure["per_seed"] == [0.5, 1.0]
    assert figure["mean"] == 0.75
    assert figure["sd_over_seeds"] == pytest.approx(math.sqrt(0.125))
    assert (figure["low"], figure["high"]) == (0.5, 1.0)
    errors = [np.array([1.0, -1.0, 2.0]), np.array([1.0, 1.0, 0.0])]
    found = rating_figures(errors, np.array([7, 7, 9]))
    assert found["rmse"]["per_seed"] == pytest.approx([math.sqrt(2), math.sqrt(2 / 3)])
    assert found["mae"]["mean"] == pytest.approx((4 / 3 + 2 / 3) / 2)
    # Of user 7 both squared errors are 1, of user 9 they are 4 and 0.
    assert found["rmse"]["low"] == pytest.approx(1.0)
    assert found["rmse"]["high"] == pytest.approx(math.sqrt(2))


def test_published_numbers_are_found_by_hash_and_compared_by_model(tmp_path) -> None:
    path = write(
        tmp_path,
        "p.yml",
        "abc: {rows: [{method: A, model: a, source: s, values: {ndcg@10: 0.5, hit_rate@10: 0.8}}, "
        "{method: B, source: s, values: {ndcg@10: 0.4}}]}",
    )
    files = [{"sha256": "xyz"}, {"sha256": "abc"}]
    assert published_rows(files[:1], path) == {}
    rows = [
        {"model": "a", "metrics": {"ndcg@10": {"mean": 0.51}}},
        {"model": "b", "failed": "no"},
    ]
    first, second = compared(published_rows(files, path), rows)
    assert first["difference_percent"] == pytest.approx({"ndcg@10": 2.0})
    assert first["ours"] == {"ndcg@10": 0.51}
    assert "ours" not in second


def test_models_are_compared_with_the_one_that_validation_chose() -> None:
    rng = np.random.default_rng(0)
    base = rng.random(500)
    values = {"a": base, "b": base + 0.1 + 0.01 * rng.random(500), "c": rng.permutation(base)}
    rows: list[dict[str, Any]] = [
        {"model": "a", "validation": 0.9},
        {"model": "b", "validation": 0.2},
        {"model": "c", "validation": 0.1},
        {"model": "d", "failed": "no"},
    ]
    add_comparisons(rows, values, "ndcg@10")
    assert "compared" not in rows[0]
    assert "compared" not in rows[3]
    assert {row["compared"]["with"] for row in rows[1:3]} == {"a"}
    assert rows[1]["compared"]["difference"] == pytest.approx(0.105, abs=0.002)
    assert verdict(rows[1], "ndcg@10").endswith("] better")
    assert verdict(rows[2], "ndcg@10").endswith("no difference shown")
    assert verdict(rows[0], "ndcg@10") == "-"


def test_errors_are_compared_by_the_root_of_all_squares() -> None:
    counts = np.array([0.0, 2.0, 1.0, 1.0])
    values = {"a": np.array([0.0, 2.0, 1.0, 1.0]), "b": np.array([0.0, 8.0, 4.0, 4.0])}
    rows: list[dict[str, Any]] = [
        {"model": "a", "validation": 2.0},
        {"model": "b", "validation": 1.0},
    ]
    add_comparisons(rows, values, "rmse", counts)
    assert rows[0]["compared"]["with"] == "b"  # the smaller error on validation
    assert rows[0]["compared"]["difference"] == pytest.approx(-1.0)
    assert verdict(rows[0], "rmse").endswith("] better")
