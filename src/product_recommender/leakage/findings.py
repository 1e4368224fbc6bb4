"""What the check compared, what it found, and when a run has to stop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

LEAKS = {
    "split": (
        "a review lies in a part that its date does not belong to",
        "data_processing: parts follow from review_date alone",
    ),
    "target_rating": (
        "stars of reviews after the cut are in what models read",
        "feature_engineering: stars enter features through training reviews only",
    ),
    "target_text": (
        "text, headline, votes or verified flag of reviews after the cut, or votes at all, are in "
        "what models read",
        "feature_engineering and content: texts of training reviews only, helpful votes never; a "
        "new column needs a rule in leakage/ that says what it may hold",
    ),
    "id_map": (
        "codes know the future",
        "feature_engineering.assign_codes: numbered by the part of first appearance, then by id",
    ),
    "popularity": (
        "purchases after the cut count as popularity",
        "count training purchases only",
    ),
    "scaler_or_pca": (
        "the scaler or the projection of the segmentation was not fitted on training customers",
        "segmentation: fit on customer_features of the training reviews only",
    ),
    "segments": (
        "segments were not found on, or not assigned from, training purchases",
        "segmentation: centroids of, and distances from, training features; everybody else is New",
    ),
    "test_pairs": (
        "purchases after the cut are among what was learnt from",
        "fit on the training part only, and save a model before follow() tells it more",
    ),
    "not_on_sale": (
        "a list holds a product that nobody could buy at the cut",
        "recommend from the candidates of make_cut(): first_review_date not after the cut",
    ),
}
"""Name of a leak: what it is, and the way out. Each has to be looked for in every run."""

RERUN = (
    "Then run again: kedro run --pipelines "
    "feature_engineering,content,segmentation,modeling,ensemble,leakage_check,evaluation"
)

COLUMNS = ["leak", "dataset", "compared", "rows", "differing", "outcome", "detail"]


class LeakageError(ValueError):
    """The future is in something that answers the test, or nobody has looked whether it is."""


@dataclass(frozen=True)
class Finding:
    """One comparison.

    Attributes
    ----------
    leak
        A key of ``LEAKS``: what a difference would be.
    dataset
        Name of the catalog item.
    compared
        What was compared with what, in words.
    rows
        Rows (pairs, tensors' entries) that were compared.
    differing
        How many of them are not what the training part gives.
    detail
        Where something differs: columns and an example.
    """

    leak: str
    dataset: str
    compared: str
    rows: int
    differing: int
    detail: str = ""

    def __post_init__(self) -> None:
        if self.leak not in LEAKS:
            raise ValueError(f"{self.leak!r} is no leak; there are {', '.join(LEAKS)}")

    @property
    def outcome(self) -> str:
        """``leak``, ``clean``, or ``nothing compared``, which counts as much as a leak."""
        if self.differing:
            return "leak"
        return "clean" if self.rows else "nothing compared"


def findings_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """The dataset `leakage_report`, or a part of it.

    Parameters
    ----------
    findings
        Any number.

    Returns
    -------
    pandas.DataFrame
        ``leak, dataset, compared, rows, differing, outcome, detail``; leaks first.
    """
    rows = [
        (f.leak, f.dataset, f.compared, f.rows, f.differing, f.outcome, f.detail) for f in findings
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values("outcome", key=lambda o: o == "clean", kind="stable").reset_index(
        drop=True
    )


def refuse_leaks(report: pd.DataFrame) -> None:
    """Stop unless everything was compared and nothing differs.

    Parameters
    ----------
    report
        The dataset `leakage_report`.

    Raises
    ------
    LeakageError
        Naming each leak, the dataset, columns and an example, and the way out. A comparison of
        nothing, and a leak that was not looked for at all, are refused as well.
    """
    lines = []
    for row in report[report["outcome"] != "clean"].itertuples():
        what, way_out = LEAKS[str(row.leak)]
        if row.outcome == "leak":
            lines.append(f"{row.leak}: {row.dataset}: {what}. {row.detail} Way out: {way_out}.")
        else:
            lines.append(
                f"{row.leak}: {row.dataset} holds nothing to compare ({row.compared}), so nothing "
                "is shown by it. Make it again from more data."
            )
    missing = [name for name in LEAKS if name not in set(report["leak"])]
    if missing:
        lines.append(f"Nothing was compared for {', '.join(missing)}.")
    if lines:
        raise LeakageError(
            "The leakage check failed, so no result is reported.\n"
            + "\n".join(f"- {line}" for line in lines)
            + f"\n{RERUN}"
        )


def summary(report: pd.DataFrame) -> dict[str, int | str]:
    """The report in one line: ``outcome``, ``comparisons``, ``rows``, ``leaks_looked_for``."""
    clean = bool(len(report)) and bool((report["outcome"] == "clean").all())
    return {
        "outcome": "clean" if clean else "leak",
        "comparisons": len(report),
        "rows": int(report["rows"].sum()),
        "leaks_looked_for": int(report["leak"].nunique()),
    }
