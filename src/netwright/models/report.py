"""The record of a model made by hand: scores beside baselines, curves, a drawing, and a page of it all."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from netwright import __version__
from netwright.data.schema import Task
from netwright.errors import InputError
from netwright.evaluate import baselines, intervals
from netwright.evaluate.calibration import reliability
from netwright.evaluate.design import design
from netwright.evaluate.metrics import PRIMARY, confusion, per_class, score
from netwright.evaluate.solvers import sigmoid, softmax
from netwright.files import write_json, write_text
from netwright.layers.base import Activated
from netwright.models import arrays
from netwright.models.saving import is_layers
from netwright.models.summary import summary
from netwright.plots.drawing import described
from netwright.report import build
from netwright.training.history import History

if TYPE_CHECKING:
    from netwright.models.model import Model

MOST_ROWS = 50_000  # of the training rows that are scored, and that a baseline is fitted on
MOST_INPUTS = 5_000  # of a linear baseline
BASELINE_SECONDS = 8.0


@dataclass
class Part:
    """Rows with what is true of them and what the model says.

    Arguments:
        inputs: by name. [N, ...]
        truth: codes [N], labels [N, L] or numbers [N] or [N, T].
        output: probabilities [N, C] or [N, L], or numbers.
    """

    inputs: dict[str, np.ndarray]
    truth: np.ndarray
    output: np.ndarray


def report(
    model: Model,
    folder: Path,
    x: Any,
    y: Any,
    *,
    train: Any = None,
    validation: Any = None,
    classes: Sequence[Any] | None = None,
    target: str = "y",
    overwrite: bool = False,
) -> Path:
    """Writes the folder. See `Model.report`."""
    began = time.monotonic()
    network = model._built("a report")
    if folder.is_dir() and any(folder.iterdir()) and not (overwrite and _ours(folder)):
        hint = "another folder" + (", or overwrite=True" if _ours(folder) else "")
        raise InputError("the folder holds something already", where=str(folder), hint=hint)
    task = _task(model, arrays.numbers(y, "y"))
    pairs = {"train": train, "validation": validation}
    for name, pair in pairs.items():
        if pair is not None and (not isinstance(pair, list | tuple) or len(pair) != 2):
            raise InputError(f"{name} is a pair (x, y)", where="report")
    parts = {
        name: _part(model, task, pair[0], pair[1], f"{name} y")
        for name, pair in pairs.items()
        if pair is not None
    }
    parts["test"] = _part(model, task, x, y, "y")
    names = _names(task, classes, parts["test"].output)
    targets = _targets(task, target, names, parts["test"].output)
    assessed, evaluation = _scores(task, parts, names if task != "multilabel" else targets)
    known, evaluation["baseline_note"], evaluation["not_computed"] = _baselines(
        model, task, parts, len(names)
    )
    truth, output = parts["test"].truth, parts["test"].output
    assessed["baseline"] = {name: score(task, truth, each) for name, each in known.items()}
    assessed["margin"] = {
        name: intervals.margin(task, truth, output, each, PRIMARY[task]) for name, each in known.items()
    }
    metrics = {
        "version": 1,
        "task": task,
        "target": targets,
        "positive": names[-1] if task == "binary" else None,
        "classes": names,
        "rows": {name: len(each.truth) for name, each in parts.items()},
        **assessed,
        "seconds": {"evaluate": round(time.monotonic() - began, 3)},
        "parameters": network.parameter_count,
        "members": 1,
        "device": model.device.type,
        "precision": "float32" if model.used_precision == "auto" else model.used_precision,
        "versions": _versions(),
    }
    model.save(folder / "model")
    write_text(folder / "predictions.csv", _predictions(task, targets, names, truth, output).write_csv())
    rows = model.history.rows if model.history is not None else []
    (folder / "history.csv").unlink(missing_ok=True)  # of an earlier report
    if rows:
        write_text(folder / "history.csv", History(rows).to_csv())
    evaluation["source"] = {"name": model.name, "source": "arrays"}
    evaluation["network"] = _about(model)
    write_json(folder / "evaluation.json", evaluation)
    write_json(folder / "metrics.json", metrics)
    return build(folder)


def _ours(folder: Path) -> bool:
    return (folder / "metrics.json").is_file() and is_layers(folder / "model")


def _task(model: Model, y: np.ndarray) -> Task:
    """What the model predicts, by its last layer, its loss and its targets."""
    network = model._built("a report")
    if len(network.output_names) > 1 or len(network.output_shape(0)) != 1:
        raise InputError("a report is for models of one output, a vector for each row", where="report")
    kind = _link(model)
    if kind == "softmax":
        return "binary" if network.output_shape(0)[-1] == 2 else "multiclass"
    if kind == "sigmoid" and np.isin(y, (0, 1)).all():
        return "binary" if network.output_shape(0)[-1] == 1 else "multilabel"
    return "regression"


def _link(model: Model) -> str | None:
    """What makes outputs probabilities: the last activation, or what the loss joins to logits."""
    network = model._built("a report")
    layer, loss = network.graph.last_layer(0), network.goals[0].loss
    activation = layer.activation_name if isinstance(layer, Activated) else None
    if activation in ("softmax", "sigmoid"):
        return activation
    return loss.joins if loss is not None and getattr(loss, "from_logits", False) else None


def _part(model: Model, task: Task, x: Any, y: Any, where: str) -> Part:
    network = model._built("a report")
    inputs = arrays.inputs(x, network.input_names)
    truth = arrays.numbers(y, where)
    arrays.equal_lengths({"x": next(iter(inputs.values())), where: truth})
    output = np.asarray(model.predict(x), dtype=np.float64)
    layer = network.graph.last_layer(0)
    logits = not (isinstance(layer, Activated) and layer.activation_name in ("softmax", "sigmoid"))
    if task in ("binary", "multiclass"):
        truth = truth.argmax(1) if truth.ndim == 2 and truth.shape[1] > 1 else truth.reshape(len(truth))
        most = max(2, output.shape[1])
        if not np.isin(truth, np.arange(most)).all():
            raise InputError(f"{where} holds other classes than 0 to {most - 1}", where="report")
        truth = truth.astype(np.int64)
    else:
        truth = truth.astype(np.float64).reshape(len(truth), -1)
    if task != "regression" and logits:
        squash = softmax if _link(model) == "softmax" else sigmoid
        output = squash(output)
    if task == "binary" and output.shape[1] == 1:
        output = np.concatenate([1.0 - output, output], axis=1)
    if task == "regression" and output.shape[1] == 1:
        return Part(inputs, truth[:, 0], output[:, 0])
    return Part(inputs, truth, output)


def _names(task: Task, classes: Sequence[Any] | None, output: np.ndarray) -> list[str]:
    """The classes' names (of several labels the labels')."""
    if task == "regression":
        return []
    count = output.shape[1]
    names = [str(each) for each in (range(count) if classes is None else classes)]
    if len(names) != count or len(set(names)) != count:
        raise InputError(f"classes names {len(names)} classes, and the model has {count}", where="report")
    return names


def _targets(task: Task, target: str, names: list[str], output: np.ndarray) -> list[str]:
    if task == "multilabel":
        return [f"{target}_{name}" for name in names]
    if task == "regression" and output.ndim == 2:
        return [f"{target}_{place}" for place in range(output.shape[1])]
    return [target]


def _scores(task: Task, parts: dict[str, Part], names: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What metrics.json and evaluation.json tell of the outputs."""
    truth, output = parts["test"].truth, parts["test"].output
    classes = task in ("binary", "multiclass")
    found: dict[str, Any] = {
        name: score(task, each.truth[:MOST_ROWS], each.output[:MOST_ROWS])
        if name == "train"
        else score(task, each.truth, each.output)
        for name, each in parts.items()
    }
    found["intervals"] = intervals.bootstrap(task, truth, output)
    found["per_class"] = {} if task == "regression" else per_class(truth, output, names)
    matrix = None
    if classes:
        counts = confusion(truth, output.argmax(1), len(names))
        matrix = {"classes": names, "counts": counts.tolist()}
    return found, {
        "version": 1,
        "headline": PRIMARY[task],
        "confusion": matrix,
        "reliability": reliability(truth, output) if classes else None,
    }


