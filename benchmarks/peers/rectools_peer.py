"""RecTools' lists and metrics, run in the peers' environment and told what to do by lines.

Started by ``benchmarks.speed``: ``python rectools_peer.py FOLDER``; see ``README.md`` beside it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

# What libraries print goes to stderr; the replies have the real standard output to themselves.
REPLIES = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from rectools import Columns  # noqa: E402
from rectools.dataset import Dataset  # noqa: E402
from rectools.metrics import Recall, calc_metrics  # noqa: E402
from rectools.models import PureSVDModel  # noqa: E402


def main() -> None:
    """Answer one request a line until the input ends."""
    evaluation = Evaluation(Path(sys.argv[1]))
    for line in sys.stdin:
        REPLIES.write(json.dumps(evaluation.run(json.loads(line)["threads"])) + "\n")


class Evaluation:
    """Full ranking with given vectors (RecTools' PureSVD, whose score is their inner product).

    Parameters
    ----------
    folder
        Holds ``ranking.npz``: ``history`` and ``targets`` int64 ``[., 2]``, ``user_vectors`` and
        ``item_vectors`` float32.
    """

    def __init__(self, folder: Path) -> None:
        given = np.load(folder / "ranking.npz")
        self.dataset = Dataset.construct(table(given["history"]))
        self.targets = table(given["targets"])
        self.model: Any = PureSVDModel(factors=2).fit(self.dataset)
        users = self.dataset.user_id_map.external_ids
        items = self.dataset.item_id_map.external_ids
        self.model.user_factors = given["user_vectors"][users]
        self.model.item_factors = given["item_vectors"][items]
        self.users = self.targets[Columns.User].unique()

    def run(self, threads: int) -> dict[str, Any]:
        """Lists and metrics of all users who have a target."""
        self.model.recommend_n_threads = threads
        started = time.perf_counter()
        lists = self.model.recommend(self.users, self.dataset, k=20, filter_viewed=True)
        metrics = calc_metrics({"recall": Recall(k=20)}, lists, self.targets)
        seconds = time.perf_counter() - started
        return {
            "seconds": seconds,
            "users": len(self.users),
            "recall": float(metrics["recall"]),
        }


def table(rows: np.ndarray) -> pd.DataFrame:
    """User and item numbers as RecTools reads them."""
    return pd.DataFrame(
        {
            Columns.User: rows[:, 0],
            Columns.Item: rows[:, 1],
            Columns.Weight: 1.0,
            Columns.Datetime: pd.Timestamp("2020-01-01"),
        }
    )


if __name__ == "__main__":
    main()
