"""Makes all checks that can be made, and says which could not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from netwright.doctor.case import Case, untouched
from netwright.doctor.catalogue import SYMPTOMS
from netwright.doctor.checks import AFTER, BEFORE
from netwright.doctor.checks.usual import below_usual, is_vague
from netwright.doctor.consequences import without_consequences
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Examination, NotChecked, ranked
from netwright.doctor.record import Record
from netwright.doctor.standing import standing


def before(case: Case) -> Examination:
    """What can be said before the first step."""
    with untouched():
        return _made({name: partial(check, case) for name, check in BEFORE.items()})


def after(cases: Sequence[Case], records: Sequence[Record], known: Examination | None = None) -> Examination:
    """What can be said after the last step.

    Arguments:
        cases: of the members, with their networks as they are now.
        records: what was seen of each.
        known: what was said before the first step.
    """
    before = known or Examination()
    found, missed = [], list(before.not_checked)
    with untouched():
        for case, record in zip(cases, records, strict=True):
            made = _made({name: partial(check, case, record) for name, check in AFTER.items()})
            suspected = before.diagnoses if case is cases[0] else []  # they were of the first member
            own = [gated(each, case, record) for each in [*suspected, *made.diagnoses]]
            unsaid = all(each.severity == "note" or is_vague(each) for each in own)
            if unsaid and case is cases[0]:  # members have the same settings
                more = _made({"underfitting": partial(below_usual, case, record)})
                own += more.diagnoses
                missed += more.not_checked
            found += without_consequences(own)
            missed += made.not_checked
    reasons = {each.id: each for each in missed}
    return Examination(ranked(found), list(reasons.values()))


def gated(diagnosis: Diagnosis, case: Case, record: Record) -> Diagnosis:
    """The same, as a note where the symptom should have had a consequence and has none.

    The consequence: simple models are clearly better on the validation rows, or the training broke down.
    Where that cannot be told an error is a warning. A check that has tried out what is gained without the
    fault has proved it by itself ("gained" in its evidence), and some faults nobody can have meant ("sure"):
    these are warnings at least.
    """
    if not SYMPTOMS[diagnosis.id].gate or diagnosis.severity == "note" or record.stopped == "diverged":
        return diagnosis
    try:
        stand = standing(case)
    except Exception:  # not told, or not to be had: who only looks on must not cost anybody a training
        return replace(diagnosis, severity="warning")
    if stand.bad or stand.useless:
        return diagnosis
    proven = {"gained", "sure"} & {*diagnosis.evidence}
    return replace(diagnosis, severity="warning" if proven else "note")


def _made(checks: dict[str, Callable[[], Iterable[Diagnosis]]]) -> Examination:
    found: list[Diagnosis] = []
    missed: list[NotChecked] = []
    for name, check in checks.items():
        try:
            found += check()
        except CannotTellError as reason:
            missed.append(NotChecked(name, str(reason)))
        except Exception as error:  # who only looks on must not cost anybody a training
            missed.append(NotChecked(name, f"the check failed: {type(error).__name__}: {error}"))
    return Examination(ranked(found), missed)
