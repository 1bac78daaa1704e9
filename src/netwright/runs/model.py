"""A trained model: predicts from tables as they are."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from netwright.data.dataset import encode, texts_of
from netwright.data.finding import Finding
from netwright.data.media import CONTENTS
from netwright.data.media.readers import reader
from netwright.data.read import read
from netwright.data.read.join_series import join_series
from netwright.data.schema import Column, Schema
from netwright.data.table import Table
from netwright.data.target import encode_target
from netwright.errors import InputError, nearest, suggestion
from netwright.evaluate.scorers import decided
from netwright.runs import bundle
from netwright.runs.bundle import Bundle


class TableModel:
    """A network, and the schema that turns tables into its inputs.

    Arguments:
        saved: the network and what it was built from.
    """

    def __init__(self, saved: Bundle) -> None:
        self.bundle = saved
        self.network, self.schema, self.missing = saved.network, saved.schema, saved.missing

    @classmethod
    def load(cls, folder: str | Path) -> TableModel:
        """Reads a saved model. Raises InputError when it is damaged, incomplete or from a newer version."""
        return cls(bundle.load(Path(folder)))

    def save(self, folder: str | Path) -> Path:
        """Writes the model into a folder: network.safetensors, network.json, schema.json."""
        bundle.save(Path(folder), self.bundle)
        return Path(folder)

    @property
    def classes(self) -> list[Any]:
        """The classes as Python values: whole numbers where all are."""
        names = self.schema.target.classes
        return (
            [int(name) for name in names] if names and all(_is_whole(name) for name in names) else list(names)
        )

    @property
    def threshold(self) -> float:
        """The probability above which the positive one of two classes is predicted."""
        return self.network.threshold

    def read(self, source: Any) -> Table:
        """The rows of any source that training can read."""
        if isinstance(source, Table):
            return source
        kinds = {column.name: column.kind for column in self.schema.inputs}
        table = read(source, missing=self.missing, kinds=kinds, labelled=False)  # type: ignore[arg-type]
        return _named(join_series(table, self.schema.series), self.schema)

    def outputs(self, source: Any) -> np.ndarray:
        """Probabilities [N, C], or values [N, T], averaged over the members by their weights.

        Raises:
            InputError: the table lacks a column, or holds another kind of values in one.
        """
        table = self.read(source)
        check_columns(table, self.schema)
        raw = encode(table.frame, self.schema, table.media)
        raw = {name: tensor.to(self.network.flat.device) for name, tensor in raw.items()}
        return self.network.predict_mean(raw).cpu().numpy()

    def predict_proba(self, source: Any) -> np.ndarray:
        """Probabilities of the classes in the order of `classes`. [N, C]"""
        if self.schema.target.task == "regression":
            raise InputError("a regression has no probabilities", hint="use predict")
        return self.outputs(source)

    def predict(self, source: Any) -> np.ndarray:
        """The predicted classes or values. [N], or [N, T] for several targets

        Arguments:
            source: a path, a frame, an array: whatever training reads.
        """
        return self.decide(self.outputs(source))

    def decide(self, output: np.ndarray) -> np.ndarray:
        """Classes or values from what `outputs` gave."""
        task = self.schema.target.task
        if task == "regression":
            return output[:, 0] if output.shape[1] == 1 else output
        if task == "multilabel":
            return (output > 0.5).astype(np.int64)
        return np.asarray(self.classes)[decided(output, self.threshold)]

    def predict_frame(self, source: Any) -> pl.DataFrame:
        """A table of predictions: ids and files of the rows, the predicted target, and probabilities."""
        table = self.read(source)
        output = self.outputs(table)
        ids = [column.name for column in self.schema.of_kind("id") if column.name in table.columns]
        named = [table.frame[name] for name in ids] + table.row_names()
        return pl.DataFrame(named + self.prediction_columns(output))

    def prediction_columns(self, output: np.ndarray, suffix: str = "") -> list[pl.Series]:
        """The predicted target(s), named with a suffix, and probabilities, as columns."""
        target = self.schema.target
        decided = self.decide(output)
        if decided.ndim == 1:
            columns = [pl.Series(target.columns[0] + suffix, decided)]
        else:
            columns = [
                pl.Series(name + suffix, decided[:, place]) for place, name in enumerate(target.columns)
            ]
        if target.task == "regression":
            return columns
        names = target.columns if target.task == "multilabel" else target.classes
        return columns + [
            pl.Series(f"probability_{name}", output[:, place]) for place, name in enumerate(names)
        ]

    def evaluate(self, source: Any) -> dict[str, float | None]:
        """All metrics on labelled rows.

        Raises:
            InputError: the target is not in the table, or no row has one.
        """
        from netwright.evaluate.metrics import score

        table, target = self.labelled(source)
        return score(self.schema.target.task, target, self.outputs(table), threshold=self.threshold)

    def labelled(self, source: Any) -> tuple[Table, np.ndarray]:
        """The rows that have a target, and something to read, and their encoded targets.

        Raises:
            InputError: the target is not in the table, or no row has one that the network can predict.
        """
        table = self.read(source)
        names = self.schema.target.columns
        for name in names:
            if name not in table.columns:
                raise InputError(
                    f"the table has no column {name!r}, the target",
                    where=table.source,
                    hint=suggestion(name, table.columns),
                )
        there = table.frame.select(pl.all_horizontal(pl.col(names).is_not_null())).to_series().to_numpy()
        target = encode_target(table, self.schema.target)
        classes = self.schema.target.classes
        if not classes:
            there &= np.isfinite(target).all(axis=1)
        if not there.any():
            raise InputError(f"no row has a value in the target {', '.join(names)}", where=table.source)
        there &= ~unreadable(table, self.schema).to_numpy()
        if not there.any():
            raise InputError("nothing can be read of the rows that have a target", where=table.source)
        if classes and not (target >= 0).any():
            raise InputError(
                f"no row of the target {names[0]!r} is of a class that the network knows",
                where=table.source,
                hint=f"it knows {', '.join(classes[:8])}" + (", ..." if len(classes) > 8 else ""),
            )
        return table.keep(there), target[there]


def _named(table: Table, schema: Schema) -> Table:
    """The table with its pictures, sounds or series called as in training, where there is no doubt which."""
    known = {column.name for column in schema.columns}
    for kind in ("image", "sound", "series"):
        lacking = [column.name for column in schema.of_kind(kind) if column.name not in table.columns]
        there = [name for name, media in table.media.items() if media.kind == kind and name not in known]
        if len(lacking) == len(there) == 1:
            names = {there[0]: lacking[0]}
            media = {names.get(name, name): each for name, each in table.media.items()}
            table = replace(table, frame=table.frame.rename(names), media=media)
    return table


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text) is not None


def check_columns(table: Table, schema: Schema) -> list[Finding]:
    """Holds a table against a schema.

    Returns:
        Notes on extra columns, unseen categories and unreadable cells.

    Raises:
        InputError: a column is missing, or nothing in it is of its kind.
    """
    names = table.columns
    known = {column.name for column in schema.columns} | set(schema.target.columns)
    known |= {table.target, table.split_column}  # which folders have without the user's doing
    extra = [name for name in names if name not in known]
    there = set(names)
    lacking = [column.name for column in schema.inputs if column.name not in there]
    if lacking:
        _check_contents(table, schema, lacking)
        near = nearest(lacking[0], extra)
        raise InputError(
            f"the table lacks {_listed('column', lacking)} that the network was trained with",
            where=table.source,
            hint=f"is {near!r} meant?" if near else "a column without values can be given with empty cells",
        )
    findings = []
    if extra:
        message = f"{_listed('column', extra)} unknown to the network"
        findings.append(Finding("extra_columns", "note", message, "not used", extra))
    for column in schema.inputs:
        finding = _check_cells(table, column)
        if finding:
            findings.append(finding)
    return findings


def _check_contents(table: Table, schema: Schema, lacking: list[str]) -> None:
    """Raises InputError where a network of pictures, sounds or series is given none of them."""
    there = {media.kind for media in table.media.values()}
    for column in schema.inputs:
        if column.name in lacking and column.kind in CONTENTS and column.kind not in there:
            others = ", ".join(CONTENTS[kind] for kind in sorted(there)) or "none"
            raise InputError(
                f"the network reads {CONTENTS[column.kind]} (column {column.name!r}), and here are {others}",
                where=table.source,
                hint="give what it was trained with: a folder, a table of the same form, or an array",
            )


def unreadable(table: Table, schema: Schema) -> pl.Series:
    """Rows of which nothing can be read: their one input is a picture, sound or series that is none. [N]"""
    none = pl.repeat(False, len(table), eager=True)
    if len(schema.inputs) != 1 or schema.inputs[0].name not in table.media:
        return none
    cells, media = table.frame[schema.inputs[0].name], table.media[schema.inputs[0].name]
    bad = reader(media.kind).problems(media, cells.drop_nulls().unique(maintain_order=True).to_list())
    return (cells.is_in(list(bad)) if bad else none).fill_null(True)


def _check_cells(table: Table, column: Column) -> Finding | None:
    """Cells of one column that mean nothing to the network."""
    series = table.frame[column.name]
    there = series.is_not_null()
    if column.kind in ("number", "date"):
        from netwright.data.cells import as_datetime, as_number

        read_as = (
            as_number(series, column.decimal_comma)
            if column.kind == "number"
            else as_datetime(series, column.date_format)
        )
        lost = there & read_as.is_null()
        if series.dtype.is_float():
            lost = lost & series.is_not_nan()
        count = int(lost.sum())
        if count and count == int(there.sum()):
            first = str(series.filter(there)[0])
            raise InputError(
                f"column {column.name!r} is a {column.kind}, but none of its cells is, such as {first!r}",
                where=table.source,
                hint="look whether columns are mixed up; missing values are empty cells",
            )
        text = f"{_cells(count, column)} {'is' if count == 1 else 'are'} no {column.kind}"
        action = "treated as missing"
    elif column.kind in ("category", "boolean"):
        texts = texts_of(series, column)
        lost = there & ~texts.is_in(column.categories)
        count = int(lost.sum())
        hold = "holds a value" if count == 1 else "hold values"
        text = f"{_cells(count, column)} {hold} that training did not see"
        action = "taken for unseen values, which share a place"
    elif column.kind in ("image", "sound", "series") and there.any():
        media = table.media.get(column.name)
        if media is None or media.kind != column.kind:
            raise InputError(
                f"the cells of {column.name!r} stand for no {column.kind}, as the network was trained with",
                where=table.source,
                hint="give paths of files that are there, or an array",
            )
        bad = reader(column.kind).problems(media, series.drop_nulls().unique(maintain_order=True).to_list())
        lost = series.is_in(list(bad)).fill_null(False)
        count = int(lost.sum())
        first = next(iter(bad.items()), ("", ""))
        such = "" if count == 1 else "such as "
        text = f"{_cells(count, column)} cannot be read, {such}{first[0]!r}: {first[1]}"
        action = "treated as missing: a prediction says nothing of what is in the file"
    else:
        return None
    if not count:
        return None
    examples = table.rows[np.flatnonzero(lost.to_numpy())[:5]].tolist()
    return Finding("unknown_values", "warning", text, action, [column.name], count, examples)


def _cells(number: int, column: Column) -> str:
    return f"{number:,} {'cell' if number == 1 else 'cells'} of {column.name!r}"


def _listed(noun: str, names: list[str], most: int = 5) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{noun if len(names) == 1 else noun + 's'} {shown}{more}"
