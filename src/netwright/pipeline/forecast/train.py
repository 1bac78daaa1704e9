"""The whole way of a forecast: from a source to a run folder."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from netwright.config import Config
from netwright.files import write_json, write_text
from netwright.pipeline.forecast.assess import Assessment, assess
from netwright.pipeline.forecast.backtest import backtest
from netwright.pipeline.forecast.fit import fit
from netwright.pipeline.forecast.prepare import PARTS, Prepared, prepare, stretch
from netwright.pipeline.forecast.resolve import refuse_unused, resolve
from netwright.pipeline.resume import Unfinished, unfinished
from netwright.pipeline.train import Clock, Log, check_ending, finish, load_plots, saved_config, versions
from netwright.pipeline.watch import Watch
from netwright.runs.folder import clear_folder
from netwright.runs.forecast import ForecastBundle, ForecastModel
from netwright.training.history import History


def work(
    config: Config,
    source: Any,
    watch: Watch,
    clock: Clock,
    folder: Path,
    log: Log,
    resume: bool = False,
) -> Path:
    """Trains, judges and documents a forecast; see `netwright.pipeline.train.into_folder`.

    Raises:
        InputError: whatever is wrong with the data or the settings.
        NetwrightError: the training has diverged.
    """
    refuse_unused(config)
    with unfinished(folder, log, watch, again=resume) as kept:
        history = _work(config, source, watch, clock, folder, log, kept)
    check_ending(history)
    return folder


def _work(
    config: Config, source: Any, watch: Watch, clock: Clock, folder: Path, log: Log, kept: Unfinished
) -> History:
    limit = config.training.time_limit
    prepared = prepare(config, source, watch)
    log.add(f"read {len(prepared.table):,} rows of {prepared.table.source}; {prepared.note}")
    resolved, device = resolve(prepared)
    data = prepared.dataset(device)
    clock.mark("read")

    watch.stage(kept.begin(config, source, prepared.config, prepared.table, prepared.role))
    threading.Thread(target=load_plots, daemon=True).start()
    network, history, resolved = fit(prepared, resolved, data, watch.callbacks, clock.deadline(limit), kept)
    clock.mark("fit")
    log.add(f"trained {history.epochs} epochs, best {history.best_epoch}, {history.stopped}")
    # Only now: a run that is there already stays whole until there is another to take its place.
    clear_folder(folder, unfinished=False)
    log.keep()
    model = ForecastModel(
        ForecastBundle(
            network,
            prepared.schema,
            resolved.forecast,
            resolved.network,
            resolved.data.missing,
            prepared.mean,
            prepared.deviation,
        )
    )
    model.save(folder / "model")
    write_text(folder / "config.yaml", saved_config(resolved).to_yaml())
    write_text(folder / "history.csv", history.to_csv())
    write_json(folder / "findings.json", [finding.as_dict() for finding in prepared.findings])

    watch.stage("evaluating")
    assessed = assess(prepared, resolved, data, model)
    clock.mark("evaluate")
    write_text(folder / "predictions.csv", assessed.predictions.write_csv())
    if resolved.forecast.backtest and not history.failure:
        watch.stage("backtesting")
        epochs = max(1, round(sum(history.best_epoch) / len(history.best_epoch)))
        folds = backtest(prepared, resolved, data, epochs, watch.callbacks, clock.deadline(limit))
        assessed.evaluation["forecast"]["backtest"] = folds
        clock.mark("backtest")
    described = _describe(prepared, resolved, model, history)
    write_json(folder / "evaluation.json", {**assessed.evaluation, **described})
    metrics = _metrics(prepared, resolved, model, assessed, clock)
    write_json(folder / "metrics.json", metrics)

    watch.stage("writing the report")
    finish(folder, metrics, clock, log)
    return history


def _metrics(
    prepared: Prepared, config: Config, model: ForecastModel, assessed: Assessment, clock: Clock
) -> dict[str, Any]:
    network = model.network
    return {
        "version": 1,
        "task": "forecast",
        "target": prepared.schema.targets,
        "positive": None,
        "classes": [],
        "rows": {part: int((prepared.role == code).sum()) for part, code in PARTS.items()},
        **assessed.metrics,
        "seconds": clock.seconds(),
        "parameters": network.parameter_count * network.members,
        "members": network.members,
        "device": config.training.device,
        "precision": config.training.precision,
        "versions": versions(),
    }


def _describe(prepared: Prepared, config: Config, model: ForecastModel, history: History) -> dict[str, Any]:
    """What the report says of data and network."""
    table, schema, network = prepared.table, prepared.schema, model.network
    rows = {part: int((prepared.role == code).sum()) for part, code in PARTS.items()}
    uses = dict.fromkeys(schema.targets, "target") | dict.fromkeys(schema.times.columns, "time")
    uses |= {column.name: "known ahead" for column in schema.known}
    uses |= {schema.series: "series"} if schema.series is not None else {}
    uses |= {config.split.column: "split"} if config.split.column is not None else {}
    return {
        "source": {"name": table.name, "source": table.source, "rows": len(table), "how": table.how},
        "columns": [
            {
                "name": name,
                "kind": uses.get(name, "not used"),
                "reason": "",
                "missing": table.frame[name].null_count() / max(1, len(table)),
                "values": table.frame[name].drop_nulls().n_unique(),
                "summary": "",
            }
            for name in table.columns
        ],
        "split": {
            "method": config.split.method,
            "given": config.split.method in ("column", "files"),
            "note": prepared.note,
            "rows": {**rows, "ignored": len(prepared.role) - sum(rows.values())},
            "times": {part: stretch(prepared, part) for part in PARTS},
        },
        "network": {
            "kind": config.forecast.network,
            "lines": network.describe(),
            "parameters": network.parameter_count * network.members,
            "members": network.members,
            "member_weights": None,
            "best_epoch": history.best_epoch,
            "epochs": history.epochs,
            "stopped": history.stopped,
        },
    }
