"""What the units do: activations on the same training rows, before the first step and after some epochs.

Which epochs these are depends on nothing but the sizes: the last one, and of 1, 2, 4, 8, ... those that cost
less than a hundredth of the steps.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from netwright.doctor.aside import (
    array,
    first_rows,
    is_fused,
    of_member,
    raw_of,
    row_count,
    traces,
    undisturbed,
)
from netwright.doctor.trace import ACTIVATIONS, RELUS, SAME, SIGMOIDS, Call, Trace
from netwright.nn.foreign import ForeignNetwork, Outputs
from netwright.training.callbacks import State
from netwright.training.feed import Batch, ResidentFeed, take
from netwright.training.population import Population

PROBE_ROWS = 127  # a prime number, so that the axis of rows is known by its length
BEYOND = 5.0  # absolute pre-activations that saturate
COST = 8  # steps that take as long as a probe, more or less: 5 to 7 measured
SHARE = 0.01  # of all steps, that probes between the first and the last one may take

Shares = list[float]
"""of units that are dead, of values that are saturated, of values that are inactive"""


class Seen(NamedTuple):
    """An activation at one probe, of one member."""

    layer: str
    kind: str
    units: int
    shares: Shares


class Probe(NamedTuple):
    """The members that were there after an epoch, their losses on the probe rows, and their activations."""

    epoch: int
    numbers: list[int]
    losses: np.ndarray  # [M]
    units: list[list[Seen]]  # of each member


class Probes:
    """Sends some fixed rows of each member through the network, in evaluation mode.

    Arguments:
        population: what trains.

    Attributes:
        found: a `Probe` for each time.
    """

    def __init__(self, population: Population) -> None:
        self.population = population
        self.found: list[Probe] = []
        self.axes: list[int | None] | None = None  # of the units of each activation

    def begin(self, state: State) -> None:
        """Before the first step."""
        self.rows = self._rows_of(self.population)
        self.look(state.epoch - 1)

    def take_rows(self, state: State) -> None:
        """Takes the rows of the step that is going on, where there are none yet: they come from a loader."""
        if self.rows is None:
            self.rows = first_rows(state.batch, _prime(min(PROBE_ROWS, row_count(state.batch))))
            self.look(state.epoch - 1)

    def is_due(self, epoch: int, last: int) -> bool:
        """After the last epoch, and after 1, 2, 4, 8, ...: as many of the latest as the steps pay for."""
        between = int(SHARE * last * max(1, self.population.feed.passes) / COST)
        return epoch == last or (epoch & (epoch - 1) == 0 and epoch << min(30, max(1, between)) >= last)

    def finish(self) -> None:
        """Looks once more where training has ended before its last epoch: at the weights that are kept."""
        population, history = self.population, self.population.history
        everyone = len(population.numbers) == population.network.members
        if history.stopped not in ("all epochs", "diverged") and everyone:
            self.look(history.epochs)

    @torch.no_grad()
    def look(self, epoch: int) -> None:
        """Sends the rows through the network as it is after an epoch."""
        population = self.population
        network = population.network
        batch = self.rows
        if batch is not None and len(next(iter(batch.raw.values()))) != len(population.numbers):
            batch = self.rows = self._rows_of(population)  # members have left
        if batch is None or (self.found and self.found[-1].epoch == epoch):
            return
        fused = is_fused(network)
        with undisturbed(network):
            if self.axes is None:
                own = traces(network, first_rows(batch, 2))[0]
                self.axes = [_units_axis(own, call, fused) for call in own.of(ACTIVATIONS)]
                self.layers = [call.layer for call in own.of(ACTIVATIONS)]
            watched = [_Activations() for _ in range(1 if fused else network.members)]
            if isinstance(network, ForeignNetwork):
                outputs: Any = Outputs()
                for member, seen in enumerate(watched):
                    with seen:
                        outputs.append(network.call(member, raw_of(batch, member), training=False))
            else:
                with watched[0]:
                    outputs = network.forward(batch.raw)
            losses = network.losses(outputs, batch.target)
        units = [self._units(watched[0 if fused else m], m, batch, fused) for m in range(len(losses))]
        self.found.append(Probe(epoch, list(population.numbers), array(losses), units))

    def _units(self, watched: _Activations, place: int, batch: Batch, fused: bool) -> list[Seen]:
        """The activations of one member."""
        found, rows = [], row_count(batch)
        assert self.axes is not None
        for n, (kind, given, output) in enumerate(watched.calls[: len(self.axes)]):
            mine = of_member(output, place, fused)
            if rows in mine.shape:
                before = None if given is None else of_member(given, place, fused)
                count, shares = _shares(kind, before, mine, rows, self.axes[n])
                found.append(Seen(self.layers[n], kind, count, shares))
        return found

    def _rows_of(self, population: Population) -> Batch | None:
        """Some fixed rows of each member."""
        feed = population.feed
        if not isinstance(feed, ResidentFeed) or not feed.rows:
            return None
        rows = feed.batches.member_rows
        if feed.weight is not None:  # rows that count for nothing may hold anything
            weight = feed.weight.cpu()
            rows = [each[weight[each.cpu()] > 0] for each in rows]
        if not all(len(each) for each in rows):
            return None
        # As many whatever the others have; of fewer rows some come twice.
        spread = [torch.linspace(0, len(each) - 1, PROBE_ROWS).round().long() for each in rows]
        index = torch.stack([own[at] for own, at in zip(rows, spread, strict=True)]).to(feed.batches.device)
        raw = {name: take(tensor, index) for name, tensor in feed.data.raw.items()}
        return Batch(raw, take(feed.data.target, index))


class _Activations(TorchFunctionMode):
    """Writes down the activations of a forward pass: name, input and output."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Tensor | None, Tensor]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        name = name if name.endswith("__") else name.removesuffix("_")
        if name not in ACTIVATIONS:
            return func(*args, **(kwargs or {}))
        given = next((each for each in args if isinstance(each, Tensor)), None)
        if name in SIGMOIDS and getattr(func, "__name__", "").endswith("_") and given is not None:
            given = given.clone()  # it works in place
        output = func(*args, **(kwargs or {}))
        if isinstance(output, Tensor) and output.is_floating_point():
            self.calls.append((name, given, output))
        return output


