"""``netwright compare``: scores side by side, and in what the configs differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netwright.cli.options import Debug, Json
from netwright.cli.output import say, show, show_json, table
from netwright.errors import InputError

if TYPE_CHECKING:
    from netwright.report.record import Record

KINDS = "data.kinds."
MOST_KINDS = 8
LONGEST_VALUE = 40
ALIKE = "the configs are alike"
OTHER_ROWS = (
    "note: the runs were scored on different test rows, so their scores are not comparable one to one"
)


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Folders of runs.")],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Put the scores and settings of runs side by side.

    Example: netwright compare runs/adult-1 runs/adult-2
    """
    if len(runs) < 2:
        raise InputError("one run cannot be compared", hint="name two or more")
    from netwright.report.record import Record

    records = [Record.read(run) for run in runs]
    same = _same_test_rows(records)
    if not same:
        say(OTHER_ROWS)
    differences = differing([flat(record.config.model_dump(mode="json")) for record in records])
    if as_json:
        described = [_as_dict(run, record) for run, record in zip(runs, records, strict=True)]
        show_json({"runs": described, "same_test_rows": same, "differences": differences})
    else:
        names = [str(run) for run in runs]
        show(f"{_scores(names, records)}\n\n{_differences(names, differences)}")


def flat(values: dict[str, Any], place: str = "") -> dict[str, Any]:
    """Nested sections as one mapping.

    Example:
        >>> flat({"training": {"epochs": 3, "seed": 0}})
        {'training.epochs': 3, 'training.seed': 0}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        here = f"{place}{key}"
        found |= flat(value, f"{here}.") if isinstance(value, dict) else {here: value}
    return found


def differing(configs: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The keys whose values are not the same everywhere, each with its value in every config.

    Example:
        >>> differing([{"a": 1, "b": 2}, {"a": 1, "b": 3}])
        {'b': [2, 3]}
    """
    keys = dict.fromkeys(key for config in configs for key in config)
    values = {key: [config.get(key) for config in configs] for key in keys}
    return {key: each for key, each in values.items() if any(value != each[0] for value in each)}


def _same_test_rows(records: list[Record]) -> bool:
    """Whether all were scored on the same rows with the same true targets."""
    frames = [record.predictions for record in records]
    wanted = ["row", *records[0].targets]
    if any(frame is None or not set(wanted) <= set(frame.columns) for frame in frames):
        return False
    first, *others = (frame.select(wanted).sort("row") for frame in frames if frame is not None)
    return all(first.equals(other) for other in others)


def _as_dict(run: Path, record: Record) -> dict[str, Any]:
    metrics = record.metrics
    names = ("task", "target", "test", "intervals", "baseline", "parameters", "members", "seconds")
    return {"run": run, "headline": record.headline} | {name: metrics.get(name) for name in names}


def _scores(names: list[str], records: list[Record]) -> str:
    from netwright.cli.summary import MAIN_METRICS
    from netwright.report.words import metric_name, number

    metrics = list(dict.fromkeys(name for record in records for name in MAIN_METRICS[record.task]))
    rows = [["test scores", *map(metric_name, metrics), "parameters", "seconds"]]
    for name, record in zip(names, records, strict=True):
        scores = [number(record.scores("test").get(metric)) for metric in metrics]
        seconds = record.metrics["seconds"]["total"]
        rows.append([name, *scores, number(record.metrics["parameters"]), f"{seconds:.0f}"])
    return table(rows, indent="")


def _differences(names: list[str], differences: dict[str, list[Any]]) -> str:
    if not differences:
        return ALIKE
    kinds = [key for key in differences if key.startswith(KINDS)]
    left_out = set(kinds) if len(kinds) > MOST_KINDS else set()
    rows = [["settings", *(Path(name).name for name in names)]]
    rows += [[key, *map(_short, values)] for key, values in differences.items() if key not in left_out]
    text = table(rows, numbers=False, indent="")
    return f"{text}\nThe kinds of {len(kinds)} columns differ: --json tells them." if left_out else text


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
