"""``netwright check``: what is in the data, and what is wrong with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from netwright.cli.findings import SEVERITIES, headline, lines
from netwright.cli.options import (
    Changes,
    ConfigFile,
    DataOrConfig,
    Debug,
    Group,
    Json,
    Positive,
    Seed,
    Sensitive,
    SplitColumn,
    Target,
    Test,
    Time,
    Validation,
    config_of,
)
from netwright.cli.output import counted, paragraph, show, show_json, table, width_of
from netwright.cli.screen import Screen

if TYPE_CHECKING:
    from netwright.pipeline.prepare import Prepared

MOST_COLUMNS = 200


def check(
    data: DataOrConfig = None,
    target: Target = None,
    config: ConfigFile = None,
    changes: Changes = None,
    split_column: SplitColumn = None,
    group: Group = None,
    time: Time = None,
    validation: Validation = None,
    test: Test = None,
    sensitive: Sensitive = None,
    positive: Positive = None,
    seed: Seed = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell what is in the data and what is wrong with it.

    Example: netwright check titanic.csv --target Survived
    """
    with Screen(list_findings=False) as screen:
        screen.stage("starting")
        from netwright.pipeline.prepare import prepare

        made = config_of(
            target,
            config,
            changes,
            split_column=split_column,
            group=group,
            time=time,
            validation=validation,
            test=test,
            sensitive=sensitive,
            positive=positive,
            seed=seed,
        )
        prepared = prepare(made, data, screen)
    if as_json:
        show_json(as_dict(prepared))
    else:
        show(as_text(prepared, width_of(sys.stdout)))


def as_dict(prepared: Prepared) -> dict[str, Any]:
    """Findings, columns, target and split as plain values."""
    target, split = prepared.schema.target, prepared.split
    return {
        "source": prepared.table.source,
        "target": target.model_dump(mode="json"),
        "findings": [each.as_dict() for each in prepared.findings],
        "columns": columns_of(prepared),
        "split": {
            "method": split.method,
            "given": split.given,
            "note": split.note,
            "rows": rows_of(prepared),
        },
    }


def columns_of(prepared: Prepared) -> list[dict[str, Any]]:
    """Name, kind, missing cells, different values, and why that kind, of each column."""
    frame = prepared.table.frame
    return [
        {
            "name": column.name,
            "kind": column.kind,
            "missing": frame[column.name].null_count(),
            "values": column.values,
            "reason": column.reason,
        }
        for column in prepared.schema.columns
    ]


def rows_of(prepared: Prepared) -> dict[str, int]:
    """How many rows play which part."""
    split = prepared.split
    rows = {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)}
    return {**rows, "ignored": len(prepared.table) - sum(rows.values())}


def as_text(prepared: Prepared, width: int | None) -> str:
    """The same to be read."""
    target = prepared.schema.target
    task = f"{target.task} target {', '.join(target.columns)}"
    if target.positive is not None:
        task += f", positive class {target.positive}"
    about = f"{prepared.table.source}: {counted(len(prepared.table), 'row')}, {task}"
    rows = rows_of(prepared)
    parts = ", ".join(f"{part} {count:,}" for part, count in rows.items() if count or part != "ignored")
    split = f"split: {parts}\n{paragraph(prepared.split.note, width, '  ')}"
    return "\n\n".join([about, *_findings(prepared, width), _columns(prepared), split])


def _findings(prepared: Prepared, width: int | None) -> list[str]:
    findings = prepared.findings
    blocks = [f"found: {headline(findings)}"]
    for severity in SEVERITIES:
        group = [lines(each, width) for each in findings if each.severity == severity]
        if group:
            blocks.append("\n".join(group))
    return blocks


def _columns(prepared: Prepared) -> str:
    columns = columns_of(prepared)
    rows = [["column", "kind", "missing", "values", "why"]]
    rows += [
        [str(each["name"]), each["kind"], f"{each['missing']:,}", f"{each['values']:,}", each["reason"]]
        for each in columns[:MOST_COLUMNS]
    ]
    text = table(rows, numbers=False)
    more = len(columns) - MOST_COLUMNS
    return f"{text}\n  ... and {more:,} more: --json tells all" if more > 0 else text
