"""RecBole's trainer and evaluation, run in RecBole's own environment and told what to do by lines.

Started by ``benchmarks.speed``: ``python recbole_peer.py FOLDER``. FOLDER holds what both sides are
given; see ``benchmarks/peers/README.md``. This file imports nothing of the project, because the
project is not installed where it runs.
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
import torch  # noqa: E402


def main() -> None:
    """Answer one request a line until the input ends."""
    folder = Path(sys.argv[1])
    sys.argv = sys.argv[:1]  # RecBole reads the command line as well
    peers: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        torch.set_num_threads(request["threads"])
        key = json.dumps([request["do"], request["batch"]])
        if key not in peers:
            peers[key] = (Training if request["do"] == "train" else Evaluation)(
                folder, request["batch"]
            )
        REPLIES.write(json.dumps(peers[key].run()) + "\n")


class Training:
    """NeuMF on the purchases of ``train.npy``.

    Parameters
    ----------
    folder
        Holds ``train.npy``, int64 ``[n, 2]`` users and items, and ``neumf.json``, the sizes.
    batch
        ``train_batch_size``: samples, negatives included, as RecBole counts them.
    """

    def __init__(self, folder: Path, batch: int) -> None:
        sizes = json.loads((folder / "neumf.json").read_text())
        train = np.load(folder / "train.npy")
        # RecBole wants all three parts; two of one row each cost nothing in a training epoch.
        write_parts(folder, "purchases", {"train": train, "valid": train[:1], "test": train[:1]})
        settings = {
            "mf_embedding_size": sizes["factors"],
            "mlp_embedding_size": sizes["mlp_width"],
            "mlp_hidden_size": sizes["layers"],
            "dropout_prob": sizes["dropout"],
            "learning_rate": sizes["learning_rate"],
            "train_batch_size": batch,
            "train_neg_sample_args": {
                "distribution": "uniform",
                "sample_num": sizes["negatives"],
                "dynamic": False,
            },
        }
        self.trainer, self.loader, _ = prepared("NeuMF", folder, "purchases", settings)
        self.samples = len(train) * (1 + sizes["negatives"])

    def run(self) -> dict[str, Any]:
        """One epoch, negatives drawn by RecBole's own loader."""
        started = time.perf_counter()
        loss = self.trainer._train_epoch(self.loader, 0)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "samples": self.samples, "loss": float(loss)}


class Evaluation:
    """Full ranking with given vectors (RecBole's BPR, whose score is their inner product).

    Parameters
    ----------
    folder
        Holds ``ranking.npz``: ``history`` and ``targets`` int64 ``[., 2]``, ``user_vectors`` and
        ``item_vectors`` float32.
    batch
        ``eval_batch_size``: scores at once, as RecBole counts them.
    """

    def __init__(self, folder: Path, batch: int) -> None:
        given = np.load(folder / "ranking.npz")
        history, targets = given["history"], given["targets"]
        write_parts(folder, "ranking", {"train": history, "valid": targets[:1], "test": targets})
        width = given["user_vectors"].shape[1]
        settings = {"embedding_size": width, "eval_batch_size": batch}
        self.trainer, _, self.loader = prepared("BPR", folder, "ranking", settings)
        model, dataset = self.trainer.model, self.loader._dataset
        with torch.no_grad():
            for table, field, vectors in (
                (model.user_embedding.weight, "user_id", given["user_vectors"]),
                (model.item_embedding.weight, "item_id", given["item_vectors"]),
            ):
                tokens = dataset.field2id_token[field]
                codes = np.array([int(token) for token in tokens[1:]])
                table[1:] = torch.from_numpy(vectors[codes])
        self.users = len(np.unique(targets[:, 0]))

    def run(self) -> dict[str, Any]:
        """RecBole's evaluation from scores to metrics."""
        started = time.perf_counter()
        metrics = self.trainer.evaluate(self.loader, load_best_model=False)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "users": self.users, "recall": float(metrics["recall@20"])}


def write_parts(folder: Path, name: str, parts: dict[str, np.ndarray]) -> None:
    """Write the parts of a data set as RecBole reads them."""
    target = folder / name
    target.mkdir(exist_ok=True)
    for part, rows in parts.items():
        with (target / f"{name}.{part}.inter").open("w") as file:
            file.write("user_id:token\titem_id:token\n")
            np.savetxt(file, rows, fmt="%d", delimiter="\t")


def prepared(
    model_name: str, folder: Path, name: str, settings: dict[str, Any]
) -> tuple[Any, Any, Any]:
    """Trainer, training loader and test loader, made as RecBole's quick start makes them."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    config = Config(
        model=model_name,
        dataset=name,
        config_dict={
            "data_path": str(folder),
            "checkpoint_dir": str(folder / "checkpoints"),
            "benchmark_filename": ["train", "valid", "test"],
            "load_col": {"inter": ["user_id", "item_id"]},
            "USER_ID_FIELD": "user_id",
            "ITEM_ID_FIELD": "item_id",
            "eval_args": {"order": "RO", "group_by": "user", "mode": "full"},
            "metrics": ["Recall"],
            "topk": [20],
            "valid_metric": "Recall@20",
            "use_gpu": False,
            "show_progress": False,
            "seed": 0,
            "reproducibility": False,
            "metric_decimal_place": 6,
            **settings,
        },
    )
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    train, _, test = data_preparation(config, dataset)
    model = get_model(config["model"])(config, train._dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    trainer.eval_collector.data_collect(train)
    return trainer, train, test


if __name__ == "__main__":
    main()
