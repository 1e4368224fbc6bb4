"""A dataset on disk is whole or absent, whatever happens to the writer."""

from __future__ import annotations

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest
from kedro.io import DatasetError, Version

from product_recommender.datasets import AtomicDataset


def json_entry(path: Path, version: Version | None = None) -> AtomicDataset:
    return AtomicDataset(filepath=str(path), dataset={"type": "json.JSONDataset"}, version=version)


def test_saves_and_loads_through_the_wrapped_dataset(tmp_path: Path) -> None:
    entry = AtomicDataset(
        filepath=str(tmp_path / "folder" / "table.csv"),
        dataset={"type": "pandas.CSVDataset", "save_args": {"index": False}},
    )
    assert not entry.exists()
    entry.save(pd.DataFrame({"a": [1, 2]}))
    assert entry.exists()
    assert entry.load()["a"].tolist() == [1, 2]
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["table.csv"]


def test_failed_save_keeps_the_previous_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    entry = json_entry(tmp_path / "x.json")
    entry.save({"good": 1})
    with pytest.raises(DatasetError):
        entry.save({"bad": object()})
    assert entry.load() == {"good": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_failed_first_save_leaves_the_entry_absent(tmp_path: Path) -> None:
    entry = AtomicDataset(
        filepath=str(tmp_path / "w.safetensors"),
        dataset={
            "type": "kedro_datasets_experimental.safetensors.SafetensorsDataset",
            "backend": "torch",
        },
    )
    with pytest.raises(DatasetError):
        entry.save({"not": "a tensor"})
    assert not entry.exists()
    assert list(tmp_path.iterdir()) == []


def test_versions_are_kept_side_by_side_and_the_newest_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    json_entry(path, Version(None, "2026-01-01T00.00.00.000Z")).save({"run": 1})
    json_entry(path, Version(None, "2026-01-02T00.00.00.000Z")).save({"run": 2})
    assert json_entry(path, Version(None, None)).load() == {"run": 2}
    assert json_entry(path, Version("2026-01-01T00.00.00.000Z", None)).load() == {"run": 1}


def test_what_was_saved_in_a_session_is_what_the_session_loads(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    json_entry(path, Version(None, "2026-01-01T00.00.00.000Z")).save({"run": 1})
    entry = json_entry(path, Version(None, "2026-01-02T00.00.00.000Z"))
    assert entry.load() == {"run": 1}
    entry.save({"run": 2})
    assert entry.load() == {"run": 2}


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"absent\.json does not exist"):
        json_entry(tmp_path / "absent.json").load()


def test_previews_reach_kedro_viz_with_the_right_type(tmp_path: Path) -> None:
    figure = AtomicDataset(filepath=str(tmp_path / "f.json"), dataset="plotly.JSONDataset")
    figure.save(go.Figure(go.Bar(x=["a"], y=[3])))
    annotation = inspect.signature(figure.preview).return_annotation
    assert getattr(annotation, "__name__", annotation) == "PlotlyPreview"
    assert figure.preview()["data"][0]["type"] == "bar"

    table = AtomicDataset(filepath=str(tmp_path / "t.csv"), dataset="pandas.CSVDataset")
    table.save(pd.DataFrame({"a": range(9)}))
    assert len(table.preview(nrows=4)["data"]) == 4

    tensors = AtomicDataset(
        filepath=str(tmp_path / "w"),
        dataset={
            "type": "kedro_datasets_experimental.safetensors.SafetensorsDataset",
            "backend": "torch",
        },
    )
    assert not hasattr(tensors, "preview")


@pytest.mark.parametrize("key", ["filepath", "versioned"])
def test_path_and_versioning_belong_to_the_wrapper(tmp_path: Path, key: str) -> None:
    with pytest.raises(DatasetError, match=key):
        AtomicDataset(filepath=str(tmp_path / "x"), dataset={"type": "json.JSONDataset", key: "y"})


def test_killed_writer_leaves_the_previous_file(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    target.write_text(json.dumps({"good": 1}))
    code = f"""
import sys, time
from kedro_datasets.json import JSONDataset
from product_recommender.datasets import AtomicDataset
def slow_save(self, data):
    with open(str(self._filepath), "w") as handle:
        handle.write('{{"half":')
        handle.flush()
        print("writing", flush=True)
        time.sleep(60)
JSONDataset.save = slow_save
AtomicDataset(filepath={str(target)!r}, dataset={{"type": JSONDataset}}).save({{}})
"""
    source = str(Path(__file__).resolve().parents[2] / "src")
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": source},
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "writing"
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    time.sleep(0.05)
    assert json.loads(target.read_text()) == {"good": 1}
    assert len(list(tmp_path.iterdir())) == 2  # the half-written sibling
    json_entry(target).save({"good": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
