"""Fingerprints of the rows that a training is made of, so that it goes on with the same ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from netwright.data.table import Table

MOST_NAMED = 3


def fingerprint(table: Table, roles: np.ndarray) -> dict[str, Any]:
    """What tells rows from others: how many there are, and numbers for each column's values and the split.

    The numbers are good for one version of Polars. Pictures, sounds and series count by what is in them.

    Arguments:
        table: the rows.
        roles: of the rows, or of the steps of a forecast. [N]

    Example:
        >>> rows = Table(pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "rows", "rows.csv")
        >>> roles = np.array([0, 1])
        >>> known = fingerprint(rows, roles)
        >>> changed = Table(pl.DataFrame({"a": [1, 2], "b": ["y", "x"]}), "rows", "rows.csv")
        >>> difference(known, fingerprint(rows, roles)), difference(known, fingerprint(changed, roles))
        ('', "the values of the column 'b'")
    """
    columns = [series for series in table.comparable if series.dtype != pl.Object]
    return {
        "polars": pl.__version__,
        "rows": len(table),
        "names": table.columns,
        "columns": {series.name: _number(series) for series in columns},
        "split": _number(pl.Series(roles)),
    }


def difference(known: dict[str, Any], now: dict[str, Any]) -> str:
    """In which way rows differ from those before, in words; empty where they do not."""
    if now["names"] != known["names"]:
        gone = [name for name in known["names"] if name not in now["names"]]
        new = [name for name in now["names"] if name not in known["names"]]
        if gone or new:
            told = [f"without {_listed(gone)}"] if gone else []
            return "the columns: " + " and ".join([*told, f"with {_listed(new)}"] if new else told)
        return "the order of the columns"
    if now["rows"] != known["rows"]:
        return f"the number of rows: {known['rows']:,} then, {now['rows']:,} now"
    if now["polars"] != known["polars"]:
        return ""  # the numbers say nothing
    changed = [name for name, number in now["columns"].items() if known["columns"].get(name) != number]
    if changed:
        return f"the values of the column{'s' if len(changed) > 1 else ''} {_listed(changed)}"
    return "which rows train, validate and test" if now["split"] != known["split"] else ""


def _number(series: pl.Series) -> str:
    """One number for the values in their order."""
    hashes = series.hash(seed=0).to_numpy()
    odd = 2 * np.arange(len(hashes), dtype=np.uint64) + np.uint64(1)
    return f"{int((hashes * odd).sum(dtype=np.uint64)):016x}"


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:MOST_NAMED])
    return shown + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
