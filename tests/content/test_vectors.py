"""Tables of embeddings: what is reused, and what is refused with the file's name."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from product_recommender.content.vectors import (
    EMBEDDING_SCHEMA,
    PATH_KEY,
    EmbeddingError,
    embedding_table,
    known_vectors,
    place_embeddings,
    read_embeddings,
)

VECTORS = {"h1": np.array([1.0, 2.0]), "h2": np.array([3.0, 4.0])}


def table(model: str = "m", vectors: dict[str, np.ndarray] = VECTORS) -> pa.Table:
    made = embedding_table([f"p{i}" for i in range(len(vectors))], list(vectors), model, vectors)
    return made.replace_schema_metadata({PATH_KEY: b"there/text_embeddings.parquet"})


def test_what_is_written_is_read_back() -> None:
    made = embedding_table(["a", "b", "c"], ["h2", "h1", "h2"], "m", VECTORS)
    assert made.schema == EMBEDDING_SCHEMA
    ids, vectors, model = read_embeddings(made, "text_embeddings")
    assert (ids, model) == (["a", "b", "c"], "m")
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[3, 4], [1, 2], [3, 4]]


def test_an_empty_table_is_no_error() -> None:
    made = embedding_table([], [], "m", {})
    assert made.schema == EMBEDDING_SCHEMA
    ids, vectors, model = read_embeddings(made, "text_embeddings")
    assert (ids, vectors.shape, model) == ([], (0, 0), "")
    assert known_vectors(made, "m", 2, ["h1"], "text_embeddings") == {}


def test_vectors_are_placed_in_the_order_of_products() -> None:
    made = embedding_table(["a", "c", "b"], ["h2", "h1", "h2"], "m", VECTORS)
    wanted = np.array(["z", "b", "c"], dtype=object)
    vectors, known, model = place_embeddings(made, wanted, "text_embeddings")
    assert (known.tolist(), model) == ([False, True, True], "m")
    assert vectors.tolist() == [[0, 0], [3, 4], [1, 2]]
    assert vectors.dtype == np.float32
    nothing, known, model = place_embeddings(
        embedding_table([], [], "m", {}), wanted, "text_embeddings"
    )
    assert (nothing.shape, known.any(), model) == ((3, 0), False, "")


def test_only_vectors_of_this_model_and_content_are_known() -> None:
    known = known_vectors(table(), "m", 2, ["h1", "h9"], "text_embeddings")
    assert {key: value.tolist() for key, value in known.items()} == {"h1": [1, 2]}
    assert known_vectors(table("another"), "m", 2, ["h1"], "text_embeddings") == {}


def test_vectors_of_another_model_may_have_any_length() -> None:
    other = table("another", {"h1": np.ones(7)})
    assert known_vectors(other, "m", 2, ["h1"], "text_embeddings") == {}


@pytest.mark.parametrize("vector", [np.ones(3), np.zeros(0), np.array([1.0, np.nan])])
def test_a_wrong_vector_names_the_file_to_delete(vector: np.ndarray) -> None:
    with pytest.raises(EmbeddingError, match=r"Delete there/text_embeddings\.parquet and run"):
        known_vectors(table("m", {"h1": vector}), "m", 2, ["h1"], "text_embeddings")


def test_a_strange_table_names_the_file_to_delete() -> None:
    strange = table().drop_columns(["model"])
    with pytest.raises(EmbeddingError, match=r"no column model.*Delete there/text_emb"):
        known_vectors(strange, "m", 2, ["h1"], "text_embeddings")


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (("n", np.ones(2)), r"mixes the vectors .*\(m, n\)"),
        (("m", np.ones(3)), r"different lengths \(2, 3\)"),
        (("m", np.array([np.inf, 1])), "not finite"),
        (("m", np.ones(2)), "two vectors of one product"),
    ],
)
def test_mixed_tables_are_refused(second: tuple[str, np.ndarray], told: str) -> None:
    model, vector = second
    both = pa.concat_tables([table(), table(model, {"h3": vector})])
    with pytest.raises(EmbeddingError, match=told):
        read_embeddings(both, "text_embeddings")
