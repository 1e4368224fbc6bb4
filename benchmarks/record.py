"""How a measurement is kept: one JSON file in `benchmarks/results/` with all it depends on."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
from pathlib import Path
from typing import Any

from product_recommender.machine import describe_machine

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    "kedro",
    "ibis-framework",
    "duckdb",
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "implicit",
    "transformers",
    "pillow",
    "nltk",
)


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


def provenance(command: str) -> dict[str, Any]:
    """What every measurement says of itself: command, date, machine, packages.

    Parameters
    ----------
    command
        The command that makes this result again.
    """
    return {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "machine": describe_machine(),
        "packages": {package: importlib.metadata.version(package) for package in PACKAGES},
    }


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
    record = provenance(command) | content
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(record, indent=2, default=float) + "\n")
    return path
