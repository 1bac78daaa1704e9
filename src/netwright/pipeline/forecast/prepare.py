"""From a source to regular series and the windows that train, stop and judge a forecast."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from netwright.config import Config
from netwright.data.apportion import divide_in_order
from netwright.data.dataset import Dataset
from netwright.data.finding import Finding
from netwright.data.forecast.fill import fill
from netwright.data.forecast.grid import Grid, values_on
from netwright.data.forecast.known import calendar_names, find_known
from netwright.data.forecast.schema import ForecastSchema, Times
from netwright.data.forecast.season import find_season
from netwright.data.forecast.series import Series, existing, grid_of, series_of, targets_of
from netwright.data.forecast.times import as_texts, find_times
from netwright.data.forecast.windows import thinned, window_roles
from netwright.data.given_split import VALIDATION_OF_TRAINING, roles_of_column
from netwright.data.roles import TEST, TRAIN, VALIDATION
from netwright.data.table import Table
from netwright.data.target import find_target
from netwright.errors import InputError
from netwright.pipeline.prepare import ORDER, read_all, record_reading
from netwright.pipeline.watch import Watch
from netwright.runs.forecast import windows_of

PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
SEASONS = 2  # of them a look-back shows at least, where it is chosen here
SHORTEST = 100  # seasons of so many steps are looked for even if the horizon is shorter


@dataclass
class Prepared:
    """All that is known before a network is built.

    Arguments:
        config: with what was found out about the source, the split and the series filled in.
        table: the rows.
        schema: columns and steps.
        series: targets and known inputs on regular steps. T steps
        role: of the steps. [T] int8
        windows: steps at which the look-backs of each part's windows begin, ascending; those of training and
            validation rows taken together are "development".
        mean, deviation: of the targets in training steps. [C]
        note: how the split was made.
        findings: worst first.
    """

    config: Config
    table: Table
    schema: ForecastSchema
    series: Series
    role: np.ndarray
    windows: dict[str, np.ndarray]
    mean: np.ndarray
    deviation: np.ndarray
    note: str
    findings: list[Finding]

    def dataset(self, device: torch.device) -> Dataset:
        """All windows, as views of the series on the device."""
        return windows_of(self.series, self.schema, device)

    def begins(self, windows: np.ndarray) -> np.ndarray:
        """Where the series of some windows begin. [n]"""
        grid = self.series.grid
        return grid.starts[grid.series[windows]]


def prepare(config: Config, source: Any, watch: Watch) -> Prepared:
    """Reads, lays out, splits and cuts into windows.

    Arguments:
        config: as the user gave it; `forecast.horizon` is set.
        source: a path, a frame, ...; the config's path when None.
        watch: is told how it goes on.

    Raises:
        InputError: whatever is wrong with the data or the settings.
    """
    config = config.model_copy(deep=True)
    watch.stage("reading")
    table, given = read_all(config, source)
    watch.stage("splitting and checking")
    config.data.target = find_target(table, config.data.target)
    times = find_times(table, config.split.time)
    _check_names(table, config, times)
    wanted = config.forecast
    numbers, findings = targets_of(table, config.data.target)
    grid = grid_of(
        table,
        times,
        wanted.series,
        frequency=wanted.frequency,
        gaps=wanted.gaps,
        duplicates=wanted.duplicates,
    )
    values = values_on(grid, numbers, wanted.duplicates)
    role, note, said = _roles(table, config, grid, given)
    findings = [*table.findings, *grid.findings, *findings, *said, *_missing(values, config.data.target)]
    train = role == TRAIN
    for place, name in enumerate(config.data.target):
        if not np.isfinite(values[train, place]).any():
            raise InputError(f"the target {name!r} has no value in any training row", where=table.source)
    mean, deviation = _moments(values[train])
    findings += _constant(deviation, config.data.target)
    schema = _schema(table, config, times, grid, values, train, mean)
    series = series_of(table, schema, grid)
    windows = _windows(schema, series, role, config.forecast.stride, table)
    findings += _short(grid, schema)
    if not len(windows["validation"]):
        message = "no window of a look-back and a horizon has its targets in validation rows"
        action = "training goes on for all epochs; give more validation rows, or a shorter horizon"
        findings.append(Finding("no_validation_windows", "warning", message, action))
    findings = sorted(findings, key=lambda finding: ORDER[finding.severity])
    watch.findings(findings)
    _record(config, table, schema)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return Prepared(config, table, schema, series, role, windows, mean, deviation, note, findings)


def _check_names(table: Table, config: Config, times: Times) -> None:
    """Each column has one part to play."""
    wanted = config.forecast
    for name in wanted.known:
        existing(table, name, "forecast.known")
    if wanted.series is not None:
        existing(table, wanted.series, "forecast.series")
    uses = [("a target", name) for name in config.data.target]
    uses += [("the time", name) for name in times.columns if times.form != "parts"]
    uses += [("the name of the series", wanted.series)] if wanted.series is not None else []
    uses += [("known ahead", name) for name in wanted.known]
    seen: dict[str, str] = {}
    for use, name in uses:
        if seen.get(name, use) != use:
            raise InputError(f"the column {name!r} is {seen[name]} and {use}", hint="it can be one of them")
        seen[name] = use
    levels = wanted.quantiles
    if not levels or sorted(set(levels)) != levels:
        raise InputError(
            f"the quantiles are {levels}", where="forecast.quantiles", hint="give them in ascending order"
        )
    if wanted.point == "median" and 0.5 not in levels:
        raise InputError(
            "the forecast is to be the median, which is not among the quantiles",
            where="forecast.quantiles",
            hint="add 0.5, or set forecast.point to mean",
        )


def _roles(
    table: Table, config: Config, grid: Grid, given: np.ndarray | None
) -> tuple[np.ndarray, str, list[Finding]]:
    """The role of each step [T] int8, how it was made, and what was noticed."""
    split = config.split
    if split.method not in ("auto", "time", "column", "files"):
        hint = "take the order of time, or give a column of train, validation, test and ignore"
        raise InputError(f"rows in time cannot be split by {split.method}", where="split.method", hint=hint)
    if split.validation + split.test >= 1:
        raise InputError(
            f"split.validation {split.validation} and split.test {split.test} leave no rows to train on",
            hint="their sum must be below 1",
        )
    if split.column is None and given is None:
        config.split.method = "time"
        role = divide_in_order(grid.times, split.validation, split.test)
        if role is None:
            raise InputError(
                f"{len(np.unique(grid.times))} different times are too few to split by", where="split.time"
            )
        return role, "In the order of time: the earliest rows train, the latest test.", []
    if given is None:
        assert split.column is not None
        existing(table, split.column, "split.column")
        given = roles_of_column(table, split.column)
        config.split.method, note = "column", f"Given by the column {split.column!r}."
    else:
        config.split.method, note = "files", "Given by files."
    role = np.where(grid.row >= 0, given[grid.row], -1).astype(np.int8)
    latest = np.maximum.accumulate(np.where(role >= 0, np.arange(len(role)), 0))
    role = role[latest]  # a step without a row is of the part before it; series begin with a row
    findings: list[Finding] = []
    for part, name, share in ((TEST, "test", split.test), (VALIDATION, "validation", VALIDATION_OF_TRAINING)):
        if (role == part).any() or share == 0:
            continue
        own = np.flatnonzero(role == TRAIN)
        carved = divide_in_order(grid.times[own], 0.0, share)
        if carved is not None:
            role[own[carved == TEST]] = part
            said = f"the last {share:.0%} of the training rows' time ({(role == part).sum():,} rows)"
            use = "stop the training" if part == VALIDATION else "give the score"
            message = f"no {name} rows were given, so {said} {use}"
            findings.append(
                Finding(f"{name}_from_training", "note", message, "give rows of your own to choose them")
            )
            note = f"{note[:-1]}; {said} {use}."
    return role, note, findings


def _schema(
    table: Table,
    config: Config,
    times: Times,
    grid: Grid,
    values: np.ndarray,
    train: np.ndarray,
    mean: np.ndarray,
) -> ForecastSchema:
    """Columns and steps; season and look-back are found on the training steps."""
    wanted, horizon = config.forecast, int(config.forecast.horizon or 0)
    runs = _runs(train, grid)
    filled = fill(values, grid.starts, "forward", before=mean)
    longest = max((b - a for a, b in runs), default=0)
    season = wanted.season
    if season == "auto":
        limit = max(horizon, SHORTEST) if wanted.lookback == "auto" else int(wanted.lookback)
        parts = np.concatenate([filled[a:b] for a, b in runs])
        starts = np.concatenate([[0], np.cumsum([b - a for a, b in runs])])
        season = find_season(parts, starts, grid.step, horizon, limit)
    lookback = wanted.lookback
    if lookback == "auto":
        room = (longest - horizon) // 2  # half of the training steps are for windows to begin at
        lookback = max(1, min(max(horizon, SEASONS * season), room))
    rows = grid.row[train]
    return ForecastSchema(
        targets=config.data.target,
        times=times,
        step=grid.step,
        series=wanted.series,
        known=find_known(table.frame[np.sort(rows[rows >= 0])], wanted.known),
        calendar=calendar_names(grid.step) if wanted.calendar else [],
        season=season,
        before=mean.tolist(),
        lookback=lookback,
        horizon=horizon,
        gaps=wanted.gaps,
        duplicates=wanted.duplicates,
    )


def _runs(train: np.ndarray, grid: Grid) -> list[tuple[int, int]]:
    """Stretches of training steps within one series: where each begins and ends."""
    codes = np.where(train, grid.series, -1)
    edges = np.flatnonzero(np.diff(codes, prepend=-2, append=-2))
    return [(int(a), int(b)) for a, b in pairwise(edges) if codes[a] >= 0]


def _windows(
    schema: ForecastSchema, series: Series, role: np.ndarray, stride: int, table: Table
) -> dict[str, np.ndarray]:
    """The windows of each part.

    Raises:
        InputError: no training or no test window.
    """
    grid, lookback, horizon = series.grid, schema.lookback, schema.horizon
    longest = int(np.diff(grid.starts).max())
    if longest < lookback + horizon:
        longer = "the longest series has" if schema.series is not None else "the series has"
        raise InputError(
            f"{longer} {longest:,} steps, fewer than look-back {lookback:,} plus horizon {horizon:,}",
            where=table.source,
            hint="give longer series, or a shorter --lookback or --horizon",
        )
    known = ~np.isnan(series.values).all(axis=1)
    roles = window_roles(role, known, grid.starts, lookback, horizon)
    found = {
        part: thinned(np.flatnonzero(roles == code), grid.starts, stride) for part, code in PARTS.items()
    }
    both = np.where(role == VALIDATION, TRAIN, role)
    joined = window_roles(both, known, grid.starts, lookback, horizon)
    found["development"] = thinned(np.flatnonzero(joined == TRAIN), grid.starts, stride)
    for part, words in (("train", "training"), ("test", "test")):
        if not len(found[part]):
            steps = int((role == PARTS[part]).sum())
            need = (
                f"look-back {lookback:,} plus horizon {horizon:,}"
                if part == "train"
                else f"horizon {horizon:,}"
            )
            raise InputError(
                f"the {steps:,} {words} rows have no window: that takes {need} steps in one go",
                where="split",
                hint="give more rows, a shorter --horizon or --lookback, or other shares of split.validation "
                "and split.test",
            )
    return found


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of columns without what is missing. Each [C]"""
    return np.nanmean(values, axis=0), np.nanstd(values, axis=0)


