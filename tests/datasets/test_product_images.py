"""Entries that may be absent: the folder of images, and the table of an earlier run."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.io import DatasetError

from product_recommender.content.vectors import EMBEDDING_SCHEMA, PATH_KEY
from product_recommender.datasets import PreviousEmbeddingsDataset, ProductImagesDataset


def test_a_missing_folder_is_a_source_without_images(tmp_path: Path) -> None:
    dataset = ProductImagesDataset(
        filepath=str(tmp_path / "none"), downloads=str(tmp_path / "kept")
    )
    source = dataset.load()
    assert (source.folder, source.downloads) == (tmp_path / "none", tmp_path / "kept")
    assert source.resolver is None
    assert not dataset.exists()
    assert not list(tmp_path.iterdir())


def test_no_earlier_run_is_an_empty_table(tmp_path: Path) -> None:
    dataset = PreviousEmbeddingsDataset(filepath=str(tmp_path / "t.parquet"))
    assert dataset.exists()
    assert dataset.load().schema == EMBEDDING_SCHEMA
    assert len(dataset.load()) == 0


def test_an_earlier_table_comes_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "a=b" / "t.parquet"
    path.parent.mkdir()
    table = pa.table([["p"], ["h"], ["m"], [[1.0, 2.0]]], schema=EMBEDDING_SCHEMA)
    pq.write_table(table, path)
    loaded = PreviousEmbeddingsDataset(filepath=str(path)).load()
    assert loaded.equals(table)
    assert loaded.schema.metadata[PATH_KEY] == str(path).encode()


def test_a_damaged_table_names_the_file_to_delete(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DatasetError, match=r"t\.parquet cannot be read as parquet.*Delete it"):
        PreviousEmbeddingsDataset(filepath=str(path)).load()


@pytest.mark.parametrize("kind", [PreviousEmbeddingsDataset, ProductImagesDataset])
def test_they_are_read_only(kind: type, tmp_path: Path) -> None:
    more = {"downloads": "d"} if kind is ProductImagesDataset else {}
    with pytest.raises(DatasetError, match="only read"):
        kind(filepath=str(tmp_path / "x"), **more).save(EMBEDDING_SCHEMA.empty_table())
