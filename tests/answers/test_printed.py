"""What stands on the screen."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from tests.answers.shelf import NASTY, Shelf

from product_recommender.answers.customer import answer_for
from product_recommender.answers.printed_answer import print_answer
from product_recommender.answers.printed_comparison import compare_models, print_comparison
from product_recommender.answers.safe_text import safe

REPORT = {
    "data": {"label": "generated data, 10 reviews"},
    "cuts": {"test": {"customers": 1238, "warm": 969, "cold": 269, "candidates": 835}},
    "seeds": [0, 1],
    "trials": [10],
    "comparisons": [
        {
            "model": model,
            "baseline": "recent_popularity",
            "metric": "ndcg@5",
            "difference": difference,
            "verdict": verdict,
        }
        for model, difference, verdict in (
            ("ncf_negative_sampling", 0.025, "better than recent_popularity"),
            ("bias", -0.0125, "no difference shown"),
        )
    ],
}
LEADERBOARD = pd.DataFrame(
    {
        "model": ["ncf_negative_sampling", "recent_popularity", "bias"],
        "ndcg@5": [0.15, 0.125, 0.1125],
        "ndcg@5 warm": [0.16, 0.12, 0.1],
        "ndcg@5 cold": [0.13, 0.13, 0.13],
        "coverage@5": [0.25, 0.1, 0.05],
        "rmse": [float("nan"), float("nan"), 1.2],
    }
)
METRICS = pd.DataFrame(
    [
        ("ncf_negative_sampling", "test", "overall", "ndcg@5", 0.13, 0.17),
        ("ncf_negative_sampling", "test", "warm", "ndcg@5", 0.5, 0.6),
        ("ncf_negative_sampling", "validation", "overall", "ndcg@5", 0.7, 0.8),
        ("bias", "test", "overall", "ndcg@5", 0.1, 0.12),
        ("bias", "test", "overall", "rmse", 1.15, 1.25),
    ],
    columns=["model", "split", "slice", "metric", "ci_low", "ci_high"],
)


def printed(
    customer: str,
    k: int = 3,
    model: str | None = None,
    terminal: bool = False,
    **changes: object,
) -> str:
    from rich.console import Console

    output = io.StringIO()
    answer = answer_for(Shelf(**changes), customer, k, model, "kedro run")
    print_answer(answer, Console(file=output, width=80, highlight=False, force_terminal=terminal))
    return output.getvalue()


def compared(width: int) -> str:
    from rich.console import Console

    output = io.StringIO()
    comparison = compare_models(LEADERBOARD, METRICS, REPORT)
    print_comparison(comparison, REPORT, Console(file=output, width=width), run="now")
    return output.getvalue()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (NASTY, "[31mRed [0m [bold]lamp[/bold] line two abc"),
        ("a\x9b31mb\x07\r\n c\ud800", "a 31mb c"),
        ("日本 – ☂", "日本 – ☂"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_texts_of_strangers_lose_what_a_terminal_obeys(given: str, shown: str) -> None:
    assert safe(given) == shown


def test_a_title_cannot_colour_or_mark_up_the_screen() -> None:
    text = printed("c1", terminal=True)
    assert "\x1b[31m" not in text  # the title's own escape sequence
    assert "[bold]lamp[/bold]" in text
    assert "\u202e" not in text


def test_an_id_cannot_either() -> None:
    text = printed("[red]\x1b[2Jx", terminal=True)
    assert "[red] [2Jx" in text
    assert "\x1b[2J" not in text
    assert "is new: the data hold no purchase of theirs" in text


def test_reasons_read_as_facts() -> None:
    text = " ".join(printed("c1").split())
    # Bought 2013-10-22; the data end on 2014-11-26.
    own = "Because you bought the A desk in October 2013:"
    assert f"Furniture. {own} 2 other customers bought both." in text
    assert f"Electronics. {own} 1 other customer bought both." in text
    assert (
        "Furniture. Popular, in a category you have bought from: 1 purchase in the last 90" in text
    )
    assert "Reasons are facts of the data, not how the model decided." in text
    assert "Chance of a purchase by category, 2014-11-27 to 2014-12-26" in text
    assert "Furniture 25.0%" in text


def test_short_and_empty_lists_are_explained() -> None:
    text = " ".join(printed("c2", k=9, model="popularity").split())
    assert "9 were asked for; 3 products on sale are all that are left for them" in text
    assert "not estimated here yet" in printed("c1", purchase_propensity=None)


def test_the_fallback_is_named() -> None:
    shelf = Shelf().load("recommendations").to_pandas().assign(is_fallback=True)
    import ibis

    text = printed("c1", recommendations=ibis.memtable(shelf))
    assert "The fallback spoke" in text
    assert "The fallback spoke" not in printed("c1")


def test_comparison_takes_the_overall_test_intervals() -> None:
    comparison = compare_models(LEADERBOARD, METRICS, REPORT)
    rows = comparison.rows.set_index("model")
    assert comparison.k == 5
    assert comparison.baseline == "recent_popularity"
    assert rows.loc["ncf_negative_sampling", ["ndcg_low", "ndcg_high"]].tolist() == [0.13, 0.17]
    assert rows.loc["bias", ["rmse_low", "rmse_high"]].tolist() == [1.15, 1.25]
    assert rows["verdict"].tolist() == ["better", "", "no difference shown"]
    assert rows["difference"].tolist()[::2] == [0.025, -0.0125]


@pytest.mark.parametrize("width", [80, 120])
def test_comparison_fits_and_hides_no_digit(width: int) -> None:
    text = compared(width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert "…" not in text
    lines = [line for line in text.splitlines() if line.startswith(("ncf_neg", "recent", "bias"))]
    assert [line.split()[0] for line in lines] == LEADERBOARD["model"].tolist()
    assert "0.1500  0.1300-0.1700  0.1600  0.1300" in lines[0]
    assert "baseline" in lines[1]
    assert ("no difference" in lines[2]) == (width == 120)
    assert ("+0.0250" in lines[0]) == (width == 120)
    assert "seed 0, 1" in " ".join(text.split())


def test_a_strange_leaderboard_is_refused() -> None:
    with pytest.raises(ValueError, match="no column ndcg@k"):
        compare_models(LEADERBOARD[["model", "rmse"]], METRICS, REPORT)
