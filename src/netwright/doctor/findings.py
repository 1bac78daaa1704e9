"""What the checks of a table found already, in the doctor's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netwright.data.finding import Finding, Severity
from netwright.doctor.case import Case
from netwright.doctor.diagnosis import SEVERITIES, Diagnosis, Fix

_SYMPTOM = {
    "target_leak": "leaking_column",
    "duplicates_across_splits": "shared_rows",
    "duplicate_rows": "duplicate_rows",
    "conflicting_labels": "conflicting_labels",
    "drift": "drift",
    "class_not_in_training": "drift",
}
_CAUSE = {
    "leaking_column": "the column is a result of what is to be told, or another name of it, and will not be "
    "known when the network is used",
    "shared_rows": "the data hold rows more than once, and were divided row by row",
    "duplicate_rows": "rows were exported or joined more than once, or the columns are coarse",
    "conflicting_labels": "labels are wrong, or a column that tells such rows apart is missing",
    "drift": "the rows were divided by time or place, or the parts were made in different ways",
}
_FIX = {
    "leaking_column": Fix("leave the column out and train again", {"data.clean.leaks": "drop"}),
    "shared_rows": Fix("keep equal rows on one side of the split, and score again"),
    "duplicate_rows": Fix(
        "keep one of each, unless they are rows of their own", {"data.clean.duplicates": "drop"}
    ),
    "conflicting_labels": Fix("look at these rows; correct them, or add what tells them apart"),
    "drift": Fix("look how the rows were divided, and which part new data will be like"),
}
_BY_TIME = "divided by time"  # a difference that comes with the division


def diagnoses_of(findings: Sequence[Finding]) -> list[Diagnosis]:
    """Findings of data checks as diagnoses: one for each symptom, of its most severe finding.

    What was mended already (columns dropped) is a note, and so is drift between times. Findings that no
    symptom of training stands for, such as missing values, are left out.

    Example:
        >>> found = Finding("duplicate_rows", "warning", "9 rows equal to an earlier row.", "kept", rows=9)
        >>> [(each.id, each.severity, each.message) for each in diagnoses_of([found])]
        [('duplicate_rows', 'warning', '9 rows equal to an earlier row')]
    """
    of: dict[str, list[Finding]] = {}
    for each in findings:
        if each.id in _SYMPTOM:
            of.setdefault(_SYMPTOM[each.id], []).append(each)
    return [_diagnosis(id, found) for id, found in of.items()]


def told(case: Case, id: str) -> Iterator[Diagnosis] | None:
    """What findings say of a symptom; None where the data were not checked, so that the doctor must."""
    if "findings" not in case.notes:
        return None
    return (each for each in diagnoses_of(case.notes["findings"]) if each.id == id)


def _diagnosis(id: str, findings: list[Finding]) -> Diagnosis:
    worst = sorted(findings, key=lambda each: SEVERITIES.index(_severity(each)))
    columns = list(dict.fromkeys(name for each in worst for name in each.columns))
    evidence = {
        "columns": columns,
        "rows": max((each.rows for each in worst if each.rows is not None), default=None),
        "examples": worst[0].examples,
        "action": worst[0].action,
    }
    message = "; ".join(_sentence(each.message) for each in worst[:3])
    if len(worst) > 3:
        message += f"; and {len(worst) - 3} more"
    fix = _FIX[id]
    if id == "leaking_column":
        fix = Fix(fix.text if len(columns) == 1 else "leave the columns out and train again", fix.config)
    return Diagnosis(
        id, _severity(worst[0]), message, {k: v for k, v in evidence.items() if v}, _CAUSE[id], fix
    )


def _severity(finding: Finding) -> Severity:
    mended = finding.action.startswith("dropped")
    return "note" if mended or _BY_TIME in finding.action else finding.severity


def _sentence(message: str) -> str:
    """Without its stop, and small at its start unless it starts with a name or figure."""
    text = message.rstrip(".")
    return text[:1].lower() + text[1:]
