"""What each modality of the multi-modal model is worth: ids only, + text, + image, + time, all.

    python -m benchmarks.ablation --data generated --seeds 0 1 2
    python -m benchmarks.ablation --data digital_software --reviews-path FOLDER
    python -m benchmarks.ablation --data gift_cards --reviews-path FILE --metadata-path FILE
    python -m benchmarks.ablation --data musical_instruments --reviews-path FILE

Lists are those of the evaluation: the test cut, the whole catalogue, NDCG@10. Generated worlds are
made with pictures and words that tell more and less of the style, without trend and season, and
with nothing planted at all. Controls give every product the content of another one. Finished cells
are kept in the work folder: a second call goes on where the first one stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.ablation_claims import (
    COMPARED,
    CONTROLS,
    DEFAULT,
    EMPTY,
    EVERYTHING,
    IDS,
    PICTURES,
    TIMELESS,
    VARIANTS,
    WORDS,
    judge,
    pairs_of,
)
from benchmarks.ablation_page import markdown
from benchmarks.cells import Cells, Progress, Values, digest, digest_of_code, digest_of_interactions
from benchmarks.content_worlds import KINDS, ContentWorld, generated_world, real_world
from benchmarks.paired import N_RESAMPLES, compare, figure
from benchmarks.record import write_result
from product_recommender.interactions import ItemContent
from product_recommender.machine import peak_memory_mb
from product_recommender.metrics.ranking import ranking_metrics
from product_recommender.recommenders.registry import MODELS, recommender_class

MODEL = "multimodal"
K = 10
REAL = ("digital_software", "gift_cards", "musical_instruments")
REVIEW_TEXT = {"content.text.training_reviews": "true"}
"""Musical Instruments have no metadata: products are described by their training reviews."""
SECONDS_EACH = {"generated": 20.0, "digital_software": 150.0}
QUICK_RESAMPLES = 200
EXPLAINED = "explained"
DELETION = (
    "customers",
    "fall_without_named",
    "fall_without_random",
    "difference",
    "low",
    "high",
    "passed",
)
"""What a model reports of its deletion test, in the order in which a cell keeps it."""
SLICES = ("overall", "warm", "cold", "known products", "cold products")


@dataclass(frozen=True)
class Cell:
    """One training: a world, a variant, a seed.

    Attributes
    ----------
    spec
        Which worlds belong together: their customers are pooled.
    world
        Its contents are those of the variant already.
    variant
        A key of ``VARIANTS`` or ``CONTROLS``.
    seed
        Of the model.
    modalities
        What the model is given.
    """

    spec: str
    world: ContentWorld
    variant: str
    seed: int
    modalities: tuple[str, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """Keyword arguments of the model's ``Config``."""
        stored = self.world.settings.get(MODEL, {})
        return {**stored, "modalities": self.modalities, "seed": self.seed}

    def key(self, code: str) -> dict[str, Any]:
        """What the answers depend on."""
        world, cut = self.world, self.world.cut
        kinds = tuple(kind for kind in KINDS if kind in self.modalities)
        return {
            "settings": self.settings,
            "inputs": digest_of_interactions(world.train, kinds),
            "tune": digest(world.tune.users, world.tune.items, world.tune.days),
            "asked": digest(
                *world.known,
                cut.users,
                cut.candidates,
                *(part for m in (cut.targets, cut.seen) for part in (m.indptr, m.indices)),
            ),
            "code": code,
        }


