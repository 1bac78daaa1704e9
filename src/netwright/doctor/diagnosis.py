"""What a check says: one thing that is wrong, how it was seen, why it may be so, and what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from netwright.data.finding import Severity
from netwright.doctor import words
from netwright.doctor.attempt import Attempt
from netwright.doctor.catalogue import SYMPTOMS
from netwright.errors import InputError

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


class CannotTellError(Exception):
    """Raised by a check that cannot be made here, with the reason in plain words."""


@dataclass(frozen=True)
class Fix:
    """What to do about it.

    Arguments:
        text: in words.
        config: the same as changes of a run's config, by dotted key; empty where no setting does it.
    """

    text: str
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnosis:
    """One thing that is wrong with data, network or training.

    Arguments:
        id: of the symptom; a key of `catalogue.SYMPTOMS`.
        severity: `error` (stop, or repair it), `warning` (look at it), `note` (a symptom without harm).
        message: what was seen, in one plain sentence with its figures.
        evidence: figures by name: values, layers, columns, rows, steps; JSON only. Lists of numbers under
            "series" {name: [..]} are drawn in the report, with "line" as the threshold where there is one.
        cause: what is likely behind it.
        fix: what to do.
        primary: whether this is what to begin with; one of an examination is.
        member: the member of a population concerned; None for all.
        epoch: when it was seen first; None where it is not about an epoch.
    """

    id: str
    severity: Severity
    message: str
    evidence: dict[str, Any]
    cause: str
    fix: Fix
    primary: bool = False
    member: int | None = None
    epoch: int | None = None

    def __post_init__(self) -> None:
        assert self.id in SYMPTOMS, self.id

    @property
    def title(self) -> str:
        return SYMPTOMS[self.id].title

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class NotChecked:
    """A symptom that was not looked for, and why."""

    id: str
    why: str


@dataclass(frozen=True)
class Examination:
    """All that the doctor says of a training.

    Arguments:
        diagnoses: what to begin with first; see `ranked`.
        not_checked: what could not be looked for.
        repairs: what was tried to make it better, in that order; None where nobody was asked to.
    """

    diagnoses: list[Diagnosis] = field(default_factory=list)
    not_checked: list[NotChecked] = field(default_factory=list)
    repairs: list[Attempt] | None = None

    @property
    def primary(self) -> Diagnosis | None:
        return next((each for each in self.diagnoses if each.primary), None)

    def as_dict(self) -> dict[str, Any]:
        """What diagnoses.json holds."""
        found = {
            "diagnoses": [each.as_dict() for each in self.diagnoses],
            "not_checked": [asdict(each) for each in self.not_checked],
        }
        return (
            found if self.repairs is None else {**found, "repairs": [each.as_dict() for each in self.repairs]}
        )

    @classmethod
    def read(cls, path: Path) -> Examination:
        """What a diagnoses.json holds.

        Raises:
            InputError: the file is damaged, or tells of symptoms that are not known here.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            found = [Diagnosis(**each | {"fix": Fix(**each["fix"])}) for each in content["diagnoses"]]
            missed = [NotChecked(**each) for each in content["not_checked"]]
            repairs = content.get("repairs")
            tried = None if repairs is None else [Attempt.of(each) for each in repairs]
            return cls(found, missed, tried)
        except (ValueError, TypeError, KeyError, AssertionError):
            raise InputError(
                "the file is damaged, or was written by another version of Netwright", where=str(path)
            ) from None

    def __str__(self) -> str:
        return words.told(self)

    def _repr_html_(self) -> str:
        return words.as_html(self)


def ranked(diagnoses: Sequence[Diagnosis]) -> list[Diagnosis]:
    """In the order to deal with them, the first error or warning as the primary one.

    Errors come before warnings and notes; among equals, what can cause the others comes first
    (`Symptom.rank`). What is said of several members in the same severity is said once, of the first.
    """
    first: dict[str, Diagnosis] = {}
    for each in sorted(diagnoses, key=_order):
        first.setdefault(each.id, each)
    found = [replace(each, primary=False) for each in first.values()]
    if found and found[0].severity != "note":
        found[0] = replace(found[0], primary=True)
    return found


def _order(diagnosis: Diagnosis) -> tuple[int, int, int]:
    severity = SEVERITIES.index(diagnosis.severity)
    return severity, SYMPTOMS[diagnosis.id].rank, -1 if diagnosis.member is None else diagnosis.member
