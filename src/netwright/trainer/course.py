"""One training from its first weights to its end, as a value that can be changed and made again."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netwright import callbacks as public
from netwright.doctor.callback import Doctor
from netwright.doctor.case import Case, case_of
from netwright.doctor.diagnosis import CannotTellError, Examination
from netwright.doctor.proof import WORST, Marks, bounded, sharp_of
from netwright.errors import NetwrightError
from netwright.nn.foreign import ForeignNetwork
from netwright.training.callbacks import Callback, State

WRITERS = (Doctor, public.CSVLogger, public.ModelCheckpoint, public.TensorBoard, public.History)
"""callbacks that do not change a training, and are not wanted beside a trial"""


@dataclass(frozen=True)
class Again:
    """An optimiser of PyTorch, to be made for other modules of the same kind.

    Arguments:
        kind: its class.
        groups: settings of each group of parameters, and which of the module's they are.
        count: of the module's parameters; another module has all of its own in the first group.
    """

    kind: Any
    groups: tuple[tuple[dict[str, Any], tuple[int, ...]], ...]
    count: int

    @classmethod
    def of(cls, made: torch.optim.Optimizer, module: nn.Module) -> Again:
        places = {id(each): place for place, each in enumerate(module.parameters())}
        groups = tuple(
            (
                {name: value for name, value in group.items() if name != "params"},
                tuple(places[id(each)] for each in group["params"] if id(each) in places),
            )
            for group in made.param_groups
        )
        return cls(type(made), groups, len(places))

    @property
    def whole(self) -> bool:
        """Whether it holds all parameters."""
        return sum(len(places) for _, places in self.groups) == self.count

    def __call__(self, module: nn.Module) -> torch.optim.Optimizer:
        own = list(module.parameters())
        if len(own) != self.count:
            return self.kind([{"params": own, **self.groups[0][0]}])
        return self.kind([{"params": [own[each] for each in at], **given} for given, at in self.groups])


@dataclass(frozen=True)
class Judge:
    """Marks by a training's own loss, for answers that cannot be marked beside their targets: several
    quantiles of one number, a mean and a variance, what a function of the user's own makes of them.

    Arguments:
        loss: as it was given; networks with another one are not compared.
        scale: twice the mean loss of the original on validation rows, whose mean mark is about .5 then; 1 is
            the mark of no loss, and the worst that counts is that of a row with four times the mean loss.
    """

    loss: Any
    scale: float

    @classmethod
    def of(cls, loss: Any, case: Case) -> Judge:
        """By what an original training has come to."""
        scale = 2 * abs(case.loss(case.validation)) if case.validation is not None else math.nan
        return cls(loss, scale if math.isfinite(scale) and scale > 0 else 1.0)

    def marks(self, case: Case, network: ForeignNetwork | None = None) -> np.ndarray:
        """Of each validation row. [v]"""
        held = case.validation
        assert held is not None
        losses = [case.loss(held.at(slice(row, row + 1)), network) for row in range(len(held))]
        return bounded(1.0 - np.array(losses) / self.scale)


@dataclass(frozen=True)
class Course:
    """All that a training depends on.

    Arguments:
        module: with the weights that it starts from; never trained itself.
        loss, optimizer, learning_rate, schedule, clip_norm: as of `Trainer`; or an `Again`.
        epochs, batch_size, shuffle: as of `Trainer.fit`.
        x, y, weight: training rows.
        validation: (x, y) that choices are made on.
        seed: of order and dropout.
        callbacks: the user's own, as they were before any training; copies are used.
        options: other arguments of `Trainer`: device, precision, metrics, ...
        changes: what was changed of the user's course, in words.
        judge: who compares networks whose answers cannot be marked; nobody unless given.
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
    seed: int = 0
    callbacks: tuple[Callback, ...] = ()
    options: dict[str, Any] = field(default_factory=lambda: {"device": "cpu"})
    shuffle: bool = True
    changes: tuple[str, ...] = ()
    judge: Judge | None = None

    def changed(self, words: str, **values: Any) -> Course:
        """The same with other values, and what that means."""
        return replace(self, changes=(*self.changes, words), **values)


