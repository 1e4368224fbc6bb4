"""Pairs of models that people argue about, compared customer by customer.

Each question is a list of pairs that were named before anything was measured. NDCG@10 is compared
on the same customers of the test, the mean over seeds for each; stars by their RMSE on the same
ratings, where both models predict them. Holm's correction is for all comparisons that answer one
question with one metric: its pairs, overall and for warm customers; and, as a second family, its
pairs in all other slices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from product_recommender.metrics.bootstrap import (
    NO_DIFFERENCE,
    holm,
    paired_differences,
    paired_rmse_differences,
    verdict_word,
)

NCF = ("ncf_random", "ncf_custom", "ncf_hybrid", "ncf_negative_sampling", "ncf_per_segment")
SEQUENCE = ("lstm", "lstm_custom")
DEEP = (*NCF, *SEQUENCE, "transformer")
SHALLOW = ("ease", "item_knn")
BEST_SINGLE = "best single model"
LEVEL = 0.05
OVERALL = "overall"
HEADLINE = (OVERALL, "warm")
N_RESAMPLES = 10_000
"""The smallest possible p-value is 2 in so many: with 1,000 no family of 25 could show anything."""
FEWEST = 20
"""Customers (or customers with a rating) under which a slice is not compared."""


@dataclass(frozen=True)
class Question:
    """What is asked, and of which pairs.

    Attributes
    ----------
    title
        In words.
    pairs
        First and second model; a difference above zero speaks for the first.
    """

    title: str
    pairs: tuple[tuple[str, str], ...]


QUESTIONS = (
    Question(
        "LSTM against each NCF", tuple((first, second) for first in SEQUENCE for second in NCF)
    ),
    Question(
        "Custom against random against hybrid embeddings",
        (
            ("ncf_custom", "ncf_random"),
            ("ncf_hybrid", "ncf_random"),
            ("ncf_hybrid", "ncf_custom"),
        ),
    ),
    Question("One network per segment against one for all", (("ncf_per_segment", "ncf_random"),)),
    Question(
        "The ensemble against the best single model and against equal weights",
        (("ensemble", BEST_SINGLE), ("ensemble", "ensemble_equal")),
    ),
    Question(
        "Deep models against EASE and kNN",
        tuple((first, second) for first in DEEP for second in SHALLOW),
    ),
)


def verdicts(customers: pd.DataFrame, errors: pd.DataFrame) -> dict[str, Any]:
    """Compare all pairs of all questions, in all slices, for lists and for stars.

    Parameters
    ----------
    customers
        ``model, customer_id, ndcg@10, slices`` with one row a model and customer (the mean over
        seeds); ``slices`` is the tuple of slices that the customer is in.
    errors
        ``model, customer_id, sum, count, slices``: squared errors of each customer's ratings.
        In both, the rows of ``BEST_SINGLE`` repeat those of the model that each seed's run chose
        on validation.

    Returns
    -------
    dict
        ``comparisons`` (``question, first, second, metric, slice, customers, first_value,
        second_value, difference, low, high, p, p_holm, verdict``) and ``skipped`` (a note for
        each pair whose models are not in the run, and for each slice that was too small).
    """
    rows: list[dict[str, Any]] = []
    skipped: list[str] = []
    for metric, frame in (("ndcg@10", customers), ("rmse", errors)):
        present = set(frame["model"].unique())
        for question in QUESTIONS:
            found: list[dict[str, Any]] = []
            for first, second in question.pairs:
                missing = [model for model in (first, second) if model not in present]
                if not missing:
                    rows_of = _compare(frame, first, second, metric, skipped)
                    found += [{"question": question.title} | row for row in rows_of]
                elif metric == "ndcg@10":  # not every model predicts stars
                    skipped.append(f"{first} against {second}: no {', '.join(missing)} in the run")
            for headline in (True, False):
                family = [row for row in found if (row["slice"] in HEADLINE) == headline]
                rows += _judged(family, larger_is_better=metric != "rmse")
    return {"comparisons": rows, "skipped": list(dict.fromkeys(skipped))}


def with_slices(frame: pd.DataFrame, slices: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Add the column ``slices``.

    Parameters
    ----------
    frame
        With ``customer_id``.
    slices
        Slice to the customers in it.
    """
    of_customer: dict[str, list[str]] = {}
    for name, members in slices.items():
        for customer in members:
            of_customer.setdefault(customer, []).append(name)
    found = [tuple(of_customer.get(customer, ())) for customer in frame["customer_id"]]
    return frame.assign(slices=pd.Series(found, index=frame.index, dtype=object))


def _compare(
    frame: pd.DataFrame, first: str, second: str, metric: str, skipped: list[str]
) -> list[dict[str, Any]]:
    """One pair in every slice."""
    a = frame[frame["model"] == first].set_index("customer_id")
    b = frame[frame["model"] == second].set_index("customer_id")
    if set(a.index) != set(b.index):
        raise ValueError(
            f"{first} and {second} were not measured on the same customers ({len(a)} and "
            f"{len(b)}): evaluate them in one run."
        )
    b = b.loc[a.index]
    rows = []
    for name in (OVERALL, *sorted({s for of in a["slices"] for s in of} - {OVERALL})):
        inside = np.array([name == OVERALL or name in of for of in a["slices"]])
        if inside.sum() < FEWEST:
            skipped.append(f"slice {name}: {int(inside.sum())} customers, fewer than {FEWEST}")
            continue
        rows.append(
            {"first": first, "second": second, "metric": metric, "slice": name}
            | _difference(a[inside], b[inside], metric)
        )
    return rows


