"""Our models on published protocols: any data set in the protocol's format, one rule for all.

    python -m benchmarks.published --protocol ncf --data DIR --models ease,als,ensemble
    python -m benchmarks.published --protocol ratings --data DIR --seeds 3 --trials 10 --out F.json

Settings are chosen on a validation part carved from the training data, never on test. Formats and
rules: docs/benchmarks.md. Exit code 0: every model ran; 1: some could not, their rows say why;
2: the command or the data cannot be used.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.protocols.blends import ENSEMBLE
from benchmarks.protocols.files import BenchmarkDataError, described_files
from benchmarks.protocols.memory import peak_since_restart_mb, restart_peak
from benchmarks.protocols.report import (
    Row,
    add_comparisons,
    compared,
    markdown,
    ordered,
    published_rows,
    ranking_figures,
    rating_figures,
    squared_error_sums,
    terminal_table,
)
from benchmarks.protocols.settings import SETTINGS, SettingsError, load_settings
from benchmarks.record import RESULTS, described, provenance
from product_recommender.recommenders.registry import MODELS, recommender_class

PROTOCOLS = ("ncf", "sequential", "topn", "ratings")
FLOOR = "random"
"""Is measured and never blended."""
SORTED_BY = {"ncf": "ndcg@10", "sequential": "ndcg@10", "topn": "ndcg@20", "ratings": "rmse"}

Runner = Callable[[str], tuple[Row, np.ndarray]]
"""From a model's name to its row and, of each user, what models are compared by."""


class UsageError(ValueError):
    """The command asks for something that cannot be."""


@dataclass(frozen=True)
class Run:
    """What is known of a data set, and how to run a model on it."""

    counts: dict[str, int]
    run: Runner
    ratings_per_user: np.ndarray | None = None


