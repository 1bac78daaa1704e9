"""Watches a training, member by member, at next to no cost: what the checks conclude from afterwards.

Gradient norms and losses of the first 32 steps, and then of every eighth, are kept where they are and
gathered some dozens at a time; whether a gradient is finite is seen in each step. All parameters are looked
at in the first steps and then rarely; the activations on some training rows after the epochs 0, 1, 2, 4, 8,
... and the last. Which steps and epochs these are depends on nothing but the sizes. No random number is
drawn, and nothing that a forward pass changes stays changed: weights are the same with and without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from netwright.doctor.record import FirstBad, Parameter, Record, Units
from netwright.doctor.trace import ACTIVATIONS, RELUS, SAME, SIGMOIDS, Call, Trace, trace
from netwright.nn.foreign import ForeignNetwork, Outputs
from netwright.nn.member import Mode
from netwright.training.callbacks import Callback, State
from netwright.training.feed import Batch, ResidentFeed, take
from netwright.training.population import Population

PROBE_ROWS = 127  # a prime number, so that the axis of rows is known by its length
EVERY = 50  # steps between two looks at all parameters, at least
EARLY = 32  # steps whose norms are all taken
RARELY = 8  # steps between two norms after them
TINY = 20_000  # parameters of all members, whose norms cost next to nothing
MOST_LOOKS = 4000  # gradient norms of an epoch
WAITING = 64  # norms and losses that wait to be gathered
BEYOND = 5.0  # absolute pre-activations that saturate

Shares = list[float]
"""of units that are dead, of values that are saturated, of values that are inactive"""


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


class Seen(NamedTuple):
    """An activation at one probe, of one member."""

    layer: str
    kind: str
    units: int
    shares: Shares


class Monitor(Callback):
    """Fills `records`, one for each member, while a population trains."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def on_start(self, state: State) -> None:
        population: Population = state.population
        self.population, self.total = population, len(population.members)
        self.clips = _clips(population)
        self.steps_of = population.feed.steps.tolist()
        self.begun = False
        self.looking: list[Look] = []
        self.looked: list[Looked] = []
        self.samples: list[Sample] = []
        self.probes: list[tuple[int, list[int], np.ndarray, list[list[Seen]]]] = []
        self.bad: dict[int, FirstBad] = {}
        self.kept = None

    def on_epoch_start(self, state: State) -> None:
        if not self.begun:  # only now an earlier training has been taken up
            self._begin(state)
        self._settle(state)

    def _begin(self, state: State) -> None:
        self.begun = True
        population = self.population
        network = population.network
        flat = network.flat.detach()
        self.names = [place.name for place in network.layout.places]
        self.sizes = list(network.layout.sizes)
        self.starts = np.cumsum([0, *self.sizes[:-1]])
        shapes = [place.declared.shape for place in network.layout.places]
        self.matrix = [len([axis for axis in shape if axis > 1]) > 1 for shape in shapes]
        self.first = flat.clone()  # [M, P]
        self.on_cpu = flat.device.type == "cpu"
        self.tiny = self.on_cpu and flat.dtype == torch.float32 and flat.numel() <= TINY
        self.passes = max(1, population.feed.passes)
        self.look_every = max(RARELY, math.ceil(self.passes / MOST_LOOKS))
        self.sample_every = 4 * max(EVERY, self.passes) if self.tiny else max(EVERY, self.passes // 4)
        self.next_look = self.next_sample = state.step
        self.axes: list[int | None] | None = None  # of the units of each activation
        self.probe_rows = self._probe_of(population)
        self._probe(state.epoch - 1)

    def _settle(self, state: State) -> None:
        """What depends on the epoch, and on who is still there."""
        population = self.population
        self.epoch, self.first_step = state.epoch - 1, state.step
        self.numbers = list(population.numbers)
        network = population.network
        chain = getattr(network, "chain", None)
        self.untold = chain is not None and not network.tell_losses  # losses are had of the outputs
        self.viewed: Tensor | None = None

    def gradient_hook(self) -> Callable[[State], None] | None:
        return self._gradient

    # ------------------------------------------------------------------------------------------ steps

    def _gradient(self, state: State) -> None:
        if self.kept is not None:
            self._moved()
        step, gradient = state.step, state.gradient
        if self.on_cpu and gradient is not self.viewed:
            self.values = _array(gradient)
            self.viewed = gradient if gradient.dtype == torch.float32 else None  # others may be copies
            self.alone = len(self.values) == 1
            self.item = self.values.item
        if step < self.next_look:
            # What is not finite in a loss is so at the network's end, and mostly at its start.
            if self.on_cpu and not (
                math.isfinite(self.item(0) + self.item(-1))
                if self.alone
                else _adds_up(self.values[:, 0], self.values[:, -1])
            ):
                self._look_for_bad(state)
            return
        self._look(state)

    def _look(self, state: State) -> None:
        """Takes the step's norms and losses, and looks at all parameters where it is time to."""
        step, gradient, batch = state.step, state.gradient, state.batch
        if self.tiny and self.alone:
            norm = self.values[0].dot(self.values[0])  # squared; see `_gather`
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
        if len(self.looking) >= WAITING:
            self._gather()
        if step >= self.next_sample:
            self._sample(state)
            if self.probe_rows is None:  # rows that come from a loader
                self.probe_rows = _first_rows(batch, _prime(min(PROBE_ROWS, _rows(batch))))
                self._probe(state.epoch - 1)
        after = step + 1 if step + 1 < EARLY else step - step % self.look_every + self.look_every
        self.next_look = min(after, self.next_sample)

    def _sample(self, state: State) -> None:
        """Looks at all parameters, in steps 0, 1, 2, 4, 8, 16, 32, and then more rarely."""
        step, gradient = state.step, state.gradient
        self.kept_at = step - self.first_step
        flat = self.population.network.flat.detach()
        if self.on_cpu:
            self.part = [self._sums(np.abs(self.values)), self._sums(self.values == 0)]
            self.kept: Any = _array(flat).copy()
        else:
            self.part = [self._sums(gradient.abs()), self._sums((gradient == 0).to(gradient.dtype))]
            self.kept = flat.clone()
        self.next_sample = max(1, 2 * step) if step < 32 else step + self.sample_every

    @np.errstate(all="ignore")
    def _moved(self) -> None:
        """How far the step that was sampled has moved the parameters."""
        before, now = self.kept, self.population.network.flat.detach()
        self.kept = None
        moved = (_array(now) if self.on_cpu else now) - before
        parts = [*self.part, self._sums(before * before), self._sums(moved * moved)]
        self.samples.append(Sample(self.numbers, self.epoch, self.kept_at, parts))

    def _sums(self, values: Any) -> Any:
        """Sums over each parameter tensor. [M, P] to [M, N]"""
        if self.on_cpu:
            return np.add.reduceat(values, self.starts, axis=1, dtype=np.float32)
        return torch.stack([part.sum(1) for part in values.split(self.sizes, 1)], 1)

    def _gather(self) -> None:
        """Norms and losses that wait, as arrays."""
        if not self.looking:
            return
        looks, self.looking = self.looking, []
        places = np.array([(look.epoch, look.inside) for look in looks])
        if isinstance(looks[0].norm, Tensor):
            norms = _array(torch.stack([look.norm for look in looks]))
        else:
            norms = np.sqrt(np.array([look.norm for look in looks], dtype=np.float64))[:, None]
        losses = _array(self._losses(looks))
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

    # -------------------------------------------------------------------------- numbers that are not finite

    def _look_for_bad(self, state: State) -> None:
        for place, number in enumerate(self.numbers):
            gradient = state.gradient[place]
            if number in self.bad or bool(torch.isfinite(gradient).all()):
                continue
            with _undisturbed(self.population.network):
                where, cause = self._first_bad(state.batch, place, gradient)
            step = self._own_step(number, self.epoch, state.step - self.first_step)
            self.bad[number] = FirstBad(step, where, cause)

    @torch.no_grad()
    def _first_bad(self, batch: Batch, place: int, gradient: Tensor) -> tuple[str, str]:
        """Where the first number came up that is not finite, in words, and what kind of place that is."""
        network = self.population.network
        for name, values in batch.raw.items():
            own = values[place]
            if own.is_floating_point() and not _finite(own):
                row = int((~torch.isfinite(own.reshape(len(own), -1)).all(1)).nonzero()[0])
                return f"the input {name}, row {row} of the batch", "inputs"
        for values in batch.target.values() if isinstance(batch.target, dict) else [batch.target]:
            own = values[place]
            if own.is_floating_point() and not _finite(own):
                row = int((~torch.isfinite(own.reshape(len(own), -1)).all(1)).nonzero()[0])
                return f"the target, row {row} of the batch", "targets"
        weights = network.flat.detach()[place].split(self.sizes)
        ran = [name for name, each in zip(self.names, weights, strict=True) if not _finite(each)]
        if ran:
            return f"the weights of {ran[0]}", "weights"
        forward = self._traces(batch, training=True, place=place)[0]
        for call in forward.calls:
            if self._broke(call, place):
                where = f"{call.name} in {call.layer}" if call.layer else call.name
                half = call.output.dtype == torch.float16
                return where + (", a number of float16" if half else ""), "forward"
        if isinstance(network, ForeignNetwork):
            own, weight = _of_row(batch.target, place), None if batch.weight is None else batch.weight[place]
            loss: Callable[[], Any] = partial(network.goal.loss, forward.output, own, weight)
        else:
            loss = partial(network.losses, forward.output, batch.target, batch.weight)
        for call in trace(loss, network).calls:
            if self._broke(call, place):
                return f"{call.name} in the loss", "loss"
        parts = gradient.split(self.sizes)
        worst = [name for name, each in zip(self.names, parts, strict=True) if not _finite(each)]
        return f"the gradient of {worst[-1]}", "gradient"

    def _broke(self, call: Call, place: int) -> bool:
        """Whether an operation made numbers of one member that are not finite of numbers that are."""
        fused = self._fused()
        given = [each for each in call.inputs if each.is_floating_point()]
        fine = all(_finite(_of_member(each, place, fused)) for each in given)
        return fine and not _finite(_of_member(call.output, place, fused))

    # ----------------------------------------------------------------------------------------- epochs

    def on_epoch(self, state: State) -> None:
        self._flush()
        if self._is_probed(state.epoch) or state.epoch == state.epochs:
            self._probe(state.epoch)

    def _is_probed(self, epoch: int) -> bool:
        """Epochs 1, 2, 4, 8, ...; of tiny networks 8, 64, 512, ..."""
        power = epoch & (epoch - 1) == 0
        return power and (not self.tiny or (epoch > 1 and epoch.bit_length() % 3 == 1))

    def _flush(self) -> None:
        """Finishes what the epoch's steps have begun, before members may leave."""
        if self.kept is not None:
            self._moved()
        if self.total > 1:
            self._gather()

    def _fused(self) -> bool:
        return not isinstance(self.population.network, ForeignNetwork)

    def _traces(self, batch: Batch, *, training: bool = False, place: int | None = None) -> list[Trace]:
        """Of all members together, or one for each module of PyTorch; of one member's module alone."""
        network = self.population.network
        if not isinstance(network, ForeignNetwork):
            generators = [torch.Generator(network.flat.device) for _ in range(network.members)]
            mode = Mode(training=training, generators=generators)
            return [trace(partial(network.forward, batch.raw, mode), network)]
        members = range(network.members) if place is None else [place]
        return [
            trace(
                partial(network.call, member, _member_raw(batch, member), training=training),
                network.owned[member],
            )
            for member in members
        ]

    @torch.no_grad()
    def _probe(self, epoch: int) -> None:
        population = self.population
        network = population.network
        batch = self.probe_rows
        if batch is not None and len(next(iter(batch.raw.values()))) != len(population.numbers):
            batch = self.probe_rows = self._probe_of(population)  # members have left
        if batch is None or (self.probes and self.probes[-1][0] == epoch):
            return
        with _undisturbed(network):
            if self.axes is None:
                traces = self._traces(_first_rows(batch, 2))
                own = traces[0]
                self.axes = [_units_axis(own, call, self._fused()) for call in own.of(ACTIVATIONS)]
                self.layers = [call.layer for call in own.of(ACTIVATIONS)]
            watched = [_Activations() for _ in range(1 if self._fused() else network.members)]
            if isinstance(network, ForeignNetwork):
                outputs: Any = Outputs()
                for member, seen in enumerate(watched):
                    with seen:
                        outputs.append(network.call(member, _member_raw(batch, member), training=False))
            else:
                with watched[0]:
                    outputs = network.forward(batch.raw)
            losses = network.losses(outputs, batch.target)
        units = [self._units(watched[0 if self._fused() else m], m, batch) for m in range(len(losses))]
        self.probes.append((epoch, list(population.numbers), _array(losses), units))

    def _units(self, watched: _Activations, place: int, batch: Batch) -> list[Seen]:
        """The activations of one member."""
        found, rows = [], _rows(batch)
        assert self.axes is not None
        for n, (kind, given, output) in enumerate(watched.calls[: len(self.axes)]):
            mine = _of_member(output, place, self._fused())
            if rows in mine.shape:
                before = None if given is None else _of_member(given, place, self._fused())
                count, shares = _look(kind, before, mine, rows, self.axes[n])
                found.append(Seen(self.layers[n], kind, count, shares))
        return found

    def _probe_of(self, population: Population) -> Batch | None:
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

    # -------------------------------------------------------------------------------------------- end

    @np.errstate(all="ignore")
    def on_end(self, state: State) -> None:
        if not self.begun:
            self.records = []
            return
        self._flush()
        self._gather()
        # Those of members that left stay as they were then; the last probe is of the last epoch's weights.
        change = (self.population.network.flat.detach() - self.first).abs_()
        moved = np.stack([_array(part.amax(1)) for part in change.split(self.sizes, 1)], 1)  # [M, N]
        self.samples = [
            each._replace(
                parts=[part if isinstance(part, np.ndarray) else _array(part) for part in each.parts]
            )
            for each in self.samples
        ]
        self.records = [self._record(member, moved[member]) for member in range(self.total)]
        del self.first, self.probe_rows, self.viewed
        self.looked, self.samples, self.probes = [], [], []

    def _own_step(self, member: int, epoch: int, inside: int) -> int:
        """A member's own count of steps, which waits while others still have rows."""
        if self.total == 1:  # a loader may not know its length
            return self.first_step + inside if epoch == self.epoch else epoch * self.passes + inside
        return epoch * self.steps_of[member] + inside

    def _record(self, member: int, moved: np.ndarray) -> Record:
        population, history = self.population, self.population.history
        steps: list[int] = []
        norms, losses = [], []
        for each in self.looked:
            if member in each.numbers:
                column = each.numbers.index(member)
                own = each.active[:, column]
                steps += [self._own_step(member, *place) for place in each.places[own].tolist()]
                norms.append(each.norm[own, column])
                losses.append(each.loss[own, column])
        sampled = [
            each
            for each in self.samples
            if member in each.numbers and (self.total == 1 or each.inside < self.steps_of[member])
        ]
        rows = [row for row in history.rows if row["member"] == member]
        told = {name for row in rows for name in row if name.startswith("validation_")} - {"validation_loss"}
        probes = [
            (epoch, numbers.index(member), loss, units)
            for epoch, numbers, loss, units in self.probes
            if member in numbers
        ]
        every = np.concatenate(norms) if norms else np.zeros(0)
        bad = self.bad.get(member)
        if bad is None and not np.isfinite(every).all():
            bad = FirstBad(steps[int(np.argmin(np.isfinite(every)))], None, None)
        return Record(
            member,
            population.epochs,
            self.steps_of[member],
            np.array(steps, dtype=np.int64),
            every,
            np.concatenate(losses) if losses else np.zeros(0),
            self.clips[member],
            np.array([self._own_step(member, each.epoch, each.inside) for each in sampled], dtype=np.int64),
            self._parameters([(each.numbers.index(member), each.parts) for each in sampled], moved),
            np.array([epoch for epoch, _, _, _ in probes], dtype=np.int64),
            _units_of([units[place] for _, place, _, units in probes]),
            _column(rows, "train_loss"),
            _column(rows, "validation_loss"),
            {name.removeprefix("validation_"): _column(rows, name) for name in sorted(told)},
            _column(rows, "learning_rate"),
            np.array([loss[place] for _, place, loss, _ in probes], dtype=np.float64),
            population.state.best_epoch[member] if history.best_epoch else 0,
            bool(history.best_epoch),
            history.stopped,
            None if bad is None else bad.step,
            None if bad is None else bad.where,
            None if bad is None else bad.cause,
            self._waiting(),
            self.first[member],
        )

    def _parameters(self, sampled: list[tuple[int, list[Any]]], moved: np.ndarray) -> list[Parameter]:
        columns = [
            np.array([parts[which][place] for place, parts in sampled], dtype=np.float64).reshape(
                -1, len(self.sizes)
            )
            for which in range(4)
        ]
        gradient, zeros, weight, change = columns  # each [Q, N]
        sizes = np.array(self.sizes)
        with np.errstate(all="ignore"):
            gradient, zeros, root = gradient / sizes, zeros / sizes, np.sqrt(weight / sizes)
            update = np.sqrt(change / np.maximum(weight, 1e-24))
        return [
            Parameter(
                name,
                int(sizes[n]),
                self.matrix[n],
                gradient[:, n],
                zeros[:, n],
                root[:, n],
                update[:, n],
                float(moved[n]),
            )
            for n, name in enumerate(self.names)
        ]

    def _waiting(self) -> float | None:
        """Share of the steps' time that a loader was waited for. A GPU computes meanwhile: not told there."""
        waited, worked = (getattr(self.population.feed, name, 0.0) for name in ("waited", "worked"))
        return waited / (waited + worked) if self.on_cpu and worked else None


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


@contextmanager
def _undisturbed(network: Any) -> Iterator[None]:
    """Random numbers, modes and statistics are as before when it ends."""
    owned = getattr(network, "owned", [])
    flags = [(part, part.training) for own in owned for part in own.modules()]
    kept = [(each, each.clone()) for each in network.live()]
    device = network.flat.device
    random = torch.get_rng_state()
    there = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    try:
        yield
    finally:
        torch.set_rng_state(random)
        if there is not None:
            torch.cuda.set_rng_state(there, device)
        for part, training in flags:
            part.training = training
        for each, before in kept:
            each.copy_(before)


def _clips(population: Population) -> list[float]:
    """The norms that gradients are clipped to, as `Record.clip`. [M]"""
    given, members = population.given_clip, population.members
    if given is None:
        return [float(member.clip_norm) for member in members]
    if given.norm is None:
        others = (given.value, given.each_norm, given.percentile)
        return [math.inf if all(each is None for each in others) else math.nan] * len(members)
    return torch.as_tensor(given.norm, dtype=torch.float64).reshape(-1).expand(len(members)).tolist()


def _adds_up(first: np.ndarray, last: np.ndarray) -> bool:
    """Whether some values are finite."""
    return bool(np.isfinite(first + last).all())


def _joined(targets: list[Any]) -> Any:
    if isinstance(targets[0], dict):
        return {name: torch.cat([each[name] for each in targets]) for name in targets[0]}
    return torch.cat(targets)


def _array(values: Tensor) -> np.ndarray:
    """The same on the processor, in a type that NumPy has."""
    values = values.detach().cpu()
    return values.numpy() if values.dtype in (torch.float32, torch.float64) else values.float().numpy()


def _finite(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all())


def _column(rows: list[dict[str, Any]], name: str) -> np.ndarray:
    if not rows or name not in rows[-1]:
        return np.zeros(0)
    return np.array([row.get(name, math.nan) for row in rows], dtype=np.float64)


def _units_of(probes: list[list[Seen]]) -> list[Units]:
    """The same activations at all probes, one after another."""
    count = min((len(each) for each in probes), default=0)
    found = []
    for n in range(count):
        layer, kind, units, _ = probes[0][n]
        shares = np.array([each[n].shares for each in probes], dtype=np.float64)  # [E', 3]
        found.append(Units(layer or kind, kind, units, shares[:, 0], shares[:, 1], shares[:, 2]))
    return found


def _of_member(values: Tensor, place: int, fused: bool) -> Tensor:
    """One member's part of what an operation gave."""
    return values[place] if fused and values.dim() > 1 and len(values) > place else values


def _units_axis(found: Trace, call: Call, fused: bool) -> int:
    """The axis of the units in one member's output of an activation; -1 for the last one."""
    return 1 if not fused and call.output.dim() > 2 and _is_from_convolution(found, call) else -1


def _look(
    kind: str, before: Tensor | None, output: Tensor, rows: int, axis: int | None
) -> tuple[int, Shares]:
    """Units of an activation [.., n, .., units, ..], and the shares that are dead, saturated and inactive."""
    batch = list(output.shape).index(rows)
    axis = output.dim() - 1 if axis in (None, -1) else axis
    if axis == batch:
        return 1, [0.0, 0.0, 0.0]
    dead = saturated = inactive = 0.0
    if kind in RELUS:
        values = _array(output)
        values = np.moveaxis(values, (batch, axis), (0, 1))  # [n, units, ...]
        active = values > 0
        inactive = 1.0 - float(active.mean())
        seen = active.any(axis=tuple(range(2, active.ndim))) if active.ndim > 2 else active
        dead = float((seen.mean(0) < 0.01).mean())
    elif kind in SIGMOIDS and before is not None:
        saturated = float((np.abs(_array(before)) > BEYOND).mean())
    return output.shape[axis], [dead, saturated, inactive]


def _is_from_convolution(found: Trace, call: Call) -> bool:
    source = found.source(call)
    while source is not None and (source.name.endswith("_norm") or source.name in SAME):
        source = found.source(source)
    return source is not None and source.name.startswith("conv")


def _prime(most: int) -> int:
    """The greatest prime number that is not above `most`."""
    for number in range(most, 2, -1):
        if all(number % each for each in range(2, math.isqrt(number) + 1)):
            return number
    return most


def _of_row(target: Any, member: int) -> Any:
    return (
        {name: each[member] for name, each in target.items()} if isinstance(target, dict) else target[member]
    )


def _rows(batch: Batch) -> int:
    return next(iter(batch.raw.values())).shape[1]


def _first_rows(batch: Batch, count: int) -> Batch:
    target = batch.target
    if isinstance(target, dict):
        cut: Any = {name: each[:, :count] for name, each in target.items()}
    else:
        cut = target[:, :count]
    return Batch({name: each[:, :count] for name, each in batch.raw.items()}, cut)


def _member_raw(batch: Batch, member: int) -> dict[str, Tensor]:
    return {name: each[member] for name, each in batch.raw.items()}
