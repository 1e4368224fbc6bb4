"""What a long step shows while it runs: a bar on a terminal, a log line now and then elsewhere.

Nothing is shown in the first ``SECONDS_BEFORE_PROGRESS``, so short steps stay silent. All bars of a
run stand in one display: a terminal can hold only one that is alive.
"""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

logger = logging.getLogger(__name__)

SECONDS_BEFORE_PROGRESS = 2.0
SECONDS_BETWEEN_LOG_LINES = 10.0


class Step:
    """Progress of one step, as a context manager.

    Parameters
    ----------
    what
        Names the step, for example a model or a file.
    total
        How many units there are; None where nobody knows: the bar then only shows that the step is
        alive.
    unit
        What is counted, in the plural: ``texts``, ``epochs``. Empty shows no count.
    with_speed
        Whether to show units per second.
    logs
        False: nothing but a bar, and no lines off a terminal.

    Examples
    --------
    >>> with Step("encoding", total=2, unit="texts") as step:
    ...     step.advance(2)
    """

    def __init__(
        self,
        what: str,
        total: int | None = None,
        unit: str = "",
        with_speed: bool = False,
        logs: bool = True,
    ) -> None:
        self.what, self.total, self.unit = what, total, unit
        self.done = 0
        self._with_speed, self._logs = with_speed, logs
        self._state = ""
        self._timer: threading.Timer | None = None
        self._task: TaskID | None = None
        self._lock = threading.Lock()
        self._ended = False

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        self._next_line = self._started + SECONDS_BEFORE_PROGRESS
        self._on_terminal = is_terminal()
        if self._on_terminal:
            # By a timer, so that a step that never reports shows that it is alive.
            self._timer = threading.Timer(SECONDS_BEFORE_PROGRESS, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def advance(self, amount: int = 1, state: str = "") -> None:
        """Count ``amount`` more units as done.

        Parameters
        ----------
        amount
            Units.
        state
            A few words to stand beside the bar, for example the loss.
        """
        self.done += amount
        self._state = state
        if self._on_terminal:
            with self._lock:
                if self._task is not None:
                    _display.update(self._task, self.done, self._words())
        elif self._logs and (now := time.monotonic()) >= self._next_line:
            of_all = f" of {self.total:,}" if self.total is not None else ""
            count = f"{self.done:,}{of_all} {self.unit}".rstrip()
            logger.info("%s", "  ".join(filter(None, (f"{self.what}: {count}", self._words()))))
            self._next_line = now + SECONDS_BETWEEN_LOG_LINES

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._started

    def _words(self) -> str:
        speed = ""
        if self._with_speed and self.done and self.seconds > 0:
            speed = f"{self.done / self.seconds:,.0f} {self.unit} a second"
        return "  ".join(filter(None, (self._state, speed)))

    def _show(self) -> None:
        with self._lock:
            if not self._ended:
                self._task = _display.add(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._task is not None:
                _display.remove(self._task)
                self._task = None


def is_terminal() -> bool:
    """Whether bars can be drawn where messages go."""
    return _console().is_terminal


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True)


class _Display:
    """The one live display of a process; it is on the screen while it holds a task."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._lock = threading.RLock()

    def add(self, step: Step) -> TaskID:
        with self._lock:
            if self._progress is None:
                self._progress = _new_progress()
                self._progress.start()
            fields: dict[str, Any] = {"unit": step.unit, "state": ""}
            task = self._progress.add_task(
                step.what, total=step.total, completed=step.done, **fields
            )
            # It has been running unseen until now.
            self._progress.tasks[-1].start_time = self._progress.get_time() - step.seconds
            return task

    def update(self, task: TaskID, done: int, state: str) -> None:
        with self._lock:
            if self._progress is not None:
                self._progress.update(task, completed=done, state=state)

    def remove(self, task: TaskID) -> None:
        with self._lock:
            if self._progress is None:
                return
            self._progress.remove_task(task)
            if not self._progress.tasks:
                self._progress.stop()
                self._progress = None


def _new_progress() -> Progress:
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TimeElapsedColumn
    from rich.text import Text

    class What(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(task.description)

    class Count(ProgressColumn):
        def render(self, task: Task) -> Text:
            unit = task.fields["unit"]
            if not unit:
                return Text("")
            of_all = f"/{task.total:,.0f}" if task.total is not None else ""
            return Text(f"{task.completed:,.0f}{of_all} {unit}", style="progress.download")

    class State(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(task.fields["state"])

    columns = (What(), BarColumn(bar_width=30), Count(), TimeElapsedColumn(), State())
    return Progress(*columns, console=_console(), transient=True)


_display = _Display()