def main(arguments: list[str] | None = None) -> int:
    """Run the models, print the table, write the JSON file and the page beside it.

    Returns
    -------
    int
        The exit code.
    """
    options = _options(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    started = time.perf_counter()
    try:
        models = chosen_models(options.protocol, options.models)
        single = [name for name in models if name != ENSEMBLE]
        settings = load_settings(options.protocol, single, options.settings)
        _require_writable(options.out)
        module = importlib.import_module(f"benchmarks.protocols.{options.protocol}")
        files = module.read(options.data, options.name)
        prepare = _prepare_ratings if options.protocol == "ratings" else _prepare_ranking
        prepared = prepare(module, files, settings, options, ENSEMBLE in models)
    except (BenchmarkDataError, SettingsError, UsageError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    record = provenance(_command(options)) | {
        "protocol": options.protocol,
        "protocol_text": module.TEXT,
        "data": {
            "name": files.name,
            "files": described_files(files.paths),
            "counts": prepared.counts,
        },
        "seeds": list(range(options.seeds)),
        "trials": options.trials,
        "sorted_by": SORTED_BY[options.protocol],
    }
    _announce(record)
    rows: list[Row] = []
    values: dict[str, np.ndarray] = {}
    partial = options.out.with_name(f"{options.out.name}.partial.json")
    for name in models:
        row, of_users = _row(name, prepared.run)
        rows.append(row)
        if of_users is not None:
            values[name] = of_users
        _tell(rows[-1], record["sorted_by"])
        write_whole(partial, json.dumps(record | {"rows": rows}, indent=2))
    add_comparisons(rows, values, record["sorted_by"], prepared.ratings_per_user)
    return _finish(record, rows, options.out, partial, time.perf_counter() - started)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.published",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--protocol", required=True, choices=PROTOCOLS)
    parser.add_argument("--data", required=True, type=Path, metavar="DIR")
    parser.add_argument(
        "--models", default=None, help="names separated by commas; default: all that fit"
    )
    parser.add_argument("--seeds", type=_positive, default=1, metavar="N", help="seeds 0 to N-1")
    parser.add_argument(
        "--trials",
        type=_positive,
        default=1,
        metavar="T",
        help="settings tried of each model; 1: the start alone",
    )
    parser.add_argument("--out", type=Path, default=None, metavar="FILE.json")
    parser.add_argument(
        "--name", default=None, help="which data set, where the folder holds several"
    )
    parser.add_argument(
        "--settings",
        type=Path,
        default=SETTINGS,
        metavar="FILE.yml",
        help="starting settings and search spaces, instead of benchmarks/protocols/settings.yml",
    )
    options = parser.parse_args(arguments)
    if options.out is None:
        name = options.data.resolve().name.split(".")[0].removeprefix(f"{options.protocol}_")
        options.out = RESULTS / f"published_{options.protocol}_{name}.json"
    if options.out.suffix != ".json":
        parser.error(f"--out is {options.out}; it must end with .json (a page .md is put beside)")
    if not options.settings.is_file():
        parser.error(f"--settings is {options.settings}, which is no file")
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number


def misfit(name: str, protocol: str) -> str | None:
    """Why a model has nothing to say under a protocol; None if it has."""
    model_class = recommender_class(name)
    if protocol == "ratings" and model_class.predicts != "stars":
        return "it does not predict stars"
    if protocol != "ratings" and model_class.ranks_by == "predicted stars":
        return "it ranks by stars, and these files have none"
    if protocol in ("ncf", "topn") and getattr(model_class, "reads_order", False):
        return "it reads the order of purchases, and these files have none"
    if getattr(model_class, "uses_features", False):
        return "it needs features of customers and products, and these files have none"
    if name.endswith("per_segment"):
        return "it needs segments of customers, and these files have none"
    return None


def chosen_models(protocol: str, asked: str | None) -> list[str]:
    """The models to run, the ensemble last.

    Parameters
    ----------
    protocol
        Name of the protocol.
    asked
        Names separated by commas; None takes all that fit and, where there are two, the ensemble.

    Raises
    ------
    UsageError
        If a name is unknown or cannot be run.
    """
    fitting = [name for name in MODELS if misfit(name, protocol) is None]
    if asked is None:
        return [*fitting, ENSEMBLE]
    names = list(dict.fromkeys(name.strip() for name in asked.split(",") if name.strip()))
    if not names:
        raise UsageError(f"--models names nothing. {_those(fitting, protocol)}")
    for name in names:
        if name != ENSEMBLE and name not in MODELS:
            raise UsageError(f"There is no model named {name!r}. {_those(fitting, protocol)}")
        if protocol == "ratings" and name != ENSEMBLE and (reason := misfit(name, protocol)):
            raise UsageError(
                f"{name} cannot run under the protocol ratings: {reason}. "
                f"{_those(fitting, protocol)}"
            )
    if ENSEMBLE in names:
        names = [name for name in names if name != ENSEMBLE]
        if len([name for name in names if name != FLOOR]) < 2:
            raise UsageError("The ensemble blends the other models listed: name two or more")
        names.append(ENSEMBLE)
    return names


def _those(fitting: list[str], protocol: str) -> str:
    return f"Those that fit the protocol {protocol}: {', '.join([*fitting, ENSEMBLE])}"


def _prepare_ranking(
    module: Any, files: Any, settings: Any, options: argparse.Namespace, blends: bool
) -> Run:
    from benchmarks.protocols.ranking_runs import Members, run_ensemble, run_model

    seeds = range(options.seeds)
    task = module.task(files, seeds[0])
    members = Members.of(task, seeds) if blends else None

    def run(name: str) -> tuple[Row, np.ndarray]:
        if name == ENSEMBLE:
            assert members is not None
            outcome = run_ensemble(task, members, seeds)
        else:
            kept = None if name == FLOOR else members
            outcome = run_model(name, task, settings[name], seeds, options.trials, kept)
        of_users = np.mean([seed[task.objective] for seed in outcome.per_user], axis=0)
        return _described(outcome, ranking_figures(outcome.per_user)), of_users

    return Run(task.counts, run)


def _prepare_ratings(
    module: Any, files: Any, settings: Any, options: argparse.Namespace, blends: bool
) -> Run:
    from benchmarks.protocols.rating_runs import StarMembers, run_star_ensemble, run_star_model

    seeds = range(options.seeds)
    members = StarMembers() if blends else None

    def run(name: str) -> tuple[Row, np.ndarray]:
        if name == ENSEMBLE:
            assert members is not None
            outcome = run_star_ensemble(files, members, seeds)
        else:
            outcome = run_star_model(name, files, settings[name], seeds, options.trials, members)
        users = files.rows.users
        figures = rating_figures(outcome.errors, users)
        return _described(outcome, figures), squared_error_sums(outcome.errors, users)

    return Run(files.counts, run, np.bincount(files.rows.users).astype(np.float64))


def _described(outcome: Any, figures: dict[str, Any]) -> Row:
    return {
        "metrics": figures,
        "validation": outcome.validation,
        "settings": outcome.settings,
        "search": outcome.history,
        "train_seconds": round(outcome.train_seconds, 2),
    }


def _row(name: str, run: Runner) -> tuple[Row, np.ndarray | None]:
    """One model's row; the reason instead of figures where it could not run."""
    restart_peak()
    started = time.perf_counter()
    row: Row = {"model": name}
    of_users = None
    try:
        figures, of_users = run(name)
        row |= figures
    except Exception as error:  # one model that cannot run must not cost the others' hours
        if os.environ.get("PRODUCT_RECOMMENDER_TRACEBACK"):
            traceback.print_exc()
        row["failed"] = f"{type(error).__name__}: {error}"
    row["total_seconds"] = round(time.perf_counter() - started, 2)
    row["peak_memory_mb"] = peak_since_restart_mb()
    return row, of_users


def _announce(record: dict[str, Any]) -> None:
    counts = ", ".join(f"{name} {n:,}" for name, n in record["data"]["counts"].items() if n)
    print(
        f"{record['data']['name']}, protocol {record['protocol']}: {counts}\n"
        f"{len(record['seeds'])} seed(s), {record['trials']} trial(s) of each model",
        flush=True,
    )


def _tell(row: Row, metric: str) -> None:
    what = row.get("failed") or f"{metric} {row['metrics'][metric]['mean']:.4f}"
    print(f"{row['model']}: {what} ({row['total_seconds']:.1f} s)", flush=True)


def _finish(
    record: dict[str, Any], rows: list[Row], out: Path, partial: Path, seconds: float
) -> int:
    """Write the result, unless no model could run: then what was there stays."""
    failed = [row["model"] for row in rows if "failed" in row]
    if len(failed) == len(rows):
        print(f"Error: no model could run. {partial} says why.", file=sys.stderr)
        return 1
    rows = ordered(rows, record["sorted_by"])
    metrics = list(next(row for row in rows if "metrics" in row)["metrics"])
    published = compared(published_rows(record["data"]["files"]), rows)
    record = record | {
        "wall_seconds": round(seconds, 1),
        "metrics": metrics,
        "rows": rows,
        "published": published,
    }
    write_whole(out, json.dumps(record, indent=2) + "\n")
    write_whole(out.with_suffix(".md"), markdown(record, described(record["machine"])))
    partial.unlink(missing_ok=True)
    title = (
        f"{record['data']['name']}, {record['protocol']}, {len(record['seeds'])} seed(s), "
        f"{record['trials']} trial(s) of each model"
    )
    terminal_table(rows, metrics, record["sorted_by"], title)
    print(f"Written: {out} and {out.with_suffix('.md').name}")
    if failed:
        print(f"Could not run: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _require_writable(out: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out: {out.parent} cannot be made: {error.strerror}") from error
    if not os.access(out.parent, os.W_OK) or out.is_dir():
        raise UsageError(f"--out: {out} cannot be written")


def write_whole(path: Path, text: str) -> None:
    """Write beside and rename, so that a reader never sees half of a file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _command(options: argparse.Namespace) -> str:
    """The command again, with the name of the data folder instead of its place."""
    parts = [f"python -m benchmarks.published --protocol {options.protocol}"]
    parts.append(f"--data {options.data.resolve().name}")
    if options.name:
        parts.append(f"--name {options.name}")
    if options.models:
        parts.append(f"--models {options.models}")
    if options.settings != SETTINGS:
        parts.append(f"--settings {options.settings.name}")
    parts.append(f"--seeds {options.seeds} --trials {options.trials} --out {options.out.name}")
    return " ".join(parts)


if __name__ == "__main__":
    sys.exit(main())
