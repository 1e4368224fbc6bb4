"""Where the cuts lie, and that drawn questions stand for all of them."""

from __future__ import annotations

import numpy as np
import pytest

from product_recommender.propensity.periods import (
    all_questions,
    drawn_questions,
    schedule_periods,
)
from propensity.shops import FIRST_DAY, rhythmic_shop


def test_periods_by_hand() -> None:
    found = schedule_periods(0, 100, 125, 146, period_days=10, training_periods=3)
    assert found.training == (70, 80, 90)
    assert found.validation == (100, 110)
    assert found.test == (125, 135)
    assert found.notes == ()


def test_training_periods_keep_a_period_of_history() -> None:
    found = schedule_periods(50, 100, 125, 146, period_days=10, training_periods=30)
    assert found.training == (60, 70, 80, 90)  # days 50 to 59 would be less than a period


def test_short_parts_are_said() -> None:
    found = schedule_periods(0, 100, 105, 112, period_days=10, training_periods=2)
    assert found.validation == (90,)
    assert found.training == (70, 80)
    assert found.test == ()
    assert "validation part (5 days) is shorter" in found.notes[0]
    assert "test part (7 days) is shorter" in found.notes[1]


@pytest.mark.parametrize("seed", [0, 1])
def test_no_two_periods_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(200):
        ends = np.cumsum(rng.integers(1, 120, size=3))
        period = int(rng.integers(1, 60))
        found = schedule_periods(0, *map(int, ends), period, int(rng.integers(1, 20)))
        cuts = [*found.training, *found.validation, *found.test]
        assert (np.diff(cuts) >= period).all()
        # What is learnt or chosen from ends with validation, what judges begins after it.
        assert all(cut + period <= ends[1] for cut in (*found.training, *found.validation))
        assert all(ends[1] <= cut <= ends[2] - period for cut in found.test)


def test_all_questions_ask_who_is_known() -> None:
    log = rhythmic_shop(n_users=30)
    cut = FIRST_DAY + 100
    asked = all_questions(log, cut, 30)
    assert sorted(set(asked.users.tolist())) == log.known(cut).tolist()
    assert len(asked) == 3 * len(log.known(cut))
    pairs = set(log.pairs_bought(cut, cut + 30).tolist())
    expected = [u * 3 + c in pairs for u, c in zip(asked.users, asked.categories, strict=True)]
    assert asked.outcomes.tolist() == expected


def test_drawn_questions_hold_all_purchases_and_weigh_the_rest() -> None:
    log = rhythmic_shop(n_users=1000)
    cut = FIRST_DAY + 300
    whole = all_questions(log, cut, 30)
    drawn = drawn_questions(log, cut, 30, 200, np.random.default_rng(0))
    assert len(drawn) < len(whole) / 2
    assert drawn.outcomes.sum() == whole.outcomes.sum()
    assert drawn.weights.sum() == pytest.approx(len(whole))
    assert set(drawn.users.tolist()) <= set(log.known(cut).tolist())
    pairs = drawn.users * 3 + drawn.categories
    assert len(np.unique(pairs)) == len(pairs)
    assert (drawn.outcomes == log.bought(drawn.users, drawn.categories, cut, cut + 30)).all()


def test_few_questions_are_all_asked() -> None:
    log = rhythmic_shop(n_users=30)
    cut = FIRST_DAY + 300
    asked = drawn_questions(log, cut, 30, 1000, np.random.default_rng(0))
    assert len(asked) == len(all_questions(log, cut, 30))
    assert (asked.weights == 1).all()
