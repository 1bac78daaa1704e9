"""Files that cannot be read, or are something else than the column holds: left out, counted and listed."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from netwright.data.finding import Finding
from netwright.data.media.readers import reader
from netwright.data.table import Table
from netwright.errors import InputError

SHOWN = 10
FEW = 3  # cells of one reason
NOUNS = {"image": "picture", "sound": "sound", "series": "series"}


def leave_out_unreadable(table: Table, others: list[str]) -> tuple[Table, list[Finding]]:
    """Takes out what cannot be read.

    Arguments:
        table: the rows.
        others: further columns that a network could learn from. Where there are some, a row is kept and what
            cannot be read in it is missing; else the row goes.

    Returns:
        The rows that are left, and what was found.

    Raises:
        InputError: nothing of a column can be read.
    """
    findings = []
    for name, media in table.media.items():
        if name not in table.columns:
            continue
        cells = table.frame[name]
        texts = cells.drop_nulls().unique(maintain_order=True).to_list()
        bad = reader(media.kind).problems(media, texts)
        noun = NOUNS[media.kind]
        if texts and len(bad) == len(texts):
            first, why = next(iter(bad.items()))
            raise InputError(
                f"no {noun} of {name!r} can be read; the first, {first!r}: {why}", where=table.source
            )
        keeps = [other for other in others if other != name]
        lost = cells.is_in(list(bad)).fill_null(False) if bad else pl.repeat(False, len(cells), eager=True)
        if not keeps:
            lost = lost | cells.is_null()
        if not lost.any():
            continue
        empty = int(cells.is_null().sum()) if not keeps else 0
        told = _told(bad) + ([f"rows without one: {empty:,}"] if empty else [])
        findings.append(
            Finding(
                "unreadable_files",
                "warning",
                f"{int(lost.sum()):,} of {len(cells):,} rows {'has' if lost.sum() == 1 else 'have'} no "
                f"readable {noun} in {name!r}: {'; '.join(told)}.",
                "taken as missing" if keeps else "left out",
                columns=[name],
                rows=int(lost.sum()),
                examples=table.rows[lost.to_numpy()][:SHOWN].tolist(),
            )
        )
        if keeps:
            table = replace(table, frame=table.frame.with_columns(cells.set(lost, None).alias(name)))
        else:
            table = table.keep(~lost.to_numpy())
    return table, findings


def _told(bad: dict[str, str]) -> list[str]:
    """The reasons, each with a few of its cells."""
    reasons: dict[str, list[str]] = {}
    for text, why in bad.items():
        reasons.setdefault(why, []).append(text)
    told = []
    for why, texts in reasons.items():
        more = f" and {len(texts) - FEW:,} more" if len(texts) > FEW else ""
        told.append(f"{why} ({', '.join(texts[:FEW])}{more})")
    left = len(told) - SHOWN
    return told[:SHOWN] + ([f"{left:,} other reasons"] if left > 0 else [])
