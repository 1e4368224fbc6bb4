import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from product_recommender.metrics.beyond_accuracy import (
    beyond_accuracy_metrics,
    catalogue_coverage,
    category_diversity,
    feature_diversity,
    gini_of_exposure,
    head_items,
    novelty,
    tail_share,
)


def test_coverage_counts_products_once_and_no_padding():
    lists = np.array([[0, 1, -1], [1, 4, -1]])
    assert catalogue_coverage(lists, 10) == pytest.approx(3 / 10)
    assert catalogue_coverage(lists, 10, k=1) == pytest.approx(2 / 10)
    with pytest.raises(ValueError, match=r"3 different products .* catalogue of 2"):
        catalogue_coverage(lists, 2)


def test_gini_by_hand_and_at_its_ends():
    equal = np.array([[0, 1], [2, 3]])
    assert gini_of_exposure(equal, 4) == pytest.approx(0)
    one_takes_all = np.full((5, 1), 3)
    assert gini_of_exposure(one_takes_all, 4) == pytest.approx(1 - 1 / 4)
    # exposures 0, 1, 3: sum over pairs |xi - xj| = 2 * (1 + 3 + 2) = 12; 12 / (2 * 9 * 4/3)
    assert gini_of_exposure(np.array([[1], [2], [2], [2]]), 3) == pytest.approx(12 / 24)
    assert np.isnan(gini_of_exposure(np.array([[-1]]), 3))


def test_gini_against_the_definition_by_pairs():
    rng = np.random.default_rng(0)
    lists = (rng.random((200, 5)) ** 2 * 30).astype(int)
    shown = np.bincount(lists.ravel(), minlength=40).astype(float)
    pairs = np.abs(shown[:, None] - shown[None]).sum() / (2 * len(shown) ** 2 * shown.mean())
    assert gini_of_exposure(lists, 40) == pytest.approx(pairs)


def test_category_diversity_by_hand():
    categories = np.array([0, 0, 1, 2])
    lists = np.array([[0, 1, 2], [0, 1, -1], [2, 3, 0], [3, -1, -1], [-1, 0, 2]])
    found = category_diversity(lists, categories)
    np.testing.assert_allclose(found, [2 / 3, 0, 1, np.nan, 1], rtol=1e-6)
    np.testing.assert_allclose(category_diversity(lists, categories, k=2)[:1], [0])
    with pytest.raises(ValueError, match=r"item 9 .* ends at item 3"):
        category_diversity(np.array([[9]]), categories)


def test_feature_diversity_against_scikit_learn(monkeypatch):
    rng = np.random.default_rng(5)
    features = rng.normal(size=(30, 4)).astype(np.float32)
    lists = np.stack([rng.permutation(30)[:6] for _ in range(25)])
    expected = []
    for row in lists:
        similarity = cosine_similarity(features[row])
        expected.append(1 - similarity[np.triu_indices(6, 1)].mean())
    np.testing.assert_allclose(feature_diversity(lists, features), expected, atol=1e-5)
    monkeypatch.setattr("product_recommender.metrics.beyond_accuracy._BLOCK_VALUES", 50)
    np.testing.assert_allclose(feature_diversity(lists, features), expected, atol=1e-5)


def test_feature_diversity_of_empty_features_and_short_lists():
    features = np.array([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]])
    found = feature_diversity(np.array([[0, 1], [0, 2], [0, -1]]), features)
    np.testing.assert_allclose(found, [1, 2, np.nan])


def test_novelty_in_bits():
    counts = np.array([8, 4, 4, 0])
    lists = np.array([[0, -1], [1, 2], [3, 0], [-1, -1], [7, -1]])
    # shares 1/2, 1/4, 1/4; never bought counts as one of 16 purchases
    np.testing.assert_allclose(novelty(lists, counts), [1, 2, 2.5, np.nan, 4])


def test_head_and_tail():
    counts = np.array([1, 5, 3, 1, 0])
    # 5 + 3 of 10 hold 80 % exactly
    np.testing.assert_array_equal(head_items(counts), [False, True, True, False, False])
    lists = np.array([[1, 2], [0, 1], [4, 9], [3, -1], [-1, -1]])
    np.testing.assert_allclose(tail_share(lists, counts), [0, 0.5, 1, 1, np.nan])
    # ties at the border stay together, so the order of the codes plays no part
    assert head_items(np.array([2, 2, 2, 2])).all()
    with pytest.raises(ValueError, match="no purchase"):
        head_items(np.zeros(3))
    with pytest.raises(ValueError, match="head_share"):
        head_items(counts, 1.0)


def test_all_at_once_agrees_with_each():
    lists = np.array([[0, 1], [2, -1]])
    found = beyond_accuracy_metrics(
        lists,
        2,
        n_catalogue=4,
        purchase_counts=np.array([8, 4, 4]),
        item_categories=np.array([0, 1, 0, 0]),
        item_features=np.eye(4),
    )
    assert found == pytest.approx(
        {
            "coverage@2": 0.75,
            "gini@2": 0.25,
            "diversity@2": 1.0,
            "novelty@2": (1.5 + 2) / 2,
            "tail_share@2": 0.0,
            "feature_diversity@2": 1.0,
        }
    )
