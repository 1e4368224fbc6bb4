"""Products that nobody has bought yet: what knowing them by their content is worth.

    python -m benchmarks.cold_products --data generated --strengths 0 0.5 1 --seeds 0 1 2
    python -m benchmarks.cold_products --data digital_software --reviews-path FOLDER

A random share of the products is hidden from everything that is learnt, several times; the products
first sold in validation are asked about as they are, with and without their first sales. Lists are
judged among the cold products alone and in the whole catalogue. Ties count by expectation, so that
chance scores exactly chance. Finished cells are kept in the work folder: a second call goes on
where the first one stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.cells import Cells, Progress, Values, digest, digest_of_code, digest_of_interactions
from benchmarks.cold_page import markdown
from benchmarks.cold_rankers import (
    Chance,
    Nearest,
    Trained,
    category_and_brand_sales,
    category_sales,
    similar_sales,
)
from benchmarks.cold_start import ColdStart, Ranker, as_they_are, ask, hide
from benchmarks.content_worlds import KINDS, ContentWorld, generated_world, real_world
from benchmarks.paired import N_RESAMPLES, compare, figure
from benchmarks.record import write_result
from product_recommender.machine import peak_memory_mb
from product_recommender.recommenders.registry import MODELS, recommender_class

MODEL = "multimodal"
EVERYTHING = ("ids", "text", "image", "time")
VARIANTS: dict[str, tuple[str, ...]] = {
    MODEL: EVERYTHING,
    f"{MODEL} without image": ("ids", "text", "time"),
    f"{MODEL} without text": ("ids", "image", "time"),
    f"{MODEL} without time": ("ids", "text", "image"),
    f"{MODEL} without content": ("ids", "time"),
}
BASELINE = "category"
PRIOR = "category and brand"
MEASURES = ("cold_ndcg", "cold_hit_rate", "whole_ndcg", "whole_hit_rate", "all_ndcg")
COMPARED = ("cold_ndcg", "whole_ndcg", "all_ndcg")
HALF_LIFE_DAYS = {"generated": 60.0, "digital_software": 30.0}
"""Of recent sales: what the stored settings of each environment hold for ``recent_popularity``."""
SECONDS_EACH = {"generated": 20.0, "digital_software": 150.0}
QUICK_RESAMPLES = 200
CODE = ("cold_start", "cold_rankers", "content_worlds")

Make = Callable[[ColdStart, int], Ranker]


@dataclass(frozen=True)
class Named:
    """A ranker, what it reads, and how it is made for a question and a seed."""

    name: str
    kinds: tuple[str, ...]
    settings: Mapping[str, Any]
    make: Make
    is_trained: bool = False


@dataclass(frozen=True)
class Plan:
    """One question of one world with one seed, and who is asked.

    Attributes
    ----------
    spec
        Which worlds belong together: their customers are pooled.
    world
        Of this question.
    question
        What is asked.
    draw
        Number of the draw of hidden products, and seed of the models.
    rankers
        Who is asked.
    """

    spec: str
    world: ContentWorld
    question: ColdStart
    draw: int
    rankers: Sequence[Named]

    def key(self, ranker: Named, code: str) -> dict[str, Any]:
        """What a cell of this plan depends on."""
        question = self.question
        return {
            "ranker": ranker.name,
            "settings": dict(ranker.settings),
            "seed": self.draw if ranker.is_trained else 0,
            "inputs": digest_of_interactions(question.train, ranker.kinds),
            "tune": digest(question.tune.users, question.tune.items, question.tune.days),
            "asked": digest(
                *question.known,
                question.users,
                question.candidates,
                question.cold,
                *(
                    part
                    for m in (question.targets, question.seen)
                    for part in (m.indptr, m.indices)
                ),
                question.shelf.brands,
                question.shelf.price_bands,
            ),
            "code": code,
        }


def main() -> None:
    """Measure, and write `benchmarks/results/cold_products_<name>.json` and `.md`."""
    options = _options()
    started = time.perf_counter()
    plans = list(_plans(options))
    draws = QUICK_RESAMPLES if options.quick else N_RESAMPLES
    result = measure(plans, Cells(options.work / "cells"), SECONDS_EACH[options.data], draws)
    content = {
        "data": sorted({(p.world.label, p.world.sha256) for p in plans}),
        "settings": plans[0].world.settings.get(MODEL, {}),
        "seeds": options.seeds,
        "draws": options.draws,
        "hidden_share": options.share,
        "reviews": options.reviews if options.data == "generated" else None,
        "models_not_registered": [] if MODEL in MODELS else [MODEL],
        "wall_seconds": round(time.perf_counter() - started, 1),
        "peak_memory_mb": peak_memory_mb(),
        **result,
    }
    command = f"python -m benchmarks.cold_products {_arguments(options)}".strip()
    path = write_result(f"cold_products_{options.name}", command, content)
    text = markdown(content, command)
    path.with_suffix(".md").write_text(text)
    print(text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", choices=tuple(HALF_LIFE_DAYS), default="generated")
    parser.add_argument("--reviews-path", type=Path, default=None, help="for digital_software")
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.0, 0.5, 1.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--draws", type=int, default=3, help="of hidden products, in each world")
    parser.add_argument("--share", type=float, default=0.2, help="of the products, hidden")
    parser.add_argument("--reviews", type=int, default=15_000, help="of each generated world")
    parser.add_argument("--name", default=None, help="name of the result; default from --data")
    parser.add_argument(
        "--work", type=Path, default=Path("data/benchmarks"), help="worlds and finished cells"
    )
    parser.add_argument("--quick", action="store_true", help="one small world, one draw, short")
    options = parser.parse_args()
    if options.data == "digital_software" and options.reviews_path is None:
        parser.error("--data digital_software needs --reviews-path")
    if options.quick:
        options.strengths, options.seeds, options.draws, options.reviews = [1.0], [0], 1, 2_000
    options.name = options.name or f"{options.data}{'_quick' if options.quick else ''}"
    return options


def _arguments(options: argparse.Namespace) -> str:
    """The arguments as they were given; folders are a matter of this machine."""
    text = " ".join(sys.argv[1:])
    for folder in (options.reviews_path, options.work):
        text = text.replace(str(folder), "FOLDER") if folder is not None else text
    return text


def _plans(options: argparse.Namespace) -> Iterator[Plan]:
    half_life = HALF_LIFE_DAYS[options.data]
    for spec, world, seed in _worlds(options):
        rankers = rankers_of(world, half_life)
        if options.quick:
            rankers = [r for r in rankers if r.name == MODEL or not r.is_trained]
        for question in (as_they_are(world), as_they_are(world, told=False)):
            for model_seed in [seed] if seed is not None else options.seeds:
                yield Plan(spec, world, question, model_seed, rankers)
        for draw in range(options.draws):
            yield Plan(spec, world, hide(world, options.share, draw), draw, rankers)


def _worlds(options: argparse.Namespace) -> Iterator[tuple[str, ContentWorld, int | None]]:
    """Spec, world and, for a generated one, its seed."""
    folder = options.work / "worlds"
    if options.data == "digital_software":
        reviews = options.reviews_path
        yield "as delivered", real_world(folder, options.data, reviews, None, {}, (MODEL,)), None
        return
    for strength in options.strengths:
        of_content = {"picture_strength": strength, "wording_strength": strength}
        given = {} if strength == 1.0 else of_content
        for seed in options.seeds:
            name = f"pictures and words at {strength:g}"
            customers = 500 if options.quick else 5_000
            yield (
                name,
                generated_world(
                    folder, name, seed, options.reviews, given, (MODEL,), n_customers=customers
                ),
                seed,
            )


def rankers_of(world: ContentWorld, half_life_days: float) -> list[Named]:
    """Baselines, and the model with all and with fewer modalities.

    Parameters
    ----------
    world
        Whose contents decide what can be asked.
    half_life_days
        Of recent sales.
    """
    kept = {"half_life_days": half_life_days}
    given = [kind for kind in KINDS if _has(world, kind)]
    found = [
        Named("chance", (), {}, lambda q, _: Chance(q.targets.shape[1])),
        Named(BASELINE, (), kept, lambda q, _: category_sales(q, half_life_days)),
        Named(PRIOR, (), kept, lambda q, _: category_and_brand_sales(q, half_life_days)),
        Named(
            f"{PRIOR}, personal",
            (),
            kept,
            lambda q, _: category_and_brand_sales(q, half_life_days, personal=True),
        ),
    ]
    for kinds in [(kind,) for kind in given] + ([tuple(given)] if len(given) > 1 else []):
        words = " and ".join(kinds)
        found += [
            Named(f"nearest by {words}", kinds, {}, _nearest(kinds)),
            Named(f"sales of the similar by {words}", kinds, kept, _similar(kinds, half_life_days)),
        ]
    return found + model_variants(world)


def model_variants(world: ContentWorld) -> list[Named]:
    """The model with all modalities that the world has, and with one less; none unregistered."""
    if MODEL not in MODELS:
        return []
    found, met = [], set()
    for name, wanted in VARIANTS.items():
        modalities = tuple(m for m in wanted if m not in KINDS or _has(world, m))
        if modalities not in met:
            met.add(modalities)
            settings = {**world.settings.get(MODEL, {}), "modalities": modalities}
            kinds = tuple(kind for kind in KINDS if kind in modalities)
            found.append(Named(name, kinds, settings, _model(settings), is_trained=True))
    return found


def _has(world: ContentWorld, kind: str) -> bool:
    content = world.train.contents.get(kind)
    return content is not None and bool(content.known.any())


def _nearest(kinds: tuple[str, ...]) -> Make:
    return lambda q, _: Nearest([q.train.contents[kind] for kind in kinds], q)


def _similar(kinds: tuple[str, ...], half_life_days: float) -> Make:
    return lambda q, _: similar_sales([q.train.contents[k] for k in kinds], q, half_life_days)


def _model(settings: Mapping[str, Any]) -> Make:
    def make(question: ColdStart, seed: int) -> Ranker:
        model_class = recommender_class(MODEL)
        config = model_class.Config(**{**settings, "seed": seed})
        return Trained(model_class(config).fit(question.train, question.tune), question)

    return make


def measure(
    plans: Sequence[Plan],
    cells: Cells,
    seconds_each: float = 20.0,
    n_resamples: int = N_RESAMPLES,
) -> dict[str, Any]:
    """Make all cells, then average, compare and judge.

    Parameters
    ----------
    plans
        Who is asked what.
    cells
        Where finished cells are kept.
    seconds_each
        What training one model may take, for the first estimate.
    n_resamples
        Draws of customers for every comparison.

    Returns
    -------
    dict
        ``table``, ``comparisons``, ``questions`` (counts), ``seconds`` of each trained ranker.
    """
    code = digest_of_code(*CODE)
    todo = [(plan, ranker, plan.key(ranker, code)) for plan in plans for ranker in plan.rankers]
    missing = sum(r.is_trained and not cells.has(key) for _, r, key in todo)
    progress = Progress(missing, seconds_each)
    frames: list[pd.DataFrame] = []
    seconds: dict[str, list[float]] = {}
    for plan, ranker, key in todo:
        is_new = ranker.is_trained and not cells.has(key)
        values, took = cells.get(key, _asking(plan, ranker))
        if is_new:
            progress.made(f"{plan.spec}, {plan.question.name} {plan.draw}, {ranker.name}", took)
        if ranker.is_trained:
            seconds.setdefault(ranker.name, []).append(took)
        frames.append(_frame(plan, ranker, values))
    customers = pd.concat(frames, ignore_index=True)
    # One row a customer: the mean over the draws in which they had a cold target.
    by_customer = customers.groupby(
        ["spec", "question", "ranker", "customer"], sort=False, observed=True
    )[list(MEASURES)].mean()
    return {
        "table": list(_table(by_customer)),
        "comparisons": list(_comparisons(by_customer, n_resamples)),
        "questions": _counts(plans),
        "seconds": {name: round(float(np.mean(each)), 1) for name, each in seconds.items()},
    }


def _asking(plan: Plan, ranker: Named) -> Callable[[], Values]:
    return lambda: ask(ranker.make(plan.question, plan.draw), plan.question)


def _frame(plan: Plan, ranker: Named, values: Values) -> pd.DataFrame:
    where = plan.world.sha256[:12]
    return pd.DataFrame(
        {
            "spec": plan.spec,
            "question": plan.question.name,
            "ranker": ranker.name,
            "customer": [f"{where}/{customer}" for customer in plan.question.customers],
            **values,
        }
    )


def _table(by_customer: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for (spec, question, ranker), rows in by_customer.groupby(level=[0, 1, 2], sort=False):
        for measure_name in MEASURES:
            values = rows[measure_name].dropna().to_numpy()
            if len(values):
                where = {"worlds": spec, "question": question, "ranker": ranker}
                yield where | {"measure": measure_name} | figure(values)


def _comparisons(by_customer: pd.DataFrame, n_resamples: int) -> Iterator[dict[str, Any]]:
    """The whole model with every other ranker, and every variant with the two priors."""
    for (spec, question), rows in by_customer.groupby(level=[0, 1], sort=False):
        by_ranker = rows.droplevel([0, 1])
        rankers = list(dict.fromkeys(rows.index.get_level_values("ranker")))
        variants = [name for name in rankers if name in VARIANTS]
        others = [name for name in rankers if name not in VARIANTS]
        pairs = [(MODEL, other) for other in (*others, *variants[1:]) if MODEL in variants]
        pairs += [(v, base) for v in variants[1:] for base in (BASELINE, PRIOR)]
        for measure_name in COMPARED:
            wide = by_ranker[measure_name].unstack(0)
            found = compare(wide.dropna(how="all"), pairs, n_resamples)
            where = {"worlds": spec, "question": question, "measure": measure_name}
            yield from (where | row for row in found)


def _counts(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """Mean counts of each kind of question."""
    rows = pd.DataFrame(
        {"worlds": p.spec, "question": p.question.name, **p.question.counts()} for p in plans
    )
    mean = rows.groupby(["worlds", "question"], sort=False).mean().round(1).reset_index()
    return [{str(k): v for k, v in row.items()} for row in mean.to_dict(orient="records")]


if __name__ == "__main__":
    main()
