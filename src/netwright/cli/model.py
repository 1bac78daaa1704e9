"""The model behind a RUN argument, and what it says of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.cli.findings import lines
from netwright.cli.output import say

if TYPE_CHECKING:
    from netwright.data.finding import Finding
    from netwright.data.table import Table
    from netwright.runs.forecast import ForecastModel
    from netwright.runs.model import TableModel


def load_model(folder: Path) -> TableModel | ForecastModel:
    """The model of a run, of a study's winner, or one that was saved alone.

    Raises:
        InputError: the folder holds neither, or is damaged.
    """
    from netwright.api import load
    from netwright.errors import InputError
    from netwright.runs.forecast import ForecastModel
    from netwright.runs.model import TableModel
    from netwright.runs.run import Run
    from netwright.tuning.study import Study

    loaded = load(folder)
    if isinstance(loaded, Study):
        loaded = loaded.best_run
    model = loaded.model if isinstance(loaded, Run) else loaded
    if not isinstance(model, TableModel | ForecastModel):
        raise InputError(
            "this is a model of layers by hand, which takes arrays and not tables",
            where=str(folder),
            hint="use it in Python: nw.load(folder).predict(x)",
        )
    return model


def read_for(model: TableModel | ForecastModel, data: str) -> tuple[Table, list[Finding]]:
    """A table for a model, and what was noticed about it, which is said on stderr too.

    Raises:
        InputError: it cannot be read, or does not fit the model.
    """
    from netwright.runs.model import TableModel, check_columns

    table = model.read(data)
    findings = list(table.findings)
    if isinstance(model, TableModel):
        findings += check_columns(table, model.schema)
    for each in findings:
        say(lines(each, None, indent=""))
    return table, findings


def as_dicts(findings: list[Finding]) -> list[dict[str, Any]]:
    """Findings as plain values."""
    return [each.as_dict() for each in findings]
