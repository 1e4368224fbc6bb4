import itertools

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from product_recommender.metrics.ranking import (
    expected_ranking_metrics,
    metric_names,
    ranking_metrics,
)


def csr(rows: list[list[int]], n_items: int = 50) -> scipy.sparse.csr_matrix:
    matrix = scipy.sparse.lil_matrix((len(rows), n_items))
    for row, items in enumerate(rows):
        matrix[row, items] = 1
    return matrix.tocsr()


def of_one_list(ranked: list[bool], n_targets: int, k: int) -> dict[str, float]:
    """The definitions, read aloud, for one ordered list."""
    top = [bool(hit) for hit in ranked[:k]]
    hits = sum(top)
    precision, recall = hits / k, hits / n_targets
    precisions = [sum(top[: i + 1]) / (i + 1) for i, hit in enumerate(top) if hit]
    ideal = sum(1 / np.log2(i + 2) for i in range(min(k, n_targets)))
    return {
        f"precision@{k}": precision,
        f"recall@{k}": recall,
        f"f1@{k}": 2 * precision * recall / (precision + recall) if hits else 0.0,
        f"hit_rate@{k}": float(hits > 0),
        f"ndcg@{k}": sum(1 / np.log2(i + 2) for i, hit in enumerate(top) if hit) / ideal,
        f"map@{k}": sum(precisions) / min(k, n_targets),
        "mrr": 1 / (top.index(True) + 1) if hits else 0.0,
    }


def test_one_list_by_hand():
    # Targets 7 and 9 of three; found at ranks 2 and 4 of 5.
    found = ranking_metrics(np.array([[1, 7, 2, 9, 3]]), csr([[7, 9, 40]]), k=5)
    assert list(found) == list(metric_names(5))
    assert found["precision@5"][0] == pytest.approx(2 / 5)
    assert found["recall@5"][0] == pytest.approx(2 / 3)
    assert found["f1@5"][0] == pytest.approx(0.5)
    assert found["hit_rate@5"][0] == 1
    dcg = 1 / np.log2(3) + 1 / np.log2(5)
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert found["ndcg@5"][0] == pytest.approx(dcg / ideal)
    assert found["map@5"][0] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert found["mrr"][0] == pytest.approx(1 / 2)
    assert all(v.dtype == np.float32 and v.shape == (1,) for v in found.values())


def test_a_perfect_list_scores_one_even_with_more_targets_than_places():
    found = ranking_metrics(np.array([[4, 5], [1, 2]]), csr([[4, 5, 6, 7], [1, 2]]), k=2)
    for name in ("ndcg@2", "map@2", "mrr", "precision@2", "hit_rate@2"):
        np.testing.assert_allclose(found[name], 1, rtol=1e-6)
    np.testing.assert_allclose(found["recall@2"], [0.5, 1.0])


def test_padding_is_a_miss_and_keeps_the_divisor():
    targets = csr([[3], [3], [0]])
    padded = ranking_metrics(np.array([[3, -1, -1], [-1, -1, -1], [0, -1, -1]]), targets, k=3)
    narrow = ranking_metrics(np.array([[3], [-1], [0]]), targets, k=3)
    np.testing.assert_allclose(padded["precision@3"], [1 / 3, 0, 1 / 3])
    for name, values in padded.items():
        np.testing.assert_array_equal(values, narrow[name])


def test_columns_beyond_k_are_not_looked_at():
    found = ranking_metrics(np.array([[1, 2, 9]]), csr([[9]]), k=2)
    assert all(values[0] == 0 for values in found.values())


def test_targets_may_be_index_arrays_unsorted_repeated_or_stored_zeros():
    lists = np.array([[1, 2], [3, 4]])
    plain = ranking_metrics(lists, csr([[2, 5], [3]]), k=2)
    arrays = ranking_metrics(lists, (np.array([0, 3, 4]), np.array([5, 2, 2, 3])), k=2)
    with_zero = csr([[2, 5], [3, 4]])
    with_zero[1, 4] = 0.0
    stored = ranking_metrics(lists, with_zero, k=2)
    for name, values in plain.items():
        np.testing.assert_array_equal(values, arrays[name])
        np.testing.assert_array_equal(values, stored[name])


def test_item_codes_larger_than_any_target_belong_to_nobody():
    # 0 * span + 7 must not be mistaken for the cell of the next user's item.
    found = ranking_metrics(np.array([[7], [0]]), csr([[3], [3]], n_items=4), k=1)
    np.testing.assert_array_equal(found["hit_rate@1"], [0, 0])


def test_users_without_target_are_counted_in_the_error():
    with pytest.raises(ValueError, match="2 of 3 users have no target"):
        ranking_metrics(np.zeros((3, 1), dtype=int), csr([[0], [], []]), k=1)
    with pytest.raises(ValueError, match="1 of 2 users have no target"):
        expected_ranking_metrics(np.ones((2, 3)), np.array([[1, 0, 0], [0, 0, 0]], dtype=bool), 1)


