"""The pipeline, the committed tiny world, and what conf says about it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from PIL import Image

from product_recommender.datasets import SourceFolderDataset
from product_recommender.pipelines.synthetic_data import create_pipeline
from product_recommender.pipelines.synthetic_data.nodes import generate_world
from product_recommender.pipelines.synthetic_data.parameters import SyntheticDataParameters
from product_recommender.synthesis.settings import WorldSettings

PROJECT = Path(__file__).resolve().parents[2]
COMMITTED = PROJECT / "tests" / "world"
FOLDERS = ("reviews", "metadata", "customers")


def configured(environment: str) -> dict[str, Any]:
    loader = OmegaConfigLoader(
        str(PROJECT / "conf"),
        base_env="base",
        default_run_env=environment,
        merge_strategy={"parameters": "soft", "globals": "soft"},
    )
    return loader["parameters"]["synthetic_data"]


@pytest.fixture(scope="module")
def tiny() -> tuple[Any, ...]:
    return generate_world(SyntheticDataParameters(**configured("test")))


def test_the_committed_world_is_what_the_generator_makes(tiny: tuple[Any, ...]) -> None:
    for folder, files in zip(FOLDERS, tiny[:3], strict=True):
        committed = {p.name: p.read_bytes() for p in (COMMITTED / folder).glob("[!.]*")}
        made = {name: b"".join(blocks) for name, blocks in files.items()}
        assert sorted(committed) == sorted(made)
        for name, content in made.items():
            assert committed[name] == content, f"{name}: see the README of synthetic_data"


def test_the_committed_pictures_are_what_the_generator_draws(tiny: tuple[Any, ...]) -> None:
    """Pixels, not bytes: another Pillow may pack, smooth or choose the palette otherwise."""
    committed = {path.name: path for path in (COMMITTED / "images").glob("[!.]*")}
    assert sorted(committed) == sorted(tiny[3])
    for name, blocks in tiny[3].items():
        ours = np.asarray(Image.open(io.BytesIO(b"".join(blocks))).convert("RGB"), dtype=float)
        theirs = np.asarray(Image.open(committed[name]).convert("RGB"), dtype=float)
        assert ours.shape == theirs.shape == (128, 128, 3)
        assert np.abs(ours - theirs).mean() < 2.0, f"{name}: see the README of synthetic_data"


def test_the_committed_truth_is_that_of_the_generator(tiny: tuple[Any, ...]) -> None:
    """Values, not bytes: parquet files name the library version that wrote them."""
    for name, made in zip(("customers", "products"), tiny[4:6], strict=True):
        committed = pq.read_table(COMMITTED / "planted_truth" / f"{name}.parquet")
        assert committed.column_names == made.column_names
        for column in made.column_names:
            ours, theirs = made[column].to_pylist(), committed[column].to_pylist()
            if pa.types.is_string(made[column].type):
                assert ours == theirs
            else:
                np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, err_msg=column)
    record = json.loads((COMMITTED / "planted_truth" / "world.json").read_text())
    np.testing.assert_allclose(record.pop("thresholds"), tiny[6]["thresholds"], rtol=1e-9)
    assert record == {key: value for key, value in tiny[6].items() if key != "thresholds"}


def test_the_committed_world_is_small_and_known_as_generated() -> None:
    files = [path for path in COMMITTED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 750_000
    assert sum(path.stat().st_size for path in files if path.suffix == ".png") < 300_000
    for folder in (*FOLDERS, "images"):
        assert (COMMITTED / folder / ".synthetic_data.json").exists()
    lines = sum(p.read_bytes().count(b"\n") - 1 for p in (COMMITTED / "reviews").glob("*.tsv"))
    assert lines == 1_200


def test_the_pipeline_writes_its_files_through_the_source_folders(tmp_path: Path) -> None:
    parameters = configured("test") | {"n_products": 40, "n_customers": 60, "n_reviews": 150}
    folders = {
        "generated_review_files": SourceFolderDataset(
            filepath=str(tmp_path / "reviews"), source="synthetic_data", patterns=["*.tsv"]
        ),
        "generated_product_metadata": SourceFolderDataset(
            filepath=str(tmp_path / "metadata"), source="synthetic_data", patterns=["*.jsonl"]
        ),
        "generated_customers": SourceFolderDataset(
            filepath=str(tmp_path / "customers"), source="synthetic_data", patterns=["*.csv"]
        ),
        "generated_product_images": SourceFolderDataset(
            filepath=str(tmp_path / "images"), source="synthetic_data", patterns=["*.png"]
        ),
    }
    truth = ("planted_customers", "planted_products", "planted_world")
    catalog = DataCatalog(
        {
            **folders,
            **{name: MemoryDataset() for name in truth},
            "params:synthetic_data": MemoryDataset(SyntheticDataParameters(**parameters)),
        }
    )
    SequentialRunner().run(create_pipeline(), catalog)
    written = [line for p in (tmp_path / "reviews").glob("*.tsv") for line in p.open()]
    assert len(written) == 150 + 4  # four headers
    assert len((tmp_path / "metadata" / "products.jsonl").read_text().splitlines()) == 40
    assert len((tmp_path / "customers" / "customers.csv").read_text().splitlines()) == 61
    assert len(catalog.load("planted_customers")) == 60
    assert len(list((tmp_path / "images").glob("*.png"))) == 40


def test_the_values_in_conf_are_the_defaults_of_the_code() -> None:
    assert (
        SyntheticDataParameters(**configured("base")).model_dump() == WorldSettings().model_dump()
    )


def test_a_misspelt_or_impossible_parameter_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="taste_strenght"):
        SyntheticDataParameters(**configured("base") | {"taste_strenght": 1.0})
    with pytest.raises(ValueError, match="signal_strength"):
        SyntheticDataParameters(**configured("base") | {"signal_strength": -1.0})
