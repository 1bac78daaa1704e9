"""All set-ups: bases as they are, odd ones that are fine, and faulty ones; and which part each belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bases import BASES
from bases_more import BASES_MORE
from bases_sealed import BASES_SEALED
from faults import FAULTS
from faults_more import FAULTS_MORE
from faults_sealed import FAULTS_SEALED
from healthy import HEALTHY
from healthy_more import HEALTHY_MORE
from healthy_sealed import HEALTHY_SEALED

from training import Training

KNOWN = {each.name for each in (*FAULTS, *FAULTS_MORE)}
EVERY = BASES | BASES_MORE | BASES_SEALED


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
        return self.base in BASES_SEALED


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
        for odd in (*HEALTHY, *HEALTHY_MORE, *HEALTHY_SEALED)
        for base in odd.bases
    ]
    found += [
        Setup(
            f"{base}/{each.name}", base, each.name, each.expected, each.leak, False, _maker(base, each.apply)
        )
        for each in (*FAULTS, *FAULTS_MORE, *FAULTS_SEALED)
        for base in each.bases
    ]
    return found
