"""The page's sections on what came out: scores, errors, calibration, importance, slices, groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.report import plots
from netwright.report.canvas import SERIES
from netwright.report.markup import paragraph, picture, pictures, section, table, text
from netwright.report.words import (
    BASELINES,
    METRICS,
    NOTHING,
    beyond_chance,
    decision_sentence,
    metric_name,
    number,
    sentence,
    share,
)

if TYPE_CHECKING:
    from netwright.report.record import Record

MATRIX_CLASSES = 30
TARGETS = 6
GROUPS = 30


def not_computed(record: Record, part: str, what: str) -> str:
    """That a part was not computed, and why; nothing where no reason is known."""
    why = record.why_missing(part)
    return paragraph(f"{text(what)} not computed: {text(why)}.", "missing") if why else ""


def scores(record: Record) -> str:
    """All metrics on all parts, beside the baselines."""
    test = record.scores("test")
    parts = [part for part in ("validation", "train") if record.scores(part)]
    baselines = [name for name in BASELINES if record.scores(name)]
    metrics = [each for each in METRICS if each in test] + [each for each in test if each not in METRICS]
    rows = []
    for metric in metrics:
        ends = record.interval(metric)
        rows.append(
            [
                text(metric_name(metric, capital=True)),
                f"<b>{number(test[metric])}</b>",
                f"{number(ends[0])} to {number(ends[1])}" if ends else NOTHING,
                *(number(record.scores(part).get(metric)) for part in parts + baselines),
            ]
        )
    head = ["metric", "test", "95 % interval", *parts, *(BASELINES[name] for name in baselines)]
    marked = metrics.index(record.headline) if record.headline in metrics else None
    note = sentence(record.evaluation.get("baseline_note") or "")
    said = f"Baselines are scored on the same test rows. {NOTHING} stands where a figure cannot be computed."
    return section(
        "scores",
        "Scores",
        table(head, rows, "l" + "r" * (len(head) - 1), marked=marked) if rows else "",
        paragraph(f"{said} {text(note)}", "small") if rows else "",
        not_computed(record, "baseline", "Baselines were"),
        not_computed(record, "intervals", "Intervals were"),
        per_class(record),
    )


def per_class(record: Record) -> str:
    per_class: dict[str, dict[str, Any]] = record.metrics.get("per_class") or {}
    if not per_class:
        return ""
    keys = list(dict.fromkeys(key for values in per_class.values() for key in values))
    rows = [
        [text(each, 32), *(number(values.get(key)) for key in keys)] for each, values in per_class.items()
    ]
    what = "class" if record.classes else "target"
    head = [what, *(text(metric_name(key)) for key in keys)]
    return f"<h3>Each {what}</h3>" + table(head, rows, "l" + "r" * len(keys))


def errors(record: Record) -> str:
    """Where predictions and truth differ: confusion matrix, or residuals."""
    said = paragraph(text(decision_sentence(record)))
    return section("errors", "Errors", said, confusion(record), residuals(record))


def confusion(record: Record) -> str:
    confusion = record.part("confusion")
    if not confusion:
        return not_computed(record, "confusion", "The confusion matrix was")
    counts, classes = np.asarray(confusion["counts"], dtype=np.int64), [str(c) for c in confusion["classes"]]
    parts = []
    classes = classes[: counts.shape[1]]
    if len(classes) <= MATRIX_CLASSES:
        caption = "Rows are true classes, columns what was predicted; the colour is the share of the row."
        drawn = plots.confusion_matrix(counts, classes)
        parts.append(picture(drawn, "confusion matrix", caption, wide=True))
    if len(classes) > 2:
        parts.append(_confusions(counts, classes))
    return "".join(parts)


def _confusions(counts: np.ndarray, classes: list[str], most: int = 10) -> str:
    """The pairs of classes that are mixed up most."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = [place for place in np.argsort(-wrong, axis=None, kind="stable")[:most] if wrong.flat[place]]
    names = [*classes, "not in training"]
    rows = []
    for place in order:
        true, predicted = divmod(int(place), counts.shape[1])
        count = int(wrong[true, predicted])
        part = share(count / int(counts[true].sum()))
        rows.append([text(names[true], 40), text(names[predicted], 40), f"{count:,}", part])
    if not rows:
        return paragraph("No test row was taken for another class.")
    head = ["true class", "taken for", "rows", "share of the true class"]
    return "<h3>Most frequent confusions</h3>" + table(head, rows, "llrr")


def residuals(record: Record) -> str:
    pairs = list(record.regressions.items())
    drawn = [
        picture(plots.residuals(*values, target), f"residuals of {target}", wide=True)
        for target, values in pairs[:TARGETS]
    ]
    said = f"The first {TARGETS} of {len(pairs)} targets are shown." if len(pairs) > TARGETS else ""
    return "".join(drawn) + paragraph(said, "small")


