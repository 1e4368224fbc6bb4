"""Run `kedro` in a process of its own and measure it: time, peak memory, exit code."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class MeasuredRun:
    """One finished command.

    Attributes
    ----------
    seconds
        Wall time from start to exit, imports included.
    peak_memory_mb
        Largest sum of resident memory over the process and its children, in MB, sampled.
    output
        Standard output and error together.
    """

    seconds: float
    peak_memory_mb: float
    output: str


def run_kedro(*arguments: str) -> MeasuredRun:
    """Run ``kedro ARGUMENTS`` in the project and wait for it.

    Parameters
    ----------
    *arguments
        For example ``"run", "--env=test"``.

    Raises
    ------
    SystemExit
        With the end of the output, if the command fails.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "120"},
    )
    peak: list[float] = [0.0]
    watcher = threading.Thread(target=_watch_memory, args=(process.pid, peak), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.stderr.write(output[-4000:])
        raise SystemExit(f"kedro {' '.join(arguments)} failed with exit code {process.returncode}")
    return MeasuredRun(round(seconds, 1), round(peak[0] / 1e6), output)


def load_catalog(environment: str | None, **runtime_parameters: Any) -> Any:
    """The catalog of an environment, for reading results.

    Parameters
    ----------
    environment
        Name of the environment; None is base with local.
    **runtime_parameters
        Such as ``data_root``.
    """
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(PROJECT)
    with KedroSession.create(
        PROJECT, env=environment, runtime_params=runtime_parameters
    ) as session:
        return session.load_context().catalog


def _watch_memory(pid: int, peak: list[float]) -> None:
    import psutil

    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            total = 0.0
            for member in [process, *process.children(recursive=True)]:
                try:
                    total += member.memory_info().rss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], total)
            time.sleep(0.1)
    except psutil.Error:
        return
