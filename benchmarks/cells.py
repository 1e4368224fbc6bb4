"""Finished parts of a long measurement, kept on disk, so that an interrupted run goes on.

A cell is named by everything that it depends on: the arrays that go in, the settings, the seed, and
the code. Worlds that give a model the same arrays share their cells: where only the pictures of a
world differ, a model that sees none is trained once.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from product_recommender.interactions import Interactions

Values = dict[str, np.ndarray]

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "product_recommender"
SECONDS = "seconds"


@dataclass(frozen=True)
class Cells:
    """A folder of finished cells.

    Attributes
    ----------
    folder
        Made when the first cell is kept.
    """

    folder: Path

    def get(self, key: Mapping[str, Any], make: Callable[[], Values]) -> tuple[Values, float]:
        """The arrays of a cell, made only where they are not kept yet.

        Parameters
        ----------
        key
            Everything that the arrays depend on; json-serialisable.
        make
            Makes them.

        Returns
        -------
        values : dict of str to numpy.ndarray
        seconds : float
            How long making them took, now or then.
        """
        path = self._path(key)
        if not path.exists():
            started = time.perf_counter()
            arrays: dict[str, Any] = dict(make())
            arrays[SECONDS] = np.array(time.perf_counter() - started)
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(f".{os.getpid()}.partial")
            with unfinished.open("wb") as file:
                np.savez(file, **arrays)
            unfinished.replace(path)
        with np.load(path) as kept:
            values = {name: kept[name] for name in kept.files}
        return values, float(values.pop(SECONDS))

    def has(self, key: Mapping[str, Any]) -> bool:
        """Whether a cell is finished."""
        return self._path(key).exists()

    def _path(self, key: Mapping[str, Any]) -> Path:
        text = json.dumps(key, sort_keys=True, default=str)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"


class Progress:
    """Says before the start how long it may take, and after each cell how much is left.

    Parameters
    ----------
    missing
        Cells that have to be made.
    seconds_each
        What one takes, as a first guess; what was measured replaces it.
    """

    def __init__(self, missing: int, seconds_each: float) -> None:
        self._left, self._guess = missing, seconds_each
        self._made: list[float] = []
        _say(f"{missing} cells to make, about {self._minutes()}; finished ones are kept")

    def made(self, what: str, seconds: float) -> None:
        """One more."""
        self._left -= 1
        self._made.append(seconds)
        _say(f"{what}: {seconds:.1f} s; {self._left} left, about {self._minutes()}")

    def _minutes(self) -> str:
        each = float(np.mean(self._made)) if self._made else self._guess
        return f"{max(self._left, 0) * each / 60:.0f} minutes"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def digest(*parts: object) -> str:
    """SHA-256 of arrays (values, shape and type), texts and numbers."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            array = np.ascontiguousarray(part)
            found.update(f"{array.dtype}{array.shape}".encode())
            found.update(array.tobytes())
        else:
            found.update(repr(part).encode())
    return found.hexdigest()


def digest_of_interactions(rows: Interactions, kinds: Sequence[str]) -> str:
    """SHA-256 of purchases, categories and of the contents of these kinds.

    Parameters
    ----------
    rows
        The purchases.
    kinds
        Keys of ``Interactions.contents``; others are not seen by the model that is meant.
    """
    contents = [
        (kind, digest(content.vectors, content.known), content.model)
        for kind, content in sorted(rows.contents.items())
        if kind in kinds
    ]
    arrays = (rows.users, rows.items, rows.stars, rows.days, rows.item_categories)
    return digest(*arrays, rows.n_users, rows.n_items, contents)


def digest_of_code(*benchmarks: str) -> str:
    """SHA-256 of the sources that decide what a recommender answers.

    Parameters
    ----------
    *benchmarks
        Names of modules beside this one that take part.
    """
    files = [PACKAGE / "interactions.py", PACKAGE / "evaluation_cuts.py"]
    for room in ("recommenders", "metrics"):
        files += sorted((PACKAGE / room).glob("*.py"))
    files += [Path(__file__).with_name(f"{name}.py") for name in benchmarks]
    return digest(*(file.read_text() for file in files))
