"""Whether a copy that learns classes proves that their codes should not be told as a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from netwright.doctor.case import Case, Rows
from netwright.doctor.checks.head import wrong_head
from netwright.doctor.diagnosis import CannotTellError, Diagnosis
from netwright.doctor.flow import flow_of
from netwright.doctor.record import Record
from netwright.doctor.retrained import learn_anew
from netwright.doctor.standing import paired
from netwright.doctor.trace import AFFINE
from netwright.nn.foreign import ForeignNetwork

GAINED = 0.05  # share of the validation rows
PROBED = 1000  # rows


def wrong_head_after(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Codes of classes are told as a number, and a copy that tells them as classes is clearly better.

    The copy, of a module of PyTorch, has an output for each class in the place of its last layer and learns
    by cross entropy from the same first weights, for as many steps as the training had, at most 600. Beside
    it are the rounded answers of the network on validation rows; it has to be better by .05 and 3 standard
    errors. Numbers that are ordered, such as grades, gain little by it.
    """
    if case.task != "numbers" or case.validation is None:
        return
    network = case.twin()
    if not isinstance(network, ForeignNetwork):
        return
    for each in wrong_head(case):
        if "classes" not in each.evidence:
            continue
        told = _as_classes(case, record, network, each.evidence["classes"])
        rows = case.validation.spread(PROBED)
        wanted = case.wanted(rows)[:, 0]
        own = np.round(case.answers(rows)[:, 0]).clip(0, each.evidence["classes"] - 1) == wanted
        right = told(rows).numpy() == wanted
        gain, error = paired(right.astype(float), own.astype(float))
        if gain <= max(GAINED, 3 * error):
            continue
        yield replace(
            each,
            severity="error",
            message=f"{each.message}: its rounded answers are right on {100 * own.mean():.0f} % of the "
            f"validation rows, those of a copy with an output for each class on {100 * right.mean():.0f} %",
            evidence={**each.evidence, "gained": round(gain, 4), "error": round(error, 4)},
            member=case.member,
        )


def _as_classes(
    case: Case, record: Record, network: ForeignNetwork, classes: int
) -> Callable[[Rows], Tensor]:
    """What a copy says that has learnt classes; gives codes of rows. [n]

    Raises:
        CannotTellError: its last layer cannot be taken for another one.
    """
    last = flow_of(case).trace.of(AFFINE)[-1:]
    part = network.owned[0].get_submodule(last[0].layer) if last else network.owned[0]
    width = last[0].inputs[0].shape[-1] if last else 0
    if not last or not last[0].learnt or [*part.children()] or last[0].inputs[0].dim() != 2:
        raise CannotTellError("the last layer is not one that another could take the place of")
    given: list[Tensor] = []
    part.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    kernel = torch.zeros(1, (width + 1) * classes, requires_grad=True)  # and biases

    def scores(rows: Rows, *, training: bool) -> Tensor:
        given.clear()
        network.call(0, rows.raw, training=training)
        last_kernel = kernel[0].reshape(width + 1, classes).to(given[0])
        return given[0] @ last_kernel[:-1] + last_kernel[-1]  # [n, C]

    def loss(rows: Rows) -> Tensor:
        return functional.cross_entropy(scores(rows, training=True), rows.target.reshape(-1).long())

    learn_anew(case, record, network, loss, kernel)
    return lambda rows: scores(rows, training=False).argmax(1).cpu()