def test_wrong_shapes_and_repeats_are_errors():
    with pytest.raises(ValueError, match=r"1 lists hold an item twice.*row 1"):
        ranking_metrics(np.array([[1, 2, -1, -1], [2, 1, 2, -1]]), csr([[1], [2]]), k=4)
    with pytest.raises(ValueError, match="3 rows for 2 lists"):
        ranking_metrics(np.array([[1], [2]]), csr([[1], [2], [3]]), k=1)
    with pytest.raises(ValueError, match="k is 0"):
        ranking_metrics(np.array([[1]]), csr([[1]]), k=0)
    with pytest.raises(ValueError, match="NaN"):
        expected_ranking_metrics(np.array([[np.nan, 1]]), np.array([[True, False]]), 1)
    with pytest.raises(ValueError, match="must both be"):
        expected_ranking_metrics(np.ones((1, 2)), np.ones((2, 1), dtype=bool), 1)


@pytest.mark.parametrize("k", [1, 3, 10, 40])
def test_random_lists_against_the_definitions(k):
    rng = np.random.default_rng(k)
    n, m = 60, 30
    relevant = rng.random((n, m)) < 0.15
    relevant[np.arange(n), rng.integers(0, m, n)] = True
    lists = np.stack([rng.permutation(m) for _ in range(n)])[:, : min(k, m)]
    found = ranking_metrics(lists, scipy.sparse.csr_matrix(relevant), k)
    for row in range(n):
        expected = of_one_list(list(relevant[row, lists[row]]), int(relevant[row].sum()), k)
        for name, value in expected.items():
            assert found[name][row] == pytest.approx(value, abs=1e-6), (name, row)


def test_ndcg_and_average_precision_against_scikit_learn():
    rng = np.random.default_rng(8)
    n, m = 80, 25
    scores = rng.permuted(np.tile(np.arange(m, dtype=float), (n, 1)), axis=1)
    relevant = rng.random((n, m)) < 0.2
    relevant[:, 0] = True
    order = np.argsort(-scores, axis=1)
    targets = scipy.sparse.csr_matrix(relevant)
    found = ranking_metrics(order, targets, k=10)
    assert found["ndcg@10"].mean() == pytest.approx(ndcg_score(relevant, scores, k=10), abs=1e-6)
    whole = ranking_metrics(order, targets, k=m)  # at k = m, MAP is average precision
    expected = [average_precision_score(relevant[i], scores[i]) for i in range(n)]
    np.testing.assert_allclose(whole[f"map@{m}"], expected, atol=1e-6)


@pytest.mark.parametrize("k", [1, 4, 10, 60])
def test_expected_ndcg_with_ties_against_scikit_learn(k):
    # scikit-learn averages the gains of tied items, which is the same expectation.
    rng = np.random.default_rng(k)
    scores = rng.integers(0, 5, (200, 40)).astype(np.float32)
    relevant = rng.random((200, 40)) < 0.1
    relevant[:, 3] = True
    found = expected_ranking_metrics(scores, relevant, k)[f"ndcg@{k}"]
    expected = [ndcg_score(relevant[[i]], scores[[i]], k=k) for i in range(200)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 6).flatmap(
        lambda m: st.tuples(
            st.lists(st.integers(0, 2), min_size=m, max_size=m),
            st.lists(st.booleans(), min_size=m, max_size=m).filter(any),
            st.integers(1, 8),
        )
    )
)
def test_expectation_equals_the_mean_over_all_orders_of_ties(case):
    scores, relevant, k = case
    m = len(scores)
    total = dict.fromkeys(metric_names(k), 0.0)
    orders = list(itertools.permutations(range(m)))
    for order in orders:  # every tie-break that a random order of the items can produce
        ranked = sorted(order, key=lambda i: -scores[i])
        for name, value in of_one_list([relevant[i] for i in ranked], sum(relevant), k).items():
            total[name] += value
    found = expected_ranking_metrics(np.array([scores], dtype=float), np.array([relevant]), k)
    for name, value in total.items():
        assert found[name][0] == pytest.approx(value / len(orders), abs=1e-6), name


def test_without_ties_expectation_is_the_plain_metric():
    rng = np.random.default_rng(2)
    scores = rng.permuted(np.tile(np.arange(30.0), (50, 1)), axis=1)
    relevant = rng.random((50, 30)) < 0.2
    relevant[:, 1] = True
    plain = ranking_metrics(np.argsort(-scores, axis=1), scipy.sparse.csr_matrix(relevant), 10)
    expected = expected_ranking_metrics(scores, relevant, 10)
    for name in plain:
        np.testing.assert_allclose(plain[name], expected[name], atol=1e-6)


def test_minus_infinity_is_never_recommended():
    scores = np.array([[2.0, -np.inf, -np.inf, -np.inf]])
    relevant = np.array([[False, True, True, False]])
    found = expected_ranking_metrics(scores, relevant, 3)
    assert all(values[0] == 0 for values in found.values())


def test_a_hundred_thousand_users_do_not_take_a_python_loop():
    import time

    rng = np.random.default_rng(0)
    n = 100_000
    lists = rng.integers(0, 300, (n, 1)) * 10 + np.arange(10)  # distinct inside each list
    targets = scipy.sparse.csr_matrix((np.ones(n), (np.arange(n), rng.integers(0, 3000, n))))
    start = time.process_time()
    found = ranking_metrics(lists, targets, 10)
    assert time.process_time() - start < 5
    assert found["hit_rate@10"].mean() == pytest.approx(10 / 3000, rel=0.2)
