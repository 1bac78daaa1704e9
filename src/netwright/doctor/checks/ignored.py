"""Whether what a network answers depends on what it is given."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.case import Case, Rows
from netwright.doctor.constant import only_output, row_axis
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.standing import standing
from netwright.doctor.trace import RELUS
from netwright.nn.trainable import Trainable

ROWS = 67  # a prime number, so that the axis of rows is known by its length
SAME = 1e-6  # differences between rows over the size of the answers
HALF = 0.5  # share of the columns
LEAST = 0.02  # marks that simple models gain; less is nothing to see


def input_ignored(case: Case) -> Iterator[Diagnosis]:
    """Whether the answers to different rows differ at all, before the first step.

    A copy of the network is looked at, whose weights are shaken a little: a last layer of zeros, which is a
    good start, does not hide the inputs then, while units that never switch, an input that is multiplied by 0
    or a softmax over one number still do. Both the answers' differences and the slopes must be 0.
    """
    if case.train is None:
        raise CannotTellError("the training rows come from a loader")
    rows = _different(case.train.spread(ROWS))
    twin = _shaken(case)
    reach = _reach(case, rows, twin)
    if not any(reach.values()) and _lost_in_units(case, rows):
        return  # that is what dead units are
    if all(not each for each in reach.values()):
        yield Diagnosis(
            "input_ignored",
            "error",
            f"the network answers the same to {len(rows)} different rows: its inputs do not reach them",
            {"rows": len(rows), "inputs": list(reach)},
            "inputs that are overwritten or multiplied by 0, units that never switch on, or a softmax over "
            "a single number",
            Fix("follow the inputs through `forward`: somewhere they are lost"),
            member=case.member,
        )
        return
    lost = [name for name, each in reach.items() if not each]
    if lost:
        yield Diagnosis(
            "input_ignored",
            "note",
            f"the answers do not depend on the input {', '.join(lost)}",
            {"inputs": lost},
            "an input that `forward` takes and does not use",
            Fix("leave it out, or use it"),
            member=case.member,
        )


def input_ignored_after(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Whether a trained network answers the same to all rows, or looks at a few columns only, where simple
    models of the same columns do clearly better."""
    stand = standing(case)
    best = float(stand.references[stand.best].mean() - stand.references["constant"].mean())
    if case.validation is None or best < LEAST or not (stand.bad or stand.useless):
        return
    rows = _different(case.validation.spread(200))
    if not _differs(case, rows, case.network):
        yield Diagnosis(
            "input_ignored",
            "error",
            f"the trained network answers the same to all rows, where a simple model ({stand.best}) gains "
            f"{best:.3g} over the best constant answer",
            {"rows": len(rows), "gain": best},
            "units that have died, or inputs that are lost on their way",
            Fix(
                "a lower learning rate, scaled inputs and another start; follow the inputs through `forward`"
            ),
            member=case.member,
        )
        return
    seen = _columns_seen(case, rows)
    if seen is not None and not seen.all():
        unseen, total = int((~seen).sum()), len(seen)
        if unseen < HALF * total:
            return
        yield Diagnosis(
            "input_ignored",
            "error",
            f"the network looks at {total - unseen} of the {total} columns that vary, and simple models of "
            "all of them do better",
            {"seen": total - unseen, "columns": total},
            "a slice or a mask that keeps columns from the network",
            Fix("follow the inputs through `forward`: somewhere columns are cut away"),
            member=case.member,
        )


def _lost_in_units(case: Case, rows: Rows) -> bool:
    """Whether rows still differ before the first activation that they are all alike after."""
    for call in case.trace(rows).calls:
        if any(_varies(each, len(rows)) for each in call.inputs) and not _varies(call.output, len(rows)):
            return call.name in RELUS
    return False


def _varies(values: Tensor, count: int) -> bool:
    """Whether values differ along an axis of so many rows."""
    for axis, size in enumerate(values.shape):
        if size == count:
            first = values.narrow(axis, 0, 1)
            return bool((values - first).abs().max() > 0)
    return False


