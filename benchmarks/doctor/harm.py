"""Whether a fault hurts, and whether what is called healthy is: five seeds against five."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from setups import Setup

SEEDS = 5
LEAST = 0.02  # of accuracy or R²
LEVEL = 0.05


@dataclass(frozen=True)
class Harm:
    """What a fault costs.

    Arguments:
        points: that it costs on the clean test rows, or that a leak's test score is too good by.
        probability: of a difference as great by chance, of pairs of the same seed (one-sided t test).
    """

    points: float
    probability: float

    @property
    def hurts(self) -> bool:
        return self.points >= LEAST and self.probability < LEVEL


def compared(better: Iterable[float], worse: Iterable[float]) -> Harm:
    """By how much one list is above the other, pair by pair."""
    from scipy import stats

    difference = np.array(list(better)) - np.array(list(worse))
    if np.allclose(difference, difference[0]):
        return Harm(float(difference[0]), 0.0 if difference[0] > 0 else 1.0)
    found: Any = stats.ttest_1samp(difference, 0.0, alternative="greater")
    return Harm(float(difference.mean()), float(found.pvalue))


def harms(rows: Iterable[dict[str, Any]], setups: Iterable[Setup]) -> dict[str, Harm]:
    """What each faulty set-up costs beside its base, and each odd one beside what it ought to reach.

    Odd set-ups of another task ought to reach the best of the simple models on the same rows. Set-ups that
    have not been measured in all seeds are left out.
    """
    plain: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        if row["kind"] == "plain":
            plain[row["setup"]][row["seed"]] = row
    found = {}
    for setup in setups:
        own = plain[setup.name]
        base = plain[setup.base]
        if len(own) < SEEDS or (len(base) < SEEDS and not (setup.leak or setup.another)):
            continue
        mine = [own[seed] for seed in range(SEEDS)]
        scores = [each["score"] for each in mine]
        if setup.leak:
            found[setup.name] = compared([each["reported"] for each in mine], scores)
        elif setup.another or (not setup.fault and setup.name == setup.base):
            names = mine[0]["references"]
            best = max(
                names, key=lambda name, of=mine: float(np.mean([each["references"][name] for each in of]))
            )
            found[setup.name] = compared([each["references"][best] for each in mine], scores)
        else:
            found[setup.name] = compared([base[seed]["score"] for seed in range(SEEDS)], scores)
    return found
