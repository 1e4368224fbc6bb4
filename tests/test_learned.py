"""What the models must have learnt of a planted world; minutes long."""

from __future__ import annotations

import pytest
from benchmarks.learned import CANDIDATES, judge, measure, share_of_gap


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_claim_holds_on_100_000_generated_reviews() -> None:
    verdicts = measure([0, 1, 2], 100_000)["verdicts"]
    assert len(verdicts) == 6
    failed = [verdict for verdict in verdicts if not verdict["holds"]]
    assert not failed


def test_share_of_the_gap() -> None:
    ranking = {"base": 0.1, "model": 0.15, "oracle": 0.3}
    assert share_of_gap(ranking, "model", "base") == pytest.approx(0.25)
    errors = {"base": 1.2, "model": 1.1, "oracle": 0.8}
    assert share_of_gap(errors, "model", "base") == pytest.approx(0.25)


def test_judge_sees_when_nothing_was_learnt() -> None:
    import pandas as pd

    models = CANDIDATES
    flat = pd.DataFrame({model: [0.1, 0.0, 0.2, 0.1] for model in models})
    run = {
        "ndcg@10": dict.fromkeys(models, 0.1) | {"oracle": 0.3},
        "rmse": {"bias": 1.2, "ncf_random": 1.2, "oracle": 0.8},
        "personas_adjusted_rand": 0.2,
        "chosen_on_blend": {"rating": "ncf_random", "purchase": "ensemble"},
        "by_customer": flat,
    }
    holds = [verdict["holds"] for verdict in judge([run], [run])]
    assert holds == [False, False, False, False, True, False]
