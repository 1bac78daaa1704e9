"""Scores as a power law of the number of rows, and how sure a score of more rows is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EXPONENTS = np.geomspace(0.05, 2.0, 80)
DRAWS = 500


@dataclass(frozen=True)
class PowerLaw:
    """score = a + b rows^-c.

    Arguments:
        a: what an endless number of rows would give.
        b: below 0 where more is better; 0 where the score does not change.
        c: how fast the rest shrinks.
        explained: share of the scores' (weighted) variance that the law explains.
    """

    a: float
    b: float
    c: float
    explained: float

    def at(self, rows: float) -> float:
        return self.a + self.b * rows**-self.c


@dataclass(frozen=True)
class Gain:
    """By how much the score gets better, with a 95 % interval; never below 0."""

    value: float
    low: float
    high: float


def fit(rows: np.ndarray, scores: np.ndarray, *, rising: bool, bound: float | None = None) -> PowerLaw:
    """The power law that is nearest to some scores; it never gets worse with more rows.

    Least squares, in which a score of n rows weighs n: the spread of scores shrinks about as 1 / sqrt(n).

    Source: Hestness et al. 2017, "Deep learning scaling is predictable, empirically", section 2.

    Arguments:
        rows: training rows of each score. [N]
        scores: [N]
        rising: whether more is better.
        bound: the best that a score can be; `a` is not beyond.

    Example:
        >>> n = np.array([10.0, 100.0, 1000.0, 10000.0])
        >>> law = fit(n, 1 + 3 * n**-0.5, rising=False)
        >>> round(law.a, 1), round(law.at(100_000), 2)
        (1.0, 1.01)
    """
    a, b, c = _fit(rows, scores[None], rising, bound)
    mean = np.average(scores, weights=rows)
    rest = np.average((scores - a[0] - b[0] * rows ** -c[0]) ** 2, weights=rows)
    total = np.average((scores - mean) ** 2, weights=rows)
    return PowerLaw(float(a[0]), float(b[0]), float(c[0]), float(1 - rest / total) if total > 0 else 0.0)


def gain(
    rows: np.ndarray,
    scores: np.ndarray,
    more: float,
    *,
    rising: bool,
    bound: float | None = None,
    seed: int = 0,
) -> Gain:
    """By how much the score gets better from the most rows that there are to `more`.

    The interval is that of a bootstrap: residuals, brought to one spread and pooled, are drawn anew.

    Arguments:
        rows, scores, rising, bound: as for `fit`.
        more: number of rows to go to.
        seed: of the draws.
    """
    law = fit(rows, scores, rising=rising, bound=bound)
    fitted = law.a + law.b * rows**-law.c
    root = np.sqrt(rows)
    residuals = (scores - fitted) * root
    residuals *= np.sqrt(len(rows) / max(1, len(rows) - 3))  # three numbers are fitted
    drawn = np.random.default_rng(seed).choice(residuals - residuals.mean(), (DRAWS, len(rows)))
    _, b, c = _fit(rows, fitted + drawn / root, rising, bound)
    most = rows.max()
    sign = 1.0 if rising else -1.0
    found = sign * b * (more**-c - most**-c)
    low, high = np.quantile(found, [0.025, 0.975])
    value = sign * (law.at(more) - law.at(most))
    return Gain(float(value), float(min(low, value)), float(max(high, value)))


def _fit(
    rows: np.ndarray, scores: np.ndarray, rising: bool, bound: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a, b and c of each row of scores [D, N]: for each exponent in turn the rest is linear. Each [D]"""
    weight = rows / rows.sum()
    mean = scores @ weight  # [D]
    best = np.full(len(scores), np.inf)
    found = np.zeros((3, len(scores)))
    for c in EXPONENTS:
        x = (rows / rows.min()) ** -c  # scaled, so that all exponents are as exact
        centre = x @ weight
        variance = (x - centre) ** 2 @ weight
        b = ((scores - mean[:, None]) * (x - centre)) @ weight / max(variance, 1e-300)
        b = np.minimum(b, 0.0) if rising else np.maximum(b, 0.0)
        a = mean - b * centre
        if bound is not None:
            beyond = a > bound if rising else a < bound
            held = ((scores - bound) * x) @ weight / (x * x @ weight)
            held = np.minimum(held, 0.0) if rising else np.maximum(held, 0.0)
            a, b = np.where(beyond, bound, a), np.where(beyond, held, b)
        error = (scores - a[:, None] - b[:, None] * x) ** 2 @ weight
        better = error < best
        best = np.where(better, error, best)
        found[:, better] = np.stack([a, b * rows.min() ** c, np.full(len(a), c)])[:, better]
    return found[0], found[1], found[2]
