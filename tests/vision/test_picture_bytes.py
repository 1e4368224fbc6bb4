"""Bytes of strangers: what is opened, what is refused, and how it becomes a square."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from product_recommender.vision.pictures import REASONS, PictureError, open_picture
from vision.picture_files import BLUE, RED, animation, encoded, noise, two_halves

LIMIT = 1_000_000
WHITE = (255, 255, 255)


def square(content: bytes, side: int = 32) -> np.ndarray:
    return open_picture(content, LIMIT).square(side)


def refusal(content: bytes) -> str:
    with pytest.raises(PictureError) as raised:
        square(content)
    assert raised.value.status in REASONS
    return raised.value.status


def near(pixel: np.ndarray, colour: tuple[int, int, int], within: int = 12) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= within)


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be of any size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_every_format_shows_the_same(kind: str) -> None:
    found = square(encoded(two_halves(), kind))
    assert found.shape == (32, 32, 3)
    assert found.dtype == np.uint8
    assert near(found[4, 16], RED)
    assert near(found[28, 16], BLUE)


def test_the_whole_picture_stands_on_white() -> None:
    found = square(encoded(Image.new("RGB", (60, 20), RED)), 30)
    assert near(found[15, 1], RED)
    assert near(found[15, 28], RED)
    assert found[2, 15].tolist() == list(WHITE)
    assert found[27, 15].tolist() == list(WHITE)
    # 10 of the 30 rows, 60 x 20 shrunk to a width of 30
    assert int((found[:, 15] != 255).any(axis=1).sum()) == 10


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "RGBA", "LA", "I;16"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    if mode == "I;16":
        # Half of the range: 128 of 255. Pillow's own conversion would give 255.
        content = encoded(Image.fromarray(np.full((40, 40), 32896, dtype=np.uint16)))
        expected = (128, 128, 128)
    else:
        image = Image.new("RGB", (40, 40), (255, 0, 0)).convert(mode)
        content = encoded(image, "JPEG" if mode == "CMYK" else "PNG")
        expected = {"L": (76,) * 3, "1": (0,) * 3, "LA": (76,) * 3}.get(mode, (255, 0, 0))
        if mode == "1":  # dithered
            assert set(np.unique(np.asarray(image))) <= {0, 1}
            assert square(content).shape == (32, 32, 3)
            return
    assert near(square(content)[16, 16], expected, within=6)


def test_what_is_transparent_is_white() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert near(square(encoded(clear))[16, 16], WHITE, 0)
    half = Image.new("RGBA", (40, 40), (0, 0, 0, 128))
    assert near(square(encoded(half))[16, 16], (127, 127, 127), 2)
    palette = Image.new("P", (40, 40), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    assert near(square(encoded(palette, "GIF", transparency=0))[16, 16], WHITE, 0)


def test_the_orientation_tag_is_obeyed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    found = square(encoded(two_halves(), "JPEG", exif=exif))
    assert near(found[4, 16], BLUE)
    assert near(found[28, 16], RED)


def test_large_jpegs_are_decoded_small_and_look_the_same() -> None:
    large = two_halves(900, 900)
    assert (
        np.abs(
            square(encoded(large, "JPEG", quality=95)).astype(int)
            - square(encoded(large)).astype(int)
        ).mean()
        < 3
    )


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", "not_an_image"),
        (b"<html>not found</html>", "not_an_image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not_an_image"),
        (b"\x89PNG\r\n\x1a\n", "not_an_image"),
        (encoded(noise(0), "TIFF"), "not_an_image"),
        (animation(), "animated"),
        (claiming(100_000, 100_000), "too_many_pixels"),
        (claiming(2**31 - 1, 2**31 - 1), "too_many_pixels"),
        (claiming(1001, 1000), "too_many_pixels"),
        (claiming(64, 64), "broken"),
        (encoded(noise(1), "JPEG")[:-400], "broken"),
        (encoded(noise(2))[:-200], "broken"),
        (encoded(noise(3), "WEBP")[:-200], "broken"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_still_picture_is_refused_with_its_reason(content: bytes, status: str) -> None:
    assert refusal(content) == status


def test_a_picture_at_the_limit_is_opened() -> None:
    picture = open_picture(encoded(Image.new("RGB", (1000, 1000))), LIMIT)
    assert (picture.width, picture.height) == (1000, 1000)


def test_a_very_long_picture_keeps_a_line() -> None:
    found = square(encoded(Image.new("RGB", (20_000, 1), RED)))
    assert (found != 255).any()


def test_random_damage_never_gives_anything_but_a_reason() -> None:
    draw = np.random.default_rng(5)
    outcomes: set[str] = set()
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP"):
        whole = bytearray(encoded(noise(7), kind))
        for _ in range(40):
            damaged = bytearray(whole)
            for place in draw.integers(0, len(damaged), 5):
                damaged[place] = int(draw.integers(0, 256))
            try:
                shape = square(bytes(damaged)).shape
            except PictureError as refused:
                outcomes.add(refused.status)
            else:
                assert shape == (32, 32, 3)
    assert outcomes <= set(REASONS)
    assert "broken" in outcomes
