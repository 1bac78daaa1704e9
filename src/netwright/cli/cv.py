"""``netwright cv``: cross-validation, all folds trained together."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from netwright.cli.options import (
    Changes,
    ConfigFile,
    DataOrConfig,
    Debug,
    Device,
    Effort,
    Epochs,
    Group,
    Json,
    Members,
    Out,
    Overwrite,
    Positive,
    Seed,
    SplitColumn,
    Target,
    Test,
    Time,
    TimeLimit,
    config_of,
)
from netwright.cli.output import say, show, show_json, table, width_of
from netwright.cli.screen import Screen


def cv(
    context: typer.Context,
    data: DataOrConfig = None,
    target: Target = None,
    folds: Annotated[
        int | None, typer.Option(metavar="K", help="Parts of the rows, each scored once; 5 unless given.")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(metavar="R", min=1, help="Divide the rows anew so often; 1 unless given.")
    ] = None,
    config: ConfigFile = None,
    changes: Changes = None,
    split_column: SplitColumn = None,
    group: Group = None,
    time: Time = None,
    test: Test = None,
    out: Out = None,
    overwrite: Overwrite = False,
    effort: Effort = None,
    epochs: Epochs = None,
    time_limit: TimeLimit = None,
    members: Members = None,
    positive: Positive = None,
    seed: Seed = None,
    device: Device = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Cross-validate: score every row by networks that have not seen it.

    All folds train together; their networks are kept as one that averages them.

    Example: netwright cv titanic.csv --target Survived --folds 5 --repeats 3
    """
    with Screen() as screen:
        screen.stage("starting")
        from netwright.pipeline.cv import cross_validate

        made = config_of(
            target,
            config,
            changes,
            cv__folds=folds,
            cv__repeats=repeats,
            split_column=split_column,
            group=group,
            time=time,
            test=test,
            out=out,
            overwrite=overwrite or None,
            effort=effort,
            epochs=epochs,
            time_limit=time_limit,
            members=members,
            positive=positive,
            seed=seed,
            device=device,
        )
        folder = cross_validate(made, data, screen, began=context.obj)
    _show(folder, as_json=as_json)


def _show(folder: Path, *, as_json: bool) -> None:
    from netwright.report.record import Record

    record = Record.read(folder)
    if as_json:
        show_json({"run": str(folder), "metrics": record.metrics, "findings": record.findings})
        return
    from netwright.cli.summary import MAIN_METRICS, WIDTH, noticed
    from netwright.report.folds import left_out_sentence, spread, told_folds, verdict_sentence
    from netwright.report.words import BASELINES, TASKS, metric_name, number, shortened

    metrics = record.metrics
    names = MAIN_METRICS[record.task]
    deviations = metrics.get("baseline_deviation") or {}
    rows = [["", *map(metric_name, names)]]
    rows.append(["network", *(spread(metrics["mean"][name], metrics["deviation"][name]) for name in names)])
    for baseline, words in BASELINES.items():
        means, around = record.scores(baseline), deviations.get(baseline, {})
        rows.append([words, *(spread(means.get(name), around.get(name)) for name in names)])
    if record.scores("test"):
        test = record.scores("test")
        rows.append(["ensemble, test rows", *(number(test.get(name)) for name in names)])
    targets = ", ".join(shortened(name, 40) for name in record.targets[:4])
    width = width_of(sys.stdout) or WIDTH
    ending = (record.part("network") or {}).get("stopped")
    cut = f", {ending}" if ending in ("interrupted", "time limit") else ""
    facts = [
        ("training", f"{metrics['members']} networks{cut}; {metrics['seconds']['total']:.1f} s in all"),
        ("data", noticed(record, width - 10)),
        ("run", str(folder)),
        ("report", str(folder / "report.html")),
    ]
    say("")
    show(f"{record.title}: {TASKS.get(record.task, record.task)} of {targets}")
    show(f"{told_folds(record)}, {record.rows('development'):,} rows; mean ± deviation of the folds:\n")
    show(table(rows))
    for words in (verdict_sentence(record), left_out_sentence(record)):
        if words:
            show(f"\n{words}")
    show("\n" + "\n".join(f"{name:<10}{text}" for name, text in facts))
