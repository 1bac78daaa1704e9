"""The page's sections on what went in: data, split, findings, network, config, versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netwright.report.drawing import draw
from netwright.report.markup import folded, pairs, paragraph, picture, section, table, text
from netwright.report.words import (
    findings_sentence,
    listed,
    members_words,
    metric_name,
    number,
    sentence,
    share,
)

if TYPE_CHECKING:
    from netwright.report.record import Record

TABLE_ROWS = 20
UNFOLDED_ROWS = 500
FINDINGS = 30
LATER = ("report", "total")  # seconds that are known only after the page is there


def data(record: Record) -> str:
    """Where the rows come from, and what each column was taken for."""
    source = record.part("source") or {}
    how = source.get("how") or {}
    columns = record.part("columns") or []
    facts = [
        ("source", text(source.get("source") or record.config.data.path or "", 120)),
        ("rows", number(source.get("rows")) if source.get("rows") is not None else ""),
        ("columns", number(len(columns)) if columns else ""),
        ("target", text(", ".join(record.targets), 120)),
    ]
    read = paragraph(f"Read as {text(_how(how))}.", "small") if how else ""
    return section("data", "Data", pairs(facts), read, _columns(columns))


def _how(how: dict[str, Any]) -> str:
    """How a source was read, in the order it was found out: ``format csv, separator tab, header yes``."""
    said = []
    for key, value in how.items():
        if value in (None, "", [], {}):
            continue
        if isinstance(value, bool):
            value = "yes" if value else "no"
        elif isinstance(value, list | tuple):
            value = listed([f"“{each}”" for each in value if each != ""], 5)
        elif isinstance(value, str) and len(value) == 1:
            value = "tab" if value == "\t" else f"“{value}”"
        said.append(f"{key.replace('_', ' ')} {value}")
    return ", ".join(said)


def _columns(columns: list[dict[str, Any]]) -> str:
    def row(column: dict[str, Any]) -> list[str]:
        return [
            text(column["name"], 32),
            f'<span class="kind">{text(column["kind"])}</span>',
            text(column.get("reason") or "", 70),
            share(column.get("missing")),
            number(column.get("values")),
            text(column.get("summary") or "", 60),
        ]

    head = ["column", "kind", "why", "missing", "values", "content"]
    return _long_table(head, columns, row, "lllrrl", "columns")


def _long_table(
    head: list[str], items: list[Any], row: Callable[[Any], list[str]], align: str, what: str
) -> str:
    """The first rows of a table, the others folded away."""
    if not items:
        return ""
    first = table(head, map(row, items[:TABLE_ROWS]), align)
    rest = items[TABLE_ROWS:UNFOLDED_ROWS]
    if not rest:
        return first
    cut = f", {UNFOLDED_ROWS:,} of {len(items):,} are listed" if len(items) > UNFOLDED_ROWS else ""
    summary = f"The first {TABLE_ROWS} of {len(items):,} {what} are shown{cut}: unfold the others"
    return first + folded(summary, table(head, map(row, rest), align))


def split(record: Record) -> str:
    """Which rows trained, which stopped the training and which gave the score."""
    info = record.part("split") or {}
    rows = info.get("rows") or record.metrics.get("rows") or {}
    counts = {part: rows[part] for part in ("train", "validation", "test") if rows.get(part) is not None}
    total = sum(counts.values())
    jobs = {
        "train": "fit the weights and the preparation",
        "validation": "decide when to stop",
        "test": "give the final score, once",
    }
    if record.by_hand:
        jobs |= {"train": "fit the weights", "validation": "watch the training", "test": "give the score"}
    bar = "".join(
        f'<span class="{part}" style="flex-grow:{count}"></span>' for part, count in counts.items() if count
    )
    lines = [
        [
            f'<i class="swatch {part}"></i>{part}',
            f"{count:,}",
            share(count / total if total else None),
            jobs[part],
        ]
        for part, count in counts.items()
    ]
    if rows.get("ignored"):
        lines.append(["ignored", f"{rows['ignored']:,}", "", "take no part"])
    method = info.get("method")
    how = "As given by the user" if info.get("given") else "Made here"
    said = f"{how}, method: {text(method)}. {text(sentence(info.get('note') or ''))}" if method else ""
    return section(
        "split",
        "Split",
        paragraph(said),
        f'<div class="bar" aria-hidden="true">{bar}</div>' if bar else "",
        table(["part", "rows", "share", "used to"], lines, "lrrl") if lines else "",
    )


def findings(record: Record) -> str:
    """What the checks saw in the data, the worst first."""
    if record.by_hand:  # its data were not checked
        return ""
    items = [_finding(each) for each in record.findings]
    inside = "".join(items[:FINDINGS])
    if items[FINDINGS:]:
        inside += folded(f"{len(items) - FINDINGS:,} more findings", "".join(items[FINDINGS:]))
    said = paragraph(text(findings_sentence(record)))
    return section("findings", "Findings in the data", said, f'<div class="findings">{inside}</div>')


def _finding(each: dict[str, Any]) -> str:
    columns = [str(name) for name in each.get("columns") or []]
    where = []
    if columns:
        named = " ".join(f"<code>{text(name, 40)}</code>" for name in columns[:6])
        where.append(named + (f" and {len(columns) - 6:,} more" if len(columns) > 6 else ""))
    if each.get("rows") is not None:
        where.append(f"{each['rows']:,} rows")
    severity, message = text(each["severity"]), text(sentence(each["message"]))
    return (
        f'<article class="finding {severity}"><p><b class="badge">{severity}</b> {message}</p>'
        f"{paragraph(text(sentence(each.get('action') or '')), 'action')}"
        f"{paragraph(' · '.join(where), 'where')}</article>"
    )


def network(record: Record) -> str:
    """What was trained, and how the training went."""
    info = record.part("network") or {}
    drawing = info.get("drawing")
    drawn = picture(draw(drawing), "the network", wide=True) if drawing else ""
    lines = "\n".join(text(line) for line in info.get("lines") or [])
    layers = folded("Layers", f"<pre>{lines}</pre>", opened=lines.count("\n") < 30) if lines else ""
    if record.by_hand:
        facts = [(text(name), text(value)) for name, value in info["settings"].items()]
    else:
        facts = _facts(record, info)
    return section(
        "network", "Network and training", pairs(facts), _start(info), drawn, layers, _curves(record)
    )


def _start(info: dict[str, Any]) -> str:
    """What the network kept of the one that it started from."""
    start = info.get("start")
    if not start:
        return ""
    lines = [
        [text(part["part"], 60), f"{part['kept']:,}", f"{part['numbers']:,}", text(part["why"], 120)]
        for part in start["parts"]
        if part["numbers"]
    ]
    return paragraph(f"Started from {text(start['from'], 120)}.") + table(
        ["part", "kept", "parameters", "why others were drawn anew"], lines, "lrrl"
    )


def _facts(record: Record, info: dict[str, Any]) -> list[tuple[str, str]]:
    training = record.config.training
    best = info.get("best_epoch") or []
    members = info.get("members") or record.metrics.get("members")
    parameters = info.get("parameters") or record.metrics.get("parameters")
    stopped = info.get("stopped")
    return [
        ("kind", text(info.get("kind") or record.config.network.kind)),
        ("parameters", number(parameters) if parameters is not None else ""),
        ("members", f"{members:,}, {members_words(record)}" if members and members > 1 else ""),
        ("optimizer", text(training.optimizer)),
        ("learning rate", text(training.learning_rate)),
        ("weight decay", text(training.weight_decay)),
        ("batch size", text(training.batch_size)),
        (
            "epochs",
            f"{info['epochs']:,}" + (f" ({text(stopped)})" if stopped else "") if "epochs" in info else "",
        ),
        ("best epoch", listed([str(each) for each in best], 12)),
        ("seed", str(training.seed)),
        ("device", text(record.metrics.get("device") or training.device)),
        ("precision", text(record.metrics.get("precision") or training.precision)),
    ]


def _curves(record: Record) -> str:
    from netwright.report.plots import training_curves

    history = record.history
    if history is None or not history.height:
        return ""
    best = (record.part("network") or {}).get("best_epoch") or []
    metric = record.headline
    shown = f"validation_{metric}" in history.columns
    caption = f"Losses, validation {metric_name(metric)} and learning rate by epoch." if shown else ""
    return picture(training_curves(history, metric, best), "training curves", text(caption), wide=True)


def settings(record: Record) -> str:
    """The resolved config, versions and where the time went, before this page was made."""
    seconds = record.metrics.get("seconds") or {}
    known = {part: value for part, value in seconds.items() if value is not None and part not in LATER}
    times = [[text(part), f"{value:,.1f}"] for part, value in known.items()]
    versions = [[text(name), text(value)] for name, value in (record.metrics.get("versions") or {}).items()]
    beside = [
        table(["part", "seconds"], times, "lr") if times else "",
        table(["package", "version"], versions, "ll") if versions else "",
    ]
    config = f"<pre>{text(record.config_text)}</pre>"
    tables = f'<div class="beside">{"".join(beside)}</div>' if any(beside) else ""
    if record.by_hand:
        return section("config", "Versions and time", tables)
    return section(
        "config",
        "Config, versions and time",
        paragraph(f"<code>netwright {record.command} --config config.yaml</code> in this folder repeats it."),
        folded("Resolved config", config),
        tables,
    )
