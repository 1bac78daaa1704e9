"""Checks of the data before a network sees it: what is found, how bad it is, and what is done about it."""

from __future__ import annotations

from netwright.config import DataConfig
from netwright.data.check.columns import (
    many_categories,
    mixed_types,
    numbers_as_text,
    twin_columns,
    unused_columns,
)
from netwright.data.check.drift import drift, unseen_categories
from netwright.data.check.duplicates import conflicting_labels, duplicate_rows, duplicates_across_splits
from netwright.data.check.labels import (
    class_counts,
    class_spellings,
    classes_in_parts,
    few_positives,
    target_numbers,
)
from netwright.data.check.leaks import target_leak
from netwright.data.check.missing import infinite_values, missing_columns, missing_values, missing_words
from netwright.data.check.order import sorted_rows
from netwright.data.check.outliers import outliers
from netwright.data.check.spellings import near_equal_spellings, rare_categories
from netwright.data.check.view import View
from netwright.data.finding import Finding
from netwright.data.schema import Schema
from netwright.data.split import Split
from netwright.data.table import Table

CHECKS = (
    target_leak,
    duplicates_across_splits,
    conflicting_labels,
    duplicate_rows,
    class_counts,
    few_positives,
    classes_in_parts,
    class_spellings,
    target_numbers,
    drift,
    unseen_categories,
    missing_columns,
    missing_values,
    missing_words,
    infinite_values,
    numbers_as_text,
    mixed_types,
    near_equal_spellings,
    rare_categories,
    many_categories,
    outliers,
    unused_columns,
    twin_columns,
    sorted_rows,
)
SEVERITIES = ("error", "warning", "note")


def check(table: Table, split: Split, schema: Schema, config: DataConfig) -> list[Finding]:
    """Looks for what is wrong, or worth knowing, about the data. Nothing is changed.

    Test rows take part with their inputs; their labels are only counted, and no choice depends on them.

    Arguments:
        table: the rows.
        split: which of them train, validate and test.
        schema: what the columns are.
        config: what the user said about the data; what is done about a finding depends on `config.clean`.

    Returns:
        The findings: errors first, then warnings, then notes.
    """
    view = View(table, split, schema, config)
    findings = [finding for each in CHECKS for finding in each(view)]
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
