"""Whether the inputs that reach the first learnt layer are of a size that can be learnt from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.case import Case
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.trace import AFFINE, NORMS, Call, Trace

ROWS = 251  # a prime number, so that the axis of rows is known by its length
RECURRENT = {"lstm", "gru", "rnn_tanh", "rnn_relu"}
FIRST = AFFINE | RECURRENT | {"multi_head_attention_forward"}
LEARNT = FIRST | {"embedding", "embedding_bag"}
WIDE = 100.0  # size of a column over that of the middle one
LOUD, QUIET = 30.0, 3e-3  # root mean square of all columns
AWAY = 50.0  # mean over deviation of most columns
OFTEN = 0.01  # of the rows that have one and the same value
BEYOND = 5.0  # times the range of all others
CONTINUOUS = 10  # different values of the others


def unscaled_inputs(case: Case) -> Iterator[Diagnosis]:
    """The size of each column where it first meets learnt weights, whatever the network does to it before.

    Pixels of 0 to 16, numbers of deviation 1, 0 to 1 codes and what a normalisation has gone over lie between
    .2 and 10. Raw tables are far off: breast cancer's areas are 2,000 times, wine's proline is 300 times as
    large as the middle column. Where a normalisation follows the first layer, only relations of the columns
    to each other count. Whether it does harm is seen afterwards.

    One value that comes again and again, and lies five times the range of all others beyond them, stands for
    something that is missing: -999 and the like. No column of measurements has such a one: zeros of amounts,
    ends of scales and padding lie within the range of the others, or next to it.
    """
    if case.train is None:
        raise CannotTellError("the training rows come from a loader")
    found = firsts(case)
    if not found:
        raise CannotTellError("no layer was found that takes the inputs as numbers")
    for each in found:
        diagnosis = _judged(case, each)
        if diagnosis is not None:
            yield diagnosis
            return


@dataclass(frozen=True)
class First:
    """A layer that takes inputs as numbers.

    Arguments:
        call: of it.
        values: that it takes. [N, D]
        normed: whether a normalisation takes what it gives.
    """

    call: Call
    values: np.ndarray
    normed: bool


def firsts(case: Case) -> list[First]:
    """The learnt layers that no other learnt layer comes before, with what they take of training rows."""
    assert case.train is not None
    rows = case.train.spread(_prime(min(ROWS, len(case.train))))
    # In training mode, of a copy: a first batch norm has no statistics yet, and would collect some.
    found = replace(case, network=case.twin()).trace(rows, training=True)
    normed = {id(source) for call in found.of(NORMS) if (source := found.source(call)) is not None}
    first = []
    for call in _first(found):
        values = columns_of(call, len(rows))
        if values is not None:
            first.append(First(call, values.double().cpu().numpy(), id(call) in normed))
    return first


def sentinels(values: np.ndarray) -> dict[int, float]:
    """Columns with a value that stands for a missing one, and the value.

    Arguments:
        values: finite ones. [N, D]

    Example:
        >>> values = np.random.default_rng(0).normal(size=(200, 3))
        >>> values[::9, 1] = -999.0
        >>> sentinels(values)
        {1: -999.0}
    """
    found = {
        place: end for place, column in enumerate(values.T) if (end := _beyond(column, OFTEN)) is not None
    }
    others = {place: _beyond(column, 0.0) for place, column in enumerate(values.T) if place not in found}
    # What stands for a missing value in one column may be rare in another.
    return found | {
        place: end for place, end in others.items() if end is not None and end in {*found.values()}
    }


def _beyond(column: np.ndarray, often: float) -> float | None:
    """An end of a column that is far beyond all other values and comes so often. Values [N]"""
    for end in (column.min(), column.max()):
        others = column[column != end]
        count = len(column) - len(others)
        if not len(others) or count < max(3 if often else 1, often * len(column)):
            continue
        gap = np.abs(others - end).min()
        if gap > BEYOND * np.ptp(others) and len(np.unique(others)) >= CONTINUOUS:
            return float(end)
    return None


def _judged(case: Case, first: First) -> Diagnosis | None:
    call, normed = first.call, first.normed
    values = first.values[np.isfinite(first.values).all(1)]
    if len(values) < 2:
        return None
    mean, spread = values.mean(0), values.std(0)
    varying = spread > 1e-7 * np.abs(mean)
    if not varying.any():
        return None
    size = np.sqrt(np.square(values).mean(0))[varying]  # [V]
    numbers = np.flatnonzero(varying)
    middle, whole = float(np.median(size)), float(np.sqrt(np.square(size).mean()))
    away = np.abs(mean[varying]) / spread[varying]
    names = case.names if case.names is not None and len(case.names) == values.shape[1] else None
    largest = np.argsort(-size)[:3]

    def shown(place: int) -> str:
        column = numbers[place]
        name = names[column] if names else f"input {column + 1}"
        return f"{name} ({values[:, column].min():.4g} to {values[:, column].max():.4g})"

    missing = sentinels(values)
    if missing:
        some = [names[place] if names else f"input {place + 1}" for place in [*missing][:3]]
        share = np.mean([(values[:, place] == value).mean() for place, value in missing.items()])
        message = (
            f"{', '.join(some)}{' and others' if len(missing) > 3 else ''} "
            f"{'is' if len(missing) == 1 else 'are'} {next(iter(missing.values())):.4g} in "
            f"{100 * share:.0f} % of the rows, far from all others: a value that stands for a missing one is "
            "taken for a number"
        )
    elif size.max() >= WIDE * middle and size.max() > 1.0:
        big = [place for place in largest if size[place] >= WIDE * middle]
        message = (
            f"{', '.join(shown(place) for place in big)} drown the other inputs: the largest is "
            f"{size.max() / middle:,.0f} times as large as the middle one"
        )
    elif normed:
        return None
    elif whole >= LOUD:
        message = (
            f"inputs reach the first layer in sizes around {whole:,.4g}, such as "
            f"{', '.join(shown(place) for place in largest)}; networks learn well from sizes around 1"
        )
    elif whole <= QUIET:
        message = f"inputs reach the first layer in sizes around {whole:.2g}: too small to be noticed"
    elif float(np.median(away)) >= AWAY and whole > 1.0:
        message = (
            f"inputs lie far from 0 and hardly differ, such as {shown(int(largest[0]))}: their means are "
            f"{np.median(away):,.0f} times their deviations"
        )
    else:
        return None
    return Diagnosis(
        "unscaled_inputs",
        "warning" if normed else "error",
        message,
        {
            "layer": call.layer or call.name,
            "size": whole,
            "ratio": float(size.max() / max(middle, 1e-30)),
            "columns": [names[numbers[place]] if names else int(numbers[place]) for place in largest],
            "missing": {str(place): value for place, value in [*missing.items()][:50]},
            "series": {"size": np.sort(size)[:: max(1, len(size) // 200)].tolist()},
        },
        "a value such as -999 stands where nothing was known"
        if missing
        else "columns in their own units: the weights of large ones get nearly all of the gradient",
        Fix("fill such cells with the column's median, and tell in a column beside which they are")
        if missing
        else Fix(
            "bring each column to mean 0 and deviation 1 by the training rows, or begin the network with a "
            "normalisation (nn.BatchNorm1d, nw.layers.BatchNormalization)",
            {"inputs.number.scaling": "standard"},
        ),
        member=case.member,
    )


def _first(found: Trace) -> list[Call]:
    """The learnt layers that no other learnt layer comes before."""
    after: list[bool] = []
    first = []
    for call in found.calls:
        behind = any(after[number] for number in call.given if number >= 0)
        learnt = call.name in LEARNT and call.learnt
        if learnt and not behind and call.name in FIRST:
            first.append(call)
        after.append(behind or learnt)
    return first


def columns_of(call: Call, rows: int) -> Tensor | None:
    """The numbers that a layer takes, one row for each place that it takes them at. [N, D]"""
    for given in call.inputs:
        if rows in given.shape and given.dim() > 1 and given.is_floating_point():
            axis = 1 if call.name.startswith("conv") else given.dim() - 1
            if given.shape[axis] == rows and given.dim() < 3:
                return None
            return torch.movedim(given.detach(), axis, -1).reshape(-1, given.shape[axis])
    return None


def _prime(most: int) -> int:
    """The greatest prime number that is not above `most`."""
    return next((n for n in range(most, 2, -1) if all(n % d for d in range(2, int(n**0.5) + 1))), most)
