"""Whether the network does not even learn what simple models learn: the last explanation of a bad one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from netwright.doctor.case import Case
from netwright.doctor.checks.overfitting import GAP_OF_BAD, _error, _short
from netwright.doctor.checks.weak_slices import explained
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.flow import Flow, flow_of, output_of, spoken
from netwright.doctor.record import Record
from netwright.doctor.standing import standing
from netwright.doctor.trouble import drawn, marked
from netwright.nn.foreign import ForeignNetwork

NARROW = 4  # units of the narrowest hidden layer
NECK = 2  # numbers of a row
COMMON = 0.8  # share of the commonest class
FALLING = 0.07  # share of the fall of the training loss that came in the last fifth of the epochs


def underfitting(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The network is clearly worse than a simple model (see `Standing.bad`), or no better than nothing; not
    because it knows its training rows by heart, or because of one weak part of the rows.

    An error where it is behind by .1 on validation and on training rows, on these by 3 standard errors. The
    cause is told apart: a layer of at most four units, no non-linearity, or a loss that still falls. Where
    all that is known of a row has to pass through one or two numbers, that explains all else that is seen:
    units that die there, answers that are all alike, a loss that hardly falls.
    """
    stand = standing(case)
    if not (stand.bad or stand.useless):
        return
    if stand.best == "constant" and stand.references["constant"].mean() > COMMON and stand.behind <= 0:
        return  # of rare classes nobody knows enough to be right more often than the commonest answer
    if len(stand.validation):
        gap = float(stand.train.mean() - stand.validation.mean())
        error = float(np.hypot(_error(stand.train), _error(stand.validation)))
        if gap >= max(GAP_OF_BAD, 3 * error):
            return  # it has learnt, but not what helps elsewhere: `overfitting`
        if explained(case, stand):
            return
    widths = _widths(case)
    narrow = min(widths, default=None)
    neck = _neck(case)
    falling = _falling(record)
    evidence: dict[str, Any] = {
        "train": _short(stand.train.mean()),
        "best_simple": stand.best,
        "behind": _short(stand.behind),
        "error": _short(stand.error),
        "train_behind": _short(stand.train_behind),
        "train_error": _short(stand.train_error),
        "learnt": _short(stand.learnt),
        "parameters": case.network.parameter_count,
        "narrowest": narrow,
        "still_falling": _short(falling),
        "series": {
            "train_loss": drawn(record.train_loss),
            "validation_loss": drawn(record.validation_loss),
        },
    }
    if neck is not None:
        evidence["neck"] = neck[1]
    sure = (
        min(stand.behind, stand.train_behind) >= 0.1
        and stand.train_behind > 3 * stand.train_error
        and stand.behind > 2 * stand.error
    )
    best = stand.references[stand.best]
    own = stand.validation if len(stand.validation) else stand.train
    if neck is not None:
        cause = (
            f"a network that is too small: all that it knows of a row passes through "
            f"{'one number' if neck[1] == 1 else f'{neck[1]} numbers'} ({neck[0]})"
        )
        fix = Fix("a wider network", {"network.width": 64})
    elif narrow is not None and narrow <= NARROW:
        cause = f"a network that is too small: its narrowest layer has {narrow} unit{'s' * (narrow > 1)}"
        fix = Fix("a wider network", {"network.width": 64})
    elif falling > FALLING:
        cause = "a training that ended too early: the loss was still falling; or a rate that is too low"
        fix = Fix("more epochs, or a higher learning rate", {"training.epochs": 3 * max(1, record.epochs)})
    elif not widths:
        cause = "a network without hidden layers, which learns straight lines only"
        fix = Fix("a hidden layer", {"network.depth": 2, "network.width": 64})
    else:
        cause = (
            "a network that is too small for the task, a learning rate that does not suit it, or too much "
        )
        cause += "weight decay or dropout"
        fix = Fix(
            "try other learning rates; then a wider network with less weight decay and dropout; "
            "`netwright tune` searches all of them",
            {"training.learning_rate": "auto"},
        )
    yield Diagnosis(
        "underfitting",
        "error" if sure else "warning",
        f"the network is worse than a simple model: {marked(case, own)} on {stand.judged_on} rows and "
        f"{marked(case, stand.train)} on its training rows, where {_named(stand.best)} "
        f"{'have' if stand.best in ('neighbours', 'trees') else 'has'} {marked(case, best)} on the former",
        evidence,
        cause,
        fix,
        member=case.member,
    )


def _neck(case: Case) -> tuple[str, int] | None:
    """The operation before the last layer that gives the fewest numbers of a row and that no path from the
    inputs goes around, and how many they are; None where it is more than two, or all that the inputs have."""
    try:
        flow = flow_of(case)
        end = flow.number_of(output_of(flow.trace))
    except CannotTellError:
        return None
    calls = flow.trace.calls
    layers = [number for number in flow.reaching(end) if flow.is_affine(calls[number])]
    if not layers:
        return None
    inputs = sum(each[0].numel() for each in flow.rows.raw.values())
    sizes = {
        number: calls[number].output.numel() // flow.count
        for number in flow.reaching(flow.before(calls[layers[-1]]))
    }
    for number in sorted(sizes, key=lambda each: sizes[each]):
        if sizes[number] > min(NECK, inputs - 1):
            return None
        if not _goes_around(flow, flow.before(calls[layers[-1]]), number):
            return spoken(calls[number]), sizes[number]
    return None


def _goes_around(flow: Flow, end: int, without: int) -> bool:
    """Whether an operation gets something of the rows that has not passed through another one."""
    open_, seen = [end], {without}
    while open_:
        number = open_.pop()
        if number in seen:
            continue
        seen.add(number)
        call = flow.trace.calls[number]
        for given, tensor in zip(call.given, call.inputs, strict=True):
            if given < 0 and flow.holds_rows(tensor):
                return True
            if given >= 0:
                open_.append(given)
    return False


def _named(reference: str) -> str:
    return {
        "constant": "a constant answer",
        "linear": "a linear model",
        "neighbours": "the nearest neighbours",
        "trees": "trees",
    }[reference]


def _widths(case: Case) -> list[int]:
    """Outputs of all hidden layers with a matrix."""
    foreign = isinstance(case.network, ForeignNetwork)
    shapes = [place.declared.shape for place in case.network.layout.places if place.declared.decay]
    shapes = [shape for shape in shapes if len(shape) > 1 and (foreign or shape[0] > 1)]  # no biases [1, U]
    return [shape[0 if foreign else -1] for shape in shapes[:-1]]


def _falling(record: Record) -> float:
    """Share of the training loss's fall that came in the last fifth of the epochs; .2 of a straight one."""
    loss = record.train_loss[np.isfinite(record.train_loss)]
    part = max(1, len(loss) // 5)
    if len(loss) < 3 or loss[0] <= loss[-1]:
        return 0.0
    return float((loss[-1 - part] - loss[-1]) / (loss[0] - loss[-1])) * min(1.0, len(loss) / 5 / part)
