"""What the generated products look like, as two sheets of their pictures for the documentation.

    python -m benchmarks.generated_products

`generated_products.png`: the first products of the default world. `generated_styles.png`: one
product, a row for each style dimension, from two standard deviations below the mean to two above.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from product_recommender.synthesis.drawing.look import LOOKS
from product_recommender.synthesis.drawing.product_picture import draw_product
from product_recommender.synthesis.pictures import looks_of, picture_files
from product_recommender.synthesis.products import make_products
from product_recommender.synthesis.settings import WorldSettings

if TYPE_CHECKING:
    from PIL.Image import Image

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
COLUMNS, ROWS, GAP = 12, 4, 2
STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)
EXAMPLE = ("Furniture", "chair", "Walnut")


def main() -> None:
    """Write both sheets to `docs/pictures/`."""
    settings = WorldSettings()
    write_sheet(FOLDER / "generated_products.png", first_products(settings), COLUMNS)
    write_sheet(FOLDER / "generated_styles.png", style_steps(settings), len(STEPS))


def first_products(settings: WorldSettings) -> list[Image]:
    """The pictures of the first products, read back from their files."""
    from PIL import Image

    files = picture_files(settings, make_products(settings)).values()
    return [
        Image.open(io.BytesIO(b"".join(blocks))).convert("RGB")
        for blocks in itertools.islice(files, COLUMNS * ROWS)
    ]


def style_steps(settings: WorldSettings) -> list[Image]:
    """One product in each step of each style dimension, the others at their mean."""
    d = settings.taste_dimensions
    styles = np.concatenate([np.outer(STEPS, np.eye(d)[k]) for k in range(d)])
    # One look for all but the style: other accidents would hide what is compared.
    same = looks_of(settings, np.zeros((1, d)))[0]
    names = ["shift", "zoom", "motif", "mirrored", *LOOKS[d:]]
    return [
        draw_product(*EXAMPLE, dataclasses.replace(look, **{n: getattr(same, n) for n in names}))
        for look in looks_of(settings, styles)
    ]


def write_sheet(path: Path, pictures: list[Image], columns: int) -> None:
    """Paste pictures of one size into rows, and save them as a PNG of at most 255 colours."""
    from PIL import Image

    width, height = (side + GAP for side in pictures[0].size)
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width - GAP, rows * height - GAP), "white")
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number % columns * width, number // columns * height))
    sheet.quantize(255, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
