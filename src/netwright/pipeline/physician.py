"""The doctor beside `netwright train`: what it has to know of tables, and when a run is not worth a start."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch

from netwright.data.dataset import Dataset
from netwright.doctor.callback import Doctor
from netwright.doctor.case import MOST_ROWS, Case, Rows, case_of, evenly
from netwright.doctor.diagnosis import Diagnosis, Examination, NotChecked
from netwright.errors import InputError
from netwright.pipeline.assess import design_of
from netwright.pipeline.prepare import Prepared
from netwright.training.callbacks import State
from netwright.training.population import Population

MEANINGLESS = ("not_finite_data", "symmetric_start", "input_ignored")
"""errors before the first step after which no training can mean anything"""

WIDEST = 1000  # columns of numbers that simple models get; the most varied ones
SECONDS = 6.0  # that an examination may take; without them there is none


class Physician(Doctor):
    """The doctor of a run.

    Arguments:
        prepared: rows, split, schema, findings.
        data: raw tensors on the device.
        deadline: when training and examination must be over, by `time.monotonic`; None for no limit.
    """

    remembers = ("memory",)

    def __init__(self, prepared: Prepared, data: Dataset, deadline: float | None) -> None:
        super().__init__(preflight=prepared.config.doctor.preflight, verbose=0)
        self.prepared, self.data, self.deadline = prepared, data, deadline
        self.known: dict[bytes, np.ndarray] = {}

    def on_start(self, state: State) -> None:
        """Looks before the first step.

        Raises:
            InputError: the training would be without meaning.
        """
        if self._hurried():
            self.preflight = False
        super().on_start(state)
        for each in self.examination.diagnoses:
            if each.severity == "error" and each.id in MEANINGLESS:
                hint = f"{each.fix.text}; --no-preflight trains all the same"
                raise InputError(f"{each.title}: {each.message}", hint=hint)

    def examine(self, population: Population) -> Examination:
        if self._hurried():
            return Examination([], [NotChecked("underfitting", "the time limit left no time for it")])
        return super().examine(population)

    def _hurried(self) -> bool:
        return self.deadline is not None and self.deadline - time.monotonic() < SECONDS

    def case(self, population: Population, place: int) -> Case:
        test = self._rows(self.prepared.split.test)
        notes = {"findings": self.prepared.findings}
        return case_of(population, place, test=test, features=self._features, notes=notes)

    def _rows(self, rows: np.ndarray) -> Rows | None:
        """Some of the rows, evenly spaced."""
        if not len(rows):
            return None
        numbers = torch.from_numpy(rows).to(self.data.weight.device)
        if len(numbers) > MOST_ROWS:
            numbers = numbers[evenly(len(numbers), MOST_ROWS).to(numbers.device)]
        raw = {name: each[numbers] for name, each in self.data.raw.items()}
        return Rows(raw, self.data.target[numbers], self.data.weight[numbers], numbers)

    def _features(self, rows: Rows) -> np.ndarray:
        """Plain numbers of some rows, fitted on training rows. [n, F]"""
        assert rows.numbers is not None
        numbers = rows.numbers.cpu().numpy()
        train = self.prepared.split.train
        fitted = train[evenly(len(train), min(len(train), MOST_ROWS)).numpy()]
        matrices = design_of(self.prepared, self.data, fitted, numbers)
        first, found = matrices
        if first.shape[1] > WIDEST:
            variance = first.power(2).mean(0) - np.square(first.mean(0))
            widest = np.sort(np.argsort(np.asarray(variance).ravel())[-WIDEST:])
            found = found[:, widest]
        return found.toarray()


def told(diagnoses: Sequence[Diagnosis]) -> list[str]:
    """Lines for a run's log."""
    return [f"{each.severity}: {each.title}: {each.message}" for each in diagnoses]
