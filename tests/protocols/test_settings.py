"""``settings.yml``: what is accepted, what is drawn, and errors that name the entry."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
import yaml
from benchmarks.protocols.settings import SETTINGS, SettingsError, load_settings

from product_recommender.recommenders.registry import MODELS


def loaded(tmp_path: Path, text: str, model: str = "matrix_factorization"):
    path = tmp_path / "settings.yml"
    path.write_text(text)
    return load_settings("ratings", [model], path)[model]


def test_every_entry_of_the_shipped_file_is_accepted() -> None:
    content = yaml.safe_load(SETTINGS.read_text())
    assert set(content) == {"ncf", "sequential", "topn", "ratings"}
    for protocol, models in content.items():
        assert set(models) <= set(MODELS)
        assert set(load_settings(protocol, list(models))) == set(models)


def test_a_model_without_entry_starts_at_its_defaults(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "ratings: {}\n")
    assert settings.start == {}
    assert "factors" in settings.space(optuna.create_study().ask())


def test_ranges_are_drawn_from_and_nested(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        "ratings: {matrix_factorization: {start: {l2: 0.5}, search: {"
        "factors: {low: 2, high: 9, int: true}, "
        "l2: {low: 0.01, high: 1, log: true}, "
        "training.learning_rate: {low: 0.001, high: 0.002}, "
        "training.epochs: {choices: [3, 7]}}}}",
    )
    assert settings.start == {"l2": 0.5}
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [settings.space(study.ask()) for _ in range(40)]
    assert {type(entry["factors"]) for entry in drawn} == {int}
    assert {entry["factors"] for entry in drawn} <= set(range(2, 10))
    assert {entry["training"]["epochs"] for entry in drawn} == {3, 7}
    assert all(0.001 <= entry["training"]["learning_rate"] <= 0.002 for entry in drawn)
    assert sum(entry["l2"] < 0.1 for entry in drawn) > 10  # half of them, on a log scale


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("[1]", r"ratings\.matrix_factorization takes the keys"),
        ("{begin: {}}", r"ratings\.matrix_factorization takes the keys"),
        ("{start: {fcators: 3}}", r"matrix_factorization\.start: .*fcators"),
        ("{start: [1]}", r"matrix_factorization\.start must be a mapping"),
        ("{start: {factors: 0}}", r"matrix_factorization\.start: .*factors"),
        ("{search: {l2: 3}}", r"search\.l2: give \{low, high, log, int\}"),
        ("{search: {l2: {low: 3}}}", r"search\.l2: `low` must be a number below `high`"),
        ("{search: {l2: {low: 3, high: 1}}}", r"search\.l2: `low` must be a number below"),
        ("{search: {l2: {low: 0, high: 1, log: true}}}", r"search\.l2: with `log`"),
        ("{search: {l2: {low: -1, high: 1}}}", r"search\.l2: matrix_factorization does not take"),
        ("{search: {l2: {choices: []}}}", r"search\.l2: `choices` is a list"),
        ("{search: {training.speed: {choices: [1]}}}", r"search\.training\.speed: .*not take it"),
    ],
)
def test_errors_name_the_entry(tmp_path: Path, entry: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        loaded(tmp_path, f"ratings: {{matrix_factorization: {entry}}}")
