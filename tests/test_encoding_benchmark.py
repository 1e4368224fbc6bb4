"""The timings of the encoders: what they are made with, and that they say what they measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks import encoding

from product_recommender.vision.pictures import open_picture


def test_the_fastest_of_three_counts() -> None:
    calls = []

    def work() -> np.ndarray:
        calls.append(1)
        return np.ones(2)

    speeds, result = encoding.best_of("made", 10, work)
    assert len(calls) == 3
    assert set(speeds) == {"made_per_second", "made_per_processor_second"}
    assert min(speeds.values()) > 10
    assert result.tolist() == [1, 1]


def test_agreement_is_the_cosine_of_rows() -> None:
    found = encoding.agreement(
        {"float32": np.array([[1.0, 0], [0, 2]]), "bfloat16": np.array([[5.0, 0], [3, 4]])}
    )
    assert found == {"cosine_lowest": 0.8, "cosine_median": 0.9}


def test_titles_are_generated_where_there_are_no_real_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for root in ("", str(tmp_path)):
        monkeypatch.setenv("REAL_DATA_DIR", root)
        name, titles = encoding.read_titles(20)
        assert name == "generated"
        assert len(set(titles)) == len(titles) == 20


def test_pictures_are_pictures() -> None:
    files = encoding.make_pictures(2)
    assert files[0] != files[1]
    picture = open_picture(files[0], 10**6)
    assert (picture.width, picture.height) == (500, 500)


def test_what_is_measured_names_its_model() -> None:
    found = encoding.measure_images(encoding.make_pictures(2), threads=1)
    assert found["model"] == "EfficientNet-lite0"
    assert found["float32_per_second"] > 0
    assert 0.9 < found["cosine_lowest"] <= 1.0001
