"""``netwright train``: the whole way, from data to a run folder."""

from __future__ import annotations

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
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Go the whole way, from data to a trained network.

    Reads, checks, splits, trains, evaluates and documents; leaves a run folder.

    Example: netwright train adult.csv.gz --target income --split-column split
    """
    with Screen() as screen:
        screen.stage("starting")
        from netwright.pipeline.train import train as go

        made = config_of(
            target,
            config,
            changes,
            split_column=split_column,
            group=group,
            time=time,
            horizon=horizon,
            lookback=lookback,
            series=series,
            validation=validation,
            test=test,
            out=out,
            overwrite=overwrite or None,
            effort=effort,
            epochs=epochs,
            time_limit=time_limit,
            members=members,
            sensitive=sensitive,
            positive=positive,
            seed=seed,
            start_from=start_from,
            pretrained=pretrained,
            device=device,
            preflight=False if no_preflight else None,
            repair=repair or None,
        )
        folder = go(made, data, screen, began=context.obj)
    from netwright.cli.summary import show_run

    show_run(folder, as_json=as_json)
