"""What each protocol asks and counts, against figures worked out by hand and a plain loop."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from benchmarks.protocols import ncf, ratings, sequential, topn
from tests.protocols.folders import (
    ncf_folder,
    ratings_folder,
    sequential_folder,
    topn_folder,
    write,
)

from product_recommender.recommenders.bias import Bias
from product_recommender.recommenders.popularity import Popularity
from product_recommender.recommenders.random import Random, RandomConfig


def pairs_of(part) -> set[tuple[int, int]]:
    return set(zip(part.users.tolist(), part.items.tolist(), strict=True))


def test_ncf_by_hand(tmp_path: Path) -> None:
    # Purchases: x 3, y 2, z 1 and w 1.
    train = ["a\tx", "a\ty", "a\tw", "b\tx", "b\ty", "c\tx", "d\tz"]
    test = ["a\tnew", "b\tz", "c\tz", "d\tx"]
    negatives = [
        "(a,new)\tz\tother",  # a right item nobody bought is a miss
        "(b,z)\tother\tz",  # z alone is known, and its repeat is left out: first place
        "(c,z)\tx\ty\tw",  # third or fourth place
        "(d,x)\ty\tw\tz",  # first place
    ]
    write(tmp_path, "n.train.rating", "\n".join(train))
    write(tmp_path, "n.test.rating", "\n".join(test))
    write(tmp_path, "n.test.negative", "\n".join(negatives))
    task = ncf.task(ncf.read(tmp_path, None))
    found = task.asked.measure(Popularity().fit(task.full))
    tied = (1 / math.log2(4) + 1 / math.log2(5)) / 2
    assert found["hit_rate@10"].tolist() == [0, 1, 1, 1]
    assert found["ndcg@10"] == pytest.approx([0, 1, tied, 1])


def test_ncf_validation_is_one_purchase_of_each_among_items_not_bought(tmp_path: Path) -> None:
    task = ncf.task(ncf.read(ncf_folder(tmp_path), None))
    assert task.validation is not None
    assert sorted(task.validation.users.tolist()) == list(range(80))
    assert pairs_of(task.validation).isdisjoint(pairs_of(task.train))
    assert pairs_of(task.full) == pairs_of(task.validation) | pairs_of(task.train)
    question = task.chosen_by
    assert question.items[:, 0].tolist() == task.validation.items.tolist()
    owned = pairs_of(task.full)
    for user, others in zip(question.users, question.items[:, 1:], strict=True):
        others = others[others >= 0].tolist()
        assert len(others) > 20
        assert len(set(others)) == len(others)
        assert not owned & {(int(user), item) for item in others}


def test_ncf_chance_finds_ten_of_twenty_one(tmp_path: Path) -> None:
    task = ncf.task(ncf.read(ncf_folder(tmp_path), None))
    rates = [
        task.asked.measure(Random(RandomConfig(seed=seed)).fit(task.full))["hit_rate@10"].mean()
        for seed in range(30)
    ]
    assert np.mean(rates) == pytest.approx(10 / 21, abs=4 * 0.5 / math.sqrt(80 * 30))


def test_sequential_divides_by_place_and_leaves_the_history_out(tmp_path: Path) -> None:
    lines = "a p q r s\nb q p\nc r q p\nd p q s q\n"
    task = sequential.task(sequential.read(write(tmp_path, "x.txt", lines), None))
    train, validation, asked = task.train, task.validation, task.asked
    assert len(train) == 2 + 2 + 1 + 2  # two of a, all of b, one of c, two of d
    assert train.days.tolist() == [0, 1, 0, 1, 0, 0, 1]
    assert len(validation) == len(asked) == 3
    assert not task.refits
    assert len(task.followed) == len(train) + len(validation)
    model = Popularity().fit(train)  # p 3, q 3, r 1 purchases; s is not known
    lists, _ = model.recommend(asked.users, 10, exclude_seen=False, seen=asked.seen)
    codes = {"p": 0, "q": 1, "r": 2}
    assert set(lists[0].tolist()) == {-1}  # a has all that is known
    assert set(lists[1].tolist()) == {codes["p"], -1}
    assert lists[2].tolist()[0] == codes["r"]
    found = asked.measure(model)
    # a: s is not known; c: p is in first place; d: a second q cannot be recommended.
    assert found["hit_rate@5"].tolist() == [0, 1, 0]
    assert found["ndcg@20"].tolist() == [0, 1, 0]


def test_sequential_metrics_agree_with_a_loop(tmp_path: Path) -> None:
    file = sequential.read(sequential_folder(tmp_path), None)
    task = sequential.task(file)
    model = Random().fit(task.train)
    scores = model.score(task.asked.users)
    for k in (5, 10, 20):
        hits, gains = [], []
        for row, seen, target in zip(
            scores, task.asked.seen, task.asked.targets.indices, strict=True
        ):
            row[seen.indices[seen.indices < len(row)]] = -np.inf
            rank = (row > row[target]).sum() + 1 if target < len(row) else k + 1
            hits.append(rank <= k)
            gains.append(1 / math.log2(1 + rank) if rank <= k else 0.0)
        found = task.asked.measure(model)
        assert found[f"hit_rate@{k}"].mean() == pytest.approx(np.mean(hits))
        assert found[f"ndcg@{k}"].mean() == pytest.approx(np.mean(gains))


def test_topn_by_hand(tmp_path: Path) -> None:
    write(tmp_path, "train.txt", "a x\nb x y\nc x y z\n")
    write(tmp_path, "test.txt", "a y z\nb z new\nd x\n")
    task = topn.task(topn.read(tmp_path, None))
    found = task.asked.measure(Popularity().fit(task.full))
    second = 1 / math.log2(3)
    # a is shown y, z: both right. b is shown z; `new` is a miss. d is unknown and shown x first.
    assert found["recall@20"].tolist() == pytest.approx([1, 0.5, 1])
    assert found["ndcg@20"].tolist() == pytest.approx([1, 1 / (1 + second), 1])
    assert found["f1@20"].tolist() == pytest.approx([4 / 22, 2 / 22, 2 / 21])


def test_topn_validation_is_a_tenth_and_at_least_one(tmp_path: Path) -> None:
    lines = f"a {' '.join(f'i{n}' for n in range(30))}\nb i1 i2 i3\nc i4 i5\n"
    write(tmp_path, "train.txt", lines)
    write(tmp_path, "test.txt", "a j\n")
    task = topn.task(topn.read(tmp_path, None), seed=3)
    assert np.bincount(task.validation.users).tolist() == [3, 1]
    assert pairs_of(task.validation).isdisjoint(pairs_of(task.train))
    assert len(task.full) == 35
    assert len(task.chosen_by) == 2


def test_data_too_small_to_put_anything_aside_still_have_an_answer(tmp_path: Path) -> None:
    write(tmp_path, "train.txt", "a x\nb x y\n")
    write(tmp_path, "test.txt", "a y\n")
    task = topn.task(topn.read(tmp_path, None))
    assert (task.validation, task.chosen_by) == (None, None)
    assert not task.refits


@pytest.mark.parametrize("protocol", [ncf, sequential, topn])
def test_nothing_of_the_test_is_in_what_models_see(tmp_path: Path, protocol) -> None:
    folder = {ncf: ncf_folder, sequential: sequential_folder, topn: topn_folder}[protocol]
    task = protocol.task(protocol.read(folder(tmp_path), None))
    if protocol is ncf:
        asked = set(zip(task.asked.users.tolist(), task.asked.items[:, 0].tolist(), strict=True))
    else:
        row, item = task.asked.targets.nonzero()
        asked = set(zip(task.asked.users[row].tolist(), item.tolist(), strict=True))
    assert asked
    for part in (task.train, task.validation, task.full, task.followed):
        if part is not None:
            assert asked.isdisjoint(pairs_of(part))
            assert part.n_items <= task.full.n_items


def test_folds_are_a_partition_and_validation_lies_inside_training(tmp_path: Path) -> None:
    file = ratings.read(ratings_folder(tmp_path), None)
    parts = list(ratings.folds(file, seed=1))
    assert sorted(np.concatenate([fold.rows for fold in parts]).tolist()) == list(range(1200))
    for fold in parts:
        assert len(fold.test) == 240
        assert len(fold.validation) == 96
        assert pairs_of(fold.validation).isdisjoint(pairs_of(fold.train))
        assert pairs_of(fold.test).isdisjoint(pairs_of(fold.full))
        assert len(fold.full) == 960
    others = list(ratings.folds(file, seed=2))
    assert not np.array_equal(parts[0].rows, others[0].rows)


def test_ratings_on_another_scale_give_the_same_errors_in_their_units(tmp_path: Path) -> None:
    def errors(folder: Path, low: float, step: float) -> np.ndarray:
        folder.mkdir()
        file = ratings.read(ratings_folder(folder, low, step), None)
        found = np.empty(len(file.rows))
        for fold in ratings.folds(file, seed=0):
            predicted = Bias().fit(fold.full).predict(fold.test.users, fold.test.items)
            found[fold.rows] = (predicted - fold.test.stars) * fold.unit
        return found

    stars = errors(tmp_path / "stars", 1.0, 1.0)
    assert 0.5 < np.sqrt(np.mean(stars**2)) < 1.5
    assert errors(tmp_path / "tens", -10.0, 5.0) == pytest.approx(5 * stars, abs=1e-4)
    assert errors(tmp_path / "halves", 0.5, 0.5) == pytest.approx(0.5 * stars, abs=1e-5)
