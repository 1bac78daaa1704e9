"""A few targets of numbers that are of another size altogether: slips of a unit, a comma, a sentinel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from netwright.doctor import plain
from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import Diagnosis, Fix, Severity
from netwright.doctor.proof import bounded
from netwright.doctor.standing import paired, reduced, simple_answers

FEWEST_ROWS = 60
MOST = 0.05  # of the rows
APART = 3.0  # times as far as the furthest of the others: a gap that leaves no middle
FURTHER = 10.0  # the same of the middle one of the far targets
CHANCE = 1e-6  # of such a gap in a tail as heavy as that of the others
HELD = 0.5  # share of the variance that they make
BEHIND = 0.1  # R² on the other rows
TREES = 40
LISTED = 50


@dataclass(frozen=True)
class Far:
    """Targets far from the others.

    Arguments:
        rows: their places, the furthest first.
        column: of the targets.
        bound: the largest distance of the others from the middle.
        middle: of all targets.
        times: how much further than that the middle one of the far ones is.
    """

    rows: np.ndarray
    column: int
    bound: float
    middle: float
    times: float


def far_targets(case: Case) -> Iterator[Diagnosis]:
    """Up to 5 % of the targets lie apart from all others by a gap that the tail of these does not explain.

    A heavy tail goes on: of the largest values each is a little larger than the one before, and how fast
    they grow among the others (Hill, 1975) says how often a gap of that size comes by chance. Asked are two
    targets and more beyond a gap of 3 times, the middle one 10 times as far as the last of the others, which
    make half of the variance, and whose gap chance would give less than once in a million. Of 4,000 draws
    of 60 to 2,000 values from each of Cauchy's and Student's distributions, Pareto's with exponents from .6
    to 3, and logarithmic normal ones with deviations from 1 to 3, none are called far.

    An error where the network is worse than a constant on the other validation rows, a warning where it is
    clearly behind a simple model that has not seen the far ones; else a note.
    """
    if case.task != "numbers" or case.train is None:
        return
    train = case.train
    wanted = case.wanted(train)
    found = [far for column in range(wanted.shape[1]) if (far := _far(wanted[:, column], column)) is not None]
    if not found:
        return
    worst = max(found, key=lambda each: each.times)
    rows = np.unique(np.concatenate([each.rows for each in found]))
    severity, harm = _harm(case, train, found, rows)
    numbers = np.arange(len(train)) if train.numbers is None else train.numbers.cpu().numpy()
    values = wanted[worst.rows, worst.column]
    case.notes["suspects"] = numbers[rows].tolist()
    same = len(np.unique(values)) == 1
    shown = f"{values[0]:.4g} each" if same else f"{values.min():.4g} to {values.max():.4g}"
    yield Diagnosis(
        "label_errors",
        severity,
        f"{len(rows)} of {len(train)} training targets are of another size than all others: {shown}, "
        f"where the others end {worst.bound:.4g} from their middle{harm}",
        {
            "noise": round(len(rows) / len(train), 4),
            "suspects": numbers[worst.rows][:LISTED].tolist(),
            "values": [float(f"{each:.5g}") for each in values[:LISTED]],
            "bound": worst.bound,
            "middle": worst.middle,
            "times": round(worst.times, 1),
        },
        "a value that stands for a missing one"
        if same
        else "slips of a unit or a comma, or rows of something else",
        Fix(
            "look at the listed rows; correct them, or leave them out. A loss that grows with the error and "
            "not with its square is less moved by them",
            {"training.loss": "huber"},
        ),
        member=case.member,
    )


def _far(values: np.ndarray, column: int) -> Far | None:
    middle = float(np.median(values))
    distance = np.abs(values - middle)
    order = np.argsort(-distance, kind="stable")
    falling = distance[order]
    rows, most = len(values), int(MOST * len(values))
    tail = max(20, rows // 10)
    if rows < FEWEST_ROWS or most < 2:
        return None
    best: tuple[float, int] | None = None
    for count in range(2, most + 1):
        near = falling[count]
        start = falling[count + tail]
        if start <= 0 or falling[count - 1] < APART * near or falling[count // 2] < FURTHER * near:
            continue
        # How fast the tail of the others falls, where the far ones are only known to be beyond it.
        growth = (
            float(np.log(falling[count : count + tail] / start).sum() + count * np.log(near / start)) / tail
        )
        chance = -count * float(np.log(falling[count - 1] / near)) / max(growth, 1e-9)
        if chance < np.log(CHANCE) and (best is None or chance < best[0]):
            best = chance, count
    if best is None:
        return None
    far = order[: best[1]]
    deviation = np.square(values - values.mean())
    if deviation[far].sum() < HELD * deviation.sum():
        return None
    bound = float(falling[best[1]])
    return Far(far, column, bound, middle, float(np.median(falling[: best[1]]) / bound))


def _harm(case: Case, train: Rows, found: list[Far], far: np.ndarray) -> tuple[Severity, str]:
    """How severe it is, and in words what the network lost by it."""
    if case.validation is None:
        return "warning", ""
    judged = case.validation.spread(1000)
    asked = case.wanted(judged)
    usual = np.ones(len(asked), dtype=bool)
    for each in found:
        usual &= np.abs(asked[:, each.column] - each.middle) <= 2.0 * each.bound
    if usual.sum() < 20:
        return "warning", ""
    judged = judged.at(torch.from_numpy(np.flatnonzero(usual)))
    rest = train.at(torch.from_numpy(np.setdiff1d(np.arange(len(train)), far))).spread(1000)
    wanted, asked = case.wanted(rest), asked[usual]
    spread = wanted.var(0) + 1e-12
    own = bounded(1.0 - (np.square(case.answers(judged) - asked) / spread).mean(1))
    constant = bounded(1.0 - (np.square(wanted.mean(0) - asked) / spread).mean(1))
    x, others = reduced(plain.matrix(case, rest), plain.matrix(case, judged))
    given = simple_answers(case, x, wanted, others, TREES)
    simple = max(
        (bounded(1.0 - (np.square(each - asked) / spread).mean(1)) for each in [*given.values()]),
        key=lambda marks: float(marks.mean()),
        default=constant,
    )
    behind, error = paired(simple, own)
    said = (
        f"; on the other validation rows the network has R² {own.mean():.2f}, and a simple model that has "
        f"not seen them {simple.mean():.2f}"
    )
    if own.mean() < constant.mean() and behind > 3.0 * error:
        return "error", said
    return ("warning", said) if behind > max(BEHIND, 3.0 * error) else ("note", "")
