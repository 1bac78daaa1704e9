"""Keras-like lines that tell how a training goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from netwright.training.callbacks import Callback, State
from netwright.training.history import logs

WIDTH = 20
SECONDS = 0.1  # between two looks of a line that changes


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
        if self.bar:
            print(f"Epoch {state.past + state.epoch}/{state.past + state.epochs}")
        else:
            print(f"Epoch {state.past + state.epoch}/{state.past + state.epochs}", end=" - ")

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
        sys.stdout.write(f"\r{self._line(done, steps, now - self.began)} - loss: {loss:.4f}\033[K")
        sys.stdout.flush()

    def on_epoch(self, state: State) -> None:
        steps = state.steps // state.epochs
        done = min(steps, state.step - (state.epoch - 1) * steps)
        found = {name: value for name, value in logs(state.rows[0]).items() if name != "learning_rate"}
        told = " - ".join(f"{name}: {figure(found[name])}" for name in sorted(found))
        start = "\r" if self.live else ""
        print(
            f"{start}{self._line(done, steps, time.monotonic() - self.began)} - {told}" + "\033[K" * self.live
        )

    def _line(self, done: int, steps: int, seconds: float) -> str:
        if not self.bar:
            return f"{done}/{steps} - {seconds:.0f}s"
        return line(done, steps, seconds)


def line(done: int, steps: int, seconds: float) -> str:
    """A bar with its steps and times.

    Example:
        >>> line(25, 25, 0.05)
        '25/25 ━━━━━━━━━━━━━━━━━━━━ 0s 2ms/step'
    """
    full = WIDTH * done // max(1, steps)
    each = seconds / max(1, done)
    pace = f"{each:.0f}s" if each >= 1 else f"{each * 1e3:.0f}ms" if each >= 1e-3 else f"{each * 1e6:.0f}us"
    bar = "━" * full + "─" * (WIDTH - full)
    return f"{done}/{steps} {bar} {seconds:.0f}s {pace}/step"


def figure(value: float | None) -> str:
    """A number with four digits after the point, or as many as it needs when it is small."""
    if value is None:
        return "-"
    return f"{value:.4f}" if abs(value) >= 1e-3 or value == 0 else f"{value:.4e}"
