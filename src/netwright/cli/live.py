"""A live line on a terminal: what is being done, and how far a training is."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, Task, TextColumn
from rich.text import Text

from netwright.training.callbacks import State

STYLES = {"error": "bold red", "warning": "yellow"}
WIDTH_OF_STATUS = 78
BESIDES = len("x training  ") + 1  # characters beside bar and status
BAR = (10, 30)  # narrowest and widest, in characters


class TrainingBar(BarColumn):
    """A bar where it is known how much there is to do, nothing elsewhere."""

    def render(self, task: Task) -> RenderableType:  # type: ignore[override]
        return super().render(task) if task.total else ""


class LiveLine(Progress):
    """The live line, and what stands above it while it lives."""

    over: RenderableType | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        if self.over is not None:
            yield self.over
        yield from super().get_renderables()


class LiveDisplay:
    """One line that changes, above it what is done. Rich leaves colours out where NO_COLOR is set.

    Arguments:
        console: where to write; stderr unless given.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        width = max(BAR[0], min(BAR[1], self.console.width - WIDTH_OF_STATUS - BESIDES))
        self.room = max(0, self.console.width - width - BESIDES)
        self.progress = LiveLine(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TrainingBar(bar_width=width),
            TextColumn("{task.fields[status]}", markup=False, style="dim"),
            console=self.console,
            refresh_per_second=5,  # a thread of its own: more would slow the training
            transient=True,
        )
        self.task = self.progress.add_task("", total=None, status="")
        self.current, self.result, self.began = "", "", 0.0

    def stage(self, text: str) -> None:
        self._finish()
        self.current, self.began = text, time.monotonic()
        self.progress.reset(self.task, total=None, description=text, status="")
        self.progress.start()

    def step(self, state: State, status: str) -> None:
        self.progress.update(self.task, completed=state.step, total=state.steps, status=status[: self.room])

    def epoch(self, state: State, status: str) -> None:
        self.step(state, status)

    def trained(self, text: str) -> None:
        self.result = text

    def above(self, shown: RenderableType | None) -> None:
        """Shows something above the live line, such as a table, until the stage is over."""
        self.progress.over = shown
        self.progress.refresh()

    def message(self, text: str, severity: str | None = None) -> None:
        line = Text(text)
        if severity:
            line.highlight_words([severity], STYLES.get(severity, ""))
        self.console.print(line, soft_wrap=True)

    def close(self) -> None:
        self._finish()
        self.progress.stop()

    def _finish(self) -> None:
        """Leaves the stage that is over above the live line, with its seconds."""
        if self.current:
            seconds = f"{time.monotonic() - self.began:.1f} s"
            self.message(f"{self.current:<24} {seconds:>8}  {self.result}".rstrip())
            self.progress.over = None
        self.current, self.result = "", ""
