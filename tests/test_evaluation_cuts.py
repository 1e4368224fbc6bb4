"""Who is asked at a cut, what counts as a hit, what was on sale: worked out by hand."""

from __future__ import annotations

import ibis
import numpy as np
import pytest

from product_recommender.evaluation_cuts import HISTORY_BUCKETS, Cut, make_cut, purchases_so_far
from product_recommender.model_inputs import InteractionArrays, interaction_arrays
from small_world import PRODUCTS, small_world

Tables = dict[str, ibis.Table]


@pytest.fixture(scope="module")
def tables() -> Tables:
    return small_world()


@pytest.fixture(scope="module")
def arrays(tables: Tables) -> InteractionArrays:
    return interaction_arrays(tables["interactions"], tables["customer_ids"], tables["product_ids"])


def bought(cut: Cut) -> list[list[str]]:
    return [
        [PRODUCTS[item] for item in cut.targets.indices[start:end]]
        for start, end in zip(cut.targets.indptr[:-1], cut.targets.indptr[1:], strict=True)
    ]


def test_validation_asks_at_the_end_of_training(arrays: InteractionArrays, tables: Tables) -> None:
    cut = make_cut(arrays, tables["product_ids"], "validation", half="blend")
    assert cut.users.tolist() == [1]  # bert; cleo bought only what was not yet on sale
    assert bought(cut) == [["sofa"]]
    assert sorted(cut.candidates.tolist()) == [0, 1]
    assert cut.history_length.tolist() == [1]
    assert (cut.excluded_not_on_sale, cut.excluded_repeats) == (1, 1)


def test_test_asks_at_the_end_of_validation(arrays: InteractionArrays, tables: Tables) -> None:
    cut = make_cut(arrays, tables["product_ids"], "test")
    assert cut.users.tolist() == [1, 3]  # bert and dora
    assert bought(cut) == [["desk"], ["lamp"]]
    assert sorted(cut.candidates.tolist()) == [0, 1, 2]
    # bert bought lamp in training, sofa and (again) lamp in validation: two products
    assert cut.history_length.tolist() == [2, 0]
    assert cut.is_warm.tolist() == [True, False]
    assert [HISTORY_BUCKETS[bucket] for bucket in cut.history_bucket] == ["2-4", "0"]
    # vase and rug came on sale in the test period; anna's second lamp is a repeat
    assert (cut.excluded_not_on_sale, cut.excluded_repeats) == (2, 1)


def test_seen_is_everything_before_the_cut(arrays: InteractionArrays, tables: Tables) -> None:
    cut = make_cut(arrays, tables["product_ids"], "test")
    assert cut.seen.toarray().tolist() == [[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]


def test_halves_of_validation_share_no_customer(arrays: InteractionArrays, tables: Tables) -> None:
    tune = make_cut(arrays, tables["product_ids"], "validation", half="tune")
    assert tune.users.tolist() == []  # anna's desk was not on sale at the end of training
    assert tune.excluded_not_on_sale == 1
    both = make_cut(arrays, tables["product_ids"], "validation")
    assert both.users.tolist() == [1]


def test_purchases_so_far_counts_every_part(arrays: InteractionArrays) -> None:
    matrix = purchases_so_far(arrays, np.array([0, 4]))
    assert matrix.toarray().tolist() == [[1, 1, 1, 0, 1], [0, 0, 0, 1, 0]]