class Memory(Callback):
    """Keeps the weights of some epochs, and the case as it is at the end. Changes nothing.

    Arguments:
        at: an epoch whose weights are wanted; another training is compared with them.

    Attributes:
        case: at the end; None where the training never began.
        losses: mean training loss of each epoch. [E]
        best, best_epoch: the network of the epoch with the lowest validation loss; None and 0 without any.
        last: the network of the last epoch whose loss was a finite number.
    """

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.case: Case | None = None
        self.losses: list[float] = []
        self.lowest, self.best_epoch, self.seed = math.inf, 0, 0
        self.kept: dict[str, list[Tensor]] = {}

    def on_start(self, state: State) -> None:
        self.seed = int(state.population.members[0].seed)

    def on_epoch(self, state: State) -> None:
        row, network = state.rows[0], state.population.network
        self.losses.append(float(row["train_loss"]))
        loss = float(row.get("validation_loss", math.nan))
        names = ["last"] if bool(torch.isfinite(network.flat).all()) else []
        if loss < self.lowest and names:
            self.lowest, self.best_epoch = loss, state.epoch
            names.append("best")
        if state.epoch <= self.at:
            names.append("at")
        if names:
            values = [each.detach().clone() for each in (network.flat, *network.live())]
            self.kept |= dict.fromkeys(names, values)

    def on_end(self, state: State) -> None:
        self.case = case_of(state.population)

    def network(self, name: str) -> ForeignNetwork | None:
        """What was kept as "best", "last" or "at"."""
        if self.case is None or name not in self.kept:
            return None
        made = self.case.twin()
        assert isinstance(made, ForeignNetwork)
        with torch.no_grad():
            for own, value in zip((made.flat, *made.live()), self.kept[name], strict=True):
                own.copy_(value)
        made.detach()
        return made


@dataclass
class Outcome:
    """What a course has led to.

    Arguments:
        module: trained.
        marks: of the validation rows, as `Case.marks`; all the worst where the training broke down. [v]
        memory: of the training.
        examination: what the doctor said, where it was asked.
        failure: why it broke down; None when it did not.
        coded: whether its numbers are codes of classes, so that the nearest code is right or wrong.
        judge: see `Course`; None where the loss is another one than the judge's, too.
    """

    module: nn.Module
    marks: np.ndarray
    memory: Memory
    examination: Examination
    failure: NetwrightError | None = None
    coded: bool = False
    judge: Judge | None = None

    @property
    def case(self) -> Case | None:
        return self.memory.case

    @property
    def epochs(self) -> int:
        """That were made."""
        return max(1, len(self.memory.losses))

    @property
    def score(self) -> float:
        """The mean mark: accuracy or R² of the validation rows."""
        return float(self.marks.mean())

    @property
    def classes(self) -> np.ndarray | None:
        """Of the validation rows. [v] or None"""
        case = self.case
        if case is None or case.validation is None or case.task not in ("classes", "yes_no"):
            return None
        return case.wanted(case.validation)

    @property
    def all_marks(self) -> Marks:
        """Marks of the validation rows, and sharper ones."""
        return self.marks, self.marks if self.failure is not None else self._marks(None)[1]

    def as_codes(self) -> Outcome:
        """The same, where its numbers are codes of classes."""
        made = replace(self, coded=True)
        return made if self.failure is not None else replace(made, marks=made._marks(None)[0])

    def judged_by(self, judge: Judge) -> Outcome:
        """The same, marked by a judge."""
        made = replace(self, judge=judge)
        return replace(made, marks=made._marks(None)[0])

    def _marks(self, network: ForeignNetwork | None) -> Marks:
        return marks_of(self.case, network, len(self.marks), coded=self.coded, judge=self.judge)

    def kept(self, name: str) -> Marks:
        """Both of weights that were kept, see `Memory`; the worst where there are none."""
        network = self.memory.network(name)
        if network is None:
            return np.full_like(self.marks, WORST), np.full_like(self.marks, WORST)
        return self._marks(network)


