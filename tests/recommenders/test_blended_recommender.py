"""The blended recommender against sums done by hand, and what its weights are learnt from."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch
from pydantic import ValidationError

from product_recommender.interactions import Interactions
from product_recommender.metrics.calibration import MonotoneCalibrator
from product_recommender.metrics.ranking import ranking_metrics
from product_recommender.recommenders.base import Recommender, RecommenderConfig
from product_recommender.recommenders.bias import Bias
from product_recommender.recommenders.blend_learning import (
    draw_pairs,
    learn_calibrators,
    learn_purchase_weights,
    scores_of_pairs,
)
from product_recommender.recommenders.ensemble import (
    BlendConfig,
    BlendedRecommender,
    ChanceCurve,
    standardised_scores,
)
from product_recommender.recommenders.popularity import Popularity


class Table(Recommender):
    """Answers with the scores it was given; strangers share one row."""

    name = "table"
    ranks_by = "a table"

    def __init__(self, known, strangers=None):
        super().__init__(RecommenderConfig())
        self.known = torch.tensor(known, dtype=torch.float32)
        self.strangers = torch.tensor(
            np.asarray([known[0] if strangers is None else strangers]), dtype=torch.float32
        )
        self.asked = 0
        self.n_users, self.n_items = self.known.shape
        self._fallback = np.zeros(self.n_items, dtype=np.float32)
        self._seen_indptr = np.zeros(self.n_users + 1, dtype=np.int64)
        self._seen_indices = np.empty(0, dtype=np.int32)

    def _fit(self, train, validation):
        raise AssertionError("the table is given, not learnt")

    def _score(self, users):
        self.asked += len(users)
        return self.known[users]

    def _score_strangers(self, users):
        return self.strangers

    def _state(self):
        return {"known": self.known}

    def _load_state(self, state):
        self.known = state["known"]


def train_world(n_users=60, n_items=12, n=400, seed=0):
    rng = np.random.default_rng(seed)
    return Interactions(
        users=np.sort(rng.integers(0, n_users, n)).astype(np.int32),
        items=np.minimum(rng.geometric(0.25, n) - 1, n_items - 1).astype(np.int32),
        stars=rng.integers(1, 6, n).astype(np.float32),
        days=rng.integers(17_000, 17_100, n).astype(np.int32),
        n_users=n_users,
        n_items=n_items,
        item_categories=np.zeros(n_items, dtype=np.int16),
        categories=("Furniture",),
        user_segments=(np.arange(n_users) % 2).astype(np.int16),
        segments=("Even", "Odd"),
    )


def blend_of(members, weights, segment_of, **config):
    settings = BlendConfig(members={name: {} for name in members}, weights=weights, **config)
    return BlendedRecommender.of_members(members, settings, np.array(segment_of, dtype=object))


# ------------------------------------------------------------------ standardising


def test_scores_are_standardised_per_customer():
    member = Table([[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]])
    rows = standardised_scores(member, torch.tensor([0, 1]), strangers=False).numpy()
    # Mean 2.5, standard deviation sqrt(1.25): the second customer's scores are ten times as large.
    expected = np.array([-1.5, -0.5, 0.5, 1.5]) / np.sqrt(1.25)
    np.testing.assert_allclose(rows, [expected, expected], rtol=1e-6)
    np.testing.assert_array_equal(member.known[0], [1.0, 2.0, 3.0, 4.0])  # its own stay


def test_rows_without_spread_are_zero_and_never_stays_never():
    member = Table([[7.1, 7.1, 7.1, 7.1], [1.0, 3.0, -np.inf, 2.0], [5.0, 5.0, -np.inf, 5.0]])
    rows = standardised_scores(member, torch.tensor([0, 1, 2]), strangers=False).numpy()
    np.testing.assert_array_equal(rows[0], np.zeros(4))
    np.testing.assert_allclose(rows[1], [-np.sqrt(1.5), np.sqrt(1.5), -np.inf, 0.0], atol=1e-6)
    np.testing.assert_array_equal(rows[2], [0.0, 0.0, -np.inf, 0.0])


def test_nan_scores_are_an_error():
    with pytest.raises(ValueError, match="table: a score is NaN"):
        standardised_scores(Table([[1.0, np.nan]]), torch.tensor([0]), strangers=False)


def test_chance_curve_follows_its_calibrator_and_keeps_every_order():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=20_000)
    calibrator = MonotoneCalibrator().fit(scores, rng.random(20_000) < 0.02 * np.exp(scores / 2))
    grid = np.linspace(-6, 8, 3001).astype(np.float32)
    fast = ChanceCurve(calibrator)(torch.from_numpy(grid)).numpy()
    assert (np.diff(fast) > 0).all()  # also beyond the last knot, where isotonic curves are flat
    assert np.abs(fast - calibrator(grid)).max() < 0.02 * calibrator(grid).max()


# ------------------------------------------------------------------ blending


def test_blend_is_the_weighted_sum_with_the_weights_of_the_segment():
    left = Table([[0.0, 2.0], [0.0, 2.0]], strangers=[2.0, 0.0])
    right = Table([[5.0, 1.0], [5.0, 1.0]], strangers=[1.0, 5.0])
    blended = blend_of(
        {"left": left, "right": right},
        {
            "overall": {"left": 0.5, "right": 0.5},
            "A": {"left": 0.75, "right": 0.25},
            "B": {"left": 0.0, "right": 1.0},
            "New": {"left": 0.9, "right": 0.1},
        },
        ["A", "B"],
    )
    # Standardised, left says (-1, 1) and right (1, -1); to strangers the other way round.
    np.testing.assert_allclose(blended.score(np.array([0, 1])), [[-0.5, 0.5], [1.0, -1.0]])
    np.testing.assert_allclose(blended.score(np.array([7, -1])), [[0.8, -0.8], [0.8, -0.8]])
    items, _ = blended.recommend(np.array([0, 1, 7]), 2)
    np.testing.assert_array_equal(items, [[1, 0], [0, 1], [0, 1]])


def test_members_without_weight_are_not_asked():
    left, right = Table([[0.0, 2.0]] * 3), Table([[5.0, 1.0]] * 3)
    weights = {"left": 1.0 - 1e-4, "right": 1e-4}
    blended = blend_of(
        {"left": left, "right": right},
        {"overall": weights, "New": weights},
        ["A", "A", "A"],
    )
    blended.recommend(np.array([0, 1, 2]), 1)
    assert (left.asked, right.asked) == (3, 0)


def test_known_customers_never_get_the_weights_of_strangers():
    left, right = Table([[0.0, 2.0]]), Table([[5.0, 1.0]])
    blended = blend_of(
        {"left": left, "right": right},
        {"overall": {"left": 1.0, "right": 0.0}, "New": {"left": 0.0, "right": 1.0}},
        ["New"],
    )
    np.testing.assert_allclose(blended.score(np.array([0])), [[-1.0, 1.0]])


def test_calibrations_put_members_on_one_scale():
    rng = np.random.default_rng(1)
    scores = rng.normal(size=50_000)
    knowing = MonotoneCalibrator().fit(scores, rng.random(50_000) < 0.05 * (scores > 0.5))
    guessing = MonotoneCalibrator().fit(scores, rng.random(50_000) < 0.02)
    half = {"knowing": 0.5, "guessing": 0.5}
    blended = blend_of(
        {"knowing": Table([[3.0, 1.0, 2.0]]), "guessing": Table([[1.0, 3.0, 2.0]])},
        {"overall": half, "New": half},
        ["A"],
        calibrators={"knowing": knowing.to_dict(), "guessing": guessing.to_dict()},
    )
    # Uncalibrated all three would tie. Above .5 the knowing member finds 1 in 20; the guess is
    # worth 1 in 50 wherever it points to.
    chances = blended.score(np.array([0]))[0]
    assert chances[0] == pytest.approx((0.05 + 0.02) / 2, rel=0.25)
    assert chances[1:] == pytest.approx([0.01, 0.01], rel=0.25)


def test_what_strangers_get_is_a_fallback_whoever_has_a_say():
    world = train_world()
    members = {"popularity": Popularity().fit(world), "bias": Bias().fit(world)}
    known = {"popularity": 0.5, "bias": 0.5}
    for of_new in (known, {"popularity": 1.0, "bias": 0.0}, {"popularity": 0.0, "bias": 1.0}):
        blended = blend_of(members, {"overall": known, "New": of_new}, ["Even"] * 60)
        np.testing.assert_array_equal(blended.uses_fallback(np.array([0, 99])), [False, True])


def test_blend_can_be_fitted_saved_and_loaded(tmp_path):
    world = train_world()
    half = {"popularity": 0.5, "bias": 0.5}
    config = BlendConfig(
        members={"popularity": {}, "bias": {"user_regularisation": 3.0}},
        weights={"overall": half, "New": half, "Odd": {"popularity": 1.0, "bias": 0.0}},
    )
    blended = BlendedRecommender(config).fit(world)
    blended.save(tmp_path)
    again = BlendedRecommender.load(tmp_path)
    users = np.array([0, 1, 2, 3, 500])
    for one, other in zip(blended.recommend(users, 5), again.recommend(users, 5), strict=True):
        np.testing.assert_array_equal(one, other)
    odd = Popularity().fit(world).recommend(np.array([1, 3]), 5)[0]
    np.testing.assert_array_equal(blended.recommend(np.array([1, 3]), 5)[0], odd)


def test_members_must_share_one_universe():
    weights = {"a": 0.5, "b": 0.5}
    with pytest.raises(ValueError, match="one training universe"):
        blend_of(
            {"a": Table([[1.0, 2.0]]), "b": Table([[1.0, 2.0], [1.0, 2.0]])},
            {"overall": weights, "New": weights},
            ["A"],
        )


@pytest.mark.parametrize(
    "weights",
    [
        {"overall": {"a": 1.0}},
        {"overall": {"a": 0.5}, "New": {"a": 1.0}},
        {"overall": {"a": 1.0}, "New": {"a": 2.0, "b": -1.0}},
        {"overall": {"a": 1.0}, "New": {"stranger": 1.0}},
    ],
    ids=["no weights for strangers", "sum below one", "negative", "no such member"],
)
def test_weights_off_the_simplex_are_refused(weights):
    with pytest.raises(ValidationError, match="weights"):
        BlendConfig(members={"a": {}, "b": {}}, weights=weights)


# ------------------------------------------------------------------ learning


def csr(rows, n_items):
    dense = np.zeros((len(rows), n_items), dtype=np.float32)
    for row, items in enumerate(rows):
        dense[row, items] = 1
    return scipy.sparse.csr_matrix(dense)


def test_small_catalogues_are_taken_whole():
    pairs = draw_pairs(
        np.array([4, 9]), csr([[1], [0, 4]], 5), csr([[2], []], 5), np.arange(5), 4, 100, seed=0
    )
    # Item 4 has no training purchase and takes no part, on either side.
    found = {
        (int(pairs.users[row]), int(item)): (bool(bought), float(importance))
        for row, item, bought, importance in zip(
            pairs.rows, pairs.items, pairs.bought, pairs.importance, strict=True
        )
    }
    bought, not_bought = (True, 1.0), (False, 1.0)
    assert found == {
        (4, 1): bought,
        (4, 0): not_bought,
        (4, 3): not_bought,
        (9, 0): bought,
        (9, 1): not_bought,
        (9, 2): not_bought,
        (9, 3): not_bought,
    }


def test_drawn_products_stand_for_the_whole_catalogue():
    n_users, n_items = 40, 500
    rng = np.random.default_rng(0)
    targets = csr([rng.choice(250, 3, replace=False) for _ in range(n_users)], n_items)
    seen = csr([250 + rng.choice(250, 7, replace=False) for _ in range(n_users)], n_items)
    pairs = draw_pairs(np.arange(n_users), targets, seen, np.arange(n_items), n_items, 50, seed=1)
    taken = (targets + seen).toarray()[pairs.rows, pairs.items] > 0
    assert not (taken & ~pairs.bought).any()
    assert pairs.bought.sum() == 3 * n_users
    weight = np.bincount(pairs.rows, weights=np.where(pairs.bought, 0, pairs.importance))
    np.testing.assert_allclose(weight, n_items - 3 - 7)
    assert (np.diff(pairs.rows) >= 0).all()


def test_scores_of_pairs_are_the_cells_of_the_score_table():
    rng = np.random.default_rng(2)
    table = rng.normal(size=(5, 6)).astype(np.float32)
    table[3, 2] = -np.inf
    member = Table(table, strangers=[0.0, 0.0, 0.0, 0.0, 0.0, 9.0])
    pairs = draw_pairs(
        np.array([3, 1, 8]), csr([[2], [0], [5]], 6), csr([[], [], []], 6), np.arange(6), 6, 9, 0
    )
    scores = scores_of_pairs(member, pairs)
    finite = np.delete(table[3], 2)
    of_item_4 = (table[3, 4] - finite.mean()) / finite.std()
    row_of_3 = pairs.rows == 0
    assert scores[row_of_3 & (pairs.items == 4)] == pytest.approx(of_item_4, abs=1e-5)
    assert scores[row_of_3 & (pairs.items == 2)] == -10.0  # never recommended: far below
    of_stranger = scores[pairs.rows == 2]
    assert of_stranger[pairs.items[pairs.rows == 2] == 5] == pytest.approx(np.sqrt(5), abs=1e-5)


def learning_world(n_users=400, n_items=60, seed=0):
    """In segment 0 the model `left` knows the chances, in segment 1 `right`."""
    rng = np.random.default_rng(seed)
    segment = np.arange(n_users) % 2
    logits = 1.5 * rng.normal(size=(n_users, n_items))
    chance = 0.08 * np.exp(logits - 1.0)
    bought = rng.random((n_users, n_items)) < chance
    noise = rng.normal(size=(2, n_users, n_items))
    left = np.where((segment == 0)[:, None], logits, noise[0])
    right = np.where((segment == 1)[:, None], logits, noise[1])
    empty = csr([[]] * n_users, n_items)
    pairs = draw_pairs(
        np.arange(n_users),
        scipy.sparse.csr_matrix(bought.astype(np.float32)),
        empty,
        np.arange(n_items),
        n_items,
        40,
        seed,
    )
    scores = {
        name: scores_of_pairs(Table(table), pairs) for name, table in (("l", left), ("r", right))
    }
    return pairs, scores, segment


def test_each_segment_learns_who_knows_its_customers():
    tune_pairs, tune_scores, _ = learning_world(seed=1)
    pairs, scores, segment = learning_world(seed=2)
    calibrators = learn_calibrators(tune_scores, tune_pairs, min_purchases=30)
    learnt = learn_purchase_weights(scores, pairs, calibrators, segment, ("A", "B"), 30, 0.0)
    assert learnt.by_segment["A"][0] > 0.9
    assert learnt.by_segment["B"][1] > 0.9
    assert learnt.overall == pytest.approx([0.5, 0.5], abs=0.15)
    assert learnt.pairs["A"] == pairs.bought[segment[pairs.rows] == 0].sum()


def test_too_few_purchases_give_equal_weights_and_no_calibration():
    pairs, scores, segment = learning_world(n_users=4)
    assert learn_calibrators(scores, pairs, min_purchases=10_000) == {}
    learnt = learn_purchase_weights(scores, pairs, {}, segment, ("A", "B"), 10_000, 0.0)
    np.testing.assert_array_equal(learnt.overall, [0.5, 0.5])
    np.testing.assert_array_equal(learnt.by_segment["A"], [0.5, 0.5])
    assert (learnt.overall_pairs, learnt.pairs) == (0, {"A": 0, "B": 0})


def test_the_blend_beats_each_of_its_members_on_new_customers():
    def shop(seed, n_users, n_items=300):
        """Two noisy views of the same chances; customers buy two products each."""
        rng = np.random.default_rng(seed)
        chances = 1.5 * rng.normal(size=(n_users, n_items))
        bought = np.argsort(-(chances + rng.gumbel(size=chances.shape)), axis=1)[:, :2]
        noise = rng.normal(size=(2, n_users, n_items))
        views = {"left": chances + noise[0], "right": np.exp(chances / 2 + 0.6 * noise[1])}
        return {name: Table(view) for name, view in views.items()}, csr(bought, n_items)

    evidence = []
    for seed, n_users in ((1, 300), (2, 300)):
        members, targets = shop(seed, n_users)
        empty = csr([[]] * n_users, 300)
        pairs = draw_pairs(np.arange(n_users), targets, empty, np.arange(300), 300, 100, seed)
        evidence.append((pairs, {n: scores_of_pairs(m, pairs) for n, m in members.items()}))
    (tune_pairs, tune_scores), (pairs, scores) = evidence
    calibrators = learn_calibrators(tune_scores, tune_pairs, min_purchases=30)
    nobody = np.zeros(300, dtype=int)
    learnt = learn_purchase_weights(scores, pairs, calibrators, nobody, ("A",), 30, 0.0)
    weights = learnt.by_name()["overall"]
    members, targets = shop(3, 600)
    blended = blend_of(
        members,
        {"overall": weights, "New": weights},
        ["A"] * 600,
        calibrators={name: c.to_dict() for name, c in calibrators.items()},
    )
    found = {
        name: ranking_metrics(model.recommend(np.arange(600), 10)[0], targets, 10)["ndcg@10"].mean()
        for name, model in (members | {"blend": blended}).items()
    }
    assert found["blend"] > 1.05 * max(found["left"], found["right"])


def test_products_without_a_training_purchase_stay_last_whoever_knows_them():
    """A member may score products beyond the training ones; the blend cannot weigh that."""
    wide = Table([[0.0, 2.0, 99.0], [3.0, 1.0, 99.0]])
    wide.n_items = 2
    narrow = Table([[5.0, 1.0], [5.0, 1.0]])
    half = {"wide": 0.5, "narrow": 0.5}
    blended = blend_of({"wide": wide, "narrow": narrow}, {"overall": half, "New": half}, ["A"] * 2)
    # Standardised over the two training products: (-1, 1) and (1, -1) against (1, -1).
    np.testing.assert_allclose(blended.score(np.array([0, 1])), [[0.0, 0.0], [1.0, -1.0]])
    items, _ = blended.recommend(np.array([1]), 3, candidates=np.arange(3))
    np.testing.assert_array_equal(items, [[0, 1, 2]])
    pairs = draw_pairs(np.array([1]), csr([[0]], 3), csr([[]], 3), np.arange(3), 2, 9, seed=0)
    np.testing.assert_allclose(np.sort(scores_of_pairs(wide, pairs)), [-1.0, 1.0])