def _baselines(
    model: Model, task: Task, parts: dict[str, Part], classes: int
) -> tuple[dict[str, np.ndarray], str, dict[str, str]]:
    """Predictions for the test rows by name, words on the linear model, and why there are none."""
    if "train" not in parts:
        return {}, "", {"baseline": "no training rows were given to fit them on (train=(x, y))"}
    train, test, validation = parts["train"], parts["test"], parts.get("validation")
    count = classes if task in ("binary", "multiclass") else None
    known = {"constant": baselines.constant(task, train.truth, len(test.truth), count)}
    if any(getattr(layer, "code_limit", None) is not None for layer in model.layers):
        return known, "There is no linear model: the inputs are codes.", {}
    flat = [_flat(each) for each in (train, test, *([validation] if validation else []))]
    if flat[0].width > MOST_INPUTS:
        return known, f"There is no linear model: a row has {flat[0].width:,} inputs.", {}
    used = np.sort(np.random.default_rng(0).permutation(len(train.truth))[:MOST_ROWS])
    drawn = flat[0][used]
    made = design(drawn, dict.fromkeys(drawn.columns, "number"), *flat[1:])
    found = baselines.linear(
        task,
        made[0],
        train.truth[used],
        made[1],
        made[2] if validation else None,
        validation.truth if validation else None,
        classes=count,
        seconds=BASELINE_SECONDS,
    )
    return known | {"linear": found.output}, f"The linear model is a {found.note}.", {}


