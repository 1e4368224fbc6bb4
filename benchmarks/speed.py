"""How fast training and evaluation are beside RecBole and RecTools, measured in turns in one run.

    python -m benchmarks.speed [--data DIR] [--peers DIR] [--repeats N] [--threads N]
        [--purchases N] [--users N]

The first run installs the peers into an environment of their own (``--peers``, by default
``.venv-peers``), from ``benchmarks/peers/requirements.txt``; the README beside that file says what
is compared. Purchases come from the NCF split of MovieLens-1M under ``--data`` (a folder as of
``benchmarks.published --protocol ncf``; by default that under ``REAL_DATA_DIR``), or are drawn with
the same sizes where there is none.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.environment import Peer, peer_python
from benchmarks.record import RESULTS, described, write_result
from product_recommender.interactions import Interactions

PROJECT = Path(__file__).resolve().parents[1]
REAL_DATA = "benchmarks/ncf_movielens_1m"
SEED = 0

NEGATIVES = 4
NEUMF: dict[str, Any] = {
    "factors": 8,
    "mlp_width": 32,
    "layers": [32, 16, 8],
    "negatives": NEGATIVES,
    "dropout": 0.0,
}
LEARNING_RATE = 0.001
DRAWN = 100_000
"""Purchases that are drawn where there is no folder."""

BATCHES = (409, 2048)
"""Purchases in a batch: with their negatives 2,045 samples, RecBole's default, and 10,240."""

ITEMS, WIDTH, HISTORY, LIST_LENGTH = 20_000, 64, 20, 20
RECBOLE_DEFAULT_CELLS, RECBOLE_BEST_CELLS = 4096, 2_000_000
"""``eval_batch_size``: as RecBole sets it (a batch is then one customer), and the fastest of those
tried (4,096, 2 M and 16 M scores a batch)."""

Sides = dict[str, Callable[[], dict[str, Any]]]
"""What a side is called -> one run of it: its ``seconds``, and how much was done."""

Runs = dict[str, list[float]]
"""Side -> units a second, one figure a repeat."""


def main() -> None:
    """Measure, print and write ``benchmarks/results/speed.json`` and ``.md``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder of the ncf protocol")
    parser.add_argument("--peers", type=Path, default=PROJECT / ".venv-peers")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--purchases", type=int, default=DRAWN, help="in a training epoch")
    parser.add_argument("--users", type=int, default=4096, help="who are evaluated")
    arguments = parser.parse_args()

    import torch

    torch.set_num_threads(arguments.threads)
    python = peer_python(arguments.peers)
    figures: dict[str, Any] = {
        "seed": SEED,
        "threads": arguments.threads,
        "repeats": arguments.repeats,
    }
    with tempfile.TemporaryDirectory() as scratch:
        figures["training"] = measure_training(python, Path(scratch), arguments)
        figures["evaluation"] = measure_evaluation(python, Path(scratch), arguments)
    figures["ease"] = measure_ease(arguments)
    command = (
        f"python -m benchmarks.speed --repeats {arguments.repeats} --threads {arguments.threads} "
        f"--purchases {arguments.purchases} --users {arguments.users}"
    )
    path = write_result("speed", command, figures)
    text = as_markdown(json.loads(path.read_text()))
    (RESULTS / "speed.md").write_text(text)
    print(text)


# ---------------------------------------------------------------------- training


def measure_training(python: Path, scratch: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Epochs of NeuMF in RecBole's trainer and in ours, in turns."""
    name, train = _purchases(arguments.data, arguments.purchases)
    np.save(scratch / "train.npy", np.stack([train.users, train.items], axis=1).astype(np.int64))
    sizes = NEUMF | {"learning_rate": LEARNING_RATE}
    (scratch / "neumf.json").write_text(json.dumps(sizes))
    result: dict[str, Any] = {
        "data": name,
        "purchases": len(train),
        "users": train.n_users,
        "items": train.n_items,
        "network": sizes,
        "batches": [],
    }
    with Peer(python, "recbole_peer.py", scratch) as recbole:
        for batch in BATCHES:
            sides = _recbole_epochs(recbole, batch, arguments.threads)
            sides["ours"] = lambda batch=batch: _our_epoch(train, batch)
            runs, _ = in_turns(sides, arguments.repeats, "samples")
            result["batches"].append({"purchases_in_a_batch": batch} | compared(runs))
    return result


