"""What a remedy is given, what it is, and several as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from netwright.doctor.case import Case
from netwright.doctor.diagnosis import Diagnosis
from netwright.trainer.course import Course


@dataclass(frozen=True)
class Patient:
    """What a remedy may look at.

    Arguments:
        case: as it was after the original training; None where there is none.
        diagnosis: what the remedy is for.
        last: the module as it was after the last epoch whose numbers were finite, where the training broke
            down; None otherwise.
    """

    case: Case | None
    diagnosis: Diagnosis
    last: nn.Module | None = None

    @property
    def told(self) -> dict[str, Any]:
        """Settings that the diagnosis itself recommends, by dotted key."""
        return self.diagnosis.fix.config


Remedy = Callable[[Course, Patient], Course | None]
"""gives a changed course, or None where it does not apply"""


def both(*remedies: Remedy, first: bool = False) -> Remedy:
    """Several changes together; those that do not apply, or are made already, are passed over.

    Arguments:
        first: whether nothing is changed where the first one does not apply.
    """

    def change(course: Course, patient: Patient) -> Course | None:
        made = course
        for number, remedy in enumerate(remedies):
            found = remedy(made, patient)
            if found is not None and len(set(found.changes)) < len(found.changes):
                found = None
            if found is None and first and number == 0:
                return None
            made = found or made
        return None if made is course else made

    return change
