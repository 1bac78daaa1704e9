"""The learning curve: scores of more and more training rows, and whether more would help."""

from __future__ import annotations

import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from netwright.config import Config
from netwright.data.dataset import Dataset
from netwright.data.folds import method_of_folds
from netwright.data.shares import draw_share
from netwright.data.strata import codes_of, scores_of
from netwright.errors import InputError, NetwrightError, suggestion
from netwright.evaluate.metrics import BETTER_HIGH, NAMES, PRIMARY, score
from netwright.evaluate.power_law import PowerLaw, fit, gain
from netwright.files import write_bytes, write_json, write_text
from netwright.pipeline.crowd import Plan, Trained, failed, single, train_crowd
from netwright.pipeline.options import check_no_choices
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
from netwright.report.words import metric_name, number
from netwright.runs.folder import clear_folder
from netwright.training.history import History

STEPS = 8
LEAST_ROWS = 50  # of the first step, where there are enough
LEAST_FRACTION, MOST_FRACTION = 1 / 32, 1 / 4  # of the first step
DRAW = 700_000  # of the rows' random scores
LEAST_POINTS = 4  # different numbers of rows that a power law is fitted to
LEAST_EXPLAINED = 0.4
LITTLE = 0.01  # of the score: a gain that is called hardly any
DONE = ("all epochs", "early stopping")


def learning_curve(
    config: Config, source: Any = None, watch: Watch | None = None, began: float | None = None
) -> Path:
    """Trains on shares of the training rows, scores on the validation rows, and documents.

    Arguments:
        config: as the user gave it; its section `learning_curve` says which shares.
        source: a path, a frame, ...; the config's path when None.
        watch: is told how it goes on.
        began: when the process began, by `time.monotonic`; a time limit counts from there.

    Returns:
        The folder.

    Raises:
        InputError: whatever is wrong with the data or the settings.
    """
    return into_folder(_learning_curve, config, source, watch, began)


def _learning_curve(config: Config, source: Any, watch: Watch, clock: Clock, folder: Path, log: Log) -> Path:
    limit = config.training.time_limit
    check_no_choices(config, "a learning curve")
    prepared = prepare(config, source, watch)
    config = prepared.config
    if not len(prepared.split.validation):
        hint = "give split.validation a share above 0, such as 0.16"
        raise InputError("no validation rows are left to score on", where="split", hint=hint)
    task = prepared.schema.target.task
    metric = config.learning_curve.metric or PRIMARY[task]
    if metric not in NAMES[task]:
        where, hint = "learning_curve.metric", suggestion(metric, NAMES[task])
        raise InputError(f"{metric!r} is no metric of a {task} task", where=where, hint=hint)
    shares = _shares(config, len(prepared.split.train))
    log.add(f"read {len(prepared.table):,} rows of {prepared.table.source}; {prepared.split.note}")
    resolved, device = resolve(config, prepared.schema, len(prepared.split.train))
    plans = _plans(prepared, shares)
    data = prepared.dataset().to(device)
    clock.mark("read")
    watch.stage(f"training {len(plans)} networks")
    threading.Thread(target=load_plots, daemon=True).start()
    trained = train_crowd(
        prepared.schema,
        data,
        plans,
        callbacks=watch.callbacks,
        deadline=clock.deadline(limit),
        told=log.add,
    )
    clock.mark("fit")
    # A network that was cut off would make its share look worse than it is.
    done = [each for each in trained if each.ending in DONE]
    if len(done) < len(plans):
        log.add(f"{len(plans) - len(done)} of {len(plans)} trainings did not come to their end")
    if not done:
        raise failed(trained) or NetwrightError("no network came to its end in the time that there was")
    clear_folder(folder)
    log.keep()
    watch.stage("evaluating")
    table = _table(prepared, data, done)
    rows = [row for each in trained for row in each.rows]
    write_text(folder / "config.yaml", saved_config(resolved).to_yaml())
    write_text(folder / "history.csv", History(rows).to_csv())
    write_json(folder / "findings.json", [finding.as_dict() for finding in prepared.findings])
    write_text(folder / "learning_curve.csv", table.write_csv())
    network = single(prepared.schema, done[-1])
    described = describe(prepared, resolved, network, History(best_epoch=[done[-1].best_epoch]))
    described.pop("network")
    write_json(folder / "evaluation.json", {"version": 1, "headline": metric, **described})
    clock.mark("evaluate")
    split = prepared.split
    counts = {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)}
    metrics = {
        "version": 1,
        "task": task,
        "target": prepared.schema.target.columns,
        "positive": prepared.schema.target.positive,
        "classes": prepared.schema.target.classes,
        "rows": counts,
        **told(table, metric, seed=config.training.seed),
        "seconds": clock.seconds(),
        "parameters": network.parameter_count,
        "members": len(done),
        "members_wanted": len(plans),
        "device": resolved.training.device,
        "precision": resolved.training.precision,
        "versions": versions(),
    }
    write_json(folder / "metrics.json", metrics)
    watch.stage("writing the report")
    write_bytes(folder / "learning_curve.png", _png(metrics))
    return finish(folder, metrics, clock, log)