def _recbole_epochs(peer: Peer, batch: int, threads: int) -> Sides:
    """Its epoch with one thread and with several: small batches can be faster on one."""
    request = {"do": "train", "batch": batch * (1 + NEGATIVES)}

    def on(n: int) -> Callable[[], dict[str, Any]]:
        return lambda: peer.ask(request | {"threads": n})

    return {f"RecBole, {n} thread{'s' * (n > 1)}": on(n) for n in sorted({1, threads})}


def _our_epoch(train: Interactions, batch: int) -> dict[str, Any]:
    from product_recommender.recommenders.ncf_negative_sampling import NCFNegativeSampling

    config = NCFNegativeSampling.Config(
        **NEUMF,
        negative_popularity=0.0,
        l2=0.0,
        seed=SEED,
        training={"epochs": 1, "batch_size": batch, "learning_rate": LEARNING_RATE},
    )
    report = NCFNegativeSampling(config).fit(train).fit_report
    samples = len(train) * (1 + NEGATIVES)
    return {"seconds": samples / report["samples_per_second"], "samples": samples}


def _real_data(data: Path | None) -> Path | None:
    if data is None and os.environ.get("REAL_DATA_DIR"):
        return Path(os.environ["REAL_DATA_DIR"]) / REAL_DATA
    return data


def _purchases(data: Path | None, n: int | None) -> tuple[str, Interactions]:
    """``n`` of the training purchases of a folder (None: all), or drawn ones without a folder."""
    rng = np.random.default_rng(SEED)
    folder = _real_data(data)
    if folder is None:
        print("no --data and no REAL_DATA_DIR: purchases are drawn")
        return f"drawn (seed {SEED})", _drawn(rng, n or DRAWN)
    from benchmarks.protocols import ncf

    files = ncf.read(folder, None)
    chosen = rng.permutation(len(files.train.users))[:n]
    name = f"{len(chosen):,} training purchases of {files.name}, drawn with seed {SEED}"
    return name, interactions(files.train.users[chosen], files.train.items[chosen])


