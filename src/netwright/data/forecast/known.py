"""Inputs that are known ahead: columns of the table, and the calendar."""

from __future__ import annotations

import numpy as np
import polars as pl

from netwright.data.cells import as_number, as_text
from netwright.data.forecast.schema import Known, Step
from netwright.data.forecast.times import DAY, day_of, month_of

MOST_CATEGORIES = 32


def find_known(frame: pl.DataFrame, names: list[str]) -> list[Known]:
    """What the columns are, decided on training rows: numbers, or categories that each have an input."""
    found = []
    for name in names:
        series = frame[name]
        if as_number(series).null_count() == series.null_count():
            found.append(Known(name=name))
            continue
        counts = as_text(series).drop_nulls().value_counts(sort=True).head(MOST_CATEGORIES)
        found.append(Known(name=name, categories=sorted(counts.to_series().to_list())))
    return found


def known_values(frame: pl.DataFrame, columns: list[Known]) -> np.ndarray:
    """The columns as numbers, NaN where a cell is missing. [N, K] float64"""
    found = [np.empty((frame.height, 0))]
    for column in columns:
        series = frame[column.name]
        if column.categories is None:
            found.append(as_number(series).fill_null(np.nan).to_numpy()[:, None])
            continue
        texts = as_text(series)
        there = texts.is_not_null().to_numpy()
        for category in column.categories:
            same = (texts == category).fill_null(value=False).to_numpy().astype(np.float64)
            found.append(np.where(there, same, np.nan)[:, None])
    return np.concatenate(found, axis=1)


def calendar_names(step: Step) -> list[str]:
    """The cycles that steps of that length go through."""
    if step.unit == "number":
        return []
    cycles = [("hour", 0.5 * DAY), ("weekday", 3.5 * DAY), ("month", 183 * DAY)]
    length = step.count * (DAY * 30 if step.unit == "month" else 1)
    return [f"{name}_{wave}" for name, most in cycles if length <= most for wave in ("sin", "cos")]


def calendar_values(times: np.ndarray, names: list[str]) -> np.ndarray:
    """Sine and cosine of the hour of the day, the day of the week and the time of the year. [T, K]"""
    found = np.empty((len(times), len(names)))
    for place, name in enumerate(names):
        cycle, wave = name.split("_")
        share = {
            "hour": lambda: times / DAY % 1,
            "weekday": lambda: np.floor(times / DAY) % 7 / 7,
            "month": lambda: ((month_of(times) % 12) + (day_of(times) - 1) / 31) / 12,
        }[cycle]()
        found[:, place] = (np.sin if wave == "sin" else np.cos)(2 * np.pi * share)
    return found
