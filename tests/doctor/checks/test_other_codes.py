"""Classes that are numbered otherwise in one part, and networks that merely mistake them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.doctor.checks.trained import CLASSES, PULL, X, mlp, trained
from torch import nn

from netwright.doctor.checks.other_codes import other_codes
from netwright.doctor.examine import after

YES = ((X @ PULL)[:, :1] > 0).astype("float32")


@pytest.mark.parametrize(
    ("codes", "told"), [([2, 1, 0], {0: 2, 2: 0}), ([1, 2, 0], {1: 0, 2: 1, 0: 2}), ([0, 1, 2], None)]
)
def test_codes_of_the_validation_rows(codes: list[int], told: dict[int, int] | None) -> None:
    case, record = trained(mlp())
    assert case.validation is not None
    case.validation.target = torch.tensor(codes)[case.validation.target]
    found = list(other_codes(case, record))
    assert [each.evidence["codes"] for each in found] == ([told] if told else [])
    if told:
        assert next(each.id for each in after([case], [record]).diagnoses) == "drift"


def test_yes_and_no() -> None:
    case, record = trained(mlp(outputs=1), y=YES, loss=nn.BCEWithLogitsLoss())
    assert list(other_codes(case, record)) == []
    assert case.validation is not None
    case.validation.target = 1 - case.validation.target
    assert [each.evidence["codes"] for each in other_codes(case, record)] == [{0: 1, 1: 0}]


def test_silence_of_a_network_that_has_learnt_it_so() -> None:
    case, record = trained(mlp(), y=np.array([2, 1, 0])[CLASSES])
    assert case.validation is not None
    assert case.train is not None
    case.validation.target = torch.tensor([2, 1, 0])[case.validation.target]
    case.train.target = torch.tensor([2, 1, 0])[case.train.target]
    assert list(other_codes(case, record)) == []
