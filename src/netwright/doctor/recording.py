"""Makes the records of a training that is over, of what its steps and epochs left behind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.aside import array
from netwright.doctor.looks import Looks, Sample
from netwright.doctor.probes import Probes, Seen
from netwright.doctor.record import FirstBad, Parameter, Record, Units
from netwright.training.population import Population


class Recording:
    """All that was seen of a population, and from which its members' records are made.

    Arguments:
        population: at its end.
        looks: at its steps, gathered.
        probes: of its epochs.
        clips: norms that the members' gradients are clipped to. [M]
        first: the parameters before the first step. [M, P]
    """

    def __init__(
        self, population: Population, looks: Looks, probes: Probes, clips: list[float], first: Tensor
    ) -> None:
        self.population, self.looks, self.probes = population, looks, probes
        self.clips, self.first = clips, first
        layout = population.network.layout
        self.names = [place.name for place in layout.places]
        self.sizes = np.array(layout.sizes)
        shapes = [place.declared.shape for place in layout.places]
        self.matrix = [len([axis for axis in shape if axis > 1]) > 1 for shape in shapes]

    @np.errstate(all="ignore")
    def records(self) -> list[Record]:
        """One for each member; those of members that left stay as they were then."""
        looks, sizes = self.looks, self.sizes.tolist()
        change = (self.population.network.flat.detach() - self.first).abs_()
        moved = np.stack([array(part.amax(1)) for part in change.split(sizes, 1)], 1)  # [M, N]
        samples = [
            each._replace(
                parts=[part if isinstance(part, np.ndarray) else array(part) for part in each.parts]
            )
            for each in looks.samples
        ]
        return [self._record(member, samples, moved[member]) for member in range(looks.total)]

    def _record(self, member: int, samples: list[Sample], moved: np.ndarray) -> Record:
        population, history, looks = self.population, self.population.history, self.looks
        steps, norms, losses = self._steps(member)
        sampled = [
            each
            for each in samples
            if member in each.numbers and (looks.total == 1 or each.inside < looks.steps_of[member])
        ]
        rows = [row for row in history.rows if row["member"] == member]
        told = {name for row in rows for name in row if name.startswith("validation_")} - {"validation_loss"}
        probes = [
            (each.epoch, each.losses[place], each.units[place])
            for each in self.probes.found
            if member in each.numbers
            for place in [each.numbers.index(member)]
        ]
        bad = looks.bad.get(member)
        if bad is None and not np.isfinite(norms).all():
            bad = FirstBad(steps[int(np.argmin(np.isfinite(norms)))], None, None)
        return Record(
            member,
            population.epochs,
            looks.steps_of[member],
            np.array(steps, dtype=np.int64),
            norms,
            losses,
            self.clips[member],
            np.array([looks.own_step(member, each.epoch, each.inside) for each in sampled], dtype=np.int64),
            self._parameters([(each.numbers.index(member), each.parts) for each in sampled], moved),
            np.array([epoch for epoch, _, _ in probes], dtype=np.int64),
            _units_of([units for _, _, units in probes]),
            _column(rows, "train_loss"),
            _column(rows, "validation_loss"),
            {name.removeprefix("validation_"): _column(rows, name) for name in sorted(told)},
            _column(rows, "learning_rate"),
            np.array([loss for _, loss, _ in probes], dtype=np.float64),
            population.state.best_epoch[member] if history.best_epoch else 0,
            bool(history.best_epoch),
            history.stopped,
            None if bad is None else bad.step,
            None if bad is None else bad.where,
            None if bad is None else bad.cause,
            self._waiting(),
            self.first[member],
        )

    def _steps(self, member: int) -> tuple[list[int], np.ndarray, np.ndarray]:
        """The steps of a member that were looked at, their norms and losses."""
        steps: list[int] = []
        norms, losses = [], []
        for each in self.looks.looked:
            if member in each.numbers:
                column = each.numbers.index(member)
                own = each.active[:, column]
                steps += [self.looks.own_step(member, *place) for place in each.places[own].tolist()]
                norms.append(each.norm[own, column])
                losses.append(each.loss[own, column])
        return steps, _joined(norms), _joined(losses)

    def _parameters(self, sampled: list[tuple[int, list[Any]]], moved: np.ndarray) -> list[Parameter]:
        columns = [
            np.array([parts[which][place] for place, parts in sampled], dtype=np.float64).reshape(
                -1, len(self.sizes)
            )
            for which in range(4)
        ]
        gradient, zeros, weight, change = columns  # each [Q, N]
        sizes = self.sizes
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
        return waited / (waited + worked) if self.looks.on_cpu and worked else None


def clips_of(population: Population) -> list[float]:
    """The norms that gradients are clipped to, as `Record.clip`. [M]"""
    given, members = population.given_clip, population.members
    if given is None:
        return [float(member.clip_norm) for member in members]
    if given.norm is None:
        others = (given.value, given.each_norm, given.percentile)
        return [math.inf if all(each is None for each in others) else math.nan] * len(members)
    return torch.as_tensor(given.norm, dtype=torch.float64).reshape(-1).expand(len(members)).tolist()


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)


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
