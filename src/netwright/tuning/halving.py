"""Trials that are given up early, inside the population that they train in.

Asynchronous successive halving (Li and others, 2020): at each rung a trial goes on when it is among the
better half of all trials of the study that have come to this rung. Hyperband (Li and others, 2018) hedges
against giving up too early: a third of the trials each has two rungs, one, or none.
"""

from __future__ import annotations

import math
from collections import defaultdict

from netwright.tuning.search import Trial

FACTOR = 2
RUNGS = 2  # at a quarter and at half of the epochs


class Halving:
    """Who goes on, rung by rung.

    Arguments:
        kind: none, halving or hyperband.
        trials: those of the study that are over.

    Example:
        >>> halving = Halving("halving", [])
        >>> halving.rungs(0, 30)
        [8, 15]
        >>> halving.judge({0: 0.5, 1: 0.7, 2: 0.4, 3: 0.6}, place=0)
        {1, 3}
    """

    def __init__(self, kind: str, trials: list[Trial]) -> None:
        self.kind = kind
        self.seen: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)  # by bracket and rung
        for trial in trials:
            for place, score in enumerate(trial.rungs.values()):
                self.seen[self.bracket(trial.number), place][trial.number] = score

    def bracket(self, number: int) -> int:
        """How many of the first rungs a trial skips."""
        return number % (RUNGS + 1) if self.kind == "hyperband" else 0

    def rungs(self, number: int, epochs: int) -> list[int]:
        """The epochs after which a trial is compared with others."""
        if self.kind == "none":
            return []
        shares = [FACTOR**power for power in range(RUNGS, 0, -1)][self.bracket(number) :]
        return sorted({math.ceil(epochs / share) for share in shares} - {epochs})

    def judge(self, scores: dict[int, float], place: int) -> set[int]:
        """The trials that are given up at a rung.

        Arguments:
            scores: by number, of the trials that have just come to the rung; lower is better.
            place: the rung's number among those of the trials' bracket.
        """
        given_up = set()
        for number, score in scores.items():
            self.seen[self.bracket(number), place][number] = score if math.isfinite(score) else math.inf
        for number in scores:
            seen = self.seen[self.bracket(number), place]
            kept = sorted(seen, key=lambda each: (seen[each], each))[: math.ceil(len(seen) / FACTOR)]
            if number not in kept:
                given_up.add(number)
        return given_up
