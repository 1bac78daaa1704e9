"""Where words go: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import math
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any


def show(text: str) -> None:
    """A line of the result, on stdout."""
    print(text)


def show_json(content: Any) -> None:
    """The result as one JSON object on stdout, null where a number is not finite."""
    print(json.dumps(_finite(content), ensure_ascii=False, allow_nan=False, default=str))


def say(text: str) -> None:
    """A message about how it goes, on stderr."""
    print(text, file=sys.stderr, flush=True)


def table(rows: Iterable[Sequence[str]], *, numbers: bool = True, indent: str = "  ") -> str:
    """Cells in aligned columns, two blanks between them.

    Arguments:
        rows: the cells; the first row holds the headings. [N][C]
        numbers: whether all columns but the first stand to the right.
        indent: what each line begins with.

    Example:
        >>> print(table([["", "RMSE"], ["network", "0.44"]]))
                   RMSE
          network  0.44
    """
    rows = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: list[str]) -> str:
        cells = [
            cell.rjust(width) if numbers and place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return (indent + "  ".join(cells)).rstrip()

    return "\n".join(map(line, rows))


def paragraph(text: str, width: int | None, indent: str = "", hanging: str | None = None) -> str:
    """Text that is broken at a terminal's width; on one line where there is none (width None)."""
    if width is None:
        return indent + text
    hanging = indent if hanging is None else hanging
    lines = textwrap.wrap(
        text,
        max(40, width),
        initial_indent=indent,
        subsequent_indent=hanging,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return "\n".join(lines)


def width_of(stream: Any) -> int | None:
    """Columns of the terminal behind a stream, at most 110; None where it is none."""
    import shutil

    return min(shutil.get_terminal_size().columns, 110) if stream.isatty() else None


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "warning"), counted(1200, "row")
        ('1 warning', '1,200 rows')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {str(key): _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
