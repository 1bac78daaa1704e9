"""The page's section on single rows: pictures, sounds, series and texts with what was predicted for them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netwright.report.canvas import SERIES
from netwright.report.markup import paragraph, section, text
from netwright.report.words import number, share

if TYPE_CHECKING:
    from netwright.report.record import Record

NAMES = {"image": "picture", "sound": "sound", "series": "series", "text": "text"}
WIDTH, HEIGHT = 200.0, 80.0  # of a small plot, in units of its own
FAINTEST, STRONGEST = 0.08, 0.45  # how opaque a word's mark is
LEAST = 0.15  # of the strongest word's weight; less is not marked
SMALLEST = 0.002  # change of a probability that is worth a full mark
# RGB of the first two colours of SERIES, of which marks are made.
FOR, AGAINST = "0,114,178", "213,94,0"


def examples(record: Record) -> str:
    """Single test rows, column by column; empty for plain tables."""
    columns = record.examples.get("columns") or []
    parts = []
    for column in columns:
        title = f"<h3>Column <code>{text(column['name'], 40)}</code></h3>" if len(columns) > 1 else ""
        groups = column["groups"]
        parts += [title, paragraph(_introduction(column)), *(_group(record, column, each) for each in groups)]
        whats = {each["what"] for each in groups}
        if not whats & {"mistakes", "errors"}:
            parts.append(paragraph("No test row is wrong."))
        parts.append(_changed(record, column))
    return section("examples", "Examples", *parts)


def _introduction(column: dict[str, Any]) -> str:
    """What is seen, and how to read it."""
    kind, about = column["kind"], text(column["about"])
    if kind == "image":
        return f"Test rows as the network reads them: {about}."
    if kind == "sound":
        return (
            f"Test rows as log-mel spectrograms of {column['bands']} bands: time runs to the right, pitch "
            f"upwards to {number(int(column['highest']))} Hz, and loud is bright. The network reads {about}."
        )
    if kind == "series":
        low, high = _range(column)
        said = f"Series of test rows, all drawn from {low:.3g} to {high:.3g}. The network reads {about}."
        return said + _channels(column["channels"])
    return (
        f"Test rows, of which each word was left out in turn. {_mark('Blue', 1.0, 1.0)} words speak for the "
        "prediction: without them it gets less probable, or smaller. "
        f"{_mark('Orange, dotted', -1.0, 1.0)} ones speak against it. Numbers tell by how much; points are "
        f"percentage points. The network reads {about}."
    )


def _channels(names: Sequence[str]) -> str:
    if len(names) < 2:
        return ""
    keys = [
        f'<span style="color:var(--series-{place % len(SERIES)})">&#9644;</span> {text(each, 30)}'
        for place, each in enumerate(names)
    ]
    return f" Channels: {', '.join(keys)}."


# -------------------------------------------------------------------------------------------------- groups


def _group(record: Record, column: dict[str, Any], group: dict[str, Any]) -> str:
    shown = group["examples"]
    count = f"{len(shown)} of {group['of']:,}"
    titles = {
        "typical": ("Typical", f"{count} rows whose error is a middling one"),
        "mistakes": ("Most confident mistakes", f"{count} rows that are wrong, the surest first"),
        "errors": ("Largest errors", f"{count} rows, the largest error first"),
        "confused": (
            f"“{text(group['true'], 40)}” taken for “{text(group['predicted'], 40)}”",
            f"{count} such rows, the surest first",
        ),
    }
    title, said = titles[group["what"]]
    if group["what"] == "typical" and record.task != "regression":
        title, said = "Typical and right", f"{count} rows that are right"
    cards = [_card(record, column, each) for each in shown]
    head = f"<h3>{title}</h3>{paragraph(f'{said}.', 'small')}"
    if column["kind"] == "text":
        return head + "".join(cards)
    wider = "" if column["kind"] == "image" else " wider"
    return f'{head}<div class="examples{wider}">{"".join(cards)}</div>'


def _card(record: Record, column: dict[str, Any], example: dict[str, Any]) -> str:
    """One row: what it holds above what was predicted."""
    if column["kind"] == "text":
        return f'<div class="text"><p class="told small">{_told(example, ", ")}</p>{_words(example)}</div>'
    if "series" in example:
        shown = _curve(column, example)
    elif example.get("picture") in record.pictures:
        shown = _image(record, example, _alt(column, example))
    else:
        missing = "seconds" not in example
        shown = f'<div class="missing none">{"missing" if missing else "not drawn"}</div>'
    return f'<figure>{shown}<figcaption class="told">{_told(example, "<br>")}</figcaption></figure>'


def _told(example: dict[str, Any], between: str) -> str:
    """Prediction, truth, number and name of a row."""
    wrong = example["predicted"] != example["true"]
    classes = example["probability"] is not None
    chance = f" {share(example['probability'])}" if classes else ""
    look = ' class="wrong"' if wrong and classes else ""
    said = [f"<b{look}>{text(example['predicted'], 40)}</b>{chance}"]
    said += [f"true <b>{text(example['true'], 40)}</b>"] if wrong else []
    where = f"row {example['row']}"
    where += f" · {text(example['name'].rsplit('/', 1)[-1], 24)}" if example["name"] else ""
    where += f" · {example['seconds']:.2f}&nbsp;s" if "seconds" in example else ""
    return between.join([*said, where])


def _alt(column: dict[str, Any], example: dict[str, Any]) -> str:
    what = f"{NAMES[column['kind']]} of row {example['row']}"
    return text(f"{what}: predicted {example['predicted']}, true {example['true']}")


def _image(record: Record, shown: dict[str, Any], alt: str) -> str:
    data = base64.b64encode(record.pictures[shown["picture"]]).decode()
    wide, high = shown["size"]
    return f'<img src="data:image/png;base64,{data}" width="{wide:d}" height="{high:d}" alt="{alt}">'


def _changed(record: Record, column: dict[str, Any]) -> str:
    """The sheet of what augmentation does."""
    changed = column.get("changed") or {}
    if changed.get("picture") not in record.pictures:
        return ""
    names = {"image": "pictures", "sound": "sounds"}[column["kind"]]
    caption = (
        f"On the left, {names} of training rows as they are; beside each, what it became in some of the "
        "random changes that the network learns from."
    )
    if column["kind"] == "sound":
        caption += " Each band is scaled as the network sees it; plain stripes are what was emptied."
    sheet = _image(record, changed, f"training {names} beside changed versions of them")
    return (
        f"<h3>Changed while learning</h3>"
        f'<figure class="sheet">{sheet}<figcaption>{caption}</figcaption></figure>'
    )


# -------------------------------------------------------------------------------------------------- series


def _range(column: dict[str, Any]) -> tuple[float, float]:
    """The smallest and the largest value that is drawn."""
    values = [
        value
        for group in column["groups"]
        for example in group["examples"]
        for course in example.get("series", [])
        for value in course
        if value is not None
    ]
    return (min(values), max(values)) if values else (0.0, 1.0)


def _curve(column: dict[str, Any], example: dict[str, Any]) -> str:
    """A small plot of a series, in the range of all of them; the longest has the whole width."""
    low, high = _range(column)
    longest = max(each.get("steps", 0) for group in column["groups"] for each in group["examples"])
    paths = []
    for place, course in enumerate(example["series"]):
        step = WIDTH * example["steps"] / longest / max(len(course) - 1, 1)
        paths.append(
            f'<path d="{_path(course, step, low, high)}" stroke="var(--series-{place % len(SERIES)})"/>'
        )
    return (
        f'<svg class="curve" role="img" aria-label="{_alt(column, example)}" '
        f'viewBox="0 -2 {WIDTH:g} {HEIGHT + 4:g}">{"".join(reversed(paths))}</svg>'
    )


def _path(course: Sequence[float | None], step: float, low: float, high: float) -> str:
    """The line through the values; it begins anew where some are missing."""
    said, joined = [], False
    for place, value in enumerate(course):
        if value is not None:
            down = HEIGHT * (high - value) / ((high - low) or 1.0)
            said.append(f"{'L' if joined else 'M'}{place * step:.1f} {down:.1f}")
        joined = value is not None
    return "".join(said)


# -------------------------------------------------------------------------------------------------- texts


def _words(example: dict[str, Any]) -> str:
    """A text with its words marked by their weights, and the strongest ones as numbers."""
    words = example.get("words")
    if not words:
        return paragraph("missing", "missing")
    known = [weight for _, weight in words if weight is not None]
    most = max([abs(weight) for weight in known], default=0.0)
    classes = example["probability"] is not None
    full = max(most, SMALLEST if classes else 0.0)
    marked = " ".join(_mark(word, weight, full) for word, weight in words)
    more = f" … {example['more']:,} more words" if example.get("more") else ""
    return paragraph(marked + more, "words") + paragraph(
        _strongest(words, most, example["probability"] is not None), "small"
    )


def _mark(word: str, weight: float | None, full: float) -> str:
    """A word on the ground of its colour, the stronger the more."""
    if not weight or abs(weight) < LEAST * full:
        return text(word, 60)
    opaque = FAINTEST + (STRONGEST - FAINTEST) * min(1.0, abs(weight) / full)
    look, colour = ("for", FOR) if weight > 0 else ("against", AGAINST)
    return f'<mark class="{look}" style="background:rgba({colour},{opaque:.2f})">{text(word, 60)}</mark>'


def _strongest(words: list[tuple[str, float | None]], most: float, classes: bool) -> str:
    """Words that change the prediction most, in both directions, as numbers."""
    said = []
    scale, unit = (100.0, " points") if classes else (1.0, "")
    for title, sign in (("for it", 1.0), ("against it", -1.0)):
        weights = [
            (word, weight) for word, weight in words if weight is not None and sign * weight > LEAST * most
        ]
        ranked = sorted(weights, key=lambda each: -sign * each[1])[:3]
        if ranked:
            listed = ", ".join(f"{text(word, 30)} {scale * weight:+.3g}" for word, weight in ranked)
            said.append(f"{title}: {listed}{unit}")
    return "; ".join(said)
