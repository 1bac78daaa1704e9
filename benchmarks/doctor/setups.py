"""All set-ups: bases as they are, odd ones that are fine, and faulty ones; and which half each belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from bases import BASES
from faults import FAULTS
from healthy import HEALTHY

from training import Training

# Chosen before any check was written: a small real table, and the only recurrent network.
SEALED_BASES = ("wine", "rhythm")


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
    def sealed(self) -> bool:
        """Whether it belongs to the half that is looked at once, at the end."""
        half = hashlib.sha256(self.name.encode()).digest()[0] % 2 == 1
        return self.base in SEALED_BASES or half


def _maker(base: str, change: Callable[[Training], None] | None) -> Callable[[int], Training]:
    def make(seed: int) -> Training:
        made = BASES[base].make(seed)
        if change is not None:
            change(made)
        return made

    return make


def setups() -> list[Setup]:
    """All of them, healthy ones first."""
    found = [Setup(name, name, "", (), False, False, _maker(name, None)) for name in BASES]
    found += [
        Setup(f"{base}/{odd.name}", base, "", (), False, odd.another, _maker(base, odd.apply))
        for odd in HEALTHY
        for base in odd.bases
    ]
    found += [
        Setup(
            f"{base}/{each.name}", base, each.name, each.expected, each.leak, False, _maker(base, each.apply)
        )
        for each in FAULTS
        for base in each.bases
    ]
    return found
