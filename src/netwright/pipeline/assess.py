"""How good the network is, beside its baselines. The labels of the test rows are looked at here, and once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch

from netwright.config import Config, Kind
from netwright.data.cells import as_number, as_text
from netwright.data.dataset import Dataset, own_tensor
from netwright.data.schema import Schema
from netwright.evaluate import baselines, fairness, importance, intervals, slices
from netwright.evaluate.calibration import reliability
from netwright.evaluate.design import design
from netwright.evaluate.metrics import PRIMARY, confusion, per_class, score
from netwright.evaluate.scorers import decided
from netwright.nn.encoders import OWN_TENSOR, raw_columns
from netwright.nn.network import Network
from netwright.pipeline.prepare import Prepared
from netwright.runs.bundle import Bundle
from netwright.runs.model import TableModel

MOST_TRAINING_ROWS = 50_000  # scored; more tell nothing new
MOST_DEEP_ROWS = 10_000  # of pictures, sounds and series, which take longer
IMPORTANCE_SECONDS = 10.0
IMPORTANCE_ROWS = 2_000
BASELINE_SECONDS = 8.0
BASELINE_ROWS = 50_000  # drawn from more training rows


@dataclass
class Baselines:
    """Predictions for the test rows that the network's are compared with."""

    outputs: dict[str, np.ndarray]  # by name: constant, linear
    note: str


def fit_baselines(prepared: Prepared, data: Dataset, seconds: float) -> Baselines:
    """A constant and a linear model of the training rows; the linear one is tuned on validation rows.

    Arguments:
        prepared: rows, split, schema, target.
        data: raw tensors, of which pictures, sounds and series give plain numbers.
        seconds: that the linear one may take.
    """
    schema, split, target = prepared.schema, prepared.split, prepared.target
    task, classes = schema.target.task, len(schema.target.classes) or None
    constant = baselines.constant(task, target[split.train], len(split.test), classes)
    random = np.random.default_rng(prepared.config.training.seed)
    drawn = np.sort(random.permutation(split.train)[:BASELINE_ROWS])
    train, validation, test = design_of(prepared, data, drawn, split.validation, split.test)
    found = baselines.linear(
        task,
        train,
        target[drawn],
        test,
        validation,
        target[split.validation],
        classes=classes,
        seed=prepared.config.training.seed,
        seconds=min(seconds, BASELINE_SECONDS),
    )
    note = f"The linear model is a {found.note}"
    if len(drawn) < len(split.train):
        note += f"; its training rows are drawn from {len(split.train):,}"
    return Baselines({"constant": constant, "linear": found.output}, note + ".")


def design_of(prepared: Prepared, data: Dataset, *parts: np.ndarray) -> list[Any]:
    """Plain matrices of the parts' rows, fitted on the first; pictures and the like are many numbers."""
    kinds: dict[str, Kind] = {column.name: column.kind for column in prepared.schema.inputs}
    flat = [prepared.flat(rows, data) for rows in parts]
    frames = []
    for rows, numbers in zip(parts, flat, strict=True):
        more = [
            pl.Series(f"{name} {place}", values[:, place].astype(np.float64))
            for name, values in numbers.items()
            for place in range(values.shape[1])
        ]
        kinds |= {series.name: "number" for series in more}
        frames.append(pl.DataFrame([*prepared.cells(rows).get_columns(), *more]))
    return design(frames[0], kinds, *frames[1:])


@dataclass
class Assessment:
    """Scores for metrics.json, parts of the report, and predictions of the test rows.

    Arguments:
        metrics: for metrics.json.
        evaluation: for evaluation.json.
        predictions: for predictions.csv.
        output: probabilities or values for the test rows. [N, C]
    """

    metrics: dict[str, Any]
    evaluation: dict[str, Any]
    predictions: pl.DataFrame
    output: np.ndarray


