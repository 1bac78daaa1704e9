"""Rows in the order of time at regular steps: sorted, merged where times repeat, gaps where rows lack."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from netwright.data.finding import Finding
from netwright.data.forecast.schema import Step, Times
from netwright.data.forecast.times import as_texts, find_step, position, time_at
from netwright.errors import InputError

OFF_THE_GRID = 0.02
"""share of rows that may lie beside the regular times, and are moved to the nearest"""
STRETCH = 50
"""steps for each row, above which the times are taken for wrong"""
OPTION = "split.time"


@dataclass(frozen=True)
class Grid:
    """Regular series one after another, T steps in all.

    Arguments:
        names: of the series; [""] for a single one without a name.
        starts: where each begins, and the end of the last. [S + 1]
        times: of the steps. [T] float64
        place: the step of each row; -1 of a row that is not used. [N] int64
        row: the row of each step; -1 where it has none. [T] int64
        step: from one time to the next.
        findings: what was noticed.
    """

    names: list[str]
    starts: np.ndarray
    times: np.ndarray
    place: np.ndarray
    row: np.ndarray
    step: Step
    findings: list[Finding]

    def __len__(self) -> int:
        return len(self.times)

    @property
    def series(self) -> np.ndarray:
        """The series' number of each step. [T] int64"""
        return np.repeat(np.arange(len(self.names)), np.diff(self.starts))


def lay_out(
    times: np.ndarray,
    names: list[str] | None,
    form: str,
    *,
    frequency: str = "auto",
    step: Step | None = None,
    gaps: str = "forward",
    duplicates: str = "last",
    numbers: np.ndarray | None = None,
) -> Grid:
    """Puts rows onto regular times.

    Arguments:
        times: of the rows. [N] float64
        names: the series of each row; None for a single series.
        form: of the times.
        frequency: as the user gave it.
        step: known already, in the place of `frequency`.
        gaps, duplicates: as in the config.
        numbers: the rows' numbers in the source. [N]

    Raises:
        InputError: times repeat or gaps are there where that is refused, or the times are not regular.

    Example:
        >>> grid = lay_out(np.array([3.0, 0.0, 1.0]), None, "number")
        >>> grid.times.tolist(), grid.row.tolist()
        ([0.0, 1.0, 2.0, 3.0], [1, 2, -1, 0])
    """
    numbers = np.arange(len(times)) if numbers is None else numbers
    kinds, codes = (
        ([""], np.zeros(len(times), dtype=np.int64))
        if names is None
        else np.unique(np.array(names, dtype=object), return_inverse=True)
    )
    findings: list[Finding] = []
    backwards = (np.diff(times) < 0) & (np.diff(codes) == 0)
    if names is None and backwards.any():
        findings.append(_unsorted(backwards, numbers))
    order = np.lexsort((np.arange(len(times)), times, codes))
    sorted_times, sorted_codes = times[order], codes[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(sorted_times) > 0) | (np.diff(sorted_codes) > 0)
    if not new.all():
        findings.append(_repeated(order[~new], numbers, duplicates))
    starts = np.searchsorted(sorted_codes[new], np.arange(len(kinds) + 1))
    if step is None:
        step = find_step(sorted_times[new], starts, form, frequency)
    places, all_times, bounds, moved = _places(sorted_times[new], starts, step, ignore=gaps == "ignore")
    if moved:
        findings.append(_moved(moved, len(times), step))
    place = np.empty(len(times), dtype=np.int64)
    place[order] = places[np.cumsum(new) - 1]
    row = np.full(len(all_times), -1, dtype=np.int64)
    kept = order if duplicates in ("last", "mean") else order[::-1]
    row[place[kept]] = kept  # of several the last one stays
    lacking = int((row < 0).sum())
    if lacking:
        first = all_times[int((row < 0).argmax())]
        findings.append(_gaps(lacking, first, step, form, gaps))
    return Grid([str(name) for name in kinds], bounds, all_times, place, row, step, findings)


