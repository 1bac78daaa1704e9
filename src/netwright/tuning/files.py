"""What a study's folder holds."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import polars as pl

from netwright.config import Config
from netwright.data.read import name_of
from netwright.errors import InputError
from netwright.runs.folder import make_folder
from netwright.tuning.kept import FOLDER as WEIGHTS
from netwright.tuning.search import Trial

ABOUT, TRIALS, DATABASE, SETTINGS = "study.json", "trials.csv", "study.db", "tune.yaml"
WINNER = "best"  # the winner's run
PAGE = "study.html"


def is_study(folder: Path) -> bool:
    return (folder / ABOUT).is_file() and (folder / SETTINGS).is_file()


def settings_of(folder: str | Path) -> Config:
    """The config of a study that is to go on.

    Raises:
        InputError: there is no study in the folder.
    """
    return Config.load(known_folder(Path(folder)) / SETTINGS)


def known_folder(folder: Path) -> Path:
    """The folder of a study that is to go on."""
    if not is_study(folder):
        hint = "a study's folder holds study.json and tune.yaml"
        raise InputError("there is no study to go on with", where=str(folder), hint=hint)
    return folder


def new_folder(config: Config, source: Any) -> Path:
    """The folder of a new study; what lies there goes only when the study can begin.

    Raises:
        InputError: it exists and is not empty, is no folder, or cannot be written.
    """
    wanted = config.output.folder
    if config.output.overwrite and wanted is not None and is_study(Path(wanted)):
        return Path(wanted)
    name = name_of(config.data.path if source is None else source)
    return make_folder(wanted, f"{name}-tune", overwrite=config.output.overwrite)


def clear_study(folder: Path) -> None:
    """Removes what a study leaves, and nothing else."""
    for name in (ABOUT, TRIALS, DATABASE, SETTINGS, PAGE):
        (folder / name).unlink(missing_ok=True)
    for name in (WINNER, WEIGHTS):
        shutil.rmtree(folder / name, ignore_errors=True)


def trials_table(trials: list[Trial], keys: list[str]) -> pl.DataFrame:
    """The trials as they stand in trials.csv."""
    metrics = list(dict.fromkeys(name for trial in trials for name in trial.metrics))
    columns: dict[str, list[Any]] = {
        "trial": [trial.number for trial in trials],
        "state": [trial.state for trial in trials],
        "score": [trial.score if math.isfinite(trial.score) else None for trial in trials],
        "seconds": [round(trial.seconds, 3) for trial in trials],
    }
    for key in keys:
        columns[key] = [_cell(trial.values[key]) for trial in trials]
    columns["epoch"] = [trial.epoch for trial in trials]
    for name in metrics:
        columns[name] = [trial.metrics.get(name) for trial in trials]
    columns["same_as"] = [trial.same_as for trial in trials]
    columns["note"] = [trial.note or None for trial in trials]
    return pl.DataFrame({name: pl.Series(name, values, strict=False) for name, values in columns.items()})


def _cell(value: Any) -> Any:
    """A value for a cell: numbers as they are, all else as text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return value if isinstance(value, str) else json.dumps(value)
