"""Columns that hold the target of a part of the rows, of one class each, or as a mean: leaks in disguise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netwright.doctor import plain
from netwright.doctor.case import Case
from netwright.doctor.diagnosis import Diagnosis, Fix, Severity

ROWS = 1000
FEWEST_ROWS, FEWEST_COLUMNS = 60, 3
MOST_COLUMNS = 200
PAIRS = 120
EXACT = 1e-4  # of the target's standard deviation
SHARE = 0.25  # of the rows that lie on one line
ALL = 0.95  # of the rows that are of a class with a column of its own
ENDS, BETWEEN = 0.05, 0.1  # of the rows that have the least or the greatest mean, or one between
OFTEN = 10  # rows with the same mean


def hidden_targets(case: Case) -> Iterator[Diagnosis]:
    """What a single rule on a single column does not show, or not for all rows.

    - Numbers: a quarter of the rows and more lie on one straight line of a column and the target, to a
      ten-thousandth of its deviation, with different values each. Measurements do not. Where two columns do
      so the target is their maximum or the like.
    - Classes: columns of two values each are the same as "is of class c", exactly, and there are such ones
      for the classes of nearly all rows.
    - Yes or no: the values of a column are the shares of yes among the rows that have them, rising to 0 and 1
      at their ends, each as a twentieth of all rows and more: means of the target over few rows, their own
      among them.
    """
    rows = plain.known(case).spread(ROWS)
    x, wanted = plain.matrix(case, rows), case.wanted(rows)
    if len(x) < FEWEST_ROWS or x.shape[1] < FEWEST_COLUMNS:
        return
    places = np.flatnonzero(x.std(0) > 0)
    places = places[np.linspace(0, len(places) - 1, min(len(places), MOST_COLUMNS)).astype(int)]
    if case.task == "numbers":
        yield from _on_a_line(case, x, wanted, places)
    elif case.task == "classes" and wanted.max() > 1:
        yield from _class_by_class(case, x, wanted, places)
    elif plain.is_classes(case.task):
        for place in places:
            if _is_mean(x[:, place], wanted):
                yield _diagnosis(
                    case,
                    [int(place)],
                    "warning",
                    f"{plain.column(case, int(place))} is the share of yes among the rows that have its "
                    "value, from none to all: the mean of the target over a few rows",
                    "a code was replaced by the mean target of its rows, this one's own among them",
                    Fix("compute such means from other rows than the row's own, training rows alone"),
                )


def _on_a_line(case: Case, x: np.ndarray, wanted: np.ndarray, places: np.ndarray) -> Iterator[Diagnosis]:
    for number, target in enumerate(wanted.T):
        if target.std() == 0:
            continue
        shares = {int(place): share for place in places if (share := _line(x[:, place], target)) >= SHARE}
        if len(shares) != 1:
            continue
        ((place, share),) = shares.items()
        of = f"target {number}" if wanted.shape[1] > 1 else "the target"
        yield _diagnosis(
            case,
            [place],
            "error" if share > ALL else "warning",
            f"{plain.column(case, place)} is {of} itself, in another unit, in {100 * share:.0f} % of the "
            "rows",
            "the column is computed from the target, or is written down when this is known",
            Fix("leave it out and train again", {"data.clean.leaks": "drop"}),
        )
        return


def _line(column: np.ndarray, target: np.ndarray) -> float:
    """Share of the rows on the straight line that most lie on; 0 where their values repeat."""
    draws = np.random.default_rng(0)
    first, second = draws.integers(0, len(column), (2, PAIRS))
    apart = column[first] != column[second]
    first, second = first[apart], second[apart]
    slope = (target[first] - target[second]) / (column[first] - column[second])
    away = np.abs(target[first, None] + slope[:, None] * (column - column[first, None]) - target)  # [P, n]
    on = away < EXACT * target.std()
    on &= (np.abs(slope) * column.std() > 0.01 * target.std())[:, None]
    if not len(on):
        return 0.0
    best = on[on.sum(1).argmax()]
    different = len(np.unique(target[best]))
    return float(best.mean()) if different >= max(20, 0.5 * best.sum()) else 0.0


def _class_by_class(case: Case, x: np.ndarray, wanted: np.ndarray, places: np.ndarray) -> Iterator[Diagnosis]:
    found: dict[int, int] = {}
    for place in places:
        column = x[:, place]
        high = column == column.max()
        if not (column[~high] == column.min()).all():
            continue
        for rows in (high, ~high):
            code = int(wanted[rows][0])
            if code not in found and (rows == (wanted == code)).all():
                found[code] = int(place)
    if len(found) < 3 or np.isin(wanted, [*found]).mean() < ALL:
        return
    yield _diagnosis(
        case,
        [*found.values()],
        "error",
        f"{len(found)} columns each tell whether a row is of one class, and never err: "
        + ", ".join(plain.column(case, place) for place in [*found.values()][:4]),
        "marks that were put there by those who knew the classes",
        Fix("leave these columns out, or cover that place of the pictures, and train again"),
    )


def _is_mean(column: np.ndarray, wanted: np.ndarray) -> bool:
    values, codes, counts = np.unique(np.round(column, 6), return_inverse=True, return_counts=True)
    if not 4 <= len(values) <= len(column) // OFTEN or min(counts[0], counts[-1]) < ENDS * len(column):
        return False
    told = np.bincount(codes, wanted) / counts
    mean = (values - values[0]) / (values[-1] - values[0])
    for shares in (told, 1.0 - told):
        if shares[0] > 0 or shares[-1] < 1:
            continue
        between = (counts >= OFTEN) & (mean > 0) & (mean < 1)
        error = np.sqrt(mean * (1 - mean) / counts)
        like = np.abs(shares - mean) <= 3.0 * error
        if between.sum() >= 2 and counts[between].sum() >= BETWEEN * len(column) and like[between].all():
            return True
    return False


def _diagnosis(
    case: Case, places: list[int], severity: Severity, message: str, cause: str, fix: Fix
) -> Diagnosis:
    names = [plain.column(case, place).strip("'") for place in places]
    return Diagnosis("leaking_column", severity, message, {"columns": names, "places": places}, cause, fix)
