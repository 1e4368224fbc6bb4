"""What long steps show: nothing at first, then a bar on a terminal or lines elsewhere."""

from __future__ import annotations

import io
import logging
import time

import pytest
from rich.console import Console

from product_recommender import progress
from product_recommender.progress import Step


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal of 100 columns whose screen can be read."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    monkeypatch.setattr(progress, "_console", lambda: console)
    return screen


def wait_until_shown(step: Step) -> None:
    for _ in range(200):
        if step._task is not None:
            return
        time.sleep(0.01)
    raise AssertionError("the bar never came up")


def test_a_short_step_leaves_the_screen_empty(terminal: io.StringIO) -> None:
    with Step("reading", 3, "files") as step:
        step.advance(3)
    assert terminal.getvalue() == ""
    assert progress._display._progress is None


def test_a_long_step_shows_count_state_and_goes_away(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BEFORE_PROGRESS", 0.0)
    with Step("ease [x]", 2000, "epochs") as step:
        wait_until_shown(step)
        step.advance(1500, state="loss 0.5")
        assert progress._display._progress is not None
        progress._display._progress.refresh()
    shown = terminal.getvalue()
    assert "ease [x]" in shown  # brackets of a name are no markup
    assert "1,500/2,000 epochs" in shown
    assert "loss 0.5" in shown
    assert progress._display._progress is None


def test_steps_within_steps_share_one_display(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BEFORE_PROGRESS", 0.0)
    with Step("[1/2] train_node") as outer:
        wait_until_shown(outer)
        with Step("lstm", 4, "epochs") as inner:
            wait_until_shown(inner)
            display = progress._display._progress
            assert display is not None
            assert [task.description for task in display.tasks] == ["[1/2] train_node", "lstm"]
        assert [task.description for task in display.tasks] == ["[1/2] train_node"]
    assert progress._display._progress is None


def test_an_error_takes_the_bar_down(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BEFORE_PROGRESS", 0.0)
    with pytest.raises(RuntimeError, match="half way"), Step("reading") as step:  # noqa: PT012
        wait_until_shown(step)
        raise RuntimeError("half way")
    assert progress._display._progress is None


def test_off_a_terminal_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    monkeypatch.setattr(progress, "is_terminal", lambda: False)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with (
        caplog.at_level(logging.INFO, logger=progress.__name__),
        Step("encoding", 4000, "texts", with_speed=True) as step,
    ):
        for now in (1.0, 3.0, 5.0, 14.0):  # too early, a line, too soon after it, a line
            step.advance(1000, state=f"at {now:.0f} s")
    assert [record.getMessage() for record in caplog.records] == [
        "encoding: 2,000 of 4,000 texts  at 3 s  667 texts a second",
        "encoding: 4,000 of 4,000 texts  at 14 s  286 texts a second",
    ]


def test_a_step_that_only_draws_writes_no_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "is_terminal", lambda: False)
    monkeypatch.setattr(progress, "SECONDS_BEFORE_PROGRESS", 0.0)
    with caplog.at_level(logging.INFO), Step("node", logs=False) as step:
        step.advance(1)
    assert caplog.records == []
