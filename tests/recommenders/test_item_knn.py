"""Item neighbours by hand, and against the implicit package."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from product_recommender.recommenders.item_knn import ItemKNN, ItemKNNConfig, weigh_purchases
from recommenders.test_item_to_item import interactions

# Item 0 was bought by customers 0, 1, 2, 3; item 1 by 0, 1; item 2 by 2; item 3 by 4 alone.
USERS = [0, 1, 2, 3, 0, 1, 2, 4]
ITEMS = [0, 0, 0, 0, 1, 1, 2, 3]


def scores(user, **settings):
    plain = {"shrinkage": 0.0, "asymmetry": 0.5, "user_normalisation": 0.0}
    config = ItemKNNConfig(popularity_weight=0.0, **(plain | settings))
    return ItemKNN(config).fit(interactions(USERS, ITEMS, 5, 4)).score(np.array([user]))[0]


def test_cosine_by_hand():
    np.testing.assert_allclose(scores(3), [0, 2 / np.sqrt(8), 1 / np.sqrt(4), 0], rtol=1e-6)
    # Customer 0 bought 0 and 1: both speak.
    both = [2 / np.sqrt(8), 2 / np.sqrt(8), 1 / np.sqrt(4), 0]
    np.testing.assert_allclose(scores(0), both, rtol=1e-6)


def test_shrinkage_by_hand():
    shrunk = [0, 2 / (np.sqrt(8) + 3), 1 / (np.sqrt(4) + 3), 0]
    np.testing.assert_allclose(scores(3, shrinkage=3.0), shrunk, rtol=1e-6)


def test_asymmetry_by_hand():
    """All the norm on the bought item: the share of its four buyers who bought the other."""
    np.testing.assert_allclose(scores(3, asymmetry=1.0), [0, 2 / 4, 1 / 4, 0], rtol=1e-6)
    np.testing.assert_allclose(scores(3, asymmetry=0.0), [0, 2 / 2, 1 / 1, 0], rtol=1e-6)


def test_user_normalisation_by_hand():
    """Customers 0, 1 and 2 bought two items each, so each of their pairs counts a half."""
    found = scores(3, asymmetry=1.0, user_normalisation=1.0)
    norm = 3 * 0.5 + 1.0  # the four buyers of item 0, customer 3 bought nothing else
    np.testing.assert_allclose(found, [0, 1.0 / norm, 0.5 / norm, 0], rtol=1e-6)


def test_only_the_nearest_neighbour():
    """Item 0 listens to item 1 alone, so item 2, which customer 2 has too, says nothing of it."""
    found = scores(2, neighbours=1)
    np.testing.assert_allclose(found, [0, 2 / np.sqrt(8), 1 / np.sqrt(4), 0], rtol=1e-6)
    assert scores(2, neighbours=2)[0] == pytest.approx(1 / np.sqrt(4))


@pytest.mark.parametrize("similarity", ["cosine", "tfidf", "bm25"])
def test_against_the_implicit_package(similarity):
    from implicit.nearest_neighbours import CosineRecommender, bm25_weight

    rng = np.random.default_rng(0)
    pairs = rng.choice(60 * 25, 400, replace=False)
    train = interactions(pairs // 25, pairs % 25, 60, 25)
    matrix = train.matrix()
    weighted = weigh_purchases(matrix, similarity, 0.0, 1.2, 0.75)
    if similarity == "bm25":
        # Theirs: items are the documents; their idf is log(N) - log1p(n), ours never below zero.
        theirs = np.asarray(bm25_weight(matrix.T.tocoo(), 1.2, 0.75).todense()).T
        idf = np.log1p(25 / (1.0 + np.diff(matrix.indptr)))
        their_idf = np.log(25) - np.log1p(np.diff(matrix.indptr))
        np.testing.assert_allclose(
            weighted.toarray() / idf[:, None], theirs / their_idf[:, None], rtol=1e-4
        )
        return
    similar = CosineRecommender(K=25)
    similar.fit(weighted.tocsr(), show_progress=False)
    expected = similar.similarity.toarray()
    np.fill_diagonal(expected, 0.0)
    plain = {"shrinkage": 0.0, "asymmetry": 0.5, "user_normalisation": 0.0, "neighbours": 25}
    config = ItemKNNConfig(similarity=similarity, popularity_weight=0.0, **plain)
    model = ItemKNN(config).fit(train)
    np.testing.assert_allclose(
        model.score(np.arange(60)), matrix.toarray() @ expected, rtol=1e-4, atol=1e-6
    )


def test_bm25_prefers_what_few_bought():
    """Items 1 and 2 were bought with item 0 by two customers each, item 2 by four others too."""
    users = [0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8]
    items = [0, 1, 0, 1, 0, 2, 0, 2, 2, 2, 2, 2, 0]
    train = interactions(users, items, 9, 3)
    config = ItemKNNConfig(similarity="bm25", popularity_weight=0.0)
    found = ItemKNN(config).fit(train).score(np.array([8]))[0]
    assert found[1] > found[2] > 0


def test_what_is_bought_after_counts_more_than_what_was_before():
    """Everyone buys 0, then 1, then 2: whoever has 1 needs 2, not 0."""
    users = [0, 0, 0, 1, 1, 1, 2]
    items = [0, 1, 2, 0, 1, 2, 1]
    train = interactions(users, items, 3, 3, [0, 10, 20, 0, 10, 20, 0])
    plain = {"shrinkage": 0.0, "popularity_weight": 0.0, "asymmetry": 0.5}
    both_ways = ItemKNN(ItemKNNConfig(**plain)).fit(train).score(np.array([2]))[0]
    assert both_ways[0] == pytest.approx(both_ways[2])
    ahead = ItemKNN(ItemKNNConfig(backward_weight=0.25, **plain)).fit(train)
    assert ahead.score(np.array([2]))[0, 2] == pytest.approx(both_ways[2])
    assert ahead.score(np.array([2]))[0, 0] == pytest.approx(both_ways[0] / 4)
    fading = ItemKNN(ItemKNNConfig(pair_half_life_days=5.0, **plain)).fit(train)
    assert fading.score(np.array([2]))[0, 2] == pytest.approx(both_ways[2] / 4)


def test_settings_have_bounds():
    with pytest.raises(ValidationError, match="neighbours"):
        ItemKNNConfig(neighbours=0)
    with pytest.raises(ValidationError, match="similarity"):
        ItemKNNConfig(similarity="jaccard")
