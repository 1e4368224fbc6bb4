"""Learning finds what a made-up shop plants, is calibrated, and falls back where it must."""

from __future__ import annotations

import numpy as np
import pytest

from product_recommender.propensity import judging
from product_recommender.propensity.learning import (
    BASE_RATE,
    Learnt,
    Propensity,
    calibration_line,
    learn,
    sigmoid,
)
from product_recommender.propensity.periods import (
    all_questions,
    joined,
    schedule_periods,
)
from product_recommender.propensity.purchase_log import PurchaseLog
from product_recommender.propensity.settings import PropensitySettings, TreeSettings
from propensity.shops import FIRST_DAY, rhythmic_shop

SETTINGS = PropensitySettings(trees=TreeSettings(trees=40, min_rows=30), min_purchases=20)
N_USERS = 600


@pytest.fixture(scope="module")
def log() -> PurchaseLog:
    return rhythmic_shop(N_USERS)


@pytest.fixture(scope="module")
def learnt(log: PurchaseLog) -> Learnt:
    return learn(log, schedule(), in_tune(), SETTINGS)


def schedule():
    return schedule_periods(FIRST_DAY, FIRST_DAY + 539, FIRST_DAY + 629, FIRST_DAY + 719, 30, 12)


def in_tune() -> np.ndarray:
    return np.arange(N_USERS) // 2 % 2 == 0


def test_rhythm_is_found_where_recency_alone_is_not_enough(
    log: PurchaseLog, learnt: Learnt
) -> None:
    asked = joined([all_questions(log, cut, 30) for cut in schedule().test])
    chances = {
        model.name: model.probabilities(log, asked.users, asked.categories, asked.days)
        for model in (learnt.chosen, learnt.baseline)
    }
    by_model, lead = judging.judge(chances, asked.outcomes, asked.users, 200, 0.95, 0)
    assert lead["auc"].low > 0
    assert lead["average_precision"].low > 0.1
    assert by_model[learnt.chosen.name]["calibration_error"].value < 0.02
    assert learnt.report["chosen"] == learnt.chosen.name
    losses = learnt.report["log_loss"]
    assert losses[learnt.chosen.name] == min(losses.values())


def test_same_seed_same_model(log: PurchaseLog, learnt: Learnt) -> None:
    again = learn(log, schedule(), in_tune(), SETTINGS)
    for name, array in learnt.chosen.arrays().items():
        np.testing.assert_array_equal(array, again.chosen.arrays()[name])


def test_purchases_after_validation_do_not_matter(log: PurchaseLog, learnt: Learnt) -> None:
    until = log.days <= FIRST_DAY + 629
    users = np.repeat(np.arange(N_USERS), np.diff(log.start))[until]
    stars = np.diff(log._star_sums)[until]
    cut = PurchaseLog.of(users, log.categories[until], log.days[until], stars, N_USERS, 3)
    again = learn(cut, schedule(), in_tune(), SETTINGS)
    for name, array in learnt.chosen.arrays().items():
        np.testing.assert_array_equal(array, again.chosen.arrays()[name])


def test_stored_and_read_again(log: PurchaseLog, learnt: Learnt) -> None:
    asked = all_questions(log, schedule().test[0], 30)
    questions = log, asked.users, asked.categories, asked.days
    again = Propensity.from_arrays(learnt.chosen.described(), learnt.chosen.arrays())
    chances = again.probabilities(*questions)
    np.testing.assert_array_equal(chances, learnt.chosen.probabilities(*questions))
    assert ((chances > 0) & (chances < 1)).all()


def test_blocks_do_not_show(
    log: PurchaseLog, learnt: Learnt, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = all_questions(log, schedule().test[0], 30)
    questions = log, asked.users, asked.categories, asked.days
    whole = learnt.chosen.probabilities(*questions)
    monkeypatch.setattr("product_recommender.propensity.learning._BLOCK_ROWS", 100)
    np.testing.assert_allclose(learnt.chosen.probabilities(*questions), whole, rtol=1e-12)


def test_too_few_purchases_give_the_rate(log: PurchaseLog) -> None:
    strict = SETTINGS.model_copy(update={"min_purchases": 10**9})
    found = learn(log, schedule(), in_tune(), strict)
    assert found.chosen.name == BASE_RATE
    assert found.report["log_loss"] == {}
    cut = schedule().training[-1]
    asked = all_questions(log, cut, 30)
    chances = found.chosen.probabilities(log, asked.users, asked.categories, asked.days)
    for category in range(3):
        assert len(np.unique(chances[asked.categories == category])) == 1
    assert chances.mean() == pytest.approx(asked.outcomes.mean(), rel=0.25)


def test_drawn_rows_calibrate_like_all_of_them(
    log: PurchaseLog, learnt: Learnt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("product_recommender.propensity.learning._HELD_OUT_FACTOR", 1)
    drawn = SETTINGS.model_copy(update={"negatives_per_period": 600})  # of about 1,700
    few = learn(log, schedule(), in_tune(), drawn)
    cut = schedule().test[0]
    asked = all_questions(log, cut, 30)
    questions = log, asked.users, asked.categories, asked.days
    expected = [of.chosen.probabilities(*questions).sum() for of in (few, learnt)]
    assert expected[0] == pytest.approx(expected[1], rel=0.15)


def test_without_a_training_period_there_is_an_answer_still(log: PurchaseLog) -> None:
    short = schedule_periods(FIRST_DAY, FIRST_DAY + 20, FIRST_DAY + 40, FIRST_DAY + 70, 30, 12)
    assert short.training == ()
    found = learn(log, short, in_tune(), SETTINGS)
    assert found.chosen.name == BASE_RATE
    known = log.known(FIRST_DAY + 40)
    day = np.full(len(known), FIRST_DAY + 40)
    chances = found.chosen.probabilities(log, known, np.zeros_like(known), day)
    assert ((chances > 0) & (chances < 1)).all()


def test_calibration_line_is_a_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    log_odds = rng.normal(-2, 1.5, size=20_000)
    outcomes = rng.random(20_000) < sigmoid(0.6 * log_odds + 0.4)
    weights = rng.integers(1, 5, size=20_000).astype(np.float64)
    other = LogisticRegression(C=1e8).fit(log_odds[:, None], outcomes, sample_weight=weights)
    slope, constant = calibration_line(log_odds, outcomes, weights)
    # Platt's prior moves the line by what two made-up outcomes are worth among thousands.
    assert slope == pytest.approx(other.coef_[0, 0], abs=0.01)
    assert constant == pytest.approx(other.intercept_[0], abs=0.01)


def test_calibration_line_exists_where_log_odds_divide_perfectly() -> None:
    log_odds = np.array([-3.0, -2.0, 2.0, 3.0])
    slope, constant = calibration_line(log_odds, log_odds > 0, np.ones(4))
    chances = sigmoid(slope * log_odds + constant)
    assert 0 < slope < 10
    assert 0.5 < chances[2] < 0.95


def test_calibration_never_turns_the_order_around() -> None:
    log_odds = np.linspace(-1, 1, 1000)
    outcomes = np.arange(1000) < 200  # the lowest log odds bought
    slope, constant = calibration_line(log_odds, outcomes, np.ones(1000))
    assert slope == 0
    assert sigmoid(np.array([constant]))[0] == pytest.approx(0.2, abs=0.01)