def _shares(config: Config, rows: int) -> list[float]:
    given = config.learning_curve.fractions
    if given == "auto":
        first = min(MOST_FRACTION, max(LEAST_FRACTION, LEAST_ROWS / rows))
        return np.geomspace(first, 1.0, STEPS).tolist()
    if not given:
        hint = "such as 0.1,0.2,0.5,1"
        raise InputError("no share of the rows is given", where="learning_curve.fractions", hint=hint)
    return sorted(set(given))


def _plans(prepared: Prepared, shares: list[float]) -> list[Plan]:
    """Networks of each share, with the settings that so many rows would get; the largest come last."""
    config, split, table = prepared.config, prepared.split, prepared.table
    strata = np.zeros(len(split.train), dtype=np.int64)
    if prepared.schema.target.task in ("binary", "multiclass"):
        strata = np.maximum(prepared.target[split.train], 0)
    grouped = method_of_folds(table, config.split, config.data) == "group"
    plans = []
    for share in shares:
        for repeat in range(config.learning_curve.repeats):
            scores = scores_of(table.rows, config.training.seed, DRAW + len(plans))[split.train]
            if grouped:
                groups = codes_of(table.frame.select(str(config.split.group)))[split.train]
                lowest = np.ones(groups.max() + 1)
                np.minimum.at(lowest, groups, scores)
                scores = lowest[groups]
            rows = split.train[draw_share(scores, strata, share, whole=grouped)]
            own, _ = resolve(config, prepared.schema, len(rows))
            own.training.seed = config.training.seed + len(plans)
            plans.append(Plan(own, rows, split.validation, f"{share:.3g} of the rows, network {repeat + 1}"))
    return plans


def _table(prepared: Prepared, data: Dataset, done: list[Trained]) -> pl.DataFrame:
    """A line for each network: rows, share, and all metrics on the validation rows."""
    rows = prepared.split.validation
    index = torch.from_numpy(rows).to(data.target.device)
    task, total = prepared.schema.target.task, len(prepared.split.train)
    lines = []
    for each in done:
        output = single(prepared.schema, each).predict_mean(data.raw, index).double().cpu().numpy()
        lines.append(
            {
                "rows": len(each.plan.train),
                "fraction": len(each.plan.train) / total,
                "seed": each.plan.config.training.seed,
                "best_epoch": each.best_epoch,
                **score(task, prepared.target[rows], output),
            }
        )
    return pl.DataFrame(lines, infer_schema_length=None).sort("rows", "seed")


# ------------------------------------------------------------------------------------------ the answer


