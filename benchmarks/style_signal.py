"""How much of a generated product's style its picture and its words tell, and whom they add to.

    python -m benchmarks.style_signal

Style is what customers of the generated world go by. Brand and kind, which every id-free model sees
in the title, explain half of it by construction. This measures what a ridge reads out of the
pictures (the embedded EfficientNet-lite0) and out of title and description (the embedded MiniLM):
the share of variance of each style dimension that it explains on products it has not seen, variants
of one product always on the same side. At strength zero neither may add anything to brand and kind.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks.record import described, write_result
from product_recommender.content.settings import ImageSettings, TextSettings
from product_recommender.machine import describe_machine
from product_recommender.synthesis.pictures import picture_files
from product_recommender.synthesis.products import Products, make_products
from product_recommender.synthesis.settings import WorldSettings
from product_recommender.text.encoder import TextEncoder
from product_recommender.vision.encoder import ImageEncoder
from product_recommender.vision.pictures import open_picture

WORLDS = {
    "default": {},
    "picture_strength 0.5": {"picture_strength": 0.5},
    "picture_strength 0": {"picture_strength": 0.0},
    "wording_strength 0": {"wording_strength": 0.0},
}
DIRECTIONS = 128
"""Principal components of an embedding that the ridge sees."""

FOLDS = 5
MOST_PIXELS = 1_000_000


def main() -> None:
    """Measure every world, print the table, write `benchmarks/results/style_signal.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8])
    parser.add_argument("--products", type=int, default=1_000)
    options = parser.parse_args()
    rows = []
    for seed in options.seeds:
        for name, changes in WORLDS.items():
            settings = WorldSettings(seed=seed, n_products=options.products, **changes)
            for told_by, explained in shares_explained(settings).items():
                rows.append(
                    {"world": name, "seed": seed, "told_by": told_by, "explained": explained}
                )
                shares = " ".join(f"{share:5.2f}" for share in explained)
                print(f"{name:22s} seed {seed}  {told_by:24s} {shares}", flush=True)
    command = "python -m benchmarks.style_signal --seeds " + " ".join(map(str, options.seeds))
    if options.products != 1_000:
        command += f" --products {options.products}"
    path = write_result("style_signal", command, {"generated": True, "rows": rows})
    print(f"{path.name}; {described(describe_machine())}")


def shares_explained(settings: WorldSettings) -> dict[str, list[float]]:
    """Share of the variance of each style dimension that different sources explain.

    Returns
    -------
    dict
        Source to one share a dimension, rounded to three digits; below 0 where it misleads.
    """
    products = make_products(settings)
    known = brand_and_kind(products)
    image, text = (directions(vectors) for vectors in (see(settings, products), read(products)))
    sources = {
        "brand and kind": known,
        "picture": image,
        "words": text,
        "brand, kind and picture": np.hstack([known, image]),
        "brand, kind and words": np.hstack([known, text]),
        "words and picture": np.hstack([text, image]),
    }
    return {
        name: [
            round(share_explained(source, dimension, products.parents), 3)
            for dimension in products.styles.T
        ]
        for name, source in sources.items()
    }


def brand_and_kind(products: Products) -> np.ndarray:
    """One column for each brand and each kind of a category, float64 ``[m, columns]``.

    Scaled so that the ridge punishes them less than the components of an embedding: they are few
    and certain.
    """
    blocks = []
    for codes in (products.brands, products.kinds):
        _, numbers = np.unique(
            np.column_stack([products.categories, codes]), axis=0, return_inverse=True
        )
        blocks.append(np.eye(numbers.max() + 1)[numbers])
    return 3.0 * np.hstack(blocks)


def see(settings: WorldSettings, products: Products) -> np.ndarray:
    """Embeddings of all pictures, float32 ``[m, 1280]``, rows of length one."""
    encoder = ImageEncoder(ImageSettings())
    vectors: list[np.ndarray] = []
    squares: list[np.ndarray] = []
    for blocks in picture_files(settings, products).values():
        picture = open_picture(b"".join(blocks), MOST_PIXELS)
        squares.append(picture.square(encoder.pixels))
        if len(squares) == ImageSettings().batch_size:
            vectors.append(encoder.encode(squares))
            squares = []
    vectors.append(encoder.encode(squares))
    found = np.concatenate(vectors)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def read(products: Products) -> np.ndarray:
    """Embeddings of title and description, float32 ``[m, 384]``."""
    texts = [
        f"{title}. {description}"
        for title, description in zip(products.titles, products.descriptions, strict=True)
    ]
    return TextEncoder(TextSettings()).encode(texts)


def directions(vectors: np.ndarray) -> np.ndarray:
    """The strongest principal components, scaled to unit variance on average."""
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    scores = (left * sizes)[:, :DIRECTIONS]
    return scores / scores.std()


def share_explained(source: np.ndarray, values: np.ndarray, groups: np.ndarray) -> float:
    """R squared of a cross-validated ridge; products of one group are never on both sides."""
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import GroupKFold, cross_val_predict

    found: Any = cross_val_predict(
        RidgeCV(np.logspace(-3, 4, 15)), source, values, groups=groups, cv=GroupKFold(FOLDS)
    )
    return float(1.0 - ((values - found) ** 2).mean() / values.var())


if __name__ == "__main__":
    main()
