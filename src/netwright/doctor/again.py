"""The whole training once more with one thing changed: what it would have come to with the usual."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.case import Case, Plan, Rows
from netwright.doctor.diagnosis import CannotTellError, Diagnosis
from netwright.doctor.proof import Marks, alike, sharp_of
from netwright.doctor.record import Record
from netwright.doctor.replay import steps_done, top_rate, unregularised
from netwright.doctor.standing import finite, paired
from netwright.doctor.steps import Steps, few_threads
from netwright.doctor.trouble import marked
from netwright.doctor.usual_loss import UsualLoss
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.trainable import Trainable

SECONDS = 2.0  # of each; what is not done then is judged as it is
JUDGED = 1000  # validation rows
LOOKED_AT = 512  # training rows
USUAL_RATES = (3e-4, 1e-2)  # of Adam
SURELY, PLAIN = 2.5, 0.03  # standard errors; marks
ANY_RATE = 3e-3  # of Adam, where the training's own is none of them


@dataclass(frozen=True)
class Change:
    """What is other in the training that is made once more.

    Arguments:
        factor: of all learning rates.
        goes_on: from the network as it is, at the highest rate; else from the first weights.
        epochs: so many times as many.
        usual: Adam without clipping and penalties, at the training's rate where that is one that Adam has.
        calm: no dropout, weight decay and penalties.
        free: frozen parameters train too, but for those of another type or device than the others.
        start: first weights to begin with, in the place of the training's. [P]
        batch: rows of a step; there are as many epochs as before.
        loss: the usual one of the task, in the place of a module's own.
    """

    factor: float = 1.0
    goes_on: bool = False
    epochs: float = 1.0
    usual: bool = False
    calm: bool = False
    free: bool = False
    start: Tensor | None = None
    batch: int | None = None
    loss: bool = False

    @property
    def key(self) -> str:
        own = replace(self, start=None)
        return f"again {own} {'' if self.start is None else float(self.start.double().square().sum())}"


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
        held: loss of the validation rows.
    """

    steps: int
    loss: float
    now: float
    gain: float
    error: float
    before: float
    after: float
    held: float = float("nan")

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


def again(case: Case, record: Record, change: Change | None = None) -> Again:
    """Trains a copy of the network as the plan says but for the change, with its weight decay and the rates
    of its epochs, on the rows that are known (4000 at most). Computed once for the same change.

    Raises:
        CannotTellError: rows, first weights or the optimiser are not known, or hardly a step can be made.
    """
    change = change or Change()
    if change.key not in case.notes:
        try:
            with few_threads(case.network):
                case.notes[change.key] = _again(case, record, change)
        except CannotTellError as reason:
            case.notes[change.key] = reason
    found = case.notes[change.key]
    if isinstance(found, CannotTellError):
        raise found
    return found


def better(case: Case, record: Record, change: Change) -> Again | None:
    """The training made once more where it is clearly better, on validation rows and on training rows."""
    found = again(case, record, change)
    clear = found.gain > max(SURELY * found.error, PLAIN)
    return found if clear and (change.loss or not found.loss >= found.now) else None


def compared(case: Case, found: Again) -> str:
    """In words."""
    return f"{marked(case, found.after)} on validation rows, where it was {marked(case, found.before)}"


def with_proof(diagnosis: Diagnosis, case: Case, found: Again, how: str) -> Diagnosis:
    """A diagnosis that tells besides what a training made once more has come to, and how that was made."""
    told = f"{diagnosis.message}; as many steps {how} lead to {compared(case, found)}"
    return replace(diagnosis, message=told, evidence=diagnosis.evidence | {"gained": found.as_dict()})


def _again(case: Case, record: Record, change: Change) -> Again:
    if case.train is None or case.validation is None or record.start is None:
        raise CannotTellError("training rows, validation rows or the first weights are not known")
    if case.task == "unknown":
        raise CannotTellError("what the targets are is not known")
    if not case.plan.repeatable and not change.usual:
        raise CannotTellError(f"the optimiser {case.plan.optimizer} cannot be made again")
    network, plan = _copy(case, record, change), _plan(case, record, change)
    rates = record.learning_rate
    if change.usual:
        rates = np.array([plan.learning_rate])
    elif change.goes_on or not len(rates) or not np.isfinite(rates).all():
        rates = np.array([top_rate(case, record)])
    steps, each = steps_done(record), max(1, record.steps_per_epoch)
    if change.batch is not None:
        longer = -(-len(case.train) // change.batch) / -(-len(case.train) // max(1, case.plan.batch_size))
        steps, each = round(steps * longer), max(1, round(each * longer))
    count = max(1, round(change.epochs * steps))
    done = _train(case, network, plan, change, change.factor * np.repeat(rates, each), count)
    if done < min(count, 30):
        raise CannotTellError("a step takes too long to train the network once more")
    if isinstance(network, ForeignNetwork) and isinstance(case.network, ForeignNetwork):
        network.goal = case.network.goal  # judged by the loss that it has
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
        case.loss(judged, network),
    )


def _copy(case: Case, record: Record, change: Change) -> Trainable:
    """What is trained, with its first weights."""
    network = (unregularised(case) if change.calm else None) or case.twin()
    if not change.goes_on:
        first = record.start if change.start is None else change.start
        assert first is not None
        with torch.no_grad():
            network.flat.copy_(first[None].to(network.flat))
    if change.free and isinstance(network, ForeignNetwork):
        style, module = network.style, network.owned[0]
        for each in module.parameters():
            each.requires_grad_(each.dtype == network.flat.dtype and each.device == network.flat.device)
        network = ForeignNetwork([module], network.goal)
        network.style = style
        network.attach()
    if change.loss:
        if not isinstance(network, ForeignNetwork):
            raise CannotTellError("the loss of a network of Netwright's own is that of its task")
        network.goal = UsualLoss(network.goal, case.task)
    return network


def _plan(case: Case, record: Record, change: Change) -> Plan:
    """By which settings."""
    plan = case.plan
    if change.usual:
        rate, (low, high) = top_rate(case, record), USUAL_RATES
        known = plan.optimizer.startswith("adam") and low <= rate <= high
        used = rate if known else ANY_RATE
        plan = replace(plan, optimizer="adam", learning_rate=used, momentum=0.0, clip_norm=None, rule={})
    if change.usual or change.calm:
        plan = replace(plan, weight_decay=0.0)
    return plan if change.batch is None else replace(plan, batch_size=change.batch)


def _train(case: Case, network: Trainable, plan: Plan, change: Change, rates: np.ndarray, count: int) -> int:
    """Makes so many steps, as far as there is time for them, and tells how many."""
    steps = Steps(network, plan, plan.weight_decay or 0.0, free=change.free)
    began = time.thread_time()  # not that of others who compute here
    for step, (batch, weight) in zip(range(count), _batches(case, plan.batch_size), strict=False):
        steps.make(batch, float(rates[min(step, len(rates) - 1)]), weight)
        if step % 10 == 9 and time.thread_time() - began > SECONDS:
            return step + 1
    return count


def _batches(case: Case, size: int) -> Iterator[tuple[Rows, Tensor | None]]:
    """Batches of a size and their weights [1, B], epoch after epoch; the same ones each time."""
    rows = case.train
    assert rows is not None
    size = min(len(rows), size or 64)
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
    return finite(case.marks(answers, rows)), sharp_of(case, answers, rows)
