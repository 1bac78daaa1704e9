"""``netwright doctor``: what was wrong with a run, and what is known of each symptom."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netwright.cli.options import Debug, Json
from netwright.cli.output import show, show_json, width_of
from netwright.errors import InputError, suggestion

if TYPE_CHECKING:
    from netwright.doctor.diagnosis import Examination


def doctor(
    run: Annotated[Path | None, typer.Argument(metavar="[RUN]", help="Folder of a run.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="All symptoms that are looked for.")] = False,
    explain: Annotated[
        str | None, typer.Option(metavar="ID", help="What a symptom is, how it looks, why, and what to do.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say what was wrong with a training, or explain a symptom.

    Example: netwright doctor runs/adult-20260131-120000
    """
    given = [run is not None, listing, explain is not None]
    if sum(given) != 1:
        raise InputError(
            "the doctor does one thing at a time"
            if any(given)
            else "the doctor was given nothing to look at",
            hint="netwright doctor RUN, or --list, or --explain ID",
        )
    if run is not None:
        examination = _of(run)
        if as_json:
            show_json({"run": run, **examination.as_dict()})
        else:
            from netwright.doctor.words import told

            show(told(examination, width_of(sys.stdout)))
    elif explain is not None:
        _explain(explain, as_json=as_json)
    else:
        _list(as_json=as_json)


def _of(run: Path) -> Examination:
    """What the doctor said of a run, or of a study's winner."""
    from netwright.doctor.diagnosis import Examination

    folder = run / "best" if (run / "study.json").is_file() else run
    path = folder / "diagnoses.json"
    if path.is_file():
        return Examination.read(path)
    if not (folder / "metrics.json").is_file():
        raise InputError("this is not the folder of a finished run", where=str(run))
    raise InputError(
        "no doctor looked at this run: it has no diagnoses.json",
        where=str(run),
        hint="it was trained without (doctor.watch), by an older version, or by a command that has none; "
        "train again",
    )


def _explain(id: str, *, as_json: bool) -> None:
    from netwright.doctor.catalogue import SYMPTOMS
    from netwright.doctor.words import explained

    symptom = SYMPTOMS.get(id.replace("-", "_").casefold())
    if symptom is None:
        raise InputError(f"no symptom {id!r}", where="--explain", hint=suggestion(id, SYMPTOMS))
    if as_json:
        show_json({"symptom": asdict(symptom)})
    else:
        show(explained(symptom, width_of(sys.stdout)))


def _list(*, as_json: bool) -> None:
    from netwright.doctor import words
    from netwright.doctor.catalogue import SYMPTOMS

    if as_json:
        show_json({"symptoms": [asdict(each) for each in SYMPTOMS.values()]})
    else:
        show(f"{words.catalogue()}\n\nMore of one: {words.explaining('ID')}")
