"""What the image path sees on real photographs: 300 home-goods products, one photograph each.

    REAL_DATA_DIR=... python -m benchmarks.photographs

Two questions, each with intervals over products (or rooms), written to
`benchmarks/results/photographs.json` and `.md`:

1. Are a product's five nearest neighbours of its own type? By image, by text, by both, against the
   base rate. Text is given with the title (which names the type), and without the title and every
   word that occurs in the name of a type.
2. Products seen in one room belong together. Which of them does a ranking find that knows the other
   rooms only: by how often two products shared another room, by image, by text?
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import RESULTS, described, write_result
from product_recommender.content.settings import ImageSettings, TextSettings
from product_recommender.machine import describe_machine
from product_recommender.metrics.bootstrap import (
    bootstrap_interval,
    bootstrap_ratio_interval,
    paired_differences,
)
from product_recommender.text.encoder import TextEncoder
from product_recommender.vision.encoder import ImageEncoder
from product_recommender.vision.pictures import open_picture

COMMAND = "python -m benchmarks.photographs"
FOLDER = Path("images") / "ikea_products"
NEIGHBOURS = 5
COMPLEMENTS = 10
N_RESAMPLES = 10_000
SEED = 0
NEVER = -np.inf


def main() -> None:
    """Measure, print and write the two files."""
    root = os.environ.get("REAL_DATA_DIR")
    if not root:
        sys.exit("REAL_DATA_DIR names no folder: docs/data.md says where the photographs are from")
    products = read_products(Path(root) / FOLDER)
    similarities, models = encode(products, Path(root) / FOLDER)
    content: dict[str, Any] = {
        "data": "images/ikea_products",
        "products": len(products),
        "types": len({p["type"] for p in products}),
        "seed": SEED,
        "models": models,
        "same_type": same_type(products, similarities),
        "rooms": complements(products, similarities),
    }
    path = write_result("photographs", COMMAND, content)
    page = page_lines(content)
    (RESULTS / "photographs.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    print("\n".join(page))
    print(f"\nwritten to {path}")


def read_products(folder: Path) -> list[dict[str, Any]]:
    """The products with ``photograph``: the hash of their image, because some share one."""
    lines = (folder / "products.jsonl").read_text(encoding="utf-8").splitlines()
    products: list[dict[str, Any]] = [json.loads(line) for line in lines]
    for product in products:
        content = (folder / product["image"]).read_bytes()
        product["photograph"] = hashlib.sha256(content).hexdigest()
    return products


def encode(
    products: Sequence[Mapping[str, Any]], folder: Path
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Similarity of all pairs by image, by text with and without the type, and by both.

    Returns
    -------
    similarities : dict of str to numpy.ndarray
        float ``[n, n]``, cosines (of both: the mean of the two).
    models : dict
        Identities of the encoders.
    """
    images, settings = ImageEncoder(ImageSettings()), ImageSettings()
    squares = [
        open_picture((folder / p["image"]).read_bytes(), settings.max_pixels).square(images.pixels)
        for p in products
    ]
    batch = settings.batch_size
    vectors = [images.encode(squares[i : i + batch]) for i in range(0, len(squares), batch)]
    texts = TextEncoder(TextSettings())
    by_image = cosines(np.vstack(vectors))
    titled = cosines(
        texts.encode([f"{p['title']}. {p['color']}. {described_as(p)}" for p in products])
    )
    words = type_words([p["type"] for p in products])
    bare = cosines(
        texts.encode([without_words(f"{p['color']}. {described_as(p)}", words) for p in products])
    )
    similarities = {
        "image": by_image,
        "text without the type": bare,
        "image and text without the type": (by_image + bare) / 2,
        "text with the title": titled,
        "image and text with the title": (by_image + titled) / 2,
    }
    return similarities, {"image": images.identity, "text": texts.identity}


def described_as(product: Mapping[str, Any]) -> str:
    """Size and description, without the shop's own words before it."""
    text = str(product["description"]).removeprefix("View more product information ")
    return f"{product['size']}. {text}"


def type_words(types: Sequence[str]) -> set[str]:
    """Every word in the name of a type, in lower case, as singular and plural."""
    words = {word for name in types for word in re.findall(r"[a-z]{3,}", name.lower())}
    singular = words | {word.removesuffix("s") for word in words}
    return singular | {word + ending for word in singular for ending in ("s", "es")}


def without_words(text: str, words: set[str]) -> str:
    """The text without these words, and without words that begin with one of four letters or more.

    German-like compounds (`bookshelf`) stay; `lampshade` goes, because it begins with `lamp`.
    """
    beginnings = tuple(word for word in words if len(word) >= 4)
    kept = [
        part
        for part in re.split(r"(\W+)", text)
        if part.lower() not in words and not (beginnings and part.lower().startswith(beginnings))
    ]
    return re.sub(r"\s+", " ", "".join(kept)).strip()


