"""Examinations and symptoms in plain words, for terminals and notebooks."""

from __future__ import annotations

import html
import json
import shlex
import textwrap
from typing import TYPE_CHECKING, Any

from netwright.doctor.catalogue import FAMILIES, SYMPTOMS, Symptom

if TYPE_CHECKING:
    from netwright.doctor.attempt import Attempt
    from netwright.doctor.diagnosis import Diagnosis, Examination, NotChecked

WIDTH = 100
MOST_FIGURES = 8
MOST_IN_LIST = 6
DRAWN = ("series", "line")
"""evidence that is for the report's plots"""
HEALTHY = "The doctor found nothing wrong."
WHEN = {
    "before": "Before the first step.",
    "during": "At each step, and told at the end.",
    "both": "Before the first step, and again after the last.",
    "after": "After the last step, of what was seen on the way and of the network as it is kept.",
}
GATED = (
    "Where the network does as well as simple models all the same, and no copy without the fault is proven "
    "better, it is a note: a symptom without harm is no alarm."
)
HARMLESS = "The doctor found nothing that does harm."
NOTHING_TRIED = "Nothing was tried to repair it."


def told(examination: Examination, width: int | None = WIDTH) -> str:
    """All that was found, for a terminal.

    Arguments:
        width: of the lines; None breaks none.

    Example:
        >>> from netwright.doctor.diagnosis import Examination
        >>> told(Examination())
        'The doctor found nothing wrong.'
    """
    primary = examination.primary
    others = [each for each in examination.diagnoses if each is not primary]
    if primary is None:
        parts = [HARMLESS if others else HEALTHY]
    else:
        parts = [
            "\n".join([f"{_heading(primary)}:", *_whole(primary, width), f"  More: {explaining(primary.id)}"])
        ]
    if others:
        parts.append("\n".join(["Also seen:", *(_brief(each, width) for each in others)]))
    if examination.repairs is not None:
        lines = [_wrapped(tried(each), width, "  ", "    ") for each in examination.repairs]
        parts.append("\n".join(["Repairs:", *lines]) if lines else NOTHING_TRIED)
    if examination.not_checked:
        missed = grouped(examination.not_checked)
        lines = [_wrapped(f"{', '.join(ids)}: {why}", width, "  ", "    ") for why, ids in missed.items()]
        parts.append("\n".join(["Not checked:", *lines]))
    return "\n\n".join(parts)


def explained(symptom: Symptom, width: int | None = WIDTH) -> str:
    """All that is known of a symptom, for a terminal.

    Arguments:
        symptom: one of the catalogue.
        width: of the lines; None breaks none.

    Example:
        >>> from netwright.doctor.catalogue import SYMPTOMS
        >>> explained(SYMPTOMS["drift"]).splitlines()[0]
        'Parts that are not alike (drift)'
    """
    parts = [f"{symptom.title} ({symptom.id})", _wrapped(symptom.what, width, "", "")]
    for name, text in told_of(symptom):
        parts.append(f"{name}:\n{_wrapped(text, width, '  ', '  ')}")
    steps = [
        _wrapped(f"{number}. {step}", width, "  ", "     ")
        for number, step in enumerate(symptom.todo, start=1)
    ]
    parts.append("\n".join(["What to do:", *steps]))
    parts.append(f"From:\n{_wrapped(symptom.source, width, '  ', '  ')}")
    return "\n\n".join(parts)


def told_of(symptom: Symptom) -> list[tuple[str, str]]:
    """The parts of a symptom's text between what it is and what to do, with their headings."""
    looks = f"{symptom.looks} {GATED}" if symptom.gate else symptom.looks
    return [("How it looks", looks), ("When it is looked for", WHEN[symptom.when]), ("Why", symptom.why)]


def catalogue() -> str:
    """Ids and titles of all symptoms, a paragraph for each family."""
    widest = max(map(len, SYMPTOMS))
    parts = []
    for family, name in FAMILIES.items():
        lines = [f"  {each.id:{widest}}  {each.title}" for each in SYMPTOMS.values() if each.family == family]
        parts.append("\n".join([name, *lines]))
    return "\n\n".join(parts)


def explaining(id: str) -> str:
    """The command that tells more of a symptom."""
    return f"netwright doctor --explain {id}"


def sentence(words: str) -> str:
    """The words with a capital letter and a full stop; a name that begins them keeps its letters.

    Example:
        >>> sentence("half of the units are dead"), sentence("fc1.weight has not changed")
        ('Half of the units are dead.', 'fc1.weight has not changed.')
    """
    words = words.strip()
    if words.partition(" ")[0].rstrip(",;:").isalpha():
        words = words[0].upper() + words[1:]
    return words if not words or words[-1] in ".!?" else f"{words}."


