"""How checks are made: none can do harm, and what has no consequence is a note."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from netwright import Trainer
from netwright.callbacks import Doctor
from netwright.doctor import examine
from netwright.doctor.diagnosis import Diagnosis, Fix


def broken(*_: Any) -> Any:
    raise ZeroDivisionError("nothing to divide by")


def test_a_check_that_fails_costs_no_training(monkeypatch):
    monkeypatch.setattr(examine, "AFTER", {"drift": broken})
    monkeypatch.setattr(examine, "BEFORE", {"padding": broken})
    doctor = Doctor(verbose=0)
    x = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
    trainer = Trainer(nn.Linear(3, 1), "mse", callbacks=[doctor])
    trainer.fit(x, x.sum(1), epochs=1, validation_split=0.5, verbose=0)
    told = {each.id: each.why for each in doctor.examination.not_checked}
    assert told == dict.fromkeys(
        ("padding", "drift"), "the check failed: ZeroDivisionError: nothing to divide by"
    )


@pytest.mark.parametrize(("rate", "severity"), [(0.05, "note"), (1e-9, "error")])
def test_a_symptom_without_harm_is_a_note(monkeypatch, rate, severity):
    said = Diagnosis("dead_units", "error", "units are off", {}, "a cause", Fix("do something"))
    monkeypatch.setattr(examine, "AFTER", {"dead_units": lambda case, record: [said]})
    monkeypatch.setattr(examine, "BEFORE", {})
    torch.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(300, 3)).astype("float32")
    doctor = Doctor(verbose=0)
    trainer = Trainer(nn.Linear(3, 1), "mse", learning_rate=rate, callbacks=[doctor])
    trainer.fit(x, x.sum(1), epochs=20, validation_split=0.3, verbose=0)
    assert [each.severity for each in doctor.diagnoses] == [severity]


@pytest.mark.parametrize(("evidence", "severity"), [({}, "note"), ({"gained": 0.1}, "warning")])
def test_what_a_check_has_tried_out_is_no_note(monkeypatch, evidence, severity):
    said = Diagnosis("wrong_head", "warning", "codes as numbers", evidence, "a cause", Fix("do something"))
    monkeypatch.setattr(examine, "AFTER", {"wrong_head": lambda case, record: [said]})
    monkeypatch.setattr(examine, "BEFORE", {})
    torch.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(300, 3)).astype("float32")
    doctor = Doctor(verbose=0)
    trainer = Trainer(nn.Linear(3, 1), "mse", learning_rate=0.05, callbacks=[doctor])
    trainer.fit(x, x.sum(1), epochs=20, validation_split=0.3, verbose=0)
    assert [each.severity for each in doctor.diagnoses] == [severity]
