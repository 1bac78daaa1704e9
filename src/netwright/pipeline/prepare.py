"""From a source to raw tensors: read, clean, split, find kinds, check, encode. Nothing flows back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from netwright.config import Config, InputsConfig
from netwright.data.cells import as_datetime, as_number, as_text
from netwright.data.check import check
from netwright.data.clean import clean_fitted, clean_rows
from netwright.data.dataset import Dataset, encode, numbers_of, own_tensor, texts_of
from netwright.data.finding import Finding
from netwright.data.kinds import find_kinds
from netwright.data.media.readers import reader
from netwright.data.read import read
from netwright.data.read.join_series import join_series
from netwright.data.schema import Column, Schema
from netwright.data.split import Split, join_files, make_split
from netwright.data.table import Table
from netwright.data.target import describe_target, encode_target, find_target, target_findings
from netwright.errors import InputError, suggestion
from netwright.evaluate.fairness import reweighing
from netwright.pipeline.pretrained import attach, with_features, with_pretrained
from netwright.pipeline.start import with_start
from netwright.pipeline.watch import Watch

ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass
class Prepared:
    """All that is known before a network is built.

    Arguments:
        config: with what was found out about the source, the split and the kinds filled in.
        table: the rows that are used.
        split: their roles.
        schema: what the columns are.
        target: encoded targets. [N, ...]
        findings: worst first.
    """

    config: Config
    table: Table
    split: Split
    schema: Schema
    target: np.ndarray
    findings: list[Finding] = field(default_factory=list)

    def dataset(self) -> Dataset:
        """Raw tensors of all rows."""
        raw = encode(self.table.frame, self.schema, self.table.media)
        raw = with_features(raw, self.schema, self.config)
        return Dataset(raw, torch.tensor(self.target), torch.from_numpy(self.weights()))

    def weights(self) -> np.ndarray:
        """The rows' weights: the weight column's, the class's and the reweighing's multiplied. [N] float32"""
        weights = np.ones(len(self.table))
        data, training = self.config.data, self.config.training
        if data.weight is not None:
            weights *= weight_column(self.table, data.weight)
        if training.class_weights != "none":
            weights *= class_weights(self.target, self.split.train, self.schema, training.class_weights)
        if training.reweigh:
            weights *= self._reweighing()
        return weights.astype(np.float32)

    def _reweighing(self) -> np.ndarray:
        sensitive = self.config.data.sensitive
        if not sensitive or self.schema.target.task not in ("binary", "multiclass"):
            raise InputError(
                "reweighing needs a sensitive column and a target of classes",
                where="training.reweigh",
                hint="name columns with --sensitive",
            )
        groups = self.table.frame.select(
            pl.concat_str(
                [as_text(self.table.frame[name]).fill_null("missing") for name in sensitive], separator=" / "
            )
        ).to_series()
        weights = np.ones(len(self.table))
        train = self.split.train
        weights[train] = reweighing(groups[train], self.target[train])
        return weights

    def cells(self, rows: np.ndarray) -> pl.DataFrame:
        """The inputs of some rows as plain columns: numbers, dates as seconds, the rest as text.

        Pictures, sounds and series are left out; see `flat`.
        """
        columns = []
        frame = self.table.frame[rows]
        for column in self.schema.of_kind("number", "category", "boolean", "date", "text"):
            series = frame[column.name]
            if column.kind == "number":
                values = pl.Series(column.name, numbers_of(series, column)).fill_nan(None)
            elif column.kind == "date":
                values = as_datetime(series, column.date_format)
            else:
                values = texts_of(series, column)
            columns.append(values.alias(column.name))
        return pl.DataFrame(columns)

    def flat(self, rows: np.ndarray, data: Dataset) -> dict[str, np.ndarray]:
        """Plain numbers for pictures, sounds and series of some rows, by column. Each [n, F]"""
        index = torch.from_numpy(rows)
        return {
            column.name: plain_numbers(column, tensor[index.to(tensor.device)].cpu())
            for column in self.schema.of_kind("image", "sound", "series")
            for tensor in [data.raw[own_tensor(column)]]
        }


def plain_numbers(column: Column, raw: torch.Tensor) -> np.ndarray:
    """A column's rows as plain numbers: features of a pretrained network, or what its kind gives. [n, F]"""
    if column.backbone and raw.is_floating_point():
        return raw.numpy()
    return reader(column.kind).flat(column, raw)


