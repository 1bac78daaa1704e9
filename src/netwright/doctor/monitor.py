"""Watches a training, member by member, at next to no cost: what the checks conclude from afterwards.

Each step's gradient norm and loss are kept on the device and fetched once an epoch. All parameters are looked
at in the first steps and then every 50th; the activations on some fixed training rows after the epochs 0, 1,
2, 4, 8, ... and the last. Which steps and epochs these are depends on nothing but the sizes. No random number
is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.record import Parameter, Record, Units
from netwright.doctor.trace import ACTIVATIONS, RELUS, SAME, SIGMOIDS, Call, Trace, trace
from netwright.nn.foreign import ForeignNetwork, Outputs
from netwright.training.callbacks import Callback, State
from netwright.training.feed import Batch, ResidentFeed, take
from netwright.training.population import Population

PROBE_ROWS = 127  # a prime number, so that the axis of rows is known by its length
EVERY = 50
SMALL = 20_000  # parameters; networks with fewer have steps so short that each look counts
MOST_LOOKS = 4000  # gradient norms of an epoch
BEYOND = 5.0  # absolute pre-activations that saturate


class Monitor(Callback):
    """Fills `records`, one for each member, while a population trains."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def on_start(self, state: State) -> None:
        population: Population = state.population
        network = population.network
        self.population, self.total = population, len(population.members)
        self.names = [place.name for place in network.layout.places]
        sizes = torch.tensor(network.layout.sizes, device=network.flat.device)
        self.sizes = sizes
        self.segment = torch.repeat_interleave(torch.arange(len(sizes), device=sizes.device), sizes)  # [P]
        self.matrix = [
            len([axis for axis in place.declared.shape if axis > 1]) > 1 for place in network.layout.places
        ]
        self.first: Tensor | None = network.flat.detach().clone()  # [M, P]
        self.passes = max(1, population.feed.passes)
        every = 4 if network.layout.size < SMALL else 1
        self.look_every = max(every, math.ceil(self.passes / MOST_LOOKS))
        self.on_cpu = network.flat.device.type == "cpu"
        self.clips = [member.clip_norm for member in population.members]
        self.looking: list[tuple[int, Tensor, Tensor]] = []  # of this epoch: step, norms, losses
        self.looked: list[tuple[list[int], list[int], np.ndarray, np.ndarray]] = []
        self.samples: list[tuple[int, list[int], list[np.ndarray]]] = []
        self.probes: list[
            tuple[int, list[int], np.ndarray, list[list[tuple[str, str, int, list[float]]]]]
        ] = []
        self.bad: dict[int, tuple[int, str | None]] = {}
        self.kept: Tensor | None = None
        self.probe_rows: Batch | None = self._probe_of(population)
        self._probe(0)

    def gradient_hook(self) -> Callable[[State], None] | None:
        return self._gradient

    def step_hook(self) -> Callable[[State], None] | None:
        return self._stepped

    # ------------------------------------------------------------------------------------------ steps

    def _gradient(self, state: State) -> None:
        step = state.step
        if step % self.look_every == 0 or self._is_sampled(step):
            self.norm = torch.linalg.vector_norm(state.gradient, dim=1)
            if self.on_cpu and not math.isfinite(float(self.norm.sum())):
                self._look_for_bad(state)
        if self._is_sampled(step):
            gradient = state.gradient
            self.part = [self._sums(gradient.abs()), self._sums((gradient == 0).to(gradient.dtype))]
            self.kept = self.population.network.flat.detach().clone()
        if self.probe_rows is None and state.batch is not None:  # rows that come from a loader
            self.probe_rows = _first_rows(state.batch, _prime(_rows(state.batch)))
            self._probe(0)

    def _stepped(self, state: State) -> None:
        step = state.step - 1
        if step % self.look_every == 0 or self._is_sampled(step):
            self.looking.append((step, self.norm, state.step_losses))
        if self.kept is not None:
            now = self.population.network.flat.detach()
            change, size = self._sums((now - self.kept).square()), self._sums(self.kept.square())
            parts = [*self.part, size, change]
            self.samples.append((step, list(self.population.numbers), [each.cpu().numpy() for each in parts]))
            self.kept = None

    def _is_sampled(self, step: int) -> bool:
        """Steps 0, 1, 2, 4, 8, 16, 32, then every 50th, and more rarely in long epochs."""
        if step < EVERY:
            return step & (step - 1) == 0
        return step % max(EVERY, self.passes // 8) == 0

    def _sums(self, values: Tensor) -> Tensor:
        """Sums over each parameter tensor. [M, P] to [M, N]"""
        found = values.new_zeros(len(values), len(self.sizes))
        return found.index_add_(1, self.segment, values)

    def _look_for_bad(self, state: State) -> None:
        for place, number in enumerate(self.population.numbers):
            if number not in self.bad and not math.isfinite(float(self.norm[place])):
                self.bad[number] = (state.step, self._first_bad(state.batch, place, state.gradient[place]))

    @torch.no_grad()
    def _first_bad(self, batch: Batch, place: int, gradient: Tensor) -> str | None:
        """Where in the forward pass the first number came up that is not finite, in words."""
        for found in self._traces(batch):
            for call in found.calls:
                given = [each for each in call.inputs if each.is_floating_point()]
                if all(bool(torch.isfinite(each).all()) for each in given):
                    output = _of_member(call.output, place, self._fused())
                    if not bool(torch.isfinite(output).all()):
                        return f"{call.name} in {call.layer}" if call.layer else call.name
        counts = self._sums((~torch.isfinite(gradient)).to(gradient.dtype)[None])[0]
        worst = [name for name, count in zip(self.names, counts.tolist(), strict=True) if count]
        return f"the gradient of {worst[-1]}" if worst else None

    # ----------------------------------------------------------------------------------------- epochs

    def on_epoch(self, state: State) -> None:
        self._flush()
        if state.epoch & (state.epoch - 1) == 0 or state.epoch == state.epochs:
            self._probe(state.epoch)

    def _flush(self) -> None:
        """Fetches what the epoch's steps have left on the device."""
        if self.looking:
            steps = [step for step, _, _ in self.looking]
            norms = torch.stack([norm for _, norm, _ in self.looking]).float().cpu().numpy()
            losses = torch.stack([loss for _, _, loss in self.looking]).float().cpu().numpy()
            self.looked.append((steps, list(self.population.numbers), norms, losses))
            self.looking = []

    def _fused(self) -> bool:
        return not isinstance(self.population.network, ForeignNetwork)

    def _traces(self, batch: Batch) -> list[Trace]:
        """Of all members together, or one for each module of PyTorch."""
        network = self.population.network
        if not isinstance(network, ForeignNetwork):
            return [trace(partial(network.forward, batch.raw), network)]
        calls = [
            partial(network.call, m, _member_raw(batch, m), training=False) for m in range(network.members)
        ]
        return [trace(call, module) for call, module in zip(calls, network.owned, strict=True)]

    @torch.no_grad()
    def _probe(self, epoch: int) -> None:
        batch = self.probe_rows
        if batch is None or (self.probes and self.probes[-1][0] == epoch):
            return
        network = self.population.network
        if len(next(iter(batch.raw.values()))) != len(self.population.numbers):
            batch = self.probe_rows = self._probe_of(self.population)  # members have left
            if batch is None:
                return
        flags = [[part.training for part in own.modules()] for own in getattr(network, "owned", [])]
        try:
            traces = self._traces(batch)
        finally:
            for own, before in zip(getattr(network, "owned", []), flags, strict=True):
                for part, training in zip(own.modules(), before, strict=True):
                    part.training = training
        rows = _rows(batch)
        outputs: Any = traces[0].output
        if isinstance(network, ForeignNetwork):
            outputs = Outputs(each.output for each in traces)
        losses = network.losses(outputs, batch.target).float().cpu().numpy()
        units = []
        for place in range(len(self.population.numbers)):
            own = traces[0] if self._fused() else traces[place]
            units.append(
                [
                    (call.layer, call.name, *_look(own, call, place, rows, self._fused()))
                    for call in own.of(ACTIVATIONS)
                    if rows in _of_member(call.output, place, self._fused()).shape
                ]
            )
        self.probes.append((epoch, list(self.population.numbers), losses, units))

    def _probe_of(self, population: Population) -> Batch | None:
        """Some fixed rows of each member."""
        feed = population.feed
        if not isinstance(feed, ResidentFeed) or not feed.rows:
            return None
        rows = feed.batches.member_rows
        count = _prime(min(PROBE_ROWS, *(len(each) for each in rows)))
        spread = [torch.linspace(0, len(each) - 1, count).round().long() for each in rows]
        index = torch.stack([own[at] for own, at in zip(rows, spread, strict=True)]).to(feed.batches.device)
        raw = {name: take(tensor, index) for name, tensor in feed.data.raw.items()}
        return Batch(raw, take(feed.data.target, index))

    # -------------------------------------------------------------------------------------------- end

    def on_end(self, state: State) -> None:
        self._flush()
        population: Population = state.population
        history = population.history
        # Those of members that left stay as they were then; the last probe is of the last epoch's weights.
        flat, first = population.network.flat.detach(), self.first
        assert first is not None
        moved = torch.zeros(self.total, len(self.names))
        for member in range(self.total):
            change = (flat[member] - first[member]).abs()
            moved[member] = torch.stack([part.max() for part in change.split(self.sizes.tolist())]).cpu()
        self.records = [
            self._record(member, population, history, moved[member].numpy()) for member in range(self.total)
        ]
        self.first = self.kept = self.probe_rows = None  # type: ignore[assignment]

    def _record(self, member: int, population: Population, history: Any, moved: np.ndarray) -> Record:
        steps, norms, losses = [], [], []
        for at, numbers, norm, loss in self.looked:
            if member in numbers:
                steps += at
                norms.append(norm[:, numbers.index(member)])
                losses.append(loss[:, numbers.index(member)])
        sampled = [
            (step, numbers.index(member), parts) for step, numbers, parts in self.samples if member in numbers
        ]
        sizes = self.sizes.cpu().numpy()
        columns = [
            np.array([parts[which][place] for _, place, parts in sampled], dtype=np.float64).reshape(
                -1, len(sizes)
            )
            for which in range(4)
        ]
        gradient, zeros, weight, change = columns
        with np.errstate(all="ignore"):
            parameters = [
                Parameter(
                    name,
                    int(size),
                    self.matrix[n],
                    gradient[:, n] / size,
                    zeros[:, n] / size,
                    np.sqrt(weight[:, n] / size),
                    np.sqrt(change[:, n] / np.maximum(weight[:, n], 1e-24)),
                    float(moved[n]),
                )
                for n, (name, size) in enumerate(zip(self.names, sizes, strict=True))
            ]
        rows = [row for row in history.rows if row["member"] == member]
        told = {name for row in rows for name in row if name.startswith("validation_")} - {"validation_loss"}
        probes = [
            (epoch, numbers.index(member), loss, units)
            for epoch, numbers, loss, units in self.probes
            if member in numbers
        ]
        bad = self.bad.get(member)
        every = np.concatenate(norms) if norms else np.zeros(0)
        if bad is None and not np.isfinite(every).all():
            bad = (int(np.array(steps)[~np.isfinite(every)][0]), None)
        best = population.state.best_epoch[member] if history.best_epoch else 0
        return Record(
            member,
            population.epochs,
            self.passes,
            np.array(steps, dtype=np.int64),
            every,
            np.concatenate(losses) if losses else np.zeros(0),
            float(self.clips[member]),
            np.array([step for step, _, _ in sampled], dtype=np.int64),
            parameters,
            np.array([epoch for epoch, _, _, _ in probes], dtype=np.int64),
            _units_of([(place, units) for _, place, _, units in probes]),
            _column(rows, "train_loss"),
            _column(rows, "validation_loss"),
            {name.removeprefix("validation_"): _column(rows, name) for name in sorted(told)},
            _column(rows, "learning_rate"),
            np.array([loss[place] for _, place, loss, _ in probes], dtype=np.float64),
            best,
            bool(history.best_epoch),
            history.stopped,
            None if bad is None else bad[0],
            None if bad is None else bad[1],
        )


def _column(rows: list[dict[str, Any]], name: str) -> np.ndarray:
    if not rows or name not in rows[-1]:
        return np.zeros(0)
    return np.array([row.get(name, math.nan) for row in rows], dtype=np.float64)


def _units_of(probes: list[tuple[int, list[list[tuple[str, str, int, list[float]]]]]]) -> list[Units]:
    """The same activations at all probes, one after another."""
    if not probes:
        return []
    seen = [units[place] for place, units in probes]
    count = min(len(each) for each in seen)
    found = []
    for n in range(count):
        layer, kind, units, _ = seen[0][n]
        shares = np.array([each[n][3] for each in seen], dtype=np.float64)  # [E', 3]
        found.append(Units(layer or kind, kind, units, shares[:, 0], shares[:, 1], shares[:, 2]))
    return found


def _of_member(values: Tensor, place: int, fused: bool) -> Tensor:
    """One member's part of what an operation gave."""
    return values[place] if fused and values.dim() > 1 and len(values) > place else values


def _look(found: Trace, call: Call, place: int, rows: int, fused: bool) -> tuple[int, list[float]]:
    """Units of an activation, and the shares that are dead, saturated and inactive."""
    output = _of_member(call.output, place, fused)
    batch = list(output.shape).index(rows)
    axis = output.dim() - 1
    if not fused and output.dim() > 2 and _is_from_convolution(found, call):
        axis = 1
    if axis == batch:
        return 1, [0.0, 0.0, 0.0]
    values = output.movedim((batch, axis), (0, 1)).reshape(rows, output.shape[axis], -1)  # [n, units, places]
    dead = saturated = inactive = 0.0
    if call.name in RELUS:
        active = (values.amax(2) > 0).float().mean(0)  # [units]
        dead, inactive = float((active < 0.01).float().mean()), float((values <= 0).float().mean())
    elif call.name in SIGMOIDS and call.inputs:
        before = _of_member(call.inputs[0], place, fused)
        saturated = float((before.abs() > BEYOND).float().mean())
    return values.shape[1], [dead, saturated, inactive]


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
    return max(1, most)


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
