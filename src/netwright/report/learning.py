"""The page of a learning curve: whether more rows would help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.report import describe
from netwright.report.canvas import INK, SERIES, label, legend, name, panels
from netwright.report.html import Sections, document
from netwright.report.markup import paragraph, picture, section, table, text
from netwright.report.words import TASKS, findings_sentence, metric_name, number, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from netwright.report.record import Record


def page(record: Record) -> str:
    """The report of a learning curve as one HTML document; see `html.page`."""
    kind = f"{TASKS.get(record.task, record.task)}, learning curve"
    return document(record, kind, _summary(record), SECTIONS)


def curve(metrics: dict[str, Any]) -> Figure:
    """The score against the number of training rows, with its band and where it would go.

    Arguments:
        metrics: metrics.json of a learning curve.
    """
    from matplotlib.ticker import FixedLocator, NullLocator

    metric, fit = metrics["metric"], metrics.get("fit")
    points = [each for each in metrics["points"] if each["mean"] is not None]
    figure, (axes,) = panels(7.2, 3.7, left=0.75, right=0.25)
    rows = np.array([each["rows"] for each in points], dtype=float)
    mean = np.array([each["mean"] for each in points])
    low = np.array([each["low"] for each in points])
    high = np.array([each["high"] for each in points])
    axes.fill_between(rows, low, high, color=SERIES[0], alpha=0.16, linewidth=0, label="lowest to highest")
    axes.plot(rows, mean, "o-", color=SERIES[0], linewidth=1.8, markersize=4, label="mean of the networks")
    end = rows.max()
    if fit is not None:
        x = np.geomspace(rows.min(), 4 * rows.max(), 120)
        y = fit["a"] + fit["b"] * x ** -fit["c"]
        axes.plot(x, y, color=SERIES[1], linewidth=1.4, linestyle=(0, (4, 2.5)), label="fitted power law")
        twice = metrics["twice"]
        axes.errorbar(
            [twice["rows"]],
            [twice["score"]],
            yerr=[[twice["score"] - twice["low"]], [twice["high"] - twice["score"]]],
            fmt="D",
            color=SERIES[1],
            markersize=5,
            capsize=3,
            linewidth=1.2,
            label="twice the rows, 95 % interval",
        )
        end = 4 * rows.max()
    axes.set_xscale("log")
    axes.set_xlim(rows.min() * 0.93, end * 1.07)
    marks = _marks(rows, end)
    axes.xaxis.set_major_locator(FixedLocator(marks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    title = f"{metric_name(metric, capital=True)} on {metrics['rows']['validation']:,} validation rows"
    name(axes, label(title, 60), "training rows (logarithmic)", metric_name(metric))
    axes.axvline(rows.max(), color=INK, linewidth=0.7, linestyle=(0, (3, 2)), alpha=0.6)
    axes.annotate(
        "all there are",
        (rows.max(), 0.0),
        xycoords=("data", "axes fraction"),
        xytext=(3, 4),
        textcoords="offset points",
        fontsize=7.5,
        color=INK,
    )
    legend(axes)
    return figure


def _marks(rows: np.ndarray, end: float) -> list[float]:
    """Numbers of rows to write under the axis, from the points' own, far enough apart to be read."""
    wanted = [*rows, *([2 * rows.max(), 4 * rows.max()] if end > rows.max() else [])]
    span = np.log(end / rows.min()) if end > rows.min() else 1.0
    marks: list[float] = []
    for value in reversed(wanted):
        if not marks or np.log(marks[-1] / value) > 0.075 * span:
            marks.append(value)
    return marks[::-1]


def _summary(record: Record) -> str:
    metrics = record.metrics
    twice = metrics.get("twice")
    metric = metric_name(metrics["metric"])
    last = metrics["points"][-1]
    value, words, small = number(last["mean"]), f"{metric} with all {last['rows']:,} rows", ""
    if twice is not None:
        small = f"with twice the rows about {number(twice['score'])}"
        small += f" ({number(twice['low'])} to {number(twice['high'])})"
    box = (
        f'<div class="headline"><p class="score">{value}</p><p class="metric">{text(words)}</p>'
        f"{paragraph(text(small), 'small')}</div>"
    )
    items = "".join(f"<li>{text(each)}</li>" for each in metrics["answer"])
    if record.findings:
        items += f'<li>{text(findings_sentence(record))} <a href="#findings">All findings</a></li>'
    return f'<section class="summary" id="summary"><div class="top">{box}</div><ul>{items}</ul></section>'


def _curve(record: Record) -> str:
    drawn = picture(curve(record.metrics), "learning curve", wide=True)
    fit = record.metrics.get("fit")
    law = ""
    if fit is not None:
        sign = "+" if fit["b"] >= 0 else "-"
        law = f"Fitted: {fit['a']:.4g} {sign} {abs(fit['b']):.4g} rows^-{fit['c']:.3g}. "
    said = (
        f"{law}Each point is the mean of networks from rows drawn anew; all are scored on the same "
        "validation rows, which also choose each network's best epoch. Test rows are left alone."
    )
    return section("curve", "Learning curve", drawn, paragraph(text(said), "small"))


def _points(record: Record) -> str:
    metrics = record.metrics
    lines = [
        [
            f"{each['rows']:,}",
            share(each["fraction"]),
            str(each["networks"]),
            f"<b>{number(each['mean'])}</b>",
            number(each["low"]),
            number(each["high"]),
        ]
        for each in metrics["points"]
    ]
    head = ["training rows", "share", "networks", metric_name(metrics["metric"]), "lowest", "highest"]
    return section("points", "Points", table(head, lines, "rrrrrr"))


SECTIONS: Sections = {
    "curve": ("Curve", _curve),
    "points": ("Points", _points),
    "findings": ("Findings", describe.findings),
    "data": ("Data", describe.data),
    "split": ("Split", describe.split),
    "config": ("Config", describe.settings),
}