def probabilities(record: Record) -> str:
    """Whether probabilities order the rows well, and whether they come true."""
    drawn, said = [], ""
    found = record.class_scores
    if found is not None:
        names, truth, chances = found
        rest = "One line a class, each against the rest." if len(names) > 1 else ""
        if len(names) > len(SERIES):
            rest = f"The {len(SERIES)} weakest of {len(names)} classes, each against the rest."
        one = f"“{text(names[0], 30)}” is the positive class." if record.task == "binary" else ""
        said = f"{one}{rest}".strip()
        roc, precision = (
            plots.roc_curves(truth, chances, names),
            plots.precision_recall_curves(truth, chances, names),
        )
        drawn = [
            picture(roc, "ROC curves", "Dashed: guessing at random."),
            picture(precision, "precision-recall curves"),
        ]
    bins = record.part("reliability")
    if bins:
        error = record.scores("test").get("ece")
        caption = (
            f"Calibration error, the mean distance from the dashed line: {number(error)}." if error else ""
        )
        drawn.append(picture(plots.reliability_diagram(bins), "reliability diagram", caption))
    if found is not None and record.task == "binary":
        histogram = plots.probability_histogram(found[1][:, 0], found[2][:, 0], found[0][0])
        drawn.append(picture(histogram, "probability histogram"))
    missing = "" if bins else not_computed(record, "reliability", "Calibration was")
    return section("probabilities", "Probabilities", paragraph(said), pictures(drawn), missing)


def importance(record: Record) -> str:
    """What the score loses when a column is shuffled."""
    info = record.part("importance")
    if not info:
        return section("importance", "Columns", not_computed(record, "importance", "Importance was"))
    columns, metric = info["columns"], info["metric"]
    reached = [each for each in columns if each["drop"] is not None]
    if not reached:
        return section("importance", "Columns", paragraph("No column was reached in time.", "missing"))
    shown = min(len(reached), 20)
    parts = [
        f"Each column is shuffled in turn on {info['rows']:,} rows that did not train.",
        "Lines show the standard deviation.",
        f"The top {shown} of {len(reached)} columns are shown." if shown < len(reached) else "",
        f"{len(columns) - len(reached)} of {len(columns)} columns could not be reached in time."
        if len(reached) < len(columns)
        else "",
        "Columns that tell the same share their importance.",
    ]
    caption = text(" ".join(part for part in parts if part))
    drawn = plots.importance_bars(reached, metric, shown)
    return section("importance", "Columns", picture(drawn, "permutation importance", caption, wide=True))


def slices(record: Record) -> str:
    """The groups of rows that the network is worst at."""
    found = record.part("slices") or []
    metric = metric_name(record.evaluation.get("slices_metric") or record.headline)
    rows = [
        [
            text(each["description"], 90),
            f"{each['rows']:,}",
            number(each["score"]),
            number(each["overall"]),
            number(each.get("p_value")),
        ]
        for each in found
    ]
    head = ["rows where", "rows", metric, "on all rows", "p value"]
    said = "A p value below 0.05 means that chance alone hardly explains the difference."
    said += "" if beyond_chance(found) else " None of these is that clear."
    inside = table(head, rows, "lrrrr") + paragraph(said, "small") if rows else ""
    return section("slices", "Weakest slices", inside or not_computed(record, "slices", "Slices were"))


def fairness(record: Record) -> str:
    """Rates of the groups in the sensitive columns, and their gaps."""
    columns: dict[str, dict[str, Any]] = record.part("fairness") or {}
    inside = [_groups(name, info) for name, info in columns.items()]
    inside = inside or [not_computed(record, "fairness", "The groups' rates were")]
    return section("fairness", "Groups", *inside)


def _groups(column: str, info: dict[str, Any]) -> str:
    groups = info.get("groups") or []
    keys = [
        key for key in dict.fromkeys(key for each in groups for key in each) if key not in ("group", "rows")
    ]
    rows = [
        [text(each["group"], 32), number(each["rows"]), *(number(each.get(key)) for key in keys)]
        for each in groups[:GROUPS]
    ]
    head = ["group", "rows", *(text(metric_name(key)) for key in keys)]
    gaps = [
        [
            text(metric_name(key, capital=True)),
            number(gap["value"]),
            text(gap.get("low_group") or NOTHING, 32),
            text(gap.get("high_group") or NOTHING, 32),
        ]
        for key, gap in (info.get("gaps") or {}).items()
    ]
    parts = [f"<h3>{text(column, 60)}</h3>", table(head, rows, "lr" + "r" * len(keys))]
    if len(groups) > GROUPS:
        parts.append(paragraph(f"{GROUPS} of {len(groups):,} groups are shown.", "small"))
    if gaps:
        parts.append(table(["gap", "size", "lowest in", "highest in"], gaps, "lrll"))
    return "".join(parts)
