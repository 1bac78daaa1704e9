"""``netwright tune``: searches settings; the best become a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

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
    Sensitive,
    SplitColumn,
    Target,
    Test,
    Time,
    TimeLimit,
    Validation,
    config_of,
)
from netwright.cli.trials import TrialsScreen

Trials = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Networks to try; 32, or what --time-limit allows.")
]
Folds = Annotated[
    int | None, typer.Option(metavar="K", min=2, help="Score each trial by K folds, not by validation rows.")
]
SearchBy = Annotated[
    Literal["random", "grid", "tpe", "gp", "cmaes"] | None,
    typer.Option("--search", help="How the next trials are chosen; tpe unless given."),
]
SpaceFile = Annotated[
    Path | None,
    typer.Option("--space", metavar="FILE", help="YAML of config keys with their ranges or lists of values."),
]
Prune = Annotated[
    Literal["none", "halving", "hyperband"] | None, typer.Option(help="Which trials end early.")
]
Ensemble = Annotated[
    int | None, typer.Option(metavar="N", min=1, max=256, help="Average the N best trials of one shape.")
]
Storage = Annotated[
    str | None, typer.Option(metavar="URL", help="Optuna storage; study.db in the folder unless given.")
]
Resume = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Go on with the study in this folder; DATA is known.")
]


def tune(
    context: typer.Context,
    data: DataOrConfig = None,
    target: Target = None,
    trials: Trials = None,
    folds: Folds = None,
    search: SearchBy = None,
    space: SpaceFile = None,
    prune: Prune = None,
    ensemble: Ensemble = None,
    storage: Storage = None,
    resume: Resume = None,
    config: ConfigFile = None,
    changes: Changes = None,
    split_column: SplitColumn = None,
    group: Group = None,
    time: Time = None,
    validation: Validation = None,
    test: Test = None,
    out: Out = None,
    overwrite: Overwrite = False,
    effort: Effort = None,
    epochs: Epochs = None,
    time_limit: TimeLimit = None,
    sensitive: Sensitive = None,
    positive: Positive = None,
    seed: Seed = None,
    device: Device = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Search settings; the best become a run.

    Trials train together, are scored on validation rows or folds, and the winner is scored once on test
    rows. Ctrl-C ends the search and keeps what it found; --resume goes on.

    Example: netwright tune adult.csv.gz --target income --split-column split --time-limit 600
    """
    with TrialsScreen() as screen:
        screen.stage("starting")
        from netwright.errors import InputError
        from netwright.tuning.files import settings_of
        from netwright.tuning.spaces import load_space
        from netwright.tuning.tune import tune as go

        if resume is not None and out is not None:
            raise InputError("--resume names the folder already", where="--out", hint="give one of them")
        given: dict[str, Any] = {
            "tune.trials": trials,
            "tune.folds": folds,
            "tune.search": search,
            "tune.space": None if space is None else load_space(space),
            "tune.prune": prune,
            "tune.ensemble": ensemble,
            "tune.storage": storage,
        }
        made = config_of(
            target,
            settings_of(resume) if resume is not None and config is None else config,
            changes,
            split_column=split_column,
            group=group,
            time=time,
            validation=validation,
            test=test,
            out=out,
            overwrite=overwrite or None,
            effort=effort,
            epochs=epochs,
            time_limit=time_limit,
            sensitive=sensitive,
            positive=positive,
            seed=seed,
            device=device,
            **given,
        )
        folder = go(made, data, screen, began=context.obj, resume=resume)
    from netwright.cli.trials import show_study

    show_study(folder, as_json=as_json)
