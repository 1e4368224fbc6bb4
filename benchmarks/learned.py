"""What the models learn of a planted world: against the oracle, and with nothing to find.

    python -m benchmarks.learned --seeds 0 1 2

For each seed, a world of 100,000 reviews (5,000 customers, 1,000 products: the default sizes with
more reviews) goes through the whole main job. The oracle knows the planted tastes, qualities and
life cycles. How much of the way from a baseline to the oracle a model goes says what it has learnt;
in a second world with every planted strength at zero there is nothing to learn, and nothing may
beat popularity. (Every strength, not the tastes alone: with affinities, life cycles and seasons
left on, recent popularity in the category should beat popularity.)
"""

from __future__ import annotations

import argparse
import datetime
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.kedro_runs import load_catalog, run_kedro
from benchmarks.record import described, write_result
from product_recommender.machine import describe_machine
from product_recommender.metrics.bootstrap import holm, paired_differences
from product_recommender.recommenders.registry import MODELS

RATING_TARGET = 0.40
RANKING_TARGET = 0.25
PERSONA_TARGET = 0.50
MUST_BEAT_POPULARITY = ("ncf_random", "ncf_negative_sampling")
CANDIDATES = (*MODELS, "ensemble", "ensemble_equal")
HARMLESS = 0.002
"""NDCG@10 by which something may beat popularity, at the upper end of its interval, before an empty
world counts as not empty."""