def _different(rows: Rows) -> Rows:
    """Rows that are not all alike.

    Raises:
        CannotTellError: there are none.
    """
    if len(rows) < 2 or all(bool((each == each[:1]).all()) for each in rows.raw.values()):
        raise CannotTellError("all rows looked at have the same inputs")
    return rows


@torch.no_grad()
def _shaken(case: Case) -> Trainable:
    """A copy of the network with some noise on all weights, as much as a usual start has."""
    twin = case.twin()
    flat, source = twin.flat.detach()[0], torch.Generator().manual_seed(0)
    for place, part in zip(twin.layout.places, flat.split(twin.layout.sizes), strict=True):
        shape = place.declared.shape
        outputs = max(shape[0], 1) if len(shape) > 1 else place.declared.size
        inputs = max(1, place.declared.size // outputs) if len(shape) > 1 else 100
        noise = torch.randn(part.shape, generator=source) * 0.5 / inputs**0.5
        part.add_(noise.to(part))
    return twin


def _reach(case: Case, rows: Rows, network: Trainable) -> dict[str, bool]:
    """Which inputs the answers depend on, of those that vary."""
    slopes = _slopes(case, rows, network)
    reach: dict[str, bool] = {}
    for name, values in rows.raw.items():
        if bool((values == values[:1]).all()):
            continue
        if name in slopes and bool((slopes[name] != 0).any()):
            reach[name] = True
        else:
            mixed = Rows(rows.raw | {name: values.flip(0)}, rows.target, rows.weight)
            reach[name] = _apart(_answer(case, rows, network), _answer(case, mixed, network))
    return reach


def _answer(case: Case, rows: Rows, network: Trainable) -> Tensor:
    """With the rows first. [n, ...]"""
    output = only_output(case.output(rows, network))
    axis = row_axis(case, output)
    if output.shape[axis] != len(rows):
        raise CannotTellError("the network does not give one answer for each row")
    return output.movedim(axis, 0).double()


def _apart(one: Tensor, other: Tensor) -> bool:
    size = max(float(one.abs().max()), 1e-30)
    return not float((one - other).abs().max()) <= SAME * size  # what is not finite is not the same


def _differs(case: Case, rows: Rows, network: Trainable) -> bool:
    answers = _answer(case, rows, network)
    return _apart(answers, answers[:1].expand_as(answers))


@torch.enable_grad()
def _slopes(case: Case, rows: Rows, network: Trainable) -> dict[str, Tensor]:
    """How the answers change with each number of each row, for inputs that are floating numbers. [n, ...]"""
    raw = {
        name: each.detach().clone().requires_grad_(each.is_floating_point())
        for name, each in rows.led()[0].items()
    }
    wanted = {name: each for name, each in raw.items() if each.requires_grad}
    if not wanted:
        return {}
    with torch.backends.cudnn.flags(enabled=False):  # whose recurrent layers have no slopes in this mode
        output = only_output(network(raw))
    if not output.requires_grad:
        return {name: torch.zeros_like(each[0]) for name, each in wanted.items()}
    signs = torch.ones_like(output)
    signs.view(-1)[::2] = -0.7  # so that what adds up to a constant, such as probabilities, does not cancel
    # A sum: slopes of several numbers with factors would import a computer algebra system.
    found = torch.autograd.grad((output * signs).sum(), list(wanted.values()), allow_unused=True)
    return {
        name: torch.zeros_like(each[0]) if slope is None else slope[0]
        for (name, each), slope in zip(wanted.items(), found, strict=True)
    }


def _columns_seen(case: Case, rows: Rows) -> np.ndarray | None:
    """Which of the columns that vary the answers depend on; None where inputs are no floating numbers. [V]"""
    slopes = _slopes(case, rows, case.network)
    if len(slopes) != len(rows.raw):
        return None
    seen = []
    for name, slope in slopes.items():
        values = rows.raw[name].reshape(len(rows), -1)
        varies = (values != values[:1]).any(0)
        seen.append((slope.reshape(len(rows), -1) != 0).any(0)[varies].cpu().numpy())
    return np.concatenate(seen)
