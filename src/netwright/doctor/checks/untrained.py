"""Whether all that should learn does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from netwright.data.finding import Severity
from netwright.doctor.again import Change, better, with_proof
from netwright.doctor.case import Case
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.flow import flow_of, listed
from netwright.doctor.record import Record
from netwright.layers.trunk import LayersTrunk
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.network import Network

STEPS = {"sign", "sgn", "round", "floor", "ceil", "trunc", "argmax", "heaviside", "gt", "ge", "lt", "le"}
"""operations without a slope"""
TINY = 1e-7  # mean absolute gradient; less moves nothing by itself
LEAST = 1e-6  # learning rate at which something should move
FEW = 64  # values by which a fresh start cannot be told


def untrained_before(case: Case) -> Iterator[Diagnosis]:
    """Parameters that no gradient reaches though they are computed with, and frozen ones.

    Frozen ones are a note where they look trained, as pretrained layers do, and a warning where they are as a
    new layer is made.
    """
    if _made_by_itself(case):
        return  # what is frozen there is meant to be
    yield from _cut_off(case)
    yield from _frozen(case, "warning", "note")


def untrained_after(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Parameters that have not moved though they have a gradient, and frozen ones as drawn at random.

    Where no gradient comes through saturated or dead units, that is told of those. Frozen ones that look
    trained are a warning, which a network that does well turns into a note, as it does all that is told here.
    """
    if _made_by_itself(case):
        return
    for each in (*_unmoved(case, record), *_behind_steps(case, record), *_frozen(case, "error", "warning")):
        yield _tried(case, record, each)


def _tried(case: Case, record: Record, diagnosis: Diagnosis) -> Diagnosis:
    """With the proof, where layers as drawn at random were left out of a training: the same training of all
    leads to a better network."""
    if diagnosis.severity != "error":
        return diagnosis
    try:
        found = better(case, record, Change(free=True, usual=not case.plan.repeatable))
    except CannotTellError:
        return diagnosis
    return diagnosis if found is None else with_proof(diagnosis, case, found, "of all parameters")


def _made_by_itself(case: Case) -> bool:
    """Whether it is a network of `netwright train` whose layers nobody has given one by one."""
    return isinstance(case.network, Network) and not isinstance(case.network.trunk, LayersTrunk)


def _cut_off(case: Case) -> Iterator[Diagnosis]:
    network = case.network
    if not isinstance(network, ForeignNetwork):
        return  # a graph of layers is one graph of gradients
    module, flow = network.owned[0], flow_of(case)
    lost = _without_gradient(case)
    for _ in range(3 if lost else 0):  # what is left out at random is reached at another time
        lost = [name for name in _without_gradient(case) if name in lost]
    used = {id(each) for call in flow.trace.calls for each in call.inputs}
    named = dict(module.named_parameters())
    cut = [name for name in lost if id(named[name]) in used]
    idle = [name for name in lost if id(named[name]) not in used]
    kinds: list[tuple[list[str], Severity, str, str, str]] = [
        (
            cut,
            "error",
            "no gradient of the loss reaches {names}, though they are computed with",
            "detach(), .data, no_grad() or a conversion on the way from the loss to them",
            "remove what cuts the gradient off; freeze them (requires_grad=False) where that is meant",
        ),
        (
            idle,
            "note",
            "{names} belong to the network and are not used in its forward pass",
            "a layer that is made and never called",
            "use it in forward, or remove it",
        ),
    ]
    for names, severity, message, cause, fix in kinds:
        if names:
            yield Diagnosis(
                "untrained_layer",
                severity,
                message.format(names=listed(names)),
                {"parameters": names[:50], "share": _share(names, named)},
                cause,
                Fix(fix),
            )


def _without_gradient(case: Case) -> list[str]:
    """The parameters that the loss of some rows does not depend on, as far as gradients see."""
    twin, rows = case.twin(), flow_of(case).rows
    assert isinstance(twin, ForeignNetwork)
    module = twin.owned[0]
    named = {name: each for name, each in module.named_parameters() if each.requires_grad}
    with torch.enable_grad():
        loss = twin.goal.loss(twin.call(0, rows.raw, training=True), rows.target, None)
        if not loss.requires_grad:
            return list(named)
        found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return [name for name, gradient in zip(named, found, strict=True) if gradient is None]


