"""How much faster our VADER is than a plain loop over NLTK's, both measured in one run.

    python -m benchmarks.sentiment_speed [--texts N] [--data DIR_OR_FILE] [--processes N]

Headlines and bodies come from review files (``--data``, else the Digital_Software category under
``REAL_DATA_DIR``), or are generated where there is none. Each distinct text is scored once by both;
a single score that differs ends the run with an error.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.record import write_result
from product_recommender.text.sentiment import score_batches, usable_cores
from product_recommender.text.vader import VaderRules, load_analyzer

REAL_CATEGORY = "amazon_us_digital_software"
GENERATED_TEXTS = 20_000
SEED = 0
BATCH_SIZE = 8_192


def main() -> None:
    """Measure, compare, print and write ``benchmarks/results/sentiment_speed.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, help="at most this many distinct texts")
    parser.add_argument("--data", type=Path, help="a review file, or a folder of them")
    parser.add_argument("--processes", type=int, default=usable_cores())
    arguments = parser.parse_args()

    name, texts = _read_or_generate(arguments.data)
    if arguments.texts is not None and arguments.texts < len(texts):
        texts = random.Random(SEED).sample(texts, arguments.texts)
    rules = VaderRules.from_nltk()  # both sides start with NLTK imported and the lexicon read

    analyzer = load_analyzer()
    started = time.perf_counter()
    expected = [analyzer.polarity_scores(text)["compound"] for text in texts]
    plain_seconds = time.perf_counter() - started

    ids = [str(i) for i in range(len(texts))]
    table = pa.table({"text_id": ids, "text": pa.array(texts, pa.string())})
    started = time.perf_counter()
    reader = score_batches(table.to_reader(max_chunksize=BATCH_SIZE), arguments.processes)
    scores = reader.read_all().column("compound").to_pylist()
    seconds = time.perf_counter() - started

    different = sum(a != b for a, b in zip(expected, scores, strict=True))
    if different:
        sys.exit(f"{different} of {len(texts)} scores differ from NLTK's")
    figures: dict[str, Any] = {
        "data": name,
        "seed": SEED,
        "distinct_texts": len(texts),
        "words": sum(len(text.split()) for text in texts),
        "lexicon_entries": len(rules.lexicon),
        "processes": arguments.processes,
        "nltk_loop_seconds": round(plain_seconds, 2),
        "our_seconds": round(seconds, 2),
        "ratio": round(plain_seconds / seconds, 1),
        "different_scores": different,
    }
    for key, value in figures.items():
        print(f"{key:>18}  {value}")
    print(f"written to {write_result('sentiment_speed', _command(arguments), figures)}")


def _command(arguments: argparse.Namespace) -> str:
    command = "python -m benchmarks.sentiment_speed"
    if arguments.texts is not None:
        command += f" --texts {arguments.texts}"
    if arguments.data is not None:  # the name only: where it lies is nobody's business
        command += f" --data {arguments.data.name}"
    return command + f" --processes {arguments.processes}"


def _read_or_generate(path: Path | None) -> tuple[str, list[str]]:
    if path is None and os.environ.get("REAL_DATA_DIR"):
        path = Path(os.environ["REAL_DATA_DIR"]) / REAL_CATEGORY
    if path is None:
        print("no --data and no REAL_DATA_DIR: texts are generated")
        return "generated", _generate()
    files = sorted(path.glob("*.tsv*")) if path.is_dir() else [path]
    files = [file for file in files if file.is_file()]
    if not files:
        sys.exit(f"no *.tsv or *.tsv.gz under {path}")
    texts = dict.fromkeys(text for file in files for text in _review_texts(file) if text.strip())
    return ", ".join(file.name for file in files), list(texts)


def _review_texts(file: Path) -> Iterator[str]:
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "rt", encoding="utf-8", errors="replace", newline="\n") as lines:
        header = next(lines).rstrip("\r\n").split("\t")
        columns = [header.index("review_headline"), header.index("review_body")]
        for line in lines:
            fields = line.rstrip("\r\n").split("\t")
            if len(fields) == len(header):
                yield from (fields[column] for column in columns)


def _generate() -> list[str]:
    """Random sentences: one word in six from the lexicon, the others made up."""
    draw = random.Random(SEED)
    lexicon = sorted(VaderRules.from_nltk().lexicon)
    plain = ["".join(draw.choices("aeioulmnrst", k=draw.randint(2, 9))) for _ in range(5_000)]
    return [
        " ".join(draw.choice(lexicon if draw.random() < 1 / 6 else plain) for _ in range(length))
        + draw.choice([".", "!", "!!", "?", ""])
        for length in (draw.randint(3, 80) for _ in range(GENERATED_TEXTS))
    ]


if __name__ == "__main__":
    main()
