"""A source writes its own files whole, and touches no others."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from kedro.io import DatasetError

from product_recommender.datasets import SourceFolderDataset
from product_recommender.datasets import source_folder as module

PATTERNS = ["*.tsv", "*.tsv.gz"]


def folder_of(path: Path) -> SourceFolderDataset:
    return SourceFolderDataset(filepath=str(path), source="synthetic_data", patterns=PATTERNS)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_bytes_texts_and_streams_are_written_and_listed(tmp_path: Path) -> None:
    folder = tmp_path / "reviews"
    dataset = folder_of(folder)
    assert not dataset.exists()
    assert dataset.load() == []
    dataset.save({"b.tsv": iter([b"1\n", b"2\n"]), "a.tsv": "é\n", "c.tsv.gz": b"\x1f\x8b"})
    assert dataset.load() == [str(folder / name) for name in ("a.tsv", "b.tsv", "c.tsv.gz")]
    assert dataset.exists()
    assert (folder / "a.tsv").read_bytes() == b"\xc3\xa9\n"
    assert (folder / "b.tsv").read_bytes() == b"1\n2\n"
    assert sorted(contents(folder)) == [".synthetic_data.json", "a.tsv", "b.tsv", "c.tsv.gz"]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder_of(tmp_path / name).save({"a.tsv": "a", "b.tsv": "b"})
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_own_files_are_replaced_and_outdated_ones_removed(tmp_path: Path) -> None:
    dataset = folder_of(tmp_path)
    dataset.save({"a.tsv": "old", "b.tsv": "old"})
    dataset.save({"b.tsv": "new", "c.tsv": "new"})
    assert sorted(contents(tmp_path)) == [".synthetic_data.json", "b.tsv", "c.tsv"]
    assert (tmp_path / "b.tsv").read_text() == "new"


@pytest.mark.parametrize("name", ["a.tsv", "real.tsv.gz", "deeper/real.tsv"])
def test_foreign_files_are_neither_overwritten_nor_joined(tmp_path: Path, name: str) -> None:
    foreign = tmp_path / name
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text("real")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatasetError, match="was not written by synthetic_data") as error:
        folder_of(tmp_path).save({"a.tsv": "generated"})
    assert str(foreign) in str(error.value)
    assert "--params=data_root=" in str(error.value)
    assert sorted(tmp_path.rglob("*")) == before
    assert foreign.read_text() == "real"


def test_a_changed_file_is_not_ours_any_more(tmp_path: Path) -> None:
    dataset = folder_of(tmp_path)
    dataset.save({"a.tsv": "generated", "b.tsv": "generated"})
    (tmp_path / "b.tsv").write_text("edited by hand")
    before = contents(tmp_path)
    # Neither where it would be overwritten nor where it would be removed.
    for files in ({"b.tsv": "again"}, {"c.tsv": "other"}):
        with pytest.raises(DatasetError, match=r"b\.tsv was changed since"):
            dataset.save(dict(files))
        assert contents(tmp_path) == before


def test_files_that_no_reader_takes_may_stay(tmp_path: Path) -> None:
    (tmp_path / ".gitkeep").touch()
    (tmp_path / "notes.txt").write_text("mine")
    folder_of(tmp_path).save({"a.tsv": "generated"})
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["../a.tsv", "sub/a.tsv", "a.txt", ".a.tsv", ""])
def test_names_stay_in_the_folder_and_match_the_patterns(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="plain file name"):
        folder_of(tmp_path / "reviews").save({name: "x"})
    assert list(tmp_path.iterdir()) == []


def test_a_failing_stream_leaves_the_earlier_files(tmp_path: Path) -> None:
    dataset = folder_of(tmp_path)
    dataset.save({"a.tsv": "old"})
    before = contents(tmp_path)

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("no more")

    with pytest.raises(DatasetError, match="no more"):
        dataset.save({"0.tsv": "whole", "a.tsv": broken()})
    assert contents(tmp_path) == before


def test_a_run_killed_while_moving_files_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = folder_of(tmp_path)
    dataset.save({"a.tsv": "old a", "b.tsv": "old b"})
    real_replace = os.replace

    def die_at_b(source: str | Path, target: str | Path) -> None:
        if Path(target).name == "b.tsv":
            raise KeyboardInterrupt
        real_replace(source, target)

    monkeypatch.setattr(module.os, "replace", die_at_b)
    with pytest.raises(KeyboardInterrupt):
        dataset.save({"a.tsv": "new a", "b.tsv": "new b"})
    monkeypatch.undo()
    assert (tmp_path / "a.tsv").read_text() == "new a"
    assert (tmp_path / "b.tsv").read_text() == "old b"
    dataset.save({"a.tsv": "new a", "b.tsv": "new b"})
    assert (tmp_path / "b.tsv").read_text() == "new b"


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / ".synthetic_data.json").write_text(json.dumps(["nonsense"]))
    with pytest.raises(DatasetError, match=r"\.synthetic_data\.json is not a manifest"):
        folder_of(tmp_path).save({"a.tsv": "x"})
