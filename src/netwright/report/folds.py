"""The page of a cross-validation: scores of the folds beside their baselines, errors out of fold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.report import describe, results
from netwright.report.canvas import CHARACTER, INK, MUTED, SERIES, label, name, panels
from netwright.report.html import Sections, document
from netwright.report.markup import pairs, paragraph, picture, section, table, text
from netwright.report.words import (
    BASELINES,
    METRICS,
    NOTHING,
    TASKS,
    baseline_verdict,
    findings_sentence,
    metric_name,
    number,
    sentence,
    share,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from netwright.report.record import Record

MOST_FOLDS = 100  # listed


def page(record: Record) -> str:
    """The report of a cross-validation as one HTML document; see `html.page`."""
    kind = f"{TASKS.get(record.task, record.task)}, cross-validation"
    return document(record, kind, _summary(record), SECTIONS)


def spread(mean: float | None, deviation: float | None) -> str:
    """A mean with the deviation of the folds.

    Example:
        >>> spread(0.8123, 0.0211), spread(0.8, None)
        ('0.8123 ± 0.0211', '0.8000')
    """
    return number(mean) if mean is None or deviation is None else f"{number(mean)} ± {number(deviation)}"


def told_folds(record: Record) -> str:
    """How many folds there are.

    Example:
        >>> told_folds(record)  # doctest: +SKIP
        '5 folds, 3 times'
    """
    folds = record.metrics["folds"]
    repeats, most = max(each["repeat"] for each in folds), max(each["fold"] for each in folds)
    return f"{most} folds, {repeats} times" if repeats > 1 else f"{most} folds"


def verdict_sentence(record: Record) -> str:
    """The network beside its baselines, on the same rows out of fold; nothing where none was computed."""
    metric = record.headline
    parts = []
    for baseline, words in BASELINES.items():
        verdict = baseline_verdict(record, baseline)
        if verdict is not None:
            inside = ", a difference within chance" if verdict == "level with" else ""
            parts.append(f"{verdict} the {words} ({number(record.scores(baseline).get(metric))}{inside})")
    return f"The network is {' and '.join(parts)}." if parts else ""


def left_out_sentence(record: Record) -> str:
    """How many folds have no score; nothing where all have one."""
    lacking = record.metrics.get("folds_wanted", 0) - len(record.metrics["folds"])
    if lacking <= 0:
        return ""
    return f"{lacking} of {record.metrics['folds_wanted']} folds have no network, so no score: see log.txt."


def _summary(record: Record) -> str:
    metric = record.headline
    mean, deviation = record.metrics["mean"].get(metric), record.metrics["deviation"].get(metric)
    members = record.metrics["members"]
    box = (
        f'<div class="headline"><p class="score">{number(mean)}</p>'
        f'<p class="metric">{text(metric_name(metric))}, mean of the folds</p>'
        f"{paragraph(f'± {number(deviation)} between folds' if deviation is not None else '', 'small')}</div>"
    )
    drawn = picture(fold_scores(record.metrics["folds"], metric), "scores of the folds")
    worse = any(baseline_verdict(record, each) in ("worse than", "level with") for each in BASELINES)
    rows = record.rows("development") or 0
    said = [
        (
            f"In {told_folds(record)}, each scored by networks that have not seen its rows, the mean "
            f"{metric_name(metric)} on {rows:,} rows is {spread(mean, deviation)}.",
            "",
        ),
        (verdict_sentence(record), ' class="warning"' if worse else ""),
        (left_out_sentence(record), ' class="warning"'),
        (_test_sentence(record), ""),
        (f"The folds' {members} networks are kept in model/; what they predict is their mean.", ""),
    ]
    items = "".join(f"<li{look}>{text(words)}</li>" for words, look in said if words)
    if record.findings:
        items += f'<li>{text(findings_sentence(record))} <a href="#findings">All findings</a></li>'
    return (
        f'<section class="summary" id="summary"><div class="top">{box}{drawn}</div><ul>{items}</ul></section>'
    )


def _test_sentence(record: Record) -> str:
    metric = record.headline
    if not record.scores("test"):
        return ""
    ends = record.interval(metric)
    between = f" (95 % interval {number(ends[0])} to {number(ends[1])})" if ends else ""
    value = number(record.scores("test").get(metric))
    return f"On {record.rows('test'):,} test rows, in no fold, the ensemble has {value}{between}."


def _scores(record: Record) -> str:
    metrics, values = record.metrics, record.metrics["mean"]
    names = [each for each in METRICS if each in values]
    baselines = [each for each in BASELINES if record.scores(each)]
    deviation: dict[str, Any] = metrics.get("baseline_deviation") or {}
    test = record.scores("test")
    rows = []
    for metric in names:
        cells = [
            text(metric_name(metric, capital=True)),
            f"<b>{spread(values[metric], metrics['deviation'].get(metric))}</b>",
        ]
        cells += [
            spread(record.scores(each).get(metric), (deviation.get(each) or {}).get(metric))
            for each in baselines
        ]
        cells += [number(metrics["out_of_fold"].get(metric))] + ([number(test.get(metric))] if test else [])
        rows.append(cells)
    head = ["metric", "network", *(BASELINES[each] for each in baselines), "out of fold, pooled"]
    head += ["test, ensemble"] if test else []
    marked = names.index(record.headline) if record.headline in names else None
    said = (
        "Mean ± standard deviation of the folds. Pooled: all rows scored together"
        + (", each by the mean of its repeats" if metrics["folds"][-1]["repeat"] > 1 else "")
        + f". {NOTHING} stands where a figure cannot be computed. "
        + sentence(record.evaluation.get("baseline_note") or "").replace("The linear", "In fold 1 the linear")
    )
    return section(
        "scores",
        "Scores",
        table(head, rows, "l" + "r" * (len(head) - 1), marked=marked),
        paragraph(text(said), "small"),
        results.per_class(record),
    )


def _folds(record: Record) -> str:
    metric = record.headline
    baselines = [each for each in BASELINES if record.scores(each)]
    rows = []
    for each in record.metrics["folds"][:MOST_FOLDS]:
        best = each["best_epoch"]
        rows.append(
            [
                str(each["repeat"]),
                str(each["fold"]),
                *(f"{each['rows'][part]:,}" for part in ("train", "validation", "scored")),
                f"{min(best)}-{max(best)}" if min(best) < max(best) else str(best[0]),
                text(", ".join(sorted(set(each["ending"])))),
                f"<b>{number(each['scores'].get(metric))}</b>",
                *(number(each["baseline"][name].get(metric)) for name in baselines),
            ]
        )
    head = ["repeat", "fold", "train", "validation", "scored", "best epoch", "ended by"]
    head += [metric_name(metric), *(BASELINES[name] for name in baselines)]
    return section("folds", "Folds", table(head, rows, "rrrrrrl" + "r" * (1 + len(baselines))))


def _errors(record: Record) -> str:
    return section(
        "errors", "Errors out of fold", results.confusion(record), results.residuals(_pooled(record))
    )


def _probabilities(record: Record) -> str:
    return results.probabilities(_pooled(record))


def _pooled(record: Record) -> Record:
    """The record with the rows out of fold where a run has its test rows."""
    return replace(record, predictions=record.out_of_fold)


def _split(record: Record) -> str:
    info = record.part("split") or {}
    rows = info.get("rows") or {}
    total = sum(rows.values())
    facts = [("rows in folds", f"{rows.get('development', 0):,}")]
    if rows.get("test"):
        facts.append(("test rows, in no fold", f"{rows['test']:,} ({share(rows['test'] / total)})"))
    return section(
        "split", "Folds and split", paragraph(text(sentence(info.get("note") or ""))), pairs(facts)
    )


def fold_scores(folds: list[dict[str, Any]], metric: str) -> Figure:
    """The folds' scores as dots, with their means, for the network and its baselines.

    Arguments:
        folds: as in metrics.json.
        metric: name of the score.
    """
    lines = {"network": [each["scores"].get(metric) for each in folds]}
    for baseline, words in reversed(BASELINES.items()):
        lines[words] = [(each["baseline"].get(baseline) or {}).get(metric) for each in folds]
    known = {
        words: np.array([value for value in values if value is not None]) for words, values in lines.items()
    }
    known = {words: values for words, values in known.items() if len(values)}
    names = [label(each, 22) for each in known]
    left = 0.3 + CHARACTER * max(map(len, names), default=0)
    figure, (axes,) = panels(4.6, 1.05 + 0.3 * len(names), left=left, right=0.3, top=0.34, bottom=0.46)
    axes.grid(visible=False, axis="y")
    for place, values in enumerate(known.values()):
        colour = SERIES[0] if place == 0 else MUTED
        axes.plot(values, np.full(len(values), place), "o", color=colour, markersize=4.5, alpha=0.45, mew=0)
        axes.plot([values.mean()] * 2, [place - 0.28, place + 0.28], color=colour, linewidth=2.2)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.margins(x=0.08)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.locator_params(axis="x", nbins=4)
    name(axes, f"{metric_name(metric, capital=True)} of each fold", f"{metric_name(metric)} (bar: mean)", "")
    return figure


SECTIONS: Sections = {
    "scores": ("Scores", _scores),
    "folds": ("Folds", _folds),
    "errors": ("Errors", _errors),
    "probabilities": ("Probabilities", _probabilities),
    "findings": ("Findings", describe.findings),
    "data": ("Data", describe.data),
    "split": ("Split", _split),
    "network": ("Network", describe.network),
    "config": ("Config", describe.settings),
}