Arrange = Callable[[Table, Split, Config], Split]


def prepare(config: Config, source: Any, watch: Watch, arrange: Arrange | None = None) -> Prepared:
    """Reads, cleans, splits and checks.

    Arguments:
        config: as the user gave it.
        source: a path, a frame, ...; the config's path when None.
        watch: is told how it goes on.
        arrange: changes the split before anything is decided on its training rows.

    Raises:
        InputError: whatever is wrong with the data or the settings.
    """
    if config.forecast.horizon is not None:
        raise InputError(
            "a horizon asks for forecasts, which are made by netwright train and nw.train alone",
            where="forecast.horizon",
            hint="take the horizon out for a table; forecast.backtest scores forecasts at several times",
        )
    config = with_pretrained(with_start(config.model_copy(deep=True)))
    watch.stage("reading")
    table, roles = read_all(config, source)
    _take_defaults(config, table)
    config.data.target = find_target(table, config.data.target)
    _check_names(table, config)
    findings = list(table.findings)
    if roles is None:
        table, cleaned = clean_rows(table, config.data, _excluded(config))
    else:
        table, roles, cleaned = _clean_with_roles(table, roles, config)
    watch.stage("splitting and checking")
    split = make_split(table, config.split, config.data, config.training.seed, roles)
    if arrange is not None:
        split = arrange(table, split, config)
    target = describe_target(table, split, config.data)
    rows = split.development if config.training.refit else split.train
    schema = find_kinds(table, rows, target, config.data, config.inputs, _excluded(config))
    attach(schema, config, table, rows)
    # A leak can only be reported while its column is there: the checks come before the fitted cleaning.
    findings += cleaned + split.findings + target_findings(target, config.data)
    findings += check(table, split, schema, config.data)
    split, schema, fitted = clean_fitted(table, split, schema, config.data)
    findings = sorted(findings + fitted, key=lambda finding: ORDER[finding.severity])
    watch.findings(findings)
    if not schema.inputs:
        raise InputError(
            "no column is left that a network could learn from",
            where=table.source,
            hint="all are ids or constant; data.kinds says otherwise, if they are not",
        )
    _check_settings(schema, config.inputs)
    _record(config, table, split, schema)
    return Prepared(config, table, split, schema, encode_target(table, schema.target), findings)


def read_all(config: Config, source: Any) -> tuple[Table, np.ndarray | None]:
    """The table, and the roles that files of their own give to their rows."""
    source = config.data.path if source is None else source
    if source is None:
        raise InputError("no data was given", hint="name a file, or set data.path in the config")
    if isinstance(source, str | Path):
        config.data.path = _lasting(str(source))
    for key in ("validation_file", "test_file"):
        path = getattr(config.split, key)
        if path is not None:
            setattr(config.split, key, _lasting(path))
    table = _read_one(source, config)
    extra = [
        _read_one(path, config) if path else None
        for path in (config.split.validation_file, config.split.test_file)
    ]
    if not any(extra):
        return table, None
    return join_files(table, *extra)


def _read_one(source: Any, config: Config) -> Table:
    data = config.data
    table = read(source, data.read, data.missing, data.kinds)
    return join_series(table, data.series, find_target(table, data.target) if data.target else [])


def _take_defaults(config: Config, table: Table) -> None:
    """Where the data says itself what is predicted and how rows are split, the user need not."""
    if not config.data.target and table.target is not None:
        config.data.target = [table.target]
    if config.split.method == "auto" and config.split.column is None and table.split_column is not None:
        asked = (config.split.group, config.split.time, config.split.validation_file, config.split.test_file)
        if not any(asked):
            config.split.column = table.split_column


def _lasting(path: str) -> str:
    """The path in a form that a later run understands from another folder."""
    file, separator, member = path.partition("::")
    return f"{Path(file).absolute()}{separator}{member}" if Path(file).exists() else path


def _clean_with_roles(
    table: Table, roles: np.ndarray, config: Config
) -> tuple[Table, np.ndarray, list[Finding]]:
    """Cleans rows of several files, and keeps their roles beside them."""
    cleaned, findings = clean_rows(table, config.data, _excluded(config))
    kept = np.isin(table.rows, cleaned.rows)
    return cleaned, roles[kept], findings


