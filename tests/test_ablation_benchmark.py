"""The ablation: cells, controls, comparisons and claims, with a stand-in whose worth is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks import ablation
from benchmarks.ablation import Cell, cells_of, exchanged, generated_specs, measure
from benchmarks.ablation_claims import (
    CONTROLS,
    DEFAULT,
    EMPTY,
    EVERYTHING,
    IDS,
    PICTURES,
    TIMELESS,
    VARIANTS,
    judge,
    pairs_of,
)
from benchmarks.ablation_page import markdown
from benchmarks.cells import Cells
from benchmarks.content_worlds import ContentWorld
from pydantic import Field

from planted_content import content_world
from product_recommender.interactions import Interactions
from product_recommender.recommenders.base import RecommenderConfig
from product_recommender.recommenders.histories import Histories, HistoryRecommender

DELETION_TEST = {
    "customers": 7,
    "fall_without_named": 0.5,
    "fall_without_random": 0.25,
    "difference": 0.25,
    "low": 0.125,
    "high": 0.375,
    "passed": True,
}


class StandInConfig(RecommenderConfig):
    modalities: tuple[str, ...] = Field(("ids",), description="What it reads.")


class StandIn(HistoryRecommender):
    """Popularity, plus the mean cosine to the history in every content that it is given."""

    name = "multimodal"
    Config = StandInConfig
    ranks_by = "a stand-in"
    fitted = 0

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        StandIn.fitted += 1
        self.fit_report = {"explanation_check": {"customers": 0, "passed": False}}
        if "image" in self.config.modalities:
            self.fit_report["explanation_check"] = DELETION_TEST
        counts = np.bincount(train.items, minlength=train.n_items_listed)
        self._counts = torch.from_numpy(1e-3 * counts.astype(np.float32))
        unit = [
            content.vectors / np.linalg.norm(content.vectors, axis=1, keepdims=True)
            for kind, content in train.contents.items()
            if kind in self.config.modalities
        ]
        self._unit = [torch.from_numpy(vectors.astype(np.float32)) for vectors in unit]

    @property
    def n_items_scored(self) -> int:
        return len(self._counts) if self._unit else self.n_items

    def _score_histories(self, histories: Histories) -> torch.Tensor:
        bought = torch.from_numpy(histories.matrix(self.n_items).toarray())
        scores = self._counts.expand(len(bought), -1).clone()
        for vectors in self._unit:
            scores += bought @ vectors[: self.n_items] @ vectors.T
        return scores[:, : self.n_items_scored]

    def _state(self) -> dict[str, torch.Tensor]:
        return {}

    def _load_state(self, state: dict[str, torch.Tensor]) -> None:
        raise AssertionError("the stand-in is not kept")


@pytest.fixture(scope="module")
def world() -> ContentWorld:
    return content_world(n_users=250)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablation, "recommender_class", lambda name: StandIn)


def all_cells(world: ContentWorld, seeds: tuple[int, ...] = (0,)) -> list[Cell]:
    return [
        cell for seed in seeds for cell in cells_of(DEFAULT, world, (*VARIANTS, *CONTROLS), seed)
    ]


@pytest.fixture(scope="module")
def result(world: ContentWorld, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ablation, "recommender_class", lambda name: StandIn)
        cells = Cells(tmp_path_factory.mktemp("cells"))
        return measure(all_cells(world, (0, 1)), cells, n_resamples=2000)


def test_planted_images_show_and_noise_does_not(result: dict[str, Any]) -> None:
    compared = {
        (r["first"], r["second"]): r for r in result["comparisons"] if r["slice"] == "overall"
    }
    assert compared["ids + image", IDS]["verdict"] == "better"
    assert compared["ids + image", IDS]["low"] > 0.02
    for first in ("ids + text", "ids + image of other products", "ids + text of other products"):
        assert compared[first, IDS]["verdict"] != "better", first
    # The stand-in knows no time.
    assert compared["ids + time", IDS]["difference"] == 0.0
    assert compared[EVERYTHING, "ids + text + image"]["difference"] == 0.0


def test_slices_are_of_the_right_customers(result: dict[str, Any], world: ContentWorld) -> None:
    table = {(r["variant"], r["slice"]): r for r in result["table"]}
    cut, n_items = world.cut, world.arrays.n_items
    assert table[IDS, "overall"]["customers"] == len(cut.users)
    assert table[IDS, "warm"]["customers"] == int(cut.is_warm.sum())
    assert (IDS, "cold") not in table  # everybody bought something in training
    with_cold = int((np.diff(cut.targets[:, n_items:].tocsr().indptr) > 0).sum())
    assert 0 < with_cold == table[IDS, "cold products"]["customers"]
    assert table[IDS, "cold products"]["value"] == 0.0
    assert table["ids + image", "cold products"]["value"] > 0.0


def test_numbers_are_those_of_the_evaluation(world: ContentWorld, stand_in: None) -> None:
    (cell,) = cells_of(DEFAULT, world, ("ids + image",), 0)
    found = ablation.answers(cell)["overall"]
    model = StandIn(StandInConfig(modalities=("ids", "image"))).fit(world.train)
    scores = model.follow(*world.known).score(world.cut.users, np.arange(60))
    values = []
    for row, user in enumerate(world.cut.users):
        owned = set(world.known[1][world.known[0] == user])
        order = [item for item in np.argsort(-scores[row]) if item not in owned][:10]
        target = set(world.cut.targets[row].indices)
        gain = sum(1 / np.log2(r + 2) for r, item in enumerate(order) if item in target)
        values.append(gain / sum(1 / np.log2(r + 2) for r in range(len(target))))
    np.testing.assert_allclose(found, values, atol=1e-5)


def test_worlds_with_the_same_inputs_share_their_cells(
    world: ContentWorld, stand_in: None, tmp_path: Path
) -> None:
    contents = world.train.contents
    other = world.with_contents({**contents, "image": exchanged(contents, 9)["image"]})
    other = replace(other, sha256="f" * 64)
    cells = [
        cell
        for one in (world, other)
        for cell in cells_of("pictures", one, (IDS, "ids + text", "ids + image"), 0)
    ]
    StandIn.fitted = 0
    measure(cells, Cells(tmp_path), n_resamples=100)
    assert StandIn.fitted == 4  # ids and text once, the image of each world
    measure(cells, Cells(tmp_path), n_resamples=100)
    assert StandIn.fitted == 4


def test_an_interrupted_run_goes_on(
    world: ContentWorld, stand_in: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells, kept, real = all_cells(world), Cells(tmp_path), ablation.answers
    done: list[str] = []

    def some(cell: Cell) -> Any:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(cell.variant)
        return real(cell)

    monkeypatch.setattr(ablation, "answers", some)
    with pytest.raises(KeyboardInterrupt):
        measure(cells, kept, n_resamples=100)
    StandIn.fitted = 0
    monkeypatch.setattr(ablation, "answers", real)
    measure(cells, kept, n_resamples=100)
    assert StandIn.fitted == len(cells) - 3


def test_exchanged_contents_are_the_same_set_and_nobody_keeps_the_own(world: ContentWorld) -> None:
    contents = dict(world.train.contents)
    known = np.arange(60) % 3 > 0
    image = contents["image"]
    contents["image"] = replace(image, known=known, vectors=image.vectors * known[:, None])
    found = exchanged(contents, seed=1)
    before, after = contents["image"].vectors, found["image"].vectors
    np.testing.assert_array_equal(found["image"].known, known)
    assert not after[~known].any()
    assert not (after[known] == before[known]).all(axis=1).any()
    np.testing.assert_array_equal(np.sort(after, axis=0), np.sort(before, axis=0))
    again = exchanged(contents, seed=1)["image"].vectors
    np.testing.assert_array_equal(after, again)


def test_a_world_without_images_is_taken_apart_without_them(world: ContentWorld) -> None:
    titles = world.with_contents({"text": world.train.contents["text"]})
    found = {cell.variant: cell.modalities for cell in all_cells(titles)}
    assert found == {
        IDS: ("ids",),
        "ids + text": ("ids", "text"),
        "ids + time": ("ids", "time"),
        EVERYTHING: ("ids", "text", "time"),
        "ids + text of other products": ("ids", "text"),
    }


def test_every_kind_of_world_has_the_pairs_that_its_claims_need() -> None:
    specs = generated_specs()
    rows = [
        {
            "worlds": spec,
            "slice": "overall",
            "first": first,
            "second": second,
            "difference": 0.0,
            "low": -0.1,
            "high": 0.1,
            "p_holm": 1.0,
            "verdict": "no difference shown",
        }
        for spec, (_, variants) in specs.items()
        for first, second in pairs_of(variants)
    ]
    verdicts = judge(rows)
    assert len(verdicts) == 5 + 2 + 5 + 1 + 1
    # Where nothing shows, what must show fails and what must find nothing holds.
    assert [v["holds"] for v in verdicts] == [False] * 5 + [True] * 9
    flipped = judge([row | {"verdict": "better"} for row in rows])
    assert [v["holds"] for v in flipped] == [True] * 5 + [False] * 9
    assert set(generated_specs(quick=True)) == {DEFAULT}
    assert {f"{PICTURES} 0", TIMELESS, EMPTY} <= set(specs)


def test_the_deletion_test_of_each_model_is_kept(result: dict[str, Any]) -> None:
    kept = {(row["variant"], row["seed"]): row for row in result["explanations"]}
    assert (IDS, 0) not in kept  # it made none
    assert kept[EVERYTHING, 1] == {
        "worlds": DEFAULT,
        "variant": EVERYTHING,
        "seed": 1,
        **DELETION_TEST,
    }


def test_the_page_shows_claims_values_and_differences(
    result: dict[str, Any], world: ContentWorld
) -> None:
    content = {
        "name": "generated",
        "data": [(world.label, world.sha256)],
        "counts": ablation._counts(all_cells(world)),
        "seeds": [0, 1],
        "wall_seconds": 1.0,
        "peak_memory_mb": 1.0,
        **result,
        "verdicts": judge(result["comparisons"]),
    }
    page = markdown(content, "python -m benchmarks.ablation")
    assert "| image shows | ids + image against ids: +0." in page
    assert "| time shows | ids + time against ids: +0.0000" in page
    assert page.count("## as it is") == 1
    assert "60 with image" in page
    assert f"| {DEFAULT} | {EVERYTHING} | 0 | 7 | +0.500 | +0.250 | +0.250 [+0.125" in page
