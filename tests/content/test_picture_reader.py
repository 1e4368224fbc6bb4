"""Images of products in one pass: what is encoded, how often, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from product_recommender.content.pictures import PICTURE_SCHEMA, PictureReader
from product_recommender.content.settings import ImageSettings
from product_recommender.vision.image_source import ImageSource
from vision.picture_files import animation, encoded, noise


class Means:
    """An encoder that counts its calls: a picture's mean colour."""

    identity, dimensions, pixels = "means", 3, 16

    def __init__(self) -> None:
        self.batches: list[int] = []

    def encode(self, squares: Sequence[np.ndarray]) -> np.ndarray:
        self.batches.append(len(squares))
        return np.stack(list(squares)).astype(np.float32).mean(axis=(1, 2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(encoded(noise(i)))
    (tmp_path / "same.jpg").write_bytes(encoded(noise(0)))
    (tmp_path / "moving.gif").write_bytes(animation())
    (tmp_path / "text.png").write_bytes(b"not a picture")
    return tmp_path


def reader(folder: Path, known: dict[str, np.ndarray] | None = None) -> PictureReader:
    source = ImageSource(folder, folder / "downloads")
    return PictureReader(source, ImageSettings(batch_size=2), Means(), known or {})


def test_every_product_gets_a_row_and_every_picture_one_vector(folder: Path) -> None:
    look = reader(folder)
    names = [*(f"{i}.png" for i in range(5)), "same.jpg", "moving.gif", "text.png", "../x", "no"]
    rows = look.read({f"p{i}": name for i, name in enumerate(names)})
    assert rows.schema == PICTURE_SCHEMA
    assert rows["status"].to_pylist() == [
        *["ok"] * 6,
        "animated",
        "not_an_image",
        "outside_folder",
        "missing",
    ]
    assert rows["width"].to_pylist() == [48] * 6 + [None] * 4
    hashes = rows["content_hash"].to_pylist()
    assert hashes[0] == hashes[5]
    assert len(look.vectors) == 5
    # The same content under another name is not encoded again; batches are of two.
    assert look.encoder.batches == [2, 2, 1]  # type: ignore[attr-defined]
    assert look.encoded == 5


def test_known_pictures_are_not_encoded_again(folder: Path) -> None:
    references = {f"p{i}": f"{i}.png" for i in range(4)}
    first = reader(folder)
    first.read(references)
    again = reader(folder, dict(first.vectors))
    assert again.read(references)["status"].to_pylist() == ["ok"] * 4
    assert again.encoded == 0
    one_more = reader(folder, dict(first.vectors))
    one_more.read(references | {"p4": "4.png"})
    assert one_more.encoded == 1


def test_changed_content_under_the_same_name_is_encoded(folder: Path) -> None:
    first = reader(folder)
    first.read({"p": "1.png"})
    (folder / "1.png").write_bytes(encoded(noise(99)))
    changed = reader(folder, dict(first.vectors))
    changed.read({"p": "1.png"})
    assert changed.encoded == 1