def _units_axis(found: Trace, call: Call, fused: bool) -> int:
    """The axis of the units in one member's output of an activation; -1 for the last one."""
    return 1 if not fused and call.output.dim() > 2 and _is_from_convolution(found, call) else -1


def _is_from_convolution(found: Trace, call: Call) -> bool:
    source = found.source(call)
    while source is not None and (source.name.endswith("_norm") or source.name in SAME):
        source = found.source(source)
    return source is not None and source.name.startswith("conv")


def _shares(
    kind: str, before: Tensor | None, output: Tensor, rows: int, axis: int | None
) -> tuple[int, Shares]:
    """Units of an activation [.., n, .., units, ..], and the shares that are dead, saturated and inactive."""
    batch = list(output.shape).index(rows)
    axis = output.dim() - 1 if axis in (None, -1) else axis
    if axis == batch:
        return 1, [0.0, 0.0, 0.0]
    dead = saturated = inactive = 0.0
    if kind in RELUS:
        values = array(output)
        values = np.moveaxis(values, (batch, axis), (0, 1))  # [n, units, ...]
        active = values > 0
        inactive = 1.0 - float(active.mean())
        seen = active.any(axis=tuple(range(2, active.ndim))) if active.ndim > 2 else active
        dead = float((seen.mean(0) < 0.01).mean())
    elif kind in SIGMOIDS and before is not None:
        saturated = float((np.abs(array(before)) > BEYOND).mean())
    return output.shape[axis], [dead, saturated, inactive]


def _prime(most: int) -> int:
    """The greatest prime number that is not above `most`."""
    for number in range(most, 2, -1):
        if all(number % each for each in range(2, math.isqrt(number) + 1)):
            return number
    return most