def main() -> None:
    """Run all seeds, print the verdicts, write `benchmarks/results/learned.json` and `.md`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--reviews", type=int, default=100_000)
    options = parser.parse_args()
    result = measure(options.seeds, options.reviews)
    seeds = " ".join(str(seed) for seed in options.seeds)
    command = f"python -m benchmarks.learned --seeds {seeds}"
    if options.reviews != 100_000:
        command += f" --reviews {options.reviews}"
    path = write_result("learned", command, result)
    text = markdown(result, command)
    path.with_suffix(".md").write_text(text)
    print(text)
    if not all(verdict["holds"] for verdict in result["verdicts"]):
        raise SystemExit("not every claim holds")


def measure(seeds: list[int], n_reviews: int) -> dict[str, Any]:
    """Run the planted and the empty world of every seed and judge the claims.

    Parameters
    ----------
    seeds
        Seeds of world and models alike.
    n_reviews
        Reviews of each world.

    Returns
    -------
    dict
        ``data``, ``seeds``, ``planted`` and ``empty`` (one entry a seed), ``verdicts``.
    """
    planted, empty = [], []
    for seed in seeds:
        planted.append(run_world(seed, n_reviews, 1.0))
        empty.append(run_world(seed, n_reviews, 0.0))
    return {
        "data": f"generated data (synthetic_data), {n_reviews:,} reviews, one world per seed",
        "seeds": seeds,
        "planted": [_without_frames(run) for run in planted],
        "empty": [_without_frames(run) for run in empty],
        "verdicts": judge(planted, empty),
    }


def run_world(seed: int, n_reviews: int, signal_strength: float) -> dict[str, Any]:
    """Generate a world, run the main job on it, and read what came out.

    Parameters
    ----------
    seed
        Of world and models.
    n_reviews
        Reviews.
    signal_strength
        1 for the planted world, 0 for the empty one.
    """
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "01_raw"
        paths = [
            f"data_root={folder}",
            f"reviews_path={raw / 'reviews'}",
            f"product_metadata_path={raw / 'metadata'}",
            f"customers_path={raw / 'customers'}",
        ]
        world = [
            f"n_reviews={n_reviews}",
            f"data_seed={seed}",
            f"signal_strength={signal_strength}",
        ]
        run_kedro("run", "--pipelines", "synthetic_data", "--params=" + ",".join([*paths, *world]))
        run = run_kedro("run", "--params=" + ",".join([*paths, f"seed={seed}"]))
        catalog = load_catalog(None, data_root=folder)
        return read_results(catalog) | {"seed": seed, "seconds": run.seconds}


def read_results(catalog: Any) -> dict[str, Any]:
    """Metrics of the models, the oracle's on the same customers and pairs, and the personas.

    Parameters
    ----------
    catalog
        After a run on generated data.
    """
    metrics = catalog.load("metrics")
    overall = metrics[(metrics["split"] == "test") & (metrics["slice"] == "overall")]
    wide = overall.pivot(index="model", columns="metric", values="value")
    customers = catalog.load("customer_metrics")
    customers = customers.filter(customers.split == "test").to_pandas()
    oracle = oracle_metrics(catalog)
    report = catalog.load("evaluation_report")
    return {
        "data_sha256": report["data"]["sha256"],
        "customers_asked": report["cuts"]["test"]["customers"],
        "chosen_on_blend": {
            kind: report["ensemble"][kind]["chosen"] for kind in ("rating", "purchase")
        },
        "ndcg@10": wide["ndcg@10"].dropna().to_dict() | {"oracle": oracle["ndcg@10"]},
        "rmse": wide["rmse"].dropna().to_dict() | {"oracle": oracle["rmse"]},
        "personas_adjusted_rand": persona_agreement(catalog),
        "by_customer": customers.pivot(index="customer_id", columns="model", values="ndcg@10"),
    }


def oracle_metrics(catalog: Any) -> dict[str, float]:
    """NDCG@10 and RMSE of the planted truth at the test cut, asked as every model is.

    Parameters
    ----------
    catalog
        After a run on generated data.
    """
    from product_recommender.code_names import CodeNames
    from product_recommender.evaluation_cuts import make_cut
    from product_recommender.metrics.ranking import ranking_metrics
    from product_recommender.metrics.rating import rmse
    from product_recommender.model_inputs import TEST, interaction_arrays, training_interactions
    from product_recommender.synthesis.oracle import OracleRecommender, PlantedOracle

    ids = (catalog.load("customer_ids"), catalog.load("product_ids"))
    arrays = interaction_arrays(catalog.load("interactions"), *ids)
    features = ("customer_features", "product_features", "customer_segments")
    train = training_interactions(arrays, *ids, *(catalog.load(name) for name in features))
    names = CodeNames.read(*ids)
    truth = PlantedOracle(
        catalog.load("planted_customers").to_pyarrow(),
        catalog.load("planted_products").to_pyarrow(),
        catalog.load("planted_world"),
    )
    split = catalog.load("data_quality_report")["split"]
    begin, end = (
        datetime.date.fromisoformat(split[key]) for key in ("validation_until", "last_day")
    )
    middle_of_test = begin + (end - begin) / 2
    oracle = OracleRecommender.from_oracle(
        truth, names.customers, names.products, middle_of_test
    ).fit(train)
    cut = make_cut(arrays, ids[1], "test")
    items, _ = oracle.recommend(
        cut.users, 10, exclude_seen=False, candidates=cut.candidates, seen=cut.seen
    )
    rows = (arrays.parts == TEST) & ~arrays.is_repeat
    stars = oracle.predict(arrays.users[rows], arrays.items[rows])
    return {
        "ndcg@10": float(ranking_metrics(items, cut.targets, 10)["ndcg@10"].mean()),
        "rmse": rmse(stars, arrays.stars[rows]),
    }


def persona_agreement(catalog: Any) -> float:
    """Adjusted Rand index between the planted customer types and the personas found.

    Parameters
    ----------
    catalog
        After a run on generated data.
    """
    from sklearn.metrics import adjusted_rand_score

    found = catalog.load("customer_segments").select("customer_id", "cluster").to_pandas()
    planted = catalog.load("planted_customers").select("customer_id", "type").to_pandas()
    both = found[found["cluster"] >= 0].merge(planted, on="customer_id")
    return float(adjusted_rand_score(both["type"], both["cluster"]))


def share_of_gap(values: dict[str, float], model: str, baseline: str) -> float:
    """How much of the way from the baseline to the oracle a model goes; works for errors too."""
    return (values[model] - values[baseline]) / (values["oracle"] - values[baseline])


def judge(planted: list[dict[str, Any]], empty: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The claims, each with what was measured and whether it holds.

    Parameters
    ----------
    planted, empty
        One entry a seed, as returned by ``run_world``.
    """
    rating_share, rating_words = _closed(planted, "rmse", "rating", "bias")
    ranking_share, ranking_words = _closed(planted, "ndcg@10", "purchase", "recent_popularity")
    agreement = float(np.mean([run["personas_adjusted_rand"] for run in planted]))
    verdicts = [
        _verdict(
            f"The best rating model closes at least {RATING_TARGET:.0%} of the RMSE gap between "
            "bias and oracle",
            rating_words,
            rating_share >= RATING_TARGET,
        ),
        _verdict(
            f"The best ranker closes at least {RANKING_TARGET:.0%} of the NDCG@10 gap between "
            "recent_popularity and oracle",
            ranking_words,
            ranking_share >= RANKING_TARGET,
        ),
    ]
    compared = [_compare(planted, model) for model in MUST_BEAT_POPULARITY]
    adjusted = holm(np.array([entry["p"] for entry in compared]))
    for model, entry, p in zip(MUST_BEAT_POPULARITY, compared, adjusted, strict=True):
        by_seed = [_compare([run], model)["difference"] for run in planted]
        verdicts.append(
            _verdict(
                f"{model} beats popularity",
                f"NDCG@10 {entry['difference']:+.4f} [{entry['low']:+.4f}, {entry['high']:+.4f}], "
                f"p {p:.3f} after Holm; by seed {_signed(by_seed)}",
                entry["low"] > 0 and p < 0.05 and min(by_seed) > 0,
            )
        )
    verdicts += [
        _nothing_beats_popularity(empty),
        _verdict(
            f"Personas agree with the planted types at adjusted Rand {PERSONA_TARGET} or more",
            f"{agreement:.3f} on average, "
            + ", ".join(f"{run['personas_adjusted_rand']:.3f}" for run in planted),
            agreement >= PERSONA_TARGET,
        ),
    ]
    return verdicts