def can_be_marked(case: Case) -> bool:
    """Whether answers for validation rows can be marked beside their targets."""
    if case.validation is None or case.task == "unknown":
        return False
    row = case.validation.at(slice(0, 1))
    try:
        case.marks(case.answers(row), row)
    except CannotTellError:
        return False
    return True


def marks_of(
    case: Case | None,
    network: ForeignNetwork | None = None,
    rows: int = 1,
    *,
    coded: bool = False,
    judge: Judge | None = None,
) -> Marks:
    """Marks of the validation rows, and sharper ones of probabilities."""
    if case is None or case.validation is None:
        return np.full(rows, WORST), np.full(rows, WORST)
    if judge is not None:
        return judge.marks(case, network), None
    if case.task == "unknown":
        return np.full(rows, WORST), np.full(rows, WORST)
    held = case.validation
    answers = case.answers(held, network)
    if coded:
        right = (np.rint(answers) == case.wanted(held)).all(1).astype(np.float64)
        return right, None
    try:
        marks = bounded(case.marks(answers, held))
    except CannotTellError:
        return np.full(rows, WORST), np.full(rows, WORST)
    return marks, sharp_of(case, answers, held)


def follow(
    course: Course, epochs: int | None = None, *, doctor: Doctor | None = None, at: int = 0
) -> Outcome:
    """Trains a copy of a course's module.

    Arguments:
        course: what to do; not changed.
        epochs: other than the course's.
        doctor: who is asked; nobody unless given.
        at: see `Memory`.
    """
    from netwright.trainer.trainer import Trainer  # which offers this as a method

    module = copy.deepcopy(course.module)
    own = course.optimizer
    trainer = Trainer(
        module,
        course.loss,
        own(module) if isinstance(own, Again) else own,
        course.learning_rate,
        callbacks=copy.deepcopy(course.callbacks),
        schedule=course.schedule,
        clip_norm=course.clip_norm,
        seed=course.seed,
        **course.options,
    )
    return watched(trainer, course, course.epochs if epochs is None else epochs, doctor=doctor, at=at)


def watched(
    trainer: Any, course: Course, epochs: int, *, doctor: Doctor | None = None, at: int = 0, verbose: int = 0
) -> Outcome:
    """Trains a trainer's own module, as it does by itself.

    Raises:
        InputError: data that do not fit.
    """
    memory, own = Memory(at), trainer.callbacks
    failure = None
    trainer.callbacks = [*own, memory, *(() if doctor is None or doctor in own else (doctor,))]
    try:
        trainer.fit(
            course.x,
            course.y,
            epochs=epochs,
            batch_size=course.batch_size,
            validation_data=course.validation,
            sample_weight=course.weight,
            shuffle=course.shuffle,
            verbose=verbose,
        )
    except NetwrightError as error:
        if memory.case is None:
            raise  # the data do not fit: nothing to do with how the training went
        failure = error
    finally:
        trainer.callbacks = own
    held = None if memory.case is None else memory.case.validation
    rows = len(course.validation[1]) if held is None else len(held)  # some of many
    judge = course.judge if course.judge is not None and course.judge.loss is course.loss else None
    marks = np.full(rows, WORST)
    if failure is None and (judge is not None or course.judge is None):
        marks = marks_of(memory.case, rows=rows, judge=judge)[0]
    examination = doctor.examination if doctor is not None else Examination()
    return Outcome(trainer.module, marks, memory, examination, failure, judge=judge)


def steering(callbacks: Sequence[Callback]) -> tuple[Callback, ...]:
    """Copies of those that may change a training, as they are now."""
    return tuple(copy.deepcopy(each) for each in callbacks if not isinstance(each, WRITERS))