def _check_names(table: Table, config: Config) -> None:
    """Columns that the config names must be there, and the target can be nothing else."""
    data, split = config.data, config.split
    if set(table.columns) <= set(data.target):
        raise InputError(
            "the table has no column beside the target",
            where=table.source,
            hint="there is nothing to learn it from; look at data.read.separator if there should be",
        )
    inputs = (table.frame[name] for name in table.columns if name not in data.target)
    if len(table) > 1 and not any(series.n_unique() > 1 for series in inputs):
        raise InputError(
            "every column but the target holds the same value in all rows",
            where=table.source,
            hint="there is nothing to learn the target from",
        )
    named = [
        *(("data.sensitive", name) for name in data.sensitive),
        *(
            (f"split.{key}", getattr(split, key))
            for key in ("column", "group", "time")
            if getattr(split, key)
        ),
        *([("data.weight", data.weight)] if data.weight else []),
        *(("inputs.columns", name) for name in config.inputs.columns),
    ]
    for where, name in named:
        if name not in table.columns:
            raise InputError(
                f"the table has no column {name!r}", where=where, hint=suggestion(name, table.columns)
            )
        if name in data.target:
            raise InputError(f"the column {name!r} is the target already", where=where, hint="name another")


def _check_settings(schema: Schema, inputs: InputsConfig) -> None:
    """The settings of single columns must be those of their kind."""
    for column in schema.inputs:
        known = getattr(inputs, "category" if column.kind == "boolean" else column.kind)
        for name in inputs.columns.get(column.name, {}):
            if name not in type(known).model_fields:
                raise InputError(
                    f"{column.name!r} is of kind {column.kind}, which has no setting {name!r}",
                    where=f"inputs.columns.{column.name}",
                    hint=suggestion(name, type(known).model_fields),
                )


def _excluded(config: Config) -> set[str]:
    """Columns that are no inputs because they have another part to play."""
    split, data = config.split, config.data
    return {name for name in (split.column, split.group, data.weight) if name} | set(data.clean.drop_columns)


def _record(config: Config, table: Table, split: Split, schema: Schema) -> None:
    """Fills in what was found out, so that a later run need not find it out again."""
    record_reading(config, table)
    config.split.method = split.method  # type: ignore[assignment]
    config.data.task = schema.target.task
    config.data.positive = schema.target.positive
    config.data.kinds = {column.name: column.kind for column in schema.columns}
    for column in schema.of_kind("series"):
        if config.data.series.id is not None and not config.data.series.values:
            config.data.series.values = list(column.channels)
            schema.series = config.data.series  # a table to predict may have others that change


def record_reading(config: Config, table: Table) -> None:
    """Fills in how the source was read."""
    reading = config.data.read
    for key in type(reading).model_fields:
        if table.how.get(key) is not None:
            setattr(reading, key, table.how[key])
    if table.how.get("missing_words") is not None:
        config.data.missing = list(table.how["missing_words"])


def weight_column(table: Table, name: str) -> np.ndarray:
    """Row weights from a column. [N]"""
    weights = as_number(table.frame[name]).fill_null(np.nan).to_numpy()
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        cell = table.frame[name][place]
        raise InputError(
            f"the column of weights {name!r} holds {'no value' if cell is None else repr(cell)}",
            where=f"row {table.rows[place]}, counted from 0",
            hint="a weight is a number of 0 or more",
        )
    if weights.sum() == 0:
        raise InputError(f"all weights in the column {name!r} are 0", where="data.weight")
    return weights


def class_weights(
    target: np.ndarray, train: np.ndarray, schema: Schema, wanted: str | dict[str, float]
) -> np.ndarray:
    """Each row's weight by its class: as given, or so that classes weigh alike in the training rows. [N]"""
    classes = schema.target.classes
    if schema.target.task not in ("binary", "multiclass"):
        raise InputError("class weights need a target of classes", where="training.class_weights")
    if isinstance(wanted, dict):
        for name in wanted:
            if name not in classes:
                raise InputError(
                    f"the target has no class {name!r}",
                    where="training.class_weights",
                    hint=suggestion(name, classes),
                )
        values = np.array([wanted.get(name, 1.0) for name in classes])
    else:
        counts = np.bincount(target[train], minlength=len(classes))
        values = len(train) / (len(classes) * np.maximum(counts, 1))
    return np.append(values, 1.0)[target]  # the last place is for -1, an unknown class
