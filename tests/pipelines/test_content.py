"""The content pipeline as a graph: nothing twice, nothing at all, and wrong caches."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from product_recommender.content.settings import ContentParameters
from product_recommender.content.vectors import EMBEDDING_SCHEMA, EmbeddingError, embedding_table
from product_recommender.pipelines import content
from product_recommender.pipelines.content import nodes
from product_recommender.vision.image_source import ImageSource
from vision.picture_files import encoded, noise

REPORT = {"data": {"label": "made up", "generated": False}}
COLUMNS = (
    "product_id",
    "product_title",
    "product_category",
    "brand",
    "category_path",
    "features",
    "description",
    "image",
)
PARAMETERS = ContentParameters()


class CountingText:
    """Stands for a text encoder: counts what it is asked for."""

    identity, dimensions = "counting text", 4
    asked: list[str] = []  # noqa: RUF012

    def __init__(self, settings: Any) -> None:
        pass

    def encode(self, texts: list[str]) -> np.ndarray:
        CountingText.asked += texts
        return np.array([[len(t), *map(ord, t[:3].ljust(3))] for t in texts], dtype=np.float32)


class CountingImages:
    """Stands for an image encoder."""

    identity, dimensions, pixels = "counting images", 3, 8
    asked = 0

    def __init__(self, settings: Any) -> None:
        pass

    def encode(self, squares: list[np.ndarray]) -> np.ndarray:
        CountingImages.asked += len(squares)
        return np.stack(squares).mean(axis=(1, 2)).astype(np.float32)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "TextEncoder", CountingText)
    monkeypatch.setattr(nodes, "ImageEncoder", CountingImages)
    monkeypatch.setattr(CountingText, "asked", [])
    monkeypatch.setattr(CountingImages, "asked", 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(4):
        (tmp_path / f"{i}.png").write_bytes(encoded(noise(i)))
    return tmp_path


def products(n: int, **everyone: str | None) -> ibis.Table:
    rows = [
        {
            "product_id": f"p{i}",
            "product_title": f"Product {i}",
            "product_category": "things",
            "image": f"{i}.png",
        }
        | everyone
        for i in range(n)
    ]
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    table = pa.Table.from_pylist(rows, schema=schema)
    return ibis.memtable(table.append_column("list_price", pa.array([9.5] * n, pa.float64())))


def reviews() -> ibis.Table:
    row = {"product_id": "p0", "split": "train", "customer_id": "c"}
    texts = {"review_date": date(2020, 1, 1), "review_headline": "", "review_body": ""}
    return ibis.memtable(pd.DataFrame([row | texts]))


def run(listed: ibis.Table, folder: Path, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """All outputs of one run; ``before`` are those of the run before it."""
    before = before or {}
    empty = EMBEDDING_SCHEMA.empty_table()
    given = {
        "products": listed,
        "reviews": reviews(),
        "raw_product_images": ImageSource(folder, folder / "downloads"),
        "previous_text_embeddings": before.get("text_embeddings", empty),
        "previous_image_embeddings": before.get("image_embeddings", empty),
        "data_quality_report": REPORT,
        "params:content": PARAMETERS,
    }
    catalog = DataCatalog({name: MemoryDataset(item, "assign") for name, item in given.items()})
    kept: dict[str, Any] = {}

    class Table(MemoryDataset):
        """Gives Arrow tables back as the catalog would: as Ibis tables."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self._name = name

        def save(self, data: Any) -> None:
            kept[self._name] = data
            super().save(ibis.memtable(data) if isinstance(data, pa.Table) else data)

    pipeline = content.create_pipeline()
    for name in pipeline.all_outputs():
        catalog[name] = Table(name)
    SequentialRunner().run(pipeline, catalog)
    return kept


@pytest.mark.usefixtures("counted")
def test_a_second_run_encodes_nothing_and_a_new_product_one(folder: Path) -> None:
    first = run(products(3), folder)
    assert (len(CountingText.asked), CountingImages.asked) == (3, 3)
    second = run(products(3), folder, first)
    assert (len(CountingText.asked), CountingImages.asked) == (3, 3)
    for name in ("text_embeddings", "image_embeddings"):
        assert second[name].equals(first[name])
    third = run(products(4), folder, second)
    assert CountingText.asked[3:] == ["Product 3"]
    assert CountingImages.asked == 4
    assert third["image_embeddings"]["product_id"].to_pylist() == ["p0", "p1", "p2", "p3"]


@pytest.mark.usefixtures("counted")
def test_a_changed_model_encodes_everything_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(products(3), folder)
    monkeypatch.setattr(CountingText, "identity", "another text")
    monkeypatch.setattr(CountingImages, "identity", "other images")
    second = run(products(3), folder, first)
    assert (len(CountingText.asked), CountingImages.asked) == (6, 6)
    assert set(second["text_embeddings"]["model"].to_pylist()) == {"another text"}


@pytest.mark.usefixtures("counted")
def test_equal_texts_are_encoded_once(folder: Path) -> None:
    run(products(3, product_title="All the same"), folder)
    assert CountingText.asked == ["All the same"]


@pytest.mark.usefixtures("counted")
def test_a_cache_of_the_wrong_length_stops_the_run(folder: Path) -> None:
    first = run(products(1), folder)
    key = first["text_embeddings"]["content_hash"][0].as_py()
    wrong = embedding_table(["p0"], [key], CountingText.identity, {key: np.ones(9)})
    with pytest.raises(EmbeddingError, match=r"a vector of 9 numbers.*which gives 4.*Delete"):
        run(products(1), folder, {"text_embeddings": wrong})


@pytest.mark.usefixtures("counted")
def test_the_report_counts_what_was_left_out(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "1.png").write_bytes(b"no picture")
    with caplog.at_level(logging.INFO):
        report = run(products(6), folder)["content_report"]
    assert report["products"] == 6
    assert report["text"]["by_source"] == {
        "metadata": 0,
        "title": 6,
        "training_reviews": 0,
        "none": 0,
    }
    assert report["text"]["model"] == "counting text"
    assert report["images"]["embedded"] == 3
    assert {k: n for k, n in report["images"]["by_status"].items() if n} == {
        "ok": 3,
        "missing": 2,
        "not_an_image": 1,
    }
    told = [r.getMessage() for r in caplog.records if r.getMessage().startswith("Content:")]
    assert len(told) == 1
    assert "6 with text, 3 with an image" in told[0]
    assert "2 images missing" in told[0]
    assert "1 image not_an_image" in told[0]


@pytest.mark.parametrize("n", [0, 3])
def test_without_any_content_every_step_still_runs(n: int, tmp_path: Path) -> None:
    """With the real encoders: they are never asked, and load nothing."""
    made = run(products(n, product_title=None, image=None), tmp_path / "no such folder")
    for name in ("text_embeddings", "image_embeddings", "product_images"):
        assert len(made[name]) == 0
    report = made["content_report"]
    assert (report["products"], report["text"]["embedded"]) == (n, 0)
    assert report["text"]["model"] is None
    assert (report["left_out"] == []) == (n == 0)
    for name, words in (("text", "text"), ("image", "an image")):
        figure = made[f"content_{name}_figure"]
        assert figure.layout.annotations[0].text == f"No product has {words}."
