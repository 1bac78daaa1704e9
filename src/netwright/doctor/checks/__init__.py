"""The checks: from a case, and what was seen while it trained, to what is wrong. One file an idea."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netwright.doctor.case import Case
from netwright.doctor.checks.learning import not_learning
from netwright.doctor.diagnosis import Diagnosis
from netwright.doctor.record import Record

Before = Callable[[Case], Iterable[Diagnosis]]
After = Callable[[Case, Record], Iterable[Diagnosis]]

BEFORE: dict[str, Before] = {}
"""by the symptom that is looked for; made before the first step"""

AFTER: dict[str, After] = {"not_learning": not_learning}
"""made after the last one"""
