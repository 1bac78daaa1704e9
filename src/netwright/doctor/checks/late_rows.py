"""Targets that stand beside the rows before or after their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netwright.doctor import plain
from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import Diagnosis, Fix
from netwright.doctor.standing import reduced

ROWS, FEWEST = 2000, 200
SQUARES = 60  # columns whose squares are looked at too
PENALTY = 0.03  # of the rows
NEXT, FURTHER = (-1, 1), (-6, -5, -4, -3, -2, 2, 3, 4, 5, 6)  # rows before and after
LEAST, TIMES = 0.03, 3.0  # share of the variance that is told; times as much as of rows further away
CLEAR, SPREAD = 8.0, 0.003  # standard deviations of what is told of rows further away, and the least of these
ALIKE, BY_CHANCE = 0.1, 4.5  # correlation of a column with itself one row later; times 1 / sqrt(rows)


def late_rows(case: Case, x: np.ndarray, rows: Rows) -> Iterator[Diagnosis]:
    """The inputs of a row tell the target of the row before or after it, and nothing of those further away.

    Where rows come in no order that is chance's alone: a straight line of the inputs and their squares tells
    3 % and more of the variance of the neighbours' targets, on rows that it has not seen, which is three
    times what it tells of any of the ten rows further away and eight of their deviations. Where columns go on
    from row to row, as in a series of time, this says nothing, and nothing is said.

    Arguments:
        x: features. [n, F]
        rows: they are of.
    """
    numbers = np.arange(len(rows)) if rows.numbers is None else rows.numbers.cpu().numpy()
    order = np.argsort(numbers, kind="stable")[:ROWS]
    numbers, x = numbers[order], plain.standard(x[order])
    if len(x) < FEWEST or x.shape[1] == 0 or len(np.unique(numbers)) < len(numbers):
        return
    (x,) = reduced(x)
    goals = _goals(case, rows)[order]
    follows = np.flatnonzero(np.diff(numbers) == 1)
    alike = np.abs((x[follows] * x[follows + 1]).mean(0) / x.var(0)).max() if len(follows) else 1.0
    if len(follows) < FEWEST or alike > max(ALIKE, BY_CHANCE / np.sqrt(len(follows))):
        return
    if x.shape[1] <= SQUARES:
        x = plain.standard(np.concatenate([x, np.square(x)], 1))
    told = {apart: _told(x, goals, numbers, apart) for apart in (0, *NEXT, *FURTHER)}
    others = np.array([told[apart] for apart in FURTHER])
    apart = max(NEXT, key=lambda each: told[each])
    found = told[apart]
    clear = others.mean() + CLEAR * max(others.std(), SPREAD)
    if found < max(LEAST, clear, TIMES * others.max()):
        return
    share = np.sqrt(found) / (np.sqrt(found) + np.sqrt(max(told[0], 0.0)))  # slopes are as the shares are
    which = "before" if apart < 0 else "after"
    yield Diagnosis(
        "label_errors",
        "error",
        f"the inputs of a row tell {100 * found:.0f} % of what the targets of the row {which} it vary by, "
        f"and {100 * max(0.0, told[0]):.0f} % of its own: targets stand one row too "
        f"{'early' if apart < 0 else 'late'}",
        {
            "noise": round(float(share), 4),
            "told_by_rows_apart": {str(each): round(told[each], 4) for each in sorted(told)},
        },
        "inputs and targets were read from two files, or one was sorted, cut or filled by a row alone",
        Fix("join inputs and targets by a key, or move the targets back by a row from where they part"),
        member=case.member,
    )


def _goals(case: Case, rows: Rows) -> np.ndarray:
    """Targets as numbers; of numbers their ranks. [n, T]"""
    from scipy.stats import rankdata

    wanted = case.wanted(rows)
    if plain.is_classes(case.task):
        return np.eye(int(wanted.max()) + 1)[wanted]
    return wanted if case.task == "labels" else rankdata(wanted, axis=0) / len(wanted)


def _told(x: np.ndarray, goals: np.ndarray, numbers: np.ndarray, apart: int) -> float:
    """The share of the variance of the targets so many rows away that ridge regression tells, out of fold."""
    place = np.searchsorted(numbers, numbers + apart)
    known = (place < len(numbers)) & (numbers[np.minimum(place, len(numbers) - 1)] == numbers + apart)
    x, y = x[known], goals[place[known]]
    folds = plain.folds_of(len(x))
    left = np.zeros(y.shape[1])
    for fold in range(plain.FOLDS):
        held = folds == fold
        own, mean = x[~held], y[~held].mean(0)
        penalty = PENALTY * len(own) * np.eye(x.shape[1])
        slope = np.linalg.solve(own.T @ own + penalty, own.T @ (y[~held] - mean))  # [F, T]
        left += np.square(y[held] - mean - x[held] @ slope).sum(0)
    return float(1.0 - left.sum() / np.square(y - y.mean(0)).sum())
