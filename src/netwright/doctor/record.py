"""What was seen of one member while it trained: plain numbers, from which the checks conclude."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from torch import Tensor

Numbers = np.ndarray


@dataclass
class Parameter:
    """One parameter tensor, at the steps that were sampled.

    Arguments:
        name: as `network.layout` has it, such as "layers.0.kernel" or "0.weight".
        size: numbers in it.
        matrix: whether it has inputs and outputs (kernels), where it is else a vector (biases, scales).
        gradient: mean absolute gradient. [Q]
        zeros: share of gradients that are exactly 0. [Q]
        weight: root mean square of the values. [Q]
        update: length of the step's change over the length of the values. [Q]
        moved: the greatest change of any value between start and end.
    """

    name: str
    size: int
    matrix: bool
    gradient: Numbers
    zeros: Numbers
    weight: Numbers
    update: Numbers
    moved: float


@dataclass
class Units:
    """One activation on the probe rows, at the epochs that were looked at.

    Arguments:
        layer: where it is, in words a user knows: the module's or layer's name.
        kind: relu, sigmoid, tanh, gelu, ...
        units: how many.
        dead: share of units active (above 0) on less than 1 % of the rows; 0 for kinds that cannot die. [E']
        saturated: share of values whose pre-activation is beyond 5 in absolute value; 0 for kinds that do
            not saturate. [E']
        inactive: share of zeros after a ReLU. [E']
    """

    layer: str
    kind: str
    units: int
    dead: Numbers
    saturated: Numbers
    inactive: Numbers


class FirstBad(NamedTuple):
    """The first number that was not finite.

    Arguments:
        step: the member's own, from 0.
        where: in words, such as "exp in layers.2"; None where it was seen too late to tell.
        cause: the kind of place: "inputs", "targets", "weights" (they were not finite before the step any
            more), "forward", "loss" or "gradient"; None where it was seen too late to tell.
    """

    step: int
    where: str | None
    cause: str | None


@dataclass
class Record:
    """One member's training.

    Arguments:
        member: its number.
        epochs: planned.
        steps_per_epoch: as planned.
        looked: numbers of the steps whose gradient norm was taken, from 0. [S]
        norm: gradient norms before any clipping; may be NaN or infinite. [S]
        step_loss: training losses of these steps. [S]
        clip: the norm that gradients are clipped to; infinite when they are not, NaN when they are clipped in
            other ways, such as value by value.
        sampled: numbers of the steps that the parameters were looked at. [Q]
        parameters: see `Parameter`.
        probed: epochs after which the units were looked at; 0 is before the first step. [E']
        units: see `Units`.
        train_loss: mean training loss of each epoch, with dropout and all. [E]
        validation_loss: of each epoch; empty without validation rows. [E]
        metrics: of the validation rows by name. Each [E]
        learning_rate: at the end of each epoch. [E]
        probe_loss: loss on the probe rows (training rows) in evaluation mode, at `probed`. [E']
        best_epoch: whose weights were kept; 0 when there is none.
        keeps_best: whether the best epoch's weights were put back at the end.
        stopped: why the training ended; one of `training.history.Ending`.
        first_bad: the first step seen whose loss or gradient was not finite; None when there is none.
        first_bad_at: where in the forward pass the first such number came up, in words; None if unknown.
        first_bad_cause: see `FirstBad`.
        seconds_waiting: share of the time that the loop waited for batches; None when it was not measured.
        start: the parameters before the first step. [P]
    """

    member: int
    epochs: int
    steps_per_epoch: int
    looked: Numbers
    norm: Numbers
    step_loss: Numbers
    clip: float
    sampled: Numbers
    parameters: list[Parameter]
    probed: Numbers
    units: list[Units]
    train_loss: Numbers
    validation_loss: Numbers
    metrics: dict[str, Numbers]
    learning_rate: Numbers
    probe_loss: Numbers
    best_epoch: int
    keeps_best: bool
    stopped: str
    first_bad: int | None = None
    first_bad_at: str | None = None
    first_bad_cause: str | None = None
    seconds_waiting: float | None = None
    start: Tensor | None = None
    extra: dict[str, float] = field(default_factory=dict)
