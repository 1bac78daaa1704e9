"""Losses that pass over a class, or weigh the rare classes less than the frequent ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.again import Again, Change, better, with_proof
from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.trouble import troubled
from netwright.nn.foreign import ForeignNetwork

EACH = 4  # rows of a class whose slopes are looked at
NOTHING = 1e-6  # of the largest weight
LEAST, FEWEST = 0.01, 5  # share and number of the training rows of a class that is missed
MORE_ROWS, LESS = 1.2, 0.2  # rows of another class over its own; its weight over that of the other


def class_weights(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The loss leaves a class of the training rows out (its index is taken for padding, a mask, a weight of
    0), or a rare class weighs a fifth and less of one that has more rows.

    Weights are there to make up for unlike numbers of rows: larger for rare classes, or equal. What a loss
    really weighs is asked of its slopes at equal answers for all classes, of whatever function it is. Weights
    the other way round may be meant, where a false alarm is dear; so the proof is asked for: as many steps
    with the usual loss lead to a better network.
    """
    network = case.network
    if case.task not in ("classes", "yes_no") or case.train is None:
        raise CannotTellError("the targets are no classes")
    if not isinstance(network, ForeignNetwork):
        return  # whose weights are computed from the rows
    weights = weights_of(case, network)
    if weights is None:
        return
    rows = np.bincount(case.wanted(case.train), minlength=len(weights))
    known = np.isfinite(weights) & (rows >= max(FEWEST, LEAST * rows.sum()))
    if known.sum() < 2:
        return
    left_out = np.flatnonzero(known & (np.nan_to_num(weights) <= NOTHING * np.nanmax(weights)))
    turned = None if len(left_out) else _turned(weights, rows, known)
    if not len(left_out) and turned is None:
        return
    # Answers of a class that is passed over are mostly right where the others are, so marks tell.
    found = better(case, record, Change(loss=True, usual=not case.plan.repeatable))
    if found is None:
        return
    evidence = {"weights": [round(float(each), 4) for each in weights / np.nanmax(weights)]}
    evidence["train_rows"] = rows.tolist()
    if turned is None:
        yield _told(
            case,
            record,
            f"the loss leaves out class {', '.join(map(str, left_out))}, of which {rows[left_out].sum()} of "
            f"{rows.sum()} training rows are",
            evidence,
            "a class that is taken for padding (ignore_index), or masked, or has the weight 0",
            Fix("let the loss count all classes, with another code for what is to be left out"),
            found,
        )
        return
    light, heavy = turned
    yield _told(
        case,
        record,
        f"the loss gives a row of class {light} {weights[light] / weights[heavy]:.2g} times the weight of "
        f"one of class {heavy}, though class {heavy} has {rows[heavy]} training rows and class {light} has "
        f"{rows[light]}",
        evidence,
        "class weights the wrong way round: they are for classes that have few rows",
        Fix("weights that are larger for rare classes, such as 1 / rows of the class, or none"),
        found,
    )


def weights_of(case: Case, network: ForeignNetwork) -> np.ndarray | None:
    """How long the slope of the loss of a row of each class is where all classes are answered alike; NaN of
    classes without rows, None where that cannot be had. [C]"""
    assert case.train is not None
    wanted = case.wanted(case.train)
    count = max(case.classes or 2, int(wanted.max()) + 1)
    places = np.concatenate([np.flatnonzero(wanted == each)[:EACH] for each in range(count)])
    rows = case.train.at(torch.from_numpy(places).to(case.train.weight.device))
    slopes = _slopes(case, network, rows)
    if slopes is None or not np.isfinite(slopes).all() or not slopes.any():
        return None
    codes = wanted[places]
    return np.array(
        [slopes[codes == each].mean() if (codes == each).any() else np.nan for each in range(count)]
    )


@torch.enable_grad()
def _slopes(case: Case, network: ForeignNetwork, rows: Rows) -> np.ndarray | None:
    like: Any = case.output(rows)[0]
    if not isinstance(like, Tensor) or len(like) != len(rows) or not like.is_floating_point():
        return None
    chances = bool(((like >= 0) & (like <= 1)).all())
    even = 1.0 / max(2, like[0].numel()) if chances else 0.0
    answers = torch.full_like(like, even).requires_grad_()
    loss = network.goal.loss(answers, rows.target, None)
    if not loss.requires_grad:
        return None
    (slope,) = torch.autograd.grad(loss, answers)
    return slope.reshape(len(rows), -1).norm(dim=1).double().cpu().numpy()


def _turned(weights: np.ndarray, rows: np.ndarray, known: np.ndarray) -> tuple[int, int] | None:
    """The class with the smallest weight beside one that has more rows and a larger weight, and that one."""
    best, found = LESS, None
    for light in np.flatnonzero(known):
        for heavy in np.flatnonzero(known & (rows >= MORE_ROWS * rows[light])):
            if weights[light] <= best * weights[heavy]:
                best, found = weights[light] / weights[heavy], (int(light), int(heavy))
    return found


def _told(
    case: Case, record: Record, message: str, evidence: dict[str, Any], cause: str, fix: Fix, found: Again
) -> Diagnosis:
    severity = "error" if troubled(case, record) else "warning"
    told = Diagnosis("class_imbalance", severity, message, evidence, cause, fix, member=case.member)
    return with_proof(told, case, found, "with the usual loss")
