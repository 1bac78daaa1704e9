"""Whether two linear layers follow one another with nothing between them that bends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import Diagnosis, Fix
from netwright.doctor.flow import ONE_BY_ONE, Flow, flow_of, output_of, spoken
from netwright.doctor.proof import bounded
from netwright.doctor.record import Record
from netwright.doctor.retrained import learn_anew
from netwright.doctor.standing import paired
from netwright.doctor.trace import SAME, SIGMOIDS, SOFTMAXES, Call
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.member import Mode

LINEAR = {"mean", "sum", "avg_pool1d", "avg_pool2d", "avg_pool3d", "cat", "concat", "stack"} | {
    *("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "interpolate", "upsample"),
}
"""what is linear in all of its arguments from the rows"""
LOOKED_UP = {"embedding", "embedding_bag"}
GAINED = 0.03  # marks on validation rows
FEWEST, MOST_ROWS = 30, 1000  # validation rows


def missing_nonlinearity(case: Case) -> Iterator[Diagnosis]:
    """A linear layer hands its numbers straight to another, so that both together are one linear layer.

    An error where that is so of the whole network; a warning where others bend; a note where the pair is
    narrower in the middle than at its ends, which saves weights. Nothing is said of convolutions that share
    the work, over channels and over places, nor of what is used elsewhere too, as by a residual.
    """
    flow = flow_of(case)
    pairs, whole = _pairs(flow), _is_linear(flow)
    if not pairs and not whole:
        return
    names = [f"{spoken(first)} and {spoken(second)}" for first, second in pairs]
    evidence = {"pairs": names}
    wasted = pairs if whole else [pair for pair in pairs if not _is_narrow(flow, *pair)]
    if whole:
        count = sum(flow.is_affine(call) for call in flow.trace.calls)
        message = f"nothing bends between the {count} linear layers: the network is a linear model"
    elif wasted:
        told = [names[pairs.index(pair)] for pair in wasted]
        message = f"there is no activation between {told[0]}" + (
            f", and in {len(told) - 1} more places" if len(told) > 1 else ""
        )
    else:
        message = f"{names[0]} follow one another without an activation; together they save weights"
    yield Diagnosis(
        "missing_nonlinearity",
        "error" if whole else "warning" if wasted else "note",
        message,
        evidence,
        "two linear layers in a row can do no more than one; an activation was left out, or goes elsewhere",
        Fix("put an activation, such as ReLU or GELU, between them"),
    )


def missing_nonlinearity_after(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The same, where a copy with activations in these places answers validation rows clearly better.

    The copy begins at the same first weights, with a GELU behind the first layer of each pair, and takes as
    many steps of Adam as the training had, at most 600. Clearly: by .03 and 3 standard errors.
    """
    found = [each for each in missing_nonlinearity(case) if each.severity != "note"]
    if not found or case.train is None or record.start is None:
        return
    network = case.twin()
    if not isinstance(network, ForeignNetwork) or case.task not in ("classes", "yes_no", "numbers"):
        return
    if case.validation is None or len(case.validation) < FEWEST:
        return
    module = network.owned[0]
    flow = flow_of(case)
    pairs = _pairs(flow) or [*pairwise(call for call in flow.trace.calls if flow.is_affine(call))]
    parts = {module.get_submodule(first.layer) for first, _ in pairs}
    if not parts or any([*part.children()] for part in parts):
        return  # computed by a function, not by a module that gives it
    if any(first.layer == second.layer for first, second in pairs):
        return  # both in one module, behind which nothing is between them
    for part in parts:
        part.register_forward_hook(_bent)
    learn_anew(case, record, network, lambda rows: _loss(network, rows))
    rows = case.validation.spread(MOST_ROWS)
    before, after = (bounded(case.marks(case.answers(rows, each), rows)) for each in (case.network, network))
    gain, error = paired(after, before)
    if gain <= max(GAINED, 3 * error):
        return
    name = "R²" if case.task == "numbers" else "accuracy"
    told = f"with a GELU there a copy comes from {before.mean():.2f} to {after.mean():.2f} of {name}"
    for each in found:
        yield replace(
            each,
            message=f"{each.message}; {told} on validation rows",
            evidence={**each.evidence, "gained": round(gain, 4), "error": round(error, 4)},
            member=case.member,
        )


def _pairs(flow: Flow) -> list[tuple[Call, Call]]:
    """Linear layers and those that they hand their numbers to."""
    pairs = [(first, call) for call in flow.trace.calls if (first := _fed_by(flow, call)) is not None]
    if _is_linear(flow):
        return pairs
    return [pair for pair in pairs if not any(_shares_work(flow, call) for call in pair)]


def _loss(network: ForeignNetwork, rows: Rows) -> Tensor:
    """Of some rows, in training mode."""
    raw, target = rows.led()
    return network.losses(network(raw, Mode(training=True)), target).sum()


def _bent(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return functional.gelu(output)


def _fed_by(flow: Flow, call: Call) -> Call | None:
    """The linear layer whose numbers go to this one and nowhere else, and are not bent on the way."""
    if not flow.is_affine(call):
        return None
    number = flow.before(call)
    while number >= 0:
        if len(flow.users.get(number, ())) != 1:
            return None
        earlier = flow.trace.calls[number]
        if flow.is_affine(earlier):
            return earlier
        if not flow.is_passed(earlier):
            return None
        number = flow.before(earlier)
    return None


def _is_narrow(flow: Flow, first: Call, second: Call) -> bool:
    """Whether there are fewer features in the middle than on both sides."""
    start, middle = _features(first.inputs[flow.data(first)[0]], first), _features(first.output, first)
    through, end = _features(second.inputs[flow.data(second)[0]], second), _features(second.output, second)
    return middle < start and through < end


def _features(tensor: Tensor, call: Call) -> int:
    return tensor.shape[1 if call.name.startswith("conv") else -1]


def _shares_work(flow: Flow, call: Call) -> bool:
    """Whether a convolution is over each channel alone, or over one of several axes of places."""
    if not call.name.startswith("conv"):
        return False
    place = flow.data(call)[0]
    weight = call.inputs[place + 1]
    kernel = list(weight.shape[2:])
    grouped = weight.shape[1] != call.inputs[place].shape[1]
    one_axis = 1 in kernel and max(kernel) > 1
    return (grouped and "transpose" not in call.name) or one_axis


def _is_linear(flow: Flow) -> bool:
    """Whether there are layers one after another, and nothing bends but a last activation."""
    calls = flow.trace.calls
    end = flow.number_of(output_of(flow.trace))
    while end >= 0 and (calls[end].name in SAME | SIGMOIDS | SOFTMAXES):
        end = flow.before(calls[end])
    if end < 0:
        return False
    chained = False
    for number in flow.reaching(end):
        call = calls[number]
        before = flow.reaching(flow.before(call)) if flow.is_affine(call) else []
        chained = chained or any(flow.is_affine(calls[each]) for each in before)
        added = call.name in LINEAR or (call.name in ONE_BY_ONE and "mul" not in call.name)
        added = added and "div" not in call.name
        looked_up = call.name in LOOKED_UP and flow.before(call) < 0  # as linear in one-hot codes
        if not (flow.is_affine(call) or flow.is_passed(call) or added or looked_up):
            return False
    return chained