def _drawn(rng: np.random.Generator, n: int) -> Interactions:
    """Purchases of as many customers and products as MovieLens-1M has, popularity as by Zipf."""
    n_users, n_items = 6_040, 3_706
    share = 1.0 / np.arange(10, n_items + 10)
    pairs = rng.integers(n_users, size=2 * n) * n_items
    pairs = np.unique(pairs + rng.choice(n_items, size=2 * n, p=share / share.sum()))
    pairs = rng.permutation(pairs)[:n]
    return interactions(pairs // n_items, pairs % n_items)


def interactions(users: np.ndarray, items: np.ndarray) -> Interactions:
    """Purchases without stars and times; codes are made dense, as RecBole does."""
    users, items = (np.unique(codes, return_inverse=True)[1] for codes in (users, items))
    n_items = int(items.max()) + 1
    return Interactions(
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        stars=np.full(len(users), 5.0, dtype=np.float32),
        days=np.zeros(len(users), dtype=np.int32),
        n_users=int(users.max()) + 1,
        n_items=n_items,
        item_categories=np.zeros(n_items, dtype=np.int16),
        categories=("all",),
    )


# ---------------------------------------------------------------------- evaluation


def measure_evaluation(
    python: Path, scratch: Path, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Lists and recall of the same vectors by RecBole, by RecTools and by us, in turns."""
    rng = np.random.default_rng(SEED)
    n = max(arguments.users, ITEMS // HISTORY)  # every product is in some history
    rows = -(-n * HISTORY // ITEMS)
    items = np.concatenate([rng.permutation(ITEMS) for _ in range(rows)])[: n * HISTORY]
    history = np.unique(np.stack([np.repeat(np.arange(n), HISTORY), items], axis=1), axis=0)
    users = rng.normal(size=(n, WIDTH)).astype(np.float32)
    vectors = rng.normal(size=(ITEMS, WIDTH)).astype(np.float32)
    # What is bought next lies near the top, so that recall says whether the lists agree.
    noisy = users @ vectors.T + 8.0 * rng.normal(size=(n, ITEMS)).astype(np.float32)
    noisy[history[:, 0], history[:, 1]] = -np.inf
    targets = np.stack([np.arange(n), noisy.argmax(axis=1)], axis=1)
    np.savez(
        scratch / "ranking.npz",
        history=history,
        targets=targets,
        user_vectors=users,
        item_vectors=vectors,
    )
    evaluate = _our_evaluation(history, targets, users, vectors)
    with (
        Peer(python, "recbole_peer.py", scratch) as recbole,
        Peer(python, "rectools_peer.py", scratch) as rectools,
    ):
        at = {"do": "evaluate", "threads": arguments.threads}
        runs, answers = in_turns(
            {
                "RecBole, its batch": lambda: recbole.ask(at | {"batch": RECBOLE_DEFAULT_CELLS}),
                "RecBole, large batch": lambda: recbole.ask(at | {"batch": RECBOLE_BEST_CELLS}),
                "RecTools": lambda: rectools.ask({"threads": arguments.threads}),
                "ours": evaluate,
            },
            arguments.repeats,
            "users",
        )
    recall = {side: answer["recall"] for side, answer in answers.items()}
    if max(recall.values()) - min(recall.values()) > 1e-3:
        raise SystemExit(f"the sides do not compute the same lists: recall@{LIST_LENGTH} {recall}")
    return {
        "users": n,
        "items": ITEMS,
        "width": WIDTH,
        "list_length": LIST_LENGTH,
        "history": HISTORY,
        "recall": recall,
    } | compared(runs)


def _our_evaluation(
    history: np.ndarray, targets: np.ndarray, users: np.ndarray, items: np.ndarray
) -> Callable[[], dict[str, Any]]:
    import scipy.sparse
    import torch

    from product_recommender.metrics.ranking import ranking_metrics
    from product_recommender.recommenders.ncf_negative_sampling import NCFNegativeSampling

    config = NCFNegativeSampling.Config(
        factors=WIDTH, mlp_width=1, layers=(), training={"epochs": 0}
    )
    untrained = NCFNegativeSampling(config).fit(interactions(history[:, 0], history[:, 1]))
    state = untrained.state()
    for side, vectors in (("users", users), ("items", items)):
        table = torch.zeros_like(state[f"network/{side}.table"])
        table[:, :WIDTH] = torch.from_numpy(vectors)
        state[f"network/{side}.table"] = table
    state["network/item_bias"] = torch.zeros(len(items))
    model = NCFNegativeSampling.from_state(state, config.model_dump())
    bought = scipy.sparse.csr_matrix(
        (np.ones(len(targets), dtype=np.float32), (targets[:, 0], targets[:, 1])),
        shape=(len(users), len(items)),
    )

    def evaluate() -> dict[str, Any]:
        started = time.perf_counter()
        lists, _ = model.recommend(targets[:, 0], LIST_LENGTH)
        found = ranking_metrics(lists, bought, LIST_LENGTH)
        recall = float(found[f"recall@{LIST_LENGTH}"].mean())
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "users": len(users), "recall": recall}

    return evaluate


# ---------------------------------------------------------------------- EASE


def measure_ease(arguments: argparse.Namespace) -> dict[str, Any] | None:
    """Seconds that EASE takes on all the purchases; None where it or the data is not there."""
    from product_recommender.recommenders.registry import MODELS, recommender_class

    if "ease" not in MODELS or _real_data(arguments.data) is None:
        return None
    _, train = _purchases(arguments.data, None)
    seconds = []
    for _ in range(arguments.repeats):
        started = time.perf_counter()
        recommender_class("ease")().fit(train)
        seconds.append(time.perf_counter() - started)
    return {
        "purchases": len(train),
        "users": train.n_users,
        "items": train.n_items,
        "seconds": seconds,
        "median_seconds": float(np.median(seconds)),
    }


# ---------------------------------------------------------------------- what is common


def in_turns(sides: Sides, repeats: int, unit: str) -> tuple[Runs, dict[str, dict[str, Any]]]:
    """Run the sides one after the other, ``repeats`` times after a round that does not count.

    Parameters
    ----------
    sides
        What each is called, and how it is run; it returns ``seconds`` and a number of ``unit``.
    repeats
        Rounds that count.
    unit
        What is counted: the key of the replies.

    Returns
    -------
    runs, answers
        Units a second of each side, round by round; the last reply of each.
    """
    runs: Runs = {side: [] for side in sides}
    answers: dict[str, dict[str, Any]] = {}
    for turn in range(repeats + 1):
        for side, run in sides.items():
            answers[side] = run()
            if turn:
                runs[side].append(answers[side][unit] / answers[side]["seconds"])
    return runs, answers


def compared(runs: Runs) -> dict[str, Any]:
    """Medians, extremes, and how many times each side we are: ratios of the same round."""
    ours = np.array(runs["ours"])
    return {
        "per_second": {
            side: {
                "median": float(np.median(values)),
                "low": float(min(values)),
                "high": float(max(values)),
            }
            for side, values in runs.items()
        },
        "ratios": {
            side: {
                "median": float(np.median(ours / np.array(values))),
                "low": float(np.min(ours / np.array(values))),
                "high": float(np.max(ours / np.array(values))),
            }
            for side, values in runs.items()
            if side != "ours"
        },
    }


def as_markdown(record: dict[str, Any]) -> str:
    """The figures as tables.

    Parameters
    ----------
    record
        What ``speed.json`` holds.
    """
    training, evaluation, ease = (record[key] for key in ("training", "evaluation", "ease"))
    lines = [
        "# Speed beside RecBole 1.2.1 and RecTools 0.17.0",
        "",
        f"`{record['command']}`, {record['date']}; {described(record['machine'])}. "
        f"{record['threads']} thread(s); the sides run in turns, {record['repeats']} rounds after "
        "one that does not count: median (lowest to highest). A ratio is ours over theirs in the "
        "same round.",
        "",
        "## Training: NeuMF, samples a second (a purchase or a negative is one)",
        "",
        f"{training['data']}; {training['users']:,} customers, {training['items']:,} products; "
        f"{training['network']['factors']} factors, MLP {training['network']['layers']}, "
        f"{training['network']['negatives']} negatives. Both sides draw them within the epoch.",
        "",
        "| purchases in a batch | side | samples/s | ours is |",
        "|---|---|---|---|",
    ]
    for batch in training["batches"]:
        lines += _rows(batch, f"{batch['purchases_in_a_batch']:,}")
    lines += [
        "",
        "## Evaluation: full ranking, customers a second",
        "",
        f"{evaluation['users']:,} customers, {evaluation['items']:,} products, vectors of length "
        f"{evaluation['width']}, history of {evaluation['history']} hidden, top "
        f"{evaluation['list_length']} and recall. All sides find the same lists (recall "
        f"{evaluation['recall']['ours']:.4f}).",
        "",
        "| | side | customers/s | ours is |",
        "|---|---|---|---|",
        *_rows(evaluation, ""),
    ]
    if ease is not None:
        lines += [
            "",
            f"EASE fits {ease['purchases']:,} purchases of {ease['items']:,} products in "
            f"{ease['median_seconds']:.1f} s.",
        ]
    return "\n".join(lines) + "\n"


def _rows(measured: dict[str, Any], first: str) -> Iterator[str]:
    for side, speed in measured["per_second"].items():
        ratio = measured["ratios"].get(side)
        times = (
            "" if ratio is None else "{median:.1f} ({low:.1f} to {high:.1f}) times".format(**ratio)
        )
        spread = f"{speed['median']:,.0f} ({speed['low']:,.0f} to {speed['high']:,.0f})"
        yield f"| {first} | {side} | {spread} | {times} |"


if __name__ == "__main__":
    main()
