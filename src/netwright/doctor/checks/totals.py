"""Columns that give the target away together: a total, of which the target is one of the parts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netwright.doctor import plain
from netwright.doctor.case import Case
from netwright.doctor.diagnosis import Diagnosis, Fix

ROWS = 1000
MOST_COLUMNS = 200
ROWS_EACH = 6  # rows of a column at least
EXACT, ALL = 1e-4, 0.98  # of the target's deviation; of the rows that have not been learnt from
COUNTS = 0.01  # of the target's deviation, of what a column adds
OTHERS = 2  # columns that have no part in it
TOLD = 0.1  # share of a column's variance that the others of the sum tell


def totals(case: Case) -> Iterator[Diagnosis]:
    """The target is a sum of several columns, each times a number, to a ten-thousandth of its deviation, in
    98 % of rows that the sum was not learnt from.

    Measurements have errors, and codes of classes are no sums of numbers. Of numbers at least two columns
    have no part in it, and one of those that have is told by the others to a tenth: a total has its parts in
    it, while targets that somebody made as a sum of columns, to try things out, are of columns drawn for
    themselves.
    """
    rows = plain.known(case).spread(ROWS)
    x, wanted = plain.matrix(case, rows), case.wanted(rows).reshape(len(rows), -1).astype(np.float64)
    places = np.flatnonzero(x.std(0) > 1e-12 * (1.0 + np.abs(x.mean(0))))
    if not 2 <= len(places) <= min(MOST_COLUMNS, len(x) / ROWS_EACH):
        return
    z = (x[:, places] - x[:, places].mean(0)) / x[:, places].std(0)
    z = np.column_stack([z, np.ones(len(z))])
    learnt = np.arange(len(z)) % 2 == 0
    for number, target in enumerate(wanted.T):
        if target.std() == 0:
            continue
        slope = np.linalg.lstsq(z[learnt], target[learnt], rcond=1e-9)[0]
        away = np.abs(z[~learnt] @ slope - target[~learnt]) / target.std()
        if (away < EXACT).mean() < ALL:
            continue
        some = np.flatnonzero(np.abs(slope[:-1]) > COUNTS * target.std())
        if len(some) < 2:
            continue
        told = [_told(z, int(each), some) for each in some]
        if not plain.is_classes(case.task) and (len(places) - len(some) < OTHERS or max(told) < TOLD):
            continue
        total = int(places[some[int(np.argmax(told))]])
        others = [int(place) for place in places[some] if place != total]
        names = [plain.column(case, place) for place in others]
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        of = f"target {number}" if wanted.shape[1] > 1 else "the target"
        yield Diagnosis(
            "leaking_column",
            "error",
            f"{plain.column(case, total)} and {shown} together give {of} exactly: it is a sum of them, each "
            f"times a number, in {100 * float((away < EXACT).mean()):.0f} % of the rows",
            {"columns": [plain.column(case, total).strip("'")], "places": [total], "beside": others},
            "a total, or a difference, with the target in it beside its other parts",
            Fix("leave the total out and train again", {"data.clean.leaks": "drop"}),
        )
        return


def _told(z: np.ndarray, place: int, some: np.ndarray) -> float:
    """How much of a standardised column the others of the sum tell, by least squares."""
    others = z[:, [each for each in some if each != place]]
    slope = np.linalg.lstsq(others, z[:, place], rcond=None)[0]
    return float(1.0 - np.square(z[:, place] - others @ slope).mean())
