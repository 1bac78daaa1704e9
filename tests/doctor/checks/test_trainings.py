"""The right cause is named first, and healthy trainings that look odd are left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tests.doctor.checks.trained import CLASSES, NUMBERS, Meddler, mlp, seen, trained
from torch import nn

from netwright.training.callbacks import Callback, State


def adding_up() -> Meddler:
    """Gradients that nobody sets to zero."""
    total: list[torch.Tensor] = []

    def change(gradient: torch.Tensor) -> None:
        total[:] = [gradient.clone() + (total[0] if total else 0.0)]
        gradient.copy_(total[0])

    return Meddler(change)


class Falling(Callback):
    """A rate that is gone after two epochs."""

    def on_epoch(self, state: State) -> None:
        state.rate_factor *= 0.02


def sunk(layer: nn.Linear) -> None:
    nn.init.constant_(layer.bias, -5.0)


def large(layer: nn.Linear) -> None:
    nn.init.normal_(layer.weight, std=6.0)


def of_torch(kind: str, **settings: Any) -> dict[str, Any]:
    """Of a network of its own, and made when it is asked for: PyTorch's optimisers load for two seconds."""
    return {"kind": kind, "settings": settings}


def made(training: dict[str, Any]) -> dict[str, Any]:
    if "kind" not in training:
        return training
    network = mlp()
    optimizer = getattr(torch.optim, training["kind"])(network.parameters(), **training["settings"])
    return {"network": network, "optimizer": optimizer, "rate": None}


DEEP = {"widths": (16,) * 7, "activation": nn.Sigmoid}
SHUFFLED = np.random.default_rng(3).permutation(CLASSES)

FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd, rate x 1000": ("rate_too_high", {"optimizer": "sgd", "rate": 100.0}),
    "adam, rate x 1000": ("rate_too_high", {"rate": 3.0}),
    "gradients add up": (
        "rate_too_high",
        {"optimizer": "sgd", "rate": 0.05, "callbacks": [adding_up()]},
    ),
    "sgd, rate / 1e4": ("rate_too_low", {"optimizer": "sgd", "rate": 1e-5}),
    "adam, rate / 1e4": ("rate_too_low", {"rate": 3e-7}),
    "numbers, rate / 1e4": ("rate_too_low", {"rate": 3e-7, "y": NUMBERS}),
    "early decay": ("rate_too_low", {"optimizer": "sgd", "rate": 0.02, "callbacks": [Falling()]}),
    "few epochs": ("slow_convergence", {"rate": 3e-4, "epochs": 3}),
    "dead from the start": ("dead_units", {"network": mlp(start=sunk), "rate": 1e-4}),
    "saturated": ("saturated_units", {"network": mlp(activation=nn.Tanh, start=large), "rate": 1e-4}),
    "deep sigmoid": ("vanishing_gradient", {"network": mlp(**DEEP)}),
    "deep sigmoid, sgd": ("vanishing_gradient", {"network": mlp(**DEEP), "optimizer": "sgd", "rate": 0.1}),
    "dropout": ("over_regularised", {"network": mlp(dropout=0.95)}),
    "decay": ("over_regularised", of_torch("Adam", lr=3e-3, weight_decay=2.0)),
    "decay of adamw": ("over_regularised", of_torch("AdamW", lr=3e-3, weight_decay=50.0)),
    "uphill": ("not_learning", of_torch("SGD", lr=0.01, maximize=True)),
    "wrong sign": (
        "not_learning",
        {"loss": lambda output, target: -nn.functional.cross_entropy(output, target)},
    ),
    "shuffled": ("not_learning", {"y": SHUFFLED, "epochs": 30}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_cause_comes_first(name: str) -> None:
    expected, training = FAULTS[name]
    found = seen(*trained(**made(training)))
    assert found, "nothing was seen"
    assert (found[0].id, found[0].primary) == (expected, True), [each.message for each in found]
    assert "nan" not in found[0].message


HEALTHY: dict[str, dict[str, Any]] = {
    "adam": {},
    "sgd .1": {"optimizer": "sgd", "rate": 0.1},
    "batches of 8": {"batch": 8},
    "numbers": {"y": NUMBERS, "rate": 1e-2},
    "cosine to zero": {"schedule": "cosine", "rate": 1e-2},
    "dropout of a half": {"network": mlp(widths=(64, 64), dropout=0.5), "epochs": 30},
    "batch norm": {
        "network": nn.Sequential(mlp(outputs=16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    },
    "usual decay": of_torch("AdamW", lr=3e-3, weight_decay=0.05),
    "one layer of sigmoid": {"network": mlp(activation=nn.Sigmoid, widths=(24,)), "rate": 1e-2, "epochs": 30},
    "much too long": {"epochs": 80},
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_trainings_raise_no_alarm(name: str) -> None:
    found = seen(*trained(**made(HEALTHY[name])))
    assert [each for each in found if each.severity != "note"] == []


def test_fixes_tell_a_rate_that_works() -> None:
    case, record = trained(rate=3e-7)
    fix = seen(case, record)[0].fix
    case, record = trained(rate=fix.config["training.learning_rate"])
    assert seen(case, record) == []


def test_batches_of_one_row_are_noise() -> None:
    case, record = trained(optimizer="sgd", rate=0.25, batch=1, epochs=4, network=mlp(widths=(64, 64)))
    assert "oscillating_loss" in {each.id for each in seen(case, record)}


def test_checks_leave_the_network_as_it_was() -> None:
    case, record = trained(network=mlp(dropout=0.95))
    before = case.network.flat.detach().clone()
    flags = [part.training for part in case.network.owned[0].modules()]  # type: ignore[attr-defined]
    drawn = torch.get_rng_state()
    first = [each.as_dict() for each in seen(case, record)]
    assert torch.equal(case.network.flat.detach(), before)
    assert flags == [part.training for part in case.network.owned[0].modules()]  # type: ignore[attr-defined]
    assert torch.equal(torch.get_rng_state(), drawn)
    case.notes.clear()
    assert first == [each.as_dict() for each in seen(case, record)]