def _missing(values: np.ndarray, targets: list[str]) -> list[Finding]:
    findings = []
    for place, name in enumerate(targets):
        lacking = int(np.isnan(values[:, place]).sum())
        if lacking:
            message = f"{lacking:,} of {len(values):,} steps have no value of {name!r}"
            action = "never a target; look-backs are filled as forecast.gaps says"
            findings.append(Finding("missing_values", "note", message, action, [name], lacking))
    return findings


def _constant(deviation: np.ndarray, targets: list[str]) -> list[Finding]:
    return [
        Finding(
            "constant_target",
            "warning",
            f"{name!r} has the same value in all training rows",
            "its errors are not scaled",
            [name],
        )
        for name, spread in zip(targets, deviation, strict=True)
        if spread == 0
    ]


def _short(grid: Grid, schema: ForecastSchema) -> list[Finding]:
    """Series without a single window."""
    need = schema.lookback + schema.horizon
    names = [name for name, size in zip(grid.names, np.diff(grid.starts), strict=True) if size < need]
    if not names:
        return []
    shown = ", ".join(repr(name) for name in names[:5]) + (", ..." if len(names) > 5 else "")
    message = (
        f"{len(names):,} of {len(grid.names):,} series are shorter than a look-back and a horizon: {shown}"
    )
    return [Finding("short_series", "warning", message, "they take no part", [schema.series or ""])]


def _record(config: Config, table: Table, schema: ForecastSchema) -> None:
    """Fills in what was found out, so that a later run need not find it out again."""
    record_reading(config, table)
    config.forecast.season, config.forecast.lookback = schema.season, schema.lookback


def stretch(prepared: Prepared, part: str) -> str:
    """From when to when a part's steps go."""
    steps = np.flatnonzero(prepared.role == PARTS[part])
    if not len(steps):
        return ""
    times = prepared.series.grid.times[steps]
    first, last = as_texts(np.array([times.min(), times.max()]), prepared.schema.times)
    return f"{first} to {last}"
