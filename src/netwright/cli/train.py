"""``netwright train``: the whole way, from data to a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
    Horizon,
    Json,
    Lookback,
    Members,
    NoPreflight,
    Out,
    Overwrite,
    Positive,
    Pretrained,
    Repair,
    Seed,
    Sensitive,
    Series,
    SplitColumn,
    StartFrom,
    Target,
    Test,
    Time,
    TimeLimit,
    Validation,
    config_of,
)
from netwright.cli.screen import Screen

Resume = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Go on with the training in this folder that was broken off."),
]
NAMES = {"start_from": "--from", "preflight": "--no-preflight"}  # options named unlike their settings


def train(
    context: typer.Context,
    data: DataOrConfig = None,
    target: Target = None,
    config: ConfigFile = None,
    changes: Changes = None,
    split_column: SplitColumn = None,
    group: Group = None,
    time: Time = None,
    horizon: Horizon = None,
    lookback: Lookback = None,
    series: Series = None,
    validation: Validation = None,
    test: Test = None,
    out: Out = None,
    overwrite: Overwrite = False,
    effort: Effort = None,
    epochs: Epochs = None,
    time_limit: TimeLimit = None,
    members: Members = None,
    sensitive: Sensitive = None,
    positive: Positive = None,
    seed: Seed = None,
    start_from: StartFrom = None,
    pretrained: Pretrained = None,
    device: Device = None,
    no_preflight: NoPreflight = False,
    repair: Repair = False,
    resume: Resume = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Go the whole way, from data to a trained network.

    Reads, checks, splits, trains, evaluates and documents; leaves a run folder. A training that was killed
    goes on with --resume, to the same weights.

    Example: netwright train adult.csv.gz --target income --split-column split
    """
    with Screen() as screen:
        screen.stage("starting")
        from netwright.pipeline.train import train as go

        settings = {
            "split_column": split_column,
            "group": group,
            "time": time,
            "horizon": horizon,
            "lookback": lookback,
            "series": series,
            "validation": validation,
            "test": test,
            "out": out,
            "overwrite": overwrite or None,
            "effort": effort,
            "epochs": epochs,
            "time_limit": time_limit,
            "members": members,
            "sensitive": sensitive,
            "positive": positive,
            "seed": seed,
            "start_from": start_from,
            "pretrained": pretrained,
            "device": device,
            "preflight": False if no_preflight else None,
            "repair": repair or None,
        }
        if resume is None:
            folder = go(config_of(target, config, changes, **settings), data, screen, began=context.obj)
        else:
            others = {"target": target, "config": config, "set": changes, **settings}
            folder = _resume(resume, others, data, screen, context.obj)
    from netwright.cli.summary import show_run

    show_run(folder, as_json=as_json)


def _resume(
    folder: Path, given: dict[str, Any], data: str | None, screen: Screen, began: float | None
) -> Path:
    """Goes on with a training that was broken off; leaves a finished run as it is."""
    from netwright.pipeline.resume import ALLOWED, is_finished, settings_of
    from netwright.pipeline.train import train as go

    given = {name: value for name, value in given.items() if value not in (None, [])}
    if is_finished(folder):
        screen.display.message(f"the run in {folder} is finished: there is nothing to go on with")
        return folder
    names = [NAMES.get(name, f"--{name.replace('_', '-')}") for name in given]
    own = {name: given[name] for name in ALLOWED if name in given}
    return go(config_of(None, settings_of(folder, names), None, **own), data, screen, began, resume=True)
