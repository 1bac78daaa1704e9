"""``netwright doctor``: what was wrong with a run, and what is known of each symptom."""

from __future__ import annotations

import json
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
    repair: Annotated[
        bool, typer.Option("--repair", help="Train the run again, and repair what is proven to get better.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the repaired run; RUN-repaired without.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say what was wrong with a training, repair it, or explain a symptom.

    Example: netwright doctor runs/adult-20260131-120000
    """
    if repair and run is None:
        raise InputError("--repair needs the folder of a run", hint="netwright doctor RUN --repair")
    if out is not None and not repair:
        raise InputError("--out is for --repair", hint="netwright doctor RUN --repair --out DIR")
    given = [run is not None, listing, explain is not None]
    if sum(given) != 1:
        raise InputError(
            "the doctor does one thing at a time"
            if any(given)
            else "the doctor was given nothing to look at",
            hint="netwright doctor RUN, or --list, or --explain ID",
        )
    if repair and run is not None:
        _repair(run, out, as_json=as_json)
    elif run is not None:
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


def _folder(run: Path) -> Path:
    """A run's own folder, or that of a study's winner."""
    return run / "best" if (run / "study.json").is_file() else run


def _of(run: Path) -> Examination:
    """What the doctor said of a run, or of a study's winner."""
    from netwright.doctor.diagnosis import Examination

    folder = _folder(run)
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


def _repair(run: Path, out: Path | None, *, as_json: bool) -> None:
    """Trains a run again with repairs, into a folder of its own, and shows both scores."""
    from netwright.cli.options import config_of
    from netwright.cli.screen import Screen
    from netwright.doctor.words import NOTHING_TRIED, tried

    folder = _folder(run)
    if not (folder / "metrics.json").is_file() or not (folder / "config.yaml").is_file():
        raise InputError("this is not the folder of a finished run", where=str(run))
    made = out or run.resolve().with_name(f"{run.resolve().name}-repaired")
    with Screen() as screen:
        screen.stage("starting")
        from netwright.pipeline.train import train

        config = config_of(None, folder / "config.yaml", None, repair=True, out=made)
        train(config, None, screen)
    repairs = _of(made).repairs or []
    before, after = _scores(folder), _scores(made)
    if as_json:
        told = [each.as_dict() for each in repairs]
        show_json({"run": made, "of": folder, "before": before, "after": after, "repairs": told})
        return
    lines = [f"  {tried(each)}" for each in repairs]
    figures = [f"  {name:22} {before[name]:10.4f} {after[name]:10.4f}" for name in before if name in after]
    show(
        "\n".join(
            [
                *(["Repairs:", *lines] if lines else [NOTHING_TRIED]),
                "",
                f"  {'on test rows':22} {'before':>10} {'after':>10}",
                *figures,
                "",
                f"The repaired run: {made}",
            ]
        )
    )


def _scores(folder: Path) -> dict[str, float]:
    """Of the test rows, by name."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return {name: value for name, value in metrics["test"].items() if isinstance(value, int | float)}


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
