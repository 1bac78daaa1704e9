"""report.html: one page that needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING

from netwright.report import describe, plots, results
from netwright.report.doctor import doctor
from netwright.report.examples import examples
from netwright.report.markup import paragraph, picture, text
from netwright.report.words import (
    BASELINES,
    TASKS,
    baseline_sentence,
    baseline_verdict,
    beyond_chance,
    doctor_sentence,
    findings_sentence,
    listed,
    metric_name,
    number,
    score_sentence,
    sentence,
    shortened,
)

if TYPE_CHECKING:
    from netwright.report.record import Record

SECTIONS = {
    "scores": ("Scores", results.scores),
    "doctor": ("Doctor", doctor),
    "errors": ("Errors", results.errors),
    "examples": ("Examples", examples),
    "probabilities": ("Probabilities", results.probabilities),
    "importance": ("Columns", results.importance),
    "slices": ("Slices", results.slices),
    "fairness": ("Groups", results.fairness),
    "findings": ("Findings", describe.findings),
    "data": ("Data", describe.data),
    "split": ("Split", describe.split),
    "network": ("Network", describe.network),
    "config": ("Config", describe.settings),
}


def page(record: Record) -> str:
    """The whole report as one HTML document, without anything to load or run.

    Arguments:
        record: the run's files.

    Returns:
        The document; the same record always gives the same text.
    """
    return document(record, TASKS.get(record.task, record.task), _summary(record), SECTIONS)


Sections = dict[str, tuple[str, Callable[["Record"], str]]]


def document(record: Record, kind: str, summary: str, sections: Sections) -> str:
    """A page of a summary and sections; those that are empty are left out.

    Arguments:
        record: what the sections are made from.
        kind: what stands above the title.
        summary: as HTML.
        sections: {anchor: (title, function)}.
    """
    made = {anchor: build(record) for anchor, (_, build) in sections.items()}
    made = {anchor: inside for anchor, inside in made.items() if inside}
    links = "".join(f'<a href="#{anchor}">{sections[anchor][0]}</a>' for anchor in made)
    title = text(record.title, 60)
    content = "\n".join(made.values())
    style = files("netwright.report").joinpath("style.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(record.title)}: Netwright report</title>
<style>{style}</style>
</head>
<body>
<nav><a class="home" href="#top">Netwright</a>{links}</nav>
<main id="top">
<header><p class="over">{text(kind)}</p>
<h1>{title}</h1>
<p class="target">predicts {_targets(record)}</p></header>
{summary}
{content}
</main>
</body>
</html>
"""


def _targets(record: Record) -> str:
    names = " ".join(f"<code>{text(name, 40)}</code>" for name in record.targets[:6])
    return names + (f" and {len(record.targets) - 6:,} more" if len(record.targets) > 6 else "")


def _summary(record: Record) -> str:
    metric = record.headline
    score, ends = record.scores("test").get(metric), record.interval(metric)
    between = f"95 % interval {number(ends[0])} to {number(ends[1])}" if ends else ""
    box = (
        f'<div class="headline"><p class="score">{number(score)}</p>'
        f'<p class="metric">{text(metric_name(metric))} on test</p>{paragraph(between, "small")}</div>'
    )
    sentences = "".join(f"<li{look}>{words}</li>" for words, look in _sentences(record))
    return (
        f'<section class="summary" id="summary"><div class="top">{box}{_comparison(record)}</div>'
        f"<ul>{sentences}</ul></section>"
    )


def _comparison(record: Record) -> str:
    metric = record.headline
    scores = {"this network": record.scores("test").get(metric)}
    scores |= {name: record.scores(baseline).get(metric) for baseline, name in BASELINES.items()}
    known = {name: score for name, score in scores.items() if score is not None}
    if "this network" not in known or len(known) < 2:
        return ""
    return picture(
        plots.score_comparison(known, metric, record.interval(metric)), "score beside its baselines"
    )


def _sentences(record: Record) -> list[tuple[str, str]]:
    """One sentence on each thing to know, as HTML, with the look of its line."""
    worse = any(baseline_verdict(record, each) in ("worse than", "level with") for each in BASELINES)
    said = [(text(score_sentence(record)), "")]
    said.append((text(baseline_sentence(record)), ' class="warning"' if worse else ""))
    if record.examination is not None:
        primary = record.examination.primary
        look = "" if primary is None else f' class="{text(primary.severity)}"'
        said.append((f'{text(doctor_sentence(record))} <a href="#doctor">What it saw</a>', look))
    if record.findings:
        said.append((f'{text(findings_sentence(record))} <a href="#findings">All findings</a>', ""))
    said += [
        (text(sentence(each["message"])), f' class="{text(each["severity"])}"')
        for each in [each for each in record.findings if each["severity"] != "note"][:3]
    ]
    importance = record.part("importance")
    strong = [each["name"] for each in (importance or {}).get("columns", []) if (each["drop"] or 0) > 0][:3]
    if strong:
        said.append((f"It looks most at {text(listed([shortened(str(each), 40) for each in strong]))}.", ""))
    slices = beyond_chance(record.part("slices") or [])
    if slices:
        worst = slices[0]
        name = metric_name(record.evaluation.get("slices_metric") or record.headline)
        words = f"It is weakest where {worst['description']}: {name} {number(worst['score'])} on "
        said.append((text(f"{words}{worst['rows']:,} rows, {number(worst['overall'])} on all."), ""))
    return said
