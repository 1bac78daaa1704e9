"""``netwright evaluate``: all metrics on labelled data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from netwright.cli.options import DATA_HELP, Debug, Json, RunFolder
from netwright.cli.output import counted, say, show, show_json, table

if TYPE_CHECKING:
    from netwright.data.table import Table
    from netwright.runs.forecast import ForecastModel


def evaluate(
    run: RunFolder,
    data: Annotated[str, typer.Argument(metavar="DATA", help=DATA_HELP)],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Score a trained network on labelled data.

    Example: netwright evaluate runs/adult-20260131-120000 new.csv
    """
    from netwright.cli.model import as_dicts, load_model, read_for
    from netwright.evaluate.metrics import per_class, score
    from netwright.runs.forecast import ForecastModel

    model = load_model(run)
    rows, findings = read_for(model, data)
    if isinstance(model, ForecastModel):
        _show_forecast(model, rows, as_json=as_json)
        return
    labelled, truth = model.labelled(rows)
    if len(labelled) < len(rows):
        alone = len(model.schema.inputs) == 1 and model.schema.inputs[0].name in rows.media
        lacking = "a target or a readable file" if alone else "a target"
        say(f"{counted(len(rows) - len(labelled), 'row')} without {lacking} left out")
    output = model.outputs(labelled)
    target = model.schema.target
    scores = score(target.task, truth, output, threshold=model.threshold)
    names = target.columns if target.task == "multilabel" else target.classes
    classes = per_class(truth, output, names, model.threshold) if target.task != "regression" else {}
    if as_json:
        result = {"rows": len(labelled), "task": target.task, "target": target.columns, "metrics": scores}
        show_json({**result, "per_class": classes, "findings": as_dicts(findings)})
    else:
        show(_text(len(labelled), target.columns, scores, classes))


def _show_forecast(model: ForecastModel, rows: Table, *, as_json: bool) -> None:
    """The scores of all forecasts that can be judged, beside the seasonal-naive ones."""
    from netwright.report.words import metric_name, number

    scores, naive, windows = model.judge(rows)
    targets = model.schema.targets
    if as_json:
        result = {"rows": len(rows), "windows": windows, "task": "forecast", "target": targets}
        show_json({**result, "metrics": scores, "baseline": {"seasonal_naive": naive}})
        return
    plain = {name: value for name, value in scores.items() if name != "targets"}
    lines = [["", "score", "seasonal-naive"]]
    lines += [[metric_name(name), number(value), number(naive.get(name))] for name, value in plain.items()]
    of = f"{', '.join(targets)}, {model.schema.horizon:,} steps ahead, {counted(windows, 'window')}"
    show(f"{of}\n\n{table(lines)}")


def _text(rows: int, targets: list[str], scores: dict[str, Any], classes: dict[str, dict[str, Any]]) -> str:
    from netwright.report.words import metric_name, number

    lines = [["", "score"], *([metric_name(name), number(value)] for name, value in scores.items())]
    blocks = [f"{', '.join(targets)} on {counted(rows, 'row')}", table(lines)]
    if classes:
        heads = list(next(iter(classes.values())))
        body = [[name, *(number(each[head]) for head in heads)] for name, each in classes.items()]
        blocks.append(table([["class", *map(metric_name, heads)], *body]))
    return "\n\n".join(blocks)
