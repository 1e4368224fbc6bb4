"""The embedded network on real photographs: it has to see what it was trained to see."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from product_recommender.content.settings import ImageSettings
from product_recommender.vision.efficientnet_lite import pretrained
from product_recommender.vision.encoder import ImageEncoder
from product_recommender.vision.pictures import open_picture

CLASSES = {"Basket": {588, 790}, "Bowl": {659, 809, 969}, "Cushion cover": {721}}
"""Types of the shop, and the classes of ImageNet that mean them: hamper and shopping basket,
mixing bowl, soup bowl and eggnog, pillow."""
EACH = 6


@pytest.mark.real_data
def test_photographs_of_products_are_recognised(real_data_dir: Path) -> None:
    folder = real_data_dir / "images" / "ikea_products"
    lines = (folder / "products.jsonl").read_text(encoding="utf-8").splitlines()
    products = [json.loads(line) for line in lines]
    shown = [p for kind in CLASSES for p in [q for q in products if q["type"] == kind][:EACH]]
    encoder = ImageEncoder(ImageSettings())
    squares = [
        open_picture((folder / p["image"]).read_bytes(), 10**8).square(encoder.pixels)
        for p in shown
    ]
    embeddings = torch.from_numpy(encoder.encode(squares))
    best = pretrained().classify(embeddings).topk(5).indices.numpy()
    seen = {
        kind: np.array([bool(classes & set(row)) for row in best.tolist()])
        for kind, classes in CLASSES.items()
    }
    kinds = np.array([p["type"] for p in shown])
    for kind, found in seen.items():
        assert found[kinds == kind].mean() >= 0.8, kind
        assert found[kinds != kind].mean() <= 0.2, kind