def _difference(a: pd.DataFrame, b: pd.DataFrame, metric: str) -> dict[str, Any]:
    if metric == "rmse":
        counts = a["count"].to_numpy()
        result = paired_rmse_differences(
            a["sum"].to_numpy(), b["sum"].to_numpy(), counts, N_RESAMPLES
        )
        values = [float(np.sqrt(f["sum"].sum() / counts.sum())) for f in (a, b)]
    else:
        result = paired_differences(a[metric].to_numpy(), b[metric].to_numpy(), N_RESAMPLES)
        values = [float(f[metric].mean()) for f in (a, b)]
    return {
        "customers": len(a),
        "first_value": values[0],
        "second_value": values[1],
        "difference": result.difference,
        "low": result.low,
        "high": result.high,
        "p": result.p_value,
    }


def _judged(rows: list[dict[str, Any]], larger_is_better: bool) -> list[dict[str, Any]]:
    """Adjusted p-values over all of them, and a word for each."""
    if not rows:
        return []
    adjusted = holm(np.array([row["p"] for row in rows]))
    judged = []
    for row, p_holm in zip(rows, adjusted.tolist(), strict=True):
        word = verdict_word(
            row["difference"], row["low"], row["high"], p_holm, larger_is_better, alpha=LEVEL
        )
        judged.append(row | {"p_holm": p_holm, "verdict": word})
    return judged


def verdict_lines(found: Mapping[str, Any], notes: Sequence[str] = ()) -> list[str]:
    """The section `Verdicts` of a page: overall and warm in tables, segments where they differ.

    Parameters
    ----------
    found
        What ``verdicts`` returned.
    notes
        Further sentences, for example on the segments of ``ncf_per_segment``.
    """
    comparisons = pd.DataFrame(found["comparisons"])
    lines = [
        "## Verdicts",
        "",
        "The first model minus the second, on the same customers (RMSE: the same ratings), the "
        "mean over seeds for each customer. 95 % intervals over customers; better or worse is said "
        "only where the interval excludes zero and the p-value survives Holm's correction for the "
        "pairs of the question (overall and warm; all other slices are a second family). Below "
        "zero is good for the RMSE.",
    ]
    if len(comparisons) == 0:
        lines += ["", "None of the pairs is in this run."]
    for question in QUESTIONS:
        here = comparisons[comparisons["question"] == question.title] if len(comparisons) else []
        if len(here) == 0:
            continue
        lines += [
            "",
            f"### {question.title}",
            "",
            "| pair | metric | slice | customers | difference | interval | verdict |",
            "|---|---|---|---|---|---|---|",
        ]
        main = here["slice"].isin(HEADLINE)
        lines += [_line(row) for row in here[main].to_dict(orient="records")]
        lines += _elsewhere(here[~main])
    if notes:
        lines += ["", *notes]
    if found["skipped"]:
        lines += ["", "Not compared: " + "; ".join(found["skipped"]) + "."]
    return lines


def _elsewhere(rows: pd.DataFrame) -> list[str]:
    """The slices in a sentence: which of them differ; the record has them all."""
    if len(rows) == 0:
        return []
    clear = rows[rows["verdict"] != NO_DIFFERENCE]
    names = sorted(rows["slice"].unique())
    told = [
        f"{row['first']} {row['verdict']} than {row['second']} in {row['slice']} "
        f"({row['metric']} {row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}], "
        f"{row['customers']:,} customers)"
        for row in clear.to_dict(orient="records")
    ]
    ending = "; ".join(told) if told else f"{NO_DIFFERENCE} in any of them"
    return ["", f"In slices ({', '.join(names)}): {ending}."]


def _line(row: Mapping[str, Any]) -> str:
    return (
        f"| {row['first']} - {row['second']} | {row['metric']} | {row['slice']} | "
        f"{row['customers']:,} | {row['difference']:+.4f} | "
        f"[{row['low']:+.4f}, {row['high']:+.4f}] | {row['verdict']} |"
    )


def segment_note(configs: Sequence[Mapping[str, Any]]) -> str:
    """How many segments ``ncf_per_segment`` trained, and with how many different settings.

    Parameters
    ----------
    configs
        ``ncf_per_segment.config`` of each seed.
    """
    told = []
    for config in configs:
        trained = config["fit_report"].get("segments", {})
        own = config["parameters"].get("segments", {})
        networks = sorted(name for name, report in trained.items() if report != "global")
        settings = {name: own.get(name, {}) for name in networks}
        distinct = {repr(sorted(s.items(), key=str)) for s in settings.values()}
        with_own = [name for name in networks if settings[name]]
        told.append(
            f"seed {config['seed']}: {len(networks)} of {len(trained)} segments have a network of "
            f"their own, {len(with_own)} with hyperparameters of their own; {len(distinct)} "
            "different sets of hyperparameters among them"
        )
    return "ncf_per_segment, " + "; ".join(told) + "."
