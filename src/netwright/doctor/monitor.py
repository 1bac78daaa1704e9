"""Watches a training, member by member, at next to no cost: what the checks conclude from afterwards.

Steps are looked at by `looks`, the units after some epochs by `probes`; `recording` makes records of both.
Which steps and epochs are looked at depends on nothing but the sizes. No random number is drawn, and nothing
that a forward pass changes stays changed: weights are the same with and without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from netwright.doctor.looks import Looks
from netwright.doctor.memory import memory_of, recall
from netwright.doctor.probes import Probes
from netwright.doctor.record import Record
from netwright.doctor.recording import Recording, clips_of
from netwright.training.callbacks import Callback, State
from netwright.training.population import Population


class Monitor(Callback):
    """Fills `records`, one for each member, while a population trains."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.memory: dict[str, Any] | None = None  # of an earlier training that is taken up

    def remembered(self) -> dict[str, Any]:
        return memory_of(self)

    def remember(self, values: dict[str, Any]) -> None:
        self.memory = values

    def on_start(self, state: State) -> None:
        population: Population = state.population
        self.population, self.clips = population, clips_of(population)
        self.probes = Probes(population)
        self.looks = Looks(population, self.probes.take_rows)
        self.first: Tensor | None = None
        self.memory = None

    def on_epoch_start(self, state: State) -> None:
        if self.first is None:  # only now an earlier training has been taken up
            self._begin(state)
        self.looks.begin_epoch(state)

    def _begin(self, state: State) -> None:
        self.first = self.population.network.flat.detach().clone()  # [M, P]
        self.looks.begin(state)
        self.probes.begin(state)
        if self.memory is not None:
            recall(self, self.memory)

    def gradient_hook(self) -> Callable[[State], None] | None:
        return self.looks.see

    def on_epoch(self, state: State) -> None:
        self.looks.flush()
        if self.probes.is_due(state.epoch, state.epochs):
            self.probes.look(state.epoch)

    def on_end(self, state: State) -> None:
        self.records = []
        if self.first is None and self.memory is not None:  # it was broken off after its last step
            self._begin(state)
        if self.first is not None:
            self.looks.flush()
            self.looks.gather()
            self.probes.finish()
            recording = Recording(self.population, self.looks, self.probes, self.clips, self.first)
            self.records = recording.records()
        del self.looks, self.probes, self.first
