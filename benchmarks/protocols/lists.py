"""Files of one list a line (``user item item ...``) or of one pair a line (``user item``)."""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np

from benchmarks.protocols.files import BenchmarkDataError, Codes, Lines, codes_of, shown

EXAMPLE = "a line is a user and their items, or a user and one item, separated by spaces"


def read_lists(path: Path, users: Codes, items: Codes) -> tuple[np.ndarray, np.ndarray, int]:
    """Read either kind of file; a file of both kinds at once is an error.

    A file is of lists if no user has two lines, and of pairs if no line has two items. (A file
    that is both means the same in either reading.)

    Parameters
    ----------
    path
        The file, plain or gzipped.
    users, items
        Codes given so far; new tokens get new ones.

    Returns
    -------
    users, items : numpy.ndarray
        int64 ``[n]``: raw codes, each user's items in the order of the file.
    empty : int
        Lines that name a user and no item.

    Raises
    ------
    BenchmarkDataError
        If the file is missing, empty, mixed, or no text.
    """
    lines = Lines(path)
    user_codes, item_codes = array("q"), array("q")
    line_of: dict[int, int] = {}
    first_list = first_repeat = empty = 0
    for number, line in lines:
        tokens = line.split()
        if len(tokens) == 1 and b"," in line:
            lines.fail(number, f"{shown(line)} is separated by commas; {EXAMPLE}")
        user = users[tokens[0]]
        if user in line_of:
            first_repeat = first_repeat or number
        else:
            line_of[user] = number
        if len(tokens) == 1:
            empty += 1
        elif len(tokens) > 2:
            first_list = first_list or number
        if first_list and first_repeat:
            _fail_mixed(lines, first_list, number)
        for token in tokens[1:]:
            user_codes.append(user)
            item_codes.append(items[token])
    if not user_codes:
        raise BenchmarkDataError(f"{path}: no line names an item; {EXAMPLE}")
    if empty and first_repeat:
        lines.fail(first_repeat, f"pairs, but {empty} lines name a user and no item; {EXAMPLE}")
    return codes_of(user_codes), codes_of(item_codes), empty


def _fail_mixed(lines: Lines, first_list: int, number: int) -> None:
    lines.fail(
        number,
        f"line {first_list} holds several items, so a line should be the whole list of one user; "
        "but a user has two lines. Either put all items of a user in one line, or one item in "
        "every line",
    )


def grouped_by_user(users: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same events, each user's together, otherwise in the order of the file."""
    order = np.argsort(users, kind="stable")
    return users[order], items[order]


def places(sorted_users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For events grouped by user: the place of each in its list, and the length of the list."""
    starts = np.flatnonzero(np.r_[True, sorted_users[1:] != sorted_users[:-1]])
    lengths = np.diff(np.r_[starts, len(sorted_users)])
    return (
        np.arange(len(sorted_users)) - np.repeat(starts, lengths),
        np.repeat(lengths, lengths),
    )
