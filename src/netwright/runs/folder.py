"""Where a run lies."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

from netwright.errors import InputError

FILES = (
    "config.yaml",
    "metrics.json",
    "history.csv",
    "predictions.csv",
    "out_of_fold.csv",
    "learning_curve.csv",
    "learning_curve.png",
    "findings.json",
    "diagnoses.json",
    "evaluation.json",
    "report.html",
    "model_card.md",
    "log.txt",
)
FOLDERS = ("model", "examples")
UNFINISHED = "unfinished"  # inside a run's folder: what a training that is broken off goes on from
SETTINGS = "settings.yaml"  # in it, from its beginning to its end


def make_folder(wanted: str | None, name: str, *, overwrite: bool = False) -> Path:
    """The folder of a new run, made and known to be writable. A run that lies there is left as it is.

    Arguments:
        wanted: as the user gave it; runs/NAME-DATE-TIME when None.
        name: the data's name.
        overwrite: whether a run that lies there already may be replaced.

    Raises:
        InputError: it exists and is not empty, is no folder, or cannot be written.
    """
    folder = Path(wanted) if wanted else _fresh(Path("runs"), name)
    if folder.exists() and not folder.is_dir():
        raise InputError("the output folder is a file", where=str(folder), hint="give another --out")
    if folder.exists() and any(folder.iterdir()):
        if not overwrite:
            hint = "give another --out, or --overwrite"
            if is_unfinished(folder):
                hint = f"it holds an unfinished training: --resume {folder} goes on with it; or {hint}"
            raise InputError("the output folder is not empty", where=str(folder), hint=hint)
        if not is_run(folder) and not (folder / UNFINISHED).is_dir():
            raise InputError(
                "--overwrite replaces only runs, and this folder holds something else",
                where=str(folder),
                hint="give another --out",
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the output folder cannot be made: {error.strerror}",
            where=str(folder),
            hint="give another --out",
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError("the output folder cannot be written", where=str(folder), hint="give another --out")
    return folder


def is_run(folder: Path) -> bool:
    return (folder / "config.yaml").is_file() and (folder / "log.txt").is_file()


def is_unfinished(folder: Path) -> bool:
    """Whether the folder holds a training that was broken off, or one that goes on just now."""
    return (folder / UNFINISHED / SETTINGS).is_file()


def clear_folder(folder: Path, *, unfinished: bool = True) -> None:
    """Removes what a run leaves, and nothing else; of an unfinished training only where that is said."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    if unfinished:
        drop_unfinished(folder)


def drop_unfinished(folder: Path) -> None:
    """Removes what a training goes on from; at no moment does a part of it look like the whole."""
    (folder / UNFINISHED / SETTINGS).unlink(missing_ok=True)
    shutil.rmtree(folder / UNFINISHED, ignore_errors=True)


def drop_folder(folder: Path) -> None:
    """Removes the folder of a run that left nothing in it, and then an empty runs/ above it."""
    for each in (folder, Path("runs")):
        if each.is_dir() and not any(each.iterdir()):
            each.rmdir()


def _fresh(parent: Path, name: str) -> Path:
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = parent / f"{name}-{stamp}"
    number = 2
    while folder.exists():
        folder = parent / f"{name}-{stamp}-{number}"
        number += 1
    return folder
