"""Whether inputs of odd sizes do harm: a copy that is given them in usual ones learns more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from netwright.doctor.case import Case, Rows
from netwright.doctor.checks.scales import LOUD, First, firsts, sentinels, unscaled_inputs
from netwright.doctor.diagnosis import Diagnosis, Fix
from netwright.doctor.proof import Marks, alike, bounded, sharp_of
from netwright.doctor.record import Record
from netwright.doctor.retrained import learn_anew
from netwright.doctor.standing import paired
from netwright.doctor.trouble import marked
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.member import Mode
from netwright.nn.trainable import Trainable

GAINED, ERRORS = 0.04, 2.5  # sharp marks on validation rows, and standard errors
FEWEST, MOST_ROWS = 30, 1000  # validation rows


def unscaled_after(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Inputs of odd sizes, where a copy that has them standardised answers validation rows clearly better.

    Tried where sizes have been told before, and where a normalisation takes what the first layer gives of
    large inputs: that hides their size from what follows, not from the weights of the layer itself, which
    steps of the usual length hardly turn. The copy begins at the same first weights and takes as many steps
    of Adam as the training had, at most 600; values for missing ones become the mean. Clearly: by .04 and 2.5
    standard errors (of classes in sharp marks, see `proof.sharp`), than the network and than another copy
    that learns from the inputs as they are.
    """
    if case.train is None or case.validation is None or len(case.validation) < FEWEST:
        return
    if case.task not in ("classes", "yes_no", "numbers") or record.start is None:
        return
    if not isinstance(case.network, ForeignNetwork):
        return
    told = list(unscaled_inputs(case))
    odd = [each for each in firsts(case) if told or (each.normed and _size(each) >= LOUD)]
    if not odd:
        return
    rows = case.validation.spread(MOST_ROWS)
    before, after = _marks(case, rows, case.network), _marks(case, rows, _learnt(case, record, odd))
    gain, error = _gained(before, after)
    if gain <= max(GAINED, ERRORS * error):
        return
    same, same_error = _gained(_marks(case, rows, _learnt(case, record, [])), after)
    if same <= max(GAINED, ERRORS * same_error):
        return
    told = told or [_large(case, odd[0])]
    for each in told:
        yield replace(
            each,
            severity="warning",
            message=f"{each.message}; a copy that has them standardised comes from "
            f"{marked(case, before[0])} to {marked(case, after[0])} on validation rows",
            evidence={**each.evidence, "gained": round(gain, 4), "error": round(error, 4)},
            member=case.member,
        )


def _size(first: First) -> float:
    return float(np.sqrt(np.nanmean(np.square(first.values))))


def _large(case: Case, first: First) -> Diagnosis:
    size = _size(first)
    return Diagnosis(
        "unscaled_inputs",
        "warning",
        f"inputs reach the first layer in sizes around {size:,.4g}, which the normalisation behind it hides",
        {"layer": first.call.layer or first.call.name, "size": size},
        "inputs in their own units: the weights of the first layer hardly turn",
        Fix(
            "bring each column to mean 0 and deviation 1 by the training rows",
            {"inputs.number.scaling": "standard"},
        ),
        member=case.member,
    )


def _marks(case: Case, rows: Rows, network: Trainable) -> Marks:
    """Marks of a network, and those that tell small differences. Each [v]"""
    answers = case.answers(rows, network)
    return bounded(case.marks(answers, rows)), sharp_of(case, answers, rows)


def _gained(before: Marks, after: Marks) -> tuple[float, float]:
    """And the standard error."""
    first, second = alike([before, after])
    return paired(second, first)


def _learnt(case: Case, record: Record, odd: list[First]) -> Trainable:
    """A copy that has learnt anew, with the inputs of some layers in usual sizes."""
    network = case.twin()
    assert isinstance(network, ForeignNetwork)
    for first in odd:
        part = network.owned[0].get_submodule(first.call.layer)
        part.register_forward_pre_hook(_standardised(first, channels=first.call.name.startswith("conv")))

    def loss(some: Rows) -> Tensor:
        raw, target = some.led()
        return network.losses(network(raw, Mode(training=True)), target).sum()

    learn_anew(case, record, network, loss)
    return network


def _standardised(
    first: First, channels: bool
) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor, ...]]:
    values = np.where(np.isfinite(first.values), first.values, np.nan)
    missing = sentinels(first.values[np.isfinite(first.values).all(1)])
    stands = np.full(values.shape[1], np.nan)
    stands[[*missing]] = [*missing.values()]
    known = np.where(values == stands, np.nan, values)
    middle, spread = np.nan_to_num(np.nanmean(known, axis=0)), np.nanstd(known, axis=0)
    spread = np.where(spread > 1e-9 * (1.0 + np.abs(middle)), spread, 1.0)

    def change(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x = given[0].movedim(1, -1) if channels else given[0]
        at, scale, gone = (torch.as_tensor(each).to(x) for each in (middle, spread, stands))
        x = torch.where(x == gone, 0.0, (x - at) / scale)
        return (x.movedim(-1, 1) if channels else x, *given[1:])

    return change
