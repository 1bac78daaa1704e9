"""One training from its first weights to its end, as a value that can be changed and made again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from netwright.doctor.callback import Doctor
from netwright.doctor.case import Case, case_of
from netwright.doctor.diagnosis import Examination
from netwright.errors import NetwrightError
from netwright.training.callbacks import Callback, State

WORST = -1.0  # the least mark that counts: what is beyond it is as bad


@dataclass(frozen=True)
class Course:
    """All that a training depends on.

    Arguments:
        module: with the weights that it starts from; never trained itself.
        loss, optimizer, learning_rate, schedule, clip_norm: as of `Trainer`.
        epochs, batch_size: as of `Trainer.fit`.
        x, y, weight: training rows.
        validation: (x, y) that choices are made on.
        seed: of order and dropout.
        callbacks: the user's own.
        changes: what was changed of the user's course, in words.
    """

    module: nn.Module
    loss: Any
    optimizer: Any
    learning_rate: Any
    schedule: Any
    clip_norm: float | None
    epochs: int
    batch_size: int
    x: Any
    y: Any
    weight: Any
    validation: tuple[Any, Any]
    seed: int
    callbacks: tuple[Callable[[], Callback], ...] = ()
    changes: tuple[str, ...] = ()

    def changed(self, words: str, **values: Any) -> Course:
        """The same with other values, and what that means."""
        return replace(self, changes=(*self.changes, words), **values)


@dataclass
class Outcome:
    """What a course has led to.

    Arguments:
        module: trained; None when the training broke down before its first epoch was over.
        marks: of the validation rows, as `Case.marks`. [v]
        losses: mean training loss of each epoch. [E]
        examination: what the doctor said, where it was asked.
        case: of the trained network; None when it broke down.
        epochs: that were made.
    """

    module: nn.Module
    marks: np.ndarray
    losses: list[float]
    examination: Examination
    case: Case | None
    epochs: int

    @property
    def score(self) -> float:
        """The mean mark: accuracy or R² of the validation rows."""
        return float(self.marks.mean())


class _Judge(Callback):
    """Keeps the case as it is at the end."""

    case: Case | None = None

    def on_end(self, state: State) -> None:
        self.case = case_of(state.population)


def follow(course: Course, epochs: int | None = None, *, doctor: Doctor | None = None) -> Outcome:
    """Trains a copy of a course's module.

    Arguments:
        course: what to do; not changed.
        epochs: other than the course's.
        doctor: who is asked; nobody unless given.
    """
    from netwright.trainer.trainer import Trainer  # which offers this as a method

    module, judge = copy.deepcopy(course.module), _Judge()
    watching = [make() for make in course.callbacks] + [judge] + ([doctor] if doctor is not None else [])
    count = course.epochs if epochs is None else epochs
    trainer = Trainer(
        module,
        course.loss,
        course.optimizer,
        course.learning_rate,
        callbacks=watching,
        schedule=course.schedule,
        clip_norm=course.clip_norm,
        seed=course.seed,
        device="cpu",
    )
    losses: list[float] = []
    try:
        history = trainer.fit(
            course.x,
            course.y,
            epochs=count,
            batch_size=course.batch_size,
            validation_data=course.validation,
            sample_weight=course.weight,
            verbose=0,
        )
        losses = list(history.history["loss"])
    except NetwrightError:
        if doctor is None and judge.case is None and trainer.network is None:
            raise  # the data do not fit: nothing to do with how the training went
    rows = len(course.validation[1])
    marks = np.full(rows, WORST)
    case = judge.case
    if case is not None and case.validation is not None and case.task != "unknown":
        found = case.marks(case.answers(case.validation), case.validation)
        marks = np.clip(np.nan_to_num(found, nan=WORST), WORST, 1.0)
    examination = doctor.examination if doctor is not None else Examination()
    return Outcome(module, marks, losses, examination, case, max(1, len(losses)))
