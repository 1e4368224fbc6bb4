"""What answers are made from: the catalog, seen from a room that does not know Kedro."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Catalog(Protocol):
    """Named datasets that can be looked up."""

    def load(self, name: str) -> Any:
        """The dataset of that name."""
        ...

    def exists(self, name: str) -> bool:
        """Whether it was made."""
        ...


@dataclass(frozen=True)
class HeldDatasets:
    """Datasets that a node was given, looked up like those of a catalog.

    Attributes
    ----------
    datasets
        By name.
    """

    datasets: Mapping[str, Any]

    def load(self, name: str) -> Any:
        """The dataset of that name."""
        return self.datasets[name]

    def exists(self, name: str) -> bool:
        """Whether it was given."""
        return name in self.datasets


class NotMadeYetError(RuntimeError):
    """A dataset that the answer needs was not made yet."""


def require(catalog: Catalog, names: tuple[str, ...], run: str, what: str) -> None:
    """Stop where something is missing.

    Parameters
    ----------
    catalog
        Where to look.
    names
        Datasets that are needed.
    run
        The command that makes them, for the message.
    what
        What they are needed for, for the message.

    Raises
    ------
    NotMadeYetError
        Naming what is missing and the command that makes it.
    """
    missing = [name for name in names if not catalog.exists(name)]
    if missing:
        raise NotMadeYetError(
            f"{what} needs {', '.join(missing)}, which this environment does not hold yet. "
            f"Make it first: {run}"
        )
