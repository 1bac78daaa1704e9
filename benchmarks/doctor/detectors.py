"""Who watches a training and says whether something is wrong: the doctor, and others in the same way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from netwright.callbacks import Doctor
from netwright.training.callbacks import Callback, State
from training import Training


@dataclass
class Verdict:
    """What a detector says once a training is over.

    Arguments:
        found: names of its rules that fired, in the order in which it tells them, each with its severity:
            "error", "warning" or "note". Rules without a severity of their own are errors.
        notes: whatever helps to understand it; JSON.
        seconds: that its looking took before the first step and after the last one.
    """

    found: list[tuple[str, str]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


class Detector:
    """Base of all detectors. One is made for each training.

    `means` says which symptoms of the doctor's catalogue each rule stands for, so that its diagnosis can be
    called right or wrong; a rule that is not in it stands for the symptom of its own name.
    """

    means: dict[str, tuple[str, ...]] = {}  # noqa: RUF012

    def watch(self, training: Training) -> Callback:
        """A pure observer: it changes nothing of the training."""
        raise NotImplementedError

    def verdict(self) -> Verdict:
        """After the training, even where that broke off without `on_end`."""
        raise NotImplementedError


class TimedDoctor(Doctor):
    """Knows how long it looked before the first step and after the last one."""

    examining = 0.0

    def on_start(self, state: State) -> None:
        began = time.perf_counter()
        super().on_start(state)
        self.examining = time.perf_counter() - began

    def on_end(self, state: State) -> None:
        began = time.perf_counter()
        super().on_end(state)
        self.examining += time.perf_counter() - began


class DoctorDetector(Detector):
    """Netwright's doctor, as users have it."""

    def watch(self, training: Training) -> Callback:
        rows = training.parts["test"]
        self.doctor = TimedDoctor(
            test=(rows.x, rows.y), groups=training.groups, names=training.names, verbose=0
        )
        return self.doctor

    def verdict(self) -> Verdict:
        examination = self.doctor.examination
        notes = {
            "messages": {each.id: each.message for each in examination.diagnoses},
            "epochs": {each.id: each.epoch for each in examination.diagnoses},
            "not_checked": {each.id: each.why for each in examination.not_checked},
        }
        found = [(each.id, str(each.severity)) for each in examination.diagnoses]
        return Verdict(found, notes, self.doctor.examining)


def detectors() -> dict[str, Callable[[], Detector]]:
    """All detectors by name, but for those that are not installed."""
    from rivals import RIVALS  # which are detectors themselves

    return {"doctor": DoctorDetector} | RIVALS


def means_of(name: str) -> dict[str, tuple[str, ...]]:
    """What the rules of a detector stand for, installed or not."""
    from rivals import EVERY

    return EVERY[name].means if name in EVERY else {}
