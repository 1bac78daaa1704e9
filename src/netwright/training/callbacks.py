"""Callbacks: the only way to watch or steer a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass
class State:
    """What a callback sees. Setting `stop` ends the training after the step.

    Arguments:
        epochs: epochs planned.
        steps: steps planned in all.
        epoch: the epoch that is running, from 1.
        past: epochs that are counted before the first of this training.
        step: steps done.
        seconds: since the training began.
        learning_rate: of the first member.
        train_loss: mean of the epoch so far, over members.
        rows: the history's rows of the epoch that ended (`on_epoch`).
        best_epoch: of each member, so far.
        losses: sums of the epoch's losses so far, of each member; on the device. [M]
        step_losses: of each member in the step that is done, or going on; on the device. [M]
        gradient: of the step that is going on, before it is clipped (`gradient_hook`); on the device. [M, P]
        output: what the network gave in the step that is going on (`gradient_hook`), where it keeps that.
        batch: the batch of the step that is going on or done.
        rate: a callback may set it: the learning rate of all steps that follow, in the schedule's place.
        rate_factor: a callback may set it: multiplies the learning rates of all steps that follow.
        stop: set to True to end the training.
        reason: what the history is to call that end; one of `training.history.Ending`.
        verdict: a callback may set it, at the end: why the training failed, in words for the error.
        cut: why the epoch that `on_epoch` tells of ended before its last step; None when it did not.
        population: what is being trained.
        model: what the user trains, which has `population` inside.
    """

    epochs: int
    steps: int
    epoch: int = 0
    past: int = 0
    step: int = 0
    seconds: float = 0.0
    learning_rate: float = 0.0
    train_loss: float = float("nan")
    rows: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: list[int] = field(default_factory=list)
    losses: Any = None
    step_losses: Any = None
    gradient: Any = None
    output: Any = None
    batch: Any = None
    rate: float | None = None
    rate_factor: float = 1.0
    stop: bool = False
    reason: Any = "interrupted"
    verdict: str | None = None
    cut: Any = None
    population: Any = None
    model: Any = None


class Callback:
    """Override what is needed."""

    remembers: ClassVar[tuple[str, ...]] = ()
    """attributes that a checkpoint keeps, so that a resumed training goes on as if it had never stopped"""

    def on_start(self, state: State) -> None:
        """Before the first step."""

    def on_epoch_start(self, state: State) -> None:
        """Before the first step of an epoch."""

    def on_step(self, state: State) -> None:
        """After each step. Must be quick."""

    def step_hook(self) -> Callable[[State], None] | None:
        """What is to be called after each step; None for nothing. Asked once, before the first step."""
        return None if type(self).on_step is Callback.on_step else self.on_step

    def gradient_hook(self) -> Callable[[State], None] | None:
        """What is to be called in each step between the gradient and the update, with `state.gradient`; None
        for nothing. It changes nothing. Asked once, before the first step."""
        return None

    def on_epoch(self, state: State) -> None:
        """After each epoch's validation."""

    def remembered(self) -> dict[str, Any]:
        """What a checkpoint keeps: numbers, strings, tensors, and lists and dictionaries of these."""
        return {name: getattr(self, name) for name in self.remembers}

    def remember(self, values: dict[str, Any]) -> None:
        """Takes what `remembered` gave."""
        for name, value in values.items():
            setattr(self, name, value)

    def on_end(self, state: State) -> None:
        """After the best epoch's weights are back; also where the training has failed."""
