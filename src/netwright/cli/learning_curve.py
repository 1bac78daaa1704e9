"""``netwright learning-curve``: would more rows help?"""

from __future__ import annotations

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
    Out,
    Overwrite,
    Positive,
    Seed,
    SplitColumn,
    Target,
    Time,
    TimeLimit,
    Validation,
    config_of,
)
from netwright.cli.output import paragraph, say, show, show_json, table, width_of
from netwright.cli.screen import Screen
from netwright.errors import InputError


def learning_curve(
    context: typer.Context,
    data: DataOrConfig = None,
    target: Target = None,
    fractions: Annotated[
        str | None,
        typer.Option(
            metavar="F,F,...", help="Shares of the training rows; 8 steps by one factor to 1 unless given."
        ),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(metavar="R", min=1, help="Networks of each share; 3 unless given.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which metric; the task's headline unless given.")
    ] = None,
    config: ConfigFile = None,
    changes: Changes = None,
    split_column: SplitColumn = None,
    group: Group = None,
    time: Time = None,
    validation: Validation = None,
    out: Out = None,
    overwrite: Overwrite = False,
    effort: Effort = None,
    epochs: Epochs = None,
    time_limit: TimeLimit = None,
    positive: Positive = None,
    seed: Seed = None,
    device: Device = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Would more rows help? Trains on more and more of the rows, and looks where the score goes.

    All networks train together and are scored on the same validation rows; test rows are left alone.

    Example: netwright learning-curve titanic.csv --target Survived
    """
    with Screen() as screen:
        screen.stage("starting")
        from netwright.pipeline.learning_curve import learning_curve as go

        made = config_of(
            target,
            config,
            changes,
            learning_curve__fractions=None if fractions is None else _numbers(fractions),
            learning_curve__repeats=repeats,
            learning_curve__metric=metric,
            split_column=split_column,
            group=group,
            time=time,
            validation=validation,
            out=out,
            overwrite=overwrite or None,
            effort=effort,
            epochs=epochs,
            time_limit=time_limit,
            positive=positive,
            seed=seed,
            device=device,
        )
        folder = go(made, data, screen, began=context.obj)
    _show(folder, as_json=as_json)


def _numbers(text: str) -> list[float]:
    try:
        return [float(each) for each in text.split(",") if each.strip()]
    except ValueError:
        raise InputError(f"{text!r} is no list of numbers", where="--fractions", hint="0.1,0.3,1") from None


def _show(folder: Path, *, as_json: bool) -> None:
    import sys

    from netwright.report.record import Record
    from netwright.report.words import metric_name, number, share

    record = Record.read(folder)
    metrics = record.metrics
    if as_json:
        show_json({"run": str(folder), "metrics": metrics, "findings": record.findings})
        return
    rows = [["rows", "share", metric_name(metrics["metric"]), "lowest", "highest"]]
    for each in metrics["points"]:
        ends = [number(each[key]) for key in ("mean", "low", "high")]
        rows.append([f"{each['rows']:,}", share(each["fraction"]), *ends])
    say("")
    scored = f"{metrics['rows']['validation']:,} validation rows"
    show(f"{record.title}: {metric_name(metrics['metric'])} on {scored}")
    show(table(rows))
    show("")
    for words in metrics["answer"]:
        show(paragraph(words, width_of(sys.stdout)))
    show("")
    for name, text in {
        "training": f"{metrics['members']} networks; {metrics['seconds']['total']:.1f} s in all",
        "picture": folder / "learning_curve.png",
        "report": folder / "report.html",
    }.items():
        show(f"{name:<10}{text}")
