"""The page of a forecast: examples with intervals, errors by step and by origin, beside simple forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.evaluate.forecast import BASELINES
from netwright.report import describe
from netwright.report.canvas import INK, MUTED, SERIES, label, legend, name, panels
from netwright.report.html import Sections, document
from netwright.report.markup import paragraph, picture, pictures, section, table, text
from netwright.report.plots import score_comparison
from netwright.report.words import (
    NOTHING,
    findings_sentence,
    metric_name,
    number,
    sentence,
    share,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from netwright.report.record import Record

BLUE, ORANGE, GREEN = SERIES[0], SERIES[1], SERIES[2]
METRICS = ("mse_scaled", "mae_scaled", "rmse", "mae", "mse", "mape", "coverage", "pinball_scaled")
SHARES = ("coverage",)


def page(record: Record) -> str:
    """The report of a forecast as one HTML document; see `html.page`."""
    return document(record, "forecasting", _summary(record), SECTIONS)


def forecast_plot(example: Mapping[str, Any], interval: str, shown: int | None = None) -> Figure:
    """One forecast: what was seen, what came, what was forecast, and between which ends.

    Arguments:
        example: target, series, origin, first, last, past, truth, forecast, low, high, seasonal_naive.
        interval: what the ends are called, such as ``80 % interval``.
        shown: steps of the past that are drawn; twice the horizon unless given.
    """
    horizon = len(example["forecast"])
    past = _numbers(example["past"])[-(shown or 2 * horizon) :]
    back, ahead = np.arange(-len(past) + 1, 1), np.arange(1, horizon + 1)
    figure, (axes,) = panels(9.4, 2.6, left=0.75, right=1.55)
    axes.fill_between(
        ahead,
        _numbers(example["low"]),
        _numbers(example["high"]),
        color=BLUE,
        alpha=0.16,
        linewidth=0,
        label=interval,
    )
    axes.plot(back, past, color=INK, linewidth=1.1)
    axes.plot(ahead, _numbers(example["truth"]), color=INK, linewidth=1.1, label="what came")
    naive = _numbers(example["seasonal_naive"])
    axes.plot(ahead, naive, color=MUTED, linewidth=0.9, linestyle=(0, (3, 2)), label="seasonal-naive")
    axes.plot(ahead, _numbers(example["forecast"]), color=BLUE, linewidth=1.7, label="forecast")
    axes.axvline(0.5, color=INK, linewidth=0.7, linestyle=(0, (3, 2)), alpha=0.6)
    of = f", {example['series']}" if example["series"] else ""
    name(
        axes,
        label(f"{example['target']}{of}, after {example['origin']}", 80),
        "steps ahead",
        label(example["target"]),
    )
    legend(axes, "upper left", (1.0, 1.0))
    return figure


def step_plot(by_step: Mapping[str, Sequence[float | None]]) -> Figure:
    """The scaled squared error of each step ahead, beside that of the seasonal-naive forecast."""
    figure, (axes,) = panels(4.6, 2.7, left=0.7)
    for key, words, colour in (("seasonal_naive", "seasonal-naive", MUTED), ("network", "network", BLUE)):
        errors = _numbers(by_step[key])
        mark = "o" if len(errors) < 15 else ""
        axes.plot(np.arange(1, len(errors) + 1), errors, marker=mark, markersize=3, color=colour, label=words)
    axes.set_ylim(bottom=0)
    name(axes, "Error by step", "steps ahead", metric_name("mse_scaled"))
    legend(axes)
    return figure


def origin_plot(origins: Sequence[Mapping[str, Any]]) -> Figure:
    """The scaled squared error of forecasts from each piece of the test time."""
    figure, (axes,) = panels(4.6, 2.7, left=0.7)
    places = np.arange(len(origins))
    for shift, key, words, colour in (
        (-0.2, "network", "network", BLUE),
        (0.2, "seasonal_naive", "seasonal-naive", MUTED),
    ):
        axes.bar(places + shift, [each[key] for each in origins], 0.36, color=colour, label=words)
    axes.grid(visible=False, axis="x")
    axes.set_xticks(places, [str(place + 1) for place in places])
    name(axes, "Error by origin", "piece of the test time", metric_name("mse_scaled"))
    legend(axes)
    return figure


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def interval_words(quantiles: Sequence[float]) -> str:
    """What the outer quantiles are called.

    Example:
        >>> interval_words([0.1, 0.5, 0.9]), interval_words([0.5])
        ('80 % interval', 'quantile 0.5')
    """
    if len(quantiles) == 1:
        return f"quantile {quantiles[0]:g}"
    return f"{100 * (quantiles[-1] - quantiles[0]):.3g} % interval"


def score_words(record: Record) -> str:
    """The headline score beside the simple forecasts', in a sentence or two."""
    score, ends = record.scores("test").get("mse_scaled"), record.interval("mse_scaled")
    between = f" (95 % interval {number(ends[0])} to {number(ends[1])})" if ends else ""
    windows = (record.metrics.get("windows") or {}).get("test", 0)
    others = [
        f"{number(scores['mse_scaled'])} of the {BASELINES[each]} forecast"
        for each, scores in _baselines(record).items()
    ]
    beside = f", beside {', '.join(others)}" if others else ""
    return f"On {windows:,} test windows the scaled MSE is {number(score)}{between}{beside}."