def told(table: pl.DataFrame, metric: str, *, seed: int = 0) -> dict[str, Any]:
    """The curve's points, the power law where one is to be seen, and the answer in plain sentences.

    Arguments:
        table: a line for each network with rows, fraction and metrics.
        metric: which metric is looked at.
        seed: of the interval's draws.

    Returns:
        {"metric", "points", "fit", "twice", "answer"} as they stand in metrics.json.
    """
    points = []
    numbers = [name for name in table.columns if name not in ("rows", "fraction", "seed", "best_epoch")]
    # Draws of whole groups differ in size: networks of about the same number of rows are one point.
    for _, lines in table.group_by(pl.col("fraction").log().round(1), maintain_order=True):
        values = lines[metric].drop_nulls().cast(pl.Float64)
        points.append(
            {
                "rows": round(float(lines["rows"].mean() or 0)),  # type: ignore[arg-type]
                "fraction": lines["fraction"].mean(),
                "networks": lines.height,
                "mean": values.mean(),
                "low": values.min(),
                "high": values.max(),
                "scores": {name: lines[name].cast(pl.Float64).mean() for name in numbers},
            }
        )
    known = table.filter(pl.col(metric).is_not_null())
    law, twice = _law(known, metric, seed)
    found = {"metric": metric, "points": points, "fit": None if law is None else asdict(law), "twice": twice}
    return {**found, "answer": _answer(known, points, metric, law, twice)}


def _law(known: pl.DataFrame, metric: str, seed: int) -> tuple[PowerLaw | None, dict[str, float] | None]:
    rows, scores = known["rows"].to_numpy().astype(np.float64), known[metric].to_numpy().astype(np.float64)
    if len(np.unique(rows)) < LEAST_POINTS:
        return None, None
    rising = metric in BETTER_HIGH
    bound = 1.0 if rising else 0.0
    law = fit(rows, scores, rising=rising, bound=bound)
    if law.b == 0.0 or law.explained < LEAST_EXPLAINED:
        return None, None
    more = 2.0 * rows.max()
    won = gain(rows, scores, more, rising=rising, bound=bound, seed=seed)
    now, sign = law.at(rows.max()), 1.0 if rising else -1.0
    ends = sorted([now + sign * won.low, now + sign * won.high])
    return law, {
        "rows": round(more),
        "now": now,
        "score": now + sign * won.value,
        "low": ends[0],
        "high": ends[1],
        "gain": won.value,
        "gain_low": won.low,
        "gain_high": won.high,
    }


def _answer(
    known: pl.DataFrame,
    points: list[dict[str, Any]],
    metric: str,
    law: PowerLaw | None,
    twice: dict[str, float] | None,
) -> list[str]:
    """Whether more rows would help, and what was seen."""
    name = metric_name(metric)
    first, last = points[0], points[-1]
    if last["mean"] is None or len(points) < 2:
        return [f"Whether more rows would help cannot be told: the {name} is known for one share only."]
    seen = (
        f"From {first['rows']:,} to {last['rows']:,} rows the {name} went from {number(first['mean'])} "
        f"to {number(last['mean'])}."
    )
    if law is not None and twice is not None and twice["gain_low"] > 0:
        hardly = twice["gain"] < LITTLE * max(abs(twice["now"]), 1e-12)
        word = "Hardly" if hardly else "Yes"
        better = "raise" if metric in BETTER_HIGH else "lower"
        return [
            f"Would more rows help? {word}: twice the rows ({twice['rows']:,}) should {better} the {name} "
            f"from {number(twice['now'])} to about {number(twice['score'])}, a gain of {twice['gain']:.2g} "
            f"(95 % interval {twice['gain_low']:.2g} to {twice['gain_high']:.2g}).",
            seen,
        ]
    return [f"Would more rows help? No gain is visible: {_half(known, points, metric)}", seen]


def _half(known: pl.DataFrame, points: list[dict[str, Any]], metric: str) -> str:
    """What the last doubling of rows has changed, beside the spread of the networks."""
    last = points[-1]
    half = min(points[:-1], key=lambda each: abs(np.log(each["rows"] / last["rows"] * 2)))
    change = last["mean"] - half["mean"]
    squares = 0.0
    for each in (half, last):
        values = known.filter((pl.col("rows") / each["rows"]).is_between(0.9, 1.1))[metric].to_numpy()
        squares += float(np.var(values, ddof=1)) / len(values) if len(values) > 1 else 0.0
    error = float(np.sqrt(squares))
    return (
        f"from {half['rows']:,} to {last['rows']:,} rows the {metric_name(metric)} changed by "
        f"{change:+.2g}, with an error of about {error:.2g}."
    )


def _png(metrics: dict[str, Any]) -> bytes:
    import io

    from netwright.report.learning import curve

    image = io.BytesIO()
    curve(metrics).savefig(image, format="png", dpi=140, facecolor="white")
    return image.getvalue()
