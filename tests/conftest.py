"""What many tests share: the project, and one run of the whole graph on the tiny world."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["DO_NOT_TRACK"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def project_path() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def bootstrapped(project_path: Path) -> Path:
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(project_path)
    return project_path


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """The folder of real data; the test is skipped where there is none."""
    folder = os.environ.get("REAL_DATA_DIR")
    if not folder:
        pytest.skip("REAL_DATA_DIR is not set: tests on real data are skipped (docs/data.md)")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny_run(bootstrapped: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The catalog after one `kedro run --env=test`, its outputs in a temporary folder."""
    from kedro.framework.session import KedroSession

    root = tmp_path_factory.mktemp("tiny_run")
    with KedroSession.create(
        bootstrapped, env="test", runtime_params={"data_root": str(root)}
    ) as session:
        session.run()
    with KedroSession.create(
        bootstrapped, env="test", runtime_params={"data_root": str(root)}
    ) as session:
        yield session.load_context().catalog
