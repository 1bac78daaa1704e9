"""The page's section on what the doctor saw: what to begin with, what else, and what was not looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.doctor.words import NOTHING_TRIED, changes, figures, grouped, place
from netwright.report.markup import folded, paragraph, picture, section, table, text
from netwright.report.plots import evidence_lines
from netwright.report.words import doctor_sentence, listed, sentence

if TYPE_CHECKING:
    from netwright.doctor.diagnosis import Diagnosis, Examination
    from netwright.report.record import Record

MOST_CHANGES = 6


def doctor(record: Record) -> str:
    """The diagnoses with their evidence; nothing where no doctor looked."""
    examination = record.examination
    if examination is None:
        return ""
    others = [each for each in examination.diagnoses if not each.primary]
    begin = [_article(each, record) for each in examination.diagnoses if each.primary]
    also = "".join(_article(each, record) for each in others)
    return section(
        "doctor",
        "Doctor",
        paragraph("" if begin else text(doctor_sentence(record))),
        f'<div class="findings">{"".join(begin)}</div>' if begin else "",
        f'<h3>Also seen</h3><div class="findings">{also}</div>' if also else "",
        _repairs(examination),
        _not_checked(examination),
    )


def _article(each: Diagnosis, record: Record) -> str:
    """One diagnosis: in full where it is the primary one, its plot folded away otherwise."""
    drawn = _plot(each, record)
    if drawn and not each.primary:
        drawn = folded("Plot", drawn)
    options = " ".join(
        f"<code>{text(change, 160)}</code>" for change in changes(each.fix.config)[:MOST_CHANGES]
    )
    facts = [figures(each.evidence), place(each)]
    lines = [
        f'<p><b class="badge">{text(each.severity)}</b> <b>{text(each.title)}.</b> '
        f"{text(sentence(each.message))}</p>",
        paragraph(f"Likely cause: {text(sentence(each.cause))}", "action") if each.primary else "",
        paragraph(f"What to do: {text(sentence(each.fix.text))} {options}".rstrip(), "action"),
        paragraph(" · ".join(text(fact, 400) for fact in facts if fact), "where"),
        drawn,
    ]
    return f'<article class="finding {text(each.severity)}">{"".join(lines)}</article>'


def _plot(each: Diagnosis, record: Record) -> str:
    series = {str(name): values for name, values in (each.evidence.get("series") or {}).items() if values}
    if not series:
        return ""
    lengths = {len(values) for values in series.values()}
    epochs = (record.part("network") or {}).get("epochs")
    order = "epoch" if lengths <= {epochs} else "in order"
    drawn = evidence_lines(series, each.evidence.get("line"), each.title, order)
    return picture(drawn, f"evidence of {each.id}")


def _repairs(examination: Examination) -> str:
    """What was tried, with marks on validation rows before and after; nothing where nobody was asked to."""
    if examination.repairs is None:
        return ""
    if not examination.repairs:
        return paragraph(text(NOTHING_TRIED))
    rows = [
        [
            "kept" if each.accepted else "not kept",
            f"<code>{text(each.diagnosis)}</code>",
            text(", ".join(each.changes), 400),
            f"{each.before:.3f}",
            f"{each.after:.3f}",
            str(each.epochs),
            text(each.why),
        ]
        for each in examination.repairs
    ]
    names = ["", "For", "Change", "Before", "After", "Epochs", "Why"]
    return "<h3>Repairs</h3>" + table(names, rows, "lllrrrl")


def _not_checked(examination: Examination) -> str:
    missed = examination.not_checked
    if not missed:
        return ""
    items = "".join(
        f"<li>{listed([f'<code>{text(id)}</code>' for id in ids], 40)}: {text(why)}</li>"
        for why, ids in grouped(missed).items()
    )
    return folded(f"Not checked: {len(missed)}", f'<ul class="small">{items}</ul>')