def cosines(vectors: np.ndarray) -> np.ndarray:
    """Cosine of all pairs of rows, after the mean row is taken off: what all share says nothing."""
    centred = vectors - vectors.mean(axis=0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    return unit @ unit.T


# ---------------------------------------------------------------- neighbours of the same type


def same_type(
    products: Sequence[Mapping[str, Any]], similarities: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Precision@5 by each similarity, among all products and among those of other series.

    A neighbour with the very same photograph is never a candidate. Among `other series`, neither
    is one of the same series: the same product in another colour is no feat.
    """
    types = np.array([p["type"] for p in products])
    same_photograph = equal_pairs([p["photograph"] for p in products])
    same_series = equal_pairs([p["name"] for p in products])
    result: dict[str, Any] = {}
    for label, forbidden in (
        ("all other products", same_photograph),
        ("products of other series", same_photograph | same_series),
    ):
        base = base_rate(types, forbidden)
        values = {
            name: neighbour_precision(similarity, types, forbidden, NEIGHBOURS)
            for name, similarity in similarities.items()
        }
        rows = {"base rate": {"precision": float(base.mean())}}
        for name, found in values.items():
            low, high = bootstrap_interval(found, N_RESAMPLES, SEED)
            rows[name] = {
                "precision": float(found.mean()),
                "low": low,
                "high": high,
                "over_base": _paired(found, base),
                "over_text_without_the_type": _paired(found, values["text without the type"]),
            }
        result[label] = rows
    return result


def equal_pairs(labels: Sequence[str]) -> np.ndarray:
    """bool ``[n, n]``: where two labels are equal, the diagonal included."""
    codes = np.unique(np.array(labels), return_inverse=True)[1]
    return codes[:, None] == codes[None]


def base_rate(types: np.ndarray, forbidden: np.ndarray) -> np.ndarray:
    """float ``[n]``: share of each product's candidates that are of its type."""
    candidates = ~forbidden
    return (equal_pairs(types.tolist()) & candidates).sum(axis=1) / candidates.sum(axis=1)


def neighbour_precision(
    similarity: np.ndarray, types: np.ndarray, forbidden: np.ndarray, k: int
) -> np.ndarray:
    """float ``[n]``: share of each product's k nearest candidates that are of its type."""
    nearest = np.argsort(-np.where(forbidden, NEVER, similarity), axis=1, kind="stable")[:, :k]
    return (types[nearest] == types[:, None]).mean(axis=1)


def _paired(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    found = paired_differences(first, second, N_RESAMPLES, SEED)
    return {"difference": found.difference, "low": found.low, "high": found.high}


# ---------------------------------------------------------------- products of one room


def complements(
    products: Sequence[Mapping[str, Any]], similarities: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """How the products of a room are found from the other rooms.

    Several pictures show one room; all of them are left out together.
    """
    rooms = room_table(products)
    types = np.array([p["type"] for p in products])
    same_photograph = equal_pairs([p["photograph"] for p in products])
    shared = rooms.astype(np.int64).T @ rooms.astype(np.int64)
    together = (shared > 0) & ~same_photograph
    asked = np.flatnonzero(rooms.sum(axis=1) >= 2)
    draw = np.random.default_rng(SEED)
    ties = draw.random(together.shape) * 1e-9
    rankings: dict[str, Any] = {
        "chance": lambda room: draw.random(together.shape),
        "rooms of the product": lambda room: np.tile(
            (shared.diagonal() - rooms[room]), (len(types), 1)
        ),
        "rooms shared": lambda room: rooms_shared(rooms, room),
        "types that share rooms": lambda room: types_shared(rooms, room, types),
        "image": lambda room: similarities["image"],
        "text with the title": lambda room: similarities["text with the title"],
    }
    rows = {}
    for name, ranking in rankings.items():
        hits, wanted = np.zeros(len(asked)), np.zeros(len(asked))
        for number, room in enumerate(asked):
            scores = np.asarray(ranking(room), dtype=float) + ties
            hits[number], wanted[number] = room_hits(scores, rooms[room], same_photograph)
        low, high = bootstrap_ratio_interval(hits, wanted, N_RESAMPLES, SEED)
        rows[name] = {"recall": float(hits.sum() / wanted.sum()), "low": low, "high": high}
    pairs = np.triu(together, 1)
    everything = np.triu(~same_photograph, 1)
    same = equal_pairs(types.tolist())
    return {
        "rooms": len(rooms),
        "rooms_with_two_products": len(asked),
        "pairs_in_a_room": int(pairs.sum()),
        "same_type_share": {
            "pairs in a room": float(same[pairs].mean()),
            "all pairs": float(same[everything].mean()),
        },
        "mean_cosine": {
            name: {
                "pairs in a room": float(similarities[name][pairs].mean()),
                "pairs of one type": float(similarities[name][everything & same].mean()),
                "all pairs": float(similarities[name][everything].mean()),
            }
            for name in ("image", "text with the title")
        },
        f"recall@{COMPLEMENTS}": rows,
    }


def room_of(scene: str) -> str:
    """The room that a picture shows: its name without the number of the picture."""
    return re.sub(r"[_-]*\d*(-s\d+)?$", "", Path(scene).stem)


def room_table(products: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """bool ``[rooms, products]``: which product is seen in which room."""
    names = sorted({room_of(scene) for p in products for scene in p["room_scenes"]})
    place = {name: row for row, name in enumerate(names)}
    table = np.zeros((len(names), len(products)), dtype=bool)
    for column, product in enumerate(products):
        for scene in product["room_scenes"]:
            table[place[room_of(scene)], column] = True
    return table


def rooms_shared(rooms: np.ndarray, left_out: int) -> np.ndarray:
    """Cosine of the rooms that two products are in, one room left out; ``[products, products]``."""
    others = np.delete(rooms, left_out, axis=0).astype(float)
    counts = np.sqrt(np.maximum(others.sum(axis=0), 1.0))
    return (others.T @ others) / counts[:, None] / counts[None]


def types_shared(rooms: np.ndarray, left_out: int, types: np.ndarray) -> np.ndarray:
    """How often the types of two products share a room, against chance; one room left out."""
    others = np.delete(rooms, left_out, axis=0)
    names, code = np.unique(types, return_inverse=True)
    has = np.stack([others[:, code == c].any(axis=1) for c in range(len(names))]).astype(float)
    together = has @ has.T
    expected = np.outer(has.sum(axis=1), has.sum(axis=1)) / max(len(others), 1)
    lift = (together + 1.0) / (expected + 1.0)
    return lift[code][:, code]


def room_hits(scores: np.ndarray, inside: np.ndarray, forbidden: np.ndarray) -> tuple[int, int]:
    """Products of a room among the best ten of each other product of it, and how many there are."""
    members = np.flatnonzero(inside)
    ranked = np.where(forbidden, NEVER, scores)[members]
    best = np.argsort(-ranked, axis=1, kind="stable")[:, :COMPLEMENTS]
    hits = int(inside[best].sum())
    wanted = int((~forbidden[np.ix_(members, members)]).sum())
    return hits, wanted


# ---------------------------------------------------------------- the page


def page_lines(content: Mapping[str, Any]) -> list[str]:
    """The page `benchmarks/results/photographs.md`."""
    models = content["models"]
    lines = [
        "# The image path on real photographs",
        "",
        f"{content['products']} home-goods products of {content['types']} types, one photograph",
        f"each (`{content['data']}`, docs/data.md). `{COMMAND}`; {described(describe_machine())}.",
        f"Images: {models['image']}. Texts: {models['text']}.",
        "",
        f"## Are the {NEIGHBOURS} nearest of the same type?",
        "",
        "Mean over products, 95 % bootstrap intervals. Neighbours with the very same photograph",
        "are no candidates. *Without the type*: no title, and no word that occurs in the name of",
        "a type.",
    ]
    for label, rows in content["same_type"].items():
        lines += [
            "",
            f"Among {label} (base rate {rows['base rate']['precision']:.3f}):",
            "",
            f"| by | precision@{NEIGHBOURS} | over the base rate | over text without the type |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {name} | {row['precision']:.3f} {_range(row)} | {_signed(row['over_base'])} | "
            f"{_signed(row['over_text_without_the_type'])} |"
            for name, row in rows.items()
            if name != "base rate"
        ]
    return lines + _room_lines(content["rooms"])


def _room_lines(rooms: Mapping[str, Any]) -> list[str]:
    share = rooms["same_type_share"]
    lines = [
        "",
        "## Products of one room as complements",
        "",
        f"{rooms['rooms']} rooms, {rooms['rooms_with_two_products']} with at least two of the",
        f"products, {rooms['pairs_in_a_room']:,} pairs that share one. Of these pairs",
        f"{share['pairs in a room']:.0%} are of one type (of all pairs {share['all pairs']:.0%}):",
        "what is seen together is mostly something else, and what looks alike is mostly a",
        "substitute.",
        "",
        "| mean cosine | pairs in a room | pairs of one type | all pairs |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {row['pairs in a room']:+.3f} | {row['pairs of one type']:+.3f} | "
        f"{row['all pairs']:+.3f} |"
        for name, row in rooms["mean_cosine"].items()
    ]
    lines += [
        "",
        "Each product of a room asks for the others of that room; the room is hidden from the",
        f"ranking. Share found among the first {COMPLEMENTS}, intervals over rooms:",
        "",
        f"| ranked by | recall@{COMPLEMENTS} |",
        "|---|---|",
    ]
    return lines + [
        f"| {name} | {row['recall']:.3f} {_range(row)} |"
        for name, row in rooms[f"recall@{COMPLEMENTS}"].items()
    ]


def _range(row: Mapping[str, float]) -> str:
    return f"[{row['low']:.3f}, {row['high']:.3f}]"


def _signed(row: Mapping[str, float]) -> str:
    if row["low"] == row["high"] == 0:  # compared with itself
        return "-"
    return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"


if __name__ == "__main__":
    main()
