"""Embeddings of a catalogue: their mean taken out, unknown ones kept apart."""

from __future__ import annotations

import ibis
import numpy as np
import pytest

from product_recommender.content.vectors import EmbeddingError, embedding_table
from product_recommender.related.content_space import ContentSpace, _leading


def table_of(vectors: dict[str, list[float]], model: str = "m") -> ibis.Table:
    hashes = [f"hash of {product}" for product in vectors]
    arrays = {key: np.array(v, np.float32) for key, v in zip(hashes, vectors.values(), strict=True)}
    return ibis.memtable(embedding_table(list(vectors), hashes, model, arrays))


def read(vectors: dict[str, list[float]], ids: list[str], dimensions: int = 8) -> ContentSpace:
    return ContentSpace.read(table_of(vectors), np.array(ids, dtype=object), dimensions, "texts")


def test_products_are_placed_by_their_codes_and_strangers_left_out() -> None:
    space = read({"b": [0, 1], "x": [5, 5], "a": [1, 0]}, ["a", "b", "c"])
    assert space.known.tolist() == [True, True, False]
    assert not space.vectors[2].any()
    assert np.linalg.norm(space.vectors[:2], axis=1) == pytest.approx([1, 1])
    assert np.isnan(space.cosines(np.array([0]), np.array([2]))).all()


def test_what_all_have_in_common_counts_for_nothing() -> None:
    rng = np.random.default_rng(0)
    own = rng.standard_normal((400, 6))
    vectors = {f"p{i:03}": [*(3.0 + row)] for i, row in enumerate(own)}
    space = read(vectors, sorted(vectors))
    # Raw cosines of these vectors are all about .9.
    some = np.arange(0, 398)
    assert abs(float(space.cosines(some, some + 1).mean())) < 0.05
    centred = own - own.mean(axis=0)
    one, two = centred[0], centred[1]
    expected = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
    assert space.cosines(np.array([0]), np.array([1]))[0] == pytest.approx(expected, abs=0.15)


def test_fewer_components_keep_what_matters() -> None:
    rng = np.random.default_rng(1)
    plane = rng.standard_normal((200, 2)) @ rng.standard_normal((2, 10))
    vectors = {f"p{i:03}": [*row] for i, row in enumerate(plane)}
    full, two = (read(vectors, sorted(vectors), dimensions) for dimensions in (10, 2))
    assert two.vectors.shape == (200, 2)
    first, second = np.arange(199), np.arange(1, 200)
    assert two.cosines(first, second) == pytest.approx(full.cosines(first, second), abs=1e-3)


def test_no_embeddings_know_nothing() -> None:
    space = read({}, ["a", "b"])
    assert not space.known.any()
    assert space.model == ""
    assert np.isnan(space.cosines(np.array([0]), np.array([1]))).all()


def test_mixed_models_are_refused() -> None:
    mixed = table_of({"a": [1, 0]}, "m").union(table_of({"b": [0, 1]}, "other"))
    with pytest.raises(EmbeddingError, match=r"texts mixes .*\(m, other\)"):
        ContentSpace.read(mixed, np.array(["a", "b"], dtype=object), 2, "texts")


def test_few_products_with_long_vectors_are_as_alike_as_many_components_say() -> None:
    rng = np.random.default_rng(3)
    few = rng.standard_normal((6, 40)).astype(np.float32)
    by_rows = _leading(few, 4)
    _, axes = np.linalg.eigh(few.T @ few)
    by_columns = few @ axes[:, -4:]
    np.testing.assert_allclose(by_rows @ by_rows.T, by_columns @ by_columns.T, atol=1e-4)
