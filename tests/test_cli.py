"""What a person sees when something is wrong."""

from __future__ import annotations

import re

import click
import pytest
from kedro.io import DatasetError

from product_recommender.cli import SHOW_TRACEBACK, explained, message_of


def failing(error: BaseException, cause: BaseException | None = None) -> None:
    def command() -> None:
        raise error from cause

    explained(command)()


def test_expected_errors_become_one_message() -> None:
    for error in (DatasetError("no file x.tsv"), ValueError("seed must be >= 0"), OSError("full")):
        with pytest.raises(click.ClickException) as caught:
            failing(error)
        assert caught.value.format_message() == str(error)
        assert caught.value.__cause__ is None


def test_the_cause_is_what_a_person_reads() -> None:
    cause = DatasetError("reviews.parquet does not exist.")
    wrapped = DatasetError("Failed while loading data from dataset AtomicDataset(...).")
    with pytest.raises(click.ClickException) as caught:
        failing(wrapped, cause)
    assert caught.value.format_message() == "reviews.parquet does not exist."
    assert message_of(wrapped) == "reviews.parquet does not exist."


def test_bugs_keep_their_traceback() -> None:
    with pytest.raises(KeyError):
        failing(KeyError("bug"))


def test_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHOW_TRACEBACK, "1")
    with pytest.raises(ValueError, match="seed"):
        failing(ValueError("seed must be >= 0"))


def test_results_pass_through() -> None:
    assert explained(lambda value: value + 1)(2) == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"review_path": "/x"}, "review_path; did you mean reviews_path?"),
        ({"modeling": {"models": {"biass": {}}}}, "modeling.models.biass; did you mean"),
        ({"modelling": {"settings": {"trials": 3}}}, "modelling; did you mean modeling?"),
        ({"nosuchkey": 3}, "nothing reads nosuchkey"),
    ],
)
def test_parameters_that_nothing_reads_are_refused(given: dict, words: str) -> None:
    from product_recommender.hooks import refuse_unknown_parameters

    with pytest.raises(ValueError, match=re.escape(words)):
        refuse_unknown_parameters(given)


def test_known_parameters_pass() -> None:
    from product_recommender.hooks import refuse_unknown_parameters

    given = {"seed": 1, "modeling": {"models": {"bias": {"user_regularisation": 1.0}}}}
    refuse_unknown_parameters(given)
