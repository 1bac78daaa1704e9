"""The doctor as a callback, for whatever trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from netwright.doctor import examine
from netwright.doctor.case import MOST_ROWS, Case, Rows, case_of, evenly, rows_of
from netwright.doctor.diagnosis import Diagnosis, Examination
from netwright.doctor.monitor import Monitor
from netwright.training.callbacks import State
from netwright.training.population import Population

MOST_MEMBERS = 3  # of a population that are examined


class Doctor(Monitor):
    """Looks at network and data before the first step, watches the training, and says what is wrong.

    Works with `nw.Trainer`, `Sequential`, estimators and whatever else trains. Nothing that it does changes
    the weights.

    Arguments:
        preflight: whether network and data are looked at before the first step, for some seconds.
        test: (x, y) of test rows, for checks that only report; arrays as the network takes them.
        groups: what the rows belong to (a patient, a shop), by part: {"train": [..], "validation": [..],
            "test": [..]}; whoever stands in two parts is told.
        names: of the inputs' columns.
        verbose: 1 prints what was found, before the first step and after the last; 0 is silent.

    Attributes:
        examination: all that was found, and what could not be looked for.
        diagnoses: of the examination; what to begin with first.
        seen: what the first member was like after the last step, with what the checks have found out.

    Example:
        >>> import numpy as np
        >>> from torch import nn
        >>> from netwright import Trainer
        >>> doctor = Doctor(verbose=0)
        >>> x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
        >>> trainer = Trainer(nn.Linear(4, 1), "mse", learning_rate=0.05, callbacks=[doctor])
        >>> _ = trainer.fit(x, x.sum(1), epochs=20, validation_split=0.2, verbose=0)
        >>> doctor.diagnoses
        []
    """

    def __init__(
        self,
        *,
        preflight: bool = True,
        test: tuple[Any, Any] | None = None,
        groups: dict[str, Sequence[Any]] | None = None,
        names: Sequence[str] | None = None,
        verbose: int = 1,
    ) -> None:
        super().__init__()
        self.preflight, self.test, self.verbose = preflight, test, verbose
        self.groups, self.names = groups, None if names is None else list(names)
        self.examination = Examination()
        self.seen: Case | None = None
        self._facts: dict[int, dict[str, Any]] = {}  # of the rows of each member, by its place

    @property
    def diagnoses(self) -> list[Diagnosis]:
        return self.examination.diagnoses

    def on_start(self, state: State) -> None:
        self.examination, self._facts = Examination(), {}
        super().on_start(state)
        if self.preflight:
            self.examination = examine.before(self.case(state.population, 0))
            if self.verbose and self.examination.primary is not None:
                found = self.examination.diagnoses
                print(f"Before the first step:\n\n{Examination(found)}\n")

    def on_end(self, state: State) -> None:
        super().on_end(state)
        self.examination = self.examine(state.population)
        for each in self.diagnoses:
            if each.id == "not_finite_loss":
                state.verdict = f"{each.message}; {each.cause}; {each.fix.text}"
        if self.verbose:
            print(self.examination)

    def examine(self, population: Population) -> Examination:
        """What can be said after the last step, of at most three members."""
        places = evenly(len(self.records), min(MOST_MEMBERS, len(self.records))).tolist()
        cases = [self.case(population, place) for place in places]
        self.seen = cases[0] if cases else None
        return examine.after(cases, [self.records[place] for place in places], self.examination)

    def case(self, population: Population, place: int) -> Case:
        """What is looked at of a member."""
        notes = {} if self.groups is None else {"groups": self.groups}
        test = None if self.test is None else _test_rows(population, *self.test)
        facts = self._facts.setdefault(place, {})
        return case_of(population, place, test=test, names=self.names, notes=notes, facts=facts)


def _test_rows(population: Population, x: Any, y: Any) -> Rows | None:
    """Test rows in the form of the training rows; None where these come from a loader."""
    like = rows_of(population.feed, 0, most=1)
    if like is None or isinstance(like.target, dict):
        return None
    parts = x if isinstance(x, dict | tuple) else (x,)
    values = list(parts.values()) if isinstance(parts, dict) else list(parts)
    raw = {
        name: torch.as_tensor(value).to(tensor.device, tensor.dtype)
        for (name, tensor), value in zip(like.raw.items(), values, strict=True)
    }
    target = torch.as_tensor(y).to(like.target.device, like.target.dtype)
    target = target.reshape(len(target), *like.target.shape[1:])
    rows = Rows(raw, target, torch.ones(len(target)))
    return rows.spread(MOST_ROWS)
