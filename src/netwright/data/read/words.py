"""Words that mean a missing value, and how they are taken out of text."""

from __future__ import annotations

import polars as pl

from netwright.errors import InputError

MISSING = (
    *("?", "NA", "na", "N/A", "n/a", "<NA>", "#N/A", "#NA", "#N/A N/A"),
    *("NaN", "nan", "NAN", "-NaN", "-nan", "NaT", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
    *("NULL", "Null", "null", "None", "\\N"),
    *("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NAME?"),
)
"""The words that other programs write for a missing value: NumPy, pandas, R, SQL, Excel, the UCI archive."""


def resolve(missing: list[str] | str) -> tuple[str, ...]:
    """The words of a config's `missing`: its own list, or `MISSING` for "auto"."""
    if isinstance(missing, str):
        if missing != "auto":
            raise InputError(
                f"{missing!r} is no list of words", where="data.missing", hint=f'use ["{missing}"]'
            )
        return MISSING
    return tuple(dict.fromkeys(str(word).strip() for word in missing if str(word).strip()))


def take_out(frame: pl.DataFrame, words: tuple[str, ...]) -> tuple[pl.DataFrame, dict[str, dict[str, int]]]:
    """Strips the cells of all text columns and makes empty cells and words for missing null.

    Arguments:
        frame: the table as it was parsed; columns that are not text are left alone.
        words: the words that mean missing.

    Returns:
        The frame, and for each column the words (and blank, not empty cells as they stood) with their counts.
    """
    names = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    if not names:
        return frame, {}
    stripped = frame.with_columns(pl.col(names).str.strip_chars())
    gone = pl.col(names).is_in(["", *words])
    hit = stripped.select(gone.any()).row(0, named=True)
    changed = [name for name in names if hit[name]]
    found = {name: _counts(frame[name], stripped[name], words) for name in changed}
    emptied = [
        pl.when(pl.col(name).is_in(["", *words])).then(None).otherwise(pl.col(name)).alias(name)
        for name in changed
    ]
    return stripped.with_columns(emptied), {name: counts for name, counts in found.items() if counts}


def _counts(raw: pl.Series, stripped: pl.Series, words: tuple[str, ...]) -> dict[str, int]:
    blanks = raw.filter((stripped == "") & (raw != ""))
    hits = pl.concat([stripped.filter(stripped.is_in(words)), blanks])
    counted = hits.alias("word").value_counts().sort("count", "word", descending=[True, False])
    return dict(counted.iter_rows())
