"""The end of a training: the score beside its baselines, what was noticed, and where everything is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from netwright.cli.findings import headline
from netwright.cli.output import say, show, show_json, table, width_of
from netwright.data.finding import Finding
from netwright.doctor.diagnosis import Examination
from netwright.evaluate.forecast import BASELINES as FORECASTS
from netwright.report.record import Record
from netwright.report.words import BASELINES, TASKS, baseline_verdict, listed, metric_name, number, shortened

MAIN_METRICS = {
    "binary": ("accuracy", "f1", "roc_auc", "log_loss"),
    "multiclass": ("accuracy", "balanced_accuracy", "f1", "log_loss"),
    "multilabel": ("f1", "accuracy", "roc_auc", "log_loss"),
    "regression": ("rmse", "mae", "r2"),
    "forecast": ("mse_scaled", "mae_scaled", "rmse", "mae"),
}
"""what a first look needs, by task; the headline first"""
WORST = 3
WIDTH = 100


def show_run(folder: Path, *, as_json: bool) -> None:
    """A finished run on stdout.

    Arguments:
        folder: the run's folder.
        as_json: as an object of run, metrics, findings and what the doctor said.
    """
    record = Record.read(folder)
    if as_json:
        told = {"run": str(folder), "metrics": record.metrics, "findings": record.findings}
        if record.examination is not None:
            told |= record.examination.as_dict()
        show_json(told)
    else:
        say("")
        show(summary(record, folder))


def summary(record: Record, folder: Path) -> str:
    """A finished run in about twenty lines."""
    parts = [_title(record), _scores(record), _verdict(record), _facts(record, folder)]
    return "\n\n".join(filter(None, parts))


def _title(record: Record) -> str:
    targets = ", ".join(shortened(name, 40) for name in record.targets[:4])
    more = f" and {len(record.targets) - 4} more" if len(record.targets) > 4 else ""
    positive = record.metrics.get("positive")
    of = f", positive class {positive}" if positive is not None else ""
    rows = record.rows("test")
    ahead = f", {record.config.forecast.horizon:,} steps ahead" if record.task == "forecast" else ""
    return (
        f"{record.title}: {TASKS.get(record.task, record.task)} of {targets}{more}{ahead}{of}\n"
        f"Scores on {rows:,} test rows, used for nothing else:"
    )


def _scores(record: Record) -> str:
    names = MAIN_METRICS[record.task]
    if len(record.targets) > 1 and _is_forecast(record):  # each has units of its own
        names = names[:2]
    rows = [["", *map(metric_name, names)]]
    rows.append(["network", *(number(record.scores("test").get(name)) for name in names)])
    intervals = [record.interval(name) for name in names]
    for end, words in enumerate(("  95 % interval from", "  to") if any(intervals) else ()):
        rows.append([words, *(number(ends[end]) if ends else "" for ends in intervals)])
    for baseline, words in (FORECASTS if _is_forecast(record) else BASELINES).items():
        scores = record.scores(baseline)
        if scores:
            rows.append([words, *(number(scores.get(name)) for name in names)])
    return table(rows)


def _is_forecast(record: Record) -> bool:
    return record.task == "forecast"


def _verdict(record: Record) -> str:
    """How the network stands to the linear model, and to guessing."""
    if _is_forecast(record):
        from netwright.report.forecast import verdict

        return verdict(record) or ""
    verdict = baseline_verdict(record, "linear")
    if baseline_verdict(record, "constant") in ("level with", "worse than"):
        lacking = "The network is no better than a constant prediction"
        if verdict == "worse than":
            return f"{lacking}, and the linear model is better: train for longer, or take that model."
        return f"{lacking}: the columns hardly tell the target."
    return {
        "better than": "The network is better than the linear model, beyond chance.",
        "level with": "The network is level with the linear model: the simpler model may serve as well.",
        "worse than": "The network is worse than the linear model: try --effort best, or take that model.",
        None: "",
    }[verdict]


def _facts(record: Record, folder: Path) -> str:
    room = (width_of(sys.stdout) or WIDTH) - 10
    facts = [("training", _training(record)), ("data", noticed(record, room)), ("run", str(folder))]
    if record.examination is not None:
        facts.insert(2, ("doctor", diagnosed(record.examination, folder, room)))
    start = (record.part("network") or {}).get("start")
    if start:
        anew = listed([part["part"] for part in start["parts"] if part["kept"] < part["numbers"]])
        kept = f"{start['kept']:,} of {start['numbers']:,} parameters kept of {start['from']}"
        facts.insert(0, ("start", kept + (f"; drawn anew: {anew}" if anew else "")))
    facts.append(("report", str(folder / "report.html")))
    return "\n".join(f"{name:<10}{text}" for name, text in facts)


def _training(record: Record) -> str:
    network: dict[str, Any] = record.part("network") or {}
    best = sorted(set(network.get("best_epoch") or [0]))
    epoch = str(best[0]) if len(best) == 1 else f"{best[0]}-{best[-1]}"
    ending = network.get("stopped", "")
    words = {"all epochs": "all epochs done", "early stopping": "stopped early"}.get(ending, ending)
    seconds = record.metrics["seconds"]
    return f"{network.get('epochs')} epochs, best {epoch}, {words}; {seconds['total']:.1f} s in all"


def noticed(record: Record, room: int) -> str:
    """What the checks found, the worst ones in lines of `room` characters."""
    findings = [Finding(**each) for each in record.findings]
    worst = [each for each in findings if each.severity != "note"][:WORST]
    lines = [shortened(f"{each.severity}: {each.message}".replace("\n", " "), room) for each in worst]
    return f"\n{'':<10}".join([headline(findings), *lines])


def diagnosed(examination: Examination, folder: Path, room: int) -> str:
    """What the doctor begins with, and where the rest is, in lines of `room` characters."""
    counts = headline(examination.diagnoses)
    primary = examination.primary
    if primary is None:
        return ", ".join(["nothing that does harm", counts][: 1 + bool(examination.diagnoses)])
    said = f"{primary.severity}: {primary.title}: {primary.message}".replace("\n", " ")
    lines = [counts, shortened(said, room)]
    kept = [each for each in examination.repairs or [] if each.accepted]
    lines += [
        shortened(f"repaired: {', '.join(each.changes)}: {each.before:.3f} to {each.after:.3f}", room)
        for each in kept
    ]
    if examination.repairs is not None and not kept:
        lines.append("repairs: none proved to help")
    return f"\n{'':<10}".join([*lines, f"see: netwright doctor {folder}"])