def verdict(record: Record) -> str | None:
    """How the network stands to the best of the simple forecasts."""
    score = record.scores("test").get("mse_scaled")
    others = {name: scores["mse_scaled"] for name, scores in _baselines(record).items()}
    if score is None or not others:
        return None
    best = min(others, key=others.__getitem__)
    if score >= others[best]:
        return f"The network is no better than the {BASELINES[best]} forecast: that one may serve as well."
    less = 1 - score / others[best] if others[best] > 0 else 0.0
    best_words = f"the {BASELINES[best]} forecast, the best simple one"
    return f"Its squared error is {share(less)} below that of {best_words}."


def _baselines(record: Record) -> dict[str, dict[str, Any]]:
    known = record.metrics.get("baseline") or {}
    return {name: known[name] for name in BASELINES if known.get(name)}


def _summary(record: Record) -> str:
    score, ends = record.scores("test").get("mse_scaled"), record.interval("mse_scaled")
    between = f"95 % interval {number(ends[0])} to {number(ends[1])}" if ends else ""
    box = (
        f'<div class="headline"><p class="score">{number(score)}</p>'
        f'<p class="metric">scaled MSE on test</p>{paragraph(between, "small")}</div>'
    )
    compared: dict[str, float] = {} if score is None else {"this network": score}
    compared |= {BASELINES[each]: scores["mse_scaled"] for each, scores in _baselines(record).items()}
    drawn = ""
    if score is not None and len(compared) > 1:
        drawn = picture(score_comparison(compared, "mse_scaled", ends), "score beside its baselines")
    info = record.part("forecast") or {}
    what = (
        f"Forecasts the next {info.get('horizon'):,} steps ({text(info.get('step'))} each) from the last "
        f"{info.get('lookback'):,}; the season is {info.get('season'):,} steps."
    )
    better = verdict(record)
    worse = ' class="warning"' if better and better.startswith("The network is no better") else ""
    said = [what, text(score_words(record))]
    lines = "".join(f"<li>{words}</li>" for words in said)
    lines += f"<li{worse}>{text(better)}</li>" if better else ""
    if record.findings:
        lines += f'<li>{text(findings_sentence(record))} <a href="#findings">All findings</a></li>'
    for each in [each for each in record.findings if each["severity"] != "note"][:3]:
        lines += f'<li class="{text(each["severity"])}">{text(sentence(each["message"]))}</li>'
    return (
        f'<section class="summary" id="summary"><div class="top">{box}{drawn}</div><ul>{lines}</ul></section>'
    )


def _figure(metric: str, value: Any) -> str:
    return share(value) if metric in SHARES else number(value)


