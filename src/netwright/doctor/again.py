"""The whole training once more with one thing changed: what another learning rate would have come to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError
from netwright.doctor.proof import Marks, alike, sharp
from netwright.doctor.record import Record
from netwright.doctor.replay import steps_done, top_rate
from netwright.doctor.standing import finite, paired
from netwright.doctor.steps import Steps
from netwright.nn.trainable import Trainable
from netwright.training.rules import RULES

SECONDS = 2.0  # of each; what is not done then is judged as it is
JUDGED = 1000  # validation rows
LOOKED_AT = 512  # training rows


@dataclass(frozen=True)
class Again:
    """What became of a network that was trained once more, beside the network as it is.

    Arguments:
        steps: that were made.
        loss: of some training rows, in evaluation mode.
        now: the same of the network as it is.
        gain: how much better its marks on validation rows are: of classes by how close their probabilities
            come to the truth (see `sharp`), of numbers R².
        error: standard error of the gain, of paired rows.
        before, after: mean marks (accuracy or R²) of the network as it is, and of this one.
    """

    steps: int
    loss: float
    now: float
    gain: float
    error: float
    before: float
    after: float

    def as_dict(self) -> dict[str, float | int | None]:
        """Evidence."""
        return {
            "steps": self.steps,
            "loss": round(self.loss, 6) if np.isfinite(self.loss) else None,
            "gain": round(self.gain, 4),
            "error": round(self.error, 4),
            "before": round(self.before, 4),
            "after": round(self.after, 4),
        }


def again(
    case: Case, record: Record, factor: float = 1.0, *, goes_on: bool = False, epochs: float = 1.0
) -> Again:
    """Trains a copy of the network as the plan says, with its weight decay and the rates of its epochs, on
    the rows that are known (4000 at most). Computed once for the same settings.

    Arguments:
        factor: of all learning rates.
        goes_on: from the network as it is, at the highest rate; else from the first weights.
        epochs: so many times as many steps as there were.

    Raises:
        CannotTellError: rows, first weights or the optimiser are not known, or hardly a step can be made.
    """
    key = f"again {factor:g} {goes_on} {epochs:g}"
    if key not in case.notes:
        try:
            case.notes[key] = _again(case, record, factor, goes_on, epochs)
        except CannotTellError as reason:
            case.notes[key] = reason
    found = case.notes[key]
    if isinstance(found, CannotTellError):
        raise found
    return found


def _again(case: Case, record: Record, factor: float, goes_on: bool, epochs: float) -> Again:
    if case.train is None or case.validation is None or record.start is None:
        raise CannotTellError("training rows, validation rows or the first weights are not known")
    if case.plan.optimizer not in RULES:
        raise CannotTellError(f"the optimiser {case.plan.optimizer} cannot be made again")
    network = case.twin()
    if not goes_on:
        with torch.no_grad():
            network.flat.copy_(record.start[None].to(network.flat))
    rates = record.learning_rate
    if goes_on or not len(rates) or not np.isfinite(rates).all():
        rates = np.array([top_rate(case, record)])
    count = max(1, round(epochs * steps_done(record)))
    done = _train(case, network, factor * np.repeat(rates, max(1, record.steps_per_epoch)), count)
    if done < min(count, 30):
        raise CannotTellError("a step takes too long to train the network once more")
    train, judged = case.train.spread(LOOKED_AT), case.validation.spread(JUDGED)
    before, after = _marks(case, case.network, judged), _marks(case, network, judged)
    compared = alike([before, after])
    gain, error = paired(compared[1], compared[0])
    return Again(
        done,
        case.loss(train, network),
        case.loss(train),
        gain,
        error,
        float(before[0].mean()),
        float(after[0].mean()),
    )


def _train(case: Case, network: Trainable, rates: np.ndarray, count: int) -> int:
    """Makes so many steps, as far as there is time for them, and tells how many."""
    steps = Steps(network, case.plan, case.plan.weight_decay or 0.0)
    began = time.thread_time()  # not that of others who compute here
    for step, (batch, weight) in zip(range(count), _batches(case), strict=False):
        steps.make(batch, float(rates[min(step, len(rates) - 1)]), weight)
        if step % 10 == 9 and time.thread_time() - began > SECONDS:
            return step + 1
    return count


def _batches(case: Case) -> Iterator[tuple[Rows, Tensor | None]]:
    """Batches of the plan's size and their weights [1, B], epoch after epoch; the same ones each time."""
    rows = case.train
    assert rows is not None
    size = min(len(rows), case.plan.batch_size or 64)
    even = bool((rows.weight == 1).all())
    drawing = torch.Generator().manual_seed(0)
    while True:
        for part in torch.randperm(len(rows), generator=drawing).split(size):
            if len(part) > 1 or size == 1:  # a last row alone has no batch statistics
                batch = rows.at(part.to(rows.weight.device))
                yield batch, None if even else batch.weight[None]


def _marks(case: Case, network: Trainable, rows: Rows) -> Marks:
    """Marks as of `Case.marks`, and those that tell small differences. Each [v]"""
    answers = case.answers(rows, network)
    marks = finite(case.marks(answers, rows))
    return marks, sharp(answers, case.wanted(rows)) if case.task in ("classes", "yes_no") else None
