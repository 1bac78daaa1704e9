"""Rows that are equal, on one side of the split or both, and rows that contradict each other."""

from __future__ import annotations

import numpy as np
import polars as pl

from netwright.data.check.view import View
from netwright.data.check.words import count, example_rows, percent
from netwright.data.finding import Finding

MANY = 0.05
TOO_MANY_SHARED = 0.1


def duplicate_rows(view: View) -> list[Finding]:
    """Rows equal to an earlier one in all inputs and the target."""
    if not view.schema.inputs:
        return []
    hashes = view.row_hash[view.used]
    _, first = np.unique(hashes, return_index=True)
    again = np.ones(len(hashes), dtype=bool)
    again[first] = False
    repeated = int(again.sum())
    if repeated == 0:
        return []
    share = repeated / len(hashes)
    return [
        Finding(
            "duplicate_rows",
            "warning" if share > MANY else "note",
            f"{count(repeated, 'row')} ({percent(share)}) equal to an earlier row in inputs and target.",
            "kept, on one side of the split unless it is yours; data.clean.duplicates: drop removes them",
            rows=repeated,
            examples=example_rows(view.table, view.used[again]),
        )
    ]


def duplicates_across_splits(view: View) -> list[Finding]:
    """Validation and test rows that are also in the training rows: their score is remembered, not learnt."""
    if not view.schema.inputs:
        return []
    hashes, split = view.row_hash, view.split
    parts = {"validation": (split.validation, split.train), "test": (split.test, split.development)}
    in_training, shares = {}, {}
    for part, (rows, learnt_from) in parts.items():
        known = pl.Series(hashes[learnt_from]).implode()
        shared = rows[pl.Series(hashes[rows]).is_in(known).to_numpy()]
        if len(shared):
            in_training[part], shares[part] = shared, len(shared) / len(rows)
    if not shares:
        return []
    shown = " and ".join(
        f"{count(len(in_training[part]), f'{part} row')} ({percent(share)})" for part, share in shares.items()
    )
    rows = np.sort(np.concatenate(list(in_training.values())))
    return [
        Finding(
            "duplicates_across_splits",
            "error" if max(shares.values()) > TOO_MANY_SHARED else "warning",
            f"{shown} equal to rows that are learnt from, so that their score is better than on new data.",
            "the split is yours and was kept; remove them there, or let the rows be split without it"
            if split.given
            else "kept; the rows differ only in columns that are no inputs",
            rows=len(rows),
            examples=example_rows(view.table, rows),
        )
    ]


def conflicting_labels(view: View) -> list[Finding]:
    """Development rows with the same inputs but another class."""
    if not view.is_classes or not view.schema.inputs:
        return []
    rows = view.split.development
    _, group = np.unique(view.input_hash[rows], return_inverse=True)
    _, labelled = np.unique(view.row_hash[rows], return_inverse=True)
    group_of_label = np.zeros(labelled.max() + 1, dtype=np.int64)
    group_of_label[labelled] = group
    labels_of_group = np.bincount(group_of_label)
    conflict = labels_of_group[group] > 1
    concerned = int(conflict.sum())
    if concerned == 0:
        return []
    most_frequent = np.zeros(len(labels_of_group), dtype=np.int64)
    np.maximum.at(most_frequent, group_of_label, np.bincount(labelled))
    best = most_frequent.sum() / len(rows)
    return [
        Finding(
            "conflicting_labels",
            "warning" if concerned > MANY * len(rows) else "note",
            f"{count(concerned, 'development row')} ({percent(concerned / len(rows))}) with the inputs of "
            f"another row but another target; no network can be right on over {percent(best)} of all.",
            "kept; look whether labels are wrong, or a column that tells them apart is missing",
            columns=view.schema.target.columns,
            rows=concerned,
            examples=example_rows(view.table, rows[conflict]),
        )
    ]
