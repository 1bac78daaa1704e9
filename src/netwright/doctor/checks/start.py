"""Whether the first weights are a start to learn from: not too loud, not silent, and not all alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netwright.doctor.again import Change, better, with_proof
from netwright.doctor.case import Case, Rows
from netwright.doctor.constant import best_constant
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.trace import AFFINE, NORMS, Call, Trace
from netwright.doctor.trial import trial
from netwright.nn.foreign import ForeignNetwork

HIGH, VERY_HIGH = 2.0, 4.0  # loss at the start over what is expected
LOUD, QUIET = 10.0, 0.02  # spread of a layer's outputs over that of its inputs
SILENT = 1e-3  # spread of the last layer's inputs
NEAR = 3.0  # targets are at most so far away that are learnt as they are
ALIKE = 1e-5  # differences between units over their size
JUDGED = 192  # rows that the loss is taken of
ROWS = 61  # a prime number, so that the axis of rows is known by its length


def poor_start(case: Case) -> Iterator[Diagnosis]:
    """The loss before the first step beside that of the best constant output.

    Healthy set-ups (40 of them: linear models to transformers) lie at 0.2 to 1.7 times the expected loss;
    weights of deviation 1 in a small network at 35 times. Numbers that are not scaled, with a last bias of 0,
    lie at 4 to 10 times the loss of their mean: whether that does harm is seen afterwards.
    """
    if case.train is None:
        raise CannotTellError("the training rows come from a loader")
    if case.network.purpose().loss == "unknown" and case.task == "unknown":
        raise CannotTellError("what the loss should be is not known of a loss and targets of this kind")
    found = _trace(case)
    layers = _gains(found)
    quiet = _silent(found, layers)
    rows = case.train.spread(JUDGED)
    constant = best_constant(case, rows)
    start = case.loss(rows)
    if len(rows) > 1:
        with torch.no_grad():
            start = min(start, float(trial(case).losses(rows)[0]))
    numbers = case.task == "numbers"
    expected = constant.loss if numbers else constant.expected
    ratio = start / expected if expected > 1e-9 else 1.0
    evidence: dict[str, Any] = {
        "start": start,
        "expected": expected,
        "constant": constant.loss,
        "gains": {name: round(gain, 5) for name, gain in layers},
        "series": {"gain": [gain for _, gain in layers]},
    }
    if ratio >= HIGH or not np.isfinite(start):
        yield _high(case, rows, start, expected, layers, evidence)
    elif quiet:
        names = ", ".join(name for name, _ in quiet[:3])
        yield Diagnosis(
            "poor_start",
            "error",
            f"the first weights are so small that hardly anything of the inputs arrives at the last layer: "
            f"{names} pass on {100 * quiet[0][1]:.2g} % of what comes in",
            evidence,
            "first values near 0 in several layers: gradients are as small as they are",
            Fix("draw the weights anew: He's start for ReLU, Glorot's for others (PyTorch's own is fine)"),
            member=case.member,
        )


def _high(
    case: Case,
    rows: Rows,
    start: float,
    expected: float,
    layers: list[tuple[str, float]],
    evidence: dict[str, Any],
) -> Diagnosis:
    ratio = start / expected
    severity = "error" if not ratio < VERY_HIGH else "warning"
    message = (
        f"before the first step the loss is {start:.3g}, {ratio:.3g} times that of a constant answer ("
        f"{expected:.3g})"
    )
    if (apart := _apart(case, rows)) is not None:
        mean, given = apart
        evidence |= {"target_mean": mean, "output_mean": given}
        near = abs(mean - given) < NEAR  # a few steps away, whatever the rate
        return Diagnosis(
            "poor_start",
            "note" if near else severity,
            f"{message}: answers begin around {given:.3g} and the targets lie around {mean:.3g}",
            evidence,
            "targets in their own units, and a last bias of 0: the first epochs go into learning their mean",
            Fix("scale the targets to mean 0 and deviation 1, or set the last bias to their mean"),
            member=case.member,
        )
    loud = [name for name, gain in layers if gain > LOUD]
    return Diagnosis(
        "poor_start",
        severity,
        message + (f"; {', '.join(loud[:3])} give far greater numbers than they get" if loud else ""),
        evidence,
        "first weights that are too large, or inputs that are: answers are sure of themselves, and wrong",
        Fix(
            "draw the weights anew: He's start for ReLU, Glorot's for others (PyTorch's own is fine); "
            "scale the inputs to mean 0 and deviation 1"
        ),
        member=case.member,
    )


def _apart(case: Case, rows: Rows) -> tuple[float, float] | None:
    """Means of targets and answers, where their difference is most of the loss."""
    if case.task != "numbers":
        return None
    wanted, given = case.wanted(rows), case.answers(rows)
    if wanted.shape != given.shape:
        return None
    means = wanted.mean(0), given.mean(0)
    bias = float(np.square(means[0] - means[1]).mean())
    error = float(np.square(wanted - given).mean())
    return (float(means[0].mean()), float(means[1].mean())) if bias > 0.5 * error else None


def _trace(case: Case) -> Trace:
    assert case.train is not None
    own = replace(case, network=case.twin())  # batch statistics would be collected
    return own.trace(case.train.spread(min(ROWS, len(case.train))), training=len(case.train) > 1)


def _gains(found: Trace) -> list[tuple[str, float]]:
    """Spread over the rows of what each hidden layer gives, over that of what it gets.

    Layers whose scale a normalisation takes away, and those that give 0 alone, are left out.
    """
    affine = [call for call in found.calls if call.name in AFFINE and call.learnt]
    normed = _normed(found)
    gains = []
    for call in affine[:-1]:
        given = _input(call)
        if given is None or id(call) in normed:
            continue
        before, after = _spread(given), _spread(call.output)
        if before > 0 and after > 0 and np.isfinite(after):
            gains.append((call.layer or call.name, after / before))
    return gains


def _silent(found: Trace, layers: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """The layers at which what came in is lost; empty when enough arrives at the last one."""
    affine = [call for call in found.calls if call.name in AFFINE and call.learnt]
    given = _input(affine[-1]) if affine else None
    if given is None or _spread(given) >= SILENT:
        return []
    return [(name, gain) for name, gain in layers if gain < QUIET]


def _normed(found: Trace) -> set[int]:
    """Calls whose output goes straight into a normalisation."""
    sources = [found.source(call) for call in found.of(NORMS)]
    return {id(call) for call in sources if call is not None}


def _input(call: Call) -> Tensor | None:
    """What came in: of products the first factor that is as long as the output."""
    place = 1 if call.name in ("baddbmm", "addmm") else 0
    given = call.inputs[place] if place < len(call.inputs) else None
    return given if given is not None and given.dim() > 1 and given.is_floating_point() else None


def _spread(values: Tensor) -> float:
    """Root mean square of the differences between rows."""
    axis = 0 if len(values) > 1 else 1
    values = values.detach().double()
    return float((values - values.mean(axis, keepdim=True)).square().mean().sqrt())


def symmetric_start(case: Case) -> Iterator[Diagnosis]:
    """Units that begin alike and get the same gradient, so that they stay alike.

    Whether rows of a matrix are alike is not enough: a last layer of zeros, the last convolution of a
    residual branch, or the second factor of a low-rank change begin so on purpose, and the first gradient
    tells their units apart.
    """
    if case.train is None or len(case.train) < 2:
        raise CannotTellError("the training rows come from a loader")
    network = case.network
    suspects = []
    values = network.flat.detach()[0].split(network.layout.sizes)
    for place, value in zip(network.layout.places, values, strict=True):
        matrix = _units(case, place, value)
        if matrix is not None and _alike(matrix):
            suspects.append((place, bool((value == 0).all())))
    if not suspects:
        return
    _, gradient = trial(case).gradient(case.train.spread(64))
    slopes = dict(
        zip(
            (place.name for place in network.layout.places), gradient.split(network.layout.sizes), strict=True
        )
    )
    lasting, broken = [], []
    for place, blank in suspects:
        slope = _units(case, place, slopes[place.name])
        if slope is not None and _alike(slope):
            lasting.append(place.name)
        elif not blank:
            broken.append(place.name)
    if not lasting and not broken:
        return
    names = lasting or broken
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    yield Diagnosis(
        "symmetric_start",
        "error" if lasting else "warning",
        f"all units of {shown} begin with the same weights"
        + (" and get the same gradient: they will stay alike, as if there were one unit" if lasting else ""),
        {"parameters": names, "lasting": bool(lasting)},
        "weights that were set to one constant, such as 0, where they should be drawn",
        Fix("draw the weights at random: He's start for ReLU, Glorot's for others; biases may be 0"),
        member=case.member,
    )


def symmetric_after(case: Case, record: Record) -> Iterator[Diagnosis]:
    """A start with units that are all alike has cost something, see `_costly`."""
    return _costly(case, record, symmetric_start)


def poor_after(case: Case, record: Record) -> Iterator[Diagnosis]:
    """A start that is silent or far too loud has cost something, see `_costly`."""
    return _costly(case, record, poor_start)


def _costly(case: Case, record: Record, check: Callable[[Case], Iterator[Diagnosis]]) -> Iterator[Diagnosis]:
    """What a check says of the first weights, where the same training from Glorot's start leads to a clearly
    better network. Targets in their own units are not the start's fault."""
    if record.start is None:
        raise CannotTellError("the first weights are not known")
    first = case.twin()
    with torch.no_grad():
        first.flat.copy_(record.start[None].to(first.flat))
    for each in check(replace(case, network=first)):
        if each.severity == "note" or "target_mean" in each.evidence:
            continue
        change = Change(start=drawn_anew(case, record), usual=not case.plan.repeatable)
        found = better(case, record, change)
        if found is not None:
            yield with_proof(each, case, found, "from Glorot's start")


