"""The role of each row: training, validation, test, or none."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from netwright.data.finding import Finding

TRAIN, VALIDATION, TEST, IGNORE = 0, 1, 2, 3


@dataclass(frozen=True)
class Split:
    """The role of each row.

    Arguments:
        role: TRAIN, VALIDATION, TEST or IGNORE for each row. [N] int8
        method: random, stratified, group, time, column or files.
        given: whether it is the user's own, which is never changed.
        note: how it was made, one sentence.
        findings: what was noticed.
    """

    role: np.ndarray
    method: str
    given: bool
    note: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def train(self) -> np.ndarray:
        """Indices of the training rows, ascending. int64"""
        return np.flatnonzero(self.role == TRAIN)

    @property
    def validation(self) -> np.ndarray:
        """Indices of the validation rows, ascending. int64"""
        return np.flatnonzero(self.role == VALIDATION)

    @property
    def test(self) -> np.ndarray:
        """Indices of the test rows, ascending. int64"""
        return np.flatnonzero(self.role == TEST)

    @property
    def development(self) -> np.ndarray:
        """Indices of the training and validation rows, ascending. int64"""
        return np.flatnonzero((self.role == TRAIN) | (self.role == VALIDATION))
