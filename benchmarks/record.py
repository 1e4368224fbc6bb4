"""How a measurement is kept: one JSON file in `benchmarks/results/` with all it depends on."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
from pathlib import Path
from typing import Any

from product_recommender.machine import describe_machine

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("kedro", "ibis-framework", "duckdb", "torch", "numpy", "scikit-learn", "nltk")


def described(machine: dict[str, Any]) -> str:
    """The machine in one line.

    Parameters
    ----------
    machine
        As returned by ``describe_machine``.
    """
    return (
        f"{machine['cores']} cores, {machine['processor']}, {machine['memory_gb']:.0f} GB, "
        f"Python {machine['python']}"
    )


def write_result(name: str, command: str, content: dict[str, Any]) -> Path:
    """Write ``benchmarks/results/<name>.json``.

    Parameters
    ----------
    name
        Name of the result, without suffix.
    command
        The command that makes this result again.
    content
        What was measured: data, seeds, figures. JSON-serialisable.

    Returns
    -------
    Path
        The file.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    record = {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "machine": describe_machine(),
        "packages": {package: importlib.metadata.version(package) for package in PACKAGES},
        **content,
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(record, indent=2, default=float) + "\n")
    return path