def _nothing_beats_popularity(empty: list[dict[str, Any]]) -> dict[str, Any]:
    others = [model for model in CANDIDATES if model != "popularity"]
    compared = [_compare(empty, model) for model in others]
    adjusted = holm(np.array([entry["p"] for entry in compared]))
    winners = [
        model
        for model, entry, p in zip(others, compared, adjusted, strict=True)
        if (entry["low"] > 0 and p < 0.05) or entry["high"] > HARMLESS
    ]
    nearest = max(range(len(others)), key=lambda i: compared[i]["difference"])
    entry = compared[nearest]
    return _verdict(
        "With every planted strength at zero nothing beats popularity",
        f"best other: {others[nearest]} {entry['difference']:+.4f} [{entry['low']:+.4f}, "
        f"{entry['high']:+.4f}], p {adjusted[nearest]:.2f} after Holm; no interval reaches above "
        f"{max(entry['high'] for entry in compared):+.4f}",
        not winners,
    )


def _closed(runs: list[dict[str, Any]], metric: str, kind: str, baseline: str) -> tuple[float, str]:
    """Share of the gap that the model chosen on `blend` closes, mean over seeds, and in words."""
    chosen = [run["chosen_on_blend"][kind] for run in runs]
    values = [
        run[metric] | {"chosen": run[metric][name]} for run, name in zip(runs, chosen, strict=True)
    ]
    mean = pd.DataFrame(values).mean().to_dict()
    share = share_of_gap(mean, "chosen", baseline)
    by_seed = ", ".join(f"{share_of_gap(value, 'chosen', baseline):.1%}" for value in values)
    names = " / ".join(dict.fromkeys(chosen))
    return share, (
        f"{names} (chosen on `blend`): {share:.1%} ({mean[baseline]:.4f} to {mean['chosen']:.4f}, "
        f"oracle {mean['oracle']:.4f}; by seed {by_seed})"
    )


def _signed(values: list[float]) -> str:
    return ", ".join(f"{value:+.4f}" for value in values)


def _compare(runs: list[dict[str, Any]], model: str) -> dict[str, float]:
    """NDCG@10 of a model minus popularity's, over the customers of all seeds together.

    The interval holds the spread of the customers, given these worlds and trainings; the spread
    over worlds is what the differences by seed show.
    """
    both = pd.concat(run["by_customer"][[model, "popularity"]] for run in runs)
    result = paired_differences(both[model].to_numpy(), both["popularity"].to_numpy())
    return {
        "difference": result.difference,
        "low": result.low,
        "high": result.high,
        "p": result.p_value,
    }


def _mean_over_seeds(runs: list[dict[str, Any]], metric: str) -> dict[str, float]:
    return pd.DataFrame([run[metric] for run in runs]).mean().to_dict()


def _verdict(claim: str, measured: str, holds: bool) -> dict[str, Any]:
    return {"claim": claim, "measured": measured, "holds": bool(holds)}


def _without_frames(run: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in run.items() if key != "by_customer"}


def markdown(result: dict[str, Any], command: str) -> str:
    """The verdicts and the averages over seeds as a page.

    Parameters
    ----------
    result
        As returned by ``measure``.
    command
        How to make it again.
    """
    lines = [
        "# What the models learn of a planted world",
        "",
        f"`{command}`",
        "",
        f"{result['data']}; seeds {result['seeds']}, stored hyperparameters (no tuning). "
        "Global time split; test period; lists of ten from the whole catalogue. Customers asked: "
        + ", ".join(str(run["customers_asked"]) for run in result["planted"])
        + ". Seconds of a main job: "
        + ", ".join(f"{run['seconds']:.0f}" for run in result["planted"])
        + f". Machine: {described(describe_machine())}. Data hashes and versions: learned.json. "
        "The empty world has every planted strength at zero; with the tastes alone switched off, "
        "recent popularity in the category should beat popularity.",
        "",
        "| claim | measured | holds |",
        "|---|---|---|",
    ]
    lines += [
        f"| {v['claim']} | {v['measured']} | {'yes' if v['holds'] else 'NO'} |"
        for v in result["verdicts"]
    ]
    for title, runs in (("Planted", result["planted"]), ("Empty", result["empty"])):
        ranking, rating = (_mean_over_seeds(runs, metric) for metric in ("ndcg@10", "rmse"))
        lines += ["", f"## {title} world", "", "| model | NDCG@10 | RMSE |", "|---|---|---|"]
        for model in sorted(ranking, key=lambda name: -ranking[name]):
            error = f"{rating[model]:.4f}" if model in rating else "-"
            lines.append(f"| {model} | {ranking[model]:.4f} | {error} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
