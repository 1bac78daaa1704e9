"""Whether the last operation of the network, its loss and the targets belong together."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from netwright.doctor.case import Case
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.flow import Flow, flow_of, output_of, spoken
from netwright.doctor.trace import SAME, SOFTMAXES, Call, trace
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.network import Network
from netwright.nn.trainable import Purpose

RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("sigmoid", "hardsigmoid", "softmax"), (0.0, 1.0)),
    **dict.fromkeys(("tanh", "hardtanh", "softsign", "sin", "cos"), (-1.0, 1.0)),
    **dict.fromkeys(("relu", "threshold", "softplus", "exp", "abs", "square", "sqrt"), (0.0, math.inf)),
    "relu6": (0.0, 6.0),
    **dict.fromkeys(("logsigmoid", "log_softmax"), (-math.inf, 0.0)),
    "gelu": (-0.17, math.inf),
    "silu": (-0.28, math.inf),
    "mish": (-0.31, math.inf),
    **dict.fromkeys(("elu", "celu"), (-1.0, math.inf)),
}
"""what these operations can give"""
LOSSES = {
    "cross_entropy": Purpose("cross_entropy", "logits"),
    "nll_loss": Purpose("cross_entropy", "log_probabilities"),
    "binary_cross_entropy": Purpose("binary_cross_entropy", "probabilities"),
    "binary_cross_entropy_with_logits": Purpose("binary_cross_entropy", "logits"),
    "mse_loss": Purpose("mse", "numbers"),
    "l1_loss": Purpose("mae", "numbers"),
    "smooth_l1_loss": Purpose("huber", "numbers"),
    "huber_loss": Purpose("huber", "numbers"),
}
COSTLY = 0.02  # share of the targets' variance that cannot be reached
ENOUGH = 2.0  # numbers that a loss turns into probabilities should reach this far below and above 0
MOST_CODES = 20
OUTSIDE = 0.02  # share of targets
SAME_LOSS = 1e-5  # of a loss


@dataclass
class Head:
    """What the loss is given.

    Arguments:
        purpose: of the network.
        values: outputs for some rows.
        last: the operation that they come from, where reshapes are passed over; None if it was not seen.
        classes: their axis of classes.
        rows: their axis of rows; None where they have none.
    """

    purpose: Purpose
    values: Tensor
    last: Call | None
    classes: int
    rows: int | None


def wrong_head(case: Case) -> Iterator[Diagnosis]:
    """What the network ends with does not fit its loss, or the loss does not fit the targets.

    Seen in one forward pass: the last operation, the range that it can give, and over which axis it sums to
    one; compared with what the loss takes and with the training targets. A log-softmax before a loss that
    takes logits changes nothing and is not told.
    """
    if isinstance(case.network, Network):
        return  # heads of Netwright's own fit their task
    flow = flow_of(case)
    head = _head(case, flow)
    found = list(_softmax(head, flow)) or list(_stretched(case, flow))
    takes = head.purpose.takes
    if not found:
        if takes == "logits":
            found = list(_logits(head))
        elif takes in ("probabilities", "log_probabilities"):
            found = list(_probabilities(head))
        elif takes == "numbers":
            found = list(_numbers(case, head))
    if not found:
        found = list(_targets(case, head))
    if takes == "unknown" and not found:
        raise CannotTellError("the loss is a function of its own, so that what it wants is not known")
    yield from found


def _head(case: Case, flow: Flow) -> Head:
    network, purpose = case.network, case.purpose
    if purpose.takes == "unknown" and isinstance(network, ForeignNetwork):
        found = _inside_of(network, flow)
        if found is not None:
            return found
    values = output_of(flow.trace)
    number = flow.number_of(values)
    own = getattr(getattr(network, "goal", None), "own", None)
    second = isinstance(network, ForeignNetwork) and own is None and purpose.loss == "cross_entropy"
    classes = 1 if second and values.dim() > 2 else values.dim() - 1
    return Head(purpose, values, _last(flow, number), classes, _row_axis(values, flow.count))


def _inside_of(network: ForeignNetwork, flow: Flow) -> Head | None:
    """What a function that serves as the loss gives to the one loss of PyTorch that it calls."""

    def compute() -> Any:
        output = network.call(0, flow.rows.raw, training=False)
        return network.goal.loss(output, flow.rows.target, None)

    with torch.no_grad():
        whole = Flow(trace(compute, network.owned[0]), flow.rows, flow.count)
    calls = whole.trace.of(set(LOSSES))
    if len(calls) != 1 or not calls[0].inputs:
        return None
    values = calls[0].inputs[0]
    purpose = LOSSES[calls[0].name]
    classes = 1 if purpose.loss == "cross_entropy" and values.dim() > 1 else values.dim() - 1
    return Head(purpose, values, _last(whole, calls[0].given[0]), classes, _row_axis(values, flow.count))


def _last(flow: Flow, number: int) -> Call | None:
    calls = flow.trace.calls
    while number >= 0 and calls[number].name in SAME:
        number = flow.before(calls[number])
    return None if number < 0 else calls[number]


def _row_axis(values: Tensor, count: int) -> int | None:
    return list(values.shape).index(count) if count in values.shape else None


def _sums_to_one(values: Tensor) -> list[int]:
    """The axes over which probabilities sum to one."""
    if bool((values < -1e-6).any()) or not bool(torch.isfinite(values).all()):
        return []
    sums = [values.sum(axis) for axis in range(values.dim())]
    return [axis for axis, each in enumerate(sums) if bool(((each - 1).abs() < 1e-3).all())]


def _softmax(head: Head, flow: Flow) -> Iterator[Diagnosis]:
    """A softmax at the end over an axis that is not that of the classes."""
    last = head.last
    if last is None or last.name not in SOFTMAXES:
        return
    values = last.output if last.name == "softmax" else last.output.exp()
    axes = [axis for axis in _sums_to_one(values) if axis or values.shape[0] > 1]
    if not axes:
        return
    lengths = [values.shape[axis] for axis in axes]
    evidence = {"operation": spoken(last), "shape": list(values.shape), "axes": axes}
    if flow.count in lengths:
        yield Diagnosis(
            "wrong_head",
            "error",
            f"the {last.name} at the end goes over the rows of a batch, not over the classes",
            evidence,
            "its dim is the axis of the rows: each answer then depends on which other rows are in the batch",
            Fix("let it go over the axis of the classes (dim=-1), or leave it out before a loss on logits"),
        )
    elif lengths == [1] * len(lengths):
        yield Diagnosis(
            "wrong_head",
            "error",
            f"the {last.name} at the end goes over a single column, so that the answer is the same "
            "for all rows",
            evidence,
            "one column cannot share out a probability of 1",
            Fix("use a sigmoid for yes or no, or one output for each class"),
        )
    elif values.shape == head.values.shape and head.classes not in axes:
        yield Diagnosis(
            "wrong_head",
            "error",
            f"the {last.name} at the end goes over axis {axes[0]} of {list(values.shape)}, and the classes "
            f"are on axis {head.classes}",
            evidence,
            "its dim is not the axis of the classes",
            Fix(f"let it go over axis {head.classes}, or leave it out before a loss on logits"),
        )


def _logits(head: Head) -> Iterator[Diagnosis]:
    values, last = head.values, head.last
    wants = f"the loss {head.purpose.loss} wants numbers of any size and makes probabilities of them itself"
    name = "" if last is None else last.name
    doubled = values.shape[head.classes] > 1 and head.classes in _sums_to_one(values)
    if doubled or name in ("sigmoid", "hardsigmoid", "softmax"):
        done = name or "the end of the network"
        yield Diagnosis(
            "wrong_head",
            "error",
            f"the network ends with {done}, and {wants}: probabilities are squashed twice",
            {"operation": done if last is None else spoken(last), "loss": head.purpose.loss, "sure": True},
            "an activation at the end that the loss has already",
            Fix("leave the last activation out, or use a loss that takes probabilities"),
        )
        return
    low, high = _range(last)
    if last is None or (low <= -ENOUGH and high >= ENOUGH) or name == "log_softmax":
        return
    if head.purpose.loss == "cross_entropy" and -math.inf < low <= -1 and high == math.inf:
        return  # what counts are differences
    yield Diagnosis(
        "wrong_head",
        "error" if low > -0.5 or high < 0.5 else "warning",
        f"the network ends with {name}, which gives {_said(low, high)}, and {wants}",
        {"operation": spoken(last), "low": _finite(low), "high": _finite(high), "loss": head.purpose.loss},
        "an activation at the end, where there should be none",
        Fix("leave the last activation out"),
    )


def _probabilities(head: Head) -> Iterator[Diagnosis]:
    values, last, logs = head.values, head.last, head.purpose.takes == "log_probabilities"
    name = "a layer that was not seen" if last is None else last.name
    evidence = {
        "operation": name if last is None else spoken(last),
        "smallest": _finite(float(values.min())),
        "greatest": _finite(float(values.max())),
        "loss": head.purpose.loss,
    }
    if logs:
        if head.classes in _sums_to_one(values.exp()):
            return
        once = head.classes in _sums_to_one(values)
        yield Diagnosis(
            "wrong_head",
            "error",
            "the loss wants logarithms of probabilities, and the network gives "
            + ("the probabilities themselves" if once else f"what comes out of {name}"),
            evidence,
            "a softmax where log_softmax is wanted" if once else "the log_softmax at the end is missing",
            Fix("end with log_softmax over the classes, or use cross entropy on bare logits"),
        )
        return
    inside = bool(((values >= -1e-6) & (values <= 1 + 1e-6)).all())
    low, high = _range(last)
    affine = last is not None and last.learnt
    if inside and not affine and (last is None or not math.isinf(high) or low == -math.inf):
        return
    if not inside or affine or name in ("relu", "threshold", "softplus", "abs", "square"):
        yield Diagnosis(
            "wrong_head",
            "error",
            f"the loss {head.purpose.loss} wants probabilities, and the network ends with {name}, whose "
            "numbers need not lie between 0 and 1",
            evidence,
            "the sigmoid or softmax at the end is missing",
            Fix("end with a sigmoid (yes or no) or softmax (classes), or use the loss on logits"),
        )


def _numbers(case: Case, head: Head) -> Iterator[Diagnosis]:
    """Targets that the last operation cannot reach.

    What they cost at least, whatever the network learns, is arithmetic: the share of the targets' variance
    that lies beyond the ends.
    """
    low, high = _range(head.last)
    target = _target(case)
    if head.last is None or target is None or (math.isinf(low) and math.isinf(high)):
        return
    edge = 1e-3 * max(1.0, float(target.abs().max()))
    outside = float(((target < low - edge) | (target > high + edge)).double().mean())
    if outside <= OUTSIDE:
        return
    exact = target.double()
    spread = float((exact - exact.mean(0)).square().sum())
    lost = float((exact - exact.clamp(low, high)).square().sum()) / max(spread, 1e-12)
    yield Diagnosis(
        "wrong_head",
        "error" if outside > 0.1 else "warning",
        f"the network ends with {head.last.name}, which gives {_said(low, high)}, and {outside:.0%} of the "
        f"training targets lie outside (they go from {float(target.min()):.3g} to {float(target.max()):.3g})",
        {
            "operation": spoken(head.last),
            "low": _finite(low),
            "high": _finite(high),
            "share_outside": round(outside, 4),
            "smallest_target": float(target.min()),
            "greatest_target": float(target.max()),
        }
        | ({"gained": round(lost, 4)} if lost >= COSTLY else {}),
        "an activation at the end, where a regression should have none",
        Fix("leave the last activation out, or scale the targets into its range"),
    )


def _is_shared_out(head: Head, target: Tensor) -> bool:
    """Whether probabilities that sum to one stand for labels of which rows have none or several."""
    if target.dim() != 2 or target.shape[1] < 2 or head.classes not in _sums_to_one(head.values):
        return False
    return bool((target.sum(1) != 1).double().mean() > OUTSIDE)


def _targets(case: Case, head: Head) -> Iterator[Diagnosis]:
    """Losses that are for other targets."""
    loss, target = head.purpose.loss, _target(case)
    if target is None:
        return
    columns = head.values.shape[head.classes] if head.values.dim() > 1 else 1
    if loss == "cross_entropy" and columns == 1 and head.purpose.takes != "probabilities":
        yield Diagnosis(
            "wrong_head",
            "error",
            "the loss cross_entropy compares classes, and the network has one output: the loss is the same "
            "whatever it answers",
            {"loss": loss, "outputs": 1},
            "one output where each class needs its own",
            Fix("use one output for each class, or binary cross entropy for yes or no"),
        )
    elif loss == "binary_cross_entropy" and bool(((target < 0) | (target > 1)).any()):
        yield Diagnosis(
            "wrong_head",
            "error",
            f"the loss binary_cross_entropy wants targets from 0 to 1, and they go from "
            f"{float(target.min()):.3g} to {float(target.max()):.3g}",
            {"loss": loss, "smallest_target": float(target.min()), "greatest_target": float(target.max())},
            "classes numbered from 1 or by -1 and 1, several classes, or numbers to be predicted",
            Fix("bring the targets to 0 and 1; use cross entropy for several classes, mse for numbers"),
        )
    elif loss == "binary_cross_entropy" and _is_shared_out(head, target):
        yield Diagnosis(
            "wrong_head",
            "error",
            f"a softmax at the end lets {columns} outputs share out a probability of 1, and rows have from "
            f"{int(target.sum(1).min())} to {int(target.sum(1).max())} of these labels",
            {"loss": loss, "labels": columns, "sure": True},
            "a softmax where each label needs a probability of its own",
            Fix("end with a sigmoid, or leave it out and use binary cross entropy on logits"),
        )
    elif case.task == "labels" and loss == "cross_entropy":
        yield Diagnosis(
            "wrong_head",
            "warning",
            "rows may have several labels at once, and cross_entropy lets classes exclude each other",
            {"loss": loss, "labels": columns},
            "a loss for one class a row",
            Fix("use a sigmoid for each label, with binary cross entropy"),
        )
    elif head.purpose.takes == "numbers":
        yield from _classes_as_numbers(case, head, target, columns)


def _classes_as_numbers(case: Case, head: Head, target: Tensor, columns: int) -> Iterator[Diagnosis]:
    coded = columns == 1 and case.task == "numbers" and _are_codes(target)
    if not coded and case.task not in ("classes", "yes_no"):
        return
    count = int(target.max()) + 1 if coded else max(2, columns)
    yield Diagnosis(
        "wrong_head",
        "warning",
        f"the targets look like {count} classes"
        + (f" numbered 0 to {count - 1}, which one output is to give as a number" if coded else "")
        + f", and the loss {head.purpose.loss} is for numbers",
        {"loss": head.purpose.loss, "classes": count, "outputs": columns},
        "a loss for numbers where classes are to be told apart",
        Fix(
            "use cross entropy with one output for each class"
            if count > 2
            else "use binary cross entropy on one output"
        ),
    )


def _are_codes(target: Tensor) -> bool:
    """Whether numbers are 0, 1, ..., K - 1, all of them there and none of them rare."""
    if (
        bool((target != target.floor()).any())
        or float(target.min()) != 0
        or float(target.max()) >= MOST_CODES
    ):
        return False
    counts = torch.bincount(target.reshape(-1).long())
    return len(counts) > 2 and float(counts.min()) >= 0.02 * float(counts.sum())


def _stretched(case: Case, flow: Flow) -> Iterator[Diagnosis]:
    """Each answer is compared with the targets of all rows: their order makes no difference to the loss.

    [B, 1] minus [B] is [B, B]. Seen with answers drawn at random: the loss stays the same when the targets of
    rows are exchanged, and not when they are other ones.
    """
    network, target = case.network, flow.rows.target
    own = output_of(flow.trace)
    if not isinstance(network, ForeignNetwork) or not isinstance(target, Tensor):
        return
    if not target.is_floating_point() or bool((target == target[:1]).all()):
        return
    drawing = torch.Generator().manual_seed(0)
    low, high = float(target.min()), float(target.max())  # where targets lie a logarithm of them is defined
    answers = (low + (high - low) * torch.rand(own.shape, generator=drawing)).to(own)
    order = torch.randperm(len(target), generator=drawing).to(target.device)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch may say that the sizes differ
            whole, exchanged, others = (
                float(network.goal.loss(answers, each, None)) for each in (target, target[order], target / 2)
            )
    except (RuntimeError, ValueError, IndexError, TypeError):
        return  # a loss that takes other answers
    if not abs(whole - exchanged) <= SAME_LOSS * abs(whole) or not abs(whole - others) > 0.01 * abs(whole):
        return
    yield Diagnosis(
        "wrong_head",
        "error",
        f"the loss compares each answer with the targets of all rows: answers {list(own.shape)} and targets "
        f"{list(target.shape)} are stretched to one shape, and the loss stays the same when targets are "
        "exchanged between rows",
        {"answers": list(own.shape), "targets": list(target.shape), "stretched": True},
        "a difference of [B, 1] and [B] is [B, B]",
        Fix("bring both to one shape: targets.reshape(-1, 1), or answers.squeeze(1)"),
        member=case.member,
    )


def _target(case: Case) -> Tensor | None:
    assert case.train is not None
    target = case.train.target
    return target.detach().double().cpu() if isinstance(target, Tensor) else None


def _range(call: Call | None) -> tuple[float, float]:
    """What an operation can give."""
    if call is None:
        return -math.inf, math.inf
    if call.name in ("clamp", "clip", "clamp_min", "clamp_max", "hardtanh"):
        return _limits(call)
    return RANGES.get(call.name, (-math.inf, math.inf))


def _limits(call: Call) -> tuple[float, float]:
    """Of a clamp, as it was called."""
    settings = call.settings
    if call.name == "hardtanh":
        placed = [each for each in settings["args"] if isinstance(each, int | float)] + [None] * 2
        low = settings.get("min_val", -1.0 if placed[0] is None else placed[0])
        high = settings.get("max_val", 1.0 if placed[1] is None else placed[1])
        return float(low), float(high)
    placed = [*settings["args"], None, None]
    low = settings.get("min", None if call.name == "clamp_max" else placed[0])
    high = settings.get("max", placed[0] if call.name == "clamp_max" else placed[1])
    low = -math.inf if low is None else float(low)
    return low, math.inf if high is None or call.name == "clamp_min" else float(high)


def _said(low: float, high: float) -> str:
    if math.isinf(high):
        return "no numbers below 0" if low == 0 else f"no numbers below {low:g}"
    return f"no numbers above {high:g}" if math.isinf(low) else f"numbers from {low:g} to {high:g}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
