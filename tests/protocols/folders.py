"""Made-up benchmark folders."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np


def write(folder: Path, name: str, text: str | bytes) -> Path:
    """A file, gzipped if its name says so."""
    content = text if isinstance(text, bytes) else text.encode()
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def planted_lists(n_users: int, n_items: int, length: int, seed: int) -> list[list[int]]:
    """Items of each user, no repeats; users of one parity like items of that parity."""
    rng = np.random.default_rng(seed)
    popularity = 1.0 / (1 + np.arange(n_items) // 2)
    lists = []
    for user in range(n_users):
        liking = popularity * np.where(np.arange(n_items) % 2 == user % 2, 6.0, 1.0)
        lists.append(
            rng.choice(n_items, size=length, replace=False, p=liking / liking.sum()).tolist()
        )
    return lists


def lines_of(lists: list[list[int]]) -> str:
    """``user item item ...``"""
    return "".join(f"u{user} {' '.join(f'i{i}' for i in row)}\n" for user, row in enumerate(lists))


def sequential_folder(folder: Path) -> Path:
    """80 users, 40 items, eight items each."""
    write(folder, "made_up.txt", lines_of(planted_lists(80, 40, 8, seed=0)))
    return folder


def topn_folder(folder: Path) -> Path:
    """80 users, 40 items: eight for training, three for the test."""
    lists = planted_lists(80, 40, 11, seed=1)
    write(folder, "train.txt", lines_of([row[:8] for row in lists]))
    write(folder, "test.txt", lines_of([row[8:] for row in lists]))
    return folder


def ncf_folder(folder: Path) -> Path:
    """80 users, 40 items: eight for training, one for the test among 20 others."""
    lists = planted_lists(80, 40, 9, seed=2)
    rng = np.random.default_rng(3)
    train = [f"{u}\t{i}\t1\t0\n" for u, row in enumerate(lists) for i in row[:-1]]
    test = [f"{u}\t{row[-1]}\t1\t0\n" for u, row in enumerate(lists)]
    negatives = []
    for u, row in enumerate(lists):
        others = rng.choice(np.setdiff1d(np.arange(40), row), size=20, replace=False)
        negatives.append(f"({u},{row[-1]})\t" + "\t".join(map(str, others)) + "\n")
    write(folder, "made.train.rating", "".join(train))
    write(folder, "made.test.rating", "".join(test))
    write(folder, "made.test.negative", "".join(negatives))
    return folder


def ratings_folder(folder: Path, low: float = 1.0, step: float = 1.0) -> Path:
    """60 users rate 20 of 30 items with five values, ``low``, ``low + step`` and so on."""
    rng = np.random.default_rng(4)
    kindness, quality = rng.normal(size=60), rng.normal(size=30)
    lines = ["user_id:token\titem_id:token\trating:float\ttimestamp:float\n"]
    for user in range(60):
        for item in rng.choice(30, size=20, replace=False):
            value = np.clip(np.rint(2 + kindness[user] + quality[item] + rng.normal()), 0, 4)
            lines.append(f"{user}\t{item}\t{low + step * value:g}\t{880_000_000 + item}\n")
    write(folder, "made.inter", "".join(lines))
    return folder
