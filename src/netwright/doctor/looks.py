"""What steps leave behind: norms and losses, now and then figures of all parameters, and what is not finite.

Gradient norms and losses of the first 32 steps, and then of every eighth, are kept where they are and
gathered some hundreds at a time; whether a gradient is finite is seen in each step. Networks with written-out
back-propagation take their steps in no time and compute no losses: of them it is every sixteenth step from
512 on, and every thirty-second from 1024 on. All parameters are looked at in the first steps and then rarely.
Which steps these are depends on nothing but the sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.aside import array
from netwright.doctor.first_bad import first_bad
from netwright.doctor.record import FirstBad
from netwright.training.callbacks import State
from netwright.training.population import Population

EVERY = 50  # steps between two looks at all parameters, at least
EARLY = 32  # steps whose norms are all taken
RARELY = 8  # steps between two norms after them
LATE = 512  # steps, from which on a loss that has to be computed for it is taken more rarely
TINY = 20_000  # parameters of all members, whose norms cost next to nothing
MOST_LOOKS = 4000  # gradient norms of an epoch
WAITING = 256  # norms and losses that wait to be gathered
HELD = 250_000  # numbers of outputs that wait with them


class Look(NamedTuple):
    """What one step left behind: norms and losses of the members that had rows."""

    epoch: int  # from 0
    inside: int  # its place in the epoch
    norm: Any  # [M], or a number
    losses: Any  # [M]
    output: Any  # of networks that have not told their losses
    target: Any
    weight: Tensor | None
    active: Tensor | None


class Looked(NamedTuple):
    """Several steps: epochs and places in them [S, 2]; norms, losses, and who had rows, each [S, M]."""

    numbers: list[int]
    places: np.ndarray
    norm: np.ndarray
    loss: np.ndarray
    active: np.ndarray


class Sample(NamedTuple):
    """All parameters in one step: sums of absolute gradients, of zeros, of squares, of squared changes."""

    numbers: list[int]
    epoch: int
    inside: int
    parts: list[Any]  # each [M, N]


class Looks:
    """Looks at the steps of a population, between gradient and update.

    Arguments:
        population: what trains.
        also: what is to be called where all parameters are looked at.

    Attributes:
        looked, samples: what was seen; the last of it after `flush` and `gather`.
        bad: the first number of each member that was not finite.
    """

    def __init__(self, population: Population, also: Callable[[State], None]) -> None:
        self.population, self.also = population, also
        self.total = len(population.members)
        self.steps_of = population.feed.steps.tolist()
        self.looking: list[Look] = []
        self.looked: list[Looked] = []
        self.samples: list[Sample] = []
        self.bad: dict[int, FirstBad] = {}
        self.kept = None

    def begin(self, state: State) -> None:
        """Before the first step."""
        network = self.population.network
        flat = network.flat.detach()
        self.sizes = list(network.layout.sizes)
        self.starts = np.cumsum([0, *self.sizes[:-1]])
        self.on_cpu = flat.device.type == "cpu"
        self.plain = flat.dtype in (torch.float32, torch.float64)
        self.tiny = self.on_cpu and flat.dtype == torch.float32 and flat.numel() <= TINY
        self.passes = max(1, self.population.feed.passes)
        self.look_every = max(RARELY, math.ceil(self.passes / MOST_LOOKS))
        self.most = WAITING
        self.sample_every = 4 * max(EVERY, self.passes) if self.tiny else max(EVERY, self.passes // 4)
        self.next_look = self.next_sample = state.step
        self.epoch, self.first_step = -1, state.step  # none is going on

    def begin_epoch(self, state: State) -> None:
        """What depends on the epoch, and on who is still there."""
        self.epoch, self.first_step = state.epoch - 1, state.step
        self.numbers = list(self.population.numbers)
        network = self.population.network
        chain = getattr(network, "chain", None)
        self.untold = chain is not None and not network.tell_losses  # losses are had of the outputs
        self.viewed: Tensor | None = None

    def see(self, state: State) -> None:
        """Looks at a step: in most of them, whether its gradient is finite."""
        if self.kept is not None:
            self._moved()
        gradient = state.gradient
        if self.on_cpu and gradient is not self.viewed:
            self._view(gradient)
        if state.step >= self.next_look:
            self._look(state)
        # What is not finite in a loss is so at the network's end, and mostly at its start.
        elif self.on_cpu and not (
            math.isfinite(self.item(0) + self.item(-1))
            if self.alone
            else _adds_up(self.values[:, 0], self.values[:, -1])
        ):
            self._look_for_bad(state)

    def _view(self, gradient: Tensor) -> None:
        """The gradient as an array."""
        self.values = gradient.detach().numpy() if self.plain else array(gradient)
        self.viewed = gradient if self.plain else None  # others are copies
        self.alone = len(self.values) == 1
        self.item = self.values.item

    def _look(self, state: State) -> None:
        """Takes the step's norms and losses, and looks at all parameters where it is time to."""
        step, gradient, batch = state.step, state.gradient, state.batch
        if self.tiny and self.alone:
            norm = self.values[0].dot(self.values[0])  # squared; see `gather`
            fine = math.isfinite(norm)
        else:
            norm = torch.linalg.vector_norm(gradient, dim=1, dtype=torch.float32)
            fine = not self.on_cpu or math.isfinite(float(norm.sum()))
        if not fine:
            norm = self._long_norm(gradient)
            self._look_for_bad(state)
        given = (state.output, batch.target, batch.weight) if self.untold else (None, None, None)
        inside = step - self.first_step
        self.looking.append(Look(self.epoch, inside, norm, state.step_losses, *given, batch.active))
        if self.untold and len(self.looking) == 1:
            self.most = max(1, min(WAITING, HELD // state.output[0].numel()))
        if len(self.looking) >= self.most:
            self.gather()
        if step >= self.next_sample:
            self._sample(state)
            self.also(state)
        self.next_look = min(self._after(step), self.next_sample)

    def _after(self, step: int) -> int:
        """The next step whose norm is taken."""
        if step + 1 < EARLY:
            return step + 1
        every = self.look_every
        if self.untold:
            every = max(every, RARELY << min(2, (step // LATE).bit_length()))
        return step - step % every + every

    def _sample(self, state: State) -> None:
        """Looks at all parameters, in steps 0, 1, 2, 4, 8, 16, 32, and then more rarely."""
        step, gradient = state.step, state.gradient
        self.kept_at = step - self.first_step
        flat = self.population.network.flat.detach()
        if self.on_cpu:
            self.part = [self._sums(np.abs(self.values)), self._sums(self.values == 0)]
            self.kept: Any = array(flat).copy()
        else:
            self.part = [self._sums(gradient.abs()), self._sums((gradient == 0).to(gradient.dtype))]
            self.kept = flat.clone()
        self.next_sample = max(1, 2 * step) if step < 32 else step + self.sample_every

    @np.errstate(all="ignore")
    def _moved(self) -> None:
        """How far the step that was sampled has moved the parameters."""
        before, now = self.kept, self.population.network.flat.detach()
        self.kept = None
        moved = (array(now) if self.on_cpu else now) - before
        parts = [*self.part, self._sums(before * before), self._sums(moved * moved)]
        self.samples.append(Sample(self.numbers, self.epoch, self.kept_at, parts))

    def _sums(self, values: Any) -> Any:
        """Sums over each parameter tensor. [M, P] to [M, N]"""
        if self.on_cpu:
            return np.add.reduceat(values, self.starts, axis=1, dtype=np.float32)
        return torch.stack([part.sum(1) for part in values.split(self.sizes, 1)], 1)

    def flush(self) -> None:
        """Finishes what the epoch's steps have begun, before members may leave."""
        if self.kept is not None:
            self._moved()
        if self.total > 1:
            self.gather()

    def gather(self) -> None:
        """Norms and losses that wait, as arrays."""
        if not self.looking:
            return
        looks, self.looking = self.looking, []
        places = np.array([(look.epoch, look.inside) for look in looks])
        if isinstance(looks[0].norm, Tensor):
            norms = array(torch.stack([look.norm for look in looks]))
        else:
            norms = np.sqrt(np.array([look.norm for look in looks], dtype=np.float64))[:, None]
        losses = array(self._losses(looks))
        active = np.ones(norms.shape, dtype=bool)
        if any(look.active is not None for look in looks):
            everyone = torch.ones(len(self.numbers), dtype=torch.bool)
            rows = [everyone if look.active is None else look.active.cpu() for look in looks]
            active = torch.stack(rows).numpy()
        self.looked.append(Looked(self.numbers, places, norms, losses, active))

    def _long_norm(self, gradient: Tensor) -> Any:
        """A norm whose square may be beyond float32, or that is not finite; as the others are kept."""
        norm = torch.linalg.vector_norm(gradient, dim=1, dtype=torch.float64)
        return float(norm) ** 2 if self.tiny and self.alone else norm.float()

    def _losses(self, looks: list[Look]) -> Tensor:
        """The steps' losses. [S, M]"""
        told = torch.stack([look.losses for look in looks])
        if looks[0].output is None:
            return told
        network = self.population.network
        # Steps of as many rows stand in the place of members: one computation serves them all.
        alike: dict[tuple[int, bool], list[int]] = {}
        for place, look in enumerate(looks):
            alike.setdefault((look.output[0].shape[1], look.weight is None), []).append(place)
        found = told.new_zeros(len(looks))
        for places in alike.values():
            group = [looks[place] for place in places]
            output = [torch.cat(each) for each in zip(*(look.output for look in group), strict=True)]
            target = _joined([look.target for look in group])
            weights = [look.weight for look in group if look.weight is not None]
            found[places] = network.losses(output, target, torch.cat(weights) if weights else None)
        return told + found[:, None]  # what is told are penalties

    def _look_for_bad(self, state: State) -> None:
        for place, number in enumerate(self.numbers):
            if number in self.bad:
                continue
            found = first_bad(self.population.network, state.batch, place, state.gradient)
            if found is not None:
                step = self.own_step(number, self.epoch, state.step - self.first_step)
                self.bad[number] = FirstBad(step, *found)

    def own_step(self, member: int, epoch: int, inside: int) -> int:
        """A member's own count of steps, which waits while others still have rows."""
        if self.total == 1:  # a loader may not know its length
            return self.first_step + inside if epoch == self.epoch else epoch * self.passes + inside
        return epoch * self.steps_of[member] + inside


def _adds_up(first: np.ndarray, last: np.ndarray) -> bool:
    """Whether some values are finite."""
    return bool(np.isfinite(first + last).all())


def _joined(targets: list[Any]) -> Any:
    if isinstance(targets[0], dict):
        return {name: torch.cat([each[name] for each in targets]) for name in targets[0]}
    return torch.cat(targets)
