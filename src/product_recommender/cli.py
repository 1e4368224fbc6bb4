"""The command line: Kedro's own commands, with errors a person can act on.

``kedro run`` is Kedro's. Only what happens when it fails is different: an error that names a file,
a key or a pipeline is printed as it is, without a page of traceback in front of it.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS

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
