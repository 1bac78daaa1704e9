"""Keras-like lines that tell how a training goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from netwright.errors import InputError
from netwright.training.callbacks import Callback, State
from netwright.training.history import logs

WIDTH = 20
SECONDS = 0.1  # between two looks of a line that changes


def lines(verbose: Any) -> list[Lines]:
    """What tells how it goes on: nothing for 0, a bar for 1 and "auto", plain lines for 2."""
    if verbose not in (0, 1, 2, "auto"):
        raise InputError(f"verbose is {verbose!r}", hint="give 0 for silence, 1 for a bar, 2 for plain lines")
    return [] if verbose == 0 else [Lines(1 if verbose == "auto" else int(verbose))]


class Lines(Callback):
    """A bar that grows on a terminal, and a line for each epoch.

    Arguments:
        verbose: 1 for a bar, 2 for a line for each epoch.
    """

    def __init__(self, verbose: int = 1) -> None:
        self.bar = verbose == 1
        self.live = self.bar and sys.stdout.isatty()
        self.began = self.shown = 0.0

    def on_epoch_start(self, state: State) -> None:
        self.began = self.shown = time.monotonic()
        print(f"Epoch {state.past + state.epoch}/{state.past + state.epochs}")

    def step_hook(self) -> Callable[[State], None] | None:
        return self.on_step if self.live else None

    def on_step(self, state: State) -> None:
        now = time.monotonic()
        if now - self.shown < SECONDS:
            return
        self.shown = now
        steps = state.steps // state.epochs
        done = state.step - (state.epoch - 1) * steps
        loss = float(state.losses[0]) / done
        show(f"\r{line(done, steps, now - self.began)} - loss: {loss:.4f}\033[K", end="")

    def on_epoch(self, state: State) -> None:
        steps = state.steps // state.epochs
        done = min(steps, state.step - (state.epoch - 1) * steps)
        found = {name: value for name, value in logs(state.rows[0]).items() if name != "learning_rate"}
        self.tell(done, time.monotonic() - self.began, found, steps)

    def tell(self, done: int, seconds: float, found: dict[str, float], steps: int | None = None) -> None:
        """The line at the end of so many steps, with what was found."""
        told = " - ".join(f"{name}: {figure(found[name])}" for name in sorted(found))
        front = line(done, steps or done, seconds, bar=self.bar)
        show(f"\r{front} - {told}\033[K" if self.live else f"{front} - {told}")


def show(text: str, end: str = "\n") -> None:
    """Prints, with plain characters where the output has no others."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = text.replace("━", "=").replace("─", ".")
    print(text, end=end, flush=True)


def line(done: int, steps: int, seconds: float, *, bar: bool = True) -> str:
    """Steps and times, with a bar between them.

    Example:
        >>> line(25, 25, 0.05)
        '25/25 ━━━━━━━━━━━━━━━━━━━━ 0s 2ms/step'
    """
    full = WIDTH * done // max(1, steps)
    each = seconds / max(1, done)
    pace = f"{each:.0f}s" if each >= 1 else f"{each * 1e3:.0f}ms" if each >= 1e-3 else f"{each * 1e6:.0f}us"
    drawn = "━" * full + "─" * (WIDTH - full)
    if bar:
        return f"{done}/{steps} {drawn} {seconds:.0f}s {pace}/step"
    return f"{done}/{steps} - {seconds:.0f}s - {pace}/step"


def figure(value: float | None) -> str:
    """A number with four digits after the point, or as many as it needs when it is small."""
    if value is None:
        return "-"
    return f"{value:.4f}" if abs(value) >= 1e-3 or value == 0 else f"{value:.4e}"
