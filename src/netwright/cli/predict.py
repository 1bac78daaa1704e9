"""``netwright predict``: predictions as a file, or as CSV on stdout."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netwright.cli.options import DATA_HELP, Debug, Json, Overwrite, RunFolder
from netwright.cli.output import counted, say, show_json
from netwright.errors import InputError, nearest

if TYPE_CHECKING:
    import polars as pl

ENDINGS = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".arrow", ".feather")


def predict(
    run: RunFolder,
    data: Annotated[str, typer.Argument(metavar="DATA", help=DATA_HELP)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help=f"Where to write: {', '.join(ENDINGS)}; CSV on stdout unless given.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Predict the target of each row.

    Example: netwright predict runs/adult-20260131-120000 new.csv -o predictions.parquet
    """
    if output is not None:
        check_output(output, overwrite=overwrite)
    from netwright.cli.model import as_dicts, load_model, read_for
    from netwright.files import write_bytes

    model = load_model(run)
    table, findings = read_for(model, data)
    frame = model.predict_frame(table)
    result = {"rows": frame.height, "columns": frame.columns, "findings": as_dicts(findings)}
    if output is not None:
        write_bytes(output, to_bytes(frame, output.suffix))
        say(f"{counted(frame.height, 'prediction')} written to {output}")
        if as_json:
            show_json({"file": output, **result})
    elif as_json:
        show_json({**result, "predictions": frame.to_dicts()})
    else:
        sys.stdout.write(frame.write_csv())


def check_output(path: Path, *, overwrite: bool) -> None:
    """Holds before the work what would be refused after it.

    Raises:
        InputError: an ending of no known format, or a file that is there already.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        near = nearest(ending, ENDINGS)
        hint = f"use one of {', '.join(ENDINGS)}" + (f"; is {near} meant?" if near and ending else "")
        what = f"the ending {path.suffix!r} names no format" if ending else "a file's ending names its format"
        raise InputError(what, where=f"-o {path}", hint=hint)
    if path.is_dir():
        raise InputError("there is a folder of that name", where=f"-o {path}", hint="give another name")
    if path.exists() and not overwrite:
        raise InputError("the file exists", where=f"-o {path}", hint="give another -o, or --overwrite")


def to_bytes(frame: pl.DataFrame, ending: str) -> bytes:
    """A frame in the format that a file's ending names."""
    buffer = io.BytesIO()
    match ending.lower():
        case ".csv":
            frame.write_csv(buffer)
        case ".tsv":
            frame.write_csv(buffer, separator="\t")
        case ".parquet":
            frame.write_parquet(buffer)
        case ".jsonl" | ".ndjson":
            frame.write_ndjson(buffer)
        case _:
            frame.write_ipc(buffer)
    return buffer.getvalue()
