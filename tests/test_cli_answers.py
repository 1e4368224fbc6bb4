"""``kedro recommend`` and ``kedro compare`` on the tiny world, as a person types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[1]


def kedro(*arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kedro", *arguments, "--env=test", f"--params=data_root={root}"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.fixture(scope="module")
def root(tiny_run: Any) -> Path:
    return Path(str(tiny_run.get("reviews")._filepath)).parents[1]


def test_a_served_customer_is_answered_without_torch(tiny_run: Any, root: Path) -> None:
    served = tiny_run.load("recommendations").to_pandas()
    customer = served["customer_id"].iloc[0]
    products = tiny_run.load("products").to_pandas().set_index("product_id")["product_title"]
    best = products[served[served["customer_id"] == customer].sort_values("rank")["product_id"]]
    code = f"""
import sys
from kedro.framework.cli.cli import main
sys.argv = ["kedro", "recommend", {customer!r}, "--env=test", "--params=data_root={root}"]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print("HEAVY:", [name for name in ("torch", "sklearn", "plotly") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "HEAVY: []" in done.stdout
    text = " ".join(done.stdout.split())
    places = [text.find(" ".join(title.split())[:20]) for title in best]
    assert min(places) >= 0
    assert f"Customer {customer}" in text


def test_a_stranger_and_a_named_model(root: Path) -> None:
    done = kedro("recommend", "nobody", "--model=ncf_random", "--k=2", root=root)
    assert done.returncode == 0, done.stderr
    assert "nobody is new" in done.stdout
    assert "by ncf_random" in done.stdout
    assert "The fallback spoke" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("recommend", "x", "--k=0"), "0 is not in the range x>=1"),
        (("recommend", "x", "--model=nope"), "There is no model named 'nope'"),
    ],
)
def test_errors_are_one_line(arguments: tuple[str, ...], words: str, root: Path) -> None:
    done = kedro(*arguments, root=root)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_before_any_run_the_way_out_is_named(tmp_path: Path) -> None:
    for command in (("compare",), ("recommend", "x")):
        done = kedro(*command, root=tmp_path)
        assert done.returncode == 1
        assert f"kedro run --env=test --params=data_root={tmp_path}" in done.stderr
        assert len(done.stderr.strip().splitlines()) <= 2


def test_compare_prints_every_model_of_the_leaderboard(tiny_run: Any, root: Path) -> None:
    done = kedro("compare", root=root)
    assert done.returncode == 0, done.stderr
    board = tiny_run.load("leaderboard")
    lines = done.stdout.splitlines()
    for model, ndcg in zip(board["model"], board["ndcg@10"], strict=True):
        line = next(line for line in lines if line.split()[:1] == [model])
        assert ndcg != ndcg or f"{ndcg:.4f}" in line


def test_a_product_is_shown_with_what_stands_beside_it(tiny_run: Any, root: Path) -> None:
    beside = tiny_run.load("similar_products").to_pandas()
    product = beside["product_id"].iloc[0]
    titles = tiny_run.load("products").to_pandas().set_index("product_id")["product_title"]
    done = kedro("recommend", f"--product={product}", "--k=2", root=root)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    for other in beside.loc[beside["product_id"] == product, "related_product_id"].head(2):
        assert " ".join(titles[other].split())[:15] in text
    assert "Goes with it" in text
    assert "A step up" in text


def test_json_is_one_object(tiny_run: Any, root: Path) -> None:
    customer = tiny_run.load("recommendations").to_pandas()["customer_id"].iloc[0]
    done = kedro("recommend", customer, "--k=2", "--json", root=root)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["customer_id"] == customer
    assert all(suggestion["sentence"].endswith(".") for suggestion in answer["suggestions"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("recommend", "--product=nope"), "There is no product 'nope'."),
        (("recommend",), "Give either a CUSTOMER_ID or --product PRODUCT_ID."),
        (("recommend", "x", "--product=y"), "Give either a CUSTOMER_ID or --product PRODUCT_ID."),
        (("recommend", "--product=y", "--model=ease"), "--model is for customers"),
    ],
)
def test_mistaken_questions_are_told_in_one_line(
    arguments: tuple[str, ...], words: str, root: Path
) -> None:
    done = kedro(*arguments, root=root)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr
