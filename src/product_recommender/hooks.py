"""Around a run: how long it took and how much memory, and where to look when it has ended."""

from __future__ import annotations

import difflib
import logging
import os
import re
import time
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from product_recommender.machine import describe_machine, peak_memory_mb
from product_recommender.progress import Step

logger = logging.getLogger(__name__)

WHERE_TO_LOOK = (
    "metrics",
    "leaderboard",
    "evaluation_ranking_figure",
    "recommendations",
    "similar_products",
    "segment_profiles",
    "data_quality_report",
    "dashboard",
)


SUMMARY_COLUMNS = {
    "model": "model",
    "ndcg@k": "NDCG@k",
    "ndcg@k warm": "warm",
    "ndcg@k cold": "cold",
    "hit_rate@k": "hit rate",
    "coverage@k": "coverage",
    "rmse": "RMSE",
    "ranks_by": "ranks by",
}
"""Columns of the leaderboard that the summary shows, and how it calls them."""

TEXT_COLUMNS = ("model", "ranks_by")
SUMMARY_WIDTH = 120
OUTPUTS_SHOWN = 12


RUNTIME_KEYS = (
    "customers_path",
    "data_root",
    "data_seed",
    "list_length",
    "n_customers",
    "n_products",
    "n_reviews",
    "product_images_path",
    "product_metadata_path",
    "reviews_path",
    "seed",
    "signal_strength",
    "trials",
)
"""What ``conf/`` reads through ``${runtime_params:...}``; a test compares the two."""


