"""The command line: Kedro's own commands, with errors a person can act on.

``kedro run`` is Kedro's. Only what happens when it fails is different: an error that names a file,
a key or a pipeline is printed as it is, without a page of traceback in front of it.

``kedro recommend`` and ``kedro compare`` read what a run has made and print it for a person.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import click
from kedro.framework.cli.project import PARAMS_ARG_HELP
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS, _split_params, env_option

if TYPE_CHECKING:
    from rich.console import Console

    from product_recommender.answers.customer import CustomerAnswer
    from product_recommender.answers.product import ProductAnswer

SHOW_TRACEBACK = "PRODUCT_RECOMMENDER_TRACEBACK"


def explained(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn expected errors into one message and exit code 1.

    Expected are errors of data, configuration and parameters: Kedro's own exceptions,
    ``ValueError``, ``RuntimeError``, ``OSError`` and their kin. A programming error keeps its
    traceback; so does everything when the environment variable
    ``PRODUCT_RECOMMENDER_TRACEBACK`` is set.

    Parameters
    ----------
    command
        The callback of a click command.
    """

    @functools.wraps(command)
    def call(*arguments: Any, **options: Any) -> Any:
        if os.environ.get(SHOW_TRACEBACK):
            return command(*arguments, **options)
        try:
            return command(*arguments, **options)
        except click.exceptions.ClickException:
            raise
        except Exception as error:
            if not is_expected(error):
                raise
            raise click.ClickException(message_of(error)) from None

    return call


def is_expected(error: BaseException) -> bool:
    """Whether an error speaks of data, configuration or parameters rather than of a bug.

    Parameters
    ----------
    error
        The error as it reached the command line.
    """
    return type(error).__module__.startswith("kedro.") or isinstance(
        error, ValueError | RuntimeError | OSError
    )


def message_of(error: BaseException) -> str:
    """What to tell the person: the innermost explanation, which is the one that names the cause.

    Kedro wraps an error of a dataset into "Failed while loading data from dataset X(...)" with the
    whole description of the dataset; the error it wraps is the one to read.

    Parameters
    ----------
    error
        The error as it reached the command line.
    """
    innermost = error
    while innermost.__cause__ is not None and str(innermost.__cause__):
        if isinstance(
            innermost.__cause__, LookupError
        ):  # says only the key; the outer one says all
            break
        innermost = innermost.__cause__
    # pydantic's pointers to its own documentation say nothing about this project.
    text = re.sub(r"\n\s*For further information visit \S+", "", str(innermost))
    return text.strip() or repr(error)


@click.group(context_settings=CONTEXT_SETTINGS, name="product_recommender")
def cli() -> None:
    """Commands of Product Recommender; the others are Kedro's."""


_run_callback = kedro_run.callback
assert _run_callback is not None  # click types it as optional
cli.add_command(
    click.Command(
        "run",
        callback=explained(_run_callback),
        params=kedro_run.params,
        help=kedro_run.help,
        context_settings=CONTEXT_SETTINGS,
    )
)

params_option = click.option(
    "--params", type=click.UNPROCESSED, default="", help=PARAMS_ARG_HELP, callback=_split_params
)


@cli.command(context_settings=CONTEXT_SETTINGS)
@click.argument("customer_id", required=False)
@click.option("--product", help="Show what stands beside this product instead.")
@click.option("--k", type=click.IntRange(min=1), default=10, help="How many products.")
@click.option("--model", help="Which model answers; by default the one that is served.")
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
@env_option
@params_option
@explained
def recommend(
    customer_id: str | None,
    product: str | None,
    k: int,
    model: str | None,
    wants_json: bool,
    env: str | None,
    params: dict[str, Any],
) -> None:
    """Recommend products to CUSTOMER_ID from what the last run has learnt.

    Prints products with scores and a sentence for each that says why, what the customer has bought,
    whether the fallback spoke, and the chance of a purchase in each category. Somebody who is not
    in the data gets the answer for new customers.

    With --product PRODUCT_ID instead: products that are similar, that go with it, and a step up
    from it, with the evidence.
    """
    if (customer_id is None) == (product is None):
        raise click.UsageError("Give either a CUSTOMER_ID or --product PRODUCT_ID.")
    if product is not None and model is not None:
        raise click.UsageError(
            "--model is for customers; what stands beside a product is no model's answer."
        )
    run = _run_command(env, params)
    with _catalog(env, params) as catalog:
        if product is not None:
            _show_product(catalog, product, k, wants_json, run)
        else:
            _show_customer(catalog, str(customer_id), k, model, wants_json, run)


def _show_customer(
    catalog: Any, customer_id: str, k: int, model: str | None, wants_json: bool, run: str
) -> None:
    from product_recommender.answers.customer import answer_for

    answer = answer_for(catalog, customer_id, k, model, run)
    if wants_json:
        _print_json(answer)
        return
    from product_recommender.answers.printed_answer import print_answer

    print_answer(answer, _console())


def _show_product(catalog: Any, product_id: str, k: int, wants_json: bool, run: str) -> None:
    from product_recommender.answers.product import answer_for_product

    answer = answer_for_product(catalog, product_id, k, run)
    if wants_json:
        _print_json(answer)
        return
    from product_recommender.answers.printed_product import print_product

    print_product(answer, _console())


def _print_json(answer: CustomerAnswer | ProductAnswer) -> None:
    from product_recommender.answers.as_json import as_json

    click.echo(as_json(answer))


@cli.command(context_settings=CONTEXT_SETTINGS)
@env_option
@params_option
@explained
def compare(env: str | None, params: dict[str, Any]) -> None:
    """Print the leaderboard of the last run, with intervals and verdicts."""
    from product_recommender.answers.catalog import require
    from product_recommender.answers.printed_comparison import compare_models, print_comparison

    names = ("leaderboard", "metrics", "evaluation_report")
    with _catalog(env, params) as catalog:
        require(catalog, names, _run_command(env, params), "The comparison")
        leaderboard, metrics, report = (catalog.load(name) for name in names)
        versions = {name: str(catalog.get(name).resolve_load_version()) for name in names}
    comparison = compare_models(leaderboard, metrics, report)
    run, remarks = versions["leaderboard"], _remarks_on_versions(versions)
    print_comparison(comparison, report, _console(), run, remarks)


@contextmanager
def _catalog(env: str | None, params: dict[str, Any]) -> Iterator[Any]:
    """The catalog of an environment; nothing is run, and Kedro's log keeps quiet."""
    import logging

    from kedro.framework.session import KedroSession

    from product_recommender.hooks import refuse_unknown_parameters

    refuse_unknown_parameters(params)
    with KedroSession.create(env=env, runtime_params=params) as session:
        catalog = cast("KedroSession", session).load_context().catalog
        # What is asked for is the answer; that a table was loaded is not news here.
        logging.disable(logging.INFO)
        try:
            yield catalog
        finally:
            logging.disable(logging.NOTSET)


def _remarks_on_versions(versions: dict[str, str]) -> list[str]:
    """A run that broke off may have left newer files beside older ones."""
    if len(set(versions.values())) == 1:
        return []
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return [
        f"These tables are of different runs ({listed}): make them again with "
        "kedro run --pipelines=evaluation."
    ]


def _run_command(env: str | None, params: dict[str, Any]) -> str:
    """The command that runs this environment, for messages."""
    given = ",".join(f"{key}={value}" for key, value in params.items() if _is_plain(value))
    return "kedro run" + (f" --env={env}" if env else "") + (f" --params={given}" if given else "")


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)
