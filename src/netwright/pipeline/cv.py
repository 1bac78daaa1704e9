"""Cross-validation: each fold is scored by networks that other rows have trained, all trained together."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from netwright.config import Config
from netwright.data.dataset import Dataset
from netwright.data.folds import Fold, make_folds, method_of_folds
from netwright.data.roles import IGNORE, TRAIN, VALIDATION, Split
from netwright.data.table import Table
from netwright.errors import InputError, NetwrightError
from netwright.evaluate import intervals
from netwright.evaluate.calibration import reliability
from netwright.evaluate.metrics import PRIMARY, confusion, per_class, score
from netwright.files import write_json, write_text
from netwright.nn.network import Network
from netwright.pipeline.assess import BASELINE_SECONDS, Baselines, fit_baselines
from netwright.pipeline.crowd import Plan, Trained, assemble, failed, train_crowd
from netwright.pipeline.options import check_no_choices
from netwright.pipeline.precision import tried_precision
from netwright.pipeline.prepare import Prepared, prepare
from netwright.pipeline.resolve import resolve
from netwright.pipeline.train import (
    Clock,
    Log,
    describe,
    finish,
    into_folder,
    load_plots,
    saved_config,
    versions,
)
from netwright.pipeline.watch import Watch
from netwright.runs import bundle
from netwright.runs.bundle import Bundle
from netwright.runs.folder import clear_folder
from netwright.runs.model import TableModel
from netwright.training.history import Ending, History

SHORTEST_BASELINE = 0.1  # seconds for the baselines of a fold
MOST_MEMBERS = 256

Scores = dict[str, float | None]


@dataclass
class Scored:
    """A fold with its networks and what they predict for the rows that are scored.

    Arguments:
        fold: its rows.
        trained: its networks.
        output: their mean prediction. [n, C]
        known: the baselines of the same rows.
    """

    fold: Fold
    trained: list[Trained]
    output: np.ndarray
    known: Baselines


def cross_validate(
    config: Config, source: Any = None, watch: Watch | None = None, began: float | None = None
) -> Path:
    """Trains and scores in folds, keeps the folds' networks as an ensemble, and documents.

    Arguments:
        config: as the user gave it; its section `cv` says how many folds.
        source: a path, a frame, ...; the config's path when None.
        watch: is told how it goes on.
        began: when the process began, by `time.monotonic`; a time limit counts from there.

    Returns:
        The folder.

    Raises:
        InputError: whatever is wrong with the data or the settings.
    """
    return into_folder(_cross_validate, config, source, watch, began)


def prepare_folds(config: Config, source: Any, watch: Watch) -> tuple[Prepared, list[Fold]]:
    """Rows and folds; kinds and dictionaries are decided on the rows that train in any fold.

    All rows are in folds but the test rows: a share `cv.test`, or those that a column or a file gives.
    """
    made: list[Fold] = []

    def arrange(table: Table, split: Split, config: Config) -> Split:
        made.extend(
            make_folds(
                table,
                split.development,
                config.split,
                config.data,
                folds=config.cv.folds,
                repeats=config.cv.repeats,
                validation=config.cv.validation,
                seed=config.training.seed,
            )
        )
        return _arranged(table, split, config, made)

    wanted = config.model_copy(deep=True)
    wanted.split.validation, wanted.split.test = 0.0, config.cv.test
    prepared = prepare(wanted, source, watch, arrange)
    role = prepared.split.role  # cleaning may have taken training rows out
    return prepared, [
        replace(
            fold,
            train=fold.train[role[fold.train] != IGNORE],
            validation=fold.validation[role[fold.validation] != IGNORE],
        )
        for fold in made
    ]


def _arranged(table: Table, split: Split, config: Config, folds: list[Fold]) -> Split:
    """The split as the folds use it: rows that train in any fold train, and no others are learnt from.

    In the order of time the last block never trains: as validation rows, the checks compare it with the rest.
    """
    method = method_of_folds(table, config.split, config.data)
    role = split.role.copy()
    role[split.development] = VALIDATION if method == "time" else IGNORE
    for fold in folds:
        role[fold.train] = TRAIN
    how = {
        "random": "drawn at random",
        "stratified": "drawn at random, each class in proportion",
        "group": f"drawn at random, the rows of one group ({config.split.group!r}) together",
        "time": f"blocks in the order of {config.split.time!r}, each scored by networks of all earlier rows",
    }[method]
    times = f", {config.cv.repeats} times" if config.cv.repeats > 1 else ""
    note = f"{config.cv.folds} folds{times}: {how} (seed {config.training.seed}). Equal rows stay together."
    note += f" In each fold, {config.cv.validation:.0%} of the training rows choose the best epoch."
    findings = [each for each in split.findings if each.id != "validation_from_training"]
    return replace(split, role=role, note=note, findings=findings)


def _cross_validate(config: Config, source: Any, watch: Watch, clock: Clock, folder: Path, log: Log) -> Path:
    limit = config.training.time_limit
    check_no_choices(config, "cross-validation")
    prepared, folds = prepare_folds(config, source, watch)
    log.add(f"read {len(prepared.table):,} rows of {prepared.table.source}; {prepared.split.note}")
    rows = int(np.median([len(fold.train) for fold in folds]))
    resolved, device = resolve(prepared.config, prepared.schema, rows)
    resolved.split.validation, resolved.split.test = config.split.validation, config.split.test
    members = int(resolved.training.members)
    if members * len(folds) > MOST_MEMBERS:
        what = f"{len(folds)} folds in all of {members} members each are more than {MOST_MEMBERS} networks"
        raise InputError(what, where="cv", hint="give fewer folds, repeats or members")
    data = prepared.dataset().to(device)
    if prepared.config.training.precision == "auto":
        train = torch.from_numpy(folds[0].train)
        resolved.training.precision = tried_precision(prepared.schema, resolved, data, train)  # type: ignore[assignment]
    clock.mark("read")

    watch.stage("fitting the baselines")
    seconds = min(clock.left(limit) / 8, 2 * BASELINE_SECONDS) / len(folds)
    known = [
        fit_baselines(
            replace(prepared, split=fold.as_split(prepared.split)), data, max(seconds, SHORTEST_BASELINE)
        )
        for fold in folds
    ]
    clock.mark("baselines")

    watch.stage(f"training {members * len(folds)} networks")
    threading.Thread(target=load_plots, daemon=True).start()
    trained = train_crowd(
        prepared.schema,
        data,
        _plans(resolved, folds),
        callbacks=watch.callbacks,
        deadline=clock.deadline(limit),
        told=log.add,
    )
    clock.mark("fit")
    scored = _score_folds(prepared, data, folds, known, trained)
    for each in scored:
        log.add(f"{_label(each.fold)}: best epochs {[one.best_epoch for one in each.trained]}")
    if len(scored) < len(folds):
        log.add(f"{len(folds) - len(scored)} of {len(folds)} folds were not trained: {_why(folds, trained)}")
    clear_folder(folder)
    log.keep()
    watch.stage("evaluating")
    good = [one for each in scored for one in each.trained]
    network = assemble(prepared.schema, good)
    saved = Bundle(network, prepared.schema, resolved.inputs, resolved.network, resolved.data.missing)
    bundle.save(folder / "model", saved)
    history = _history(trained, good)
    write_text(folder / "config.yaml", saved_config(resolved).to_yaml())
    write_text(folder / "history.csv", history.to_csv())
    write_json(folder / "findings.json", [finding.as_dict() for finding in prepared.findings])
    model = TableModel(saved)
    out_of_fold = _out_of_fold(prepared, model, scored)
    write_text(folder / "out_of_fold.csv", out_of_fold.write_csv())
    metrics = _metrics(prepared, resolved, network, scored, len(folds))
    if len(prepared.split.test):
        metrics |= _test(prepared, data, model, folder, clock.left(limit))
    clock.mark("evaluate")
    described = describe(prepared, resolved, network, history)
    write_json(folder / "evaluation.json", {**described, **_evaluation(prepared, scored)})
    metrics["seconds"] = clock.seconds()
    write_json(folder / "metrics.json", metrics)

    watch.stage("writing the report")
    return finish(folder, metrics, clock, log)


def _plans(config: Config, folds: list[Fold]) -> list[Plan]:
    """The networks of all folds, each from a seed of its own."""
    members = int(config.training.members)
    plans = []
    for place in range(len(folds) * members):
        fold = folds[place // members]
        own = config.model_copy(deep=True)
        own.training.seed = config.training.seed + place
        plans.append(Plan(own, fold.train, fold.validation, _label(fold)))
    return plans


def _label(fold: Fold) -> str:
    return f"repeat {fold.repeat}, fold {fold.number}"


def _score_folds(
    prepared: Prepared, data: Dataset, folds: list[Fold], known: list[Baselines], trained: list[Trained]
) -> list[Scored]:
    """The folds that have a network, with the mean prediction of their networks.

    Raises:
        NetwrightError: there is none.
    """
    of = {_label(fold): place for place, fold in enumerate(folds)}
    good: dict[int, list[Trained]] = {}
    for each in trained:
        if each.best_epoch > 0:
            good.setdefault(of[each.plan.label], []).append(each)
    if not good:
        raise failed(trained) or NetwrightError("no fold was trained for an epoch in the time that there was")
    scored = []
    for place, networks in sorted(good.items()):
        index = torch.from_numpy(folds[place].scored).to(data.target.device)
        network = assemble(prepared.schema, networks)
        output = network.predict_mean(data.raw, index).double().cpu().numpy()
        scored.append(Scored(folds[place], networks, output, known[place]))
    return scored


def _why(folds: list[Fold], trained: list[Trained]) -> str:
    endings = {each.ending for each in trained if each.best_epoch == 0} | {
        each.ending for each in trained if each.ending in ("time limit", "interrupted")
    }
    return ", ".join(sorted(endings)) or "not begun"


def _history(trained: list[Trained], good: list[Trained]) -> History:
    rows = sorted((row for each in trained for row in each.rows), key=lambda row: row["epoch"])
    endings = {each.ending for each in trained}
    order: tuple[Ending, ...] = ("all epochs", "early stopping", "time limit", "interrupted")
    stopped: Ending = "diverged"
    for ending in order:  # what cut the training off tells most
        if ending in endings:
            stopped = ending
    epochs = max((row["epoch"] for row in rows), default=0)
    return History(rows, [each.best_epoch for each in good], epochs, stopped)


# ------------------------------------------------------------------------------------------- the scores


def _metrics(
    prepared: Prepared, config: Config, network: Network, scored: list[Scored], wanted: int
) -> dict[str, Any]:
    target = prepared.schema.target
    folds = [_of_fold(prepared, each) for each in scored]
    baselines = {
        name: [fold["baseline"][name] for fold in folds] for name in next(iter(scored)).known.outputs
    }
    truth, output, others = pooled(prepared, scored)
    classes = target.classes or target.columns
    return {
        "version": 1,
        "task": target.task,
        "target": target.columns,
        "positive": target.positive,
        "classes": target.classes,
        "rows": {"development": in_folds(scored), "test": len(prepared.split.test)},
        "folds_wanted": wanted,
        "folds": folds,
        "mean": summarised([fold["scores"] for fold in folds])[0],
        "deviation": summarised([fold["scores"] for fold in folds])[1],
        "baseline": {name: summarised(each)[0] for name, each in baselines.items()},
        "baseline_deviation": {name: summarised(each)[1] for name, each in baselines.items()},
        "margin": {
            name: intervals.margin(target.task, truth, output, other, PRIMARY[target.task])
            for name, other in others.items()
        },
        "out_of_fold": score(target.task, truth, output),
        "per_class": per_class(truth, output, classes) if target.task != "regression" else {},
        "test": {},
        "parameters": network.parameter_count * network.members,
        "members": network.members,
        "device": config.training.device,
        "precision": config.training.precision,
        "versions": versions(),
    }


def in_folds(scored: list[Scored]) -> int:
    """How many rows train, stop a training or are scored."""
    parts = [(each.fold.train, each.fold.validation, each.fold.scored) for each in scored]
    return len(np.unique(np.concatenate([rows for fold in parts for rows in fold])))


def _of_fold(prepared: Prepared, each: Scored) -> dict[str, Any]:
    task, fold = prepared.schema.target.task, each.fold
    truth = prepared.target[fold.scored]
    rows = {part: len(getattr(fold, part)) for part in ("train", "validation", "scored")}
    return {
        "repeat": fold.repeat,
        "fold": fold.number,
        "rows": rows,
        "best_epoch": [one.best_epoch for one in each.trained],
        "ending": [one.ending for one in each.trained],
        "scores": score(task, truth, each.output),
        "baseline": {name: score(task, truth, output) for name, output in each.known.outputs.items()},
    }


def summarised(scores: list[Scores]) -> tuple[Scores, Scores]:
    """Mean and standard deviation (of a sample) of each metric over the folds that have it.

    Example:
        >>> summarised([{"rmse": 1.0}, {"rmse": 3.0}, {"rmse": None}])
        ({'rmse': 2.0}, {'rmse': 1.4142135623730951})
    """
    mean: Scores = {}
    deviation: Scores = {}
    for name in scores[0]:
        values = [value for each in scores if (value := each[name]) is not None]
        mean[name] = math.fsum(values) / len(values) if values else None
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
        # Equal scores differ by rounding all the same.
        deviation[name] = 0.0 if spread is not None and spread < 1e-12 * max(map(abs, values)) else spread
    return mean, deviation


def pooled(prepared: Prepared, scored: list[Scored]) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Target, out-of-fold prediction and those of the baselines for all scored rows, averaged over repeats.

    Returns:
        (target [n, ...], output [n, C], {baseline: [n, C]}), in the order of the rows.
    """
    rows = np.concatenate([each.fold.scored for each in scored])
    unique, place, times = np.unique(rows, return_inverse=True, return_counts=True)

    def mean(outputs: list[np.ndarray]) -> np.ndarray:
        stacked = np.concatenate(outputs)
        total = np.zeros((len(unique), *stacked.shape[1:]))
        np.add.at(total, place, stacked)
        return total / times.reshape(-1, *[1] * (stacked.ndim - 1))

    others = {name: mean([each.known.outputs[name] for each in scored]) for name in scored[0].known.outputs}
    return prepared.target[unique], mean([each.output for each in scored]), others


