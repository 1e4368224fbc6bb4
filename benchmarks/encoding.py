"""How many titles and pictures a second: both number formats, in one run.

    python -m benchmarks.encoding [--texts N] [--pictures N] [--threads N]

Titles are those of the Digital_Software category under ``REAL_DATA_DIR``, or of generated products
where there is none; pictures are generated noise as JPEG files of 500 x 500 pixels, because neither
network nor decoder is faster or slower for what they show. Each speed is the best of three, by the
clock and by processor time: the latter (for all threads together, so that two cores can do twice as
much in a second) does not depend on what else the machine was doing.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import write_result
from product_recommender.content.settings import ImageSettings, TextSettings
from product_recommender.pretrained import fastest_precision
from product_recommender.text.encoder import TextEncoder
from product_recommender.vision.encoder import ImageEncoder
from product_recommender.vision.pictures import open_picture

REAL_CATEGORY = "amazon_us_digital_software"
PRECISIONS = ("float32", "bfloat16")
REPEATS = 3
SIDE = 500
SEED = 0


def main() -> None:
    """Measure, print and write ``benchmarks/results/encoding.json``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=int, default=2_000, help="how many titles")
    parser.add_argument("--pictures", type=int, default=96, help="how many pictures")
    parser.add_argument("--threads", type=int, help="of torch; its choice where not given")
    arguments = parser.parse_args()
    name, titles = read_titles(arguments.texts)
    files = make_pictures(arguments.pictures)
    figures: dict[str, Any] = {
        "titles": name,
        "seed": SEED,
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "threads": arguments.threads,
        "fastest_precision": fastest_precision("auto"),
        "texts": measure_texts(titles, arguments.threads),
        "images": measure_images(files, arguments.threads),
    }
    figures["load_after"] = [round(load, 2) for load in os.getloadavg()]
    for room in ("texts", "images"):
        for key, value in figures[room].items():
            print(f"{room:>7}  {key:<36} {value}")
    command = f"python -m benchmarks.encoding --texts {len(titles)} --pictures {len(files)}"
    if arguments.threads:
        command += f" --threads {arguments.threads}"
    print(f"written to {write_result('encoding', command, figures)}")


def measure_texts(titles: list[str], threads: int | None) -> dict[str, Any]:
    """Titles a second by number format, and how far the vectors of the two are apart."""
    found: dict[str, Any] = {"distinct": len(titles)}
    vectors = {}
    for precision in PRECISIONS:
        encoder = TextEncoder(TextSettings(precision=precision, threads=threads))
        encoder.encode(titles[:8])  # loads the model
        speeds, vectors[precision] = best_of(
            precision, len(titles), lambda e=encoder: e.encode(titles)
        )
        found |= speeds
        found["max_length"] = encoder.max_length
    found["model"] = encoder.identity.split(",")[0]
    return found | agreement(vectors)


def measure_images(files: list[bytes], threads: int | None) -> dict[str, Any]:
    """Pictures a second by number format, decoding measured on its own."""
    found: dict[str, Any] = {"pictures": len(files), "pixels": f"{SIDE} x {SIDE} JPEG"}
    vectors = {}
    for precision in PRECISIONS:
        settings = ImageSettings(precision=precision, threads=threads)
        encoder = ImageEncoder(settings)
        speeds, squares = best_of(
            "decoded", len(files), lambda e=encoder, s=settings: decoded(files, e, s)
        )
        found |= speeds
        encoder.encode(squares[:2])  # loads the network
        speeds, vectors[precision] = best_of(
            precision,
            len(files),
            lambda e=encoder, s=settings, pixels=squares: np.vstack(
                [
                    e.encode(pixels[i : i + s.batch_size])
                    for i in range(0, len(pixels), s.batch_size)
                ]
            ),
        )
        found |= speeds
    found["model"] = encoder.identity.split(",")[0]
    return found | agreement(vectors)


def decoded(files: list[bytes], encoder: ImageEncoder, settings: ImageSettings) -> np.ndarray:
    """The squares that the encoder takes."""
    squares = [open_picture(f, settings.max_pixels).square(encoder.pixels) for f in files]
    return np.stack(squares)


def best_of(what: str, n: int, work: Callable[[], np.ndarray]) -> tuple[dict[str, float], Any]:
    """Speeds of the fastest of three, by the clock and by processor time, and what came out."""
    by_clock = by_processor = float("inf")
    for _ in range(REPEATS):
        started, used = time.perf_counter(), time.process_time()
        result = work()
        by_clock = min(by_clock, time.perf_counter() - started)
        by_processor = min(by_processor, time.process_time() - used)
    speeds = {
        f"{what}_per_second": round(n / by_clock, 1),
        f"{what}_per_processor_second": round(n / by_processor, 1),
    }
    return speeds, result


def agreement(vectors: dict[str, np.ndarray]) -> dict[str, float]:
    """Cosine between the two formats' vectors of the same content."""
    first, second = (
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        for rows in vectors.values()
    )
    cosine = (first * second).sum(axis=1)
    return {
        "cosine_lowest": round(float(cosine.min()), 5),
        "cosine_median": round(float(np.median(cosine)), 5),
    }


def read_titles(n: int) -> tuple[str, list[str]]:
    """Distinct titles, real ones where they are at hand, and what they are of."""
    root = os.environ.get("REAL_DATA_DIR")
    files = sorted((Path(root) / REAL_CATEGORY).glob("*.tsv.gz")) if root else []
    if not files:
        from product_recommender.synthesis.settings import WorldSettings
        from product_recommender.synthesis.world import make_world

        world = make_world(
            WorldSettings(seed=SEED, n_products=2 * n, n_customers=1000, n_reviews=3000)
        )
        return "generated", list(dict.fromkeys(world.products.titles))[:n]
    titles: dict[str, None] = {}
    with gzip.open(files[0], "rt", encoding="utf-8", errors="replace", newline="\n") as lines:
        place = next(lines).rstrip("\r\n").split("\t").index("product_title")
        for line in lines:
            titles[line.split("\t")[place]] = None
    return files[0].name, list(titles)[:n]


def make_pictures(n: int) -> list[bytes]:
    """Noise of 25 pixels a patch, as JPEG."""
    from PIL import Image

    draw = np.random.default_rng(SEED)
    files = []
    for _ in range(n):
        patches = draw.integers(0, 256, (SIDE // 25, SIDE // 25, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(patches).resize((SIDE, SIDE)).save(buffer, "JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


if __name__ == "__main__":
    main()