def scores(record: Record) -> str:
    """All metrics on all parts, beside the simple forecasts; then each target's."""
    test = record.scores("test")
    parts = [part for part in ("validation", "train") if record.scores(part)]
    known = _baselines(record)
    rows = []
    for metric in (each for each in METRICS if each in test):
        ends = record.interval(metric)
        rows.append(
            [
                text(_metric(record, metric)),
                f"<b>{_figure(metric, test[metric])}</b>",
                f"{number(ends[0])} to {number(ends[1])}" if ends else NOTHING,
                *(_figure(metric, record.scores(part).get(metric)) for part in parts),
                *(_figure(metric, each.get(metric)) for each in known.values()),
            ]
        )
    head = ["metric", "test", "95 % interval", *parts, *(BASELINES[each] for each in known)]
    point = record.metrics.get("point")
    note = (
        "Scaled errors are in standard deviations of the training rows. The interval is of blocks of test "
        f"windows that share no step. The forecast is the {point} of the distribution."
    )
    return section(
        "scores",
        "Scores",
        table(head, rows, "l" + "r" * (len(head) - 1), marked=0),
        paragraph(text(note), "small"),
        _targets(record, known),
    )


def _metric(record: Record, metric: str) -> str:
    if metric == "coverage":
        info = record.part("forecast") or {}
        return f"Share inside the {interval_words(info.get('quantiles') or [0.5])}"
    return {"pinball_scaled": "Scaled quantile loss"}.get(metric) or metric_name(metric, capital=True)


def _targets(record: Record, known: dict[str, dict[str, Any]]) -> str:
    each: Any = record.scores("test").get("targets") or {}
    if len(each) < 2:
        return ""
    naive: Any = (known.get("seasonal_naive") or {}).get("targets") or {}
    metrics = ("mse_scaled", "mae_scaled", "rmse", "mae", "mape", "coverage")
    rows = [
        [
            text(target, 32),
            *(_figure(metric, values.get(metric)) for metric in metrics),
            number((naive.get(target) or {}).get("mse_scaled")),
        ]
        for target, values in each.items()
    ]
    head = ["target", *(text(metric_name(metric)) for metric in metrics), "scaled MSE, seasonal-naive"]
    return "<h3>Each target</h3>" + table(head, rows, "l" + "r" * (len(head) - 1))


def examples(record: Record) -> str:
    """Forecasts of a few test windows."""
    info = record.part("forecast") or {}
    words = interval_words(info.get("quantiles") or [0.5])
    drawn = [
        picture(
            forecast_plot(each, words),
            f"forecast {place + 1}: {each['target']} after {each['origin']}",
            wide=True,
        )
        for place, each in enumerate(info.get("examples") or [])
    ]
    said = "Test windows at the quarters of the test time; none was chosen by how good it looks."
    return section("forecasts", "Forecasts", paragraph(said, "small"), pictures(drawn)) if drawn else ""


def errors(record: Record) -> str:
    """Errors by step ahead, and by piece of the test time."""
    info = record.part("forecast") or {}
    drawn = []
    if info.get("by_step"):
        drawn.append(picture(step_plot(info["by_step"]), "error by step ahead"))
    origins = info.get("origins") or []
    if origins:
        drawn.append(picture(origin_plot(origins), "error by origin"))
    rows = [
        [
            str(place + 1),
            f"{text(each['from'])} to {text(each['to'])}",
            f"{each['windows']:,}",
            number(each["network"]),
            number(each["seasonal_naive"]),
        ]
        for place, each in enumerate(origins)
    ]
    head = ["piece", "forecasts made", "windows", "network", "seasonal-naive"]
    return section(
        "errors",
        "Errors by step and by origin",
        pictures(drawn),
        table(head, rows, "llrrr") if rows else "",
        _backtest(info.get("backtest") or []),
    )


def _backtest(folds: Sequence[Mapping[str, Any]]) -> str:
    """Networks that were trained up to earlier times."""
    if not folds:
        return ""
    rows = [
        [
            text(each["until"]),
            f"{text(each['from'])} to {text(each['to'])}",
            number(each["network"]),
            number(each["seasonal_naive"]),
        ]
        for each in folds
    ]
    said = (
        "Networks of the same kind, each trained on the rows before its time and scored on those that follow."
    )
    head = ["trained until", "forecasts made", "network", "seasonal-naive"]
    return "<h3>Backtest</h3>" + paragraph(said, "small") + table(head, rows, "llrr")


SECTIONS: Sections = {
    "scores": ("Scores", scores),
    "forecasts": ("Forecasts", examples),
    "errors": ("Errors", errors),
    "findings": ("Findings", describe.findings),
    "data": ("Data", describe.data),
    "split": ("Split", describe.split),
    "network": ("Network", describe.network),
    "config": ("Config", describe.settings),
}
