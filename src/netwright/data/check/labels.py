"""Targets that are hard to learn: rare classes, classes missing on one side, tails of numbers."""

from __future__ import annotations

import numpy as np
import polars as pl

from netwright.data.check.outliers import beyond_limits, outlier_limits
from netwright.data.check.spellings import near_equal
from netwright.data.check.view import View
from netwright.data.check.words import count, example_rows, figure, listed, percent
from netwright.data.finding import Finding

IMBALANCE = 10.0
FEW = 10
REPEATED = 0.3
HEAVY_SKEW = 3.0


def class_counts(view: View) -> list[Finding]:
    """Imbalance of the classes, and classes with too few training rows to learn from."""
    if not view.is_classes:
        return []
    classes = view.schema.target.classes
    train = np.isin(view.split.development, view.split.train)
    labels = view.target_codes[train]
    counts = np.bincount(labels[labels >= 0], minlength=len(classes))
    rarest, largest = int(counts.argmin()), int(counts.argmax())
    findings = []
    if counts[largest] > IMBALANCE * counts[rarest]:
        findings.append(
            Finding(
                "imbalance",
                "note",
                f"The class {classes[largest]!r} has {count(int(counts[largest]), 'training row')}, "
                f"{classes[rarest]!r} only {counts[rarest]:,}.",
                "kept; balanced accuracy says more than accuracy here; see training.class_weights",
                columns=view.schema.target.columns,
                rows=int(counts[rarest]),
            )
        )
    few = [(name, int(number)) for name, number in zip(classes, counts, strict=True) if number < FEW]
    if few:
        few.sort(key=lambda each: each[1])
        findings.append(
            Finding(
                "few_rows_in_class",
                "warning",
                f"{count(len(few), 'class')} with fewer than {FEW} training rows: "
                f"{listed([f'{name!r} ({number})' for name, number in few])}.",
                "kept; collect more rows of them, or join classes",
                columns=view.schema.target.columns,
                rows=sum(number for _, number in few),
            )
        )
    return findings


def few_positives(view: View) -> list[Finding]:
    """Targets of a multi-label table that are nearly always the same in the training rows."""
    if view.schema.target.task != "multilabel":
        return []
    train = np.isin(view.split.development, view.split.train)
    labels = view.target_codes[train]
    rarer = np.minimum((labels == 1).sum(axis=0), (labels == 0).sum(axis=0))
    few = [(name, int(n)) for name, n in zip(view.schema.target.columns, rarer, strict=True) if n < FEW]
    if not few:
        return []
    return [
        Finding(
            "few_rows_in_class",
            "warning",
            f"{count(len(few), 'target')} with fewer than {FEW} training rows of one value: "
            f"{listed([f'{name!r} ({number})' for name, number in few])}.",
            "kept; collect more rows of them, or leave such a target out",
            columns=[name for name, _ in few],
        )
    ]


def classes_in_parts(view: View) -> list[Finding]:
    """Classes that the training rows have and another part has not, or the other way round."""
    if not view.is_classes:
        return []
    texts = view.text(view.schema.target.columns[0])
    known = view.schema.target.classes
    findings = []
    for part, rows in {"validation": view.split.validation, "test": view.split.test}.items():
        if not len(rows):
            continue
        labels = texts[rows]
        absent = [name for name in known if name not in set(labels.unique())]
        if absent:
            findings.append(
                Finding(
                    "class_not_in_split",
                    "warning",
                    f"The {part} rows lack {count(len(absent), 'class')}: "
                    f"{listed([repr(name) for name in absent])}.",
                    f"some scores cannot be computed on the {part} rows; collect more rows of such classes",
                    columns=view.schema.target.columns,
                    rows=0,
                )
            )
        unknown = (labels.is_not_null() & ~labels.is_in(known)).to_numpy()
        if unknown.any():
            shown = labels.filter(pl.Series(unknown)).unique().sort().to_list()
            findings.append(
                Finding(
                    "class_not_in_training",
                    "warning",
                    f"{count(int(unknown.sum()), f'{part} row')} of classes that no training row has: "
                    f"{listed([repr(name) for name in shown])}.",
                    "they always count as wrong; see to it that the training rows have every class",
                    columns=view.schema.target.columns,
                    rows=int(unknown.sum()),
                    examples=example_rows(view.table, rows[unknown]),
                )
            )
    return findings


def class_spellings(view: View) -> list[Finding]:
    """Classes of the target that differ in case, blanks or a letter only."""
    if not view.is_classes:
        return []
    classes = view.schema.target.classes
    labels = view.target_codes
    counts = np.bincount(labels[labels >= 0], minlength=len(classes))
    merged = near_equal(dict(zip(classes, counts.tolist(), strict=True)))
    if not merged:
        return []
    return [
        Finding(
            "class_spellings",
            "warning",
            f"Classes that look like the same: {listed([f'{a!r} and {b!r}' for a, b in merged.items()])}.",
            "kept apart; correct them in the source if they are the same",
            columns=view.schema.target.columns,
            rows=int(sum(counts[classes.index(name)] for name in merged)),
        )
    ]


def target_numbers(view: View) -> list[Finding]:
    """Targets of numbers with one value that stands out, outliers, or a heavy tail."""
    if view.schema.target.task != "regression":
        return []
    findings = []
    for place, name in enumerate(view.schema.target.columns):
        values = view.target_codes.reshape(len(view.split.development), -1)[:, place]
        findings += _tails(view, name, values)
    return findings


def _tails(view: View, name: str, values: np.ndarray) -> list[Finding]:
    finite = values[np.isfinite(values)]
    findings = []
    different, times = np.unique(finite, return_counts=True)
    common = int(times.argmax())
    if times[common] > REPEATED * len(finite):
        findings.append(
            Finding(
                "repeated_target",
                "note",
                f"{percent(times[common] / len(finite))} of the rows have the target {name!r} = "
                f"{figure(different[common])}.",
                "kept; two questions may be in one: whether it is that value, and how large it is otherwise",
                columns=[name],
                rows=int(times[common]),
            )
        )
    far = beyond_limits(values, outlier_limits(values))
    if far.any():
        findings.append(
            Finding(
                "target_outliers",
                "warning",
                f"{count(int(far.sum()), 'row')} with a target {name!r} beyond 10 robust deviations, such as "
                f"{figure(values[far][np.abs(values[far]).argmax()])} where the median is "
                f"{figure(np.median(finite))}.",
                "kept; such rows outweigh many others in a squared error, so look whether they are right",
                columns=[name],
                rows=int(far.sum()),
                examples=example_rows(view.table, view.split.development[far]),
            )
        )
    spread = finite.std()
    skewness = float(np.mean(((finite - finite.mean()) / spread) ** 3)) if spread > 0 else 0.0
    if skewness > HEAVY_SKEW and finite.min() > 0:
        findings.append(
            Finding(
                "heavy_tail",
                "note",
                f"The target {name!r} has a heavy tail: median {figure(np.median(finite))}, largest "
                f"{figure(finite.max())} (skewness {figure(skewness)}).",
                "kept; where relative errors matter, its logarithm is the better target",
                columns=[name],
                rows=len(finite),
            )
        )
    return findings