def _places(
    times: np.ndarray, starts: np.ndarray, step: Step, *, ignore: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Places of sorted times on the grids of their series, the grids' times, their bounds, and how many
    times were moved."""
    places, grids, bounds, moved = [], [], [0], 0
    for first, last in pairwise(starts.tolist()):
        own = times[first:last]
        if ignore:
            found, grid = np.arange(len(own)), own
        else:
            exact = position(own, own[0], step)
            found = np.round(exact).astype(np.int64)
            moved += int((np.abs(exact - found) > 1e-3).sum())
            if moved > max(1, OFF_THE_GRID * len(times)):
                raise InputError(
                    f"the times are not regular: {moved:,} rows lie beside steps of {step}",
                    where=OPTION,
                    hint="give forecast.frequency, sum rows up to regular times first, or take rows as they "
                    "follow each other with forecast.gaps=ignore; --series tells several series apart",
                )
            if found[-1] + 1 > STRETCH * len(own) + 1000:
                raise InputError(
                    f"{len(own):,} rows span {found[-1] + 1:,} steps of {step}",
                    where=OPTION,
                    hint="look for a wrong time, give forecast.frequency, or set forecast.gaps=ignore",
                )
            grid = time_at(np.arange(found[-1] + 1), own[0], step)
        places.append(found + bounds[-1])
        grids.append(grid)
        bounds.append(bounds[-1] + len(grid))
    return np.concatenate(places), np.concatenate(grids), np.array(bounds), moved


def values_on(grid: Grid, values: np.ndarray, duplicates: str = "last") -> np.ndarray:
    """Columns of the rows on the grid, NaN where a step has no row. [N, C] to [T, C]

    Arguments:
        duplicates: "mean" averages the values of rows of the same time that are there.
    """
    if duplicates != "mean":
        found = values[grid.row]
        found[grid.row < 0] = np.nan
        return found
    there = np.isfinite(values)
    sums, counts = (np.zeros((len(grid), values.shape[1])) for _ in range(2))
    np.add.at(sums, grid.place, np.where(there, values, 0.0))
    np.add.at(counts, grid.place, there)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _unsorted(backwards: np.ndarray, numbers: np.ndarray) -> Finding:
    examples = numbers[1:][backwards]
    message = f"{len(examples):,} rows have an earlier time than the row before them"
    return Finding(
        "unsorted_times",
        "note",
        message,
        "rows were sorted by time",
        [],
        len(examples),
        examples[:5].tolist(),
    )


def _repeated(rows: np.ndarray, numbers: np.ndarray, duplicates: str) -> Finding:
    examples = np.sort(numbers[rows])[:5].tolist()
    if duplicates == "error":
        raise InputError(
            f"{len(rows):,} rows repeat a time",
            where=f"row {examples[0]}, counted from 0",
            hint="forecast.duplicates: last, first or mean; --series tells several series apart",
        )
    done = {"mean": "their values were averaged"}.get(duplicates, f"the {duplicates} of each time was kept")
    message = f"{len(rows):,} rows repeat the time of another"
    action = f"{done} (forecast.duplicates)"
    return Finding("duplicate_times", "warning", message, action, [], len(rows), examples)


def _moved(moved: int, rows: int, step: Step) -> Finding:
    message = f"{moved:,} of {rows:,} rows lie beside the regular times, which are {step} apart"
    return Finding("irregular_times", "warning", message, "they were moved to the nearest", [], moved)


def _gaps(lacking: int, first: float, step: Step, form: str, gaps: str) -> Finding:
    at = as_texts(np.array([first]), Times(columns=[""], form="number" if form == "number" else "date"))[0]
    message = f"{lacking:,} times lack a row, the first of them {at} (a step is {step})"
    if gaps == "error":
        hint = "forecast.gaps says how they are filled: forward, season, zero or ignore"
        raise InputError(message, where=OPTION, hint=hint)
    return Finding("time_gaps", "warning", message, f"filled as forecast.gaps says: {gaps}", [], lacking)