def _out_of_fold(prepared: Prepared, model: TableModel, scored: list[Scored]) -> pl.DataFrame:
    """Each scored row with its fold and repeat, true and predicted targets, and probabilities."""
    frames = []
    for each in scored:
        fold, rows = each.fold, each.fold.scored
        targets = prepared.table.frame.select(prepared.schema.target.columns)[rows]
        columns = [
            pl.Series("row", prepared.table.rows[rows]),
            *(series.gather(rows) for series in prepared.table.row_names()),
            pl.Series("fold", np.full(len(rows), fold.number)),
            pl.Series("repeat", np.full(len(rows), fold.repeat)),
            *targets.get_columns(),
        ]
        frames.append(pl.DataFrame(columns + model.prediction_columns(each.output, "_predicted")))
    return pl.concat(frames, how="vertical_relaxed").sort("repeat", "row")


def _evaluation(prepared: Prepared, scored: list[Scored]) -> dict[str, Any]:
    """What the report draws, in the place of what a run has of its test rows."""
    task, classes = prepared.schema.target.task, prepared.schema.target.classes
    truth, output, _ = pooled(prepared, scored)
    found: dict[str, Any] = {"version": 1, "headline": PRIMARY[task], "baseline_note": scored[0].known.note}
    if task in ("binary", "multiclass"):
        names = [*classes, "(other)"] if (truth < 0).any() else classes
        counts = confusion(truth, output.argmax(1), len(classes))
        found["confusion"] = {"classes": names, "counts": counts.tolist()}
        found["reliability"] = reliability(truth, output)
    split = prepared.split
    found["split"] = {
        "method": split.method,
        "given": split.given,
        "note": split.note,
        "rows": {"development": in_folds(scored), "test": len(split.test)},
    }
    return found


def _test(
    prepared: Prepared, data: Dataset, model: TableModel, folder: Path, seconds: float
) -> dict[str, Any]:
    """The ensemble and the baselines on the test rows, whose labels are looked at here and once."""
    task, rows = prepared.schema.target.task, prepared.split.test
    known = fit_baselines(prepared, data, seconds / 4)
    index = torch.from_numpy(rows).to(data.target.device)
    output = model.network.predict_mean(data.raw, index).double().cpu().numpy()
    truth = prepared.target[rows]
    targets = prepared.table.frame.select(prepared.schema.target.columns)[rows]
    names = [series.gather(rows) for series in prepared.table.row_names()]
    columns = [pl.Series("row", prepared.table.rows[rows]), *names, *targets.get_columns()]
    predictions = pl.DataFrame(columns + model.prediction_columns(output, "_predicted"))
    write_text(folder / "predictions.csv", predictions.write_csv())
    return {
        "test": score(task, truth, output),
        "intervals": intervals.bootstrap(task, truth, output, seed=prepared.config.training.seed),
        "test_baseline": {name: score(task, truth, each) for name, each in known.outputs.items()},
    }
