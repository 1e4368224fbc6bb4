"""What the manifest of the raw input says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from kedro.io import DatasetError

from product_recommender.datasets import RawManifestDataset, SourceFolderDataset

TSV = ["*.tsv"]


def test_files_are_hashed_and_generated_ones_recognised(tmp_path: Path) -> None:
    source = SourceFolderDataset(
        filepath=str(tmp_path / "made"), source="synthetic_data", patterns=TSV
    )
    source.save({"a.tsv": "generated", "b.tsv": "generated, then changed"})
    (tmp_path / "made" / "b.tsv").write_text("changed")
    (tmp_path / "real.tsv").write_bytes(b"real")
    (tmp_path / "foreign.csv").touch()
    manifest = RawManifestDataset(filepath=str(tmp_path), patterns=TSV).load()
    assert manifest["input"] == str(tmp_path)
    assert manifest["ignored_files"] == ["foreign.csv"]
    assert [(f["file"], f["bytes"], f["generated"]) for f in manifest["files"]] == [
        ("made/a.tsv", 9, True),
        ("made/b.tsv", 7, False),
        ("real.tsv", 4, False),
    ]
    assert manifest["files"][2]["sha256"] == hashlib.sha256(b"real").hexdigest()


def test_files_of_another_source_are_not_generated(tmp_path: Path) -> None:
    SourceFolderDataset(filepath=str(tmp_path), source="data_ingestion", patterns=TSV).save(
        {"a.tsv": "downloaded"}
    )
    (file,) = RawManifestDataset(filepath=str(tmp_path), patterns=TSV).load()["files"]
    assert file["generated"] is False


def test_nothing_to_list_is_an_error(tmp_path: Path) -> None:
    dataset = RawManifestDataset(filepath=str(tmp_path / "missing"), patterns=TSV)
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="synthetic_data"):
        dataset.load()
    with pytest.raises(DatasetError, match="never written"):
        dataset.save({})
