"""The two commands about content, on the committed tiny world and with the real model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import ablation, cold_products, record
from benchmarks.cold_rankers import Chance, Trained
from benchmarks.cold_start import ask, hide
from benchmarks.content_worlds import ContentWorld, read_world

from planted_content import content_world
from product_recommender.recommenders.registry import recommender_class

SHORT = {"training": {"epochs": 2}, "explained_customers": 20}


@pytest.fixture(scope="module")
def tiny_world(tiny_run: Any) -> ContentWorld:
    return read_world(tiny_run, "tiny", (ablation.MODEL,))


def test_a_world_is_read_from_the_catalog(tiny_world: ContentWorld, tiny_run: Any) -> None:
    products = tiny_run.load("products").to_pandas()
    ids = tiny_run.load("product_ids").to_pandas().sort_values("item")
    assert "generated" in tiny_world.label
    assert len(tiny_world.shelf.brands) == len(ids) == tiny_world.arrays.n_items_listed
    # Two products share a code exactly where the metadata give one brand.
    named = ids.merge(products, on="product_id").sort_values("item")["brand"].str.casefold()
    known = named.notna().to_numpy()
    pairs = {*zip(tiny_world.shelf.brands[known], named[known], strict=True)}
    assert len(pairs) == named[known].nunique()
    text = tiny_world.train.contents["text"]
    embeddings = tiny_run.load("text_embeddings").to_pandas().set_index("product_id")["vector"]
    some = ids.iloc[3]
    np.testing.assert_allclose(
        text.vectors[some["item"]], embeddings[some["product_id"]], rtol=1e-6
    )
    assert tiny_world.settings[ablation.MODEL]["training"]["epochs"] == 3


@pytest.mark.parametrize("command", [ablation, cold_products], ids=["ablation", "cold_products"])
def test_the_quick_command_writes_its_record(
    command: Any,
    tiny_world: ContentWorld,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made: list[dict[str, Any]] = []

    def world_of(*given: Any, **named: Any) -> ContentWorld:
        made.append({"given": given, **named})
        return tiny_world

    monkeypatch.setattr(command, "generated_world", world_of)
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    arguments = ["--quick", "--work", str(tmp_path / "work")]
    monkeypatch.setattr(sys, "argv", ["a command", *arguments])
    command.main()
    assert [one["n_customers"] for one in made] == [500]
    (path,) = (tmp_path / "results").glob("*_quick.json")
    kept = json.loads(path.read_text())
    assert kept["data"] == [[tiny_world.label, tiny_world.sha256]]
    assert kept["command"].endswith("--quick --work FOLDER")
    assert str(tmp_path) not in path.read_text() + path.with_suffix(".md").read_text()
    values = [row["value"] for row in kept["table"]]
    assert len(values) >= 8
    assert all(0 <= value <= 1 for value in values)
    assert "multimodal" in json.dumps(kept["comparisons"]) or command is ablation
    assert "minutes" in capsys.readouterr().err  # the estimate


def model_of(question: Any, *modalities: str, **changed: Any) -> Trained:
    model_class = recommender_class("multimodal")
    config = model_class.Config(modalities=modalities, **changed)
    return Trained(model_class(config).fit(question.train, question.tune), question)


def test_without_content_hidden_products_are_left_to_chance() -> None:
    world = content_world()
    question = hide(world, 0.25, seed=0)
    found = ask(model_of(question, "ids", **SHORT), question)
    chance = ask(Chance(60), question)
    np.testing.assert_allclose(found["cold_ndcg"], chance["cold_ndcg"], rtol=1e-5)


def test_with_content_hidden_products_are_found() -> None:
    world = content_world(n_users=400, taste=3.0)
    question = hide(world, 0.25, seed=0)
    found, chance = (
        float(np.nanmean(ask(ranker, question)["cold_ndcg"]))
        for ranker in (
            model_of(question, "ids", "image", explained_customers=0),
            Chance(60),
        )
    )
    assert found > 1.3 * chance
