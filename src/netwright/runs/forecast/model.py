"""A trained forecasting network: forecasts from tables as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from netwright.data.forecast.known import calendar_values
from netwright.data.forecast.series import Series, series_of
from netwright.data.forecast.times import as_texts, time_at
from netwright.data.forecast.windows import window_roles
from netwright.data.read import read
from netwright.data.roles import TEST
from netwright.data.table import Table
from netwright.errors import InputError
from netwright.evaluate.forecast import Errors, seasonal_naive
from netwright.runs.forecast.bundle import ForecastBundle, load, save
from netwright.runs.forecast.network import windows_of


class ForecastModel:
    """A network, and the schema that turns tables into look-backs.

    Arguments:
        saved: the network and what it was built from.
    """

    def __init__(self, saved: ForecastBundle) -> None:
        self.bundle = saved
        self.network, self.schema, self.missing = saved.network, saved.schema, saved.missing

    @classmethod
    def load(cls, folder: str | Path) -> ForecastModel:
        """Reads a saved model. Raises InputError when it is damaged, incomplete or from a newer version."""
        return cls(load(Path(folder)))

    def save(self, folder: str | Path) -> Path:
        """Writes the model into a folder: network.safetensors, network.json, schema.json."""
        save(Path(folder), self.bundle)
        return Path(folder)

    def read(self, source: Any) -> Table:
        """The rows of any source that training can read."""
        return source if isinstance(source, Table) else read(source, missing=self.missing)  # type: ignore[arg-type]

    def predict(self, source: Any) -> np.ndarray:
        """The next `horizon` steps after the last row that has a value of a target.

        Rows after it, without targets, tell what is known ahead.

        Arguments:
            source: a path, a frame, ...: whatever training reads, with at least `lookback` steps.

        Returns:
            [H]; [H, T] of several targets; with a leading axis for the series, in the order of their names,
            where there is a column of series.

        Raises:
            InputError: a column is not there, a series is shorter than the look-back, or known inputs of the
                steps to come are not there.
        """
        _, _, output = self._ahead(source)
        found = self.network.forecast(output).cpu().numpy()
        found = found[..., 0] if len(self.schema.targets) == 1 else found
        return found if self.schema.series is not None else found[0]

    def predict_frame(self, source: Any) -> pl.DataFrame:
        """A table of forecasts: series, time, each target, and its quantiles (target_q0.1)."""
        names, times, output = self._ahead(source)
        columns: list[pl.Series] = []
        if self.schema.series is not None:
            columns.append(pl.Series(self.schema.series, np.repeat(names, self.schema.horizon).tolist()))
        texts = as_texts(times.reshape(-1), self.schema.times)
        columns.append(pl.Series(self.schema.times.name, texts))
        return pl.DataFrame(columns + self.columns(output.flatten(0, 1)))

    def columns(self, output: Tensor, suffix: str = "") -> list[pl.Series]:
        """Forecasts [n, C, 1 + Q] as columns: each target with a suffix, and its quantiles."""
        point, quantiles = self.network.forecast(output).cpu().numpy(), output[..., 1:].cpu().numpy()
        found = []
        for place, name in enumerate(self.schema.targets):
            found.append(pl.Series(name + suffix, point[:, place]))
            for level, quantile in enumerate(self.network.quantiles):
                found.append(pl.Series(f"{name}_q{quantile:g}", quantiles[:, place, level]))
        return found

    def _ahead(self, source: Any) -> tuple[list[str], np.ndarray, Tensor]:
        """The series' names, the times to come [S, H], and forecasts [S, H, C, 1 + Q]."""
        table, schema = self.read(source), self.schema
        series = series_of(table, schema)
        grid, lookback, horizon = series.grid, schema.lookback, schema.horizon
        past, known, times = [], [], []
        for name, first, last in zip(grid.names, grid.starts[:-1], grid.starts[1:], strict=True):
            there = np.flatnonzero(np.isfinite(series.values[first:last]).any(1))
            now = first + int(there[-1]) + 1 if len(there) else first
            if now - first < lookback:
                what = f"the series {name!r}" if schema.series is not None else "the table"
                raise InputError(
                    f"{what} has {now - first:,} steps, and the network looks back on {lookback:,}",
                    where=table.source,
                    hint="give more rows: the steps before the forecast",
                )
            past.append(series.filled[now - lookback : now].T)
            ahead = time_at(np.arange(1, horizon + 1), float(grid.times[now - 1]), schema.step)
            times.append(ahead)
            if schema.known_features:
                known.append(self._known(table, series, name, now, last, ahead).T)
        raw = {"past": torch.tensor(np.stack(past))}
        if known:
            raw["known"] = torch.tensor(np.stack(known))
        raw = {name: tensor.to(self.network.flat.device) for name, tensor in raw.items()}
        return grid.names, np.stack(times), self.network.predict(raw)

    def _known(
        self, table: Table, series: Series, name: str, now: int, last: int, ahead: np.ndarray
    ) -> np.ndarray:
        """Known inputs of a look-back and of the steps to come. [L + H, K]"""
        schema, columns = self.schema, len(self.schema.known_features) - len(self.schema.calendar)
        there = min(last - now, schema.horizon)
        if columns and there < schema.horizon:
            names = ", ".join(repr(column.name) for column in schema.known)
            of = f" of the series {name!r}" if schema.series is not None else ""
            raise InputError(
                f"known columns ({names}) are there for {there} of {schema.horizon} steps to come{of}",
                where=table.source,
                hint="add rows of the steps to come, with empty targets",
            )
        back = series.known[now - schema.lookback : now]
        steps = np.empty((schema.horizon, series.known.shape[1]))
        steps[:, :columns] = series.known[now : now + schema.horizon, :columns] if columns else 0.0
        steps[:, columns:] = calendar_values(ahead, schema.calendar)
        return np.concatenate([back, steps])

    def evaluate(self, source: Any) -> dict[str, Any]:
        """Metrics of all forecasts that can be made and judged within a table, one from each step.

        Raises:
            InputError: a column is not there, or no series has a look-back and a horizon.
        """
        return self.judge(source)[0]

    def judge(self, source: Any) -> tuple[dict[str, Any], dict[str, Any], int]:
        """Metrics of the network and of the seasonal-naive forecast, and how many windows they are of."""
        table, schema = self.read(source), self.schema
        series = series_of(table, schema)
        role = np.full(len(series.grid), TEST, dtype=np.int8)
        known = ~np.isnan(series.values).all(axis=1)
        roles = window_roles(role, known, series.grid.starts, schema.lookback, schema.horizon)
        windows = np.flatnonzero(roles == TEST)
        if not len(windows):
            need = f"{schema.lookback:,} + {schema.horizon:,}"
            raise InputError(
                f"no series has the {need} steps of a look-back and a horizon with values",
                where=table.source,
                hint="give longer series",
            )
        network, naive = self.errors(series, windows)
        return network.scores(), naive.scores(), len(windows)

    def errors(self, series: Series, windows: np.ndarray) -> tuple[Errors, Errors]:
        """Errors of the network and of the seasonal-naive forecast in some windows."""
        schema, deviation = self.schema, self.bundle.deviation
        data = windows_of(series, schema, self.network.flat.device)
        found = Errors(schema.targets, schema.horizon, deviation, self.network.quantiles)
        naive = Errors(schema.targets, schema.horizon, deviation)
        begins = series.grid.starts[series.grid.series[windows]]
        for start in range(0, len(windows), 512):
            piece = windows[start : start + 512]
            index = torch.from_numpy(piece).to(data.target.device)
            truth = data.target[index].cpu().numpy()
            output = self.network.predict(data.raw, index)
            point, quantiles = self.network.forecast(output).cpu().numpy(), output[..., 1:].cpu().numpy()
            found.add(truth, point, quantiles)
            simple = seasonal_naive(
                series.filled,
                piece,
                schema.lookback,
                schema.horizon,
                schema.season,
                begins[start : start + 512],
            )
            naive.add(truth, simple)
        return found, naive