def figures(evidence: dict[str, Any], most: int = MOST_FIGURES) -> str:
    """The figures of an evidence in one line; what is drawn is left out.

    Example:
        >>> figures({"dead_share": 0.91237, "layer": "0", "rows": [3, 9], "series": {"loss": [1, 2]}})
        'dead share 0.9124, layer 0, rows 3 9'
    """
    said = [(name, _figure(value)) for name, value in evidence.items() if name not in DRAWN]
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in said[:most] if value)


def changes(config: dict[str, Any]) -> list[str]:
    """Changes of a config as the command line takes them.

    Example:
        >>> print(*changes({"training.learning_rate": 0.001, "data.clean.drop_columns": ["id"]}))
        --set training.learning_rate=0.001 --set 'data.clean.drop_columns=["id"]'
    """
    return [
        f"--set {shlex.quote(f'{key}={value if isinstance(value, str) else json.dumps(value)}')}"
        for key, value in config.items()
    ]


def tried(attempt: Attempt) -> str:
    """An attempt to repair in one line.

    Example:
        >>> from netwright.doctor.attempt import Attempt
        >>> tried(Attempt("rate_too_high", ("learning rate 0.01",), 0.5, 0.82, 0.04, 30, True, "proven"))
        'kept for rate_too_high: learning rate 0.01; 0.500 to 0.820 after 30 epochs; proven'
    """
    kept = "kept" if attempt.accepted else "not kept"
    after = f" after {attempt.epochs} epochs" if attempt.epochs else ""
    figures = f"{attempt.before:.3f} to {attempt.after:.3f}{after}"
    return f"{kept} for {attempt.diagnosis}: {', '.join(attempt.changes)}; {figures}; {attempt.why}"


def place(diagnosis: Diagnosis) -> str:
    """Which member and epoch it is about: ``member 2, epoch 5``; the first member is not named."""
    said = [("member", diagnosis.member), ("epoch", diagnosis.epoch)]
    return ", ".join(f"{name} {number}" for name, number in said if number)


def grouped(missed: list[NotChecked]) -> dict[str, list[str]]:
    """What was not looked for, by the reason."""
    found: dict[str, list[str]] = {}
    for each in missed:
        found.setdefault(each.why, []).append(each.id)
    return found


def as_html(examination: Examination) -> str:
    """The same for a notebook."""
    primary = examination.primary
    parts = [] if examination.diagnoses else [f"<p>{HEALTHY}</p>"]
    for each in examination.diagnoses:
        lines = [f"<b>{html.escape(_heading(each))}</b>", html.escape(sentence(each.message))]
        if each is primary:
            lines += [f"{name}: {html.escape(words)}" for name, words in _details(each)]
        parts.append(f"<p>{'<br>'.join(lines)}</p>")
    if examination.repairs:
        items = "".join(f"<li>{html.escape(tried(each))}</li>" for each in examination.repairs)
        parts.append(f"<p><b>Repairs</b></p><ul>{items}</ul>")
    if examination.not_checked:
        missed = grouped(examination.not_checked).items()
        items = "".join(f"<li>{html.escape(', '.join(ids))}: {html.escape(why)}</li>" for why, ids in missed)
        parts.append(f"<details><summary>Not checked</summary><ul>{items}</ul></details>")
    return "".join(parts)


def _heading(diagnosis: Diagnosis) -> str:
    return f"{diagnosis.severity.capitalize()}: {diagnosis.title} ({diagnosis.id})"


def _details(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    said = [
        ("Seen in", place(diagnosis)),
        ("Evidence", figures(diagnosis.evidence)),
        ("Likely cause", sentence(diagnosis.cause)),
        ("What to do", sentence(diagnosis.fix.text)),
        ("As options", " ".join(changes(diagnosis.fix.config))),
    ]
    return [(name, words) for name, words in said if words]


def _whole(diagnosis: Diagnosis, width: int | None) -> list[str]:
    lines = [_wrapped(sentence(diagnosis.message), width, "  ", "  ")]
    return lines + [_wrapped(f"{name}: {words}", width, "  ", "    ") for name, words in _details(diagnosis)]


def _brief(diagnosis: Diagnosis, width: int | None) -> str:
    where = f" ({place(diagnosis)})" if place(diagnosis) else ""
    words = f"{diagnosis.severity}  {diagnosis.id}{where}: {sentence(diagnosis.message)}"
    if diagnosis.severity != "note":
        words += f" {sentence(diagnosis.fix.text)}"
    return _wrapped(words, width, "  ", "    ")


def _figure(value: Any) -> str:
    if isinstance(value, list | tuple):
        shown = " ".join(filter(None, map(_figure, value[:MOST_IN_LIST])))
        rest = len(value) - MOST_IN_LIST
        return shown + (f" and {rest:,} more" if rest > 0 else "")
    if value is None or isinstance(value, dict):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _wrapped(words: str, width: int | None, indent: str, hanging: str) -> str:
    if width is None:
        return indent + words
    return textwrap.fill(
        words,
        width,
        initial_indent=indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
