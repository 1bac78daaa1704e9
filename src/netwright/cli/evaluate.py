"""``netwright evaluate``: all metrics on labelled data."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from netwright.cli.options import DATA_HELP, Debug, Json, RunFolder
from netwright.cli.output import counted, say, show, show_json, table


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

    model = load_model(run)
    rows, findings = read_for(model, data)
    labelled, truth = model.labelled(rows)
    if len(labelled) < len(rows):
        say(f"{counted(len(rows) - len(labelled), 'row')} without a target left out")
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


def _text(rows: int, targets: list[str], scores: dict[str, Any], classes: dict[str, dict[str, Any]]) -> str:
    from netwright.report.words import metric_name, number

    lines = [["", "score"], *([metric_name(name), number(value)] for name, value in scores.items())]
    blocks = [f"{', '.join(targets)} on {counted(rows, 'row')}", table(lines)]
    if classes:
        heads = list(next(iter(classes.values())))
        body = [[name, *(number(each[head]) for head in heads)] for name, each in classes.items()]
        blocks.append(table([["class", *map(metric_name, heads)], *body]))
    return "\n\n".join(blocks)
