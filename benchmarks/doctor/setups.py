"""All set-ups: bases as they are, odd ones that are fine, and faulty ones; and which part each belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from first.bases import BASES as BASES_1
from first.faults import FAULTS as FAULTS_1
from first.healthy import HEALTHY as HEALTHY_1
from fourth.bases import BASES as BASES_4
from fourth.faults import FAULTS as FAULTS_4
from fourth.healthy import HEALTHY as HEALTHY_4
from second.bases import BASES as BASES_2
from second.faults import FAULTS as FAULTS_2
from second.healthy import HEALTHY as HEALTHY_2
from third.bases import BASES as BASES_3
from third.faults import FAULTS as FAULTS_3
from third.healthy import HEALTHY as HEALTHY_3
from training import Training

EVERY = BASES_1 | BASES_2 | BASES_3 | BASES_4
SEALED = BASES_4
KNOWN = {each.name for each in (*FAULTS_1, *FAULTS_2, *FAULTS_3)}


@dataclass(frozen=True)
class Setup:
    """One training, for any seed.

    Arguments:
        name: "base" or "base/what is done to it".
        expected: symptoms that name the fault's cause; empty for healthy ones.
        fault: its name; "" for healthy ones.
        leak: whether the fault makes the test score too good.
        another: whether the task is another one than the base's.
        make: the training of a seed.
    """

    name: str
    base: str
    fault: str
    expected: tuple[str, ...]
    leak: bool
    another: bool
    make: Callable[[int], Training]

    @property
    def novel(self) -> bool:
        """Whether its fault is of a kind that only the sealed part has."""
        return bool(self.fault) and self.fault not in KNOWN

    @property
    def sealed(self) -> bool:
        """Whether it belongs to the part that is looked at once, at the end."""
        return self.base in SEALED


def _maker(base: str, change: Callable[[Training], None] | None) -> Callable[[int], Training]:
    def make(seed: int) -> Training:
        made = EVERY[base].make(seed)
        if change is not None:
            change(made)
        return made

    return make


def setups() -> list[Setup]:
    """All of them, healthy ones first."""
    found = [Setup(name, name, "", (), False, False, _maker(name, None)) for name in EVERY]
    found += [
        Setup(f"{base}/{odd.name}", base, "", (), False, odd.another, _maker(base, odd.apply))
        for odd in (*HEALTHY_1, *HEALTHY_2, *HEALTHY_3, *HEALTHY_4)
        for base in odd.bases
    ]
    found += [
        Setup(
            f"{base}/{each.name}", base, each.name, each.expected, each.leak, False, _maker(base, each.apply)
        )
        for each in (*FAULTS_1, *FAULTS_2, *FAULTS_3, *FAULTS_4)
        for base in each.bases
    ]
    return found
