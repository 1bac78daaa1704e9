"""``netwright init``: a commented config to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netwright.cli.options import (
    DATA_HELP,
    Changes,
    Debug,
    Group,
    Json,
    Overwrite,
    Positive,
    SplitColumn,
    Target,
    Time,
    config_of,
)
from netwright.cli.output import say, show, show_json
from netwright.cli.screen import Screen
from netwright.errors import InputError


def init(
    data: Annotated[str | None, typer.Argument(metavar="DATA", help=DATA_HELP)] = None,
    target: Target = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write; stdout unless given."),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of configs instead, for editors.")
    ] = False,
    changes: Changes = None,
    split_column: SplitColumn = None,
    group: Group = None,
    time: Time = None,
    positive: Positive = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a commented config to start from.

    Example: netwright init titanic.csv --target Survived -o run.yaml
    """
    if schema:
        return _show_schema()
    if data is None:
        raise InputError("no data was given", hint="netwright init DATA --target T")
    if output is not None and output.exists() and not overwrite:
        raise InputError("the file exists", where=str(output), hint="give another -o, or --overwrite")
    with Screen() as screen:
        screen.stage("starting")
        from netwright.cli.commented import commented
        from netwright.files import write_text
        from netwright.pipeline.prepare import prepare

        made = config_of(
            target, None, changes, split_column=split_column, group=group, time=time, positive=positive
        )
        prepared = prepare(made, data, screen)
        prepared.config.data.missing = made.data.missing  # "auto" reads better than its forty words
    reasons = {f"data.kinds.{column.name}": column.reason for column in prepared.schema.columns}
    text = commented(prepared.config, reasons)
    if output is not None:
        write_text(output, text)
        say(f"{output} is written; start with: netwright train --config {output}")
    if as_json:
        show_json({"file": output, "config": prepared.config.model_dump(mode="json")})
    elif output is None:
        show(text.rstrip("\n"))
    return None


def _show_schema() -> None:
    import json

    from netwright.config import Config

    show(json.dumps(Config.model_json_schema(), indent=2, ensure_ascii=False))