def assess(
    prepared: Prepared, config: Config, data: Dataset, network: Network, known: Baselines, seconds: float
) -> Assessment:
    """Scores the network on all parts of the data.

    Arguments:
        prepared: rows, split, schema, target.
        config: resolved.
        data: raw tensors on the network's device.
        network: trained.
        known: the baselines.
        seconds: time for what can be left out (permutation importance).
    """
    schema, split = prepared.schema, prepared.split
    task = schema.target.task
    output = _outputs(network, data)
    deep = schema.of_kind("image", "sound", "series")
    most = MOST_DEEP_ROWS if deep else MOST_TRAINING_ROWS
    scored = np.sort(np.random.default_rng(0).permutation(split.train)[:most])
    parts = {"train": scored, "validation": split.validation, "test": split.test}
    outputs = {part: output(rows) for part, rows in parts.items()}
    truth, threshold = prepared.target[split.test], network.threshold
    metrics: dict[str, Any] = {
        part: score(task, prepared.target[rows], outputs[part], threshold=threshold)
        for part, rows in parts.items()
    }
    metrics["threshold"] = threshold if task == "binary" else None
    metrics["intervals"] = intervals.bootstrap(
        task, truth, outputs["test"], seed=config.training.seed, threshold=threshold
    )
    metrics["per_class"] = (
        per_class(truth, outputs["test"], schema.target.classes, threshold) if _is_classes(task) else {}
    )
    metrics["baseline"] = {name: score(task, truth, each) for name, each in known.outputs.items()}
    metrics["margin"] = {
        name: intervals.margin(
            task, truth, outputs["test"], each, PRIMARY[task], seed=config.training.seed, threshold=threshold
        )
        for name, each in known.outputs.items()
    }
    evaluation = _evaluation(prepared, outputs, known, threshold)
    if len(schema.inputs) > 1:  # a single one is all that there is to look at
        evaluation["importance"] = importance.permutation(
            task,
            _exchanging(network, data, schema, split.validation),
            prepared.target[split.validation],
            [column.name for column in schema.inputs],
            rows=min(IMPORTANCE_ROWS, 200_000 // max(1, len(schema.inputs))),
            seed=config.training.seed,
            seconds=min(seconds, IMPORTANCE_SECONDS),
            threshold=threshold,
        )
    model = TableModel(Bundle(network, schema, config.inputs, config.network, config.data.missing))
    predictions = _predictions(prepared, model, outputs["test"])
    return Assessment(metrics, evaluation, predictions, outputs["test"])


def _is_classes(task: str) -> bool:
    return task in ("binary", "multiclass")


def _outputs(network: Network, data: Dataset) -> Callable[[np.ndarray], np.ndarray]:
    """The mean of the members' predictions for some rows."""

    def output(rows: np.ndarray) -> np.ndarray:
        index = torch.from_numpy(rows).to(data.target.device)
        return network.predict_mean(data.raw, index).double().cpu().numpy()

    return output


def _evaluation(
    prepared: Prepared, outputs: dict[str, np.ndarray], known: Baselines, threshold: float
) -> dict[str, Any]:
    schema, split = prepared.schema, prepared.split
    task = schema.target.task
    truth, output = prepared.target[split.test], outputs["test"]
    classes = schema.target.classes
    matrix = None
    if _is_classes(task):
        names = [*classes, "(other)"] if (truth < 0).any() else classes
        counts = confusion(truth, decided(output, threshold), len(classes))
        matrix = {"classes": names, "counts": counts.tolist()}
    cells = prepared.cells(split.test)
    dates = [column.name for column in schema.of_kind("date")]
    weak = slices.weakest(cells, truth, output, task, dates=dates, threshold=threshold)
    frame = prepared.table.frame[split.test]
    return {
        "version": 1,
        "headline": PRIMARY[task],
        "confusion": matrix,
        "reliability": reliability(truth, output) if _is_classes(task) else None,
        "slices": [each.as_dict() for each in weak],
        "slices_metric": slices.metric_name(task),
        "fairness": {
            name: fairness.by_group(task, _groups(prepared, frame, name), truth, output, threshold)
            for name in prepared.config.data.sensitive
        },
        "baseline_note": known.note,
    }


def _groups(prepared: Prepared, frame: pl.DataFrame, name: str) -> pl.Series:
    """A sensitive column's cells as groups; numbers of many values in fifths."""
    column = next((each for each in prepared.schema.columns if each.name == name), None)
    if column is None or column.kind != "number" or column.values <= 10:
        return as_text(frame[name])
    edges = np.nanquantile(
        as_number(prepared.table.frame[name][prepared.split.train]).to_numpy(), [0.2, 0.4, 0.6, 0.8]
    )
    edges = np.unique(edges)
    labels = [f"up to {edge:g}" for edge in edges] + [f"above {edges[-1]:g}"]
    return as_number(frame[name]).cut(list(edges), labels=labels).cast(pl.String)


def _exchanging(network: Network, data: Dataset, schema: Schema, scored: np.ndarray) -> importance.Predict:
    """Predictions where one column's cells come from other rows; see `importance.permutation`."""
    places = {
        column.name: (raw, place)
        for raw in ("number", "category", "date")
        for place, column in enumerate(raw_columns(schema, raw))
    } | {column.name: (own_tensor(column), ...) for column in schema.of_kind(*OWN_TENSOR)}
    device = data.target.device

    def predict(rows: np.ndarray, column: str | None, source: np.ndarray) -> np.ndarray:
        index = torch.from_numpy(scored[rows]).to(device)
        raw = {name: tensor[index] for name, tensor in data.raw.items()}
        if column is not None:
            name, place = places[column]
            others = torch.from_numpy(scored[source]).to(device)
            raw[name][:, place] = data.raw[name][others][:, place]
        return network.predict_mean(raw).double().cpu().numpy()

    return predict


def _predictions(prepared: Prepared, model: TableModel, output: np.ndarray) -> pl.DataFrame:
    """The test rows' numbers and files in the source, true and predicted targets, and probabilities."""
    rows = prepared.split.test
    targets = prepared.table.frame.select(prepared.schema.target.columns)[rows]
    names = [series.gather(rows) for series in prepared.table.row_names()]
    columns = [pl.Series("row", prepared.table.rows[rows]), *names, *targets.get_columns()]
    return pl.DataFrame(columns + model.prediction_columns(output, "_predicted"))
