"""The cold-start protocol: what is hidden stays hidden, baselines by hand, planted content wins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from benchmarks import cold_products
from benchmarks.cells import Cells, digest, digest_of_interactions
from benchmarks.cold_page import markdown
from benchmarks.cold_products import Named, Plan, measure, model_variants, rankers_of
from benchmarks.cold_rankers import (
    Chance,
    Leaning,
    Nearest,
    Sales,
    ToldSales,
    category_and_brand_sales,
    category_sales,
    centred_directions,
    similar_sales,
    told_sales,
)
from benchmarks.cold_start import HIDDEN, UNTOLD, ColdStart, as_they_are, ask, hide
from benchmarks.content_worlds import UNKNOWN_BAND, ContentWorld, Shelf, brand_of, shelf_of
from benchmarks.paired import compare

from planted_content import content_world
from product_recommender.interactions import Interactions, ItemContent


@pytest.fixture(scope="module")
def world() -> ContentWorld:
    return content_world()


@pytest.fixture(scope="module")
def hidden(world: ContentWorld) -> ColdStart:
    return hide(world, 0.25, seed=3)


# ------------------------------------------------------------------ the protocol


def original_items(world: ContentWorld, question: ColdStart) -> np.ndarray:
    """Code of the world behind each code of the question, told by the pictures."""
    before = world.train.contents["image"].vectors
    now = question.train.contents["image"].vectors
    return np.array([int(np.flatnonzero((before == row).all(axis=1))[0]) for row in now])


def test_hidden_products_teach_nothing(world: ContentWorld, hidden: ColdStart) -> None:
    n_trained = world.arrays.n_items
    assert hidden.train.n_items == n_trained - round(0.25 * n_trained)
    assert len(hidden.cold) == round(0.25 * n_trained)
    assert hidden.train.items.max() < hidden.train.n_items
    assert set(hidden.train.items) == set(range(hidden.train.n_items))
    for items in (hidden.train.items, hidden.tune.items, hidden.known[1]):
        assert not set(items) & set(hidden.cold)
    # Everything else is told: no purchase of another product is lost.
    back = original_items(world, hidden)
    secret = back[hidden.cold]
    assert sorted(back) == list(range(60))
    kept = ~np.isin(world.train.items, secret)
    assert sorted(zip(back[hidden.train.items], hidden.train.days, strict=True)) == sorted(
        zip(world.train.items[kept], world.train.days[kept], strict=True)
    )


def test_targets_and_what_is_owned_stay(world: ContentWorld, hidden: ColdStart) -> None:
    back = original_items(world, hidden)
    for name in ("targets", "seen"):
        before = getattr(world.cut, name).toarray()
        np.testing.assert_array_equal(getattr(hidden, name).toarray(), before[:, back])
    assert set(back[hidden.candidates]) == set(world.cut.candidates)
    np.testing.assert_array_equal(hidden.customers, world.cut.users)
    categories = world.train.item_categories[back]
    np.testing.assert_array_equal(hidden.train.item_categories, categories)
    np.testing.assert_array_equal(hidden.shelf.brands, world.shelf.brands[back])


def test_customers_who_bought_nothing_else_are_strangers(world: ContentWorld) -> None:
    only = hide(world, 0.25, seed=3)
    back = original_items(world, only)
    # Customer 0 keeps one training purchase, of a product that is hidden.
    arrays = world.arrays
    lonely = np.flatnonzero((arrays.users == 0) & (arrays.parts == 0))
    items = arrays.items.copy()
    items[lonely] = back[only.cold[0]]
    days = arrays.days
    changed = replace(arrays, items=items, days=days)
    train = world.train.take(np.ones(len(world.train), dtype=bool))
    train = replace(train, items=np.where(train.users == 0, back[only.cold[0]], train.items))
    question = hide(replace(world, arrays=changed, train=train), 0.25, seed=3)
    assert question.train.n_users == world.arrays.n_users - 1
    assert question.users[list(question.customers).index(0)] == world.arrays.n_users - 1
    assert set(question.train.users) == set(range(question.train.n_users))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_that_hides_nothing_or_everything_is_refused(
    world: ContentWorld, share: float
) -> None:
    with pytest.raises(ValueError, match="hide at least one"):
        hide(world, share, seed=0)


def test_draws_differ_and_repeat(world: ContentWorld) -> None:
    first, again, other = (
        set(original_items(world, q)[q.cold]) for q in (hide(world, 0.2, s) for s in (0, 0, 1))
    )
    assert first == again != other


def test_cold_as_they_are_is_what_was_first_sold_in_validation(world: ContentWorld) -> None:
    question = as_they_are(world)
    assert list(question.cold) == list(range(54, 60))
    counts = question.counts()
    assert counts["cold_products"] == 6
    assert counts["cold_targets"] == question.targets[:, 54:].nnz
    assert counts["training_products"] == 54


# ------------------------------------------------------------------ judging


def by_hand(scores: list[list[float]]) -> dict[str, np.ndarray]:
    """Two customers, four products, the last two cold; 0 owns product 0 and buys 1 and 3."""
    train = Interactions(
        users=np.array([0]),
        items=np.array([0]),
        stars=np.array([5.0]),
        days=np.array([0]),
        n_users=1,
        n_items=2,
        item_categories=np.zeros(4, dtype=np.int16),
        categories=("one",),
    )
    question = ColdStart(
        name="hidden",
        train=train,
        tune=train.take(np.array([], dtype=int)),
        known=(train.users, train.items, train.days),
        users=np.array([0, 1]),
        customers=np.array([0, 1]),
        targets=scipy.sparse.csr_matrix(np.array([[0, 1, 0, 1], [1, 0, 0, 0]], dtype=np.float32)),
        seen=scipy.sparse.csr_matrix(np.array([[1, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32)),
        candidates=np.arange(4),
        cold=np.array([2, 3]),
        shelf=Shelf(np.zeros(4, dtype=int), np.zeros(4, dtype=int)),
    )

    class Fixed:
        def score(self, users: np.ndarray) -> np.ndarray:
            return np.array(scores)[users]

    return ask(Fixed(), question)


def test_lists_are_judged_among_the_cold_and_in_the_whole_catalogue() -> None:
    second, third = 1 / np.log2(3), 1 / np.log2(4)
    found = by_hand([[9, 1, 3, 2], [1, 2, 3, 4]])
    # Customer 0: without the owned product 0 the order is 2, 3, 1.
    assert found["cold_ndcg"][0] == pytest.approx(second)
    assert found["whole_ndcg"][0] == pytest.approx(second)
    assert found["all_ndcg"][0] == pytest.approx((second + third) / (1 + second))
    assert found["cold_hit_rate"][0] == 1.0
    # Customer 1 has no cold target; the own product stands last of four.
    assert np.isnan(found["cold_ndcg"][1])
    assert np.isnan(found["whole_hit_rate"][1])
    assert found["all_ndcg"][1] == pytest.approx(1 / np.log2(5))


def test_ties_earn_what_chance_earns(world: ContentWorld) -> None:
    found = by_hand([[0, 0, 0, 0], [0, 0, 0, 0]])
    assert found["cold_ndcg"][0] == pytest.approx((1 + 1 / np.log2(3)) / 2)
    question = hide(world, 0.25, seed=0)
    exact = np.nanmean(ask(Chance(60), question)["cold_ndcg"])

    class Dice:
        def __init__(self, seed: int) -> None:
            self.rng = np.random.default_rng(seed)

        def score(self, users: np.ndarray) -> np.ndarray:
            return self.rng.random((len(users), 60))

    thrown = [np.nanmean(ask(Dice(seed), question)["cold_ndcg"]) for seed in range(60)]
    assert exact == pytest.approx(np.mean(thrown), abs=0.02)


# ------------------------------------------------------------------ baselines by hand


def test_means_of_groups_are_pulled_towards_the_wider_group() -> None:
    # The last two products are new; what the prior says of sold ones is not used.
    own = ToldSales(np.array([4.0, 0.0, 8.0, 0.0, 0.0]), np.array([True] * 3 + [False] * 2))
    category = np.array([0, 0, 1, 0, 1])
    brand = np.array([0, 1, 2, 0, 3])
    means = own.means_by(category)
    # Mean of all is 4; category 0 has 4 + 0 of two products, category 1 has 8 of one.
    assert means[3] == pytest.approx((4 + 2 * 4) / (2 + 2))
    assert means[4] == pytest.approx((8 + 2 * 4) / (1 + 2))
    finer = own.means_by(category, brand)
    assert finer[3] == pytest.approx((4 + 2 * 3) / (1 + 2))
    assert finer[4] == pytest.approx(means[4])  # a brand without sales: its category
    assert list(own.or_prior(means)[:3]) == [4.0, 0.0, 8.0]
    assert list(own.or_prior(means)[3:]) == list(means[3:])


def toy(n_new: int = 2, **changed: Any) -> ColdStart:
    """Three training products with 1, 2 and 3 purchases on one day; two new ones."""
    users = np.array([0, 1, 2, 0, 1, 2])
    items = np.array([0, 1, 1, 2, 2, 2])
    train = Interactions(
        users=users,
        items=items,
        stars=np.full(6, 5.0),
        days=np.zeros(6, dtype=np.int32),
        n_users=3,
        n_items=3,
        item_categories=np.array([0, 0, 1, 0, 1], dtype=np.int16),
        categories=("A", "B"),
    )
    question = ColdStart(
        name="hidden",
        train=train,
        tune=train.take(np.array([], dtype=int)),
        known=(users, items, np.zeros(6, dtype=np.int32)),
        users=np.arange(4),
        customers=np.arange(4),
        targets=scipy.sparse.csr_matrix(np.ones((4, 5), dtype=np.float32)),
        seen=scipy.sparse.csr_matrix((4, 5), dtype=np.float32),
        candidates=np.arange(5),
        cold=np.array([3, 4]),
        shelf=Shelf(np.array([0, 1, 2, 1, 2]), np.full(5, UNKNOWN_BAND)),
    )
    return replace(question, **changed)


def test_category_sales_rank_the_known_by_their_own_and_the_new_by_the_mean() -> None:
    scores = category_sales(toy(), 60.0).score(np.array([3]))[0]
    # Customer 3 bought nothing and leans to nothing.
    assert scores[:3] == pytest.approx([1, 2, 3])
    assert scores[3] == pytest.approx((3 + 2 * 2) / (2 + 2))
    assert scores[4] == pytest.approx((3 + 2 * 2) / (1 + 2))


def test_leaning_is_relative_to_everyones_share() -> None:
    # Shares: category 0 has 3 of 6 purchases. Customer 1 bought one of each.
    leaning = Leaning(toy(), np.array([0, 0, 1, 0, 1])).of(np.array([1, 3]))
    assert leaning[0] == pytest.approx(np.ones(5))
    assert leaning[1] == pytest.approx(np.ones(5))
    told = np.array([0, 0, 1, 1]), np.array([2, 2, 0, 1]), np.zeros(4, dtype=np.int32)
    leaning = Leaning(toy(known=told), np.array([0, 0, 1, 0, 1])).of(np.array([0]))[0]
    assert leaning[2] == pytest.approx((2 + 5 * 0.5) / 7 / 0.5)
    assert leaning[0] == pytest.approx((0 + 5 * 0.5) / 7 / 0.5)


def test_brand_and_price_band_count_where_they_are_known() -> None:
    new = category_and_brand_sales(toy(), 60.0).score(np.array([3]))[0, 3:]
    category_means = np.array([7 / 4, 7 / 3])
    assert new == pytest.approx([(2 + 2 * category_means[0]) / 3, (3 + 2 * category_means[1]) / 3])
    banded = toy(shelf=Shelf(np.array([0, 1, 2, 1, 2]), np.array([0, 1, 1, 0, UNKNOWN_BAND])))
    with_band = category_and_brand_sales(banded, 60.0).score(np.array([3]))[0, 3:]
    # Band 0 of category 0 sold 1 with one product: (1 + 2 * 7/4) / 3, against 7/4 in all of it.
    assert with_band[0] == pytest.approx(new[0] * ((1 + 2 * 7 / 4) / 3) / (7 / 4))
    assert with_band[1] == pytest.approx(new[1])


def test_personal_brands_lift_what_the_customer_knows() -> None:
    question = toy()
    plain = category_and_brand_sales(question, 60.0).score(np.array([1]))[0]
    personal = category_and_brand_sales(question, 60.0, personal=True).score(np.array([1]))[0]
    # Customer 1 bought brands 1 and 2; brand 1 has 2 of 6 purchases, the customer 1 of 2.
    assert personal[3] / plain[3] == pytest.approx((1 + 5 / 3) / 7 / (1 / 3))


def content(vectors: list[list[float]], known: list[bool] | None = None) -> ItemContent:
    array = np.array(vectors, dtype=np.float32)
    mask = np.ones(len(array), dtype=bool) if known is None else np.array(known)
    return ItemContent(np.where(mask[:, None], array, 0).astype(np.float32), mask, "made up")


def test_directions_are_centred_on_training_products_and_zero_where_unknown() -> None:
    found = centred_directions(content([[3, 1], [1, 1], [2, 5]], [True, True, True]), 2)
    # The training mean is (2, 1).
    np.testing.assert_allclose(found, [[1, 0], [-1, 0], [0, 1]])
    unknown = centred_directions(content([[3, 1], [1, 1], [2, 5]], [True, True, False]), 2)
    np.testing.assert_allclose(unknown[2], [0, 0])
    nothing = centred_directions(content([[3, 1], [1, 1]], [False, False]), 2)
    assert not nothing.any()


def test_nearest_means_cosines_over_the_history_and_leaves_strangers_to_chance() -> None:
    # Products 0 to 2 lie to the right, left and above of their mean (0, 1/3).
    vectors = content([[1, 0], [-1, 0], [0, 1], [1, 0], [-1, 0]])
    ranker = Nearest([vectors], toy())
    directions = centred_directions(vectors, 3)
    scores = ranker.score(np.array([0, 3]))
    # Customer 0 bought products 0 and 2.
    expected = (directions[0] + directions[2]) / 2 @ directions.T
    np.testing.assert_allclose(scores[0], expected, rtol=1e-5)
    assert scores[0, 3] > scores[0, 4]
    np.testing.assert_array_equal(scores[1], np.zeros(5))


def test_sales_of_the_similar_are_those_of_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.cold_rankers.NEAREST", 1)
    vectors = content([[1, 0], [-1, 0], [0, 1], [0, 2], [-3, 0]])
    scores = similar_sales([vectors], toy(), 60.0).score(np.array([3]))[0]
    assert scores == pytest.approx([1, 2, 3, 3, 2])


def test_first_sales_are_told_or_kept_secret(world: ContentWorld) -> None:
    told, untold = as_they_are(world), as_they_are(world, told=False)
    assert told.name != untold.name
    sales = told_sales(told, 1e9)
    assert sales.recent == pytest.approx(np.bincount(told.known[1], minlength=60), rel=1e-5)
    assert sales.is_sold.all()
    secret = told_sales(untold, 1e9)
    assert list(np.flatnonzero(~secret.is_sold)) == list(range(54, 60))
    assert not secret.recent[54:].any()
    np.testing.assert_allclose(secret.recent[:54], sales.recent[:54], rtol=1e-6)
    assert untold.tune.items.max() < 54
    np.testing.assert_array_equal(told.targets.toarray(), untold.targets.toarray())


def test_planted_pictures_beat_the_category_and_noise_does_not(world: ContentWorld) -> None:
    question = hide(world, 0.3, seed=0)
    found = {
        name: np.nanmean(ask(ranker, question)["cold_ndcg"])
        for name, ranker in {
            "chance": Chance(60),
            "category": category_sales(question, 60.0),
            "image": Nearest([question.train.contents["image"]], question),
            "text": Nearest([question.train.contents["text"]], question),
        }.items()
    }
    assert found["image"] > 1.3 * found["category"]
    assert found["text"] < 1.2 * found["chance"]


# ------------------------------------------------------------------ brands


@pytest.mark.parametrize(
    ("title", "brand"),
    [
        ("Intuit TurboTax Deluxe 2012", "turbotax"),
        ("Turbo Tax Home & Business", "turbotax"),
        ("H&R Block At Home 2009 Deluxe", "h&r block"),
        ("Block Financial H&R Premium", "h&r block"),
        ("The Statement Deception Tool", "statement"),
        ("360 Degrees of Paint", "degrees"),
        ("", ""),
        (None, ""),
    ],
)
def test_brands_from_titles(title: str | None, brand: str) -> None:
    assert brand_of(title) == brand


def test_bands_are_quartiles_of_training_prices_in_the_category() -> None:
    products = pd.DataFrame(
        {
            "product_title": ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"],
            "product_category": ["A", "A", "A", "A", "A", "B"],
            "brand": ["X", "x", None, "y", None, None],
            "list_price": [10.0, 20.0, 30.0, 40.0, 1000.0, None],
        }
    )
    shelf = shelf_of(products, n_items=4)
    assert list(shelf.price_bands) == [0, 1, 2, 3, 3, UNKNOWN_BAND]
    assert shelf.brands[0] == shelf.brands[1]
    assert len(set(shelf.brands)) == 5


# ------------------------------------------------------------------ cells and tables


def test_finished_cells_are_not_made_again(tmp_path: Path) -> None:
    cells, made = Cells(tmp_path / "cells"), []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"a": np.array([1.0, np.nan])}

    assert not cells.has({"seed": 1})
    first, seconds = cells.get({"seed": 1}, make)
    again, same_seconds = cells.get({"seed": 1}, make)
    assert len(made) == 1
    assert seconds == same_seconds
    np.testing.assert_array_equal(first["a"], again["a"])
    cells.get({"seed": 2}, make)
    assert len(made) == 2
    assert not list((tmp_path / "cells").glob("*.partial"))


def test_an_interrupted_cell_leaves_nothing(tmp_path: Path) -> None:
    cells = Cells(tmp_path)

    def stop() -> dict[str, np.ndarray]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cells.get({"seed": 1}, stop)
    assert not cells.has({"seed": 1})


def test_digests_see_what_a_model_sees(world: ContentWorld) -> None:
    train = world.train
    other = {"text": train.contents["text"], "image": content([[0.0]] * 60)}
    changed = replace(train, contents=other)
    assert digest_of_interactions(train, ("text",)) == digest_of_interactions(changed, ("text",))
    assert digest_of_interactions(train, ("image",)) != digest_of_interactions(changed, ("image",))
    assert digest(np.zeros(3)) != digest(np.zeros((3, 1))) != digest(np.zeros(3, dtype=np.int8))


def test_pairs_are_compared_on_the_same_customers() -> None:
    rng = np.random.default_rng(0)
    base = rng.random(300)
    wide = pd.DataFrame({"a": base + 0.2 + 0.01 * rng.random(300), "b": base, "c": base})
    rows = compare(wide, [("a", "b"), ("c", "b"), ("a", "nobody")])
    assert [row["verdict"] for row in rows] == ["better", "no difference shown"]
    assert rows[0]["difference"] == pytest.approx(0.205, abs=0.002)
    wide.loc[0, "b"] = np.nan
    with pytest.raises(ValueError, match="same customers"):
        compare(wide, [("a", "b")])


def plans(world: ContentWorld) -> list[Plan]:
    """The image's nearest neighbours stand in for the model."""
    rankers = [r for r in rankers_of(world, 60.0) if not r.is_trained]
    stand_in = Named(
        cold_products.MODEL,
        ("image",),
        {"modalities": "stand-in"},
        lambda q, _: Nearest([q.train.contents["image"]], q),
        is_trained=True,
    )
    asked = [*rankers, stand_in]
    found = [Plan("planted", world, as_they_are(world, told=False), 0, asked)]
    return found + [Plan("planted", world, hide(world, 0.3, s), s, asked) for s in range(2)]


