"""The wording that findings share: counts, shares and lists of names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netwright.data.table import Table


def count(number: int, noun: str) -> str:
    """A number and its noun, in the plural where it needs one.

    Example:
        >>> count(1, "row"), count(2500, "row")
        ('1 row', '2,500 rows')
    """
    if number == 1:
        return f"1 {noun}"
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {plural}"


def percent(share: float) -> str:
    """A share of 1 as a percentage that does not round to 0 or 100 unless it is.

    Example:
        >>> percent(0.5), percent(0.0004), percent(0.9999)
        ('50 %', '0.04 %', '99.99 %')
    """
    for digits in (2 if share < 0.1 else 3, 4, 5):
        text = f"{100 * share:.{digits}g}"
        if share in (0.0, 1.0) or 0.0 < float(text) < 100.0:
            return f"{text} %"
    return "nearly 0 %" if share < 0.5 else "nearly 100 %"


def listed(parts: Sequence[str], *, most: int = 5) -> str:
    """Parts of a sentence with commas, the last ones counted where there are many.

    Example:
        >>> listed(["a", "b", "c"], most=2)
        'a, b and 1 more'
    """
    if len(parts) <= most:
        return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)
    return f"{', '.join(parts[:most])} and {len(parts) - most:,} more"


def names(columns: Sequence[str], *, most: int = 5) -> str:
    """Names of columns, in quotes."""
    return listed([repr(column) for column in columns], most=most)


def figure(value: float) -> str:
    """A number as short as it can be said.

    Example:
        >>> figure(1234567.0), figure(0.12345678)
        ('1,234,567', '0.1235')
    """
    if 1e3 <= abs(value) < 1e12:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def example_rows(table: Table, rows: np.ndarray, *, most: int = 5) -> list[int]:
    """The numbers, in the source, of the first few of `rows` ([n] indices or [N] bool)."""
    return table.rows[rows][:most].tolist()
