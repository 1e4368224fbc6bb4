"""Paths of strangers: inside the folder or nowhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from product_recommender.content.settings import ImageSettings
from product_recommender.vision.image_source import ImageSource
from product_recommender.vision.pictures import PictureError

SETTINGS = ImageSettings(max_bytes=1000)


@pytest.fixture
def source(tmp_path: Path) -> ImageSource:
    folder = tmp_path / "images"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.png").write_bytes(b"in the folder")
    (folder / "deep" / "b c.png").write_bytes(b"deeper")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "images_too").mkdir()
    (tmp_path / "images_too" / "x.png").write_bytes(b"secret")
    return ImageSource(folder, tmp_path / "downloads")


def refused(source: ImageSource, reference: str) -> str:
    with pytest.raises(PictureError) as raised:
        source.read(reference, SETTINGS)
    return raised.value.status


@pytest.mark.parametrize(
    ("reference", "content"),
    [
        ("a.png", b"in the folder"),
        ("./a.png", b"in the folder"),
        ("deep/../a.png", b"in the folder"),
        ("deep/b c.png", b"deeper"),
        ("./deep//b c.png", b"deeper"),
    ],
)
def test_files_of_the_folder_are_read(source: ImageSource, reference: str, content: bytes) -> None:
    assert source.read(reference, SETTINGS) == content


@pytest.mark.parametrize(
    ("reference", "status"),
    [
        ("../secret.png", "outside_folder"),
        ("deep/../../secret.png", "outside_folder"),
        ("../images_too/x.png", "outside_folder"),
        ("../images/a.png/../../secret.png", "outside_folder"),
        ("/etc/passwd", "outside_folder"),
        ("//server/share/a.png", "bad_address"),
        ("file:///etc/passwd", "bad_address"),
        ("ftp://example.com/a.png", "bad_address"),
        ("data:image/png;base64,AAAA", "bad_address"),
        ("C:\\a.png", "bad_address"),
        ("https://example.com/a.png", "url_not_downloaded"),
        ("none.png", "missing"),
        ("a.png/b.png", "missing"),
        ("a\0.png", "missing"),
        ("x" * 5000, "missing"),
        ("deep", "not_a_file"),
        (".", "not_a_file"),
    ],
)
def test_everything_else_is_refused(source: ImageSource, reference: str, status: str) -> None:
    assert refused(source, reference) == status


def test_links_count_by_where_they_lead(source: ImageSource) -> None:
    (source.folder / "out.png").symlink_to(source.folder.parent / "secret.png")
    (source.folder / "up").symlink_to(source.folder.parent)
    (source.folder / "inside.png").symlink_to("a.png")
    (source.folder / "circle").symlink_to("circle")
    assert refused(source, "out.png") == "outside_folder"
    assert refused(source, "up/secret.png") == "outside_folder"
    assert source.read("inside.png", SETTINGS) == b"in the folder"
    assert refused(source, "circle") in ("missing", "not_a_file")


def test_a_pipe_does_not_hang_the_run(source: ImageSource) -> None:
    os.mkfifo(source.folder / "pipe.png")
    assert refused(source, "pipe.png") == "not_a_file"


def test_a_large_file_is_not_read(source: ImageSource) -> None:
    (source.folder / "large.png").write_bytes(b"x" * 1001)
    (source.folder / "just.png").write_bytes(b"x" * 1000)
    assert refused(source, "large.png") == "too_large"
    assert len(source.read("just.png", SETTINGS)) == 1000


def test_without_a_folder_every_image_is_missing(tmp_path: Path) -> None:
    absent = ImageSource(tmp_path / "none", tmp_path / "downloads")
    assert refused(absent, "a.png") == "missing"