def _unmoved(case: Case, record: Record) -> Iterator[Diagnosis]:
    known = [each for each in record.parameters if each.size and len(each.gradient)]
    still = [each for each in known if each.moved == 0]
    if not still:
        return
    if record.keeps_best and record.best_epoch == 0:
        raise CannotTellError("the weights that were kept are those of the start")
    frozen = {place.name for place in case.network.layout.places if place.declared.rate == 0}
    pushed = [each for each in still if each.gradient.max() > TINY and each.name not in frozen]
    if len(still) == len(known):
        if pushed and case.plan.learning_rate >= LEAST:
            yield Diagnosis(
                "untrained_layer",
                "error",
                "no parameter has changed in the whole training, though all have a gradient",
                {"parameters": [each.name for each in still][:50], "share": 1.0},
                "the optimiser does not hold the parameters of this network, or never steps",
                Fix("make the optimiser of module.parameters() of the module that is trained"),
                member=case.member,
            )
        return
    if pushed:
        names = [each.name for each in pushed]
        share = sum(each.size for each in pushed) / sum(each.size for each in known)
        yield Diagnosis(
            "untrained_layer",
            "error",
            f"{listed(names)} have not changed in the whole training, though they have a gradient",
            {"parameters": names[:50], "share": round(share, 4)},
            "the optimiser does not hold them, or something puts them back",
            Fix("give the optimiser all parameters: module.parameters()"),
            member=case.member,
        )


def _behind_steps(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Parameters whose gradient was exactly 0 whenever it was looked at, before an operation whose answers
    move in steps, so that it has no slope anywhere, while others had one."""
    known = [each for each in record.parameters if each.size and len(each.gradient)]
    frozen = {place.name for place in case.network.layout.places if place.declared.rate == 0}
    lost = [each for each in known if each.gradient.max() == 0 and each.name not in frozen]
    if not any(each.matrix for each in lost) or all(each.gradient.max() <= TINY for each in known):
        return
    found = next((each for each in flow_of(case).trace.calls if each.name in STEPS), None)
    if found is None:
        return  # units that are dead
    names = [each.name for each in lost]
    where = f" in {found.layer}" if found.layer else ""
    yield Diagnosis(
        "untrained_layer",
        "error",
        f"no gradient comes back through {found.name}{where}, whose answers move in steps and have no slope: "
        f"that of {listed(names)} was 0 in all steps that were looked at",
        {"parameters": names[:50], "operation": found.name},
        "rounding, signs or comparisons between the loss and what should learn",
        Fix(
            "an operation with a slope in its place, such as tanh or a sigmoid, or one that hands on the "
            "gradient as it came: x + (sign(x) - x).detach()"
        ),
        member=case.member,
    )


def _frozen(case: Case, severity: Severity, otherwise: Severity) -> Iterator[Diagnosis]:
    """Told of those as drawn at random; where there are none, of the others."""
    fresh, trained = _frozen_names(case)
    if fresh:
        yield Diagnosis(
            "untrained_layer",
            severity,
            f"frozen, with values as a new layer has them: {listed(fresh)}",
            {"parameters": fresh[:50]},
            "requires_grad or trainable is False before the layer has learnt anything",
            Fix("let them train (requires_grad=True), or load pretrained values before freezing"),
            member=case.member,
        )
    elif trained:
        yield Diagnosis(
            "untrained_layer",
            otherwise,
            f"frozen, with values that do not look newly drawn: {listed(trained)}",
            {"parameters": trained[:50]},
            "layers that were trained before and are kept on purpose, or too small to tell",
            Fix("nothing, if that is meant"),
            member=case.member,
        )


def _frozen_names(case: Case) -> tuple[list[str], list[str]]:
    """Frozen matrices as drawn at random, and all others."""
    fresh, trained = [], []
    network = case.network
    if isinstance(network, ForeignNetwork):
        for name, each in network.owned[0].named_parameters():
            if not each.requires_grad and each.dim() > 1:
                (fresh if _looks_drawn(each.detach()) else trained).append(name)
        return fresh, trained
    drawn = network.layout.draw(case.plan.seed)
    for place in network.layout.places:
        if place.name.startswith("encoders."):
            continue  # of pretrained ones
        if place.declared.rate == 0 and len(place.declared.shape) > 1:
            part = slice(place.start, place.start + place.declared.size)
            same = torch.allclose(network.flat.detach()[0, part].cpu(), drawn[part])
            (fresh if same else trained).append(place.name)
    return fresh, trained


def _looks_drawn(weight: Tensor) -> bool:
    """Whether a matrix is as the usual starts make it: even within one of their bounds, up to the bound.

    Training takes some values over the bound. A start that really is even passes but for .4 %: its greatest
    of n values lies below 1 - 8 / n of the bound once in 3000 times, and the mean of their sizes is half the
    bound. Small matrices, and starts from a normal distribution, are not known by it.
    """
    count = weight.numel()
    if count < FEW:
        return False
    outputs, inputs = weight.shape[0], weight[0].numel()
    places = inputs // weight.shape[1]
    bounds = (1 / math.sqrt(inputs), math.sqrt(6 / inputs), math.sqrt(6 / (inputs + outputs * places)))
    most, middle = float(weight.abs().max()), float(weight.abs().mean())
    return any(
        (1 - 8 / count) * bound < most <= bound * (1 + 1e-5)
        and abs(middle / bound - 0.5) < 3 * math.sqrt(1 / 12 / count)
        for bound in bounds
    )


def _share(names: list[str], named: Mapping[str, Tensor]) -> float:
    return round(sum(named[name].numel() for name in names) / sum(each.numel() for each in named.values()), 4)
