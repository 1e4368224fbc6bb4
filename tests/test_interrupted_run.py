"""`kill -9` at any moment, then `--only-missing-outputs`: the run ends as if it had not been."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


def command(root: Path, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "kedro",
        "run",
        "--env=test",
        f"--params=data_root={root}",
        *more,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [4.0, 7.0, 10.0])
def test_killed_run_is_completed_by_only_missing_outputs(tmp_path: Path, seconds: float) -> None:
    killed = subprocess.Popen(
        command(tmp_path), cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(seconds)
    killed.send_signal(signal.SIGKILL)
    killed.wait(timeout=30)
    before = {p for p in tmp_path.rglob("*") if p.is_file() and ".partial" not in p.name}
    done = subprocess.run(
        command(tmp_path, "--only-missing-outputs"),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    after = {p for p in tmp_path.rglob("*") if p.is_file()}
    assert before < after
    assert list(tmp_path.glob("08_reporting/metrics.csv/*/metrics.csv"))
    assert (tmp_path / "07_model_output" / "recommendations.parquet").exists()
