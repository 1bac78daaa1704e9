"""Sums and differences of a few columns that equal a target, or divide its classes.

Sparse candidates come from orthogonal matching pursuit (Pati, Rezaiifar and Krishnaprasad, 1993).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

STEPS = 8
FEW_ROWS = 40
UNEXPLAINED = 1e-6
NEGLIGIBLE = 1e-3
NOT_WHOLE = 1e-2
LARGEST_FACTOR = 3
LARGEST = 1e100  # beyond it, squares and their sums are no numbers any more


@dataclass(frozen=True)
class Combination:
    """A sum of columns, each times a small whole number.

    Arguments:
        places: which columns.
        factors: how often each is taken; negative where it is taken away.
    """

    places: tuple[int, ...]
    factors: tuple[int, ...]

    def values(self, columns: list[np.ndarray]) -> np.ndarray:
        """The combination's value in each row, NaN where a part is missing. [n] float64"""
        return sum(
            (f * columns[p] for f, p in zip(self.factors, self.places, strict=True)),
            np.zeros(len(columns[0])),
        )

    def formula(self, names: list[str]) -> str:
        """The combination as a reader would write it.

        Example:
            >>> Combination((0, 1), (2, -1)).formula(["a", "b"])
            '2 a - b'
        """
        text = ""
        for factor, name in zip(self.factors, names, strict=True):
            sign = (" - " if text else "-") if factor < 0 else (" + " if text else "")
            text += sign + (f"{abs(factor)} " if abs(factor) > 1 else "") + name
        return text


def combinations_for_numbers(columns: list[np.ndarray], target: np.ndarray) -> Iterator[Combination]:
    """Combinations of 2 or 3 columns that equal the target, up to a constant factor and offset.

    Arguments:
        columns: numbers, NaN where missing. F times [n] float64
        target: the numbers to tell. [n] float64

    Example:
        >>> random = np.random.default_rng(0)
        >>> a, b, c = random.normal(size=(3, 100))
        >>> list(combinations_for_numbers([a, b, c], a - c))
        [Combination(places=(0, 2), factors=(1, -1))]
    """
    left = list(range(len(columns)))
    while len(left) > 1:
        chosen = [left[place] for place in pursue([columns[place] for place in left], target, STEPS)]
        found = _whole_factors(columns, chosen, target)
        if found is None:
            return
        yield found
        left = [place for place in left if place not in found.places]


def combinations_for_classes(columns: list[np.ndarray], labels: np.ndarray) -> Iterator[Combination]:
    """Sums and differences of 2 or 3 columns that may divide two classes at a threshold, likely ones first.

    Arguments:
        columns: numbers, NaN where missing. F times [n] float64
        labels: 0 or 1. [n] float64
    """
    chosen = sorted(pursue(columns, labels, 4))
    for size in (2, 3):
        for places in combinations(chosen, size):
            matrix, known = _complete(columns, places)
            if known.sum() < FEW_ROWS:
                continue
            factors = np.sign(_least_squares(matrix[known], labels[known]))
            if np.all(factors != 0):
                factors = factors * factors[0]
                yield Combination(places, tuple(int(factor) for factor in factors))


def pursue(columns: list[np.ndarray], target: np.ndarray, steps: int) -> list[int]:
    """The columns that orthogonal matching pursuit takes to explain the target, in that order.

    Arguments:
        columns: numbers, NaN where missing (taken for the mean). F times [n] float64
        target: the numbers to explain. [n] float64
        steps: how many columns to take at most.
    """
    if not columns:
        return []
    inputs = np.stack(columns, axis=1)  # [n, F]
    inputs[~(np.abs(inputs) < LARGEST)] = np.nan
    finite = ~np.isnan(inputs)
    inputs -= np.where(finite, inputs, 0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1)
    inputs[~finite] = 0
    length = np.linalg.norm(inputs, axis=0)
    inputs /= np.where(length > 0, length, 1)
    centred = target - target.mean()
    residual, chosen = centred, []
    for _ in range(min(steps, len(columns))):
        strength = np.abs(residual @ inputs)
        strength[chosen] = 0
        if strength.max() <= 1e-9 * np.linalg.norm(centred):
            break
        chosen.append(int(strength.argmax()))
        weights = np.linalg.lstsq(inputs[:, chosen], centred, rcond=None)[0]
        residual = centred - inputs[:, chosen] @ weights
    return chosen


def _whole_factors(columns: list[np.ndarray], chosen: list[int], target: np.ndarray) -> Combination | None:
    """The combination of the chosen columns that equals the target, if it is of 2 or 3 in whole numbers."""
    matrix, known = _complete(columns, chosen)
    if known.sum() < max(FEW_ROWS, 5 * len(chosen), 0.5 * len(target)):
        return None
    matrix, wanted = matrix[known], target[known]
    places = [
        place
        for place, share in zip(chosen, _contributions(matrix, wanted), strict=True)
        if share > NEGLIGIBLE
    ]
    if len(places) not in (2, 3):
        return None
    matrix, known = _complete(columns, places)
    weights = _least_squares(matrix[known], target[known])
    factors = weights / np.abs(weights).min()
    whole = np.round(factors)
    if np.abs(factors - whole).max() > NOT_WHOLE or np.abs(whole).max() > LARGEST_FACTOR:
        return None
    combined = matrix[known] @ whole
    if 1 - np.corrcoef(combined, target[known])[0, 1] ** 2 > UNEXPLAINED:
        return None
    order = np.argsort(places)
    return Combination(tuple(places[o] for o in order), tuple(int(whole[o]) for o in order))


def _complete(
    columns: list[np.ndarray], places: list[int] | tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Some columns side by side [n, F], and the rows where all are finite [n]."""
    matrix = np.stack([columns[place] for place in places], axis=1)
    return matrix, np.asarray(np.isfinite(matrix).all(axis=1))


def _least_squares(matrix: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Weights of the columns for the target, in the columns' own units. [F]"""
    centred = matrix - matrix.mean(axis=0)
    scale = np.where(centred.std(axis=0) > 0, centred.std(axis=0), 1)
    return np.linalg.lstsq(centred / scale, target - target.mean(), rcond=None)[0] / scale


def _contributions(matrix: np.ndarray, target: np.ndarray) -> np.ndarray:
    """How much each column's part varies, against the target. [F]"""
    return np.abs(_least_squares(matrix, target)) * matrix.std(axis=0) / target.std()
