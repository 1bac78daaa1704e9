"""How a run goes on, on stderr: a live bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Protocol

from netwright.cli.findings import MOST_SHOWN, headline, lines
from netwright.cli.output import width_of
from netwright.data.finding import Finding
from netwright.pipeline.watch import Watch
from netwright.training.callbacks import Callback, State

SECONDS_BETWEEN_UPDATES = 0.1
MOST_EPOCH_LINES = 10


class Display(Protocol):
    """Shows stages, a training's progress and messages."""

    def stage(self, text: str) -> None: ...
    def step(self, state: State, status: str) -> None: ...
    def epoch(self, state: State, status: str) -> None: ...
    def trained(self, text: str) -> None: ...
    def message(self, text: str, severity: str | None = None) -> None: ...
    def close(self) -> None: ...


class Screen(Watch):
    """Tells on stderr how a run goes on.

    Arguments:
        list_findings: whether what the checks found is told too.

    Example:
        >>> with Screen() as screen:  # doctest: +SKIP
        ...     train(config, watch=screen)
    """

    def __init__(self, *, list_findings: bool = True) -> None:
        self.list_findings = list_findings
        self.display = _display()
        self.callbacks = [TrainingProgress(self.display)]

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.display.close()

    def stage(self, text: str) -> None:
        self.display.stage(text)

    def cut_short(self, text: str) -> None:
        self.display.message(text, "warning")

    def findings(self, findings: list[Finding]) -> None:
        if not self.list_findings or not findings:
            return
        self.display.message(f"the checks found {headline(findings)}")
        serious = [each for each in findings if each.severity != "note"]
        for each in serious[:MOST_SHOWN]:
            self.display.message(lines(each, width_of(sys.stderr)), each.severity)
        if len(serious) > MOST_SHOWN:
            self.display.message(f"  ... and {len(serious) - MOST_SHOWN} more: netwright check tells all")

    def done(self) -> None:
        self.display.close()


class TrainingProgress(Callback):
    """Feeds a display from the training loop."""

    def __init__(self, display: Display) -> None:
        self.display = display

    def on_start(self, state: State) -> None:
        self.shown = -1.0
        self.validation: float | None = None
        self.best: float | None = None
        self.display.step(state, status(state, None, None))

    def on_step(self, state: State) -> None:
        if state.seconds - self.shown >= SECONDS_BETWEEN_UPDATES:
            self.shown = state.seconds
            self.display.step(state, status(state, self.validation, self.best))

    def on_epoch(self, state: State) -> None:
        losses = [row["validation_loss"] for row in state.rows if row.get("validation_loss") is not None]
        if losses:
            self.validation = sum(losses) / len(losses)
            self.best = self.validation if self.best is None else min(self.best, self.validation)
        self.display.epoch(state, status(state, self.validation, self.best))

    def on_end(self, state: State) -> None:
        self.display.trained(f"{state.epoch} of {state.epochs} epochs, best {best_epochs(state.best_epoch)}")


def status(state: State, validation: float | None, best: float | None) -> str:
    """One line on where a training stands; what matters least stands last, where it may be cut off."""
    parts = [f"epoch {state.epoch}/{state.epochs}"]
    if state.step:
        left = state.seconds / state.step * (state.steps - state.step)
        parts.append(
            f"{left // 60:.0f}:{left % 60:02.0f} left" if left < 3600 else f"{left / 3600:.1f} h left"
        )
    if state.train_loss == state.train_loss:  # not NaN, which it is in the first epoch
        parts.append(f"loss {state.train_loss:#.4g}")
    if validation is not None:
        parts.append(f"validation {validation:#.4g}")
        parts.append(f"best {best:#.4g} at {best_epochs(state.best_epoch)}")
    if state.learning_rate:
        parts.append(f"rate {state.learning_rate:.2g}")
    return "  ".join(parts)


def best_epochs(epochs: list[int]) -> str:
    """The members' best epochs: one number, or their range."""
    low, high = min(epochs), max(epochs)
    return str(low) if low == high else f"{low}-{high}"


class PlainDisplay:
    """A line for each stage, and at most about ten for the epochs of a training."""

    def stage(self, text: str) -> None:
        self.message(text)

    def step(self, state: State, status: str) -> None:
        pass

    def epoch(self, state: State, status: str) -> None:
        every = -(-state.epochs // MOST_EPOCH_LINES)
        if state.epoch % every == 0:
            self.message(f"  {status}")

    def trained(self, text: str) -> None:
        self.message(f"  {text}")

    def message(self, text: str, severity: str | None = None) -> None:
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        pass


def _display() -> Any:
    if not sys.stderr.isatty():
        return PlainDisplay()
    from netwright.cli.live import LiveDisplay

    return LiveDisplay()
