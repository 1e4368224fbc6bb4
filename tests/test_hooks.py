"""What a run shows while it runs and when it has ended."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node
from kedro_datasets.json import JSONDataset

from product_recommender import progress
from product_recommender.datasets import SourceFolderDataset
from product_recommender.hooks import RunReportHooks, print_outputs, where_is


def chain(names: list[str]) -> Pipeline:
    """``start`` -> names[0] -> names[1] ..., each made by a node of its own."""
    pairs = zip(["start", *names[:-1]], names, strict=True)
    return Pipeline([node(lambda x: x, before, after, name=after) for before, after in pairs])


def stored(folder: Path, names: list[str]) -> DataCatalog:
    catalog = DataCatalog({n: JSONDataset(filepath=str(folder / f"{n}.json")) for n in names})
    for name in names:
        catalog.save(name, {})
    return catalog


def test_a_partial_run_ends_with_where_its_outputs_lie(tmp_path: Path, capsys) -> None:
    names = ["typed", "clean"]
    print_outputs(stored(tmp_path, names), chain(names))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Where to look:"
    # What nothing else reads comes first.
    assert [line.split() for line in lines[1:]] == [
        ["clean", str(tmp_path / "clean.json")],
        ["typed", str(tmp_path / "typed.json")],
    ]


def test_many_outputs_are_counted_not_listed(tmp_path: Path, capsys) -> None:
    names = [f"table_{i:02d}" for i in range(15)]
    print_outputs(stored(tmp_path, names), chain(names))
    out = capsys.readouterr().out
    assert out.count(".json") == 12
    assert "and 3 more" in out


def test_nothing_on_disk_says_nothing(capsys) -> None:
    print_outputs(DataCatalog({"typed": MemoryDataset({})}), chain(["typed"]))
    assert capsys.readouterr().out == ""


def test_a_source_is_found_by_its_folder(tmp_path: Path) -> None:
    folder = SourceFolderDataset(
        filepath=str(tmp_path / "reviews"), source="synthetic_data", patterns=["*.tsv"]
    )
    catalog = DataCatalog({"generated": folder, "in_memory": MemoryDataset(1)})
    assert where_is(catalog, "generated") is None
    folder.save({"a.tsv": iter([b"x\n"])})
    assert where_is(catalog, "generated") == str(tmp_path / "reviews")
    assert where_is(catalog, "in_memory") is None


@pytest.mark.parametrize("ending", ["after_node_run", "on_node_error"])
def test_every_step_has_a_bar_that_ends(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(progress, "is_terminal", lambda: True)
    monkeypatch.setattr(progress, "SECONDS_BEFORE_PROGRESS", 3600.0)
    hooks = RunReportHooks()
    hooks._total = 7
    step = SimpleNamespace(name="train_node")
    hooks.before_node_run(step)
    shown += [s.what for s in hooks._node_steps.values()]
    getattr(hooks, ending)(step)
    assert shown == ["[1/7] train_node"]
    assert hooks._node_steps == {}
