"""Pictures made up for tests, as bytes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

RED, BLUE = (200, 30, 40), (20, 60, 220)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def two_halves(width: int = 64, height: int = 64) -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(Image.new("RGB", (width, height - height // 2), BLUE), (0, height // 2))
    return image


def noise(seed: int, side: int = 48) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    )


def animation() -> bytes:
    frames = [noise(i) for i in range(3)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
