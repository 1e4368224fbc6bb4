"""What can go wrong with a download, each said in one line for the person at the terminal."""

from __future__ import annotations

WITHOUT_IT = "(generated data needs no download: kedro run --pipeline=synthetic_data)"


class IngestionError(RuntimeError):
    """The download cannot go on; the message is one line with the way out."""


class TransferBrokenError(IngestionError):
    """A transfer stopped or arrived damaged; asking again may help.

    Attributes
    ----------
    what
        The message without the advice for the person who meets it in the end.
    """

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(f"{what} {advice}".strip())
        self.what = what


def one_line(text: object, limit: int = 240) -> str:
    """Join the lines of a message and shorten it.

    Parameters
    ----------
    text
        Anything with a string form.
    limit
        Characters kept at most.
    """
    joined = " ".join(str(text).split())
    return joined if len(joined) <= limit else joined[: limit - 3] + "..."