def main() -> None:
    """Measure, and write `benchmarks/results/ablation_<name>.json` and `.md`."""
    options = _options()
    if MODEL not in MODELS:
        raise SystemExit(f"there is no model {MODEL} to take apart")
    started = time.perf_counter()
    cells = list(_cells(options))
    seconds_each = SECONDS_EACH.get(options.data, 10.0)
    draws = QUICK_RESAMPLES if options.quick else N_RESAMPLES
    result = measure(cells, Cells(options.work / "cells"), seconds_each, draws)
    content = {
        "name": options.data,
        "data": sorted({(c.world.label, c.world.sha256) for c in cells}),
        "counts": _counts(cells),
        "settings": cells[0].world.settings.get(MODEL, {}),
        "seeds": options.seeds,
        "reviews": options.reviews if options.data == "generated" else None,
        "wall_seconds": round(time.perf_counter() - started, 1),
        "peak_memory_mb": peak_memory_mb(),
        **result,
        "verdicts": judge(result["comparisons"]) if options.data == "generated" else [],
    }
    command = f"python -m benchmarks.ablation {_arguments(options)}".strip()
    path = write_result(f"ablation_{options.name}", command, content)
    text = markdown(content, command)
    path.with_suffix(".md").write_text(text)
    print(text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", choices=("generated", *REAL), default="generated")
    parser.add_argument("--reviews-path", type=Path, default=None, help="of real data")
    parser.add_argument("--metadata-path", type=Path, default=None, help="of gift_cards")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--reviews", type=int, default=15_000, help="of each generated world")
    parser.add_argument("--name", default=None, help="name of the result; default from --data")
    parser.add_argument(
        "--work", type=Path, default=Path("data/benchmarks"), help="worlds and finished cells"
    )
    parser.add_argument(
        "--quick", action="store_true", help="one small generated world as it is by default"
    )
    options = parser.parse_args()
    if options.data in REAL and options.reviews_path is None:
        parser.error(f"--data {options.data} needs --reviews-path")
    if options.data == "gift_cards" and options.metadata_path is None:
        parser.error("--data gift_cards needs --metadata-path")
    if options.quick:
        options.seeds, options.reviews = [0], 2_000
    options.name = options.name or f"{options.data}{'_quick' if options.quick else ''}"
    return options


def _arguments(options: argparse.Namespace) -> str:
    """The arguments as they were given; folders are a matter of this machine."""
    text = " ".join(sys.argv[1:])
    for path in (options.reviews_path, options.metadata_path, options.work):
        text = text.replace(str(path), "FOLDER") if path is not None else text
    return text


def _cells(options: argparse.Namespace) -> Iterator[Cell]:
    folder = options.work / "worlds"
    if options.data in REAL:
        more = REVIEW_TEXT if options.data == "musical_instruments" else {}
        reviews, metadata = options.reviews_path, options.metadata_path
        world = real_world(folder, options.data, reviews, metadata, more, (MODEL,))
        for seed in options.seeds:
            yield from cells_of(DEFAULT, world, (*VARIANTS, *CONTROLS), seed)
        return
    customers = 500 if options.quick else 5_000
    for spec, (strengths, variants) in generated_specs(options.quick).items():
        for seed in options.seeds:
            world = generated_world(
                folder, spec, seed, options.reviews, strengths, (MODEL,), n_customers=customers
            )
            yield from cells_of(spec, world, variants, seed)


def generated_specs(
    quick: bool = False,
) -> dict[str, tuple[dict[str, float], tuple[str, ...]]]:
    """Kinds of generated worlds: strengths that differ from the default, and who is trained.

    Parameters
    ----------
    quick
        Only the default world, ids only and everything.
    """
    if quick:
        return {DEFAULT: ({}, (IDS, EVERYTHING))}
    everyone = (*VARIANTS, *CONTROLS)
    specs: dict[str, tuple[dict[str, float], tuple[str, ...]]] = {DEFAULT: ({}, everyone)}
    for strength in (0.0, 0.5):
        with_text = (IDS, "ids + text")
        specs[f"{WORDS} {strength:g}"] = ({"wording_strength": strength}, with_text)
    for strength in (0.0, 0.5):
        with_image = (IDS, "ids + image", "ids + text", "ids + text + image")
        specs[f"{PICTURES} {strength:g}"] = ({"picture_strength": strength}, with_image)
    unmoved = {"trend_strength": 0.0, "season_strength": 0.0}
    specs[TIMELESS] = (unmoved, (IDS, "ids + time"))
    specs[EMPTY] = ({"signal_strength": 0.0}, tuple(VARIANTS))
    return specs


def cells_of(spec: str, world: ContentWorld, variants: Sequence[str], seed: int) -> Iterator[Cell]:
    """The trainings of a world that it has the contents for, each set of modalities once.

    Parameters
    ----------
    spec
        Its kind.
    world
        With contents.
    variants
        Keys of ``VARIANTS`` and ``CONTROLS``.
    seed
        Of the models, and of the exchange of contents in the controls.
    """
    given = {kind: content for kind, content in world.train.contents.items() if content.known.any()}
    for variant in variants:
        wanted = VARIANTS.get(variant) or CONTROLS[variant]
        if all(m not in KINDS or m in given for m in wanted):
            contents = exchanged(given, seed) if variant in CONTROLS else given
            yield Cell(spec, world.with_contents(contents), variant, seed, wanted)
        elif variant == EVERYTHING:  # all that there is
            present = tuple(m for m in wanted if m not in KINDS or m in given)
            yield Cell(spec, world.with_contents(given), variant, seed, present)


def exchanged(contents: Mapping[str, ItemContent], seed: int) -> dict[str, ItemContent]:
    """Every product has the content of another one that has some: it tells nothing of it.

    Parameters
    ----------
    contents
        Kind to content.
    seed
        Decides whose.
    """
    rng = np.random.default_rng(seed)
    found = {}
    for kind, content in contents.items():
        vectors, rows = content.vectors.copy(), np.flatnonzero(content.known)
        # Around a circle in random order, so that nobody keeps the own.
        circle = rng.permutation(rows)
        vectors[circle] = content.vectors[np.roll(circle, 1)]
        found[kind] = replace(content, vectors=vectors)
    return found


def measure(
    cells: Sequence[Cell],
    kept: Cells,
    seconds_each: float = 20.0,
    n_resamples: int = N_RESAMPLES,
) -> dict[str, Any]:
    """Train all cells, then average and compare.

    Parameters
    ----------
    cells
        What to train.
    kept
        Where finished cells are kept.
    seconds_each
        What one training may take, for the first estimate.
    n_resamples
        Draws of customers for every comparison.

    Returns
    -------
    dict
        ``table`` and ``comparisons`` by kind of world and slice; ``explanations``: the deletion
        test of each trained model; ``seconds`` by variant.
    """
    code = digest_of_code("ablation", "content_worlds")
    keys = [cell.key(code) for cell in cells]
    missing = {digest(key) for key in keys if not kept.has(key)}
    progress = Progress(len(missing), seconds_each)
    frames: list[pd.DataFrame] = []
    explanations: list[dict[str, Any]] = []
    seconds: dict[str, list[float]] = {}
    for cell, key in zip(cells, keys, strict=True):
        is_new = not kept.has(key)
        values, took = kept.get(key, partial(answers, cell))
        if is_new:
            progress.made(f"{cell.spec}, {cell.variant}, seed {cell.seed}", took)
        seconds.setdefault(cell.variant, []).append(took)
        frames.append(_frame(cell, values))
        if EXPLAINED in values:
            where = {"worlds": cell.spec, "variant": cell.variant, "seed": cell.seed}
            test = zip(DELETION, values[EXPLAINED].tolist(), strict=True)
            explanations.append(where | dict(test))
    by_customer = (
        pd.concat(frames, ignore_index=True)
        .groupby(["spec", "variant", "customer"], sort=False)[list(SLICES)]
        .mean()
    )
    return {
        "table": list(_table(by_customer)),
        "comparisons": list(_comparisons(by_customer, n_resamples)),
        "explanations": explanations,
        "seconds": {name: round(float(np.mean(each)), 1) for name, each in seconds.items()},
    }


def answers(cell: Cell) -> Values:
    """Train one cell and ask it at the test cut.

    Returns
    -------
    dict of str to numpy.ndarray
        Slice to float32 ``[n]`` NDCG@10 of the customers of the cut, NaN outside the slice; and
        the deletion test under ``EXPLAINED``, where the model made one.
    """
    world, cut = cell.world, cell.world.cut
    model_class = recommender_class(MODEL)
    model = model_class(model_class.Config(**cell.settings)).fit(world.train, world.tune)
    items, _ = model.follow(*world.known).recommend(
        cut.users, K, exclude_seen=False, candidates=cut.candidates, seen=cut.seen
    )
    is_new = np.arange(cut.targets.shape[1]) >= world.arrays.n_items
    overall = _ndcg(items, cut.targets)
    test = model.fit_report.get("explanation_check", {})
    return {
        **({EXPLAINED: np.array([float(test[k]) for k in DELETION])} if "low" in test else {}),
        "overall": overall,
        "warm": np.where(cut.is_warm, overall, np.nan).astype(np.float32),
        "cold": np.where(cut.is_warm, np.nan, overall).astype(np.float32),
        "known products": _ndcg(items, _among(cut.targets, ~is_new)),
        "cold products": _ndcg(items, _among(cut.targets, is_new)),
    }


def _ndcg(items: np.ndarray, targets: Any) -> np.ndarray:
    """float32 ``[n]``: NaN for customers without a target."""
    found = np.full(len(items), np.nan, dtype=np.float32)
    asked = np.flatnonzero(np.diff(targets.indptr) > 0)
    if len(asked):
        found[asked] = ranking_metrics(items[asked], targets[asked], K)[f"ndcg@{K}"]
    return found


def _among(targets: Any, counted: np.ndarray) -> Any:
    kept = targets.multiply(counted).tocsr()
    kept.eliminate_zeros()
    return kept


def _frame(cell: Cell, values: Values) -> pd.DataFrame:
    where = cell.world.sha256[:12]
    customers = [f"{where}/{user}" for user in cell.world.cut.users]
    kept = {name: values[name] for name in SLICES}
    return pd.DataFrame({"spec": cell.spec, "variant": cell.variant, "customer": customers, **kept})


def _table(by_customer: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for (spec, variant), rows in by_customer.groupby(level=[0, 1], sort=False):
        for name in SLICES:
            values = rows[name].dropna().to_numpy()
            if len(values):
                yield {"worlds": spec, "variant": variant, "slice": name} | figure(values)


def _comparisons(by_customer: pd.DataFrame, n_resamples: int) -> Iterator[dict[str, Any]]:
    """Holm's correction is over all pairs of one kind of world, in one slice."""
    for spec, rows in by_customer.groupby(level=0, sort=False):
        variants = list(dict.fromkeys(rows.index.get_level_values("variant")))
        for name in COMPARED:
            wide = rows.droplevel(0)[name].unstack(0).dropna(how="all")
            if len(wide):
                for row in compare(wide, pairs_of(variants), n_resamples):
                    yield {"worlds": spec, "slice": name} | row


def _counts(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """What each world holds, once."""
    found = {}
    for cell in cells:
        cut = cell.world.cut
        is_new = np.arange(cut.targets.shape[1]) >= cell.world.arrays.n_items
        found[cell.spec, cell.world.sha256] = {
            "worlds": cell.spec,
            "training_purchases": len(cell.world.train),
            "customers_asked": len(cut.users),
            "with_history": int(cut.is_warm.sum()),
            "targets": int(cut.targets.nnz),
            "cold_targets": int(_among(cut.targets, is_new).nnz),
            **{
                f"with_{kind}": int(content.known.sum())
                for kind, content in cell.world.train.contents.items()
            },
        }
    return list(found.values())


if __name__ == "__main__":
    main()
