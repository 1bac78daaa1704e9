"""Where the first number came up that is not finite: batch, weights, forward pass, loss or gradient."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from netwright.doctor.aside import is_fused, of_member, target_of, traces, undisturbed
from netwright.doctor.trace import Call, trace
from netwright.nn.foreign import ForeignNetwork
from netwright.training.feed import Batch


@torch.no_grad()
def first_bad(network: Any, batch: Batch, place: int, gradient: Tensor) -> tuple[str, str] | None:
    """Looks for a member's first number that is not finite, in the order in which a step computes.

    Arguments:
        network: before the step's update.
        batch: of the step.
        place: of the member.
        gradient: of all members in that step. [M, P]

    Returns:
        where it is, in words, and what kind of place that is, as in `FirstBad`; None where all is finite.
    """
    own = gradient[place]
    if _finite(own):
        return None
    with undisturbed(network):
        return (
            _in_the_batch(batch, place)
            or _in_the_weights(network, place)
            or _on_the_way(network, batch, place)
            or (f"the gradient of {_named(network, own)[-1]}", "gradient")
        )


def _in_the_batch(batch: Batch, place: int) -> tuple[str, str] | None:
    for name, values in batch.raw.items():
        row = _bad_row(values[place])
        if row is not None:
            return f"the input {name}, row {row} of the batch", "inputs"
    target = target_of(batch, place)
    for values in target.values() if isinstance(target, dict) else [target]:
        row = _bad_row(values)
        if row is not None:
            return f"the target, row {row} of the batch", "targets"
    return None


def _bad_row(values: Tensor) -> int | None:
    if not values.is_floating_point() or _finite(values):
        return None
    return int((~torch.isfinite(values.reshape(len(values), -1)).all(1)).nonzero()[0])


def _in_the_weights(network: Any, place: int) -> tuple[str, str] | None:
    names = _named(network, network.flat.detach()[place])
    return (f"the weights of {names[0]}", "weights") if names else None


def _named(network: Any, values: Tensor) -> list[str]:
    """The parameters of which some of these values [P] are not finite."""
    layout = network.layout
    parts = zip(layout.places, values.split(list(layout.sizes)), strict=True)
    return [at.name for at, part in parts if not _finite(part)]


def _on_the_way(network: Any, batch: Batch, place: int) -> tuple[str, str] | None:
    """The first operation that made numbers that are not finite, of the forward pass or of the loss."""
    fused = is_fused(network)
    forward = traces(network, batch, training=True, place=place)[0]
    for call in forward.calls:
        if _broke(call, place, fused):
            where = f"{call.name} in {call.layer}" if call.layer else call.name
            half = call.output.dtype == torch.float16
            return where + (", a number of float16" if half else ""), "forward"
    if isinstance(network, ForeignNetwork):
        weight = None if batch.weight is None else batch.weight[place]
        target = target_of(batch, place)
        loss: Callable[[], Any] = partial(network.goal.loss, forward.output, target, weight)
    else:
        loss = partial(network.losses, forward.output, batch.target, batch.weight)
    for call in trace(loss, network).calls:
        if _broke(call, place, fused):
            return f"{call.name} in the loss", "loss"
    return None


def _broke(call: Call, place: int, fused: bool) -> bool:
    """Whether an operation made numbers of one member that are not finite of numbers that are."""
    given = [each for each in call.inputs if each.is_floating_point()]
    fine = all(_finite(of_member(each, place, fused)) for each in given)
    return fine and not _finite(of_member(call.output, place, fused))


def _finite(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all())