class RunReportHooks:
    """Measure a run, write `run_report`, print the summary."""

    def __init__(self) -> None:
        self._started = 0.0
        self._node_started: dict[str, float] = {}
        self._node_seconds: dict[str, float] = {}
        self._node_steps: dict[str, Step] = {}
        self._total = 0

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Check what the run was given and what it starts from, and start the clock."""
        refuse_unknown_parameters(run_params.get("runtime_params") or {})
        explain_missing_inputs(pipeline, catalog, run_params.get("env"))
        self._started = time.perf_counter()
        self._node_seconds = {}
        self._total = len(pipeline.nodes)

    @hook_impl
    def before_node_run(self, node: Any) -> None:
        """Say which step begins, start its clock, and show on a terminal that it is alive."""
        self._node_started[node.name] = time.perf_counter()
        which = f"[{len(self._node_seconds) + 1}/{self._total}] {node.name}"
        logger.info("%s", which)
        self._node_steps[node.name] = Step(which, logs=False).__enter__()

    @hook_impl
    def after_node_run(self, node: Any) -> None:
        """Stop the node's clock; loading and saving are not in it."""
        self._end_step(node)
        started = self._node_started.pop(node.name, None)
        if started is not None:
            self._node_seconds[node.name] = round(time.perf_counter() - started, 3)

    @hook_impl
    def on_node_error(self, node: Any) -> None:
        """Take the bar of a failing step off the screen before the error is printed."""
        self._end_step(node)

    def _end_step(self, node: Any) -> None:
        step = self._node_steps.pop(node.name, None)
        if step is not None:
            step.__exit__(None, None, None)

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Write the report of the run and print what came out, or where it lies."""
        if "metrics" not in pipeline.all_outputs():
            print_outputs(catalog, pipeline)
            return
        report = {
            "wall_seconds": round(time.perf_counter() - self._started, 2),
            "peak_memory_mb": peak_memory_mb(),
            "machine": describe_machine(),
            "environment": run_params.get("env") or "base",
            "runtime_parameters": {
                key: str(value) for key, value in (run_params.get("runtime_params") or {}).items()
            },
            "node_seconds": self._node_seconds,
        }
        catalog.save("run_report", report)
        print_summary(catalog, report)


def refuse_unknown_parameters(given: dict[str, Any]) -> None:
    """Stop where ``--params`` names something that nothing reads: a typo must not pass in silence.

    Parameters
    ----------
    given
        The runtime parameters.

    Raises
    ------
    ValueError
        Naming the key and the nearest known one.
    """
    from product_recommender.pipeline_registry import MAIN_PIPELINES, SOURCES
    from product_recommender.recommenders.registry import MODELS

    known = {
        "": (*MAIN_PIPELINES, *SOURCES, *RUNTIME_KEYS),
        "modeling.models.": tuple(MODELS),
    }
    modeling = given.get("modeling")
    models = modeling.get("models", {}) if isinstance(modeling, dict) else {}
    for prefix, keys in (("", given), ("modeling.models.", models)):
        for key in keys:
            if key not in known[prefix]:
                near = difflib.get_close_matches(key, known[prefix], n=1)
                hint = f"; did you mean {prefix}{near[0]}?" if near else "."
                raise ValueError(
                    f"--params: nothing reads {prefix}{key}{hint} Known here: "
                    f"{', '.join(sorted(known[prefix]))}."
                )


def explain_missing_inputs(
    pipeline: Pipeline, catalog: CatalogProtocol, environment: str | None = None
) -> None:
    """Stop before the first node if an input is missing that another pipeline makes.

    Parameters
    ----------
    pipeline
        What is about to run.
    catalog
        Holds the inputs.
    environment
        What ``--env`` said, for the commands in the message.

    Raises
    ------
    ValueError
        Naming the missing items and the pipelines to run first, in order.
    """
    from kedro.framework.project import pipelines

    makers = {
        output: name
        for name, candidate in pipelines.items()
        if name != "__default__"
        for output in candidate.all_outputs()
    }
    missing = [
        name for name in sorted(pipeline.inputs()) if name in makers and not catalog.exists(name)
    ]
    if not missing:
        return
    needed = {makers[name] for name in missing}
    # The makers may miss something themselves: everything from the earliest one on has to run.
    order = [name for name in pipelines if name != "__default__"]
    first = min(order.index(name) for name in needed)
    wanted = ",".join(name for name in order[first:] if name in needed)
    shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
    run = "kedro run" + (f" --env={environment}" if environment else "")
    raise ValueError(
        f"The catalog does not hold {shown} yet. Run the pipelines that make them first: "
        f"{run} --pipelines {wanted}   (or everything: {run})"
    )


def print_summary(catalog: CatalogProtocol, report: dict[str, Any]) -> None:
    """Print the leaderboard, with the data named, and the paths of the outputs.

    Parameters
    ----------
    catalog
        Holds `leaderboard`, `evaluation_report` and the items of ``WHERE_TO_LOOK``.
    report
        The run report.
    """
    from rich.console import Console
    from rich.table import Table

    leaderboard = catalog.load("leaderboard")
    evaluation = catalog.load("evaluation_report")
    console = Console(width=max(SUMMARY_WIDTH, int(os.environ.get("COLUMNS", "0"))))
    table = Table(
        title=f"Test period, ranked against the whole catalogue - {evaluation['data']['label']}",
        title_justify="left",
        caption=(
            "NDCG of all customers, of those with (warm) and without (cold) a purchase before "
            f"the cut. Seed {_listed(evaluation['seeds'])}, tuning trials "
            f"{_listed(evaluation['trials'])} (0: stored values). {report['wall_seconds']:.0f} s, "
            f"{report['peak_memory_mb']:,} MB, {report['machine']['cores']} cores. "
            f"{_leakage_line(evaluation)}"
        ),
        caption_justify="left",
    )
    shown = []
    for column in leaderboard.columns:
        general = re.sub(r"@\d+", "@k", column)
        if general in SUMMARY_COLUMNS:
            shown.append(column)
            length = (re.findall(r"@\d+", column) or [""])[0]
            header = SUMMARY_COLUMNS[general].replace("@k", length)
            table.add_column(header, justify="left" if general in TEXT_COLUMNS else "right")
    for row in leaderboard[shown].itertuples(index=False):
        table.add_row(*(_cell(value) for value in row))
    console.print(table)
    for name in WHERE_TO_LOOK:
        path = where_is(catalog, name)
        if path is not None:
            console.print(f"  {name:<26} {path}", highlight=False, soft_wrap=True)


def print_outputs(catalog: CatalogProtocol, pipeline: Pipeline) -> None:
    """Print where the outputs of a partial run lie: those that no other step of it reads, first.

    Parameters
    ----------
    catalog
        Holds them.
    pipeline
        What was run.
    """
    from rich.console import Console

    last = sorted(pipeline.outputs())
    others = sorted(pipeline.all_outputs() - pipeline.outputs())
    paths = {name: where_is(catalog, name) for name in [*last, *others]}
    found = [(name, path) for name, path in paths.items() if path is not None]
    if not found:
        return
    console = Console(width=max(SUMMARY_WIDTH, int(os.environ.get("COLUMNS", "0"))))
    shown = found[:OUTPUTS_SHOWN]
    width = max(len(name) for name, _ in shown)
    console.print("Where to look:")
    for name, path in shown:
        console.print(f"  {name:<{width}}  {path}", highlight=False, soft_wrap=True, markup=False)
    if len(found) > len(shown):
        console.print(f"  and {len(found) - len(shown)} more: kedro catalog describe-datasets")


def where_is(catalog: CatalogProtocol, name: str) -> str | None:
    """Path of a catalog item relative to the working folder, the newest version where versioned.

    None where it does not exist or is no file.

    Parameters
    ----------
    catalog
        The catalog.
    name
        Name of the item.
    """
    if not catalog.exists(name):
        return None
    dataset: Any = catalog.get(name)
    if hasattr(dataset, "_get_load_path"):
        path = Path(str(dataset._get_load_path()))
    elif hasattr(dataset, "_folder"):
        path = Path(dataset._folder)
    else:
        return None
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _listed(values: list[Any]) -> str:
    return ", ".join(str(value) for value in values)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "-" if value != value else f"{value:.4f}"
    return str(value) if value == value else "-"


def _leakage_line(evaluation: dict[str, Any]) -> str:
    """What the leakage check looked at; a report of an older run may not say."""
    check = evaluation.get("leakage_check")
    if check is None:
        return ""
    return (
        f"Leakage check: {check['outcome']} ({check['comparisons']} comparisons for "
        f"{check['leaks_looked_for']} kinds of leak)."
    )