def _flat(part: Part) -> pl.DataFrame:
    """Each number of the inputs as a column."""
    values = [each.reshape(len(each), -1).astype(np.float64) for each in part.inputs.values()]
    together = np.concatenate(values, axis=1)
    return pl.DataFrame(together, schema=[f"x{place}" for place in range(together.shape[1])])


def _predictions(
    task: Task, targets: list[str], names: list[str], truth: np.ndarray, output: np.ndarray
) -> pl.DataFrame:
    columns: dict[str, Any] = {"row": np.arange(len(truth))}
    if task in ("binary", "multiclass"):
        named = np.array(names)
        columns |= {targets[0]: named[truth], f"{targets[0]}_predicted": named[output.argmax(1)]}
        columns |= {f"probability_{name}": output[:, place] for place, name in enumerate(names)}
        return pl.DataFrame(columns)
    wide, given = truth.reshape(len(truth), -1), output.reshape(len(output), -1)
    for place, name in enumerate(targets):
        if task == "multilabel":
            columns[name] = wide[:, place].astype(np.int64)
            columns[f"{name}_predicted"] = (given[:, place] > 0.5).astype(np.int64)
            columns[f"probability_{name}"] = given[:, place]
        else:
            columns |= {name: wide[:, place], f"{name}_predicted": given[:, place]}
    return pl.DataFrame(columns)


def _about(model: Model) -> dict[str, Any]:
    """What the page tells of the network and its training."""
    network, optimizer = model._built("a report"), model.optimizer
    settings = {"model": model.name, "parameters": f"{network.parameter_count:,}"}
    if optimizer is not None:
        settings |= {"optimizer": type(optimizer).__name__, "learning rate": _said(optimizer.learning_rate)}
        losses = [goal.loss for goal in network.goals if goal.loss is not None]
        settings["loss"] = ", ".join(_said(loss) for loss in losses)
    history = model.history
    if history is not None:
        settings["epochs"] = f"{len(history.epoch):,} ({history.stopped})"
    settings |= {"seed": str(model.seed), "device": model.device.type}
    return {
        "settings": settings,
        "kind": "layers by hand",
        "lines": summary(model.name, network).splitlines(),
        "parameters": network.parameter_count,
        "members": 1,
        "drawing": described(model),
    }


def _said(value: Any) -> str:
    """A number or an object of ours in a few words."""
    if isinstance(value, int | float):
        return f"{value:g}"
    if not is_dataclass(value):  # code of one's own
        return type(value).__name__
    changed = [
        f"{each.name}={getattr(value, each.name)!r}"
        for each in fields(value)
        if each.init and getattr(value, each.name) != each.default
    ]
    return f"{type(value).__name__}({', '.join(changed)})" if changed else type(value).__name__


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    found = {"netwright": __version__, "python": platform.python_version()}
    return found | {name: version(name) for name in ("torch", "numpy", "polars")}
