"""The notebooks run from top to bottom on what a run has left in the catalog."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def project_with_two_runs(tiny_run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project whose test environment holds one run and a second evaluation."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("conf", "src", "notebooks"):
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "tests" / "world", copy / "tests" / "world")
    shutil.copytree(PROJECT / "benchmarks" / "results", copy / "benchmarks" / "results")
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, copy / name)
    root = Path(str(tiny_run.get("reviews")._filepath)).parents[1]
    shutil.copytree(root, copy / "data" / "test")
    again = [sys.executable, "-m", "kedro", "run", "--env=test", "--pipelines=evaluation"]
    done = subprocess.run(again, cwd=copy, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return copy


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(
    path: Path, project_with_two_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEDRO_ENV", "test")
    monkeypatch.setenv("COLUMNS", "120")
    notebook = nbformat.read(project_with_two_runs / "notebooks" / path.name, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=180,
        kernel_name="python3",
        resources={"metadata": {"path": str(project_with_two_runs / "notebooks")}},
    )
    client.execute()
    text = "\n".join(
        str(output.get("text", "")) for cell in notebook.cells for output in cell.get("outputs", [])
    )
    if path.stem.startswith("03"):
        assert "2 version(s)" in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells
    for cell in notebook.cells:
        assert not cell.get("outputs"), "clear the outputs before committing"