def drawn_anew(case: Case, record: Record) -> Tensor:
    """First weights with all matrices drawn anew, even within Glorot's bounds. [P]

    Raises:
        CannotTellError: the training's own are not known.
    """
    if record.start is None:
        raise CannotTellError("the first weights are not known")
    drawing, flat = torch.Generator().manual_seed(0), record.start.clone()
    for place in case.network.layout.places:
        shape = place.declared.shape
        if place.declared.decay and len(shape) > 1 and place.declared.rate > 0:
            bound = (6 / sum(shape[-2:])) ** 0.5
            part = flat[place.start : place.start + place.declared.size]
            part.copy_((2 * torch.rand(part.shape, generator=drawing) - 1) * bound)
    return flat


def _units(case: Case, place: Any, value: Tensor) -> Tensor | None:
    """A kernel as a row of weights for each unit; None for what is no kernel of several units. [U, W]"""
    shape = place.declared.shape
    if len(shape) < 2 or isinstance(place.layer, nn.Embedding) or "mbed" in type(place.layer).__name__:
        return None
    if place.declared.rate == 0:  # frozen
        return None
    foreign = isinstance(case.network, ForeignNetwork)
    matrix = value.view(shape[0], -1) if foreign else value.view(-1, shape[-1]).T
    return matrix if len(matrix) > 1 and matrix.shape[1] > 0 else None


def _alike(matrix: Tensor) -> bool:
    values = matrix.double()
    size = float(values.square().mean().sqrt())
    return size == 0 or float((values - values.mean(0)).abs().max()) < ALIKE * size