@pytest.fixture(scope="module")
def result(world: ContentWorld, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return measure(plans(world), Cells(tmp_path_factory.mktemp("cells")), n_resamples=1000)


def test_every_ranker_is_measured_and_the_model_is_compared(result: dict[str, Any]) -> None:
    table = {(r["question"], r["ranker"], r["measure"]): r for r in result["table"]}
    chance = table[HIDDEN, "chance", "cold_ndcg"]
    assert chance["low"] <= chance["value"] <= chance["high"]
    assert table[HIDDEN, cold_products.MODEL, "cold_ndcg"]["value"] > 1.3 * chance["value"]
    assert table[UNTOLD, "chance", "all_ndcg"]["customers"] == 150
    compared = {
        (r["question"], r["measure"], r["second"]): r
        for r in result["comparisons"]
        if r["first"] == cold_products.MODEL
    }
    assert compared[HIDDEN, "cold_ndcg", "category"]["verdict"] == "better"
    same = compared[HIDDEN, "cold_ndcg", "nearest by image"]
    assert (same["difference"], same["verdict"]) == (0.0, "no difference shown")
    assert [row["question"] for row in result["questions"]] == [UNTOLD, HIDDEN]


def test_a_second_call_makes_nothing_again(
    world: ContentWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = Cells(tmp_path)
    first = measure(plans(world)[:1], cells, n_resamples=100)

    def never(*given: Any) -> Any:
        raise AssertionError("a finished cell was made again")

    monkeypatch.setattr(cold_products, "ask", never)
    again = measure(plans(world)[:1], cells, n_resamples=100)
    assert first["table"] == again["table"]


def test_the_page_names_data_counts_and_verdicts(result: dict[str, Any]) -> None:
    content = {
        "data": [("generated data, planted", "0" * 64)],
        "seeds": [0],
        "draws": 2,
        "hidden_share": 0.3,
        "models_not_registered": [],
        "wall_seconds": 1.0,
        "peak_memory_mb": 1.0,
        **result,
    }
    page = markdown(content, "python -m benchmarks.cold_products")
    assert "generated data, planted" in page
    assert "## planted: cold products hidden" in page
    assert f"| {cold_products.MODEL} against category | NDCG among the cold | +" in page


def test_variants_leave_out_modalities_that_the_world_lacks(
    world: ContentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cold_products.MODELS, cold_products.MODEL, "nowhere:Nothing")
    no_images = world.with_contents({"text": world.train.contents["text"]})
    found = {r.name: r.settings["modalities"] for r in model_variants(no_images)}
    assert found == {
        "multimodal": ("ids", "text", "time"),
        "multimodal without text": ("ids", "time"),
        "multimodal without time": ("ids", "text"),
    }
    assert len(model_variants(world)) == 5


def test_sales_times_leanings() -> None:
    class Twice:
        def of(self, users: np.ndarray) -> np.ndarray:
            return np.array([[1.0, 2.0]])[np.zeros(len(users), dtype=int)]

    scores = Sales(np.array([3.0, 4.0]), [Twice(), Twice()]).score(np.array([0, 0]))
    np.testing.assert_array_equal(scores, [[3, 16], [3, 16]])
